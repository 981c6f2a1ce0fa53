//! A planned problem to an answer: method, judge, and everything that is evaluated at the end.

use super::prepared::{Options, Prepared};
use super::rivals;
use super::sensitivity::{self, Solver};
use crate::answer::certificate::Proved;
use crate::answer::diagnosis::Diagnosis;
use crate::answer::result::{Asked, Counts, Ensured, Entry, ObjectiveValue, PlanSummary, Time};
use crate::answer::sensitivity::Sensitivity;
use crate::answer::status::status;
use crate::answer::{Answer, Certificate, Evaluations, LogLine, Multipliers, Outcome, Status, Stop};
use crate::certify::{self, JudgeOptions};
use crate::diag::Sources;
use crate::diagnose::{self, Ended, Limits};
use crate::expr::eval::{self, Inputs};
use crate::expr::family::StageId;
use crate::plan::execute::{Warm, execute};
use crate::plan::{Plan, explain::PlanView, restarts};
use crate::problem::index::Axes;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{AfterSolve, Constraint, Problem, Sense, SuppliedBy};
use crate::solve::asked::Nobody;
use crate::solve::monitor::Monitor;
use crate::threads;
use std::ops::ControlFlow;

/// Contradictions between bounds are looked for before a method runs where that takes less than this many evaluations of
/// functions (a fraction of a second), and after it failed up to more.
const AT_ONCE: usize = 300_000;
const AFTERWARDS: usize = 10_000_000;

/// Runs the method, then the judge, then evaluates what the model asks to see.
pub(super) fn run(
    prepared: &Prepared,
    plan: &Plan,
    options: &Options,
    progress: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
) -> Answer {
    threads::limit(options.threads);
    let host = prepared.host();
    let clock = || host.seconds();
    let before = host.interrupts();
    let interrupted = || host.interrupts() > before;
    let began = clock();
    let mut monitor = Monitor {
        deadline: options.time_limit.map_or(f64::INFINITY, |limit| began + limit),
        keep_log: options.keep_log,
        ..Monitor::new(&clock, &interrupted, progress)
    };
    let plan = &plan.with_numbers(&prepared.problem);
    let n = prepared.problem.dimension as usize;
    let mut certifying = 0.0;
    let judge = JudgeOptions { tolerance: options.tolerance };
    // The witnesses are made under the same clock as the solve, but they must not be left out because it took all the time.
    let grace = options.time_limit.map_or(f64::INFINITY, |limit| began + 2.0 * limit);
    let mut judged = |outcome: Outcome| {
        let began = clock();
        let mut quiet = |_: &LogLine| ControlFlow::Continue(());
        let watch = Monitor { deadline: grace, ..Monitor::new(&clock, &interrupted, &mut quiet) };
        let rivals = rivals::of(plan, &outcome, &prepared.sources, &watch);
        let certificate = certify::judge_with_rivals(&prepared.problem, &outcome, &rivals, &judge);
        certifying += clock() - began;
        Judged { outcome, certificate }
    };
    // Finding out what went wrong may take as long again as it took to get there, and a little.
    let limits = |from: f64| {
        let now = clock();
        let allowed = if options.infeasible_subset { f64::INFINITY } else { (now - from).clamp(1.0, 10.0) };
        let deadline = options.time_limit.map_or(f64::INFINITY, |limit| began + limit).min(now + allowed);
        Limits { clock: &clock, interrupted: &interrupted, deadline, judge }
    };
    let deadline = options.time_limit.map_or(f64::INFINITY, |limit| began + limit);
    let mut solver = Solver { sources: &prepared.sources, plan, clock: &clock, interrupted: &interrupted, deadline };
    let contradiction = |most: usize| diagnose::chain::find(&prepared.problem, &plan.start.x[..n], &judge, most);
    if plan.presolves()
        && let Some((chain, certificate)) = contradiction(AT_ONCE)
    {
        let found = Judged { outcome: Judged::nothing_to_find(plan.start.x[..n].to_vec()), certificate };
        let diagnosis = Diagnosis { chain: Some(chain), ..found.diagnosis(prepared, plan, options, &limits(began)) };
        let time = Time { solve: clock() - began, ..prepared.time() };
        return answer(prepared, plan, found, diagnosis, 0, time, &mut solver);
    }
    let first = execute(&prepared.problem, plan, prepared.warm(), &prepared.sources, &mut Nobody, &mut monitor);
    let mut best = judged(first);
    let mut starts = 1;
    if prepared.warm().is_none() && best.may_improve(&prepared.problem) {
        let bounds = Bounds::of(&prepared.problem, &Numbers::of(&prepared.problem));
        // Quiet: lines of several runs would not be a log of one.
        let mut quiet = |_: &LogLine| ControlFlow::Continue(());
        let mut monitor = Monitor { progress: &mut quiet, keep_log: false, log: vec![], ..monitor };
        for x in restarts::points(&bounds, &best.outcome.x, plan.restarts, plan.options.seed) {
            if monitor.over().is_some() || !best.may_improve(&prepared.problem) {
                break;
            }
            starts += 1;
            let warm = Warm { x, ..Warm::default() };
            let outcome = execute(&prepared.problem, plan, Some(&warm), &prepared.sources, &mut Nobody, &mut monitor);
            best.count(&outcome);
            // Judging costs more than solving such problems: only what looks better is judged.
            if best.looks_better(&outcome, &prepared.problem) {
                let rival = judged(outcome);
                if rival.certificate.holds() {
                    best.replace(rival);
                }
            }
        }
    }
    let mut time = Time { solve: clock() - began - certifying, certify: certifying, ..prepared.time() };
    let began = clock();
    let mut found = None;
    if best.ended_badly()
        && let Some((chain, certificate)) = contradiction(AFTERWARDS)
    {
        best.outcome.stop = Stop::Infeasible { ray: None };
        best.certificate = certificate;
        found = Some(chain);
    }
    let diagnosis = Diagnosis { chain: found, ..best.diagnosis(prepared, plan, options, &limits(began - time.solve)) };
    time.certify += clock() - began;
    answer(prepared, plan, best, diagnosis, starts, time, &mut solver)
}

