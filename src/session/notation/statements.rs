//! What is given and decided, objectives, rows and definitions.

use super::expressions::Level;
use super::names::sense_word;
use super::{Style, Writer};
use crate::syntax::ast::{
    Check, Expr, ExprKind, Generator, GeneratorKind, IndexItem, IndexSpec, Label, Module, Row, StatementKind,
    VarAttribute,
};

impl Writer {
    /// A parameter, a set, or a table.
    pub(super) fn given(&self, kind: &StatementKind) -> Option<String> {
        match kind {
            StatementKind::Param { name, index, checks, value, default } => {
                let mut out = self.indexed_name(&name.name, index.as_ref());
                for check in checks {
                    out += &match check {
                        Check::Relation(op, bound) => {
                            format!(" {} {}", self.relation(*op), self.expr(bound, Level::Sum))
                        }
                        Check::In(set) => self.membership(set),
                        Check::Integer(_) => self.pick(" ∈ ℤ", " \\in \\mathbb{Z}").to_string(),
                        Check::Binary(_) => self.pick(" ∈ {0, 1}", " \\in \\{0, 1\\}").to_string(),
                    };
                }
                if let Some(value) = value.as_ref().or(default.as_ref()) {
                    out += &format!(" = {}", self.expr(value, Level::Any));
                }
                Some(out + &self.for_all(index.as_ref()))
            }
            StatementKind::Data { name, value, key } => {
                let mut out = self.name(&name.name);
                if let Some(value) = value {
                    out += &format!(" = {}", self.expr(value, Level::Any));
                }
                if !key.is_empty() {
                    let names: Vec<String> = key.iter().map(|k| self.name(&k.name)).collect();
                    out += &format!("{}{}", self.words(", key "), names.join(", "));
                }
                Some(out)
            }
            StatementKind::Set { name, index, value } => Some(format!(
                "{} = {}{}",
                self.indexed_name(&name.name, index.as_ref()),
                self.expr(value, Level::Any),
                self.for_all(index.as_ref())
            )),
            _ => None,
        }
    }

    pub(super) fn variable(&self, kind: &StatementKind) -> Option<String> {
        let StatementKind::Var { name, index, attributes } = kind else { return None };
        let mut out = self.indexed_name(&name.name, index.as_ref());
        let (mut domain, mut bounds) = (None, String::new());
        for attribute in attributes {
            match attribute {
                VarAttribute::Bound(op, bound) => {
                    bounds += &format!(" {} {}", self.relation(*op), self.expr(bound, Level::Sum));
                }
                VarAttribute::In(set) => bounds += &self.membership(set),
                VarAttribute::Integer(_) => domain = Some("integer"),
                VarAttribute::Binary(_) => domain = Some("binary"),
                VarAttribute::Start(_) | VarAttribute::Scale(_) | VarAttribute::Dual(..) => {}
            }
        }
        out += &bounds;
        match domain {
            Some(domain) => out += &self.words(&format!(", {domain}")),
            None if bounds.is_empty() => out += self.pick(" ∈ ℝ", " \\in \\mathbb{R}"),
            None => {}
        }
        Some(out + &self.for_all(index.as_ref()))
    }

    /// ` ∈ S`; an array of two is an interval.
    pub(super) fn membership(&self, set: &Expr) -> String {
        let text = match &set.kind {
            ExprKind::Array(rows) => match &rows[..] {
                [row] => format!("[{}]", self.list(row)),
                _ => self.expr(set, Level::Range),
            },
            _ => self.expr(set, Level::Range),
        };
        format!(" {} {text}", self.pick("∈", "\\in"))
    }

    /// The head (`minimize`) and the formula.
    pub(super) fn objective(&self, kind: &StatementKind) -> Option<(String, String)> {
        match kind {
            StatementKind::Objective { sense, label, value, .. } => {
                let named = self.label(label.as_ref());
                let index = self.for_all(label.as_ref().and_then(|label| label.index.as_ref()));
                Some((sense_word(*sense).to_string(), format!("{named}{}{index}", self.expr(value, Level::Any))))
            }
            StatementKind::Saddle { first, first_over, second, second_over, value } => {
                let over = |names: &[Expr]| self.list(names);
                let body = format!(
                    "{}{}{}: {}",
                    over(first_over),
                    self.words(&format!(" {} over ", sense_word(*second))),
                    over(second_over),
                    self.expr(value, Level::Any)
                );
                Some((format!("{} over", sense_word(*first)), body))
            }
            _ => None,
        }
    }

