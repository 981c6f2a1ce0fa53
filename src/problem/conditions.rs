//! Problems inside a problem replaced by their optimality conditions: one level, with complementary pairs.
//!
//! For `min f(y)  s.t.  c(y) between its sides, y between its bounds` of a block, with everything else given, and with
//! multipliers as in `answer` (`y` of rows, `z` of bounds, derivatives of the objective as stated):
//!
//! ```text
//! ∇f - J'y - z = 0,      sides of c(y) ⟂ y,      bounds of y ⟂ z
//! ```
//! The pairs are those of [`super::complementarity`], with the multipliers turned so that they are not negative at a lower
//! side; what takes problems with pairs takes these. In the form of Fritz John `∇f` has a weight `w >= 0` of its own and
//! the sizes of all multipliers and weights together are 1, so that an answer at which no multipliers exist (no constraint
//! qualification holds) is not lost. A convex block is solved exactly where its conditions hold; of others this is only
//! necessary.

use super::adjoint::Seed;
use super::complementarity::implied_sides;
use super::index::{Axes, Set};
use super::values::{Bounds, Numbers};
use super::{Block, BlockKind, Constraint, Data, Param, Problem, Sense, SuppliedBy, Variable};
use crate::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Stage, StageId, Term};
use std::borrow::Cow;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Kkt,
    FritzJohn,
}

/// One level. New variables and rows stand behind those of the problem that it was made of.
#[derive(Clone, Debug)]
pub struct Conditions {
    pub problem: Problem,
    /// New scalar variables, and what they are at a point with multipliers of the blocks.
    pub added: Vec<Added>,
}

/// What a new scalar variable stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// The multiplier of a bound of a variable of a block, as stated, or the sum of those of both.
    Bound { variable: u32, side: Side },
    /// Of an objective, in the form of Fritz John.
    Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Lower,
    Upper,
    Both,
}

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

impl Problem {
    /// Conditions of `optimality` blocks as rows of the level around them, which then decides their variables.
    pub fn with_conditions_as_rows(&self) -> Cow<'_, Problem> {
        if self.blocks.iter().all(|block| block.kind != BlockKind::Optimality) {
            return Cow::Borrowed(self);
        }
        let mut out = self.clone();
        while let Some(b) = out.blocks.iter().rposition(|block| block.kind == BlockKind::Optimality) {
            let block = out.blocks.remove(b);
            for other in out.blocks.iter_mut().skip(b) {
                other.parent = match other.parent {
                    Some(p) if p as usize == b => block.parent,
                    Some(p) if p as usize > b => Some(p - 1),
                    p => p,
                };
            }
            let Some(parent) = block.parent else {
                out.constraints.extend(block.constraints);
                continue;
            };
            let first = out.blocks[parent as usize].constraints.len() as u32;
            out.blocks[parent as usize].variables.extend(block.variables);
            let supplies = out.blocks[parent as usize].kind != BlockKind::Optimality;
            for (k, constraint) in block.constraints.into_iter().enumerate() {
                if supplies {
                    let name = format!("{}.dual", constraint.label);
                    let number =
                        add_variable(&mut out, &name, constraint.axes.clone(), f64::NEG_INFINITY, f64::INFINITY);
                    let by = SuppliedBy::Row(first + k as u32);
                    out.blocks[parent as usize].supplied.push(super::Supplied { variable: number, by });
                }
                out.blocks[parent as usize].constraints.push(constraint);
            }
        }
        Cow::Owned(out)
    }

    /// The conditions of all blocks. There are only `lower` and `player` blocks, none inside another and none with pairs
    /// of its own.
    pub fn conditions(&self, form: Form) -> Conditions {
        let numbers = Numbers::of(self);
        let mut out = Maker {
            bounds: Bounds::of(self, &numbers),
            numbers,
            whole: self,
            problem: Problem { blocks: vec![], ..self.clone() },
            form,
            added: vec![],
            weighed: vec![],
        };
        for b in 0..self.blocks.len() as u32 {
            out.block(b);
        }
        Conditions { problem: out.problem, added: out.added }
    }
}

