//! The plan of a problem that contains problems: facts of each block, how its instances are solved by themselves, and the
//! method that solves all levels.

use super::explain::{BlockView, with_line};
use super::inside::{self, Inside};
use super::rewrites::{Rewritten, epigraph};
use super::{Plan, Request, execute, refusal, settings, start};
use crate::answer::Outcome;
use crate::diag::{Diagnostic, Sources};
use crate::problem::features::{Fact, Features};
use crate::problem::{BlockKind, Problem};
use crate::solve::bilevel::facts::{BlockFacts, Nest};
use crate::solve::bilevel::follower::{Follower, side_by_side};
use crate::solve::bilevel::{self, Context, Method, given};
use crate::solve::complementarity::branching;
use crate::solve::method::{Claim, Method as Smooth};
use crate::solve::monitor::Monitor;
use crate::solve::options::Options;
use std::borrow::Cow;

/// What is planned of the blocks.
#[derive(Clone, Debug)]
pub struct NestPlan {
    pub nest: Nest,
    /// How instances of each block are solved by themselves: a row of [`crate::solve::METHODS`].
    pub inner: Vec<&'static str>,
    /// Blocks that stand inside others; the problem that is planned has them as conditions of those.
    pub inside: Option<Inside>,
}

/// Plans a problem that has blocks other than conditions.
pub(super) fn plan(problem: &Problem, request: &Request) -> Result<Plan, Vec<Diagnostic>> {
    players(problem)?;
    matrix_functions(problem)?;
    pairs(problem)?;
    refusal::all_integers(problem)?;
    asked(problem)?;
    let mut start = start::of(problem);
    let smooth = problem.without_kinks().map_err(|kink| vec![kinked(&kink)])?;
    let (problem, rewrites) = match &smooth {
        Some(smooth) => {
            start.x = smooth.extended(&start.x);
            (&smooth.problem, vec![Rewritten { name: epigraph::REWRITE.name, facts: smooth.facts() }])
        }
        None => (problem, vec![]),
    };
    let (written, inside) = match inside::written(problem, &start.x)? {
        Some((written, inside)) => (Cow::Owned(written), Some(inside)),
        None => (Cow::Borrowed(problem), None),
    };
    let problem = &*written;
    start.x.resize(problem.dimension as usize, 0.0);
    let nest = Nest::of(problem, &start.x);
    pessimistic(nest.blocks.iter().chain(inside.iter().flat_map(|i| i.blocks.iter().map(|inner| &inner.facts))))?;
    let (method, because) = choose(&nest, request)?;
    let options = request.checked_options_of(method.name, method.options)?;
    let inner = nest.blocks.iter().map(inner_method).collect();
    let others = bilevel::METHODS.iter().filter(|other| other.name != method.name);
    Ok(Plan {
        class: class(problem, &nest, inside.as_ref()),
        facts: vec![],
        rewrites,
        method: method.name,
        because,
        restarts: 0,
        asked: false,
        settings: settings(method.options, &options, &options),
        unused_options: request.unused(),
        options,
        others: others.map(|other| (other.name, (other.accepts)(&nest).err())).collect(),
        start,
        problem: problem.clone(),
        lifts: vec![],
        reduced: None,
        nest: Some(NestPlan { nest, inner, inside }),
    })
}

