//! Factorisations against dense eigenvalues and against the matrix itself, on pseudo-random systems.

use super::dense::symmetric_eigenvalues;
use super::kkt::{Inertia, Kkt};
use super::ldlt::Ldlt;
use super::pattern::Pattern;
use super::vector::max_norm;
use std::sync::Arc;

struct System {
    hessian: Arc<Pattern>,
    jacobian: Arc<Pattern>,
    h: Vec<f64>,
    j: Vec<f64>,
    d: Vec<f64>,
    e: Vec<f64>,
}

/// A repeatable stream of numbers in `[-1, 1)`.
fn stream(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// A banded indefinite Hessian and rows with three entries each.
fn system(n: usize, m: usize, seed: u64) -> System {
    let mut next = stream(seed);
    let hessian: Vec<Vec<u32>> = (0..n).map(|i| (i.saturating_sub(2)..=i).map(|c| c as u32).collect()).collect();
    let jacobian: Vec<Vec<u32>> =
        (0..m).map(|r| vec![r as u32, ((r * 7 + 3) % n) as u32, ((r * 5 + n / 2) % n) as u32]).collect();
    let hessian = Arc::new(Pattern::from_rows(n, &hessian));
    let jacobian = Arc::new(Pattern::from_rows(n, &jacobian));
    let h = (0..hessian.entries()).map(|_| 2.0 * next()).collect();
    let j = (0..jacobian.entries()).map(|_| 1.0 + next()).collect();
    let d = (0..n).map(|_| if next() > 0.5 { 1e3 } else { 0.0 }).collect();
    let e = (0..m).map(|_| if next() > 0.0 { 10.0 * next().abs() } else { 0.0 }).collect();
    System { hessian, jacobian, h, j, d, e }
}

fn dense(s: &System) -> Vec<f64> {
    let (n, m) = (s.hessian.rows, s.jacobian.rows);
    let size = n + m;
    let mut k = vec![0.0; size * size];
    for r in 0..n {
        for p in s.hessian.row(r) {
            let c = s.hessian.columns[p] as usize;
            k[r * size + c] = s.h[p];
            k[c * size + r] = s.h[p];
        }
        k[r * size + r] += s.d[r];
    }
    for r in 0..m {
        for p in s.jacobian.row(r) {
            let c = s.jacobian.columns[p] as usize;
            k[(n + r) * size + c] = s.j[p];
            k[c * size + n + r] = s.j[p];
        }
        k[(n + r) * size + n + r] = -s.e[r];
    }
    k
}

#[test]
fn inertia_and_solutions_agree_with_the_dense_matrix() {
    // Dimensions on both sides of the dense limit, and one that is large enough for supernodes.
    for (n, m) in [(1, 0), (2, 1), (12, 5), (30, 20), (60, 40), (150, 90)] {
        for seed in 1..4 {
            let s = system(n, m, seed);
            let k = dense(&s);
            let eigenvalues = symmetric_eigenvalues(n + m, &k);
            let positive = eigenvalues.iter().filter(|x| **x > 0.0).count();
            let mut kkt = Kkt::new(&s.hessian, &s.jacobian).unwrap();
            let inertia = kkt.factor(&s.h, &s.j, &s.d, &s.e).unwrap();
            assert_eq!(inertia, Inertia { positive, negative: n + m - positive, zero: 0 }, "{n} {m} {seed}");
            let mut next = stream(seed + 9);
            let right: Vec<f64> = (0..n + m).map(|_| next()).collect();
            let mut x = right.clone();
            assert!(kkt.solve(&mut x) <= 1e-9);
            let residual: Vec<f64> =
                (0..n + m).map(|r| right[r] - super::vector::dot(&k[r * (n + m)..(r + 1) * (n + m)], &x)).collect();
            assert!(max_norm(&residual) <= 1e-6 * max_norm(&x).max(1.0), "{n} {m} {seed}: {}", max_norm(&residual));
        }
    }
}

#[test]
fn singular_systems_show_in_the_inertia_or_in_the_residual() {
    // Two equal rows.
    for n in [3, 100] {
        let hessian = Arc::new(Pattern::from_rows(n, &(0..n).map(|i| vec![i as u32]).collect::<Vec<_>>()));
        let jacobian = Arc::new(Pattern::from_rows(n, &[vec![0, 1], vec![0, 1]]));
        let mut kkt = Kkt::new(&hessian, &jacobian).unwrap();
        let inertia = kkt.factor(&vec![1.0; n], &[1.0; 4], &vec![0.0; n], &[0.0; 2]).unwrap();
        let mut right = vec![0.0; n + 2];
        (right[n], right[n + 1]) = (1.0, -1.0);
        let residual = kkt.solve(&mut right);
        assert!(inertia.zero == 1 || residual > 1e-9, "{inertia:?} {residual}");
    }
}

/// Bands are eliminated as they stand, within their envelope: in any other order some fill in.
#[test]
fn bands_do_not_fill() {
    for width in [1, 2, 7] {
        let n = 300;
        let rows: Vec<Vec<u32>> = (0..n).map(|i: u32| (i.saturating_sub(width)..=i).collect()).collect();
        let pattern = Pattern::from_rows(n as usize, &rows);
        let mut next = stream(width as u64);
        let mut values: Vec<f64> = (0..pattern.entries()).map(|_| next()).collect();
        (0..n as usize).for_each(|i| values[pattern.starts[i + 1] - 1] = 2.0 * width as f64 + 1.0);
        let mut ldlt = Ldlt::new(&pattern).unwrap();
        assert_eq!(ldlt.fill(), pattern.entries());
        assert_eq!(ldlt.factor(&values), Ok(Inertia { positive: n as usize, negative: 0, zero: 0 }));
        let x: Vec<f64> = (0..n).map(|_| next()).collect();
        let mut right = vec![0.0; n as usize];
        for i in 0..n as usize {
            for p in pattern.row(i) {
                let j = pattern.columns[p] as usize;
                right[i] += values[p] * x[j];
                right[j] += if i == j { 0.0 } else { values[p] * x[i] };
            }
        }
        ldlt.solve(&mut right);
        assert!(right.iter().zip(&x).all(|(found, x)| (found - x).abs() < 1e-12));
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let hessian = Arc::new(Pattern::from_rows(1, &[vec![0]]));
    let jacobian = Arc::new(Pattern::from_rows(1, &[]));
    let mut kkt = Kkt::new(&hessian, &jacobian).unwrap();
    assert_eq!(kkt.factor(&[f64::NAN], &[], &[0.0], &[]), Err(super::kkt::NotFactored::NotFinite));
}
