//! A model in set form: as Unicode text, or for LaTeX.
//!
//! Works on the tree of the file, so what is shown is the model as stated, before data are read: sums stay sums and
//! families stay families. One walk serves both styles; where they differ, [`Style`] decides.

use crate::syntax::ast::{
    Argument, BinaryOp, BlockKind, Check, Expr, ExprKind, File, Generator, GeneratorKind, IndexItem, IndexSpec, Label,
    Module, RelOp, Row, Sense, Statement, StatementKind, Subscript, VarAttribute,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Text,
    Latex,
}

/// The model: what is given, what is decided, the objectives, the constraints, the named expressions.
pub fn set_form(file: &File, style: Style) -> String {
    let mut lines = vec![];
    sections(&file.statements, style, &mut lines);
    match style {
        Style::Text => {
            let mut out = String::new();
            for (k, line) in lines.iter().enumerate() {
                if k > 0 && !line.head.trim().is_empty() {
                    out.push('\n');
                }
                out += &format!("{:<11} {}\n", line.head, line.body);
            }
            out
        }
        Style::Latex => {
            let rows: Vec<String> = lines
                .iter()
                .map(|line| match &line.head[..] {
                    "" => format!("  & {}", line.body),
                    head => format!("  \\text{{{head}}}\\quad & {}", line.body),
                })
                .collect();
            format!("\\begin{{align*}}\n{}\n\\end{{align*}}\n", rows.join(" \\\\\n"))
        }
    }
}

/// A line: the word that opens its section (empty further down) and the formula.
struct Line {
    head: String,
    body: String,
}

/// Statements in the order that a paper gives them.
fn sections(statements: &[Statement], style: Style, lines: &mut Vec<Line>) {
    let writer = Writer { style };
    let mut add = |head: &str, bodies: Vec<String>| {
        for (k, body) in bodies.into_iter().enumerate() {
            lines.push(Line { head: if k == 0 { head.to_string() } else { String::new() }, body });
        }
    };
    let all = |pick: &dyn Fn(&StatementKind) -> Option<String>| -> Vec<String> {
        statements.iter().filter_map(|statement| pick(&statement.kind)).collect()
    };
    add("given", all(&|s| writer.given(s)));
    add("variables", all(&|s| writer.variable(s)));
    for statement in statements {
        if let Some((head, body)) = writer.objective(&statement.kind) {
            add(&head, vec![body]);
        }
    }
    let rows = statements.iter().flat_map(|statement| match &statement.kind {
        StatementKind::SubjectTo { rows, .. } => &rows[..],
        _ => &[],
    });
    add("subject to", rows.map(|row| writer.row(row)).collect());
    add("where", all(&|s| writer.definition(s)));
    for statement in statements {
        if let StatementKind::Block { kind, name, index, body, .. } = &statement.kind {
            let head = match kind {
                BlockKind::Lower => "lower",
                BlockKind::Optimality => "optimality",
                BlockKind::Player => "player",
            };
            let named = writer.name(&name.name) + &writer.for_all(index.as_ref());
            lines.push(Line { head: head.to_string(), body: named });
            let start = lines.len();
            sections(body, style, lines);
            for line in &mut lines[start..] {
                if style == Style::Text {
                    line.head = format!("  {}", line.head);
                }
            }
        }
    }
}

/// How tightly an expression binds, loosest first; an operand that binds less tightly than asked gets parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Level {
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

struct Writer {
    style: Style,
}

impl Writer {
    fn text(&self) -> bool {
        self.style == Style::Text
    }

    /// The first in a text, the second for LaTeX.
    fn pick<'s>(&self, text: &'s str, latex: &'s str) -> &'s str {
        if self.text() { text } else { latex }
    }

    fn words(&self, words: &str) -> String {
        if self.text() { words.to_string() } else { format!("\\text{{{}}}", words.replace('_', "\\_")) }
    }

