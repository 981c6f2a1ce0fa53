//! Functions far out along a ray `x + t d`, `t >= 0`: polynomials in `t` that enclose them.
//!
//! A value is `Σ C_k t^k` with intervals `C_k`: for every `t` some `c_k ∈ C_k` give the function. Sums and products are
//! exact in this form. A function of bounded range is an interval at `k = 0`, `exp(p)` is `1 + p` and something not
//! negative, `|p|` and `max(p, q)` are `p` and something not negative. So what outgrows everything else decides.

use super::program::Program;
use crate::expr::eval::{self, Arithmetic};
use crate::expr::family::{Source, StageId, Term};
use crate::expr::interval::Interval;
use crate::expr::ops::Op;
use std::cell::Cell;

/// Powers beyond this are not told apart.
const DEGREE: usize = 32;
/// What is left of a coefficient whose parts cancel, relative to the parts.
const ROUNDING: f64 = 1e-12;
/// Nodes times instances that are followed.
const WORK: usize = 5_000_000;

/// Coefficients by power. `sizes` are those of the parts that were added up, for telling rounding from a coefficient.
#[derive(Clone, Debug)]
struct Enclosing {
    coefficients: Vec<Interval>,
    sizes: Vec<f64>,
}

impl Enclosing {
    fn within(interval: Interval) -> Enclosing {
        let size = if interval.is_finite() { interval.magnitude().hi } else { 0.0 };
        Enclosing { coefficients: vec![interval], sizes: vec![size] }
    }

    fn unknown() -> Enclosing {
        Enclosing::within(Interval::WHOLE)
    }

    fn constant(&self) -> Option<f64> {
        if self.coefficients.len() == 1 { self.coefficients[0].point() } else { None }
    }

    /// The coefficient of a power, 0 if it is rounding of its parts.
    fn coefficient(&self, k: usize) -> Interval {
        let c = self.coefficients[k];
        if c.magnitude().hi <= ROUNDING * self.sizes[k] { Interval::exactly(0.0) } else { c }
    }

    fn at(&self, k: usize) -> (Interval, f64) {
        let zero = (Interval::exactly(0.0), 0.0);
        self.coefficients.get(k).map_or(zero, |c| (*c, self.sizes[k]))
    }

    fn plus(&self, other: &Enclosing) -> Enclosing {
        let count = self.coefficients.len().max(other.coefficients.len());
        let sums = (0..count).map(|k| {
            let ((a, one), (b, two)) = (self.at(k), other.at(k));
            (a.plus(b), one + two)
        });
        let (coefficients, sizes) = sums.unzip();
        Enclosing { coefficients, sizes }
    }

    fn times(&self, other: &Enclosing) -> Enclosing {
        let count = self.coefficients.len() + other.coefficients.len() - 1;
        if count > DEGREE {
            return Enclosing::unknown();
        }
        let mut product = Enclosing { coefficients: vec![Interval::exactly(0.0); count], sizes: vec![0.0; count] };
        for (i, (a, one)) in self.coefficients.iter().zip(&self.sizes).enumerate() {
            for (j, (b, two)) in other.coefficients.iter().zip(&other.sizes).enumerate() {
                product.coefficients[i + j] = product.coefficients[i + j].plus(a.times(*b));
                product.sizes[i + j] += one * two;
            }
        }
        product
    }

    fn negated(&self) -> Enclosing {
        self.times(&Enclosing::within(Interval::exactly(-1.0)))
    }

    /// What holds all values for `t >= 0`.
    fn range(&self) -> Interval {
        let beyond = |grows: fn(&Interval) -> bool| self.coefficients[1..].iter().any(grows);
        let first = self.coefficients[0];
        Interval {
            lo: if beyond(|c| c.lo < 0.0) { f64::NEG_INFINITY } else { first.lo },
            hi: if beyond(|c| c.hi > 0.0) { f64::INFINITY } else { first.hi },
        }
    }

    fn and_more(&self) -> Enclosing {
        self.plus(&Enclosing::within(Interval::new(0.0, f64::INFINITY)))
    }

    /// Whether the function lies at last above a bound (by no more than `slack` below it).
    fn ends_above(&self, bound: f64, slack: f64) -> bool {
        let powers = (1..self.coefficients.len()).rev().map(|k| self.coefficient(k).lo);
        match powers.into_iter().find(|lo| *lo != 0.0) {
            Some(lo) => lo > 0.0 && self.coefficients.iter().all(|c| c.lo > f64::NEG_INFINITY),
            None => self.coefficients[0].lo >= bound - slack,
        }
    }

    /// Whether the function falls below every bound.
    fn falls(&self) -> bool {
        let powers = (1..self.coefficients.len()).rev().map(|k| self.coefficient(k).hi);
        let leading = powers.into_iter().find(|hi| *hi != 0.0);
        leading.is_some_and(|hi| hi < 0.0) && self.coefficients.iter().all(|c| c.hi < f64::INFINITY)
    }
}

/// Arithmetic on enclosing polynomials.
struct AlongRay {
    /// Whether a choice could not be decided for all `t`.
    undecided: Cell<bool>,
}

impl Arithmetic for AlongRay {
    type Value = Enclosing;

    fn constant(&self, value: f64) -> Enclosing {
        Enclosing::within(Interval::exactly(value))
    }

