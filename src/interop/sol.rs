//! AMPL's `.sol` files: a message, duals, values, how the solve ended, and suffixes.
//!
//! Duals are `d(objective)/d(right side)` for the objective as stated, which is also our own sign.

use super::nl::header::Header;
use crate::answer::certificate::Certificate;
use crate::answer::status::Status;
use crate::answer::{Answer, Stop};

/// An answer in the order of the file that stated the problem.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solution {
    /// Lines that the modelling system shows.
    pub message: String,
    pub duals: Option<Vec<f64>>,
    pub values: Option<Vec<f64>>,
    /// From 0; -1 if none was asked for.
    pub objective: i64,
    pub code: u32,
    pub suffixes: Vec<SuffixValues>,
}

/// Values of a suffix of variables. Zeros are not written.
#[derive(Clone, Debug, PartialEq)]
pub struct SuffixValues {
    pub name: &'static str,
    pub values: Vec<f64>,
}

/// A way to end, its code in the file, and what the code says.
pub struct SolveCode {
    pub code: u32,
    pub when: &'static str,
}

const fn row(code: u32, when: &'static str) -> SolveCode {
    SolveCode { code, when }
}

pub const SOLVED: SolveCode = row(0, "solved: the certificate holds and global optimality is proved");
pub const LOCALLY_SOLVED: SolveCode = row(1, "locally solved: the certificate holds");
pub const NOT_CERTIFIED: SolveCode = row(100, "stopped at a feasible point whose certificate does not hold");
pub const BEST_FOUND: SolveCode = row(101, "best found: a feasible point, no optimality is claimed");
pub const INFEASIBLE: SolveCode = row(200, "infeasible: it is proved that no point is feasible");
pub const LOCALLY_INFEASIBLE: SolveCode = row(201, "locally infeasible: no feasible point is near");
pub const UNBOUNDED: SolveCode = row(300, "unbounded: the objective improves without end");
pub const ITERATIONS: SolveCode = row(400, "the limit on iterations was reached");
pub const TIME: SolveCode = row(401, "the time limit was reached");
pub const INTERRUPTED: SolveCode = row(402, "interrupted");
pub const FAILED: SolveCode = row(500, "failed");
pub const NOT_FINITE: SolveCode = row(501, "failed: a function could not be evaluated");
pub const UNSUPPORTED: SolveCode = row(502, "the problem has a part that no method of this build supports");

/// All codes, for `-?` and the tests.
pub const SOLVE_CODES: &[SolveCode] = &[
    SOLVED,
    LOCALLY_SOLVED,
    NOT_CERTIFIED,
    BEST_FOUND,
    INFEASIBLE,
    LOCALLY_INFEASIBLE,
    UNBOUNDED,
    ITERATIONS,
    TIME,
    INTERRUPTED,
    FAILED,
    NOT_FINITE,
    UNSUPPORTED,
];

/// The code of an answer.
pub fn code(answer: &Answer) -> u32 {
    let row = match (answer.status, &answer.stop) {
        (Status::Solved, _) => SOLVED,
        (Status::LocallySolved, _) => LOCALLY_SOLVED,
        (Status::BestFound, _) => BEST_FOUND,
        (Status::Infeasible, _) => INFEASIBLE,
        (Status::LocallyInfeasible, _) => LOCALLY_INFEASIBLE,
        (Status::Unbounded, _) => UNBOUNDED,
        (Status::Limit, Stop::IterationLimit) => ITERATIONS,
        (Status::Limit, _) => TIME,
        (Status::Interrupted, _) => INTERRUPTED,
        (Status::Failed, Stop::NotFinite(_)) => NOT_FINITE,
        (Status::Failed, Stop::Converged | Stop::Finished | Stop::NoProgress(_))
            if is_feasible(answer.certificate()) =>
        {
            NOT_CERTIFIED
        }
        (Status::Failed, _) => FAILED,
    };
    row.code
}

/// The point keeps its rows and bounds, whatever else is wrong with it.
fn is_feasible(certificate: &Certificate) -> bool {
    let mut primal = certificate.residuals.iter().filter(|residual| residual.name == "primal").peekable();
    primal.peek().is_some() && primal.all(|residual| residual.value <= residual.tolerance)
}

