//! L-BFGS: descent along `-H ∇f`, where `H` comes from the last few steps and changes of the gradient.
//!
//! `O(memory · n)` per iteration beside one or two evaluations. Stepped through argmin.

use crate::answer::Outcome;
use crate::problem::features::Features;
use crate::solve::argmin_adapter::{Error, HagerZhang, LBFGS, MoreThuente, descend};
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::options::{Default, OptionRow};
use crate::solve::parts::ending::{bound_multipliers, outcome};

pub const METHOD: Method = Method {
    name: "lbfgs",
    doc: "limited-memory quasi-Newton descent for smooth functions of many unbounded variables",
    chosen: "for unconstrained problems with more variables than an exact Hessian is worth",
    source: "Liu & Nocedal, Mathematical Programming 45 (1989); line search of Moré & Thuente, ACM TOMS 20 (1994)",
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
    OptionRow {
        name: "memory",
        doc: "number of steps remembered",
        default: Default::Number { value: 10.0, least: 1.0, most: 1000.0 },
    },
    LINE_SEARCH,
];

/// Shared by the methods that descend along a line.
pub(super) const LINE_SEARCH: OptionRow = OptionRow {
    name: "line_search",
    doc: "how the step along the direction is found",
    default: Default::Choice { value: "more_thuente", among: &["more_thuente", "hager_zhang"] },
};

/// Shared by the methods for smooth problems without rows and bounds.
pub(super) fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_no_rows()?;
    features.needs_no_bounds()?;
    features.needs_an_objective()?;
    features.needs_smoothness()
}

fn run(context: &mut Context) -> Outcome {
    let memory = context.options.number(OPTIONS, "memory") as usize;
    let tol = context.options.number(OPTIONS, "tol");
    let start = context.start.clone();
    let end = match context.options.choice(OPTIONS, "line_search") {
        "hager_zhang" => descend(&mut *context.nlp, start, context.monitor, tol, |state, _| {
            Ok((solver(HagerZhang::new(), memory)?, state))
        }),
        _ => descend(&mut *context.nlp, start, context.monitor, tol, |state, _| {
            Ok((solver(more_thuente()?, memory)?, state))
        }),
    };
    let multipliers = bound_multipliers(context.nlp.shape(), &end.x, &end.gradient);
    outcome(context, end.x, Some(multipliers), end.stop, end.iterations)
}

/// Any step is allowed; argmin's own least step of 1.5e-8 is too long where the gradient is large.
pub(super) fn more_thuente() -> Result<MoreThuente, Error> {
    MoreThuente::new().with_bounds(0.0, f64::INFINITY)
}

/// With argmin's own tests for an end switched off.
fn solver<L>(line_search: L, memory: usize) -> Result<LBFGS<L, Vec<f64>, Vec<f64>, f64>, Error> {
    LBFGS::new(line_search, memory).with_tolerance_grad(0.0)?.with_tolerance_cost(0.0)
}
