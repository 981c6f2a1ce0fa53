//! What is done with a sum of squares: values and slopes from what is kept, or over the rows.
//!
//! Keeping begins when a slope is asked for: a method that asks for one asks for more. Where data have changed since,
//! they may change again, so that as many slopes are found without as keeping costs.

use super::super::action::{MatrixAt, RankUpdate};
use super::super::dense::{multiply, multiply_transposed, rank_update};
use super::super::kernel::{Kernel, Memory, Place, Scratch, Space};
use super::super::stale::Affected;
use crate::expr::family::IndexMap;
use crate::linalg::dense::Cholesky;
use crate::linalg::vector::{all_finite, dot};
use std::sync::Arc;

/// `C` of the bounds in [`super`].
const REACH: f64 = 4.0;
/// What is added to the second derivatives, relative to the largest, to find the reference: it need not be exact.
const SHIFT: f64 = 1e-12;
/// Second derivatives of so many columns cost as much as one pass over the rows.
const COLUMNS_OF_A_PASS: f64 = 16.0;

/// A sum of squares in the arena. Numbers say where what they name begins.
#[derive(Clone, Debug)]
pub struct Squares {
    /// `A`
    pub matrix: MatrixAt,
    pub first_column: usize,
    /// `h`
    pub curvatures: usize,
    /// `A w`, `Σ b`, `r` and the `w` that they were last found for.
    pub products: usize,
    pub sum: usize,
    pub slopes: usize,
    pub at: usize,
    /// `G`, all of it, and `|a_j|`.
    pub gram: usize,
    pub lengths: usize,
    /// `u` and `g(u)`.
    pub reference: usize,
    pub slope_there: usize,
    pub state: usize,
    /// The ranges of `A` and `h`, and those of what the bodies read.
    pub made_of: [usize; 2],
    pub reads: Vec<usize>,
    /// `Σ b` and `r` from `A w`.
    pub kernels: Arc<(Kernel, Kernel)>,
}

/// Numbers of the state: whether `G` and the reference are there (1), how many slopes are yet to be found without,
/// `f(u)`, `|ρ(u)|²` and the sign of `h`.
pub const STATE: usize = 6;
const GRAM: usize = 0;
const REFERENCE: usize = 1;
const WAIT: usize = 2;
const VALUE: usize = 3;
const SPREAD: usize = 4;
const SIGN: usize = 5;

#[derive(Clone, Debug)]
pub enum Task {
    /// `to += f`
    Value { space: Space, at: usize },
    /// `to += weight ∇f`
    Slope { weight: Option<Place>, space: Space, base: usize },
    /// `to += ∇f' v`
    Tangent { space: Space, at: usize },
    /// `out += weight G v + change ∇f`
    Change { weight: Place, change: Option<Place> },
    /// The lower triangle of `weight G` is added, row after row from where it starts.
    Curvature { weight: Place, starts: Vec<u32> },
}

#[derive(Clone, Debug)]
pub struct SquaresAction {
    pub squares: Squares,
    pub task: Task,
}

/// Value and slope from what is kept.
struct Near {
    value: f64,
    slope: Vec<f64>,
}

impl SquaresAction {
    pub fn run(&self, memory: &mut Memory, scratch: &mut Scratch) {
        let squares = &self.squares;
        let one = |memory: &Memory, place: &Place| memory.read(*place, 1)[0];
        match &self.task {
            Task::Value { space, at } => {
                let value = squares.value(memory, scratch);
                memory.space(*space)[*at] += value;
            }
            Task::Slope { weight, space, base } => {
                let weight = weight.map_or(1.0, |place| one(memory, &place));
                // A value without weight has no say, even where it is not defined.
                if weight != 0.0 {
                    let slope = squares.slope(memory, scratch);
                    add(&mut memory.space(*space)[*base..], weight, &slope);
                }
            }
            Task::Tangent { space, at } => {
                let along = dot(&squares.slope(memory, scratch), squares.own(memory.direction));
                memory.space(*space)[*at] += along;
            }
            Task::Change { weight, change } => {
                let (weight, change) = (one(memory, weight), change.map_or(0.0, |place| one(memory, &place)));
                if weight != 0.0 {
                    let product = squares.product(memory, scratch);
                    add(&mut memory.out[squares.first_column..], weight, &product);
                }
                if change != 0.0 {
                    let slope = squares.slope(memory, scratch);
                    add(&mut memory.out[squares.first_column..], change, &slope);
                }
            }
            Task::Curvature { weight, starts } => {
                let weight = one(memory, weight);
                if weight != 0.0 {
                    squares.form(memory, scratch);
                    let gram = &memory.arena[squares.gram..];
                    for (i, (start, row)) in starts.iter().zip(gram.chunks_exact(squares.width())).enumerate() {
                        add(&mut memory.out[*start as usize..], weight, &row[..=i]);
                    }
                }
            }
        }
    }
}

