//! A problem in a format of other systems, or why the format cannot say it.

use super::lp_write;
use super::minors;
use super::mps_write::{self, Layout};
use super::nl_write::{self, Place};
use super::quadratics::Quadratics;
use super::scalars::Scalars;
use super::unroll::{Sharing, Unrolled, unroll};
use crate::diag::{Diagnostic, Span};
use crate::expr::eval;
use crate::expr::family::StageId;
use crate::problem::squares::span;
use crate::problem::values::depends_on_variables;
use crate::problem::{Domain, Problem, oracles};

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Nl,
    /// Free form.
    Mps,
    /// Names of at most eight characters, in columns.
    FixedMps,
    Lp,
    /// A JSON object, of which the session knows the spelling.
    Json,
}

/// Texts to be written, each with the ending of its file; the first is the problem itself.
pub type Files = Vec<(&'static str, String)>;

/// Writes a problem; `start` has a value for each scalar variable, `json` writes JSON. Everything that the format cannot say is told at once.
pub fn export(
    problem: &Problem,
    format: Format,
    start: &[f64],
    json: impl Fn(&Scalars) -> String,
) -> Result<Files, Vec<Diagnostic>> {
    let refused = unsayable(problem);
    if !refused.is_empty() {
        return Err(refused);
    }
    match format {
        Format::Nl => nl(&unroll(problem, start, Sharing::Named)),
        Format::Mps => flat(problem, start, "mps", |problem| mps_write::mps(problem, Layout::Free)),
        Format::FixedMps => flat(problem, start, "mps", |problem| mps_write::mps(problem, Layout::Fixed)),
        Format::Json => Ok(vec![("json", json(&unroll(problem, start, Sharing::Named).scalars))]),
        Format::Lp => flat(problem, start, "lp", lp_write::lp),
    }
}

/// What no flat format can say: constructs that are more than variables, objectives and rows.
fn unsayable(problem: &Problem) -> Vec<Diagnostic> {
    let constructs = problem.unsupported.iter().map(|u| {
        let message = format!("`{}` is more than variables, objectives and rows: it cannot be exported", u.construct);
        Diagnostic::error("cannot-export", u.span, message)
    });
    let oracles = oracles::asked(problem).into_iter().map(|call| {
        let message = "`oracle` is more than variables, objectives and rows: it cannot be exported";
        Diagnostic::error("cannot-export", problem.oracle_of(call).span, message)
    });
    let blocks = problem.blocks.iter().map(|block| {
        let word = block.kind.word();
        let message = format!("`{word}` is more than variables, objectives and rows: it cannot be exported");
        Diagnostic::error("cannot-export", block.span, message)
    });
    let domains = problem.variables.iter().filter_map(|v| {
        let domain = match v.domain? {
            Domain::Simplex | Domain::Ball => return None,
            Domain::SecondOrderCone => "a second-order cone",
            Domain::SemidefiniteCone => "the cone of semidefinite matrices",
            Domain::Permutation => "the set of permutations",
            Domain::Subset => "a set of subsets",
        };
        let message = format!("`{}` is in {domain}: it cannot be exported", v.name);
        Some(Diagnostic::error("cannot-export", v.span, message))
    });
    constructs.chain(oracles).chain(blocks).chain(domains).chain(matrices(problem)).collect()
}

/// Functions of matrices that are too large for formulas.
fn matrices(problem: &Problem) -> Vec<Diagnostic> {
    let rows = problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage);
    let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).chain(rows).collect();
    let needed = eval::needed(&problem.stages, &roots);
    let depends = depends_on_variables(problem);
    let stages = problem.stages.iter().zip(needed).zip(depends).filter(|((_, needed), depends)| *needed && *depends);
    let large = stages.filter_map(|((stage, _), _)| {
        let matrix = stage.matrix?;
        (!minors::has_formulas(matrix.function, matrix.n as usize)).then_some(matrix)
    });
    let told = large.map(|matrix| {
        let (name, n) = (matrix.function.name(), matrix.n);
        let message = format!("`{name}` of a matrix of {n} rows has no formula short enough: it cannot be exported");
        Diagnostic::error("cannot-export", span(matrix.origin), message)
    });
    told.collect()
}

fn nl(unrolled: &Unrolled) -> Result<Files, Vec<Diagnostic>> {
    let scalars = &unrolled.scalars;
    let refused = nl_write::absent(scalars).into_iter().map(|absent| {
        let (name, span) = match absent.place {
            Place::Objective(k) => (&scalars.objectives[k].name, scalars.objectives[k].span),
            Place::Row(k) => (&scalars.rows[k].name, scalars.rows[k].span),
            Place::Shared(k) => (&scalars.shared[k].name, scalars.shared[k].span),
        };
        refusal(name, absent.op.row().name, "a .nl file", unrolled.place(&[absent.node], span))
    });
    let refused = first_of_each(refused);
    if !refused.is_empty() {
        return Err(refused);
    }
    let files = nl_write::nl(scalars);
    Ok(vec![("nl", files.nl), ("row", files.row), ("col", files.col)])
}

/// A format of linear and quadratic problems with one objective.
fn flat(
    problem: &Problem,
    start: &[f64],
    ending: &'static str,
    write: impl Fn(&Quadratics) -> String,
) -> Result<Files, Vec<Diagnostic>> {
    let mut refused = vec![];
    if let Some(second) = problem.objectives.get(1) {
        let message = format!("an .{ending} file has one objective, and `{}` is the second", second.label);
        refused.push(Diagnostic::error("cannot-export", second.span, message));
    }
    refused.extend(problem.complementarities().map(|c| {
        let message = format!("an .{ending} file has no complementary pairs");
        let told = Diagnostic::error("cannot-export", problem.constraints[c.bounded].span, message);
        told.help("`--nl` and `--json` say `perp`")
    }));
    let unrolled = unroll(problem, start, Sharing::None);
    let scalars = &unrolled.scalars;
    match Quadratics::of(scalars) {
        Ok(quadratics) if refused.is_empty() => Ok(vec![(ending, write(&quadratics))]),
        Ok(_) => Err(refused),
        Err(curved) => {
            let told = curved.into_iter().map(|curved| {
                let (name, span) = match curved.place {
                    Ok(k) => (&scalars.objectives[k].name, scalars.objectives[k].span),
                    Err(k) => (&scalars.rows[k].name, scalars.rows[k].span),
                };
                let span = unrolled.place(&curved.nodes, span);
                let said = refusal(name, curved.op.row().name, &format!("an .{ending} file"), span);
                said.help("it says linear and quadratic functions only; `--nl` and `--json` say more")
            });
            Err(refused.into_iter().chain(first_of_each(told)).collect())
        }
    }
}

/// A function of a row that a format does not have.
fn refusal(name: &str, function: &str, format: &str, span: Span) -> Diagnostic {
    let function = match function {
        "*" | "square" => "a product of more than two variables".to_string(),
        "/" => "a division by variables".to_string(),
        _ => format!("`{function}`"),
    };
    let whose = if name.is_empty() { "a named expression".to_string() } else { format!("`{name}`") };
    let message = format!("{whose} has {function}, which {format} cannot say");
    Diagnostic::error("cannot-export", span, message)
}

/// Rows of one family are refused at the same place: once is enough.
fn first_of_each(refused: impl Iterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = std::collections::HashSet::new();
    refused.filter(|diagnostic| seen.insert(diagnostic.primary())).collect()
}
