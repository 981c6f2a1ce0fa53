//! Expressions, with parentheses where they are needed.

use super::Writer;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Subscript};

/// How tightly an expression binds, loosest first; an operand that binds less tightly than asked gets parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Level {
    Any,
    And,
    Relation,
    Range,
    Sum,
    /// `Σ ...`: a summand as it is, a factor only in parentheses.
    Aggregate,
    Product,
    Sign,
    Power,
    Atom,
}

impl Writer {
    pub(super) fn list(&self, items: &[Expr]) -> String {
        items.iter().map(|item| self.expr(item, Level::Any)).collect::<Vec<_>>().join(", ")
    }

    /// An expression in a place that needs at least `least`.
    pub(super) fn expr(&self, e: &Expr, least: Level) -> String {
        let (text, level) = self.bare(&e.kind);
        if level < least { self.parenthesised(&text) } else { text }
    }

    pub(super) fn parenthesised(&self, text: &str) -> String {
        if self.text() { format!("({text})") } else { format!("\\left({text}\\right)") }
    }

    /// The text without parentheses around it, and how tightly it binds.
    pub(super) fn bare(&self, kind: &ExprKind) -> (String, Level) {
        let atom = |text: String| (text, Level::Atom);
        match kind {
            ExprKind::Number(value) if *value < 0.0 => (value.to_string(), Level::Sign),
            ExprKind::Number(value) => atom(value.to_string()),
            ExprKind::Infinity => atom(self.pick("∞", "\\infty").to_string()),
            ExprKind::Bool(truth) => atom(self.words(&truth.to_string())),
            ExprKind::Text(text) => atom(self.words(&format!("\"{text}\""))),
            ExprKind::Name(name) => atom(self.name(name)),
            ExprKind::Field(base, field) => atom(self.field(base, &field.name)),
            ExprKind::Call { function, arguments } => self.call(function, arguments),
            ExprKind::Aggregate { function, generators, condition, body } => {
                self.aggregate(function, generators, condition.as_deref(), body)
            }
            ExprKind::Subscript { base, items } => {
                let parts: Vec<String> = items.iter().map(|item| self.subscript(item)).collect();
                atom(self.subscripted(self.expr(base, Level::Atom), &parts.join(", ")))
            }
            ExprKind::Transpose(base) => {
                let base = self.expr(base, Level::Atom);
                (if self.text() { format!("{base}'") } else { format!("{{{base}}}^\\top") }, Level::Power)
            }
            ExprKind::Negate(inner) => {
                (format!("{}{}", self.pick("−", "-"), self.expr(inner, Level::Product)), Level::Sign)
            }
            ExprKind::Not(inner) => {
                (format!("{}{}", self.pick("¬", "\\lnot "), self.expr(inner, Level::Atom)), Level::And)
            }
            ExprKind::Binary(op, a, b) => self.binary(*op, a, b),
            ExprKind::Sum(first, rest) => {
                let mut out = self.expr(first, Level::Sum);
                for (subtract, term) in rest {
                    let sign = if *subtract { self.pick("−", "-") } else { "+" };
                    out += &format!(" {sign} {}", self.expr(term, Level::Aggregate));
                }
                (out, Level::Sum)
            }
            ExprKind::Relation(first, rest) => {
                let mut out = self.expr(first, Level::Range);
                for (op, operand) in rest {
                    out += &format!(" {} {}", self.relation(*op), self.expr(operand, Level::Range));
                }
                (out, Level::Relation)
            }
            ExprKind::And(parts) => (self.joined(parts, self.pick(" ∧ ", " \\land ")), Level::And),
            ExprKind::Or(parts) => (self.joined(parts, self.pick(" ∨ ", " \\lor ")), Level::Any),
            ExprKind::If { condition, then, otherwise } => self.choice(condition, then, otherwise),
            ExprKind::Tuple(parts) => atom(self.parenthesised(&self.list(parts))),
            ExprKind::Array(rows) => atom(self.array(rows)),
            ExprKind::SetLiteral(parts) => atom(self.braces(&self.list(parts))),
            ExprKind::MapLiteral(entries) => {
                let entry = |(key, value): &(Expr, Expr)| {
                    format!(
                        "{} {} {}",
                        self.expr(key, Level::Any),
                        self.pick("↦", "\\mapsto"),
                        self.expr(value, Level::Any)
                    )
                };
                atom(self.braces(&entries.iter().map(entry).collect::<Vec<_>>().join(", ")))
            }
            ExprKind::SetBuilder { generators, condition, value } => {
                let inner = self.generators(generators, condition.as_deref());
                let inner = match value {
                    Some(value) => format!("{} {} {inner}", self.expr(value, Level::Sum), self.pick("|", "\\mid")),
                    None => inner,
                };
                atom(self.braces(&inner))
            }
            ExprKind::Range { from, to, step } => {
                let dots = self.pick("..", " \\mathbin{..} ");
                let mut out = format!("{}{dots}{}", self.expr(from, Level::Sum), self.expr(to, Level::Sum));
                if let Some(step) = step {
                    out += &format!("{}{}", self.words(" by "), self.expr(step, Level::Sum));
                }
                (out, Level::Range)
            }
        }
    }

