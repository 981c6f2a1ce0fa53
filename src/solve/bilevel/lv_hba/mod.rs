//! One loop of first-order steps for followers with rows that read both levels: the proximal Lagrangian value function.
//!
//! ```text
//! v(x, y, z) = min_θ max_λ  f(x, θ) + λ'c(x, θ) - σ(λ) + |θ - y|²/(2 γ) - |λ - z|²/(2 γ)
//! ```
//!
//! with the support function `σ` of the sides of the rows, is smooth, and its slopes need no second derivatives. The follower's
//! part of a point is an answer if and only if `f(x, y) <= v(x, y, z)` for some `z`. In iteration `k`, with `c_k = (k + 1)^p`:
//!
//! 1. `θ` and `λ` take a step down and up in the problem above;
//! 2. `(x, y)` takes a step down in `F / c_k + f - v` and is projected onto all rows and bounds of both levels;
//! 3. `z` moves towards `λ`.
//!
//! Rows are divided by the lengths of their gradients at the start: with rows as they are, the published step lengths may swing
//! without end. Where many rows push together even that is not enough: if the iterates run away, the method begins again, and `λ` takes
//! steps that are shorter by the square of the norm that the rows which push have together. The distance to the answer falls as `1 / c_k`: the method finds a neighbourhood, not digits.
//! Source: Yao, Yin, Zeng and Zhang (2024), whose two multipliers of the value function are one here.

mod projection;

use super::functions::Functions;
use super::outer::{at_fixed_values, constraining};
use super::{Context, Method};
use crate::ad::Evaluator;
use crate::answer::{Evaluations, LogLine, Multipliers, Outcome, Stop};
use crate::linalg::vector::{all_finite, two_norm};
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, Sense};
use crate::solve::bilevel::follower::{Follower, nothing};
use crate::solve::bilevel::given;
use crate::solve::method::{Claim, iteration_limit, tolerance};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::line;
use projection::Rows;
use std::ops::ControlFlow;

pub const METHOD: Method = Method {
    name: "lv_hba",
    doc: "a single loop of projected first-order steps with a proximal Lagrangian, for convex followers whose rows read both \
          levels; rows are scaled. It comes near an answer slowly; its log shows the follower's gap as `inf_pr`",
    chosen: "when asked for",
    source: "Yao, Yin, Zeng & Zhang (2024), Constrained Bi-Level Optimization: Proximal Lagrangian Value Function Approach, ICLR",
    claim: Claim::Heuristic,
    accepts: |nest| {
        nest.needs_smoothness()?;
        nest.needs_no_pairs_in_blocks()?;
        nest.needs_no_pairs()?;
        nest.needs_convex_blocks()?;
        nest.needs_optimistic_lower_blocks("this method")?;
        nest.needs_no_duals()?;
        nest.needs_blocks_apart()
    },
    options: OPTIONS,
    run,
};

const fn positive(name: &'static str, doc: &'static str, value: f64) -> OptionRow {
    OptionRow { name, doc, default: Default::Number { value, least: 1e-12, most: 1e12 } }
}

const OPTIONS: &[OptionRow] = &[
    positive(
        "alpha",
        "the step of the point of both levels; shortened where slopes change faster than that allows",
        0.05,
    ),
    positive("beta", "the step of `z`", 0.5),
    positive("eta", "the step of `θ` and `λ`, shortened likewise", 0.1),
    positive("gamma", "the weight of the proximal terms is its inverse", 10.0),
    positive("c", "the penalty is `c (k + 1)^p`", 1.0),
    OptionRow {
        name: "p",
        doc: "how fast the penalty grows",
        default: Default::Number { value: 0.3, least: 0.0, most: 0.5 },
    },
    positive("radius", "the largest entry of `z`, where the model gives the multiplier no nearer bounds", 1e6),
    tolerance("the relative step and gap at which it ends", 1e-9),
    iteration_limit(20_000),
];

