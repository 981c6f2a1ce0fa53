//! A linear or quadratic problem as an `.mps` file.
//!
//! Free form keeps names; fixed form has columns of eight characters, so names that are longer are replaced by numbers,
//! and comments say which is which. All bounds are stated where a reader might assume others.

use super::flat_names::legal;
use super::number::decimal;
use super::quadratics::{Quadratics, Row};
use crate::problem::{Kind, Sense};
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Free,
    Fixed,
}

pub fn mps(problem: &Quadratics, layout: Layout) -> String {
    let writer = Writer::new(problem, layout);
    let mut out = writer.comments();
    out += "NAME          merit\n";
    if matches!(problem.objective, Some((_, Sense::Maximize, _))) {
        out += "OBJSENSE\n    MAX\n";
    }
    writer.rows(&mut out);
    writer.columns(&mut out);
    writer.sides(&mut out);
    writer.bounds(&mut out);
    writer.products(&mut out);
    out + "ENDATA\n"
}

struct Writer<'p> {
    problem: &'p Quadratics<'p>,
    layout: Layout,
    /// Of the objective, then of the rows.
    rows: Vec<String>,
    columns: Vec<String>,
}

impl<'p> Writer<'p> {
    fn new(problem: &'p Quadratics<'p>, layout: Layout) -> Writer<'p> {
        let objective = problem.objective.as_ref().map_or("objective", |(name, ..)| name);
        let rows = std::iter::once(objective).chain(problem.rows.iter().map(|r| r.name));
        let columns = problem.columns.iter().map(|c| &c.name[..]);
        Writer { problem, layout, rows: names(rows, 'R', layout), columns: names(columns, 'C', layout) }
    }

    /// In fixed form, the names that do not fit.
    fn comments(&self) -> String {
        let mut out = String::new();
        let objective = self.problem.objective.as_ref().map_or("objective", |(name, ..)| name);
        let rows = std::iter::once(objective).chain(self.problem.rows.iter().map(|r| r.name));
        let columns = self.problem.columns.iter().map(|c| &c.name[..]);
        for (short, name) in self.rows.iter().zip(rows).chain(self.columns.iter().zip(columns)) {
            if self.layout == Layout::Fixed && short != name {
                let _ = writeln!(out, "* {short} is {name}");
            }
        }
        out
    }

    /// A line of a section: fields of a fixed file stand at their columns.
    fn line(&self, out: &mut String, kind: &str, names: [&str; 2], value: Option<f64>) {
        let value = value.map(decimal).unwrap_or_default();
        let line = match self.layout {
            Layout::Free => format!(" {kind} {} {} {value}", names[0], names[1]),
            Layout::Fixed => format!(" {kind:<2} {:<8}  {:<8}  {value:>12}", names[0], names[1]),
        };
        let _ = writeln!(out, "{}", line.trim_end());
    }

    fn rows(&self, out: &mut String) {
        *out += "ROWS\n";
        self.line(out, "N", [&self.rows[0], ""], None);
        for (row, name) in self.problem.rows.iter().zip(&self.rows[1..]) {
            self.line(out, kind(row), [name, ""], None);
        }
    }

    fn columns(&self, out: &mut String) {
        *out += "COLUMNS\n";
        let mut entries: Vec<Vec<(usize, f64)>> = vec![vec![]; self.columns.len()];
        let objective = self.problem.objective.iter().map(|(_, _, function)| function);
        for (row, function) in objective.map(|f| (0, f)).chain((1..).zip(self.problem.rows.iter().map(|r| &r.function)))
        {
            function.linear.iter().for_each(|&(k, c)| entries[k as usize].push((row, c)));
        }
        let mut integers = false;
        for (k, entries) in entries.iter().enumerate() {
            let discrete = self.problem.columns[k].kind != Kind::Real;
            if discrete != integers {
                integers = discrete;
                self.marker(out, integers);
            }
            // A column must be named somewhere.
            let nothing = [(0, 0.0)];
            for &(row, value) in if entries.is_empty() { &nothing[..] } else { entries } {
                self.line(out, "", [&self.columns[k], &self.rows[row]], Some(value));
            }
        }
        if integers {
            self.marker(out, false);
        }
    }

    fn marker(&self, out: &mut String, begins: bool) {
        let word = if begins { "'INTORG'" } else { "'INTEND'" };
        let _ = writeln!(out, "    MARKER                 'MARKER'                 {word}");
    }

    fn sides(&self, out: &mut String) {
        *out += "RHS\n";
        if let Some((_, _, function)) = &self.problem.objective
            && function.constant != 0.0
        {
            self.line(out, "", ["RHS", &self.rows[0]], Some(-function.constant));
        }
        let named = || self.problem.rows.iter().zip(&self.rows[1..]);
        for (row, name) in named() {
            let side = if kind(row) == "L" { row.upper } else { row.lower };
            if side.is_finite() && side != 0.0 {
                self.line(out, "", ["RHS", name], Some(side));
            }
        }
        let mut ranged = named().filter(|(row, _)| is_range(row)).peekable();
        if ranged.peek().is_some() {
            *out += "RANGES\n";
        }
        for (row, name) in ranged {
            self.line(out, "", ["RNG", name], Some(row.upper - row.lower));
        }
    }

    fn bounds(&self, out: &mut String) {
        *out += "BOUNDS\n";
        for (column, name) in self.problem.columns.iter().zip(&self.columns) {
            let mut bound = |kind: &str, value: Option<f64>| self.line(out, kind, ["BND", name], value);
            let (lower, upper) = (column.lower, column.upper);
            match column.kind {
                Kind::Binary if (lower, upper) == (0.0, 1.0) => bound("BV", None),
                _ if lower == upper => bound("FX", Some(lower)),
                _ if lower == f64::NEG_INFINITY && upper == f64::INFINITY => bound("FR", None),
                _ => {
                    if lower == f64::NEG_INFINITY {
                        bound("MI", None);
                    } else if lower != 0.0 || upper < 0.0 {
                        bound("LO", Some(lower));
                    }
                    if upper < f64::INFINITY {
                        bound("UP", Some(upper));
                    } else if column.kind != Kind::Real {
                        bound("PL", None);
                    }
                    // A negative upper bound frees the lower side for some readers.
                    if upper < 0.0 && lower.is_finite() {
                        bound("LO", Some(lower));
                    }
                }
            }
        }
    }

    fn products(&self, out: &mut String) {
        if let Some((_, _, function)) = self.problem.objective.as_ref().filter(|(_, _, f)| !f.products.is_empty()) {
            *out += "QUADOBJ\n";
            for &(i, j, c) in &function.products {
                let value = if i == j { 2.0 * c } else { c };
                self.line(out, "", [&self.columns[i as usize], &self.columns[j as usize]], Some(value));
            }
        }
        for (row, name) in
            self.problem.rows.iter().zip(&self.rows[1..]).filter(|(row, _)| !row.function.products.is_empty())
        {
            let _ = writeln!(out, "QCMATRIX   {name}");
            for &(i, j, c) in &row.function.products {
                let (a, b) = (&self.columns[i as usize], &self.columns[j as usize]);
                if i == j {
                    self.line(out, "", [a, b], Some(c));
                } else {
                    self.line(out, "", [a, b], Some(c / 2.0));
                    self.line(out, "", [b, a], Some(c / 2.0));
                }
            }
        }
    }
}

