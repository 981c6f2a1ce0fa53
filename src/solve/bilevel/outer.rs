//! The outer problem in its own variables, whatever stands for the followers' answers.
//!
//! `min Φ(x)  s.t.  rows of the outer level within their sides, x within its bounds`. For methods that follow the answers,
//! `Φ(x) = F(x, y(x))`, rows may read `y(x)`, and slopes in `y` are pulled back to `x` by whoever answered; a method may also
//! put another function in the place of `Φ`. Any smooth method that needs no second derivatives does the rest.

use super::Context;
use super::follower::nothing;
use crate::ad::Evaluator;
use crate::answer::{Evaluations, Multipliers, Outcome, Stop};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, Sense};
use crate::solve::method::{self, Run};
use crate::solve::monitor::Monitor;
use crate::solve::nlp::{Nlp, Pattern, Shape};
use crate::solve::options::{OptionRow, Options, Value};
use std::ops::ControlFlow;
use std::sync::Arc;

/// What stands for the followers' answers. All points and slopes are those of all variables.
pub trait Answers {
    /// Writes the answers to what the outer level decides into `whole`; or why there are none.
    fn settle(&mut self, whole: &mut [f64], monitor: &Monitor) -> Result<(), String>;

    /// Hands slopes in what followers decide on to what they read, at the point that was settled last.
    fn pull(&mut self, whole: &[f64], slopes: &mut [Vec<f64>]) -> Result<(), String>;

    /// `Φ` at the point that was settled last, in the sense of the statement.
    fn value(&mut self, outer: &mut Evaluator, whole: &[f64]) -> f64 {
        outer.objective(whole)
    }

    /// Slopes of `Φ`, not pulled yet.
    fn slopes(&mut self, outer: &mut Evaluator, whole: &[f64]) -> Vec<f64> {
        let mut slopes = vec![0.0; whole.len()];
        outer.gradient(whole, &mut slopes);
        slopes
    }

    /// Evaluations of the followers' functions so far.
    fn evaluations(&self) -> Evaluations {
        Evaluations::default()
    }
}

/// What ends the outer method.
pub struct Limits {
    pub tolerance: f64,
    pub iterations: usize,
}

impl Limits {
    /// From the rows [`tolerance`] and [`ITERATIONS`].
    pub fn of(options: &Options, rows: &[OptionRow]) -> Limits {
        Limits { tolerance: options.number(rows, "tol"), iterations: options.number(rows, "max_iter") as usize }
    }
}

/// The row of the tolerance of the outer method.
pub const fn tolerance(value: f64) -> OptionRow {
    method::tolerance("of the outer method: see its own", value)
}

/// The row of its limit.
pub const ITERATIONS: OptionRow = method::iteration_limit(1000);

/// Solves the outer problem from the start of `context`. The outcome is a point of all variables, with the answers.
pub fn solve<'x, 'm, A: Answers>(context: &mut Context<'x, 'm>, answers: A, limits: &Limits) -> Outcome {
    let start = context.start.clone();
    let mut reduced = Reduced::new(context, answers);
    reduced.minimise(context, &start, limits)
}

/// The outer problem in the variables that it decides.
pub struct Reduced<'x, 'm, A> {
    problem: &'x Problem,
    pub answers: A,
    outer: Evaluator,
    clock: &'m dyn Fn() -> f64,
    interrupted: &'m dyn Fn() -> bool,
    deadline: f64,
    /// 1, or -1 where the objective is maximised.
    sign: f64,
    /// Positions of the variables that the outer level decides.
    free: Vec<u32>,
    /// Rows of the outer level that constrain.
    rows: Vec<u32>,
    shape: Shape,
    /// A point of all levels, at which every follower has its answer if it is `settled`.
    pub whole: Vec<f64>,
    settled: bool,
    /// Why a value or slope could not be had.
    failed: Option<String>,
    counts: Evaluations,
}

