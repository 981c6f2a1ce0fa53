//! Methods that see a matrix through products only. Symmetric: conjugate gradients, the same inside a ball, MINRES;
//! any: GMRES, and the truncated Neumann series. Lanczos steps show where eigenvalues are.
//!
//! `apply(v, out)` writes `A v`. Sources: Steihaug (1983) for the ball; Paige and Saunders (1975) for MINRES; Saad and
//! Schultz (1986) for GMRES.

use super::dense::symmetric_eigenvalues;
use super::vector::{add_multiple, dot, two_norm};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The residual is small enough.
    Converged,
    /// The step reached the edge of the ball.
    Edge,
    /// A direction of negative curvature was met; in a ball, it was followed to the edge.
    NegativeCurvature,
    /// The most products were made.
    Limit,
    /// A product was not finite; the step before it stands.
    NotFinite,
}

/// Solves `A x = b` for positive definite `A` from `x = 0`, until `|b - A x| <= tolerance |b|`.
pub fn conjugate_gradients(
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    b: &[f64],
    tolerance: f64,
    limit: usize,
    x: &mut [f64],
) -> End {
    let gradient: Vec<f64> = b.iter().map(|b| -b).collect();
    truncated(apply, &gradient, f64::INFINITY, tolerance, limit, x)
}

/// Minimises `g'p + p'A p / 2` over `|p| <= radius` approximately: conjugate gradients from `p = 0` until
/// `|g + A p| <= tolerance |g|`, the edge, or negative curvature (which is followed to the edge if there is one).
/// The model value falls with every step.
pub fn truncated(
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    g: &[f64],
    radius: f64,
    tolerance: f64,
    limit: usize,
    p: &mut [f64],
) -> End {
    p.fill(0.0);
    let mut residual = g.to_vec();
    let mut direction: Vec<f64> = g.iter().map(|g| -g).collect();
    let mut product = vec![0.0; g.len()];
    let mut square = dot(&residual, &residual);
    let small = (tolerance * two_norm(g)).powi(2);
    for _ in 0..limit {
        if square <= small {
            return End::Converged;
        }
        apply(&direction, &mut product);
        let curvature = dot(&direction, &product);
        if !curvature.is_finite() {
            return End::NotFinite;
        }
        // Curvature that is lost in rounding is no curvature.
        if curvature <= 1e-16 * dot(&direction, &direction) {
            if radius.is_finite() {
                add_multiple(p, to_edge(p, &direction, radius), &direction);
            }
            return End::NegativeCurvature;
        }
        let alpha = square / curvature;
        let edge = if radius.is_finite() { to_edge(p, &direction, radius) } else { f64::INFINITY };
        if alpha >= edge {
            add_multiple(p, edge, &direction);
            return End::Edge;
        }
        add_multiple(p, alpha, &direction);
        add_multiple(&mut residual, alpha, &product);
        let next = dot(&residual, &residual);
        let beta = next / square;
        square = next;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = beta * *d - r);
    }
    if square <= small { End::Converged } else { End::Limit }
}

/// The `t >= 0` with `|p + t d| = radius`, for `|p| <= radius`.
fn to_edge(p: &[f64], d: &[f64], radius: f64) -> f64 {
    let (a, b, c) = (dot(d, d), dot(p, d), dot(p, p) - radius * radius);
    let root = (b * b - a * c).max(0.0).sqrt();
    // The form without cancellation.
    if b > 0.0 { (-c / (b + root)).max(0.0) } else { (root - b) / a.max(f64::MIN_POSITIVE) }
}

