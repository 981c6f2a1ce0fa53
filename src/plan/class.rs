//! The class of a problem in words, with the facts that prove it.

use crate::expr::ops::Curvature;
use crate::problem::curvature::Form;
use crate::problem::features::{Fact, Features};
use crate::problem::{Problem, Sense};
use crate::solve::convexity::quadratic_is_convex;

/// As in "smooth nonlinear program", with sizes and reasons, and whether convexity is shown.
pub fn of(problem: &Problem, features: &Features) -> (String, Vec<Fact>, bool) {
    if let Some(asked) = &features.asked {
        let class = if asked.ranks { "black box that ranks" } else { "black box" };
        return (class.to_string(), vec![Fact::new(sizes(features)), asked.oracle.clone()], false);
    }
    let mut facts = vec![Fact::new(sizes(features))];
    let convex = convexity(problem, features);
    if let (Some(objective), Some(form)) = (problem.objectives.first(), &features.forms.objective) {
        facts.push(Fact::at(format!("the objective is {}", shape(form)), objective.span));
        if let Ok(squares) = &features.squares {
            let parts = if squares.len() == 1 { "one family" } else { "several families" };
            facts.push(Fact::at(format!("it is a sum of squares, {parts} of them"), objective.span));
        }
    }
    facts.extend(features.kinks.iter().cloned());
    facts.extend(features.cases.iter().cloned());
    let class = name(problem, features, &convex);
    let shown = !matches!(convex, Convexity::NotShown(_));
    match convex {
        Convexity::Shown => facts.push(Fact::new("it is convex, by the rules of composition")),
        Convexity::ByEigenvalues => {
            facts.push(Fact::new(
                "it is convex: the Hessian of the objective has no negative eigenvalue, by computation",
            ));
        }
        Convexity::NotShown(why) => facts.push(why),
    }
    (class, facts, shown)
}

enum Convexity {
    Shown,
    ByEigenvalues,
    NotShown(Fact),
}

/// By composition; a quadratic objective over linear rows also by its eigenvalues.
fn convexity(problem: &Problem, features: &Features) -> Convexity {
    let Err(why) = features.forms.convex(problem, &features.bounds) else { return Convexity::Shown };
    let degree = features.forms.objective.as_ref().and_then(|form| form.degree);
    let quadratic = degree == Some(2) && features.forms.linear_rows(problem);
    match quadratic.then(|| quadratic_is_convex(problem)).flatten() {
        Some(true) => Convexity::ByEigenvalues,
        Some(false) => {
            let span = problem.objectives.first().map(|o| o.span).unwrap_or_default();
            Convexity::NotShown(Fact::at(
                "it is not convex: the Hessian of the objective has an eigenvalue of the wrong sign",
                span,
            ))
        }
        None => Convexity::NotShown(why),
    }
}

fn name(problem: &Problem, features: &Features, convex: &Convexity) -> String {
    let constrained = features.rows > 0;
    let convex = !matches!(convex, Convexity::NotShown(_));
    if features.complementarity.is_some() {
        return match (features.sense, features.needs_a_square_system()) {
            (None, Ok(())) => "square complementarity system",
            (None, Err(_)) => "complementarity system",
            (Some(_), _) => "mathematical program with complementarity constraints",
        }
        .to_string();
    }
    if features.sense.is_none() {
        let square = constrained && features.equalities == features.rows && features.rows == features.variables;
        let system = if square { "square system of equations" } else { "feasibility problem" };
        return if convex && !square { format!("convex {system}") } else { system.to_string() };
    }
    if !features.kinks.is_empty() {
        return if convex { "convex nonsmooth program".to_string() } else { "nonsmooth program".to_string() };
    }
    let degree = features.forms.objective.as_ref().and_then(|form| form.degree);
    let linear = features.forms.linear_rows(problem);
    match (degree, linear, constrained, features.bounded.is_some()) {
        (Some(0 | 1), true, _, _) => "linear program".to_string(),
        (Some(2), true, true, _) | (Some(2), true, false, true) => {
            format!("{} quadratic program", if convex { "convex" } else { "nonconvex" })
        }
        (_, _, false, bounded) => {
            let kind = if features.squares.is_ok() { "least squares" } else { "smooth minimisation" };
            let where_ = if bounded { "within bounds" } else { "without constraints" };
            if convex { format!("convex {kind} {where_}") } else { format!("{kind} {where_}") }
        }
        (_, _, true, _) if convex => "smooth convex program".to_string(),
        (_, _, true, _) => "smooth nonlinear program".to_string(),
    }
}

/// As in "quadratic and convex".
fn shape(form: &Form) -> String {
    let degree = match form.degree {
        Some(0) => "constant",
        Some(1) => return "linear".to_string(),
        Some(2) => "quadratic",
        Some(_) => "a polynomial",
        None => "not a polynomial",
    };
    match form.curvature {
        Curvature::Convex => format!("{degree} and convex"),
        Curvature::Concave => format!("{degree} and concave"),
        Curvature::Constant | Curvature::Affine | Curvature::Unknown => degree.to_string(),
    }
}

/// As in "4 variables, all within bounds; 2 rows: 1 equation, 1 inequality; to be minimised".
fn sizes(features: &Features) -> String {
    let mut parts = vec![counted(features.variables, "variable")];
    if features.fixed > 0 {
        parts.push(format!("{} fixed", features.fixed));
    }
    if features.bounded.is_some() {
        parts.push(if features.unboxed.is_none() { "all within bounds" } else { "some with bounds" }.to_string());
    }
    let inequalities = features.rows - features.equalities;
    let rows = match (features.equalities, inequalities) {
        (0, 0) => "no rows".to_string(),
        (0, k) => inequality(k),
        (k, 0) => counted(k, "equation"),
        (e, k) => format!("{}, {}", counted(e, "equation"), inequality(k)),
    };
    let sense = match features.sense {
        Some(Sense::Minimize) => "; to be minimised",
        Some(Sense::Maximize) => "; to be maximised",
        None => "; no objective",
    };
    format!("{}; {rows}{sense}", parts.join(", "))
}

fn inequality(count: usize) -> String {
    format!("{count} inequalit{}", if count == 1 { "y" } else { "ies" })
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
