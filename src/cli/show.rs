//! `merit show`: the model in set form, or one row with its numbers.

use super::arguments::Show;
use super::common::{model, prepared, print, tell};
use crate::host::Disk;
use crate::session::notation::{Style, set_form};
use std::rc::Rc;

pub fn run(arguments: Show) -> i32 {
    shown(arguments).unwrap_or_else(|code| code)
}

fn shown(arguments: Show) -> Result<i32, i32> {
    let host = Rc::new(Disk::new());
    if let Some(row) = &arguments.expand {
        let mut prepared = prepared(host, &arguments.file, arguments.inputs)?;
        print(&prepared.expand(row).map_err(|errors| tell(&errors))?);
        return Ok(0);
    }
    let model = model(host, &arguments.file, arguments.inputs).map_err(|errors| tell(&errors))?;
    print(&set_form(&model.file, if arguments.latex { Style::Latex } else { Style::Text }));
    Ok(0)
}
