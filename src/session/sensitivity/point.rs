//! The answer as a point at which conditions hold to rounding, and which of them are active.
//!
//! Answers come to the tolerance of their method; derivatives of an inexact point are inexact to the same order. So the
//! active set is guessed from slacks and multipliers, Newton steps on its equations follow, and signs of multipliers and
//! slacks correct the guess.

use crate::ad::Evaluator;
use crate::answer::Multipliers;
use crate::expr::family::Source;
use crate::linalg::pattern::Pattern;
use crate::linalg::vector::{all_finite, max_norm};
use crate::plan::rewrites::epigraph;
use crate::problem::epigraph::{Top, complete};
use crate::problem::features::Features;
use crate::problem::promote::{Exposed, Owner, Sides, expose};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Objective, Problem};
use crate::solve::implicit::direction::{At, Weak};
use crate::solve::implicit::system::{Entries, Selected, System};
use crate::solve::implicit::{Linear, Program, Solver};

/// Of slacks and multipliers, scaled: what is less counts as zero once the point was polished.
pub const WEAK: f64 = 1e-6;
const MOST_ROUNDS: usize = 12;
const MOST_STEPS: usize = 8;

/// A point of a smooth problem with the sides that depend on chosen numbers stated as rows.
pub struct Point {
    pub problem: Problem,
    pub exposed: Vec<Exposed>,
    /// 1, -1 where the objective is maximised, 0 without an objective.
    pub sense: f64,
    pub x: Vec<f64>,
    /// Multipliers of all rows and bounds for the objective times `sense`.
    pub rows: Vec<f64>,
    pub bounds: Vec<f64>,
    /// What is active with force, and equations.
    pub selected: Selected,
    pub weak: Vec<Weak>,
    /// The least over all inequalities of the larger of slack and multiplier, scaled; infinite if there are none.
    pub margin: f64,
    /// The conditions at `x`, scaled.
    pub residual: f64,
    /// Kinks that could not be written as rows.
    pub kinked: bool,
    /// Systems that were solved by products on the way, and how many.
    pub solves: usize,
    pub products: usize,
}

/// How a row or a bound is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Not,
    Equation,
    Lower,
    Upper,
}

/// The conditions of a smooth problem and where an answer stands in them.
struct Work {
    evaluator: Evaluator,
    sides: Bounds,
    sense: f64,
    /// Rows that do not count.
    dropped: Vec<bool>,
    x: Vec<f64>,
    rows: Vec<f64>,
    bounds: Vec<f64>,
    held_rows: Vec<Held>,
    held_bounds: Vec<Held>,
    linear: Linear,
    solves: usize,
    products: usize,
}

/// Functions and slopes at a point.
struct Here {
    gradient: Vec<f64>,
    values: Vec<f64>,
    jacobian: Vec<f64>,
    /// The largest slope of each row, at least 1.
    slopes: Vec<f64>,
    /// The largest slope of the objective, at least 1.
    size: f64,
}

impl Point {
    /// `multipliers` as in an outcome; `sources` are the numbers whose sides become rows. `linear` solves for Newton steps.
    pub fn of(
        problem: &Problem,
        x: &[f64],
        multipliers: Option<&Multipliers>,
        sources: &[Source],
        linear: Linear,
    ) -> Point {
        let mut x = x.to_vec();
        let features = Features::of(problem);
        let smooth = match features.kinks.is_empty() {
            true => None,
            false => epigraph::apply(problem),
        };
        let kinked = !features.kinks.is_empty() && smooth.is_none();
        let (form, tops) = match smooth {
            Some((form, lift, _)) => {
                x.resize(form.dimension as usize, 0.0);
                complete(&form, &lift.tops, &mut x);
                (form, lift.tops)
            }
            None => (problem.clone(), vec![]),
        };
        let (problem, exposed) = expose(&form, sources);
        let sense = problem.objectives.first().map_or(0.0, Objective::sign);
        let (rows, bounds) = carried(&problem, &exposed, multipliers, sense);
        let dropped = problem.constraints.iter().flat_map(|c| std::iter::repeat_n(c.dropped, c.rows as usize));
        let mut work = Work {
            sides: Bounds::of(&problem, &Numbers::of(&problem)),
            evaluator: Evaluator::new(&problem),
            sense,
            dropped: dropped.collect(),
            x,
            held_rows: vec![Held::Not; rows.len()],
            held_bounds: vec![Held::Not; bounds.len()],
            rows,
            bounds,
            linear,
            solves: 0,
            products: 0,
        };
        if multipliers.is_none() {
            work.fit();
        }
        let residual = work.settle();
        work.define(&form, &tops);
        let (weak, margin) = work.weak();
        let selected = work.selected(&weak);
        let Work { x, rows, bounds, solves, products, .. } = work;
        Point { problem, exposed, sense, x, rows, bounds, selected, weak, margin, residual, kinked, solves, products }
    }

