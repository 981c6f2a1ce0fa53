//! `:set [OPTION [VALUE]]`

use super::doc::{options, tables};
use super::{Line, wrong};
use crate::diag::Diagnostic;
use crate::diag::near::nearest;
use crate::plan::request::{ASKING, COMMON};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::reply::Reply;
use crate::session::Options;
use crate::solve::METHODS;
use crate::solve::options::{OptionRow, Value, check};

/// An option of every solve, whatever the method.
struct General {
    name: &'static str,
    doc: &'static str,
    /// Takes a value, or tells what is needed.
    set: fn(&mut Options, &str) -> Result<(), &'static str>,
    reset: fn(&mut Options, &Options),
    shown: fn(&Options) -> Option<String>,
}

#[rustfmt::skip]
const GENERAL: &[General] = &[
    General { name: "method", doc: "instead of the planner's choice",
        set: |o, text| { METHODS.iter().find(|m| m.name == text).ok_or("the name of a method")?; o.method = Some(text.to_string()); Ok(()) },
        reset: |o, usual| o.method = usual.method.clone(), shown: |o| o.method.clone() },
    General { name: "seed", doc: "of methods that draw random numbers",
        set: |o, text| { o.seed = text.parse().map_err(|_| "a whole number")?; Ok(()) },
        reset: |o, usual| o.seed = usual.seed, shown: |o| (o.seed != 0).then(|| o.seed.to_string()) },
    General { name: "starts", doc: "how many starting points to try",
        set: |o, text| { o.starts = Some(counted(text)?); Ok(()) },
        reset: |o, usual| o.starts = usual.starts, shown: |o| o.starts.map(|n| n.to_string()) },
    General { name: "threads", doc: "of evaluations; answers do not depend on it",
        set: |o, text| { o.threads = Some(counted(text)?); Ok(()) },
        reset: |o, usual| o.threads = usual.threads, shown: |o| o.threads.map(|n| n.to_string()) },
    General { name: "time_limit", doc: "of a solve, in seconds",
        set: |o, text| { o.time_limit = Some(positive(text)?); Ok(()) },
        reset: |o, usual| o.time_limit = usual.time_limit, shown: |o| o.time_limit.map(|s| s.to_string()) },
    General { name: "tolerance", doc: "of the certificate",
        set: |o, text| { o.tolerance = positive(text)?; Ok(()) },
        reset: |o, usual| o.tolerance = usual.tolerance, shown: |o| (o.tolerance != 1e-6).then(|| o.tolerance.to_string()) },
    General { name: "iis", doc: "of an infeasible problem, find rows of which none can be left out",
        set: |o, text| { o.infeasible_subset = text.parse().map_err(|_| "`true` or `false`")?; Ok(()) },
        reset: |o, usual| o.infeasible_subset = usual.infeasible_subset, shown: |o| o.infeasible_subset.then(|| "true".to_string()) },
    General { name: "journal", doc: "the file that answers of oracles are written to",
        set: |o, text| { o.journal = Some(text.to_string()); Ok(()) },
        reset: |o, usual| o.journal = usual.journal.clone(), shown: |o| o.journal.clone() },
];

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    let (name, value) = split(&line.rest);
    if name.is_empty() {
        return listed(conversation);
    }
    let usual = Options::default();
    let general = GENERAL.iter().find(|general| general.name == name);
    let known = general.is_some() || options().any(|row| row.name == name);
    if !known {
        let message = format!("no method has an option `{name}`");
        let near = nearest(name, names());
        let said = Diagnostic::error("unknown-option", line.rest_at, message);
        return wrong(
            conversation,
            match near.first() {
                Some(near) => said.help(format!("did you mean `{near}`?")),
                None => said
                    .help(format!("of every solve: {}", GENERAL.iter().map(|g| g.name).collect::<Vec<_>>().join(", "))),
            },
        );
    }
    let options = &mut conversation.options;
    let needed = match (general, value.is_empty()) {
        (Some(general), true) => {
            (general.reset)(options, &usual);
            None
        }
        (Some(general), false) => (general.set)(options, value).err().map(str::to_string),
        (None, true) => {
            options.options.retain(|(set, _)| set != name);
            None
        }
        (None, false) => {
            let value = Value::of_text(value);
            // Each method has its own range: one that takes it is enough, the planner tells of the others.
            let rows = tables().map(|(_, rows)| rows).filter(|rows| rows.iter().any(|row| row.name == name));
            let refusals: Vec<_> = rows.map(|rows| check(rows, name, &value, line.rest_at)).collect();
            match refusals.iter().any(Result::is_ok) {
                true => {
                    options.options.retain(|(set, _)| set != name);
                    options.options.push((name.to_string(), value));
                    None
                }
                false => {
                    let first = refusals.into_iter().find_map(Result::err).expect("a method has the option");
                    let mut said = first.diagnostic("the method");
                    said.message = said.message.replace(" of `the method`", "");
                    return wrong(conversation, said);
                }
            }
        }
    };
    match needed {
        Some(needed) => {
            let message = format!("`{name}` needs {needed}");
            wrong(conversation, Diagnostic::error("bad-command", line.rest_at, message))
        }
        None if !value.is_empty() => serves(conversation, name),
        None => Reply::default(),
    }
}

