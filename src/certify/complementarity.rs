//! Points of problems with complementary pairs `lower <= a <= upper ⟂ b`.
//!
//! Feasibility is the natural residual `mid(a - lower, b, a - upper)`. Stationarity is judged by branches: at a feasible
//! point each pair holds `a` at a side, or `b` at 0, or both (it is *biactive*). With multipliers of rows and bounds,
//! `∇f - J'y - z = 0`, where what is held has a multiplier of any sign, a point is, from the weakest,
//!
//! - *weakly* stationary: the multipliers of biactive pairs are free;
//! - *C-stationary*: of each biactive pair `ν_a ν_b >= 0`, with signs turned so that `a >= side` and `b >= 0`;
//! - *M-stationary*: each has `ν_a, ν_b > 0`, or `ν_a ν_b = 0`;
//! - *B-stationary*: no way of splitting the biactive pairs leaves a direction of descent, to first order;
//! - *strongly* stationary: `ν_a, ν_b >= 0`.
//!
//! Strong is what the conditions of the relaxed problem are, in which biactive pairs only keep their sides. Near the
//! point its feasible set holds that of the problem, so that second-order conditions of it show a local minimum here.
//! B-stationarity is shown by multipliers for every split, where these are few. Only these two count as an answer.
//! Sources: Scheel and Scholtes (2000), Mathematics of Operations Research 25, 1-22; Flegel and Kanzow (2005).

use super::program::{Block, Program};
use super::residuals::{self, Duals, Slopes};
use super::{bound, branching, convexity, curvature, fit};
use crate::answer::certificate::{Certificate, Kind, Place, Proved, Residual, SecondOrder, Stationarity, Witness};
use crate::answer::{Multipliers, Outcome};
use crate::linalg::lu::Lu;
use crate::linalg::pattern::Pattern;
use crate::problem::Problem;
use crate::problem::complementarity::{Pair, Way, natural_residual};
use crate::problem::values::{Bounds, Numbers};

/// Values within this many tolerances of a side count as at it, as for rows.
const NEAR: f64 = 100.0;
/// Splits of biactive pairs that are examined: two to the power of this.
const MOST_BIACTIVE: usize = 8;
/// Values are taken to be off by this part of what is summed up in them.
const ROUNDING: f64 = 8.0 * f64::EPSILON;
/// Entries of the Jacobian of the conditions.
const BUDGET: usize = 20_000_000;

/// Where a pair is, at a feasible point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// `a` is at this side, and `b` is not 0.
    Lower,
    Upper,
    /// `b` is 0, and `a` is between its sides.
    Force,
    /// Both, `a` at this side.
    BothLower,
    BothUpper,
    /// The pair is an equation, of `a` or of `b`.
    Always,
}

/// A pair by the number of its blocks and its row.
#[derive(Clone, Copy, Debug)]
struct At {
    bounded: usize,
    force: usize,
    row: usize,
}

fn all(program: &Program) -> Vec<At> {
    let mut pairs = vec![];
    for c in program.problem.complementarities() {
        let block = |constraint: usize| program.blocks.iter().position(|b| b.constraint == constraint);
        let (Some(bounded), Some(force)) = (block(c.bounded), block(c.force)) else { continue };
        pairs.extend((0..program.blocks[bounded].rows.len()).map(|row| At { bounded, force, row }));
    }
    pairs
}

impl At {
    fn values(self, program: &Program) -> (f64, f64) {
        let value = |block: usize| program.row_values(&program.blocks[block])[self.row];
        (value(self.bounded), value(self.force))
    }

    fn sides(self, program: &Program) -> (f64, f64) {
        let block = &program.blocks[self.bounded];
        (block.lower[self.row], block.upper[self.row])
    }

    fn held(self, program: &Program, near: f64) -> Held {
        let (a, b) = self.values(program);
        let (lower, upper) = self.sides(program);
        if lower == upper || (lower == f64::NEG_INFINITY && upper == f64::INFINITY) {
            return Held::Always;
        }
        let of_a = program.blocks[self.bounded].scale[self.row];
        let of_b = largest(program, &program.blocks[self.force]);
        let at = |side: f64| side.is_finite() && (a - side).abs() <= near * of_a.max(side.abs());
        let zero = b.abs() <= near * of_b;
        match (at(lower), at(upper), zero) {
            (true, _, true) => Held::BothLower,
            (_, true, true) => Held::BothUpper,
            // Which of them `b` decides, where the sides are near each other.
            (true, true, false) => {
                if b > 0.0 {
                    Held::Lower
                } else {
                    Held::Upper
                }
            }
            (true, false, false) => Held::Lower,
            (false, true, false) => Held::Upper,
            (false, false, true) => Held::Force,
            // Nothing holds: what it is nearest to.
            (false, false, false) if b > a - lower => Held::Lower,
            (false, false, false) if -b > upper - a => Held::Upper,
            (false, false, false) => Held::Force,
        }
    }

