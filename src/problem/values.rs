//! The numbers of a problem that do not depend on variables: bounds, starts, data.

use super::index::Axes;
use super::{Constraint, Data, Objective, Param, Problem, Scaled, Variable};
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{IndexMap, Leaf, ParamId, Source, StageId};
use std::sync::Arc;

/// All numbers that bounds and starts read, evaluated once for the current values of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// By stage; empty where nothing reads it.
    stages: Vec<Vec<f64>>,
}

impl Numbers {
    /// Evaluates the stages without variables that bounds, starts, rows and objectives read.
    pub fn of(problem: &Problem) -> Numbers {
        let of_variables = problem.variables.iter().flat_map(|v| [Some(&v.lower), Some(&v.upper), v.start.as_ref()]);
        let of_rows = problem.all_constraints().flat_map(|c| [Some(&c.lower), Some(&c.upper)]);
        let scales = problem.scales.iter().map(|scale| Some(&scale.values));
        let dual_starts = problem.dual_starts.iter().map(|start| Some(&start.values));
        let data = of_variables.chain(of_rows).chain(scales).chain(dual_starts).flatten().filter_map(Data::stage);
        let functions = problem.objectives.iter().map(|o| o.stage).chain(problem.constraints.iter().map(|c| c.stage));
        let roots: Vec<StageId> = data.chain(functions).collect();
        let mut needed = eval::needed(&problem.stages, &roots);
        for (needed, depends) in needed.iter_mut().zip(depends_on_variables(problem)) {
            *needed &= !depends;
        }
        let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
        let inputs = Inputs { variables: &[], params, after: &[] };
        Numbers { stages: eval::stages(&problem.graph, &problem.stages, &needed, &inputs) }
    }

    /// The numbers of a source; none for one that is not known before the solve.
    pub fn source<'a>(&'a self, problem: &'a Problem, source: Source) -> &'a [f64] {
        match source {
            Source::Param(id) => &problem.param(id).values,
            Source::Stage(id) => &self.stages[id.0 as usize],
            Source::Variables | Source::After(_) => &[],
        }
    }

    /// One number for each element of the owner, `count` in all.
    pub fn column(&self, problem: &Problem, data: &Data, count: usize) -> Vec<f64> {
        let leaf = match data {
            Data::Constant(value) => return vec![*value; count],
            Data::Read(leaf) => leaf,
        };
        let source = self.source(problem, leaf.source);
        (0..count).map(|p| source.get(leaf.map.at(p)).copied().unwrap_or(f64::NAN)).collect()
    }
}

impl Data {
    /// The numbers of some elements of the owner.
    pub fn chosen(&self, elements: &[u32]) -> Data {
        match self {
            Data::Constant(_) => self.clone(),
            Data::Read(leaf) => {
                let positions = elements.iter().map(|&p| leaf.map.at(p as usize) as u32).collect();
                Data::Read(Leaf { source: leaf.source, map: IndexMap::from_positions(positions) })
            }
        }
    }
}

impl Problem {
    /// The first objective at a point, as stated, by the referee.
    pub fn objective_at(&self, x: &[f64]) -> Option<f64> {
        let objective = self.objectives.first()?;
        let needed = eval::needed(&self.stages, &[objective.stage]);
        let params = self.params.iter().map(|param| param.values.as_slice()).collect();
        let stages = eval::stages(&self.graph, &self.stages, &needed, &Inputs { variables: x, params, after: &[] });
        Some(stages[objective.stage.0 as usize][0])
    }

    /// The same, turned so that it is minimised; 0 without an objective.
    pub fn minimised_at(&self, x: &[f64]) -> f64 {
        let sign = self.objectives.first().map_or(0.0, Objective::sign);
        self.objective_at(x).map_or(0.0, |value| sign * value)
    }
}

/// Typical sizes of the first objective, of all variables and of all rows; `None` where the model states none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scales {
    pub objective: Option<f64>,
    pub variables: Vec<Option<f64>>,
    pub rows: Vec<Option<f64>>,
}

impl Scales {
    /// `None` if the model states no scale at all. Numbers that are not positive and finite do not count.
    pub fn of(problem: &Problem, numbers: &Numbers) -> Option<Scales> {
        if problem.scales.is_empty() {
            return None;
        }
        let mut scales = Scales {
            objective: None,
            variables: vec![None; problem.dimension as usize],
            rows: vec![None; problem.row_count()],
        };
        let starts = problem.row_starts();
        for scale in &problem.scales {
            let write = |count: usize, slots: &mut [Option<f64>]| {
                let sizes = numbers.column(problem, &scale.values, count);
                let sizes = sizes.into_iter().map(|size| Some(size).filter(|size| *size > 0.0 && size.is_finite()));
                slots.iter_mut().zip(sizes).for_each(|(slot, size)| *slot = size);
            };
            match scale.of {
                Scaled::Variable(k) => {
                    let variable = &problem.variables[k as usize];
                    write(variable.axes.len(), &mut scales.variables[variable.offset as usize..]);
                }
                Scaled::Row(k) => {
                    let rows = problem.constraints[k as usize].rows as usize;
                    write(rows, &mut scales.rows[starts[k as usize]..]);
                }
                Scaled::Objective(0) => write(1, std::slice::from_mut(&mut scales.objective)),
                Scaled::Objective(_) => {}
            }
        }
        Some(scales)
    }
}

