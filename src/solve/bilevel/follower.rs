//! One instance of a block, planned, and solved again and again for what the others decide.

use super::direct::Direct;
use super::facts::BlockFacts;
use crate::answer::branching::Branches;
use crate::answer::{Evaluations, LogLine, Multipliers, Outcome, Stop};
use crate::diag::Sources;
use crate::linalg::kkt::Kkt;
use crate::linalg::ldlt::{Analyses, remembering};
use crate::problem::level::Level;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Problem, SuppliedBy};
use crate::solve::method::{Claim, Context, Method, Run};
use crate::solve::monitor::Monitor;
use crate::solve::options::Options;
use crate::solve::parts::random::Random;
use crate::solve::view::EngineView;
use crate::threads;
use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Follower {
    pub block: u32,
    pub instance: u32,
    pub level: Level,
    /// The planned method, and its options.
    pub method: &'static Method,
    pub options: Options,
    /// Convex wherever the others are.
    pub convex: bool,
    /// Of second degree in what it decides.
    quadratic: bool,
    /// Positions in the whole vector of what its multipliers supply.
    pub supplied: Vec<u32>,
    /// Kept from solve to solve: nothing is compiled twice.
    view: Option<EngineView>,
    /// Newton steps of one that nothing constrains, with factors that are kept as well.
    direct: Option<Direct>,
    /// Orders of sparse factorisations, kept likewise.
    pub analyses: Analyses,
    /// The last answer and its multipliers, to start from.
    last: Option<(Vec<f64>, Option<Multipliers>)>,
}

impl Follower {
    pub fn new(
        problem: &Problem,
        block: u32,
        instance: u32,
        level: Level,
        method: &'static Method,
        options: Options,
        facts: &BlockFacts,
    ) -> Follower {
        let here = &problem.blocks[block as usize];
        let mine = |s: &crate::problem::Supplied| {
            let v = &problem.variables[s.variable as usize];
            let instances = v.axes.instances(&here.axes);
            (0..v.axes.len() as u32).filter(move |&p| instances[p as usize] == instance).map(|p| v.offset + p)
        };
        let supplied = here.supplied.iter().flat_map(mine).collect();
        Follower {
            block,
            instance,
            level,
            method,
            options,
            convex: facts.convex.is_ok(),
            quadratic: facts.degree.is_some_and(|degree| degree <= 2),
            supplied,
            view: None,
            direct: None,
            analyses: Analyses::default(),
            last: None,
        }
    }

    /// Lets another method solve it from now on; nothing of what was learnt is used.
    pub fn solve_by(&mut self, method: &'static Method) {
        self.method = method;
        (self.view, self.direct, self.last) = (None, None, None);
    }

    /// Second derivatives at its last answer, factored, for the next solve to start with.
    pub fn keep_factors(&mut self, factors: Kkt) {
        if let (Some(direct), false) = (&mut self.direct, self.quadratic) {
            direct.take(factors);
        }
    }

    /// `H⁻¹ a` at its last answer, if nothing constrains it and factors of its second derivatives `H` are there.
    pub fn adjoint(&mut self, a: &[f64]) -> Option<Vec<f64>> {
        self.direct.as_mut()?.adjoint(a)
    }

    /// Solves for what the others decide in `whole`, from the last answer, else from what `whole` has.
    pub fn solve(&mut self, whole: &[f64], monitor: &Monitor, sources: &Sources) -> Outcome {
        let (start, warm) = match self.last.take() {
            Some((x, multipliers)) => (x, multipliers),
            None => (self.level.part(whole), None),
        };
        let outcome = self.solve_from(whole, start, warm, monitor, sources);
        if outcome.stop == Stop::Converged {
            self.last = Some((outcome.x.clone(), outcome.multipliers.clone()));
        }
        outcome
    }

    /// Lets the first solve begin at a point of all variables and the multipliers that it has.
    pub fn begin_at(&mut self, problem: &Problem, whole: &[f64]) {
        let multipliers = super::given::multipliers(problem, self, whole);
        self.last = Some((self.level.part(whole), Some(multipliers)));
    }

    /// The same from a given start, forgetting nothing.
    pub fn solve_from(
        &mut self,
        whole: &[f64],
        start: Vec<f64>,
        warm: Option<Multipliers>,
        monitor: &Monitor,
        sources: &Sources,
    ) -> Outcome {
        let mut outcome = self.found(whole, start, warm, monitor, sources);
        // A search through branches that holds a candidate is done; what it proves is for the judge.
        if matches!(outcome.stop, Stop::Branched(_)) {
            outcome.stop = match outcome.multipliers {
                Some(_) => Stop::Converged,
                None => Stop::NoProgress("no branch holds an answer".to_string()),
            };
        }
        outcome
    }

    /// The tree that shows that no answer to `whole` is better, if the method makes one.
    pub fn tree(&mut self, whole: &[f64], monitor: &Monitor, sources: &Sources) -> Option<Branches> {
        if self.method.claim != Claim::Global {
            return None;
        }
        let start = self.level.part(whole);
        match self.found(whole, start, None, monitor, sources).stop {
            Stop::Branched(tree) => Some(*tree),
            _ => None,
        }
    }

