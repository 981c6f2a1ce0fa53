//! Small determinants, inverses and eigenvalues as formulas, for formats that know only elementary functions.
//!
//! A determinant is expanded by minors along its rows. Equal minors are one node, so `n 2^(n-1)` products make it: too
//! many beyond a few rows.

use crate::expr::graph::{Graph, NodeId};
use crate::expr::matrix::MatrixFunction;
use crate::expr::ops::Op;
use std::collections::HashMap;

/// Rows of the largest matrix that is expanded: a determinant of 5 rows has 80 products, of 8 rows 1024.
const MOST_ROWS: usize = 5;

/// Whether there are formulas. Roots of characteristic polynomials of more than two rows are none.
pub fn has_formulas(function: MatrixFunction, n: usize) -> bool {
    match function {
        MatrixFunction::Determinant | MatrixFunction::LogDeterminant | MatrixFunction::Inverse => n <= MOST_ROWS,
        MatrixFunction::LargestEigenvalue => n <= 2,
    }
}

/// The values of a function of the matrix with these entries, row by row, if it has formulas.
pub fn formulas(graph: &mut Graph, function: MatrixFunction, entries: &[NodeId], n: usize) -> Vec<NodeId> {
    let mut minors = Minors { entries, n, known: HashMap::new() };
    match function {
        MatrixFunction::Determinant => vec![minors.determinant(graph)],
        MatrixFunction::LogDeterminant => {
            let determinant = minors.determinant(graph);
            vec![graph.log(determinant)]
        }
        MatrixFunction::Inverse => minors.inverse(graph),
        MatrixFunction::LargestEigenvalue => match entries {
            [a, b, c, d] => vec![larger_eigenvalue(graph, [*a, *b, *c, *d])],
            _ => entries.to_vec(),
        },
    }
}

/// Of two rows: the mean of the diagonal and the length of half its difference with the element beside it.
fn larger_eigenvalue(graph: &mut Graph, [a, b, c, d]: [NodeId; 4]) -> NodeId {
    let sums = [graph.add(a, d), graph.sub(a, d), graph.add(b, c)];
    let [mean, difference, beside] = sums.map(|sum| graph.scale(0.5, sum));
    let squares = [graph.square(difference), graph.square(beside)];
    let square = graph.sum(&squares);
    let length = graph.call(Op::Sqrt, &[square]);
    graph.add(mean, length)
}

/// Determinants of the parts of a square matrix, each made once.
struct Minors<'a> {
    entries: &'a [NodeId],
    n: usize,
    /// By the rows and columns that are left, as bits.
    known: HashMap<(u32, u32), NodeId>,
}

impl Minors<'_> {
    fn all(&self) -> u32 {
        (1 << self.n) - 1
    }

    fn determinant(&mut self, graph: &mut Graph) -> NodeId {
        self.minor(graph, self.all(), self.all())
    }

    /// Expanded along its first row.
    fn minor(&mut self, graph: &mut Graph, rows: u32, columns: u32) -> NodeId {
        if rows == 0 {
            return graph.constant(1.0);
        }
        if let Some(known) = self.known.get(&(rows, columns)) {
            return *known;
        }
        let row = rows.trailing_zeros() as usize;
        let mut total = graph.constant(0.0);
        for (k, column) in (0..self.n).filter(|column| columns & (1 << column) != 0).enumerate() {
            let rest = self.minor(graph, rows & !(1 << row), columns & !(1 << column));
            let part = graph.mul(self.entries[row * self.n + column], rest);
            total = if k % 2 == 0 { graph.add(total, part) } else { graph.sub(total, part) };
        }
        self.known.insert((rows, columns), total);
        total
    }

    /// Row by row: cofactors, transposed, over the determinant.
    fn inverse(&mut self, graph: &mut Graph) -> Vec<NodeId> {
        let determinant = self.determinant(graph);
        let mut out = vec![];
        for i in 0..self.n {
            for j in 0..self.n {
                let cofactor = self.minor(graph, self.all() & !(1 << j), self.all() & !(1 << i));
                let signed = if (i + j).is_multiple_of(2) { cofactor } else { graph.neg(cofactor) };
                out.push(graph.div(signed, determinant));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::eval::{Plain, body};

    #[test]
    fn formulas_agree_with_elimination() {
        for n in 1..=MOST_ROWS {
            let a: Vec<f64> = (0..n * n)
                .map(|k| ((k * k + 3 * k) % 7) as f64 * 0.3 + if k % (n + 1) == 0 { 3.0 } else { 0.0 })
                .collect();
            let functions = [
                MatrixFunction::Determinant,
                MatrixFunction::LogDeterminant,
                MatrixFunction::Inverse,
                MatrixFunction::LargestEigenvalue,
            ];
            for function in functions.into_iter().filter(|function| has_formulas(*function, n)) {
                let mut graph = Graph::default();
                let entries: Vec<NodeId> = (0..n * n).map(|k| graph.leaf(k as u32)).collect();
                let found = formulas(&mut graph, function, &entries, n);
                for (node, wanted) in found.into_iter().zip(function.values(&a, n)) {
                    let value = body(&Plain, &graph, node, &a);
                    assert!(
                        (value - wanted).abs() < 1e-12 * wanted.abs().max(1.0),
                        "{function:?} {n}: {value} {wanted}"
                    );
                }
            }
        }
    }
}
