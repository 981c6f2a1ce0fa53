//! The command line: a shell of a few lines per command over `session`.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 solved, locally solved or best found
//! and every `ensure` holds; 1 the model or its data are wrong; 2 wrong usage; 3 ended otherwise, or a bug of ours;
//! 4 an `ensure` does not hold.

mod ampl;
mod arguments;
mod check;
mod common;
mod compare;
mod diff;
mod export;
mod import;
mod log;
mod plan;
mod repl;
mod show;
mod solve;
mod terminal;

use crate::session::errors::{Bug, guarded};
use arguments::{Arguments, Command};
use clap::Parser;
use std::cell::RefCell;

/// The model or its data are wrong.
const WRONG_MODEL: i32 = 1;
/// Wrong usage.
const WRONG_USAGE: i32 = 2;
/// Ended without an answer that holds.
const NO_ANSWER: i32 = 3;

/// Runs a command line, its first word being the name of the program; returns the exit code.
pub fn run(words: Vec<String>) -> i32 {
    keep_place_of_panics();
    match guarded(|| ampl::run(&words)) {
        Ok(None) => {}
        Ok(Some(code)) => return code,
        Err(bug) => return tell_bug(&bug),
    }
    let arguments = match Arguments::try_parse_from(arguments::with_command(words)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A pipe that was closed is no reason to fail in another way.
            let _ = error.print();
            return error.exit_code();
        }
    };
    let outcome = guarded(|| match arguments.command {
        Command::Solve(arguments) => solve::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Plan(arguments) => plan::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Compare(arguments) => compare::run(arguments),
        Command::Repl(arguments) => repl::run(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Import(arguments) => import::run(arguments),
    });
    outcome.unwrap_or_else(|bug| tell_bug(&bug))
}

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic says nothing by itself: [`tell_bug`] does, with the place that is kept here.
fn keep_place_of_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line()));
        PLACE.with(|slot| *slot.borrow_mut() = place);
    }));
}

fn tell_bug(bug: &Bug) -> i32 {
    let place = PLACE.with(|slot| slot.borrow_mut().take());
    eprintln!("{bug}");
    if let Some(place) = place {
        eprintln!("  at {place} (version {})", env!("CARGO_PKG_VERSION"));
    }
    eprintln!("Please report it with the model that shows it.");
    NO_ANSWER
}