/// Whether each stage reads variables (or what exists only after the solve), itself or through others.
pub fn depends_on_variables(problem: &Problem) -> Vec<bool> {
    depends_on(problem, |source| match source {
        Source::Variables | Source::After(_) => true,
        Source::Param(_) | Source::Stage(_) => false,
    })
}

/// Whether each stage reads a source of a kind, itself or through others.
pub fn depends_on(problem: &Problem, kind: impl Fn(Source) -> bool) -> Vec<bool> {
    let mut depends: Vec<bool> = vec![];
    for stage in &problem.stages {
        let reads = stage.sources().any(|source| match source {
            Source::Stage(id) => kind(source) || depends.get(id.0 as usize).is_some_and(|d| *d),
            Source::Variables | Source::After(_) | Source::Param(_) => kind(source),
        });
        depends.push(reads);
    }
    depends
}

/// Bounds of all variables and all rows in order, dropped rows too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub row_lower: Vec<f64>,
    pub row_upper: Vec<f64>,
}

impl Bounds {
    pub fn of(problem: &Problem, numbers: &Numbers) -> Bounds {
        let variables = |side: fn(&Variable) -> &Data| -> Vec<f64> {
            problem.variables.iter().flat_map(|v| numbers.column(problem, side(v), v.axes.len())).collect()
        };
        let rows = |side: fn(&Constraint) -> &Data| -> Vec<f64> {
            problem.constraints.iter().flat_map(|c| numbers.column(problem, side(c), c.rows as usize)).collect()
        };
        Bounds {
            lower: variables(|v| &v.lower),
            upper: variables(|v| &v.upper),
            row_lower: rows(|c| &c.lower),
            row_upper: rows(|c| &c.upper),
        }
    }
}

impl Bounds {
    /// For each parameter whether bounds or sides read it, themselves or through stages.
    pub fn parameters(problem: &Problem) -> Vec<bool> {
        let of_variables = problem.variables.iter().flat_map(|v| [&v.lower, &v.upper]);
        let of_rows = problem.constraints.iter().flat_map(|c| [&c.lower, &c.upper]);
        let mut read = vec![false; problem.params.len()];
        let mut note = |source: Source| {
            if let Source::Param(id) = source {
                read[id.0 as usize] = true;
            }
        };
        let mut roots = vec![];
        for data in of_variables.chain(of_rows) {
            if let Data::Read(leaf) = data {
                note(leaf.source);
            }
            roots.extend(data.stage());
        }
        let needed = eval::needed(&problem.stages, &roots);
        let stages = problem.stages.iter().zip(needed).filter(|(_, needed)| *needed);
        let leaves = stages.flat_map(|(stage, _)| &stage.terms).flat_map(|term| &term.family.leaves);
        leaves.for_each(|leaf| note(leaf.source));
        read
    }

    /// Makes these the bounds and sides of a problem.
    pub fn put(&self, problem: &mut Problem) {
        let mut stored = |values: &[f64]| {
            let id = ParamId(problem.params.len() as u32);
            let (axes, span) = (Axes::scalar(), Default::default());
            let values = Arc::new(values.to_vec());
            problem.params.push(Param { name: String::new(), axes, values, structural: false, span });
            Data::Read(Leaf { source: Source::Param(id), map: IndexMap::IDENTITY })
        };
        for variable in &mut problem.variables {
            let part = variable.offset as usize..variable.offset as usize + variable.axes.len();
            variable.lower = stored(&self.lower[part.clone()]);
            variable.upper = stored(&self.upper[part]);
        }
        let mut at = 0;
        for constraint in &mut problem.constraints {
            let part = at..at + constraint.rows as usize;
            at = part.end;
            constraint.lower = stored(&self.row_lower[part.clone()]);
            constraint.upper = stored(&self.row_upper[part]);
        }
    }
}

impl Data {
    /// The stage it reads, if any.
    pub fn stage(&self) -> Option<StageId> {
        match self {
            Data::Read(leaf) => match leaf.source {
                Source::Stage(id) => Some(id),
                Source::Variables | Source::Param(_) | Source::After(_) => None,
            },
            Data::Constant(_) => None,
        }
    }
}

impl Problem {
    /// The row of the first of a constraint's rows, for each constraint, and the number of rows at the end.
    pub fn row_starts(&self) -> Vec<usize> {
        let mut at = 0;
        let mut starts = vec![0];
        for constraint in &self.constraints {
            at += constraint.rows as usize;
            starts.push(at);
        }
        starts
    }

    /// `x[3]`: the name of a scalar variable.
    pub fn variable_name(&self, position: usize) -> String {
        let owner = self.variables.iter().find(|v| {
            let first = v.offset as usize;
            (first..first + v.axes.len()).contains(&position)
        });
        match owner {
            Some(v) => format!("{}{}", v.name, v.axes.label(position - v.offset as usize)),
            None => format!("variable {position}"),
        }
    }

    /// `balance[seattle]`: the name of a scalar row.
    pub fn row_name(&self, row: usize) -> String {
        let starts = self.row_starts();
        match starts.windows(2).position(|pair| (pair[0]..pair[1]).contains(&row)) {
            Some(k) => format!("{}{}", self.constraints[k].label, self.constraints[k].axes.label(row - starts[k])),
            None => format!("row {row}"),
        }
    }
}
