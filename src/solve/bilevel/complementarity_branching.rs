//! Followers with linear rows and quadratic objectives: their conditions, and the ways in which their complementary pairs
//! may hold gone through with bounds.
//!
//! With everything that is not complementary linear and a convex outer objective, branches are convex problems
//! ([`crate::solve::complementarity::branching`]). Followers that are convex and have linear rows are at an answer exactly
//! where their conditions hold, so what bounds all branches bounds the problem: small ones are solved globally.
//!
//! Source: Bard and Moore (1990), SIAM Journal on Scientific and Statistical Computing 11, 281-292.

use super::follower::{carry, run as run_method};
use super::{Context, Method};
use crate::answer::{Outcome, Stop};
use crate::problem::conditions::Form;
use crate::solve::complementarity::branching;
use crate::solve::method::Claim;
use crate::solve::view::EngineView;

pub const METHOD: Method = Method {
    name: branching::METHOD.name,
    doc: "the followers' optimality conditions, all ways in which their complementary pairs may hold gone through with \
          bounds of convex relaxations: a proof for small problems",
    chosen: "for followers with linear rows and convex quadratic objectives under a convex objective, up to 60 pairs",
    source: branching::METHOD.source,
    claim: Claim::Global,
    accepts: |nest| {
        nest.needs_smoothness()?;
        nest.needs_no_pairs_in_blocks()?;
        nest.needs_optimistic_lower_blocks("this method")?;
        nest.needs_convex_blocks()?;
        nest.branches.clone().map(|_| ())
    },
    options: branching::OPTIONS,
    run,
};

pub fn run(context: &mut Context) -> Outcome {
    let problem = context.problem;
    let conditions = problem.conditions(Form::Kkt);
    let n = problem.dimension as usize;
    let (mut whole, mut lower, mut upper) = (context.start.clone(), vec![0.0; n], vec![0.0; n]);
    for follower in &mut context.followers {
        let outcome = follower.solve(&whole, context.monitor, context.sources);
        if outcome.stop == Stop::Converged {
            follower.put(problem, &outcome, &mut whole);
            carry(&follower.level, &outcome, &mut lower, &mut upper);
        }
    }
    let start = conditions.extended(&whole, &lower, &upper);
    let method = &branching::METHOD;
    let mut view = EngineView::new(&conditions.problem, method, context.options, &start, context.sources);
    let (options, monitor) = (context.options, &mut *context.monitor);
    let outcome = run_method(&mut view, method, start, None, options, monitor);
    let outcome = view.lift(outcome);
    // The multipliers are those of the conditions, not of the problem.
    Outcome { x: outcome.x[..n].to_vec(), multipliers: None, ..outcome }
}
