//! The log of a solve: lines for `--log` with the columns that readers of interior point logs know, and csv for `--trace`.

use crate::answer::LogLine;

struct Column {
    name: &'static str,
    width: usize,
    /// What stands in a line; `None` where the method has no such thing.
    cell: fn(&LogLine) -> Option<String>,
}

const COLUMNS: &[Column] = &[
    Column { name: "iter", width: 5, cell: |line| Some(line.iteration.to_string()) },
    Column { name: "objective", width: 15, cell: |line| Some(objective(line)) },
    Column { name: "inf_pr", width: 8, cell: |line| known(line.primal, |v| scientific(v, 2)) },
    Column { name: "inf_du", width: 8, cell: |line| known(line.dual, |v| scientific(v, 2)) },
    Column { name: "lg(mu)", width: 6, cell: |line| known(line.barrier, logarithm) },
    Column { name: "||d||", width: 8, cell: |line| known(line.step, |v| scientific(v, 2)) },
    Column { name: "lg(rg)", width: 6, cell: |line| known(line.regularisation, logarithm) },
    Column { name: "alpha_du", width: 8, cell: |line| known(line.alpha_dual, |v| scientific(v, 2)) },
    Column { name: "alpha_pr", width: 8, cell: |line| known(line.alpha_primal, |v| scientific(v, 2)) },
    // Without step fractions a method counts something else: products with a matrix, points of a population.
    Column { name: "ls", width: 3, cell: |line| known(line.alpha_primal, |_| line.trials.to_string()) },
    Column { name: "trials", width: 6, cell: |line| line.alpha_primal.is_nan().then(|| line.trials.to_string()) },
];

/// The header comes again after so many lines.
const LINES_PER_HEADER: usize = 20;

/// Writes lines under a header with the columns that the method has.
#[derive(Default)]
pub struct Log {
    shown: Vec<bool>,
    lines: usize,
}

impl Log {
    /// The text of a line, after a header where one is due: at first, every 20 lines, and where the columns change.
    pub fn line(&mut self, line: &LogLine) -> String {
        let cells: Vec<Option<String>> = COLUMNS.iter().map(|column| (column.cell)(line)).collect();
        let has: Vec<bool> = cells.iter().map(Option::is_some).collect();
        let mut text = String::new();
        if self.shown != has || self.lines == LINES_PER_HEADER {
            let shown = COLUMNS.iter().zip(&has).filter(|(_, has)| **has);
            text = row(shown.map(|(column, _)| (column, column.name)), ' ') + "\n";
            (self.shown, self.lines) = (has, 0);
        }
        self.lines += 1;
        let shown = COLUMNS.iter().zip(&cells).filter_map(|(column, cell)| Some((column, cell.as_deref()?)));
        text + &row(shown, if line.restoration { 'r' } else { ' ' })
    }
}

/// Cells aligned to the right, with a mark after the first.
fn row<'a>(cells: impl Iterator<Item = (&'a Column, &'a str)>, mark: char) -> String {
    let cells: Vec<String> = cells.map(|(column, text)| format!("{text:>width$}", width = column.width)).collect();
    let (first, rest) = cells.split_first().expect("each line has an iteration");
    format!("{first}{mark}{}", rest.join(" "))
}

fn known(value: f64, text: impl Fn(f64) -> String) -> Option<String> {
    (!value.is_nan()).then(|| text(value))
}

fn objective(line: &LogLine) -> String {
    known(line.objective, |v| scientific(v, 7)).unwrap_or_else(|| "-".to_string())
}

/// The decimal logarithm; `-` for nothing.
fn logarithm(value: f64) -> String {
    if value > 0.0 { format!("{:.1}", value.log10()) } else { "-".to_string() }
}

/// `1.25e-03`: with a sign and at least two digits of the exponent, so that columns stay straight.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

/// The log as csv, for `--trace`.
pub fn trace(lines: &[LogLine]) -> String {
    let mut out = String::from(
        "iteration,restoration,objective,primal,dual,barrier,step,regularisation,alpha_dual,alpha_primal,trials,evaluations,seconds\n",
    );
    for line in lines {
        out += &format!(
            "{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
            line.iteration,
            line.restoration,
            line.objective,
            line.primal,
            line.dual,
            line.barrier,
            line.step,
            line.regularisation,
            line.alpha_dual,
            line.alpha_primal,
            line.trials,
            line.evaluations,
            line.seconds
        );
    }
    out
}
