//! What the user asked of the planner: a method and options, from the command line or from `solve with`.

use crate::diag::near::nearest;
use crate::diag::{Diagnostic, Span};
use crate::problem::oracles::{self, Answers};
use crate::problem::{Directive, OptionValue, Problem};
use crate::solve::METHODS;
use crate::solve::method::{Method, Run};
use crate::solve::options::{Default as Usual, OptionRow, Options, Value, check};

/// Options that every method has: they are about what is done before and after it runs.
pub const COMMON: &[OptionRow] = &[
    OptionRow {
        name: "presolve",
        doc: "look for contradictions and simplify rows and bounds before the method runs",
        default: Usual::Bool(true),
    },
    OptionRow {
        name: "implicit",
        doc: "how linear systems of sensitivities are solved: formed and factored, or by products alone",
        default: Usual::Choice {
            value: "auto",
            among: &["auto", "direct", "minres", "conjugate_gradients", "gmres", "neumann"],
        },
    },
];

/// Options of every method that compares candidates: they are about what it asks.
#[rustfmt::skip]
pub const ASKING: &[OptionRow] = &[
    OptionRow { name: "budget", doc: "how many candidates may be asked about", default: Usual::Number { value: f64::INFINITY, least: 1.0, most: f64::INFINITY } },
    OptionRow { name: "target", doc: "value of the objective at which nothing better is wanted", default: Usual::Number { value: f64::NAN, least: f64::NEG_INFINITY, most: f64::INFINITY } },
    OptionRow { name: "cache", doc: "what an oracle answered to a question serves again; false: it is asked anew", default: Usual::Bool(true) },
    OptionRow { name: "repeats", doc: "how often an oracle that gives values is asked a question; the mean counts", default: Usual::Number { value: 1.0, least: 1.0, most: 1e6 } },
    OptionRow { name: "parallel", doc: "copies of a command that answer questions of a batch at the same time", default: Usual::Number { value: 1.0, least: 1.0, most: 1e3 } },
    OptionRow { name: "timeout", doc: "seconds that a command has for an answer", default: Usual::Number { value: 60.0, least: 1e-3, most: 1e9 } },
];

/// The option by which a method is told what a behaviour is: the name of a `let`.
pub const BEHAVIOUR: &str = "behaviour";

/// Places are those of the model or of a source that holds the command line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub method: Option<(String, Span)>,
    pub options: Vec<(String, Value, Span)>,
    pub seed: u64,
    /// How many starting points to try; `None`: as the planner decides.
    pub starts: Option<usize>,
    /// Options of an overruled `solve with`.
    overruled: Vec<String>,
}

impl Request {
    pub fn new(method: Option<(String, Span)>, options: Vec<(String, Value, Span)>, seed: u64) -> Request {
        Request { method, options, seed, starts: None, overruled: vec![] }
    }

    /// With the model's own `solve with`, which the request overrules. If it asks for another method, the options of
    /// the model's are set aside.
    pub(super) fn merged(&self, directive: Option<&Directive>) -> Request {
        let mut merged = self.clone();
        let Some(directive) = directive else { return merged };
        let same = self.method.as_ref().is_none_or(|(name, _)| *name == directive.method);
        if !same {
            merged.overruled = directive.options.iter().map(|(name, ..)| name.clone()).collect();
            return merged;
        }
        merged.method.get_or_insert_with(|| (directive.method.clone(), directive.method_span));
        let own = directive.options.iter().map(|(name, value, span)| (name.clone(), plain(value), *span));
        merged.options = own.chain(self.options.iter().cloned()).collect();
        merged
    }

    pub(super) fn unused(&self) -> Vec<String> {
        self.overruled.clone()
    }

    /// The row of the method asked for, if any.
    pub(super) fn method(&self) -> Result<Option<(&'static Method, Span)>, Vec<Diagnostic>> {
        let Some((name, span)) = &self.method else { return Ok(None) };
        if let Some(method) = crate::solve::by_name(name) {
            return Ok(Some((method, *span)));
        }
        let near = nearest(name, METHODS.iter().map(|method| method.name));
        let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
        let help = match near.is_empty() {
            true => format!("the methods are {}", names.join(", ")),
            false => format!("did you mean `{}`?", near.join("` or `")),
        };
        Err(vec![Diagnostic::error("unknown-method", *span, format!("there is no method `{name}`")).help(help)])
    }

