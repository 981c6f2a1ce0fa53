//! Complementary pairs as other systems write them: a column and the row that it complements.
//!
//! `lower <= a(x) <= upper perp b(x)` becomes `v perp b(x)` with the bounds of `v` for sides. Where `a` is a column by
//! itself, with these very bounds and in no pair before, `v` is that column; else `v` is a new one, with the row
//! `a(x) - v == 0`. A pair without sides whose `a` is no column is the equation `b(x) == 0`.

use crate::expr::graph::{Graph, Node, NodeId};
use crate::problem::Problem;
use crate::problem::values::Bounds;
use std::collections::{HashMap, HashSet};

/// How a pair is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `a` is this column.
    Column(u32),
    /// `a` is given this new column.
    Named(u32),
    /// There is nothing that `a` must keep to.
    Equation,
}

/// The forms by the number of the row `b`, and the rows `a` whose columns are new, in the order of those columns.
#[derive(Debug, Default)]
pub struct Forms {
    pub of_force: HashMap<u32, Form>,
    /// The rows `a` of all pairs, with the form of theirs.
    pub of_bounded: HashMap<u32, Form>,
    pub named: Vec<u32>,
}

/// Decides the form of each pair. `summands` are those of a row, by its number.
pub fn forms(problem: &Problem, bounds: &Bounds, graph: &Graph, summands: impl Fn(usize) -> Vec<NodeId>) -> Forms {
    let mut forms = Forms::default();
    let mut taken = HashSet::new();
    for pair in problem.pairs() {
        let a = pair.bounded as usize;
        let sides = (bounds.row_lower[a], bounds.row_upper[a]);
        let column = match summands(a)[..] {
            [only] => {
                if let Node::Leaf(k) = graph.node(only) {
                    Some(k)
                } else {
                    None
                }
            }
            _ => None,
        };
        let own = |k: &u32| (bounds.lower[*k as usize], bounds.upper[*k as usize]) == sides && !taken.contains(k);
        let form = match column.filter(own) {
            Some(k) => Form::Column(k),
            None if sides == (f64::NEG_INFINITY, f64::INFINITY) => Form::Equation,
            None => {
                forms.named.push(pair.bounded);
                Form::Named(problem.dimension + forms.named.len() as u32 - 1)
            }
        };
        if let Form::Column(k) = form {
            taken.insert(k);
        }
        forms.of_bounded.insert(pair.bounded, form);
        forms.of_force.insert(pair.force, form);
    }
    forms
}
