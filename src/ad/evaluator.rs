//! The evaluator: what methods call.
//!
//! Everything is compiled when it is first asked for. Values of stages, and their Jacobians, are kept for the last
//! point and the last version of the parameters.

use super::action::{Action, run};
use super::engine::{Engine, Quantity};
use super::groups::{FOR_CONSTRAINTS, FOR_OBJECTIVE, Role};
use super::hessian::Hessian;
use super::jacobian::Jacobian;
use super::kernel::{Memory, Scratch};
use super::squares;
use super::stale::{Affected, Stale};
use super::sweeps;
use super::values::Values;
use crate::expr::family::{ParamId, Source, StageId};
use crate::linalg::pattern::Pattern;
use crate::problem::{Data, Problem};
use std::sync::Arc;

/// Positions of an outer product that are kept: 64 MB.
const MOST_LISTED: usize = 1 << 24;
const BOTH: u8 = FOR_OBJECTIVE | FOR_CONSTRAINTS;

#[cfg(test)]
thread_local! {
    /// How many evaluators of this thread laid out a Hessian.
    pub static HESSIANS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Functions and derivatives of the first objective and of all constraints (dropped ones too) of a problem.
///
/// Values that are not finite are returned as they are.
#[derive(Debug)]
pub struct Evaluator {
    engine: Engine,
    scratch: Scratch,
    values: Values,
    /// For whom the values (and the Jacobians) of inner stages are those of the point in the arena.
    values_done: u8,
    jacobians_done: u8,
    /// There are inner stages, and they are those of this point, if it is valid.
    keeps_stages: bool,
    point: Vec<f64>,
    point_valid: bool,
    jacobian: Option<Jacobian>,
    hessian: Option<Hessian>,
    gradient: Option<Vec<Action>>,
    inner_adjoints: Option<Vec<Action>>,
    transposed_product: Option<Vec<Action>>,
    row_tangents: Option<Vec<Action>>,
    inner_tangents: Option<Vec<Action>>,
    hessian_product: Option<Vec<Action>>,
    /// See [`Hessian::new`].
    most_listed: usize,
}

/// Compiles a list of actions unless it is there, and hands it out while the rest of the evaluator can be used.
macro_rules! lazily {
    ($self:ident . $field:ident, $build:expr) => {
        match $self.$field.take() {
            Some(actions) => actions,
            None => {
                let build = $build;
                build(&mut $self.engine)
            }
        }
    };
}

impl Evaluator {
    /// Prepares values; derivatives are compiled when they are first asked for.
    pub fn new(problem: &Problem) -> Evaluator {
        let mut engine = Engine::new(problem);
        let values = Values::new(&mut engine);
        let keeps_stages = engine.functions.roles.contains(&Some(Role::Inner));
        Evaluator {
            engine,
            scratch: Scratch::default(),
            values,
            values_done: 0,
            jacobians_done: 0,
            keeps_stages,
            point: vec![],
            point_valid: false,
            jacobian: None,
            hessian: None,
            gradient: None,
            inner_adjoints: None,
            transposed_product: None,
            row_tangents: None,
            inner_tangents: None,
            hessian_product: None,
            most_listed: MOST_LISTED,
        }
    }

    pub fn variables(&self) -> usize {
        self.engine.variables
    }

    /// All constraint rows in order, dropped ones too.
    pub fn rows(&self) -> usize {
        self.engine.rows
    }

    /// New numbers for a parameter, as many as before. Nothing is recompiled.
    pub fn set_param(&mut self, id: ParamId, values: &[f64]) {
        if self.engine.set_param(id, values) {
            self.point_valid = false;
        }
    }

    /// The numbers of `data` for its `count` elements, for the parameters as they are now.
    ///
    /// Reads parameters and stages without variables that bounds and starts of the problem read.
    pub fn data(&mut self, data: &Data, count: usize) -> Vec<f64> {
        self.refresh_data();
        match data {
            Data::Constant(value) => vec![*value; count],
            Data::Read(leaf) => {
                let base = self.engine.stored(leaf.source);
                (0..count).map(|p| self.engine.arena[base + leaf.map.at(p)]).collect()
            }
        }
    }

    /// All rows of a stage without variables that the functions, bounds or starts of the problem read.
    pub fn data_stage(&mut self, stage: StageId) -> &[f64] {
        self.refresh_data();
        let base = self.engine.stored(Source::Stage(stage));
        &self.engine.arena[base..base + self.engine.functions.rows[stage.0 as usize]]
    }

    /// `f(x)` as stated, whatever its sense; 0 if there is no objective.
    pub fn objective(&mut self, x: &[f64]) -> f64 {
        let Some(stage) = self.engine.functions.objective else { return 0.0 };
        self.move_to(x, FOR_OBJECTIVE);
        let mut memory = Memory { point: x, arena: &mut self.engine.arena, ..Memory::default() };
        run(&self.values.objective, &mut memory, &mut self.scratch);
        let at = self.engine.place(Quantity::Value, stage);
        self.engine.arena[at]
    }

    /// Writes `∇f(x)`.
    pub fn gradient(&mut self, x: &[f64], out: &mut [f64]) {
        let actions = lazily!(self.gradient, sweeps::gradient);
        self.move_to(x, FOR_OBJECTIVE);
        self.seed(1.0, &[], FOR_OBJECTIVE);
        let mut memory = Memory { point: x, arena: &mut self.engine.arena, out, ..Memory::default() };
        run(&actions, &mut memory, &mut self.scratch);
        self.gradient = Some(actions);
    }

    /// Writes the bodies of all rows, without bounds.
    pub fn constraints(&mut self, x: &[f64], out: &mut [f64]) {
        self.move_to(x, FOR_CONSTRAINTS);
        let mut memory = Memory { point: x, arena: &mut self.engine.arena, out, ..Memory::default() };
        run(&self.values.constraints, &mut memory, &mut self.scratch);
    }

    pub fn jacobian_pattern(&mut self) -> &Arc<Pattern> {
        &self.prepared_jacobian().pattern
    }

    /// Writes the entries of `∇c(x)` in the order of [`Evaluator::jacobian_pattern`].
    pub fn jacobian(&mut self, x: &[f64], out: &mut [f64]) {
        self.prepared_jacobian();
        self.move_to(x, FOR_CONSTRAINTS);
        self.inner_jacobians(x, FOR_CONSTRAINTS);
        if let Some(jacobian) = &self.jacobian {
            let mut memory = Memory { point: x, arena: &mut self.engine.arena, out, ..Memory::default() };
            run(&jacobian.constraints, &mut memory, &mut self.scratch);
        }
    }

    pub fn hessian_pattern(&mut self) -> &Arc<Pattern> {
        &self.prepared_hessian().pattern
    }

    /// Writes the entries of `sigma ∇²f(x) + Σ weights[r] ∇²c_r(x)` in the order of [`Evaluator::hessian_pattern`].
    pub fn hessian(&mut self, x: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        self.prepared_hessian();
        self.adjoints(x, sigma, weights);
        self.inner_jacobians(x, BOTH);
        if let Some(hessian) = &self.hessian {
            let mut memory = Memory { point: x, weights, arena: &mut self.engine.arena, out, ..Memory::default() };
            run(&hessian.actions, &mut memory, &mut self.scratch);
        }
    }

    /// Writes `(sigma ∇²f(x) + Σ weights[r] ∇²c_r(x)) v` without forming the matrix.
    pub fn hessian_product(&mut self, x: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        let product = lazily!(self.hessian_product, sweeps::hessian_product);
        let tangents = lazily!(self.inner_tangents, |engine| sweeps::tangents(engine, BOTH, false));
        self.adjoints(x, sigma, weights);
        self.clear(Quantity::AdjointTangent);
        let mut memory = Memory { point: x, weights, direction: v, arena: &mut self.engine.arena, out };
        run(&tangents, &mut memory, &mut self.scratch);
        run(&product, &mut memory, &mut self.scratch);
        self.hessian_product = Some(product);
        self.inner_tangents = Some(tangents);
    }

    /// Writes `∇c(x) v`.
    pub fn jacobian_product(&mut self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let actions = lazily!(self.row_tangents, |engine| sweeps::tangents(engine, FOR_CONSTRAINTS, true));
        self.move_to(x, FOR_CONSTRAINTS);
        let mut memory = Memory { point: x, direction: v, arena: &mut self.engine.arena, out, ..Memory::default() };
        run(&actions, &mut memory, &mut self.scratch);
        self.row_tangents = Some(actions);
    }

    /// Writes `∇c(x)' y`.
    pub fn jacobian_transposed_product(&mut self, x: &[f64], y: &[f64], out: &mut [f64]) {
        let actions = lazily!(self.transposed_product, sweeps::jacobian_transposed_product);
        self.move_to(x, FOR_CONSTRAINTS);
        self.seed(0.0, y, FOR_CONSTRAINTS);
        let mut memory = Memory { point: x, weights: y, arena: &mut self.engine.arena, out, ..Memory::default() };
        run(&actions, &mut memory, &mut self.scratch);
        self.transposed_product = Some(actions);
    }

    #[cfg(test)]
    pub(super) fn stages(&self) -> usize {
        self.engine.functions.rows.len()
    }

    #[cfg(test)]
    pub(super) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    #[cfg(test)]
    pub(super) fn limit_listed_positions(&mut self, most: usize) {
        self.most_listed = most;
    }

    fn prepared_jacobian(&mut self) -> &Jacobian {
        self.jacobian.get_or_insert_with(|| {
            self.jacobians_done = 0;
            Jacobian::new(&mut self.engine)
        })
    }

    fn prepared_hessian(&mut self) -> &Hessian {
        let jacobian = self.jacobian.get_or_insert_with(|| {
            self.jacobians_done = 0;
            Jacobian::new(&mut self.engine)
        });
        #[cfg(test)]
        HESSIANS.with(|count| count.set(count.get() + self.hessian.is_none() as usize));
        self.hessian.get_or_insert_with(|| Hessian::new(&mut self.engine, jacobian, self.most_listed))
    }

    fn refresh_data(&mut self) {
        if self.engine.stale == Stale::Nothing {
            return;
        }
        let stale = std::mem::take(&mut self.engine.stale);
        let affected = Affected::of(&self.engine, &stale);
        let data = std::mem::take(&mut self.engine.data);
        let mut memory = Memory { arena: &mut self.engine.arena, ..Memory::default() };
        for (action, _) in data.iter().zip(&affected.actions).filter(|(_, runs)| **runs) {
            action.run(&mut memory, &mut self.scratch);
        }
        self.engine.data = data;
        squares::forget(&mut self.engine, &affected, &stale);
        if let Some(hessian) = &self.hessian {
            hessian.forget(&mut self.engine, &affected);
        }
    }

    /// Makes the values of inner stages that `mask` needs those at `x`.
    fn move_to(&mut self, x: &[f64], mask: u8) {
        assert_eq!(x.len(), self.engine.variables, "a point has one number for each variable");
        self.refresh_data();
        if !self.keeps_stages {
            return;
        }
        if !self.point_valid || self.point != x {
            self.point.clear();
            self.point.extend_from_slice(x);
            self.point_valid = true;
            self.values_done = 0;
            self.jacobians_done = 0;
        }
        let mut memory = Memory { point: x, arena: &mut self.engine.arena, ..Memory::default() };
        run_missing(&self.values.inner, mask, &mut self.values_done, &mut memory, &mut self.scratch);
    }

    fn inner_jacobians(&mut self, x: &[f64], mask: u8) {
        if let Some(jacobian) = &self.jacobian {
            let mut memory = Memory { point: x, arena: &mut self.engine.arena, ..Memory::default() };
            run_missing(&jacobian.inner, mask, &mut self.jacobians_done, &mut memory, &mut self.scratch);
        }
    }

    /// Values, and adjoints of the Lagrangian for all stages.
    fn adjoints(&mut self, x: &[f64], sigma: f64, weights: &[f64]) {
        let actions = lazily!(self.inner_adjoints, sweeps::inner_adjoints);
        self.move_to(x, BOTH);
        self.seed(sigma, weights, BOTH);
        let mut memory = Memory { point: x, weights, arena: &mut self.engine.arena, ..Memory::default() };
        run(&actions, &mut memory, &mut self.scratch);
        self.inner_adjoints = Some(actions);
    }

    /// Sets adjoints of the objective's stage to `sigma`, those of constraints that others read too to `weights`, of all
    /// others to 0.
    fn seed(&mut self, sigma: f64, weights: &[f64], mask: u8) {
        self.clear(Quantity::Adjoint);
        if let (Some(stage), true) = (self.engine.functions.objective, mask & FOR_OBJECTIVE != 0) {
            let at = self.engine.place(Quantity::Adjoint, stage);
            self.engine.arena[at] = sigma;
        }
        if mask & FOR_CONSTRAINTS == 0 {
            return;
        }
        for k in 0..self.engine.functions.constraints.len() {
            let (stage, row) = self.engine.functions.constraints[k];
            let rows = self.engine.functions.rows[stage.0 as usize];
            match self.engine.functions.roles[stage.0 as usize] {
                Some(Role::Data | Role::Constraint) | None => {}
                Some(Role::Inner | Role::Objective) => {
                    let at = self.engine.place(Quantity::Adjoint, stage);
                    let to = &mut self.engine.arena[at..at + rows];
                    to.iter_mut().zip(&weights[row..row + rows]).for_each(|(to, weight)| *to += weight);
                }
            }
        }
    }

    /// Sets a quantity of all stages to 0, except of constraints, whose rows are written as a whole.
    fn clear(&mut self, quantity: Quantity) {
        for s in 0..self.engine.functions.rows.len() {
            match self.engine.functions.roles[s] {
                Some(Role::Inner | Role::Objective) => {
                    let at = self.engine.place(quantity, StageId(s as u32));
                    self.engine.arena[at..at + self.engine.functions.rows[s]].fill(0.0);
                }
                Some(Role::Data | Role::Constraint) | None => {}
            }
        }
    }
}

/// Runs what `mask` needs and `done` does not have yet.
fn run_missing(actions: &[(u8, Action)], mask: u8, done: &mut u8, memory: &mut Memory, scratch: &mut Scratch) {
    if mask & !*done == 0 {
        return;
    }
    for (of, action) in actions {
        if of & mask != 0 && of & *done == 0 {
            action.run(memory, scratch);
        }
    }
    *done |= mask;
}