/// The answer with everything that is evaluated at its point.
fn answer(
    prepared: &Prepared,
    plan: &Plan,
    judged: Judged,
    diagnosis: Diagnosis,
    starts: usize,
    time: Time,
    solver: &mut Solver,
) -> Answer {
    let problem = &prepared.problem;
    assembled(prepared, plan, judged, diagnosis, starts, time, Said::default(), |outcome, status, after| {
        sensitivity::all(problem, outcome, status, after, solver)
    })
}

/// What oracles said: to the questions of each call at the point, and how much they were asked in all.
#[derive(Default)]
pub(super) struct Said {
    pub answers: Vec<Vec<f64>>,
    pub counts: Vec<Asked>,
}

/// The answer with what oracles said; `differentiate` computes the sensitivities.
#[allow(clippy::too_many_arguments)]
pub(super) fn assembled(
    prepared: &Prepared,
    plan: &Plan,
    judged: Judged,
    diagnosis: Diagnosis,
    starts: usize,
    mut time: Time,
    said: Said,
    differentiate: impl FnOnce(&Outcome, Status, &[Vec<f64>]) -> Vec<Sensitivity>,
) -> Answer {
    let Judged { mut outcome, certificate } = judged;
    // What rewrites of problems inside problems added behind the variables was for the judge, and is for sensitivities.
    let with_added = outcome.x.clone();
    let added = plan.problem.variables_behind(prepared.problem.dimension).into_iter();
    let added =
        added.filter_map(|(name, axes, place)| Some(Entry { name, axes, values: with_added.get(place)?.to_vec() }));
    let added = added.collect();
    outcome.x.truncate(prepared.problem.dimension as usize);
    let status = status(&outcome.stop, &certificate);
    let problem = &prepared.problem;
    let clock = || prepared.host().seconds();
    let began = clock();
    let values = Values::of(problem, &outcome, &said.answers, |after| match problem.sensitivities.is_empty() {
        true => vec![],
        false => differentiate(&Outcome { x: with_added, ..outcome.clone() }, status, after),
    });
    if !problem.sensitivities.is_empty() {
        time.certify += clock() - began;
    }
    Answer {
        status,
        objectives: values.objectives(),
        variables: values.decided(&outcome.x),
        named: values.named(),
        duals: [
            values.rows(outcome.multipliers.as_ref().map(|m| &m.rows), |c, y| c.dual_sign * y),
            values.supplied(&outcome.x),
        ]
        .concat(),
        slacks: values.rows(Some(&values.slacks), |_, slack| slack),
        lower_duals: values.bounds(outcome.multipliers.as_ref(), |lower, _| lower),
        upper_duals: values.bounds(outcome.multipliers.as_ref(), |_, upper| upper),
        reduced_costs: values.bounds(outcome.multipliers.as_ref(), |lower, upper| lower + upper),
        supplied: values.standing_for_multipliers(&outcome.x),
        added,
        certificate,
        diagnosis,
        plan: summary(plan.view(&prepared.sources), starts > 0),
        ensures: values.ensures(&prepared.sources),
        shows: problem.shows.iter().map(|s| values.entry(&s.text, &s.axes, s.stage)).collect(),
        sensitivities: values.sensitivities,
        counts: Counts {
            variables: problem.dimension as usize,
            constraints: problem.row_count(),
            iterations: outcome.iterations,
            starts,
            evaluations: outcome.evaluations,
            oracles: said.counts,
        },
        time,
        seed: plan.options.seed,
        stop: outcome.stop,
        x: outcome.x,
        multipliers: outcome.multipliers,
        log: outcome.log,
    }
}

