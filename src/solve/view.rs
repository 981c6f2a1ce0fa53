//! A problem as methods see it: the engine behind the [`Nlp`] trait, and the way back.
//!
//! The view turns maximisation into minimisation, takes out fixed variables and rows that do not constrain, and scales
//! the objective where the method asks for it. [`EngineView::lift`] undoes all of this: with `f' = s f` minimised
//! (`s < 0` where `f` is maximised), multipliers of the problem as stated are `y = y' / s`, `z = z' / s`.

use super::method::{Method, Sees};
use super::monitor::Meter;
use super::nlp::{Definition, Nlp, Pair, Pattern, Shape};
use super::options::Options;
use super::trouble;
use crate::ad::Evaluator;
use crate::answer::{Evaluations, LogLine, Multipliers, Outcome, Stop};
use crate::diag::Sources;
use crate::expr::family::ParamId;
use crate::linalg::vector::{all_finite, max_norm};
use crate::problem::complementarity::paired;
use crate::problem::second::curved_variables;
use crate::problem::values::{Bounds, Numbers, Scales};
use crate::problem::{Problem, Sense, fixed_point};
use std::sync::Arc;

/// No entry of the gradient of a scaled objective exceeds this at the start.
const LARGEST_SLOPE: f64 = 100.0;

pub struct EngineView {
    problem: Problem,
    sources: Sources,
    evaluator: Evaluator,
    counts: Evaluations,
    meter: Meter,
    shape: Shape,
    /// Of the objective.
    factor: f64,
    maximised: bool,
    /// All variables: the fixed ones at their values, the others as last seen.
    full: Vec<f64>,
    /// By parameter: bounds or sides read it.
    moving: Vec<bool>,
    /// The variables and rows that the method sees, ascending.
    variables: Vec<u32>,
    rows: Vec<u32>,
    jacobian: Selection,
    hessian: Selection,
    row_buffer: Vec<f64>,
    column_buffer: Vec<f64>,
    direction: Vec<f64>,
}

/// Which entries of a pattern are kept.
struct Selection {
    /// Positions in the engine's order; `None`: all.
    kept: Option<Vec<u32>>,
    buffer: Vec<f64>,
}

impl EngineView {
    /// `start` is a point of all variables, at which scaling is decided.
    pub fn new(problem: &Problem, method: &Method, options: &Options, start: &[f64], sources: &Sources) -> EngineView {
        EngineView::seen(problem, method.sees, (method.second_order)(options), start, sources)
    }

    /// What methods that see so much of a problem are shown; `curved` says whether they read entries of the Hessian.
    pub fn seen(problem: &Problem, sees: Sees, curved: bool, start: &[f64], sources: &Sources) -> EngineView {
        let numbers = Numbers::of(problem);
        let bounds = Bounds::of(problem, &numbers);
        let mut evaluator = Evaluator::new(problem);
        let variables: Vec<u32> = (0..problem.dimension).filter(|k| !is_fixed(&bounds, *k as usize)).collect();
        let rows = visible_rows(problem, &bounds, sees);
        let full = (0..start.len()).map(|k| if is_fixed(&bounds, k) { bounds.lower[k] } else { start[k] }).collect();
        let maximised = problem.objectives.first().is_some_and(|o| o.sense == Sense::Maximize);
        let of = |values: &[f64], chosen: &[u32]| chosen.iter().map(|k| values[*k as usize]).collect::<Vec<f64>>();
        let (jacobian, jacobian_pattern) = select(evaluator.jacobian_pattern(), &rows, &variables);
        let (hessian, hessian_pattern) = match curved {
            true => select(evaluator.hessian_pattern(), &variables, &variables),
            false => (
                Selection { kept: None, buffer: vec![] },
                Arc::new(Pattern::from_rows(variables.len(), &vec![vec![]; variables.len()])),
            ),
        };
        let scales = Scales::of(problem, &numbers).map(|scales| {
            let some = |sizes: &[Option<f64>], chosen: &[u32]| chosen.iter().map(|k| sizes[*k as usize]).collect();
            Arc::new(Scales {
                objective: scales.objective,
                variables: some(&scales.variables, &variables),
                rows: some(&scales.rows, &rows),
            })
        });
        let shape = Shape {
            definitions: visible_definitions(problem, &rows, &variables),
            scales,
            lower: of(&bounds.lower, &variables),
            upper: of(&bounds.upper, &variables),
            row_lower: of(&bounds.row_lower, &rows),
            row_upper: of(&bounds.row_upper, &rows),
            jacobian: jacobian_pattern,
            hessian: hessian_pattern,
            pairs: visible_pairs(problem, &rows, sees),
            curved: {
                let curved = curved_variables(problem);
                variables.iter().map(|k| curved[*k as usize]).collect()
            },
        };
        let mut view = EngineView {
            row_buffer: vec![0.0; evaluator.rows()],
            column_buffer: vec![0.0; evaluator.variables()],
            direction: vec![0.0; evaluator.variables()],
            problem: problem.clone(),
            sources: sources.clone(),
            evaluator,
            counts: Evaluations::default(),
            meter: Meter::default(),
            shape,
            factor: if maximised { -1.0 } else { 1.0 },
            maximised,
            full,
            moving: Bounds::parameters(problem),
            variables,
            rows,
            jacobian,
            hessian,
        };
        if matches!(sees, Sees::Scaled | Sees::Pairs) {
            view.scale();
        }
        view
    }

