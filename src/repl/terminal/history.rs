//! Inputs of earlier conversations: a line of a file each, with its line ends written as `\n`.
//!
//! A file that cannot be read or written is no reason to say anything: there is just no history.

use std::io::Write;
use std::path::Path;

/// Older ones are not offered, and are cut off the file when it has twice as many.
const MOST: usize = 2000;

/// The last inputs, oldest first.
pub(super) fn read(file: &Path) -> Vec<String> {
    let text = std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(MOST)..];
    if lines.len() > 2 * MOST {
        // Written beside it first, so that nothing is lost if this is cut short.
        let beside = file.with_extension("new");
        if std::fs::write(&beside, last.join("\n") + "\n").is_ok() {
            let _ = std::fs::rename(&beside, file);
        }
    }
    last.iter().map(|line| unescaped(line)).collect()
}

/// Adds an input.
pub(super) fn append(file: &Path, input: &str) {
    let open = std::fs::OpenOptions::new().append(true).create(true).open(file);
    let _ = open.and_then(|mut file| writeln!(file, "{}", escaped(input)));
}

fn escaped(input: &str) -> String {
    input.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, c == '\\') {
            (_, true) => match characters.next() {
                Some('n') => out.push('\n'),
                other => out.extend(other),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_several_lines_come_back() {
        for input in ["x", "subject to {\n  a: x <= 1\n}", "back\\slash \\n", ""] {
            assert_eq!(unescaped(&escaped(input)), input);
            assert!(!escaped(input).contains('\n'));
        }
    }
}
