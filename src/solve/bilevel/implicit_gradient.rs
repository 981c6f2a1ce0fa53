//! The outer problem in its own variables, followers solved for each of them, slopes by the implicit function theorem.
//!
//! `min F(x, y(x))  s.t.  G(x, y(x)) within its sides, x within its bounds`, where `y(x)` are the answers of the followers,
//! those of one possibly read by the next. With `a = ∂F/∂(x, y)`, followers in reverse order hand `a_y` on to what they read
//! by one linear solve with the matrix of their conditions ([`crate::solve::implicit`]); what arrives at `x` is the
//! hypergradient. Any smooth method that needs no second derivatives does the rest. A follower whose matrix is singular has
//! no derivative: the method says so instead of returning a number.
//!
//! Source: Blondel et al. (2022), Efficient and Modular Implicit Differentiation.

use super::follower::{Follower, runs, side_by_side, solve_side_by_side};
use super::outer::{self, Answers};
use super::{Context, Method};
use crate::ad::Evaluator;
use crate::answer::{Multipliers, Outcome, Stop};
use crate::diag::Sources;
use crate::linalg::kkt::Kkt;
use crate::linalg::ldlt::remembering;
use crate::problem::conditions::block_sign;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, SuppliedBy};
use crate::solve::implicit::Program;
use crate::solve::implicit::system::Selected;
use crate::solve::method::Claim;
use crate::solve::monitor::Monitor;
use crate::solve::options::OptionRow;
use std::ops::Range;

pub const METHOD: Method = Method {
    name: "implicit_gradient",
    doc: "the outer problem in its own variables, its slopes by implicit differentiation of the followers' answers",
    chosen: "when asked for",
    source: "Blondel et al. (2022), Advances in Neural Information Processing Systems 35",
    claim: Claim::Stationary,
    accepts: |nest| {
        nest.needs_smoothness()?;
        nest.needs_no_pairs_in_blocks()?;
        nest.needs_no_pairs()?;
        nest.needs_convex_blocks()?;
        nest.needs_free_multipliers()?;
        nest.needs_optimistic_lower_blocks("this method")
    },
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[outer::tolerance(1e-9), outer::ITERATIONS];

pub fn run(context: &mut Context) -> Outcome {
    let exact = Exact::new(context);
    let limits = outer::Limits::of(context.options, OPTIONS);
    outer::solve(context, exact, &limits)
}

/// Followers solved for their answers, the conditions of which have derivatives.
struct Exact<'x> {
    problem: &'x Problem,
    sources: &'x Sources,
    followers: Vec<Follower>,
    /// Those that are solved side by side.
    runs: Vec<Range<usize>>,
    joint: Vec<Joint>,
    /// What the followers answered last.
    answers: Vec<Outcome>,
}

/// Functions of a follower in what it decides and what it reads, and its bounds and sides.
struct Joint {
    evaluator: Evaluator,
    bounds: Bounds,
    /// Others decide them too.
    moving: bool,
}

impl Joint {
    fn of(follower: &Follower) -> Joint {
        let level = &follower.level;
        let bounds = Bounds::of(&level.problem, &Numbers::of(&level.problem));
        let moving = Bounds::parameters(&level.problem)[level.outside.0 as usize];
        Joint { evaluator: Evaluator::new(&level.with_outside_as_variables()), bounds, moving }
    }
}

impl<'x> Exact<'x> {
    fn new(context: &mut Context<'x, '_>) -> Exact<'x> {
        let followers = std::mem::take(&mut context.followers);
        let joint = followers.iter().map(Joint::of).collect();
        let runs = runs(&followers);
        Exact { problem: context.problem, sources: context.sources, followers, runs, joint, answers: vec![] }
    }
}

impl Answers for Exact<'_> {
    fn settle(&mut self, whole: &mut [f64], monitor: &Monitor) -> Result<(), String> {
        self.answers.clear();
        for run in self.runs.clone() {
            let (given, sources) = (&*whole, self.sources);
            let found = solve_side_by_side(&mut self.followers[run.clone()], monitor, |follower, watch| {
                follower.solve(given, watch, sources)
            });
            if monitor.over().is_some() {
                return Err("the time is over".to_string());
            }
            for (follower, outcome) in self.followers[run].iter().zip(found) {
                if outcome.stop != Stop::Converged {
                    return Err("a follower could not be solved".to_string());
                }
                follower.put(self.problem, &outcome, whole);
                self.answers.push(outcome);
            }
        }
        Ok(())
    }

    fn pull(&mut self, whole: &[f64], slopes: &mut [Vec<f64>]) -> Result<(), String> {
        for run in self.runs.clone().into_iter().rev() {
            let first = run.start;
            let (problem, answers, given) = (self.problem, &self.answers, &*slopes);
            let mut each: Vec<_> = self.followers[run.clone()].iter_mut().zip(&mut self.joint[run]).collect();
            let handed = side_by_side(&mut each, |(follower, joint), k| {
                if let Some(handed) = hand_on_by_factors(problem, follower, joint, &answers[first + k], whole, given) {
                    return Ok((handed, None));
                }
                let mut analyses = std::mem::take(&mut follower.analyses);
                let outcome = &answers[first + k];
                let handed = remembering(&mut analyses, || hand_on(problem, follower, joint, outcome, whole, given));
                follower.analyses = analyses;
                handed
            });
            for (k, handed) in handed.into_iter().enumerate().rev() {
                let follower = &mut self.followers[first + k];
                let (handed, factors) = handed?;
                if let Some(factors) = factors {
                    follower.keep_factors(factors);
                }
                for (a, handed) in slopes.iter_mut().zip(handed) {
                    follower.level.own.iter().chain(&follower.supplied).for_each(|k| a[*k as usize] = 0.0);
                    follower.level.reads.iter().zip(handed).for_each(|(k, v)| a[*k as usize] += v);
                }
            }
        }
        Ok(())
    }
}

