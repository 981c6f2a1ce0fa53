//! The answer as text: how it ended, what was asked to be shown, and what was checked.

use super::certificate::{Certificate, Kind, Proved, Residual, SecondOrder, Witness};
use super::layout::{aligned, array, residual, significant};
use super::result::{Answer, Entry};
use super::{status::Status, stopped};
use crate::diag::Sources;
use crate::problem::Sense;

/// All of it, ending with a line end.
pub fn render(answer: &Answer, sources: &Sources, colour: bool) -> String {
    let mut out = status_line(answer, colour);
    section(&mut out, objectives(answer));
    section(&mut out, shown(answer));
    let stated = answer.sensitivities.iter().filter(|s| s.stated || !s.holds());
    section(&mut out, stated.flat_map(|s| s.lines()).collect());
    section(&mut out, certificate(&answer.certificate, sources, colour));
    section(&mut out, answer.diagnosis.lines(sources));
    section(&mut out, ensures(answer, colour));
    section(&mut out, footer(answer));
    out
}

/// `locally solved by interior_point in 8 iterations, 3 ms`, and why it stopped if it did not converge.
pub fn status_line(answer: &Answer, colour: bool) -> String {
    let code = match answer.status {
        Status::Solved | Status::LocallySolved | Status::BestFound => GREEN,
        Status::Infeasible | Status::Unbounded | Status::LocallyInfeasible | Status::Limit | Status::Interrupted => {
            YELLOW
        }
        Status::Failed => RED,
    };
    let words = painted(answer.status.words(), code, colour);
    let count = answer.counts.iterations;
    let iterations = if count == 1 { "iteration" } else { "iterations" };
    let time = answer.time.read + answer.time.plan + answer.time.solve + answer.time.certify;
    let starts = match answer.counts.starts {
        0 | 1 => String::new(),
        several => format!(", the best of {several} starts"),
    };
    let mut out = format!("{words} by {} in {count} {iterations}{starts}, {}\n", answer.plan.method, duration(time));
    if let Some(reason) = stopped(&answer.stop) {
        out += &format!("  {reason}\n");
    }
    out
}

const GREEN: &str = "1;32";
const YELLOW: &str = "1;33";
const RED: &str = "1;31";

fn painted(text: &str, code: &str, colour: bool) -> String {
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 5e-5 => "<0.1 ms".to_string(),
        s if s < 1.0 => format!("{} ms", significant(s * 1e3, if s < 0.01 { 2 } else { 3 })),
        s => format!("{} s", significant(s, 3)),
    }
}

/// Adds lines after an empty one.
fn section(out: &mut String, lines: Vec<String>) {
    if !lines.is_empty() {
        out.push('\n');
        for line in lines {
            out.push_str(&line);
            out.push('\n');
        }
    }
}

fn objectives(answer: &Answer) -> Vec<String> {
    let line = |o: &super::result::ObjectiveValue| {
        let word = match o.sense {
            Sense::Minimize => "minimize",
            Sense::Maximize => "maximize",
        };
        match answer.counts.oracles.iter().any(|asked| asked.ranks) {
            true => format!("{word} {}: candidates are ranked, and have no value", o.name),
            false if o.value.is_nan() && answer.certificate.kind == Kind::BlackBox => {
                format!("{word} {}: nothing was answered", o.name)
            }
            false => format!("{word} {} = {}", o.name, significant(o.value, 10)),
        }
    };
    answer.objectives.iter().map(line).collect()
}

