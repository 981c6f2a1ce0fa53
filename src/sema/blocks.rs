//! Problems inside problems and expectations: names and shapes are checked, and what no method of this build
//! takes is left to the planner to refuse, with one sentence and the line.

use super::additive::Draft;
use super::context::Ctx;
use super::error;
use super::generators::Indexed;
use super::scope::{Elaborator, Env, Halt, R};
use super::value::{Array, ArrayKind, BlockRef, Part, RowRef, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, Source};
use crate::problem::index::{Axes, Set};
use crate::problem::{self, Unsupported};
use crate::syntax::ast::{self, BlockKind, Expr, ExprKind, Generator, Ident, Statement, StatementKind};
use std::collections::HashMap;
use std::rc::Rc;

/// Whether the index of a block is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prepared {
    Not,
    Begun,
    /// It was reported why not; what reads the block says no more.
    Failed,
}

/// A `lower`, `optimality` or `player` block.
pub(super) struct Block {
    pub name: String,
    pub scope: u32,
    pub outer: u32,
    /// The index sets of this block and of those around it.
    pub axes: Axes,
    pub statement: Rc<Statement>,
    prepared: Prepared,
    /// Arrays over the block's index sets and their own.
    arrays: HashMap<String, Array>,
}

/// Distributions that `expect` may draw from, and how many numbers each takes.
const DISTRIBUTIONS: &[(&str, usize)] = &[
    ("normal", 2),
    ("uniform", 2),
    ("exponential", 1),
    ("bernoulli", 1),
    ("poisson", 1),
    ("lognormal", 2),
    ("gamma", 2),
    ("beta", 2),
];

