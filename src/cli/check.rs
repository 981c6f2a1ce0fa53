//! `merit check`: all errors and doubts, nothing is solved.

use super::arguments::{Check, Inputs};
use super::common::{counted, model, print, tell_all};
use super::{WRONG_MODEL, WRONG_USAGE};
use crate::diag::{Diagnostic, Severity, Sources, json};
use crate::host::Disk;
use crate::session::flat;
use std::rc::Rc;

pub fn run(arguments: Check) -> i32 {
    let mut code = 0;
    let mut records = vec![];
    for file in &arguments.files {
        let inputs = Inputs {
            params: arguments.inputs.params.clone(),
            data: arguments.inputs.data.clone(),
            data_file: arguments.inputs.data_file.clone(),
        };
        let (mut found, sources) = checked(file, inputs);
        if arguments.quiet {
            found.retain(|d| d.severity == Severity::Error);
        }
        code = code.max(exit_code(&found));
        if arguments.json {
            records.extend(json::records(&found, &sources));
            continue;
        }
        tell_all(&found, &sources);
        if !arguments.quiet {
            print(&format!("{file}: {}\n", counted(&found)));
        }
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&records).expect("records are plain values");
        print(&(text + "\n"));
    }
    code
}

fn checked(file: &str, inputs: Inputs) -> (Vec<Diagnostic>, Sources) {
    let host = Rc::new(Disk::new());
    let checked = match flat::is_flat(file) {
        true => flat::prepared(host, file),
        false => model(host, file, inputs).and_then(|model| model.build()),
    };
    match checked {
        Ok(prepared) => {
            let mut found = prepared.warnings.clone();
            found.extend(prepared.doubts());
            (found, prepared.sources)
        }
        Err(errors) => (errors.diagnostics, errors.sources),
    }
}

fn exit_code(found: &[Diagnostic]) -> i32 {
    let mut errors = found.iter().filter(|d| d.severity == Severity::Error).peekable();
    match (errors.peek().is_some(), errors.all(|d| d.id == "unreadable-file")) {
        (false, _) => 0,
        (true, true) => WRONG_USAGE,
        (true, false) => WRONG_MODEL,
    }
}