/// An outcome and what the judge says of it.
pub(super) struct Judged {
    pub outcome: Outcome,
    pub certificate: Certificate,
}

impl Judged {
    /// Before any method ran.
    fn nothing_to_find(x: Vec<f64>) -> Outcome {
        let stop = Stop::Infeasible { ray: None };
        Outcome { x, multipliers: None, stop, iterations: 0, evaluations: Evaluations::default(), log: vec![] }
    }

    fn diagnosis(&self, prepared: &Prepared, plan: &Plan, options: &Options, limits: &Limits) -> Diagnosis {
        // What goes wrong between levels is not what goes wrong in one.
        if plan.nest.is_some() {
            return Diagnosis::default();
        }
        let ended = Ended {
            problem: &prepared.problem,
            sources: &prepared.sources,
            outcome: &self.outcome,
            status: status(&self.outcome.stop, &self.certificate),
            start: &plan.start.x[..prepared.problem.dimension as usize],
        };
        diagnose::of(&ended, options.infeasible_subset, limits)
    }

    /// Neither a point that holds nor an end that the user asked for.
    fn ended_badly(&self) -> bool {
        match status(&self.outcome.stop, &self.certificate) {
            Status::Infeasible | Status::LocallyInfeasible | Status::Failed | Status::Limit => true,
            Status::Solved | Status::LocallySolved | Status::BestFound | Status::Unbounded | Status::Interrupted => {
                false
            }
        }
    }

    /// Nothing global is proved of it, and its end was the method's own. A system of equations is met or not: another
    /// start is of use until one meets it, also where the first only crept.
    fn may_improve(&self, problem: &Problem) -> bool {
        let system = problem.objectives.is_empty();
        let ended = match self.outcome.stop {
            Stop::IterationLimit => !system,
            Stop::TimeLimit | Stop::Interrupted | Stop::Unbounded { .. } => true,
            _ => false,
        };
        !ended && matches!(self.certificate.proved, Proved::Nothing | Proved::StationaryInfeasibility { .. })
    }

