//! The only file that knows argmin.
//!
//! Its solvers are stepped one iteration at a time: the loop, the limits, the log and the test for a solution are ours.
//! Things to know about argmin 0.11: an error inside a line search ends a run with `Ok` and takes point and problem
//! out of the state, so the last good point is kept here; values that are not finite derail line searches, so they are
//! replaced by a finite value above the current one; some solvers have no test for a solution at all.

use super::black_box::search::Values as AskedValues;
use super::monitor::Monitor;
use super::nlp::{Nlp, Shape};
use super::parts::ending::{BOTTOM, line, not_finite, project, slope_scale, unbounded};
use crate::answer::Stop;
use crate::linalg::vector::{all_finite, max_norm, two_norm};
use argmin::core::{CostFunction, Gradient, IterState, Problem, Solver, State, TerminationStatus};
use argmin::solver::linesearch::{HagerZhangLineSearch, MoreThuenteLineSearch};
use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;

pub use argmin::core::Error;
pub use argmin::solver::brent::BrentOpt;
pub use argmin::solver::conjugategradient::NonlinearConjugateGradient;
pub use argmin::solver::conjugategradient::beta::{FletcherReeves, HestenesStiefel, PolakRibiere, PolakRibierePlus};
pub use argmin::solver::neldermead::NelderMead;
pub use argmin::solver::quasinewton::{BFGS, LBFGS};

pub type MoreThuente = MoreThuenteLineSearch<Vec<f64>, Vec<f64>, f64>;
pub type HagerZhang = HagerZhangLineSearch<Vec<f64>, Vec<f64>, f64>;
/// The state of solvers that use gradients; `H` is their inverse Hessian.
pub type Slopes<H> = IterState<Vec<f64>, Vec<f64>, (), H, (), f64>;
/// The state of solvers that use values only.
pub type Values<P> = IterState<P, (), (), (), (), f64>;

/// No line search needs more; one that does is lost (an objective that falls for ever, or one that is noise).
const TRIALS: usize = 100;

/// Iterations in a row that may leave the objective as it is.
const MOST_STALLED: usize = 20;

/// What argmin evaluates.
pub struct Functions<'c> {
    nlp: RefCell<&'c mut (dyn Nlp + 'c)>,
    shape: Shape,
    /// Stands for a value that is not finite.
    ceiling: Cell<f64>,
    /// Points asked about since the last iteration.
    trials: Cell<usize>,
    /// A point at which the objective was below [`BOTTOM`].
    bottom: RefCell<Option<Vec<f64>>>,
}

/// Functions shared, since argmin moves its problem about and loses it when a line search fails.
#[derive(Clone)]
pub struct Shared<'c>(Rc<Functions<'c>>);

impl<'c> Shared<'c> {
    pub fn new(nlp: &'c mut (dyn Nlp + 'c)) -> Shared<'c> {
        let shape = nlp.shape().clone();
        let (ceiling, trials, bottom) = (Cell::new(f64::INFINITY), Cell::new(0), RefCell::new(None));
        Shared(Rc::new(Functions { nlp: RefCell::new(nlp), shape, ceiling, trials, bottom }))
    }

    fn objective(&self, x: &[f64]) -> f64 {
        let value = self.0.nlp.borrow_mut().objective(x);
        if value < BOTTOM {
            *self.0.bottom.borrow_mut() = Some(x.to_vec());
        }
        value
    }

    fn slopes(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        self.0.nlp.borrow_mut().gradient(x, &mut out);
        out
    }
}

impl CostFunction for Shared<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    /// Outside of bounds the value is that of the nearest point inside.
    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        self.0.trials.set(self.0.trials.get() + 1);
        let value = match all_finite(x) {
            true => self.objective(&project(&self.0.shape, x)),
            false => f64::NAN,
        };
        Ok(if value.is_finite() { value } else { self.0.ceiling.get() })
    }
}

impl Gradient for Shared<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        // An error ends the line search; an error in `cost` would be a panic in some solvers.
        if self.0.trials.get() >= TRIALS || !all_finite(x) || self.0.bottom.borrow().is_some() {
            return Err(Error::msg("the line search is lost"));
        }
        let slopes = self.slopes(x);
        Ok(if all_finite(&slopes) { slopes } else { vec![0.0; x.len()] })
    }
}

/// Values of candidates, one at a time, for solvers that compare them. Shared as [`Shared`] is.
#[derive(Clone)]
pub struct Candidates<'c>(Rc<Asked<'c>>);

