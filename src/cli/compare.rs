//! `merit compare`: the same model by several methods.

use super::arguments::Compare;
use super::common::{change, prepared, print, tell};
use super::terminal::{Note, catch_interrupts};
use super::{NO_ANSWER, WRONG_USAGE};
use crate::host::Disk;
use crate::session::Options;
use crate::session::compare::{Request, compare};
use crate::solve::options::Value;
use std::ops::ControlFlow;
use std::rc::Rc;

/// 0 if at least one run has a certificate that holds.
pub fn run(arguments: Compare) -> i32 {
    compared(arguments).unwrap_or_else(|code| code)
}

fn compared(arguments: Compare) -> Result<i32, i32> {
    let host = Rc::new(Disk::new());
    catch_interrupts(host.interrupt_counter());
    let mut prepared = prepared(host, &arguments.file, arguments.inputs)?;
    change(&mut prepared, &arguments.changes)?;
    let options = Options {
        options: arguments.options.into_iter().map(|(name, text)| (name, Value::of_text(&text))).collect(),
        starts: Some(arguments.starts as usize),
        time_limit: arguments.time_limit,
        tolerance: arguments.tol,
        ..Options::default()
    };
    let request = Request { methods: arguments.methods, seeds: arguments.seeds.0, options };
    let mut note = Note::new();
    let comparison = compare(&mut prepared, &request, |method, seed| {
        note.show(&format!("{method}, seed {seed}"));
        ControlFlow::Continue(())
    });
    note.clear();
    let comparison = comparison.map_err(|errors| tell(&errors))?;
    if let Some(path) = &arguments.plot
        && let Err(reason) = std::fs::write(path, comparison.svg(&arguments.file))
    {
        eprintln!("cannot write `{path}`: {reason}");
        return Err(WRONG_USAGE);
    }
    print(&if arguments.json { comparison.json() } else { comparison.text() });
    Ok(if comparison.runs.iter().any(|run| run.holds) { 0 } else { NO_ANSWER })
}