    /// What the method hands back.
    fn found(
        &mut self,
        whole: &[f64],
        start: Vec<f64>,
        warm: Option<Multipliers>,
        monitor: &Monitor,
        sources: &Sources,
    ) -> Outcome {
        self.level.set_outside(whole);
        let outside = self.level.outside(whole);
        self.prepare(&start, sources);
        let Follower { level, method, options, direct, analyses, .. } = self;
        let view = self.view.as_mut().expect("it was prepared");
        view.set_param(level.outside, &outside);
        let begin = view.reduce(&start);
        let direct = direct.as_mut().and_then(|direct| direct.minimise(view, &begin, monitor));
        let outcome = direct.unwrap_or_else(|| {
            let solve = |monitor: &mut Monitor| run(view, method, start, warm, options, monitor);
            remembering(analyses, || quietly(monitor, solve))
        });
        view.lift(outcome)
    }

    /// Compiles what is not compiled yet.
    fn prepare(&mut self, start: &[f64], sources: &Sources) {
        if self.view.is_some() {
            return;
        }
        let problem = &self.level.problem;
        let direct = self.method.name == Direct::INSTEAD_OF && self.convex && Direct::is_affordable(problem);
        let curved = direct || (self.method.second_order)(&self.options);
        let view = EngineView::seen(problem, self.method.sees, curved, start, sources);
        let tolerance = || self.options.number(self.method.options, "tol");
        self.direct = direct.then(|| Direct::new(&view, self.quadratic, tolerance())).flatten();
        self.view = Some(view);
    }

