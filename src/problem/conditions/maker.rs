//! Makes the conditions of blocks, one block after the other.
//!
//! They go to the outermost level, or into the block around the one they are of. Everything that a block owns begins with
//! its index, so there the rows stand in the order of the instances of that block.

use super::{Added, Conditions, Form, Side, add_numbers, add_variable, block_sign, constrain, rows_axes};
use crate::diag::Span;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::problem::adjoint::Seed;
use crate::problem::complementarity::implied_sides;
use crate::problem::index::Axes;
use crate::problem::owners::{Owner, owners};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Block, Constraint, Data, Problem, SuppliedBy};
use std::borrow::Cow;

/// The multiplier of bounds: of which scalar variable, where it stands, and of which sides.
#[derive(Clone, Copy)]
struct OfBound {
    variable: u32,
    at: u32,
    side: Side,
}

/// A multiplier in the sum that the form of Fritz John keeps at 1: its own size, or its square where it may have
/// either sign.
struct Weighed {
    instance: u32,
    at: u32,
    size: Size,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Plus,
    Minus,
    Square,
}

/// See [`Problem::conditions`].
pub(super) fn of_all_blocks(problem: &Problem, form: Form) -> Conditions {
    // Multipliers in the form of Fritz John have another size than those that bounds are given for.
    let whole = match form {
        Form::Kkt => Cow::Borrowed(problem),
        Form::FritzJohn => problem.with_free_multipliers(),
    };
    let problem = &*whole;
    let mut out = Maker::new(problem, Problem { blocks: vec![], ..problem.clone() }, form);
    for b in 0..problem.blocks.len() as u32 {
        out.block(b);
    }
    Conditions { problem: out.problem, added: out.added }
}

/// The conditions of Karush, Kuhn and Tucker of block `b` as rows of the block around it. The block stays, empty handed:
/// what it decided and what its multipliers supplied is decided by the block around it, with the multipliers of bounds.
pub(super) fn into_block_around(problem: &Problem, b: u32) -> Problem {
    let block = &problem.blocks[b as usize];
    let parent = block.parent.expect("it stands inside another");
    let around = &problem.blocks[parent as usize].axes;
    let first = problem.variables.len() as u32;
    let mut out = Maker::new(problem, problem.clone(), Form::Kkt);
    out.into = Some(Into { block: parent, axes: around.clone(), of: block.axes.instances(around) });
    out.block(b);
    let mut made = out.problem;
    // Multipliers of rows that were made are supplied, and stand behind those of bounds.
    let supplied: Vec<u32> = made.blocks[parent as usize].supplied.iter().map(|s| s.variable).collect();
    let bounds = (first..made.variables.len() as u32).filter(|v| !supplied.contains(v));
    let decided: Vec<u32> =
        block.variables.iter().copied().chain(block.supplied.iter().map(|s| s.variable)).chain(bounds).collect();
    made.blocks[parent as usize].variables.extend(decided);
    made
}

/// The block that conditions go into.
struct Into {
    block: u32,
    axes: Axes,
    /// Its instance, of each instance of the block that the conditions are of.
    of: Vec<u32>,
}

struct Maker<'p> {
    whole: &'p Problem,
    problem: Problem,
    /// `None`: the outermost level.
    into: Option<Into>,
    numbers: Numbers,
    bounds: Bounds,
    form: Form,
    added: Vec<Added>,
    /// Multipliers of the block that is being made.
    weighed: Vec<Weighed>,
}