    /// Makes equations of what the pair holds, or sides where `relaxed` and both are held.
    fn hold(self, program: &mut Program, held: Held) {
        let (lower, upper) = self.sides(program);
        let mut put = |block: usize, sides: (f64, f64)| {
            let block = &mut program.blocks[block];
            (block.lower[self.row], block.upper[self.row]) = sides;
        };
        let (free, inf) = ((f64::NEG_INFINITY, f64::INFINITY), f64::INFINITY);
        match held {
            Held::Lower => {
                put(self.bounded, (lower, lower));
                put(self.force, (0.0, inf));
            }
            Held::Upper => {
                put(self.bounded, (upper, upper));
                put(self.force, (-inf, 0.0));
            }
            Held::Force => {
                put(self.bounded, (lower, upper));
                put(self.force, (0.0, 0.0));
            }
            Held::BothLower => {
                put(self.bounded, (lower, inf));
                put(self.force, (0.0, inf));
            }
            Held::BothUpper => {
                put(self.bounded, (-inf, upper));
                put(self.force, (-inf, 0.0));
            }
            Held::Always => put(self.force, if lower == upper { free } else { (0.0, 0.0) }),
        }
    }
}

/// The sides of `a` of all pairs.
pub fn sides(problem: &Problem) -> Vec<(f64, f64)> {
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    let side = |pair: &Pair| (bounds.row_lower[pair.bounded as usize], bounds.row_upper[pair.bounded as usize]);
    problem.pairs().iter().map(side).collect()
}

/// Lets pairs hold in these ways; those without one keep their sides only.
pub fn hold(program: &mut Program, held: &[Option<Way>]) {
    for (pair, way) in all(program).into_iter().zip(held) {
        match way {
            None => {}
            Some(Way::Lower) => pair.hold(program, Held::Lower),
            Some(Way::Upper) => pair.hold(program, Held::Upper),
            Some(Way::Force) => pair.hold(program, Held::Force),
        }
    }
}

/// What `b` is measured by: slopes would call much of a steep one nothing.
fn largest(program: &Program, force: &Block) -> f64 {
    program.row_values(force).iter().fold(1.0, |most: f64, v| most.max(v.abs()))
}

/// The worst natural residual. `a` is measured by its scale as a row and by its side, `b` by the largest of its family;
/// what rounding leaves of either is no violation.
pub fn natural(program: &Program, tolerance: f64) -> Residual {
    let sizes = rounding(program);
    let mut worst = Residual { name: "pairs", value: 0.0, unscaled: 0.0, tolerance, place: None };
    for pair in all(program) {
        let (a, b) = pair.values(program);
        let (lower, upper) = pair.sides(program);
        let residual = natural_residual(lower, upper, a, b);
        let force = &program.blocks[pair.force];
        let largest = largest(program, force);
        let side = if a - lower < upper - a { lower } else { upper };
        let (scale, noise) = if residual == b {
            (largest, sizes[force.rows.start + pair.row])
        } else {
            let block = &program.blocks[pair.bounded];
            let scale = if side.is_finite() { block.scale[pair.row].max(side.abs()) } else { block.scale[pair.row] };
            (scale, sizes[block.rows.start + pair.row])
        };
        let unscaled = residual.abs();
        let value = if unscaled.is_nan() { f64::NAN } else { (unscaled - noise).max(0.0) / scale };
        if value > worst.value || (value.is_nan() && !worst.value.is_nan()) {
            let block = &program.blocks[pair.bounded];
            worst = Residual { value, unscaled, place: Some(program.row_place(block, pair.row)), ..worst };
        }
    }
    worst
}

/// For each row: what rounding may leave of its value.
fn rounding(program: &Program) -> Vec<f64> {
    let mut noise = vec![0.0; program.problem.row_count()];
    let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
    let Some(rows) = program.here.rows(&stages, BUDGET) else { return noise };
    for block in &program.blocks {
        for (r, row) in rows[&block.stage].iter().enumerate() {
            let size: f64 = row.iter().map(|(j, g)| (g * program.x[*j as usize]).abs()).sum();
            noise[block.rows.start + r] = if size.is_finite() { ROUNDING * size } else { 0.0 };
        }
    }
    noise
}

