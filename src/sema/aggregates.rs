//! `sum`, `prod`, `min`, `max`, `mean`, `norm`, `logsumexp`: over generators or over arrays.
//!
//! Sums become terms of a stage. The others are trees of a two-place operator, as deep as the logarithm of the count:
//! inside the body where each group is small, as a chain of stages where it is not.

use super::additive::Draft;
use super::arrays::through;
use super::context::Ctx;
use super::error;
use super::scope::{Elaborator, Env, R};
use super::value::{Array, Num, Val};
use crate::diag::Span;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, Term};
use crate::expr::ops::Op;
use crate::syntax::ast::{Expr, ExprKind, Generator};
use crate::syntax::print;

/// Groups of at most this many elements are combined inside one body. A guess: HS071's `prod` has 4.
const INLINE_GROUP: usize = 12;

/// The aggregates that are trees of a two-place operator.
fn tree_of(name: &str) -> Option<Op> {
    match name {
        "prod" => Some(Op::Mul),
        "min" => Some(Op::Min),
        "max" | "norminf" => Some(Op::Max),
        "logsumexp" => Some(Op::LogAddExp),
        _ => None,
    }
}

/// What is done to each element first, and to the sum at the end.
fn summed(name: &str) -> Option<(Option<Op>, Option<Op>)> {
    match name {
        "sum" | "mean" => Some((None, None)),
        "sumsq" => Some((Some(Op::Square), None)),
        "norm" => Some((Some(Op::Square), Some(Op::Sqrt))),
        "norm1" => Some((Some(Op::Abs), None)),
        _ => None,
    }
}

/// Characters of an aggregate's text up to which it is its name.
const LONGEST_NAME: usize = 60;

pub(super) const NAMES: &[&str] =
    &["sum", "prod", "min", "max", "mean", "norm", "norm1", "norminf", "sumsq", "logsumexp", "dot"];