struct Asked<'c> {
    values: RefCell<&'c mut (dyn AskedValues + 'c)>,
    /// Why nothing may be asked any more.
    stop: RefCell<Option<Stop>>,
}

impl<'c> Candidates<'c> {
    pub fn new(values: &'c mut (dyn AskedValues + 'c)) -> Candidates<'c> {
        Candidates(Rc::new(Asked { values: RefCell::new(values), stop: RefCell::new(None) }))
    }

    /// What ended the asking, if anything did.
    pub fn stop(&self) -> Option<Stop> {
        self.0.stop.borrow().clone()
    }

    /// Nothing is asked after an end; an error here would be a panic in some solvers.
    fn value(&self, x: &[f64]) -> f64 {
        if self.0.stop.borrow().is_some() {
            return f64::INFINITY;
        }
        match self.0.values.borrow_mut().values(&[x.to_vec()]) {
            Ok(values) => values[0],
            Err(stop) => {
                *self.0.stop.borrow_mut() = Some(stop);
                f64::INFINITY
            }
        }
    }
}

impl CostFunction for Candidates<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        let value = self.value(x);
        Ok(if value.is_nan() { f64::INFINITY } else { value })
    }
}

/// The same for a function of one variable.
pub struct Line<'c>(pub Candidates<'c>);

impl CostFunction for Line<'_> {
    type Param = f64;
    type Output = f64;

    fn cost(&self, x: &f64) -> Result<f64, Error> {
        let value = self.0.value(&[*x]);
        Ok(if value.is_finite() { value } else { f64::MAX })
    }
}

/// Where a run ended.
pub struct End {
    pub x: Vec<f64>,
    pub gradient: Vec<f64>,
    pub stop: Stop,
    pub iterations: usize,
}

/// The point a descent has reached.
struct Here {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

impl Here {
    fn at(functions: &Shared, x: Vec<f64>) -> Here {
        let (value, gradient) = (functions.objective(&x), functions.slopes(&x));
        Here { x, value, gradient }
    }

    fn is_finite(&self) -> bool {
        self.value.is_finite() && all_finite(&self.gradient)
    }

    fn slope(&self) -> f64 {
        max_norm(&self.gradient)
    }

    fn ends(self, stop: Stop, iterations: usize) -> End {
        End { x: self.x, gradient: self.gradient, stop, iterations }
    }
}

/// Runs a solver that descends along gradients until `‖∇f‖ <= tol max(1, |f| / max(1, ‖x‖))`, in the maximum norm.
///
/// `prepare` makes a fresh solver and adds to its state what it needs, given the gradient: at the start, and again
/// after a step that led nowhere, so that what was learnt is forgotten once. If the next step leads nowhere either,
/// the run ends; it counts as converged where the gradient is below `1e-6 max(1, |f| / max(1, ‖x‖))`, since rounding then hides any
/// further descent.
pub fn descend<'c, S, H>(
    nlp: &'c mut (dyn Nlp + 'c),
    start: Vec<f64>,
    monitor: &mut Monitor,
    tol: f64,
    mut prepare: impl FnMut(Slopes<H>, &[f64]) -> Result<(S, Slopes<H>), Error>,
) -> End
where
    S: Solver<Shared<'c>, Slopes<H>>,
    Slopes<H>: State<Param = Vec<f64>, Float = f64>,
{
    let functions = Shared::new(nlp);
    let mut here = Here::at(&functions, start.clone());
    let (mut iteration, mut stalled, mut step) = (0, 0, 0.0);
    if !here.is_finite() {
        let stop = not_finite(&mut **functions.0.nlp.borrow_mut(), &here.x);
        return here.ends(stop, 0);
    }
    let mut running = Running::begin(&functions, &here, &mut prepare);
    let mut fresh = true;
    loop {
        let scale = slope_scale(here.value, &here.x);
        if here.slope() <= tol * scale {
            return here.ends(Stop::Converged, iteration);
        }
        let trials = functions.0.trials.get();
        let log = line(iteration, here.value, here.slope(), step, trials);
        if let ControlFlow::Break(stop) = monitor.observe(log) {
            return here.ends(stop, iteration);
        }
        let mut next = running.as_mut().and_then(|running| running.better(&functions, &here));
        if next.is_none() && !fresh {
            running = Running::begin(&functions, &here, &mut prepare);
            next = running.as_mut().and_then(|running| running.better(&functions, &here));
            fresh = true;
        } else {
            fresh = false;
        }
        if let Some(x) = functions.0.bottom.take() {
            let stop = unbounded(&start, &x);
            return here.ends(stop, iteration);
        }
        stalled = if next.as_ref().is_some_and(|next| next.value == here.value) { stalled + 1 } else { 0 };
        let Some(next) = next.filter(|_| stalled <= MOST_STALLED) else {
            let why = "the line search found no point that lowers the objective";
            let blind = here.slope() <= 1e-6 * scale;
            let stop = if blind { Stop::Converged } else { Stop::NoProgress(why.to_string()) };
            return here.ends(stop, iteration);
        };
        step = two_norm(&here.x.iter().zip(&next.x).map(|(a, b)| a - b).collect::<Vec<f64>>());
        here = next;
        iteration += 1;
    }
}

