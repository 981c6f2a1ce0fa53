//! Declarations that read themselves at other indices: `s[k] = s[k-1] + ...`.
//!
//! They become one stage whose terms run in levels: a row's level is one more than the largest level that it reads.

use super::additive::Draft;
use super::context::compose;
use super::error;
use super::generators::Indexed;
use super::scope::{Elaborator, R};
use super::value::{Array, ArrayKind, Val};
use crate::expr::family::{IndexMap, Source, Stage, StageId};
use crate::expr::graph::Node;
use crate::syntax::ast::Expr;

impl Elaborator<'_> {
    pub(super) fn recurrence(&mut self, declaration: u32, name: &str, indexed: &Indexed, value: &Expr) -> R<Val> {
        let ctx = indexed.env.ctx.clone();
        let span = self.declarations[declaration as usize].span;
        let stage = Stage::sum(name, ctx.size as u32, vec![]);
        let id = self.add_stage(stage, true);
        let root = self.root.clone();
        let array = |data: bool| {
            let kind =
                ArrayKind::Buffer { source: Source::Stage(id), offset: 0, filter: indexed.axes.filter.clone(), data };
            Array::new(indexed.axes.sets.clone(), kind, &root, span)
        };
        // Whether it reads variables is known only once it is traced: first as data, then again if that was wrong.
        let mut data = true;
        let drafts = loop {
            let Val::Array(inside) = self.seen_inside(array(data), &indexed.outer, name)? else {
                unreachable!("a recurrence has indices of its own")
            };
            self.recurrent.push((declaration, inside));
            let drafts = self.drafts(value, &indexed.env);
            self.recurrent.pop();
            let drafts = drafts?;
            if !data || drafts.iter().all(|d| d.num.data) {
                break drafts;
            }
            data = false;
        };
        let levels = self.levels(&drafts, id, indexed, name, span)?;
        let mut terms = vec![];
        for draft in &drafts {
            let target = draft.ctx.path_to(&ctx);
            let mut by_level: std::collections::BTreeMap<u32, Vec<u32>> = Default::default();
            for p in 0..draft.ctx.size {
                by_level.entry(levels[target.at(p)]).or_default().push(p as u32);
            }
            for (level, instances) in by_level {
                if instances.len() == draft.ctx.size {
                    terms.push(self.term(draft, &ctx, level));
                    continue;
                }
                let part = self.child(&draft.ctx, instances.len(), IndexMap::from_positions(instances), false);
                let num = self.lift_num(draft.num, &draft.ctx, &part);
                terms.push(self.term(&Draft { ctx: part, num, span: draft.span }, &ctx, level));
            }
        }
        terms.sort_by_key(|t| t.level);
        self.problem.stages[id.0 as usize].terms = terms;
        self.stage_is_data[id.0 as usize] = data;
        self.stage_values.remove(&id.0);
        self.seen_inside(array(data), &indexed.outer, name)
    }

    /// The level of each row; fails where a row reads itself in the end.
    fn levels(
        &mut self,
        drafts: &[Draft],
        id: StageId,
        indexed: &Indexed,
        name: &str,
        span: crate::diag::Span,
    ) -> R<Vec<u32>> {
        let ctx = &indexed.env.ctx;
        let mut readers: Vec<Vec<u32>> = vec![vec![]; ctx.size];
        let mut waiting = vec![0u32; ctx.size];
        for draft in drafts {
            let target = draft.ctx.path_to(ctx);
            for node in super::context::reachable(&self.problem.graph, draft.num.node) {
                let Node::Leaf(k) = self.problem.graph.node(node) else { continue };
                let leaf = draft.ctx.get_leaf(k);
                if leaf.source == Source::Stage(id) {
                    let map = compose(&leaf.map, &IndexMap::IDENTITY, draft.ctx.size);
                    for p in 0..draft.ctx.size {
                        readers[map.at(p)].push(target.at(p) as u32);
                        waiting[target.at(p)] += 1;
                    }
                } else if let Source::Stage(other) = leaf.source
                    && self.stage_reads(other, id)
                {
                    return self.fail(error::recurrence_in_sum(name, draft.span, span));
                }
            }
        }
        let mut levels = vec![0u32; ctx.size];
        let mut ready: Vec<u32> = (0..ctx.size as u32).filter(|&r| waiting[r as usize] == 0).collect();
        let mut done = 0;
        while let Some(row) = ready.pop() {
            done += 1;
            for &reader in &readers[row as usize] {
                let r = reader as usize;
                levels[r] = levels[r].max(levels[row as usize] + 1);
                waiting[r] -= 1;
                if waiting[r] == 0 {
                    ready.push(reader);
                }
            }
        }
        if done < ctx.size {
            let stuck = waiting.iter().position(|&w| w > 0).expect("some row waits");
            let label = format!("{name}{}", indexed.axes.label(stuck));
            return self.fail(error::not_well_founded(&label, span));
        }
        Ok(levels)
    }

    fn stage_reads(&self, stage: StageId, other: StageId) -> bool {
        stage == other
            || self.problem.stages[stage.0 as usize].sources().any(|source| match source {
                Source::Stage(s) if s != stage => self.stage_reads(s, other),
                _ => false,
            })
    }
}
