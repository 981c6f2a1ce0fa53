//! Kinks of problems inside problems, and of the problem around them, as rows of the level that they stand in.
//!
//! Where a larger `max(a, b)` can only hurt who decides, it becomes a variable `t` of that level with rows `t >= a` and
//! `t >= b`; `abs(a)` is `max(a, -a)`, and `min` the same upside down. A level that is at its best has `t` at one of its
//! branches, or loses nothing by it, so answers stay what they were; `t` is read by that level alone: others who read the
//! same function read it as it is written. What comes out is smooth, so conditions of answers can be stated.

use super::epigraph::{Kink, Places, Smooth};
use super::features::Fact;
use super::index::Set;
use super::owners::{Owner, owner_of, owners};
use super::pressure::{Pressure, Pressures};
use super::squares::span_of;
use super::{Problem, Supplied, SuppliedBy, Variable};
use crate::expr::family::{Family, Source, Stage, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::ops::Op;
use std::collections::HashMap;
use std::sync::Arc;

impl Problem {
    /// The problem without kinks in what its levels minimise and constrain; `None` if there are none. Else the first that
    /// stands where neither sense keeps it at one of its branches.
    pub fn without_kinks(&self) -> Result<Option<Smooth>, Fact> {
        let bodies: Vec<NodeId> = self.stages.iter().flat_map(|s| &s.terms).map(|term| term.family.body).collect();
        let is_kink = |id: &NodeId| matches!(self.graph.node(*id), Node::Call(Op::Abs | Op::Max | Op::Min, _));
        if !self.graph.reachable(&bodies).iter().any(is_kink) {
            return Ok(None);
        }
        let mut out = Smooth::of(self);
        let levels = std::iter::once(None).chain((0..self.blocks.len() as u32).map(Some));
        for level in levels {
            Work::of(self, level).rewrite(&mut out)?;
        }
        Ok((!out.tops.is_empty()).then_some(out))
    }
}

/// The work on one level.
struct Work<'p> {
    whole: &'p Problem,
    block: Option<u32>,
    /// The level's own objectives and rows alone.
    view: Problem,
    /// For each stage that the level reads: which instance of the block each row belongs to.
    instances: Vec<Vec<Owner>>,
}

