//! What a follower loses by an answer, divided by a small `σ`, added to the outer objective; first derivatives alone.
//!
//! With `l(x, σ) = min_y σ F(x, y) + g(x, y)` over the followers' rows and bounds, the outer level minimises
//! `ψ_σ(x) = (l(x, σ) - l(x, 0)) / σ`, whose slopes are
//!
//! ```text
//! ∇ψ_σ = ∇_x F(x, y_σ) + (∇_x L(x, y_σ, λ_σ) - ∇_x L(x, z, μ)) / σ,     L = g - λ'c
//! ```
//!
//! at answers `y_σ` of the first problem and `z` of the second, and their multipliers. Neither needs to be unique: of all
//! best answers of the follower, `y_σ` tends to one that is best for the outer level. `ψ_σ` is away from the wanted
//! `ψ(x) = min F over the follower's answers` by `O(σ)` where an error bound holds (distance to the answers at most a multiple
//! of a projected gradient step, for all small `σ`). It is then smooth in `σ`, so values at `σ, σ/2, σ/4, ...` are
//! extrapolated to 0, which leaves `O(σ^(order + 1))`; the step from one order to the next estimates what is left. Where that
//! estimate does not become small, no error bound holds near the answer: the method says so.
//!
//! `σ` falls from `first` to `sigma`; what the estimate asks for is done below that. Source: Kwon, Kwon, Wright and Nowak (2024), whose projected gradient steps
//! inside and outside are quasi-Newton steps here.

mod stack;
#[cfg(test)]
mod tests;

use super::functions::Functions;
use super::outer::{self, Answers, Limits, Reduced};
use super::{Context, Method};
use crate::ad::Evaluator;
use crate::answer::{Evaluations, LogLine, Multipliers, Outcome, Stop};
use crate::linalg::vector::{add_multiple, max_norm};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, Sense};
use crate::solve::bilevel::follower::{Follower, around};
use crate::solve::method::Claim;
use crate::solve::monitor::Monitor;
use crate::solve::nlp::Nlp;
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::line;
use stack::{Answer, Layout, Stack};
use std::ops::ControlFlow;

pub const METHOD: Method = Method {
    name: "value_penalty",
    doc: "what followers lose by an answer as a penalty, from values and first derivatives alone; followers may have rows \
          and several answers. Its log shows sigma as `barrier` and the estimated bias of the slopes as `regularisation`",
    chosen: "when asked for",
    source: "Kwon, Kwon, Wright & Nowak (2024), On Penalty Methods for Nonconvex Bilevel Optimization, ICLR",
    claim: Claim::Stationary,
    accepts: |nest| {
        nest.needs_smoothness()?;
        nest.needs_no_pairs_in_blocks()?;
        nest.needs_no_pairs()?;
        nest.needs_optimistic_lower_blocks("this method")?;
        nest.needs_no_duals()?;
        nest.needs_free_multipliers()?;
        nest.needs_blocks_apart()?;
        nest.coupled.clone().map_or(Ok(()), Err)
    },
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "first",
        doc: "the weight `sigma` of the outer objective beside the followers' to begin with; it falls by tens",
        default: Default::Number { value: 0.1, least: 1e-10, most: 1e6 },
    },
    OptionRow {
        name: "sigma",
        doc: "the last weight; it is lowered further, by a hundred at most, where the estimated bias is too large",
        default: Default::Number { value: 1e-3, least: 1e-10, most: 1e6 },
    },
    OptionRow {
        name: "order",
        doc: "how often what is found is extrapolated from `sigma`, `sigma / 2`, ... to 0; with 0 the bias stays",
        default: Default::Number { value: 2.0, least: 0.0, most: 4.0 },
    },
    OptionRow {
        name: "inner",
        doc: "the most steps for an answer of the followers",
        default: Default::Number { value: 3000.0, least: 1.0, most: 1e9 },
    },
    outer::tolerance(1e-8),
    outer::ITERATIONS,
];

