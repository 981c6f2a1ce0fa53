//! Options of methods: one row each, so that an unknown name can be answered with the nearest ones.

use crate::diag::near::nearest;
use crate::diag::{Diagnostic, Span};
use serde::Serialize;

/// The value of an option as the user wrote it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    Number(f64),
    Text(String),
    Bool(bool),
}

impl Value {
    /// As it is written on a command line.
    pub fn of_text(text: &str) -> Value {
        match (text, text.parse::<f64>()) {
            ("true", _) => Value::Bool(true),
            ("false", _) => Value::Bool(false),
            (_, Ok(number)) => Value::Number(number),
            (_, Err(_)) => Value::Text(text.to_string()),
        }
    }
}

/// A row: which option a method knows.
#[derive(Debug)]
pub struct OptionRow {
    pub name: &'static str,
    pub doc: &'static str,
    pub default: Default,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// With the range that is allowed, both ends included.
    Number {
        value: f64,
        least: f64,
        most: f64,
    },
    Choice {
        value: &'static str,
        among: &'static [&'static str],
    },
    Bool(bool),
    /// The name of a `let` of the model, or nothing.
    Named,
}

impl Default {
    /// What holds where nothing is set.
    pub fn value(&self) -> Value {
        match self {
            Default::Number { value, .. } => Value::Number(*value),
            Default::Choice { value, .. } => Value::Text(value.to_string()),
            Default::Bool(value) => Value::Bool(*value),
            Default::Named => Value::Text(String::new()),
        }
    }
}

/// The options of one solve: what was set by the user, checked against the rows of the method.
#[derive(Clone, Debug, std::default::Default, PartialEq, Serialize)]
pub struct Options {
    pub set: Vec<(String, Value)>,
    pub seed: u64,
}

impl Options {
    /// The number set for a row, else its default.
    pub fn number(&self, rows: &[OptionRow], name: &str) -> f64 {
        let default = rows.iter().find(|row| row.name == name).map(|row| row.default);
        match (self.value(name), default) {
            (Some(Value::Number(v)), _) => *v,
            (_, Some(Default::Number { value, .. })) => value,
            _ => panic!("option {name} has no number"),
        }
    }

    pub fn choice<'a>(&'a self, rows: &[OptionRow], name: &str) -> &'a str {
        let default = rows.iter().find(|row| row.name == name).map(|row| row.default);
        match (self.value(name), default) {
            (Some(Value::Text(t)), _) => t,
            (_, Some(Default::Choice { value, .. })) => value,
            _ => panic!("option {name} has no choice"),
        }
    }

    pub fn flag(&self, rows: &[OptionRow], name: &str) -> bool {
        let default = rows.iter().find(|row| row.name == name).map(|row| row.default);
        match (self.value(name), default) {
            (Some(Value::Bool(b)), _) => *b,
            (_, Some(Default::Bool(b))) => b,
            _ => panic!("option {name} has no truth value"),
        }
    }

    /// The `let` that was named, if any.
    pub fn named(&self, name: &str) -> Option<&str> {
        match self.value(name) {
            Some(Value::Text(t)) if !t.is_empty() => Some(t),
            _ => None,
        }
    }

    /// The last one set wins.
    fn value(&self, name: &str) -> Option<&Value> {
        self.set.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

/// What is wrong with an option that was set.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionError {
    Unknown { name: String, near: Vec<&'static str>, known: Vec<&'static str>, span: Span },
    Bad { name: &'static str, allowed: Default, given: Value, span: Span },
}

/// Checks one setting against the rows of its method.
pub fn check(rows: &'static [OptionRow], name: &str, value: &Value, span: Span) -> Result<(), OptionError> {
    let Some(row) = rows.iter().find(|row| row.name == name) else {
        let known: Vec<&'static str> = rows.iter().map(|row| row.name).collect();
        let near = nearest(name, known.iter().copied());
        return Err(OptionError::Unknown { name: name.to_string(), near, known, span });
    };
    let fits = match (&row.default, value) {
        (Default::Number { least, most, .. }, Value::Number(v)) => least <= v && v <= most,
        (Default::Choice { among, .. }, Value::Text(t)) => among.contains(&t.as_str()),
        (Default::Bool(_), Value::Bool(_)) | (Default::Named, Value::Text(_)) => true,
        (Default::Number { .. } | Default::Choice { .. } | Default::Bool(_) | Default::Named, _) => false,
    };
    match fits {
        true => Ok(()),
        false => Err(OptionError::Bad { name: row.name, allowed: row.default, given: value.clone(), span }),
    }
}

impl OptionError {
    /// In words, for the method whose rows were asked.
    pub fn diagnostic(&self, method: &str) -> Diagnostic {
        match self {
            OptionError::Unknown { name, near, known, span } => {
                let said = Diagnostic::error("unknown-option", *span, format!("`{method}` has no option `{name}`"));
                match (near.is_empty(), known.is_empty()) {
                    (false, _) => said.help(format!("did you mean {}?", quoted(near))),
                    (true, false) => said.help(format!("its options are {}", quoted(known))),
                    (true, true) => said.help("it has no options"),
                }
            }
            OptionError::Bad { name, allowed, given, span } => {
                let message = format!("option `{name}` of `{method}` must be {allowed}, not {given}");
                Diagnostic::error("bad-option", *span, message)
            }
        }
    }
}

/// `a`, `b` or `c`, each in backquotes.
fn quoted(names: &[&str]) -> String {
    let parts: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match parts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Number(v) => write!(f, "{}", number(*v)),
            Value::Text(t) => write!(f, "\"{t}\""),
            Value::Bool(b) => write!(f, "{b}"),
        }
    }
}

