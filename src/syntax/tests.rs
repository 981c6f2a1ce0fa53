//! Whole files through the front end.

use super::*;
use crate::diag::{Severity, SourceId};

fn models() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the examples are there")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "opt"))
        .collect();
    files.sort();
    let read = |path: std::path::PathBuf| {
        (path.display().to_string(), std::fs::read_to_string(&path).expect("a readable model"))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_example_parses() {
    let models = models();
    assert!(models.len() >= 16);
    for (name, text) in models {
        let (file, diagnostics) = parse(SourceId(0), &text);
        assert!(diagnostics.is_empty(), "{name}: {diagnostics:#?}");
        assert!(!file.statements.is_empty(), "{name}");
        assert!(diagnostics.iter().all(|d| d.severity == Severity::Error));
    }
}