impl<'p> Work<'p> {
    fn of(whole: &'p Problem, block: Option<u32>) -> Work<'p> {
        let mut view = Problem { blocks: vec![], ..whole.clone() };
        if let Some(b) = block {
            let here = &whole.blocks[b as usize];
            (view.objectives, view.constraints) = (here.objectives.clone(), here.constraints.clone());
            view.scales.clear();
        }
        let mut work = Work { whole, block, view, instances: vec![] };
        if let Some(b) = block {
            work.instances = owners(whole, b);
        }
        work
    }

    fn rewrite(&self, out: &mut Smooth) -> Result<(), Fact> {
        let pressures = Pressures::of(&self.view);
        let on_stages = pressures.on_stages();
        let mut copies: HashMap<u32, StageId> = HashMap::new();
        for (k, stage) in self.whole.stages.iter().enumerate() {
            if on_stages[k] == Pressure::None || !pressures.depends(k) {
                continue;
            }
            let kinks: Vec<Vec<(NodeId, Pressure)>> =
                stage.terms.iter().map(|term| pressures.kinks(term, on_stages[k])).collect();
            let reads_copy = |source| matches!(source, Source::Stage(id) if copies.contains_key(&id.0));
            if kinks.iter().all(Vec::is_empty) && !stage.sources().any(reads_copy) {
                continue;
            }
            let mut copy = Stage { terms: vec![], ..stage.clone() };
            if let Some(matrix) = &mut copy.matrix {
                matrix.of = copies.get(&matrix.of.0).copied().unwrap_or(matrix.of);
            }
            for (term, kinks) in stage.terms.iter().zip(&kinks) {
                if term.family.leaves.iter().any(|leaf| leaf.source == Source::Stage(StageId(k as u32))) {
                    return Err(Fact::at("a kink stands inside of a recurrence", span_of(term)));
                }
                let mut family = term.family.clone();
                for leaf in &mut family.leaves {
                    if let Source::Stage(id) = &mut leaf.source {
                        *id = copies.get(&id.0).copied().unwrap_or(*id);
                    }
                }
                let replace = |out: &mut Smooth, family: &mut Family, kink: &Kink| self.top(out, family, kink, term);
                let family = out.rebuilt(&self.whole.graph, family, kinks, replace)?;
                copy.terms.push(Term { family, ..term.clone() });
            }
            copies.insert(k as u32, StageId(out.problem.stages.len() as u32));
            out.problem.stages.push(copy);
        }
        self.redirect(&mut out.problem, &copies);
        Ok(())
    }

    /// Adds a variable for each instance of the family, with a row for each branch, to the level; returns the leaf that
    /// reads it.
    fn top(&self, out: &mut Smooth, family: &mut Family, kink: &Kink, term: &Term) -> Result<NodeId, Fact> {
        let refused = |what: &str| Fact::at(format!("`{}` {what}", kink.name()), span_of(term));
        if !kink.kept {
            return Err(refused("stands where it bends the wrong way, or both ways count"));
        }
        let places = self.places(term).ok_or_else(|| refused("reads several instances of a block"))?;
        let around = self.block.map(|b| self.whole.blocks[b as usize].name.clone() + ".").unwrap_or_default();
        let variable = out.problem.variables.len() as u32;
        let (leaf, rows) = out.add(family, kink, term, &around, &places);
        let problem = &mut out.problem;
        let Some(b) = self.block else {
            problem.constraints.extend(rows);
            return Ok(leaf);
        };
        problem.blocks[b as usize].variables.push(variable);
        for row in rows {
            let dual = problem.variables.len() as u32;
            let name = format!("{}.dual", row.label);
            problem.variables.push(Variable::new(name, row.axes.clone(), problem.dimension, row.span));
            problem.dimension += row.rows;
            let here = &mut problem.blocks[b as usize];
            let by = SuppliedBy::Row(here.constraints.len() as u32);
            here.supplied.push(Supplied { variable: dual, by });
            here.constraints.push(row);
        }
        Ok(leaf)
    }

    /// Where what is added for the instances of a family stands: elements of one instance of the block together.
    fn places(&self, term: &Term) -> Option<Places> {
        let family = &term.family;
        let count = family.instances;
        let Some(b) = self.block else {
            return Some(Places::in_turn(count));
        };
        let around = &self.whole.blocks[b as usize].axes;
        let (of_variables, of_stages) = self.instances.split_last()?;
        let mut of_instance: Vec<Vec<u32>> = vec![vec![]; around.len()];
        for p in 0..count {
            let owner = match owner_of(family, p as usize, of_variables, of_stages) {
                Owner::Instance(k) => k,
                Owner::Nobody if around.len() == 1 => 0,
                Owner::Nobody | Owner::Several => return None,
            };
            of_instance[owner as usize].push(p);
        }
        let most = of_instance.iter().map(Vec::len).max().unwrap_or(0) as u32;
        let mut axes = around.extended(&[Set::range(1.0, 1.0, most as usize)]);
        let mut places = vec![0; count as usize];
        let (mut next, mut kept) = (0, vec![]);
        for (k, mine) in of_instance.iter().enumerate() {
            let first = around.filter.as_ref().map_or(k as u32, |all| all[k]) * most;
            for (j, p) in mine.iter().enumerate() {
                places[*p as usize] = next;
                next += 1;
                kept.push(first + j as u32);
            }
        }
        if kept.len() < axes.len() {
            axes.filter = Some(Arc::from(kept));
        }
        Some(Places { axes, of: places })
    }

    /// Has the level read copies where there are any.
    fn redirect(&self, problem: &mut Problem, copies: &HashMap<u32, StageId>) {
        let redirect = |stage: &mut StageId| *stage = copies.get(&stage.0).copied().unwrap_or(*stage);
        let (objectives, constraints) = match self.block {
            None => (&mut problem.objectives, &mut problem.constraints),
            Some(b) => {
                let here = &mut problem.blocks[b as usize];
                (&mut here.objectives, &mut here.constraints)
            }
        };
        objectives.iter_mut().for_each(|objective| redirect(&mut objective.stage));
        constraints.iter_mut().for_each(|row| redirect(&mut row.stage));
    }
}
