//! The matrix of derivatives by linear solves: row by row or column by column, to both sides where it bends, element by
//! element where the system is singular.

use super::point::Point;
use super::view::View;
use crate::answer::sensitivity::OneSided;
use crate::linalg::vector::max_norm;
use crate::solve::implicit::Program;
use crate::solve::implicit::direction::{At, Fan};

/// What is beyond this share of a right side lies outside of the range of a singular matrix.
const OUTSIDE: f64 = 1e-6;
/// One-sided derivatives that differ by less are one derivative.
pub(super) const SAME: f64 = 1e-7;
/// Directions for which one-sided derivatives are computed. Each takes two linear solves.
const MOST_DIRECTIONS: usize = 500;

pub(super) struct Work<'a, 'e> {
    pub program: Program<'e>,
    pub view: View,
    pub point: &'a Point,
    /// The worst residual of a linear solve.
    pub worst: f64,
}

impl Work<'_, '_> {
    /// The matrix row by row, NaN where there is no derivative, and then what there is to each side.
    pub fn derivatives(&mut self, notes: &mut Vec<String>) -> (Vec<f64>, Option<OneSided>) {
        if !self.point.weak.is_empty() {
            return self.by_sides(notes);
        }
        if self.program.singular() {
            return (self.within_range(notes), None);
        }
        let (rows, columns) = (self.view.of, self.view.to.len());
        if self.view.bends && columns <= MOST_DIRECTIONS {
            return self.by_bends(notes);
        }
        if rows <= columns {
            return ((0..rows).flat_map(|i| self.reverse(i)).collect(), None);
        }
        let mut values = vec![0.0; rows * columns];
        for j in 0..columns {
            let tangent = self.program.forward(&self.unit(j, 1.0));
            self.worst = self.worst.max(tangent.residual);
            for (i, v) in self.moved(&tangent.point, &tangent.duals, &[]).into_iter().enumerate() {
                values[i * columns + j] = v;
            }
        }
        (values, None)
    }

    /// Of a singular system: an element has a derivative if the movement exists, and determines it.
    fn within_range(&mut self, notes: &mut Vec<String>) -> Vec<f64> {
        let (rows, columns) = (self.view.of, self.view.to.len());
        let exists: Vec<bool> = (0..columns)
            .map(|j| {
                let forced = self.program.forced(&self.unit(j, 1.0));
                self.program.outside(&forced) <= OUTSIDE
            })
            .collect();
        let mut values = vec![];
        for i in 0..rows {
            let (weights, on_duals) = self.weights(i);
            let pulled = self.program.pulled(&weights, &on_duals);
            let determined = self.program.outside(&pulled) <= OUTSIDE;
            let row = if determined { self.reverse(i) } else { vec![f64::NAN; columns] };
            values.extend(row.iter().zip(&exists).map(|(v, exists)| if *exists { *v } else { f64::NAN }));
        }
        let missing = values.iter().filter(|v| v.is_nan()).count();
        notes.push(match missing {
            0 => "constraints depend on each other or the answer is not unique, but what is asked for is determined"
                .into(),
            _ => format!(
                "no derivative ({missing} of {}): constraints depend on each other, or the answer is not unique",
                values.len()
            ),
        });
        values
    }

    /// Where constraints are active without force.
    fn by_sides(&mut self, notes: &mut Vec<String>) -> (Vec<f64>, Option<OneSided>) {
        let (rows, columns) = (self.view.of, self.view.to.len());
        let names: Vec<String> = self.point.weak.iter().map(|weak| self.point.name(weak.at)).collect();
        let listed = match &names[..] {
            [first, .., last] if names.len() > 3 => format!("{first} to {last} ({})", names.len()),
            names => names.join(", "),
        };
        let mut blank = vec![f64::NAN; rows * columns];
        if columns > MOST_DIRECTIONS {
            notes.push(format!("active without force: {listed}; too many parameters for one-sided derivatives"));
            return (blank, None);
        }
        let Some(fan) = Fan::new(&mut self.program, &self.point.weak) else {
            notes.push(format!(
                "no derivative: active without force: {listed}; the answer is not isolated without them"
            ));
            return (blank, None);
        };
        let mut sides = OneSided { right: blank.clone(), left: blank.clone() };
        for j in 0..columns {
            for (sign, out) in [(1.0, &mut sides.right), (-1.0, &mut sides.left)] {
                let unit = self.unit(j, sign);
                let Some(moved) = fan.along(&mut self.program, &unit) else { continue };
                let values = self.moved(&moved.point, &moved.duals, &moved.weak_duals);
                values.into_iter().enumerate().for_each(|(i, v)| out[i * columns + j] = sign * v);
            }
        }
        let same = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME * a.abs().max(1.0);
        for (k, pair) in sides.right.iter().zip(&sides.left).enumerate() {
            if same(pair) {
                blank[k] = 0.5 * (pair.0 + pair.1);
            }
        }
        if blank.iter().all(|v| v.is_finite()) {
            notes.push(format!("active without force: {listed}; the derivatives to both sides agree"));
            return (blank, None);
        }
        notes.push(format!("not differentiable: active without force: {listed}"));
        (blank, Some(sides))
    }