impl<'x, 'm, A: Answers> Reduced<'x, 'm, A> {
    pub fn new(context: &Context<'x, 'm>, answers: A) -> Reduced<'x, 'm, A> {
        let problem = context.problem;
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let owners = problem.owners();
        let decides = |k: &u32| owners[*k as usize].is_none() && bounds.lower[*k as usize] < bounds.upper[*k as usize];
        let free: Vec<u32> = (0..problem.dimension).filter(decides).collect();
        let rows = constraining(problem, &bounds);
        let of = |values: &[f64], chosen: &[u32]| chosen.iter().map(|k| values[*k as usize]).collect::<Vec<f64>>();
        let n = free.len();
        let all: Vec<u32> = (0..n as u32).collect();
        let shape = Shape {
            lower: of(&bounds.lower, &free),
            upper: of(&bounds.upper, &free),
            row_lower: of(&bounds.row_lower, &rows),
            row_upper: of(&bounds.row_upper, &rows),
            jacobian: Arc::new(Pattern::from_rows(n, &vec![all; rows.len()])),
            hessian: Arc::new(Pattern::from_rows(n, &vec![vec![]; n])),
            curved: vec![true; n],
            ..Shape::default()
        };
        Reduced {
            problem,
            answers,
            outer: Evaluator::new(problem),
            clock: context.monitor.clock,
            interrupted: context.monitor.interrupted,
            deadline: context.monitor.deadline,
            sign: if problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize) { -1.0 } else { 1.0 },
            free,
            rows,
            shape,
            whole: at_fixed_values(&bounds, &context.start),
            settled: false,
            failed: None,
            counts: Evaluations::default(),
        }
    }

    /// Minimises from the outer part of `start`, by the method that fits the rows and bounds.
    pub fn minimise(&mut self, context: &mut Context, start: &[f64], limits: &Limits) -> Outcome {
        let inside = |(j, &k): (usize, &u32)| start[k as usize].max(self.shape.lower[j]).min(self.shape.upper[j]);
        let start: Vec<f64> = self.free.iter().enumerate().map(inside).collect();
        if start.is_empty() {
            let stop = match self.settle_at(&start) {
                true => Stop::Converged,
                false => Stop::Failed(self.why()),
            };
            return Outcome { evaluations: self.evaluations(), ..nothing(self.whole.clone(), stop) };
        }
        let (method, set) = method_for(&self.shape, limits.tolerance, false);
        let options = Options { set, seed: context.options.seed };
        context.monitor.iteration_limit = context.monitor.iteration_limit.min(limits.iterations);
        // Whoever answers may have changed what is asked of the same point.
        (self.failed, self.settled) = (None, false);
        let found = {
            let mut inner =
                method::Context { nlp: self, start, warm: None, options: &options, monitor: &mut *context.monitor };
            let Run::Functions(solve) = method.run else { unreachable!("the methods chosen here see functions") };
            solve(&mut inner)
        };
        let settled = self.settle_at(&found.x);
        let failed = self.failed.take();
        let over = context.monitor.over().filter(|_| failed.is_some() || !settled);
        let stop = match (over, failed, settled) {
            // What the clock or the user ended has no other reason.
            (Some(over), ..) => over,
            // What failed on the way does not count where the end is one.
            (None, Some(why), true) if found.stop != Stop::Converged => Stop::Failed(why),
            (None, _, true) => found.stop,
            (None, why, false) => {
                Stop::Failed(format!("{} at the answer", why.unwrap_or_else(|| "followers gave none".to_string())))
            }
        };
        let multipliers = found.multipliers.map(|m| self.lift(&m));
        let evaluations = self.evaluations();
        Outcome { x: self.whole.clone(), multipliers, stop, evaluations, ..found }
    }

    fn why(&self) -> String {
        self.failed.clone().unwrap_or_else(|| "a follower could not be solved".to_string())
    }

    /// Gives every follower its answer to `x`; false if one has none.
    fn settle_at(&mut self, x: &[f64]) -> bool {
        let here = self.free.iter().zip(x).all(|(k, v)| self.whole[*k as usize] == *v);
        if here && self.settled {
            return true;
        }
        self.settled = false;
        for (k, v) in self.free.iter().zip(x) {
            self.whole[*k as usize] = *v;
        }
        if x.iter().any(|v| !v.is_finite()) {
            return false;
        }
        let mut progress = |_: &crate::answer::LogLine| ControlFlow::Continue(());
        let watch = Monitor { deadline: self.deadline, ..Monitor::new(self.clock, self.interrupted, &mut progress) };
        match self.answers.settle(&mut self.whole, &watch) {
            Ok(()) => self.settled = true,
            Err(why) => self.failed = Some(why),
        }
        self.settled
    }

    /// Slopes in the variables of the outer level, for each of some slopes in all variables.
    fn pulled(&mut self, mut slopes: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
        if let Err(why) = self.answers.pull(&self.whole, &mut slopes) {
            self.failed = Some(why);
            return None;
        }
        Some(slopes.iter().map(|a| self.free.iter().map(|&k| a[k as usize]).collect()).collect())
    }

    /// Multipliers of the problem of all levels, as stated.
    fn lift(&self, m: &Multipliers) -> Multipliers {
        let spread = |values: &[f64], chosen: &[u32], count: usize| {
            let mut out = vec![0.0; count];
            chosen.iter().zip(values).for_each(|(k, v)| out[*k as usize] = self.sign * v);
            out
        };
        let n = self.whole.len();
        Multipliers {
            rows: spread(&m.rows, &self.rows, self.problem.row_count()),
            lower: spread(&m.lower, &self.free, n),
            upper: spread(&m.upper, &self.free, n),
        }
    }
}

