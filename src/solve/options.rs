//! Options of methods: one row each, so that an unknown name can be answered with the nearest ones.

/// The value of an option as the user wrote it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Text(String),
    Bool(bool),
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
}

/// The options of one solve: what was set by the user, checked against the rows of the method.
#[derive(Clone, Debug, std::default::Default, PartialEq)]
pub struct Options {
    pub set: Vec<(String, Value)>,
    pub seed: u64,
}

impl Options {
    /// The number set for a row, else its default.
    pub fn number(&self, rows: &[OptionRow], name: &str) -> f64 {
        let default = rows.iter().find(|row| row.name == name).map(|row| row.default);
        match (self.set.iter().find(|(n, _)| n == name), default) {
            (Some((_, Value::Number(v))), _) => *v,
            (_, Some(Default::Number { value, .. })) => value,
            _ => panic!("option {name} has no number"),
        }
    }

    pub fn choice<'a>(&'a self, rows: &[OptionRow], name: &str) -> &'a str {
        let default = rows.iter().find(|row| row.name == name).map(|row| row.default);
        match (self.set.iter().find(|(n, _)| n == name), default) {
            (Some((_, Value::Text(t))), _) => t,
            (_, Some(Default::Choice { value, .. })) => value,
            _ => panic!("option {name} has no choice"),
        }
    }

    pub fn flag(&self, rows: &[OptionRow], name: &str) -> bool {
        let default = rows.iter().find(|row| row.name == name).map(|row| row.default);
        match (self.set.iter().find(|(n, _)| n == name), default) {
            (Some((_, Value::Bool(b))), _) => *b,
            (_, Some(Default::Bool(b))) => b,
            _ => panic!("option {name} has no truth value"),
        }
    }
}