impl Elaborator<'_> {
    pub(super) fn aggregate(
        &mut self,
        function: &Expr,
        generators: &[Generator],
        condition: Option<&Expr>,
        body: &Expr,
        e: &Expr,
        env: &Env,
    ) -> R<Val> {
        let ExprKind::Name(name) = &function.kind else {
            return self.fail(error::not_an_aggregate("this", function.span));
        };
        if name == "expect" {
            return self.expectation(generators, body, e.span, env);
        }
        if !NAMES.contains(&name.as_str()) || name == "dot" {
            if !self.is_known(name, env) {
                return self.fail(error::undefined_among(name, function.span, NAMES));
            }
            return self.fail(error::not_an_aggregate(name, function.span));
        }
        // Computed where its names live, not once for each element of a family that it does not know.
        let home = env.ctx.at_level(self.level_of(e, env));
        let key = (e.span, home.id, env.locals.as_ref().map_or(0, |l| std::rc::Rc::as_ptr(l) as usize));
        if let Some(&num) = self.traced.get(&key) {
            return Ok(Val::Num(self.lift_num(num, &home, &env.ctx)));
        }
        let outer = env.within(&home);
        let num = match (summed(name), tree_of(name)) {
            (Some((first, last)), _) if name == "sum" || name == "mean" || (first, last) == (None, None) => {
                let drafts = self.drafts(e, &outer)?;
                // Messages call it by its text, unless that is no name any more.
                let text = print::expression(e);
                let called = if text.chars().count() <= LONGEST_NAME { &text } else { name };
                self.stage_of(called, &home, drafts, e.span)
            }
            (Some((first, last)), _) => {
                let inner = self.generate(generators, condition, &outer)?;
                let parts = self.traced(&inner.ctx, &mut |me, ctx| me.number(body, &inner.within(ctx)))?;
                self.sum_up(name, parts, first, last, &home, e.span)
            }
            (None, Some(op)) => {
                let inner = self.generate(generators, condition, &outer)?;
                let mut nums = self.traced(&inner.ctx, &mut |me, ctx| {
                    let n = me.number(body, &inner.within(ctx))?;
                    Ok(if name == "norminf" { me.apply(Op::Abs, &[n]) } else { n })
                })?;
                let num = match nums.len() {
                    1 if nums[0].0.id == inner.ctx.id => nums.remove(0).1,
                    _ => {
                        let drafts = nums.into_iter().map(|(ctx, num)| Draft { ctx, num, span: body.span }).collect();
                        self.stage_of(name, &inner.ctx, drafts, body.span)
                    }
                };
                self.tree(name, op, num, &inner.ctx, &home, e.span)?
            }
            (None, None) => return self.fail(error::not_an_aggregate(name, function.span)),
        };
        self.traced.insert(key, num);
        Ok(Val::Num(self.lift_num(num, &home, &env.ctx)))
    }

    /// An aggregate of all elements of an array, for each instance of `env.ctx`.
    pub(super) fn aggregate_array(&mut self, name: &str, array: &Array, span: Span, env: &Env) -> R<Num> {
        let (ctx, index) = self.over_elements(array, &env.ctx)?;
        let elements = |me: &mut Self| {
            me.traced(&ctx, &mut |me, here| {
                let index = through(&index, &here.path_to(&ctx), here.size);
                me.element(array, &index, here)
            })
        };
        if name == "mean" || name == "sum" {
            let drafts = self.array_sum(name, array, span, env)?;
            return Ok(self.stage_of(name, &env.ctx, drafts, span));
        }
        if let Some((first, last)) = summed(name) {
            let parts = elements(self)?;
            return Ok(self.sum_up(name, parts, first, last, &env.ctx, span));
        }
        let Some(op) = tree_of(name) else { return self.fail(error::not_an_aggregate(name, span)) };
        let mut parts = elements(self)?;
        if name == "norminf" {
            parts = parts
                .into_iter()
                .map(|(ctx, n)| {
                    let a = self.apply(Op::Abs, &[n]);
                    (ctx, a)
                })
                .collect();
        }
        let num = match parts.len() {
            1 if parts[0].0.id == ctx.id => parts.remove(0).1,
            _ => {
                let drafts = parts.into_iter().map(|(ctx, num)| Draft { ctx, num, span }).collect();
                self.stage_of(name, &ctx, drafts, span)
            }
        };
        self.tree(name, op, num, &ctx, &env.ctx, span)
    }

    /// `sum(x)`, `mean(x)` as families.
    pub(super) fn array_sum(&mut self, name: &str, array: &Array, span: Span, env: &Env) -> R<Vec<Draft>> {
        let (ctx, index) = self.over_elements(array, &env.ctx)?;
        let weight = if name == "mean" { Some(self.mean_weight(&ctx, &env.ctx, span)?) } else { None };
        let parts = self.traced(&ctx, &mut |me, here| {
            let index = through(&index, &here.path_to(&ctx), here.size);
            me.element_drafts(array, &index, here, span)
        })?;
        let mut drafts: Vec<Draft> = parts.into_iter().flat_map(|(_, d)| d).collect();
        if let Some(w) = weight {
            for d in &mut drafts {
                let w = self.lift_num(w, &env.ctx, &d.ctx);
                d.num = self.apply(Op::Mul, &[w, d.num]);
            }
        }
        Ok(drafts)
    }

    fn sum_up(
        &mut self,
        name: &str,
        parts: Vec<(Ctx, Num)>,
        first: Option<Op>,
        last: Option<Op>,
        home: &Ctx,
        span: Span,
    ) -> Num {
        let drafts = parts
            .into_iter()
            .map(|(ctx, num)| {
                let num = match first {
                    Some(op) => self.apply(op, &[num]),
                    None => num,
                };
                Draft { ctx, num, span }
            })
            .collect();
        let total = self.stage_of(name, home, drafts, span);
        match last {
            Some(op) => self.apply(op, &[total]),
            None => total,
        }
    }

    /// 1 / (number of instances) for each owner.
    pub(super) fn mean_weight(&mut self, inner: &Ctx, outer: &Ctx, span: Span) -> R<Num> {
        let counts = group_sizes(inner, outer);
        if counts.contains(&0) {
            return self.fail(error::empty("mean", span));
        }
        let weights = counts.into_iter().map(|c| 1.0 / c as f64).collect();
        Ok(self.literal_column(weights, outer, span))
    }

    /// All instances of one owner combined by a two-place operator.
    fn tree(&mut self, name: &str, op: Op, num: Num, inner: &Ctx, outer: &Ctx, span: Span) -> R<Num> {
        let counts = group_sizes(inner, outer);
        if op == Op::Mul && counts.contains(&0) {
            if counts.iter().all(|&c| c == 0) {
                return Ok(self.constant(1.0));
            }
        } else if counts.contains(&0) {
            return self.fail(error::empty(name, span));
        }
        let count = counts.first().copied().unwrap_or(1);
        if counts.iter().all(|&c| c == count) && count <= INLINE_GROUP {
            let mut level: Vec<Num> = (0..count)
                .map(|k| {
                    let path = IndexMap::Affine { start: k as i64, stride: count as i64 };
                    self.relocate(num, inner, outer, &path)
                })
                .collect();
            while level.len() > 1 {
                level =
                    level.chunks(2).map(|pair| if pair.len() == 2 { self.apply(op, pair) } else { pair[0] }).collect();
            }
            return Ok(level.pop().unwrap_or_else(|| self.constant(1.0)));
        }
        Ok(self.tree_of_stages(name, op, num, inner, outer, counts, span))
    }

    #[allow(clippy::too_many_arguments)] // one call, and every part is needed
    fn tree_of_stages(
        &mut self,
        name: &str,
        op: Op,
        num: Num,
        inner: &Ctx,
        outer: &Ctx,
        mut counts: Vec<usize>,
        span: Span,
    ) -> Num {
        let origin = (span.source.0, span.start, span.end);
        let draft = Draft { ctx: inner.clone(), num, span };
        let mut stage = self.stage(name, inner, vec![draft], span);
        let x = self.problem.graph.leaf(0);
        let y = self.problem.graph.leaf(1);
        let body = self.problem.graph.call(op, &[x, y]);
        let one = self.problem.graph.constant(1.0);
        while counts.iter().any(|&c| c != 1) {
            let (mut left, mut right, mut pair_rows) = (vec![], vec![], vec![]);
            let (mut single, mut single_rows, mut empty_rows) = (vec![], vec![], vec![]);
            let (mut start, mut row) = (0u32, 0u32);
            let mut next = vec![];
            for &c in &counts {
                for k in 0..c as u32 / 2 {
                    left.push(start + 2 * k);
                    right.push(start + 2 * k + 1);
                    pair_rows.push(row);
                    row += 1;
                }
                if c % 2 == 1 {
                    single.push(start + c as u32 - 1);
                    single_rows.push(row);
                    row += 1;
                }
                if c == 0 {
                    empty_rows.push(row);
                    row += 1;
                }
                start += c as u32;
                next.push(c.div_ceil(2).max(1));
            }
            let source = Source::Stage(stage);
            let family = |count: usize, maps: Vec<Vec<u32>>, body| Family {
                instances: count as u32,
                leaves: maps.into_iter().map(|m| Leaf { source, map: IndexMap::from_positions(m) }).collect(),
                body,
            };
            let mut terms = vec![];
            let mut term = |family: Family, rows: Vec<u32>| {
                if !rows.is_empty() {
                    terms.push(Term { family, target: IndexMap::from_positions(rows), level: 0, origin });
                }
            };
            term(family(pair_rows.len(), vec![left, right], body), pair_rows);
            term(family(single_rows.len(), vec![single], x), single_rows);
            term(family(empty_rows.len(), vec![], one), empty_rows);
            stage = self.add_stage(Stage::sum(name, row, terms), num.data);
            counts = next;
        }
        let map = if outer.size == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY };
        self.read(outer, Leaf { source: Source::Stage(stage), map }, num.data)
    }
}

/// How many instances of `inner` each instance of `outer` owns.
fn group_sizes(inner: &Ctx, outer: &Ctx) -> Vec<usize> {
    let path = inner.path_to(outer);
    let mut counts = vec![0; outer.size];
    if inner.size > 0 {
        match path {
            IndexMap::Affine { start, stride: 0 } => counts[start as usize] += inner.size,
            path => (0..inner.size).for_each(|p| counts[path.at(p)] += 1),
        }
    }
    counts
}