    /// Converged to a better objective, by more than rounding; any converged one if this one is no answer.
    fn looks_better(&self, other: &Outcome, problem: &Problem) -> bool {
        if other.stop != Stop::Converged {
            return false;
        }
        if !self.certificate.holds() || self.outcome.stop != Stop::Converged {
            return true;
        }
        let Some(sense) = problem.objectives.first().map(|o| o.sense) else { return false };
        let value = |x: &[f64]| problem.objective_at(x).unwrap_or(0.0);
        let (mine, theirs) = (value(&self.outcome.x), value(&other.x));
        let gain = match sense {
            Sense::Minimize => mine - theirs,
            Sense::Maximize => theirs - mine,
        };
        gain > 1e-7 * mine.abs().max(1.0)
    }

    fn replace(&mut self, mut other: Judged) {
        other.outcome.evaluations = std::mem::take(&mut self.outcome.evaluations);
        other.outcome.log = std::mem::take(&mut self.outcome.log);
        *self = other;
    }

    fn count(&mut self, other: &Outcome) {
        self.outcome.evaluations.add(&other.evaluations);
    }
}

fn summary(view: PlanView, ran: bool) -> PlanSummary {
    let described = |name: &str, facts: &[String]| match facts {
        [] => name.to_string(),
        facts => format!("{name}: {}", facts.join("; ")),
    };
    PlanSummary {
        class: view.class,
        method: if ran { view.method } else { "presolve".to_string() },
        because: view.because,
        rewrites: view.rewrites.iter().map(|r| described(&r.name, &r.facts)).collect(),
        options: view.options.iter().filter(|o| o.set).map(|o| format!("{} = {}", o.name, o.value)).collect(),
        unused_options: view.unused_options,
        starts: view.starts_moved.into_iter().chain(view.starts_outside).collect(),
    }
}

/// All stages that are asked for after a solve, evaluated at its point by the referee.
struct Values<'p> {
    problem: &'p Problem,
    stages: Vec<Vec<f64>>,
    /// Of all rows: the distance to the nearest side, negative where it is violated.
    slacks: Vec<f64>,
    sensitivities: Vec<Sensitivity>,
}

