//! Derivatives, sensitivities and what is only known by asking.

use crate::diag::{Diagnostic, Span};

pub(in crate::sema) fn recurrence_in_sum(name: &str, at: Span, declared: Span) -> Diagnostic {
    Diagnostic::error("cycle", at, format!("`{name}` reads itself inside a sum that is not added up directly"))
        .here("here")
        .label(declared, "declared here")
        .help("a recurrence may read itself plainly (`s[k-1]`) or in a sum at the top of its value")
}

pub(in crate::sema) fn derivative_of_recurrence(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "not-differentiable",
        at,
        format!("the derivative of `{name}`, which reads itself, cannot be written out"),
    )
    .help("differentiate an expression that does not go through a recurrence")
}

pub(in crate::sema) fn derivative_of_eigenvalue(at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, "the derivative of an eigenvalue cannot be written out")
        .help("methods differentiate `eigmax` by themselves; state a problem with it instead of its derivative")
}

pub(in crate::sema) fn no_parameter(at: Span) -> Diagnostic {
    Diagnostic::error(
        "not-differentiable",
        at,
        "sensitivities are taken to a parameter, a column of data, or one element",
    )
    .here("this is neither")
    .help("name what is given, such as `c`, `c[2]` or `train.y`; for what is computed from it, ask for that")
}

pub(in crate::sema) fn structural_parameter(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, format!("`{name}` decides a set, a shape or a branch of the model"))
        .here("nothing varies smoothly with it")
        .help("ask for the sensitivity to a parameter that only enters as a number, or solve again with another value")
}

pub(in crate::sema) fn nested_sensitivity(at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, "a sensitivity of a sensitivity is not computed")
        .help("take the difference of two solves whose parameters differ a little")
}

pub(in crate::sema) fn judge_sees_variables(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "judge-sees-variables",
        at,
        format!("`{name}` is asked about its arguments, but its expression reads variables"),
    )
    .help("give what it reads as an argument")
}

pub(in crate::sema) fn ranks_are_no_numbers(name: &str, declared: Span, at: Span, why: &str) -> Diagnostic {
    Diagnostic::error("ranks-are-no-numbers", at, format!("`{name}` only ranks candidates: {why}"))
        .label(declared, "it ranks, so that nobody knows how good a candidate is")
        .help(format!("state the objective as `minimize {name}(...)` or `maximize {name}(...)` alone, or let the oracle give values"))
}

pub(in crate::sema) fn asks_about_answers(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        "oracle-of-oracle",
        at,
        format!("what `{name}` is asked about depends on the answer of an oracle"),
    )
    .help("ask about variables and data only; a program behind `command` may ask another one itself")
}

pub(in crate::sema) fn not_differentiable_by(at: Span) -> Diagnostic {
    Diagnostic::error("not-differentiable", at, "derivatives are taken by a variable or a parameter")
        .here("this is neither")
        .help("name a whole `var` or `param`")
}