/// Players are planned by nobody yet.
fn players(problem: &Problem) -> Result<(), Vec<Diagnostic>> {
    let players = problem.blocks.iter().filter(|b| b.kind == BlockKind::Player);
    let refused: Vec<Diagnostic> = players
        .map(|block| {
            let sentence =
                format!("`player {}` is a player of a game, and no method of this build finds equilibria", block.name);
            Diagnostic::error("unsupported-construct", block.span, sentence)
        })
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// A problem whose rows are pairs is not convex and has no multipliers of the usual kind: what its answer is cannot be
/// written as conditions. Pairs of the outermost level stand beside those of the followers.
fn pairs(problem: &Problem) -> Result<(), Vec<Diagnostic>> {
    let refused: Vec<Diagnostic> = problem
        .blocks
        .iter()
        .filter_map(|block| Some((block, block.constraints.iter().find(|row| row.complements)?)))
        .map(|(block, pair)| {
            let message = format!(
                "the complementarity `{}` is a condition inside `{} {}`: no conditions are known that say what the answer \
                 of such a problem is",
                pair.label,
                block.kind.word(),
                block.name
            );
            Diagnostic::error("unsupported-construct", pair.span, message)
        })
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

fn kinked(kink: &Fact) -> Diagnostic {
    let message = format!("no method for problems inside problems takes this kink: {}", kink.sentence);
    let help = "convex kinks of what is minimised, and of rows `... <= b`, are taken";
    Diagnostic::error("no-method", kink.span.unwrap_or_default(), message).help(help)
}

/// No method looks for the worst of several answers.
fn pessimistic<'a>(blocks: impl Iterator<Item = &'a BlockFacts>) -> Result<(), Vec<Diagnostic>> {
    let refused: Vec<Diagnostic> = blocks
        .filter_map(|block| Some((block, block.worst.as_ref()?)))
        .map(|(block, missing)| {
            let message = format!(
                "`lower {}` is pessimistic, and no method finds the worst of several answers; {}",
                block.name, missing.sentence
            );
            let help = "say `optimistic`, or add a small multiple of the squares of what it decides to what it minimises: \
                        with one answer to read, both mean the same";
            Diagnostic::error("unsupported-construct", missing.span.unwrap_or_default(), message).help(help)
        })
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// Methods for problems inside problems read derivatives, which answers of oracles have not.
fn asked(problem: &Problem) -> Result<(), Vec<Diagnostic>> {
    let Some(asked) = Features::of(problem).asked else { return Ok(()) };
    let message = "no method asks oracles where there are problems inside the problem";
    Err(vec![Diagnostic::error("unsupported-construct", asked.oracle.span.unwrap_or(problem.blocks[0].span), message)])
}

/// Slopes of a follower through a function of a matrix are not made: refused, not left out.
fn matrix_functions(problem: &Problem) -> Result<(), Vec<Diagnostic>> {
    let Some(stage) = problem.stages.iter().find(|stage| stage.matrix.is_some()) else { return Ok(()) };
    let span = problem.blocks[0].span;
    let message = format!(
        "`{}` is a function of a matrix of variables, which no method for problems inside problems takes",
        stage.name
    );
    Err(vec![Diagnostic::error("unsupported-construct", span, message)])
}

fn choose(nest: &Nest, request: &Request) -> Result<(&'static Method, Vec<Fact>), Vec<Diagnostic>> {
    if let Some((name, span)) = &request.method {
        let Some(method) = bilevel::by_name(name) else {
            let names: Vec<&str> = bilevel::METHODS.iter().map(|method| method.name).collect();
            let message = match crate::solve::by_name(name) {
                Some(_) => format!("`{name}` solves problems of one level, and this one contains another"),
                None => format!("there is no method `{name}`"),
            };
            let help = format!("the methods for problems inside problems are {}", names.join(", "));
            let id = if crate::solve::by_name(name).is_some() { "method-refuses" } else { "unknown-method" };
            return Err(vec![Diagnostic::error(id, *span, message).help(help)]);
        };
        return match (method.accepts)(nest) {
            Ok(()) => Ok((method, vec![Fact::at("it was asked for", *span)])),
            Err(objection) => Err(vec![refusal::objection(method.name, &objection, *span)]),
        };
    }
    let mut objections = vec![];
    for method in bilevel::METHODS {
        match (method.accepts)(nest) {
            // What would take too long is not begun unless it is asked for.
            Ok(())
                if method.claim == Claim::Global
                    && nest.branches.as_ref().is_ok_and(|pairs| *pairs > branching::FEW_PAIRS) => {}
            Ok(()) => return Ok((method, vec![Fact::new(format!("chosen {}", method.chosen))])),
            Err(objection) => objections.push((method.name, objection)),
        }
    }
    let (name, first) = &objections[0];
    let span = first.span.unwrap_or_default();
    let message =
        format!("no method accepts this problem with a problem inside: `{name}` objects that {}", first.sentence);
    Err(vec![Diagnostic::error("no-method", span, message)])
}

/// An exact Hessian is affordable up to this many variables of one instance. A guess.
const FEW: usize = 5_000;

pub(super) fn inner_method(block: &BlockFacts) -> &'static str {
    match (block.rows == 0, block.variables <= FEW) {
        _ if block.branches => "complementarity_branching",
        _ if block.pairs.is_some() => "complementarity_relaxation",
        (true, true) if block.bounded.is_none() => "trust_region_newton",
        (true, false) if block.bounded.is_none() => "lbfgs",
        _ => "interior_point",
    }
}

fn class(problem: &Problem, nest: &Nest, inside: Option<&Inside>) -> String {
    let count: usize = nest.blocks.iter().map(|b| b.instances).sum();
    let convex = nest.blocks.iter().all(|b| b.convex.is_ok());
    let followers = match count {
        1 => format!("{} follower", if convex { "a convex" } else { "a" }),
        _ => format!("{count} {}followers", if convex { "convex " } else { "" }),
    };
    let kind = if problem.objectives.is_empty() { "feasibility problem" } else { "program" };
    let what = inside.map_or(format!("bilevel {kind}"), |inside| format!("{kind} of {} levels", inside.levels()));
    format!("{what} with {followers}")
}

impl NestPlan {
    /// Each block as `merit plan` shows it.
    pub(super) fn views(&self, sources: &Sources) -> Vec<BlockView> {
        let view = |(block, inner): (&BlockFacts, &'static str)| BlockView {
            kind: block.kind.word().to_string(),
            name: block.name.clone(),
            instances: block.instances,
            decides: block.decides.clone(),
            reads: block.reads.clone(),
            facts: block.proved().iter().map(|fact| with_line(fact, sources)).collect(),
            method: inner.to_string(),
        };
        let Some(inside) = &self.inside else {
            return self.nest.blocks.iter().zip(self.inner.iter().copied()).map(view).collect();
        };
        let mut views = vec![];
        for (b, block) in (0..).zip(&inside.stated.blocks) {
            let name = |v: &u32| inside.stated.variables[*v as usize].name.clone();
            let decides = block.variables.iter().map(name).collect();
            let planned = match (inside.beside(b), inside.of(b)) {
                (Some(k), _) => (&self.nest.blocks[k], self.inner[k]),
                (None, Some(inner)) => (&inner.facts, inner.method),
                (None, None) => continue,
            };
            // Also what it holds decides, of which more is said below.
            views.push(BlockView { decides, ..view(planned) });
        }
        views
    }

    /// Solves all levels. The outcome is a point of the whole problem.
    pub fn execute(
        &self,
        problem: &Problem,
        plan: &Plan,
        warm: Option<&execute::Warm>,
        sources: &Sources,
        monitor: &mut Monitor,
    ) -> Outcome {
        let Some(method) = bilevel::by_name(plan.method) else { unreachable!("the plan names a row of the table") };
        let warm = warm.and_then(|w| w.whole(problem));
        let is_warm = warm.is_some();
        let start = warm.unwrap_or_else(|| plan.start.x.clone());
        let mut followers = followers(problem, self, &start, plan.options.seed);
        for follower in followers.iter_mut().filter(|f| is_warm || given::begins(problem, f.block)) {
            follower.begin_at(problem, &start);
        }
        let mut context = Context {
            problem,
            nest: &self.nest,
            followers,
            warm: is_warm,
            start,
            options: &plan.options,
            monitor,
            sources,
        };
        (method.run)(&mut context)
    }
}

/// All instances of all blocks, each after those whose answers it reads, as far as that goes.
pub fn followers(problem: &Problem, plan: &NestPlan, whole: &[f64], seed: u64) -> Vec<Follower> {
    let mut waiting: Vec<Follower> = vec![];
    for (b, (facts, inner)) in plan.nest.blocks.iter().zip(&plan.inner).enumerate() {
        let method: &'static Smooth = crate::solve::by_name(inner).expect("a row of the table");
        let mut instances: Vec<u32> = (0..facts.instances as u32).collect();
        waiting.extend(side_by_side(&mut instances, |instance, _| {
            let level = problem.level(b as u32, *instance, whole);
            let options = Options { set: vec![], seed };
            Follower::new(problem, b as u32, *instance, level, method, options, facts)
        }));
    }
    let mut decided_by = vec![usize::MAX; whole.len()];
    for (k, follower) in waiting.iter().enumerate() {
        follower.level.own.iter().for_each(|&j| decided_by[j as usize] = k);
    }
    let reads: Vec<Vec<usize>> = waiting
        .iter()
        .map(|f| f.level.reads.iter().map(|&j| decided_by[j as usize]).filter(|&k| k != usize::MAX).collect())
        .collect();
    let mut order: Vec<usize> = vec![];
    let mut placed = vec![false; waiting.len()];
    while order.len() < waiting.len() {
        let ready = (0..waiting.len()).find(|&k| !placed[k] && reads[k].iter().all(|&r| placed[r]));
        // Followers that read each other in a circle stand in the order of the model.
        let next = ready.or_else(|| (0..waiting.len()).find(|&k| !placed[k])).expect("one is not placed");
        placed[next] = true;
        order.push(next);
    }
    let mut slots: Vec<Option<Follower>> = waiting.into_iter().map(Some).collect();
    order.into_iter().map(|k| slots[k].take().expect("each stands once")).collect()
}
