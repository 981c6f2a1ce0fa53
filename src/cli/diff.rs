//! `merit diff`: the engine's derivatives against differences, worst first.

use super::NO_ANSWER;
use super::arguments::Diff;
use super::common::{prepared, print, tell};
use crate::answer::layout::{aligned, residual, significant};
use crate::host::Disk;
use crate::session::Options;
use crate::session::derivatives::{Compared, Kind, SUSPICIOUS};
use std::rc::Rc;

/// Lines of the table.
const SHOWN: usize = 10;

pub fn run(arguments: Diff) -> i32 {
    compared(arguments).unwrap_or_else(|code| code)
}

fn compared(arguments: Diff) -> Result<i32, i32> {
    let mut prepared = prepared(Rc::new(Disk::new()), &arguments.file, arguments.inputs)?;
    if let Some(path) = &arguments.start {
        prepared.start_from_file(path).map_err(|errors| tell(&errors))?;
    }
    // What no method of this build computes has no derivative to compare, either.
    if !prepared.problem.unsupported.is_empty() {
        prepared.plan(&Options::default()).map_err(|errors| tell(&errors))?;
    }
    let all = prepared.compare_derivatives();
    let mut table = vec![["", "engine", "reference", "error", "line"].map(str::to_string).to_vec()];
    for compared in all.iter().take(SHOWN) {
        let line = prepared.sources.line_column(compared.span.source, compared.span.start).0;
        table.push(vec![
            described(compared),
            significant(compared.engine, 12),
            significant(compared.reference, 12),
            residual(compared.error),
            line.to_string(),
        ]);
    }
    print(&(aligned(&table).join("\n") + "\n"));
    let wrong = all.iter().filter(|c| c.error.is_nan() || c.error > SUSPICIOUS).count();
    let verdict = match wrong {
        0 => "they agree".to_string(),
        _ => format!("{wrong} differ by more than {}", residual(SUSPICIOUS)),
    };
    print(&format!("{} values and derivatives compared: {verdict}\n", all.len()));
    Ok(if wrong == 0 { 0 } else { NO_ANSWER })
}

/// `d balance[2] / d x[1]`
fn described(compared: &Compared) -> String {
    let along = compared.along.as_deref().unwrap_or("(a group of variables)");
    match compared.kind {
        Kind::Value => compared.name.clone(),
        Kind::First => format!("d {} / d {along}", compared.name),
        Kind::Second => format!("d² L / d {} d {along}", compared.name),
    }
}
