//! Plans of models given as text, carried out: method, values, multipliers in the signs of the statement.

use super::{Plan, Request, execute, plan};
use crate::answer::{LogLine, Outcome};
use crate::diag::Sources;
use crate::host::Disk;
use crate::problem::Problem;
use crate::solve::monitor::Monitor;
use std::ops::ControlFlow;

/// A model with its texts.
pub struct Model {
    pub problem: Problem,
    pub sources: Sources,
}

/// Elaborates a model that must be right.
pub fn model(path: &str, text: &str) -> Model {
    let mut sources = Sources::default();
    let source = sources.add(path, text);
    let (file, mut diagnostics) = crate::syntax::parse(source, text);
    let inputs = crate::sema::Inputs { path: path.to_string(), ..Default::default() };
    let (problem, more) = crate::sema::elaborate(&file, &mut sources, &Disk::new(), &inputs);
    diagnostics.extend(more);
    let said = crate::diag::render(&diagnostics, &sources, false);
    Model { problem: problem.unwrap_or_else(|| panic!("{said}")), sources }
}

pub fn text(text: &str) -> Model {
    model("model.opt", text)
}

fn example(name: &str) -> Model {
    let path = format!("{}/examples/{name}.opt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the example exists");
    model(&path, &text)
}

impl Model {
    pub fn plan(&self) -> Plan {
        self.asking("").unwrap_or_else(|said| panic!("{said}"))
    }

    /// The plan for a method, `""` for the planner's own choice.
    fn asking(&self, method: &str) -> Result<Plan, String> {
        let method = (!method.is_empty()).then(|| (method.to_string(), crate::diag::Span::default()));
        let request = Request::new(method, vec![], 0);
        plan(&self.problem, &request)
            .map_err(|said| said.iter().map(|d| format!("{}: {}\n", d.id, d.message)).collect())
    }

    pub fn solved(&self, plan: &Plan) -> Outcome {
        let mut progress = |_: &LogLine| ControlFlow::Continue(());
        let mut monitor = Monitor {
            iteration_limit: usize::MAX,
            deadline: f64::INFINITY,
            clock: &|| 0.0,
            interrupted: &|| false,
            progress: &mut progress,
            keep_log: false,
            log: vec![],
        };
        execute(&self.problem, plan, None, &self.sources, &mut monitor)
    }

    fn objective(&self, x: &[f64]) -> f64 {
        crate::ad::Evaluator::new(&self.problem).objective(x)
    }
}

#[test]
fn look() {
    for name in ["hs071", "disk", "transport", "portfolio", "control", "logistic", "acopf", "kepler"] {
        let model = example(name);
        match model.asking("") {
            Ok(plan) => {
                let clock = std::time::Instant::now();
                let outcome = model.solved(&plan);
                println!(
                    "== {name}\n{}{:?} {} iterations, {:?}, f = {}",
                    plan.explain(&model.sources),
                    outcome.stop,
                    outcome.iterations,
                    clock.elapsed(),
                    model.objective(&outcome.x)
                );
            }
            Err(said) => println!("== {name}\n{said}"),
        }
    }
}