/// A certificate of the point of a problem with pairs.
pub fn certificate(program: &mut Program, outcome: &Outcome, tolerance: f64) -> Certificate {
    let mut residuals = vec![residuals::finite(program, tolerance)];
    residuals.extend(residuals::primal(program, tolerance));
    residuals.push(natural(program, tolerance));
    let feasible = residuals.iter().all(|r| r.value <= r.tolerance);
    if let Some((kind, proved, mut notes)) = super::unexamined(program, outcome, feasible) {
        if kind == Kind::System {
            notes.extend(condition(program, tolerance));
        }
        return Certificate::judged(kind, tolerance, residuals, SecondOrder::NotAsked, proved, Witness::None, notes);
    }
    let plain = without_pairs(program, outcome, tolerance);
    let mut branched = vec![];
    let mut closed = Proved::Nothing;
    if let (Some(branches), Some((_, sign))) = (branching::given(outcome), program.objective) {
        let shows = branching::shows(program.problem, branches, tolerance);
        if shows.least == f64::INFINITY {
            return branching::nothing_is_feasible(program, &shows, tolerance);
        }
        match shows.proof(program.objective_value(), sign, tolerance) {
            Ok(proved) => closed = proved,
            Err(why) => branched.push(why),
        }
    }
    let given = outcome.multipliers.as_ref();
    let mut found = stationarity(program, given, NEAR * tolerance, tolerance, Orders::Both);
    residuals.append(&mut found.residuals);
    found.notes.append(&mut branched);
    let certificate = Certificate::judged(
        Kind::Nlp,
        tolerance,
        residuals,
        found.second_order,
        match (feasible && found.class == Stationarity::Strong, plain) {
            (true, Proved::Optimal { because, bound }) => Proved::Optimal { because, bound },
            _ if feasible => closed,
            _ => Proved::Nothing,
        },
        found.witness,
        found.notes,
    );
    certificate.with_stationarity(found.class)
}

/// All pairs with what they hold at the point, and the sides that were stated.
struct Pairs {
    all: Vec<At>,
    held: Vec<Held>,
    sides: Vec<(f64, f64)>,
}

impl Pairs {
    /// Gives the rows of all pairs the sides of what is held.
    fn split(&self, program: &mut Program, held: impl Fn(usize) -> Held) {
        for (i, pair) in self.all.iter().enumerate() {
            let block = &mut program.blocks[pair.bounded];
            (block.lower[pair.row], block.upper[pair.row]) = self.sides[i];
            pair.hold(program, held(i));
        }
    }
}

/// Gives the rows of all pairs the sides of what they hold at the point, unless one of them holds both ways; whether that
/// was done.
pub fn hold_one_way(program: &mut Program, near: f64) -> bool {
    let all = all(program);
    let held: Vec<Held> = all.iter().map(|pair| pair.held(program, near)).collect();
    if held.iter().any(|held| matches!(held, Held::BothLower | Held::BothUpper)) {
        return false;
    }
    all.into_iter().zip(held).for_each(|(pair, held)| pair.hold(program, held));
    true
}

/// How stationary a point is. Of a problem without biactive pairs the class is strong or none.
pub struct Found {
    pub class: Stationarity,
    /// Of the conditions that were met, or came nearest.
    pub residuals: Vec<Residual>,
    /// How many pairs are biactive.
    pub both: usize,
    second_order: SecondOrder,
    witness: Witness,
    notes: Vec<String>,
}

fn met(residuals: &[Residual]) -> bool {
    residuals.iter().all(|r| r.value <= r.tolerance)
}

/// Which conditions are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Orders {
    First,
    Both,
}