    pub(super) fn joined(&self, parts: &[Expr], between: &str) -> String {
        parts.iter().map(|part| self.expr(part, Level::Relation)).collect::<Vec<_>>().join(between)
    }

    pub(super) fn braces(&self, inner: &str) -> String {
        if self.text() { format!("{{{inner}}}") } else { format!("\\{{{inner}\\}}") }
    }

    /// `pd[b]`: the column of a row is written like an array over rows, `b.pd`.
    pub(super) fn field(&self, base: &Expr, field: &str) -> String {
        let base = self.expr(base, Level::Atom);
        if self.text() { format!("{base}.{field}") } else { format!("{}_{{{base}}}", self.name(field)) }
    }

    pub(super) fn subscript(&self, item: &Subscript) -> String {
        match item {
            Subscript::At(e) => self.expr(e, Level::Any),
            Subscript::Slice { from: None, to: None, .. } => self.pick("..", "\\cdot").to_string(),
            Subscript::Slice { from, to, .. } => {
                let side = |e: &Option<Expr>| e.as_ref().map(|e| self.expr(e, Level::Sum)).unwrap_or_default();
                format!("{}{}{}", side(from), self.pick("..", " \\mathbin{..} "), side(to))
            }
        }
    }

    pub(super) fn binary(&self, op: BinaryOp, a: &Expr, b: &Expr) -> (String, Level) {
        let infix = |sign: &str, level: Level, right: Level| {
            (format!("{}{sign}{}", self.expr(a, level), self.expr(b, right)), level)
        };
        match op {
            BinaryOp::Add => infix(" + ", Level::Sum, Level::Aggregate),
            BinaryOp::Sub => infix(self.pick(" − ", " - "), Level::Sum, Level::Aggregate),
            BinaryOp::Mul if self.text() => infix("·", Level::Product, Level::Power),
            BinaryOp::Mul if begins_with_number(b) => infix(" \\cdot ", Level::Product, Level::Power),
            BinaryOp::Mul => infix(" \\, ", Level::Product, Level::Power),
            BinaryOp::Div if self.text() => infix("/", Level::Product, Level::Power),
            BinaryOp::Div => {
                let fraction = format!("\\frac{{{}}}{{{}}}", self.expr(a, Level::Any), self.expr(b, Level::Any));
                (fraction, Level::Product)
            }
            BinaryOp::Pow if self.text() => infix("^", Level::Atom, Level::Power),
            BinaryOp::Pow => {
                (format!("{{{}}}^{{{}}}", self.expr(a, Level::Atom), self.expr(b, Level::Any)), Level::Power)
            }
            BinaryOp::ElementMul => infix(self.pick(" ⊙ ", " \\odot "), Level::Product, Level::Power),
            BinaryOp::ElementDiv => infix(self.pick(" ⊘ ", " \\oslash "), Level::Product, Level::Power),
            BinaryOp::ElementPow => infix(self.pick(".^", "^{\\odot}"), Level::Atom, Level::Power),
            BinaryOp::Union => infix(self.pick(" ∪ ", " \\cup "), Level::Sum, Level::Product),
            BinaryOp::Inter => infix(self.pick(" ∩ ", " \\cap "), Level::Product, Level::Power),
            BinaryOp::Minus => infix(self.pick(" ∖ ", " \\setminus "), Level::Sum, Level::Product),
            BinaryOp::Cross => infix(self.pick(" × ", " \\times "), Level::Product, Level::Power),
        }
    }

    pub(super) fn choice(&self, condition: &Expr, then: &Expr, otherwise: &Expr) -> (String, Level) {
        let [c, a, b] = [condition, then, otherwise].map(|e| self.expr(e, Level::Any));
        if self.text() {
            return (format!("if {c} then {a} else {b}"), Level::Any);
        }
        let cases = format!("{a} & \\text{{if }} {c} \\\\ {b} & \\text{{otherwise}}");
        (format!("\\begin{{cases}} {cases} \\end{{cases}}"), Level::Atom)
    }

    pub(super) fn array(&self, rows: &[Vec<Expr>]) -> String {
        let cell = |e: &Expr| self.expr(e, Level::Any);
        if self.text() {
            let rows: Vec<String> =
                rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(", ")).collect();
            return format!("[{}]", rows.join("; "));
        }
        let rows: Vec<String> = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" & ")).collect();
        format!("\\begin{{bmatrix}} {} \\end{{bmatrix}}", rows.join(" \\\\ "))
    }
}

/// `2 \, 3` would read as 23.
fn begins_with_number(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Number(_) => true,
        ExprKind::Binary(BinaryOp::Mul | BinaryOp::Pow, a, _) => begins_with_number(a),
        _ => false,
    }
}
