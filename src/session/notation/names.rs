//! Names, words and signs of each style.

use super::{Style, Writer};
use crate::syntax::ast::{RelOp, Sense};

impl Writer {
    pub(super) fn text(&self) -> bool {
        self.style == Style::Text
    }

    /// The first in a text, the second for LaTeX.
    pub(super) fn pick<'s>(&self, text: &'s str, latex: &'s str) -> &'s str {
        if self.text() { text } else { latex }
    }

    pub(super) fn words(&self, words: &str) -> String {
        if self.text() { words.to_string() } else { format!("\\text{{{}}}", words.replace('_', "\\_")) }
    }

    pub(super) fn name(&self, name: &str) -> String {
        if self.text() {
            return name.to_string();
        }
        if GREEK.contains(&name) {
            return format!("\\{name}");
        }
        if name.chars().count() == 1 {
            return name.to_string();
        }
        format!("\\mathit{{{}}}", name.replace('_', "\\_"))
    }

    pub(super) fn relation(&self, op: RelOp) -> &'static str {
        let (text, latex) = match op {
            RelOp::Le => ("≤", "\\le"),
            RelOp::Ge => ("≥", "\\ge"),
            RelOp::Lt => ("<", "<"),
            RelOp::Gt => (">", ">"),
            RelOp::Eq | RelOp::Assign => ("=", "="),
            RelOp::Ne => ("≠", "\\ne"),
            RelOp::In => ("∈", "\\in"),
            RelOp::NotIn => ("∉", "\\notin"),
            RelOp::Distributed => ("~", "\\sim"),
        };
        if self.text() { text } else { latex }
    }
}

pub(super) fn sense_word(sense: Sense) -> &'static str {
    match sense {
        Sense::Minimize => "minimize",
        Sense::Maximize => "maximize",
    }
}

/// Names that LaTeX knows as Greek letters.
const GREEK: &[&str] = &[
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Phi", "Psi", "Omega",
];
