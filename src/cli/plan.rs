//! `merit plan`: what would be done, and why.

use super::arguments::Plan;
use super::common::{change, options, prepared, print, tell};
use crate::host::Disk;
use std::rc::Rc;

pub fn run(arguments: Plan) -> i32 {
    planned(arguments).unwrap_or_else(|code| code)
}

fn planned(arguments: Plan) -> Result<i32, i32> {
    let mut prepared = prepared(Rc::new(Disk::new()), &arguments.file, arguments.inputs)?;
    change(&mut prepared, &arguments.changes)?;
    let plan = prepared.plan(&options(arguments.how, false, false)).map_err(|errors| tell(&errors))?;
    if arguments.json {
        let value = plan.view(&prepared.sources);
        print(&(serde_json::to_string_pretty(&value).expect("a plan is plain values") + "\n"));
    } else {
        print(&plan.explain(&prepared.sources));
    }
    Ok(0)
}
