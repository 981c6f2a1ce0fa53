//! Followers replaced by a fixed number of projected gradient steps, which are differentiated as they are.
//!
//! Each follower begins where the start of the whole problem has it and takes `steps` steps
//! `y ← P(y - η ∇g(x, y))` onto its bounds; slopes go back through all of them ([`crate::solve::implicit::unroll`]). What is
//! minimised is the outer objective at the truncated iterates, not at the answers: the baseline that implicit
//! differentiation is compared with. At the end the followers are solved, so that the certificate shows what the
//! truncation cost as the slope that is left. `η` is the inverse of the largest curvature at the start, halved where steps diverge.

use super::follower::Follower;
use super::outer::{self, Answers, Limits, Reduced};
use super::{Context, Method};
use crate::ad::Evaluator;
use crate::answer::{Evaluations, Outcome, Stop};
use crate::linalg::vector::{all_finite, two_norm};
use crate::problem::Problem;
use crate::problem::conditions::block_sign;
use crate::problem::features::Fact;
use crate::problem::values::{Bounds, Numbers};
use crate::solve::implicit::conditions::{Conditions, ProximalStep, Split, Stationarity};
use crate::solve::implicit::unroll;
use crate::solve::method::Claim;
use crate::solve::monitor::Monitor;
use crate::solve::nlp::Nlp;
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::proximal::Proximal;

pub const METHOD: Method = Method {
    name: "unrolled",
    doc: "the outer objective after a fixed number of projected gradient steps of the followers, differentiated step by step; \
          what truncation leaves shows in the certificate",
    chosen: "when asked for",
    source: "Franceschi et al. (2017), Forward and Reverse Gradient-Based Hyperparameter Optimization, ICML",
    claim: Claim::Stationary,
    accepts: |nest| {
        nest.needs_smoothness()?;
        nest.needs_no_pairs_in_blocks()?;
        nest.needs_no_pairs()?;
        nest.needs_optimistic_lower_blocks("this method")?;
        nest.needs_no_duals()?;
        nest.needs_free_multipliers()?;
        match nest.blocks.iter().find(|block| block.rows > 0) {
            Some(block) => Err(Fact::new(format!("`{}` has rows, which gradient steps do not keep", block.name))),
            None => Ok(()),
        }
    },
    options: OPTIONS,
    run,
};

const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "steps",
        doc: "how many steps of each follower are gone through",
        default: Default::Number { value: 100.0, least: 1.0, most: 1e6 },
    },
    OptionRow {
        name: "step",
        doc: "the length `η` of a step; 0: the inverse of the largest curvature at the start",
        default: Default::Number { value: 0.0, least: 0.0, most: 1e12 },
    },
    outer::tolerance(1e-9),
    outer::ITERATIONS,
];

/// How often steps are halved.
const HALVINGS: usize = 30;

pub fn run(context: &mut Context) -> Outcome {
    let limits = Limits::of(context.options, OPTIONS);
    let truncated = Truncated::new(context);
    let mut reduced = Reduced::new(context, truncated);
    let mut at = context.start.clone();
    let mut log = vec![];
    for halving in 0.. {
        reduced.answers.diverged = false;
        let mut found = reduced.minimise(context, &at, &limits);
        log.append(&mut found.log);
        let over = context.monitor.over().is_some() || found.stop == Stop::Interrupted;
        if !reduced.answers.diverged || halving == HALVINGS || over {
            let evaluations = reduced.evaluations();
            reduced.answers.finish(&mut found.x, context);
            return Outcome { evaluations, log, ..found };
        }
        reduced.answers.lengths.iter_mut().for_each(|length| *length *= 0.5);
        if all_finite(&found.x) {
            at.copy_from_slice(&found.x);
        }
    }
    unreachable!("the loop ends at the last halving")
}

/// Followers after some steps from where they began.
struct Truncated<'x> {
    problem: &'x Problem,
    followers: Vec<Follower>,
    /// Functions of each follower in what it decides and what it reads.
    joint: Vec<Evaluator>,
    starts: Vec<Vec<f64>>,
    boxes: Vec<Proximal>,
    lengths: Vec<f64>,
    steps: usize,
    /// Steps of a follower raised its objective.
    diverged: bool,
    counts: Evaluations,
}

