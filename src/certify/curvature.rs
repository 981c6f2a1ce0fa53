//! Second-order conditions: is the Hessian of the Lagrangian definite where first order leaves the objective flat?
//!
//! With `H = ∇²L` (for a minimisation), the point is shown to be a strict local minimum if `d'Hd > 0` for all `d`
//! that keep the rows and bounds with a nonzero multiplier (a space that holds the critical cone). It is refuted if
//! `d'Hd < 0` for a `d` that keeps all active rows and bounds (a space within the critical cone) and their gradients
//! are independent. `H` comes from central differences of the judge's own gradient of the Lagrangian.

use super::linearise::Linearised;
use super::program::Program;
use super::residuals::{Duals, slope_scale};
use crate::answer::certificate::SecondOrder;
use crate::linalg::dense::symmetric_eigen;

/// Beyond this many variables a dense Hessian is too much.
const VARIABLES: usize = 300;
/// Nodes times instances times variables that the differences may take.
const WORK: usize = 60_000_000;
/// Eigenvalues within this of zero, relative to the largest entry of the Hessian, are of unknown sign: differences
/// of gradients are good to about 1e-9 of it, and a point within the tolerance moves it by about 1e-6. Small curvature
/// must also last as far as the stationary point may be away: see [`lasts`].
const UNCERTAIN: f64 = 1e-5;
/// Relative step of the differences: near the cube root of the precision of gradients.
const STEP: f64 = 6e-6;

/// What holds of the Hessian, and where it refutes the point: a direction along which the objective improves.
pub fn second_order(program: &Program, duals: &Duals, tolerance: f64) -> (SecondOrder, Option<Vec<f64>>) {
    let not_shown = |why: &str| (SecondOrder::NotShown(why.to_string()), None);
    let n = program.x.len();
    if n > VARIABLES {
        return not_shown(&format!("{n} variables are too many for a dense Hessian"));
    }
    if n.saturating_mul(program.here.work()) > WORK {
        return not_shown("the differences would take too long");
    }
    let Some(active) = Active::of(program, duals, tolerance) else {
        return not_shown("the gradients of the rows have too many entries");
    };
    let hessian = lagrangian_hessian(program, duals);
    let size = hessian.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    if !size.is_finite() {
        return not_shown("second derivatives are not finite");
    }
    let zero = UNCERTAIN * size.max(1e-8);
    let (lowest, direction) = lowest_curvature(n, &hessian, &tangent_space(n, &active.strong));
    if lowest > zero {
        return match direction.is_empty() || lasts(program, duals, &direction, lowest, tolerance) {
            true => (SecondOrder::Shown, None),
            false => not_shown("the curvature is so small that it may vanish at the exact stationary point"),
        };
    }
    let space = tangent_space(n, &active.all);
    let (lowest, direction) = lowest_curvature(n, &hessian, &space);
    if lowest < -zero && active.independent(n, space.len()) && confirmed(program, duals, &direction, zero) {
        let sign = program.objective.map_or(1.0, |(_, sign)| sign);
        return (SecondOrder::Refuted { curvature: sign * lowest }, Some(direction));
    }
    let why = match lowest {
        l if l < -zero => "curvature is negative where gradients of active rows depend on each other",
        l if l <= zero => "there is a direction without curvature",
        _ => "rows or bounds are active without a multiplier",
    };
    not_shown(why)
}

/// Whether the curvature along a unit direction stays at least half of what it is as far as a stationary point may be
/// away: a slope within the tolerance moves it by `tolerance max(1, ‖∇f‖) / curvature`.
fn lasts(program: &Program, duals: &Duals, direction: &[f64], curvature: f64, tolerance: f64) -> bool {
    let functions = program.functions();
    let reach = tolerance * slope_scale(program) / curvature;
    let size = program.x.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
    [reach, -reach].iter().all(|t| {
        let x = moved(&program.x, direction, *t);
        let change = gradient_change(program, duals, &functions, &x, direction, STEP * size);
        change.iter().zip(direction).map(|(c, d)| c * d).sum::<f64>() >= 0.5 * curvature
    })
}

