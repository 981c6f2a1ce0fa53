//! A problem at a point as the judge sees it: `min sign f(x)  s.t.  row_lower <= c(x) <= row_upper, lower <= x <= upper`.
//!
//! `sign` is -1 for `maximize`, so that one set of conditions serves both senses. Rows that were dropped are not there.

use super::linearise::Linearised;
use crate::answer::certificate::Place;
use crate::expr::family::{Leaf, Source, StageId};
use crate::problem::{Data, Kind, Problem};
use std::ops::Range;

pub struct Program<'a> {
    pub problem: &'a Problem,
    pub x: Vec<f64>,
    /// The stage of the objective and its sign; `None` for no objective or several.
    pub objective: Option<(StageId, f64)>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub integer: Vec<bool>,
    /// The constraints that count, with the numbers of their rows among all rows of the problem.
    pub blocks: Vec<Block>,
    pub here: Linearised<'a>,
}

/// A constraint that was not dropped.
pub struct Block {
    pub constraint: usize,
    pub stage: StageId,
    pub rows: Range<usize>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    /// The largest slope of each row.
    pub size: Vec<f64>,
    /// `max(1, size)`, what rows are measured by; a finite bound counts too where it is measured against.
    pub scale: Vec<f64>,
}

impl<'a> Program<'a> {
    pub fn at(problem: &'a Problem, x: &[f64]) -> Program<'a> {
        let data = problem.variables.iter().flat_map(|v| [&v.lower, &v.upper]);
        let data = data.chain(problem.constraints.iter().flat_map(|c| [&c.lower, &c.upper])).filter_map(stage_of);
        let mut roots: Vec<StageId> = data.collect();
        roots.extend(problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage));
        roots.extend(problem.objectives.iter().map(|o| o.stage));
        let here = Linearised::at(problem, &roots, x);
        let column = |data: &Data, count: usize| column(&here, data, count);
        let mut lower = vec![f64::NEG_INFINITY; x.len()];
        let mut upper = vec![f64::INFINITY; x.len()];
        let mut integer = vec![false; x.len()];
        for v in &problem.variables {
            let part = v.offset as usize..v.offset as usize + v.axes.len();
            lower[part.clone()].copy_from_slice(&column(&v.lower, part.len()));
            upper[part.clone()].copy_from_slice(&column(&v.upper, part.len()));
            integer[part].fill(v.kind != Kind::Real);
        }
        let sizes = here.sizes();
        let mut blocks = vec![];
        let mut first = 0;
        for (k, c) in problem.constraints.iter().enumerate() {
            let rows = first..first + c.rows as usize;
            first = rows.end;
            if c.dropped {
                continue;
            }
            blocks.push(Block {
                constraint: k,
                stage: c.stage,
                lower: column(&c.lower, rows.len()),
                upper: column(&c.upper, rows.len()),
                size: sizes[c.stage.0 as usize].clone(),
                scale: sizes[c.stage.0 as usize].iter().map(|size| size.max(1.0)).collect(),
                rows,
            });
        }
        let objective = match problem.objectives.as_slice() {
            [one] => Some((one.stage, one.sign())),
            _ => None,
        };
        Program { problem, x: x.to_vec(), objective, lower, upper, integer, blocks, here }
    }

    /// The stages of the objective and of the rows.
    pub fn functions(&self) -> Vec<StageId> {
        self.objective.iter().map(|(stage, _)| *stage).chain(self.blocks.iter().map(|b| b.stage)).collect()
    }

    /// `sign f(x)`, 0 without an objective.
    pub fn objective_value(&self) -> f64 {
        self.objective.map_or(0.0, |(stage, sign)| sign * self.here.values[stage.0 as usize][0])
    }

    /// The values of the rows of a block.
    pub fn row_values(&self, block: &Block) -> &[f64] {
        &self.here.values[block.stage.0 as usize]
    }