/// Ritz values of symmetric `A`, ascending: eigenvalues of its restriction to the Krylov space of `start` of at most `steps`
/// dimensions. They lie between the least and the largest eigenvalue, and the outer ones come near them first.
pub fn ritz_values(apply: &mut dyn FnMut(&[f64], &mut [f64]), start: &[f64], steps: usize) -> Vec<f64> {
    let norm = two_norm(start);
    let mut basis: Vec<Vec<f64>> = vec![start.iter().map(|v| v / norm).collect()];
    let mut product = vec![0.0; start.len()];
    let (mut diagonal, mut beside) = (vec![], vec![]);
    while norm > 0.0 && diagonal.len() < steps.min(start.len()) {
        let current = &basis[diagonal.len()];
        apply(current, &mut product);
        let size = two_norm(&product);
        if !size.is_finite() {
            break;
        }
        diagonal.push(dot(current, &product));
        // Against all, twice: without that, copies of the outer ones appear.
        for _ in 0..2 {
            for vector in &basis {
                let part = dot(vector, &product);
                add_multiple(&mut product, -part, vector);
            }
        }
        let next = two_norm(&product);
        if next <= 1e-14 * size {
            break;
        }
        beside.push(next);
        basis.push(product.iter().map(|v| v / next).collect());
    }
    let k = diagonal.len();
    let mut small = vec![0.0; k * k];
    for i in 0..k {
        small[i * k + i] = diagonal[i];
        if i + 1 < k {
            (small[i * k + i + 1], small[(i + 1) * k + i]) = (beside[i], beside[i]);
        }
    }
    symmetric_eigenvalues(k, &small)
}

/// Minimises `|b - A x|` for symmetric `A`, definite or not, from `x = 0`, until the norm is `tolerance |b|`.
pub fn minres(
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    b: &[f64],
    tolerance: f64,
    limit: usize,
    x: &mut [f64],
) -> End {
    let n = b.len();
    x.fill(0.0);
    let norm = two_norm(b);
    if norm == 0.0 {
        return End::Converged;
    }
    // Lanczos vectors, the last two directions, and the last two plane rotations.
    let mut previous = vec![0.0; n];
    let mut current: Vec<f64> = b.iter().map(|b| b / norm).collect();
    let (mut older, mut old) = (vec![0.0; n], vec![0.0; n]);
    let (mut cosine, mut sine, mut cosine_before, mut sine_before) = (1.0, 0.0, 1.0, 0.0);
    let (mut beta, mut residual) = (0.0, norm);
    let mut product = vec![0.0; n];
    for _ in 0..limit {
        apply(&current, &mut product);
        let alpha = dot(&current, &product);
        if !alpha.is_finite() {
            return End::NotFinite;
        }
        add_multiple(&mut product, -alpha, &current);
        add_multiple(&mut product, -beta, &previous);
        let next_beta = two_norm(&product);
        let epsilon = sine_before * beta;
        let carried = cosine_before * beta;
        let delta = cosine * carried + sine * alpha;
        let gamma_bar = -sine * carried + cosine * alpha;
        let gamma = gamma_bar.hypot(next_beta);
        if gamma == 0.0 {
            return End::Limit;
        }
        (cosine_before, sine_before) = (cosine, sine);
        (cosine, sine) = (gamma_bar / gamma, next_beta / gamma);
        for i in 0..n {
            let direction = (current[i] - delta * old[i] - epsilon * older[i]) / gamma;
            older[i] = old[i];
            old[i] = direction;
            x[i] += cosine * residual * direction;
        }
        residual *= -sine;
        if residual.abs() <= tolerance * norm || next_beta == 0.0 {
            return End::Converged;
        }
        for i in 0..n {
            previous[i] = current[i];
            current[i] = product[i] / next_beta;
        }
        beta = next_beta;
    }
    End::Limit
}

