//! BFGS: descent along `-H ∇f` with a dense approximation `H` of the inverse Hessian.
//!
//! `O(n²)` storage and `O(n³)` arithmetic per iteration (argmin multiplies dense matrices). Stepped through argmin.

use super::lbfgs::{LINE_SEARCH, accepts as accepts_lbfgs, more_thuente};
use crate::answer::Outcome;
use crate::linalg::vector::one_norm;
use crate::problem::features::Features;
use crate::solve::argmin_adapter::{BFGS, Error, HagerZhang, Slopes, descend};
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::options::OptionRow;
use crate::solve::parts::ending::{bound_multipliers, outcome};

pub const METHOD: Method = Method {
    name: "bfgs",
    doc: "quasi-Newton descent with a dense inverse Hessian, for smooth functions of few unbounded variables",
    chosen: "only when asked for",
    source: "Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), chapter 6",
    claim: Claim::Stationary,
    sees: Sees::Scaled,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance("stop when no entry of the gradient exceeds this times max(1, |f| / max(1, |x|))", 1e-9),
    iteration_limit(10_000),
    LINE_SEARCH,
];

/// Beyond this a dense matrix product per iteration takes longer than seconds.
const MOST_VARIABLES: usize = 500;

fn accepts(features: &Features) -> Result<(), Objection> {
    accepts_lbfgs(features)?;
    features.needs_at_most(MOST_VARIABLES)
}

fn run(context: &mut Context) -> Outcome {
    let tol = context.options.number(OPTIONS, "tol");
    let start = context.start.clone();
    let end = match context.options.choice(OPTIONS, "line_search") {
        "hager_zhang" => descend(&mut *context.nlp, start, context.monitor, tol, |state, gradient| {
            Ok((solver(HagerZhang::new())?, with_first_guess(state, gradient)))
        }),
        _ => descend(&mut *context.nlp, start, context.monitor, tol, |state, gradient| {
            Ok((solver(more_thuente()?)?, with_first_guess(state, gradient)))
        }),
    };
    let multipliers = bound_multipliers(context.nlp.shape(), &end.x, &end.gradient);
    outcome(context, end.x, Some(multipliers), end.stop, end.iterations)
}

/// A multiple of the identity for which the first step has length at most 1.
fn with_first_guess(state: Slopes<Vec<Vec<f64>>>, gradient: &[f64]) -> Slopes<Vec<Vec<f64>>> {
    let (n, size) = (gradient.len(), (1.0 / one_norm(gradient)).min(1.0));
    let row = |r: usize| (0..n).map(|c| if r == c { size } else { 0.0 }).collect();
    state.inv_hessian((0..n).map(row).collect())
}

/// With argmin's own tests for an end switched off.
fn solver<L>(line_search: L) -> Result<BFGS<L, f64>, Error> {
    BFGS::new(line_search).with_tolerance_grad(0.0)?.with_tolerance_cost(0.0)
}
