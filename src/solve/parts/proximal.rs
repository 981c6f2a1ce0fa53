//! Nearest points of simple sets and proximal maps, with their generalised Jacobians.
//!
//! All are maps `prox(u) = argmin h(y) + |y - u|²/2` of a convex `h`, so every element of the generalised Jacobian is
//! symmetric with eigenvalues in `[0, 1]`; at a kink the element of the piece that `<=` chooses is taken. Sources: Parikh
//! and Boyd, "Proximal algorithms" (2014); for the simplex, Held, Wolfe and Crowder (1974).

use crate::linalg::vector::{dot, two_norm};

#[derive(Clone, Debug, PartialEq)]
pub enum Proximal {
    /// `lower <= y <= upper`
    Box {
        lower: Vec<f64>,
        upper: Vec<f64>,
    },
    Nonnegative,
    /// `y >= 0` with sum `total > 0`.
    Simplex {
        total: f64,
    },
    /// `|y| <= radius`
    Ball {
        radius: f64,
    },
    /// `h(y) = threshold |y|₁`
    SoftThreshold {
        threshold: f64,
    },
    /// The same map of each part of `size` consecutive elements.
    Parts {
        size: usize,
        map: std::boxed::Box<Proximal>,
    },
}

impl Proximal {
    pub fn apply(&self, u: &[f64]) -> Vec<f64> {
        match self {
            Proximal::Box { lower, upper } => (0..u.len()).map(|k| u[k].max(lower[k]).min(upper[k])).collect(),
            Proximal::Nonnegative => u.iter().map(|v| v.max(0.0)).collect(),
            Proximal::Simplex { total } => {
                let shift = simplex_shift(u, *total);
                u.iter().map(|v| (v - shift).max(0.0)).collect()
            }
            Proximal::Ball { radius } => {
                let scale = (radius / two_norm(u).max(f64::MIN_POSITIVE)).min(1.0);
                u.iter().map(|v| scale * v).collect()
            }
            Proximal::SoftThreshold { threshold } => {
                u.iter().map(|v| (v - threshold).max(0.0) + (v + threshold).min(0.0)).collect()
            }
            Proximal::Parts { size, map } => u.chunks(*size).flat_map(|part| map.apply(part)).collect(),
        }
    }

    /// Writes `P v` for an element `P = P'` of the generalised Jacobian at `u`.
    pub fn derivative(&self, u: &[f64], v: &[f64], out: &mut [f64]) {
        match self {
            Proximal::Simplex { total } => {
                let shift = simplex_shift(u, *total);
                let inside = |k: &usize| u[*k] > shift;
                let count = (0..u.len()).filter(inside).count().max(1);
                let mean = (0..u.len()).filter(inside).map(|k| v[k]).sum::<f64>() / count as f64;
                (0..u.len()).for_each(|k| out[k] = if inside(&k) { v[k] - mean } else { 0.0 });
            }
            Proximal::Ball { radius } => {
                let norm = two_norm(u);
                if norm <= *radius {
                    return out.copy_from_slice(v);
                }
                let along = dot(u, v) / (norm * norm);
                (0..u.len()).for_each(|k| out[k] = radius / norm * (v[k] - along * u[k]));
            }
            Proximal::Parts { size, map } => {
                let parts = u.chunks(*size).zip(v.chunks(*size));
                parts.zip(out.chunks_mut(*size)).for_each(|((u, v), out)| map.derivative(u, v, out));
            }
            Proximal::Box { .. } | Proximal::Nonnegative | Proximal::SoftThreshold { .. } => {
                (0..u.len()).for_each(|k| out[k] = if self.moves(u, k) { v[k] } else { 0.0 });
            }
        }
    }

    /// Writes the derivative of `apply(u)` by the number of the map: the total, the radius, the threshold. A map without
    /// one gives 0.
    pub fn parameter(&self, u: &[f64], out: &mut [f64]) {
        match self {
            Proximal::Box { .. } | Proximal::Nonnegative => out.fill(0.0),
            Proximal::Simplex { total } => {
                let shift = simplex_shift(u, *total);
                let count = u.iter().filter(|v| **v > shift).count().max(1) as f64;
                (0..u.len()).for_each(|k| out[k] = if u[k] > shift { 1.0 / count } else { 0.0 });
            }
            Proximal::Ball { radius } => {
                let norm = two_norm(u);
                (0..u.len()).for_each(|k| out[k] = if norm > *radius { u[k] / norm } else { 0.0 });
            }
            Proximal::Parts { size, map } => {
                u.chunks(*size).zip(out.chunks_mut(*size)).for_each(|(u, out)| map.parameter(u, out));
            }
            Proximal::SoftThreshold { .. } => {
                (0..u.len()).for_each(|k| out[k] = if self.moves(u, k) { -u[k].signum() } else { 0.0 });
            }
        }
    }