    /// The multipliers of the problem that the point was made of, for the objective as stated.
    pub fn multipliers(&self) -> Multipliers {
        self.stated(&self.rows, &self.bounds)
    }

    /// The same of a movement: of what is active with force, rows first, and of what is without.
    pub fn moved_multipliers(&self, duals: &[f64], weak_duals: &[f64]) -> Multipliers {
        let (mut rows, mut bounds) = (vec![0.0; self.rows.len()], vec![0.0; self.bounds.len()]);
        let (on_rows, on_bounds) = duals.split_at(self.selected.rows.len());
        self.selected.rows.iter().zip(on_rows).for_each(|(r, y)| rows[*r as usize] = *y);
        self.selected.bounds.iter().zip(on_bounds).for_each(|(k, z)| bounds[*k as usize] = *z);
        for (weak, dual) in self.weak.iter().zip(weak_duals) {
            match weak.at {
                At::Row(r) => rows[r as usize] = *dual,
                At::Bound(k) => bounds[k as usize] = *dual,
            }
        }
        self.stated(&rows, &bounds)
    }

    /// Multipliers as an outcome has them: rows that took over sides give theirs back to the owners. What a bound carries
    /// belongs to the side that it is at.
    fn stated(&self, rows: &[f64], bounds: &[f64]) -> Multipliers {
        let first = self.exposed.first().map_or(rows.len(), |exposed| exposed.first);
        let mut out = Multipliers {
            rows: rows[..first].iter().map(|y| self.sense * y).collect(),
            lower: vec![0.0; bounds.len()],
            upper: vec![0.0; bounds.len()],
        };
        for (k, z) in bounds.iter().enumerate() {
            let side = if self.bounds[k] < 0.0 { &mut out.upper } else { &mut out.lower };
            side[k] = self.sense * z;
        }
        for exposed in &self.exposed {
            for k in 0..exposed.count {
                let y = self.sense * rows[exposed.first + k];
                match (exposed.owner, exposed.sides) {
                    (Owner::Row(first), _) => out.rows[first + k] += y,
                    (Owner::Variable(first), Sides::Upper) => out.upper[first + k] += y,
                    (Owner::Variable(first), Sides::Both) if self.rows[exposed.first + k] < 0.0 => {
                        out.upper[first + k] += y;
                    }
                    (Owner::Variable(first), Sides::Lower | Sides::Both) => out.lower[first + k] += y,
                }
            }
        }
        out
    }

    /// What a row or a bound is called.
    pub fn name(&self, at: At) -> String {
        match at {
            At::Row(r) => self.problem.row_name(r as usize),
            At::Bound(k) => format!("a bound of {}", self.problem.variable_name(k as usize)),
        }
    }
}

/// Multipliers of an outcome as those of the rows after exposing, for the objective times `sense`.
fn carried(
    problem: &Problem,
    exposed: &[Exposed],
    multipliers: Option<&Multipliers>,
    sense: f64,
) -> (Vec<f64>, Vec<f64>) {
    let mut rows = vec![0.0; problem.row_count()];
    let mut bounds = vec![0.0; problem.dimension as usize];
    let Some(given) = multipliers else { return (rows, bounds) };
    given.rows.iter().zip(&mut rows).for_each(|(y, to)| *to = sense * y);
    given.lower.iter().zip(&given.upper).zip(&mut bounds).for_each(|((l, u), to)| *to = sense * (l + u));
    for moved in exposed {
        for k in 0..moved.count {
            let from = match moved.owner {
                Owner::Row(first) => &mut rows[first + k],
                Owner::Variable(first) => &mut bounds[first + k],
            };
            let belongs = match moved.sides {
                Sides::Both => true,
                Sides::Lower => *from > 0.0,
                Sides::Upper => *from < 0.0,
            };
            if belongs {
                rows[moved.first + k] = std::mem::take(from);
            }
        }
    }
    (rows, bounds)
}

