//! Convex problems but for complementary pairs: the ways in which pairs may hold, gone through with bounds.
//!
//! Where pairs keep their sides only, the problem is convex, and multipliers of its answer bound the objective of all
//! points of the branch. The branch of the least bound is split at the pair that its answer violates most, one branch for
//! each way in which that may hold ([`Way`]); no multiplier needs a bound of its own for that. Each answer is moved to the
//! ways that it is nearest to and solved there: the best such point is the candidate, or that at the end of the path of
//! [`relaxation`], which comes first. A branch that cannot hold a point better than the candidate, by its bound or because
//! weights of its rows show that it holds none at all, is left. What comes back is the tree with what shows each leaf; the
//! judge goes through it again, and only it proves anything.
//! A branch whose problem is unbounded, or was not solved, has no bound and is split on; whether one that was not solved is
//! empty is asked of its rows alone ([`super::elastic`]).
//!
//! Sources: Bard and Moore (1990), SIAM Journal on Scientific and Statistical Computing 11, 281-292; for the bound Boyd and
//! Vandenberghe (2004), Convex Optimization, chapter 5.

use super::branch::{Branch, nearest};
use super::elastic::Elastic;
use super::relaxation;
use crate::answer::branching::{Branches, Leaf, Shown};
use crate::answer::{Multipliers, Outcome, Stop};
use crate::linalg::dense::symmetric_eigenvalues;
use crate::problem::complementarity::{Way, ways};
use crate::problem::features::{Fact, Features};
use crate::solve::bilevel::follower::quietly;
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees};
use crate::solve::monitor::Monitor;
use crate::solve::nlp::{Nlp, Shape};
use crate::solve::options::{Default, OptionRow, Options};
use crate::solve::parts::ending::{line, outcome};
use crate::solve::smooth::interior_point;
use std::ops::ControlFlow;

/// The row of the method.
pub const METHOD: Method = Method {
    name: "complementarity_branching",
    doc: "all ways in which complementary pairs may hold, those left out that a convex bound shows to be no better",
    source: "Bard and Moore (1990), SIAM Journal on Scientific and Statistical Computing 11, 281-292",
    chosen: "for complementary pairs among linear rows under a convex objective, up to 60 pairs",
    claim: Claim::Global,
    sees: Sees::Pairs,
    second_order: |_| true,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

/// Options of the search, with and without followers.
pub const OPTIONS: &[OptionRow] = &[
    OptionRow {
        name: "tol",
        doc: "how much better than the answer a branch that is left may be, relative to max(1, |f|)",
        default: Default::Number { value: 1e-7, least: 1e-12, most: 1e-2 },
    },
    OptionRow {
        name: "nodes",
        doc: "the most branches that are solved; what is left open then is told as a gap",
        default: Default::Number { value: 2000.0, least: 1.0, most: 1e9 },
    },
];

/// Where a variable has no bound and a slope is left to it, the bound is that within this many times `max(1, |x|)`: it
/// decides what is looked at next. What is proved is decided by the judge.
const REACH: f64 = 10.0;
/// Weights of rows show a branch to be empty if they are positive by this part of their terms.
const CLEAR: f64 = 1e-9;
/// What the barrier leaves of weights that are 0, relative to the largest.
const LEFT: f64 = 1e-8;
/// What a branch may take: convex problems take tens.
const BRANCH_ITERATIONS: usize = 200;
/// A Hessian of this size is examined before anything else.
const MOST_VARIABLES: usize = 2000;

/// Branching on so many pairs usually ends within its limit of nodes; the planner asks nobody to try more.
pub const FEW_PAIRS: usize = 60;

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_pairs()?;
    features.needs_smoothness()?;
    features.needs_an_objective()?;
    if !features.forms.rows.iter().all(|form| form.degree.is_some_and(|degree| degree <= 1)) {
        return Err(Fact::new("a row is not shown to be linear, so branches are not convex"));
    }
    let objective = features.forms.objective.as_ref();
    // Of a quadratic objective eigenvalues decide.
    match features.is_objective_convex() || objective.is_some_and(|form| form.degree.is_some_and(|degree| degree <= 2))
    {
        true => Ok(()),
        false => Err(Fact::new("the objective is not shown to be convex, so answers of branches are no bounds")),
    }
}