    /// Whether an element follows its own argument, for maps that work element by element.
    fn moves(&self, u: &[f64], k: usize) -> bool {
        match self {
            Proximal::Box { lower, upper } => lower[k] < u[k] && u[k] < upper[k],
            Proximal::Nonnegative => u[k] > 0.0,
            Proximal::SoftThreshold { threshold } => u[k].abs() > *threshold,
            Proximal::Simplex { .. } | Proximal::Ball { .. } | Proximal::Parts { .. } => false,
        }
    }
}

/// The `t` with `Σ max(u - t, 0) = total`.
fn simplex_shift(u: &[f64], total: f64) -> f64 {
    let mut sorted = u.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut shift) = (0.0, f64::NEG_INFINITY);
    for (k, v) in sorted.iter().enumerate() {
        sum += v;
        let next = (sum - total) / (k + 1) as f64;
        if *v <= next {
            break;
        }
        shift = next;
    }
    shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> Vec<Proximal> {
        vec![
            Proximal::Box { lower: vec![-0.1; 5], upper: vec![0.5; 5] },
            Proximal::Nonnegative,
            Proximal::Simplex { total: 1.5 },
            Proximal::Ball { radius: 0.7 },
            Proximal::Ball { radius: 70.0 },
            Proximal::SoftThreshold { threshold: 0.3 },
        ]
    }

    const U: [f64; 5] = [0.9, -0.2, 0.45, 0.4, -1.3];
    const V: [f64; 5] = [1.0, 2.0, -1.0, 0.5, 0.3];

    #[test]
    fn points_are_nearest() {
        assert_eq!(maps()[2].apply(&[0.5, 0.5, 0.5]), [0.5; 3]);
        let parts = Proximal::Parts { size: 2, map: std::boxed::Box::new(Proximal::Simplex { total: 1.0 }) };
        assert_eq!(parts.apply(&[0.5, 0.5, 3.0, 1.0]), [0.5, 0.5, 1.0, 0.0]);
        let y = maps()[2].apply(&U);
        assert!((y.iter().sum::<f64>() - 1.5).abs() < 1e-15 && y.iter().all(|v| *v >= 0.0), "{y:?}");
        assert!((two_norm(&maps()[3].apply(&U)) - 0.7).abs() < 1e-15);
        // (u - y)'(w - y) <= 0 for other points w of the set.
        for map in &maps()[..5] {
            let y = map.apply(&U);
            let w = map.apply(&V);
            let products = (0..5).map(|k| (U[k] - y[k]) * (w[k] - y[k]));
            assert!(products.sum::<f64>() <= 1e-15, "{map:?}");
        }
        let soft = maps()[5].apply(&U);
        for (found, expected) in soft.iter().zip([0.6, 0.0, 0.15, 0.1, -1.0]) {
            assert!((found - expected).abs() < 1e-15, "{soft:?}");
        }
    }

    #[test]
    fn jacobians_agree_with_differences() {
        for map in maps() {
            let mut found = vec![0.0; 5];
            map.derivative(&U, &V, &mut found);
            let moved = |h: f64| map.apply(&(0..5).map(|k| U[k] + h * V[k]).collect::<Vec<_>>());
            let (right, left) = (moved(1e-6), moved(-1e-6));
            for k in 0..5 {
                assert!((found[k] - (right[k] - left[k]) / 2e-6).abs() < 1e-8, "{map:?} {k}");
            }
            map.parameter(&U, &mut found);
            let with = |h: f64| match &map {
                Proximal::Simplex { total } => Proximal::Simplex { total: total + h },
                Proximal::Ball { radius } => Proximal::Ball { radius: radius + h },
                Proximal::SoftThreshold { threshold } => Proximal::SoftThreshold { threshold: threshold + h },
                Proximal::Box { .. } | Proximal::Nonnegative | Proximal::Parts { .. } => map.clone(),
            };
            let (right, left) = (with(1e-6).apply(&U), with(-1e-6).apply(&U));
            for k in 0..5 {
                assert!((found[k] - (right[k] - left[k]) / 2e-6).abs() < 1e-8, "{map:?} {k}");
            }
        }
    }
}
