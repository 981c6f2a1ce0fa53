//! Trees back to text: parsing what is printed gives the same tree, spans apart.
//!
//! Parentheses stand only where precedence asks for them. Comments are not part of a tree, so this is not the
//! formatter of files; it prints single statements and expressions for people to read.

use super::ast::{
    Argument, BinaryOp, Expr, ExprKind, File, Generator, GeneratorKind, IndexItem, IndexSpec, Statement, Subscript,
};
use super::operators::{Power, infix, relation_text};

/// The text of a file, one statement a line, blocks indented by two spaces.
pub fn file(file: &File) -> String {
    let mut printer = Printer::default();
    for statement in &file.statements {
        printer.statement(statement);
    }
    printer.text
}

/// The text of one statement, with its line end.
pub fn statement(statement: &Statement) -> String {
    let mut printer = Printer::default();
    printer.statement(statement);
    printer.text
}

/// The text of an expression, on one line.
pub fn expression(expr: &Expr) -> String {
    let mut printer = Printer::default();
    printer.expr(expr, Power::Or);
    printer.text
}

#[derive(Default)]
pub(super) struct Printer {
    pub(super) text: String,
    indent: usize,
    /// Sums are printed without spaces: in a subscript or a range, `x[k+1]` and `0..n-1` read best.
    tight: bool,
}

