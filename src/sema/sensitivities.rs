//! `sensitivity a to b` and `sensitivity(a, b)`: which number is differentiated, and by which numbers.

use super::error;
use super::names::visit;
use super::scope::{Elaborator, Env, R};
use super::value::{ArrayKind, Val};
use crate::diag::Span;
use crate::expr::eval::needed;
use crate::expr::family::{IndexMap, Leaf, Source, StageId};
use crate::expr::graph::Node;
use crate::problem::index::Axes;
use crate::problem::{AfterSolve, Place, Sensitivity};
use crate::syntax::ast::{Argument, Expr, ExprKind, Statement, StatementKind};
use crate::syntax::print;
use std::collections::BTreeSet;

/// Names that sensitivities are taken to, stated or as values, by statements of a file.
pub(super) fn names(statements: &[Statement]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut named = |e: &Expr| {
        if let ExprKind::Name(name) = &e.kind {
            found.insert(name.clone());
        }
    };
    for statement in statements {
        let values: Vec<&Expr> = match &statement.kind {
            StatementKind::Sensitivity { to, .. } => {
                to.iter().for_each(&mut named);
                continue;
            }
            StatementKind::Show { values } => values.iter().collect(),
            StatementKind::Ensure { condition } => vec![condition],
            StatementKind::Let { value, .. } => vec![value],
            _ => continue,
        };
        for value in values {
            visit(value, &mut |e| {
                let ExprKind::Call { function, arguments } = &e.kind else { return };
                let is_one = matches!(&function.kind, ExprKind::Name(name) if name == "sensitivity");
                if let (true, [_, Argument::Value(by)]) = (is_one, &arguments[..]) {
                    named(by);
                }
            });
        }
    }
    found
}

impl Elaborator<'_> {
    /// `sensitivity a to b, c`
    pub(super) fn stated_sensitivities(&mut self, scope: u32, of: &Expr, to: &[Expr], span: Span) {
        let env = self.env(scope);
        for by in to {
            if let Ok(k) = self.sensitivity(of, by, span, &env) {
                self.problem.sensitivities[k as usize].stated = true;
            }
        }
    }

    /// `sensitivity(a, b)`: an array over the index sets of `a`, then those of `b`.
    pub(super) fn sensitivity_value(&mut self, of: &Expr, to: &Expr, span: Span, env: &Env) -> R<Val> {
        // What is differentiated is the same for all elements of a generator.
        let outside = self.env(env.scope);
        let k = self.sensitivity(of, to, span, &outside)?;
        let asked = &self.problem.sensitivities[k as usize];
        let axes = asked.of_axes.followed_by(&asked.to_axes);
        Ok(self.after_solve(AfterSolve::Sensitivity(k), &axes, span, env))
    }

    /// The number of the sensitivity; the same one is computed once.
    fn sensitivity(&mut self, of: &Expr, to: &Expr, span: Span, env: &Env) -> R<u32> {
        let text = format!("{} to {}", print::expression(of), print::expression(to));
        if let Some(known) = self.problem.sensitivities.iter().position(|s| s.text == text) {
            return Ok(known as u32);
        }
        let (to, to_axes) = self.numbers_named(to, env)?;
        let (of_axes, stage) = self.shown_stage(of, env)?;
        if self.reads_sensitivity(stage) {
            return self.fail(error::nested_sensitivity(of.span));
        }
        self.problem.sensitivities.push(Sensitivity { text, of: stage, of_axes, to, to_axes, stated: false, span });
        Ok(self.problem.sensitivities.len() as u32 - 1)
    }

    /// The parameter, column, computed array or element that an expression names.
    fn numbers_named(&mut self, e: &Expr, env: &Env) -> R<(Place, Axes)> {
        let (source, offset, axes) = match self.value(e, env)? {
            Val::Array(a) => match &a.0.kind {
                ArrayKind::Buffer { source, offset, filter, data } if *data || self.moves_blocks(*source) => {
                    let axes = Axes { sets: a.0.sets.clone(), filter: filter.clone() };
                    (*source, *offset as u32, axes)
                }
                _ => return self.fail(error::no_parameter(e.span)),
            },
            Val::Num(n) => match self.problem.graph.node(n.node) {
                Node::Leaf(k) => match env.ctx.get_leaf(k) {
                    Leaf { source, map: IndexMap::Affine { start, stride: 0 } }
                        if n.data || self.moves_blocks(source) =>
                    {
                        (source, start as u32, Axes::scalar())
                    }
                    _ => return self.fail(error::no_parameter(e.span)),
                },
                Node::Constant(_) | Node::Call(..) => return self.fail(error::no_parameter(e.span)),
            },
            _ => return self.fail(error::no_parameter(e.span)),
        };
        if let Source::Param(id) = source
            && self.problem.param(id).structural
        {
            return self.fail(error::structural_parameter(&print::expression(e), e.span));
        }
        let count = axes.len() as u32;
        Ok((Place { source, offset, count }, axes))
    }

    /// A variable of an outer level is a parameter to the levels inside.
    fn moves_blocks(&self, source: Source) -> bool {
        source == Source::Variables && !self.problem.blocks.is_empty()
    }

    fn reads_sensitivity(&self, stage: StageId) -> bool {
        let read = needed(&self.problem.stages, &[stage]);
        let stages = self.problem.stages.iter().zip(read).filter(|(_, read)| *read).map(|(stage, _)| stage);
        stages.flat_map(|s| &s.terms).flat_map(|t| &t.family.leaves).any(|leaf| match leaf.source {
            Source::After(k) => matches!(self.problem.after_solve[k as usize], AfterSolve::Sensitivity(_)),
            Source::Variables | Source::Param(_) | Source::Stage(_) => false,
        })
    }
}
