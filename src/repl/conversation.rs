//! The state of a conversation, and what an input does to it.

use super::build::{self, Built, Counts, Fault, Ready};
use super::changes::Change;
use super::commands::{self, Line};
use super::input::{Part, parts};
use super::reply::Reply;
use super::script::{Kept, Script};
use super::{changes, expression, words};
use crate::answer::{Answer, LogLine};
use crate::diag::{Diagnostic, Sources, Span};
use crate::host::Host;
use crate::plan::Plan;
use crate::problem::Param;
use crate::sema::Inputs;
use crate::session::compare::Comparison;
use crate::session::errors::guarded;
use crate::session::{Errors, Model, Options, Prepared};
use crate::syntax::ast::File;
use std::ops::ControlFlow;
use std::rc::Rc;

/// Who watches a solve: a line per iteration, and may end it.
pub type Watch<'w> = &'w mut dyn FnMut(&LogLine) -> ControlFlow<()>;

/// A model that grows by what is said.
pub struct Conversation {
    pub(super) host: Rc<dyn Host>,
    pub script: Script,
    pub(super) inputs: Inputs,
    pub options: Options,
    /// `None`: something changed since it was built.
    pub(super) built: Option<Built>,
    pub(super) changes: Vec<Change>,
    /// The last answer with the texts that it points into.
    pub(super) last: Option<Last>,
    /// The last comparison of methods.
    pub(super) compared: Option<Comparison>,
    pub(super) counts: Counts,
}

pub(super) struct Last {
    pub answer: Answer,
    pub sources: Sources,
    /// The model is not the one that was solved.
    pub stale: bool,
}

impl Conversation {
    /// Nothing was said yet. Files, the clock and interrupts are those of `host`.
    pub fn new(host: Rc<dyn Host>) -> Conversation {
        let inputs = Inputs { path: String::new(), ..Inputs::default() };
        Conversation {
            host,
            script: Script::default(),
            inputs,
            options: Options { keep_log: true, ..Options::default() },
            built: None,
            changes: vec![],
            last: None,
            compared: None,
            counts: Counts::default(),
        }
    }

    /// Families with more elements are refused.
    pub fn limited_to(mut self, elements: usize) -> Conversation {
        self.inputs.most_elements = Some(elements);
        self
    }

    /// Takes a model instead of what was said.
    pub fn load(&mut self, model: Model) -> Reply {
        commands::load::take(self, model)
    }

    /// Answers an input: one or several lines. A bug of ours is told, and the conversation goes on.
    pub fn say(&mut self, text: &str, watch: Watch) -> Reply {
        let span = self.script.typed(text);
        let mut reply = Reply::default();
        for part in parts(&self.script, span) {
            let answered = guarded(|| self.answer(part, &mut *watch)).map(words::reworded);
            reply.and(answered.unwrap_or_else(|bug| {
                // What the panic left half done is made again.
                self.built = None;
                Reply::bug(&bug)
            }));
            if reply.leave {
                break;
            }
        }
        reply
    }

    /// What the conversation knows to name, for completion.
    pub fn names(&self) -> Vec<String> {
        self.script.kept.iter().flat_map(|kept| kept.names.iter().filter(|name| !name.contains(' ')).cloned()).collect()
    }

    /// What may stand after a dot: columns of tables, and what is known of rows and variables after a solve,
    /// and what blocks declare.
    pub fn fields(&self) -> Vec<String> {
        let of_solve = ["dual", "slack", "lower_dual", "upper_dual", "reduced_cost", "objective"].map(str::to_string);
        let params: &[Param] = match &self.built {
            Some(Built::Ready(ready)) => &ready.prepared.problem.params,
            Some(Built::Incomplete { .. }) | None => &[],
        };
        let columns = params.iter().filter_map(|param| param.name.split_once('.'));
        let columns = columns.map(|(_, column)| column.to_string());
        of_solve.into_iter().chain(columns).chain(self.script.members()).collect()
    }

    /// How often the costly things were done.
    pub fn counts(&self) -> Counts {
        let analyses = match &self.built {
            Some(Built::Ready(ready)) => ready.prepared.analyses.made,
            Some(Built::Incomplete { .. }) | None => 0,
        };
        Counts { analyses: self.counts.analyses.max(analyses), ..self.counts }
    }

    /// The last answer.
    pub fn answer_so_far(&self) -> Option<&Answer> {
        self.last.as_ref().map(|last| &last.answer)
    }