/// The bias of slopes, relative to the size of the slopes of the outer objective, that is left alone.
const BIAS: f64 = 1e-7;

/// Slopes of followers at their answers, beside `σ`, and the least that is asked for.
const RATIO: f64 = 1e-8;
const SHARP: f64 = 1e-12;

/// How far the rows of a follower, which the interior point method keeps, and its slopes may be off.
const SHARP_WITH_ROWS: f64 = 1e-10;

/// Points from which a follower that is not convex is looked at after each stage, and how often a stage is gone through
/// again from its better answer.
const STARTS: usize = 8;
const ROUNDS: usize = 4;

pub fn run(context: &mut Context) -> Outcome {
    let number = |name| context.options.number(OPTIONS, name);
    let (first, last, order) = (number("first"), number("sigma"), number("order") as usize);
    let limits = Limits::of(context.options, OPTIONS);
    let penalty = Penalty::new(context, number("inner") as usize);
    let mut reduced = Reduced::new(context, penalty);
    let mut at = context.start.clone();
    let mut log = vec![];
    let mut iterations = 0;
    let mut sigma = first.max(last);
    let mut rounds = 0;
    // The stage with the least bias among those from `sigma` on.
    let mut best: Option<(f64, Outcome)> = None;
    loop {
        let is_last = sigma <= last * 1.0001;
        let order_here = if is_last { order } else { 0 };
        reduced.answers.extrapolate(sigma, order_here);
        let rough = if is_last { limits.tolerance } else { limits.tolerance.max(1e-3 * sigma) };
        let here = Limits { tolerance: rough, ..limits };
        let mut found = reduced.minimise(context, &at, &here);
        log.append(&mut found.log);
        iterations += found.iterations;
        let ended = context.monitor.over().is_some() || matches!(found.stop, Stop::Interrupted);
        if !ended && reduced.answers.look_elsewhere(&found.x, context.monitor) {
            rounds += 1;
            at.copy_from_slice(&found.x);
            if rounds <= ROUNDS {
                continue;
            }
            found.stop =
                Stop::NoProgress("near here a follower that is not convex goes over to another answer".to_string());
        }
        let bias = if ended { f64::NAN } else { reduced.answers.bias(&reduced.whole, context.monitor) };
        let bias_line =
            LogLine { barrier: sigma, regularisation: bias, ..line(iterations, f64::NAN, f64::NAN, f64::NAN, 1) };
        let stopped = if ended { None } else { observe(context, bias_line) };
        log.append(&mut context.monitor.log);
        at.copy_from_slice(&found.x);
        if let Some(stop) = stopped {
            found.stop = stop;
        }
        let goes_on =
            matches!(found.stop, Stop::Converged | Stop::NoProgress(_) | Stop::Failed(_) | Stop::NotFinite(_));
        // Stages on the way are only starts of the next one.
        let better = best.as_ref().is_none_or(|(least, _)| bias <= *least || least.is_nan());
        let small = bias <= BIAS;
        if better || !goes_on {
            best = Some((if is_last { bias } else { f64::NAN }, found));
        }
        let lowest = order == 0 && is_last || sigma <= last * 0.011;
        if !goes_on || (is_last && (small || lowest)) {
            break;
        }
        sigma = if is_last { sigma * 0.1 } else { (sigma * 0.1).max(last) };
    }
    let (bias, found) = best.expect("there was a stage");
    let evaluations = reduced.evaluations();
    // A point that is no better than its bias is handed back as such; the judge says what it is.
    let stop = match found.stop {
        Stop::Converged if order > 0 && bias > BIAS.sqrt() => Stop::NoProgress(format!(
            "slopes at `sigma` and at half of it are {bias:.1e} apart after extrapolation: the follower's answers seem to \
             have no error bound here, and the penalty does not tend to what is wanted"
        )),
        stop => stop,
    };
    Outcome { stop, iterations, evaluations, log, ..found }
}

