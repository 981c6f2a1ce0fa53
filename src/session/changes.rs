//! Changes that do not edit the model: values held fixed, rows left out and put back, and points to start from.
//!
//! Names are those of answers: `x`, `x[2]`, `flow[a,b]`, `balance[seattle]`, `c@12`.

use crate::diag::near::nearest;
use crate::expr::family::{IndexMap, Leaf, ParamId, Source};
use crate::problem::index::Axes;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Data, Kind, Param, Problem};
use std::sync::Arc;

/// A change that cannot be made, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub help: Option<String>,
}

/// Holds a variable, or one of its elements, at a value. `values` holds one number for all elements or one for each.
/// It must lie within the bounds as they are in `original`, so what was held elsewhere before may move.
pub fn fix(problem: &mut Problem, original: &Problem, name: &str, values: &[f64]) -> Result<(), Refused> {
    let (k, element) = variable(problem, name)?;
    let count = problem.variables[k].axes.len();
    let numbers = Numbers::of(problem);
    let mut lower = numbers.column(problem, &problem.variables[k].lower, count);
    let mut upper = numbers.column(problem, &problem.variables[k].upper, count);
    let stated_lower = numbers.column(problem, &original.variables[k].lower, count);
    let stated_upper = numbers.column(problem, &original.variables[k].upper, count);
    let range = element.map_or(0..count, |p| p..p + 1);
    let value_at = |position: usize| match values {
        [only] => Some(*only),
        _ => values.get(position).copied().filter(|_| values.len() == range.len()),
    };
    for (at, position) in range.clone().enumerate() {
        let value = value_at(at).filter(|v| v.is_finite()).ok_or_else(|| Refused {
            message: format!("`{name}` cannot be held at {} value(s): it has {} element(s)", values.len(), range.len()),
            help: Some("give one finite number, or an array with one number for each element".to_string()),
        })?;
        let variable = &problem.variables[k];
        let label = || format!("{}{}", variable.name, variable.axes.label(position));
        let (low, high) = (stated_lower[position], stated_upper[position]);
        if !(low <= value && value <= high) {
            let bounds = match (low.is_finite(), high.is_finite()) {
                (true, true) => format!("lies in [{low}, {high}]"),
                (true, false) => format!("is at least {low}"),
                (false, _) => format!("is at most {high}"),
            };
            return Err(Refused {
                message: format!("`{}` cannot be held at {value}: it {bounds}", label()),
                help: Some("give a value within its bounds, or change them in the model".to_string()),
            });
        }
        if variable.kind != Kind::Real && value.fract() != 0.0 {
            let message = format!("`{}` cannot be held at {value}: it is an integer", label());
            return Err(Refused { message, help: None });
        }
        (lower[position], upper[position]) = (value, value);
    }
    problem.variables[k].lower = stored(problem, lower);
    problem.variables[k].upper = stored(problem, upper);
    Ok(())
}

/// Leaves out a constraint, or one of its rows: its sides become infinite.
pub fn drop(problem: &mut Problem, name: &str) -> Result<(), Refused> {
    let (k, row) = constraint(problem, name)?;
    let Some(row) = row else {
        for k in with_partner(problem, k) {
            problem.constraints[k].dropped = true;
        }
        return Ok(());
    };
    if with_partner(problem, k).len() > 1 {
        let label = &problem.constraints[k].label;
        return Err(Refused {
            message: format!("single conditions of the complementarity `{label}` cannot be left out"),
            help: Some(format!("leave out `{label}` as a whole")),
        });
    }
    let (numbers, rows) = (Numbers::of(problem), problem.constraints[k].rows as usize);
    let mut lower = numbers.column(problem, &problem.constraints[k].lower, rows);
    let mut upper = numbers.column(problem, &problem.constraints[k].upper, rows);
    (lower[row], upper[row]) = (f64::NEG_INFINITY, f64::INFINITY);
    problem.constraints[k].lower = stored(problem, lower);
    problem.constraints[k].upper = stored(problem, upper);
    Ok(())
}

/// Puts back a constraint that was left out, as it is in `original`; all of its rows.
pub fn restore(problem: &mut Problem, original: &Problem, name: &str) -> Result<(), Refused> {
    let (k, row) = constraint(problem, name)?;
    if row.is_some() {
        let label = &problem.constraints[k].label;
        return Err(Refused {
            message: format!("single rows of `{label}` cannot be put back"),
            help: Some(format!("restore `{label}` as a whole")),
        });
    }
    for k in with_partner(problem, k) {
        problem.constraints[k].dropped = false;
        problem.constraints[k].lower = original.constraints[k].lower.clone();
        problem.constraints[k].upper = original.constraints[k].upper.clone();
    }
    Ok(())
}

