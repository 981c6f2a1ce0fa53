//! `:plot EXPRESSION | progress [FILE.svg]`

use super::{Line, answered, expression, usage, wrong};
use crate::answer::layout::{number, significant};
use crate::answer::plot::{Axis, Chart, Curve, Panel, render};
use crate::diag::{Diagnostic, Span};
use crate::repl::conversation::{Conversation, Watch};
use crate::repl::expression::evaluated;
use crate::repl::reply::Reply;

/// Of a drawing in characters.
const WIDTH: usize = 64;
const HEIGHT: usize = 12;

/// Numbers to draw, with the words of the axes.
struct Drawn {
    title: String,
    x: &'static str,
    y: String,
    logarithmic: bool,
    points: Vec<(f64, f64)>,
}

pub(super) fn run(conversation: &mut Conversation, line: &Line, _watch: Watch) -> Reply {
    let (what, file) = match line.rest.rsplit_once(char::is_whitespace) {
        Some((what, file)) if file.ends_with(".svg") => (what.trim(), Some(file)),
        Some(_) | None => (line.rest.as_str(), None),
    };
    if what.is_empty() {
        return usage(conversation, line);
    }
    let drawn = match what {
        "progress" if conversation.script.declaring("progress").is_none() => progress(conversation, line),
        _ => {
            let at = Span { end: line.rest_at.start + what.len() as u32, ..line.rest_at };
            vector(conversation, what, at)
        }
    };
    let drawn = match drawn {
        Ok(drawn) => drawn,
        Err(reply) => return reply,
    };
    let Some(file) = file else { return Reply::said(characters(&drawn)) };
    match conversation.host.write(file, render(&chart(&drawn)).as_bytes()) {
        Ok(()) => Reply::said(format!("drawn in `{file}`")),
        Err(reason) => {
            let message = format!("cannot write `{file}`: {reason}");
            wrong(conversation, Diagnostic::error("unwritable-file", line.rest_at, message))
        }
    }
}

/// How far the objective was from its last value, iteration by iteration.
fn progress(conversation: &Conversation, line: &Line) -> Result<Drawn, Reply> {
    let log = &answered(conversation, line)?.answer.log;
    let end = log.last().map_or(f64::NAN, |line| line.objective);
    let points = log.iter().map(|line| (line.iteration as f64, (line.objective - end).abs()));
    let points = points.filter(|(_, gap)| *gap > 0.0).collect();
    let y = "|objective - last|".to_string();
    Ok(Drawn { title: "progress".to_string(), x: "iterations", y, logarithmic: true, points })
}

fn vector(conversation: &mut Conversation, what: &str, at: Span) -> Result<Drawn, Reply> {
    let expr = expression(conversation, at)?;
    let (shown, _) = evaluated(conversation, &expr).map_err(Reply::refused)?;
    let Some(values) = shown.values else {
        let said = Diagnostic::error("bad-command", at, format!("`{what}` has no value yet"));
        return Err(wrong(conversation, said.help("`:solve` finds one")));
    };
    let points = values.into_iter().enumerate().map(|(k, v)| ((k + 1) as f64, v)).collect();
    Ok(Drawn { title: what.to_string(), x: "element", y: what.to_string(), logarithmic: false, points })
}

fn chart(drawn: &Drawn) -> Chart {
    let x = Axis { label: drawn.x.to_string(), logarithmic: false, from_zero: true };
    let y = Axis { label: drawn.y.clone(), logarithmic: drawn.logarithmic, from_zero: false };
    let curves = vec![Curve { entry: 0, points: drawn.points.clone() }];
    Chart { title: drawn.title.clone(), panels: vec![Panel { x, y, curves }], legend: vec![drawn.y.clone()] }
}

/// The points on a grid of characters, with the least and the largest value beside it.
fn characters(drawn: &Drawn) -> String {
    let height = |v: f64| if drawn.logarithmic { v.log10() } else { v };
    let points: Vec<(f64, f64)> =
        drawn.points.iter().map(|(x, y)| (*x, height(*y))).filter(|(_, y)| y.is_finite()).collect();
    if points.is_empty() {
        return format!("{}: nothing to draw", drawn.title);
    }
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || points.iter().map(of);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let ((left, right), (low, high)) = (range(|p| p.0), range(|p| p.1));
    let place = |v: f64, (low, high): (f64, f64), cells: usize| match high > low {
        true => ((v - low) / (high - low) * (cells - 1) as f64).round() as usize,
        false => 0,
    };
    let mut grid = vec![vec![' '; WIDTH]; HEIGHT];
    for (x, y) in &points {
        grid[HEIGHT - 1 - place(*y, (low, high), HEIGHT)][place(*x, (left, right), WIDTH)] = '*';
    }
    let back = |v: f64| if drawn.logarithmic { significant(10f64.powf(v), 3) } else { number(v) };
    let label = |k: usize| match k {
        0 => back(high),
        k if k + 1 == HEIGHT => back(low),
        _ => String::new(),
    };
    let mut out = format!("{}\n", drawn.y);
    for (k, row) in grid.iter().enumerate() {
        let row: String = row.iter().collect();
        out += &format!("{:>14} |{}\n", label(k), row.trim_end());
    }
    out + &format!("{:>14} +{}\n{:>16}{} to {} ({})\n", "", "-".repeat(WIDTH), "", number(left), number(right), drawn.x)
}
