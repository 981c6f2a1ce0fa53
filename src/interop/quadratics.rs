//! What `.mps` and `.lp` files say: a problem whose functions are linear or quadratic.

use super::scalars::{Column, Scalars};
use super::sums::{Beyond, Quadratic, Sums};
use crate::expr::graph::NodeId;
use crate::expr::ops::Op;
use crate::problem::Sense;

#[derive(Clone, Debug)]
pub struct Quadratics<'s> {
    pub columns: &'s [Column],
    /// Formats hold one objective.
    pub objective: Option<(&'s str, Sense, Quadratic)>,
    pub rows: Vec<Row<'s>>,
}

/// `lower <= function <= upper`; the constant of the function is taken off the sides.
#[derive(Clone, Debug)]
pub struct Row<'s> {
    pub name: &'s str,
    pub lower: f64,
    pub upper: f64,
    pub function: Quadratic,
}

/// A function that is not quadratic.
#[derive(Clone, Copy, Debug)]
pub struct Curved {
    /// The number of the objective, or of the row.
    pub place: Result<usize, usize>,
    pub op: Op,
    pub nodes: [NodeId; 2],
}

impl<'s> Quadratics<'s> {
    /// The scalars have no shared expressions. Fails with all functions that are not quadratic.
    pub fn of(scalars: &'s Scalars) -> Result<Quadratics<'s>, Vec<Curved>> {
        let sums = Sums::new(&scalars.graph);
        let mut curved = vec![];
        let mut kept = |place, found: Result<Quadratic, Beyond>| {
            let curve = |beyond: Beyond| Curved { place, op: beyond.op, nodes: [beyond.node, beyond.summand] };
            found.map_err(|beyond| curved.push(curve(beyond))).unwrap_or_default()
        };
        let mut goals = scalars.objectives.iter().enumerate();
        let objective =
            goals.next().map(|(k, goal)| (&goal.name[..], goal.sense, kept(Ok(k), sums.quadratic(&goal.body))));
        let rows = scalars.rows.iter().enumerate().map(|(k, row)| {
            let mut function = kept(Err(k), sums.quadratic(&row.body));
            let constant = std::mem::take(&mut function.constant);
            Row { name: &row.name, lower: row.lower - constant, upper: row.upper - constant, function }
        });
        let rows = rows.collect();
        if curved.is_empty() { Ok(Quadratics { columns: &scalars.columns, objective, rows }) } else { Err(curved) }
    }
}
