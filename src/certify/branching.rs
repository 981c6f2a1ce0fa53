//! Whether no way in which the complementary pairs of a problem may hold leads to a better point: the tree of a method gone
//! through again.
//!
//! Each split must have a branch for every way of its pair, so that the leaves together hold all points. A leaf is a problem
//! without pairs; it must be convex, by the judge's own reading, and then multipliers give a bound on its objective
//! ([`super::bound`]), or weights of its rows show that it has no point ([`super::infeasible`]). The least bound of all
//! leaves bounds the problem.

use super::program::Program;
use super::residuals;
use super::residuals::Duals;
use super::{complementarity, convexity, fit, infeasible};
use crate::answer::branching::{Branches, Leaf, Shown};
use crate::answer::certificate::{Certificate, Kind, Proved, SecondOrder, Witness};
use crate::answer::{Outcome, Stop};
use crate::problem::Problem;
use crate::problem::complementarity::{Way, ways};

/// What a slope whose parts cancel may leave by rounding, relative to the parts, and how far it is followed where there is
/// no bound, in units of `max(1, |x|)`.
const ROUNDING: f64 = 1e-11;
const FAR: f64 = 1e6;

pub fn given(outcome: &Outcome) -> Option<&Branches> {
    match &outcome.stop {
        Stop::Branched(branches) => Some(branches),
        _ => None,
    }
}

/// What all leaves together show.
pub struct Shows {
    /// No point has a smaller objective, turned to a minimisation; infinite if there is no point at all.
    pub least: f64,
    pub leaves: usize,
}

/// What the tree shows of a problem with pairs; `-inf` where a leaf shows nothing or the tree is not of this problem.
pub fn shows(problem: &Problem, branches: &Branches, tolerance: f64) -> Shows {
    let sides = complementarity::sides(problem);
    let mut held = vec![None; sides.len()];
    let least = least(problem, branches, &sides, &mut held, tolerance);
    Shows { least, leaves: branches.leaves() }
}

fn least(
    problem: &Problem,
    branches: &Branches,
    sides: &[(f64, f64)],
    held: &mut Vec<Option<Way>>,
    tolerance: f64,
) -> f64 {
    match branches {
        Branches::Leaf(leaf) => of_leaf(problem, leaf, held, tolerance).unwrap_or(f64::NEG_INFINITY),
        Branches::Split { pair, into } => {
            let pair = *pair as usize;
            let Some(&(lower, upper)) = sides.get(pair) else { return f64::NEG_INFINITY };
            let ways = ways(lower, upper);
            if held[pair].is_some() || ways.is_empty() || ways.len() != into.len() {
                return f64::NEG_INFINITY;
            }
            let mut found = f64::INFINITY;
            for (way, branch) in ways.into_iter().zip(into) {
                held[pair] = Some(way);
                found = found.min(least(problem, branch, sides, held, tolerance));
            }
            held[pair] = None;
            found
        }
    }
}

/// A bound on the objective of the points of a leaf.
fn of_leaf(problem: &Problem, leaf: &Leaf, held: &[Option<Way>], tolerance: f64) -> Option<f64> {
    if leaf.x.len() != problem.dimension as usize {
        return None;
    }
    let mut program = Program::at(problem, &leaf.x);
    complementarity::hold(&mut program, held);
    match &leaf.shown {
        Shown::Nothing => None,
        Shown::Empty(ray) => infeasible::shown(&program, ray, tolerance).then_some(f64::INFINITY),
        Shown::Bound(multipliers) => {
            convexity::shown(&program).ok()?;
            bound(&program, &Duals::of(&program, multipliers))
        }
    }
}

/// `f(x) - Σ y (c - b) - Σ |g_j| room_j` with `g = ∇f - J'y`. Where a variable has no bound on the side it would fall to,
/// nothing but rounding may be left of its slope: the multipliers are moved to where that holds.
fn bound(program: &Program, duals: &Duals) -> Option<f64> {
    let mut y = duals.rows.clone();
    keep_sides(program, &mut y);
    y = fit::polished(program, 1.0, &y);
    keep_sides(program, &mut y);
    let (_, sign) = program.objective?;
    debug_assert!(sign.abs() == 1.0);
    let mut bound = program.objective_value();
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let y = y[block.rows.start + r];
            if y != 0.0 {
                bound -= y * (c - if y > 0.0 { block.lower[r] } else { block.upper[r] });
            }
        }
    }
    let slope = program.lagrangian_gradient(&program.here, 1.0, &y);
    let parts = program.lagrangian_sizes(1.0, &y);
    for (j, &g) in slope.iter().enumerate().filter(|(_, g)| **g != 0.0) {
        let x = program.x[j];
        let room = if g > 0.0 { x - program.lower[j] } else { program.upper[j] - x };
        if room.is_infinite() && g.abs() > ROUNDING * parts[j].max(1.0) {
            return None;
        }
        bound -= g.abs() * if room.is_infinite() { FAR * x.abs().max(1.0) } else { room };
    }
    bound.is_finite().then_some(bound)
}

/// A multiplier of a side that does not exist proves nothing.
fn keep_sides(program: &Program, y: &mut [f64]) {
    for block in &program.blocks {
        for r in 0..block.rows.len() {
            let y = &mut y[block.rows.start + r];
            let side = if *y > 0.0 { block.lower[r] } else { block.upper[r] };
            if !side.is_finite() || !y.is_finite() {
                *y = 0.0;
            }
        }
    }
}