/// A stage as a line of the log; what must end the method.
fn observe(context: &mut Context, line: LogLine) -> Option<Stop> {
    match context.monitor.observe(line) {
        ControlFlow::Break(Stop::IterationLimit) | ControlFlow::Continue(()) => None,
        ControlFlow::Break(stop) => Some(stop),
    }
}

/// One `σ`, what its value counts in the extrapolation, and the last answer.
struct Level {
    sigma: f64,
    weight: f64,
    answer: Answer,
}

/// `ψ_σ`, extrapolated.
struct Penalty<'x> {
    problem: &'x Problem,
    followers: Vec<Follower>,
    functions: Vec<Functions>,
    outer: Evaluator,
    /// 1, or -1 where the outer objective is maximised.
    sign: f64,
    together: Layout,
    alone: Vec<Layout>,
    /// `z` and `μ` of each follower.
    best: Vec<Answer>,
    levels: Vec<Level>,
    inner_limit: usize,
    seed: u64,
    counts: Evaluations,
}

impl<'x> Penalty<'x> {
    fn new(context: &mut Context<'x, '_>, inner_limit: usize) -> Penalty<'x> {
        let problem = context.problem;
        let followers = std::mem::take(&mut context.followers);
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let mut functions: Vec<Functions> = followers.iter().map(|f| Functions::of(problem, f)).collect();
        let alone: Vec<Layout> = (0..functions.len()).map(|k| Layout::of(&mut functions[k..k + 1], &bounds)).collect();
        Penalty {
            problem,
            outer: Evaluator::new(problem),
            sign: if problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize) { -1.0 } else { 1.0 },
            together: Layout::of(&mut functions, &bounds),
            best: vec![Answer::default(); alone.len()],
            alone,
            functions,
            followers,
            levels: vec![],
            inner_limit,
            seed: context.options.seed,
            counts: Evaluations::default(),
        }
    }

    /// From now on `Σ w_i ψ_(σ/2^i)`, `i` up to `order`: the value at 0 of the polynomial through them.
    fn extrapolate(&mut self, sigma: f64, order: usize) {
        let known = self.levels.first().map(|level| level.answer.clone()).unwrap_or_default();
        let at = |i: usize| sigma * 0.5f64.powi(i as i32);
        let weight = |i: usize| (0..=order).filter(|j| *j != i).map(|j| at(j) / (at(j) - at(i))).product();
        self.levels = (0..=order).map(|i| Level { sigma: at(i), weight: weight(i), answer: known.clone() }).collect();
    }

    /// Errors of answers are divided by `σ`.
    fn tolerance(&self) -> f64 {
        let sigma = self.levels.first().map_or(1.0, |level| level.sigma);
        let least = if self.functions.iter().all(|f| f.rows.is_empty()) { SHARP } else { SHARP_WITH_ROWS };
        least.max(RATIO * sigma.min(1.0))
    }

    /// Answers of the followers with a weight of `F`; `which` of them, or all.
    fn solve(
        &mut self,
        whole: &[f64],
        weight: f64,
        which: Option<usize>,
        from: &Answer,
        monitor: &Monitor,
    ) -> Result<Answer, String> {
        let tolerance = self.tolerance();
        let (layout, functions) = match which {
            Some(k) => (&self.alone[k], &mut self.functions[k..k + 1]),
            None => (&self.together, &mut self.functions[..]),
        };
        let counts = Evaluations::default();
        let mut stack = Stack { layout, functions, outer: &mut self.outer, weight, whole: whole.to_vec(), counts };
        let answer = stack.solve(from, tolerance, self.inner_limit, self.seed, monitor);
        let counts = stack.counts;
        self.counts.add(&counts);
        answer
    }

    /// `Σ w_i f(level i)` of a quantity that needs the answers.
    fn value_of(&mut self, whole: &[f64]) -> f64 {
        let mut there = whole.to_vec();
        let best: Vec<f64> = (0..self.functions.len())
            .map(|k| {
                self.best[k].put(&self.alone[k], &mut there);
                self.functions[k].objective(&there)
            })
            .collect();
        let mut total = 0.0;
        for level in &self.levels {
            level.answer.put(&self.together, &mut there);
            self.counts.objective += 1;
            let lost: f64 = self.functions.iter_mut().zip(&best).map(|(f, b)| f.objective(&there) - b).sum();
            total += level.weight * (self.sign * self.outer.objective(&there) + lost / level.sigma);
        }
        total
    }

    fn slopes_of(&mut self, whole: &[f64]) -> Vec<f64> {
        let mut there = whole.to_vec();
        let mut own = vec![0.0; whole.len()];
        for (k, f) in self.functions.iter_mut().enumerate() {
            self.best[k].put(&self.alone[k], &mut there);
            f.add_gradient(&there, 1.0, &mut own);
            f.add_transposed(&there, &self.best[k].rows(&self.alone[k]), -1.0, &mut own);
        }
        let mut total = vec![0.0; whole.len()];
        let mut upper = vec![0.0; whole.len()];
        for level in &self.levels {
            level.answer.put(&self.together, &mut there);
            self.counts.gradient += 1;
            self.outer.gradient(&there, &mut upper);
            add_multiple(&mut total, level.weight * self.sign, &upper);
            let by = level.weight / level.sigma;
            let rows = level.answer.rows(&self.together);
            let mut first = 0;
            for f in &mut self.functions {
                f.add_gradient(&there, by, &mut total);
                f.add_transposed(&there, &rows[first..first + f.rows.len()], -by, &mut total);
                first += f.rows.len();
            }
            add_multiple(&mut total, -by, &own);
        }
        total
    }

    /// The largest entry by which slopes in what the outer level decides change with one more order of extrapolation,
    /// relative to the slopes of the outer objective.
    fn bias(&mut self, whole: &[f64], monitor: &Monitor) -> f64 {
        let owners = self.problem.owners();
        let here = self.slopes_of(whole);
        let (sigma, order) = (self.levels[0].sigma, self.levels.len() - 1);
        let kept = std::mem::take(&mut self.levels);
        self.levels = vec![Level { answer: kept[order].answer.clone(), ..kept[0] }];
        self.extrapolate(sigma, order + 1);
        let mut there = whole.to_vec();
        let next = self.settle(&mut there, monitor).map(|()| self.slopes_of(&there));
        self.levels = kept;
        let mut upper = vec![0.0; whole.len()];
        self.outer.gradient(whole, &mut upper);
        match next {
            Ok(next) => {
                let decided = (0..whole.len()).filter(|k| owners[*k].is_none());
                let apart = decided.map(|k| (next[k] - here[k]).abs()).fold(0.0, f64::max);
                apart / max_norm(&upper).max(1.0)
            }
            Err(_) => f64::NAN,
        }
    }
}