    /// The options, if all of them are options of the method and within their ranges. `seed` is known to all.
    pub(super) fn checked_options(&self, method: &'static Method) -> Result<Options, Vec<Diagnostic>> {
        self.checked(method.name, method.options, !matches!(method.run, Run::Functions(_)))
    }

    /// The same for a method with these rows.
    pub(super) fn checked_options_of(
        &self,
        method: &str,
        rows: &'static [OptionRow],
    ) -> Result<Options, Vec<Diagnostic>> {
        self.checked(method, rows, false)
    }

    /// The same; a method that is `asking` knows what is said of queries.
    fn checked(&self, method: &str, rows: &'static [OptionRow], asking: bool) -> Result<Options, Vec<Diagnostic>> {
        let mut options = Options { set: vec![], seed: self.seed };
        let mut wrong = vec![];
        for (name, value, span) in &self.options {
            match (name.as_str(), value) {
                ("seed", Value::Number(seed)) if *seed >= 0.0 && seed.fract() == 0.0 => options.seed = *seed as u64,
                _ => match check(rows_for(rows, asking, name), name, value, *span) {
                    Ok(()) => options.set.push((name.clone(), value.clone())),
                    Err(error) if name == "method" => wrong.push(error.diagnostic(method).help(how_to_choose(value))),
                    Err(error) => wrong.push(error.diagnostic(method)),
                },
            }
        }
        if wrong.is_empty() { Ok(options) } else { Err(wrong) }
    }
}

/// A method is no option of itself.
pub fn how_to_choose(value: &Value) -> String {
    let name = match value {
        Value::Text(name) => name.clone(),
        Value::Number(_) | Value::Bool(_) => "NAME".to_string(),
    };
    format!("a method is chosen by `--with {name}`, in a model by `solve with {name}`")
}

/// What is wrong with the `let`s that options name: they must be there, and must be numbers.
pub(super) fn wrong_names(problem: &Problem, request: &Request, method: &Method) -> Vec<Diagnostic> {
    let is_name = |option: &str| method.options.iter().any(|row| row.name == option && row.default == Usual::Named);
    let named = request.options.iter().filter(|(option, ..)| is_name(option));
    named.filter_map(|(option, value, span)| wrong_name(problem, option, value, *span)).collect()
}

fn wrong_name(problem: &Problem, option: &str, value: &Value, span: Span) -> Option<Diagnostic> {
    let Value::Text(name) = value else { return None };
    // Nothing is named.
    if name.is_empty() {
        return None;
    }
    let known: Vec<&str> = problem.named.iter().map(|named| named.name.as_str()).collect();
    let Some(named) = problem.named.iter().find(|named| named.name == *name) else {
        let near = nearest(name, known.iter().copied());
        let said =
            Diagnostic::error("bad-option", span, format!("option `{option}` names `{name}`, which is no `let`"));
        return Some(match (near.first(), known.is_empty()) {
            (Some(near), _) => said.help(format!("did you mean `{near}`?")),
            (None, true) => said.help(format!("state it: `let {name} = ...`")),
            (None, false) => said.help(format!("name it in the model's `solve with`; others are {}", known.join(", "))),
        });
    };
    let ranks = |call: &u32| problem.oracle_of(*call).answers == Answers::Ranks;
    let call = oracles::calls_of(problem, &[named.stage]).into_iter().find(ranks)?;
    let message = format!("option `{option}` names `{name}`, which reads ranks of `{}`", problem.oracle_of(call).name);
    Some(
        Diagnostic::error("bad-option", span, message)
            .label(problem.calls[call as usize].span, "an order of candidates is no number"),
    )
}

/// The rows that know an option: the common ones, else those of the method.
fn rows_for(rows: &'static [OptionRow], asking: bool, name: &str) -> &'static [OptionRow] {
    let knows = |rows: &[OptionRow]| rows.iter().any(|row| row.name == name);
    match asking {
        _ if knows(COMMON) => COMMON,
        true if knows(ASKING) => ASKING,
        true | false => rows,
    }
}

fn plain(value: &OptionValue) -> Value {
    match value {
        OptionValue::Number(v) => Value::Number(*v),
        OptionValue::Text(t) => Value::Text(t.clone()),
        OptionValue::Bool(b) => Value::Bool(*b),
    }
}