/// What the model shows; where it shows nothing, its variables.
fn shown(answer: &Answer) -> Vec<String> {
    let entries = if answer.shows.is_empty() { &answer.variables } else { &answer.shows };
    let blocks: Vec<(&Entry, Vec<String>)> = entries.iter().map(|e| (e, array(&e.axes, &e.values))).collect();
    let width = blocks.iter().filter(|(_, lines)| lines.len() == 1).map(|(e, _)| e.name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut out = vec![];
    for (entry, lines) in blocks {
        match &lines[..] {
            [line] => out.push(format!("{:<width$} = {line}", entry.name)),
            lines => {
                out.push(format!("{}:", entry.name));
                out.extend(lines.iter().map(|line| format!("  {line}")));
            }
        }
    }
    out
}

/// What was checked, without colour.
pub fn certificate_lines(answer: &Answer, sources: &Sources) -> Vec<String> {
    certificate(&answer.certificate, sources, false)
}

fn certificate(certificate: &Certificate, sources: &Sources, colour: bool) -> Vec<String> {
    let holds =
        if certificate.holds() { painted("holds", GREEN, colour) } else { painted("does not hold", RED, colour) };
    let mut out = vec![format!("certificate {holds} (tolerance {})", residual(certificate.tolerance))];
    let mut table = vec![vec![String::new(), "scaled".to_string(), "unscaled".to_string(), String::new()]];
    table.extend(certificate.residuals.iter().map(|r| residual_cells(r, sources)));
    let lines = if table.len() > 1 { aligned_left_last(&table) } else { vec![] };
    out.extend(lines.into_iter().map(|line| format!("  {line}")));
    out.extend(proofs(certificate).into_iter().map(|line| format!("  {line}")));
    out
}

fn residual_cells(r: &Residual, sources: &Sources) -> Vec<String> {
    let beyond = if r.value <= r.tolerance { "" } else { "beyond the tolerance" };
    let worst = match &r.place {
        Some(place) if r.unscaled != 0.0 => {
            format!("worst at {} (line {})", place.label, sources.line_column(place.span.source, place.span.start).0)
        }
        Some(_) | None => String::new(),
    };
    let remark = [beyond, &worst].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    vec![r.name.to_string(), residual(r.value), residual(r.unscaled), remark]
}

/// Columns as [`aligned`], the last one flush left.
fn aligned_left_last(table: &[Vec<String>]) -> Vec<String> {
    let heads: Vec<Vec<String>> = table.iter().map(|row| row[..row.len() - 1].to_vec()).collect();
    let width = |lines: &[String]| lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let heads = aligned(&heads);
    let widest = width(&heads);
    let join = |(head, row): (&String, &Vec<String>)| match row.last().map(|last| &last[..]) {
        None | Some("") => head.clone(),
        Some(last) => format!("{head:<widest$}  {last}"),
    };
    heads.iter().zip(table).map(join).collect()
}

/// What was shown beyond the residuals, and what was not.
fn proofs(certificate: &Certificate) -> Vec<String> {
    let mut out = vec![];
    match &certificate.second_order {
        SecondOrder::Shown => out.push("second-order: shown".to_string()),
        SecondOrder::NotShown(reason) => out.push(format!("second-order: not shown ({reason})")),
        SecondOrder::Refuted { curvature } => out.push(format!(
            "second-order: refuted, the objective improves along a direction of curvature {}",
            residual(*curvature)
        )),
        SecondOrder::NotAsked => {}
    }
    match &certificate.proved {
        Proved::Nothing => {}
        Proved::Optimal { because, bound: Some(bound) } => {
            out.push(format!("global: {because}; no feasible point is better than {}", significant(*bound, 10)));
        }
        Proved::Optimal { because, bound: None } => out.push(format!("global: {because}")),
        Proved::Satisfied => out.push("all conditions are met".to_string()),
        Proved::Infeasible { because } => out.push(format!("proved infeasible: {because}")),
        Proved::StationaryInfeasibility { rows } => {
            let mut names: Vec<&str> = rows.iter().map(|place| &place.label[..]).collect();
            let more = names.len().saturating_sub(6);
            names.truncate(6);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            out.push(format!("these rows cannot be met near the point: {}{more}", names.join(", ")));
        }
        Proved::Unbounded { because } => out.push(format!("proved unbounded: {because}")),
    }
    if certificate.multipliers == Witness::Fitted {
        out.push("the multipliers were fitted by the judge: the method gives none".to_string());
    }
    out.extend(certificate.notes.iter().cloned());
    out
}

/// One line if all hold, else those that do not, each with its sides.
fn ensures(answer: &Answer, colour: bool) -> Vec<String> {
    let count = answer.ensures.len();
    let broken: Vec<_> = answer.ensures.iter().filter(|ensure| !ensure.holds).collect();
    if count == 0 {
        return vec![];
    }
    if broken.is_empty() {
        let all = if count == 1 { "the `ensure` holds".to_string() } else { format!("all {count} `ensure` hold") };
        return vec![all];
    }
    let line = |ensure: &&super::result::Ensured| {
        let sides = match &ensure.sides {
            Some((left, op, right)) => {
                format!(": {} {op} {} is false", significant(*left, 10), significant(*right, 10))
            }
            None => String::new(),
        };
        let verdict = painted("does not hold", RED, colour);
        format!("ensure {} (line {}) {verdict}{sides}", ensure.text, ensure.line)
    };
    broken.iter().map(line).collect()
}

fn footer(answer: &Answer) -> Vec<String> {
    let (counts, time) = (&answer.counts, &answer.time);
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut out = vec![format!(
        "{}: {}, {}",
        answer.plan.class,
        plural(counts.variables, "variable"),
        plural(counts.constraints, "constraint")
    )];
    out.extend(answer.plan.rewrites.iter().map(|rewrite| format!("rewritten: {rewrite}")));
    out.extend(answer.plan.starts.iter().map(|start| format!("start: {start}")));
    if !answer.plan.options.is_empty() {
        out.push(format!("options: {}", answer.plan.options.join(", ")));
    }
    if !answer.plan.unused_options.is_empty() {
        out.push(format!("options not used: {}", answer.plan.unused_options.join(", ")));
    }
    let e = &counts.evaluations;
    let evaluations = [
        (e.objective, "objective"),
        (e.gradient, "gradient"),
        (e.constraints, "constraints"),
        (e.jacobian, "Jacobian"),
        (e.hessian, "Hessian"),
        (e.product, "Hessian products"),
    ];
    let evaluated: Vec<String> =
        evaluations.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{what} {n}")).collect();
    if !evaluated.is_empty() {
        out.push(format!("evaluated: {}", evaluated.join(", ")));
    }
    out.push(format!(
        "time: read {}, plan {}, solve {}, certify {}",
        duration(time.read),
        duration(time.plan),
        duration(time.solve),
        duration(time.certify)
    ));
    out
}