/// Slacks of no more than this, relative to the size of the side, may be active.
const ACTIVE: f64 = 1e-6;

/// What [`hand_on`] finds, for a follower that nothing constrains, by the factors of the solve: `-∂²f/∂θ∂z H⁻¹ a`.
fn hand_on_by_factors(
    problem: &Problem,
    follower: &mut Follower,
    joint: &mut Joint,
    outcome: &Outcome,
    whole: &[f64],
    slopes: &[Vec<f64>],
) -> Option<Vec<Vec<f64>>> {
    let sigma = block_sign(&problem.blocks[follower.block as usize]);
    let weights = vec![0.0; joint.evaluator.rows()];
    let point = [outcome.x.clone(), follower.level.outside(whole)].concat();
    let n = follower.level.own.len();
    let mut handed = vec![];
    for a in slopes {
        let own: Vec<f64> = follower.level.own.iter().map(|&k| a[k as usize]).collect();
        let mut direction = follower.adjoint(&own)?;
        direction.resize(point.len(), 0.0);
        let mut pushed = vec![0.0; point.len()];
        joint.evaluator.hessian_product(&point, sigma, &weights, &direction, &mut pushed);
        handed.push(pushed[n..n + follower.level.reads.len()].iter().map(|v| -v).collect());
    }
    Some(handed)
}

/// What slopes in what a follower decides, and in its multipliers, hand on to what it reads; and the factors of its
/// conditions.
fn hand_on(
    problem: &Problem,
    follower: &Follower,
    joint: &mut Joint,
    outcome: &Outcome,
    whole: &[f64],
    slopes: &[Vec<f64>],
) -> Result<(Vec<Vec<f64>>, Option<Kkt>), String> {
    let level = &follower.level;
    let block = &problem.blocks[follower.block as usize];
    let (n, m) = (level.own.len(), level.rows.len());
    let zero = Multipliers { rows: vec![0.0; m], lower: vec![0.0; n], upper: vec![0.0; n] };
    let multipliers = outcome.multipliers.as_ref().unwrap_or(&zero);
    let sigma = block_sign(block);
    let point = [outcome.x.clone(), level.outside(whole)].concat();
    let Joint { evaluator, bounds, moving } = joint;
    if *moving {
        *bounds = Bounds::of(&level.problem, &Numbers::of(&level.problem));
    }
    let mut values = vec![0.0; m];
    evaluator.constraints(&point, &mut values);
    // Active with force: nearer to the side than its multiplier is to 0.
    let holds = |value: f64, side: f64, y: f64| {
        let slack = (value - side).abs() / side.abs().max(1.0);
        slack.is_finite() && slack <= ACTIVE && slack <= y.abs()
    };
    let dropped = level.problem.constraints.iter().flat_map(|c| std::iter::repeat_n(c.dropped, c.rows as usize));
    let rows: Vec<u32> = dropped
        .enumerate()
        .filter(|(r, dropped)| {
            let (l, u, y) = (bounds.row_lower[*r], bounds.row_upper[*r], multipliers.rows[*r]);
            !dropped && (l == u || holds(values[*r], l, y) || holds(values[*r], u, y))
        })
        .map(|(r, _)| r as u32)
        .collect();
    let held: Vec<u32> = (0..n)
        .filter(|&j| {
            let (l, u) = (bounds.lower[j], bounds.upper[j]);
            l == u || holds(outcome.x[j], l, multipliers.lower[j]) || holds(outcome.x[j], u, multipliers.upper[j])
        })
        .map(|j| j as u32)
        .collect();
    let selected = Selected { inner: (0..n as u32).collect(), rows, bounds: held };
    let turned: Vec<f64> = multipliers.rows.iter().map(|y| sigma * y).collect();
    let name = format!("{}{}", block.name, block.axes.label(follower.instance as usize));
    let mut program = Program::new(evaluator, &point, sigma, &turned, selected)
        .map_err(|_| format!("the conditions of `{name}` could not be factored"))?;
    if program.singular() {
        return Err(format!(
            "the conditions of `{name}` are singular at its answer, so it has no derivative: it is not unique, or its \
             active rows depend on each other"
        ));
    }
    let mut handed = vec![];
    for a in slopes {
        let mut weights = vec![0.0; point.len()];
        for (j, &k) in level.own.iter().enumerate() {
            weights[j] = a[k as usize];
        }
        let on_duals = on_duals(problem, follower, &program.selected, sigma, a);
        if weights.iter().chain(&on_duals).all(|w| *w == 0.0) {
            handed.push(vec![]);
            continue;
        }
        let found = program.reverse(&weights, &on_duals);
        handed.push(found.point[n..n + level.reads.len()].to_vec());
    }
    Ok((handed, program.into_factors()))
}