    fn scale(&mut self) {
        let x = self.full.clone();
        self.evaluator.gradient(&x, &mut self.column_buffer);
        let slope = max_norm(&self.column_buffer);
        if slope.is_finite() && slope > LARGEST_SLOPE {
            self.factor *= LARGEST_SLOPE / slope;
        }
    }

    /// Counts evaluations where the monitor of the solve reads them.
    pub fn counting(mut self, meter: &Meter) -> EngineView {
        self.meter = meter.clone();
        self
    }

    /// New numbers for a parameter; bounds and sides follow. What is fixed stays fixed: no bound may come to meet another.
    pub fn set_param(&mut self, id: ParamId, values: &[f64]) {
        self.problem.params[id.0 as usize].values = Arc::new(values.to_vec());
        self.evaluator.set_param(id, values);
        if !self.moving[id.0 as usize] {
            return;
        }
        let bounds = Bounds::of(&self.problem, &Numbers::of(&self.problem));
        let of = |values: &[f64], chosen: &[u32]| chosen.iter().map(|k| values[*k as usize]).collect::<Vec<f64>>();
        self.shape.lower = of(&bounds.lower, &self.variables);
        self.shape.upper = of(&bounds.upper, &self.variables);
        self.shape.row_lower = of(&bounds.row_lower, &self.rows);
        self.shape.row_upper = of(&bounds.row_upper, &self.rows);
    }

    /// The part of a point of all variables that the method sees.
    pub fn reduce(&self, x: &[f64]) -> Vec<f64> {
        self.variables.iter().map(|k| x[*k as usize]).collect()
    }

    /// Multipliers of the problem as stated, as the method sees them.
    pub fn reduce_multipliers(&self, m: &Multipliers) -> Multipliers {
        let reduced =
            |values: &[f64], chosen: &[u32]| chosen.iter().map(|k| self.factor * values[*k as usize]).collect();
        Multipliers {
            rows: reduced(&m.rows, &self.rows),
            lower: reduced(&m.lower, &self.variables),
            upper: reduced(&m.upper, &self.variables),
        }
    }

    /// What there is to say if all variables are fixed: their point, found infeasible by a row or else optimal.
    pub fn constant_outcome(&mut self) -> Outcome {
        let mut values = vec![0.0; self.rows.len()];
        self.constraints(&[], &mut values);
        let excess = |r: usize| (self.shape.row_lower[r] - values[r]).max(values[r] - self.shape.row_upper[r]);
        let feasible = (0..values.len()).all(|r| excess(r) <= 1e-8 * values[r].abs().max(1.0));
        let stop = match (all_finite(&values), feasible) {
            (false, _) => super::parts::ending::not_finite(self, &[]),
            (true, true) => Stop::Converged,
            (true, false) => Stop::Infeasible { ray: None },
        };
        let multipliers = Some(Multipliers { rows: vec![0.0; values.len()], lower: vec![], upper: vec![] });
        Outcome { x: vec![], multipliers, stop, iterations: 0, evaluations: self.counts.clone(), log: vec![] }
    }

