//! Equations that say what a variable is: `z == T(z)`, one for each variable.
//!
//! A row belongs to a variable if the variable stands by itself in the sum that the row is, with a factor of 1 or -1;
//! where several do, the choice is made so that each variable gets one row.

use super::Problem;
use super::features::Fact;
use super::values::{Bounds, Numbers};
use crate::expr::family::{IndexMap, Source, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::ops::Op;

/// The row `sign (z - T(z)) + side`, by the number of its variable `z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    pub variable: u32,
    pub sign: f64,
}

/// Ways to divide rows among variables that are looked at.
const MOST_TRIALS: usize = 1_000;

/// The definition of each row, in their order, if all rows that are not dropped are definitions, of all variables that
/// are not fixed; `None` for dropped rows.
pub fn of(problem: &Problem) -> Result<Vec<Option<Definition>>, Fact> {
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    let starts = problem.row_starts();
    let mut families = vec![];
    for (constraint, &start) in problem.constraints.iter().zip(&starts).filter(|(c, _)| !c.dropped) {
        let no = |why: &str| Fact::at(format!("row `{}` {why}", constraint.label), constraint.span);
        let rows = start..start + constraint.rows as usize;
        if rows.clone().any(|r| bounds.row_lower[r] != bounds.row_upper[r]) {
            return Err(no("is not an equation"));
        }
        let candidates = candidates(problem, &problem.stage(constraint.stage).terms, constraint.rows as usize);
        if candidates.is_empty() {
            return Err(no("does not say what a variable is, as in `z == T(z)`"));
        }
        families.push((start, candidates));
    }
    let fixed = (0..problem.dimension as usize).map(|k| bounds.lower[k] == bounds.upper[k]).collect();
    let mut search = Search { families, taken: fixed, chosen: vec![], trials: 0 };
    if !search.choose() || search.taken.iter().any(|taken| !taken) {
        return Err(Fact::new("there is not one row `z == T(z)` for each variable"));
    }
    let mut definitions = vec![None; problem.row_count()];
    for ((start, candidates), choice) in search.families.iter().zip(&search.chosen) {
        for (r, definition) in candidates[*choice].iter().enumerate() {
            definitions[start + r] = Some(*definition);
        }
    }
    Ok(definitions)
}

/// For each way to read a family of rows as definitions, those of its rows.
fn candidates(problem: &Problem, terms: &[Term], rows: usize) -> Vec<Vec<Definition>> {
    let mut found = vec![];
    for term in terms {
        let mut places = vec![];
        summands(problem, term, term.family.body, 1.0, &mut places);
        for (map, sign) in places {
            let mut definitions = vec![None; rows];
            for p in 0..term.family.instances as usize {
                definitions[term.target.at(p)] = Some(Definition { variable: map.at(p) as u32, sign });
            }
            found.extend(definitions.into_iter().collect::<Option<Vec<Definition>>>());
        }
    }
    found
}

/// Variables that are summands of a body, with their signs.
fn summands<'p>(problem: &Problem, term: &'p Term, id: NodeId, sign: f64, found: &mut Vec<(&'p IndexMap, f64)>) {
    match problem.graph.node(id) {
        Node::Leaf(k) => {
            let leaf = &term.family.leaves[k as usize];
            if leaf.source == Source::Variables {
                found.push((&leaf.map, sign));
            }
        }
        Node::Call(Op::Add, [a, b, _]) => {
            summands(problem, term, a, sign, found);
            summands(problem, term, b, sign, found);
        }
        Node::Call(Op::Sub, [a, b, _]) => {
            summands(problem, term, a, sign, found);
            summands(problem, term, b, -sign, found);
        }
        Node::Call(Op::Neg, [a, ..]) => summands(problem, term, a, -sign, found),
        Node::Constant(_) | Node::Call(..) => {}
    }
}

struct Search {
    families: Vec<(usize, Vec<Vec<Definition>>)>,
    taken: Vec<bool>,
    chosen: Vec<usize>,
    trials: usize,
}

impl Search {
    /// Chooses for the families from `chosen.len()` on; false if no choice is left, or too many were tried.
    fn choose(&mut self) -> bool {
        let at = self.chosen.len();
        if at == self.families.len() {
            return true;
        }
        for k in 0..self.families[at].1.len() {
            self.trials += 1;
            if self.trials > MOST_TRIALS {
                return false;
            }
            let variables: Vec<usize> = self.families[at].1[k].iter().map(|d| d.variable as usize).collect();
            let mut marked = 0;
            while marked < variables.len() && !self.taken[variables[marked]] {
                self.taken[variables[marked]] = true;
                marked += 1;
            }
            self.chosen.push(k);
            if marked == variables.len() && self.choose() {
                return true;
            }
            self.chosen.pop();
            variables[..marked].iter().for_each(|k| self.taken[*k] = false);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Model;

    fn definitions(model: &str) -> Result<Vec<(u32, f64)>, String> {
        let model = Model::from_str(model).expect("a model");
        let found = of(&model.build().expect("it builds").problem).map_err(|fact| fact.sentence)?;
        Ok(found.into_iter().flatten().map(|d| (d.variable, d.sign)).collect())
    }

    #[test]
    fn rows_are_given_to_variables() {
        let cases: &[(&str, &[(u32, f64)])] = &[
            ("var x; subject to x == cos(x)", &[(0, 1.0)]),
            ("var x; subject to cos(x) == x", &[(0, -1.0)]),
            ("var x[1..2]; subject to c[i in 1..2]: x[3-i] == sin(x[i])", &[(1, 1.0), (0, 1.0)]),
            // The first reading of the first row leaves none for the second.
            ("var x; var y; subject to {\n x + y == exp(-x)\n x == sin(x)\n}", &[(1, 1.0), (0, 1.0)]),
            ("var x; var y in [2, 2]; subject to x == y * cos(x)", &[(0, 1.0)]),
        ];
        for (model, expected) in cases {
            assert_eq!(definitions(model).as_deref(), Ok(*expected), "{model}");
        }
    }

    #[test]
    fn others_are_named() {
        for (model, why) in [
            ("var x; subject to x <= cos(x)", "is not an equation"),
            ("var x; subject to x^2 == cos(x)", "does not say what a variable is"),
            ("var x; var y; subject to {\n x == cos(x)\n x == sin(y)\n}", "not one row"),
            ("var x; var y; subject to x == cos(y)", "not one row"),
        ] {
            assert!(definitions(model).unwrap_err().contains(why), "{model}");
        }
    }
}