/// Lets a variable, or one of its elements, move within the bounds that it has in `original`.
pub fn release(problem: &mut Problem, original: &Problem, name: &str) -> Result<(), Refused> {
    let (k, element) = variable(problem, name)?;
    let Some(element) = element else {
        problem.variables[k].lower = original.variables[k].lower.clone();
        problem.variables[k].upper = original.variables[k].upper.clone();
        return Ok(());
    };
    let (numbers, count) = (Numbers::of(problem), problem.variables[k].axes.len());
    let column = |data: &Data| numbers.column(problem, data, count);
    let (now, stated) = (&problem.variables[k], &original.variables[k]);
    let (mut lower, mut upper) = (column(&now.lower), column(&now.upper));
    (lower[element], upper[element]) = (column(&stated.lower)[element], column(&stated.upper)[element]);
    problem.variables[k].lower = stored(problem, lower);
    problem.variables[k].upper = stored(problem, upper);
    Ok(())
}

/// Takes back what [`fix`] and [`drop`] did. Numbers of parameters stay as they are.
pub fn undo(problem: &mut Problem, original: &Problem) {
    for (now, stated) in problem.variables.iter_mut().zip(&original.variables) {
        now.lower = stated.lower.clone();
        now.upper = stated.upper.clone();
    }
    for (now, stated) in problem.constraints.iter_mut().zip(&original.constraints) {
        now.dropped = stated.dropped;
        now.lower = stated.lower.clone();
        now.upper = stated.upper.clone();
    }
}

/// A constraint, and the one that complements it or that it complements.
fn with_partner(problem: &Problem, k: usize) -> std::ops::Range<usize> {
    if problem.constraints[k].complements {
        return k - 1..k + 1;
    }
    let is_complemented = problem.constraints.get(k + 1).is_some_and(|next| next.complements);
    k..k + 1 + is_complemented as usize
}

/// Replaces the starting points of one variable; where `values` has none, `filler` (0, moved into the bounds) stands.
pub fn start(problem: &mut Problem, variable: usize, values: Vec<Option<f64>>) {
    let numbers = Numbers::of(problem);
    let bounds = Bounds::of(problem, &numbers);
    let owner = &problem.variables[variable];
    let earlier = owner.start.as_ref().map(|data| numbers.column(problem, data, values.len()));
    let offset = owner.offset as usize;
    let filled = values
        .into_iter()
        .enumerate()
        .map(|(p, value)| {
            let stated = value.or(earlier.as_ref().map(|column| column[p]));
            stated.unwrap_or_else(|| 0f64.max(bounds.lower[offset + p]).min(bounds.upper[offset + p]))
        })
        .collect();
    problem.variables[variable].start = Some(stored(problem, filled));
}

/// New numbers for a parameter or a column: one for all elements, or one for each.
pub fn set_param(problem: &mut Problem, name: &str, values: &[f64]) -> Result<(), Refused> {
    let known = || problem.params.iter().filter(|p| !p.name.is_empty()).map(|p| &p.name[..]);
    let Some(k) = problem.params.iter().position(|p| p.name == name) else {
        let near = nearest(name, known());
        return Err(Refused {
            message: format!("the model has no parameter `{name}`"),
            help: near.first().map(|near| format!("did you mean `{near}`?")),
        });
    };
    let count = problem.params[k].values.len();
    if problem.params[k].structural {
        return Err(Refused {
            message: format!("`{name}` decides a set, a shape or a branch of the model"),
            help: Some("give it to the model and rebuild".to_string()),
        });
    }
    let new = match values {
        [only] => vec![*only; count],
        _ if values.len() == count => values.to_vec(),
        _ => {
            let message = format!("`{name}` has {count} elements, but {} values are given", values.len());
            return Err(Refused { message, help: None });
        }
    };
    problem.params[k].values = Arc::new(new);
    Ok(())
}

/// Numbers as a new buffer of the problem.
fn stored(problem: &mut Problem, values: Vec<f64>) -> Data {
    let id = ParamId(problem.params.len() as u32);
    let axes = Axes::scalar();
    let span = Default::default();
    problem.params.push(Param { name: String::new(), axes, values: Arc::new(values), structural: false, span });
    Data::Read(Leaf { source: Source::Param(id), map: IndexMap::IDENTITY })
}