fn add(to: &mut [f64], factor: f64, values: &[f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to += factor * value);
}

impl Squares {
    pub fn width(&self) -> usize {
        self.matrix.width
    }

    /// Nothing is there.
    pub fn begin(&self, arena: &mut [f64]) {
        arena[self.state..self.state + STATE].fill(0.0);
        arena[self.at] = f64::NAN;
    }

    /// Forgets what is made of ranges that have other numbers now; if parameters have, they may change again.
    pub fn forget(&self, arena: &mut [f64], affected: &Affected, again: bool) {
        let changed = |ranges: &[usize]| ranges.iter().any(|&range| affected.ranges[range]);
        let state = &mut arena[self.state..self.state + STATE];
        let (began, remade) = (again && (state[GRAM] == 1.0 || state[WAIT] > 0.0), changed(&self.made_of));
        if !remade && !changed(&self.reads) {
            return;
        }
        state[REFERENCE] = 0.0;
        if remade {
            state[GRAM] = 0.0;
        }
        // Three passes find the reference, and two a slope.
        let passes = if remade { 3.0 + self.width() as f64 / COLUMNS_OF_A_PASS } else { 3.0 };
        state[WAIT] = if began { (passes / 2.0).floor() } else { 0.0 };
        if changed(&self.made_of[..1]) {
            arena[self.at] = f64::NAN;
        }
    }