    /// Where what is asked for has kinks: its slopes a little to the one and the other side of the point, along the movement
    /// of the answer.
    fn by_bends(&mut self, notes: &mut Vec<String>) -> (Vec<f64>, Option<OneSided>) {
        /// How far beside, of the movement and of the size of the point.
        const BESIDE: f64 = 1e-9;
        let (rows, columns) = (self.view.of, self.view.to.len());
        let blank = vec![f64::NAN; rows * columns];
        let mut sides = OneSided { right: blank.clone(), left: blank.clone() };
        let mut values = blank;
        let here = self.program.point().to_vec();
        for j in 0..columns {
            let tangent = self.program.forward(&self.unit(j, 1.0));
            self.worst = self.worst.max(tangent.residual);
            let along = self.movement(&tangent.point, &tangent.duals, &[]);
            let step = BESIDE * max_norm(&here).max(1.0) / max_norm(&along).max(1.0);
            let mut slopes = |step: f64| {
                let beside: Vec<f64> = here.iter().zip(&along).map(|(x, d)| x + step * d).collect();
                let all = self.program.rows_at(&along, &beside);
                all[self.view.watched..self.view.watched + rows].to_vec()
            };
            let (right, left) = (slopes(step), slopes(-step));
            for (i, (right, left)) in right.into_iter().zip(left).enumerate() {
                let at = i * columns + j;
                (sides.right[at], sides.left[at]) = (right, left);
                if (right - left).abs() <= SAME * right.abs().max(1.0) {
                    values[at] = 0.5 * (right + left);
                }
            }
        }
        if values.iter().all(|v| v.is_finite()) {
            return (values, None);
        }
        notes.push("not differentiable: the answer is on a kink of what is asked for".to_string());
        (values, Some(sides))
    }

    pub fn unit(&self, j: usize, size: f64) -> Vec<f64> {
        let mut direction = vec![0.0; self.program.dimension()];
        direction[self.view.to.start + j] = size;
        direction
    }

    /// One row by a reverse solve.
    fn reverse(&mut self, i: usize) -> Vec<f64> {
        let (weights, on_duals) = self.weights(i);
        let found = self.program.reverse(&weights, &on_duals);
        self.worst = self.worst.max(found.residual);
        found.point[self.view.to.clone()].to_vec()
    }

    /// Element `i` of what is asked for as weights of the joint vector and of the active multipliers.
    fn weights(&mut self, i: usize) -> (Vec<f64>, Vec<f64>) {
        let mut rows = vec![0.0; self.program.row_count()];
        rows[self.view.watched + i] = 1.0;
        let mut weights = self.program.gradients(&rows);
        rows.fill(0.0);
        let mut on_duals = vec![0.0; self.program.active()];
        for (first, elements) in &self.view.quantities {
            for (k, element) in elements.iter().enumerate() {
                let weight = std::mem::take(&mut weights[first + k]);
                if weight == 0.0 {
                    continue;
                }
                for (at, factor) in &element.duals {
                    if let Some(k) = self.place(*at) {
                        on_duals[k] += weight * factor;
                    }
                }
                element.rows.iter().for_each(|(row, factor)| rows[*row] += weight * factor);
            }
        }
        if rows.iter().any(|w| *w != 0.0) {
            let more = self.program.gradients(&rows);
            weights.iter_mut().zip(more).for_each(|(w, more)| *w += more);
        }
        (weights, on_duals)
    }

    /// Where a row or a bound stands among the active ones.
    fn place(&self, at: At) -> Option<usize> {
        let selected = &self.program.selected;
        match at {
            At::Row(r) => selected.rows.binary_search(&r).ok(),
            At::Bound(k) => selected.bounds.binary_search(&k).ok().map(|place| selected.rows.len() + place),
        }
    }

    /// All elements of what is asked for, for a movement of the joint vector and of the multipliers.
    pub fn moved(&mut self, point: &[f64], duals: &[f64], weak_duals: &[f64]) -> Vec<f64> {
        let point = self.movement(point, duals, weak_duals);
        let rows = self.program.rows(&point);
        rows[self.view.watched..self.view.watched + self.view.of].to_vec()
    }

    /// The same with what is known after the solve.
    fn movement(&mut self, point: &[f64], duals: &[f64], weak_duals: &[f64]) -> Vec<f64> {
        let mut point = point.to_vec();
        if !self.view.quantities.is_empty() {
            let rows = self.program.rows(&point);
            let dual = |at: At| match self.point.weak.iter().position(|weak| weak.at == at) {
                Some(k) => weak_duals.get(k).copied().unwrap_or(0.0),
                None => self.place(at).map_or(0.0, |k| duals[k]),
            };
            for (first, elements) in &self.view.quantities {
                for (k, element) in elements.iter().enumerate() {
                    let by_duals: f64 = element.duals.iter().map(|(at, factor)| factor * dual(*at)).sum();
                    let by_rows: f64 = element.rows.iter().map(|(row, factor)| factor * rows[*row]).sum();
                    point[first + k] = by_duals + by_rows;
                }
            }
        }
        point
    }
}