impl Work {
    /// Guesses what is active, and improves point, multipliers and guess until they fit; returns what is left of the
    /// conditions. A point that does not get better stays.
    fn settle(&mut self) -> f64 {
        let here = self.look();
        self.guess(&here, 0.0);
        let start = self.residual(&here);
        let before = (self.x.clone(), self.rows.clone(), self.bounds.clone());
        let guessed = (self.held_rows.clone(), self.held_bounds.clone());
        let mut seen = vec![guessed.clone()];
        let mut best = start;
        for _ in 0..MOST_ROUNDS {
            best = self.newton();
            if !self.revise() {
                break;
            }
            let now = (self.held_rows.clone(), self.held_bounds.clone());
            if seen.contains(&now) {
                break;
            }
            seen.push(now);
        }
        let moved = self.x.iter().zip(&before.0).all(|(a, b)| (a - b).abs() <= 1e-2 * b.abs().max(1.0));
        if !moved || best.is_nan() || best > start {
            (self.x, self.rows, self.bounds) = before;
            (self.held_rows, self.held_bounds) = guessed;
            return start;
        }
        best
    }

    fn look(&mut self) -> Here {
        let (n, m) = (self.x.len(), self.rows.len());
        let mut here = Here {
            gradient: vec![0.0; n],
            values: vec![0.0; m],
            jacobian: vec![0.0; self.evaluator.jacobian_pattern().entries()],
            slopes: vec![1.0; m],
            size: 1.0,
        };
        if self.sense != 0.0 {
            self.evaluator.gradient(&self.x, &mut here.gradient);
            here.gradient.iter_mut().for_each(|g| *g *= self.sense);
            here.size = max_norm(&here.gradient).max(1.0);
        }
        self.evaluator.constraints(&self.x, &mut here.values);
        self.evaluator.jacobian(&self.x, &mut here.jacobian);
        let pattern = self.evaluator.jacobian_pattern();
        for r in 0..m {
            here.slopes[r] = max_norm(&here.jacobian[pattern.row(r)]).max(1.0);
        }
        here
    }

    /// Multipliers that carry as much of the slope of the objective as those of what seems active can: the least squares of
    /// `J'y + z = ∇f`.
    fn fit(&mut self) {
        /// What has less slack than this, scaled, may be active.
        const NEAR: f64 = 1e-5;
        if self.sense == 0.0 {
            return;
        }
        let (here, n) = (self.look(), self.x.len());
        self.guess(&here, NEAR);
        let selected = self.selected(&[]);
        let (diagonal, ones) =
            (Pattern::from_rows(n, &(0..n).map(|k| vec![k as u32]).collect::<Vec<_>>()), vec![1.0; n]);
        let jacobian = Entries { pattern: self.evaluator.jacobian_pattern(), values: &here.jacobian };
        let squares = Entries { pattern: &diagonal, values: &ones };
        let Ok(mut system) = System::new(squares, jacobian, &selected, false) else { return };
        let mut right = here.gradient.clone();
        right.resize(n + system.active(), 0.0);
        let fitted = system.solve(&right).values;
        if !all_finite(&fitted) {
            return;
        }
        let (on_rows, on_bounds) = fitted[n..].split_at(selected.rows.len());
        selected.rows.iter().zip(on_rows).for_each(|(r, y)| self.rows[*r as usize] = *y);
        selected.bounds.iter().zip(on_bounds).for_each(|(k, z)| self.bounds[*k as usize] = *z);
    }

    /// What seems active, with its multiplier or else with a force `presumed` on it.
    fn guess(&mut self, here: &Here, presumed: f64) {
        for r in 0..self.rows.len() {
            let sides = (self.sides.row_lower[r], self.sides.row_upper[r]);
            let force = self.rows[r] * here.slopes[r] / here.size;
            self.held_rows[r] =
                if self.dropped[r] { Held::Not } else { held(here.values[r], sides, here.slopes[r], force, presumed) };
        }
        for k in 0..self.x.len() {
            let sides = (self.sides.lower[k], self.sides.upper[k]);
            self.held_bounds[k] = held(self.x[k], sides, 1.0, self.bounds[k] / here.size, presumed);
        }
    }

