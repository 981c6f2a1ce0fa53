//! Which method: the one asked for if it accepts, else the first of a ranking that does.

use super::{Candidates, Request, refusal};
use crate::diag::Diagnostic;
use crate::problem::features::{Asked, Fact, Features};
use crate::solve::METHODS;
use crate::solve::complementarity::branching;
use crate::solve::method::{Method, Objection, Run};

pub struct Choice {
    pub method: &'static Method,
    /// It is shown the form without kinks.
    pub smooth: bool,
    pub because: Vec<Fact>,
}

pub fn choose(candidates: &Candidates, request: &Request) -> Result<Choice, Vec<Diagnostic>> {
    if let Some((method, span)) = request.method()? {
        let because = vec![Fact::at("it was asked for", span)];
        return match candidates.asks(method) {
            Ok(smooth) => Ok(Choice { method, smooth, because }),
            Err(objection) => Err(vec![refusal::objection(method.name, &objection, span)]),
        };
    }
    let features = &candidates.form(true).features;
    let near_kinks = "norms may vanish, and it follows a path that ends there";
    let first = candidates.norms.then_some(("interior_point", near_kinks));
    for (name, why) in first.into_iter().chain(ranking(features)) {
        if let Some(method) = crate::solve::by_name(name)
            && let Ok(smooth) = candidates.asks(method)
        {
            let mut because = vec![Fact::new(why)];
            because.extend(features.cases.iter().map(|case| Fact {
                sentence: format!("{}: derivatives are those of the case that holds", case.sentence),
                span: case.span,
            }));
            return Ok(Choice { method, smooth, because });
        }
    }
    Err(vec![nobody(features)])
}

/// Whether a method can do with what is known: an oracle has no derivatives, one that ranks no values, and what is
/// differentiated is not integer.
pub fn sees_enough(features: &Features, method: &Method) -> Result<(), Objection> {
    let because = |asked: &Asked, what: &str| {
        Err(Fact { sentence: format!("{}: {what}", asked.oracle.sentence), span: asked.oracle.span })
    };
    match (&method.run, &features.asked, &features.integer) {
        (Run::Functions(_), Some(asked), _) => because(asked, "its answers have no derivatives and no expression"),
        (Run::ByValue(_), Some(asked), _) if asked.ranks => {
            because(asked, "it ranks candidates, and gives none a value")
        }
        (Run::Functions(_), None, Some(integer)) => Err(integer.clone()),
        (Run::Functions(_) | Run::ByValue(_) | Run::ByRank(_), _, _) => Ok(()),
    }
}

/// What the methods that were not chosen say.
pub fn others(candidates: &Candidates, chosen: &Method) -> Vec<(&'static str, Option<Objection>)> {
    let others = METHODS.iter().filter(|method| method.name != chosen.name);
    others.map(|method| (method.name, candidates.asks(method).err())).collect()
}

/// An exact Hessian stops paying beyond this many variables where nothing is known of its sparsity.
const LARGE: usize = 20_000;
/// Least squares are solved by dense normal equations up to here.
const FEW_FOR_LEAST_SQUARES: usize = 1_000;

/// A covariance of as many variables is learnt from fewer candidates than a search without one would need.
const FEW_FOR_COVARIANCE: usize = 50;

/// Methods from the best down, each with its reason. Those that do not accept are passed over.
fn ranking(features: &Features) -> Vec<(&'static str, &'static str)> {
    let plain = features.rows == 0 && features.bounded.is_none();
    let large = features.variables > LARGE;
    if let Some(asked) = &features.asked {
        let few = features.variables <= FEW_FOR_COVARIANCE;
        return match asked.ranks {
            true if asked.person || !few => {
                vec![("zo_rank_sgd", "an oracle ranks candidates, and nothing else is known")]
            }
            true => vec![("cma_es", "an oracle ranks candidates; their order is all that is needed")],
            false => vec![("cma_es", "an oracle gives values, and no derivatives")],
        };
    }
    if features.integer.is_some() {
        return vec![("cma_es", "variables are integer and nothing constrains but bounds: candidates are rounded")];
    }
    if !features.kinks.is_empty() {
        let why = "kinks could not be written as smooth rows, so values alone are compared";
        return vec![
            ("anderson", "each equation says what a variable is, and no derivative is needed"),
            ("brent", why),
            ("nelder_mead", why),
        ];
    }
    if features.complementarity.is_some() {
        let mut methods = vec![
            ("semismooth_newton", "there are as many conditions as unknowns"),
            ("complementarity_relaxation", "complementary pairs are constraints here"),
        ];
        if features.conditions.pairs <= branching::FEW_PAIRS && features.is_objective_convex() {
            methods.insert(
                1,
                ("complementarity_branching", "pairs are few, and all ways in which they may hold are convex"),
            );
        }
        return methods;
    }
    match (features.rows > 0 || features.sense.is_none(), plain) {
        (true, _) => vec![("interior_point", "it has rows; Newton steps with exact second derivatives converge fast")],
        (false, true) if features.squares.is_ok() && features.variables <= FEW_FOR_LEAST_SQUARES => vec![
            ("levenberg_marquardt", "the objective is a sum of squares and nothing is constrained"),
            ("trust_region_newton", "nothing is constrained and second derivatives are exact"),
            ("lbfgs", "nothing is constrained"),
        ],
        (false, true) if large => vec![("lbfgs", "nothing is constrained and there are very many variables")],
        (false, true) => vec![
            ("trust_region_newton", "nothing is constrained and second derivatives are exact"),
            ("lbfgs", "nothing is constrained"),
        ],
        (false, false) if large => vec![
            ("projected_lbfgs", "only bounds constrain, and there are very many variables"),
            ("interior_point", "only bounds constrain"),
        ],
        (false, false) => vec![
            ("interior_point", "bounds constrain; Newton steps with exact second derivatives converge fast"),
            ("projected_lbfgs", "only bounds constrain"),
        ],
    }
}

/// Only kinks leave a problem without a method, and equations beside an oracle.
fn nobody(features: &Features) -> Diagnostic {
    if let (Some(asked), Some(row)) = (&features.asked, &features.equation) {
        let message =
            format!("{}, and methods that ask keep bounds and inequalities: {}", asked.oracle.sentence, row.sentence);
        let refused = Diagnostic::error("no-method", row.span.unwrap_or_default(), message).help(match asked.ranks {
            true => "solve the equation for a variable and write that with `let`, or let the oracle judge it as well",
            false => "solve the equation for a variable and write that with `let`, or add a penalty to the objective: `+ 1e3 * (a - b)^2` for `a == b`",
        });
        return match asked.oracle.span {
            Some(span) => refused.label(span, "it is asked here"),
            None => refused,
        };
    }
    let kink = features.kinks.first().or(features.first_row.as_ref());
    let span = kink.and_then(|fact| fact.span).unwrap_or_default();
    let why = kink.map_or("it has no form that a method accepts", |fact| &fact.sentence);
    Diagnostic::error("no-method", span, format!("no method accepts this problem: {why}"))
        .help("state it with smooth rows (`t >= a`, `t >= -a` for `abs(a)`), or with fewer variables")
}
