//! Sums over a small index inside a large one, in an order in which the large one runs along memory.
//!
//! In `z[i, k] = Σ_c l[k, c] x[i, c]` with many values of `i`, instance `p = i L + j` reads and writes at
//! `map(p + L) = map(p) + stride`, with `j` one of `L` pairs `(k, c)`: every leaf has to be gathered. With the instances
//! in the order of `j` and then `i`, `l` is one number for all `i`. Rows of stages that only other stages read move
//! likewise, from `i S + s` to `s N + i`, and so do copies of data; then `x` and `z` lie along memory, and the loops over
//! `i` vectorise ([`super::runs`]). Both orders are worked out for tiles of `i`, which keep to the cache.

use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::expr::graph::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// Runs are worth it from here on.
const LEAST: usize = 64;
/// Values of the large index that stay together.
const TILE: usize = 1024;

/// What may be done with a stage, and how many numbers a source has.
pub struct Facts<'a> {
    /// The node of the first leaf.
    pub leaf: NodeId,
    /// Stages whose rows may move.
    pub free: &'a [bool],
    /// Stages whose terms may be reordered: not those that are rows of the problem, whose entries lie well as they are.
    pub inner: &'a [bool],
    /// Rows of stages and lengths of parameters that do not depend on variables.
    pub data: &'a dyn Fn(Source) -> Option<usize>,
    /// A term that is something else than a sum of instances: a product with a matrix.
    pub whole: &'a dyn Fn(&Term) -> bool,
}

/// The order of `count * size` things, thing `s` of `i` at `i size + s` before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Layout {
    count: usize,
    size: usize,
}

impl Layout {
    fn moved(self, q: usize) -> usize {
        let (i, s) = (q / self.size, q % self.size);
        let (begin, length) = self.tile(i / TILE);
        begin * self.size + s * length + (i - begin)
    }

    fn tile(self, t: usize) -> (usize, usize) {
        (t * TILE, TILE.min(self.count - t * TILE))
    }

    /// Where each was before.
    fn order(self) -> impl Iterator<Item = usize> {
        (0..self.count.div_ceil(TILE)).flat_map(move |t| {
            let (begin, length) = self.tile(t);
            (0..self.size).flat_map(move |s| (0..length).map(move |i| (begin + i) * self.size + s))
        })
    }
}

/// The stages, where something is gained by it, with rows and terms in another order; copies of data stand at the end.
pub fn arranged(stages: &[Stage], facts: &Facts) -> Option<Vec<Stage>> {
    let mut plan = Plan { stages, facts, layouts: BTreeMap::new() };
    let counts: BTreeSet<usize> =
        plan.terms().flat_map(|term| plan.counts(term)).filter(|count| *count >= LEAST).collect();
    for count in counts.into_iter().rev() {
        plan.consider(count);
    }
    let orders: Vec<Vec<Option<Layout>>> = (0..stages.len()).map(|s| plan.orders(s)).collect();
    if plan.layouts.is_empty() && orders.iter().flatten().all(Option::is_none) {
        return None;
    }
    let mut copies: BTreeMap<(Source, Layout), StageId> = BTreeMap::new();
    let mut all: Vec<Stage> = stages.to_vec();
    for (s, orders) in orders.into_iter().enumerate() {
        for (t, order) in orders.into_iter().enumerate() {
            let term = &stages[s].terms[t];
            let mut target = term.target.clone();
            let mut leaves = term.family.leaves.clone();
            for leaf in &mut leaves {
                if let Some((layout, length)) = order.and_then(|order| plan.copied(leaf, order, term)) {
                    let next = StageId((stages.len() + copies.len()) as u32);
                    let id = *copies.entry((leaf.source, layout)).or_insert(next);
                    if id == next {
                        all.push(copy(facts.leaf, leaf.source, layout, length));
                    }
                    leaf.map = plan.ordered(&leaf.map, Some(layout), order, term);
                    leaf.source = Source::Stage(id);
                } else {
                    leaf.map = plan.ordered(&leaf.map, plan.layout(leaf.source), order, term);
                }
            }
            target = plan.ordered(&target, plan.layouts.get(&s).copied(), order, term);
            let changed = &mut all[s].terms[t];
            changed.target = target;
            changed.family.leaves = leaves;
        }
    }
    Some(all)
}

