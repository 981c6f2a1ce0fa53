//! Problems with complementary pairs as constraints (MPEC): a path of relaxed problems, then branches.
//!
//! First the products of all pairs are at most `t`, and `t` goes to 0 ([`lifted`]); each problem is solved by the interior
//! point method from the answer of the one before. That leads near a point that is C-stationary under a constraint
//! qualification. Then each pair holds the side that it is nearer to, and the branch is solved as it is ([`super::branch`]).
//! A pair of whose two sides both hold there, and whose multiplier would rather let the held one go, changes to the
//! other branch, as long as the objective does not rise: this is what makes an answer B-stationary, not only C-stationary.
//! Sources: Scholtes (2001), SIAM Journal on Optimization 11, 918-936; for the branches Scholtes and Stöhr (1999), SIAM
//! Journal on Control and Optimization 37, 617-652.

mod lifted;

use super::branch::{Branch, nearest};
use crate::answer::{Multipliers, Outcome, Stop};
use crate::problem::complementarity::Way;
use crate::problem::features::Features;
use crate::solve::method::{Claim, Context, Method, Objection, Run, Sees, iteration_limit, tolerance};
use crate::solve::nlp::Shape;
use crate::solve::options::{Default, OptionRow, Options};
use crate::solve::parts::ending::outcome;
use crate::solve::smooth::interior_point;
use lifted::Lifted;

/// The row of the method.
pub const METHOD: Method = Method {
    name: "complementarity_relaxation",
    doc: "complementary pairs as products below a bound that goes to 0, by the interior point method; then the branch \
          that was found, and its neighbours while they are better",
    source: "Scholtes (2001), SIAM Journal on Optimization 11, 918-936",
    chosen: "for problems with complementary pairs that are no square system",
    claim: Claim::Stationary,
    sees: Sees::Pairs,
    second_order: |_| true,
    accepts,
    options: OPTIONS,
    run: Run::Functions(run),
};

const OPTIONS: &[OptionRow] = &[
    tolerance("the scaled optimality error at which a branch counts as solved", 1e-8),
    iteration_limit(3000),
    OptionRow {
        name: "relaxation",
        doc: "the first bound on products",
        default: Default::Number { value: 1.0, least: 1e-8, most: 1e8 },
    },
    OptionRow {
        name: "reduction",
        doc: "what the bound on products is multiplied by from one problem to the next",
        default: Default::Number { value: 0.1, least: 1e-4, most: 0.9 },
    },
    OptionRow {
        name: "branches",
        doc: "the most branches that are solved after the path",
        default: Default::Number { value: 50.0, least: 1.0, most: 1e6 },
    },
];

/// The path ends here: below, products are lost in the tolerance of the interior point method.
const LEAST_RELAXATION: f64 = 1e-8;
/// What a relaxed problem may take on the path: an answer is only where the next one starts.
const PATH_ITERATIONS: usize = 300;
/// Values within this of a side are at it.
const NEAR: f64 = 1e-6;

fn accepts(features: &Features) -> Result<(), Objection> {
    features.needs_pairs()?;
    features.needs_smoothness()
}

/// Runs the method. See the header.
pub fn run(context: &mut Context) -> Outcome {
    let number = |name: &str| context.options.number(OPTIONS, name);
    let (first, reduction, most) = (number("relaxation"), number("reduction"), number("branches") as usize);
    let mut iterations = 0;
    let (x, ended) = path(context, first, reduction, &mut iterations);
    if let Some(stop) = ended {
        return outcome(context, x, None, stop, iterations);
    }
    let found = branches(context, x, most, &mut iterations);
    outcome(context, found.x, found.multipliers, found.stop, iterations)
}

/// Follows the answers of relaxed problems; why to end at once, if so.
fn path(context: &mut Context, first: f64, reduction: f64, iterations: &mut usize) -> (Vec<f64>, Option<Stop>) {
    let n = context.start.len();
    let options = Options { seed: context.options.seed, ..Options::default() };
    let mut lifted = Lifted::new(context.nlp);
    let mut at = lifted.complete(&context.start);
    let mut warm: Option<Multipliers> = None;
    let mut t = first;
    while t >= LEAST_RELAXATION {
        lifted.relax(t);
        let limit = std::mem::replace(&mut context.monitor.iteration_limit, PATH_ITERATIONS);
        let mut inner = Context {
            nlp: &mut lifted,
            start: at.clone(),
            warm: warm.take(),
            options: &options,
            monitor: &mut *context.monitor,
        };
        let found = interior_point::run(&mut inner);
        context.monitor.iteration_limit = limit;
        context.monitor.log.extend(found.log);
        *iterations += found.iterations;
        if matches!(found.stop, Stop::TimeLimit | Stop::Interrupted | Stop::NotFinite(_)) {
            return (found.x[..n].to_vec(), Some(found.stop));
        }
        if *iterations >= limit {
            return (found.x[..n].to_vec(), Some(Stop::IterationLimit));
        }
        if found.x.iter().all(|v| v.is_finite()) {
            at = found.x;
            // Multipliers of an unsolved problem would lead astray.
            warm = found.multipliers.filter(|_| found.stop == Stop::Converged);
        }
        t *= reduction;
    }
    (at[..n].to_vec(), None)
}