    fn apply(&self, op: Op, operands: &[Enclosing]) -> Enclosing {
        let constants: Option<Vec<f64>> = operands.iter().map(Enclosing::constant).collect();
        if let Some(values) = constants {
            let at = std::array::from_fn(|k| *values.get(k).unwrap_or(&values[0]));
            return self.constant((op.row().value)(at));
        }
        let first = &operands[0];
        let second = operands.get(1).unwrap_or(first);
        match op {
            Op::Add => first.plus(second),
            Op::Sub => first.plus(&second.negated()),
            Op::Neg => first.negated(),
            Op::Mul => first.times(second),
            Op::Square => first.times(first),
            Op::Div if second.constant().is_some_and(|c| c != 0.0) => {
                first.times(&self.constant(1.0 / second.constant().unwrap_or(1.0)))
            }
            Op::Pow => match second.constant() {
                Some(power) if power == power.trunc() && (1.0..DEGREE as f64).contains(&power) => {
                    (1..power as usize).fold(first.clone(), |product, _| product.times(first))
                }
                _ => self.bounded(op, operands),
            },
            Op::Exp if first.range().hi == f64::INFINITY => first.plus(&self.constant(1.0)).and_more(),
            Op::Abs if first.range().lo >= 0.0 => first.clone(),
            Op::Abs if first.range().hi <= 0.0 => first.negated(),
            Op::Abs if first.range().hi == f64::INFINITY => first.and_more(),
            Op::Abs if first.range().lo == f64::NEG_INFINITY => first.negated().and_more(),
            Op::Max if first.range().hi == f64::INFINITY => first.and_more(),
            Op::Max if second.range().hi == f64::INFINITY => second.and_more(),
            Op::Min if first.range().lo == f64::NEG_INFINITY => first.negated().and_more().negated(),
            Op::Min if second.range().lo == f64::NEG_INFINITY => second.negated().and_more().negated(),
            _ => self.bounded(op, operands),
        }
    }

    fn is_true(&self, value: &Enclosing) -> bool {
        if value.constant().is_none() {
            self.undecided.set(true);
        }
        value.constant().is_some_and(|v| v != 0.0)
    }
}

impl AlongRay {
    /// From the ranges of the operands; nothing is known where the function may end.
    fn bounded(&self, op: Op, operands: &[Enclosing]) -> Enclosing {
        if !op.row().domain.needs.is_empty() {
            return Enclosing::unknown();
        }
        let boxes = std::array::from_fn(|k| operands.get(k).unwrap_or(&operands[0]).range());
        Enclosing::within(op.row().image_of(boxes))
    }
}

/// Whether far out on the ray all points are feasible and the objective falls below every bound, proved.
pub fn proves_unbounded(program: &Program, direction: &[f64], tolerance: f64) -> bool {
    let Some((objective, sign)) = program.objective else { return false };
    let stays = |j: usize, d: f64| {
        let slack = tolerance * program.x[j].abs().max(1.0);
        let within = program.x[j] >= program.lower[j] - slack && program.x[j] <= program.upper[j] + slack;
        let open = if d > 0.0 { program.upper[j] } else { program.lower[j] }.is_infinite();
        within && (d == 0.0 || (open && !program.integer[j]))
    };
    if program.here.work() > WORK || !direction.iter().enumerate().all(|(j, d)| stays(j, *d)) {
        return false;
    }
    let Some(values) = stages(program, direction) else { return false };
    let rows = program.blocks.iter().all(|block| {
        (0..block.rows.len()).all(|r| {
            let value = &values[block.stage.0 as usize][r];
            let slack = |bound: f64| tolerance * block.scale[r].max(bound.abs());
            (block.lower[r] == f64::NEG_INFINITY || value.ends_above(block.lower[r], slack(block.lower[r])))
                && (block.upper[r] == f64::INFINITY
                    || value.negated().ends_above(-block.upper[r], slack(block.upper[r])))
        })
    });
    let value = &values[objective.0 as usize][0];
    rows && if sign > 0.0 { value.falls() } else { value.negated().falls() }
}

/// All rows of the stages of the objective and of the rows; nothing if a choice between branches is open.
fn stages(program: &Program, direction: &[f64]) -> Option<Vec<Vec<Enclosing>>> {
    let problem = program.problem;
    let needed = eval::needed(&problem.stages, &program.functions());
    let mut values: Vec<Vec<Enclosing>> = vec![vec![]; problem.stages.len()];
    let arithmetic = AlongRay { undecided: Cell::new(false) };
    for (k, stage) in problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]) {
        if stage.matrix.is_some() {
            values[k] = vec![Enclosing::unknown(); stage.rows as usize];
            continue;
        }
        values[k] = vec![arithmetic.constant(0.0); stage.rows as usize];
        let mut terms: Vec<&Term> = stage.terms.iter().collect();
        terms.sort_by_key(|term| term.level);
        for term in terms {
            for p in 0..term.family.instances as usize {
                let read = |leaf: &crate::expr::family::Leaf| {
                    let at = leaf.map.at(p);
                    match leaf.source {
                        Source::Variables if direction[at] != 0.0 => {
                            let coefficients = [program.x[at], direction[at]].map(Interval::exactly).to_vec();
                            let sizes = vec![program.x[at].abs(), direction[at].abs()];
                            Enclosing { coefficients, sizes }
                        }
                        Source::Variables => arithmetic.constant(program.x[at]),
                        Source::Param(id) => arithmetic.constant(problem.param(id).values[at]),
                        Source::Stage(StageId(id)) => values[id as usize][at].clone(),
                        Source::After(_) => Enclosing::unknown(),
                    }
                };
                let leaves: Vec<Enclosing> = term.family.leaves.iter().map(read).collect();
                let part = eval::body(&arithmetic, &problem.graph, term.family.body, &leaves);
                let row = &mut values[k][term.target.at(p)];
                *row = row.plus(&part);
            }
        }
    }
    (!arithmetic.undecided.get()).then_some(values)
}