pub fn run(context: &mut Context) -> Outcome {
    let mut state = State::new(context);
    let limit = context.options.number(OPTIONS, "max_iter") as usize;
    let tol = context.options.number(OPTIONS, "tol");
    if let Err(why) = state.project(&state.whole.clone()) {
        return state.outcome(context, Stop::Failed(why), 0);
    }
    let first = state.first();
    state.begin();
    // The penalty grows from here.
    let mut from = 0;
    for k in 0..limit {
        let moved = match state.step(k - from) {
            Ok(moved) => moved,
            Err(why) if state.careful => return state.outcome(context, Stop::Failed(why), k),
            Err(_) => {
                state.begin_again(&first);
                from = k + 1;
                continue;
            }
        };
        // Often enough to see what happens, seldom enough to cost nothing.
        let shown = k % 100 == 99 || k + 1 == limit;
        if !shown {
            if let Some(stop) = context.monitor.over() {
                return state.outcome(context, stop, k);
            }
            continue;
        }
        state.shorten();
        let gap = state.gap();
        let objective = state.problem_sign * state.objective();
        let here = LogLine { primal: gap, ..line(k + 1, objective, moved, moved * state.alpha, 1) };
        if let ControlFlow::Break(stop) = context.monitor.observe(here) {
            return state.outcome(context, stop, k + 1);
        }
        if moved <= tol && gap <= tol {
            return state.outcome(context, Stop::Finished, k + 1);
        }
    }
    state.outcome(context, Stop::Finished, limit)
}

/// Where a run begins, and with which steps.
struct First {
    whole: Vec<f64>,
    lambda: Vec<Vec<f64>>,
    alpha: f64,
    eta: f64,
}

struct State<'x> {
    problem: &'x Problem,
    followers: Vec<Follower>,
    functions: Vec<Functions>,
    outer: Evaluator,
    problem_sign: f64,
    /// What both levels decide, as positions in the whole vector, and which of them followers do.
    free: Vec<u32>,
    owned: Vec<u32>,
    rows: Rows,
    bounds: Bounds,
    /// `(x, y)`
    whole: Vec<f64>,
    /// `x` and `θ`
    there: Vec<f64>,
    /// Of the scaled rows of each follower.
    lambda: Vec<Vec<f64>>,
    z: Vec<Vec<f64>>,
    scales: Vec<Vec<f64>>,
    /// The iterates ran away once.
    careful: bool,
    /// What `eta` is divided by for `λ`; of a careful run the squared norm of the scaled rows that push, at least 1.
    slower: Vec<f64>,
    /// Between which numbers `z` stays.
    reach: Vec<Vec<(f64, f64)>>,
    alpha: f64,
    beta: f64,
    eta: f64,
    gamma: f64,
    c: f64,
    p: f64,
    counts: Evaluations,
}

