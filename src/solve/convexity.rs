//! Whether a quadratic objective is convex, by numbers: the least eigenvalue of its Hessian.

use super::nlp::Nlp;
use super::options::Options;
use super::smooth::interior_point;
use super::view::EngineView;
use crate::diag::Sources;
use crate::linalg::dense::symmetric_eigenvalues;
use crate::problem::Problem;

/// A dense eigenvalue problem of this size takes well under a second.
const MOST_VARIABLES: usize = 300;

/// Whether the Hessian of the objective, turned so that it is minimised, is positive semidefinite among the variables
/// that are not fixed, up to `1e-10` of its largest eigenvalue. `None` where there are too many variables, or values are
/// not finite. The objective must be quadratic; `O(n³)`.
pub fn quadratic_is_convex(problem: &Problem) -> Option<bool> {
    let (least, largest) = curvatures(problem)?;
    Some(least >= -1e-10 * largest)
}

/// The same for positive definite, by more than rounding.
pub fn quadratic_is_strongly_convex(problem: &Problem) -> Option<bool> {
    let (least, largest) = curvatures(problem)?;
    Some(least > 1e-9 * largest)
}

/// The least eigenvalue of the Hessian of the objective at 0, and the largest in size.
fn curvatures(problem: &Problem) -> Option<(f64, f64)> {
    if problem.dimension as usize > MOST_VARIABLES {
        return None;
    }
    let origin = vec![0.0; problem.dimension as usize];
    let mut view = EngineView::new(problem, &interior_point::METHOD, &Options::default(), &origin, &Sources::default());
    let (n, m) = (view.shape().variables(), view.shape().rows());
    let pattern = view.shape().hessian.clone();
    let mut entries = vec![0.0; pattern.entries()];
    view.hessian(&vec![0.0; n], 1.0, &vec![0.0; m], &mut entries);
    let mut dense = vec![0.0; n * n];
    for r in 0..n {
        for k in pattern.row(r) {
            let c = pattern.columns[k] as usize;
            dense[r * n + c] = entries[k];
            dense[c * n + r] = entries[k];
        }
    }
    if !dense.iter().all(|v| v.is_finite()) {
        return None;
    }
    let eigenvalues = symmetric_eigenvalues(n, &dense);
    let largest = eigenvalues.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    Some((eigenvalues.iter().copied().fold(f64::INFINITY, f64::min), largest))
}
