//! `grad`, `hess`, `jac`, `jvp` as expressions: derivatives of stages as new stages.
//!
//! For a stage `z` and a range `x` of a source, the stage `J` has a row for each pair: `J[r, j] = dz[r]/dx[j]`. A term
//! contributes its partial derivative with respect to each leaf that reads `x`, and, for a leaf that reads an earlier
//! stage, the partial times that stage's own `J`. So derivatives are families again, and have derivatives themselves.

use super::additive::Draft;
use super::arrays::through;
use super::context::compose;
use super::error;
use super::scope::{Elaborator, Env, R};
use super::value::{Array, ArrayKind, Part, Val};
use crate::diag::Span;
use crate::expr::derive;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::expr::graph::Node;
use crate::expr::ops::Op;
use crate::problem::index::Set;
use crate::syntax::ast::Expr;
use std::collections::HashMap;

/// What is differentiated by: positions `offset .. offset + count` of a source.
#[derive(Clone, Copy)]
struct Range {
    source: Source,
    offset: usize,
    count: usize,
}

impl Elaborator<'_> {
    pub(super) fn derivative_value(&mut self, kind: &str, arguments: &[&Expr], span: Span, env: &Env) -> R<Val> {
        let (range, by) = self.differentiated_by(arguments[1], env)?;
        let value = self.value(arguments[0], env)?;
        let (own, ctx, drafts): (Vec<Set>, _, Vec<Draft>) = match value {
            Val::Array(a) => {
                let (ctx, index) = self.over(&a.0.sets, &env.ctx)?;
                let parts = self.traced(&ctx, &mut |me, here| {
                    let index = through(&index, &here.path_to(&ctx), here.size);
                    me.element_drafts(&a, &index, here, span)
                })?;
                (a.0.sets.clone(), ctx, parts.into_iter().flat_map(|(_, d)| d).collect())
            }
            _ => (vec![], env.ctx.clone(), self.drafts(arguments[0], env)?),
        };
        if matches!(kind, "grad" | "hess") && !own.is_empty() {
            let shape: Vec<String> = own.iter().map(super::value::set_text).collect();
            return self.fail(error::expected(
                "a number to differentiate",
                &format!("an array over {}", shape.join(", ")),
                arguments[0].span,
            ));
        }
        let base = self.stage("derivative", &ctx, drafts, span);
        let mut known = HashMap::new();
        let mut jacobian = self.jacobian_of(base, range, span, &mut known)?;
        let mut sets = own;
        // Of a number by an array there is one row, which a direction meets from the right.
        let one_row = kind == "jvp" && sets.is_empty() && by.len() == 1;
        sets.extend(by.iter().cloned());
        if kind == "hess" {
            jacobian = self.jacobian_of(jacobian, range, span, &mut HashMap::new())?;
            sets.extend(by.iter().cloned());
        }
        let mut array = self.derivative_array(jacobian, sets, span, env)?;
        if let (true, Val::Array(gradient)) = (one_row, &array) {
            array = self.transpose(&gradient.clone(), span)?;
        }
        if kind == "jvp" {
            let v = self.value(arguments[2], env)?;
            return self.combine(
                crate::syntax::ast::BinaryOp::Mul,
                array,
                v,
                (span, arguments[0].span, arguments[2].span),
                env,
            );
        }
        Ok(array)
    }

    /// The rows of the stage run over (instances of the context) × (sets).
    fn derivative_array(&mut self, stage: StageId, sets: Vec<Set>, span: Span, env: &Env) -> R<Val> {
        let data = self.stage_is_data[stage.0 as usize];
        let mut all = vec![Set::range(1.0, 1.0, env.ctx.size)];
        all.extend(sets.iter().cloned());
        let kind = ArrayKind::Buffer { source: Source::Stage(stage), offset: 0, filter: None, data };
        let root = self.root.clone();
        let full = Array::new(all, kind, &root, span);
        let here = if env.ctx.size == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY };
        if sets.is_empty() {
            return Ok(Val::Num(self.element(&full, &[here], &env.ctx)?));
        }
        let mut parts = vec![Part::Fixed(here)];
        parts.extend(sets.iter().map(|s| Part::Kept(s.clone(), IndexMap::IDENTITY)));
        Ok(Val::Array(Array::new(sets, ArrayKind::Slice { base: full, parts }, &env.ctx, span)))
    }

    fn differentiated_by(&mut self, e: &Expr, env: &Env) -> R<(Range, Vec<Set>)> {
        match self.value(e, env)? {
            Val::Array(a) => match &a.0.kind {
                ArrayKind::Buffer {
                    source: source @ (Source::Variables | Source::Param(_)),
                    offset,
                    filter: None,
                    ..
                } => Ok((Range { source: *source, offset: *offset, count: a.len() }, a.0.sets.clone())),
                _ => self.fail(error::not_differentiable_by(e.span)),
            },
            Val::Num(n) => {
                if let Node::Leaf(k) = self.problem.graph.node(n.node)
                    && let Leaf {
                        source: source @ (Source::Variables | Source::Param(_)),
                        map: IndexMap::Affine { start, stride: 0 },
                    } = env.ctx.get_leaf(k)
                {
                    return Ok((Range { source, offset: start as usize, count: 1 }, vec![]));
                }
                self.fail(error::not_differentiable_by(e.span))
            }
            _ => self.fail(error::not_differentiable_by(e.span)),
        }
    }

    fn jacobian_of(
        &mut self,
        stage: StageId,
        by: Range,
        span: Span,
        known: &mut HashMap<StageId, StageId>,
    ) -> R<StageId> {
        if let Some(&done) = known.get(&stage) {
            return Ok(done);
        }
        let original = self.problem.stages[stage.0 as usize].clone();
        let n = by.count;
        let mut terms = vec![];
        if let Some(matrix) = original.matrix {
            let entries = self.jacobian_of(matrix.of, by, span, known)?;
            terms.extend(self.derivative_of_matrix((stage, matrix), entries, n, span)?);
        }
        for term in &original.terms {
            let family = &term.family;
            let numbers: Vec<u32> = (0..family.leaves.len() as u32).collect();
            let partials = derive::gradient(&mut self.problem.graph, family.body, &numbers);
            for (k, partial) in partials.into_iter().enumerate() {
                let Some(partial) = partial else { continue };
                let leaf = &family.leaves[k];
                if leaf.source == by.source {
                    terms.extend(direct(term, leaf, partial, by));
                } else if let Source::Stage(inner) = leaf.source {
                    if inner == stage {
                        return self.fail(error::derivative_of_recurrence(&original.name, span));
                    }
                    let chained = self.jacobian_of(inner, by, span, known)?;
                    if !self.problem.stages[chained.0 as usize].terms.is_empty() {
                        terms.push(self.chained(term, leaf, partial, chained, n));
                    }
                }
            }
        }
        let data = terms.iter().all(|t: &Term| {
            t.family.leaves.iter().all(|l| match l.source {
                Source::Variables | Source::After(_) => false,
                Source::Param(_) => true,
                Source::Stage(s) => self.stage_is_data[s.0 as usize],
            })
        });
        let rows = original.rows * n as u32;
        let id = self.add_stage(Stage::sum(format!("derivative of {}", original.name), rows, terms), data);
        known.insert(stage, id);
        Ok(id)
    }

    fn chained(
        &mut self,
        term: &Term,
        leaf: &Leaf,
        partial: crate::expr::graph::NodeId,
        inner: StageId,
        n: usize,
    ) -> Term {
        let family = &term.family;
        let count = family.instances as usize * n;
        let owner = IndexMap::Repeat { start: 0, stride: 1, length: n as u32 };
        let mut leaves: Vec<Leaf> =
            family.leaves.iter().map(|l| Leaf { source: l.source, map: compose(&l.map, &owner, count) }).collect();
        let at = (0..count).map(|p| (leaf.map.at(p / n) * n + p % n) as u32).collect();
        leaves.push(Leaf { source: Source::Stage(inner), map: IndexMap::from_positions(at) });
        let last = self.problem.graph.leaf(leaves.len() as u32 - 1);
        let body = self.problem.graph.call(Op::Mul, &[partial, last]);
        let target = (0..count).map(|p| (term.target.at(p / n) * n + p % n) as u32).collect();
        Term {
            family: Family { instances: count as u32, leaves, body },
            target: IndexMap::from_positions(target),
            level: 0,
            origin: term.origin,
        }
    }
}

/// The partial derivative by a leaf that reads the range itself.
fn direct(term: &Term, leaf: &Leaf, partial: crate::expr::graph::NodeId, by: Range) -> Option<Term> {
    let family = &term.family;
    let inside: Vec<u32> = (0..family.instances)
        .filter(|&p| (by.offset..by.offset + by.count).contains(&leaf.map.at(p as usize)))
        .collect();
    if inside.is_empty() {
        return None;
    }
    let target = inside
        .iter()
        .map(|&p| (term.target.at(p as usize) * by.count + leaf.map.at(p as usize) - by.offset) as u32)
        .collect();
    let count = inside.len();
    let kept = IndexMap::from_positions(inside);
    let leaves = family.leaves.iter().map(|l| Leaf { source: l.source, map: compose(&l.map, &kept, count) }).collect();
    Some(Term {
        family: Family { instances: count as u32, leaves, body: partial },
        target: IndexMap::from_positions(target),
        level: 0,
        origin: term.origin,
    })
}
