//! A linear or quadratic problem as an `.lp` file, as CPLEX describes it.

use super::flat_names::legal;
use super::number::decimal;
use super::quadratics::Quadratics;
use super::sums::Quadratic;
use crate::problem::{Kind, Sense};
use std::fmt::Write;

/// Lines are broken beyond this.
const WIDTH: usize = 100;

pub fn lp(problem: &Quadratics) -> String {
    let columns = names(problem.columns.iter().map(|c| &c.name[..]));
    let mut out = String::new();
    let (sense, objective) = match &problem.objective {
        Some((name, sense, function)) => (*sense, Some((*name, function))),
        None => (Sense::Minimize, None),
    };
    let all = objective.iter().map(|(name, _)| *name).chain(problem.rows.iter().map(|r| r.name));
    let mut rows = names(all).into_iter();
    out += if sense == Sense::Maximize { "maximize\n" } else { "minimize\n" };
    match objective {
        Some((_, function)) => {
            let name = rows.next().unwrap_or_default();
            let _ = writeln!(out, " {name}: {}{}", text(function, &columns, true), unread(problem, &columns));
        }
        None => out += &format!(" obj:{}\n", unread(problem, &columns)),
    }
    out += "subject to\n";
    for (row, name) in problem.rows.iter().zip(rows) {
        let function = text(&row.function, &columns, false);
        let (lower, upper) = (decimal(row.lower), decimal(row.upper));
        let _ = match (row.lower.is_finite(), row.upper.is_finite()) {
            (true, true) if row.lower == row.upper => writeln!(out, " {name}: {function} = {lower}"),
            // Not all readers take both sides in one row.
            (true, true) => {
                writeln!(out, " {name}: {function} >= {lower}\n {name}_up: {function} <= {upper}")
            }
            (true, false) => writeln!(out, " {name}: {function} >= {lower}"),
            (false, true) => writeln!(out, " {name}: {function} <= {upper}"),
            (false, false) => writeln!(out, "\\ {name} is free"),
        };
    }
    bounds(problem, &columns, &mut out);
    for (kind, word) in [(Kind::Integer, "generals"), (Kind::Binary, "binaries")] {
        let discrete = problem.columns.iter().zip(&columns).filter(|(c, _)| is(c, kind));
        let names: String = discrete.map(|(_, name)| format!(" {name}\n")).collect();
        if !names.is_empty() {
            out += &format!("{word}\n{names}");
        }
    }
    out + "end\n"
}

/// Columns that nothing reads, which must be named all the same.
fn unread(problem: &Quadratics, columns: &[String]) -> String {
    let mut read = vec![false; columns.len()];
    let objective = problem.objective.iter().map(|(_, _, function)| function);
    for function in objective.chain(problem.rows.iter().map(|r| &r.function)) {
        function.linear.iter().for_each(|&(k, _)| read[k as usize] = true);
        function.products.iter().for_each(|&(i, j, _)| (read[i as usize], read[j as usize]) = (true, true));
    }
    columns.iter().zip(read).filter(|(_, read)| !read).map(|(name, _)| format!("\n  + 0 {name}")).collect()
}

/// A binary variable with other bounds is an integer one.
fn is(column: &super::scalars::Column, kind: Kind) -> bool {
    let binary = column.kind == Kind::Binary && (column.lower, column.upper) == (0.0, 1.0);
    match kind {
        Kind::Binary => binary,
        Kind::Integer => column.kind != Kind::Real && !binary,
        Kind::Real => column.kind == Kind::Real,
    }
}

fn bounds(problem: &Quadratics, columns: &[String], out: &mut String) {
    *out += "bounds\n";
    for (column, name) in problem.columns.iter().zip(columns).filter(|(c, _)| !is(c, Kind::Binary)) {
        let (lower, upper) = (decimal(column.lower), decimal(column.upper));
        let _ = match (column.lower, column.upper) {
            (f64::NEG_INFINITY, f64::INFINITY) => writeln!(out, " {name} free"),
            (0.0, f64::INFINITY) => Ok(()),
            (l, u) if l == u => writeln!(out, " {name} = {lower}"),
            (_, f64::INFINITY) => writeln!(out, " {name} >= {lower}"),
            _ => writeln!(out, " {lower} <= {name} <= {upper}"),
        };
    }
}

/// The function as a sum; quadratic parts of objectives stand halved in brackets.
fn text(function: &Quadratic, columns: &[String], objective: bool) -> String {
    let mut out = String::new();
    let mut width = 0;
    let mut add = |out: &mut String, piece: String| {
        if width + piece.len() > WIDTH {
            *out += "\n  ";
            width = 0;
        }
        width += piece.len() + 1;
        if !out.is_empty() {
            out.push(' ');
        }
        *out += &piece;
    };
    for &(k, c) in &function.linear {
        add(&mut out, format!("{} {}", signed(c), columns[k as usize]));
    }
    if !function.products.is_empty() {
        add(&mut out, "+ [".to_string());
        for &(i, j, c) in &function.products {
            let factor = signed(if objective { 2.0 * c } else { c });
            let (a, b) = (&columns[i as usize], &columns[j as usize]);
            let product = if i == j { format!("{factor} {a} ^ 2") } else { format!("{factor} {a} * {b}") };
            add(&mut out, product);
        }
        add(&mut out, if objective { "] / 2" } else { "]" }.to_string());
    }
    // Rows without a variable still need an expression.
    if objective && function.constant != 0.0 {
        add(&mut out, signed(function.constant));
    } else if let (true, Some(first)) = (out.is_empty() && !objective, columns.first()) {
        add(&mut out, format!("0 {first}"));
    }
    out
}

fn signed(value: f64) -> String {
    match decimal(value).strip_prefix('-') {
        Some(size) => format!("- {size}"),
        None => format!("+ {}", decimal(value)),
    }
}

/// Names that no word of the format or number is mistaken for; subscripts stand in parentheses.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    const WORDS: &[&str] = &[
        "minimize", "minimum", "min", "maximize", "maximum", "max", "subject", "such", "st", "s.t.", "st.", "bounds",
        "bound", "generals", "general", "gen", "integers", "integer", "int", "binaries", "binary", "bin", "semi",
        "semis", "sos", "sos1", "sos2", "end", "free", "inf", "infinity",
    ];
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!\"#$%&(),;?@_'`{}~.".contains(c);
    let exponent = |name: &str| {
        let rest = name.strip_prefix(['e', 'E']).unwrap_or("x");
        rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit() || c == '(')
    };
    let sound = |name: &str| {
        name.starts_with(|c: char| !c.is_ascii_digit() && c != '.')
            && !exponent(name)
            && !WORDS.contains(&name.to_ascii_lowercase().as_str())
    };
    legal(names.map(|name| name.replace('[', "(").replace(']', ")")), allowed, sound)
}