/// What is allowed, as the end of "must be ...".
impl std::fmt::Display for Default {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Default::Number { least, most, .. } if *most == f64::INFINITY => {
                write!(f, "a number from {} up", number(*least))
            }
            Default::Number { least, most, .. } => {
                write!(f, "a number between {} and {}", number(*least), number(*most))
            }
            Default::Choice { among, .. } => write!(f, "{}", quoted(among)),
            Default::Bool(_) => write!(f, "true or false"),
            Default::Named => write!(f, "the name of a `let`"),
        }
    }
}

/// Short: plain where plain is short, else with an exponent.
fn number(v: f64) -> String {
    let (plain, short) = (format!("{v}"), format!("{v:e}"));
    if plain.len() <= short.len() + 2 { plain } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[OptionRow] = &[
        OptionRow { name: "tol", doc: "", default: Default::Number { value: 1e-8, least: 0.0, most: 1.0 } },
        OptionRow { name: "search", doc: "", default: Default::Choice { value: "a", among: &["a", "b"] } },
        OptionRow { name: "verbose", doc: "", default: Default::Bool(false) },
    ];

    fn said(name: &str, value: Value) -> String {
        let error = check(ROWS, name, &value, Span::default()).unwrap_err();
        let diagnostic = error.diagnostic("method");
        format!("{}: {} ({})", diagnostic.id, diagnostic.message, diagnostic.help.unwrap_or_default())
    }

    #[test]
    fn what_fits_is_accepted() {
        for (name, value) in [
            ("tol", Value::Number(0.0)),
            ("tol", Value::Number(1.0)),
            ("search", Value::Text("b".into())),
            ("verbose", Value::Bool(true)),
        ] {
            assert_eq!(check(ROWS, name, &value, Span::default()), Ok(()), "{name} = {value}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let rows = [
            (said("tolerance", Value::Number(1.0)), "unknown-option: `method` has no option `tolerance`"),
            (said("tl", Value::Number(1.0)), "(did you mean `tol`?)"),
            (
                said("tol", Value::Number(2.0)),
                "bad-option: option `tol` of `method` must be a number between 0 and 1, not 2",
            ),
            (said("tol", Value::Number(f64::NAN)), "not NaN"),
            (said("tol", Value::Text("x".into())), "not \"x\""),
            (said("search", Value::Text("c".into())), "must be `a` or `b`, not \"c\""),
            (said("verbose", Value::Number(1.0)), "must be true or false, not 1"),
        ];
        for (text, part) in rows {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn the_last_setting_wins() {
        let options =
            Options { set: vec![("tol".into(), Value::Number(0.1)), ("tol".into(), Value::Number(0.2))], seed: 0 };
        assert_eq!(options.number(ROWS, "tol"), 0.2);
        assert_eq!(options.choice(ROWS, "search"), "a");
        assert!(!options.flag(ROWS, "verbose"));
    }
}
