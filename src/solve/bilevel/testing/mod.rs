//! Small models solved by a method of choice, for the tests of methods.

use super::Method;
use crate::answer::certificate::Certificate;
use crate::answer::status::{Status, status};
use crate::answer::{LogLine, Outcome};
use crate::certify::{JudgeOptions, judge};
use crate::diag::Sources;
use crate::plan::{self, Request};
use crate::problem::Problem;
use crate::problem::level::tests::whole;
use crate::solve::asked::Nobody;
use crate::solve::monitor::Monitor;
use crate::solve::options::Value;
use std::ops::ControlFlow;

pub struct Solved {
    pub problem: Problem,
    pub outcome: Outcome,
    pub status: Status,
    pub certificate: Certificate,
}

/// Solves with numbers as options; the certificate has no rivals.
pub fn solved(method: &Method, text: &str, set: &[(&str, f64)]) -> Solved {
    let problem = whole(text);
    let set = set.iter().map(|(name, v)| (name.to_string(), Value::Number(*v), Default::default())).collect();
    let request = Request::new(Some((method.name.to_string(), Default::default())), set, 0);
    let plan = plan::plan(&problem, &request).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
    let mut progress = |_: &LogLine| ControlFlow::Continue(());
    let mut monitor = Monitor::new(&|| 0.0, &|| false, &mut progress);
    let outcome = plan::execute(&problem, &plan, None, &Sources::default(), &mut Nobody, &mut monitor);
    let certificate = judge(&problem, &outcome, &JudgeOptions::default());
    Solved { status: status(&outcome.stop, &certificate), problem, outcome, certificate }
}

impl Solved {
    /// The values of a variable.
    pub fn values(&self, name: &str) -> &[f64] {
        let v = self.problem.variables.iter().find(|v| v.name == name).unwrap_or_else(|| panic!("no {name}"));
        &self.outcome.x[v.offset as usize..][..v.axes.len()]
    }
}

/// Each model must be refused with a sentence that contains the text beside it.
pub fn refuses(method: &Method, rows: &[(&str, &str)]) {
    for (text, why) in rows {
        let request = Request::new(Some((method.name.to_string(), Default::default())), vec![], 0);
        let refused = plan::plan(&whole(text), &request).err().unwrap_or_else(|| panic!("it was taken: {text}"));
        assert!(format!("{refused:?}").contains(why), "{refused:?}");
    }
}