impl<'x> Truncated<'x> {
    fn new(context: &mut Context<'x, '_>) -> Truncated<'x> {
        let followers = std::mem::take(&mut context.followers);
        let sides = |f: &Follower| Bounds::of(&f.level.problem, &Numbers::of(&f.level.problem));
        let boxes: Vec<Proximal> = followers
            .iter()
            .map(|f| {
                let Bounds { lower, upper, .. } = sides(f);
                Proximal::Box { lower, upper }
            })
            .collect();
        let starts = followers.iter().zip(&boxes).map(|(f, map)| map.apply(&f.level.part(&context.start))).collect();
        let joint = followers.iter().map(|f| Evaluator::new(&f.level.with_outside_as_variables())).collect();
        let given = context.options.number(OPTIONS, "step");
        let mut truncated = Truncated {
            problem: context.problem,
            lengths: vec![given; followers.len()],
            followers,
            joint,
            starts,
            boxes,
            steps: context.options.number(OPTIONS, "steps") as usize,
            diverged: false,
            counts: Evaluations::default(),
        };
        if given == 0.0 {
            for k in 0..truncated.followers.len() {
                truncated.lengths[k] = truncated.safe_length(k, &context.start);
            }
        }
        truncated
    }

    fn step(&mut self, k: usize, whole: &[f64]) -> ProximalStep<'_> {
        let level = &self.followers[k].level;
        let n = level.own.len();
        let point = [self.starts[k].clone(), level.outside(whole)].concat();
        let (inner, outer) = ((0..n as u32).collect(), (n as u32..point.len() as u32).collect());
        let sigma = block_sign(&self.problem.blocks[self.followers[k].block as usize]);
        let split = Split { evaluator: &mut self.joint[k], point, inner, outer };
        let smooth = Stationarity { split, sigma };
        ProximalStep { smooth, step: self.lengths[k], map: Some(self.boxes[k].clone()), parameter: None }
    }

    /// The inverse of the largest curvature, by the power method.
    fn safe_length(&mut self, k: usize, whole: &[f64]) -> f64 {
        let mut step = self.step(k, whole);
        let n = step.smooth.inner();
        let mut v: Vec<f64> = (0..n).map(|j| 1.0 + 0.3 * ((j * 7 % 11) as f64)).collect();
        let mut curvature = 0.0;
        for _ in 0..30 {
            let length = two_norm(&v);
            if length == 0.0 || !length.is_finite() {
                break;
            }
            v.iter_mut().for_each(|v| *v /= length);
            let mut out = vec![0.0; n];
            step.smooth.inner_product(&v, &mut out);
            curvature = two_norm(&out);
            v = out;
        }
        self.counts.product += 30;
        if curvature > 0.0 && curvature.is_finite() { 1.0 / curvature } else { 1.0 }
    }

    /// Solves the followers at a point and writes what they answer, where they do.
    fn finish(&mut self, whole: &mut [f64], context: &Context) {
        for follower in &mut self.followers {
            let own = follower.level.part(whole);
            let outcome = follower.solve_from(whole, own, None, context.monitor, context.sources);
            if outcome.stop == Stop::Converged {
                follower.put(self.problem, &outcome, whole);
            }
        }
    }
}

