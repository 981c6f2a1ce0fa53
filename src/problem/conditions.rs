//! Problems inside a problem replaced by their optimality conditions: one level, with complementary pairs.
//!
//! For `min f(y)  s.t.  c(y) between its sides, y between its bounds` of a block, with everything else given, and with
//! multipliers as in `answer` (`y` of rows, `z` of bounds, derivatives of the objective as stated):
//!
//! ```text
//! ∇f - J'y - z = 0,      0 <= G  ⟂  H >= 0
//! ```
//! where each pair has the distance `G` of a row or a variable to one of its sides and the multiplier `H` of that side,
//! its sign turned so that it is not negative. In the form of Fritz John `∇f` has a weight `w >= 0` of its own and all
//! multipliers and weights together are 1, so that an answer at which no multipliers exist (no constraint qualification
//! holds) is not lost. A convex block is solved exactly where its conditions hold; of others this is only necessary.

use super::adjoint::Seed;
use super::index::{Axes, Set};
use super::values::{Bounds, Numbers};
use super::{Block, BlockKind, Constraint, Data, Param, Problem, Sense, SuppliedBy, Variable};
use crate::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Stage, StageId, Term};
use crate::expr::graph::NodeId;
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
    /// Rows `G` and `H` of all pairs, in the same order.
    pub distance: StageId,
    pub force: StageId,
    /// The constraint `G H <= t`, by its number, and `t`.
    pub product: usize,
    pub relaxation: ParamId,
    pub pairs: Vec<Pair>,
    /// New variables, and what they are at a point with multipliers of the blocks.
    pub added: Vec<Added>,
    /// Weights of objectives, in the form of Fritz John.
    pub weights: Vec<u32>,
    /// For each block the number of its first constraint here.
    rows_of: Vec<usize>,
}

/// `0 <= G ⟂ H >= 0`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub of: PairOf,
    /// `H` is `turn` (1 or -1) times the variable at position `dual`.
    pub dual: u32,
    pub turn: f64,
}

/// What of a pair is held at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    Distance,
    Force,
    Both,
}

/// The quantity of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairOf {
    /// A scalar variable of the problem, at its lower (`true`) or upper bound.
    Bound { variable: u32, lower: bool },
    /// Row `row` of a constraint of a block.
    Row { block: u32, constraint: u32, row: u32, lower: bool },
}

/// What a new scalar variable stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// The multiplier of a bound of a variable of a block, as stated.
    Bound {
        variable: u32,
        lower: bool,
    },
    /// The multiplier of one side of a two-sided row, whose dual is at this position of the point; turned to be `>= 0`.
    Side {
        dual: u32,
        sign: f64,
    },
    Weight,
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

    /// The conditions of all blocks. There are only `lower` and `player` blocks, and none inside another.
    pub fn conditions(&self, form: Form) -> Conditions {
        let numbers = Numbers::of(self);
        let mut out = Maker {
            bounds: Bounds::of(self, &numbers),
            whole: self,
            problem: Problem { blocks: vec![], ..self.clone() },
            form,
            distance: vec![],
            force: vec![],
            sides: vec![],
            added: vec![],
            weights: vec![],
            rows_of: vec![],
        };
        for b in 0..self.blocks.len() as u32 {
            out.block(b);
        }
        out.finish()
    }
}

impl Conditions {
    /// The point of all variables with those that are new, at `whole` with multipliers of bounds `lower` and `upper`
    /// (one for each scalar variable of the problem, as stated).
    pub fn extended(&self, whole: &[f64], lower: &[f64], upper: &[f64]) -> Vec<f64> {
        let value = |added: &Added| match *added {
            Added::Bound { variable, lower: true } => lower[variable as usize],
            Added::Bound { variable, lower: false } => upper[variable as usize],
            Added::Side { dual, sign } => (sign * whole[dual as usize]).max(0.0),
            Added::Weight => 1.0,
        };
        let mut point = whole.to_vec();
        point.extend(self.added.iter().map(value));
        point
    }