/// That an option of asking does not serve the problem as it is, which asks nothing.
fn serves(conversation: &mut Conversation, name: &str) -> Reply {
    let has = |rows: &[OptionRow]| rows.iter().any(|row| row.name == name);
    let of_asking = has(ASKING) && !METHODS.iter().any(|method| has(method.options));
    match conversation.ready() {
        Ok(ready) if of_asking && ready.prepared.problem.oracles.is_empty() => Reply::said(format!(
            "`{name}` serves problems that ask an oracle; this one asks none, and is not solved with it: `:set {name}` alone takes it back"
        )),
        Ok(_) | Err(_) => Reply::default(),
    }
}

/// An option that was set for another method stays until it is taken back.
pub(in crate::repl) fn with_way_back(diagnostic: &mut Diagnostic) {
    if diagnostic.id != "unknown-option" {
        return;
    }
    let name = diagnostic.message.split('`').rev().nth(1).unwrap_or("").to_string();
    let known = diagnostic.advice().map_or(String::new(), |help| format!("{help}; "));
    diagnostic.help = Some(format!("{known}`:set {name}` alone takes it back"));
}

/// What an option of every solve is about.
pub fn general(name: &str) -> Option<&'static str> {
    GENERAL.iter().find(|general| general.name == name).map(|general| general.doc)
}

/// The names of all options.
pub fn names() -> impl Iterator<Item = &'static str> {
    GENERAL.iter().map(|general| general.name).chain(options().map(|row| row.name))
}

fn listed(conversation: &Conversation) -> Reply {
    let options = &conversation.options;
    let general = GENERAL.iter().filter_map(|g| Some((g.name.to_string(), (g.shown)(options)?, g.doc)));
    let own = options.options.iter().map(|(name, value)| (name.clone(), value.to_string(), said_of(name)));
    let lines: Vec<String> =
        general.chain(own).map(|(name, value, doc)| format!("{name} = {value}  ({doc})")).collect();
    match lines.is_empty() {
        true => Reply::said("nothing is set; `:doc METHOD` lists the options of a method"),
        false => Reply::said(lines.join("\n")),
    }
}

/// What is said of an option: whose it is, if several methods have one of this name, else what it does.
fn said_of(name: &str) -> &'static str {
    let shared = [COMMON, ASKING].into_iter().flatten().find(|row| row.name == name);
    shared.map_or("of the method", |row| row.doc)
}

/// `name value` or `name = value`
fn split(rest: &str) -> (&str, &str) {
    let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
    (&rest[..end], rest[end..].trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim())
}

fn counted(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|n| *n > 0).ok_or("a whole number above 0")
}

fn positive(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|v: &f64| *v > 0.0).ok_or("a positive number")
}
