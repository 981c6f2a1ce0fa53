//! The rooms of `src/` and who may import whom, read from the sources. `docs/architecture.md` explains the table.
//!
//! Only what is built into the product counts: test modules may use any room.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A room and the rooms that it may import. Rows stand in order: a room imports only rooms above it, so there are no
/// cycles.
const ROOMS: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("linalg", &[]),
    ("threads", &[]),
    ("host", &[]),
    ("syntax", &["diag"]),
    ("data", &["diag"]),
    ("expr", &[]),
    ("problem", &["expr", "diag", "linalg"]),
    ("ad", &["expr", "linalg", "problem", "threads"]),
    ("sema", &["syntax", "data", "problem", "expr", "diag", "host", "linalg"]),
    ("answer", &["problem", "diag"]),
    ("interop", &["problem", "expr", "answer", "diag", "linalg"]),
    ("solve", &["problem", "ad", "expr", "linalg", "answer", "diag", "threads"]),
    ("certify", &["problem", "expr", "answer", "linalg", "threads"]),
    ("plan", &["problem", "expr", "diag", "answer", "solve", "linalg"]),
    ("oracle", &["host", "problem", "ad", "answer", "solve"]),
    ("diagnose", &["diag", "expr", "problem", "ad", "answer", "solve", "certify", "plan"]),
    (
        "session",
        &[
            "diag", "linalg", "host", "syntax", "data", "expr", "problem", "ad", "sema", "answer", "interop", "solve",
            "certify", "plan", "oracle", "diagnose", "threads",
        ],
    ),
    (
        "repl",
        &["diag", "linalg", "host", "syntax", "expr", "problem", "ad", "sema", "answer", "solve", "plan", "session"],
    ),
    ("cli", &["session", "host", "diag", "answer", "interop", "solve", "repl"]),
];

/// Paths in a room that it must not mention, although it may import their room.
const FORBIDDEN: &[(&str, &[&str])] = &[
    // The judge shares no derivatives and no findings with the engine, the methods and the planner.
    (
        "certify",
        &[
            "crate::expr::derive",
            "crate::expr::contract",
            "crate::problem::curvature",
            "crate::problem::features",
            "crate::problem::propagate",
        ],
    ),
    // The command line reads option values, nothing else of methods.
    ("cli", &["crate::solve::smooth", "crate::solve::nlp", "crate::solve::view"]),
    // Methods see problems through `Nlp`; their rows read facts.
    ("solve/smooth", &["crate::ad", "crate::expr"]),
    ("solve/black_box", &["crate::ad", "crate::expr"]),
    ("solve/equations", &["crate::ad", "crate::expr"]),
];

/// An outside crate and the only places that know it.
const CRATES: &[(&str, &[&str])] = &[
    ("ariadne", &["diag/render.rs"]),
    ("nalgebra", &["linalg/"]),
    ("faer", &["linalg/"]),
    ("pest", &["syntax/"]),
    ("pest_derive", &["syntax/"]),
    ("logos", &["syntax/"]),
    ("csv", &["data/"]),
    ("serde_json", &["data/", "diag/json.rs", "answer/", "oracle/", "session/", "cli/"]),
    ("argmin", &["solve/argmin_adapter.rs"]),
    ("argmin_math", &["solve/argmin_adapter.rs"]),
    ("clap", &["cli/"]),
    ("ctrlc", &["cli/"]),
    ("nix", &["host/"]),
    ("rustyline", &["repl/terminal/"]),
];

/// What touches the world, and who may.
const WORLD: &[&str] =
    &["std::fs", "std::env", "std::process", "Instant::now", "SystemTime", "stdin()", "println!", "eprintln!"];
const WORLDLY: &[&str] = &["host/", "cli/", "repl/terminal/", "main.rs"];

/// Lines of a file, test modules at its end included.
const LINES: usize = 800;
/// Files that are tables: splitting them would scatter one list.
const LONG_TABLES: &[(&str, usize)] = &[];

struct File {
    /// Below `src/`, with `/`.
    path: String,
    lines: usize,
    /// Without comments and test modules.
    code: String,
}

impl File {
    fn room(&self) -> Option<&str> {
        self.path.split_once('/').map(|(room, _)| room)
    }

    fn is_test(&self) -> bool {
        let parts = self.path.split('/');
        parts.into_iter().any(|p| p == "tests" || p == "testing" || p == "tests.rs" || p.ends_with("_tests.rs"))
    }
}

/// All files of `src/` that are built into the product.
fn product() -> Vec<File> {
    files().into_iter().filter(|file| !file.is_test()).collect()
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![root.clone()];
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                paths.insert(path);
            }
        }
    }
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let name: Vec<_> = path.strip_prefix(&root).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
        File { path: name.join("/"), lines: text.lines().count(), code: code_of(&text) }
    };
    paths.iter().map(read).collect()
}

