//! Walks over expressions: which names are used, under how many generators their values live.

use super::scope::{Elaborator, Env};
use crate::expr::graph::NodeId;
use crate::syntax::ast::{Argument, Expr, ExprKind, Generator, Subscript};

/// Calls `f` on an expression and everything inside it.
pub(super) fn visit<'e>(e: &'e Expr, f: &mut dyn FnMut(&'e Expr)) {
    f(e);
    let generators_of = |generators: &'e [Generator], f: &mut dyn FnMut(&'e Expr)| {
        for g in generators {
            visit(&g.domain, f);
        }
    };
    match &e.kind {
        ExprKind::Number(_) | ExprKind::Infinity | ExprKind::Bool(_) | ExprKind::Text(_) | ExprKind::Name(_) => {}
        ExprKind::Field(base, _) | ExprKind::Transpose(base) | ExprKind::Negate(base) | ExprKind::Not(base) => {
            visit(base, f)
        }
        ExprKind::Call { function, arguments } => {
            visit(function, f);
            for a in arguments {
                match a {
                    Argument::Value(v) => visit(v, f),
                    Argument::Except(list) => list.iter().for_each(|v| visit(v, f)),
                }
            }
        }
        ExprKind::Aggregate { function, generators, condition, body } => {
            visit(function, f);
            generators_of(generators, f);
            if let Some(c) = condition {
                visit(c, f);
            }
            visit(body, f);
        }
        ExprKind::Subscript { base, items } => {
            visit(base, f);
            for item in items {
                match item {
                    Subscript::At(v) => visit(v, f),
                    Subscript::Slice { from, to, .. } => from.iter().chain(to).for_each(|v| visit(v, f)),
                }
            }
        }
        ExprKind::Binary(_, a, b) => {
            visit(a, f);
            visit(b, f);
        }
        ExprKind::Sum(first, rest) => {
            visit(first, f);
            rest.iter().for_each(|(_, v)| visit(v, f));
        }
        ExprKind::Relation(first, rest) => {
            visit(first, f);
            rest.iter().for_each(|(_, v)| visit(v, f));
        }
        ExprKind::And(list) | ExprKind::Or(list) | ExprKind::Tuple(list) | ExprKind::SetLiteral(list) => {
            list.iter().for_each(|v| visit(v, f))
        }
        ExprKind::If { condition, then, otherwise } => {
            visit(condition, f);
            visit(then, f);
            visit(otherwise, f);
        }
        ExprKind::Array(rows) => rows.iter().flatten().for_each(|v| visit(v, f)),
        ExprKind::MapLiteral(entries) => {
            for (k, v) in entries {
                visit(k, f);
                visit(v, f);
            }
        }
        ExprKind::SetBuilder { generators, condition, value } => {
            generators_of(generators, f);
            condition.iter().chain(value).for_each(|v| visit(v, f));
        }
        ExprKind::Range { from, to, step } => {
            visit(from, f);
            visit(to, f);
            step.iter().for_each(|v| visit(v, f));
        }
    }
}

/// The names that generators inside an expression bind.
pub(super) fn bound_names(e: &Expr) -> Vec<&str> {
    let mut out = vec![];
    visit(e, &mut |e| {
        let (ExprKind::Aggregate { generators, .. } | ExprKind::SetBuilder { generators, .. }) = &e.kind else {
            return;
        };
        out.extend(generators.iter().flat_map(|g| g.names.iter().map(|n| n.name.as_str())));
    });
    out
}

impl Elaborator<'_> {
    pub(super) fn mentions(&self, e: &Expr, name: &str) -> bool {
        let mut found = false;
        visit(e, &mut |e| found |= matches!(&e.kind, ExprKind::Name(n) if n == name));
        found
    }

    /// The number of generators around `env` that an expression can see through its local names.
    pub(super) fn level_of(&self, e: &Expr, env: &Env) -> u32 {
        let bound = bound_names(e);
        let mut level = self.scopes[env.scope as usize].ctx.level;
        visit(e, &mut |e| {
            if let ExprKind::Name(n) = &e.kind
                && !bound.contains(&n.as_str())
                && let Some(local) = env.local(n)
            {
                level = level.max(local.ctx.level);
            }
        });
        level
    }

    /// The number of nodes of a body.
    pub(super) fn weight(&self, node: NodeId) -> usize {
        super::context::reachable(&self.problem.graph, node).len()
    }
}
