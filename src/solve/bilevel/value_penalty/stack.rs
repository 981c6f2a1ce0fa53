//! `min σ F(x, y) + Σ g_k(x, y_k)` over what some followers decide, within their rows and bounds, `x` given.
//!
//! First derivatives only; the method that solves it keeps curvature from the steps that it took.

use crate::ad::Evaluator;
use crate::answer::{Evaluations, Multipliers, Outcome, Stop};
use crate::linalg::pattern::Pattern;
use crate::problem::values::Bounds;
use crate::solve::bilevel::follower::quietly;
use crate::solve::bilevel::functions::Functions;
use crate::solve::bilevel::outer::method_for;
use crate::solve::method::{Context, Run};
use crate::solve::monitor::Monitor;
use crate::solve::nlp::{Nlp, Shape};
use crate::solve::options::Options;
use std::sync::Arc;

/// What does not change: which variables, rows and entries of the Jacobian there are.
pub struct Layout {
    shape: Shape,
    /// Positions in the whole vector of the variables that are free.
    free: Vec<u32>,
    /// For each entry of the Jacobian the follower, and the entry of its own.
    entries: Vec<(u32, u32)>,
}

impl Layout {
    /// `bounds` are those of all variables.
    pub fn of(functions: &mut [Functions], bounds: &Bounds) -> Layout {
        let decided = functions.iter().flat_map(|f| &f.positions[..f.own]).copied();
        let mut free: Vec<u32> = decided.filter(|k| bounds.lower[*k as usize] < bounds.upper[*k as usize]).collect();
        free.sort_unstable();
        let column = |position: u32| free.binary_search(&position).ok().map(|k| k as u32);
        let (mut entries, mut rows) = (vec![], vec![]);
        for (part, f) in functions.iter_mut().enumerate() {
            let pattern = f.pattern();
            for &r in &f.rows {
                let found = pattern.row(r as usize).filter_map(|entry| {
                    let position = f.positions[pattern.columns[entry] as usize];
                    column(position).map(|column| (column, entry as u32))
                });
                let mut found: Vec<(u32, u32)> = found.collect();
                found.sort_unstable();
                entries.extend(found.iter().map(|(_, entry)| (part as u32, *entry)));
                rows.push(found.iter().map(|(column, _)| *column).collect::<Vec<u32>>());
            }
        }
        let of = |values: &[f64]| free.iter().map(|k| values[*k as usize]).collect::<Vec<f64>>();
        let n = free.len();
        let shape = Shape {
            lower: of(&bounds.lower),
            upper: of(&bounds.upper),
            row_lower: functions.iter().flat_map(|f| &f.row_lower).copied().collect(),
            row_upper: functions.iter().flat_map(|f| &f.row_upper).copied().collect(),
            jacobian: Arc::new(Pattern::from_rows(n, &rows)),
            hessian: Arc::new(Pattern::from_rows(n, &vec![vec![]; n])),
            curved: vec![true; n],
            ..Shape::default()
        };
        Layout { shape, free, entries }
    }

    /// Moves values within their bounds.
    pub fn keep_within(&self, y: &mut [f64]) {
        let sides = self.shape.lower.iter().zip(&self.shape.upper);
        y.iter_mut().zip(sides).for_each(|(v, (lower, upper))| *v = v.clamp(*lower, *upper));
    }
}

/// What was found, to start from the next time.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// In the variables of the layout; empty: nothing was found yet.
    pub y: Vec<f64>,
    pub multipliers: Option<Multipliers>,
}

impl Answer {
    /// Writes the free variables into a point of all variables.
    pub fn put(&self, layout: &Layout, whole: &mut [f64]) {
        layout.free.iter().zip(&self.y).for_each(|(k, v)| whole[*k as usize] = *v);
    }

    /// Begins anew from a point of all variables.
    pub fn take_from(&mut self, layout: &Layout, whole: &[f64]) {
        self.y = layout.free.iter().map(|k| whole[*k as usize]).collect();
        self.multipliers = None;
    }

    /// Adds multipliers of bounds, by position in a point of all variables.
    pub fn add_bounds(&self, layout: &Layout, weight: f64, lower: &mut [f64], upper: &mut [f64]) {
        let Some(m) = &self.multipliers else { return };
        for (j, &k) in layout.free.iter().enumerate() {
            lower[k as usize] += weight * m.lower[j];
            upper[k as usize] += weight * m.upper[j];
        }
    }

    /// Multipliers of rows of the layout; none: 0.
    pub fn rows(&self, layout: &Layout) -> Vec<f64> {
        self.multipliers.as_ref().map_or(vec![0.0; layout.shape.rows()], |m| m.rows.clone())
    }
}

/// Iterations for an answer of followers with rows.
const WITH_ROWS: usize = 300;

pub struct Stack<'a> {
    pub layout: &'a Layout,
    pub functions: &'a mut [Functions],
    pub outer: &'a mut Evaluator,
    /// `σ`, with the sign that makes a minimisation of `F`; 0: without the outer level.
    pub weight: f64,
    /// A point of all variables.
    pub whole: Vec<f64>,
    pub counts: Evaluations,
}

