//! Models that have no answer, and what is said of them: `tests/diagnosis/NAME.opt` and, beside it, how the solve ends and
//! what was found, under the model with its lines numbered.
//!
//! `MERIT_BLESS=1 cargo test --test diagnosis` rewrites the texts; they are reviewed like code.

mod common;

use common::{models, repository};
use merit::answer::Status;
use merit::problem::propagate::Propagation;
use merit::{Answer, Model, Options, Prepared};
use std::ops::ControlFlow;

fn solved(model: Model, infeasible_subset: bool) -> (Answer, Prepared) {
    let mut problem = model.build().unwrap_or_else(|e| panic!("{e}"));
    let options = Options { infeasible_subset, ..Options::default() };
    let plan = problem.plan(&options).unwrap_or_else(|e| panic!("{e}"));
    let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("no bug");
    (answer, problem)
}

/// How it ended and what was found, as it stands below the numbered model or in a page.
fn said(answer: &Answer, problem: &Prepared) -> String {
    let lines = answer.diagnosis.lines(&problem.sources);
    format!("{} by {}\n", answer.status, answer.plan.method) + &lines.join("\n") + "\n"
}

#[test]
fn what_went_wrong_is_told_as_reviewed() {
    let bless = std::env::var_os("MERIT_BLESS").is_some();
    let mut differ = vec![];
    for (name, text) in models("tests/diagnosis") {
        let path = repository(&format!("tests/diagnosis/{name}.opt"));
        let model = Model::from_file(&path.display().to_string()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (answer, problem) = solved(model, true);
        let numbered: String = text.lines().enumerate().map(|(k, line)| format!("{:>3} | {line}\n", k + 1)).collect();
        let said = numbered + "\n" + &self::said(&answer, &problem);
        let beside = repository(&format!("tests/diagnosis/{name}.txt"));
        if bless {
            std::fs::write(&beside, &said).expect("the folder can be written to");
        } else if std::fs::read_to_string(&beside).unwrap_or_default() != said {
            differ.push(format!("{name}.txt should be\n{said}"));
        }
    }
    assert!(differ.is_empty(), "{} texts differ (MERIT_BLESS=1 accepts them):\n{}", differ.len(), differ.join("\n"));
}

/// In `docs/diagnosis.md` a model is followed by what is said of it, with ```` ```text iis ```` as `--iis` says it.
#[test]
fn the_page_shows_what_is_said() {
    let page = repository("docs/diagnosis.md");
    let text = std::fs::read_to_string(&page).expect("the page is there");
    let mut out = String::new();
    let mut model = String::new();
    let mut shown = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        let Some(kind) = line.strip_prefix("```") else { continue };
        let body: String = lines.by_ref().take_while(|l| *l != "```").map(|l| format!("{l}\n")).collect();
        match kind {
            "merit" => {
                model = body.clone();
                out += &body;
            }
            "text" | "text iis" => {
                let read = Model::from_str(&model).unwrap_or_else(|e| panic!("{e}"));
                let (answer, problem) = solved(read, kind == "text iis");
                out += &said(&answer, &problem);
                shown += 1;
            }
            _ => out += &body,
        }
        out += "```\n";
    }
    if std::env::var_os("MERIT_BLESS").is_some() {
        std::fs::write(&page, &out).expect("the page can be written");
        return;
    }
    assert!(shown >= 4, "only {shown} models are followed by what is said of them");
    assert!(out == text, "docs/diagnosis.md is behind (MERIT_BLESS=1 writes it):\n{out}");
}

/// A subset is called irreducible only where every member was shown to be needed, and it is infeasible by itself.
#[test]
fn subsets_that_are_called_irreducible_are() {
    let text = |rows: &[&str]| format!("var x >= 0\nvar y >= 0\nminimize x\nsubject to {{\n{}\n}}", rows.join("\n"));
    let rows = ["a: x + y <= 1", "b: 2*x + y >= 1.5", "c: x + 2*y >= 1.8", "d: x - y <= 5", "e: exp(x) <= 100"];
    let (answer, _) = solved(Model::from_str(&text(&rows)).unwrap(), true);
    let subset = answer.diagnosis.subset.expect("it is infeasible");
    assert!(subset.irreducible);
    let names: Vec<&str> = subset.members.iter().map(|m| &m.place.label[..]).collect();
    let kept: Vec<&str> = rows.iter().copied().filter(|row| names.contains(&&row[..1])).collect();
    assert_eq!(solved(Model::from_str(&text(&kept)).unwrap(), false).0.status, Status::Infeasible);
    for left_out in &kept {
        let rest: Vec<&str> = kept.iter().copied().filter(|row| row != left_out).collect();
        let status = solved(Model::from_str(&text(&rest)).unwrap(), false).0.status;
        assert_eq!(status, Status::Solved, "without {left_out}");
    }
}

/// Relaxing the named rows by the named amounts is enough, and by clearly less is not.
#[test]
fn relaxed_rows_are_enough() {
    let model = |a: f64| {
        format!(
            "var x >= 0\nvar y >= 0\nminimize x\nsubject to {{\n a: x + y <= {a:?}\n b: 2*x + y >= 1.5\n c: x + 2*y >= 1.8\n}}"
        )
    };
    let (answer, _) = solved(Model::from_str(&model(1.0)).unwrap(), false);
    let relaxation = answer.diagnosis.relaxation.expect("it is infeasible");
    let [row] = &relaxation.rows[..] else { panic!("{relaxation:?}") };
    assert_eq!(row.row.label, "a");
    let status = |a: f64| solved(Model::from_str(&model(a)).unwrap(), false).0.status;
    assert_eq!(status(row.to + 1e-7), Status::Solved);
    assert_eq!(status(row.to - 1e-3), Status::Infeasible);
}

/// Bounds that follow never cut off a point that the judge accepts.
#[test]
fn bounds_that_follow_keep_the_answers() {
    let mut tried = 0;
    for (name, _) in models("examples") {
        let path = repository(&format!("examples/{name}.opt")).display().to_string();
        let Ok(mut problem) = Model::from_file(&path).and_then(|model| model.build()) else { continue };
        let options = Options { starts: Some(1), ..Options::default() };
        let Ok(plan) = problem.plan(&options) else { continue };
        let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("no bug");
        if !matches!(answer.status, Status::Solved | Status::LocallySolved | Status::BestFound) {
            continue;
        }
        tried += 1;
        let mut propagation = Propagation::new(&problem.problem);
        assert!(propagation.run(), "{name}: a contradiction in a model that has an answer");
        for (j, (interval, &x)) in propagation.variables().iter().zip(&answer.x).enumerate() {
            let slack = 1e-5 * x.abs().max(1.0);
            let inside = interval.lo - slack <= x && x <= interval.hi + slack;
            assert!(inside, "{name}: {} = {x} is cut off by {interval:?}", problem.problem.variable_name(j));
        }
    }
    assert!(tried >= 15, "only {tried} examples were solved");
}