    /// Of the statements that still wait, what they wait for; empty if the model is complete.
    pub fn waiting(&mut self) -> Vec<String> {
        if self.script.kept.is_empty() {
            return vec![];
        }
        match self.built() {
            Built::Ready(_) => vec![],
            Built::Incomplete { faults, .. } => {
                let faults = faults.clone();
                faults.iter().map(|fault| self.described(fault)).collect()
            }
        }
    }

    fn answer(&mut self, part: Part, watch: Watch) -> Reply {
        match part {
            Part::Wrong(told) => Reply::refused(Errors { diagnostics: told, sources: self.script.sources.clone() }),
            Part::Command { name, name_at, rest, rest_at } => {
                commands::run(self, &Line { name, name_at, rest, rest_at }, watch)
            }
            Part::Change { verb, rest, at } => changes::make(self, &verb, &rest, at),
            Part::Expression(expr, at) => expression::answer(self, &expr, at),
            Part::Statements(file, at, doubts) => {
                let mut reply = self.declare(file, at);
                reply.tell(doubts, &self.script.sources);
                reply
            }
        }
    }

    /// Adds statements: those at fault are refused, those that wait are kept, and so are those that make others wrong.
    pub(super) fn declare(&mut self, file: File, at: Span) -> Reply {
        let mut new = self.script.cut(file, at);
        if let [only] = &new[..]
            && let Some(reply) = self.number_changed(only)
        {
            return reply;
        }
        let mut refused: Vec<Diagnostic> = vec![];
        let mut reply = Reply::default();
        let given = self.inputs.clone();
        loop {
            let before = self.script.clone();
            // What is declared again has the value that it is declared with.
            self.inputs = given.clone();
            let again = |name: &String| new.iter().any(|kept| kept.names.contains(name));
            self.inputs.params.retain(|(name, _)| !again(name));
            self.inputs.data.retain(|(name, _)| !again(name));
            let replaced: Vec<(String, Vec<Kept>)> = new
                .iter()
                .map(|kept| (kept.names.first().cloned().unwrap_or_default(), self.script.put(kept.clone())))
                .collect();
            let built = build::build(&self.script, &self.host, &self.inputs, &mut self.counts);
            let is_new = |k: usize| new.iter().any(|kept| kept.statement.span == self.script.kept[k].statement.span);
            let at_fault: Vec<Span> = match &built {
                Built::Ready(_) => vec![],
                Built::Incomplete { faults, .. } => {
                    let wrong = faults.iter().filter(|fault| fault.waits_for.is_none());
                    let wrong = wrong.filter(|fault| fault.statement.is_none_or(is_new));
                    let spans = wrong.map(|fault| {
                        refused.push(fault.diagnostic.clone());
                        // A mistake in a file is that of whoever read it: the last that came.
                        let k = fault.statement.map(|k| self.script.kept[k].statement.span);
                        k.or_else(|| new.last().map(|kept| kept.statement.span)).unwrap_or_default()
                    });
                    spans.collect()
                }
            };
            if at_fault.is_empty() {
                self.keep(built, &new, &replaced, &mut reply);
                break;
            }
            if let Built::Incomplete { errors, .. } = &built {
                reply.tell(std::mem::take(&mut refused), &errors.sources);
            }
            reply.failed = true;
            self.script = before;
            new.retain(|kept| !at_fault.contains(&kept.statement.span));
            if new.is_empty() {
                // What was built before still holds.
                self.inputs = given;
                break;
            }
        }
        reply
    }

    /// Says what became of statements that are kept.
    fn keep(&mut self, built: Built, new: &[Kept], replaced: &[(String, Vec<Kept>)], reply: &mut Reply) {
        let earlier = self.take_analyses();
        self.built = Some(built);
        self.give_analyses(earlier);
        if let Some(last) = &mut self.last {
            last.stale = true;
        }
        reply.and(changes::again(self));
        for (name, old) in replaced {
            let lines: Vec<String> = old.iter().map(|kept| self.script.line(kept).to_string()).collect();
            if name.is_empty() || lines.is_empty() {
                continue;
            }
            let names: Vec<String> = old.iter().flat_map(|kept| kept.names.clone()).collect();
            let users: Vec<String> = self.script.mentioning(&names).into_iter().map(|k| self.script.label(k)).collect();
            let users = match users.is_empty() {
                true => String::new(),
                false => format!("; {} depend{} on it", listed(&users), if users.len() == 1 { "s" } else { "" }),
            };
            reply.say(format!("`{name}` replaces that of line {}{users}", lines.join(", ")));
        }
        match self.built.as_ref() {
            Some(Built::Ready(ready)) => {
                let names: Vec<&String> = new.iter().flat_map(|kept| &kept.names).collect();
                let described = expression::declared(&ready.prepared, &names);
                let warnings = ready.prepared.warnings.iter().filter(|w| within(w, new)).cloned().collect();
                let sources = ready.prepared.sources.clone();
                described.into_iter().for_each(|line| reply.say(line));
                reply.tell(warnings, &sources);
            }
            Some(Built::Incomplete { errors, faults }) => {
                let (waiting, wrong): (Vec<Fault>, Vec<Fault>) =
                    faults.iter().cloned().partition(|fault| fault.waits_for.is_some());
                let sources = errors.sources.clone();
                let is_new = |fault: &Fault| within(&fault.diagnostic, new);
                waiting.iter().filter(|f| is_new(f)).for_each(|fault| reply.say(self.described(fault)));
                if !wrong.is_empty() {
                    reply.failed = true;
                    reply.tell(wrong.into_iter().map(|fault| fault.diagnostic).collect(), &sources);
                }
            }
            None => {}
        }
    }