impl<'x> State<'x> {
    fn new(context: &mut Context<'x, '_>) -> State<'x> {
        let problem = context.problem;
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let followers = std::mem::take(&mut context.followers);
        let mut functions: Vec<Functions> = followers.iter().map(|f| Functions::of(problem, f)).collect();
        let mut outer = Evaluator::new(problem);
        let open = |k: &u32| bounds.lower[*k as usize] < bounds.upper[*k as usize];
        let mut owned: Vec<u32> = functions.iter().flat_map(|f| &f.positions[..f.own]).copied().filter(open).collect();
        owned.sort_unstable();
        let owners = problem.owners();
        let decided = |k: &u32| open(k) && (owners[*k as usize].is_none() || owned.binary_search(k).is_ok());
        let free: Vec<u32> = (0..problem.dimension).filter(decided).collect();
        let whole = at_fixed_values(&bounds, &context.start);
        let rows = Rows::of(&mut functions, &mut outer, &constraining(problem, &bounds), &bounds, &free);
        let inverse = |l: f64| if l > 0.0 && l.is_finite() { 1.0 / l } else { 1.0 };
        let scaled = |f: &mut Functions| f.row_lengths(&whole, &free).into_iter().map(inverse).collect();
        let scales: Vec<Vec<f64>> = functions.iter_mut().map(scaled).collect();
        let number = |name| context.options.number(OPTIONS, name);
        // `λ = -y / scale`, `y` of the follower's minimisation.
        let radius = number("radius");
        let (mut lambda, mut reach) = (vec![], vec![]);
        for ((follower, f), scales) in followers.iter().zip(&functions).zip(&scales) {
            let places = given::places(problem, follower);
            let of_row = |r: &u32| places[*r as usize].map(|(k, sign)| (k as usize, -f.sign * sign));
            let of_rows = || f.rows.iter().zip(scales).map(|(r, scale)| (of_row(r), *scale));
            let start = |(place, scale): (Option<(usize, f64)>, f64)| {
                place.map_or(0.0, |(k, turn)| turn * context.start[k] / scale)
            };
            let sides = |(place, scale): (Option<(usize, f64)>, f64)| {
                let (lower, upper) = place.map_or((f64::NEG_INFINITY, f64::INFINITY), |(k, turn)| {
                    let (a, b) = (turn * bounds.lower[k] / scale, turn * bounds.upper[k] / scale);
                    (a.min(b), a.max(b))
                });
                (lower.clamp(-radius, radius), upper.clamp(-radius, radius))
            };
            lambda.push(of_rows().map(start).collect::<Vec<f64>>());
            reach.push(of_rows().map(sides).collect::<Vec<_>>());
        }
        State {
            problem,
            followers,
            functions,
            outer,
            problem_sign: if problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize) {
                -1.0
            } else {
                1.0
            },
            free,
            owned,
            rows,
            bounds,
            there: whole.clone(),
            whole,
            careful: false,
            slower: vec![1.0; lambda.len()],
            lambda: lambda.clone(),
            z: lambda,
            scales,
            reach,
            alpha: number("alpha"),
            beta: number("beta"),
            eta: number("eta"),
            gamma: number("gamma"),
            c: number("c"),
            p: number("p"),
            counts: Evaluations::default(),
        }
    }

    fn first(&self) -> First {
        First { whole: self.whole.clone(), lambda: self.lambda.clone(), alpha: self.alpha, eta: self.eta }
    }

    /// `θ` begins at `y`.
    fn begin(&mut self) {
        self.there.copy_from_slice(&self.whole);
        self.shorten();
    }

    /// After iterates that ran away: with shorter steps of `λ`.
    fn begin_again(&mut self, first: &First) {
        self.whole.copy_from_slice(&first.whole);
        self.lambda.clone_from(&first.lambda);
        self.z.clone_from(&first.lambda);
        (self.alpha, self.eta, self.careful) = (first.alpha, first.eta, true);
        self.rows.forget();
        self.begin();
    }

    /// Makes steps short enough for the curvature where the point is; but for those of `λ`, they never grow again.
    fn shorten(&mut self) {
        let owned = self.owned.clone();
        let inner = self.curvature(&owned, |state, at, out| {
            state.functions.iter_mut().for_each(|f| f.add_gradient(at, 1.0, out));
        });
        let free = self.free.clone();
        let both = self.curvature(&free, |state, at, out| {
            state.functions.iter_mut().for_each(|f| f.add_gradient(at, 1.0, out));
        });
        let sign = self.problem_sign;
        let upper = self.curvature(&free, |state, at, out| {
            state.counts.gradient += 1;
            state.outer.gradient(at, out);
            out.iter_mut().for_each(|v| *v *= sign);
        });
        if self.careful {
            self.slow_down(&owned);
        }
        self.eta = self.eta.min(0.5 / (inner + 1.0 / self.gamma + 1.0));
        self.alpha = self.alpha.min(1.0 / (2.0 * both + upper / self.c + 1.0 / self.gamma));
    }

    /// Makes steps of `λ` so much shorter that `λ` and `θ` turn each other with a weight of at most 1 in all.
    fn slow_down(&mut self, owned: &[u32]) {
        for (part, f) in self.functions.iter_mut().enumerate() {
            // Before the first step any row may push.
            let all = self.lambda[part].iter().all(|l| *l == 0.0);
            let push = |(scale, lambda): (&f64, &f64)| if all || *lambda != 0.0 { *scale } else { 0.0 };
            let weights: Vec<f64> = self.scales[part].iter().zip(&self.lambda[part]).map(push).collect();
            let pushing = f.norm_of_rows(&self.there, owned, &weights).powi(2);
            // Rows that begin to push do so within the next iterations, before this is seen.
            self.slower[part] = pushing.max(0.5 * self.slower[part]).max(1.0);
        }
    }

    /// The largest curvature of a function in some variables near the point, by the power method on differences of gradients.
    fn curvature(&mut self, positions: &[u32], gradient: impl Fn(&mut Self, &[f64], &mut [f64])) -> f64 {
        let n = self.whole.len();
        let base = self.whole.clone();
        let size = positions.iter().map(|k| base[*k as usize].abs()).fold(1.0, f64::max);
        let (mut at_base, mut moved) = (vec![0.0; n], vec![0.0; n]);
        gradient(self, &base, &mut at_base);
        let mut v: Vec<f64> = positions.iter().map(|k| 1.0 + 0.3 * ((k * 7 % 11) as f64)).collect();
        let mut found: f64 = 0.0;
        for _ in 0..15 {
            let length = two_norm(&v);
            if length == 0.0 || !length.is_finite() {
                break;
            }
            let h = 1e-6 * size / length;
            let mut there = base.clone();
            positions.iter().zip(&v).for_each(|(k, v)| there[*k as usize] += h * v);
            moved.fill(0.0);
            gradient(self, &there, &mut moved);
            for (to, k) in v.iter_mut().zip(positions) {
                *to = (moved[*k as usize] - at_base[*k as usize]) / (h * length);
            }
            found = two_norm(&v);
        }
        if found.is_finite() { found } else { 0.0 }
    }

    fn objective(&mut self) -> f64 {
        self.counts.objective += 1;
        self.problem_sign * self.outer.objective(&self.whole)
    }

    /// One iteration; how far `(x, y)` moved, divided by the step.
    fn step(&mut self, k: usize) -> Result<f64, String> {
        let n = self.whole.len();
        let penalty = self.c * ((k + 1) as f64).powf(self.p);
        for &k in &self.free {
            if self.owned.binary_search(&k).is_err() {
                self.there[k as usize] = self.whole[k as usize];
            }
        }
        self.follow();
        let mut slopes = vec![0.0; n];
        self.counts.gradient += 1;
        self.outer.gradient(&self.whole, &mut slopes);
        slopes.iter_mut().for_each(|v| *v *= self.problem_sign / penalty);
        let mut lower = vec![0.0; n];
        for (part, f) in self.functions.iter_mut().enumerate() {
            f.add_gradient(&self.whole, 1.0, &mut slopes);
            f.add_gradient(&self.there, -1.0, &mut lower);
            f.add_transposed(&self.there, &scaled(&self.lambda[part], &self.scales[part]), -1.0, &mut lower);
        }
        // Slopes of -v: in the followers' part from the proximal term alone.
        for &k in &self.owned {
            lower[k as usize] = -(self.whole[k as usize] - self.there[k as usize]) / self.gamma;
        }
        let mut wanted = self.whole.clone();
        for &k in &self.free {
            wanted[k as usize] -= self.alpha * (slopes[k as usize] + lower[k as usize]);
        }
        let before = self.whole.clone();
        self.project(&wanted)?;
        for ((z, lambda), reach) in self.z.iter_mut().zip(&self.lambda).zip(&self.reach) {
            for ((z, l), reach) in z.iter_mut().zip(lambda).zip(reach) {
                *z = (*z + self.beta * (l - *z) / self.gamma).clamp(reach.0, reach.1);
            }
        }
        if !all_finite(&self.whole) || !all_finite(&self.there) {
            return Err("the iterates are no numbers any more: the steps are too long".to_string());
        }
        let moved = self.whole.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        Ok(moved / self.alpha)
    }

    /// A step of `θ` down and of `λ` up.
    fn follow(&mut self) {
        let mut slopes = vec![0.0; self.whole.len()];
        let mut values = vec![];
        for (part, f) in self.functions.iter_mut().enumerate() {
            f.add_gradient(&self.there, 1.0, &mut slopes);
            f.add_transposed(&self.there, &scaled(&self.lambda[part], &self.scales[part]), 1.0, &mut slopes);
            let mut rows = vec![0.0; f.rows.len()];
            f.constraints(&self.there, &mut rows);
            values.push(rows);
        }
        for &k in &self.owned {
            let k = k as usize;
            let slope = slopes[k] + (self.there[k] - self.whole[k]) / self.gamma;
            self.there[k] = (self.there[k] - self.eta * slope).clamp(self.bounds.lower[k], self.bounds.upper[k]);
        }
        for (part, f) in self.functions.iter().enumerate() {
            let step = self.eta / self.slower[part];
            for (r, lambda) in self.lambda[part].iter_mut().enumerate() {
                let scale = self.scales[part][r];
                let up = scale * values[part][r] - (*lambda - self.z[part][r]) / self.gamma;
                let to = *lambda + step * up;
                // The proximal map of `η σ`.
                let side = (to / step).clamp(scale * f.row_lower[r], scale * f.row_upper[r]);
                *lambda = to - step * side;
            }
        }
    }

    /// `f(x, y) - v(x, y, z)` at the present `θ` and `λ`, relative to the size of `f`.
    fn gap(&mut self) -> f64 {
        let (mut here, mut value) = (0.0, 0.0);
        for (part, f) in self.functions.iter_mut().enumerate() {
            here += f.objective(&self.whole);
            value += f.objective(&self.there);
            let mut rows = vec![0.0; f.rows.len()];
            f.constraints(&self.there, &mut rows);
            for (r, c) in rows.iter().enumerate() {
                let (lambda, scale) = (self.lambda[part][r], self.scales[part][r]);
                let side = if lambda > 0.0 { f.row_upper[r] } else { f.row_lower[r] };
                if lambda != 0.0 {
                    value += lambda * scale * (c - side);
                }
                value -= (lambda - self.z[part][r]).powi(2) / (2.0 * self.gamma);
            }
        }
        for &k in &self.owned {
            value += (self.there[k as usize] - self.whole[k as usize]).powi(2) / (2.0 * self.gamma);
        }
        (here - value).abs() / here.abs().max(1.0)
    }

    /// The nearest point that keeps all rows and bounds becomes `(x, y)`.
    fn project(&mut self, wanted: &[f64]) -> Result<(), String> {
        self.rows.project(&mut self.functions, &mut self.outer, &self.bounds, wanted, &mut self.whole)
    }

    fn outcome(&self, context: &mut Context, stop: Stop, iterations: usize) -> Outcome {
        let mut whole = self.whole.clone();
        for (part, (follower, f)) in self.followers.iter().zip(&self.functions).enumerate() {
            // Multipliers of `f - y'c`, of rows as they are.
            let y: Vec<f64> = scaled(&self.lambda[part], &self.scales[part]).iter().map(|v| -v).collect();
            let none = vec![0.0; follower.level.own.len()];
            let multipliers = Multipliers { rows: f.stated(&y), lower: none.clone(), upper: none };
            follower.put_multipliers(self.problem, &multipliers, &mut whole);
        }
        let mut evaluations = self.counts.clone();
        self.functions.iter().for_each(|f| evaluations.add(&f.counts));
        let log = std::mem::take(&mut context.monitor.log);
        Outcome { iterations, evaluations, log, ..nothing(whole, stop) }
    }
}

