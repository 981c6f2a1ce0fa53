//! A planned problem whose objective is only known by asking: who is asked, how much, and what is known in the end.

use super::prepared::{Options, Prepared};
use super::run::{Judged, Said, assembled};
use crate::answer::certificate::Place;
use crate::answer::diagnosis::{Diagnosis, Unanswered};
use crate::answer::result::{Asked, Time};
use crate::answer::{Answer, Evaluations, LogLine, Outcome, Stop};
use crate::certify::{JudgeOptions, judge_candidate};
use crate::diag::Diagnostic;
use crate::expr::eval::{self, Inputs};
use crate::expr::family::StageId;
use crate::oracle::hosted::Closures;
use crate::oracle::{Aside, Asker, Settings, request, set_aside};
use crate::plan::request::ASKING;
use crate::plan::{Plan, execute};
use crate::problem::Problem;
use crate::problem::oracles::{Answerer, Answers, Oracle, asked, calls_of, silenced};
use crate::sema::folder_of;
use crate::solve::asked::{Need, Oracles};
use crate::solve::monitor::Monitor;
use std::ops::ControlFlow;

/// Asks until the method has enough, judges the candidate, and evaluates what the model asks to see.
pub(super) fn run(
    prepared: &Prepared,
    plan: &Plan,
    options: &Options,
    closures: &mut Closures,
    progress: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
) -> Answer {
    let host = prepared.host();
    let clock = || host.seconds();
    let before = host.interrupts();
    let interrupted = || host.interrupts() > before;
    let began = clock();
    let deadline = options.time_limit.map_or(f64::INFINITY, |limit| began + limit);
    let over = || match (interrupted(), clock() > deadline) {
        (true, _) => Some(Stop::Interrupted),
        (false, true) => Some(Stop::TimeLimit),
        (false, false) => None,
    };
    let mut monitor = Monitor { deadline, keep_log: options.keep_log, ..Monitor::new(&clock, &interrupted, progress) };
    let plan = &plan.with_numbers(&prepared.problem);
    let problem = &prepared.problem;
    let number = |name: &str| plan.options.number(ASKING, name);
    let settings = Settings {
        cache: plan.options.flag(ASKING, "cache"),
        repeats: number("repeats") as usize,
        parallel: number("parallel") as usize,
        timeout: number("timeout"),
        journal: prepared.journal(options),
        folder: folder_of(prepared.path()),
        over: &over,
    };
    let place = settings.journal.clone();
    let start = || plan.start.x[..problem.dimension as usize].to_vec();
    let (outcome, said, silent) = match Asker::new(problem, host, closures, settings) {
        Ok(mut asker) => {
            let outcome = execute(problem, plan, prepared.warm(), &prepared.sources, &mut asker, &mut monitor);
            let answers = answers(problem, &outcome, &mut asker);
            let silent = silent(problem, &answers, &asker);
            (outcome, Said { answers, counts: asker.counts() }, silent)
        }
        Err(why) => {
            let stop = Stop::Oracle(why);
            let evaluations = Evaluations::default();
            let none = Outcome { x: start(), multipliers: None, stop, iterations: 0, evaluations, log: vec![] };
            (none, Said { answers: unknown(problem), counts: vec![] }, asked(problem))
        }
    };
    let solve = clock() - began;
    let began = clock();
    let judge = JudgeOptions { tolerance: options.tolerance };
    let unanswered: Vec<Place> = silent.iter().map(|call| oracle_place(problem.oracle_of(*call))).collect();
    let notes = notes(&said.counts, unanswered.is_empty());
    let certificate = judge_candidate(&silenced(problem), &outcome.x, &unanswered, notes, &judge);
    let mut diagnosis = Diagnosis::default();
    if let Stop::Oracle(why) = &outcome.stop {
        diagnosis.unanswered = failure(problem, why, place.as_deref(), said.counts.is_empty());
    }
    let time = Time { solve, certify: clock() - began, ..prepared.time() };
    assembled(prepared, plan, Judged { outcome, certificate }, diagnosis, 1, time, said, |_, _, _| vec![])
}

/// Where answers are written down: as the user says, else beside the model where they cost something. What has no file is a
/// conversation.
pub(super) fn journal(problem: &Problem, options: &Options, model: &str) -> Option<String> {
    match options.journal.as_deref() {
        Some("none") => None,
        Some(path) => Some(path.to_string()),
        None => {
            let costs = |o: &Answerer| matches!(o, Answerer::Command(_) | Answerer::Asking);
            let stem = match model.strip_suffix(".opt").unwrap_or(model) {
                "" => "conversation",
                stem => stem,
            };
            problem.oracles.iter().any(|o| costs(&o.source)).then(|| format!("{stem}.journal"))
        }
    }
}

/// What the journal holds that is not used, before anybody is asked again.
pub(super) fn doubts(prepared: &Prepared, options: &Options) -> Vec<Diagnostic> {
    let Some(path) = prepared.journal(options) else { return vec![] };
    let asides = set_aside(prepared.host(), &path, &prepared.problem);
    asides.into_iter().map(|aside| doubt(&prepared.problem.oracles[aside.oracle], &aside, &path)).collect()
}