/// The strongest class that is shown, sides within `near` counting as held. Leaves the sides of the pairs changed.
pub fn stationarity(
    program: &mut Program,
    given: Option<&Multipliers>,
    near: f64,
    tolerance: f64,
    orders: Orders,
) -> Found {
    let all = all(program);
    let held: Vec<Held> = all.iter().map(|pair| pair.held(program, near)).collect();
    let both: Vec<usize> = (0..all.len()).filter(|&i| matches!(held[i], Held::BothLower | Held::BothUpper)).collect();
    let mut notes = vec![];
    if !both.is_empty() {
        let block = &program.blocks[all[both[0]].bounded];
        let Place { label, .. } = program.row_place(block, all[both[0]].row);
        let more = if both.len() > 1 { format!(" and {} more", both.len() - 1) } else { String::new() };
        notes.push(format!("biactive (both sides hold as equations): `{label}`{more}"));
    }
    // What is given counts first, then what fits best.
    let given = given.map(|m| (Duals::of(program, m), Witness::Method));
    let pairs = Pairs { sides: all.iter().map(|p| p.sides(program)).collect(), all, held };
    pairs.split(program, |i| pairs.held[i]);
    let mut tried = vec![];
    for (duals, witness) in
        given.into_iter().chain(std::iter::once((fit::multipliers(program, tolerance), Witness::Fitted)))
    {
        let slopes = Slopes::at(program, &duals);
        let residuals = residuals::dual(program, &duals, &slopes, tolerance);
        if met(&residuals) {
            let second_order = match orders {
                Orders::First => SecondOrder::NotAsked,
                Orders::Both => curvature::second_order(program, &duals, &slopes, tolerance).0,
            };
            let second_order = match second_order {
                SecondOrder::Refuted { .. } if !both.is_empty() => SecondOrder::NotShown(
                    "curvature is negative where biactive pairs keep their sides only".to_string(),
                ),
                other => other,
            };
            return Found { class: Stationarity::Strong, residuals, both: both.len(), second_order, witness, notes };
        }
        tried.push(residuals);
    }
    let not_shown = SecondOrder::NotShown("the point is not shown to be strongly stationary".to_string());
    let given_residuals = tried.swap_remove(0);
    let weak = |class, residuals, notes| {
        let (second_order, witness) = (not_shown.clone(), Witness::Fitted);
        Found { class, residuals, both: both.len(), second_order, witness, notes }
    };
    if both.is_empty() {
        notes.push("no multipliers show the point to be stationary".to_string());
        return weak(Stationarity::None, given_residuals, notes);
    }
    if both.len() > MOST_BIACTIVE {
        let class = weaker(program, &pairs, tolerance);
        notes.push(format!("{} pairs are biactive: too many to examine all splits of them", both.len()));
        return weak(class, given_residuals, notes);
    }
    let mut worst: Option<Vec<Residual>> = None;
    for code in 0..1usize << both.len() {
        let chosen = |i: usize| match both.iter().position(|b| *b == i) {
            Some(bit) if code >> bit & 1 == 1 => Held::Force,
            Some(_) if pairs.held[i] == Held::BothLower => Held::Lower,
            Some(_) => Held::Upper,
            None => pairs.held[i],
        };
        pairs.split(program, chosen);
        let duals = fit::multipliers(program, tolerance);
        let residuals = residuals::dual(program, &duals, &Slopes::at(program, &duals), tolerance);
        if !met(&residuals) {
            worst = Some(residuals);
            break;
        }
        worst.get_or_insert(residuals);
        if code + 1 == 1 << both.len() {
            let residuals = worst.expect("the first split was kept");
            notes.push("B-stationary: multipliers were found for every split of the biactive pairs".to_string());
            return weak(Stationarity::B, residuals, notes);
        }
    }
    let class = weaker(program, &pairs, tolerance);
    notes.push("a split of the biactive pairs has no multipliers that were found: its branch may descend".to_string());
    weak(class, worst.unwrap_or(given_residuals), notes)
}

/// M, C or weak, by the best fit with all biactive multipliers free; none if that does not fit either.
fn weaker(program: &mut Program, pairs: &Pairs, tolerance: f64) -> Stationarity {
    let Pairs { all, held, .. } = pairs;
    pairs.split(program, |i| held[i]);
    for (i, pair) in all.iter().enumerate() {
        let (lower, upper) = pair.sides(program);
        let side = match held[i] {
            Held::BothLower => lower,
            Held::BothUpper => upper,
            Held::Lower | Held::Upper | Held::Force | Held::Always => continue,
        };
        let sides = [(pair.bounded, side), (pair.force, 0.0)];
        for (block, side) in sides {
            let block = &mut program.blocks[block];
            (block.lower[pair.row], block.upper[pair.row]) = (side, side);
        }
    }
    let duals = fit::multipliers(program, tolerance);
    if !met(&residuals::dual(program, &duals, &Slopes::at(program, &duals), tolerance)) {
        return Stationarity::None;
    }
    let mut class = Stationarity::M;
    for (i, pair) in all.iter().enumerate() {
        let turn = match held[i] {
            Held::BothLower => 1.0,
            Held::BothUpper => -1.0,
            Held::Lower | Held::Upper | Held::Force | Held::Always => continue,
        };
        let multiplier = |block: usize| turn * duals.rows[program.blocks[block].rows.start + pair.row];
        let (a, b) = (multiplier(pair.bounded), multiplier(pair.force));
        let small = a.abs().min(b.abs()) <= tolerance;
        if small || (a > 0.0 && b > 0.0) {
            continue;
        }
        if a * b < 0.0 {
            return Stationarity::Weak;
        }
        class = Stationarity::C;
    }
    class
}