/// The text without comments and without the modules that are compiled for tests only, which stand at column 0.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut skipping = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if skipping {
            skipping = line != "}";
            continue;
        }
        if line == "#[cfg(test)]" {
            skipping = lines.next_if(|next| next.contains("mod ")).is_some_and(|next| next.ends_with('{'));
            continue;
        }
        code += line.split("//").next().unwrap_or("");
        code.push('\n');
    }
    code
}

/// What stands after each `prefix` in the code, as far as it is a path; groups `a::{b, c}` give one path each.
fn paths_after(code: &str, prefix: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = vec![];
    for (at, _) in code.match_indices(prefix) {
        if code[..at].chars().next_back().is_some_and(|c| is_name(c) || c == ':' || c == '"') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(rest.chars().take_while(|&c| is_name(c) || c == ':').collect());
            continue;
        };
        let mut depth = 1;
        let mut item = String::new();
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || (c == ',' && depth == 1) {
                found.push(item.trim().to_string());
                item.clear();
            } else if depth == 1 && c != '}' {
                item.push(c);
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

fn report(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn rooms_import_only_rooms_above_them() {
    for (k, (room, imports)) in ROOMS.iter().enumerate() {
        for import in *imports {
            assert!(ROOMS[..k].iter().any(|(above, _)| above == import), "`{room}` lists `{import}`, not above it");
        }
    }
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut violations = vec![];
    let mut seen = BTreeSet::new();
    for file in product() {
        let Some(room) = file.room() else { continue };
        seen.insert(room.to_string());
        let Some(imports) = allowed.get(room) else {
            violations.push(format!("{}: the room `{room}` is not in the table", file.path));
            continue;
        };
        for path in paths_after(&file.code, "crate::") {
            let target = path.split(':').next().unwrap_or("");
            if target != room && allowed.contains_key(target) && !imports.contains(&target) {
                violations.push(format!("{}: `{room}` may not import `crate::{path}`", file.path));
            }
        }
    }
    assert!(seen.contains("certify") && seen.contains("expr"), "the sources were not found");
    report(violations);
}

#[test]
fn what_is_kept_apart_stays_apart() {
    let mut violations = vec![];
    for file in product() {
        for (place, paths) in FORBIDDEN.iter().filter(|(place, _)| file.path.starts_with(&format!("{place}/"))) {
            for path in paths_after(&file.code, "crate::").iter().map(|path| format!("crate::{path}")) {
                let within = |forbidden: &str| path == forbidden || path.starts_with(&format!("{forbidden}::"));
                if paths.iter().any(|forbidden| within(forbidden)) {
                    violations.push(format!("{}: `{place}` must not know `{path}`", file.path));
                }
            }
        }
    }
    report(violations);
}

#[test]
fn each_outside_crate_has_one_room() {
    let mut violations = vec![];
    for file in product() {
        for (name, places) in CRATES {
            let uses = !paths_after(&file.code, &format!("{name}::")).is_empty();
            if uses && !places.iter().any(|place| file.path.starts_with(place)) {
                violations.push(format!("{}: `{name}` belongs to {}", file.path, places.join(", ")));
            }
        }
    }
    report(violations);
}

#[test]
fn only_the_host_and_the_shells_touch_the_world() {
    let mut violations = vec![];
    for file in product().iter().filter(|file| !WORLDLY.iter().any(|place| file.path.starts_with(place))) {
        for word in WORLD.iter().filter(|word| file.code.contains(**word)) {
            violations.push(format!("{}: `{word}`", file.path));
        }
    }
    report(violations);
}

#[test]
fn only_the_judge_makes_certificates() {
    let makers: Vec<String> = product()
        .into_iter()
        .filter(|file| file.code.contains("::judged"))
        .map(|file| file.path)
        .filter(|path| !path.starts_with("certify/") && path != "answer/certificate.rs")
        .collect();
    report(makers);
}

#[test]
fn files_are_short() {
    let limit = |file: &File| LONG_TABLES.iter().find(|(path, _)| *path == file.path).map_or(LINES, |(_, most)| *most);
    let long = files().into_iter().filter(|file| file.lines > limit(file));
    report(long.map(|file| format!("{}: {} lines", file.path, file.lines)).collect());
}

#[test]
fn the_reader_of_sources_sees_through_groups_comments_and_tests() {
    let text = "use crate::{a::b, c::{d, e}};\n// crate::f\nlet x = crate::g::h(1); // crate::i\n\
                #[cfg(test)]\nmod tests {\n    use crate::j;\n}\nuse crate::k;\n#[cfg(test)]\nmod tests;\nuse crate::l;";
    assert_eq!(paths_after(&code_of(text), "crate::"), ["a::b", "c::", "g::h", "k", "l"]);
}