/// A solved branch.
struct Found {
    x: Vec<f64>,
    multipliers: Option<Multipliers>,
    stop: Stop,
    objective: f64,
    held: Vec<Option<Way>>,
}

/// From the branch that a point is nearest to, over neighbours, to one that none of them is better than.
fn branches(context: &mut Context, x: Vec<f64>, most: usize, iterations: &mut usize) -> Found {
    let options = Options {
        set: context.options.set.iter().filter(|(name, _)| name == "tol").cloned().collect(),
        seed: context.options.seed,
    };
    let stated = context.nlp.shape().clone();
    let mut rows = vec![0.0; stated.rows()];
    context.nlp.constraints(&x, &mut rows);
    let mut held = nearest(&stated, &rows);
    let mut best: Option<Found> = None;
    let mut tried = vec![held.clone()];
    for _ in 0..most {
        let start = best.as_ref().map_or(&x, |best| &best.x).clone();
        let mut branch = Branch::new(context.nlp);
        branch.hold(&held);
        let mut inner =
            Context { nlp: &mut branch, start, warm: None, options: &options, monitor: &mut *context.monitor };
        let found = interior_point::run(&mut inner);
        context.monitor.log.extend(found.log);
        *iterations += found.iterations;
        let objective = context.nlp.objective(&found.x);
        let (x, multipliers, stop) = (found.x, found.multipliers, found.stop);
        let new = Found { x, multipliers, stop, objective, held: held.clone() };
        let over = matches!(new.stop, Stop::TimeLimit | Stop::Interrupted | Stop::IterationLimit);
        let better = match &best {
            None => true,
            Some(best) => {
                let converged = new.stop == Stop::Converged;
                converged && (best.stop != Stop::Converged || new.objective <= best.objective + slack(best.objective))
            }
        };
        if better {
            best = Some(new);
        }
        if over {
            break;
        }
        let Some(here) = &best else { break };
        context.nlp.constraints(&here.x, &mut rows);
        let Some(next) = neighbour(&stated, &rows, here, &tried) else { break };
        tried.push(next.clone());
        held = next;
    }
    best.unwrap_or(Found { x, multipliers: None, stop: Stop::IterationLimit, objective: f64::NAN, held })
}

/// Objectives within this are the same: branches that meet in a point have it in common.
fn slack(objective: f64) -> f64 {
    1e-9 * objective.abs().max(1.0)
}

fn sides(shape: &Shape, row: u32) -> (f64, f64) {
    (shape.row_lower[row as usize], shape.row_upper[row as usize])
}

/// A branch that meets the answer and was not tried: pairs that hold both ways let go what their multiplier pulls away
/// from. First all of them together, then one after the other.
fn neighbour(shape: &Shape, rows: &[f64], here: &Found, tried: &[Vec<Option<Way>>]) -> Option<Vec<Option<Way>>> {
    let (multipliers, before) = (here.multipliers.as_ref()?, &here.held);
    let mut held = vec![];
    let mut pulls = vec![];
    for (i, pair) in shape.pairs.iter().enumerate() {
        let (a, b) = (rows[pair.bounded as usize], rows[pair.force as usize]);
        let (lower, upper) = sides(shape, pair.bounded);
        let at_lower = (a - lower).abs() <= NEAR * lower.abs().max(1.0);
        let at_upper = (upper - a).abs() <= NEAR * upper.abs().max(1.0);
        let zero = b.abs() <= NEAR;
        let now = match (at_lower, at_upper, zero) {
            (true, _, false) if b > 0.0 => Some(Way::Lower),
            (_, true, false) if b < 0.0 => Some(Way::Upper),
            (true, _, true) | (_, true, true) => {
                let (side, turn) = if at_lower { (Some(Way::Lower), 1.0) } else { (Some(Way::Upper), -1.0) };
                let of_a = turn * multipliers.rows[pair.bounded as usize];
                let of_b = turn * multipliers.rows[pair.force as usize];
                // Negative: the objective falls as the row leaves its side.
                if of_a < -NEAR {
                    pulls.push((i, Some(Way::Force), of_a));
                }
                if of_b < -NEAR {
                    pulls.push((i, side, of_b));
                }
                before[i]
            }
            _ => Some(Way::Force),
        };
        held.push(now);
    }
    if pulls.is_empty() {
        return None;
    }
    let new = |branch: &Vec<Option<Way>>| !tried.contains(branch);
    let mut all = held.clone();
    pulls.iter().for_each(|(i, to, _)| all[*i] = *to);
    if new(&all) {
        return Some(all);
    }
    pulls.sort_by(|p, q| p.2.total_cmp(&q.2));
    pulls.iter().find_map(|(i, to, _)| {
        let mut one = held.clone();
        one[*i] = *to;
        Some(one).filter(new)
    })
}
