//! Sums at the top of an expression: each becomes terms of the stage it belongs to, instead of a stage of its own.
//!
//! `Σ_i f(x_i) - c (Σ_j g(x_j) + h(x))` for a row is three families that add into the row.

use super::context::Ctx;
use super::generators::Indexed;
use super::scope::{DeclarationKind, Elaborator, Env, R, State};
use super::value::{Array, ArrayKind, Num, Operand, Val};
use crate::diag::Span;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, Term};
use crate::expr::graph::NodeId;
use crate::expr::ops::Op;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, StatementKind};
use std::collections::HashMap;

/// Results for the parts that a context was split into.
pub(super) type Traced<T> = Vec<(Ctx, T)>;

/// A body whose instances are added into the rows of an ancestor context.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub ctx: Ctx,
    pub num: Num,
    pub span: Span,
}

impl Elaborator<'_> {
    /// An expression as a sum of families below `env.ctx`.
    pub(super) fn drafts(&mut self, e: &Expr, env: &Env) -> R<Vec<Draft>> {
        let parts = self.traced(&env.ctx, &mut |me, ctx| {
            let mut sum = Sum { plain: vec![], drafts: vec![] };
            me.add(e, &env.within(ctx), None, &mut sum)?;
            Ok(me.close(sum, ctx, e.span))
        })?;
        Ok(parts.into_iter().flat_map(|(_, drafts)| drafts).collect())
    }

    fn close(&mut self, sum: Sum, ctx: &Ctx, span: Span) -> Vec<Draft> {
        let mut drafts = sum.drafts;
        if !sum.plain.is_empty() {
            let nodes: Vec<NodeId> = sum.plain.iter().map(|n| n.node).collect();
            let data = sum.plain.iter().all(|n| n.data);
            let num = Num { node: self.problem.graph.sum(&nodes), data };
            drafts.insert(0, Draft { ctx: ctx.clone(), num, span });
        }
        drafts
    }

    /// Adds `scale * e` to a sum.
    fn add(&mut self, e: &Expr, env: &Env, scale: Option<Num>, sum: &mut Sum) -> R<()> {
        match &e.kind {
            ExprKind::Binary(op @ (BinaryOp::Add | BinaryOp::Sub), a, b) if self.splits(e, env) => {
                self.add(a, env, scale, sum)?;
                let scale = if *op == BinaryOp::Sub { Some(self.negated(scale)) } else { scale };
                self.add(b, env, scale, sum)
            }
            ExprKind::Sum(first, rest) if self.splits(e, env) => {
                self.add(first, env, scale, sum)?;
                for (subtract, part) in rest {
                    let scale = if *subtract { Some(self.negated(scale)) } else { scale };
                    self.add(part, env, scale, sum)?;
                }
                Ok(())
            }
            ExprKind::Negate(a) if self.splits(e, env) => {
                let scale = self.negated(scale);
                self.add(a, env, Some(scale), sum)
            }
            ExprKind::Binary(BinaryOp::Mul, a, b) if self.splits(b, env) && !self.may_be_array(a, env) => {
                let factor = self.number(a, env)?;
                if !factor.data {
                    return self.add_plain(e, env, scale, sum);
                }
                let scale = self.scaled(factor, scale);
                self.add(b, env, Some(scale), sum)
            }
            ExprKind::Binary(op @ (BinaryOp::Mul | BinaryOp::Div), a, b)
                if self.splits(a, env) && !self.may_be_array(b, env) =>
            {
                let factor = self.number(b, env)?;
                if !factor.data {
                    return self.add_plain(e, env, scale, sum);
                }
                let factor = if *op == BinaryOp::Div {
                    let one = self.constant(1.0);
                    self.apply(Op::Div, &[one, factor])
                } else {
                    factor
                };
                let scale = self.scaled(factor, scale);
                self.add(a, env, Some(scale), sum)
            }
            ExprKind::Aggregate { function, generators, condition, body } if is_name(function, &["sum", "mean"]) => {
                let inner = self.generate(generators, condition.as_deref(), env)?;
                let mut scale = scale;
                if is_name(function, &["mean"]) {
                    let weight = self.mean_weight(&inner.ctx, &env.ctx, e.span)?;
                    scale = Some(self.scaled(weight, scale));
                }
                let lifted = scale.map(|s| self.lift_num(s, &env.ctx, &inner.ctx));
                let parts = self.traced(&inner.ctx, &mut |me, ctx| {
                    let mut sum = Sum { plain: vec![], drafts: vec![] };
                    let scale = lifted.map(|s| me.lift_num(s, &inner.ctx, ctx));
                    me.add(body, &inner.within(ctx), scale, &mut sum)?;
                    Ok(me.close(sum, ctx, body.span))
                })?;
                sum.drafts.extend(parts.into_iter().flat_map(|(_, d)| d));
                Ok(())
            }
            ExprKind::Name(name) => match self.scalar_let(name, env) {
                // A chain of `let`s can hold exponentially many sums; beyond a few terms it is read as a value.
                Some((body, inner))
                    if sum.drafts.len() + sum.plain.len() < SEEN_THROUGH && self.splits(&body, &inner) =>
                {
                    self.add(&body, &inner, scale, sum)
                }
                _ => self.add_plain(e, env, scale, sum),
            },
            ExprKind::Call { .. } | ExprKind::Binary(BinaryOp::Mul, ..) => match self.contraction(e, env)? {
                Some((elements, inner)) => {
                    for (ctx, num) in elements {
                        let num = match scale {
                            Some(s) => {
                                let s = self.lift_num(s, &inner, &ctx);
                                self.apply(Op::Mul, &[s, num])
                            }
                            None => num,
                        };
                        sum.drafts.push(Draft { ctx, num, span: e.span });
                    }
                    Ok(())
                }
                None => self.add_plain(e, env, scale, sum),
            },
            _ => self.add_plain(e, env, scale, sum),
        }
    }

    fn add_plain(&mut self, e: &Expr, env: &Env, scale: Option<Num>, sum: &mut Sum) -> R<()> {
        let num = self.number(e, env)?;
        sum.plain.push(self.scaled(num, scale));
        Ok(())
    }

    /// Whether looking inside an expression can find a sum at its top.
    fn splits(&self, e: &Expr, env: &Env) -> bool {
        match &e.kind {
            ExprKind::Binary(BinaryOp::Add | BinaryOp::Sub, a, b) => self.splits(a, env) || self.splits(b, env),
            ExprKind::Sum(first, rest) => self.splits(first, env) || rest.iter().any(|(_, p)| self.splits(p, env)),
            ExprKind::Negate(a) => self.splits(a, env),
            ExprKind::Binary(BinaryOp::Mul, a, b) => {
                self.splits(a, env) || self.splits(b, env) || self.may_be_array(a, env) && self.may_be_array(b, env)
            }
            ExprKind::Binary(BinaryOp::Div, a, _) => self.splits(a, env),
            ExprKind::Aggregate { function, .. } => is_name(function, &["sum", "mean"]),
            ExprKind::Call { function, .. } => is_name(function, &["sum", "mean", "dot", "sumsq"]),
            ExprKind::Name(name) => match self.scalar_let(name, env) {
                Some((body, inner)) => {
                    let key = (body.span, env.ctx.id);
                    if let Some(&known) = self.splitting.borrow().get(&key) {
                        return known;
                    }
                    let splits = self.splits(&body, &inner);
                    self.splitting.borrow_mut().insert(key, splits);
                    splits
                }
                None => false,
            },
            _ => false,
        }
    }

    /// The body of a scalar `let` that lives in the same context, so that its sums may be seen through.
    fn scalar_let(&self, name: &str, env: &Env) -> Option<(Expr, Env)> {
        if env.local(name).is_some() {
            return None;
        }
        let mut id = self.find(env.scope, name)?;
        while let DeclarationKind::Imported(to) = self.declarations[id as usize].kind {
            id = to;
        }
        let d = &self.declarations[id as usize];
        // Only what is resolved is known to be free of cycles.
        let State::Done(Val::Num(_)) = d.state else { return None };
        let DeclarationKind::Statement(statement) = &d.kind else { return None };
        let StatementKind::Let { index: None, value, .. } = &statement.kind else { return None };
        let inner = self.env(d.scope);
        (inner.ctx.level == env.ctx.level && env.ctx.is_within(&inner.ctx))
            .then(|| (value.clone(), inner.within(&env.ctx)))
    }

    pub(super) fn negated(&mut self, scale: Option<Num>) -> Num {
        match scale {
            Some(s) => self.apply(Op::Neg, &[s]),
            None => self.constant(-1.0),
        }
    }

    fn scaled(&mut self, num: Num, scale: Option<Num>) -> Num {
        match scale {
            Some(s) => self.apply(Op::Mul, &[s, num]),
            None => num,
        }
    }

    /// One number for each instance of `ctx`: the draft itself if there is just one there, else a new stage.
    pub(super) fn stage_of(&mut self, name: &str, ctx: &Ctx, drafts: Vec<Draft>, span: Span) -> Num {
        if let [Draft { ctx: own, num, .. }] = drafts.as_slice()
            && own.id == ctx.id
            && self.weight(num.node) <= 2
        {
            return *num;
        }
        let data = drafts.iter().all(|d| d.num.data);
        let id = self.stage(name, ctx, drafts, span);
        let map = if ctx.size == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY };
        self.read(ctx, Leaf { source: Source::Stage(id), map }, data)
    }

    /// A stage with a row for each instance of `ctx`.
    pub(super) fn stage(
        &mut self,
        name: &str,
        ctx: &Ctx,
        drafts: Vec<Draft>,
        _span: Span,
    ) -> crate::expr::family::StageId {
        let data = drafts.iter().all(|d| d.num.data);
        let terms = drafts.iter().filter(|d| d.ctx.size > 0).map(|d| self.term(d, ctx, 0)).collect();
        self.add_stage(Stage::sum(name, ctx.size as u32, terms), data)
    }

    /// The family of a draft: its leaves renumbered in the order of the walk.
    pub(super) fn term(&mut self, draft: &Draft, rows: &Ctx, level: u32) -> Term {
        let mut leaves: Vec<Leaf> = vec![];
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let order = leaf_order(&self.problem.graph, draft.num.node);
        for k in order {
            numbers.insert(k, leaves.len() as u32);
            leaves.push(draft.ctx.get_leaf(k));
        }
        let body = super::context::substitute(&mut self.problem.graph, draft.num.node, &mut |graph, k| {
            graph.leaf(numbers[&k])
        });
        let span = draft.span;
        Term {
            family: Family { instances: draft.ctx.size as u32, leaves, body },
            target: draft.ctx.path_to(rows),
            level,
            origin: (span.source.0, span.start, span.end),
        }
    }

    /// An indexed declaration as a buffer.
    pub(super) fn array_stage(&mut self, name: &str, indexed: &Indexed, drafts: Vec<Draft>, span: Span) -> Array {
        let data = drafts.iter().all(|d| d.num.data);
        let id = self.stage(name, &indexed.env.ctx, drafts, span);
        let kind =
            ArrayKind::Buffer { source: Source::Stage(id), offset: 0, filter: indexed.axes.filter.clone(), data };
        let root = self.root.clone();
        Array::new(indexed.axes.sets.clone(), kind, &root, span)
    }

    /// The same as the statements around it see it.
    pub(super) fn array_value(&mut self, name: &str, indexed: &Indexed, drafts: Vec<Draft>, span: Span) -> R<Val> {
        let full = self.array_stage(name, indexed, drafts, span);
        self.seen_inside(full, &indexed.outer, name)
    }

    pub(super) fn read(&mut self, ctx: &Ctx, leaf: Leaf, data: bool) -> Num {
        Num { node: ctx.leaf(&mut self.problem.graph, leaf), data }
    }

    pub(super) fn constant(&mut self, value: f64) -> Num {
        Num { node: self.problem.graph.constant(value), data: true }
    }

    pub(super) fn apply(&mut self, op: Op, operands: &[Num]) -> Num {
        let nodes: Vec<NodeId> = operands.iter().map(|n| n.node).collect();
        Num { node: self.problem.graph.call(op, &nodes), data: operands.iter().all(|n| n.data) }
    }

    pub(super) fn operand(&mut self, operand: &Operand, index: &[IndexMap], from: &Ctx, ctx: &Ctx) -> R<Num> {
        match operand {
            Operand::Scalar(n) => Ok(self.lift_num(*n, from, ctx)),
            Operand::Array(a) => self.element(a, index, ctx),
        }
    }
}

/// A `let` is seen through while its user has fewer terms than this. A guess: models have up to a dozen.
const SEEN_THROUGH: usize = 32;

struct Sum {
    /// Parts in the context itself: one body.
    plain: Vec<Num>,
    drafts: Vec<Draft>,
}

pub(super) fn is_name(e: &Expr, names: &[&str]) -> bool {
    matches!(&e.kind, ExprKind::Name(n) if names.contains(&n.as_str()))
}

/// The leaves of a body in the order of a depth-first walk, so that equal shapes number them equally.
fn leaf_order(graph: &crate::expr::graph::Graph, body: NodeId) -> Vec<u32> {
    let mut seen = std::collections::HashSet::new();
    let mut order = vec![];
    let mut stack = vec![body];
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        if let crate::expr::graph::Node::Leaf(k) = graph.node(id) {
            order.push(k);
        }
        let (operands, arity) = graph.operands(id);
        stack.extend(operands[..arity].iter().rev());
    }
    order
}
