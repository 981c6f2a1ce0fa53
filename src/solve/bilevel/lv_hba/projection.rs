//! The nearest point that keeps the rows and bounds of all levels.
//!
//! Rows are replaced by their tangents at the present point, the nearest point of that polyhedron is found, and so on until
//! the rows hold: for linear rows that is once. A polyhedron's nearest point is `u(m) = P(w - A'm)` with the projection `P`
//! onto bounds and multipliers `m`, of which those of rows that do not bind are 0; Newton steps on
//! `r = Π(r + m)`, `r = A u(m) + b`, with the projection `Π` onto the sides, begin with the last multipliers and mostly end at once.

use crate::ad::Evaluator;
use crate::linalg::dense::Cholesky;
use crate::linalg::pattern::Pattern;
use crate::problem::values::Bounds;
use crate::solve::bilevel::functions::Functions;
use std::sync::Arc;

/// Rows of followers, then of the outer level.
pub struct Rows {
    /// Positions of the variables that move, and by position which of them they are.
    free: Vec<u32>,
    outer_rows: Vec<u32>,
    outer_pattern: Arc<Pattern>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    multipliers: Vec<f64>,
}

/// How far rows may be off, relative to `max(1, |side|)`.
const EXACT: f64 = 1e-10;
const TANGENTS: usize = 30;
const STEPS: usize = 60;

/// Entries of the rows that move, in terms of the free variables.
type Tangents = Vec<Vec<(usize, f64)>>;

impl Rows {
    pub fn of(
        functions: &mut [Functions],
        outer: &mut Evaluator,
        outer_rows: &[u32],
        bounds: &Bounds,
        free: &[u32],
    ) -> Rows {
        let side = |own: fn(&Functions) -> &Vec<f64>, all: &[f64]| -> Vec<f64> {
            let of_followers = functions.iter().flat_map(own).copied();
            of_followers.chain(outer_rows.iter().map(|r| all[*r as usize])).collect()
        };
        let (lower, upper) = (side(|f| &f.row_lower, &bounds.row_lower), side(|f| &f.row_upper, &bounds.row_upper));
        Rows {
            free: free.to_vec(),
            outer_rows: outer_rows.to_vec(),
            outer_pattern: outer.jacobian_pattern().clone(),
            multipliers: vec![0.0; lower.len()],
            lower,
            upper,
        }
    }

    /// Writes the point nearest to `wanted`; or why there is none. Begins at `whole`.
    pub fn project(
        &mut self,
        functions: &mut [Functions],
        outer: &mut Evaluator,
        bounds: &Bounds,
        wanted: &[f64],
        whole: &mut [f64],
    ) -> Result<(), String> {
        for &k in &self.free {
            whole[k as usize] = wanted[k as usize].clamp(bounds.lower[k as usize], bounds.upper[k as usize]);
        }
        for round in 0..TANGENTS {
            let values = self.values(functions, outer, whole);
            let off = |(v, (l, u)): (&f64, (&f64, &f64))| ((l - v).max(v - u) / side_size(*l, *u)).max(0.0);
            let worst = values.iter().zip(self.lower.iter().zip(&self.upper)).map(off).fold(0.0, f64::max);
            let settled = round > 0 || self.multipliers.iter().all(|m| *m == 0.0);
            if worst <= EXACT && (settled || values.is_empty()) {
                return Ok(());
            }
            if !worst.is_finite() {
                break;
            }
            let tangents = self.tangents(functions, outer, whole);
            self.nearest(&tangents, &values, bounds, wanted, whole)?;
        }
        let values = self.values(functions, outer, whole);
        let near = |(v, (l, u)): (&f64, (&f64, &f64))| ((l - v).max(v - u) / side_size(*l, *u)) <= 1e-6;
        match values.iter().zip(self.lower.iter().zip(&self.upper)).all(near) {
            true => Ok(()),
            false => Err("no point near the iterates keeps the rows of both levels".to_string()),
        }
    }

    /// The next projection begins without multipliers.
    pub fn forget(&mut self) {
        self.multipliers.fill(0.0);
    }

    fn values(&self, functions: &mut [Functions], outer: &mut Evaluator, whole: &[f64]) -> Vec<f64> {
        let mut values = vec![];
        for f in functions.iter_mut() {
            let mut own = vec![0.0; f.rows.len()];
            f.constraints(whole, &mut own);
            values.extend(own);
        }
        if !self.outer_rows.is_empty() {
            let mut all = vec![0.0; outer.rows()];
            outer.constraints(whole, &mut all);
            values.extend(self.outer_rows.iter().map(|r| all[*r as usize]));
        }
        values
    }

    fn tangents(&self, functions: &mut [Functions], outer: &mut Evaluator, whole: &[f64]) -> Tangents {
        let column = |position: u32| self.free.binary_search(&position).ok();
        let mut all: Tangents = vec![];
        for f in functions.iter_mut() {
            let pattern = f.pattern();
            let mut entries = vec![0.0; pattern.entries()];
            f.jacobian(whole, &mut entries);
            for &r in &f.rows {
                let of = |e: usize| column(f.positions[pattern.columns[e] as usize]).map(|k| (k, entries[e]));
                all.push(pattern.row(r as usize).filter_map(of).collect());
            }
        }
        if !self.outer_rows.is_empty() {
            let mut entries = vec![0.0; self.outer_pattern.entries()];
            outer.jacobian(whole, &mut entries);
            for &r in &self.outer_rows {
                let of = |e: usize| column(self.outer_pattern.columns[e]).map(|k| (k, entries[e]));
                all.push(self.outer_pattern.row(r as usize).filter_map(of).collect());
            }
        }
        all
    }

