//! Points on kinks: where `abs`, `min` or `max` has two slopes, any mixture of them is a generalised derivative.
//!
//! At a tie the partial derivatives are `share` times those of one side and `1 - share` times those of the other. The
//! shares are witnesses: those in `[0, 1]` are looked for that make the gradient of the Lagrangian vanish, by bounded
//! least squares. Found, they show that 0 lies in the sum of the generalised gradients: stationarity in the sense of
//! Clarke, which in a convex problem is a subgradient and proves as much as a gradient does. Nested ties make the
//! residual a product of shares, so the least squares are repeated from where the last ones led.

use super::dual::{Chooser, Dual, Duals as Slopes};
use super::linearise::Linearised;
use super::program::Program;
use super::residuals::Duals;
use crate::expr::eval;
use crate::expr::graph::Node;
use crate::expr::ops::Op;
use crate::linalg::dense::least_squares;

/// Sides within this of each other, relative to `max(1, |side|)`, tie. What mixing them loses counts in the gap.
const TIE: f64 = 1e-6;
/// More ties than this are left as they are.
const MOST: usize = 300;
/// Rounds of least squares for nested ties.
const ROUNDS: usize = 30;

/// An instance of a term with ties, in the order in which its body meets them.
struct Kink {
    stage: usize,
    term: usize,
    instance: usize,
    shares: Vec<f64>,
}

/// What was found at a point.
pub struct Ties {
    pub count: usize,
    /// How far the Lagrangian of the mixtures may lie below that of the problem at the point: sides that tie only
    /// nearly are mixed as if they were equal.
    pub slack: f64,
}

/// Chooses slopes at ties such that the gradient of the Lagrangian is as small as it can be.
pub fn choose(program: &mut Program, duals: &Duals) -> Ties {
    let mut kinks = find(&program.here);
    let count: usize = kinks.iter().map(|kink| kink.shares.len()).sum();
    if count == 0 || count > MOST {
        return Ties { count, slack: 0.0 };
    }
    let mut shares = vec![0.5; count];
    let mut residual = residual_at(program, duals, &mut kinks, &shares);
    for _ in 0..ROUNDS {
        let before = size(&residual);
        let columns: Vec<Vec<f64>> = (0..count)
            .map(|k| {
                let mut at = |share: f64| {
                    let mut moved = shares.clone();
                    moved[k] = share;
                    residual_at(program, duals, &mut kinks, &moved)
                };
                let (low, high) = (at(0.0), at(1.0));
                high.iter().zip(&low).map(|(h, l)| h - l).collect()
            })
            .collect();
        let target = bounded_least_squares(&columns, &residual, &shares);
        let mut step = 1.0;
        let improved = loop {
            let trial: Vec<f64> = shares.iter().zip(&target).map(|(s, t)| s + step * (t - s)).collect();
            let there = residual_at(program, duals, &mut kinks, &trial);
            if size(&there) < before {
                shares = trial;
                residual = there;
                break true;
            }
            step *= 0.5;
            if step < 1e-3 {
                break false;
            }
        };
        if !improved || size(&residual) > 0.999 * before {
            break;
        }
    }
    residual_at(program, duals, &mut kinks, &shares);
    Ties { count, slack: slack(program, duals, &kinks) }
}

/// `Σ |weight of the row| |body - body of the mixture|`
fn slack(program: &Program, duals: &Duals, kinks: &[Kink]) -> f64 {
    let (_, weights) = program.lagrangian_sweep(&program.here, 1.0, &duals.rows);
    let value = |kink: &Kink, chooser: &Chooser| {
        evaluate(&program.here, kink.stage, kink.term, kink.instance, chooser).value[0]
    };
    let lost = |kink: &Kink| {
        let row = program.problem.stages[kink.stage].terms[kink.term].target.at(kink.instance);
        let mixed = value(kink, &Chooser::with(TIE, &kink.shares));
        weights[kink.stage][row].abs() * (value(kink, &Chooser::never()) - mixed).abs()
    };
    kinks.iter().map(lost).sum()
}

/// `∇L - z` with the given shares, which stay set.
fn residual_at(program: &mut Program, duals: &Duals, kinks: &mut [Kink], shares: &[f64]) -> Vec<f64> {
    let mut rest = shares;
    for kink in kinks {
        let (own, others) = rest.split_at(kink.shares.len());
        rest = others;
        kink.shares.copy_from_slice(own);
        set(&mut program.here, kink);
    }
    let mut gradient = program.lagrangian_gradient(&program.here, 1.0, &duals.rows);
    for (j, g) in gradient.iter_mut().enumerate() {
        *g -= duals.lower[j] + duals.upper[j];
    }
    gradient
}

