//! How much better than the point any feasible point of a convex problem can be: the gap to the Lagrangian bound.
//!
//! For `y` of valid signs, `b_i` the bound on the side of its sign, and every feasible `x` in the box,
//! ```text
//! f(x) >= f(x) - Σ y_i (c_i(x) - b_i) >= f(x̂) - Σ y_i (c_i(x̂) - b_i) + g'(x - x̂),   g = ∇f(x̂) - Σ y_i ∇c_i(x̂),
//! ```
//! the second step by convexity. The last term is least at a corner of the box. Where the box is infinite, or so wide
//! that rounding in `g` spoils the bound, it is taken over `|x_j - x̂_j| <= max(1, |x̂_j|)` instead: by convexity a
//! point that is `D` times as far away is better by at most `D` gaps.

use super::program::Program;
use super::residuals::Duals;
use crate::answer::certificate::{Proved, Residual};

pub struct Gap {
    /// Over the whole box; infinite where the box is and the slope is not 0.
    whole: f64,
    /// Over the neighbourhood of size `max(1, |x_j|)`.
    near: f64,
    objective: f64,
    sign: f64,
}

/// The gap of a problem that was shown to be convex; nothing without a single objective.
/// `slack` is what the slopes at kinks leave out.
pub fn gap(program: &Program, duals: &Duals, slack: f64) -> Option<Gap> {
    let (_, sign) = program.objective?;
    let objective = program.objective_value();
    let mut y = vec![0.0; duals.rows.len()];
    let mut rows = 0.0;
    for block in &program.blocks {
        for (r, &c) in program.row_values(block).iter().enumerate() {
            let given = duals.rows[block.rows.start + r];
            let bound = if given > 0.0 { block.lower[r] } else { block.upper[r] };
            // A multiplier of a side that does not exist proves nothing.
            if bound.is_finite() {
                y[block.rows.start + r] = given;
                rows += given * (c - bound);
            }
        }
    }
    let slope = program.lagrangian_gradient(&program.here, 1.0, &y);
    let (mut whole, mut near) = (rows + slack, rows + slack);
    for (j, &g) in slope.iter().enumerate().filter(|(_, g)| **g != 0.0) {
        let x = program.x[j];
        let room = if g > 0.0 { x - program.lower[j] } else { program.upper[j] - x };
        whole += g.abs() * room;
        near += g.abs() * room.min(x.abs().max(1.0));
    }
    Some(Gap { whole, near, objective, sign })
}

impl Gap {
    fn scale(&self) -> f64 {
        self.objective.abs().max(1.0)
    }

    /// What the gap proves; says in the notes what it does not.
    pub fn proof(&self, because: String, tolerance: f64, notes: &mut Vec<String>) -> Proved {
        let limit = tolerance * self.scale();
        if self.whole <= limit {
            return Proved::Optimal { because, bound: Some(self.sign * (self.objective - self.whole)) };
        }
        if self.near <= limit {
            notes.push(format!(
                "the gap of {:.1e} is for points within max(1, |x|) of each variable; D times as far it is at most D \
                 times as large",
                self.near.max(0.0)
            ));
            return Proved::Optimal { because, bound: Some(self.sign * (self.objective - self.near)) };
        }
        notes.push(format!("the problem is convex, but the duality gap of {:.1e} is not closed", self.near));
        Proved::Nothing
    }

    /// The figure that must close. An open gap breaks the certificate: the method can do better, or its multipliers are
    /// not those of the point.
    pub fn residual(&self, tolerance: f64) -> Residual {
        let unscaled = if self.whole <= tolerance * self.scale() { self.whole } else { self.near };
        let unscaled = if unscaled < 0.0 { 0.0 } else { unscaled };
        Residual { name: "gap", value: unscaled / self.scale(), unscaled, tolerance, place: None }
    }
}
