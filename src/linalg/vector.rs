//! Vectors as slices: products, norms, sums of multiples.

/// `a'b`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The largest magnitude; 0 for an empty vector, NaN if an entry is NaN.
pub fn max_norm(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |most: f64, x| if x.is_nan() || most.is_nan() { f64::NAN } else { most.max(x.abs()) })
}

/// The sum of magnitudes.
pub fn one_norm(a: &[f64]) -> f64 {
    a.iter().map(|x| x.abs()).sum()
}

/// The Euclidean length.
pub fn two_norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `y += t x`.
pub fn add_multiple(y: &mut [f64], t: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += t * x);
}

pub fn all_finite(a: &[f64]) -> bool {
    a.iter().all(|x| x.is_finite())
}