    /// The outcome for the problem that the view was made from, with its signs.
    pub fn lift(&mut self, outcome: Outcome) -> Outcome {
        self.place(&outcome.x);
        let x = self.full.clone();
        let multipliers = outcome.multipliers.map(|m| self.lift_multipliers(&x, &m));
        let stop = match outcome.stop {
            Stop::Infeasible { ray } => {
                Stop::Infeasible { ray: ray.map(|r| spread(&r, &self.rows, self.problem.row_count())) }
            }
            Stop::Unbounded { ray } => Stop::Unbounded { ray: ray.map(|r| spread(&r, &self.variables, x.len())) },
            Stop::Branched(branches) => Stop::Branched(Box::new(branches.lifted(&mut |leaf: Outcome| self.lift(leaf)))),
            Stop::Converged
            | Stop::Finished
            | Stop::Budget
            | Stop::Oracle(_)
            | Stop::IterationLimit
            | Stop::TimeLimit
            | Stop::Interrupted
            | Stop::NoProgress(_)
            | Stop::NotFinite(_)
            | Stop::Failed(_) => outcome.stop,
        };
        let log = outcome.log.iter().map(|line| LogLine { objective: line.objective / self.factor, ..*line }).collect();
        Outcome { x, multipliers, stop, log, ..outcome }
    }

    /// Multipliers for all rows and variables. What a fixed variable's bound carries is what stationarity leaves.
    fn lift_multipliers(&mut self, x: &[f64], m: &Multipliers) -> Multipliers {
        let unscaled = |values: &[f64]| values.iter().map(|v| v / self.factor).collect::<Vec<f64>>();
        let n = x.len();
        let rows = spread(&unscaled(&m.rows), &self.rows, self.problem.row_count());
        let mut lower = spread(&unscaled(&m.lower), &self.variables, n);
        let mut upper = spread(&unscaled(&m.upper), &self.variables, n);
        if self.variables.len() < n {
            let (mut slopes, mut pull) = (vec![0.0; n], vec![0.0; n]);
            self.evaluator.gradient(x, &mut slopes);
            self.evaluator.jacobian_transposed_product(x, &rows, &mut pull);
            let mut seen = self.variables.iter().peekable();
            for k in 0..n {
                if seen.next_if(|s| **s as usize == k).is_some() {
                    continue;
                }
                let z = slopes[k] - pull[k];
                let at_lower = (z >= 0.0) != self.maximised;
                if at_lower { lower[k] = z } else { upper[k] = z }
            }
        }
        Multipliers { rows, lower, upper }
    }

    /// Writes a point that the method sees into `full`.
    fn place(&mut self, x: &[f64]) {
        if x.len() == self.full.len() {
            self.full.copy_from_slice(x);
            return;
        }
        for (k, v) in self.variables.iter().zip(x) {
            self.full[*k as usize] = *v;
        }
    }

    /// Writes weights of the rows that the method sees into `row_buffer`.
    fn place_weights(&mut self, weights: &[f64]) {
        self.row_buffer.fill(0.0);
        for (r, w) in self.rows.iter().zip(weights) {
            self.row_buffer[*r as usize] = *w;
        }
    }
}

fn is_fixed(bounds: &Bounds, k: usize) -> bool {
    bounds.lower[k] == bounds.upper[k]
}

/// Rows that constrain; for a method that reads residuals, those alone: the rows added last.
fn visible_rows(problem: &Problem, bounds: &Bounds, sees: Sees) -> Vec<u32> {
    let starts = problem.row_starts();
    let paired = paired(problem);
    let mut rows = vec![];
    for (k, constraint) in problem.constraints.iter().enumerate() {
        let is_residuals = sees == Sees::Residuals && k + 1 == problem.constraints.len();
        let free = |r: &usize| bounds.row_lower[*r] == f64::NEG_INFINITY && bounds.row_upper[*r] == f64::INFINITY;
        let visible = |r: &usize| is_residuals || (!constraint.dropped && (paired[*r] || !free(r)));
        rows.extend((starts[k]..starts[k + 1]).filter(visible).map(|r| r as u32));
    }
    rows
}

/// The pairs of a method that sees them, among the rows that it sees.
fn visible_pairs(problem: &Problem, rows: &[u32], sees: Sees) -> Vec<Pair> {
    if sees != Sees::Pairs {
        return vec![];
    }
    let number = |row: u32| rows.binary_search(&row).expect("rows of pairs are visible") as u32;
    problem.pairs().iter().map(|p| Pair { bounded: number(p.bounded), force: number(p.force) }).collect()
}

