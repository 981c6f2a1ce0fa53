//! What no method of this build can honour: refused with one sentence for each construct, never relaxed.

use crate::diag::Diagnostic;
use crate::problem::features::{Fact, Features};
use crate::problem::{Domain, Kind, Problem};

/// All constructs of the problem that nothing serves.
pub fn unserved(problem: &Problem) -> Result<(), Vec<Diagnostic>> {
    let unsupported =
        problem.unsupported.iter().map(|u| Diagnostic::error("unsupported-construct", u.span, &u.sentence));
    let refused: Vec<Diagnostic> = unsupported.chain(domains(problem)).chain(several(problem)).collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// Integer variables are kept by methods that compare candidates, which keep rows beside oracles only.
pub fn integers(problem: &Problem, features: &Features) -> Result<(), Vec<Diagnostic>> {
    if features.sense.is_some() && (features.rows == 0 || features.asked.is_some()) {
        return Ok(());
    }
    all_integers(problem)
}

/// The same where no method compares candidates.
pub fn all_integers(problem: &Problem) -> Result<(), Vec<Diagnostic>> {
    let refused: Vec<Diagnostic> = integer_variables(problem).collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

fn integer_variables(problem: &Problem) -> impl Iterator<Item = Diagnostic> + '_ {
    problem.variables.iter().filter_map(|v| {
        let kind = match v.kind {
            Kind::Real => return None,
            Kind::Integer => "integer",
            Kind::Binary => "binary",
        };
        // A domain of discrete objects says so in words of its own.
        if matches!(v.domain, Some(Domain::Permutation | Domain::Subset)) {
            return None;
        }
        let message = format!("`{}` is {kind}, and no method of this build keeps rows and {kind} variables", v.name);
        Some(
            Diagnostic::error("integer-refused", v.span, message)
                .help("it is not relaxed silently: drop the word to solve the continuous relaxation"),
        )
    })
}

fn domains(problem: &Problem) -> impl Iterator<Item = Diagnostic> + '_ {
    problem.variables.iter().filter_map(|v| {
        let domain = match v.domain? {
            Domain::Simplex | Domain::Ball => return None,
            Domain::SecondOrderCone => "second-order cones (`soc`)",
            Domain::SemidefiniteCone => "semidefinite matrices (`psd`)",
            Domain::Permutation => "permutations",
            Domain::Subset => "subsets",
        };
        let message = format!("no method of this build keeps `{}` within its domain: {domain}", v.name);
        Some(Diagnostic::error("unsupported-construct", v.span, message))
    })
}

fn several(problem: &Problem) -> Option<Diagnostic> {
    let second = problem.objectives.get(1)?;
    let message = "several objectives make a multi-objective problem, for which this build has no method";
    let mut refused = Diagnostic::error("unsupported-construct", second.span, message);
    if let Some(first) = problem.objectives.first() {
        refused = refused.label(first.span, "the first objective");
    }
    Some(refused)
}

/// A method was asked for that objects.
pub fn objection(method: &str, objection: &Fact, asked: crate::diag::Span) -> Diagnostic {
    let message = format!("`{method}` cannot serve this problem: {}", objection.sentence);
    let refused = Diagnostic::error("method-refuses", asked, message);
    match objection.span {
        Some(span) => refused.label(span, objection.sentence.clone()),
        None => refused,
    }
}