    /// The point of the polyhedron of tangents at `whole`, where rows have `values`, nearest to `wanted`; written to `whole`.
    fn nearest(
        &mut self,
        tangents: &Tangents,
        values: &[f64],
        bounds: &Bounds,
        wanted: &[f64],
        whole: &mut [f64],
    ) -> Result<(), String> {
        let m = values.len();
        let here: Vec<f64> = self.free.iter().map(|k| whole[*k as usize]).collect();
        let target: Vec<f64> = self.free.iter().map(|k| wanted[*k as usize]).collect();
        let lower: Vec<f64> = self.free.iter().map(|k| bounds.lower[*k as usize]).collect();
        let upper: Vec<f64> = self.free.iter().map(|k| bounds.upper[*k as usize]).collect();
        let point = |multipliers: &[f64]| {
            let mut u = target.clone();
            for (row, m) in tangents.iter().zip(multipliers) {
                row.iter().for_each(|(k, a)| u[*k] -= a * m);
            }
            u.iter_mut().zip(lower.iter().zip(&upper)).for_each(|(v, (l, u))| *v = v.clamp(*l, *u));
            u
        };
        let rows_at = |u: &[f64]| -> Vec<f64> {
            let row =
                |(row, v): (&Vec<(usize, f64)>, &f64)| v + row.iter().map(|(k, a)| a * (u[*k] - here[*k])).sum::<f64>();
            tangents.iter().zip(values).map(row).collect()
        };
        for _ in 0..STEPS {
            let u = point(&self.multipliers);
            let r = rows_at(&u);
            // What each row lacks of `r = Π(r + m)`, and which rows bind.
            let sides: Vec<f64> =
                (0..m).map(|i| (r[i] + self.multipliers[i]).clamp(self.lower[i], self.upper[i])).collect();
            let worst = (0..m).map(|i| (r[i] - sides[i]).abs() / side_size(self.lower[i], self.upper[i]));
            if worst.fold(0.0, f64::max) <= EXACT * 0.1 {
                self.free.iter().zip(&u).for_each(|(k, v)| whole[*k as usize] = *v);
                return Ok(());
            }
            let binding: Vec<usize> = (0..m)
                .filter(|i| r[*i] + self.multipliers[*i] != sides[*i] || self.lower[*i] == self.upper[*i])
                .collect();
            let loose = |k: usize| u[k] > lower[k] && u[k] < upper[k];
            let mut change: Vec<f64> = binding.iter().map(|i| r[*i] - sides[*i]).collect();
            // Rows that let go give their multipliers back, which moves the point.
            let mut back = vec![0.0; u.len()];
            for i in (0..m).filter(|i| binding.binary_search(i).is_err()) {
                tangents[i].iter().for_each(|(k, a)| back[*k] += a * self.multipliers[i]);
                self.multipliers[i] = 0.0;
            }
            for (c, i) in change.iter_mut().zip(&binding) {
                *c += tangents[*i].iter().filter(|(k, _)| loose(*k)).map(|(k, a)| a * back[*k]).sum::<f64>();
            }
            let solved = normal_solve(tangents, &binding, &loose, u.len(), change);
            binding.iter().zip(&solved).for_each(|(i, d)| self.multipliers[*i] += d);
        }
        // A step that went in circles leaves the last point; whether the rows hold there is seen outside.
        let u = point(&self.multipliers);
        self.free.iter().zip(&u).for_each(|(k, v)| whole[*k as usize] = *v);
        self.multipliers.fill(0.0);
        Ok(())
    }
}

/// Solves `A_I D A_I' d = b` with a little added to the diagonal; `D` keeps the loose variables.
fn normal_solve(
    tangents: &Tangents,
    binding: &[usize],
    loose: &impl Fn(usize) -> bool,
    variables: usize,
    b: Vec<f64>,
) -> Vec<f64> {
    let n = binding.len();
    let mut a = vec![0.0; n * n];
    let mut dense = vec![0.0; variables];
    for (i, row) in binding.iter().enumerate() {
        tangents[*row].iter().filter(|(k, _)| loose(*k)).for_each(|(k, v)| dense[*k] = *v);
        for (j, other) in binding[..=i].iter().enumerate() {
            a[i * n + j] = tangents[*other].iter().map(|(k, v)| v * dense[*k]).sum();
            a[j * n + i] = a[i * n + j];
        }
        tangents[*row].iter().for_each(|(k, _)| dense[*k] = 0.0);
    }
    let largest = (0..n).map(|i| a[i * n + i]).fold(1e-12, f64::max);
    // Rows that depend on each other share what they carry.
    let mut shift = 1e-13 * largest;
    while shift < largest {
        (0..n).for_each(|i| a[i * n + i] += shift);
        match Cholesky::new(n, &a) {
            Ok(factors) => return factors.solve(&b),
            Err(_) => shift *= 100.0,
        }
    }
    vec![0.0; n]
}

fn side_size(lower: f64, upper: f64) -> f64 {
    let finite = |v: f64| if v.is_finite() { v.abs() } else { 0.0 };
    finite(lower).max(finite(upper)).max(1.0)
}
