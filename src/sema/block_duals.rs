//! Multipliers of blocks: `fit.row.dual`, `fit.w.lower_dual`. The levels around a block may use them in their functions,
//! so they are variables, whose values the block's own multipliers supply.

use super::scope::{DeclarationKind, Elaborator, Env, R};
use super::value::{Array, ArrayKind, BlockRef, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Source};
use crate::problem::index::Axes;
use crate::problem::{AfterSolve, Constraint, Supplied, SuppliedBy, Variable};
use crate::syntax::ast::{Expr, ExprKind, Ident, StatementKind};
use std::rc::Rc;

impl Elaborator<'_> {
    /// The block that an expression names, if its leftmost name is one.
    pub(super) fn block_named(&mut self, e: &Expr, env: &Env) -> R<Option<Rc<BlockRef>>> {
        let mut leftmost = e;
        let name = loop {
            match &leftmost.kind {
                ExprKind::Name(name) => break name,
                ExprKind::Field(base, _) | ExprKind::Subscript { base, .. } => leftmost = base,
                _ => return Ok(None),
            }
        };
        if env.local(name).is_some() {
            return Ok(None);
        }
        let Some(declaration) = self.find(env.scope, name) else { return Ok(None) };
        if !matches!(self.declarations[declaration as usize].kind, DeclarationKind::Block(_)) {
            return Ok(None);
        }
        match self.value(e, env)? {
            Val::Block(block) => Ok(Some(block)),
            _ => Ok(None),
        }
    }

    /// The number of a variable of a block.
    pub(super) fn block_variable(&mut self, block: u32, name: &str) -> Option<u32> {
        let scope = self.blocks[block as usize].scope;
        let declaration = *self.scopes[scope as usize].names.get(name)?;
        let DeclarationKind::Statement(statement) = self.declarations[declaration as usize].kind.clone() else {
            return None;
        };
        if !matches!(statement.kind, StatementKind::Var { .. }) {
            return None;
        }
        self.resolve(declaration, self.declarations[declaration as usize].span).ok()?;
        let full = self.qualified(scope, name);
        self.problem.variables.iter().position(|v| v.name == full).map(|k| k as u32)
    }

    /// Whether an expression names a variable or a constraint, here or of a block, so that its elements have duals.
    pub(super) fn has_duals(&mut self, e: &Expr, env: &Env) -> R<bool> {
        Ok(match &e.kind {
            ExprKind::Name(name) if env.local(name).is_some() => false,
            ExprKind::Name(name) => self.variable_named(name, env).is_some() || self.is_row(name, env),
            ExprKind::Field(inner, name) => match self.block_named(inner, env)? {
                Some(block) => {
                    let scope = self.blocks[block.block as usize].scope;
                    let declaration = self.scopes[scope as usize].names.get(&name.name).copied();
                    self.block_variable(block.block, &name.name).is_some()
                        || declaration.is_some_and(|d| matches!(self.resolve(d, name.span), Ok(Val::Row(_))))
                }
                None => false,
            },
            _ => false,
        })
    }

    /// A block as its own statements see it: with its index put in.
    pub(super) fn block_here(&self, block: u32) -> BlockRef {
        let ctx = self.scopes[self.blocks[block as usize].scope as usize].ctx.clone();
        let index = self.index_here(block, &ctx);
        BlockRef { block, index, ctx }
    }

    /// `fit.w.lower_dual`
    pub(super) fn block_variable_field(
        &mut self,
        block: &BlockRef,
        variable: u32,
        field: &Ident,
        span: Span,
        env: &Env,
    ) -> R<Val> {
        let by = match field.name.as_str() {
            "lower_dual" => SuppliedBy::Lower(variable),
            "upper_dual" => SuppliedBy::Upper(variable),
            "reduced_cost" => SuppliedBy::ReducedCost(variable),
            _ => return self.no_bound_field(field, span),
        };
        let owner = &self.problem.variables[variable as usize];
        let (name, axes, span) = (format!("{}.{}", owner.name, field.name), owner.axes.clone(), owner.span);
        let number = self.supplied(block.block, by, name, axes, span);
        self.supplied_value(block, number, env)
    }

    /// `fit.row.dual`, `fit.row.slack`
    pub(super) fn block_row_field(&mut self, block: &BlockRef, row: u32, field: &Ident, env: &Env) -> R<Val> {
        let constraint = &self.problem.blocks[block.block as usize].constraints[row as usize];
        let (axes, span) = (constraint.axes.clone(), constraint.span);
        match field.name.as_str() {
            "dual" => {
                let name = format!("{}.dual", constraint.label);
                let number = self.supplied(block.block, SuppliedBy::Row(row), name, axes, span);
                self.supplied_value(block, number, env)
            }
            "slack" => {
                let root = self.root.clone();
                let at = Env { ctx: root, ..env.clone() };
                let full = self.after_solve(AfterSolve::BlockSlack(block.block, row), &axes, span, &at);
                self.of_instance(full, block, env)
            }
            _ => self.no_row_field(field, span),
        }
    }

    /// The multipliers of a constraint of a problem inside the problem are variables.
    pub(super) fn supply_duals(&mut self, block: u32, row: u32, constraint: &Constraint) {
        let (name, axes) = (format!("{}.dual", constraint.label), constraint.axes.clone());
        self.supplied(block, SuppliedBy::Row(row), name, axes, constraint.span);
    }

    /// The variable of a multiplier, made when it is first asked for.
    pub(super) fn supplied(&mut self, block: u32, by: SuppliedBy, name: String, axes: Axes, span: Span) -> u32 {
        let known = self.problem.blocks[block as usize].supplied.iter().find(|s| s.by == by);
        if let Some(known) = known {
            return known.variable;
        }
        let number = self.problem.variables.len() as u32;
        let size = axes.len() as u32;
        self.problem.variables.push(Variable::new(name, axes, self.problem.dimension, span));
        self.problem.dimension += size;
        self.problem.blocks[block as usize].supplied.push(Supplied { variable: number, by });
        number
    }

    fn supplied_value(&mut self, block: &BlockRef, number: u32, env: &Env) -> R<Val> {
        let variable = &self.problem.variables[number as usize];
        let (offset, axes, span) = (variable.offset as usize, variable.axes.clone(), variable.span);
        let root = self.root.clone();
        if axes.is_scalar() {
            let leaf = crate::expr::family::Leaf { source: Source::Variables, map: IndexMap::scalar(offset) };
            return Ok(Val::Num(self.read(&env.ctx, leaf, false)));
        }
        let kind = ArrayKind::Buffer { source: Source::Variables, offset, filter: axes.filter.clone(), data: false };
        self.of_instance(Val::Array(Array::new(axes.sets, kind, &root, span)), block, env)
    }

    /// A value over all instances of a block, with the index that the use gives put in.
    fn of_instance(&mut self, full: Val, block: &BlockRef, env: &Env) -> R<Val> {
        match full {
            Val::Array(full) if !block.index.is_empty() => {
                Ok(match self.with_index(&full, &block.index, &block.ctx)? {
                    Val::Num(n) => Val::Num(self.lift_num(n, &block.ctx, &env.ctx)),
                    array => array,
                })
            }
            other => Ok(other),
        }
    }
}