    /// A parameter, a set, or a table.
    fn given(&self, kind: &StatementKind) -> Option<String> {
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

    fn variable(&self, kind: &StatementKind) -> Option<String> {
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
    fn membership(&self, set: &Expr) -> String {
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
    fn objective(&self, kind: &StatementKind) -> Option<(String, String)> {
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

    fn row(&self, row: &Row) -> String {
        let index = row.label.as_ref().and_then(|label| label.index.as_ref());
        let mut out = self.label(row.label.as_ref()) + &self.expr(&row.body, Level::Any);
        if let Some(complement) = &row.complement {
            out += &format!(" {} {}", self.pick("⊥", "\\perp"), self.expr(complement, Level::Any));
        }
        out + &self.for_all(index)
    }

    /// A named expression, a function, or another statement that says what a name means.
    fn definition(&self, kind: &StatementKind) -> Option<String> {
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
    fn label(&self, label: Option<&Label>) -> String {
        match (label, self.style) {
            (None, _) => String::new(),
            (Some(label), Style::Text) => format!("{}: ", self.indexed_name(&label.name.name, label.index.as_ref())),
            (Some(label), Style::Latex) => format!("\\text{{{}:}}\\quad ", label.name.name.replace('_', "\\_")),
        }
    }

    /// `x[i]`, `x_{i}`: a declared name with the names that its index binds, or its sets where it binds none.
    fn indexed_name(&self, name: &str, index: Option<&IndexSpec>) -> String {
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

    fn subscripted(&self, base: String, index: &str) -> String {
        if self.text() { format!("{base}[{index}]") } else { format!("{{{base}}}_{{{index}}}") }
    }

    /// `, ∀ i ∈ I`; nothing where the index binds no names.
    fn for_all(&self, index: Option<&IndexSpec>) -> String {
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

    fn condition(&self, condition: Option<&Expr>) -> String {
        match condition {
            Some(condition) => format!("{} {}", self.pick(" :", " :"), self.expr(condition, Level::Any)),
            None => String::new(),
        }
    }

    fn generator(&self, generator: &Generator) -> String {
        let names: Vec<String> = generator.names.iter().map(|n| self.name(&n.name)).collect();
        let names = if names.len() == 1 { names[0].clone() } else { format!("({})", names.join(", ")) };
        let sign = match generator.kind {
            GeneratorKind::In => self.pick("∈", "\\in"),
            GeneratorKind::Sample => self.pick("~", "\\sim"),
        };
        format!("{names} {sign} {}", self.expr(&generator.domain, Level::Range))
    }

    fn name(&self, name: &str) -> String {
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

    fn relation(&self, op: RelOp) -> &'static str {
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

    fn list(&self, items: &[Expr]) -> String {
        items.iter().map(|item| self.expr(item, Level::Any)).collect::<Vec<_>>().join(", ")
    }

    /// An expression in a place that needs at least `least`.
    fn expr(&self, e: &Expr, least: Level) -> String {
        let (text, level) = self.bare(&e.kind);
        if level < least { self.parenthesised(&text) } else { text }
    }

    fn parenthesised(&self, text: &str) -> String {
        if self.text() { format!("({text})") } else { format!("\\left({text}\\right)") }
    }

    /// The text without parentheses around it, and how tightly it binds.
    fn bare(&self, kind: &ExprKind) -> (String, Level) {
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

    fn joined(&self, parts: &[Expr], between: &str) -> String {
        parts.iter().map(|part| self.expr(part, Level::Relation)).collect::<Vec<_>>().join(between)
    }

    fn braces(&self, inner: &str) -> String {
        if self.text() { format!("{{{inner}}}") } else { format!("\\{{{inner}\\}}") }
    }

    /// `pd[b]`: the column of a row is written like an array over rows, `b.pd`.
    fn field(&self, base: &Expr, field: &str) -> String {
        let base = self.expr(base, Level::Atom);
        if self.text() { format!("{base}.{field}") } else { format!("{}_{{{base}}}", self.name(field)) }
    }

    fn subscript(&self, item: &Subscript) -> String {
        match item {
            Subscript::At(e) => self.expr(e, Level::Any),
            Subscript::Slice { from: None, to: None, .. } => self.pick("..", "\\cdot").to_string(),
            Subscript::Slice { from, to, .. } => {
                let side = |e: &Option<Expr>| e.as_ref().map(|e| self.expr(e, Level::Sum)).unwrap_or_default();
                format!("{}{}{}", side(from), self.pick("..", " \\mathbin{..} "), side(to))
            }
        }
    }

    fn binary(&self, op: BinaryOp, a: &Expr, b: &Expr) -> (String, Level) {
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

    fn choice(&self, condition: &Expr, then: &Expr, otherwise: &Expr) -> (String, Level) {
        let [c, a, b] = [condition, then, otherwise].map(|e| self.expr(e, Level::Any));
        if self.text() {
            return (format!("if {c} then {a} else {b}"), Level::Any);
        }
        let cases = format!("{a} & \\text{{if }} {c} \\\\ {b} & \\text{{otherwise}}");
        (format!("\\begin{{cases}} {cases} \\end{{cases}}"), Level::Atom)
    }

    fn array(&self, rows: &[Vec<Expr>]) -> String {
        let cell = |e: &Expr| self.expr(e, Level::Any);
        if self.text() {
            let rows: Vec<String> =
                rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(", ")).collect();
            return format!("[{}]", rows.join("; "));
        }
        let rows: Vec<String> = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" & ")).collect();
        format!("\\begin{{bmatrix}} {} \\end{{bmatrix}}", rows.join(" \\\\ "))
    }

    fn generators(&self, generators: &[Generator], condition: Option<&Expr>) -> String {
        let parts: Vec<String> = generators.iter().map(|g| self.generator(g)).collect();
        parts.join(", ") + &self.condition(condition)
    }

    fn aggregate(
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

    fn function_name(&self, name: &str) -> String {
        match (self.style, LATEX_FUNCTIONS.contains(&name)) {
            (Style::Text, _) => name.to_string(),
            (Style::Latex, true) => format!("\\{name}"),
            (Style::Latex, false) => format!("\\operatorname{{{}}}", name.replace('_', "\\_")),
        }
    }

    fn call(&self, function: &Expr, arguments: &[Argument]) -> (String, Level) {
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

fn sense_word(sense: Sense) -> &'static str {
    match sense {
        Sense::Minimize => "minimize",
        Sense::Maximize => "maximize",
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

/// Names that LaTeX knows as Greek letters.
const GREEK: &[&str] = &[
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Phi", "Psi", "Omega",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceId;
    use crate::syntax::parse;

    fn shown(text: &str, style: Style) -> String {
        let (file, diagnostics) = parse(SourceId(0), text);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        set_form(&file, style)
    }

    const NETWORK: &str = "
        set V = {\"a\", \"b\"}
        param cap[V] = 3
        var flow[(i,j) in V cross V where i != j] in [0, cap[i]]
        var k integer in 0..10
        minimize cost: sum((i,j) in V cross V where i != j: flow[i,j]^2) * 2 - k
        subject to balance[v in V]: sum(j in V where j != v: flow[v,j]) + sum(j in V where j != v: -flow[j,v]) == 0
        let twice = 2 * k";

    #[test]
    fn text_reads_like_the_paper() {
        let expected = "\
given       V = {\"a\", \"b\"}
            cap[V] = 3

variables   flow[i, j] ∈ [0, cap[i]]   ∀ (i, j) ∈ V × V : i ≠ j
            k ∈ 0..10, integer

minimize    cost: (Σ((i, j) ∈ V × V : i ≠ j) flow[i, j]^2)·2 − k

subject to  balance[v]: Σ(j ∈ V : j ≠ v) flow[v, j] + Σ(j ∈ V : j ≠ v) −flow[j, v] = 0   ∀ v ∈ V

where       twice = 2·k
";
        assert_eq!(shown(NETWORK, Style::Text), expected);
    }

    #[test]
    fn latex_is_an_align_environment() {
        let text = "var x[1..4] in [1, 5]\nminimize c_1: x[1]^(a + 1) / sqrt(x[2]) * 3\nsubject to abs(x[3]) <= -2";
        let expected = "\\begin{align*}
  \\text{variables}\\quad & {x}_{1 \\mathbin{..} 4} \\in [1, 5] \\\\
  \\text{minimize}\\quad & \\text{c\\_1:}\\quad \\frac{{{x}_{1}}^{a + 1}}{\\sqrt{{x}_{2}}} \\cdot 3 \\\\
  \\text{subject to}\\quad & \\left\\lvert {x}_{3} \\right\\rvert \\le -2
\\end{align*}
";
        assert_eq!(shown(text, Style::Latex), expected);
    }

    #[test]
    fn parentheses_stand_where_they_are_needed() {
        let cases = [
            ("minimize (a - b) - (c - d)", "a − b − (c − d)"),
            ("minimize a / (b * c)", "a/(b·c)"),
            ("minimize (-x)^2 + -x^2", "(−x)^2 + −x^2"),
            ("minimize (a + b)'", "(a + b)'"),
            ("minimize 2 * sum(i in I: x[i]) + y", "2·(Σ(i ∈ I) x[i]) + y"),
        ];
        for (text, formula) in cases {
            assert_eq!(shown(text, Style::Text), format!("minimize    {formula}\n"));
        }
    }
}