/// A stage with the numbers of a source in the order of a layout.
fn copy(body: NodeId, source: Source, layout: Layout, length: usize) -> Stage {
    let map = IndexMap::from_positions(layout.order().map(|q| q as u32).collect());
    let family = Family { instances: length as u32, leaves: vec![Leaf { source, map }], body };
    Stage::sum("", length as u32, vec![Term { family, target: IndexMap::IDENTITY, level: 0, origin: (0, 0, 0) }])
}

struct Plan<'a> {
    stages: &'a [Stage],
    facts: &'a Facts<'a>,
    /// By stage: how its rows are moved.
    layouts: BTreeMap<usize, Layout>,
}

impl Plan<'_> {
    /// Terms that may be reordered.
    fn terms(&self) -> impl Iterator<Item = &Term> {
        let inner = self.stages.iter().zip(self.facts.inner).filter(|(_, inner)| **inner);
        inner.flat_map(|(stage, _)| &stage.terms)
    }

    /// How many values the large index of a term may have.
    fn counts(&self, term: &Term) -> Vec<usize> {
        let instances = term.family.instances as usize;
        let of_map = |map: &IndexMap| match map {
            IndexMap::Tile { length, .. } | IndexMap::Repeat { length, .. } => Some(*length as usize),
            IndexMap::Affine { .. } | IndexMap::Gather(_) => None,
        };
        let maps = term.family.leaves.iter().map(|leaf| &leaf.map).chain([&term.target]);
        let lengths = maps.filter_map(of_map).filter(|length| *length > 1 && instances.is_multiple_of(*length));
        let reordered = (term.level == 0 && !(self.facts.whole)(term)).then_some(lengths);
        reordered.into_iter().flatten().map(|length| instances / length).collect()
    }

    /// Moves the rows of all stages that have `count` times as many as something small, if that is a gain.
    fn consider(&mut self, count: usize) {
        let fits = |s: &usize| {
            let stage = &self.stages[*s];
            let size = stage.rows as usize / count;
            let whole = size > 1 && stage.rows as usize == size * count;
            let regular = |term: &Term| {
                let order = self.order_of(term, count);
                order.is_some_and(|order| stride_of(&term.target, order.size, term) == Some(size as i64))
            };
            self.facts.free[*s] && whole && !self.layouts.contains_key(s) && stage.terms.iter().all(regular)
        };
        let fitting: Vec<usize> = (0..self.stages.len()).filter(fits).collect();
        let before = self.cost();
        let kept = self.layouts.clone();
        for s in fitting {
            self.layouts.insert(s, Layout { count, size: self.stages[s].rows as usize / count });
        }
        // A quarter less: what follows from the order of rows, in sweeps and Jacobians, is not counted.
        if 4.0 * self.cost() > 3.0 * before {
            self.layouts = kept;
        }
    }

    /// The order in which a term has `count` values of its large index, if all its maps go on regularly.
    fn order_of(&self, term: &Term, count: usize) -> Option<Layout> {
        let instances = term.family.instances as usize;
        let order = Layout { count, size: instances / count };
        let whole = order.size > 0 && order.size * count == instances && term.level == 0;
        let mut maps = term.family.leaves.iter().map(|leaf| &leaf.map).chain([&term.target]);
        let regular = whole && maps.all(|map| stride_of(map, order.size, term).is_some());
        (regular && !(self.facts.whole)(term)).then_some(order)
    }

    /// In which order each term of a stage costs the least; none: as it is.
    fn orders(&self, s: usize) -> Vec<Option<Layout>> {
        self.stages[s].terms.iter().map(|term| self.best(s, term).0).collect()
    }

    fn best(&self, s: usize, term: &Term) -> (Option<Layout>, f64) {
        let mut best = (None, self.cost_of(s, term, None));
        if self.facts.inner[s] {
            let moved = term.family.leaves.iter().filter_map(|leaf| self.layout(leaf.source));
            let counts = moved.chain(self.layouts.get(&s).copied()).map(|layout| layout.count);
            for count in counts.chain(self.counts(term)).filter(|count| *count >= LEAST).collect::<BTreeSet<_>>() {
                let order = self.order_of(term, count).filter(|order| order.size > 1);
                let cost = order.map_or(f64::INFINITY, |order| self.cost_of(s, term, Some(order)));
                if 4.0 * cost < 3.0 * best.1 {
                    best = (order, cost);
                }
            }
        }
        best
    }

    fn cost(&self) -> f64 {
        let inner = (0..self.stages.len()).filter(|s| self.facts.inner[*s]);
        inner.flat_map(|s| self.stages[s].terms.iter().map(move |term| self.best(s, term).1)).sum()
    }

    /// How long it takes to gather what a term reads and to scatter what it computes, in single numbers.
    fn cost_of(&self, s: usize, term: &Term, order: Option<Layout>) -> f64 {
        let of_leaf = |leaf: &Leaf| {
            let copied = order.is_some_and(|order| self.copied(leaf, order, term).is_some());
            if copied { IN_RUNS } else { self.cost_of_map(&leaf.map, self.layout(leaf.source), order, term) }
        };
        let leaves: f64 = term.family.leaves.iter().map(of_leaf).sum();
        let target = self.cost_of_map(&term.target, self.layouts.get(&s).copied(), order, term);
        (leaves + target) * f64::from(term.family.instances)
    }

    fn cost_of_map(&self, map: &IndexMap, layout: Option<Layout>, order: Option<Layout>, term: &Term) -> f64 {
        let stride = order.and_then(|order| stride_of(map, order.size, term));
        match (layout, order, map) {
            (None, Some(_), _) if matches!(stride, Some(0 | 1)) => IN_RUNS,
            (Some(_), Some(_), _) if stride == Some(0) => IN_RUNS,
            (Some(layout), Some(order), _) if layout.count == order.count && stride == Some(layout.size as i64) => {
                IN_RUNS
            }
            (_, Some(_), _) => 1.0,
            (None, None, IndexMap::Affine { stride: 0 | 1, .. }) => IN_RUNS,
            (Some(layout), None, IndexMap::Affine { stride, .. }) if *stride == layout.size as i64 => IN_RUNS,
            (None, None, IndexMap::Tile { stride: 1, length, .. }) if *length as usize >= LEAST => IN_RUNS,
            (None, None, IndexMap::Repeat { length, .. }) if *length as usize >= LEAST => IN_RUNS,
            (None, None, IndexMap::Repeat { .. }) => 0.4,
            (_, None, _) => 1.0,
        }
    }

    fn layout(&self, source: Source) -> Option<Layout> {
        match source {
            Source::Stage(z) => self.layouts.get(&(z.0 as usize)).copied(),
            Source::Variables | Source::Param(_) | Source::After(_) => None,
        }
    }

    /// How a copy of the data that a leaf reads would be laid out, and how long it is, if it has columns to be copied.
    fn copied(&self, leaf: &Leaf, order: Layout, term: &Term) -> Option<(Layout, usize)> {
        let length = (self.facts.data)(leaf.source)?;
        let stride = stride_of(&leaf.map, order.size, term).filter(|stride| *stride > 1)? as usize;
        let regular = length.is_multiple_of(stride) && length <= term.family.instances as usize;
        regular.then_some((Layout { count: length / stride, size: stride }, length))
    }

    /// A map into what has a layout, for the instances of a term in an order.
    fn ordered(&self, map: &IndexMap, layout: Option<Layout>, order: Option<Layout>, term: &Term) -> IndexMap {
        if layout.is_none() && order.is_none() {
            return map.clone();
        }
        let place = |p: usize| layout.map_or(map.at(p), |layout| layout.moved(map.at(p))) as u32;
        IndexMap::from_positions(match order {
            Some(order) => order.order().map(place).collect(),
            None => (0..term.family.instances as usize).map(place).collect(),
        })
    }
}

/// What reading or writing one number in a run costs beside gathering it.
const IN_RUNS: f64 = 0.1;

/// By how much a map goes on over `period` instances, if that is the same everywhere.
fn stride_of(map: &IndexMap, period: usize, term: &Term) -> Option<i64> {
    let instances = term.family.instances as usize;
    match map {
        IndexMap::Affine { stride, .. } => Some(stride * period as i64),
        IndexMap::Tile { length, .. } => period.is_multiple_of(*length as usize).then_some(0),
        IndexMap::Repeat { stride, length, .. } => {
            period.is_multiple_of(*length as usize).then(|| stride * (period / *length as usize) as i64)
        }
        IndexMap::Gather(positions) => {
            let positions = &positions[..instances];
            let stride = *positions.get(period)? as i64 - positions[0] as i64;
            let regular = positions.iter().zip(&positions[period..]).all(|(a, b)| *a as i64 + stride == *b as i64);
            regular.then_some(stride)
        }
    }
}