    /// The problem in which one side of each pair is held at 0, where it is chosen, and no pair must be complementary
    /// otherwise. It is smooth where the functions are.
    pub fn held(&self, zero: &[Option<Zero>]) -> Problem {
        let mut out = self.problem.clone();
        out.constraints[self.product].dropped = true;
        let mut bounds = Bounds::of(&out, &Numbers::of(&out));
        let starts = out.row_starts();
        for (k, (pair, zero)) in self.pairs.iter().zip(zero).enumerate() {
            let Some(zero) = zero else { continue };
            if matches!(zero, Zero::Force | Zero::Both) {
                (bounds.lower[pair.dual as usize], bounds.upper[pair.dual as usize]) = (0.0, 0.0);
            }
            if matches!(zero, Zero::Distance | Zero::Both) {
                let (l, u, lower) = match pair.of {
                    PairOf::Bound { variable: j, lower } => {
                        (&mut bounds.lower[j as usize], &mut bounds.upper[j as usize], lower)
                    }
                    PairOf::Row { lower, .. } => {
                        let r = self.row_in(&starts, k);
                        (&mut bounds.row_lower[r], &mut bounds.row_upper[r], lower)
                    }
                };
                if lower { *u = *l } else { *l = *u }
            }
        }
        bounds.put(&mut out);
        out
    }

    /// The scalar row of a pair that is about a row, in `problem` (this one, or what [`Conditions::held`] made).
    pub fn row_of(&self, problem: &Problem, pair: usize) -> usize {
        self.row_in(&problem.row_starts(), pair)
    }

    fn row_in(&self, starts: &[usize], pair: usize) -> usize {
        let PairOf::Row { block, constraint, row, .. } = self.pairs[pair].of else {
            unreachable!("bounds have no row")
        };
        starts[self.rows_of[block as usize] + constraint as usize] + row as usize
    }

    pub(super) fn equation(&mut self, label: &str, stage: StageId, rows: u32, side: f64, span: crate::diag::Span) {
        constrain(&mut self.problem, label, (stage, rows), Data::Constant(side), Data::Constant(side), span);
    }

    pub(super) fn at_most(&mut self, label: &str, stage: StageId, rows: u32, side: f64, span: crate::diag::Span) {
        let free = Data::Constant(f64::NEG_INFINITY);
        constrain(&mut self.problem, label, (stage, rows), free, Data::Constant(side), span);
    }

    pub fn form(&self) -> Form {
        if self.weights.is_empty() { Form::Kkt } else { Form::FritzJohn }
    }
}

struct Maker<'p> {
    whole: &'p Problem,
    problem: Problem,
    bounds: Bounds,
    form: Form,
    /// Terms of the stages `G` and `H`, over as many rows as there are `sides`.
    distance: Vec<Term>,
    force: Vec<Term>,
    sides: Vec<Pair>,
    added: Vec<Added>,
    weights: Vec<u32>,
    rows_of: Vec<usize>,
}