fn scaled(values: &[f64], scales: &[f64]) -> Vec<f64> {
    values.iter().zip(scales).map(|(v, s)| v * s).collect()
}

#[cfg(test)]
mod tests {
    use super::METHOD;
    use crate::answer::Stop;
    use crate::solve::bilevel::testing::{refuses, solved};

    /// Models, options and what is known of the answer, with how near the method comes to it.
    const KNOWN: [(&str, &str, &[f64], f64); 4] = [
        // Rows of both levels; the follower has many answers: x = -0.3, y1 = 0.7, y2 = -0.4.
        (
            "var x[1..10]\nlower f {\n  var u[1..10]\n  var v[1..10]\n  minimize 0.5 * dot(u, u) - dot(x, u) + sum(v)\n  \
             subject to balance: sum(x) + sum(u) + sum(v) == 0\n}\n\
             minimize 0.5 * sum(i in 1..10: (x[i] - f.v[i])^2) + 0.5 * sum(i in 1..10: (f.u[i] - 1)^2)",
            "x",
            &[-0.3; 10],
            2e-2,
        ),
        // An inequality of the follower that holds with force, bounds: y = min(x + 1, 3 - x), x = 2.25.
        (
            "var x in [1.2, 3] start 1.8\nlower s {\n  var y in [-5, 5]\n  minimize (y - x - 1)^2\n  subject to top: x + y <= 3\n}\n\
             minimize (x - 2)^2 + (s.y - 0.5)^2",
            "x",
            &[2.25],
            5e-2,
        ),
        // A row that is not linear, and one of the outer level that reads the follower: y = x / |x|, y1 >= 0.6.
        (
            "var x[1..2] in [-4, 4] start 2\nlower s {\n  var y[1..2]\n  minimize (y[1] - x[1])^2 + (y[2] - x[2])^2\n  subject \
             to ball: y[1]^2 + y[2]^2 <= 1\n}\nminimize (s.y[1])^2 + (x[1] - 2)^2 + (x[2] - 2)^2\nsubject to s.y[1] >= 0.8",
            "s.y",
            &[0.8, 0.6],
            5e-2,
        ),
        // Two followers, one that maximises.
        (
            "var p in [0, 9] start 1\nparam need[r in 1..2] = 3 + r\nlower buyer[r in 1..2] {\n  var q >= 0\n  maximize \
             (need[r] - p) * q - 0.5 * q^2\n}\nmaximize p * sum(r in 1..2: buyer[r].q)",
            "p",
            &[2.25],
            5e-2,
        ),
    ];