    /// The part of a vector of all variables.
    fn own<'a>(&self, all: &'a [f64]) -> &'a [f64] {
        &all[self.first_column..self.first_column + self.width()]
    }

    fn entries<'a>(&self, arena: &'a [f64]) -> &'a [f64] {
        &arena[self.matrix.values..self.matrix.values + self.matrix.rows * self.width()]
    }

    fn value(&self, memory: &mut Memory, scratch: &mut Scratch) -> f64 {
        let w = self.own(memory.point);
        match self.near(w, memory.arena) {
            Some(near) => near.value,
            None => self.sum_over_rows(w, memory, scratch),
        }
    }

    fn slope(&self, memory: &mut Memory, scratch: &mut Scratch) -> Vec<f64> {
        let w = self.own(memory.point);
        if !self.waits(memory.arena) && memory.arena[self.state + REFERENCE] == 0.0 {
            self.form(memory, scratch);
            self.find_reference(memory, scratch);
        }
        match self.near(w, memory.arena) {
            Some(near) => near.slope,
            None => self.slope_over_rows(w, memory, scratch),
        }
    }

    /// `G v` for the direction of a product.
    fn product(&self, memory: &mut Memory, scratch: &mut Scratch) -> Vec<f64> {
        let v = self.own(memory.direction);
        let mut out = vec![0.0; self.width()];
        if memory.arena[self.state + GRAM] == 0.0 && self.waits(memory.arena) {
            let along = scratch.numbers(self.matrix.rows);
            multiply(self.entries(memory.arena), v, along);
            along.iter_mut().zip(&memory.arena[self.curvatures..]).for_each(|(along, h)| *along *= h);
            multiply_transposed(self.entries(memory.arena), along, &mut out);
            return out;
        }
        self.form(memory, scratch);
        multiply(&memory.arena[self.gram..], v, &mut out);
        out
    }

    /// Counts down to when keeping pays.
    fn waits(&self, arena: &mut [f64]) -> bool {
        let wait = &mut arena[self.state + WAIT];
        let waits = *wait > 0.0;
        *wait -= waits as u8 as f64;
        waits
    }

    /// What is kept, where it is as good as a pass over the rows.
    fn near(&self, w: &[f64], arena: &[f64]) -> Option<Near> {
        let n = self.width();
        let state = &arena[self.state..self.state + STATE];
        if state[REFERENCE] != 1.0 {
            return None;
        }
        let d: Vec<f64> = w.iter().zip(&arena[self.reference..]).map(|(w, u)| w - u).collect();
        let reach: f64 = arena[self.lengths..].iter().zip(&d).map(|(length, d)| length * d.abs()).sum();
        let mut slope = vec![0.0; n];
        multiply(&arena[self.gram..self.gram + n * n], &d, &mut slope);
        let there = &arena[self.slope_there..self.slope_there + n];
        let (first, second) = (dot(there, &d), dot(&slope, &d));
        let spread = state[SPREAD] + state[SIGN] * (2.0 * first + second);
        // Not where one of them is no number.
        if reach * reach <= REACH * REACH * spread {
            slope.iter_mut().zip(there).for_each(|(slope, there)| *slope += there);
            return Some(Near { value: state[VALUE] + (first + 0.5 * second), slope });
        }
        None
    }

    /// Makes `A w` that of `w`.
    fn move_to(&self, w: &[f64], memory: &mut Memory, scratch: &mut Scratch) {
        let n = self.width();
        if memory.arena[self.at..self.at + n] == *w {
            return;
        }
        let products = scratch.numbers(self.matrix.rows);
        multiply(self.entries(memory.arena), w, products);
        memory.arena[self.products..self.products + products.len()].copy_from_slice(products);
        memory.arena[self.at..self.at + n].copy_from_slice(w);
    }

    fn sum_over_rows(&self, w: &[f64], memory: &mut Memory, scratch: &mut Scratch) -> f64 {
        self.move_to(w, memory, scratch);
        memory.arena[self.sum] = 0.0;
        self.kernels.0.run(memory, scratch);
        memory.arena[self.sum]
    }

    fn slope_over_rows(&self, w: &[f64], memory: &mut Memory, scratch: &mut Scratch) -> Vec<f64> {
        self.move_to(w, memory, scratch);
        self.kernels.1.run(memory, scratch);
        let mut out = vec![0.0; self.width()];
        multiply_transposed(self.entries(memory.arena), &memory.arena[self.slopes..][..self.matrix.rows], &mut out);
        out
    }

    /// Makes `G`, unless it is there.
    fn form(&self, memory: &mut Memory, scratch: &mut Scratch) {
        if memory.arena[self.state + GRAM] == 1.0 {
            return;
        }
        let n = self.width();
        let update = RankUpdate {
            instances: self.matrix.rows,
            factor: self.curvatures,
            values: self.matrix.values,
            width: n,
            map: IndexMap::IDENTITY,
            positions: vec![],
            kept: None,
        };
        let (total, length) = rank_update(&update, memory.arena, scratch);
        for i in 0..n {
            for j in 0..=i {
                let entry = total[i * length + j];
                memory.arena[self.gram + i * n + j] = entry;
                memory.arena[self.gram + j * n + i] = entry;
            }
            memory.arena[self.lengths + i] = total[i * length + i].abs().sqrt();
        }
        memory.arena[self.state + GRAM] = 1.0;
    }

    /// Finds `u`, and what a pass over the rows says there. Without one sign of `h` nothing is kept but `G`.
    fn find_reference(&self, memory: &mut Memory, scratch: &mut Scratch) {
        let n = self.width();
        let curvatures = &memory.arena[self.curvatures..self.curvatures + self.matrix.rows];
        let sign = if curvatures.iter().any(|h| *h > 0.0) { 1.0 } else { -1.0 };
        let one_sign = curvatures.iter().all(|h| h * sign >= 0.0);
        // Neither 0 nor 1: it is not looked for again.
        memory.arena[self.state + REFERENCE] = f64::NAN;
        if !one_sign {
            return;
        }
        let at_zero = self.slope_over_rows(&vec![0.0; n], memory, scratch);
        let u = self.least(sign, &at_zero, memory.arena);
        let value = self.sum_over_rows(&u, memory, scratch);
        let slope = self.slope_over_rows(&u, memory, scratch);
        let rows = memory.arena[self.curvatures..].iter().zip(&memory.arena[self.slopes..][..self.matrix.rows]);
        // Rows without curvature have no say, or no bound.
        let spread: f64 = rows.map(|(h, r)| if *r == 0.0 { 0.0 } else { r * (r / h.abs()) }).sum();
        if !(value.is_finite() && spread.is_finite() && all_finite(&slope)) {
            return;
        }
        memory.arena[self.reference..self.reference + n].copy_from_slice(&u);
        memory.arena[self.slope_there..self.slope_there + n].copy_from_slice(&slope);
        for (what, number) in [(VALUE, value), (SPREAD, spread), (SIGN, sign), (REFERENCE, 1.0)] {
            memory.arena[self.state + what] = number;
        }
    }

    /// Where the sum, turned so that it has a least value, is about least; any point serves.
    fn least(&self, sign: f64, at_zero: &[f64], arena: &[f64]) -> Vec<f64> {
        let n = self.width();
        let mut matrix: Vec<f64> = arena[self.gram..self.gram + n * n].iter().map(|entry| sign * entry).collect();
        let largest = (0..n).map(|i| matrix[i * (n + 1)]).fold(0.0, f64::max);
        (0..n).for_each(|i| matrix[i * (n + 1)] += SHIFT * largest);
        let right: Vec<f64> = at_zero.iter().map(|g| -sign * g).collect();
        let found = Cholesky::new(n, &matrix).ok().map(|factors| factors.solve(&right));
        found.filter(|u| all_finite(u)).unwrap_or_else(|| vec![0.0; n])
    }
}
