//! Degree and curvature of the objective and of each family of rows, with the place that spoils them.

use super::features::Fact;
use super::squares::{span, span_of};
use super::values::{Bounds, Numbers};
use super::{Objective, Problem, Sense};
use crate::expr::curvature::{self, Facts, StageFacts};
use crate::expr::family::{Leaf, Source, StageId};
use crate::expr::interval::Interval;
use crate::expr::ops::Curvature;

/// What is known of one function of the variables.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    pub curvature: Curvature,
    /// As a polynomial; `None` if it was not shown to be one.
    pub degree: Option<u32>,
    /// What made the curvature unknown.
    pub blame: Option<Fact>,
}

/// Of the first objective, and of each constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Forms {
    pub objective: Option<Form>,
    pub rows: Vec<Form>,
}

impl Forms {
    pub fn of(problem: &Problem, numbers: &Numbers, bounds: &Bounds) -> Forms {
        Forms::given(problem, numbers, bounds, problem.dimension as usize)
    }

    /// In the first `free` variables alone: all others are numbers somewhere within their bounds.
    pub fn given(problem: &Problem, numbers: &Numbers, bounds: &Bounds, free: usize) -> Forms {
        let facts = facts(problem, numbers, bounds, free);
        Forms {
            objective: problem.objectives.first().map(|o| form(problem, &facts, o.stage)),
            rows: problem.constraints.iter().map(|c| form(problem, &facts, c.stage)).collect(),
        }
    }

    /// Whether the objective and every row that constrains are shown to make a convex problem; else why not.
    pub fn convex(&self, problem: &Problem, bounds: &Bounds) -> Result<(), Fact> {
        if let (Some(objective), Some(form)) = (problem.objectives.first(), &self.objective) {
            objective_is_convex(objective, form)?;
        }
        let starts = problem.row_starts();
        for (k, constraint) in problem.constraints.iter().enumerate().filter(|(_, c)| !c.dropped) {
            let rows = starts[k]..starts[k + 1];
            let needs_convex = rows.clone().any(|r| bounds.row_upper[r] < f64::INFINITY);
            let needs_concave = rows.clone().any(|r| bounds.row_lower[r] > f64::NEG_INFINITY);
            let curvature = self.rows[k].curvature;
            if (needs_convex && !curvature.is_convex()) || (needs_concave && !curvature.is_concave()) {
                let why = self.rows[k].blame.as_ref().map_or(String::new(), |blame| format!(": {}", blame.sentence));
                let span = self.rows[k].blame.as_ref().and_then(|blame| blame.span).unwrap_or(constraint.span);
                let sentence = format!("row `{}` is not shown to bound a convex set{why}", constraint.label);
                return Err(Fact::at(sentence, span));
            }
        }
        Ok(())
    }

    /// Every row that is not dropped is linear.
    pub fn linear_rows(&self, problem: &Problem) -> bool {
        let mut kept = problem.constraints.iter().zip(&self.rows).filter(|(c, _)| !c.dropped);
        kept.all(|(_, form)| form.degree.is_some_and(|degree| degree <= 1))
    }
}

/// Of one stage, in all variables.
pub fn of_stage(problem: &Problem, numbers: &Numbers, bounds: &Bounds, stage: StageId) -> Form {
    form(problem, &facts(problem, numbers, bounds, problem.dimension as usize), stage)
}

/// Of all stages, in the first `free` variables alone.
fn facts(problem: &Problem, numbers: &Numbers, bounds: &Bounds, free: usize) -> Vec<StageFacts> {
    let mut source = |leaf: &Leaf, instances: u32| {
        let positions = (0..instances as usize).map(|p| leaf.map.at(p));
        match leaf.source {
            Source::Variables => {
                let both = positions.map(|at| Interval::new(bounds.lower[at], bounds.upper[at]));
                let hull = both.reduce(Interval::hull).unwrap_or(Interval::WHOLE);
                // A variable fixed by its bounds is a number.
                let given = (0..instances as usize).all(|p| leaf.map.at(p) >= free);
                if given {
                    return Facts::constant(hull);
                }
                if hull.point().is_some() { Facts::constant(hull) } else { Facts::variable(hull) }
            }
            Source::Param(_) | Source::Stage(_) => {
                let values = numbers.source(problem, leaf.source);
                Facts::constant(Interval::of(&positions.map(|at| values[at]).collect::<Vec<f64>>()))
            }
            Source::After(_) => Facts { curvature: Curvature::Unknown, ..Facts::variable(Interval::WHOLE) },
        }
    };
    curvature::stage_facts(&problem.graph, &problem.stages, &mut source)
}

fn objective_is_convex(objective: &Objective, form: &Form) -> Result<(), Fact> {
    let (fits, wanted) = match objective.sense {
        Sense::Minimize => (form.curvature.is_convex(), "convex"),
        Sense::Maximize => (form.curvature.is_concave(), "concave"),
    };
    if fits {
        return Ok(());
    }
    let why = form.blame.as_ref().map_or(String::new(), |blame| format!(": {}", blame.sentence));
    let span = form.blame.as_ref().and_then(|blame| blame.span).unwrap_or(objective.span);
    Err(Fact::at(format!("the objective is not shown to be {wanted}{why}"), span))
}

fn form(problem: &Problem, facts: &[StageFacts], stage: StageId) -> Form {
    let found = &facts[stage.0 as usize].facts;
    let blame = curvature::trace(&problem.graph, &problem.stages, facts, stage).map(|(stage, term, node)| {
        let term = &problem.stage(stage).terms[term];
        Fact::at(format!("because of {}", curvature::reason(&problem.graph, node)), span_of(term))
    });
    let of_matrix = || {
        let matrix = curvature::trace_matrix(&problem.graph, &problem.stages, facts, stage)?;
        Some(Fact::at(format!("because of {}", curvature::reason_of_matrix(&matrix)), span(matrix.origin)))
    };
    let blame = blame.or_else(of_matrix);
    let blame = blame.filter(|_| found.curvature == Curvature::Unknown);
    Form { curvature: found.curvature, degree: found.degree, blame }
}