impl Elaborator<'_> {
    pub(super) fn open_block(&mut self, outer: u32, statement: &Rc<Statement>) -> u32 {
        let StatementKind::Block { kind, name, choice, .. } = &statement.kind else {
            unreachable!("a block is a block")
        };
        let id = self.blocks.len() as u32;
        let root = self.root.clone();
        let scope = self.open_scope(Some(outer), Some(id), root);
        self.problem.blocks.push(problem::Block {
            name: self.qualified(outer, &name.name),
            kind: match kind {
                BlockKind::Lower if *choice == Some(ast::Choice::Pessimistic) => {
                    problem::BlockKind::Lower(problem::Choice::Pessimistic)
                }
                BlockKind::Lower => problem::BlockKind::Lower(problem::Choice::Optimistic),
                BlockKind::Optimality => problem::BlockKind::Optimality,
                BlockKind::Player => problem::BlockKind::Player,
            },
            parent: self.scopes[outer as usize].block,
            axes: Axes::scalar(),
            variables: vec![],
            supplied: vec![],
            objectives: vec![],
            constraints: vec![],
            span: Span { end: name.span.end, ..statement.span },
        });
        self.blocks.push(Block {
            name: name.name.clone(),
            scope,
            outer,
            axes: Axes::scalar(),
            statement: statement.clone(),
            prepared: Prepared::Not,
            arrays: HashMap::new(),
        });
        id
    }

    /// Gives the block's scope its context and the names of its index.
    pub(super) fn prepare_block(&mut self, block: u32) -> R<()> {
        match self.blocks[block as usize].prepared {
            Prepared::Not => {}
            Prepared::Begun => return Ok(()),
            Prepared::Failed => return Err(Halt::Reported),
        }
        self.blocks[block as usize].prepared = Prepared::Begun;
        let done = self.prepare(block);
        if done.is_err() {
            self.blocks[block as usize].prepared = Prepared::Failed;
        }
        done
    }

    fn prepare(&mut self, block: u32) -> R<()> {
        let here = &self.blocks[block as usize];
        let (scope, outer, statement) = (here.scope, here.outer, here.statement.clone());
        if let Some(parent) = self.scopes[outer as usize].block {
            self.prepare_block(parent)?;
        }
        let StatementKind::Block { index, .. } = &statement.kind else { unreachable!("a block is a block") };
        let env = self.env(outer);
        let indexed = self.index_or_scalar(index.as_ref(), &env)?;
        self.blocks[block as usize].axes = indexed.axes.clone();
        self.problem.blocks[block as usize].axes = indexed.axes;
        self.scopes[scope as usize].ctx = indexed.env.ctx;
        self.scopes[scope as usize].locals = indexed.env.locals;
        Ok(())
    }

    /// A block by its name, with the index of the blocks around it put in.
    pub(super) fn block_value(&mut self, block: u32) -> R<Val> {
        let outer = self.blocks[block as usize].outer;
        let Some(around) = self.scopes[outer as usize].block else {
            let root = self.root.clone();
            return Ok(Val::Block(Rc::new(BlockRef { block, index: vec![], ctx: root })));
        };
        self.prepare_block(around)?;
        let ctx = self.scopes[outer as usize].ctx.clone();
        let index = self.index_here(around, &ctx);
        Ok(Val::Block(Rc::new(BlockRef { block, index, ctx })))
    }

    /// The position in each index set of a block, for every instance of its context.
    pub(super) fn index_here(&self, block: u32, ctx: &Ctx) -> Vec<IndexMap> {
        let axes = &self.blocks[block as usize].axes;
        let flat = match &axes.filter {
            Some(kept) => IndexMap::Gather(kept.clone()),
            None => IndexMap::IDENTITY,
        };
        super::arrays::unflatten(&axes.sets, &flat, ctx.size)
    }

    pub(super) fn block_statement(&mut self, statement: &Statement) {
        let Some(block) = self.blocks.iter().position(|b| b.statement.span == statement.span) else { return };
        if self.prepare_block(block as u32).is_err() {
            return;
        }
        let StatementKind::Block { body, .. } = &statement.kind else { return };
        let scope = self.blocks[block].scope;
        self.resolve_scope(scope);
        for inner in body {
            self.statement(scope, inner);
        }
        for inner in body {
            self.after_statement(scope, inner);
        }
    }

    /// The index sets of the blocks around an environment.
    pub(super) fn block_axes(&self, env: &Env) -> Axes {
        match self.scopes[env.scope as usize].block {
            Some(block) if env.ctx.id == self.scopes[env.scope as usize].ctx.id => {
                self.blocks[block as usize].axes.clone()
            }
            _ => Axes::scalar(),
        }
    }

    /// `fit.w` for names of a block.
    pub(super) fn qualified(&self, scope: u32, name: &str) -> String {
        match self.scopes[scope as usize].block {
            Some(block) => {
                let block = &self.blocks[block as usize];
                format!("{}.{name}", self.qualified(block.outer, &block.name))
            }
            None => name.to_string(),
        }
    }

    /// An array of a block as its own statements see it: with the block's index put in.
    pub(super) fn seen_inside(&mut self, full: Array, env: &Env, name: &str) -> R<Val> {
        let Some(block) = self.scopes[env.scope as usize].block else { return Ok(Val::Array(full)) };
        let axes = self.blocks[block as usize].axes.clone();
        if axes.is_scalar() {
            return Ok(Val::Array(full));
        }
        self.blocks[block as usize].arrays.insert(name.to_string(), full.clone());
        let index = self.index_here(block, &env.ctx);
        self.with_index(&full, &index, &env.ctx)
    }

    pub(super) fn with_index(&mut self, full: &Array, index: &[IndexMap], ctx: &Ctx) -> R<Val> {
        let own: Vec<Set> = full.0.sets[index.len()..].to_vec();
        if own.is_empty() {
            return Ok(Val::Num(self.element(full, index, ctx)?));
        }
        let mut parts: Vec<Part> = index.iter().cloned().map(Part::Fixed).collect();
        parts.extend(own.iter().map(|s| Part::Kept(s.clone(), IndexMap::IDENTITY)));
        let kind = ArrayKind::Slice { base: full.clone(), parts };
        Ok(Val::Array(Array::new(own, kind, ctx, full.0.origin)))
    }

    pub(super) fn block_field(&mut self, block: &BlockRef, field: &Ident, env: &Env) -> R<Val> {
        self.prepare_block(block.block)?;
        let (scope, statement) = {
            let b = &self.blocks[block.block as usize];
            (b.scope, b.statement.clone())
        };
        let value = match self.scopes[scope as usize].names.get(&field.name) {
            Some(&declaration) => self.resolve(declaration, field.span)?,
            None if field.name == "objective" && has_objective(&statement) => self.block_objective(block.block)?,
            None => {
                let mut names: Vec<String> = self.scopes[scope as usize].names.keys().cloned().collect();
                names.sort();
                return self.fail(error::no_field(&field.name, field.span, &names, statement.span));
            }
        };
        let home = self.scopes[scope as usize].ctx.clone();
        match &value {
            Val::Row(row) => {
                let inside = BlockRef { block: block.block, index: block.index.clone(), ctx: block.ctx.clone() };
                return Ok(Val::Row(Rc::new(RowRef { block: Some(inside), row: row.row })));
            }
            // A block inside: the index of this one is the beginning of its own.
            Val::Block(inner) => {
                let (index, ctx) = (block.index.clone(), block.ctx.clone());
                return Ok(Val::Block(Rc::new(BlockRef { block: inner.block, index, ctx })));
            }
            Val::Num(n) if self.blocks[block.block as usize].axes.is_scalar() => {
                let n = if env.ctx.is_within(&home) { self.lift_num(*n, &home, &env.ctx) } else { *n };
                return Ok(Val::Num(n));
            }
            Val::Num(_) | Val::Array(_) if !self.blocks[block.block as usize].axes.is_scalar() => {}
            _ => return Ok(value),
        }
        let full = match self.blocks[block.block as usize].arrays.get(&field.name).cloned() {
            Some(full) => full,
            None => self.over_instances(scope, &field.name, &value, field.span)?,
        };
        if block.index.is_empty() {
            return Ok(Val::Array(full));
        }
        Ok(match self.with_index(&full, &block.index, &block.ctx)? {
            Val::Num(n) => Val::Num(self.lift_num(n, &block.ctx, &env.ctx)),
            array => array,
        })
    }

    /// The value of the objective of a block, in the context of its scope.
    fn block_objective(&mut self, block: u32) -> R<Val> {
        let (scope, statement) = {
            let b = &self.blocks[block as usize];
            (b.scope, b.statement.clone())
        };
        let StatementKind::Block { body, .. } = &statement.kind else { unreachable!("a block is a block") };
        // Labelled ones are built by their declarations, others here, once.
        for inner in body.iter().filter(|s| matches!(s.kind, StatementKind::Objective { .. })) {
            self.statement(scope, inner);
        }
        let Some(objective) = self.problem.blocks[block as usize].objectives.first() else {
            return Err(Halt::Reported);
        };
        let source = Source::Stage(objective.stage);
        let ctx = self.scopes[scope as usize].ctx.clone();
        let map = if ctx.size == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY };
        Ok(Val::Num(self.read(&ctx, Leaf { source, map }, false)))
    }

    /// A value of an indexed block as an array over the block's index sets and its own.
    pub(super) fn over_instances(&mut self, scope: u32, name: &str, value: &Val, span: Span) -> R<Array> {
        let Some(block) = self.scopes[scope as usize].block else { unreachable!("only blocks have instances") };
        let axes = self.blocks[block as usize].axes.clone();
        let home = self.scopes[scope as usize].ctx.clone();
        let full = match value {
            Val::Num(n) => {
                let drafts = vec![Draft { ctx: home.clone(), num: *n, span }];
                let env = self.env(scope);
                let indexed = Indexed { axes, env: env.clone(), outer: env, named: false };
                self.array_stage(name, &indexed, drafts, span)
            }
            Val::Array(a) => {
                let env = self.env(scope);
                let (ctx, index) = self.over(&a.0.sets, &home)?;
                let parts = self.traced(&ctx, &mut |me, here| {
                    let index = super::arrays::through(&index, &here.path_to(&ctx), here.size);
                    me.element_drafts(a, &index, here, span)
                })?;
                let drafts = parts.into_iter().flat_map(|(_, d)| d).collect();
                let axes = axes.extended(&a.0.sets);
                let indexed = Indexed { axes, env: env.within(&ctx), outer: env, named: false };
                self.array_stage(name, &indexed, drafts, a.0.origin)
            }
            _ => unreachable!("only numbers and arrays run over the instances"),
        };
        self.blocks[block as usize].arrays.insert(name.to_string(), full.clone());
        Ok(full)
    }

    pub(super) fn unsupported(&mut self, construct: &'static str, sentence: String, span: Span) {
        let new = Unsupported { construct, sentence, span };
        if !self.problem.unsupported.contains(&new) {
            self.problem.unsupported.push(new);
        }
    }

    /// `expect(z ~ normal(0, 1): body)`
    pub(super) fn expectation(&mut self, generators: &[Generator], body: &Expr, span: Span, env: &Env) -> R<Val> {
        let known = || DISTRIBUTIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let mut inner = env.clone();
        for g in generators {
            let ExprKind::Call { function, arguments } = &g.domain.kind else {
                return self.fail(error::not_a_distribution(g.domain.span, &known()));
            };
            let named = |n: &str| DISTRIBUTIONS.iter().find(|(name, _)| *name == n);
            let Some(&(name, takes)) = (match &function.kind {
                ExprKind::Name(n) => named(n),
                _ => None,
            }) else {
                return self.fail(error::not_a_distribution(function.span, &known()));
            };
            if arguments.len() != takes {
                return self.fail(error::arity(name, arguments.len(), &(takes..=takes), g.domain.span, None));
            }
            for a in arguments {
                if let crate::syntax::ast::Argument::Value(v) = a {
                    self.value(v, env)?;
                }
            }
            for name in &g.names {
                let n = self.opaque(env);
                inner.bind(&name.name, Val::Num(n), name.span);
            }
        }
        let n = self.number(body, &inner)?;
        self.unsupported(
            "expect",
            "an expectation over a distribution, and no method of this build samples".into(),
            span,
        );
        Ok(Val::Num(n))
    }
}

fn has_objective(statement: &Statement) -> bool {
    let StatementKind::Block { body, .. } = &statement.kind else { return false };
    body.iter().any(|s| matches!(s.kind, StatementKind::Objective { .. }))
}