fn doubt(oracle: &Oracle, aside: &Aside, path: &str) -> Diagnostic {
    let answers = match aside.answers {
        1 => "1 answer".to_string(),
        n => format!("{n} answers"),
    };
    let why = match &aside.declared {
        Some(text) => format!("another declaration (`{text}`)"),
        None => "questions of another length".to_string(),
    };
    let message = format!("{answers} of `{}` in the journal `{path}` belong to {why}", oracle.name);
    Diagnostic::warning("set-aside", oracle.span, message).help(
        "they stay there unused; what was declared then finds them again, or `--journal FILE` keeps another journal",
    )
}

/// What each call answers at the point, as far as it is a number. What only `show` and the like read is asked now; an
/// oracle that fails then leaves NaN, as nothing depends on it.
fn answers(problem: &Problem, outcome: &Outcome, asker: &mut Asker) -> Vec<Vec<f64>> {
    let mut answers = unknown(problem);
    let in_objective = asked(problem);
    let sides = problem.ensures.iter().filter_map(|e| e.sides.as_ref()).flat_map(|(a, _, b)| [*a, *b]);
    let shown = problem.shows.iter().map(|s| s.stage).chain(problem.ensures.iter().map(|e| e.stage)).chain(sides);
    let roots: Vec<StageId> = shown.chain(problem.named.iter().map(|n| n.stage)).collect();
    let mut calls = calls_of(problem, &roots);
    calls.extend(in_objective.iter().copied());
    calls.sort_unstable();
    calls.dedup();
    for call in calls.into_iter().filter(|&call| problem.oracle_of(call).answers == Answers::Values) {
        let at = &problem.calls[call as usize];
        let width = problem.oracle_of(call).width();
        let arguments = arguments(problem, at.arguments, &outcome.x);
        let questions: Vec<Vec<f64>> = arguments.chunks(width.max(1)).map(<[f64]>::to_vec).collect();
        let oracle = at.oracle as usize;
        let known: Option<Vec<f64>> = questions.iter().map(|q| asker.recall(oracle, q)).collect();
        let said = match (known, &outcome.stop) {
            (Some(known), _) => Some(known),
            // Whoever failed, or was asked to stop, is not asked again.
            (None, Stop::Oracle(_) | Stop::Interrupted) => None,
            (None, _) => {
                let mut said = vec![f64::NAN; questions.len()];
                asker.values(oracle, &questions, Need::Usual, &mut said).ok().map(|()| said)
            }
        };
        if let Some(said) = said {
            answers[call as usize] = said;
        }
    }
    answers
}

fn unknown(problem: &Problem) -> Vec<Vec<f64>> {
    problem.calls.iter().map(|call| vec![f64::NAN; call.rows as usize]).collect()
}

fn arguments(problem: &Problem, stage: StageId, x: &[f64]) -> Vec<f64> {
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let needed = eval::needed(&problem.stages, &[stage]);
    let inputs = Inputs { variables: x, params, after: &[] };
    eval::stages(&problem.graph, &problem.stages, &needed, &inputs).swap_remove(stage.0 as usize)
}

/// The calls of the objective of which nothing is known at the point that is handed back: without a number, or without any
/// order at all.
fn silent(problem: &Problem, answers: &[Vec<f64>], asker: &Asker) -> Vec<u32> {
    let has_said = |call: &u32| match problem.oracle_of(*call).answers {
        Answers::Values => !answers[*call as usize].iter().any(|answer| answer.is_nan()),
        Answers::Ranks => asker.has_said(problem.calls[*call as usize].oracle as usize),
    };
    asked(problem).into_iter().filter(|call| !has_said(call)).collect()
}

fn oracle_place(oracle: &Oracle) -> Place {
    Place { label: oracle.name.clone(), span: oracle.span }
}

/// What the certificate of a candidate says beside its feasibility.
fn notes(counts: &[Asked], answered: bool) -> Vec<String> {
    let mut notes: Vec<String> = counts
        .iter()
        .map(|asked| {
            let Asked { oracle, questions, candidates, known, ranks } = asked;
            let put = match ranks {
                true => format!("`{oracle}` gave {questions} orders of {candidates} candidates in all"),
                false => format!("`{oracle}` gave {questions} values"),
            };
            if *known > 0 { format!("{put}; {known} answers were known") } else { put }
        })
        .collect();
    notes.push(match answered {
        true if counts.iter().any(|asked| asked.ranks) => {
            "it is the best of an order that was answered; candidates of different orders need not have been compared, and no \
             optimality is claimed"
                .to_string()
        }
        true => "it is the best of the candidates that were seen; no optimality is claimed".to_string(),
        false => "nothing was answered about it, so that nothing is claimed".to_string(),
    });
    notes
}

/// What is said of the oracle that a failure names, or of the first one.
fn failure(problem: &Problem, why: &str, journal: Option<&str>, nothing_said: bool) -> Option<Unanswered> {
    let named = problem.oracles.iter().find(|o| why.contains(&format!("`{}`", o.name)));
    let oracle = named.or(problem.oracles.first())?;
    let help = match (journal, nothing_said, &oracle.source) {
        (_, true, Answerer::Command(line)) => {
            format!("run `{line}` by hand in the folder of the model, and give it the line `{}`", request(oracle))
        }
        (_, true, _) => "nothing was answered before".to_string(),
        (Some(path), false, _) => format!("what it answered is kept in `{path}`: solve again to go on from there"),
        (None, false, _) => "solve with `--journal FILE` to keep what it answers".to_string(),
    };
    Some(Unanswered { place: oracle_place(oracle), help })
}