/// That no way of the pairs has a point; the point at hand is any.
pub fn nothing_is_feasible(program: &Program, shows: &Shows, tolerance: f64) -> Certificate {
    let because = format!("none of {} branches of the complementary pairs has a point", shows.leaves);
    let mut residuals = residuals::primal(program, f64::INFINITY);
    residuals.retain(|r| !r.value.is_nan());
    let proved = Proved::Infeasible { because };
    Certificate::judged(Kind::Infeasible, tolerance, residuals, SecondOrder::NotAsked, proved, Witness::None, vec![])
}

impl Shows {
    /// What follows for a feasible point with this objective (turned to a minimisation by `sign`), or why nothing does.
    pub fn proof(&self, objective: f64, sign: f64, tolerance: f64) -> Result<Proved, String> {
        let branches = if self.leaves == 1 { "one branch".to_string() } else { format!("{} branches", self.leaves) };
        if self.least == f64::NEG_INFINITY {
            return Err(format!(
                "not proved to be global: of {branches}, one has neither a bound nor a proof that it is empty"
            ));
        }
        if self.least == f64::INFINITY {
            return Err("the branches claim that there is no point at all".to_string());
        }
        let gap = objective - self.least;
        if gap <= tolerance * objective.abs().max(1.0) {
            let because = format!("proved by branching: {branches}, each with a bound or without a point");
            return Ok(Proved::Optimal { because, bound: Some(sign * self.least) });
        }
        Err(format!(
            "not proved to be global: {branches} leave a gap of {gap:.2e}, no answer is better than {}",
            sign * self.least
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Multipliers;
    use crate::problem::level::tests::whole;

    /// `min (x - 1)^2 + (y - 2)^2` with `0 <= x ⟂ y >= 0`: 1 at (0, 2), and 4 at (1, 0).
    const MODEL: &str = "var x\nvar y\nminimize (x - 1)^2 + (y - 2)^2\nsubject to 0 <= x perp y >= 0";

    fn leaf(x: [f64; 2], rows: [f64; 2]) -> Branches {
        let multipliers = Multipliers { rows: rows.to_vec(), lower: vec![0.0; 2], upper: vec![0.0; 2] };
        Branches::Leaf(Leaf { x: x.to_vec(), shown: Shown::Bound(multipliers) })
    }

    fn split(into: Vec<Branches>) -> Branches {
        Branches::Split { pair: 0, into }
    }

    #[test]
    fn a_whole_tree_bounds_the_problem_and_a_torn_one_does_not() {
        let problem = whole(MODEL);
        let least = |tree: &Branches| shows(&problem, tree, 1e-6).least;
        // At x = 0 the slope -2 in x is carried by its row; at y = 0 that of -4 in y.
        let (lower, force) = (leaf([0.0, 2.0], [-2.0, 0.0]), leaf([1.0, 0.0], [0.0, -4.0]));
        assert!((least(&split(vec![lower.clone(), force.clone()])) - 1.0).abs() < 1e-12);
        assert_eq!(least(&leaf([1.0, 2.0], [0.0, 0.0])), 0.0, "without the pair");
        let torn = [
            // A way is missing, or there are too many.
            split(vec![lower.clone()]),
            split(vec![lower.clone(), force.clone(), force.clone()]),
            // The pair is split twice, or is none.
            split(vec![lower.clone(), split(vec![lower.clone(), force.clone()])]),
            Branches::Split { pair: 1, into: vec![lower.clone(), force.clone()] },
            // A leaf shows nothing, or is of another problem.
            split(vec![lower.clone(), Branches::Leaf(Leaf { x: vec![1.0, 0.0], shown: Shown::Nothing })]),
            split(vec![lower.clone(), Branches::Leaf(Leaf { x: vec![1.0], shown: Shown::Empty(vec![1.0, 1.0]) })]),
            // Weights that do not show that there is no point.
            split(vec![lower.clone(), Branches::Leaf(Leaf { x: vec![1.0, 0.0], shown: Shown::Empty(vec![0.0, 1.0]) })]),
        ];
        for tree in torn {
            assert_eq!(least(&tree), f64::NEG_INFINITY, "{tree:?}");
        }
    }

    #[test]
    fn bounds_are_those_of_the_leaf_and_not_what_its_multipliers_claim() {
        let problem = whole(MODEL);
        let least = |tree: &Branches| shows(&problem, tree, 1e-6).least;
        // The leaf in which x may be anything with multipliers of the one in which x is 0: x is no equation there, and a
        // multiplier of a side that it has not counts as 0. What is left of the slope then has no bound.
        assert_eq!(
            least(&split(vec![leaf([1.0, 0.0], [0.0, -4.0]), leaf([0.0, 2.0], [-2.0, 0.0])])),
            f64::NEG_INFINITY
        );
        // A point that is no answer still bounds from below, or not at all.
        let rough = split(vec![leaf([0.0, 1.9], [-2.0, 0.0]), leaf([1.0, 0.0], [0.0, -4.0])]);
        assert!(least(&rough) <= 1.0 + 1e-12);
    }

    #[test]
    fn leaves_that_are_not_convex_show_nothing() {
        let problem = whole("var x in [-1, 2]\nvar y in [-1, 2]\nminimize y - x^2\nsubject to 0 <= x perp y >= 0");
        let tree = split(vec![leaf([0.0, 0.0], [0.0, 1.0]), leaf([2.0, 0.0], [0.0, 1.0])]);
        assert_eq!(shows(&problem, &tree, 1e-6).least, f64::NEG_INFINITY);
    }

    #[test]
    fn an_open_gap_is_told_and_no_proof() {
        let shows = Shows { least: 0.5, leaves: 3 };
        assert!(matches!(shows.proof(0.5, 1.0, 1e-6), Ok(Proved::Optimal { .. })));
        let said = shows.proof(1.0, 1.0, 1e-6).expect_err("there is a gap");
        assert!(said.contains("3 branches leave a gap of 5.00e-1"), "{said}");
    }
}