impl Conditions {
    /// The point of all variables with those that are new, at `whole` with multipliers of bounds `lower` and `upper`
    /// (one for each scalar variable of the problem, as stated).
    pub fn extended(&self, whole: &[f64], lower: &[f64], upper: &[f64]) -> Vec<f64> {
        let value = |added: &Added| match *added {
            Added::Bound { variable, side } => {
                let (lower, upper) = (lower[variable as usize], upper[variable as usize]);
                match side {
                    Side::Lower => lower,
                    Side::Upper => upper,
                    Side::Both => lower + upper,
                }
            }
            Added::Weight => 1.0,
        };
        let mut point = whole.to_vec();
        point.extend(self.added.iter().map(value));
        point
    }

    pub(super) fn equation(&mut self, label: &str, stage: StageId, rows: u32, side: f64, span: crate::diag::Span) {
        constrain(&mut self.problem, label, (stage, rows), Data::Constant(side), Data::Constant(side), span);
    }

    pub(super) fn at_most(&mut self, label: &str, stage: StageId, rows: u32, side: f64, span: crate::diag::Span) {
        let free = Data::Constant(f64::NEG_INFINITY);
        constrain(&mut self.problem, label, (stage, rows), free, Data::Constant(side), span);
    }
}

struct Maker<'p> {
    whole: &'p Problem,
    problem: Problem,
    numbers: Numbers,
    bounds: Bounds,
    form: Form,
    added: Vec<Added>,
    /// Multipliers of the block that is being made.
    weighed: Vec<Weighed>,
}

