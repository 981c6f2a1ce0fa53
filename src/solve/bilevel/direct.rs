//! Newton's method for a follower that is convex and that nothing constrains, with factors that outlive a solve.
//!
//! `y ← y - F⁻¹ ∇f(y)` with `F` the second derivatives at an earlier point, for what the others had decided then. While a
//! step takes the slope to a fifth or less, `F` stays; else it is made anew where the point is, and the step is shortened
//! until the objective falls. A quadratic `f` has the same second derivatives everywhere but other ones for others'
//! decisions: then `F` is made first, and one step ends it. What cannot be done so (second derivatives that are not
//! definite, an objective that does not fall) is left to the planned method.

use crate::answer::{Outcome, Stop};
use crate::linalg::kkt::Kkt;
use crate::linalg::pattern::Pattern;
use crate::linalg::sparse::add_symmetric_product;
use crate::linalg::vector::{add_multiple, all_finite, dot, max_norm, two_norm};
use crate::problem::Problem;
use crate::problem::second::hessian_exceeds;
use crate::solve::monitor::Monitor;
use crate::solve::nlp::Nlp;
use crate::solve::parts::ending::{bound_multipliers, slope_scale};
use crate::solve::parts::random::Random;
use std::sync::Arc;

pub struct Direct {
    factors: Kkt,
    /// The Hessian that was factored last: where its entries are, and they themselves.
    pattern: Arc<Pattern>,
    hessian: Vec<f64>,
    /// What the functions are multiplied with beside those that were factored; 0: there are no factors.
    scale: f64,
    quadratic: bool,
    tolerance: f64,
    /// What the objective is multiplied with in the Hessian, if that is the one at the last answer.
    factored: Option<f64>,
}

/// Factors stay while a step takes the slope to this part.
const KEEP: f64 = 0.2;
const MOST_STEPS: usize = 100;
const MOST_HALVINGS: usize = 40;
/// Relative residuals of solves above this: the matrix is as good as singular.
const POOR: f64 = 1e-8;
/// What may be left of the right side of an adjoint, relative to it, after so many rounds.
const LEFT: f64 = 1e-12;
const ROUNDS: usize = 3;
/// Hessians of up to so many entries, or so many for each variable, are factored.
const FEW: usize = 100_000;
const EACH: usize = 200;

struct At {
    y: Vec<f64>,
    slopes: Vec<f64>,
}

impl At {
    fn of(nlp: &mut dyn Nlp, y: Vec<f64>) -> Option<At> {
        let mut slopes = vec![0.0; y.len()];
        nlp.gradient(&y, &mut slopes);
        (all_finite(&y) && all_finite(&slopes)).then_some(At { y, slopes })
    }

    /// `y - t step`
    fn after(&self, nlp: &mut dyn Nlp, t: f64, step: &[f64]) -> Option<At> {
        let mut y = self.y.clone();
        add_multiple(&mut y, -t, step);
        At::of(nlp, y)
    }

    fn slope(&self) -> f64 {
        max_norm(&self.slopes)
    }
}

impl Direct {
    /// The planned method that it spares.
    pub const INSTEAD_OF: &str = "trust_region_newton";

    /// Whether second derivatives are worth their factors.
    pub fn is_affordable(problem: &Problem) -> bool {
        let n = problem.dimension as usize;
        n * (n + 1) / 2 <= FEW || !hessian_exceeds(problem, FEW.max(EACH * n))
    }

    /// None if the follower is constrained, or its factors do not fit in memory.
    pub fn new(nlp: &dyn Nlp, quadratic: bool, tolerance: f64) -> Option<Direct> {
        let shape = nlp.shape();
        let bounded = shape.lower.iter().chain(&shape.upper).any(|bound| bound.is_finite());
        let n = shape.lower.len();
        if bounded || shape.rows() > 0 || n == 0 {
            return None;
        }
        let factors = Kkt::new(&shape.hessian, &Arc::new(Pattern::from_rows(n, &[]))).ok()?;
        let (pattern, hessian) = (shape.hessian.clone(), vec![0.0; shape.hessian.entries()]);
        Some(Direct { factors, pattern, hessian, scale: 0.0, quadratic, tolerance, factored: None })
    }

    /// Factors of the second derivatives of `±f` where the last answer is.
    pub fn take(&mut self, factors: Kkt) {
        self.factors = factors;
        (self.scale, self.factored) = (f64::NAN, None);
    }

