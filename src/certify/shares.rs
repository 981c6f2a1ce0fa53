//! Least squares within sets: shares between 0 and 1, and slopes of norms within the unit ball.

use crate::linalg::dense::least_squares;

/// The unknowns of a problem of least squares, in groups.
#[derive(Clone, Debug)]
pub enum Group {
    /// One that lies in `[0, 1]`.
    Share,
    /// So many that lie in the unit ball.
    Ball(usize),
}

impl Group {
    pub fn len(&self) -> usize {
        match self {
            Group::Share => 1,
            Group::Ball(count) => *count,
        }
    }

    /// The nearest point that is allowed.
    fn project(&self, z: &mut [f64]) {
        match self {
            Group::Share => z.iter_mut().for_each(|z| *z = z.clamp(0.0, 1.0)),
            Group::Ball(_) => {
                let length = size(z);
                if length > 1.0 {
                    z.iter_mut().for_each(|z| *z /= length);
                }
            }
        }
    }
}

/// Passes over all groups, and a change below which they end.
const PASSES: usize = 20_000;
const STILL: f64 = 1e-15;

pub fn size(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Unknowns within their sets near which `residual + Σ (z_k - now_k) column_k` is shortest.
pub fn nearest(groups: &[Group], columns: &[Vec<f64>], residual: &[f64], now: &[f64]) -> Vec<f64> {
    match groups.iter().any(|group| matches!(group, Group::Ball(_))) {
        true => by_groups(groups, columns, residual, now),
        false => bounded_least_squares(columns, residual, now),
    }
}

/// By projected steps for one group after the other, each as long as the curvature within the group allows.
fn by_groups(groups: &[Group], columns: &[Vec<f64>], residual: &[f64], now: &[f64]) -> Vec<f64> {
    let count = columns.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let gram: Vec<f64> = (0..count * count).map(|k| dot(&columns[k / count], &columns[k % count])).collect();
    let mut slope: Vec<f64> = columns.iter().map(|column| dot(column, residual)).collect();
    let mut z = now.to_vec();
    for _ in 0..PASSES {
        let mut change: f64 = 0.0;
        let mut first = 0;
        for group in groups {
            let part = first..first + group.len();
            first = part.end;
            let row = |k: usize| part.clone().map(|l| gram[k * count + l].abs()).sum::<f64>();
            let curvature = part.clone().map(row).fold(0.0, f64::max);
            if curvature == 0.0 {
                continue;
            }
            let mut moved: Vec<f64> = part.clone().map(|k| z[k] - slope[k] / curvature).collect();
            group.project(&mut moved);
            for (k, to) in part.zip(moved) {
                let step = to - z[k];
                z[k] = to;
                change = change.max(step.abs());
                if step != 0.0 {
                    (0..count).for_each(|l| slope[l] += step * gram[k * count + l]);
                }
            }
        }
        if change <= STILL {
            break;
        }
    }
    z
}

/// The shares in `[0, 1]` near which `residual + Σ (share_k - now_k) column_k` is shortest: least squares over those
/// that are free, the others held at the bound that they ran into (Stark and Parker, 1995).
fn bounded_least_squares(columns: &[Vec<f64>], residual: &[f64], now: &[f64]) -> Vec<f64> {
    let (count, n) = (columns.len(), residual.len());
    let mut at = now.to_vec();
    let mut free: Vec<bool> = vec![true; count];
    for _ in 0..4 * count + 10 {
        // What is left with the shares as they are.
        let left = |at: &[f64]| -> Vec<f64> {
            let moved = |j: usize| (0..count).map(|k| (at[k] - now[k]) * columns[k][j]).sum::<f64>();
            (0..n).map(|j| residual[j] + moved(j)).collect()
        };
        let rest = left(&at);
        let chosen: Vec<usize> = (0..count).filter(|k| free[*k]).collect();
        if !chosen.is_empty() {
            let matrix: Vec<f64> = (0..n).flat_map(|j| chosen.iter().map(move |k| columns[*k][j])).collect();
            let right: Vec<f64> = rest.iter().map(|r| -r).collect();
            let Some(step) = least_squares(n, chosen.len(), &matrix, &right) else { return at };
            // To the first bound on the way.
            let mut length = 1.0f64;
            let mut hit = None;
            for (k, d) in chosen.iter().zip(&step) {
                let limit = if *d > 0.0 {
                    (1.0 - at[*k]) / d
                } else if *d < 0.0 {
                    -at[*k] / d
                } else {
                    f64::INFINITY
                };
                if limit < length {
                    length = limit.max(0.0);
                    hit = Some(*k);
                }
            }
            for (k, d) in chosen.iter().zip(&step) {
                at[*k] = (at[*k] + length * d).clamp(0.0, 1.0);
            }
            if let Some(k) = hit {
                at[k] = at[k].round();
                free[k] = false;
                continue;
            }
        }
        // A held share that would shorten the residual by moving inwards is freed.
        let rest = left(&at);
        let slope = |k: usize| columns[k].iter().zip(&rest).map(|(c, r)| c * r).sum::<f64>();
        let gain = |k: usize| if at[k] <= 0.0 { -slope(k) } else { slope(k) };
        let held = (0..count).filter(|k| !free[*k]);
        let Some(best) = held.max_by(|a, b| gain(*a).total_cmp(&gain(*b))) else { return at };
        if gain(best) <= 1e-14 * size(&rest) * size(&columns[best]) {
            return at;
        }
        free[best] = true;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_keep_to_their_bounds() {
        // The shortest of (0.5, -0.25) + (a - 0.5) (1, 0) + (b - 0.5) (1, 1) over the unit square.
        let columns = vec![vec![1.0, 0.0], vec![1.0, 1.0]];
        let found = bounded_least_squares(&columns, &[0.5, -0.25], &[0.5, 0.5]);
        // Unbounded: b = 0.75, a = -0.25; held at a = 0: the sum is (b - 0.5, b - 0.75), so b = 0.625.
        assert!((found[0] - 0.0).abs() < 1e-12 && (found[1] - 0.625).abs() < 1e-12, "{found:?}");
        let inside = bounded_least_squares(&columns, &[0.1, -0.2], &[0.5, 0.5]);
        assert!((inside[0] - 0.2).abs() < 1e-12 && (inside[1] - 0.7).abs() < 1e-12, "{inside:?}");
    }

    #[test]
    fn least_squares_keep_to_the_ball() {
        // Nearest to (3, 4, 0.25): the ball stops at (0.6, 0.8), the share reaches its part.
        let columns = vec![vec![-1.0, 0.0, 0.0], vec![0.0, -1.0, 0.0], vec![0.0, 0.0, -1.0]];
        let groups = [Group::Ball(2), Group::Share];
        let found = nearest(&groups, &columns, &[3.0, 4.0, -0.25], &[0.0, 0.0, 0.5]);
        assert!(size(&[found[0] - 0.6, found[1] - 0.8, found[2] - 0.25]) < 1e-12, "{found:?}");
        // Two balls that do the same: any split balances.
        let columns = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![0.0, 1.0]];
        let found = nearest(&[Group::Ball(2), Group::Ball(2)], &columns, &[1.2, -0.9], &[0.0; 4]);
        assert!(size(&[found[0] + found[2] + 1.2, found[1] + found[3] - 0.9]) < 1e-12, "{found:?}");
    }
}