/// A family of variables and, where the name has an index, the position of the element.
pub fn variable(problem: &Problem, name: &str) -> Result<(usize, Option<usize>), Refused> {
    let families: Vec<(&str, &Axes)> = problem.variables.iter().map(|v| (&v.name[..], &v.axes)).collect();
    named(&families, name, "variable")
}

/// A family of rows of the outermost level and, where the name has an index, the position of the row.
pub fn constraint(problem: &Problem, name: &str) -> Result<(usize, Option<usize>), Refused> {
    let families: Vec<(&str, &Axes)> = problem.constraints.iter().map(|c| (&c.label[..], &c.axes)).collect();
    named(&families, name, "constraint").map_err(|refused| {
        let (base, _) = parted(name);
        let inside = problem.blocks.iter().find(|block| block.constraints.iter().any(|c| c.label == base));
        inside.map_or(refused, |block| Refused {
            message: format!("`{base}` is a row of `{}`, and rows of blocks cannot be changed", block.name),
            help: Some(format!("declare `{}` again without it", block.name)),
        })
    })
}

/// The same of a problem with the rows of all its levels, among which the family has this number.
pub fn row(all: &Problem, name: &str) -> Result<(usize, Option<usize>), Refused> {
    let families: Vec<(&str, &Axes)> = all.constraints.iter().map(|c| (&c.label[..], &c.axes)).collect();
    named(&families, name, "constraint")
}

pub(super) fn named(families: &[(&str, &Axes)], name: &str, what: &str) -> Result<(usize, Option<usize>), Refused> {
    let (base, index) = parted(name);
    let (base, index) = (base.as_str(), index.as_deref());
    let Some(k) = families.iter().position(|(known, _)| *known == base) else {
        let near = nearest(base, families.iter().map(|(known, _)| *known));
        let help = match near.first() {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => (!families.is_empty())
                .then(|| format!("the model has {}", listed(families.iter().map(|family| family.0)))),
        };
        return Err(Refused { message: format!("the model has no {what} `{base}`"), help });
    };
    let Some(index) = index else { return Ok((k, None)) };
    let parts: Vec<&str> = index.split(',').map(|part| part.trim().trim_matches('"')).collect();
    let label = format!("[{}]", parts.join(","));
    let axes = families[k].1;
    match (0..axes.len()).find(|&p| axes.label(p) == label) {
        Some(position) => Ok((k, Some(position))),
        None => Err(Refused {
            message: format!("`{base}` has no element {label}"),
            help: (!axes.is_empty() && !axes.is_scalar())
                .then(|| format!("its elements go from {} to {}", axes.label(0), axes.label(axes.len() - 1))),
        }),
    }
}

/// Names that are listed where none is near.
const LISTED: usize = 12;

/// Each name once, the first few of them.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut all: Vec<&str> = vec![];
    names.for_each(|name| {
        if !all.contains(&name) {
            all.push(name);
        }
    });
    let more = if all.len() > LISTED { ", ..." } else { "" };
    all.truncate(LISTED);
    format!("{}{more}", all.join(", "))
}

/// A name and its index: `buyer["north"].room[2]` is called `buyer.room[north,2]` in answers.
pub fn parted(name: &str) -> (String, Option<String>) {
    let (mut base, mut index) = (String::new(), vec![]);
    let mut rest = name.trim();
    while let Some((before, after)) = rest.split_once('[') {
        base += before.trim();
        let end = closing(after);
        index.push(after[..end].trim().to_string());
        rest = after[end..].strip_prefix(']').unwrap_or("").trim_start();
    }
    base += rest.trim();
    (base, (!index.is_empty()).then(|| index.join(",")))
}

/// Where the bracket closes that was open before; one within quotes does not count.
fn closing(after: &str) -> usize {
    let mut quoted = false;
    let ends = |(_, c): &(usize, char)| {
        quoted ^= *c == '"';
        *c == ']' && !quoted
    };
    after.char_indices().find(ends).map_or(after.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn indices_of_blocks_and_of_rows_stand_together() {
        let rows = [
            ("x", "x", None),
            ("x[2]", "x", Some("2")),
            ("flow[a, b]", "flow", Some("a, b")),
            ("buyer.room", "buyer.room", None),
            ("buyer[\"north\"].room", "buyer.room", Some("\"north\"")),
            ("buyer[\"a]\"].room[2]", "buyer.room", Some("\"a]\",2")),
            ("c@12", "c@12", None),
            ("x[", "x", Some("")),
        ];
        for (name, base, index) in rows {
            assert_eq!(parted(name), (base.to_string(), index.map(str::to_string)), "{name}");
        }
    }
}
