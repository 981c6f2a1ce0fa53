//! What all builders of the tree share: spans of a statement's pieces and small steps over pest's pairs.

use super::ast::Ident;
use super::error::SyntaxError;
use super::parser::Rule;
use crate::diag::{SourceId, Span};
use pest::iterators::{Pair, Pairs};

pub type Built<T> = Result<T, SyntaxError>;

/// Builds the tree of one statement, whose text starts at byte `base` of the source.
#[derive(Clone, Copy)]
pub struct Builder {
    pub source: SourceId,
    pub base: usize,
}

impl Builder {
    pub fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        let length = span.as_str().trim_end_matches(' ').len();
        Span::new(self.source, self.base + span.start(), self.base + span.start() + length)
    }

    pub fn ident(&self, pair: Pair<'_, Rule>) -> Ident {
        Ident { name: spelled(pair.as_str()).to_string(), span: self.span(&pair) }
    }
}

/// A name as the tree holds it: `∇` is `grad`.
pub fn spelled(name: &str) -> &str {
    if name == "∇" { "grad" } else { name }
}

/// The next pair, which the grammar promises.
pub fn next<'a>(pairs: &mut Pairs<'a, Rule>) -> Pair<'a, Rule> {
    pairs.next().expect("bug in syntax: the tree builder and grammar/merit.pest disagree")
}

/// The only pair within one.
pub fn only<'a>(pair: Pair<'a, Rule>) -> Pair<'a, Rule> {
    next(&mut pair.into_inner())
}

/// The next pair if it is of this rule.
pub fn next_if<'a>(pairs: &mut Pairs<'a, Rule>, rule: Rule) -> Option<Pair<'a, Rule>> {
    if pairs.peek()?.as_rule() == rule { pairs.next() } else { None }
}