    pub(super) fn row(&self, row: &Row) -> String {
        let index = row.label.as_ref().and_then(|label| label.index.as_ref());
        let mut out = self.label(row.label.as_ref()) + &self.expr(&row.body, Level::Any);
        if let Some(complement) = &row.complement {
            out += &format!(" {} {}", self.pick("⊥", "\\perp"), self.expr(complement, Level::Any));
        }
        out + &self.for_all(index)
    }

    /// A named expression, a function, or another statement that says what a name means.
    pub(super) fn definition(&self, kind: &StatementKind) -> Option<String> {
        match kind {
            StatementKind::Let { name, index, value } => Some(format!(
                "{} = {}{}",
                self.indexed_name(&name.name, index.as_ref()),
                self.expr(value, Level::Any),
                self.for_all(index.as_ref())
            )),
            StatementKind::Def { name, formals, value } => {
                let formals: Vec<String> = formals.iter().map(|f| self.name(&f.name.name)).collect();
                let head = format!("{}({})", self.name(&name.name), formals.join(", "));
                Some(format!("{head} = {}", self.expr(value, Level::Any)))
            }
            StatementKind::Use { module } => Some(match module {
                Module::Dotted(parts) => {
                    let parts: Vec<&str> = parts.iter().map(|part| &part.name[..]).collect();
                    self.words(&format!("use {}", parts.join(".")))
                }
                Module::Path(path, _) => self.words(&format!("use \"{path}\"")),
            }),
            StatementKind::Oracle { name, formals, value, .. } => {
                let formals: Vec<String> = formals.iter().map(|f| self.name(&f.name.name)).collect();
                let head = format!("{}({})", self.name(&name.name), formals.join(", "));
                Some(format!("{head}{}{}", self.words(", an oracle: "), self.expr(value, Level::Any)))
            }
            StatementKind::External { name, formals, .. } => {
                let formals: Vec<String> = formals.iter().map(|f| self.name(&f.name.name)).collect();
                let head = format!("{}({})", self.name(&name.name), formals.join(", "));
                Some(format!("{head}{}", self.words(", external")))
            }
            _ => None,
        }
    }

    /// `balance[v]: `
    pub(super) fn label(&self, label: Option<&Label>) -> String {
        match (label, self.style) {
            (None, _) => String::new(),
            (Some(label), Style::Text) => format!("{}: ", self.indexed_name(&label.name.name, label.index.as_ref())),
            (Some(label), Style::Latex) => format!("\\text{{{}:}}\\quad ", label.name.name.replace('_', "\\_")),
        }
    }

    /// `x[i]`, `x_{i}`: a declared name with the names that its index binds, or its sets where it binds none.
    pub(super) fn indexed_name(&self, name: &str, index: Option<&IndexSpec>) -> String {
        let Some(index) = index else { return self.name(name) };
        let parts: Vec<String> = index
            .items
            .iter()
            .flat_map(|item| match item {
                IndexItem::Binder(generator) => generator.names.iter().map(|n| self.name(&n.name)).collect(),
                IndexItem::Domain(set) => vec![self.expr(set, Level::Any)],
            })
            .collect();
        self.subscripted(self.name(name), &parts.join(", "))
    }

    pub(super) fn subscripted(&self, base: String, index: &str) -> String {
        if self.text() { format!("{base}[{index}]") } else { format!("{{{base}}}_{{{index}}}") }
    }

    /// `, ∀ i ∈ I`; nothing where the index binds no names.
    pub(super) fn for_all(&self, index: Option<&IndexSpec>) -> String {
        let Some(index) = index else { return String::new() };
        let binders: Vec<String> = index
            .items
            .iter()
            .filter_map(|item| match item {
                IndexItem::Binder(generator) => Some(self.generator(generator)),
                IndexItem::Domain(_) => None,
            })
            .collect();
        if binders.is_empty() {
            return String::new();
        }
        let condition = self.condition(index.condition.as_deref());
        format!("{}{}{condition}", self.pick("   ∀ ", " \\qquad \\forall\\, "), binders.join(", "))
    }

    pub(super) fn condition(&self, condition: Option<&Expr>) -> String {
        match condition {
            Some(condition) => format!("{} {}", self.pick(" :", " :"), self.expr(condition, Level::Any)),
            None => String::new(),
        }
    }

    pub(super) fn generator(&self, generator: &Generator) -> String {
        let names: Vec<String> = generator.names.iter().map(|n| self.name(&n.name)).collect();
        let names = if names.len() == 1 { names[0].clone() } else { format!("({})", names.join(", ")) };
        let sign = match generator.kind {
            GeneratorKind::In => self.pick("∈", "\\in"),
            GeneratorKind::Sample => self.pick("~", "\\sim"),
        };
        format!("{names} {sign} {}", self.expr(&generator.domain, Level::Range))
    }
}