fn size(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn find(here: &Linearised) -> Vec<Kink> {
    let graph = &here.problem.graph;
    let kinked =
        |id: &crate::expr::graph::NodeId| matches!(graph.node(*id), Node::Call(Op::Abs | Op::Min | Op::Max, _));
    let mut kinks = vec![];
    for (k, stage) in here.problem.stages.iter().enumerate().filter(|(k, _)| here.needed[*k]) {
        for (t, term) in stage.terms.iter().enumerate() {
            let varies = here.slopes[k].get(t).is_some_and(|slopes| !slopes.is_empty());
            if !varies || !graph.reachable(&[term.family.body]).iter().any(kinked) {
                continue;
            }
            for p in 0..term.family.instances as usize {
                let chooser = Chooser::watching(TIE);
                evaluate(here, k, t, p, &chooser);
                let ties = chooser.met();
                if ties > 0 {
                    kinks.push(Kink { stage: k, term: t, instance: p, shares: vec![0.5; ties] });
                }
            }
        }
    }
    kinks
}

fn set(here: &mut Linearised, kink: &Kink) {
    let chooser = Chooser::with(TIE, &kink.shares);
    let result = evaluate(here, kink.stage, kink.term, kink.instance, &chooser);
    for (leaf, column) in &mut here.slopes[kink.stage][kink.term] {
        let slope = result.slopes.iter().find(|(k, _)| k == leaf).map_or(0.0, |(_, slope)| slope[0]);
        column[kink.instance] = slope;
    }
}

fn evaluate(here: &Linearised, stage: usize, term: usize, instance: usize, chooser: &Chooser) -> Dual {
    let family = &here.problem.stages[stage].terms[term].family;
    let varying = &here.slopes[stage][term];
    let leaves: Vec<Dual> = (0..)
        .zip(&family.leaves)
        .map(|(k, leaf)| {
            let value = vec![here.read(leaf, instance)];
            if varying.iter().any(|(v, _)| *v == k) { Dual::leaf(k, value) } else { Dual::constant(value) }
        })
        .collect();
    eval::body(&Slopes { lanes: 1, chooser: Some(chooser) }, &here.problem.graph, family.body, &leaves)
}

/// The shares in `[0, 1]` near which `residual + Σ (share_k - now_k) column_k` is shortest: least squares over those
/// that are free, the others held at the bound that they ran into (Stark and Parker, 1995).
fn bounded_least_squares(columns: &[Vec<f64>], residual: &[f64], now: &[f64]) -> Vec<f64> {
    let (count, n) = (columns.len(), residual.len());
    let mut at = now.to_vec();
    let mut free: Vec<bool> = vec![true; count];
    for _ in 0..4 * count + 10 {
        // What is left with the shares as they are.
        let left = |at: &[f64]| -> Vec<f64> {
            let moved = |j: usize| (0..count).map(|k| (at[k] - now[k]) * columns[k][j]).sum::<f64>();
            (0..n).map(|j| residual[j] + moved(j)).collect()
        };
        let rest = left(&at);
        let chosen: Vec<usize> = (0..count).filter(|k| free[*k]).collect();
        if !chosen.is_empty() {
            let matrix: Vec<f64> = (0..n).flat_map(|j| chosen.iter().map(move |k| columns[*k][j])).collect();
            let right: Vec<f64> = rest.iter().map(|r| -r).collect();
            let Some(step) = least_squares(n, chosen.len(), &matrix, &right) else { return at };
            // To the first bound on the way.
            let mut length = 1.0f64;
            let mut hit = None;
            for (k, d) in chosen.iter().zip(&step) {
                let limit = if *d > 0.0 {
                    (1.0 - at[*k]) / d
                } else if *d < 0.0 {
                    -at[*k] / d
                } else {
                    f64::INFINITY
                };
                if limit < length {
                    length = limit.max(0.0);
                    hit = Some(*k);
                }
            }
            for (k, d) in chosen.iter().zip(&step) {
                at[*k] = (at[*k] + length * d).clamp(0.0, 1.0);
            }
            if let Some(k) = hit {
                at[k] = at[k].round();
                free[k] = false;
                continue;
            }
        }
        // A held share that would shorten the residual by moving inwards is freed.
        let rest = left(&at);
        let slope = |k: usize| columns[k].iter().zip(&rest).map(|(c, r)| c * r).sum::<f64>();
        let gain = |k: usize| if at[k] <= 0.0 { -slope(k) } else { slope(k) };
        let held = (0..count).filter(|k| !free[*k]);
        let Some(best) = held.max_by(|a, b| gain(*a).total_cmp(&gain(*b))) else { return at };
        if gain(best) <= 1e-14 * size(&rest) * size(&columns[best]) {
            return at;
        }
        free[best] = true;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_keep_to_their_bounds() {
        // The shortest of (0.5, -0.25) + (a - 0.5) (1, 0) + (b - 0.5) (1, 1) over the unit square.
        let columns = vec![vec![1.0, 0.0], vec![1.0, 1.0]];
        let found = bounded_least_squares(&columns, &[0.5, -0.25], &[0.5, 0.5]);
        // Unbounded: b = 0.75, a = -0.25; held at a = 0: the sum is (b - 0.5, b - 0.75), so b = 0.625.
        assert!((found[0] - 0.0).abs() < 1e-12 && (found[1] - 0.625).abs() < 1e-12, "{found:?}");
        let inside = bounded_least_squares(&columns, &[0.1, -0.2], &[0.5, 0.5]);
        assert!((inside[0] - 0.2).abs() < 1e-12 && (inside[1] - 0.7).abs() < 1e-12, "{inside:?}");
    }
}