    /// `weight sign ∇f(x) - Σ y_i ∇c_i(x)`, `y` over all rows of the problem, at a point given by its linearisation.
    pub fn lagrangian_gradient(&self, there: &Linearised, weight: f64, y: &[f64]) -> Vec<f64> {
        self.lagrangian_sweep(there, weight, y).0
    }

    /// The same, and the weight that each row of each stage has in it.
    pub fn lagrangian_sweep(&self, there: &Linearised, weight: f64, y: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        self.seeded(weight, y, |seeds| there.sweep(seeds))
    }

    /// `weight |∇f(x)| + Σ |y_i ∇c_i(x)|`, by paths: what cancels in the gradient of the Lagrangian.
    pub fn lagrangian_sizes(&self, weight: f64, y: &[f64]) -> Vec<f64> {
        self.seeded(weight, y, |seeds| self.here.sweep_of_sizes(seeds))
    }

    fn seeded<T>(&self, weight: f64, y: &[f64], sweep: impl FnOnce(&[(StageId, &[f64])]) -> T) -> T {
        let negative: Vec<f64> = y.iter().map(|y| -y).collect();
        let objective = self.objective.map(|(stage, sign)| (stage, [weight * sign]));
        let mut seeds: Vec<(StageId, &[f64])> =
            self.blocks.iter().map(|b| (b.stage, &negative[b.rows.clone()])).collect();
        seeds.extend(objective.iter().map(|(stage, weight)| (*stage, weight.as_slice())));
        sweep(&seeds)
    }

    pub fn row_place(&self, block: &Block, r: usize) -> Place {
        let c = &self.problem.constraints[block.constraint];
        Place { label: format!("{}{}", c.label, c.axes.label(r)), span: c.span }
    }

    pub fn variable_place(&self, j: usize) -> Option<Place> {
        let inside = |v: &&crate::problem::Variable| (v.offset as usize..v.offset as usize + v.axes.len()).contains(&j);
        let v = self.problem.variables.iter().find(inside)?;
        Some(Place { label: format!("{}{}", v.name, v.axes.label(j - v.offset as usize)), span: v.span })
    }

    pub fn objective_place(&self) -> Option<Place> {
        self.problem.objectives.first().map(|o| Place { label: o.label.clone(), span: o.span })
    }
}

impl Block {
    /// How far row `r` is outside its bounds at the value `c`: positive below the lower, negative above the upper.
    pub fn violation(&self, r: usize, c: f64) -> f64 {
        violation(self.lower[r], self.upper[r], c)
    }

    /// What a violation of row `r` is divided by.
    pub fn primal_scale(&self, r: usize, c: f64) -> f64 {
        let bound = if c < self.lower[r] { self.lower[r] } else { self.upper[r] };
        if bound.is_finite() { self.scale[r].max(bound.abs()) } else { self.scale[r] }
    }
}

/// `lower - c` where `c` is below, `upper - c` where it is above, else 0. NaN stays NaN.
pub fn violation(lower: f64, upper: f64, c: f64) -> f64 {
    if c < lower {
        return lower - c;
    }
    if c > upper {
        return upper - c;
    }
    if c.is_nan() || lower.is_nan() || upper.is_nan() { f64::NAN } else { 0.0 }
}

fn stage_of(data: &Data) -> Option<StageId> {
    match data {
        Data::Read(Leaf { source: Source::Stage(id), .. }) => Some(*id),
        Data::Read(_) | Data::Constant(_) => None,
    }
}

/// The numbers of data, `count` of them; NaN where the data read what has no value yet.
fn column(here: &Linearised, data: &Data, count: usize) -> Vec<f64> {
    let leaf = match data {
        Data::Constant(value) => return vec![*value; count],
        Data::Read(leaf) => leaf,
    };
    let source: &[f64] = match leaf.source {
        Source::Param(id) => &here.problem.param(id).values,
        Source::Stage(id) => &here.values[id.0 as usize],
        Source::Variables | Source::After(_) => &[],
    };
    (0..count).map(|p| source.get(leaf.map.at(p)).copied().unwrap_or(f64::NAN)).collect()
}