/// A solver between two of its iterations.
struct Running<'c, S, H> {
    solver: S,
    problem: Problem<Shared<'c>>,
    state: Option<Slopes<H>>,
}

impl<'c, S, H> Running<'c, S, H>
where
    S: Solver<Shared<'c>, Slopes<H>>,
    Slopes<H>: State<Param = Vec<f64>, Float = f64>,
{
    fn begin(
        functions: &Shared<'c>,
        here: &Here,
        prepare: &mut impl FnMut(Slopes<H>, &[f64]) -> Result<(S, Slopes<H>), Error>,
    ) -> Option<Running<'c, S, H>> {
        let state = Slopes::<H>::new().param(here.x.clone()).cost(here.value).gradient(here.gradient.clone());
        let (mut solver, state) = prepare(state, &here.gradient).ok()?;
        let mut problem = Problem::new(functions.clone());
        let (mut state, _) = solver.init(&mut problem, state).ok()?;
        state.update();
        Some(Running { solver, problem, state: Some(state) })
    }

    /// The point after one more iteration, if it is no worse than `here` and another one.
    fn better(&mut self, functions: &Shared<'c>, here: &Here) -> Option<Here> {
        functions.0.trials.set(0);
        functions.0.ceiling.set(here.value + 10.0 * here.value.abs().max(1.0));
        let next = Here::at(functions, self.next()?);
        (next.is_finite() && next.value <= here.value && next.x != here.x).then_some(next)
    }

    /// The point after one more iteration; `None` if the solver lost its way, and for ever after.
    fn next(&mut self) -> Option<Vec<f64>> {
        let (mut state, _) = self.solver.next_iter(&mut self.problem, self.state.take()?).ok()?;
        if state.terminated() {
            return None;
        }
        let x = state.get_param()?.clone();
        state.update();
        state.increment_iter();
        self.state = Some(state);
        all_finite(&x).then_some(x)
    }
}

/// Steps a solver that compares values until its own test ends it (`None`) or the monitor does.
///
/// Returns the best point seen with its value. Iterations are counted on from `iteration`.
pub fn compare<O, P, S>(
    candidates: &Candidates,
    functions: O,
    mut solver: S,
    start: P,
    iteration: &mut usize,
    monitor: &mut Monitor,
) -> Result<(P, f64, Option<Stop>), Error>
where
    O: CostFunction<Param = P, Output = f64>,
    P: Clone,
    S: Solver<O, Values<P>>,
{
    let mut problem = Problem::new(functions);
    let (mut state, _) = solver.init(&mut problem, Values::<P>::new().param(start.clone()))?;
    let mut best = (start, f64::INFINITY);
    loop {
        state.update();
        if let (Some(x), true) = (state.get_param(), state.get_cost() < best.1) {
            best = (x.clone(), state.get_cost());
        }
        if let Some(stop) = candidates.stop() {
            return Ok((best.0, best.1, Some(stop)));
        }
        if best.1 < BOTTOM {
            return Ok((best.0, best.1, Some(Stop::Unbounded { ray: None })));
        }
        if state.terminated() || matches!(solver.terminate_internal(&state), TerminationStatus::Terminated(_)) {
            return Ok((best.0, best.1, None));
        }
        if let ControlFlow::Break(stop) = monitor.observe(line(*iteration, best.1, f64::NAN, f64::NAN, 0)) {
            return Ok((best.0, best.1, Some(stop)));
        }
        (state, _) = solver.next_iter(&mut problem, state)?;
        state.increment_iter();
        *iteration += 1;
    }
}
