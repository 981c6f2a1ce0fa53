//! A problem that was built and checked: plan it, solve it, change its numbers, solve it again.

use super::changes::{self, Refused};
use super::derivatives::{self, Compared};
use super::errors::{Bug, Errors, guarded};
use super::sensitivity::{self, Solver};
use super::shown::{self, Point, Shown};
use super::{asked, doubts, expand, problem_json, run, start};
use crate::ad::Evaluator;
use crate::answer::result::Time;
use crate::answer::sensitivity::Sensitivity;
use crate::answer::{Answer, LogLine};
use crate::data::{self, decode};
use crate::diag::{Diagnostic, SourceId, Sources, Span};
use crate::host::Host;
use crate::interop::export;
use crate::linalg::ldlt::{Analyses, remembering};
use crate::oracle::hosted::{Closure, Closures};
use crate::plan::execute::Warm;
use crate::plan::{self, Plan, Request};
use crate::problem::Problem;
use crate::problem::oracles::{self, Answerer, Answers, Oracle};
use crate::solve::options::Value;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

/// How to solve: what the planner and the judge are asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Instead of the planner's choice.
    pub method: Option<String>,
    /// Options of the method.
    pub options: Vec<(String, Value)>,
    pub seed: u64,
    /// How many starting points to try; `None`: as the planner decides.
    pub starts: Option<usize>,
    /// Evaluations use at most this many threads; `None`: as many as there are processors. Answers do not depend on it.
    pub threads: Option<usize>,
    /// In seconds, of the method alone.
    pub time_limit: Option<f64>,
    /// Of the certificate.
    pub tolerance: f64,
    /// Keep a line per iteration in the answer.
    pub keep_log: bool,
    /// Of an infeasible problem, find rows and bounds of which none can be left out.
    pub infeasible_subset: bool,
    /// Where the answers of oracles are written down; `none`: nowhere. `None`: beside the model, if a command or a person
    /// answers.
    pub journal: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            method: None,
            options: vec![],
            seed: 0,
            starts: None,
            threads: None,
            time_limit: None,
            tolerance: 1e-6,
            keep_log: false,
            infeasible_subset: false,
            journal: None,
        }
    }
}

/// A problem ready to be planned.
pub struct Prepared {
    pub problem: Problem,
    pub sources: Sources,
    /// Doubts of all stages so far.
    pub warnings: Vec<Diagnostic>,
    /// As built, before any change.
    original: Problem,
    host: Rc<dyn Host>,
    /// The file of the model: what oracles answer is written down beside it, and commands run there. Empty: there is none.
    path: String,
    /// An earlier answer.
    warm: Option<Warm>,
    /// Seconds from the first byte read to the problem.
    read: f64,
    /// Seconds of the last plan.
    planned: f64,
    /// What an embedding program answers with.
    closures: Closures,
    /// Of patterns that solves have met.
    pub analyses: Analyses,
}

impl Prepared {
    pub(super) fn new(
        problem: Problem,
        sources: Sources,
        warnings: Vec<Diagnostic>,
        host: Rc<dyn Host>,
        read: f64,
    ) -> Prepared {
        let original = problem.clone();
        Prepared {
            problem,
            sources,
            warnings,
            original,
            host,
            path: String::new(),
            warm: None,
            read,
            planned: 0.0,
            closures: Closures::default(),
            analyses: Analyses::default(),
        }
    }

    pub(super) fn of_file(self, path: &str) -> Prepared {
        Prepared { path: path.to_string(), ..self }
    }

    /// What would be done, and why; or why nothing can be done.
    pub fn plan(&mut self, options: &Options) -> Result<Plan, Errors> {
        let method = options.method.as_ref().map(|name| {
            let source = self.command(&format!("--with {name}"));
            (name.clone(), Span::new(source, "--with ".len(), "--with ".len() + name.len()))
        });
        let mut set = vec![];
        for (name, value) in &options.options {
            let text = format!("--set {name}={value}");
            let source = self.command(&text);
            set.push((name.clone(), value.clone(), Span::new(source, "--set ".len(), text.len())));
        }
        let mut request = Request::new(method, set, options.seed);
        request.starts = options.starts;
        let began = self.host.seconds();
        let plan = plan::plan(&self.problem, &request)
            .map_err(|diagnostics| Errors { diagnostics, sources: self.sources.clone() });
        self.planned = self.host.seconds() - began;
        plan
    }