/// Gradients of rows and bounds that are active: those with a clear multiplier, and all.
struct Active {
    strong: Vec<Vec<f64>>,
    all: Vec<Vec<f64>>,
}

impl Active {
    fn of(program: &Program, duals: &Duals, tolerance: f64) -> Option<Active> {
        let n = program.x.len();
        let clear = tolerance.sqrt() * 1e-2 * slope_scale(program);
        let near = tolerance.sqrt() * 1e-1;
        let stages: Vec<_> = program.blocks.iter().map(|b| b.stage).collect();
        let rows = program.here.rows(&stages, n * 10_000)?;
        let mut active = Active { strong: vec![], all: vec![] };
        let mut add = |gradient: &[(u32, f64)], strong: bool, at: bool| {
            if !strong && !at {
                return;
            }
            let mut dense = vec![0.0; n];
            gradient.iter().for_each(|(j, v)| dense[*j as usize] = *v);
            if strong {
                active.strong.push(dense.clone());
            }
            active.all.push(dense);
        };
        for block in &program.blocks {
            for (r, &c) in program.row_values(block).iter().enumerate() {
                let at = |bound: f64| bound.is_finite() && (c - bound).abs() <= near * block.scale[r].max(bound.abs());
                let equality = block.lower[r] == block.upper[r];
                let strong = equality || (duals.rows[block.rows.start + r] * block.size[r]).abs() > clear;
                add(&rows[&block.stage][r], strong, at(block.lower[r]) || at(block.upper[r]));
            }
        }
        for (j, &x) in program.x.iter().enumerate() {
            let at = |bound: f64| bound.is_finite() && (x - bound).abs() <= near * bound.abs().max(1.0);
            let fixed = program.lower[j] == program.upper[j];
            let strong = fixed || duals.lower[j].abs() > clear || duals.upper[j].abs() > clear;
            add(&[(j as u32, 1.0)], strong, at(program.lower[j]) || at(program.upper[j]));
        }
        Some(active)
    }

    /// Whether the gradients of all active rows and bounds are independent, the tangent space being `dimension` wide.
    fn independent(&self, n: usize, dimension: usize) -> bool {
        n - dimension == self.all.len()
    }
}

/// `∇²L` by central differences along each axis, symmetrised; row by row.
pub fn lagrangian_hessian(program: &Program, duals: &Duals) -> Vec<f64> {
    let n = program.x.len();
    let functions = program.functions();
    let mut raw = vec![0.0; n * n];
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        let step = STEP * program.x[j].abs().max(1.0);
        let column = gradient_change(program, duals, &functions, &program.x, &unit, step);
        column.into_iter().enumerate().for_each(|(i, v)| raw[i * n + j] = v);
    }
    (0..n * n).map(|k| 0.5 * (raw[k] + raw[(k % n) * n + k / n])).collect()
}

fn moved(x: &[f64], direction: &[f64], t: f64) -> Vec<f64> {
    x.iter().zip(direction).map(|(x, d)| x + t * d).collect()
}

/// `(∇L(x + t d) - ∇L(x - t d)) / 2t`
fn gradient_change(
    program: &Program,
    duals: &Duals,
    functions: &[crate::expr::family::StageId],
    x: &[f64],
    direction: &[f64],
    step: f64,
) -> Vec<f64> {
    let at = |t: f64| {
        let there = Linearised::at(program.problem, functions, &moved(x, direction, t));
        program.lagrangian_gradient(&there, 1.0, &duals.rows)
    };
    at(step).iter().zip(&at(-step)).map(|(up, down)| (up - down) / (2.0 * step)).collect()
}

/// Whether the curvature along a unit direction is below `-zero` by differences over two other steps too.
fn confirmed(program: &Program, duals: &Duals, direction: &[f64], zero: f64) -> bool {
    let functions = program.functions();
    let size = program.x.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
    [1e-4, 1e-5].iter().all(|step| {
        let change = gradient_change(program, duals, &functions, &program.x, direction, step * size);
        change.iter().zip(direction).map(|(c, d)| c * d).sum::<f64>() < -0.5 * zero
    })
}