    /// ``` `cost` waits for `q` ```
    pub(super) fn described(&self, fault: &Fault) -> String {
        let statement = fault.statement.map_or("the model".to_string(), |k| self.script.label(k));
        let help = fault.diagnostic.help.as_ref().filter(|help| help.starts_with("did you mean"));
        let help = help.map_or(String::new(), |help| format!(" ({help})"));
        match &fault.waits_for {
            Some(name) => format!("{statement} waits for {name}{help}"),
            None => format!("{statement} is wrong: {}", fault.diagnostic.message),
        }
    }

    /// Another number for a parameter goes into the problem that is there.
    fn number_changed(&mut self, new: &Kept) -> Option<Reply> {
        let name = new.names.first()?;
        let k = self.script.declaring(name)?;
        let old = &self.script.kept[k].statement;
        let (name, numbers) = build::new_numbers(&self.script, old, &new.statement)?;
        let given = self.inputs.params.iter().any(|(given, _)| *given == name);
        let Some(Built::Ready(ready)) = &mut self.built else { return None };
        let named = ready.prepared.problem.params.iter().filter(|param| param.name == name).count();
        if given || named != 1 {
            return None;
        }
        ready.prepared.set_param(&name, &numbers).ok()?;
        self.script.put(new.clone());
        if let Some(last) = &mut self.last {
            last.stale = true;
        }
        let mut reply = match self.changes.is_empty() {
            true => Reply::default(),
            false => changes::again(self),
        };
        let users = self.script.mentioning(std::slice::from_ref(&name));
        let users: Vec<String> = users.into_iter().map(|k| self.script.label(k)).collect();
        let users = if users.is_empty() { String::new() } else { format!(" (read by {})", listed(&users)) };
        reply.say(format!("`{name}` has a new value{users}; nothing is built again"));
        Some(reply)
    }

    pub(super) fn built(&mut self) -> &mut Built {
        if self.built.is_none() {
            let built = build::build(&self.script, &self.host, &self.inputs, &mut self.counts);
            self.built = Some(built);
            changes::again(self);
        }
        self.built.as_mut().expect("it was just built")
    }

    /// The problem, or what the model still lacks.
    pub(super) fn ready(&mut self) -> Result<&mut Ready, Errors> {
        match self.built() {
            Built::Ready(ready) => Ok(ready),
            Built::Incomplete { errors, .. } => Err(errors.clone()),
        }
    }

    /// Forgets what was built, for a change that no statement made.
    pub(super) fn rebuild(&mut self) {
        let earlier = self.take_analyses();
        self.built = None;
        if let Some(last) = &mut self.last {
            last.stale = true;
        }
        self.built();
        self.give_analyses(earlier);
    }

    /// Makes a change, and takes it back if more of the model is wrong with it than was before.
    pub(super) fn unless_wrong(&mut self, change: impl FnOnce(&mut Conversation) -> Reply) -> Reply {
        let before = self.wrong();
        let (script, inputs, changes) = (self.script.clone(), self.inputs.clone(), self.changes.clone());
        let stale = self.last.as_ref().map(|last| last.stale);
        let mut reply = change(self);
        if self.wrong() > before {
            (self.script, self.inputs, self.changes) = (script, inputs, changes);
            self.rebuild();
            if let (Some(last), Some(stale)) = (&mut self.last, stale) {
                last.stale = stale;
            }
            reply.text = "nothing is changed\n".to_string();
            reply.failed = true;
        }
        reply
    }

    /// How much is wrong with the statements, apart from what only waits.
    fn wrong(&mut self) -> usize {
        match self.built() {
            Built::Ready(_) => 0,
            Built::Incomplete { faults, .. } => faults.iter().filter(|fault| fault.waits_for.is_none()).count(),
        }
    }