    /// The method of the plan, then the judge. A plan outlives [`Prepared::set_param`]; after other changes the problem
    /// must be planned again. `progress` sees a line per iteration and may end the solve. Matrices with the places of
    /// entries of an earlier solve are not analysed again.
    pub fn solve(
        &mut self,
        plan: &Plan,
        options: &Options,
        mut progress: impl FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<Answer, Bug> {
        if !plan.asked {
            let mut analyses = std::mem::take(&mut self.analyses);
            let answer = guarded(|| remembering(&mut analyses, || run::run(self, plan, options, &mut progress)));
            self.analyses = analyses;
            return answer;
        }
        let mut closures = std::mem::take(&mut self.closures);
        let answer = guarded(|| asked::run(self, plan, options, &mut closures, &mut progress));
        self.closures = closures;
        answer
    }

    /// Answers for an oracle that is declared `values via host`: a number for each question, or why there is none.
    pub fn set_oracle(
        &mut self,
        name: &str,
        values: impl FnMut(&[Vec<f64>]) -> Result<Vec<f64>, String> + 'static,
    ) -> Result<(), Errors> {
        self.register(name, Answers::Values, Closure::Values(Box::new(values)))
    }

    /// Answers for an oracle that is declared `ranks via host`: groups of candidates, numbered from 0, the greatest
    /// first, tied within a group; those in no group come last.
    pub fn set_ranking(
        &mut self,
        name: &str,
        ranking: impl FnMut(&[Vec<f64>]) -> Result<Vec<Vec<usize>>, String> + 'static,
    ) -> Result<(), Errors> {
        self.register(name, Answers::Ranks, Closure::Ranks(Box::new(ranking)))
    }

    fn register(&mut self, name: &str, answers: Answers, closure: Closure) -> Result<(), Errors> {
        let fits = |o: &Oracle| o.name == name && o.source == Answerer::Host && o.answers == answers;
        if self.problem.oracles.iter().any(fits) {
            self.closures.set(name, closure);
            return Ok(());
        }
        let verb = match answers {
            Answers::Values => "values",
            Answers::Ranks => "ranks",
        };
        let declared = self.problem.oracles.iter().find(|o| o.name == name).map(|o| o.text.clone());
        let message = format!("the model has no oracle `{name}` that is declared `{verb} via host`");
        let help = declared.map(|text| format!("it is declared `{text}`"));
        Err(self.refused(Refused { message, help }, &format!("oracle {name}")))
    }

    /// Holds a variable, or one of its elements, at a value within its bounds.
    pub fn fix(&mut self, name: &str, values: &[f64]) -> Result<(), Errors> {
        let done = changes::fix(&mut self.problem, &self.original, name, values);
        self.told(done, &format!("fix {name}"))
    }

    /// The same with the value as a text: a number, or an array in JSON.
    pub fn fix_text(&mut self, name: &str, text: &str) -> Result<(), Errors> {
        let source = self.command(&format!("fix {name}={text}"));
        let values = match (text.parse::<f64>(), data::json(source, text).map(|value| value.kind)) {
            (Ok(value), _) => vec![value],
            (Err(_), Ok(data::ValueKind::Numbers { values, .. })) => values.to_vec(),
            (Err(_), Ok(_) | Err(_)) => {
                let message = format!("`{text}` is neither a number nor an array of numbers");
                let at = self.whole(source);
                return Err(Errors::one(Diagnostic::error("bad-change", at, message), &self.sources));
            }
        };
        let done = changes::fix(&mut self.problem, &self.original, name, &values);
        self.told(done, &format!("fix {name}={text}"))
    }

    /// Leaves out a constraint, or one of its rows.
    pub fn drop(&mut self, row: &str) -> Result<(), Errors> {
        let done = changes::drop(&mut self.problem, row);
        self.told(done, &format!("drop {row}"))
    }

    /// Puts back a constraint that was left out.
    pub fn restore(&mut self, row: &str) -> Result<(), Errors> {
        let done = changes::restore(&mut self.problem, &self.original, row);
        self.told(done, &format!("restore {row}"))
    }

    /// Lets a variable, or one of its elements, move within its stated bounds again.
    pub fn release(&mut self, name: &str) -> Result<(), Errors> {
        let done = changes::release(&mut self.problem, &self.original, name);
        self.told(done, &format!("restore {name}"))
    }

    /// Takes back every change of bounds and rows; parameters keep their numbers.
    pub fn undo_changes(&mut self) {
        changes::undo(&mut self.problem, &self.original);
    }

    /// Gives new numbers to a parameter or a column (`train.y`): one for all elements, or one for each. A parameter that
    /// decided a set, a shape or a branch cannot change without building the model again, and says so.
    pub fn set_param(&mut self, name: &str, values: &[f64]) -> Result<(), Errors> {
        let done = changes::set_param(&mut self.problem, name, values);
        self.told(done, &format!("param {name}"))
    }

    /// Starts from an earlier answer, as `--json` wrote it.
    pub fn start_from_file(&mut self, path: &str) -> Result<start::Started, Errors> {
        let bytes = self.host.read(path).map_err(|reason| {
            let at = Span::new(self.sources.add(path, ""), 0, 0);
            let message = format!("cannot read `{path}`: {reason}");
            Errors::one(Diagnostic::error("unreadable-file", at, message), &self.sources)
        })?;
        let text = match decode(bytes) {
            Ok(text) => text,
            Err(undecodable) => {
                let source = self.sources.add(path, undecodable.text.clone());
                return Err(Errors::one(undecodable.diagnostic(source), &self.sources));
            }
        };
        self.start_from_text(path, &text)
    }

    /// The same from a text; `name` is what messages call it.
    pub fn start_from_text(&mut self, name: &str, text: &str) -> Result<start::Started, Errors> {
        let text: Arc<str> = text.into();
        let source = self.sources.add(name, text.clone());
        let answer =
            data::json(source, &text).map_err(|diagnostics| Errors { diagnostics, sources: self.sources.clone() })?;
        match start::from_answer(&mut self.problem, &answer) {
            Ok(started) => {
                let x = plan::start::of(&self.problem).x;
                let (multipliers, added) = (started.multipliers.clone(), started.added.clone());
                self.warm = Some(Warm { x, multipliers, added });
                Ok(started)
            }
            Err(message) => {
                let at = Span::new(source, 0, 0);
                Err(Errors::one(Diagnostic::error("bad-answer", at, message), &self.sources))
            }
        }
    }

    /// Starts the next solve from a point with its multipliers.
    pub fn start_from(&mut self, answer: &Answer) {
        let added = answer.added.iter().map(|entry| (entry.name.clone(), entry.values.clone())).collect();
        self.warm = Some(Warm { x: answer.x.clone(), multipliers: answer.multipliers.clone(), added });
    }

    pub(super) fn start_warm(&mut self, warm: Warm) {
        self.warm = Some(warm);
    }

    /// The derivative of an answer by a parameter: `of` names a variable, a `let`, an objective, `row.dual`, `row.slack`
    /// or `x.reduced_cost`, `to` a parameter, a column (`train.y`) or a computed array, both also with an index (`x[2]`).
    /// Rows are the elements of `of`. What was checked comes with it.
    pub fn sensitivity(&mut self, answer: &Answer, of: &str, to: &str) -> Result<Sensitivity, Errors> {
        self.sensitivity_with(answer, of, to, &Options::default())
    }

    /// The same with options for it and for solving again, as `implicit`.
    pub fn sensitivity_with(
        &mut self,
        answer: &Answer,
        of: &str,
        to: &str,
        options: &Options,
    ) -> Result<Sensitivity, Errors> {
        let method = options.method.clone().or_else(|| Some(answer.plan.method.clone()));
        let options = Options { method, ..options.clone() };
        let plan = self.plan(&options)?;
        let clock = || self.host.seconds();
        let before = self.host.interrupts();
        let interrupted = || self.host.interrupts() > before;
        let (sources, deadline) = (&self.sources, f64::INFINITY);
        let mut solver = Solver { sources, plan: &plan, clock: &clock, interrupted: &interrupted, deadline };
        let found = sensitivity::of_names(&self.problem, answer, (of, to), &mut solver);
        found.map_err(|refused| self.refused(refused, &format!("sensitivity {of} to {to}")))
    }

    /// What the last `show` asks for: at a point, or where data alone define it.
    pub fn shown(&self, at: Option<&Point>) -> Option<Shown> {
        shown::last(&self.problem, at)
    }

    /// Functions and derivatives; an objective that is only known by asking is 0 here.
    pub fn evaluator(&self) -> Evaluator {
        Evaluator::new(&plan::known(&self.problem))
    }

    /// The engine's derivatives at the starting point against the referee's, worst first; without those of an objective that
    /// is only known by asking, which has none.
    pub fn compare_derivatives(&self) -> Vec<Compared> {
        let mut known = plan::known(&self.problem);
        let start = plan::start::of(&known).x;
        if !oracles::asked(&self.problem).is_empty() {
            known.to_mut().objectives.clear();
        }
        derivatives::compare(&known, &start)
    }

    /// That the objective has no derivatives to compare, if it is only known by asking.
    pub fn without_derivatives(&self) -> Option<Errors> {
        let call = *oracles::asked(&self.problem).first()?;
        let objective = self.problem.objectives.first()?;
        let said = derivatives::known_by_asking(&objective.label, &self.problem.oracle_of(call).name, objective.span);
        Some(Errors::one(said, &self.sources))
    }

    /// Doubts that do not stop a solve: domains that may be left, constructs without a method.
    pub fn doubts(&self) -> Vec<Diagnostic> {
        doubts::of(&self.problem)
    }

    /// Where the answers of oracles are written down, and read from.
    pub fn journal(&self, options: &Options) -> Option<String> {
        self.journal_of(options, &self.path)
    }

    /// The same if the model stood in another file.
    pub fn journal_of(&self, options: &Options, path: &str) -> Option<String> {
        asked::journal(&self.problem, options, path)
    }

    /// One warning for each oracle of which the journal holds answers that do not serve, as it was declared otherwise when
    /// it gave them.
    pub fn doubts_of_journal(&self, options: &Options) -> Vec<Diagnostic> {
        asked::doubts(self, options)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn host(&self) -> &dyn Host {
        &*self.host
    }

    pub(super) fn warm(&self) -> Option<&Warm> {
        self.warm.as_ref()
    }

    /// What reading and planning took.
    pub(super) fn time(&self) -> Time {
        Time { read: self.read, plan: self.planned, ..Time::default() }
    }

    /// A row or an objective with its numbers.
    pub fn expand(&mut self, name: &str) -> Result<String, Errors> {
        match expand::expand(&self.problem, &self.sources, name) {
            Ok(text) => Ok(text),
            Err(refused) => Err(self.refused(refused, &format!("--expand {name}"))),
        }
    }

    /// The problem in a format of other systems; fails with everything that the format cannot say.
    pub fn export(&self, format: export::Format) -> Result<export::Files, Errors> {
        export::export(&self.problem, format, &plan::start::of(&self.problem).x, problem_json::render)
            .map_err(|diagnostics| Errors { diagnostics, sources: self.sources.clone() })
    }

    /// A source that holds words of the command line.
    fn command(&mut self, words: &str) -> SourceId {
        self.sources.add_command("command line", words)
    }

    fn whole(&self, source: SourceId) -> Span {
        Span::new(source, 0, self.sources.get(source).text.len())
    }

    fn told(&mut self, done: Result<(), Refused>, words: &str) -> Result<(), Errors> {
        done.map_err(|refused| self.refused(refused, words))
    }

    fn refused(&mut self, refused: Refused, words: &str) -> Errors {
        let source = self.command(words);
        let said = Diagnostic::error("bad-change", self.whole(source), refused.message);
        Errors::one(if let Some(help) = refused.help { said.help(help) } else { said }, &self.sources)
    }
}