    /// Takes and leaves what has the wrong sign; says whether anything changed.
    fn revise(&mut self) -> bool {
        let here = self.look();
        let mut changed = false;
        let mut revised = |held: &mut Held, dual: &mut f64, value: f64, sides: (f64, f64), slope: f64| {
            let force = *dual * slope / here.size;
            let beyond = |side: f64| 1e-9 * side.abs().max(slope);
            let next = match *held {
                Held::Equation => Held::Equation,
                Held::Lower if force < -1e-9 => Held::Not,
                Held::Upper if force > 1e-9 => Held::Not,
                Held::Lower | Held::Upper => *held,
                Held::Not if value < sides.0 - beyond(sides.0) => Held::Lower,
                Held::Not if value > sides.1 + beyond(sides.1) => Held::Upper,
                Held::Not => Held::Not,
            };
            if next == Held::Not {
                *dual = 0.0;
            }
            changed |= next != *held;
            *held = next;
        };
        for r in (0..self.rows.len()).filter(|r| !self.dropped[*r]) {
            let sides = (self.sides.row_lower[r], self.sides.row_upper[r]);
            revised(&mut self.held_rows[r], &mut self.rows[r], here.values[r], sides, here.slopes[r]);
        }
        for k in 0..self.x.len() {
            let sides = (self.sides.lower[k], self.sides.upper[k]);
            revised(&mut self.held_bounds[k], &mut self.bounds[k], self.x[k], sides, 1.0);
        }
        changed
    }

    /// Newton steps on stationarity and the active sides; returns what is left.
    fn newton(&mut self) -> f64 {
        for (held, dual) in
            self.held_rows.iter().zip(&mut self.rows).chain(self.held_bounds.iter().zip(&mut self.bounds))
        {
            if *held == Held::Not {
                *dual = 0.0;
            }
        }
        let mut here = self.look();
        let mut left = self.residual(&here);
        for _ in 0..MOST_STEPS {
            if left <= 1e-15 {
                break;
            }
            let selected = self.selected(&[]);
            let right = self.minus_conditions(&here, &selected);
            let Some(step) = self.step(&right, &selected).filter(|step| all_finite(step)) else { break };
            let before = (self.x.clone(), self.rows.clone(), self.bounds.clone());
            let (dx, du) = step.split_at(self.x.len());
            self.x.iter_mut().zip(dx).for_each(|(x, d)| *x += d);
            let (on_rows, on_bounds) = du.split_at(selected.rows.len());
            selected.rows.iter().zip(on_rows).for_each(|(r, u)| self.rows[*r as usize] -= u);
            selected.bounds.iter().zip(on_bounds).for_each(|(k, u)| self.bounds[*k as usize] -= u);
            here = self.look();
            let now = self.residual(&here);
            if now.is_nan() || now >= left {
                (self.x, self.rows, self.bounds) = before;
                break;
            }
            left = now;
        }
        left
    }

    /// The movement of variables and negative multipliers by which the conditions change as `right` says.
    fn step(&mut self, right: &[f64], selected: &Selected) -> Option<Vec<f64>> {
        let Work { evaluator, x, sense, rows, linear, .. } = self;
        let mut program = Program::solved_by(*linear, evaluator, x, *sense, rows, selected.clone()).ok()?;
        let step = program.solve(right).values;
        let done = match program.solver() {
            Solver::Factored(_) => (0, 0),
            Solver::Products(done) => (done.solves, done.products),
        };
        (self.solves, self.products) = (self.solves + done.0, self.products + done.1);
        Some(step)
    }

    /// `∇f - J'y - z`.
    fn stationarity(&mut self, here: &Here) -> Vec<f64> {
        let mut pull = vec![0.0; self.x.len()];
        self.evaluator.jacobian_transposed_product(&self.x, &self.rows, &mut pull);
        (0..self.x.len()).map(|k| here.gradient[k] - pull[k] - self.bounds[k]).collect()
    }

    fn minus_conditions(&mut self, here: &Here, selected: &Selected) -> Vec<f64> {
        let mut out: Vec<f64> = self.stationarity(here).iter().map(|g| -g).collect();
        out.extend(selected.rows.iter().map(|r| self.row_side(*r as usize) - here.values[*r as usize]));
        out.extend(selected.bounds.iter().map(|k| self.bound_side(*k as usize) - self.x[*k as usize]));
        out
    }

    /// The largest violation of stationarity and of active sides, scaled.
    fn residual(&mut self, here: &Here) -> f64 {
        let forces = self.stationarity(here).iter().map(|g| g / here.size).collect::<Vec<f64>>();
        let mut most = max_norm(&forces);
        for r in (0..self.rows.len()).filter(|r| self.held_rows[*r] != Held::Not) {
            let side = self.row_side(r);
            most = most.max((here.values[r] - side).abs() / side.abs().max(here.slopes[r]));
        }
        for k in (0..self.x.len()).filter(|k| self.held_bounds[*k] != Held::Not) {
            let side = self.bound_side(k);
            most = most.max((self.x[k] - side).abs() / side.abs().max(1.0));
        }
        if all_finite(&forces) { most } else { f64::NAN }
    }