impl<'p> Values<'p> {
    /// `differentiate` computes the sensitivities, which may read duals and slacks.
    fn of(
        problem: &'p Problem,
        outcome: &Outcome,
        answers: &[Vec<f64>],
        differentiate: impl FnOnce(&[Vec<f64>]) -> Vec<Sensitivity>,
    ) -> Values<'p> {
        let params = || problem.params.iter().map(|param| param.values.as_slice()).collect();
        // Rows first: what is shown may read their slacks.
        let slacks = slacks(problem, &outcome.x);
        let mut after = after_solve(problem, outcome, &slacks, answers);
        let sensitivities = differentiate(&after);
        for (after, quantity) in after.iter_mut().zip(&problem.after_solve) {
            if let AfterSolve::Sensitivity(k) = quantity {
                *after = sensitivities[*k as usize].entry.values.clone();
            }
        }
        let asked = problem.all_objectives().map(|o| o.stage).chain(problem.named.iter().map(|n| n.stage));
        let asked = asked.chain(problem.shows.iter().map(|s| s.stage));
        let sides = problem.ensures.iter().filter_map(|e| e.sides.as_ref());
        let ensured = problem.ensures.iter().map(|e| e.stage).chain(sides.flat_map(|(a, _, b)| [*a, *b]));
        let roots: Vec<StageId> = asked.chain(ensured).collect();
        let needed = eval::needed(&problem.stages, &roots);
        let inputs = Inputs { variables: &outcome.x, params: params(), after: &after };
        let stages = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
        Values { problem, stages, slacks, sensitivities }
    }

    fn stage(&self, id: StageId) -> &[f64] {
        &self.stages[id.0 as usize]
    }

    fn entry(&self, name: &str, axes: &Axes, stage: StageId) -> Entry {
        Entry { name: name.to_string(), axes: axes.clone(), values: self.stage(stage).to_vec() }
    }

    fn objectives(&self) -> Vec<ObjectiveValue> {
        let value = |stage| self.stage(stage).first().copied().unwrap_or(0.0);
        let objectives = self.problem.objectives.iter();
        objectives.map(|o| ObjectiveValue { name: o.label.clone(), sense: o.sense, value: value(o.stage) }).collect()
    }

    fn variables(&self, x: &[f64]) -> Vec<Entry> {
        let part = |offset: u32, count: usize| x[offset as usize..offset as usize + count].to_vec();
        let variables = self.problem.variables.iter();
        variables
            .map(|v| Entry { name: v.name.clone(), axes: v.axes.clone(), values: part(v.offset, v.axes.len()) })
            .collect()
    }

    /// The variables that a level decides.
    fn decided(&self, x: &[f64]) -> Vec<Entry> {
        let supplied: Vec<u32> = self.problem.blocks.iter().flat_map(|b| &b.supplied).map(|s| s.variable).collect();
        let all = self.variables(x).into_iter().zip(0..);
        all.filter(|(_, k)| !supplied.contains(k)).map(|(entry, _)| entry).collect()
    }

    /// The others.
    fn standing_for_multipliers(&self, x: &[f64]) -> Vec<Entry> {
        let supplied: Vec<u32> = self.problem.blocks.iter().flat_map(|b| &b.supplied).map(|s| s.variable).collect();
        let all = self.variables(x).into_iter().zip(0..);
        all.filter(|(_, k)| supplied.contains(k)).map(|(entry, _)| entry).collect()
    }

    /// Duals of the rows of blocks.
    fn supplied(&self, x: &[f64]) -> Vec<Entry> {
        let mut out = vec![];
        for block in &self.problem.blocks {
            for s in &block.supplied {
                let SuppliedBy::Row(k) = s.by else { continue };
                let (row, variable) = (&block.constraints[k as usize], &self.problem.variables[s.variable as usize]);
                if row.domain_of.is_none() {
                    let first = variable.offset as usize;
                    let values = x[first..first + variable.axes.len()].to_vec();
                    out.push(Entry { name: row.label.clone(), axes: row.axes.clone(), values });
                }
            }
        }
        out
    }

    /// Named expressions, and the objectives of blocks.
    fn named(&self) -> Vec<Entry> {
        let named = self.problem.named.iter().map(|n| self.entry(&n.name, &n.axes, n.stage));
        let inner = self.problem.blocks.iter().flat_map(|b| b.objectives.iter().map(|o| (o, &b.axes)));
        named.chain(inner.map(|(o, axes)| self.entry(&o.label, axes, o.stage))).collect()
    }

    /// A figure per row, by family of rows; rows that state a domain of a variable are not shown.
    fn rows(&self, figures: Option<&Vec<f64>>, turned: impl Fn(&Constraint, f64) -> f64) -> Vec<Entry> {
        let Some(figures) = figures else { return vec![] };
        let starts = self.problem.row_starts();
        let families = self.problem.constraints.iter().zip(&starts).filter(|(c, _)| c.domain_of.is_none());
        families
            .map(|(c, &start)| {
                let values = figures[start..start + c.rows as usize].iter().map(|&v| turned(c, v)).collect();
                Entry { name: c.label.clone(), axes: c.axes.clone(), values }
            })
            .collect()
    }

    /// A figure per bound, by family of variables.
    fn bounds(&self, multipliers: Option<&Multipliers>, pick: impl Fn(f64, f64) -> f64) -> Vec<Entry> {
        let Some(multipliers) = multipliers else { return vec![] };
        let figures: Vec<f64> = multipliers.lower.iter().zip(&multipliers.upper).map(|(&l, &u)| pick(l, u)).collect();
        self.variables(&figures)
    }

    fn ensures(&self, sources: &Sources) -> Vec<Ensured> {
        let first = |id: StageId| self.stage(id).first().copied().unwrap_or(f64::NAN);
        let ensures = self.problem.ensures.iter();
        ensures
            .map(|e| Ensured {
                text: e.text.clone(),
                line: sources.line_column(e.span.source, e.span.start).0,
                span: e.span,
                holds: self.stage(e.stage).iter().all(|&v| v == 1.0),
                sides: e.sides.as_ref().map(|(a, op, b)| (first(*a), op.clone(), first(*b))),
            })
            .collect()
    }
}