fn is_range(row: &Row) -> bool {
    row.lower.is_finite() && row.upper.is_finite() && row.lower != row.upper
}

fn kind(row: &Row) -> &'static str {
    match (row.lower.is_finite(), row.upper.is_finite()) {
        (false, false) => "N",
        (true, true) if row.lower == row.upper => "E",
        (true, _) => "G",
        (false, true) => "L",
    }
}

fn names<'n>(names: impl Iterator<Item = &'n str>, letter: char, layout: Layout) -> Vec<String> {
    match layout {
        // A `$` begins a comment for some readers.
        Layout::Free => legal(
            names.map(str::to_string),
            |c| !c.is_whitespace() && !c.is_control(),
            |name| !name.is_empty() && !name.starts_with(['$', '*']),
        ),
        Layout::Fixed => {
            let fits = |name: &str| {
                !name.is_empty()
                    && name.len() <= 8
                    && name.chars().all(|c| c.is_ascii_graphic())
                    && !name.starts_with(['$', '*'])
            };
            let mut taken = std::collections::HashSet::new();
            let short = |(k, name): (usize, &str)| match fits(name) && taken.insert(name.to_string()) {
                true => name.to_string(),
                false => format!("{letter}{:07}", k + 1),
            };
            names.enumerate().map(short).collect()
        }
    }
}
