//! The reference of methods, generated from their rows: `docs/methods.md` holds these sections, and a test compares.

use super::method::{Claim, Method};
use super::options::{Default, OptionRow};

/// The whole page: methods and rewrites do not repeat here what their files say about how they work.
pub fn page() -> String {
    let sections: Vec<String> = super::METHODS.iter().map(|m| section(&Described::of(m))).collect();
    let nested: Vec<String> = super::bilevel::METHODS.iter().map(|m| section(&Described::of_bilevel(m))).collect();
    format!("{HEAD}\n{}\n{BILEVEL}\n{}", sections.join("\n"), nested.join("\n"))
}

/// What the page says of a method.
struct Described {
    name: &'static str,
    doc: &'static str,
    chosen: &'static str,
    source: &'static str,
    claim: Claim,
    options: &'static [OptionRow],
}

impl Described {
    fn of(method: &Method) -> Described {
        let Method { name, doc, chosen, source, claim, options, .. } = *method;
        Described { name, doc, chosen, source, claim, options }
    }

    fn of_bilevel(method: &super::bilevel::Method) -> Described {
        let super::bilevel::Method { name, doc, chosen, source, claim, options, .. } = *method;
        Described { name, doc, chosen, source, claim, options }
    }
}

const BILEVEL: &str = "# Methods for problems inside problems

They see all levels at once; [bilevel.md](bilevel.md) teaches how such problems are stated and what their certificates say.
";

const HEAD: &str = "# Methods

The planner chooses one of these; `solve with NAME { option = value }` or `--with NAME` asks for one. `merit plan` says
why it was chosen and what every other one objected to. Every method knows `seed`, a whole number; those that use
chance give the same answer for the same seed. Every one also knows `presolve`, by default `true` ([diagnosis.md](diagnosis.md)),
and `implicit`, by which linear systems of sensitivities are solved ([sensitivity.md](sensitivity.md)). This page is made from the table of methods.
";

/// A method as a section of Markdown.
fn section(method: &Described) -> String {
    let claim = match method.claim {
        Claim::Global => "that no point is better, with what shows it; the judge goes through it again",
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
            Default::Number { .. } | Default::Bool(_) | Default::Named => row.default.to_string(),
        };
        text.push_str(&format!("| `{}` | `{}` | {allowed} | {} |\n", row.name, row.default.value(), row.doc));
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}