impl Answers for Truncated<'_> {
    fn settle(&mut self, whole: &mut [f64], _: &Monitor) -> Result<(), String> {
        for k in 0..self.followers.len() {
            let (steps, start) = (self.steps, self.starts[k].clone());
            let mut step = self.step(k, whole);
            let (end, before, after) = unroll::iterate(&mut step, &start, steps);
            self.counts.gradient += steps;
            self.counts.objective += 2;
            if !all_finite(&end) || after.is_nan() || after > before + 1e-9 * before.abs().max(1.0) {
                self.diverged = true;
                let name = &self.problem.blocks[self.followers[k].block as usize].name;
                return Err(format!("the gradient steps of `{name}` diverge: a shorter `step` may not"));
            }
            self.followers[k].level.put(&end, whole);
        }
        Ok(())
    }

    fn pull(&mut self, whole: &[f64], slopes: &mut [Vec<f64>]) -> Result<(), String> {
        for k in (0..self.followers.len()).rev() {
            for a in slopes.iter_mut() {
                let own = self.followers[k].level.own.clone();
                let weights: Vec<f64> = own.iter().map(|j| std::mem::take(&mut a[*j as usize])).collect();
                if weights.iter().all(|w| *w == 0.0) {
                    continue;
                }
                let (steps, start) = (self.steps, self.starts[k].clone());
                let found = unroll::reverse(&mut self.step(k, whole), &start, steps, |_| weights);
                self.counts.gradient += steps;
                self.counts.product += 2 * steps;
                let reads = &self.followers[k].level.reads;
                reads.iter().zip(&found.derivative).for_each(|(j, v)| a[*j as usize] += v);
            }
        }
        Ok(())
    }

    fn evaluations(&self) -> Evaluations {
        self.counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::METHOD;
    use crate::answer::status::Status;
    use crate::solve::bilevel::testing::{refuses, solved};

    const SHRUNK: &str = "var x start 1\nlower s {\n  var y start 0\n  minimize (y - 2)^2 + exp(x) * y^2\n}\n\
                          minimize (s.y - 0.5)^2";

    /// `y = 2 / (1 + e^x)`, so `y = 0.5` at `x = log 3`.
    #[test]
    fn enough_steps_lead_to_the_answer_and_few_do_not() {
        let enough = solved(&METHOD, SHRUNK, &[("steps", 200.0)]);
        assert!((enough.values("x")[0] - 3f64.ln()).abs() < 1e-6, "{:?} {:?}", enough.outcome.x, enough.outcome.stop);
        assert_eq!(enough.status, Status::LocallySolved, "{:?}", enough.certificate);
        // After one step of length h from 0, y = 4 h whatever x is: there is no slope in x to follow.
        let one = solved(&METHOD, SHRUNK, &[("steps", 1.0), ("step", 0.05)]);
        assert_eq!(one.values("x")[0], 1.0);
        assert_eq!(one.status, Status::Failed, "{:?}", one.certificate);
        // After two, y = 4 h + h (4 - 2 (1 + e^x) 4 h) = 0.5 at e^x = 15 / 4 - 1, with h = 0.1, and not at 3.
        let two = solved(&METHOD, SHRUNK, &[("steps", 2.0), ("step", 0.1)]);
        assert!((two.values("x")[0] - 2.75f64.ln()).abs() < 1e-6, "{:?}", two.outcome.x);
        assert_eq!(two.status, Status::Failed, "{:?}", two.certificate);
    }

    /// Chains of followers, bounds that hold, rows of the outer level that read followers, a maximising follower.
    #[test]
    fn steps_go_through_bounds_chains_and_rows() {
        let chain = "var x start 2\nlower a {\n  var y in [-1, 9]\n  minimize (y - x)^2\n}\nlower b {\n  var z in [0, 4]\n  \
                     maximize 2 * a.y * z - z^2\n}\nminimize (x - 3)^2 + b.z^2\nsubject to b.z >= 2";
        let found = solved(&METHOD, chain, &[("steps", 60.0)]);
        assert!((found.values("x")[0] - 2.0).abs() < 1e-6, "{:?} {:?}", found.outcome.x, found.outcome.stop);
        assert_eq!(found.status, Status::LocallySolved, "{:?}", found.certificate);
    }

    /// Curvature at the start is 2, later 2 + 2 e^x.
    #[test]
    fn steps_that_diverge_are_halved() {
        let text = "var x start -9\nlower s {\n  var y start 1\n  minimize (y - 2)^2 + exp(x) * y^2\n}\nminimize (s.y - 0.05)^2";
        let found = solved(&METHOD, text, &[("steps", 400.0)]);
        assert!((found.values("x")[0] - 39f64.ln()).abs() < 1e-4, "{:?} {:?}", found.outcome.x, found.outcome.stop);
    }

    #[test]
    fn what_it_does_not_take_is_named() {
        refuses(
            &METHOD,
            &[(
                "var x\nlower s {\n  var y\n  minimize (y - x)^2\n  subject to r: y >= 1\n}\nminimize x^2 + s.y",
                "`s` has rows, which gradient steps do not keep",
            )],
        );
    }
}