/// The file. What is not finite is not given: such duals or values are left out as a whole.
pub fn text(solution: &Solution, header: &Header) -> String {
    let mut out = String::new();
    // Blank lines end the message.
    for line in solution.message.lines().filter(|line| !line.trim().is_empty()) {
        push(&mut out, line.trim_end());
    }
    out.push('\n');
    push(&mut out, "Options");
    let tolerance = if header.vbtol.is_some() { 2 } else { 0 };
    push(&mut out, header.options.len() + tolerance);
    header.options.iter().for_each(|option| push(&mut out, option));
    let finite = |values: &Option<Vec<f64>>, count: usize| {
        let given = values.as_ref().filter(|v| v.len() == count && v.iter().all(|v| v.is_finite()));
        given.cloned().unwrap_or_default()
    };
    let rows = header.rows + header.logical_rows;
    let duals = finite(&solution.duals, rows);
    let values = finite(&solution.values, header.variables);
    for count in [rows, duals.len(), header.variables, values.len()] {
        push(&mut out, count);
    }
    header.vbtol.iter().for_each(|tolerance| push(&mut out, number(*tolerance)));
    duals.iter().chain(&values).for_each(|value| push(&mut out, number(*value)));
    push(&mut out, format!("objno {} {}", solution.objective, solution.code));
    for suffix in &solution.suffixes {
        let given: Vec<(usize, f64)> =
            suffix.values.iter().copied().enumerate().filter(|(_, v)| *v != 0.0 && v.is_finite()).collect();
        if given.is_empty() {
            continue;
        }
        push(&mut out, format!("suffix {REAL_OF_VARIABLES} {} {} 0 0", given.len(), suffix.name.len() + 1));
        push(&mut out, suffix.name);
        given.iter().for_each(|(k, value)| push(&mut out, format!("{k} {}", number(*value))));
    }
    out
}

/// The kind of a suffix of real values of variables.
const REAL_OF_VARIABLES: u32 = 4;

fn push(out: &mut String, line: impl std::fmt::Display) {
    out.push_str(&format!("{line}\n"));
}

/// As short as reads back to the same number.
fn number(value: f64) -> String {
    let (plain, short) = (format!("{value}"), format!("{value:e}"));
    if plain.len() <= short.len() { plain } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header { options: vec![1, 1, 0], variables: 3, rows: 2, ..Header::default() }
    }

    #[test]
    fn a_file_is_as_its_readers_expect() {
        let solution = Solution {
            message: "Merit: solved\n\n  certificate: holds\n".into(),
            duals: Some(vec![0.5, 1e-20]),
            values: Some(vec![1.0, -2.5, 0.1]),
            objective: 0,
            code: 1,
            suffixes: vec![
                SuffixValues { name: "rc", values: vec![0.0, 1.25, 0.0] },
                SuffixValues { name: "ipopt_zL_out", values: vec![0.0; 3] },
            ],
        };
        let expected = "Merit: solved\n  certificate: holds\n\nOptions\n3\n1\n1\n0\n2\n2\n3\n3\n0.5\n1e-20\n1\n-2.5\n0.1\n\
                        objno 0 1\nsuffix 4 1 3 0 0\nrc\n1 1.25\n";
        assert_eq!(text(&solution, &header()), expected);
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let solution = Solution { values: Some(vec![1.0, f64::NAN, 0.0]), code: 500, ..Solution::default() };
        assert_eq!(text(&solution, &header()), "\nOptions\n3\n1\n1\n0\n2\n0\n3\n0\nobjno 0 500\n");
    }

    #[test]
    fn a_tolerance_is_given_back() {
        let header = Header { options: vec![1, 1, 3], vbtol: Some(1e-9), ..header() };
        let solution = Solution { code: 502, objective: -1, ..Solution::default() };
        assert_eq!(text(&solution, &header), "\nOptions\n5\n1\n1\n3\n2\n0\n3\n0\n1e-9\nobjno -1 502\n");
    }

    #[test]
    fn codes_ascend_and_stay_where_readers_know_them() {
        assert!(SOLVE_CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(SOLVE_CODES.iter().all(|row| row.code < 600));
    }
}