    /// The plan for the problem as it is, made once as long as nothing but numbers changes.
    pub(super) fn planned(&mut self, at: Span) -> Result<Plan, Reply> {
        let options = self.options.clone();
        let typed = self.script.sources.clone();
        let ready = self.ready().map_err(Reply::refused)?;
        if let Some((for_options, plan)) = &ready.plan
            && *for_options == options
        {
            return Ok(plan.clone());
        }
        match ready.prepared.plan(&options) {
            Ok(plan) => {
                ready.plan = Some((options, plan.clone()));
                self.counts.plans += 1;
                Ok(plan)
            }
            Err(mut errors) => {
                errors.diagnostics.iter_mut().for_each(commands::set::with_way_back);
                Err(Reply::refused(commands::in_line(errors, &typed, at)))
            }
        }
    }

    /// Solves the problem as it is, from the last answer if that holds. What is told is about answers of oracles that do
    /// not serve.
    pub(super) fn solve(&mut self, at: Span, watch: Watch) -> Result<Reply, Reply> {
        let plan = self.planned(at)?;
        let options = self.options.clone();
        let good = self.last.as_ref().filter(|last| last.answer.status.exit_code() == 0);
        let earlier = good.map(|last| (last.answer.clone(), last.sources.clone()));
        let ready = self.ready().map_err(Reply::refused)?;
        // What is found by asking repeats itself from what was answered, and goes on from there: it begins where it began.
        if let Some((answer, sources)) = earlier
            && !plan.asked
        {
            ready.warm(&answer, &sources);
        }
        let mut told = Reply::default();
        told.tell(ready.prepared.doubts_of_journal(&options), &ready.prepared.sources);
        let answer = ready.prepared.solve(&plan, &options, watch).map_err(|bug| Reply::bug(&bug))?;
        let sources = ready.prepared.sources.clone();
        self.counts.solves += 1;
        self.last = Some(Last { answer, sources, stale: false });
        Ok(told)
    }

    /// The problem built anew, with the changes and no earlier answer.
    pub(super) fn fresh(&mut self) -> Result<Prepared, Errors> {
        self.ready()?;
        match build::build(&self.script, &self.host, &self.inputs, &mut self.counts) {
            Built::Ready(mut ready) => {
                for change in &self.changes {
                    changes::applied(&mut ready.prepared, change)?;
                }
                Ok(ready.prepared)
            }
            Built::Incomplete { errors, .. } => Err(errors),
        }
    }

    /// Statements that a command stands for.
    pub(super) fn say_quietly(&mut self, text: &str) -> Reply {
        self.say(text, &mut |_| ControlFlow::Continue(()))
    }

    /// What is wrong with the model as it is, where a command changed it.
    pub(super) fn errors(&mut self) -> Reply {
        match self.ready() {
            Ok(_) => Reply::default(),
            Err(errors) => Reply::refused(errors),
        }
    }

    /// Takes statements instead of those that are there, whatever is wrong with them.
    pub(super) fn adopt(&mut self, file: File, at: Span) -> Reply {
        self.script.kept = self.script.cut(file, at);
        self.rebuild();
        let mut reply = self.errors();
        if let Built::Ready(ready) = self.built() {
            let (warnings, sources) = (ready.prepared.warnings.clone(), ready.prepared.sources.clone());
            reply.tell(warnings, &sources);
        }
        reply
    }

    fn take_analyses(&mut self) -> Option<crate::linalg::ldlt::Analyses> {
        match &mut self.built {
            Some(Built::Ready(ready)) => Some(std::mem::take(&mut ready.prepared.analyses)),
            Some(Built::Incomplete { .. }) | None => None,
        }
    }

    /// A problem with other numbers often has the same matrices.
    fn give_analyses(&mut self, analyses: Option<crate::linalg::ldlt::Analyses>) {
        let Some(analyses) = analyses else { return };
        self.counts.analyses = self.counts.analyses.max(analyses.made);
        if let Some(Built::Ready(ready)) = &mut self.built {
            ready.prepared.analyses = analyses;
        }
    }
}

/// The first place lies in one of the statements.
fn within(diagnostic: &Diagnostic, new: &[Kept]) -> bool {
    let at = diagnostic.primary();
    new.iter()
        .map(|kept| kept.statement.span)
        .any(|own| own.source == at.source && own.start <= at.start && at.end <= own.end)
}

/// ``` `a`, `b` and 3 more ```
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 6;
    match names.len() {
        n if n > MOST => format!("{} and {} more", names[..MOST].join(", "), n - MOST),
        _ => names.join(", "),
    }
}
