//! Whether a stage holds symmetric matrices whose entries are affine in the variables: by their coefficients.
//!
//! Each entry is written as `constant + Σ a_j x_j`; the matrix is symmetric if entries that mirror each other have the
//! same coefficients, up to rounding of their sums.

use super::eval::{self, Arithmetic};
use super::family::{IndexMap, Leaf, MatrixStage, Source, Stage, StageId};
use super::graph::{Graph, Node};
use super::ops::Op;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

/// Nodes times instances, and coefficients, that are looked at.
const WORK: usize = 20_000_000;
/// Coefficients that differ by less than this part are equal.
const ROUNDING: f64 = 1e-13;

/// An affine function; `None` for what was not seen to be one.
type Affine = Option<Sum>;

#[derive(Clone, Debug, Default)]
struct Sum {
    constant: f64,
    coefficients: BTreeMap<u32, f64>,
}

/// `number(leaf)` is what a leaf that reads a parameter reads, if it is known. Does not follow recurrences.
pub fn affine_and_symmetric(
    graph: &Graph,
    stages: &[Stage],
    matrix: &MatrixStage,
    number: &mut dyn FnMut(&Leaf) -> Option<f64>,
) -> bool {
    let mut rows = Rows { graph, stages, number, known: HashMap::new(), left: WORK };
    let Some(entries) = rows.of(matrix.of) else { return false };
    let n = matrix.n as usize;
    entries.chunks_exact((n * n).max(1)).all(|a| {
        (0..n).all(|i| (0..i).all(|j| matches!((&a[i * n + j], &a[j * n + i]), (Some(a), Some(b)) if equal(a, b))))
            && a.iter().all(Option::is_some)
    })
}

fn equal(a: &Sum, b: &Sum) -> bool {
    let near = |x: f64, y: f64| (x - y).abs() <= ROUNDING * x.abs().max(y.abs());
    let of = |sum: &Sum, j: &u32| sum.coefficients.get(j).copied().unwrap_or(0.0);
    near(a.constant, b.constant) && a.coefficients.keys().chain(b.coefficients.keys()).all(|j| near(of(a, j), of(b, j)))
}

struct Rows<'a> {
    graph: &'a Graph,
    stages: &'a [Stage],
    number: &'a mut dyn FnMut(&Leaf) -> Option<f64>,
    known: HashMap<StageId, Option<Vec<Affine>>>,
    left: usize,
}

impl Rows<'_> {
    /// Nothing if it is a recurrence, a function of matrices, or too much work.
    fn of(&mut self, id: StageId) -> Option<Vec<Affine>> {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        self.known.insert(id, None);
        let rows = self.found(id);
        self.known.insert(id, rows.clone());
        rows
    }

    fn found(&mut self, id: StageId) -> Option<Vec<Affine>> {
        let stage = &self.stages[id.0 as usize];
        if stage.matrix.is_some() {
            return None;
        }
        let mut rows: Vec<Affine> = vec![Some(Sum::default()); stage.rows as usize];
        for term in &stage.terms {
            let nodes = self.graph.reachable(&[term.family.body]);
            let used = nodes.iter().filter_map(|id| match self.graph.node(*id) {
                Node::Leaf(k) => Some(k as usize),
                Node::Constant(_) | Node::Call(..) => None,
            });
            let used: Vec<usize> = used.collect();
            let instances = term.family.instances as usize;
            self.left = self.left.checked_sub(instances.checked_mul(nodes.len())?)?;
            let mut read: HashMap<StageId, Vec<Affine>> = HashMap::new();
            for k in &used {
                if let Source::Stage(inner) = term.family.leaves[*k].source {
                    read.insert(inner, self.of(inner)?);
                }
            }
            let arithmetic = Affinely { size: Cell::new(0) };
            for p in 0..instances {
                let mut leaves: Vec<Affine> = vec![None; term.family.leaves.len()];
                for k in &used {
                    let leaf = &term.family.leaves[*k];
                    let at = leaf.map.at(p);
                    leaves[*k] = match leaf.source {
                        Source::Variables => {
                            Some(Sum { constant: 0.0, coefficients: BTreeMap::from([(at as u32, 1.0)]) })
                        }
                        Source::Param(_) => {
                            let here = Leaf { source: leaf.source, map: IndexMap::scalar(at) };
                            (self.number)(&here).map(|constant| Sum { constant, ..Sum::default() })
                        }
                        Source::Stage(inner) => read[&inner][at].clone(),
                        Source::After(_) => None,
                    };
                }
                let part = eval::body(&arithmetic, self.graph, term.family.body, &leaves);
                let row = &mut rows[term.target.at(p)];
                *row = arithmetic.sum(row, &part, 1.0);
                if arithmetic.size.get() > self.left {
                    return None;
                }
            }
            self.left -= arithmetic.size.get();
        }
        Some(rows)
    }
}

/// Arithmetic on affine functions; counts the coefficients that it touches.
struct Affinely {
    size: Cell<usize>,
}

impl Affinely {
    fn sum(&self, a: &Affine, b: &Affine, factor: f64) -> Affine {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        let mut sum = a.clone();
        sum.constant += factor * b.constant;
        self.size.set(self.size.get() + b.coefficients.len() + a.coefficients.len());
        b.coefficients.iter().for_each(|(j, c)| *sum.coefficients.entry(*j).or_default() += factor * c);
        Some(sum)
    }

    fn scaled(&self, a: &Affine, factor: f64) -> Affine {
        self.sum(&Some(Sum::default()), a, factor)
    }
}

fn constant(a: &Affine) -> Option<f64> {
    a.as_ref().filter(|sum| sum.coefficients.is_empty()).map(|sum| sum.constant)
}

impl Arithmetic for Affinely {
    type Value = Affine;

    fn constant(&self, value: f64) -> Affine {
        Some(Sum { constant: value, ..Sum::default() })
    }

    fn apply(&self, op: Op, operands: &[Affine]) -> Affine {
        let constants: Option<Vec<f64>> = operands.iter().map(constant).collect();
        if let Some(values) = constants {
            let at = std::array::from_fn(|k| *values.get(k).unwrap_or(&values[0]));
            return self.constant((op.row().value)(at));
        }
        match (op, operands) {
            (Op::Add, [a, b]) => self.sum(a, b, 1.0),
            (Op::Sub, [a, b]) => self.sum(a, b, -1.0),
            (Op::Neg, [a]) => self.scaled(a, -1.0),
            (Op::Mul, [a, b]) => match (constant(a), constant(b)) {
                (Some(factor), _) => self.scaled(b, factor),
                (_, Some(factor)) => self.scaled(a, factor),
                (None, None) => None,
            },
            (Op::Div, [a, b]) => self.scaled(a, 1.0 / constant(b)?),
            (_, _) => None,
        }
    }

    fn is_true(&self, value: &Affine) -> bool {
        constant(value).is_some_and(|v| v != 0.0)
    }
}
