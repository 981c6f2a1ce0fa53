//! The linear solves of the implicit function theorem for any [`Conditions`]: `A w = B t` forward, `A'u = v` reverse.
//!
//! Small systems are formed by products with unit vectors and factored once for all right sides; large ones are solved by
//! products alone, by MINRES where they are symmetric (definite or not) and by GMRES where they are not. A truncated Neumann
//! series is as many further steps of a fixed point iteration; with one term it ignores the curvature altogether.

use super::conditions::Conditions;
use crate::linalg::dense::Lu;
use crate::linalg::krylov::{self, End};
use crate::linalg::vector::two_norm;

/// Up to this length of `z` the matrix is formed: factoring it costs less than a Krylov method of as many products. A
/// guess that was not tuned.
const FORMED: usize = 300;
/// Vectors that GMRES keeps.
const RESTART: usize = 100;
/// Runs of a method on what the one before it left.
const ROUNDS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// By size and symmetry.
    Automatic,
    Direct,
    /// For a definite matrix.
    ConjugateGradients,
    Minres,
    Gmres,
    /// Of `scale ∂F/∂z`, which must be near the identity: `-1` for fixed points, the step for gradients.
    Neumann {
        scale: f64,
        terms: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    pub kind: Kind,
    /// Of residuals, relative to right sides.
    pub tolerance: f64,
    /// The most products for a solve.
    pub limit: usize,
}

impl Default for Linear {
    fn default() -> Linear {
        Linear::USUAL
    }
}

impl Linear {
    pub const USUAL: Linear = Linear { kind: Kind::Automatic, tolerance: 1e-12, limit: 10_000 };

    /// Solves `A x = b` for a matrix known by products `apply(v, out)`; `Automatic` and `Direct` are those of any matrix.
    pub fn by_products(&self, apply: &mut dyn FnMut(&[f64], &mut [f64]), b: &[f64]) -> Derivative {
        let mut products = 0;
        let mut apply = |v: &[f64], out: &mut [f64]| {
            products += 1;
            apply(v, out);
        };
        let (mut values, mut rest, mut residual) = (vec![0.0; b.len()], b.to_vec(), 1.0);
        for _ in 0..ROUNDS {
            let mut step = vec![0.0; b.len()];
            self.run(&mut apply, &rest, &mut step);
            let tried: Vec<f64> = values.iter().zip(&step).map(|(x, d)| x + d).collect();
            let (left, now) = left(&mut apply, b, &tried);
            // What a method takes for its residual drifts from the residual by rounding; what a series leaves is wanted.
            let series = matches!(self.kind, Kind::Neumann { .. });
            let enough = now <= self.tolerance || now.is_nan() || now > 0.1 * residual;
            if now < residual || series {
                (values, rest, residual) = (tried, left, now);
            }
            if enough || series {
                break;
            }
        }
        Derivative { values, residual, products }
    }

    fn run(&self, apply: &mut dyn FnMut(&[f64], &mut [f64]), b: &[f64], x: &mut [f64]) -> End {
        let Linear { kind, tolerance, limit } = *self;
        match kind {
            Kind::ConjugateGradients => krylov::conjugate_gradients(apply, b, tolerance, limit, x),
            Kind::Minres => krylov::minres(apply, b, tolerance, limit, x),
            Kind::Neumann { scale, terms } => {
                let mut scaled = |v: &[f64], out: &mut [f64]| {
                    apply(v, out);
                    out.iter_mut().for_each(|out| *out *= scale);
                };
                let right: Vec<f64> = b.iter().map(|b| scale * b).collect();
                krylov::neumann(&mut scaled, &right, tolerance, terms, x)
            }
            Kind::Automatic | Kind::Direct | Kind::Gmres => krylov::gmres(apply, b, tolerance, limit, RESTART, x),
        }
    }
}

/// `b - A x`, and its norm relative to that of `b`.
fn left(apply: &mut dyn FnMut(&[f64], &mut [f64]), b: &[f64], x: &[f64]) -> (Vec<f64>, f64) {
    let mut rest = vec![0.0; b.len()];
    apply(x, &mut rest);
    rest.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r);
    let size = two_norm(&rest) / two_norm(b).max(f64::MIN_POSITIVE);
    (rest, size)
}

/// A derivative and how well its linear system was solved.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivative {
    pub values: Vec<f64>,
    /// `|b - A w| / |b|`
    pub residual: f64,
    /// Products with `A` or its transpose.
    pub products: usize,
}

/// Conditions at a point, ready to be differentiated in any number of directions.
pub struct Implicit<'c, C: Conditions> {
    pub conditions: &'c mut C,
    linear: Linear,
    /// Of the matrix and of its transpose.
    factors: [Option<Lu>; 2],
}

impl<'c, C: Conditions> Implicit<'c, C> {
    pub fn new(conditions: &'c mut C, linear: Linear) -> Implicit<'c, C> {
        Implicit { conditions, linear, factors: [None, None] }
    }

    /// `dz = -(∂F/∂z)⁻¹ ∂F/∂θ t`.
    pub fn forward(&mut self, t: &[f64]) -> Derivative {
        let mut b = vec![0.0; self.conditions.inner()];
        self.conditions.outer_product(t, &mut b);
        b.iter_mut().for_each(|b| *b = -*b);
        self.solve(&b, false)
    }

    /// The gradient of `v'z` in `θ`: `-(∂F/∂θ)' (∂F/∂z)⁻ᵀ v`.
    pub fn reverse(&mut self, v: &[f64]) -> Derivative {
        let solved = self.solve(v, true);
        let mut values = vec![0.0; self.conditions.outer()];
        self.conditions.outer_transposed(&solved.values, &mut values);
        values.iter_mut().for_each(|v| *v = -*v);
        Derivative { values, ..solved }
    }

    fn kind(&self) -> Kind {
        match self.linear.kind {
            Kind::Automatic if self.conditions.inner() <= FORMED => Kind::Direct,
            Kind::Automatic if self.conditions.symmetric() => Kind::Minres,
            Kind::Automatic => Kind::Gmres,
            asked => asked,
        }
    }

    fn solve(&mut self, b: &[f64], transposed: bool) -> Derivative {
        let linear = Linear { kind: self.kind(), ..self.linear };
        if linear.kind != Kind::Direct {
            return linear.by_products(&mut |v, out| self.product(v, out, transposed), b);
        }
        let mut products = 0;
        let factors = match self.factors[transposed as usize].take() {
            Some(factors) => factors,
            None => {
                products += b.len();
                self.formed(transposed)
            }
        };
        let x = factors.solve(b).unwrap_or_else(|| vec![0.0; b.len()]);
        self.factors[transposed as usize] = Some(factors);
        let residual = left(&mut |v, out| self.product(v, out, transposed), b, &x).1;
        Derivative { values: x, residual, products: products + 1 }
    }

    fn product(&mut self, v: &[f64], out: &mut [f64], transposed: bool) {
        match transposed {
            true => self.conditions.inner_transposed(v, out),
            false => self.conditions.inner_product(v, out),
        }
    }

    /// The matrix from its products with unit vectors, factored.
    fn formed(&mut self, transposed: bool) -> Lu {
        let n = self.conditions.inner();
        let mut matrix = vec![0.0; n * n];
        let (mut unit, mut column) = (vec![0.0; n], vec![0.0; n]);
        for j in 0..n {
            unit[j] = 1.0;
            self.product(&unit, &mut column, transposed);
            unit[j] = 0.0;
            column.iter().enumerate().for_each(|(i, v)| matrix[i * n + j] = *v);
        }
        Lu::new(n, &matrix)
    }
}
