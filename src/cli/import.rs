//! `merit import`: a problem of another system as a model in Merit's own language.

use super::WRONG_USAGE;
use super::arguments::Import;
use super::common::{print, tell, tell_all};
use crate::host::Disk;
use crate::session::flat;

pub fn run(arguments: Import) -> i32 {
    imported(arguments).unwrap_or_else(|code| code)
}

fn imported(arguments: Import) -> Result<i32, i32> {
    let flat::Written { text, warnings, sources } =
        flat::model(&Disk::new(), &arguments.file).map_err(|errors| tell(&errors))?;
    tell_all(&warnings, &sources);
    match &arguments.output {
        None => print(&text),
        Some(path) => {
            if let Err(reason) = std::fs::write(path, text) {
                eprintln!("cannot write `{path}`: {reason}");
                return Err(WRONG_USAGE);
            }
        }
    }
    Ok(0)
}
