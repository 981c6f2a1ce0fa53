//! What a model gives of multipliers: `row: ... dual in [-10, 0] start -1`, `var x >= 0 lower_dual start 1`.
//!
//! Those of `lower` and `player` blocks are variables, which get the bounds and the start. Those of the outermost level are
//! no variables: methods begin at them, and bounds are refused, since they would change what the row says. Signs are
//! checked when all is known: which multipliers a row may have follows from its sides and from the sense of the objective.

use super::error;
use super::generators::Indexed;
use super::scope::{Elaborator, R};
use crate::diag::Span;
use crate::problem::values::Numbers;
use crate::problem::{BlockKind, Constraint, Data, DualStart, SuppliedBy, Variable};
use crate::syntax::ast::{BoundSide, Check, GivenDual, VarAttribute};

/// A multiplier of which something is given: the block, what it belongs to, what it is called, and where it was given.
pub(super) struct Given {
    block: Option<u32>,
    by: SuppliedBy,
    name: String,
    at: Span,
}

impl Elaborator<'_> {
    /// What is given of the multipliers of the constraint that was entered last.
    pub(super) fn row_dual(&mut self, scope: u32, given: &GivenDual, whole: &Indexed) -> R<()> {
        let block = self.scopes[scope as usize].block;
        let rows = match block {
            Some(block) => &self.problem.blocks[block as usize].constraints,
            None => &self.problem.constraints,
        };
        let number = rows.len() as u32 - 1;
        let Constraint { label, dropped, .. } = rows[number as usize].clone();
        if dropped {
            self.no_dual(&label, Some(given), "the row has no variables");
            return Ok(());
        }
        self.given_dual(block, SuppliedBy::Row(number), label, given, whole)
    }

    /// What is given of the multipliers of the bounds of a variable.
    pub(super) fn bound_dual(
        &mut self,
        scope: u32,
        variable: u32,
        side: BoundSide,
        given: &GivenDual,
        whole: &Indexed,
    ) -> R<()> {
        let name = self.problem.variables[variable as usize].name.clone();
        let by = match side {
            BoundSide::Lower => SuppliedBy::Lower(variable),
            BoundSide::Upper => SuppliedBy::Upper(variable),
        };
        self.given_dual(self.scopes[scope as usize].block, by, name, given, whole)
    }

    /// Says that what is given of a multiplier is of no use.
    pub(super) fn no_dual(&mut self, label: &str, given: Option<&GivenDual>, why: &str) {
        if let Some(given) = given {
            self.report(error::unused_dual(label, why, given.span));
        }
    }

    fn given_dual(
        &mut self,
        block: Option<u32>,
        by: SuppliedBy,
        owner: String,
        given: &GivenDual,
        whole: &Indexed,
    ) -> R<()> {
        let name = format!("{owner}.{}", by.field());
        let mut numbers = Variable::new(name.clone(), whole.axes.clone(), 0, given.span);
        for side in &given.sides {
            let attribute = match side {
                Check::Relation(op, bound) => VarAttribute::Bound(*op, bound.clone()),
                Check::In(set) => VarAttribute::In(set.clone()),
                Check::Integer(_) | Check::Binary(_) => unreachable!("the grammar has only bounds here"),
            };
            let mut radius = None;
            self.attribute(&attribute, whole, &mut numbers, &mut radius)?;
            if numbers.domain.is_some() {
                return self.fail(error::dual_domain(&name, given.span));
            }
        }
        if let Some(start) = &given.start {
            numbers.start = Some(self.data_column(start, whole)?);
        }
        let Variable { lower, upper, start, .. } = numbers;
        match block {
            None if !given.sides.is_empty() => return self.fail(error::dual_bounds(&name, given.span)),
            None => self.problem.dual_starts.extend(start.map(|values| DualStart { by, values })),
            Some(b) if self.problem.blocks[b as usize].kind == BlockKind::Optimality => {
                self.no_dual(
                    &owner,
                    Some(given),
                    "conditions of an `optimality` block are rows of the level around it",
                );
                return Ok(());
            }
            Some(b) => self.give_to_variable(b, by, (lower, upper, start), whole, given.span),
        }
        self.given_duals.push(Given { block, by, name, at: given.span });
        Ok(())
    }

    /// The variable that the multiplier supplies takes over its numbers.
    fn give_to_variable(
        &mut self,
        block: u32,
        by: SuppliedBy,
        (lower, upper, start): (Data, Data, Option<Data>),
        whole: &Indexed,
        span: Span,
    ) {
        let name = match by {
            SuppliedBy::Row(k) => format!("{}.dual", self.problem.blocks[block as usize].constraints[k as usize].label),
            SuppliedBy::Lower(v) | SuppliedBy::Upper(v) | SuppliedBy::ReducedCost(v) => {
                format!("{}.{}", self.problem.variables[v as usize].name, by.field())
            }
        };
        let number = self.supplied(block, by, name, whole.axes.clone(), span);
        let variable = &mut self.problem.variables[number as usize];
        (variable.lower, variable.upper, variable.start) = (lower, upper, start);
    }

    /// Whether all that was given is of a sign that the multiplier can have.
    pub(super) fn check_duals(&mut self) {
        if self.given_duals.is_empty() {
            return;
        }
        let problem = &self.problem;
        let numbers = Numbers::of(problem);
        let mut wrong = vec![];
        for given in &self.given_duals {
            let sides = problem.multiplier_sides(given.block, given.by, &numbers);
            let column = |data: &Data| numbers.column(problem, data, sides.len());
            let supplied = given.block.and_then(|block| problem.supplied_variable(block, given.by));
            let start = match supplied {
                Some(variable) => problem.variables[variable as usize].start.as_ref(),
                None => problem.dual_starts.iter().find(|d| d.by == given.by).map(|d| &d.values),
            };
            let starts = start.map(column).unwrap_or_default();
            let outside = starts.iter().zip(&sides).find(|(v, (least, most))| !(least <= v && *v <= most));
            if let Some((value, sides)) = outside {
                wrong.push(error::dual_sign(&given.name, *value, *sides, given.at));
                continue;
            }
            let Some(variable) = supplied.map(|v| &problem.variables[v as usize]) else { continue };
            let bounds = column(&variable.lower).into_iter().zip(column(&variable.upper));
            let apart = bounds.zip(&sides).find(|((l, u), (least, most))| l.max(*least) > u.min(*most));
            if let Some(((lower, upper), sides)) = apart {
                wrong.push(error::dual_interval(&given.name, (lower, upper), *sides, given.at));
            }
        }
        wrong.into_iter().for_each(|diagnostic| self.report(diagnostic));
    }
}