    fn row_side(&self, r: usize) -> f64 {
        if self.held_rows[r] == Held::Upper { self.sides.row_upper[r] } else { self.sides.row_lower[r] }
    }

    fn bound_side(&self, k: usize) -> f64 {
        if self.held_bounds[k] == Held::Upper { self.sides.upper[k] } else { self.sides.lower[k] }
    }

    /// A row that says that a variable is at least a branch of its kink is a definition where nothing presses on the
    /// variable and no other branch is as large: it then only copies the branch.
    fn define(&mut self, problem: &Problem, tops: &[Top]) {
        let here = self.look();
        for top in tops {
            let first = top.first_rows(problem);
            for p in 0..top.count {
                let rows: Vec<usize> = first.iter().map(|first| first + p).collect();
                let free = rows.iter().all(|r| self.rows[*r].abs() * here.slopes[*r] / here.size <= WEAK);
                let attained: Vec<usize> =
                    rows.iter().copied().filter(|r| here.values[*r].abs() <= WEAK * here.slopes[*r]).collect();
                if let (true, [only]) = (free, &attained[..]) {
                    self.held_rows[*only] = Held::Equation;
                    self.rows[*only] = 0.0;
                }
            }
        }
    }

    /// Inequalities without force or slack, and the margin of all others.
    fn weak(&mut self) -> (Vec<Weak>, f64) {
        let here = self.look();
        let (mut weak, mut margin) = (vec![], f64::INFINITY);
        let mut examine = |at: At, held: Held, force: f64, value: f64, sides: (f64, f64), slope: f64| {
            let slack = |side: f64, distance: f64| match side.is_finite() {
                true => distance.max(0.0) / side.abs().max(slope),
                false => f64::INFINITY,
            };
            let (below, above) = (slack(sides.0, value - sides.0), slack(sides.1, sides.1 - value));
            let (figure, sign) = match held {
                Held::Equation => return,
                Held::Lower => (force, 1.0),
                Held::Upper => (-force, -1.0),
                Held::Not => (below.min(above), if below <= above { 1.0 } else { -1.0 }),
            };
            margin = margin.min(figure.max(0.0));
            if figure <= WEAK {
                weak.push(Weak { at, sign });
            }
        };
        for r in (0..self.rows.len()).filter(|r| !self.dropped[*r]) {
            let sides = (self.sides.row_lower[r], self.sides.row_upper[r]);
            let force = self.rows[r] * here.slopes[r] / here.size;
            examine(At::Row(r as u32), self.held_rows[r], force, here.values[r], sides, here.slopes[r]);
        }
        for k in 0..self.x.len() {
            let sides = (self.sides.lower[k], self.sides.upper[k]);
            let force = self.bounds[k] / here.size;
            examine(At::Bound(k as u32), self.held_bounds[k], force, self.x[k], sides, 1.0);
        }
        (weak, margin)
    }

    /// All variables, and what is active apart from `without`.
    fn selected(&self, without: &[Weak]) -> Selected {
        let kept = |at: At| without.iter().all(|weak| weak.at != at);
        let of = |held: &[Held], at: fn(u32) -> At| -> Vec<u32> {
            let active = held.iter().enumerate().filter(|(_, held)| **held != Held::Not).map(|(k, _)| k as u32);
            active.filter(|k| kept(at(*k))).collect()
        };
        Selected {
            inner: (0..self.x.len() as u32).collect(),
            rows: of(&self.held_rows, At::Row),
            bounds: of(&self.held_bounds, At::Bound),
        }
    }
}

/// Active is what has no slack, and what has more force than slack.
fn held(value: f64, (lower, upper): (f64, f64), slope: f64, force: f64, presumed: f64) -> Held {
    if lower == upper {
        return Held::Equation;
    }
    let scaled =
        |side: f64, distance: f64| if side.is_finite() { distance / side.abs().max(slope) } else { f64::INFINITY };
    let (below, above) = (scaled(lower, value - lower), scaled(upper, upper - value));
    let active = |slack: f64, force: f64| slack <= 1e-7 || (slack <= 1e-3 && force > slack);
    match (below <= above, active(below, force.max(presumed)), active(above, (-force).max(presumed))) {
        (true, true, _) => Held::Lower,
        (false, _, true) => Held::Upper,
        _ => Held::Not,
    }
}