/// Runs the method. See the header.
pub fn run(context: &mut Context) -> Outcome {
    if !curvature_is_positive(context.nlp, &context.start) {
        let stop = Stop::Failed("the objective is not convex, so answers of branches are no bounds".to_string());
        let x = context.start.clone();
        return outcome(context, x, None, stop, 0);
    }
    let mut search = Search::new(context);
    let ended = search.run(context);
    let (nodes, iterations) = (std::mem::take(&mut search.nodes), search.iterations);
    let (x, multipliers) = match search.best {
        Some(best) => (best.x, best.multipliers),
        None => (nodes[0].leaf.x.clone(), None),
    };
    let stop = ended.unwrap_or_else(|| Stop::Branched(Box::new(tree(nodes))));
    outcome(context, x, multipliers, stop, iterations)
}

/// Whether the Hessian of the objective has no negative eigenvalue at the start; that of a quadratic one is the same
/// everywhere, and of others composition showed more than this.
fn curvature_is_positive(nlp: &mut dyn Nlp, x: &[f64]) -> bool {
    let (n, pattern) = (nlp.shape().variables(), nlp.shape().hessian.clone());
    if n > MOST_VARIABLES {
        return true;
    }
    let mut entries = vec![0.0; pattern.entries()];
    let none = vec![0.0; nlp.shape().rows()];
    nlp.hessian(x, 1.0, &none, &mut entries);
    if pattern.entries() == 0 || !entries.iter().all(|v| v.is_finite()) {
        return true;
    }
    let mut dense = vec![0.0; n * n];
    for r in 0..n {
        for k in pattern.row(r) {
            let c = pattern.columns[k] as usize;
            (dense[r * n + c], dense[c * n + r]) = (entries[k], entries[k]);
        }
    }
    let eigenvalues = symmetric_eigenvalues(n, &dense);
    let largest = eigenvalues.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    eigenvalues.iter().all(|v| *v >= -1e-8 * largest)
}

/// A branch that was solved.
struct Node {
    held: Vec<Option<Way>>,
    leaf: Leaf,
    /// No point of the branch has a smaller objective, as far as the method can see; infinite if there is none.
    bound: f64,
    split: Option<(usize, Vec<usize>)>,
}

struct Candidate {
    x: Vec<f64>,
    multipliers: Option<Multipliers>,
    objective: f64,
}

struct Search {
    stated: Shape,
    options: Options,
    tolerance: f64,
    most: usize,
    nodes: Vec<Node>,
    /// Ways of all pairs that a candidate was looked for with.
    tried: Vec<Vec<Option<Way>>>,
    best: Option<Candidate>,
    iterations: usize,
}

impl Search {
    fn new(context: &Context) -> Search {
        Search {
            stated: context.nlp.shape().clone(),
            options: Options { set: vec![], seed: context.options.seed },
            tolerance: context.options.number(OPTIONS, "tol"),
            most: context.options.number(OPTIONS, "nodes") as usize,
            nodes: vec![],
            tried: vec![],
            best: None,
            iterations: 0,
        }
    }

    /// Goes on until no branch is left that may hold a better point; why it ended before, if the user or the clock did.
    fn run(&mut self, context: &mut Context) -> Option<Stop> {
        let free = vec![None; self.stated.pairs.len()];
        self.follow_the_path(context);
        let mut open = vec![self.solve(context, free, context.start.clone())];
        loop {
            if let ControlFlow::Break(stop) = context.monitor.observe(self.line()) {
                return Some(stop);
            }
            let cut = self.cut(context.nlp);
            open.retain(|node| self.nodes[*node].bound < cut);
            let least = open.iter().copied().min_by(|a, b| self.nodes[*a].bound.total_cmp(&self.nodes[*b].bound))?;
            if self.nodes.len() >= self.most {
                return None;
            }
            open.retain(|node| *node != least);
            let Some(pair) = self.pair(context.nlp, least) else { continue };
            let mut into = vec![];
            for way in self.ways(pair) {
                let mut held = self.nodes[least].held.clone();
                held[pair] = Some(way);
                let start = self.nodes[least].leaf.x.clone();
                into.push(self.solve(context, held, start));
                if let Some(stop) = context.monitor.over() {
                    return Some(stop);
                }
            }
            open.extend(&into);
            self.nodes[least].split = Some((pair, into));
        }
    }

    /// A first candidate: the local answer at the end of the path of relaxed problems. Where branches are too many to go
    /// through it is what is left.
    fn follow_the_path(&mut self, context: &mut Context) {
        let (nlp, start) = (&mut *context.nlp, context.start.clone());
        let found = quietly(context.monitor, |monitor| {
            relaxation::run(&mut Context { nlp, start, warm: None, options: &self.options, monitor })
        });
        self.iterations += found.iterations;
        if found.stop == Stop::Converged {
            self.offer(context, found);
        }
    }

