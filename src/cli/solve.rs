//! `merit solve`: check, plan, solve, certify, print.

use super::arguments::Solve;
use super::common::{change, options, prepared, print, tell, tell_all};
use super::log::{Log, trace};
use super::terminal::{LiveLine, catch_interrupts, colour};
use super::{WRONG_USAGE, tell_bug};
use crate::answer::{json, text};
use crate::host::Disk;
use std::ops::ControlFlow;
use std::rc::Rc;

pub fn run(arguments: Solve) -> i32 {
    solved(arguments).unwrap_or_else(|code| code)
}

fn solved(arguments: Solve) -> Result<i32, i32> {
    let host = Rc::new(Disk::new());
    catch_interrupts(host.interrupt_counter());
    let mut prepared = prepared(host, &arguments.file, arguments.inputs)?;
    change(&mut prepared, &arguments.changes)?;
    if let Some(path) = &arguments.start {
        let started = prepared.start_from_file(path).map_err(|errors| tell(&errors))?;
        if started.found < started.of {
            eprintln!("start: {} of {} variables have a value in `{path}`", started.found, started.of);
        }
    }
    let options = options(arguments.how, arguments.trace.is_some(), arguments.iis);
    let plan = prepared.plan(&options).map_err(|errors| tell(&errors))?;

    tell_all(&prepared.doubts_of_journal(&options), &prepared.sources);
    let mut live = LiveLine::new(!arguments.quiet && !arguments.log);
    let mut log = Log::default();
    let answer = prepared.solve(&plan, &options, |line| {
        if arguments.log {
            eprintln!("{}", log.line(line));
        }
        live.update(line);
        ControlFlow::Continue(())
    });
    live.clear();
    let answer = answer.map_err(|bug| tell_bug(&bug))?;

    if let Some(path) = &arguments.trace
        && let Err(reason) = std::fs::write(path, trace(&answer.log))
    {
        eprintln!("cannot write `{path}`: {reason}");
        return Err(WRONG_USAGE);
    }
    if arguments.json {
        print(&json::render(&answer, &prepared.sources));
    } else if arguments.quiet {
        print(&text::status_line(&answer, false));
    } else {
        print(&text::render(&answer, &prepared.sources, colour(&std::io::stdout())));
    }
    Ok(answer.exit_code())
}