/// Slopes in the variables that the follower's multipliers supply, as weights of those of its active rows and bounds.
fn on_duals(problem: &Problem, follower: &Follower, selected: &Selected, sigma: f64, a: &[f64]) -> Vec<f64> {
    let level = &follower.level;
    let block = &problem.blocks[follower.block as usize];
    let mut of_rows = vec![0.0; level.rows.len()];
    let mut of_bounds = vec![0.0; level.own.len()];
    for s in &block.supplied {
        let offset = problem.variables[s.variable as usize].offset;
        match s.by {
            SuppliedBy::Row(k) => {
                let factor = block.constraints[k as usize].dual_sign * sigma;
                for (to, &(_, r)) in of_rows.iter_mut().zip(&level.rows).filter(|(_, (c, _))| *c == k) {
                    *to += factor * a[(offset + r) as usize];
                }
            }
            SuppliedBy::Lower(v) | SuppliedBy::Upper(v) | SuppliedBy::ReducedCost(v) => {
                let owner = &problem.variables[v as usize];
                for (to, &k) in of_bounds.iter_mut().zip(&level.own) {
                    if (owner.offset..owner.offset + owner.axes.len() as u32).contains(&k) {
                        *to += sigma * a[(offset + k - owner.offset) as usize];
                    }
                }
            }
        }
    }
    let rows = selected.rows.iter().map(|r| of_rows[*r as usize]);
    rows.chain(selected.bounds.iter().map(|j| of_bounds[*j as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::LogLine;
    use crate::plan::{self, Request};
    use crate::problem::level::tests::whole;
    use crate::solve::asked::Nobody;
    use crate::solve::nlp::Nlp;
    use std::ops::ControlFlow;

    /// Models and points; at each the hypergradient against differences of the outer objective with followers solved again.
    #[test]
    fn hypergradients_agree_with_differences() {
        let market = "var x in [0, 4]\nlower market {\n  var small in [0, 2]\n  var large >= 0\n  minimize small + 0.5 * small^2 + 3 * \
                      large + 0.5 * large^2\n  subject to balance: small + large + x == 5\n}\nmaximize x * market.balance.dual - x^2";
        let leader = "var x >= 0\nlower f {\n  var y >= 0\n  minimize (y - 1)^2 - 1.5 * x * y\n  subject to a: -3 * x + y <= -3\n  \
                      subject to c: x + y <= 7\n}\nminimize (x - 5)^2 + (2 * f.y + 1)^2";
        let models: [(&str, &[f64]); 13] = [
            (
                "var x[1..2]\nlower f {\n  var w[1..3]\n  minimize sum(i in 1..3: (w[i] - i * x[1])^2) + exp(x[2]) * dot(w, w)\n}\n\
                 minimize sum(i in 1..3: (f.w[i] - 1)^2) + x[1]^4",
                &[0.7, -0.4],
            ),
            (leader, &[1.5]),
            (leader, &[3.0]),
            (leader, &[6.0]),
            (market, &[1.2]),
            (
                "var x\nlower a {\n  var y\n  minimize cosh(y) + x * y\n}\nlower b {\n  var z\n  maximize a.y * z - z^2 - z^4\n}\n\
                 minimize (b.z - 1)^2 + a.objective + b.objective * x",
                &[0.8],
            ),
            (
                "var p in [0, 9]\nparam need[r in 1..3] = 3 + r\nlower buyer[r in 1..3] {\n  var q >= 0\n  minimize 0.5 * q^2 - \
                 (need[r] - p) * q\n  subject to most: q^2 <= 4\n}\nmaximize p * sum(r in 1..3: buyer[r].q) + buyer[2].most.dual",
                &[2.5],
            ),
            // Regularised logistic regression, judged by the squared error of its probabilities.
            (
                "param a[1..5] = [0.2, 1, -1, 2, -2]\nparam b[1..5] = [1, 1, -1, 1, -1]\nvar t\nlower fit {\n  var w[1..2]\n  minimize \
                 sum(i in 1..5: log1p(exp(-b[i] * (w[1] * a[i] + w[2])))) + exp(t) * dot(w, w)\n}\n\
                 minimize sum(i in 1..5: (sigmoid(fit.w[1] * a[i] + fit.w[2]) - 0.5 - 0.4 * b[i])^2)",
                &[-0.5],
            ),
            // A projection on a ball, and its multiplier.
            (
                "var a[1..2]\nlower p {\n  var z[1..2]\n  minimize sum(i in 1..2: (z[i] - a[i])^2)\n  subject to ball: dot(z, z) <= 1\n}\n\
                 minimize (p.z[1] - 0.3)^2 + p.z[2] + 0.1 * p.ball.dual",
                &[1.2, 0.9],
            ),
            // Shares by entropy.
            (
                "var c[1..3]\nlower s {\n  var p[1..3] in [1e-6, 1] start 1 / 3\n  minimize sum(i in 1..3: c[i] * p[i] + p[i] * log(p[i]))\n  \
                 subject to all: sum(p) == 1\n}\nminimize sum(i in 1..3: i * s.p[i]^2) + s.objective",
                &[0.1, -0.4, 0.7],
            ),
            // The multiplier of a bound.
            (
                "var t\nlower d {\n  var q in [0, 2]\n  minimize 0.5 * (q - t)^2 + q^4 / 40\n}\n\
                 minimize (d.q.upper_dual + 1)^2 + d.q * t",
                &[3.5],
            ),
            // A follower that reads another one, whose row holds, or does not.
            (
                "var x\nlower a {\n  var y >= 0\n  minimize (y - 2 * x)^2\n  subject to most: y <= 3\n}\n\
                 lower b {\n  var z\n  minimize exp(z) - a.y * z + x * z^2\n}\nminimize (b.z - 1)^2 + x * a.most.dual",
                &[2.0],
            ),
            (
                "var x\nlower a {\n  var y >= 0\n  minimize (y - 2 * x)^2\n  subject to most: y <= 3\n}\n\
                 lower b {\n  var z\n  minimize exp(z) - a.y * z + x * z^2\n}\nminimize (b.z - 1)^2 + x * a.most.dual",
                &[1.1],
            ),
        ];
        let apart: std::collections::BTreeSet<&str> = models.iter().map(|(text, _)| *text).collect();
        assert_eq!(apart.len(), 10);
        for (text, x) in models {
            let problem = whole(text);
            let plan = plan::plan(&problem, &Request::default()).expect("a plan");
            let nest = plan.nest.as_ref().expect("it has blocks");
            let mut progress = |_: &LogLine| ControlFlow::Continue(());
            let mut monitor = Monitor::new(&|| 0.0, &|| false, &mut progress);
            let mut context = Context {
                problem: &plan.problem,
                nest: &nest.nest,
                followers: plan::nest::followers(&plan.problem, nest, &plan.start.x, 0),
                start: plan.start.x.clone(),
                warm: false,
                options: &plan.options,
                monitor: &mut monitor,
                sources: &Sources::default(),
            };
            let exact = Exact::new(&mut context);
            let mut reduced = outer::Reduced::new(&context, exact);
            let mut found = vec![0.0; x.len()];
            reduced.gradient(x, &mut found);
            for j in 0..x.len() {
                let mut at = |h: f64| {
                    let mut moved = x.to_vec();
                    moved[j] += h;
                    reduced.objective(&moved)
                };
                let slope = (at(1e-4) - at(-1e-4)) / 2e-4;
                let error = (found[j] - slope).abs() / slope.abs().max(1.0);
                assert!(error < 1e-6, "{text}\nat {x:?}: {} {slope}", found[j]);
            }
        }
    }

    #[test]
    fn a_follower_without_a_derivative_is_named() {
        let problem = whole(
            "var x\nlower s {\n  var y[1..2]\n  minimize (y[1] - x)^2\n}\nminimize (x - 1)^2 + s.y[1]^2 + (s.y[2] - x)^2",
        );
        let request = Request::new(Some(("implicit_gradient".to_string(), Default::default())), vec![], 0);
        let plan = plan::plan(&problem, &request).expect("a plan");
        let mut progress = |_: &LogLine| ControlFlow::Continue(());
        let mut monitor = Monitor::new(&|| 0.0, &|| false, &mut progress);
        let outcome = plan::execute(&problem, &plan, None, &Sources::default(), &mut Nobody, &mut monitor);
        let Stop::Failed(why) = outcome.stop else { panic!("{:?}", outcome.stop) };
        assert!(why.contains("the conditions of `s` are singular"), "{why}");
    }
}