    /// Objectives from here on are no better than the candidate.
    fn cut(&self, nlp: &mut dyn Nlp) -> f64 {
        let scale = nlp.objective_factor();
        let slack = |f: f64| self.tolerance * f.abs().max(scale);
        self.best.as_ref().map_or(f64::INFINITY, |best| best.objective - slack(best.objective))
    }

    fn ways(&self, pair: usize) -> Vec<Way> {
        let row = self.stated.pairs[pair].bounded as usize;
        ways(self.stated.row_lower[row], self.stated.row_upper[row])
    }

    /// The pair without a way that is violated most at the answer of a branch; nothing if all have theirs.
    fn pair(&self, nlp: &mut dyn Nlp, node: usize) -> Option<usize> {
        let node = &self.nodes[node];
        let mut rows = vec![0.0; self.stated.rows()];
        nlp.constraints(&node.leaf.x, &mut rows);
        let violation = |i: usize| {
            let pair = &self.stated.pairs[i];
            let (a, b) = (pair.bounded as usize, pair.force as usize);
            let (lower, upper) = (self.stated.row_lower[a], self.stated.row_upper[a]);
            let off = crate::problem::complementarity::natural_residual(lower, upper, rows[a], rows[b]);
            if off.is_nan() { 0.0 } else { off.abs() }
        };
        let undecided = (0..node.held.len()).filter(|i| node.held[*i].is_none() && !self.ways(*i).is_empty());
        undecided.reduce(|most, i| if violation(i) > violation(most) { i } else { most })
    }

    /// Solves a branch, and looks for a candidate near its answer. The number of the branch.
    fn solve(&mut self, context: &mut Context, held: Vec<Option<Way>>, start: Vec<f64>) -> usize {
        let found = self.in_branch(context, &held, start);
        let mut branch = Branch::new(context.nlp);
        branch.hold(&held);
        let finite = found.x.iter().all(|v| v.is_finite());
        let (bound, shown) = match (&found.stop, found.multipliers) {
            (Stop::Converged | Stop::NoProgress(_), Some(multipliers)) if finite => {
                (bound(&mut branch, &found.x, &multipliers), Shown::Bound(multipliers))
            }
            (Stop::Infeasible { ray: Some(ray) }, _) if finite => empty(&mut branch, &found.x, ray),
            _ => (f64::NEG_INFINITY, Shown::Nothing),
        };
        let (found, bound, shown) = match bound == f64::NEG_INFINITY && !matches!(found.stop, Stop::Unbounded { .. }) {
            true => self.by_giving_way(context, &held, found.x),
            false => (found.x, bound, shown),
        };
        let x = if found.iter().all(|v| v.is_finite()) { found } else { context.start.clone() };
        if bound < f64::INFINITY {
            self.look_near(context, &held, &x);
        }
        self.nodes.push(Node { held, leaf: Leaf { x, shown }, bound, split: None });
        self.nodes.len() - 1
    }

    /// Looks for the point of a branch at which its rows must give way least: there is none where they need not, and else
    /// weights that show it.
    fn by_giving_way(
        &mut self,
        context: &mut Context,
        held: &[Option<Way>],
        start: Vec<f64>,
    ) -> (Vec<f64>, f64, Shown) {
        let n = start.len();
        let start = if start.iter().all(|v| v.is_finite()) { start } else { context.start.clone() };
        let mut branch = Branch::new(context.nlp);
        branch.hold(held);
        let mut elastic = Elastic::new(&mut branch);
        let start = elastic.complete(&start);
        let found = within_limits(context.monitor, &mut elastic, start, &self.options);
        self.iterations += found.iterations;
        let x = found.x[..n].to_vec();
        let (bound, shown) = match found.multipliers {
            Some(m) => empty(&mut branch, &x, &m.rows),
            None => (f64::NEG_INFINITY, Shown::Nothing),
        };
        (x, bound, shown)
    }

    /// Solves the branch of the ways that a point is nearest to, unless that was done before.
    fn look_near(&mut self, context: &mut Context, held: &[Option<Way>], x: &[f64]) {
        let mut rows = vec![0.0; self.stated.rows()];
        context.nlp.constraints(x, &mut rows);
        let near = nearest(&self.stated, &rows);
        let all: Vec<Option<Way>> = held.iter().zip(near).map(|(held, near)| held.or(near)).collect();
        if self.tried.contains(&all) {
            return;
        }
        let found = self.in_branch(context, &all, x.to_vec());
        self.tried.push(all);
        if found.stop == Stop::Converged {
            self.offer(context, found);
        }
    }

