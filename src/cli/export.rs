//! `merit export`: the problem for other systems.

use super::WRONG_USAGE;
use super::arguments::Export;
use super::common::{change, prepared, print, tell};
use crate::host::Disk;
use crate::interop::export::{Files, Format};
use std::path::Path;
use std::rc::Rc;

pub fn run(arguments: Export) -> i32 {
    exported(arguments).unwrap_or_else(|code| code)
}

fn exported(arguments: Export) -> Result<i32, i32> {
    let Some(format) = format(&arguments) else {
        eprintln!(
            "which format? write --nl, --mps, --fixed-mps, --lp or --json, or an output file with such an ending"
        );
        return Err(WRONG_USAGE);
    };
    let mut prepared = prepared(Rc::new(Disk::new()), &arguments.file, arguments.inputs)?;
    change(&mut prepared, &arguments.changes)?;
    let files = prepared.export(format).map_err(|errors| tell(&errors))?;
    match &arguments.output {
        None => print(&files[0].1),
        Some(path) => written(path, &files)?,
    }
    Ok(0)
}

/// The first file under the given path, the others beside it with their own endings.
fn written(path: &str, files: &Files) -> Result<(), i32> {
    for (k, (ending, text)) in files.iter().enumerate() {
        let path = if k == 0 { Path::new(path).to_path_buf() } else { Path::new(path).with_extension(ending) };
        if let Err(reason) = std::fs::write(&path, text) {
            eprintln!("cannot write `{}`: {reason}", path.display());
            return Err(WRONG_USAGE);
        }
    }
    Ok(())
}

fn format(arguments: &Export) -> Option<Format> {
    let asked = [
        (arguments.nl, Format::Nl),
        (arguments.mps, Format::Mps),
        (arguments.fixed_mps, Format::FixedMps),
        (arguments.lp, Format::Lp),
        (arguments.json, Format::Json),
    ];
    if let Some((_, format)) = asked.into_iter().find(|(asked, _)| *asked) {
        return Some(format);
    }
    match Path::new(arguments.output.as_ref()?).extension()?.to_str()? {
        "nl" => Some(Format::Nl),
        "mps" => Some(Format::Mps),
        "lp" => Some(Format::Lp),
        "json" => Some(Format::Json),
        _ => None,
    }
}