    /// `H⁻¹ a` for `H` the second derivatives of the objective, minimised, at the last answer: where its factors are there and
    /// the solution is as good as rounding allows, for `a` and for a right side that no structure of the problem knows. A
    /// singular matrix is left to whoever can say so.
    pub fn adjoint(&mut self, a: &[f64]) -> Option<Vec<f64>> {
        let factor = self.factored?;
        let mut random = Random::new(0);
        let any = a.iter().map(|_| random.unit() - 0.5);
        self.solved(&any.collect::<Vec<f64>>())?;
        self.solved(&a.iter().map(|a| factor * a).collect::<Vec<f64>>())
    }

    /// The solution for the matrix that was factored last.
    fn solved(&mut self, b: &[f64]) -> Option<Vec<f64>> {
        let (mut u, mut left) = (vec![0.0; b.len()], b.to_vec());
        for _ in 0..ROUNDS {
            self.factors.solve(&mut left);
            add_multiple(&mut u, 1.0, &left);
            left.copy_from_slice(b);
            add_symmetric_product(&self.pattern, &self.hessian, -1.0, &u, &mut left);
            if two_norm(&left) <= LEFT * two_norm(b) {
                return Some(u);
            }
        }
        None
    }

    /// The answer, nearest to where it begins in what the factors know; none if the planned method must find it.
    pub fn minimise(&mut self, nlp: &mut dyn Nlp, start: &[f64], monitor: &Monitor) -> Option<Outcome> {
        if self.scale.is_nan() {
            self.scale = nlp.objective_factor();
        }
        self.factored = None;
        let mut here = At::of(nlp, start.to_vec())?;
        let mut own = false;
        for iterations in 0..MOST_STEPS {
            let factor = nlp.objective_factor();
            let enough = |times: f64, slope: f64, nlp: &mut dyn Nlp| {
                slope <= times * factor
                    || slope <= times * factor * slope_scale(nlp.objective(&here.y) / factor, &here.y)
            };
            if enough(self.tolerance, here.slope(), nlp) {
                return Some(outcome(nlp, here, iterations));
            }
            if monitor.over().is_some() {
                return None;
            }
            if self.scale != 0.0 && (own || !self.quadratic) {
                let next = self.step(&here.slopes).and_then(|step| here.after(nlp, 1.0, &step));
                if let Some(next) = next.filter(|next| next.slope() <= KEEP * here.slope()) {
                    here = next;
                    continue;
                }
            }
            self.factor(nlp, &here.y)?;
            own = true;
            let step = self.step(&here.slopes)?;
            match fallen(nlp, &here, &step) {
                Some(next) => here = next,
                // Rounding hides any further descent.
                None => return enough(1e-6, here.slope(), nlp).then(|| outcome(nlp, here, iterations)),
            }
        }
        None
    }

    fn factor(&mut self, nlp: &mut dyn Nlp, y: &[f64]) -> Option<()> {
        (self.scale, self.factored) = (0.0, None);
        nlp.hessian(y, 1.0, &[], &mut self.hessian);
        let inertia = self.factors.factor(&self.hessian, &[], &vec![0.0; y.len()], &[]).ok()?;
        if inertia.positive < y.len() {
            return None;
        }
        self.scale = 1.0;
        self.factored = self.quadratic.then(|| nlp.objective_factor());
        Some(())
    }

    /// `F⁻¹ g`
    fn step(&mut self, slopes: &[f64]) -> Option<Vec<f64>> {
        let mut step: Vec<f64> = slopes.iter().map(|g| g / self.scale).collect();
        let quality = self.factors.solve(&mut step);
        (quality <= POOR && all_finite(&step)).then_some(step)
    }
}

/// The point after the whole step if that halves the slope, else after the longest half, quarter, ... of it that lowers the
/// objective by a part of what the slope promises.
fn fallen(nlp: &mut dyn Nlp, here: &At, step: &[f64]) -> Option<At> {
    let whole = here.after(nlp, 1.0, step);
    if let Some(next) = whole.filter(|next| next.slope() <= 0.5 * here.slope()) {
        return Some(next);
    }
    let (value, promise) = (nlp.objective(&here.y), dot(&here.slopes, step));
    let mut t = 1.0;
    for _ in 0..MOST_HALVINGS {
        if let Some(next) = here.after(nlp, t, step) {
            let fall = value - nlp.objective(&next.y);
            if fall > 0.0 && fall >= 1e-4 * t * promise {
                return Some(next);
            }
        }
        t *= 0.5;
    }
    None
}

