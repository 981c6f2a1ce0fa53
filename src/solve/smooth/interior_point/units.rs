//! A problem in other units: `x = S u` with the stated sizes `S` of the variables on the diagonal.
//!
//! Gradients are `S ∇f`, Jacobians `J S`, Hessians `S H S`; multipliers of rows stay, those of bounds are `S z`.

use crate::answer::{Evaluations, Multipliers, Outcome, Stop};
use crate::solve::method::Context;
use crate::solve::nlp::{Nlp, Scales, Shape};

/// Runs `solve` on the problem in units of `scales`, and turns its outcome back.
pub fn in_units(context: &mut Context, scales: &Scales, solve: fn(&mut Context) -> Outcome) -> Outcome {
    let sizes: Vec<f64> = scales.variables.iter().map(|size| size.unwrap_or(1.0)).collect();
    let divided = |v: &[f64]| v.iter().zip(&sizes).map(|(v, s)| v / s).collect::<Vec<f64>>();
    let times = |v: &[f64]| v.iter().zip(&sizes).map(|(v, s)| v * s).collect::<Vec<f64>>();
    let start = divided(&context.start);
    let warm = context.warm.as_ref().map(|warm| Multipliers {
        rows: warm.rows.clone(),
        lower: times(&warm.lower),
        upper: times(&warm.upper),
    });
    let mut outer = context.nlp.shape().clone();
    outer.lower = divided(&outer.lower);
    outer.upper = divided(&outer.upper);
    let n = sizes.len();
    let mut nlp =
        InUnits { nlp: &mut *context.nlp, shape: outer, sizes: &sizes, point: vec![0.0; n], direction: vec![0.0; n] };
    let mut inner = Context { nlp: &mut nlp, start, warm, options: context.options, monitor: &mut *context.monitor };
    let outcome = solve(&mut inner);
    let shape = context.nlp.shape();
    let bounds = shape.lower.iter().zip(&shape.upper);
    let x = times(&outcome.x).iter().zip(bounds).map(|(x, (l, u))| x.max(*l).min(*u)).collect();
    let multipliers =
        outcome.multipliers.map(|m| Multipliers { rows: m.rows, lower: divided(&m.lower), upper: divided(&m.upper) });
    let stop = match outcome.stop {
        Stop::Unbounded { ray: Some(ray) } => Stop::Unbounded { ray: Some(times(&ray)) },
        other => other,
    };
    Outcome { x, multipliers, stop, ..outcome }
}

struct InUnits<'a> {
    nlp: &'a mut dyn Nlp,
    shape: Shape,
    sizes: &'a [f64],
    point: Vec<f64>,
    direction: Vec<f64>,
}

impl InUnits<'_> {
    fn place(&mut self, u: &[f64]) {
        self.point.iter_mut().zip(u.iter().zip(self.sizes)).for_each(|(x, (u, s))| *x = u * s);
    }

    fn scale(&self, gradient: &mut [f64]) {
        gradient.iter_mut().zip(self.sizes).for_each(|(g, s)| *g *= s);
    }
}

impl Nlp for InUnits<'_> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn objective(&mut self, u: &[f64]) -> f64 {
        self.place(u);
        self.nlp.objective(&self.point)
    }

    fn gradient(&mut self, u: &[f64], out: &mut [f64]) {
        self.place(u);
        self.nlp.gradient(&self.point, out);
        self.scale(out);
    }

    fn constraints(&mut self, u: &[f64], out: &mut [f64]) {
        self.place(u);
        self.nlp.constraints(&self.point, out);
    }

    fn jacobian(&mut self, u: &[f64], out: &mut [f64]) {
        self.place(u);
        self.nlp.jacobian(&self.point, out);
        out.iter_mut().zip(&self.shape.jacobian.columns).for_each(|(slot, c)| *slot *= self.sizes[*c as usize]);
    }

    fn hessian(&mut self, u: &[f64], sigma: f64, weights: &[f64], out: &mut [f64]) {
        self.place(u);
        self.nlp.hessian(&self.point, sigma, weights, out);
        let pattern = &self.shape.hessian;
        for r in 0..pattern.rows {
            for k in pattern.row(r) {
                out[k] *= self.sizes[r] * self.sizes[pattern.columns[k] as usize];
            }
        }
    }

    fn hessian_product(&mut self, u: &[f64], sigma: f64, weights: &[f64], v: &[f64], out: &mut [f64]) {
        self.place(u);
        self.direction.iter_mut().zip(v.iter().zip(self.sizes)).for_each(|(d, (v, s))| *d = v * s);
        self.nlp.hessian_product(&self.point, sigma, weights, &self.direction, out);
        self.scale(out);
    }

    fn objective_factor(&self) -> f64 {
        self.nlp.objective_factor()
    }

    fn evaluations(&self) -> Evaluations {
        self.nlp.evaluations()
    }

    fn explain_not_finite(&mut self, u: &[f64]) -> Option<String> {
        self.place(u);
        self.nlp.explain_not_finite(&self.point)
    }
}