/// An orthonormal basis of the vectors that are orthogonal to all given ones, which may depend on each other.
fn tangent_space(n: usize, gradients: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut normal: Vec<Vec<f64>> = vec![];
    let mut tangent: Vec<Vec<f64>> = vec![];
    for gradient in gradients {
        let length = norm(gradient);
        if length == 0.0 || !length.is_finite() || normal.len() == n {
            continue;
        }
        let unit: Vec<f64> = gradient.iter().map(|v| v / length).collect();
        // A gradient within 1e-8 of the span of the others adds nothing.
        if let Some(rest) = orthogonal_rest(&unit, &[&normal], 1e-8) {
            normal.push(rest);
        }
    }
    // The axes with the largest rests first would be best; in any order enough of them are left.
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        if normal.len() + tangent.len() == n {
            break;
        }
        if let Some(rest) = orthogonal_rest(&unit, &[&normal, &tangent], 1e-6) {
            tangent.push(rest);
        }
    }
    tangent
}

/// What is left of a unit vector after its parts along orthonormal vectors are taken away, scaled to unit length;
/// nothing if less than `least` is left. Twice, for orthogonality to the last digits.
fn orthogonal_rest(unit: &[f64], bases: &[&[Vec<f64>]], least: f64) -> Option<Vec<f64>> {
    let mut rest = unit.to_vec();
    for round in 0..2 {
        for basis in bases.iter().copied().flatten() {
            let part: f64 = basis.iter().zip(&rest).map(|(a, b)| a * b).sum();
            rest.iter_mut().zip(basis).for_each(|(r, b)| *r -= part * b);
        }
        let length = norm(&rest);
        if round == 0 && length < least {
            return None;
        }
        rest.iter_mut().for_each(|r| *r /= length);
    }
    Some(rest)
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// The smallest `d'Hd` over unit vectors of a space, and the vector; infinite over the space of the zero vector.
fn lowest_curvature(n: usize, hessian: &[f64], space: &[Vec<f64>]) -> (f64, Vec<f64>) {
    let k = space.len();
    if k == 0 {
        return (f64::INFINITY, vec![]);
    }
    let image = |v: &[f64]| -> Vec<f64> {
        (0..n).map(|i| hessian[i * n..(i + 1) * n].iter().zip(v).map(|(h, v)| h * v).sum()).collect()
    };
    let images: Vec<Vec<f64>> = space.iter().map(|v| image(v)).collect();
    let mut reduced = vec![0.0; k * k];
    for (a, v) in space.iter().enumerate() {
        for (b, hv) in images.iter().enumerate() {
            reduced[a * k + b] = v.iter().zip(hv).map(|(v, h)| v * h).sum();
        }
    }
    let (values, vectors) = symmetric_eigen(k, &reduced);
    let Some((&lowest, weights)) = values.first().zip(vectors.first()) else { return (f64::INFINITY, vec![]) };
    let mut direction = vec![0.0; n];
    for (v, weight) in space.iter().zip(weights) {
        direction.iter_mut().zip(v).for_each(|(d, v)| *d += weight * v);
    }
    (lowest, direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tangent_spaces_ignore_dependent_gradients() {
        let gradients = [vec![1.0, 1.0, 0.0], vec![2.0, 2.0, 0.0], vec![0.0, 0.0, 0.0]];
        let space = tangent_space(3, &gradients);
        assert_eq!(space.len(), 2);
        for v in &space {
            assert!((norm(v) - 1.0).abs() < 1e-15 && (v[0] + v[1]).abs() < 1e-15);
        }
        assert!(tangent_space(1, &[vec![3.0]]).is_empty());
    }

    #[test]
    fn lowest_curvature_is_the_smallest_eigenvalue_on_the_space() {
        let hessian = [1.0, 0.0, 0.0, -2.0];
        let whole = tangent_space(2, &[]);
        let (lowest, direction) = lowest_curvature(2, &hessian, &whole);
        assert!((lowest + 2.0).abs() < 1e-15 && direction[1].abs() > 0.999);
        let axis = tangent_space(2, &[vec![0.0, 1.0]]);
        assert!((lowest_curvature(2, &hessian, &axis).0 - 1.0).abs() < 1e-15);
        assert_eq!(lowest_curvature(2, &hessian, &[]).0, f64::INFINITY);
    }
}