    /// A point that keeps all pairs, which is the candidate if it is the best so far.
    fn offer(&mut self, context: &mut Context, found: Outcome) {
        let objective = context.nlp.objective(&found.x);
        if self.best.as_ref().is_none_or(|best| objective < best.objective) {
            self.best = Some(Candidate { x: found.x, multipliers: found.multipliers, objective });
        }
    }

    fn in_branch(&mut self, context: &mut Context, held: &[Option<Way>], start: Vec<f64>) -> Outcome {
        let mut branch = Branch::new(context.nlp);
        branch.hold(held);
        let found = within_limits(context.monitor, &mut branch, start, &self.options);
        self.iterations += found.iterations;
        found
    }

    fn line(&self) -> crate::answer::LogLine {
        let best = self.best.as_ref().map_or(f64::NAN, |best| best.objective);
        line(self.nodes.len(), best, f64::NAN, f64::NAN, 1)
    }
}

/// The interior point method on a branch, under the clock of the search.
fn within_limits(monitor: &Monitor, nlp: &mut dyn Nlp, start: Vec<f64>, options: &Options) -> Outcome {
    quietly(monitor, |monitor| {
        monitor.iteration_limit = BRANCH_ITERATIONS;
        interior_point::run(&mut Context { nlp, start, warm: None, options, monitor })
    })
}

/// `f(x) - Σ y (c - b) - Σ |g_j| room_j` with `g = ∇f - J'y`: no point of a convex branch has a smaller objective.
fn bound(branch: &mut Branch, x: &[f64], multipliers: &Multipliers) -> f64 {
    let value = branch.objective(x);
    let (sum, _) = lagrangian(branch, x, 1.0, &multipliers.rows);
    let bound = value + sum;
    if bound.is_nan() { f64::NEG_INFINITY } else { bound }
}

/// Whether weights of rows, in either sign, sum up to what is positive everywhere and must not be for a feasible point.
/// Weights that are next to nothing beside others are what a barrier leaves of 0.
fn empty(branch: &mut Branch, x: &[f64], ray: &[f64]) -> (f64, Shown) {
    let largest = ray.iter().fold(0.0f64, |most, w| most.max(w.abs()));
    for sign in [1.0, -1.0] {
        let weights: Vec<f64> = ray.iter().map(|w| if w.abs() > LEFT * largest { sign * w } else { 0.0 }).collect();
        let (least, size) = lagrangian(branch, x, 0.0, &weights);
        if least > CLEAR * size.max(1e-300) {
            return (f64::INFINITY, Shown::Empty(weights));
        }
    }
    (f64::NEG_INFINITY, Shown::Nothing)
}

/// The least of `Σ y (b - c) + g'(x' - x)` over the box of `x'`, `g = weight ∇f - J'y`, and the size of the terms. A weight
/// of a side that does not exist counts as 0.
fn lagrangian(branch: &mut Branch, x: &[f64], weight: f64, y: &[f64]) -> (f64, f64) {
    let shape = branch.shape().clone();
    let (mut rows, mut slope) = (vec![0.0; shape.rows()], vec![0.0; x.len()]);
    branch.constraints(x, &mut rows);
    branch.gradient(x, &mut slope);
    slope.iter_mut().for_each(|g| *g *= weight);
    let mut entries = vec![0.0; shape.jacobian.entries()];
    branch.jacobian(x, &mut entries);
    let (mut least, mut size) = (0.0, 0.0);
    for (r, &y) in y.iter().enumerate() {
        let side = if y > 0.0 { shape.row_lower[r] } else { shape.row_upper[r] };
        if y == 0.0 || !side.is_finite() {
            continue;
        }
        least += y * (side - rows[r]);
        size += (y * side).abs() + (y * rows[r]).abs();
        shape.jacobian.row(r).for_each(|k| slope[shape.jacobian.columns[k] as usize] -= y * entries[k]);
    }
    for (j, g) in slope.iter().enumerate().filter(|(_, g)| **g != 0.0) {
        let room = if *g > 0.0 { x[j] - shape.lower[j] } else { shape.upper[j] - x[j] };
        least -= g.abs() * if room.is_finite() { room } else { REACH * x[j].abs().max(1.0) };
        size += (g * x[j]).abs();
    }
    (least, size)
}

/// The tree of all branches, from the first.
fn tree(nodes: Vec<Node>) -> Branches {
    let mut left: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    fn of(left: &mut [Option<Node>], number: usize) -> Branches {
        let node = left[number].take().expect("a branch has one place in the tree");
        match node.split {
            None => Branches::Leaf(node.leaf),
            Some((pair, into)) => {
                let into = into.into_iter().map(|k| of(left, k)).collect();
                Branches::Split { pair: pair as u32, into }
            }
        }
    }
    of(&mut left, 0)
}
