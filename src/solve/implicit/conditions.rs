//! Conditions `F(z, θ) = 0` that define an answer `z(θ)`, by products with their derivatives at a point.
//!
//! | conditions | `F` |
//! | --- | --- |
//! | [`Stationarity`] | `∇_z f` |
//! | [`Program`] | stationarity of the Lagrangian, active rows and bounds (KKT); linear and quadratic programs too |
//! | [`Equations`] | rows `c(z, θ)` as they are (roots), or `T(z, θ) - z` (fixed points) |
//! | [`ProximalStep`] | `prox(z - η ∇_z f) - z`: projected and proximal gradient |
//!
//! All derivatives are products of the engine: nothing is formed.

use super::program::Program;
use crate::ad::Evaluator;
use crate::solve::parts::proximal::Proximal;

pub trait Conditions {
    /// The length of `z`, and of `F`.
    fn inner(&self) -> usize;
    /// The length of `θ`.
    fn outer(&self) -> usize;
    /// Whether `∂F/∂z` is symmetric.
    fn symmetric(&self) -> bool;
    /// Writes `∂F/∂z w`.
    fn inner_product(&mut self, w: &[f64], out: &mut [f64]);
    /// Writes `(∂F/∂z)' u`.
    fn inner_transposed(&mut self, u: &[f64], out: &mut [f64]);
    /// Writes `∂F/∂θ t`.
    fn outer_product(&mut self, t: &[f64], out: &mut [f64]);
    /// Writes `(∂F/∂θ)' u`.
    fn outer_transposed(&mut self, u: &[f64], out: &mut [f64]);
}

/// Functions of a joint vector, a point of it, and which of its positions are `z` and `θ`.
pub struct Split<'e> {
    pub evaluator: &'e mut Evaluator,
    pub point: Vec<f64>,
    pub inner: Vec<u32>,
    pub outer: Vec<u32>,
}

impl Split<'_> {
    pub fn part(&self, positions: &[u32]) -> Vec<f64> {
        gathered(&self.point, positions)
    }

    /// Moves `z`.
    pub fn move_to(&mut self, z: &[f64]) {
        self.inner.iter().zip(z).for_each(|(k, v)| self.point[*k as usize] = *v);
    }

    /// `∇²L d` for `L = σ f + Σ weights c`.
    fn curved(&mut self, sigma: f64, weights: &[f64], d: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; d.len()];
        self.evaluator.hessian_product(&self.point, sigma, weights, d, &mut out);
        out
    }

    fn spread(&self, values: &[f64], positions: &[u32]) -> Vec<f64> {
        let mut out = vec![0.0; self.point.len()];
        positions.iter().zip(values).for_each(|(k, v)| out[*k as usize] = *v);
        out
    }
}

fn gathered(values: &[f64], positions: &[u32]) -> Vec<f64> {
    positions.iter().map(|k| values[*k as usize]).collect()
}

/// `∇_z (σ f) = 0`.
pub struct Stationarity<'e> {
    pub split: Split<'e>,
    pub sigma: f64,
}

impl Stationarity<'_> {
    pub fn gradient(&mut self) -> Vec<f64> {
        let mut out = vec![0.0; self.split.point.len()];
        self.split.evaluator.gradient(&self.split.point, &mut out);
        self.split.inner.iter().map(|k| self.sigma * out[*k as usize]).collect()
    }

    /// Second derivatives along a direction in `from`, by the variables `to`.
    fn product(&mut self, d: &[f64], from: bool, to: bool) -> Vec<f64> {
        let of = |inner: bool, split: &Split| if inner { split.inner.clone() } else { split.outer.clone() };
        let direction = self.split.spread(d, &of(from, &self.split));
        let weights = vec![0.0; self.split.evaluator.rows()];
        let out = self.split.curved(self.sigma, &weights, &direction);
        gathered(&out, &of(to, &self.split))
    }
}

impl Conditions for Stationarity<'_> {
    fn inner(&self) -> usize {
        self.split.inner.len()
    }

    fn outer(&self) -> usize {
        self.split.outer.len()
    }

    fn symmetric(&self) -> bool {
        true
    }

    fn inner_product(&mut self, w: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.product(w, true, true));
    }

    fn inner_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        self.inner_product(u, out);
    }

    fn outer_product(&mut self, t: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.product(t, false, true));
    }

    fn outer_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.product(u, true, false));
    }
}

/// Rows of the evaluator: `c(z, θ) = 0`, or `c(z, θ) = z`.
pub struct Equations<'e> {
    pub split: Split<'e>,
    /// As many as there are inner variables, ascending.
    pub rows: Vec<u32>,
    /// The rows are images `T(z, θ)` of the inner variables, in their order.
    pub fixed_point: bool,
}

impl Equations<'_> {
    fn pushed(&mut self, direction: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.split.evaluator.rows()];
        self.split.evaluator.jacobian_product(&self.split.point, direction, &mut out);
        gathered(&out, &self.rows)
    }

    fn pulled(&mut self, u: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.split.evaluator.rows()];
        self.rows.iter().zip(u).for_each(|(r, u)| weights[*r as usize] = *u);
        let mut out = vec![0.0; self.split.point.len()];
        self.split.evaluator.jacobian_transposed_product(&self.split.point, &weights, &mut out);
        out
    }

    fn minus_self(&self, w: &[f64], out: &mut [f64]) {
        if self.fixed_point {
            out.iter_mut().zip(w).for_each(|(out, w)| *out -= w);
        }
    }
}