/// What rows define, if the problem has no objective and is a fixed point.
fn visible_definitions(problem: &Problem, rows: &[u32], variables: &[u32]) -> Vec<Definition> {
    if !problem.objectives.is_empty() || rows.len() != variables.len() {
        return vec![];
    }
    let Ok(all) = fixed_point::of(problem) else { return vec![] };
    let number = |k: u32| variables.binary_search(&k).ok().map(|k| k as u32);
    let own = |r: &u32| all[*r as usize].and_then(|d| Some(Definition { variable: number(d.variable)?, ..d }));
    rows.iter().map(own).collect::<Option<Vec<Definition>>>().unwrap_or_default()
}

/// The entries in chosen rows and columns, both ascending, and their pattern.
fn select(pattern: &Arc<Pattern>, rows: &[u32], columns: &[u32]) -> (Selection, Arc<Pattern>) {
    if rows.len() == pattern.rows && columns.len() == pattern.columns_count {
        return (Selection { kept: None, buffer: vec![] }, pattern.clone());
    }
    let mut new_column = vec![None; pattern.columns_count];
    columns.iter().enumerate().for_each(|(new, old)| new_column[*old as usize] = Some(new as u32));
    let (mut kept, mut starts, mut chosen) = (vec![], vec![0], vec![]);
    for row in rows {
        for entry in pattern.row(*row as usize) {
            if let Some(column) = new_column[pattern.columns[entry] as usize] {
                kept.push(entry as u32);
                chosen.push(column);
            }
        }
        starts.push(chosen.len());
    }
    let selected = Pattern { rows: rows.len(), columns_count: columns.len(), starts, columns: chosen };
    (Selection { kept: Some(kept), buffer: vec![0.0; pattern.entries()] }, Arc::new(selected))
}

/// Values at chosen positions, 0 elsewhere.
fn spread(values: &[f64], chosen: &[u32], count: usize) -> Vec<f64> {
    let mut all = vec![0.0; count];
    chosen.iter().zip(values).for_each(|(k, v)| all[*k as usize] = *v);
    all
}

impl Selection {
    /// Lets `fill` write all entries and hands on those that are kept.
    fn write(&mut self, out: &mut [f64], fill: impl FnOnce(&mut [f64])) {
        let Some(kept) = &self.kept else { return fill(out) };
        fill(&mut self.buffer);
        out.iter_mut().zip(kept).for_each(|(to, at)| *to = self.buffer[*at as usize]);
    }
}

impl Nlp for EngineView {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, x: &[f64]) -> f64 {
        self.counts.objective += 1;
        self.meter.count();
        self.place(x);
        self.factor * self.evaluator.objective(&self.full)
    }

    fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.gradient += 1;
        self.meter.count();
        self.place(x);
        self.evaluator.gradient(&self.full, &mut self.column_buffer);
        for (to, k) in out.iter_mut().zip(&self.variables) {
            *to = self.factor * self.column_buffer[*k as usize];
        }
    }

    fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.constraints += 1;
        self.meter.count();
        self.place(x);
        self.evaluator.constraints(&self.full, &mut self.row_buffer);
        for (to, r) in out.iter_mut().zip(&self.rows) {
            *to = self.row_buffer[*r as usize];
        }
    }

    fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        self.counts.jacobian += 1;
        self.meter.count();
        self.place(x);
        self.jacobian.write(out, |all| self.evaluator.jacobian(&self.full, all));
    }

    fn hessian(&mut self, x: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        self.counts.hessian += 1;
        self.meter.count();
        self.place(x);
        self.place_weights(weights);
        let sigma = sigma * self.factor;
        self.hessian.write(out, |all| self.evaluator.hessian(&self.full, sigma, &self.row_buffer, all));
    }

    fn hessian_product(&mut self, x: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        self.counts.product += 1;
        self.meter.count();
        self.place(x);
        self.place_weights(weights);
        self.direction.fill(0.0);
        for (k, v) in self.variables.iter().zip(v) {
            self.direction[*k as usize] = *v;
        }
        let sigma = sigma * self.factor;
        let (full, weights, direction) = (&self.full, &self.row_buffer, &self.direction);
        self.evaluator.hessian_product(full, sigma, weights, direction, &mut self.column_buffer);
        for (to, k) in out.iter_mut().zip(&self.variables) {
            *to = self.column_buffer[*k as usize];
        }
    }

    fn objective_factor(&self) -> f64 {
        self.factor.abs()
    }

    fn evaluations(&self) -> Evaluations {
        self.counts.clone()
    }

    fn explain_not_finite(&mut self, x: &[f64]) -> Option<String> {
        self.place(x);
        trouble::explain(&self.problem, &self.sources, &self.full)
    }
}