impl Answers for Penalty<'_> {
    fn settle(&mut self, whole: &mut [f64], monitor: &Monitor) -> Result<(), String> {
        for k in 0..self.best.len() {
            // Kept where there is no answer: the next point may be nearer to the last one.
            let from = self.best[k].clone();
            self.best[k] = self.solve(whole, 0.0, Some(k), &from, monitor)?;
        }
        for i in 0..self.levels.len() {
            let mut from = self.levels[i].answer.clone();
            if from.y.is_empty() && i > 0 {
                from = self.levels[i - 1].answer.clone();
            }
            let weight = self.sign * self.levels[i].sigma;
            self.levels[i].answer = self.solve(whole, weight, None, &from, monitor)?;
        }
        self.lower_where_better(whole, monitor)?;
        self.write(whole);
        Ok(())
    }

    fn pull(&mut self, _: &[f64], _: &mut [Vec<f64>]) -> Result<(), String> {
        Ok(())
    }

    fn value(&mut self, _: &mut Evaluator, whole: &[f64]) -> f64 {
        self.sign * self.value_of(whole)
    }

    fn slopes(&mut self, _: &mut Evaluator, whole: &[f64]) -> Vec<f64> {
        let mut slopes = self.slopes_of(whole);
        slopes.iter_mut().for_each(|v| *v *= self.sign);
        slopes
    }

    fn evaluations(&self) -> Evaluations {
        let mut all = self.counts.clone();
        self.functions.iter().for_each(|f| all.add(&f.counts));
        all
    }
}

