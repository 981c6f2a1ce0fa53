//! The class of a problem in words, with the facts that prove it.

use crate::problem::Problem;
use crate::problem::features::{Fact, Features};

/// As in "smooth nonlinear program", with sizes and reasons.
pub fn of(problem: &Problem, features: &Features) -> (String, Vec<Fact>) {
    let mut facts = vec![Fact::new(sizes(features))];
    facts.extend(features.kinks.iter().cloned());
    facts.extend(features.cases.iter().cloned());
    if let (Ok(squares), Some(objective)) = (&features.squares, problem.objectives.first()) {
        let parts = if squares.len() == 1 { "one family" } else { "several families" };
        facts.push(Fact::at(format!("the objective is a sum of squares, {parts} of them"), objective.span));
    }
    (name(features).to_string(), facts)
}

fn name(features: &Features) -> &'static str {
    let constrained = features.rows > 0;
    if features.sense.is_none() {
        return match features.equalities == features.rows && features.rows == features.variables && constrained {
            true => "square system of equations",
            false => "feasibility problem",
        };
    }
    match (features.kinks.is_empty(), features.squares.is_ok(), constrained, features.bounded.is_some()) {
        (false, _, true, _) => "nonsmooth program",
        (false, _, false, true) => "nonsmooth minimisation within bounds",
        (false, _, false, false) => "nonsmooth minimisation",
        (true, true, false, false) => "least squares",
        (true, true, false, true) => "least squares within bounds",
        (true, false, false, false) => "smooth unconstrained minimisation",
        (true, false, false, true) => "smooth minimisation within bounds",
        (true, _, true, _) => "smooth nonlinear program",
    }
}

/// As in "4 variables; 2 rows, 1 of them an equation".
fn sizes(features: &Features) -> String {
    let mut words = vec![counted(features.variables, "variable")];
    if features.fixed > 0 {
        words.push(format!("{} fixed", features.fixed));
    }
    let rows = match (features.rows, features.equalities) {
        (0, _) => "no rows".to_string(),
        (rows, equalities) if rows == equalities => format!("{}, all of them equations", counted(rows, "row")),
        (rows, 0) => format!("{}, all of them inequalities", counted(rows, "row")),
        (rows, equalities) => format!("{}, {equalities} of them equations", counted(rows, "row")),
    };
    format!("{}; {rows}", words.join(", "))
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