impl Printer {
    pub(super) fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Items with a separator between.
    pub(super) fn list<T>(&mut self, items: &[T], separator: &str, mut print: impl FnMut(&mut Printer, &T)) {
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.put(separator);
            }
            print(self, item);
        }
    }

    /// Prints with or without spaces in sums.
    fn tight(&mut self, tight: bool, print: impl FnOnce(&mut Printer)) {
        let before = std::mem::replace(&mut self.tight, tight);
        print(self);
        self.tight = before;
    }

    pub(super) fn line(&mut self, print: impl FnOnce(&mut Printer)) {
        for _ in 0..self.indent {
            self.put("  ");
        }
        print(self);
        self.put("\n");
    }

    /// ` {`, the lines that `print` writes, `}`.
    pub(super) fn braces(&mut self, print: impl FnOnce(&mut Printer)) {
        self.put(" {\n");
        self.indent += 1;
        print(self);
        self.indent -= 1;
        for _ in 0..self.indent {
            self.put("  ");
        }
        self.put("}");
    }

    pub(super) fn index(&mut self, index: &Option<IndexSpec>) {
        let Some(index) = index else { return };
        self.put("[");
        self.list(&index.items, ", ", |printer, item| match item {
            IndexItem::Binder(generator) => printer.generator(generator),
            // A relation here would be read as a generator.
            IndexItem::Domain(domain) => printer.expr(domain, Power::Choose),
        });
        self.condition(&index.condition);
        self.put("]");
    }

    fn generator(&mut self, generator: &Generator) {
        match &generator.names[..] {
            [name] => self.put(&name.name),
            names => {
                self.put("(");
                self.list(names, ", ", |printer, name| printer.put(&name.name));
                self.put(")");
            }
        }
        self.put(match generator.kind {
            GeneratorKind::In => " in ",
            GeneratorKind::Sample => " ~ ",
        });
        self.expr(&generator.domain, Power::Choose);
    }

    fn condition(&mut self, condition: &Option<Box<Expr>>) {
        if let Some(condition) = condition {
            self.put(" where ");
            self.expr(condition, Power::Or);
        }
    }

    /// Prints `expr` where a power of at least `least` is asked for.
    pub(super) fn expr(&mut self, expr: &Expr, least: Power) {
        if power_of(&expr.kind) >= least {
            return self.bare(&expr.kind);
        }
        self.put("(");
        self.bare(&expr.kind);
        self.put(")");
    }

    fn bare(&mut self, kind: &ExprKind) {
        match kind {
            ExprKind::Number(value) => self.put(&number(*value)),
            ExprKind::Infinity => self.put("inf"),
            ExprKind::Bool(value) => self.put(if *value { "true" } else { "false" }),
            ExprKind::Text(text) => self.put(&quoted(text)),
            ExprKind::Name(name) => self.put(name),
            ExprKind::Field(base, field) => {
                self.base(base);
                self.put(".");
                self.put(&field.name);
            }
            ExprKind::Call { function, arguments } => {
                self.base(function);
                self.put("(");
                let before = std::mem::replace(&mut self.tight, false);
                self.list(arguments, ", ", |printer, argument| match argument {
                    Argument::Value(value) => printer.expr(value, Power::Or),
                    Argument::Except(words) => {
                        printer.put("except ");
                        printer.list(words, ", ", |printer, word| printer.expr(word, Power::Or));
                    }
                });
                self.tight = before;
                self.put(")");
            }
            ExprKind::Aggregate { function, generators, condition, body } => {
                self.base(function);
                self.put("(");
                self.list(generators, ", ", Printer::generator);
                self.condition(condition);
                self.put(": ");
                self.expr(body, Power::Or);
                self.put(")");
            }
            ExprKind::Subscript { base, items } => {
                self.base(base);
                self.put("[");
                self.list(items, ", ", Printer::subscript);
                self.put("]");
            }
            ExprKind::Transpose(base) => {
                self.base(base);
                self.put("'");
            }
            ExprKind::Negate(operand) => {
                self.put("-");
                self.expr(operand, Power::Sign);
            }
            ExprKind::Not(operand) => {
                self.put("not ");
                self.expr(operand, Power::Not);
            }
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right),
            ExprKind::Sum(first, rest) => {
                self.expr(first, Power::Product);
                for (subtract, operand) in rest {
                    self.put(if *subtract { " - " } else { " + " });
                    self.expr(operand, Power::Product);
                }
            }
            ExprKind::Relation(first, rest) => {
                self.expr(first, Power::Choose);
                for (op, side) in rest {
                    self.put(" ");
                    self.put(relation_text(*op));
                    self.put(" ");
                    self.expr(side, Power::Choose);
                }
            }
            ExprKind::And(operands) => self.list(operands, " and ", |printer, o| printer.expr(o, Power::Not)),
            ExprKind::Or(operands) => self.list(operands, " or ", |printer, o| printer.expr(o, Power::And)),
            ExprKind::If { condition, then, otherwise } => {
                self.put("if ");
                self.expr(condition, Power::Or);
                self.put(" then ");
                self.expr(then, Power::Choose);
                self.put(" else ");
                self.expr(otherwise, Power::Choose);
            }
            ExprKind::Tuple(parts) => {
                self.put("(");
                self.list(parts, ", ", |printer, part| printer.expr(part, Power::Or));
                self.put(")");
            }
            ExprKind::Array(rows) => {
                self.put("[");
                self.list(rows, "; ", |printer, row| {
                    printer.list(row, ", ", |printer, cell| printer.expr(cell, Power::Or));
                });
                self.put("]");
            }
            ExprKind::SetLiteral(elements) => {
                self.put("{");
                self.list(elements, ", ", Printer::element);
                self.put("}");
            }
            ExprKind::MapLiteral(entries) => {
                self.put("{");
                self.list(entries, ", ", |printer, (key, value)| {
                    printer.element(key);
                    printer.put(": ");
                    printer.expr(value, Power::Or);
                });
                self.put("}");
            }
            ExprKind::SetBuilder { generators, condition, value } => {
                self.put("{");
                self.list(generators, ", ", Printer::generator);
                self.condition(condition);
                if let Some(value) = value {
                    self.put(": ");
                    self.expr(value, Power::Or);
                }
                self.put("}");
            }
            ExprKind::Range { from, to, step } => {
                let tight = is_short(from) && is_short(to);
                self.tight(tight, |printer| {
                    printer.expr(from, Power::Sum);
                    printer.put(if tight { ".." } else { " .. " });
                    printer.expr(to, Power::Sum);
                });
                if let Some(step) = step {
                    self.put(" by ");
                    self.expr(step, Power::Sum);
                }
            }
        }
    }

    /// What a postfix is attached to. A number takes none, so it stands in parentheses.
    fn base(&mut self, base: &Expr) {
        if matches!(base.kind, ExprKind::Number(_)) {
            self.put("(");
            self.bare(&base.kind);
            return self.put(")");
        }
        self.expr(base, Power::Postfix);
    }

    fn subscript(&mut self, item: &Subscript) {
        match item {
            Subscript::At(at) => self.tight(is_short(at), |printer| printer.expr(at, Power::Or)),
            Subscript::Slice { from, to, .. } => {
                if let Some(from) = from {
                    self.expr(from, Power::Sum);
                }
                self.put("..");
                if let Some(to) = to {
                    self.expr(to, Power::Sum);
                }
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let row = infix(op);
        let (at_left, at_right) = match row.power {
            Power::Raise => (Power::Postfix, Power::Raise),
            // A sum of two inside a sum was in parentheses, or it would be one sum of three.
            Power::Sum => (Power::Product, Power::Product),
            power => (power, power.tighter()),
        };
        self.expr(left, at_left);
        let raised = row.power == Power::Raise;
        let space = if raised || self.tight && row.power == Power::Sum { "" } else { " " };
        self.put(space);
        self.put(row.text);
        self.put(space);
        // A power takes a signed exponent as it is.
        match &right.kind {
            ExprKind::Negate(_) if raised => self.bare(&right.kind),
            _ => self.expr(right, at_right),
        }
    }

    /// An element of a set, or a key of a map: one that looks like a generator needs parentheses.
    fn element(&mut self, element: &Expr) {
        let least = if matches!(element.kind, ExprKind::Relation(..)) { Power::Choose } else { Power::Or };
        self.expr(element, least);
    }
}

/// How tightly a node binds.
fn power_of(kind: &ExprKind) -> Power {
    match kind {
        ExprKind::Or(_) => Power::Or,
        ExprKind::And(_) => Power::And,
        ExprKind::Not(_) => Power::Not,
        ExprKind::Relation(..) => Power::Relation,
        ExprKind::If { .. } => Power::Choose,
        ExprKind::Binary(op, ..) => infix(*op).power,
        ExprKind::Range { .. } => Power::Range,
        ExprKind::Sum(..) => Power::Sum,
        ExprKind::Negate(_) => Power::Sign,
        ExprKind::Number(_)
        | ExprKind::Infinity
        | ExprKind::Bool(_)
        | ExprKind::Text(_)
        | ExprKind::Name(_)
        | ExprKind::Field(..)
        | ExprKind::Call { .. }
        | ExprKind::Aggregate { .. }
        | ExprKind::Subscript { .. }
        | ExprKind::Transpose(_)
        | ExprKind::Tuple(_)
        | ExprKind::Array(_)
        | ExprKind::SetLiteral(_)
        | ExprKind::MapLiteral(_)
        | ExprKind::SetBuilder { .. } => Power::Postfix,
    }
}

/// Whether a range reads well without spaces around its points.
fn is_short(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Name(_) | ExprKind::Field(..) | ExprKind::Call { .. } => true,
        ExprKind::Negate(operand) => is_short(operand),
        ExprKind::Binary(BinaryOp::Add | BinaryOp::Sub, left, right) => is_short(left) && is_short(right),
        _ => false,
    }
}

/// The shortest text that reads as the same number.
pub fn number(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_string)
}

pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
