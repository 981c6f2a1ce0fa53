//! Paths of data in a text that moves to another folder.

use crate::host::Host;
use crate::sema::folder_of;
use crate::syntax::{TokenKind, tokens};

/// What reads a file whose path is written as a text behind it: `csv("...")`, `use "..."`.
const READERS: &[&str] = &["csv", "json", "svmlight", "use"];

/// The text of a model that stood at `from`, for a file `to`: paths lead to the same files. Those that cannot be written so
/// are returned, and stay.
pub(super) fn relocated(text: &str, from: &str, to: &str, host: &dyn Host) -> (String, Vec<String>) {
    let (here, there) = (folder_of(from), folder_of(to));
    let mut out = String::new();
    let (mut done, mut stay) = (0, vec![]);
    for (start, end) in paths(text) {
        let path = &text[start..end];
        match moved(path, &here, &there, host) {
            Some(moved) => out += &format!("{}{moved}", &text[done..start]),
            None => {
                stay.push(path.to_string());
                out += &text[done..end];
            }
        }
        done = end;
    }
    (out + &text[done..], stay)
}

/// A path that is relative to the folder `here`, relative to `there`; both end with a slash or are the current folder.
pub(super) fn moved(path: &str, here: &str, there: &str, host: &dyn Host) -> Option<String> {
    if here == there || path.starts_with('/') {
        return Some(path.to_string());
    }
    let current = host.folder().unwrap_or_default();
    let absolute = |folder: &str, path: &str| match folder.starts_with('/') {
        true => parts(&format!("{folder}/{path}")),
        false => parts(&format!("{current}/{folder}/{path}")),
    };
    let (file, folder) = (absolute(here, path)?, absolute(there, "")?);
    let common = file.iter().zip(&folder).take_while(|(a, b)| a == b).count();
    // Folders that share nothing are no neighbours: the whole path says it more plainly.
    let root = if common == 0 && !folder.is_empty() && !current.is_empty() { "/".to_string() } else { String::new() };
    let up = if root.is_empty() { "../".repeat(folder.len() - common) } else { root };
    let moved = format!("{up}{}", file[common..].join("/"));
    (!moved.contains(['"', '\\', '\n'])).then_some(moved)
}

/// The folders of a path from the root, without `.` and `..`; `None` if it leaves the root.
fn parts(path: &str) -> Option<Vec<String>> {
    let mut out = vec![];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                out.pop()?;
            }
            name => out.push(name.to_string()),
        }
    }
    Some(out)
}

/// Where paths stand in a text, without their quotes.
fn paths(text: &str) -> Vec<(usize, usize)> {
    let all = tokens(text);
    let word = |k: usize| &text[all[k].start..all[k].end];
    let reads = |k: usize| {
        let before = match k {
            0 => return false,
            1 => word(0),
            _ if word(k - 1) == "(" => word(k - 2),
            _ => word(k - 1),
        };
        READERS.contains(&before)
    };
    let strings = (0..all.len()).filter(|&k| all[k].kind == TokenKind::Text && reads(k));
    strings.map(|k| (all[k].start + 1, all[k].end - 1)).filter(|(start, end)| start < end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Memory;

    #[test]
    fn paths_lead_to_the_same_files() {
        let rows: &[(&str, &str, &str, Option<&str>)] = &[
            ("data/a.csv", "", "", Some("data/a.csv")),
            ("data/a.csv", "examples/", "", Some("examples/data/a.csv")),
            ("data/a.csv", "", "out/", Some("../data/a.csv")),
            ("data/a.csv", "examples/", "examples/mine/", Some("../data/a.csv")),
            ("../a.csv", "examples/mine/", "", Some("examples/a.csv")),
            ("./a.csv", "./", "", Some("a.csv")),
            ("/data/a.csv", "examples/", "", Some("/data/a.csv")),
            ("../../a.csv", "examples/", "", None),
        ];
        for (path, here, there, expected) in rows {
            assert_eq!(moved(path, here, there, &Memory::default()).as_deref(), *expected, "{path} {here} {there}");
        }
        let disk = crate::host::Disk::new();
        let current = disk.folder().unwrap();
        assert_eq!(moved("a.csv", &format!("{current}/x/"), "x/", &disk).as_deref(), Some("a.csv"));
        assert_eq!(moved("a.csv", "x/", "/no/such/", &disk), Some(format!("{current}/x/a.csv")));
    }

    #[test]
    fn texts_that_are_no_paths_stay() {
        let text = "# csv(\"a.csv\")\ndata t = csv(\"a.csv\")\nset S = {\"csv\", \"b.csv\"}\nuse \"m.opt\"\n";
        let (out, stay) = relocated(text, "m.opt", "out/m.opt", &Memory::default());
        let wanted = text.replace("data t = csv(\"a", "data t = csv(\"../a").replace("use \"m", "use \"../m");
        assert_eq!((out, stay), (wanted, vec![]));
    }
}