impl Stack<'_> {
    /// Solves from an answer, else from what `whole` has. Gives back counts of evaluations of `F`.
    pub fn solve(
        &mut self,
        from: &Answer,
        tolerance: f64,
        limit: usize,
        seed: u64,
        monitor: &Monitor,
    ) -> Result<Answer, String> {
        let layout = self.layout;
        if layout.free.is_empty() {
            return Ok(Answer { y: vec![], multipliers: None });
        }
        let here = || layout.free.iter().map(|k| self.whole[*k as usize]).collect();
        let start: Vec<f64> = if from.y.is_empty() { here() } else { from.y.clone() };
        let (method, set) = method_for(&layout.shape, tolerance, true);
        let Run::Functions(solve) = method.run else { unreachable!("the methods chosen here see functions") };
        let options = Options { set, seed };
        let warm = from.multipliers.clone();
        // An interior point method that needs more has lost its way, most often because nothing is feasible.
        let limit = if layout.shape.rows() > 0 { limit.min(WITH_ROWS) } else { limit };
        let Outcome { x, multipliers, stop, .. } = quietly(monitor, |monitor| {
            monitor.iteration_limit = limit;
            solve(&mut Context { nlp: self, start, warm, options: &options, monitor })
        });
        if stop != Stop::Converged {
            layout.free.iter().zip(&x).for_each(|(k, v)| self.whole[*k as usize] = *v);
            if !self.functions.iter_mut().all(|f| f.keeps_rows(&self.whole)) {
                return Err("a follower has no feasible answer".to_string());
            }
        }
        match stop {
            // The last digits may be out of reach, and a few steps may be all that was asked for.
            Stop::Converged | Stop::NoProgress(_) | Stop::IterationLimit => Ok(Answer { y: x, multipliers }),
            Stop::Infeasible { .. } => Err("a follower has no feasible answer".to_string()),
            Stop::Unbounded { .. } => Err("a follower's objective has no end".to_string()),
            Stop::NotFinite(why) | Stop::Failed(why) | Stop::Oracle(why) => Err(why),
            Stop::TimeLimit | Stop::Interrupted | Stop::Finished | Stop::Budget | Stop::Branched(_) => {
                Err("a follower's solve was stopped".to_string())
            }
        }
    }

    fn place(&mut self, y: &[f64]) {
        self.layout.free.iter().zip(y).for_each(|(k, v)| self.whole[*k as usize] = *v);
    }
}

impl Nlp for Stack<'_> {
    fn shape(&self) -> &Shape {
        &self.layout.shape
    }

    fn objective(&mut self, y: &[f64]) -> f64 {
        self.place(y);
        let mut value = 0.0;
        if self.weight != 0.0 {
            self.counts.objective += 1;
            value += self.weight * self.outer.objective(&self.whole);
        }
        value + self.functions.iter_mut().map(|f| f.objective(&self.whole)).sum::<f64>()
    }

    fn gradient(&mut self, y: &[f64], out: &mut [f64]) {
        self.place(y);
        let mut all = vec![0.0; self.whole.len()];
        if self.weight != 0.0 {
            self.counts.gradient += 1;
            self.outer.gradient(&self.whole, &mut all);
            all.iter_mut().for_each(|v| *v *= self.weight);
        }
        self.functions.iter_mut().for_each(|f| f.add_gradient(&self.whole, 1.0, &mut all));
        out.iter_mut().zip(&self.layout.free).for_each(|(to, k)| *to = all[*k as usize]);
    }

    fn constraints(&mut self, y: &[f64], out: &mut [f64]) {
        self.place(y);
        let mut first = 0;
        for f in self.functions.iter_mut() {
            let rows = f.rows.len();
            f.constraints(&self.whole, &mut out[first..first + rows]);
            first += rows;
        }
    }

    fn jacobian(&mut self, y: &[f64], out: &mut [f64]) {
        self.place(y);
        let values: Vec<Vec<f64>> = self
            .functions
            .iter_mut()
            .map(|f| {
                let mut entries = vec![0.0; f.pattern().entries()];
                f.jacobian(&self.whole, &mut entries);
                entries
            })
            .collect();
        let entries = self.layout.entries.iter();
        out.iter_mut().zip(entries).for_each(|(to, (part, entry))| *to = values[*part as usize][*entry as usize]);
    }

    fn hessian(&mut self, _: &[f64], _: f64, _: &[f64], _: &mut [f64]) {
        unreachable!("methods chosen for followers here need no second derivatives")
    }

    fn hessian_product(&mut self, _: &[f64], _: f64, _: &[f64], _: &[f64], _: &mut [f64]) {
        unreachable!("methods chosen for followers here need no second derivatives")
    }

    fn evaluations(&self) -> Evaluations {
        self.counts.clone()
    }

    fn explain_not_finite(&mut self, _: &[f64]) -> Option<String> {
        Some("a follower's objective is not finite".to_string())
    }
}