    #[test]
    fn it_comes_near_known_answers_without_second_derivatives() {
        for (text, name, expected, within) in KNOWN {
            let found = solved(&METHOD, text, &[]);
            assert_eq!(found.outcome.stop, Stop::Finished, "{text}");
            for (value, expected) in found.values(name).iter().zip(expected) {
                assert!((value - expected).abs() <= within * expected.abs().max(1.0), "{text}\n{:?}", found.outcome.x);
            }
            let counts = &found.outcome.evaluations;
            assert_eq!((counts.hessian, counts.product), (0, 0), "{text}");
            assert!(counts.gradient > 1000, "{text}");
        }
    }

    /// A dozen rows that say the same: lengths of 1 leave them a norm of 2.4 in `y`, and steps that are made for one row diverge.
    #[test]
    fn rows_that_push_together_do_not_let_it_swing() {
        let text = "var x in [0, 9] start 3\nlower s {\n  var y\n  minimize 0.5 * (y - 5)^2\n  subject to r[i in 1..12]: y == x\n}\n\
                    minimize (s.y - 2)^2 + 0.1 * x";
        let found = solved(&METHOD, text, &[("eta", 1.0)]);
        assert_eq!(found.outcome.stop, Stop::Finished);
        // y = x and 2 (y - 2) = -0.1, by hand.
        let (x, y) = (found.values("x")[0], found.values("s.y")[0]);
        assert!((x - 1.95).abs() <= 1e-6 && (y - 1.95).abs() <= 1e-6, "{x} {y}");
    }

    #[test]
    fn what_it_does_not_take_is_named() {
        refuses(
            &METHOD,
            &[
                (
                    "var x\nlower s {\n  var y in [-1, 1]\n  minimize y^4 - x * y^2\n}\nminimize x^2 + s.y",
                    "not shown to be convex",
                ),
                (
                    "var x\nlower s {\n  var y\n  minimize (y - x)^2\n  subject to r: y >= 1\n}\nminimize x * s.r.dual",
                    "the objective reads a multiplier",
                ),
            ],
        );
    }
}