impl Conditions for Equations<'_> {
    fn inner(&self) -> usize {
        self.split.inner.len()
    }

    fn outer(&self) -> usize {
        self.split.outer.len()
    }

    fn symmetric(&self) -> bool {
        false
    }

    fn inner_product(&mut self, w: &[f64], out: &mut [f64]) {
        let direction = self.split.spread(w, &self.split.inner);
        out.copy_from_slice(&self.pushed(&direction));
        self.minus_self(w, out);
    }

    fn inner_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        let pulled = self.pulled(u);
        out.copy_from_slice(&gathered(&pulled, &self.split.inner));
        self.minus_self(u, out);
    }

    fn outer_product(&mut self, t: &[f64], out: &mut [f64]) {
        let direction = self.split.spread(t, &self.split.outer);
        out.copy_from_slice(&self.pushed(&direction));
    }

    fn outer_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        let pulled = self.pulled(u);
        out.copy_from_slice(&gathered(&pulled, &self.split.outer));
    }
}

/// `T(z, θ) = prox(z - η ∇_z (σ f))`, and the conditions `T(z, θ) - z = 0`. Without a map it is a gradient step.
pub struct ProximalStep<'e> {
    pub smooth: Stationarity<'e>,
    pub step: f64,
    pub map: Option<Proximal>,
    /// The number of the map is this element of `θ` times a factor.
    pub parameter: Option<(usize, f64)>,
}

impl ProximalStep<'_> {
    /// `z - η ∇_z (σ f)`, the argument of the map.
    fn argument(&mut self) -> Vec<f64> {
        let z = self.smooth.split.part(&self.smooth.split.inner);
        z.iter().zip(self.smooth.gradient()).map(|(z, g)| z - self.step * g).collect()
    }

    /// `T(z, θ)`.
    pub fn image(&mut self) -> Vec<f64> {
        let u = self.argument();
        match &self.map {
            Some(map) => map.apply(&u),
            None => u,
        }
    }

    fn mapped(&mut self, v: &[f64]) -> Vec<f64> {
        let Some(map) = self.map.clone() else { return v.to_vec() };
        let mut out = vec![0.0; v.len()];
        map.derivative(&self.argument(), v, &mut out);
        out
    }

    fn by_parameter(&mut self) -> Option<(usize, Vec<f64>)> {
        let (at, factor) = self.parameter?;
        let map = self.map.clone()?;
        let mut out = vec![0.0; self.inner()];
        map.parameter(&self.argument(), &mut out);
        out.iter_mut().for_each(|v| *v *= factor);
        Some((at, out))
    }
}

impl Conditions for ProximalStep<'_> {
    fn inner(&self) -> usize {
        self.smooth.inner()
    }

    fn outer(&self) -> usize {
        self.smooth.outer()
    }

    fn symmetric(&self) -> bool {
        self.map.is_none()
    }

    fn inner_product(&mut self, w: &[f64], out: &mut [f64]) {
        self.smooth.inner_product(w, out);
        let moved: Vec<f64> = w.iter().zip(&*out).map(|(w, h)| w - self.step * h).collect();
        let mapped = self.mapped(&moved);
        (0..w.len()).for_each(|k| out[k] = mapped[k] - w[k]);
    }

    fn inner_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        let mapped = self.mapped(u);
        self.smooth.inner_product(&mapped, out);
        (0..u.len()).for_each(|k| out[k] = mapped[k] - self.step * out[k] - u[k]);
    }

    fn outer_product(&mut self, t: &[f64], out: &mut [f64]) {
        self.smooth.outer_product(t, out);
        let moved: Vec<f64> = out.iter().map(|g| -self.step * g).collect();
        out.copy_from_slice(&self.mapped(&moved));
        if let Some((at, slopes)) = self.by_parameter() {
            out.iter_mut().zip(slopes).for_each(|(out, s)| *out += s * t[at]);
        }
    }

    fn outer_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        let mapped: Vec<f64> = self.mapped(u).iter().map(|v| -self.step * v).collect();
        self.smooth.outer_transposed(&mapped, out);
        if let Some((at, slopes)) = self.by_parameter() {
            out[at] += slopes.iter().zip(u).map(|(s, u)| s * u).sum::<f64>();
        }
    }
}

/// The system of [`Program`] by products: `z` are the inner variables and the negative multipliers of what is active, `θ`
/// is the whole joint vector, of which only the part that is not inner counts.
impl Conditions for Program<'_> {
    fn inner(&self) -> usize {
        self.selected.inner.len() + self.active()
    }

    fn outer(&self) -> usize {
        self.dimension()
    }

    fn symmetric(&self) -> bool {
        true
    }

    fn inner_product(&mut self, w: &[f64], out: &mut [f64]) {
        let pushed = self.pushed(w);
        let direction = self.spread_inner(w);
        let rows = self.rows(&direction);
        let top = self.selected.inner.iter().map(|k| pushed[*k as usize]);
        let middle = self.selected.rows.iter().map(|r| rows[*r as usize]);
        let all = top.chain(middle).chain(self.selected.bounds.iter().map(|k| direction[*k as usize]));
        out.iter_mut().zip(all).for_each(|(out, v)| *out = v);
    }

    fn inner_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        self.inner_product(u, out);
    }

    fn outer_product(&mut self, t: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.forced(t));
    }

    fn outer_transposed(&mut self, u: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.pushed(u));
    }
}
