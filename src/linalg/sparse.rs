//! Products with sparse matrices given by a [`Pattern`] and the values of its entries.

use super::pattern::Pattern;

/// `out += t A x`.
pub fn add_product(a: &Pattern, values: &[f64], t: f64, x: &[f64], out: &mut [f64]) {
    for (r, slot) in out.iter_mut().enumerate() {
        let mut sum = 0.0;
        for k in a.row(r) {
            sum += values[k] * x[a.columns[k] as usize];
        }
        *slot += t * sum;
    }
}

/// `out += t A'y`.
pub fn add_transposed_product(a: &Pattern, values: &[f64], t: f64, y: &[f64], out: &mut [f64]) {
    for (r, weight) in y.iter().enumerate() {
        if *weight != 0.0 {
            for k in a.row(r) {
                out[a.columns[k] as usize] += t * weight * values[k];
            }
        }
    }
}

/// `out += t H x` for a symmetric `H` of which the lower triangle is given.
pub fn add_symmetric_product(h: &Pattern, values: &[f64], t: f64, x: &[f64], out: &mut [f64]) {
    for r in 0..h.rows {
        let mut sum = 0.0;
        for k in h.row(r) {
            let c = h.columns[k] as usize;
            sum += values[k] * x[c];
            if c != r {
                out[c] += t * values[k] * x[r];
            }
        }
        out[r] += t * sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_agree_with_the_dense_ones() {
        let a = Pattern::from_rows(3, &[vec![0, 2], vec![1]]);
        let values = [2.0, 3.0, 5.0];
        let mut out = vec![1.0, 1.0];
        add_product(&a, &values, 2.0, &[1.0, 10.0, 100.0], &mut out);
        assert_eq!(out, [1.0 + 2.0 * 302.0, 1.0 + 2.0 * 50.0]);
        let mut out = vec![0.0; 3];
        add_transposed_product(&a, &values, 1.0, &[1.0, 2.0], &mut out);
        assert_eq!(out, [2.0, 10.0, 3.0]);
        let h = Pattern::from_rows(2, &[vec![0], vec![0, 1]]);
        let mut out = vec![0.0; 2];
        add_symmetric_product(&h, &[1.0, 2.0, 3.0], 1.0, &[1.0, 10.0], &mut out);
        assert_eq!(out, [21.0, 32.0]);
    }
}