impl Penalty<'_> {
    /// Where a follower that is not convex does better with its part of `y_σ` than with `z`, `z` is looked for from there.
    fn lower_where_better(&mut self, whole: &[f64], monitor: &Monitor) -> Result<(), String> {
        let mut there = whole.to_vec();
        for k in 0..self.best.len() {
            if self.followers[k].convex {
                continue;
            }
            self.best[k].put(&self.alone[k], &mut there);
            let least = self.functions[k].objective(&there);
            for i in 0..self.levels.len() {
                self.levels[i].answer.put(&self.together, &mut there);
                if self.functions[k].objective(&there) < least - 1e-12 * least.abs().max(1.0) {
                    let from = Answer::default();
                    self.best[k] = self.solve(&there, 0.0, Some(k), &from, monitor)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Solves followers that are not convex from several points; true if one has a better answer, which it then goes on from.
    fn look_elsewhere(&mut self, whole: &[f64], monitor: &Monitor) -> bool {
        let mut better = false;
        let bounds = Bounds::of(self.problem, &Numbers::of(self.problem));
        for k in 0..self.best.len() {
            if self.followers[k].convex {
                continue;
            }
            let mut there = whole.to_vec();
            self.best[k].put(&self.alone[k], &mut there);
            let mut least = self.functions[k].objective(&there);
            for start in around(&bounds, whole, STARTS, self.seed) {
                let mut from = whole.to_vec();
                self.followers[k].level.own.iter().for_each(|j| from[*j as usize] = start[*j as usize]);
                let Ok(answer) = self.solve(&from, 0.0, Some(k), &Answer::default(), monitor) else { continue };
                answer.put(&self.alone[k], &mut there);
                let value = self.functions[k].objective(&there);
                if self.functions[k].keeps_rows(&there) && value < least - 1e-8 * least.abs().max(1.0) {
                    (least, better) = (value, true);
                    self.best[k] = answer;
                    self.levels.iter_mut().for_each(|level| level.answer.take_from(&self.together, &there));
                }
            }
        }
        better
    }

    /// Writes the extrapolated answers and multipliers of the followers into a point of all variables.
    fn write(&mut self, whole: &mut [f64]) {
        let mut y = vec![0.0; self.levels[0].answer.y.len()];
        let mut rows = vec![0.0; self.functions.iter().map(|f| f.rows.len()).sum()];
        let (mut lower, mut upper) = (vec![0.0; whole.len()], vec![0.0; whole.len()]);
        for level in &self.levels {
            add_multiple(&mut y, level.weight, &level.answer.y);
            add_multiple(&mut rows, level.weight, &level.answer.rows(&self.together));
            level.answer.add_bounds(&self.together, level.weight, &mut lower, &mut upper);
        }
        self.together.keep_within(&mut y);
        Answer { y, multipliers: None }.put(&self.together, whole);
        let mut first = 0;
        for (follower, f) in self.followers.iter().zip(&self.functions) {
            let of = |all: &[f64]| follower.level.own.iter().map(|k| f.sign * all[*k as usize]).collect();
            let rows = f.stated(&rows[first..first + f.rows.len()]);
            let multipliers = Multipliers { rows, lower: of(&lower), upper: of(&upper) };
            follower.put_multipliers(self.problem, &multipliers, whole);
            first += f.rows.len();
        }
    }
}
