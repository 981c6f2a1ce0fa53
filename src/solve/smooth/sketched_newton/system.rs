//! The Newton system `K d = b`, `K = [B, G'; G, 0]`, row by row, and the ways of solving it.
//!
//! Sketch and project: for a random `s`, `d` is projected on the solutions of `s'K d = s'b`. With `s` a unit vector this is
//! the method of Kaczmarz; a row action then costs the entries of one row. Source: Gower and Richtárik (2015),
//! SIAM Journal on Matrix Analysis and Applications 36, 1660-1690.

use crate::linalg::kkt::{Kkt, NotFactored};
use crate::linalg::krylov::minres;
use crate::linalg::pattern::Pattern;
use crate::linalg::sparse::add_product;
use crate::linalg::vector::{add_multiple, dot, two_norm};
use crate::solve::monitor::Monitor;
use crate::solve::nlp::Shape;
use crate::solve::parts::random::Random;

/// How the system is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    Kaczmarz,
    Gaussian,
    Minres,
    Direct,
}

/// `K`, as rows of all its entries for row actions and as the assembler of `linalg` for factors and inertia.
pub struct System {
    variables: usize,
    pattern: Pattern,
    values: Vec<f64>,
    /// Where an entry of the Hessian or the Jacobian stands among `values`: below the diagonal and mirrored.
    hessian_places: Vec<(usize, usize)>,
    jacobian_places: Vec<(usize, usize)>,
    diagonal_places: Vec<usize>,
    /// Squares of the lengths of the rows.
    squares: Vec<f64>,
    kkt: Kkt,
}

impl System {
    pub fn new(shape: &Shape) -> Result<System, NotFactored> {
        let (n, m) = (shape.variables(), shape.rows());
        let mut rows: Vec<Vec<u32>> = (0..n as u32).map(|i| vec![i]).collect();
        rows.resize(n + m, vec![]);
        let entries = |pattern: &Pattern, below: usize| -> Vec<(usize, usize)> {
            let of_row = |r: usize| pattern.row(r).map(move |k| (below + r, k));
            (0..pattern.rows).flat_map(of_row).map(|(r, k)| (r, pattern.columns[k] as usize)).collect()
        };
        let (hessian, jacobian) = (entries(&shape.hessian, 0), entries(&shape.jacobian, n));
        for (r, c) in hessian.iter().chain(&jacobian) {
            rows[*r].push(*c as u32);
            rows[*c].push(*r as u32);
        }
        let pattern = Pattern::from_rows(n + m, &rows);
        let place = |r: usize, c: usize| pattern.position(r, c).expect("the entry was put into the pattern");
        let both = |(r, c): &(usize, usize)| (place(*r, *c), place(*c, *r));
        Ok(System {
            variables: n,
            values: vec![0.0; pattern.entries()],
            hessian_places: hessian.iter().map(both).collect(),
            jacobian_places: jacobian.iter().map(both).collect(),
            diagonal_places: (0..n).map(|i| place(i, i)).collect(),
            squares: vec![0.0; n + m],
            kkt: Kkt::new(&shape.hessian, &shape.jacobian)?,
            pattern,
        })
    }

    fn rows(&self) -> usize {
        self.pattern.rows - self.variables
    }

    /// Whether `d'H d > least |d|²` for all `d != 0` with `G d = 0`, read from the inertia of a factorisation.
    pub fn is_convex(&mut self, hessian: &[f64], jacobian: &[f64], least: f64) -> Result<bool, NotFactored> {
        let (n, m) = (self.variables, self.rows());
        let inertia = self.kkt.factor(hessian, jacobian, &vec![-least; n], &vec![0.0; m])?;
        Ok((inertia.positive, inertia.negative) == (n, m))
    }

    /// The `y` with least `|g + G'y|`.
    pub fn multipliers(&mut self, g: &[f64], jacobian: &[f64]) -> Result<Vec<f64>, NotFactored> {
        let (n, m) = (self.variables, self.rows());
        let none = vec![0.0; self.hessian_places.len()];
        self.kkt.factor(&none, jacobian, &vec![1.0; n], &vec![0.0; m])?;
        let mut right: Vec<f64> = g.iter().map(|g| -g).collect();
        right.resize(n + m, 0.0);
        self.kkt.solve(&mut right);
        Ok(right.split_off(n))
    }

