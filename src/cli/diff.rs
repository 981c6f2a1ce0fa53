//! `merit diff`: the engine's derivatives against differences, worst first.

use super::NO_ANSWER;
use super::arguments::Diff;
use super::common::{prepared, print, tell};
use crate::host::Disk;
use crate::session::Options;
use crate::session::derivatives::{text, wrong};
use std::rc::Rc;

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
    let refused = prepared.without_derivatives();
    if refused.is_none() || !all.is_empty() {
        print(&text(&all, &prepared.sources));
    }
    if let Some(refused) = refused {
        return Err(tell(&refused));
    }
    Ok(if wrong(&all) == 0 { 0 } else { NO_ANSWER })
}