impl Maker<'_> {
    fn block(&mut self, b: u32) {
        let whole = self.whole;
        let block = &whole.blocks[b as usize];
        let weights = match self.form {
            Form::Kkt => None,
            Form::FritzJohn => Some(self.weights_of(block)),
        };
        let coupled = self.is_coupled(b);
        let groups: Vec<Vec<u32>> = match coupled {
            true => (0..block.axes.len() as u32).map(|k| vec![k]).collect(),
            false => vec![(0..block.axes.len() as u32).collect()],
        };
        let sign = block_sign(block);
        let first_pair = self.sides.len();
        let bound_multipliers = self.bound_multipliers(block, sign);
        for group in groups {
            self.stationarity(b, &group, weights, &bound_multipliers);
        }
        self.rows_of.push(self.problem.constraints.len());
        self.problem.constraints.extend(block.constraints.iter().cloned());
        for (k, constraint) in block.constraints.iter().enumerate() {
            self.row_pairs(b, k as u32, constraint, sign);
        }
        for s in &block.supplied {
            self.supply_bound_duals(s.variable, s.by, &bound_multipliers);
        }
        if let Some(weights) = weights {
            self.normalise(b, weights, first_pair);
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
        self.weights.extend(offset..offset + block.axes.len() as u32);
        self.added.extend(std::iter::repeat_n(Added::Weight, block.axes.len()));
        offset
    }

    /// Multipliers of the finite bounds of what a block decides: positions of the bounded variable, of its multiplier,
    /// and which bound. Pairs are made with them.
    fn bound_multipliers(&mut self, block: &Block, sign: f64) -> Vec<(u32, u32, bool)> {
        let mut all = vec![];
        for lower in [true, false] {
            let mut bounded: Vec<u32> = vec![];
            for &v in &block.variables {
                let v = &self.whole.variables[v as usize];
                bounded.extend((v.offset..v.offset + v.axes.len() as u32).filter(|&j| {
                    let bound = if lower { self.bounds.lower[j as usize] } else { self.bounds.upper[j as usize] };
                    bound.is_finite()
                }));
            }
            if bounded.is_empty() {
                continue;
            }
            // When minimising, multipliers are not negative at lower bounds and not positive at upper ones.
            let turn = if lower { sign } else { -sign };
            let (least, most) = if turn > 0.0 { (0.0, f64::INFINITY) } else { (f64::NEG_INFINITY, 0.0) };
            let name = format!("{} {} bound", block.name, if lower { "lower" } else { "upper" });
            let axes = Axes::product(vec![Set::range(1.0, 1.0, bounded.len())]);
            let number = add_variable(&mut self.problem, &name, axes, least, most);
            let first = self.problem.variables[number as usize].offset;
            let bounds: Vec<f64> = bounded
                .iter()
                .map(|&j| if lower { self.bounds.lower[j as usize] } else { self.bounds.upper[j as usize] })
                .collect();
            let bound = self.numbers(bounds);
            let here = Leaf { source: Source::Variables, map: IndexMap::from_positions(bounded.clone()) };
            self.pair(
                (here, bound, lower),
                (first, turn),
                bounded.iter().map(|&variable| PairOf::Bound { variable, lower }).collect(),
            );
            for (k, &variable) in bounded.iter().enumerate() {
                all.push((variable, first + k as u32, lower));
                self.added.push(Added::Bound { variable, lower });
            }
        }
        all
    }

    /// `w ∇f - J'y - z = 0` for some instances of a block.
    fn stationarity(&mut self, b: u32, group: &[u32], weights: Option<u32>, bound_multipliers: &[(u32, u32, bool)]) {
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
        for lower in [true, false] {
            let mine: Vec<&(u32, u32, bool)> = bound_multipliers
                .iter()
                .filter(|(variable, _, side)| *side == lower && place[*variable as usize] != u32::MAX)
                .collect();
            let reads = mine.iter().map(|(_, z, _)| *z).collect();
            let rows = mine.iter().map(|(variable, ..)| place[*variable as usize]).collect();
            let term = self.reading(reads, -1.0, rows);
            self.problem.stages[slopes.0 as usize].terms.extend(term);
        }
        self.constrain(&name, slopes, by.len() as u32, Data::Constant(0.0), Data::Constant(0.0), block.span);
    }

    /// Pairs of the rows of a constraint, and bounds of their duals.
    fn row_pairs(&mut self, b: u32, k: u32, constraint: &Constraint, sign: f64) {
        let whole = self.whole;
        let block = &whole.blocks[b as usize];
        let Some(dual) = block.supplied.iter().find(|s| s.by == SuppliedBy::Row(k)).map(|s| s.variable) else { return };
        let offset = whole.variables[dual as usize].offset;
        let numbers = Numbers::of(whole);
        let count = constraint.rows as usize;
        let lower = numbers.column(whole, &constraint.lower, count);
        let upper = numbers.column(whole, &constraint.upper, count);
        let turned = sign * constraint.dual_sign;
        let (mut least, mut most) = (vec![0.0; count], vec![0.0; count]);
        let (mut ge, mut le, mut both) = (vec![], vec![], vec![]);
        for r in 0..count {
            let (has_lower, has_upper) = (lower[r].is_finite(), upper[r].is_finite());
            match (has_lower, has_upper) {
                _ if constraint.dropped => {}
                (true, true) if lower[r] == upper[r] => (least[r], most[r]) = (f64::NEG_INFINITY, f64::INFINITY),
                (true, true) => {
                    both.push(r as u32);
                    (least[r], most[r]) = (f64::NEG_INFINITY, f64::INFINITY);
                }
                (true, false) => {
                    ge.push(r as u32);
                    if turned > 0.0 { most[r] = f64::INFINITY } else { least[r] = f64::NEG_INFINITY }
                }
                (false, true) => {
                    le.push(r as u32);
                    if turned > 0.0 { least[r] = f64::NEG_INFINITY } else { most[r] = f64::INFINITY }
                }
                (false, false) => {}
            }
        }
        let (least, most) = (self.numbers(least), self.numbers(most));
        let variable = &mut self.problem.variables[dual as usize];
        (variable.lower, variable.upper) = (Data::Read(least), Data::Read(most));
        for (rows, is_lower) in [(ge, true), (le, false)] {
            if rows.is_empty() {
                continue;
            }
            let side: Vec<f64> =
                rows.iter().map(|&r| if is_lower { lower[r as usize] } else { upper[r as usize] }).collect();
            let bound = self.numbers(side);
            let here = Leaf { source: Source::Stage(constraint.stage), map: IndexMap::from_positions(rows.clone()) };
            let turn = if is_lower { turned } else { -turned };
            let of = rows.iter().map(|&row| PairOf::Row { block: b, constraint: k, row, lower: is_lower }).collect();
            let duals = rows.iter().map(|r| offset + r).collect();
            self.pair_at((here, bound, is_lower), duals, turn, of);
        }
        if both.is_empty() {
            return;
        }
        // The dual of a two-sided row is the sum of the multipliers of its sides.
        let axes = Axes::product(vec![Set::range(1.0, 1.0, both.len())]);
        let mut parts = vec![];
        for is_lower in [true, false] {
            let name = format!("{} {}", constraint.label, if is_lower { "lower side" } else { "upper side" });
            let number = add_variable(&mut self.problem, &name, axes.clone(), 0.0, f64::INFINITY);
            let first = self.problem.variables[number as usize].offset;
            let side: Vec<f64> =
                both.iter().map(|&r| if is_lower { lower[r as usize] } else { upper[r as usize] }).collect();
            let bound = self.numbers(side);
            let here = Leaf { source: Source::Stage(constraint.stage), map: IndexMap::from_positions(both.clone()) };
            let of = both.iter().map(|&row| PairOf::Row { block: b, constraint: k, row, lower: is_lower }).collect();
            self.pair((here, bound, is_lower), (first, 1.0), of);
            let sign = if is_lower { turned } else { -turned };
            self.added.extend(both.iter().map(|r| Added::Side { dual: offset + r, sign }));
            parts.push((first, sign));
        }
        let rows: Vec<u32> = (0..both.len() as u32).collect();
        let mut terms = vec![self.reading(both.iter().map(|r| offset + r).collect(), 1.0, rows.clone())];
        for (first, sign) in parts {
            terms.push(self.reading(rows.iter().map(|r| first + r).collect(), -sign, rows.clone()));
        }
        let label = format!("{} sides", constraint.label);
        let terms = terms.into_iter().flatten().collect();
        self.problem.stages.push(Stage { name: label.clone(), rows: both.len() as u32, terms, matrix: None });
        let stage = StageId(self.problem.stages.len() as u32 - 1);
        self.constrain(&label, stage, both.len() as u32, Data::Constant(0.0), Data::Constant(0.0), constraint.span);
    }

    /// A supplied multiplier of bounds equals those that the conditions have.
    fn supply_bound_duals(&mut self, supplied: u32, by: SuppliedBy, bound_multipliers: &[(u32, u32, bool)]) {
        let (of, sides): (u32, &[bool]) = match by {
            SuppliedBy::Row(_) => return,
            SuppliedBy::Lower(v) => (v, &[true]),
            SuppliedBy::Upper(v) => (v, &[false]),
            SuppliedBy::ReducedCost(v) => (v, &[true, false]),
        };
        let (owner, own) = (&self.whole.variables[of as usize], &self.whole.variables[supplied as usize]);
        let (first, count) = (owner.offset, owner.axes.len() as u32);
        let (name, span, offset) = (own.name.clone(), own.span, own.offset);
        let rows: Vec<u32> = (0..count).collect();
        let mut terms: Vec<Term> = vec![];
        terms.extend(self.reading(rows.iter().map(|r| offset + r).collect(), 1.0, rows));
        for side in sides {
            let mine: Vec<&(u32, u32, bool)> = bound_multipliers
                .iter()
                .filter(|(variable, _, lower)| lower == side && (first..first + count).contains(variable))
                .collect();
            let reads = mine.iter().map(|(_, z, _)| *z).collect();
            terms.extend(self.reading(reads, -1.0, mine.iter().map(|(variable, ..)| variable - first).collect()));
        }
        self.problem.stages.push(Stage { name: name.clone(), rows: count, terms, matrix: None });
        let stage = StageId(self.problem.stages.len() as u32 - 1);
        self.constrain(&name, stage, count, Data::Constant(0.0), Data::Constant(0.0), span);
    }

    /// `w + Σ H + Σ (duals of equations)² = 1` for each instance.
    fn normalise(&mut self, b: u32, weights: u32, first_pair: usize) {
        let whole = self.whole;
        let block = &whole.blocks[b as usize];
        let count = block.axes.len() as u32;
        let mut terms: Vec<Term> = vec![];
        terms.extend(self.reading((weights..weights + count).collect(), 1.0, (0..count).collect()));
        // The forces of the pairs made since, whose stage is not there yet: read as they are read there.
        let owner = |pair: &Pair| match pair.of {
            PairOf::Bound { variable, .. } => {
                let v = whole.variables.iter().find(|v| (v.offset..v.offset + v.axes.len() as u32).contains(&variable));
                v.map_or(0, |v| v.axes.instances(&block.axes)[(variable - v.offset) as usize])
            }
            PairOf::Row { constraint, row, .. } => {
                block.constraints[constraint as usize].axes.instances(&block.axes)[row as usize]
            }
        };
        for term in &self.force {
            let at = |p: u32| term.target.at(p as usize);
            let mine: Vec<u32> = (0..term.family.instances).filter(|&p| at(p) >= first_pair).collect();
            if mine.is_empty() {
                continue;
            }
            let target = mine.iter().map(|&p| owner(&self.sides[at(p)])).collect();
            let family = super::level::kept(&term.family, &mine);
            terms.push(Term { family, target: IndexMap::from_positions(target), ..term.clone() });
        }
        let numbers = Numbers::of(whole);
        for s in &block.supplied {
            let SuppliedBy::Row(k) = s.by else { continue };
            let c = &block.constraints[k as usize];
            let lower = numbers.column(whole, &c.lower, c.rows as usize);
            let upper = numbers.column(whole, &c.upper, c.rows as usize);
            let equations: Vec<u32> = (0..c.rows).filter(|&r| lower[r as usize] == upper[r as usize]).collect();
            if equations.is_empty() || c.dropped {
                continue;
            }
            let instances = c.axes.instances(&block.axes);
            let offset = whole.variables[s.variable as usize].offset;
            let x = self.problem.graph.leaf(0);
            let body = self.problem.graph.square(x);
            let map = IndexMap::from_positions(equations.iter().map(|r| offset + r).collect());
            let family = Family {
                instances: equations.len() as u32,
                leaves: vec![Leaf { source: Source::Variables, map }],
                body,
            };
            let target = IndexMap::from_positions(equations.iter().map(|&r| instances[r as usize]).collect());
            terms.push(Term { family, target, level: 0, origin: (0, 0, 0) });
        }
        let label = format!("{} weights", block.name);
        self.problem.stages.push(Stage { name: label.clone(), rows: count, terms, matrix: None });
        let stage = StageId(self.problem.stages.len() as u32 - 1);
        self.constrain(&label, stage, count, Data::Constant(1.0), Data::Constant(1.0), block.span);
    }

    /// Pairs with multipliers that stand one after the other, from `first` on, times `turn`.
    fn pair(&mut self, distance: (Leaf, Leaf, bool), (first, turn): (u32, f64), of: Vec<PairOf>) {
        let duals = (first..first + of.len() as u32).collect();
        self.pair_at(distance, duals, turn, of);
    }

    /// `G` is `here - bound` at a lower side and `bound - here` at an upper one; `H` is `turn` times the dual.
    fn pair_at(&mut self, (here, bound, lower): (Leaf, Leaf, bool), duals: Vec<u32>, turn: f64, of: Vec<PairOf>) {
        let rows: Vec<u32> = (0..of.len() as u32).map(|k| self.sides.len() as u32 + k).collect();
        self.sides.extend(of.iter().zip(&duals).map(|(&of, &dual)| Pair { of, dual, turn }));
        let graph = &mut self.problem.graph;
        let (value, side) = (graph.leaf(0), graph.leaf(1));
        let body: NodeId = if lower { graph.sub(value, side) } else { graph.sub(side, value) };
        let family = Family { instances: rows.len() as u32, leaves: vec![here, bound], body };
        self.distance.push(Term {
            family,
            target: IndexMap::from_positions(rows.clone()),
            level: 0,
            origin: (0, 0, 0),
        });
        let force = self.reading(duals, turn, rows);
        self.force.extend(force);
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

    fn finish(mut self) -> Conditions {
        let pairs = self.sides.len() as u32;
        let mut add = |name: &str, terms: Vec<Term>| {
            self.problem.stages.push(Stage { name: name.to_string(), rows: pairs, terms, matrix: None });
            StageId(self.problem.stages.len() as u32 - 1)
        };
        let distance = add("distance", std::mem::take(&mut self.distance));
        let force = add("force", std::mem::take(&mut self.force));
        let graph = &mut self.problem.graph;
        let (g, h) = (graph.leaf(0), graph.leaf(1));
        let body = graph.mul(g, h);
        let read = |stage| Leaf { source: Source::Stage(stage), map: IndexMap::IDENTITY };
        let family = Family { instances: pairs, leaves: vec![read(distance), read(force)], body };
        let term = Term { family, target: IndexMap::IDENTITY, level: 0, origin: (0, 0, 0) };
        self.problem.stages.push(Stage {
            name: "complementarity".to_string(),
            rows: pairs,
            terms: vec![term],
            matrix: None,
        });
        let stage = StageId(self.problem.stages.len() as u32 - 1);
        let relaxation = add_param(&mut self.problem, vec![1.0]);
        let most = Data::Read(Leaf { source: Source::Param(relaxation), map: IndexMap::scalar(0) });
        let product = self.problem.constraints.len();
        self.constrain("complementarity", stage, pairs, Data::Constant(f64::NEG_INFINITY), most, Default::default());
        Conditions {
            problem: self.problem,
            distance,
            force,
            product,
            relaxation,
            pairs: self.sides,
            added: self.added,
            weights: self.weights,
            rows_of: self.rows_of,
        }
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
    problem.constraints.push(Constraint::new(
        label,
        Axes::product(vec![Set::range(1.0, 1.0, rows as usize)]),
        rows,
        stage,
        (lower, upper),
        span,
    ));
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