impl<'p> Maker<'p> {
    fn new(whole: &'p Problem, problem: Problem, form: Form) -> Maker<'p> {
        let numbers = Numbers::of(whole);
        let bounds = Bounds::of(whole, &numbers);
        Maker { bounds, numbers, whole, problem, into: None, form, added: vec![], weighed: vec![] }
    }

    fn block(&mut self, b: u32) {
        let whole = self.whole;
        let block = &whole.blocks[b as usize];
        self.weighed.clear();
        let weights = match self.form {
            Form::Kkt => None,
            Form::FritzJohn => Some(self.weights_of(block)),
        };
        let groups: Vec<Vec<u32>> = match self.is_coupled(b) {
            true => (0..block.axes.len() as u32).map(|k| vec![k]).collect(),
            false => vec![(0..block.axes.len() as u32).collect()],
        };
        let sign = block_sign(block);
        let of_bounds = self.bound_multipliers(block, sign);
        for group in groups {
            self.stationarity(b, &group, weights, &of_bounds);
        }
        for (k, constraint) in block.constraints.iter().enumerate() {
            self.row_pairs(block, k as u32, constraint, sign);
        }
        for s in &block.supplied {
            self.supply_bound_duals(block, s.variable, s.by, &of_bounds);
        }
        if let Some(weights) = weights {
            self.normalise(block, weights);
        }
    }

    /// Whether an instance reads what another one of the block decides.
    fn is_coupled(&self, b: u32) -> bool {
        let block = &self.whole.blocks[b as usize];
        let owners = self.whole.owners();
        let zero = vec![0.0; self.whole.dimension as usize];
        let count = block.axes.len() as u32;
        count > 1
            && !self.is_apart(b)
            && (0..count).any(|k| {
                let level = self.whole.level(b, k, &zero);
                level.reads.iter().any(|&position| owners[position as usize] == Some(b))
            })
    }

    /// Whether what instances of a block minimise and constrain reads variables of their own alone, by one look at all of them;
    /// what holds blocks, has multipliers that others read, or reads itself is looked at one by one.
    fn is_apart(&self, b: u32) -> bool {
        let whole = self.whole;
        let block = &whole.blocks[b as usize];
        let holds = (0..whole.blocks.len() as u32).any(|other| other != b && whole.is_within(other, b));
        let recurs = |(k, stage): (usize, &Stage)| stage.sources().any(|s| s == Source::Stage(StageId(k as u32)));
        if holds || !block.supplied.is_empty() || whole.stages.iter().enumerate().any(recurs) {
            return false;
        }
        let owners = owners(whole, b);
        let own = |stage: StageId, axes: &Axes| {
            let rows = owners[stage.0 as usize].iter().zip(axes.instances(&block.axes));
            rows.into_iter().all(|(owner, k)| matches!(owner, Owner::Nobody) || *owner == Owner::Instance(k))
        };
        // Bounds and sides are data.
        let mut rows = block.constraints.iter();
        block.objectives.iter().all(|o| own(o.stage, &block.axes)) && rows.all(|c| own(c.stage, &c.axes))
    }

    /// `w` for each instance, in `[0, 1]`.
    fn weights_of(&mut self, block: &Block) -> u32 {
        let name = format!("{} weight", block.name);
        let number = add_variable(&mut self.problem, &name, block.axes.clone(), 0.0, 1.0);
        let offset = self.problem.variables[number as usize].offset;
        self.added.extend(std::iter::repeat_n(Added::Weight, block.axes.len()));
        offset
    }

    /// Multipliers of the finite bounds of what a block decides, and the pairs that are made with them. Those of both
    /// bounds of a variable are one number, unless the model asks for them one by one.
    fn bound_multipliers(&mut self, block: &Block, sign: f64) -> Vec<OfBound> {
        let mut all = vec![];
        for &number in &block.variables {
            let v = &self.whole.variables[number as usize];
            let instances = v.axes.instances(&block.axes);
            let apart = block
                .supplied
                .iter()
                .any(|s| matches!(s.by, SuppliedBy::Lower(k) | SuppliedBy::Upper(k) if k == number));
            let (mut lower, mut upper, mut both) = (vec![], vec![], vec![]);
            for j in v.offset..v.offset + v.axes.len() as u32 {
                let (l, u) = (self.bounds.lower[j as usize], self.bounds.upper[j as usize]);
                if l.is_finite() && u.is_finite() && !apart {
                    both.push(j);
                    continue;
                }
                lower.extend(l.is_finite().then_some(j));
                upper.extend(u.is_finite().then_some(j));
            }
            for (positions, side) in [(lower, Side::Lower), (upper, Side::Upper), (both, Side::Both)] {
                if positions.is_empty() {
                    continue;
                }
                let which = match side {
                    Side::Lower => "lower bound",
                    Side::Upper => "upper bound",
                    Side::Both => "bounds",
                };
                let label = format!("{} {which}", v.name);
                let of: Vec<u32> = positions.iter().map(|j| instances[(j - v.offset) as usize]).collect();
                let (free, axes) = (f64::INFINITY, self.axes_of(&of));
                let z = add_variable(&mut self.problem, &label, axes, -free, free);
                let first = self.problem.variables[z as usize].offset;
                let duals: Vec<u32> = (first..first + positions.len() as u32).collect();
                let sides = |j: &u32| {
                    let (l, u) = (self.bounds.lower[*j as usize], self.bounds.upper[*j as usize]);
                    match side {
                        Side::Lower => (l, f64::INFINITY),
                        Side::Upper => (f64::NEG_INFINITY, u),
                        Side::Both => (l, u),
                    }
                };
                // What bounds fix has a multiplier of either sign, and no pair.
                let moves = |j: &u32| self.bounds.lower[*j as usize] < self.bounds.upper[*j as usize];
                let paired: Vec<usize> = (0..positions.len()).filter(|k| moves(&positions[*k])).collect();
                if !paired.is_empty() {
                    let chosen: Vec<u32> = paired.iter().map(|k| positions[*k]).collect();
                    let sides: Vec<(f64, f64)> = chosen.iter().map(sides).collect();
                    let duals: Vec<u32> = paired.iter().map(|k| duals[*k]).collect();
                    let of = chosen.iter().map(|j| instances[(j - v.offset) as usize]).collect();
                    let here = Leaf { source: Source::Variables, map: IndexMap::from_positions(chosen) };
                    let elements: Vec<u32> = paired.iter().map(|k| positions[*k] - v.offset).collect();
                    let live = match side {
                        Side::Lower => (v.lower.chosen(&elements), Data::Constant(f64::INFINITY)),
                        Side::Upper => (Data::Constant(f64::NEG_INFINITY), v.upper.chosen(&elements)),
                        Side::Both => (v.lower.chosen(&elements), v.upper.chosen(&elements)),
                    };
                    self.pairs(&label, here, (&sides, live), (&duals, sign), of, v.span);
                }
                for (&variable, &at) in positions.iter().zip(&duals) {
                    all.push(OfBound { variable, at, side });
                    self.added.push(Added::Bound { variable, side });
                }
            }
        }
        all
    }

    /// `w ∇f - J'y - z = 0` for some instances of a block.
    fn stationarity(&mut self, b: u32, group: &[u32], weights: Option<u32>, of_bounds: &[OfBound]) {
        let whole = self.whole;
        let block = &whole.blocks[b as usize];
        let mut seeds = vec![];
        for objective in &block.objectives {
            let read = weights.map(|offset| Leaf {
                source: Source::Variables,
                map: IndexMap::from_positions(group.iter().map(|k| offset + k).collect()),
            });
            seeds.push(Seed { stage: objective.stage, rows: group.to_vec(), factor: 1.0, read });
        }
        for s in &block.supplied {
            let SuppliedBy::Row(k) = s.by else { continue };
            let constraint = &block.constraints[k as usize];
            if constraint.dropped {
                continue;
            }
            let instances = constraint.axes.instances(&block.axes);
            let rows: Vec<u32> =
                (0..constraint.rows).filter(|&r| group.binary_search(&instances[r as usize]).is_ok()).collect();
            let offset = whole.variables[s.variable as usize].offset;
            let map = IndexMap::from_positions(rows.iter().map(|r| offset + r).collect());
            let read = Some(Leaf { source: Source::Variables, map });
            seeds.push(Seed { stage: constraint.stage, rows, factor: -constraint.dual_sign, read });
        }
        let mut rows: Vec<(u32, u32)> = vec![];
        for &v in &block.variables {
            let v = &whole.variables[v as usize];
            let instances = v.axes.instances(&block.axes);
            rows.extend(
                (0..v.axes.len() as u32)
                    .filter(|&p| group.binary_search(&instances[p as usize]).is_ok())
                    .map(|p| (instances[p as usize], v.offset + p)),
            );
        }
        if let Some(into) = &self.into {
            rows.sort_by_key(|(instance, _)| into.of[*instance as usize]);
        }
        let (of, by): (Vec<u32>, Vec<u32>) = rows.into_iter().unzip();
        let name = format!("{} stationarity", block.name);
        let slopes = self.problem.add_slopes(&name, &seeds, &by);
        let mut place = vec![u32::MAX; whole.dimension as usize];
        by.iter().enumerate().for_each(|(j, &k)| place[k as usize] = j as u32);
        // A variable that is held by its bounds reads one multiplier, or one of each of them.
        for sides in [[Side::Lower, Side::Both], [Side::Upper, Side::Upper]] {
            let mine =
                || of_bounds.iter().filter(|z| sides.contains(&z.side) && place[z.variable as usize] != u32::MAX);
            let rows = mine().map(|z| place[z.variable as usize]).collect();
            let term = self.reading(mine().map(|z| z.at).collect(), -1.0, rows);
            self.problem.stages[slopes.0 as usize].terms.extend(term);
        }
        self.constrain(&name, slopes, &of, (Data::Constant(0.0), Data::Constant(0.0)), block.span);
    }

    /// Pairs of the rows of a constraint with their duals; equations stay what they are. The dual of a row without sides
    /// is 0.
    fn row_pairs(&mut self, block: &Block, k: u32, constraint: &Constraint, sign: f64) {
        let whole = self.whole;
        let Some(dual) = block.supplied.iter().find(|s| s.by == SuppliedBy::Row(k)).map(|s| s.variable) else { return };
        let offset = whole.variables[dual as usize].offset;
        let count = constraint.rows as usize;
        let lower = self.numbers.column(whole, &constraint.lower, count);
        let upper = self.numbers.column(whole, &constraint.upper, count);
        let kept = |r: &u32| !constraint.dropped && (lower[*r as usize].is_finite() || upper[*r as usize].is_finite());
        let (rows, open): (Vec<u32>, Vec<u32>) = (0..count as u32).partition(kept);
        let (equal, paired): (Vec<u32>, Vec<u32>) =
            rows.iter().partition(|r| lower[**r as usize] == upper[**r as usize]);
        if !open.is_empty() {
            let held = |given: &[f64]| -> Vec<f64> {
                let given = given[offset as usize..].iter();
                (0..count as u32).zip(given).map(|(r, v)| if open.contains(&r) { 0.0 } else { *v }).collect()
            };
            let (least, most) = (held(&self.bounds.lower), held(&self.bounds.upper));
            let (least, most) = (self.numbers(least), self.numbers(most));
            let variable = &mut self.problem.variables[dual as usize];
            (variable.lower, variable.upper) = (Data::Read(least), Data::Read(most));
        }
        let instances = constraint.axes.instances(&block.axes);
        let of = |rows: &[u32]| -> Vec<u32> { rows.iter().map(|r| instances[*r as usize]).collect() };
        let read = |rows: &[u32]| Leaf {
            source: Source::Stage(constraint.stage),
            map: IndexMap::from_positions(rows.to_vec()),
        };
        if !equal.is_empty() {
            let stage = self.copied(&constraint.label, read(&equal), equal.len() as u32);
            let side = constraint.lower.chosen(&equal);
            self.constrain(&constraint.label, stage, &of(&equal), (side.clone(), side), constraint.span);
            let square = |(r, instance): (&u32, u32)| Weighed { instance, at: offset + r, size: Size::Square };
            self.weighed.extend(equal.iter().zip(of(&equal)).map(square));
        }
        if !paired.is_empty() {
            let sides: Vec<(f64, f64)> = paired.iter().map(|r| (lower[*r as usize], upper[*r as usize])).collect();
            let duals: Vec<u32> = paired.iter().map(|r| offset + r).collect();
            let turn = sign * constraint.dual_sign;
            let live = (constraint.lower.chosen(&paired), constraint.upper.chosen(&paired));
            self.pairs(&constraint.label, read(&paired), (&sides, live), (&duals, turn), of(&paired), constraint.span);
        }
    }

    /// A supplied multiplier of bounds equals those that the conditions have.
    fn supply_bound_duals(&mut self, block: &Block, supplied: u32, by: SuppliedBy, of_bounds: &[OfBound]) {
        let (of, unwanted): (u32, Option<Side>) = match by {
            SuppliedBy::Row(_) => return,
            SuppliedBy::Lower(v) => (v, Some(Side::Upper)),
            SuppliedBy::Upper(v) => (v, Some(Side::Lower)),
            SuppliedBy::ReducedCost(v) => (v, None),
        };
        let (owner, own) = (&self.whole.variables[of as usize], &self.whole.variables[supplied as usize]);
        let instances = owner.axes.instances(&block.axes);
        let (first, count) = (owner.offset, owner.axes.len() as u32);
        let (name, span, offset) = (own.name.clone(), own.span, own.offset);
        let rows: Vec<u32> = (0..count).collect();
        let mut terms: Vec<Term> = vec![];
        terms.extend(self.reading(rows.iter().map(|r| offset + r).collect(), 1.0, rows));
        for side in [Side::Lower, Side::Upper, Side::Both].into_iter().filter(|side| Some(*side) != unwanted) {
            let mine = || of_bounds.iter().filter(|z| z.side == side && (first..first + count).contains(&z.variable));
            let rows = mine().map(|z| z.variable - first).collect();
            terms.extend(self.reading(mine().map(|z| z.at).collect(), -1.0, rows));
        }
        let stage = self.stage(&name, count, terms);
        self.constrain(&name, stage, &instances, (Data::Constant(0.0), Data::Constant(0.0)), span);
    }

    /// `w + Σ |y| + Σ y² = 1` for each instance; squares are of multipliers that may have either sign.
    fn normalise(&mut self, block: &Block, weights: u32) {
        let count = block.axes.len() as u32;
        let mut terms: Vec<Term> = vec![];
        terms.extend(self.reading((weights..weights + count).collect(), 1.0, (0..count).collect()));
        for size in [Size::Plus, Size::Minus, Size::Square] {
            let mine: Vec<&Weighed> = self.weighed.iter().filter(|w| w.size == size).collect();
            let positions: Vec<u32> = mine.iter().map(|w| w.at).collect();
            let target: Vec<u32> = mine.iter().map(|w| w.instance).collect();
            if positions.is_empty() {
                continue;
            }
            let graph = &mut self.problem.graph;
            let x = graph.leaf(0);
            let body = match size {
                Size::Plus => x,
                Size::Minus => graph.scale(-1.0, x),
                Size::Square => graph.square(x),
            };
            let instances = positions.len() as u32;
            let leaves = vec![Leaf { source: Source::Variables, map: IndexMap::from_positions(positions) }];
            let family = Family { instances, leaves, body };
            terms.push(Term { family, target: IndexMap::from_positions(target), level: 0, origin: (0, 0, 0) });
        }
        let label = format!("{} weights", block.name);
        let stage = self.stage(&label, count, terms);
        let of: Vec<u32> = (0..count).collect();
        self.constrain(&label, stage, &of, (Data::Constant(1.0), Data::Constant(1.0)), block.span);
    }

    /// Pairs of what is read, between its sides (as numbers, and as data that move with parameters), with multipliers times
    /// `turn`; `of`: the instance of each.
    fn pairs(
        &mut self,
        label: &str,
        here: Leaf,
        (sides, (lower, upper)): (&[(f64, f64)], (Data, Data)),
        (duals, turn): (&[u32], f64),
        of: Vec<u32>,
        span: Span,
    ) {
        let rows = sides.len() as u32;
        let stage = self.copied(label, here, rows);
        self.constrain(label, stage, &of, (lower, upper), span);
        let terms = self.reading(duals.to_vec(), turn, (0..rows).collect()).into_iter().collect();
        let force = format!("{label} multiplier");
        let stage = self.stage(&force, rows, terms);
        let implied: Vec<(f64, f64)> = sides.iter().map(|(l, u)| implied_sides(*l, *u)).collect();
        let least = Data::Read(self.numbers(implied.iter().map(|(l, _)| *l).collect()));
        let most = Data::Read(self.numbers(implied.iter().map(|(_, u)| *u).collect()));
        self.constrain(&force, stage, &of, (least, most), span);
        let made = match &self.into {
            None => &mut self.problem.constraints,
            Some(into) => &mut self.problem.blocks[into.block as usize].constraints,
        };
        made.last_mut().expect("it was just added").complements = true;
        for ((&at, instance), (least, most)) in duals.iter().zip(of).zip(implied) {
            let size = match (turn * least >= 0.0 && turn * most >= 0.0, turn * least <= 0.0 && turn * most <= 0.0) {
                (true, _) => Size::Plus,
                (_, true) => Size::Minus,
                (false, false) => Size::Square,
            };
            self.weighed.push(Weighed { instance, at, size });
        }
    }

    fn stage(&mut self, name: &str, rows: u32, terms: Vec<Term>) -> StageId {
        self.problem.stages.push(Stage::sum(name, rows, terms));
        StageId(self.problem.stages.len() as u32 - 1)
    }

    /// A stage of what is read.
    fn copied(&mut self, name: &str, here: Leaf, rows: u32) -> StageId {
        let family = Family { instances: rows, leaves: vec![here], body: self.problem.graph.leaf(0) };
        self.stage(name, rows, vec![Term { family, target: IndexMap::IDENTITY, level: 0, origin: (0, 0, 0) }])
    }

    /// A term that reads variables at `positions` times `factor` into rows `rows`; nothing if there are none.
    fn reading(&mut self, positions: Vec<u32>, factor: f64, rows: Vec<u32>) -> Option<Term> {
        if positions.is_empty() {
            return None;
        }
        let x = self.problem.graph.leaf(0);
        let body = self.problem.graph.scale(factor, x);
        let instances = positions.len() as u32;
        let leaves = vec![Leaf { source: Source::Variables, map: IndexMap::from_positions(positions) }];
        let family = Family { instances, leaves, body };
        Some(Term { family, target: IndexMap::from_positions(rows), level: 0, origin: (0, 0, 0) })
    }

    /// A parameter with these numbers, read in order.
    fn numbers(&mut self, values: Vec<f64>) -> Leaf {
        add_numbers(&mut self.problem, values)
    }

    /// Rows of the level that the conditions go to; `of`: the instance that each is of.
    fn constrain(&mut self, label: &str, stage: StageId, of: &[u32], sides: (Data, Data), span: Span) {
        let axes = self.axes_of(of);
        let Some(into) = &self.into else {
            constrain(&mut self.problem, label, (stage, of.len() as u32), sides, span);
            return;
        };
        let block = into.block;
        self.problem.add_rows(block, Constraint::new(label, axes, of.len() as u32, stage, sides, span));
    }

    /// The axes of rows that have no index in the model.
    fn axes_of(&self, of: &[u32]) -> Axes {
        let Some(into) = &self.into else { return rows_axes(of.len()) };
        let around: Vec<u32> = of.iter().map(|instance| into.of[*instance as usize]).collect();
        into.axes.with_rows(&around)
    }
}