    /// Makes `B = H + shift I`.
    pub fn assemble(&mut self, hessian: &[f64], jacobian: &[f64], shift: f64) {
        self.values.fill(0.0);
        let places = self.hessian_places.iter().chain(&self.jacobian_places);
        for ((below, above), value) in places.zip(hessian.iter().chain(jacobian)) {
            self.values[*below] = *value;
            self.values[*above] = *value;
        }
        self.diagonal_places.iter().for_each(|place| self.values[*place] += shift);
        for (r, square) in self.squares.iter_mut().enumerate() {
            let row = &self.values[self.pattern.row(r)];
            *square = dot(row, row);
        }
    }

    /// Factors what [`System::assemble`] was given, for [`Inner::Direct`].
    pub fn factor(&mut self, hessian: &[f64], jacobian: &[f64], shift: f64) -> Result<(), NotFactored> {
        let (n, m) = (self.variables, self.rows());
        self.kkt.factor(hessian, jacobian, &vec![shift; n], &vec![0.0; m]).map(|_| ())
    }

    /// Improves `d` until `|K d - b| <= tolerance`, and returns the number of row actions, or of products for
    /// [`Inner::Minres`]. Ends before where `limit` is reached or the solve is over; the caller looks at what `d` is good for.
    pub fn solve(
        &mut self,
        inner: Inner,
        b: &[f64],
        tolerance: f64,
        limit: usize,
        (random, monitor): (&mut Random, &Monitor),
        d: &mut [f64],
    ) -> usize {
        match inner {
            Inner::Direct => {
                d.copy_from_slice(b);
                self.kkt.solve(d);
                0
            }
            Inner::Minres => {
                let mut products = 0;
                let mut apply = |v: &[f64], out: &mut [f64]| {
                    products += 1;
                    out.fill(0.0);
                    add_product(&self.pattern, &self.values, 1.0, v, out);
                };
                minres(&mut apply, b, tolerance / two_norm(b), limit, d);
                products
            }
            Inner::Kaczmarz | Inner::Gaussian => self.project(inner, b, tolerance, limit, (random, monitor), d),
        }
    }

    fn project(
        &self,
        inner: Inner,
        b: &[f64],
        tolerance: f64,
        limit: usize,
        (random, monitor): (&mut Random, &Monitor),
        d: &mut [f64],
    ) -> usize {
        let size = b.len();
        let (mut sketch, mut product) = (vec![0.0; size], vec![0.0; size]);
        let mut actions = 0;
        // The residual is looked at once in as many row actions as there are rows, so that it doubles the cost at most.
        while self.residual(b, d) > tolerance && actions < limit && monitor.over().is_none() {
            for _ in 0..size {
                match inner {
                    Inner::Gaussian => {
                        // Sums of rows of length one: what they were multiplied by would decide how fast it goes.
                        for (s, square) in sketch.iter_mut().zip(&self.squares) {
                            *s = if *square > 0.0 { random.normal() / square.sqrt() } else { 0.0 };
                        }
                        product.fill(0.0);
                        add_product(&self.pattern, &self.values, 1.0, &sketch, &mut product);
                        let miss = dot(&product, d) - dot(&sketch, b);
                        let square = dot(&product, &product);
                        if square > 0.0 {
                            add_multiple(d, -miss / square, &product);
                        }
                    }
                    Inner::Kaczmarz | Inner::Minres | Inner::Direct => {
                        let r = ((random.unit() * size as f64) as usize).min(size - 1);
                        self.project_on_row(r, b[r], d);
                    }
                }
            }
            actions += size;
        }
        actions
    }

    fn project_on_row(&self, r: usize, b: f64, d: &mut [f64]) {
        if self.squares[r] == 0.0 {
            return;
        }
        let row = self.pattern.row(r);
        let (columns, values) = (&self.pattern.columns[row.clone()], &self.values[row]);
        let mut miss = -b;
        for (c, value) in columns.iter().zip(values) {
            miss += value * d[*c as usize];
        }
        let t = miss / self.squares[r];
        for (c, value) in columns.iter().zip(values) {
            d[*c as usize] -= t * value;
        }
    }

    fn residual(&self, b: &[f64], d: &[f64]) -> f64 {
        let mut left: Vec<f64> = b.iter().map(|b| -b).collect();
        add_product(&self.pattern, &self.values, 1.0, d, &mut left);
        two_norm(&left)
    }
}
