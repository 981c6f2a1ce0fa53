//! Names of the language for names of other systems.

use crate::expr::ops;
use std::collections::{HashMap, HashSet};

/// Words that no declaration should be called, besides those of functions: some may not, others would confuse.
const WORDS: &[&str] = &[
    "if",
    "then",
    "else",
    "and",
    "or",
    "not",
    "in",
    "where",
    "perp",
    "inf",
    "true",
    "false",
    "minimize",
    "maximize",
    "ensure",
    "show",
    "param",
    "var",
    "set",
    "data",
    "let",
    "def",
    "use",
    "subject",
    "to",
    "by",
    "start",
    "default",
    "integer",
    "binary",
    "pi",
    "sum",
    "prod",
    "mean",
    "norm",
    "norm1",
    "norminf",
    "sumsq",
    "dot",
    "card",
    "first",
    "last",
    "prev",
    "next",
    "union",
    "inter",
    "minus",
    "cross",
    "rows",
    "columns",
    "grad",
    "hess",
    "jac",
    "jvp",
    "pwl",
    "interp",
    "csv",
    "json",
    "svmlight",
    "vec",
    "logsumexp",
    "det",
    "inv",
    "trace",
    "project",
    "prox",
    "lower",
    "optimality",
    "player",
    "solve",
    "oracle",
    "external",
    "over",
    "huber",
    "diag",
    "simplex",
    "ball",
    "soc",
    "psd",
];

/// Names that are taken.
#[derive(Debug, Default)]
pub struct Legal {
    taken: HashSet<String>,
    generators: HashMap<String, String>,
}

impl Legal {
    /// A legal name near the one that is wanted, different from all before.
    pub fn name(&mut self, wanted: &str) -> String {
        let spelled: String =
            wanted.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        let trimmed = spelled.trim_end_matches('_');
        let mut name = if trimmed.is_empty() { "_".to_string() } else { trimmed.to_string() };
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            name = format!("_{name}");
        }
        if name == "_" || WORDS.contains(&name.as_str()) || ops::by_name(&name).is_some() {
            name += "_";
        }
        let base = name.clone();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{base}_{number}");
        }
        name
    }

    /// Names to be bound by a generator, `i` or `i1`, `i2`, ...; every statement may bind them again.
    pub fn generators(&mut self, letter: &str, count: usize) -> Vec<String> {
        let wanted = |k: usize| if count == 1 { letter.to_string() } else { format!("{letter}{}", k + 1) };
        let mut names = vec![];
        for wanted in (0..count).map(wanted) {
            let known = self.generators.get(&wanted).cloned();
            let name = known.unwrap_or_else(|| self.name(&wanted));
            self.generators.insert(wanted, name.clone());
            names.push(name);
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_legal_and_stay_different() {
        let mut legal = Legal::default();
        let wanted = ["x", "x", "x y", "x.y", "1st", "", "sum", "log", "c@12", "flow[1].x", "α", "x_2"];
        let names: Vec<String> = wanted.iter().map(|name| legal.name(name)).collect();
        let expected = ["x", "x_2", "x_y", "x_y_2", "_1st", "__", "sum_", "log_", "c_12", "flow_1__x", "___2", "x_2_2"];
        assert_eq!(names, expected);
    }
}
