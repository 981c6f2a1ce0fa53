//! Whole files through the front end.

mod damage;
mod messages;
mod roundtrip;
mod trees;

use super::ast::File;
use std::path::PathBuf;

/// Name and text of every `.opt` file in a folder of the project, by name.
fn models(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "opt"))
        .collect();
    files.sort();
    let name = |path: &PathBuf| path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    files.iter().map(|path| (name(path), std::fs::read_to_string(path).expect("a readable model"))).collect()
}

/// A tree as text without its spans: equal iff the trees are equal but for places.
fn shape(file: &File) -> String {
    let text = format!("{file:?}");
    let mut parts = text.split("Span { ");
    let mut shape = parts.next().unwrap_or("").to_string();
    for part in parts {
        shape.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    shape
}

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}