/// Of all rows: the distance to the nearest side, negative where it is violated.
pub(super) fn slacks(problem: &Problem, x: &[f64]) -> Vec<f64> {
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let rows: Vec<StageId> = problem.constraints.iter().map(|c| c.stage).collect();
    let needed = eval::needed(&problem.stages, &rows);
    let inputs = Inputs { variables: x, params, after: &[] };
    let stages = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
    let bodies = rows.iter().flat_map(|id| stages[id.0 as usize].iter().copied());
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    bodies.enumerate().map(|(r, c)| (c - bounds.row_lower[r]).min(bounds.row_upper[r] - c)).collect()
}

/// The same of a constraint of a block.
fn block_slacks(problem: &Problem, block: u32, row: u32, x: &[f64]) -> Vec<f64> {
    let c = &problem.blocks[block as usize].constraints[row as usize];
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    let needed = eval::needed(&problem.stages, &[c.stage]);
    let stages = eval::stages(&problem.graph, &problem.stages, &needed, &Inputs { variables: x, params, after: &[] });
    let numbers = Numbers::of(problem);
    let side = |data| numbers.column(problem, data, c.rows as usize);
    let (lower, upper) = (side(&c.lower), side(&c.upper));
    let body = stages[c.stage.0 as usize].iter().zip(lower.iter().zip(&upper));
    body.map(|(v, (l, u))| (v - l).min(u - v)).collect()
}

/// What `Source::After(k)` reads. Without multipliers the duals are not known: NaN. Sensitivities are filled in later.
pub(super) fn after_solve(problem: &Problem, outcome: &Outcome, slacks: &[f64], answers: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let starts = problem.row_starts();
    let multipliers = outcome.multipliers.as_ref();
    let rows = |k: u32| starts[k as usize]..starts[k as usize + 1];
    let of_rows = |k: u32| -> Vec<f64> {
        let sign = problem.constraints[k as usize].dual_sign;
        rows(k).map(|r| multipliers.map_or(f64::NAN, |m| sign * m.rows[r])).collect()
    };
    let of_bounds = |k: u32, pick: fn(f64, f64) -> f64| -> Vec<f64> {
        let owner = &problem.variables[k as usize];
        let first = owner.offset as usize;
        let at = |j: usize| multipliers.map_or(f64::NAN, |m| pick(m.lower[j], m.upper[j]));
        (first..first + owner.axes.len()).map(at).collect()
    };
    let buffer = |after: &AfterSolve| match after {
        AfterSolve::Dual(k) => of_rows(*k),
        AfterSolve::Slack(k) => rows(*k).map(|r| slacks[r]).collect(),
        AfterSolve::LowerDual(k) => of_bounds(*k, |lower, _| lower),
        AfterSolve::UpperDual(k) => of_bounds(*k, |_, upper| upper),
        AfterSolve::ReducedCost(k) => of_bounds(*k, |lower, upper| lower + upper),
        AfterSolve::Answer(call) => answers.get(*call as usize).cloned().unwrap_or_default(),
        AfterSolve::BlockSlack(block, row) => block_slacks(problem, *block, *row, &outcome.x),
        AfterSolve::Argument(_) | AfterSolve::Sensitivity(_) | AfterSolve::Unsupported => vec![],
    };
    problem.after_solve.iter().map(buffer).collect()
}