fn outcome(nlp: &mut dyn Nlp, at: At, iterations: usize) -> Outcome {
    let multipliers = Some(bound_multipliers(nlp.shape(), &at.y, &at.slopes));
    let evaluations = nlp.evaluations();
    Outcome { x: at.y, multipliers, stop: Stop::Converged, iterations, evaluations, log: vec![] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::problem::level::tests::whole;
    use crate::solve::method::Sees;
    use crate::solve::view::EngineView;
    use std::ops::ControlFlow;

    fn view(model: &str) -> EngineView {
        let problem = whole(model);
        let start = vec![0.0; problem.dimension as usize];
        EngineView::seen(&problem, Sees::Scaled, true, &start, &Sources::default())
    }

    fn minimised(direct: &mut Direct, nlp: &mut EngineView, start: &[f64]) -> Option<Outcome> {
        let mut progress = |_: &crate::answer::LogLine| ControlFlow::Continue(());
        direct.minimise(nlp, start, &Monitor::new(&|| 0.0, &|| false, &mut progress))
    }

    #[test]
    fn a_quadratic_function_takes_one_step() {
        let mut nlp = view("var y[1..3]; maximize 4 * y[1] - 1000 * y[1]^2 - (y[2] - y[1])^2 - exp(1) * (y[3] - 2)^2");
        let mut direct = Direct::new(&nlp, true, 1e-10).expect("nothing constrains it");
        let found = minimised(&mut direct, &mut nlp, &[5.0, -3.0, 40.0]).expect("it is strongly concave");
        for (y, expected) in found.x.iter().zip([0.002, 0.002, 2.0]) {
            assert!((y - expected).abs() <= 1e-12, "{:?}", found.x);
        }
        assert_eq!((found.iterations, found.evaluations.hessian, found.evaluations.gradient), (1, 1, 2));
        // H = [[2002, -2, 0], [-2, 2, 0], [0, 0, 2e]] of what is minimised.
        let u = direct.adjoint(&[2000.0, 0.0, 1.0]).expect("its factors are there");
        for (u, expected) in u.iter().zip([1.0, 1.0, 0.5 / 1f64.exp()]) {
            assert!((u - expected).abs() <= 1e-12, "{u} {expected}");
        }
        // Begun at its answer, nothing is factored; what is not quadratic has other second derivatives there.
        minimised(&mut direct, &mut nlp, &found.x).expect("it is there");
        assert!(direct.adjoint(&[1.0, 0.0, 0.0]).is_none());
    }

    #[test]
    fn a_singular_matrix_has_no_adjoint() {
        let mut nlp = view("var y[1..2]; minimize (y[1] + y[2] - 1)^2");
        let mut direct = Direct::new(&nlp, true, 1e-10).expect("nothing constrains it");
        minimised(&mut direct, &mut nlp, &[2.0, 2.0]);
        // Also where the right side is one that it could have.
        assert!(direct.adjoint(&[1.0, 1.0]).is_none() && direct.adjoint(&[1.0, 0.0]).is_none());
    }

    /// `cosh(y1) + log(1 + exp(y2)) - y2 / 4`: at 0 and at `-log 3`.
    #[test]
    fn factors_are_kept_from_solve_to_solve() {
        let mut nlp = view("var y[1..2]; minimize cosh(y[1]) + log(1 + exp(y[2])) - 0.25 * y[2]");
        let mut direct = Direct::new(&nlp, false, 1e-10).expect("nothing constrains it");
        let answer = [0.0, -(3.0f64.ln())];
        let from_afar = minimised(&mut direct, &mut nlp, &[2.0, 2.0]).expect("it is strictly convex");
        let made = from_afar.evaluations.hessian;
        let nearby = minimised(&mut direct, &mut nlp, &[0.01, -1.0]).expect("it is strictly convex");
        for found in [&from_afar, &nearby] {
            assert!(found.x.iter().zip(answer).all(|(y, a)| (y - a).abs() <= 1e-9), "{:?}", found.x);
        }
        assert!(made > 1);
        assert_eq!(nearby.evaluations.hessian, made, "the factors at the answer serve for what is near");
    }

    #[test]
    fn what_is_not_for_it_is_left() {
        assert!(Direct::new(&view("var y >= 0; minimize (y - 1)^2"), true, 1e-10).is_none());
        assert!(Direct::new(&view("var y; minimize (y - 1)^2; subject to y <= 3"), true, 1e-10).is_none());
        // A valley, and one that falls for ever.
        for model in ["var y[1..2]; minimize (y[1] + y[2] - 1)^2", "var y[1..2]; minimize exp(y[1]) + y[2]^2"] {
            let mut nlp = view(model);
            let mut direct = Direct::new(&nlp, false, 1e-10).expect("nothing constrains it");
            let found = minimised(&mut direct, &mut nlp, &[2.0, 2.0]);
            assert!(found.is_none_or(|found| found.x[0] < -20.0), "{model}");
        }
    }
}
