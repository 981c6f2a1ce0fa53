//! Nonlinear conjugate gradients: `p ← -∇f + β p`, with `β` from the last two gradients.
//!
//! `O(n)` storage beside the evaluations. Stepped through argmin.

use super::lbfgs::{LINE_SEARCH, accepts};
use crate::answer::Outcome;
use crate::solve::argmin_adapter::{
    Error, FletcherReeves, HagerZhang, HestenesStiefel, MoreThuente, NonlinearConjugateGradient, PolakRibierePlus,
    descend,
};
use crate::solve::method::{Claim, Context, Method, Run, Sees, iteration_limit, tolerance};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{bound_multipliers, outcome};

pub const METHOD: Method = Method {
    name: "nonlinear_cg",
    doc: "conjugate gradients for smooth functions of very many unbounded variables",
    chosen: "only when asked for",
    source: "Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), section 5.2",
    claim: Claim::Stationary,
    sees: Sees::Scaled,
    second_order: |_| false,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance("stop when no entry of the gradient exceeds this times max(1, |f| / max(1, |x|))", 1e-9),
    iteration_limit(100_000),
    OptionRow {
        name: "beta",
        doc: "how much of the last direction is kept",
        default: Default::Choice {
            value: "polak_ribiere_plus",
            among: &["polak_ribiere_plus", "fletcher_reeves", "hestenes_stiefel"],
        },
    },
    LINE_SEARCH,
];

/// The solver for a rule and a line search, which have a type each in argmin.
macro_rules! descent {
    ($context:expr, $tol:expr, $search:expr, $rule:expr) => {{
        let start = $context.start.clone();
        descend(&mut *$context.nlp, start, $context.monitor, $tol, |state, gradient: &[f64]| {
            let restart = gradient.len().max(10) as u64;
            Ok((NonlinearConjugateGradient::new($search?, $rule).restart_iters(restart), state))
        })
    }};
}

fn run(context: &mut Context) -> Outcome {
    let tol = context.options.number(OPTIONS, "tol");
    let rule = context.options.choice(OPTIONS, "beta");
    let end = match (context.options.choice(OPTIONS, "line_search"), rule) {
        ("hager_zhang", "fletcher_reeves") => descent!(context, tol, hager_zhang(), FletcherReeves::new()),
        ("hager_zhang", "hestenes_stiefel") => descent!(context, tol, hager_zhang(), HestenesStiefel::new()),
        ("hager_zhang", _) => descent!(context, tol, hager_zhang(), PolakRibierePlus::new()),
        (_, "fletcher_reeves") => descent!(context, tol, more_thuente(), FletcherReeves::new()),
        (_, "hestenes_stiefel") => descent!(context, tol, more_thuente(), HestenesStiefel::new()),
        _ => descent!(context, tol, more_thuente(), PolakRibierePlus::new()),
    };
    let multipliers = bound_multipliers(context.nlp.shape(), &end.x, &end.gradient);
    outcome(context, end.x, Some(multipliers), end.stop, end.iterations)
}

/// Conjugate directions stay downhill only under a tight curvature condition, `c2 < 1/2`.
fn more_thuente() -> Result<MoreThuente, Error> {
    MoreThuente::new().with_bounds(0.0, f64::INFINITY)?.with_c(1e-4, 0.1)
}

fn hager_zhang() -> Result<HagerZhang, Error> {
    HagerZhang::new().with_delta_sigma(0.1, 0.4)
}
