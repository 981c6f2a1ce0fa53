//! The reference of methods, generated from their rows: `docs/methods.md` holds these sections, and a test compares.

use super::method::{Claim, Method};
use super::options::Default;

/// The whole page: methods and rewrites do not repeat here what their files say about how they work.
pub fn page() -> String {
    let sections: Vec<String> = super::METHODS.iter().map(section).collect();
    format!("{HEAD}\n{}", sections.join("\n"))
}

const HEAD: &str = "# Methods

The planner chooses one of these; `solve with NAME { option = value }` or `--with NAME` asks for one. `merit plan` says
why it was chosen and what every other one objected to. Every method knows `seed`, a whole number; those that use
chance give the same answer for the same seed. This page is made from the table of methods.
";

/// A method as a section of Markdown.
fn section(method: &Method) -> String {
    let claim = match method.claim {
        Claim::Stationary => "a point that satisfies first-order conditions; the judge decides what it is",
        Claim::Heuristic => "the best point seen; nothing is claimed of it",
    };
    let mut text = format!(
        "## `{}`\n\n{}.\n\n- Chosen: {}.\n- Hands back: {claim}.\n- Source: {}.\n\n| option | default | allowed | meaning |\n| --- | --- | --- | --- |\n",
        method.name,
        capital(method.doc),
        method.chosen,
        method.source
    );
    for row in method.options {
        let allowed = match row.default {
            Default::Choice { among, .. } => {
                among.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            }
            Default::Number { .. } | Default::Bool(_) => row.default.to_string(),
        };
        text.push_str(&format!("| `{}` | `{}` | {allowed} | {} |\n", row.name, row.default.value(), row.doc));
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}
