//! A plan in words with line numbers, and as plain serialisable values.

use super::Plan;
use crate::diag::Sources;
use crate::problem::features::Fact;
use serde::Serialize;

/// A plan for `--json`: sentences with line numbers in them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanView {
    pub class: String,
    pub facts: Vec<String>,
    /// Problems inside the problem.
    pub blocks: Vec<BlockView>,
    pub rewrites: Vec<RewriteView>,
    pub method: String,
    pub because: Vec<String>,
    pub options: Vec<OptionView>,
    pub unused_options: Vec<String>,
    pub starts_moved: Vec<String>,
    pub starts_outside: Vec<String>,
    pub others: Vec<OtherView>,
}

/// A block: who decides what, and what was proved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockView {
    /// `lower`, `player`
    pub kind: String,
    pub name: String,
    pub instances: usize,
    pub decides: Vec<String>,
    pub reads: Vec<String>,
    pub facts: Vec<String>,
    /// How an instance is solved by itself.
    pub method: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RewriteView {
    pub name: String,
    pub facts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptionView {
    pub name: String,
    pub value: crate::solve::options::Value,
    /// Set by the user, else the default.
    pub set: bool,
}

/// A method that was not chosen; `objection` is null where it would have done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OtherView {
    pub method: String,
    pub objection: Option<String>,
}

impl Plan {
    pub fn view(&self, sources: &Sources) -> PlanView {
        let all = |facts: &[Fact]| facts.iter().map(|fact| with_line(fact, sources)).collect::<Vec<String>>();
        let rewrites = self.rewrites.iter().map(|r| RewriteView { name: r.name.to_string(), facts: all(&r.facts) });
        let options =
            self.settings.iter().map(|s| OptionView { name: s.name.to_string(), value: s.value.clone(), set: s.set });
        let others = self.others.iter().map(|(method, objection)| OtherView {
            method: method.to_string(),
            objection: objection.as_ref().map(|fact| with_line(fact, sources)),
        });
        PlanView {
            class: self.class.clone(),
            facts: all(&self.facts),
            blocks: self.nest.iter().flat_map(|nest| nest.views(sources)).collect(),
            rewrites: rewrites.collect(),
            method: self.method.to_string(),
            because: all(&self.because),
            options: options.collect(),
            unused_options: self.unused_options.clone(),
            starts_moved: all(&self.start.moved),
            starts_outside: all(&self.start.outside),
            others: others.collect(),
        }
    }

    /// The plan as text: a heading in the first column, what it holds beside it.
    pub fn explain(&self, sources: &Sources) -> String {
        let view = self.view(sources);
        let mut lines = vec![];
        section(&mut lines, "class", std::iter::once(view.class).chain(view.facts));
        for block in &view.blocks {
            section(&mut lines, &block.kind, block.lines().into_iter());
        }
        section(&mut lines, "rewrites", view.rewrites.iter().map(|r| described(&r.name, &r.facts)));
        section(&mut lines, "start", view.starts_moved.into_iter().chain(view.starts_outside));
        section(&mut lines, "method", std::iter::once(view.method).chain(view.because));
        section(
            &mut lines,
            "options",
            view.options.iter().map(|o| format!("{} = {}{}", o.name, o.value, if o.set { " (set)" } else { "" })),
        );
        section(&mut lines, "unused", view.unused_options.into_iter());
        section(
            &mut lines,
            "others",
            view.others.iter().map(|o| match &o.objection {
                Some(objection) => format!("{}: {objection}", o.method),
                None => format!("{}: would do", o.method),
            }),
        );
        lines.join("\n") + "\n"
    }
}

impl BlockView {
    fn lines(&self) -> Vec<String> {
        let count = if self.instances == 1 { String::new() } else { format!(", {} instances", self.instances) };
        let reads = if self.reads.is_empty() { "nothing".to_string() } else { self.reads.join(", ") };
        let mut lines = vec![format!("{}{count}: decides {}; reads {reads}", self.name, self.decides.join(", "))];
        lines.extend(self.facts.iter().cloned());
        lines.push(format!("by itself it is solved by {}", self.method));
        lines
    }
}

fn section(lines: &mut Vec<String>, heading: &str, items: impl Iterator<Item = String>) {
    for (k, item) in items.enumerate() {
        lines.push(format!("{:<9} {item}", if k == 0 { heading } else { "" }));
    }
}

fn described(name: &str, facts: &[String]) -> String {
    if facts.is_empty() { name.to_string() } else { format!("{name}: {}", facts.join("; ")) }
}

/// The sentence with `(line 12)` behind it, and the file where there are several.
pub fn with_line(fact: &Fact, sources: &Sources) -> String {
    match fact.span {
        Some(span) if (span.source.0 as usize) < sources.files.len() => {
            let (line, _) = sources.line_column(span.source, span.start);
            match span.source.0 {
                0 => format!("{} (line {line})", fact.sentence),
                _ => format!("{} ({}:{line})", fact.sentence, sources.get(span.source).name),
            }
        }
        Some(_) | None => fact.sentence.clone(),
    }
}
