//! Numbers and arrays as text: compact, aligned, and never longer than a screen.

use crate::problem::index::Axes;

/// Lines of an array that are shown at its head and at its tail when it is long.
const HEAD: usize = 8;
const TAIL: usize = 3;

/// Widest line of an array that is not broken into rows.
const WIDTH: usize = 100;

/// Seven significant digits without trailing zeros; powers of ten outside `1e-4 .. 1e9`.
pub fn number(value: f64) -> String {
    significant(value, 7)
}

/// A short form for residuals and tolerances: `1.2e-13`, `1e-6`, `0`.
pub fn residual(value: f64) -> String {
    if value == 0.0 || !value.is_finite() { number(value) } else { trimmed_exponent(&format!("{value:.1e}")) }
}

/// `digits` significant digits.
pub fn significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "nan".to_string();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_string();
    }
    if value == 0.0 {
        return "0".to_string();
    }
    let exponential = format!("{value:.*e}", digits - 1);
    let exponent: i32 = exponential.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if !(-4..9).contains(&exponent) {
        return trimmed_exponent(&exponential);
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    trimmed(&format!("{value:.decimals$}")).to_string()
}

fn trimmed_exponent(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trimmed(mantissa)),
        None => text.to_string(),
    }
}

/// Without zeros at the end of the decimals.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// An array in as few lines as it needs: one number, one bracketed line, a column with its keys, or a matrix with
/// headings. Long ones show head and tail and how many elements there are.
pub fn array(axes: &Axes, values: &[f64]) -> Vec<String> {
    if axes.is_scalar() {
        return values.iter().map(|&v| number(v)).collect();
    }
    if values.is_empty() {
        return vec!["(empty)".to_string()];
    }
    if axes.sets.len() == 1 && axes.filter.is_none() && axes.sets[0].as_range() == Some((1.0, 1.0)) {
        return vector(values);
    }
    if axes.sets.len() == 2 && axes.filter.is_none() && axes.sets[1].len() > 1 {
        let rows = matrix(axes, values);
        if rows.iter().all(|row| row.chars().count() <= WIDTH) {
            return rows;
        }
    }
    keyed(axes, values)
}

/// A vector over `1..n`.
fn vector(values: &[f64]) -> Vec<String> {
    let join = |part: &[f64]| part.iter().map(|&v| number(v)).collect::<Vec<_>>().join(", ");
    let whole = if values.len() <= 50 { format!("[{}]", join(values)) } else { String::new() };
    if !whole.is_empty() && whole.len() <= WIDTH {
        return vec![whole];
    }
    let (head, tail) = (values.len().min(HEAD - 2), TAIL - 1);
    if values.len() <= head + tail {
        return vec![whole];
    }
    let (first, last) = (join(&values[..head]), join(&values[values.len() - tail..]));
    vec![format!("[{first}, ..., {last}]  ({} values)", values.len())]
}

/// Rows and columns with their keys.
fn matrix(axes: &Axes, values: &[f64]) -> Vec<String> {
    let (rows, columns) = (&axes.sets[0], &axes.sets[1]);
    let width = columns.len();
    let mut table = vec![std::iter::once(String::new()).chain(columns.iter().map(|e| e.to_string())).collect()];
    for r in shown(rows.len()) {
        table.push(match r {
            Some(r) => {
                let cells = values[r * width..(r + 1) * width].iter().map(|&v| number(v));
                std::iter::once(rows.get(r).to_string()).chain(cells).collect()
            }
            None => vec![format!("... ({} rows)", rows.len())],
        });
    }
    aligned(&table)
}

/// One line for each element: key and value.
fn keyed(axes: &Axes, values: &[f64]) -> Vec<String> {
    let mut table = vec![];
    for position in shown(values.len()) {
        table.push(match position {
            Some(k) => vec![axes.label(k), number(values[k])],
            None => vec![format!("... ({} values)", values.len())],
        });
    }
    aligned(&table)
}

/// Positions to show of `length`; `None` stands for those left out.
fn shown(length: usize) -> Vec<Option<usize>> {
    // Leaving out a single line would not make it shorter.
    if length <= HEAD + TAIL + 1 {
        return (0..length).map(Some).collect();
    }
    (0..HEAD).map(Some).chain([None]).chain((length - TAIL..length).map(Some)).collect()
}

/// Cells under each other: the first column flush left, the others flush right. A row of one cell does not widen the
/// columns.
pub fn aligned(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |c: usize| {
        let cells = table.iter().filter(|row| row.len() > 1).filter_map(|row| row.get(c));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let line = |row: &Vec<String>| {
        let mut out = String::new();
        for (c, cell) in row.iter().enumerate() {
            let width = widths[c];
            out += &if c == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        out.trim_end().to_string()
    };
    table.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::index::{Element, Set};

    fn names(names: &[&str]) -> Set {
        Set::list(names.iter().map(|n| Element::Text((*n).into())).collect())
    }

    #[test]
    fn numbers_are_short() {
        let cases: &[(f64, &str)] = &[
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (17.014017289, "17.01402"),
            (-2.5, "-2.5"),
            (123456789.0, "123456789"),
            (1234567890.0, "1.234568e9"),
            (0.00012345678, "0.0001234568"),
            (1e-5, "1e-5"),
            (9.99999999, "10"),
            (1.5e-300, "1.5e-300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (value, text) in cases {
            assert_eq!(number(*value), *text);
        }
        assert_eq!([residual(1.23e-13), residual(1e-6), residual(0.0)], ["1.2e-13", "1e-6", "0"]);
    }

    #[test]
    fn arrays_fit_a_screen() {
        let range = |n| Axes::product(vec![Set::range(1.0, 1.0, n)]);
        assert_eq!(array(&Axes::scalar(), &[2.5]), ["2.5"]);
        assert_eq!(array(&range(4), &[1.0, 4.743, 3.0, 1.5]), ["[1, 4.743, 3, 1.5]"]);
        assert_eq!(array(&range(0), &[]), ["(empty)"]);
        let long: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(array(&range(1000), &long), ["[0, 1, 2, 3, 4, 5, ..., 998, 999]  (1000 values)"]);
        let keyed = Axes::product(vec![names(&["seattle", "rome"])]);
        assert_eq!(array(&keyed, &[350.0, 1.25]), ["[seattle]   350", "[rome]     1.25"]);
        let matrix = Axes::product(vec![names(&["a", "bb"]), names(&["x", "yy", "z"])]);
        assert_eq!(
            array(&matrix, &[50.0, 300.0, 0.0, 275.0, 0.0, 275.25]),
            ["      x   yy       z", "a    50  300       0", "bb  275    0  275.25"]
        );
        let tall = Axes::product(vec![Set::range(0.0, 1.0, 100)]);
        let lines = array(&tall, &long[..100]);
        assert_eq!(lines.len(), HEAD + 1 + TAIL);
        assert_eq!(
            (&*lines[0], &*lines[HEAD], &*lines[HEAD + TAIL]),
            ["[0]    0", "... (100 values)", "[99]  99"].into()
        );
    }
}
