//! One-sided derivatives where constraints are active without force.
//!
//! Along `dθ` the answer moves by the `dz` that minimises `dz'H dz / 2 + dz'∂²L/∂z∂θ dθ` while active rows keep their
//! sides, those without force from one side only. In the forces `λ` of the latter this is a linear complementarity
//! problem `0 <= λ ⊥ M λ + r >= 0`, with `M` definite where the answer is isolated and the gradients are independent.
//! Sources: Jittorntrum, "Solution point differentiability without strict complementarity in nonlinear programming"
//! (1984); Murty, "Note on a Bard-type scheme for solving the complementarity problem" (1974).

use super::program::Program;
use crate::linalg::dense::Cholesky;
use crate::linalg::vector::{add_multiple, dot};

/// A row or bound that is active without force.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weak {
    pub at: At,
    /// 1 at a lower side, -1 at an upper one.
    pub sign: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Row(u32),
    /// A position of the joint vector.
    Bound(u32),
}

/// The movement of the answer for a step in `θ` to one side.
pub struct OneSided {
    /// `(dz, dθ)`
    pub point: Vec<f64>,
    /// Of the active rows and bounds of the program.
    pub duals: Vec<f64>,
    /// Of the weak ones.
    pub weak_duals: Vec<f64>,
}

/// What does not depend on the direction.
pub struct Fan<'w> {
    weak: &'w [Weak],
    /// Gradients in the inner variables, signed.
    gradients: Vec<Vec<f64>>,
    /// The answer of the system to each gradient.
    answers: Vec<Vec<f64>>,
    /// `gradients · answers`, row by row.
    matrix: Vec<f64>,
}

impl<'w> Fan<'w> {
    /// `None` if the answer is not isolated without the weak constraints, or their gradients depend on each other.
    pub fn new(program: &mut Program, weak: &'w [Weak]) -> Option<Fan<'w>> {
        let rows = program.selected.rows.len() + program.selected.bounds.len();
        let (mut gradients, mut answers) = (vec![], vec![]);
        for one in weak {
            let gradient = match one.at {
                At::Row(r) => {
                    let mut weights = vec![0.0; program.row_count()];
                    weights[r as usize] = one.sign;
                    program.gradients(&weights)
                }
                At::Bound(k) => {
                    let mut unit = vec![0.0; program.dimension()];
                    unit[k as usize] = one.sign;
                    unit
                }
            };
            let right = program.pulled(&gradient, &vec![0.0; rows]);
            let solved = program.solve(&right);
            // A singular system serves as long as the gradients lie within its range.
            if solved.residual > 1e-8 {
                return None;
            }
            gradients.push(right[..program.selected.inner.len()].to_vec());
            answers.push(solved.values);
        }
        let matrix = gradients.iter().flat_map(|g| answers.iter().map(|a| dot(g, &a[..g.len()]))).collect();
        Some(Fan { weak, gradients, answers, matrix })
    }

    /// The movement along a direction of `θ`; `None` if there is none, or none was found.
    pub fn along(&self, program: &mut Program, direction: &[f64]) -> Option<OneSided> {
        let forced = program.forced(direction);
        let negative: Vec<f64> = forced.iter().map(|v| -v).collect();
        let solved = program.solve(&negative);
        if solved.residual > 1e-8 {
            return None;
        }
        let mut moved = solved.values;
        let rows = program.rows(direction);
        let n = program.selected.inner.len();
        let slack = |k: usize| {
            let outer = match self.weak[k].at {
                At::Row(r) => rows[r as usize],
                At::Bound(_) => 0.0,
            };
            dot(&self.gradients[k], &moved[..n]) + self.weak[k].sign * outer
        };
        let rest: Vec<f64> = (0..self.weak.len()).map(slack).collect();
        let forces = complementarity(&self.matrix, &rest)?;
        forces.iter().zip(&self.answers).for_each(|(force, answer)| add_multiple(&mut moved, *force, answer));
        let mut point = direction.to_vec();
        program.selected.inner.iter().zip(&moved).for_each(|(k, dz)| point[*k as usize] = *dz);
        let weak_duals = forces.iter().zip(self.weak).map(|(force, weak)| weak.sign * force).collect();
        Some(OneSided { point, duals: moved[n..].iter().map(|u| -u).collect(), weak_duals })
    }
}

/// `λ >= 0` with `M λ + r >= 0` and `λ'(M λ + r) = 0` for a positive definite `M`, by exchanging the first variable with
/// the wrong sign; this never returns to a basis.
fn complementarity(matrix: &[f64], rest: &[f64]) -> Option<Vec<f64>> {
    let n = rest.len();
    let size = rest.iter().fold(0.0_f64, |most, r| most.max(r.abs()));
    let zero = 1e-11 * size;
    let mut basic = vec![false; n];
    for _ in 0..10_000 {
        let chosen: Vec<usize> = (0..n).filter(|k| basic[*k]).collect();
        let part: Vec<f64> = chosen.iter().flat_map(|i| chosen.iter().map(move |j| matrix[i * n + j])).collect();
        let right: Vec<f64> = chosen.iter().map(|k| -rest[*k]).collect();
        let mut forces = vec![0.0; n];
        if !chosen.is_empty() {
            let solved = Cholesky::new(chosen.len(), &part).ok()?.solve(&right);
            chosen.iter().zip(solved).for_each(|(k, force)| forces[*k] = force);
        }
        let wrong = |k: &usize| match basic[*k] {
            true => forces[*k] < 0.0,
            false => rest[*k] + dot(&matrix[k * n..(k + 1) * n], &forces) < -zero,
        };
        let Some(first) = (0..n).find(wrong) else { return Some(forces) };
        basic[first] = !basic[first];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_complementarity_problems() {
        assert!((complementarity(&[2.0], &[-4.0]).unwrap()[0] - 2.0).abs() < 1e-15);
        assert_eq!(complementarity(&[2.0], &[4.0]), Some(vec![0.0]));
        let found = complementarity(&[2.0, 1.0, 1.0, 2.0], &[-1.0, 3.0]).unwrap();
        assert!((found[0] - 0.5).abs() < 1e-15 && found[1] == 0.0);
        let found = complementarity(&[2.0, -1.0, -1.0, 2.0], &[-1.0, 0.25]).unwrap();
        assert!((found[0] - 7.0 / 12.0).abs() < 1e-15 && (found[1] - 1.0 / 6.0).abs() < 1e-15);
    }
}