    /// Answers from several starts, best first: more than one only of a follower that is neither convex nor solved by a
    /// method that looks everywhere.
    pub fn answers(
        &mut self,
        whole: &[f64],
        starts: usize,
        seed: u64,
        monitor: &Monitor,
        sources: &Sources,
    ) -> Vec<Outcome> {
        let here = self.level.part(whole);
        let mut all = vec![self.solve_from(whole, here.clone(), None, monitor, sources)];
        if !self.convex && self.method.claim != Claim::Global {
            let bounds = Bounds::of(&self.level.problem, &Numbers::of(&self.level.problem));
            for start in around(&bounds, &here, starts, seed) {
                all.push(self.solve_from(whole, start, None, monitor, sources));
            }
        }
        all.retain(|outcome| outcome.stop == Stop::Converged);
        let mut valued: Vec<(f64, Outcome)> = all.into_iter().map(|o| (self.value(&o.x), o)).collect();
        valued.sort_by(|a, b| a.0.total_cmp(&b.0));
        valued.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// The objective, turned so that it is minimised, for what the others decided last.
    pub fn value(&self, own: &[f64]) -> f64 {
        self.level.problem.minimised_at(own)
    }

    /// Writes an answer into a point of all variables: what the follower decides, and what its multipliers supply.
    pub fn put(&self, problem: &Problem, outcome: &Outcome, whole: &mut [f64]) {
        self.level.put(&outcome.x, whole);
        let Some(multipliers) = &outcome.multipliers else { return };
        self.put_multipliers(problem, multipliers, whole);
    }

    /// Writes what multipliers, or their movement, supply.
    pub fn put_multipliers(&self, problem: &Problem, multipliers: &Multipliers, whole: &mut [f64]) {
        let block = &problem.blocks[self.block as usize];
        // Positions in the whole vector of what the follower decides, to find bounds by.
        let own = |position: u32| self.level.own.iter().position(|&k| k == position);
        for s in &block.supplied {
            let offset = problem.variables[s.variable as usize].offset;
            match s.by {
                SuppliedBy::Row(k) => {
                    let sign = block.constraints[k as usize].dual_sign;
                    for (r, _) in self.level.rows.iter().enumerate().filter(|(_, (c, _))| *c == k) {
                        whole[(offset + self.level.rows[r].1) as usize] = sign * multipliers.rows[r];
                    }
                }
                SuppliedBy::Lower(v) | SuppliedBy::Upper(v) | SuppliedBy::ReducedCost(v) => {
                    let owner = &problem.variables[v as usize];
                    for p in 0..owner.axes.len() as u32 {
                        let Some(j) = own(owner.offset + p) else { continue };
                        let (lower, upper) = (multipliers.lower[j], multipliers.upper[j]);
                        whole[(offset + p) as usize] = match s.by {
                            SuppliedBy::Lower(_) => lower,
                            SuppliedBy::Upper(_) => upper,
                            SuppliedBy::Row(_) | SuppliedBy::ReducedCost(_) => lower + upper,
                        };
                    }
                }
            }
        }
    }
}

/// Notes the multipliers of a follower's bounds by position in the whole vector.
pub fn carry(level: &Level, outcome: &Outcome, lower: &mut [f64], upper: &mut [f64]) {
    let Some(m) = &outcome.multipliers else { return };
    for (j, &k) in level.own.iter().enumerate() {
        (lower[k as usize], upper[k as usize]) = (m.lower[j], m.upper[j]);
    }
}

/// What `ask` says of each, by as many threads as evaluations may use. Who asks does not matter for what is said.
pub fn side_by_side<T: Send, A: Send>(of: &mut [T], ask: impl Fn(&mut T, usize) -> A + Sync) -> Vec<A> {
    threads::each(of.iter_mut().enumerate().collect(), threads::count(), |(k, one)| ask(one, k))
}

/// The same for solves, each with a monitor that ends it when the clock or the user does: this thread looks at both
/// while others solve.
pub fn solve_side_by_side<T: Send, A: Send>(
    of: &mut [T],
    monitor: &Monitor,
    solve: impl Fn(&mut T, &mut Monitor) -> A + Sync,
) -> Vec<A> {
    let over = AtomicBool::new(false);
    let slots: Vec<Mutex<(&mut T, Option<A>)>> = of.iter_mut().map(|one| Mutex::new((one, None))).collect();
    let one = |k: usize, watch: &mut Monitor| {
        let mut slot = slots[k].lock().expect("each is solved by one thread");
        let found = solve(&mut *slot.0, watch);
        slot.1 = Some(found);
    };
    let beside = |_: usize, k: usize| {
        let (asked_to_stop, mut quiet) = (|| over.load(Ordering::Relaxed), |_: &LogLine| ControlFlow::Continue(()));
        one(k, &mut Monitor::new(&|| 0.0, &asked_to_stop, &mut quiet));
    };
    let mut look = || over.store(monitor.over().is_some(), Ordering::Relaxed);
    if !threads::run_watched(slots.len(), threads::count(), &beside, &mut look) {
        let mut quiet = |_: &LogLine| ControlFlow::Continue(());
        let mut watch =
            Monitor { deadline: monitor.deadline, ..Monitor::new(monitor.clock, monitor.interrupted, &mut quiet) };
        (0..slots.len()).for_each(|k| one(k, &mut watch));
    }
    let found = slots.into_iter().map(|slot| slot.into_inner().expect("no thread panicked").1);
    found.map(|found| found.expect("all were solved")).collect()
}

/// Followers that read nothing of each other, in runs of neighbours, each after those whose answers it reads.
pub fn runs(followers: &[Follower]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = vec![];
    let mut decided: HashSet<u32> = HashSet::new();
    for (k, follower) in followers.iter().enumerate() {
        let reads = follower.level.reads.iter().any(|position| decided.contains(position));
        match runs.last_mut() {
            Some(run) if !reads => run.end = k + 1,
            _ => {
                decided.clear();
                runs.push(k..k + 1);
            }
        }
        decided.extend(&follower.level.own);
        decided.extend(&follower.supplied);
    }
    runs
}

/// Runs a method on what it is shown.
pub fn run(
    view: &mut EngineView,
    method: &Method,
    start: Vec<f64>,
    warm: Option<Multipliers>,
    options: &Options,
    monitor: &mut Monitor,
) -> Outcome {
    let reduced = view.reduce(&start);
    if reduced.is_empty() {
        return view.constant_outcome();
    }
    let warm = warm.map(|m| view.reduce_multipliers(&m));
    let Run::Functions(solve) = method.run else {
        unreachable!("followers are solved by methods that see functions, chosen by name");
    };
    solve(&mut Context { nlp: view, start: reduced, warm, options, monitor })
}

/// With a monitor of its own under the same clock, limits and interrupts: lines of inner solves are not shown.
pub fn quietly<T>(monitor: &Monitor, solve: impl FnOnce(&mut Monitor) -> T) -> T {
    let mut progress = |_: &crate::answer::LogLine| ControlFlow::Continue(());
    let mut inner = Monitor {
        deadline: monitor.deadline,
        meter: monitor.meter.clone(),
        ..Monitor::new(monitor.clock, monitor.interrupted, &mut progress)
    };
    solve(&mut inner)
}

/// Points within bounds, drawn around `x` where there is no bound.
pub fn around(bounds: &Bounds, x: &[f64], count: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = Random::new(seed ^ 0x0b11_e5e1);
    let mut point = || {
        let draw = |(k, &v): (usize, &f64)| {
            let reach = 10.0 * v.abs().max(1.0);
            let lower = if bounds.lower[k].is_finite() { bounds.lower[k] } else { v.min(bounds.upper[k]) - reach };
            let upper = if bounds.upper[k].is_finite() { bounds.upper[k] } else { v.max(lower) + reach };
            lower + (upper - lower) * random.unit()
        };
        x.iter().enumerate().map(draw).collect()
    };
    (0..count).map(|_| point()).collect()
}

/// What could not be found.
pub fn nothing(x: Vec<f64>, stop: Stop) -> Outcome {
    Outcome { x, multipliers: None, stop, iterations: 0, evaluations: Evaluations::default(), log: vec![] }
}
