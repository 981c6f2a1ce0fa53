//! One mistake, one message: what is said again at other places becomes labels of the first.
//!
//! A misspelt declaration is missed at each use, and an index set that is too short fails each reader. These are told
//! from separate mistakes by their sentence and by the related places (the declaration) that they share.

use crate::diag::{Diagnostic, Label, Span};

/// Places shown beside the first.
const MOST: usize = 4;

/// Joins diagnostics with the same id, sentence and related places. The first keeps its place; the others become
/// labels of it. What shares neither a name in its sentence nor a related place is left as it is.
pub(super) fn gathered(all: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<(Diagnostic, Vec<Span>)> = vec![];
    for diagnostic in all {
        let known = kept.iter_mut().find(|(first, _)| is_repeat(first, &diagnostic));
        match known {
            Some((_, places)) => places.push(diagnostic.primary()),
            None => kept.push((diagnostic, vec![])),
        }
    }
    kept.into_iter().map(|(diagnostic, places)| with_places(diagnostic, &places)).collect()
}

fn is_repeat(first: &Diagnostic, other: &Diagnostic) -> bool {
    let gathers =
        matches!(first.id, "undefined-name" | "no-such-field" | "index-outside" | "wrong-arity" | "wrong-kind");
    let related = |d: &Diagnostic| d.labels[1..].iter().map(|l| l.span).collect::<Vec<Span>>();
    // Labels over several instances may name other elements: only places count.
    gathers
        && first.id == other.id
        && first.message == other.message
        && related(first) == related(other)
        && (first.labels.len() > 1 || first.message.contains('`'))
}

fn with_places(mut diagnostic: Diagnostic, places: &[Span]) -> Diagnostic {
    let mut seen = vec![diagnostic.primary()];
    for &place in places {
        if seen.contains(&place) {
            continue;
        }
        seen.push(place);
        if seen.len() <= MOST + 1 {
            diagnostic.labels.push(Label { span: place, text: "and here".to_string() });
        }
    }
    if seen.len() > MOST + 1
        && let Some(last) = diagnostic.labels.last_mut()
    {
        last.text = format!("and here, and at {} more places", seen.len() - MOST - 1);
    }
    diagnostic
}
