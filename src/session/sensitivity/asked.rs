//! What an embedding program asks for by name, as a model would have stated it.

use crate::diag::near::nearest;
use crate::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Stage, StageId, Term};
use crate::problem::index::Axes;
use crate::problem::values::depends_on_variables;
use crate::problem::{AfterSolve, Place, Problem, Sensitivity};
use crate::session::changes::{self, Refused};

/// Adds `sensitivity of to to` to a problem. `of` is a variable, a named expression, an objective, or `row.dual`,
/// `row.slack`, `x.reduced_cost`; `to` a parameter, a column or a computed array; elements as in `x[2]`.
pub(super) fn named(problem: &mut Problem, of: &str, to: &str) -> Result<(), Refused> {
    let (to_place, to_axes) = by(problem, to)?;
    let (leaf, of_axes) = what(problem, of)?;
    let body = problem.graph.leaf(0);
    let rows = of_axes.len() as u32;
    let family = Family { instances: rows, leaves: vec![leaf], body };
    let term = Term { family, target: IndexMap::IDENTITY, level: 0, origin: (0, 0, 0) };
    let stage = StageId(problem.stages.len() as u32);
    problem.stages.push(Stage::sum(of, rows, vec![term]));
    let text = format!("{of} to {to}");
    let span = Default::default();
    problem.sensitivities = vec![Sensitivity { text, of: stage, of_axes, to: to_place, to_axes, stated: true, span }];
    Ok(())
}

/// A leaf that reads what is differentiated.
fn what(problem: &mut Problem, name: &str) -> Result<(Leaf, Axes), Refused> {
    if let Ok((k, element)) = changes::variable(problem, name) {
        let variable = &problem.variables[k];
        return Ok(read(Source::Variables, variable.offset as usize, &variable.axes, element));
    }
    if let Some(objective) = problem.objectives.iter().find(|o| o.label == name) {
        return Ok(read(Source::Stage(objective.stage), 0, &Axes::scalar(), None));
    }
    let stages: Vec<(&str, &Axes)> = problem.named.iter().map(|n| (&n.name[..], &n.axes)).collect();
    if let Ok((k, element)) = changes::named(&stages, name, "value") {
        let found = &problem.named[k];
        return Ok(read(Source::Stage(found.stage), 0, &found.axes, element));
    }
    if let Some((owner, field)) = name.rsplit_once('.') {
        let row = |problem: &Problem| changes::constraint(problem, owner);
        let (after, axes, element) = match field {
            "dual" | "slack" => {
                let (k, element) = row(problem)?;
                let after = if field == "dual" { AfterSolve::Dual(k as u32) } else { AfterSolve::Slack(k as u32) };
                (after, problem.constraints[k].axes.clone(), element)
            }
            "lower_dual" | "upper_dual" | "reduced_cost" => {
                let (k, element) = changes::variable(problem, owner)?;
                let after = match field {
                    "lower_dual" => AfterSolve::LowerDual(k as u32),
                    "upper_dual" => AfterSolve::UpperDual(k as u32),
                    _ => AfterSolve::ReducedCost(k as u32),
                };
                (after, problem.variables[k].axes.clone(), element)
            }
            _ => return Err(unknown(problem, name)),
        };
        problem.after_solve.push(after);
        return Ok(read(Source::After(problem.after_solve.len() as u32 - 1), 0, &axes, element));
    }
    Err(unknown(problem, name))
}

fn unknown(problem: &Problem, name: &str) -> Refused {
    let variables = problem.variables.iter().map(|v| &v.name[..]);
    let known = variables.chain(problem.named.iter().map(|n| &n.name[..]));
    let near = nearest(name, known.chain(problem.objectives.iter().map(|o| &o.label[..])));
    let help = match near.first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name a variable, a `let`, an objective, `row.dual`, `row.slack` or `x.reduced_cost`".to_string(),
    };
    Refused { message: format!("the model has no answer called `{name}`"), help: Some(help) }
}

fn read(source: Source, offset: usize, axes: &Axes, element: Option<usize>) -> (Leaf, Axes) {
    match element {
        Some(k) => (Leaf { source, map: IndexMap::scalar(offset + k) }, Axes::scalar()),
        None => (Leaf { source, map: IndexMap::Affine { start: offset as i64, stride: 1 } }, axes.clone()),
    }
}

/// The numbers that are differentiated by.
fn by(problem: &Problem, name: &str) -> Result<(Place, Axes), Refused> {
    let params = problem.params.iter().enumerate().filter(|(_, p)| !p.name.is_empty());
    let mut found: Vec<(&str, &Axes, Source)> =
        params.map(|(k, p)| (&p.name[..], &p.axes, Source::Param(ParamId(k as u32)))).collect();
    // Parameters that are computed from others are stages without variables.
    let depends = depends_on_variables(problem);
    let computed = problem.named.iter().filter(|n| !depends[n.stage.0 as usize]);
    found.extend(computed.map(|n| (&n.name[..], &n.axes, Source::Stage(n.stage))));
    found.extend(problem.computed.iter().filter_map(|c| Some((&c.name[..], &c.axes, Source::Stage(c.stage?)))));
    let families: Vec<(&str, &Axes)> = found.iter().map(|(name, axes, _)| (*name, *axes)).collect();
    let (k, element) =
        changes::named(&families, name, "parameter").map_err(|refused| inlined(problem, name).unwrap_or(refused))?;
    let (_, axes, source) = found[k];
    if let Source::Param(id) = source
        && problem.param(id).structural
    {
        return Err(Refused {
            message: format!(
                "`{name}` decides a set, a shape or a branch of the model: nothing varies smoothly with it"
            ),
            help: None,
        });
    }
    Ok(match element {
        Some(k) => (Place { source, offset: k as u32, count: 1 }, Axes::scalar()),
        None => (Place { source, offset: 0, count: axes.len() as u32 }, axes.clone()),
    })
}

/// Of a parameter whose expression stands wherever it is read: there is nothing to move.
fn inlined(problem: &Problem, name: &str) -> Option<Refused> {
    let known = problem.computed.iter().find(|c| c.name == name.trim() && c.stage.is_none())?;
    let name = &known.name;
    let message = format!("`{name}` is computed from other data, and what reads it has its expression instead");
    let help = format!(
        "write `sensitivity ... to {name}` into the model, which gives it a place of its own, or ask for the sensitivity to \
         what it is computed from"
    );
    Some(Refused { message, help: Some(help) })
}
