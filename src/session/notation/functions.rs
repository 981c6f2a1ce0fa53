//! Calls and aggregates.

use super::expressions::Level;
use super::{Style, Writer};
use crate::syntax::ast::{Argument, Expr, ExprKind, Generator};

impl Writer {
    pub(super) fn generators(&self, generators: &[Generator], condition: Option<&Expr>) -> String {
        let parts: Vec<String> = generators.iter().map(|g| self.generator(g)).collect();
        parts.join(", ") + &self.condition(condition)
    }

    pub(super) fn aggregate(
        &self,
        function: &Expr,
        generators: &[Generator],
        condition: Option<&Expr>,
        body: &Expr,
    ) -> (String, Level) {
        let over = self.generators(generators, condition);
        let name = match &function.kind {
            ExprKind::Name(name) => name.clone(),
            _ => self.expr(function, Level::Atom),
        };
        match AGGREGATES.iter().find(|(known, ..)| *known == name) {
            Some((_, text, latex)) => {
                let body = self.expr(body, Level::Product);
                let head = if self.text() { format!("{text}({over}) ") } else { format!("{latex}_{{{over}}} ") };
                (head + &body, Level::Aggregate)
            }
            None => {
                let inner = format!("{over}: {}", self.expr(body, Level::Any));
                (format!("{}{}", self.function_name(&name), self.parenthesised(&inner)), Level::Atom)
            }
        }
    }

    pub(super) fn function_name(&self, name: &str) -> String {
        match (self.style, LATEX_FUNCTIONS.contains(&name)) {
            (Style::Text, _) => name.to_string(),
            (Style::Latex, true) => format!("\\{name}"),
            (Style::Latex, false) => format!("\\operatorname{{{}}}", name.replace('_', "\\_")),
        }
    }

    pub(super) fn call(&self, function: &Expr, arguments: &[Argument]) -> (String, Level) {
        let values: Vec<&Expr> = arguments
            .iter()
            .filter_map(|argument| match argument {
                Argument::Value(e) => Some(e),
                Argument::Except(_) => None,
            })
            .collect();
        let name = match &function.kind {
            ExprKind::Name(name) => name.clone(),
            _ => self.expr(function, Level::Atom),
        };
        if let ([only], true) = (&values[..], values.len() == arguments.len()) {
            if let Some((_, text, latex)) = AROUND.iter().find(|(known, ..)| *known == name) {
                let (open, close) = if self.text() { text } else { latex };
                return (format!("{open}{}{close}", self.expr(only, Level::Any)), Level::Atom);
            }
            if let Some((_, text, latex)) = AGGREGATES.iter().find(|(known, ..)| *known == name) {
                let body = self.expr(only, Level::Product);
                return (format!("{} {body}", self.pick(text, latex)), Level::Aggregate);
            }
        }
        if let (Style::Latex, "dot", [a, b]) = (self.style, &name[..], &values[..]) {
            let [a, b] = [a, b].map(|e| self.expr(e, Level::Atom));
            return (format!("{{{a}}}^\\top {b}"), Level::Product);
        }
        let inner: Vec<String> = arguments
            .iter()
            .map(|argument| match argument {
                Argument::Value(e) => self.expr(e, Level::Any),
                Argument::Except(names) => format!("{} {}", self.words("except "), self.list(names)),
            })
            .collect();
        let name = match &function.kind {
            ExprKind::Name(name) => self.function_name(name),
            _ => name,
        };
        (format!("{name}{}", self.parenthesised(&inner.join(", "))), Level::Atom)
    }
}

/// Aggregates with a sign of their own: name, sign in text, sign in LaTeX.
const AGGREGATES: &[(&str, &str, &str)] = &[
    ("sum", "Σ", "\\sum"),
    ("prod", "Π", "\\prod"),
    ("min", "min", "\\min"),
    ("max", "max", "\\max"),
    ("mean", "mean", "\\operatorname*{mean}"),
    ("expect", "E", "\\operatorname*{E}"),
];

type Around = (&'static str, &'static str);

/// Functions of one argument that are written around it.
const AROUND: &[(&str, Around, Around)] = &[
    ("abs", ("|", "|"), ("\\left\\lvert ", " \\right\\rvert")),
    ("norm", ("‖", "‖"), ("\\left\\lVert ", " \\right\\rVert")),
    ("floor", ("⌊", "⌋"), ("\\left\\lfloor ", " \\right\\rfloor")),
    ("ceil", ("⌈", "⌉"), ("\\left\\lceil ", " \\right\\rceil")),
    ("sqrt", ("√(", ")"), ("\\sqrt{", "}")),
];

/// Functions that LaTeX knows by a command of the same name.
const LATEX_FUNCTIONS: &[&str] =
    &["log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "min", "max", "det", "arg", "ln"];