/// Minimises `|b - A x|` over Krylov spaces of growing dimension, from `x = 0`, until the norm is `tolerance |b|`. After
/// `restart` products the space begins anew.
pub fn gmres(
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    b: &[f64],
    tolerance: f64,
    limit: usize,
    restart: usize,
    x: &mut [f64],
) -> End {
    let n = b.len();
    x.fill(0.0);
    let size = two_norm(b);
    let mut rest = b.to_vec();
    let mut product = vec![0.0; n];
    let mut used = 0;
    while used < limit {
        let norm = two_norm(&rest);
        if !norm.is_finite() {
            return End::NotFinite;
        }
        if norm <= tolerance * size {
            return End::Converged;
        }
        // The basis, the triangle that rotations make of the Hessenberg matrix, and what is left of `|rest| e_1`.
        let mut basis = vec![rest.iter().map(|r| r / norm).collect::<Vec<f64>>()];
        let (mut triangle, mut rotations) = (Vec::<Vec<f64>>::new(), Vec::<(f64, f64)>::new());
        let mut right = vec![norm];
        while triangle.len() < restart.min(n) && used < limit {
            let k = triangle.len();
            apply(&basis[k], &mut product);
            used += 1;
            let mut column = Vec::with_capacity(k + 1);
            // Twice: the second pass takes away what cancellation left.
            column.resize(k + 1, 0.0);
            for _ in 0..2 {
                for (vector, entry) in basis.iter().zip(column.iter_mut()) {
                    let part = dot(vector, &product);
                    *entry += part;
                    add_multiple(&mut product, -part, vector);
                }
            }
            let next = two_norm(&product);
            if !next.is_finite() {
                return End::NotFinite;
            }
            for (j, (c, s)) in rotations.iter().enumerate() {
                (column[j], column[j + 1]) = (c * column[j] + s * column[j + 1], c * column[j + 1] - s * column[j]);
            }
            let length = column[k].hypot(next);
            if length == 0.0 {
                break;
            }
            let (c, s) = (column[k] / length, next / length);
            column[k] = length;
            rotations.push((c, s));
            triangle.push(column);
            let last = right[k];
            right[k] = c * last;
            right.push(-s * last);
            if (s * last).abs() <= tolerance * size || next <= 1e-14 * length {
                break;
            }
            basis.push(product.iter().map(|v| v / next).collect());
        }
        let count = triangle.len();
        let mut weights = right[..count].to_vec();
        for k in (0..count).rev() {
            weights[k] /= triangle[k][k];
            let weight = weights[k];
            weights[..k].iter_mut().zip(&triangle[k]).for_each(|(w, t)| *w -= t * weight);
        }
        weights.iter().zip(&basis).for_each(|(w, vector)| add_multiple(x, *w, vector));
        apply(x, &mut product);
        let before = norm;
        rest.iter_mut().zip(b.iter().zip(&product)).for_each(|(r, (b, p))| *r = b - p);
        if two_norm(&rest) > (1.0 - 1e-12) * before {
            break;
        }
    }
    if two_norm(&rest) <= tolerance * size { End::Converged } else { End::Limit }
}