/// Rows of the outermost level of a problem that constrain.
pub fn constraining(problem: &Problem, bounds: &Bounds) -> Vec<u32> {
    let dropped = problem.constraints.iter().flat_map(|c| std::iter::repeat_n(c.dropped, c.rows as usize));
    let open = |r: usize| bounds.row_lower[r] == f64::NEG_INFINITY && bounds.row_upper[r] == f64::INFINITY;
    dropped.enumerate().filter(|(r, dropped)| !dropped && !open(*r)).map(|(r, _)| r as u32).collect()
}

/// `x` with every variable that bounds fix at its value.
pub fn at_fixed_values(bounds: &Bounds, x: &[f64]) -> Vec<f64> {
    let sides = bounds.lower.iter().zip(&bounds.upper);
    x.iter().zip(sides).map(|(value, (lower, upper))| if lower == upper { *lower } else { *value }).collect()
}

/// The method without second derivatives that fits rows and bounds, and its options. A `sharp` one may use the tolerance for
/// rows too.
pub fn method_for(shape: &Shape, tolerance: f64, sharp: bool) -> (&'static method::Method, Vec<(String, Value)>) {
    let tol = ("tol".to_string(), Value::Number(tolerance));
    let bounded = shape.lower.iter().chain(&shape.upper).any(|b| b.is_finite());
    let (name, set) = match (shape.rows() > 0, bounded) {
        (true, _) => {
            let hessian = ("hessian".to_string(), Value::Text("limited_memory".to_string()));
            ("interior_point", if sharp { vec![hessian, tol] } else { vec![hessian] })
        }
        // Steps cost little beside answers of followers.
        (false, true) => ("projected_lbfgs", vec![tol, ("memory".to_string(), Value::Number(100.0))]),
        (false, false) => ("lbfgs", vec![tol]),
    };
    (crate::solve::by_name(name).expect("a row of the table"), set)
}

impl<A: Answers> Nlp for Reduced<'_, '_, A> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        self.counts.objective += 1;
        match self.settle_at(x) {
            true => self.sign * self.answers.value(&mut self.outer, &self.whole),
            false => f64::NAN,
        }
    }

    fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.gradient += 1;
        out.fill(f64::NAN);
        if !self.settle_at(x) {
            return;
        }
        let slopes = self.answers.slopes(&mut self.outer, &self.whole);
        if let Some(found) = self.pulled(vec![slopes]) {
            out.iter_mut().zip(&found[0]).for_each(|(to, v)| *to = self.sign * v);
        }
    }

    fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.constraints += 1;
        out.fill(f64::NAN);
        if self.settle_at(x) {
            let mut all = vec![0.0; self.outer.rows()];
            self.outer.constraints(&self.whole, &mut all);
            out.iter_mut().zip(&self.rows).for_each(|(to, r)| *to = all[*r as usize]);
        }
    }

    fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.jacobian += 1;
        out.fill(f64::NAN);
        if self.rows.is_empty() || !self.settle_at(x) {
            return;
        }
        let pattern = self.outer.jacobian_pattern().clone();
        let mut entries = vec![0.0; pattern.entries()];
        self.outer.jacobian(&self.whole, &mut entries);
        let row = |r: &u32| {
            let mut slopes = vec![0.0; self.whole.len()];
            pattern.row(*r as usize).for_each(|k| slopes[pattern.columns[k] as usize] = entries[k]);
            slopes
        };
        let slopes = self.rows.iter().map(row).collect();
        if let Some(found) = self.pulled(slopes) {
            out.iter_mut().zip(found.iter().flatten()).for_each(|(to, v)| *to = *v);
        }
    }

    fn hessian(&mut self, _: &[f64], _: f64, _: &[f64], _: &mut [f64]) {
        unreachable!("the outer method needs no second derivatives")
    }

    fn hessian_product(&mut self, _: &[f64], _: f64, _: &[f64], _: &[f64], _: &mut [f64]) {
        unreachable!("the outer method needs no second derivatives")
    }

    fn evaluations(&self) -> Evaluations {
        let mut all = self.counts.clone();
        all.add(&self.answers.evaluations());
        all
    }

    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String> {
        let solved = self.settle_at(x);
        (!solved || self.failed.is_some()).then(|| self.why())
    }
}
