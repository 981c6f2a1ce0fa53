//! Wrong models and what is said of them: `tests/diagnostics/NAME.opt` and, beside it, the text as the user sees it.
//!
//! `MERIT_BLESS=1 cargo test --test diagnostics` rewrites the texts; they are reviewed like code. The pages under
//! `docs/errors` are held to what they say, too.

mod common;

use common::{check, models, repository};
use merit::diag::catalogue::CATALOGUE;
use merit::host::Disk;
use std::collections::BTreeSet;

#[test]
fn wrong_models_are_explained_as_reviewed() {
    let bless = std::env::var_os("MERIT_BLESS").is_some();
    let mut differ = vec![];
    let all = models("tests/diagnostics");
    assert!(all.len() >= 60, "only {} models", all.len());
    for (name, text) in all {
        // A relative path, so that the texts do not depend on where the repository lies.
        let checked = check(&format!("tests/diagnostics/{name}.opt"), &text, &Disk::new());
        let said = checked.rendered();
        let beside = repository(&format!("tests/diagnostics/{name}.txt"));
        if bless {
            std::fs::write(&beside, &said).expect("the folder can be written to");
        } else if std::fs::read_to_string(&beside).unwrap_or_default() != said {
            differ.push(format!("{name}.txt should be\n{said}"));
        }
        let (messages, advice) = (said.matches("] Error: ").count(), said.matches("Help: ").count());
        assert!(advice >= messages, "{name}: an error without a help\n{said}");
    }
    assert!(differ.is_empty(), "{} texts differ (MERIT_BLESS=1 accepts them):\n{}", differ.len(), differ.join("\n"));
}

/// The first word of each model is the id that it shows: `# id: ...`.
#[test]
fn each_wrong_model_triggers_its_id_once() {
    let mut surprises = vec![];
    for (name, text) in models("tests/diagnostics") {
        let checked = check(&format!("tests/diagnostics/{name}.opt"), &text, &Disk::new());
        let wanted = text.strip_prefix("# ").and_then(|t| t.split_once(':')).map(|(id, _)| id);
        let wanted = wanted.unwrap_or_else(|| panic!("{name}: the first line is `# id: what is shown`"));
        let ids = checked.ids();
        // One mistake, and at most one follow-on.
        if ids.first().copied() != Some(wanted) || ids.len() > 2 {
            surprises.push(format!("{name}: {wanted} was wanted\n{}", checked.rendered()));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// On the page of an id, the first model triggers it and the second is right.
#[test]
fn the_pages_about_meaning_tell_the_truth() {
    let mut tried = 0;
    let mut wrong_pages = vec![];
    for entry in CATALOGUE.iter().filter(|entry| entry.room == "sema") {
        let page = std::fs::read_to_string(repository(&format!("docs/errors/{}.md", entry.id)));
        let page = page.unwrap_or_else(|_| panic!("docs/errors/{}.md is missing", entry.id));
        let examples: Vec<&str> =
            page.split("```merit\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        // What only options of the command line can trigger has no model to show.
        if examples.is_empty() && entry.id == "unknown-input" {
            continue;
        }
        let [wrong, right] = examples[..] else { panic!("{}: a wrong model and a right one", entry.id) };
        let found = check("examples/page.opt", wrong, &Disk::new());
        let ids = found.ids();
        if ids.is_empty() || ids.iter().any(|id| *id != entry.id) {
            wrong_pages.push(format!("{}: the wrong model gives {ids:?}\n{}", entry.id, found.rendered()));
        }
        let fine = check("examples/page.opt", right, &Disk::new());
        if !fine.diagnostics.is_empty() || fine.problem.is_none() {
            wrong_pages.push(format!("{}: the right model gives\n{}", entry.id, fine.rendered()));
        }
        tried += 1;
    }
    assert!(wrong_pages.is_empty(), "{}", wrong_pages.join("\n"));
    assert!(tried >= 25, "only {tried} pages have examples");
}

/// Ids in the sources and rows of the catalogue are the same set.
#[test]
fn every_id_of_the_sources_has_a_row_and_every_row_a_source() {
    let mut used = BTreeSet::new();
    let mut folders = vec![repository("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                // Tests may use ids of their own.
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                for call in ["Diagnostic::error(", "Diagnostic::warning("] {
                    for rest in text.split(call).skip(1) {
                        let rest = rest.trim_start();
                        if let Some(id) = rest.strip_prefix('"').and_then(|r| r.split('"').next()) {
                            used.insert(id.to_string());
                        }
                    }
                }
            }
        }
    }
    let rows: BTreeSet<String> = CATALOGUE.iter().map(|entry| entry.id.to_string()).collect();
    let unlisted: Vec<&String> = used.difference(&rows).collect();
    assert!(unlisted.is_empty(), "without a row in the catalogue: {unlisted:?}");
    // Some ids are given through a table or a variable, so they are looked for as plain text.
    let everything = all_sources();
    let unused: Vec<&String> = rows.iter().filter(|id| !everything.contains(&format!("\"{id}\""))).collect();
    assert!(unused.is_empty(), "rows that nothing reports: {unused:?}");
}

/// All sources but the catalogue itself.
fn all_sources() -> String {
    let mut text = String::new();
    let mut folders = vec![repository("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("catalogue.rs") {
                text += &std::fs::read_to_string(&path).expect("sources are text");
            }
        }
    }
    text
}