/// `x = Σ_{k < terms} (I - A)^k b`, which approaches `A⁻¹ b` where `I - A` is a contraction, until a term is
/// `tolerance |b|`.
pub fn neumann(
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    b: &[f64],
    tolerance: f64,
    terms: usize,
    x: &mut [f64],
) -> End {
    let mut term = b.to_vec();
    let mut product = vec![0.0; b.len()];
    x.copy_from_slice(b);
    let size = two_norm(b);
    for _ in 1..terms {
        apply(&term, &mut product);
        add_multiple(&mut term, -1.0, &product);
        let norm = two_norm(&term);
        if !norm.is_finite() {
            return End::NotFinite;
        }
        add_multiple(x, 1.0, &term);
        if norm <= tolerance * size {
            return End::Converged;
        }
    }
    End::Limit
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tridiagonal matrix: `shift` on the diagonal, `-1` beside it.
    fn tridiagonal(shift: f64) -> impl FnMut(&[f64], &mut [f64]) {
        move |v, out| {
            for i in 0..v.len() {
                let left = if i > 0 { v[i - 1] } else { 0.0 };
                let right = v.get(i + 1).copied().unwrap_or(0.0);
                out[i] = shift * v[i] - left - right;
            }
        }
    }

    fn residual(shift: f64, b: &[f64], x: &[f64]) -> f64 {
        let mut out = vec![0.0; b.len()];
        tridiagonal(shift)(x, &mut out);
        out.iter_mut().zip(b).for_each(|(o, b)| *o -= b);
        two_norm(&out)
    }

    #[test]
    fn systems_are_solved_from_products() {
        let b: Vec<f64> = (0..20).map(|i| (i as f64).sin()).collect();
        let mut x = vec![0.0; 20];
        assert_eq!(conjugate_gradients(&mut tridiagonal(2.1), &b, 1e-12, 100, &mut x), End::Converged);
        assert!(residual(2.1, &b, &x) <= 1e-11 * two_norm(&b));
        // Indefinite: eigenvalues on both sides of zero.
        assert_eq!(minres(&mut tridiagonal(0.3), &b, 1e-10, 100, &mut x), End::Converged);
        assert!(residual(0.3, &b, &x) <= 1e-9 * two_norm(&b));
    }

    #[test]
    fn outer_eigenvalues_are_seen() {
        let start: Vec<f64> = (0..50).map(|i| 1.0 + (i as f64).sin()).collect();
        // 2.1 - 2 cos(k pi / 51)
        let exact = |k: f64| 2.1 - 2.0 * (k * std::f64::consts::PI / 51.0).cos();
        let all = ritz_values(&mut tridiagonal(2.1), &start, 50);
        assert!((all[0] - exact(1.0)).abs() < 1e-10 && (all[49] - exact(50.0)).abs() < 1e-10, "{all:?}");
        let some = ritz_values(&mut tridiagonal(2.1), &start, 20);
        assert!(some.len() == 20 && some[0] >= exact(1.0) - 1e-12 && some[19] <= exact(50.0) + 1e-12, "{some:?}");
        assert!(some[19] > 0.98 * exact(50.0));
        assert_eq!(ritz_values(&mut |v, out| out.copy_from_slice(v), &start, 20).len(), 1);
    }

    #[test]
    fn steps_in_a_ball_stay_there_and_lower_the_model() {
        let g: Vec<f64> = (0..20).map(|i| 1.0 + (i as f64).cos()).collect();
        for (shift, radius, end) in
            [(2.5, 1e3, End::Converged), (2.5, 0.1, End::Edge), (0.3, 2.0, End::NegativeCurvature)]
        {
            let mut p = vec![0.0; 20];
            assert_eq!(truncated(&mut tridiagonal(shift), &g, radius, 1e-10, 200, &mut p), end);
            assert!(two_norm(&p) <= radius * (1.0 + 1e-12));
            let mut product = vec![0.0; 20];
            tridiagonal(shift)(&p, &mut product);
            assert!(dot(&g, &p) + 0.5 * dot(&p, &product) < 0.0);
        }
    }

    #[test]
    fn matrices_that_are_not_symmetric() {
        // A nonsymmetric tridiagonal matrix, and a contraction.
        let mut apply = |v: &[f64], out: &mut [f64]| {
            for i in 0..20 {
                let (left, right) = (if i > 0 { v[i - 1] } else { 0.0 }, if i < 19 { v[i + 1] } else { 0.0 });
                out[i] = v[i] + 0.3 * left - 0.2 * right;
            }
        };
        let b: Vec<f64> = (0..20).map(|i| (i as f64).sin()).collect();
        for restart in [5, 20] {
            let mut x = vec![0.0; 20];
            assert_eq!(gmres(&mut apply, &b, 1e-12, 400, restart, &mut x), End::Converged);
            let mut product = vec![0.0; 20];
            apply(&x, &mut product);
            assert!(product.iter().zip(&b).all(|(p, b)| (p - b).abs() < 1e-11));
        }
        let (mut exact, mut series) = (vec![0.0; 20], vec![0.0; 20]);
        gmres(&mut apply, &b, 1e-14, 400, 20, &mut exact);
        assert_eq!(neumann(&mut apply, &b, 1e-12, 200, &mut series), End::Converged);
        assert!(exact.iter().zip(&series).all(|(a, b)| (a - b).abs() < 1e-10));
        assert_eq!(neumann(&mut apply, &b, 1e-12, 3, &mut series), End::Limit);
        let mut singular = |_: &[f64], out: &mut [f64]| out.fill(0.0);
        assert_eq!(gmres(&mut singular, &b, 1e-12, 400, 20, &mut exact), End::Limit);
    }
}