/// Where the conditions hold even without the complementarity and that is a convex problem, the point is optimal.
fn without_pairs(program: &mut Program, outcome: &Outcome, tolerance: f64) -> Proved {
    let Some(given) = &outcome.multipliers else { return Proved::Nothing };
    let Ok(because) = convexity::shown(program) else { return Proved::Nothing };
    let duals = Duals::of(program, given);
    if !met(&residuals::dual(program, &duals, &Slopes::at(program, &duals), tolerance)) {
        return Proved::Nothing;
    }
    let because = format!("{because}, even without the complementarity");
    let mut unused = vec![];
    match bound::gap(program, &duals, 0.0) {
        Some(gap) if gap.residual(tolerance).value <= tolerance => gap.proof(because, tolerance, &mut unused),
        _ => Proved::Nothing,
    }
}

/// What is known of the Jacobian of the conditions of a square system, as a sentence.
fn condition(program: &Program, tolerance: f64) -> Option<String> {
    let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
    let rows = program.here.rows(&stages, BUDGET)?;
    let pairs = all(program);
    let mut taken = vec![false; program.problem.row_count()];
    let mut kinks = 0;
    let mut chosen = vec![];
    for pair in &pairs {
        let held = pair.held(program, NEAR * tolerance);
        let (bounded, force) = (&program.blocks[pair.bounded], &program.blocks[pair.force]);
        kinks += matches!(held, Held::BothLower | Held::BothUpper) as usize;
        taken[bounded.rows.start + pair.row] = true;
        taken[force.rows.start + pair.row] = true;
        let (lower, upper) = pair.sides(program);
        let of_force = held == Held::Force || (held == Held::Always && lower != upper);
        chosen.push(&rows[&if of_force { force.stage } else { bounded.stage }][pair.row]);
    }
    for block in &program.blocks {
        for r in (0..block.rows.len()).filter(|r| !taken[block.rows.start + r]) {
            if block.lower[r] == block.upper[r] {
                chosen.push(&rows[&block.stage][r]);
            } else if block.lower[r].is_finite() || block.upper[r].is_finite() {
                return None;
            }
        }
    }
    let free: Vec<usize> = (0..program.x.len()).filter(|&j| program.lower[j] != program.upper[j]).collect();
    if chosen.len() != free.len() || chosen.is_empty() {
        return None;
    }
    let mut column = vec![None; program.x.len()];
    free.iter().enumerate().for_each(|(new, old)| column[*old] = Some(new as u32));
    let (mut starts, mut columns, mut values) = (vec![0], vec![], vec![]);
    let mut sums = vec![0.0; free.len()];
    for row in chosen {
        for (j, g) in row {
            let Some(j) = column[*j as usize] else { continue };
            columns.push(j);
            values.push(*g);
            sums[j as usize] += g.abs();
        }
        starts.push(columns.len());
    }
    let pattern = Pattern { rows: free.len(), columns_count: free.len(), starts, columns };
    let mut lu = Lu::new(&pattern).ok()?;
    let estimate = match lu.factor(&values) {
        Ok(()) => sums.iter().fold(0.0, |most: f64, s| most.max(*s)) * lu.inverse_norm(),
        Err(_) => f64::INFINITY,
    };
    let at_kinks = match kinks {
        0 => String::new(),
        1 => " (one pair holds both ways: it counts by its sides)".to_string(),
        k => format!(" ({k} pairs hold both ways: they count by their sides)"),
    };
    Some(if estimate < 1e16 {
        format!("the Jacobian of the conditions has a condition number of about {estimate:.1e}{at_kinks}")
    } else {
        format!("the Jacobian of the conditions is singular here: solutions may not be isolated{at_kinks}")
    })
}