impl Maker<'_> {
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
            self.supply_bound_duals(s.variable, s.by, &of_bounds);
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
            && (0..count).any(|k| {
                let level = self.whole.level(b, k, &zero);
                level.reads.iter().any(|&position| owners[position as usize] == Some(b))
            })
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
                let (free, axes) = (f64::INFINITY, rows_axes(positions.len()));
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
                    self.pairs(&label, here, &sides, (&duals, sign), of, v.span);
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
        let mut by: Vec<u32> = vec![];
        for &v in &block.variables {
            let v = &whole.variables[v as usize];
            let instances = v.axes.instances(&block.axes);
            by.extend(
                (0..v.axes.len() as u32)
                    .filter(|&p| group.binary_search(&instances[p as usize]).is_ok())
                    .map(|p| v.offset + p),
            );
        }
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
        self.constrain(&name, slopes, by.len() as u32, Data::Constant(0.0), Data::Constant(0.0), block.span);
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
            let most: Vec<f64> =
                (0..count as u32).map(|r| if open.contains(&r) { 0.0 } else { f64::INFINITY }).collect();
            let (least, most) = (self.numbers(most.iter().map(|v| -v).collect()), self.numbers(most));
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
            let sides: Vec<f64> = equal.iter().map(|r| lower[*r as usize]).collect();
            let stage = self.copied(&constraint.label, read(&equal), equal.len() as u32);
            let side = Data::Read(self.numbers(sides));
            self.constrain(&constraint.label, stage, equal.len() as u32, side.clone(), side, constraint.span);
            let square = |(r, instance): (&u32, u32)| Weighed { instance, at: offset + r, size: Size::Square };
            self.weighed.extend(equal.iter().zip(of(&equal)).map(square));
        }
        if !paired.is_empty() {
            let sides: Vec<(f64, f64)> = paired.iter().map(|r| (lower[*r as usize], upper[*r as usize])).collect();
            let duals: Vec<u32> = paired.iter().map(|r| offset + r).collect();
            let turn = sign * constraint.dual_sign;
            self.pairs(&constraint.label, read(&paired), &sides, (&duals, turn), of(&paired), constraint.span);
        }
    }

    /// A supplied multiplier of bounds equals those that the conditions have.
    fn supply_bound_duals(&mut self, supplied: u32, by: SuppliedBy, of_bounds: &[OfBound]) {
        let (of, unwanted): (u32, Option<Side>) = match by {
            SuppliedBy::Row(_) => return,
            SuppliedBy::Lower(v) => (v, Some(Side::Upper)),
            SuppliedBy::Upper(v) => (v, Some(Side::Lower)),
            SuppliedBy::ReducedCost(v) => (v, None),
        };
        let (owner, own) = (&self.whole.variables[of as usize], &self.whole.variables[supplied as usize]);
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
        self.constrain(&name, stage, count, Data::Constant(0.0), Data::Constant(0.0), span);
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
        self.constrain(&label, stage, count, Data::Constant(1.0), Data::Constant(1.0), block.span);
    }

    /// Pairs of what is read, between its sides, with multipliers times `turn`; `of`: the instance of each.
    fn pairs(
        &mut self,
        label: &str,
        here: Leaf,
        sides: &[(f64, f64)],
        (duals, turn): (&[u32], f64),
        of: Vec<u32>,
        span: crate::diag::Span,
    ) {
        let rows = sides.len() as u32;
        let stage = self.copied(label, here, rows);
        let lower = Data::Read(self.numbers(sides.iter().map(|(l, _)| *l).collect()));
        let upper = Data::Read(self.numbers(sides.iter().map(|(_, u)| *u).collect()));
        self.constrain(label, stage, rows, lower, upper, span);
        let terms = self.reading(duals.to_vec(), turn, (0..rows).collect()).into_iter().collect();
        let force = format!("{label} multiplier");
        let stage = self.stage(&force, rows, terms);
        let implied: Vec<(f64, f64)> = sides.iter().map(|(l, u)| implied_sides(*l, *u)).collect();
        let least = Data::Read(self.numbers(implied.iter().map(|(l, _)| *l).collect()));
        let most = Data::Read(self.numbers(implied.iter().map(|(_, u)| *u).collect()));
        self.constrain(&force, stage, rows, least, most, span);
        self.problem.constraints.last_mut().expect("it was just added").complements = true;
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
        let id = add_param(&mut self.problem, values);
        Leaf { source: Source::Param(id), map: IndexMap::IDENTITY }
    }

    fn constrain(&mut self, label: &str, stage: StageId, rows: u32, lower: Data, upper: Data, span: crate::diag::Span) {
        constrain(&mut self.problem, label, (stage, rows), lower, upper, span);
    }
}

/// 1 for a block that minimises, -1 for one that maximises.
pub fn block_sign(block: &Block) -> f64 {
    match block.objectives.first().map(|o| o.sense) {
        Some(Sense::Maximize) => -1.0,
        Some(Sense::Minimize) | None => 1.0,
    }
}

fn constrain(
    problem: &mut Problem,
    label: &str,
    (stage, rows): (StageId, u32),
    lower: Data,
    upper: Data,
    span: crate::diag::Span,
) {
    problem.constraints.push(Constraint::new(label, rows_axes(rows as usize), rows, stage, (lower, upper), span));
}

/// Rows that have no index in the model.
fn rows_axes(count: usize) -> Axes {
    Axes::product(vec![Set::range(1.0, 1.0, count)])
}

pub(super) fn add_variable(problem: &mut Problem, name: &str, axes: Axes, lower: f64, upper: f64) -> u32 {
    let (offset, size) = (problem.dimension, axes.len() as u32);
    problem.variables.push(Variable {
        lower: Data::Constant(lower),
        upper: Data::Constant(upper),
        ..Variable::new(name, axes, offset, Default::default())
    });
    problem.dimension += size;
    problem.variables.len() as u32 - 1
}

fn add_param(problem: &mut Problem, values: Vec<f64>) -> ParamId {
    let axes = Axes::product(vec![Set::range(1.0, 1.0, values.len())]);
    let values = Arc::new(values);
    let span = Default::default();
    problem.params.push(Param { name: String::new(), axes, values, structural: false, span });
    ParamId(problem.params.len() as u32 - 1)
}
