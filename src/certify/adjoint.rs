//! The hypergradient: the slope of the outer objective along the followers' answers, by one adjoint solve.
//!
//! Near a point at which every pair of the followers' conditions holds in one way, these are equations `G(x, u) = 0` in what
//! the outer level decides, `x`, and in followers' variables and multipliers, `u`. Where `∂G/∂u` is regular they define
//! `u(x)`, along which a function `F` of both has the slope
//!
//! ```text
//! ∂F/∂x - (∂G/∂x)'p,      (∂G/∂u)'p = ∂F/∂u
//! ```
//! Rows of the outer level have such slopes as well. At an answer multipliers of its active rows and bounds, of valid signs,
//! carry the slope of the objective; what they leave is the figure, and without them it is the hypergradient. Slopes are
//! swept by the judge's own derivatives, and the factors only have to bring them to 0 in `u`.

use super::fit::{self, Target};
use super::program::Program;
use super::residuals::{self, Duals, Slopes};
use crate::answer::certificate::Residual;
use crate::linalg::lu::Lu;
use crate::linalg::pattern::Pattern;

/// Entries of the rows of all functions.
const BUDGET: usize = 20_000_000;
/// What is left of slopes in `u`, relative to the largest slope.
const LEFT: f64 = 1e-10;
/// Of the conditions, rows scaled: beyond that they are as good as singular.
const MOST_CONDITION: f64 = 1e13;
/// Solves for one slope; the later ones take away what rounding left.
const SOLVES: usize = 3;

/// What multipliers of the outer level leave of the slope along the followers' answers, or `None` where their conditions
/// do not say how these move. `decided` marks `u`, and followers' conditions begin with row `first`; the sides of pairs are
/// those of what they hold.
pub fn hypergradient(program: &Program, decided: &[bool], first: usize, tolerance: f64) -> Option<Residual> {
    let adjoint = Adjoint::new(program, decided, first)?;
    let mut duals = Duals::zero(program);
    let slope = adjoint.carried(1.0, &mut duals.rows)?;
    let goal: Vec<f64> = slope.iter().zip(decided).map(|(g, decided)| if *decided { 0.0 } else { *g }).collect();
    let mut carried = vec![];
    let mut failed = false;
    let along = |target: Target, gradient: Vec<(u32, f64)>| match target {
        Target::Lower(j) | Target::Upper(j) if decided[j] => vec![],
        Target::Lower(_) | Target::Upper(_) => gradient,
        Target::Row(r) if r >= first => vec![],
        Target::Row(r) => {
            let mut rows = vec![0.0; duals.rows.len()];
            rows[r] = -1.0;
            let Some(slope) = adjoint.carried(0.0, &mut rows) else {
                failed = true;
                return vec![];
            };
            carried.push((r, rows));
            let outer = slope.into_iter().enumerate().filter(|(j, g)| !decided[*j] && *g != 0.0);
            outer.map(|(j, g)| (j as u32, g)).collect()
        }
    };
    let fitted = fit::seen_otherwise(program, &goal, tolerance, along)?;
    if failed {
        return None;
    }
    for (target, value) in fitted {
        match target {
            Target::Lower(j) => duals.lower[j] = value,
            Target::Upper(j) => duals.upper[j] = value,
            Target::Row(r) => {
                let (_, rows) = carried.iter().find(|(row, _)| *row == r)?;
                duals.rows.iter_mut().zip(rows).for_each(|(y, along)| *y -= value * along);
            }
        }
    }
    let figures = residuals::dual(program, &duals, &Slopes::at(program, &duals), tolerance);
    figures.into_iter().next()
}

/// The equations of the followers' conditions, factored in what followers decide.
struct Adjoint<'a> {
    program: &'a Program<'a>,
    /// Positions of `u`, and numbers of the equations.
    inner: Vec<usize>,
    rows: Vec<usize>,
    /// Of the equations.
    scale: Vec<f64>,
    factors: Lu,
}

impl<'a> Adjoint<'a> {
    fn new(program: &'a Program<'a>, decided: &[bool], first: usize) -> Option<Adjoint<'a>> {
        let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
        let slopes = program.here.rows(&stages, BUDGET)?;
        let inner: Vec<usize> = (0..decided.len()).filter(|j| decided[*j]).collect();
        let mut place = vec![None; decided.len()];
        inner.iter().enumerate().for_each(|(new, old)| place[*old] = Some(new as u32));
        let (mut rows, mut scale, mut values) = (vec![], vec![], vec![]);
        let (mut starts, mut columns) = (vec![0], vec![]);
        let mut sums = vec![0.0; inner.len()];
        for block in program.blocks.iter().filter(|block| block.rows.start >= first) {
            for r in (0..block.rows.len()).filter(|r| block.lower[*r] == block.upper[*r]) {
                let entries = slopes[&block.stage][r].iter().filter_map(|(j, g)| Some((place[*j as usize]?, *g)));
                let entries: Vec<(u32, f64)> = entries.collect();
                let largest = entries.iter().fold(0.0, |most: f64, (_, g)| most.max(g.abs()));
                if !(largest > 0.0 && largest.is_finite()) {
                    return None;
                }
                for (j, g) in entries {
                    columns.push(j);
                    values.push(g / largest);
                    sums[j as usize] += (g / largest).abs();
                }
                starts.push(columns.len());
                rows.push(block.rows.start + r);
                scale.push(1.0 / largest);
            }
        }
        if rows.len() != inner.len() {
            return None;
        }
        let pattern = Pattern { rows: rows.len(), columns_count: inner.len(), starts, columns };
        let mut factors = Lu::new(&pattern).ok()?;
        factors.factor(&values).ok()?;
        let condition = sums.iter().fold(0.0, |most: f64, sum| most.max(*sum)) * factors.inverse_norm();
        (condition <= MOST_CONDITION).then_some(Adjoint { program, inner, rows, scale, factors })
    }

    /// `weight sign ∇f - Σ y_i ∇c_i` once `y` of the followers' conditions has taken all of it away in `u`.
    fn carried(&self, weight: f64, y: &mut [f64]) -> Option<Vec<f64>> {
        let slope = |y: &[f64]| self.program.lagrangian_gradient(&self.program.here, weight, y);
        let mut here = slope(y);
        let size = here.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        for _ in 0..SOLVES {
            let mut right: Vec<f64> = self.inner.iter().map(|j| here[*j]).collect();
            if right.iter().all(|g| *g == 0.0) {
                break;
            }
            if !self.factors.solve_transposed(&mut right) {
                return None;
            }
            self.rows.iter().zip(&self.scale).zip(&right).for_each(|((r, scale), p)| y[*r] += scale * p);
            here = slope(y);
        }
        let left = self.inner.iter().fold(0.0, |most: f64, j| most.max(here[*j].abs()));
        (left <= LEFT * size.max(1.0)).then_some(here)
    }
}
