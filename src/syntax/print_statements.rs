//! Statements as text: the half of the printer that knows keywords.

use super::ast::{
    BlockKind, BoundSide, Check, Choice, Expr, Formal, GivenDual, Ident, IndexSpec, Label, Module, OracleAnswers,
    OracleSource, RelOp, Row, Sense, Statement, StatementKind, VarAttribute,
};
use super::operators::{Power, relation_text};
use super::print::{Printer, quoted};

impl Printer {
    pub(super) fn statement(&mut self, statement: &Statement) {
        self.line(|printer| printer.statement_text(&statement.kind));
    }

    fn statement_text(&mut self, kind: &StatementKind) {
        match kind {
            StatementKind::Param { name, index, checks, value, default } => {
                self.head("param", name, index);
                for check in checks {
                    self.check(check);
                }
                self.optional(" = ", value, Power::Or);
                self.optional(" default ", default, Power::Choose);
            }
            StatementKind::Data { name, value, key } => {
                self.head("data", name, &None);
                self.optional(" = ", value, Power::Or);
                if !key.is_empty() {
                    self.put(" key ");
                    self.list(key, ", ", |printer, name| printer.put(&name.name));
                }
            }
            StatementKind::Set { name, index, value } => self.definition("set", name, index, value),
            StatementKind::Let { name, index, value } => self.definition("let", name, index, value),
            StatementKind::Var { name, index, attributes } => {
                self.head("var", name, index);
                for attribute in attributes {
                    self.attribute(attribute);
                }
            }
            StatementKind::Def { name, formals, value } => {
                self.head("def", name, &None);
                self.formals(formals);
                self.put(" = ");
                self.expr(value, Power::Or);
            }
            StatementKind::Use { module } => self.module(module),
            StatementKind::Objective { sense, label, value, scale } => {
                self.put(sense_word(*sense));
                self.put(" ");
                self.label(label);
                self.expr(value, Power::Or);
                self.scale(scale);
            }
            StatementKind::Saddle { first, first_over, second, second_over, value } => {
                self.over(*first, first_over);
                self.put(" ");
                self.over(*second, second_over);
                self.put(": ");
                self.expr(value, Power::Or);
            }
            StatementKind::SubjectTo { generalized, bare, rows } => self.rows(*generalized, *bare, rows),
            StatementKind::Block { kind, name, index, choice, body } => {
                self.head(block_word(*kind), name, index);
                if let Some(choice) = choice {
                    self.put(" ");
                    self.put(choice_word(*choice));
                }
                self.braces(|printer| body.iter().for_each(|statement| printer.statement(statement)));
            }
            StatementKind::Oracle { name, formals, answers, source, value } => {
                self.head("oracle", name, &None);
                self.formals(formals);
                self.put(match answers {
                    OracleAnswers::Ranks => " ranks",
                    OracleAnswers::Values => " values",
                });
                self.put(match source {
                    OracleSource::Via => " via ",
                    OracleSource::By => " by ",
                });
                self.expr(value, Power::Choose);
            }
            StatementKind::External { name, formals, via, derivatives } => {
                self.head("external", name, &None);
                self.formals(formals);
                self.put(" via ");
                self.expr(via, Power::Choose);
                if *derivatives {
                    self.put(" derivatives");
                }
            }
            StatementKind::Show { values } => {
                self.put("show ");
                self.list(values, ", ", |printer, value| printer.expr(value, Power::Or));
            }
            StatementKind::Sensitivity { of, to } => {
                self.put("sensitivity ");
                self.expr(of, Power::Choose);
                self.put(" to ");
                self.list(to, ", ", |printer, value| printer.expr(value, Power::Choose));
            }
            StatementKind::Ensure { condition } => {
                self.put("ensure ");
                self.expr(condition, Power::Or);
            }
            StatementKind::Solve { method, options } => {
                self.head("solve with", method, &None);
                if !options.is_empty() {
                    self.options(options);
                }
            }
            StatementKind::Choice(choice) => self.put(choice_word(*choice)),
        }
    }

    /// `keyword NAME[index]`
    fn head(&mut self, keyword: &str, name: &Ident, index: &Option<IndexSpec>) {
        self.put(keyword);
        self.put(" ");
        self.put(&name.name);
        self.index(index);
    }

    fn definition(&mut self, keyword: &str, name: &Ident, index: &Option<IndexSpec>, value: &Expr) {
        self.head(keyword, name, index);
        self.put(" = ");
        self.expr(value, Power::Or);
    }

    fn optional(&mut self, before: &str, value: &Option<Expr>, least: Power) {
        if let Some(value) = value {
            self.put(before);
            self.expr(value, least);
        }
    }

    fn check(&mut self, check: &Check) {
        match check {
            Check::Relation(op, bound) => self.bound(*op, bound),
            Check::In(set) => self.bound(RelOp::In, set),
            Check::Integer(_) => self.put(" integer"),
            Check::Binary(_) => self.put(" binary"),
        }
    }

    fn bound(&mut self, op: RelOp, bound: &Expr) {
        self.put(" ");
        self.put(relation_text(op));
        self.put(" ");
        self.expr(bound, Power::Choose);
    }

    fn attribute(&mut self, attribute: &VarAttribute) {
        match attribute {
            VarAttribute::Bound(op, bound) => self.bound(*op, bound),
            VarAttribute::In(set) => self.bound(RelOp::In, set),
            VarAttribute::Start(start) => {
                self.put(" start ");
                self.expr(start, Power::Choose);
            }
            VarAttribute::Scale(size) => {
                self.put(" scale ");
                self.expr(size, Power::Choose);
            }
            VarAttribute::Integer(_) => self.put(" integer"),
            VarAttribute::Binary(_) => self.put(" binary"),
            VarAttribute::Dual(BoundSide::Lower, dual) => self.dual("lower_dual", dual),
            VarAttribute::Dual(BoundSide::Upper, dual) => self.dual("upper_dual", dual),
        }
    }

    fn formals(&mut self, formals: &[Formal]) {
        self.put("(");
        self.list(formals, ", ", |printer, formal| {
            printer.put(&formal.name.name);
            printer.index(&formal.index);
        });
        self.put(")");
    }

    fn module(&mut self, module: &Module) {
        self.put("use ");
        match module {
            Module::Dotted(parts) => self.list(parts, ".", |printer, part| printer.put(&part.name)),
            Module::Path(path, _) => self.put(&quoted(path)),
        }
    }

    fn over(&mut self, sense: Sense, names: &[Expr]) {
        self.put(sense_word(sense));
        self.put(" over ");
        self.list(names, ", ", |printer, name| printer.expr(name, Power::Postfix));
    }

    fn label(&mut self, label: &Option<Label>) {
        if let Some(label) = label {
            self.put(&label.name.name);
            self.index(&label.index);
            self.put(": ");
        }
    }

    fn rows(&mut self, generalized: bool, bare: bool, rows: &[Row]) {
        if bare {
            self.list(rows, "; ", |printer, row| printer.row(row));
            return;
        }
        self.put("subject to");
        if generalized {
            self.put(" generalized");
        }
        // After `generalized`, a row that starts with a bracket or sign is safe only in braces.
        match rows {
            [row] if !generalized || row.label.is_some() => {
                self.put(" ");
                self.row(row);
            }
            rows => self.braces(|printer| rows.iter().for_each(|row| printer.line(|printer| printer.row(row)))),
        }
    }

    fn row(&mut self, row: &Row) {
        self.label(&row.label);
        let start = self.text.len();
        self.expr(&row.body, Power::Or);
        if self.text[start..].starts_with('{') {
            // A brace at the start of a row would open a block, or join the row above.
            self.text.insert(start, '(');
            self.put(")");
        }
        if let Some(complement) = &row.complement {
            self.put(" perp ");
            self.expr(complement, Power::Relation);
        }
        self.scale(&row.scale);
        if let Some(dual) = &row.dual {
            self.dual("dual", dual);
        }
    }

    /// ` dual in [0, 10] start 1`
    fn dual(&mut self, word: &str, dual: &GivenDual) {
        self.put(" ");
        self.put(word);
        dual.sides.iter().for_each(|side| self.check(side));
        self.optional(" start ", &dual.start, Power::Choose);
    }

    fn scale(&mut self, scale: &Option<Expr>) {
        if let Some(size) = scale {
            self.put(" scale ");
            self.expr(size, Power::Choose);
        }
    }

    fn options(&mut self, options: &[(Ident, Expr)]) {
        self.put(" { ");
        self.list(options, ", ", |printer, (name, value)| {
            printer.put(&name.name);
            printer.put(" = ");
            printer.expr(value, Power::Or);
        });
        self.put(" }");
    }
}

fn sense_word(sense: Sense) -> &'static str {
    match sense {
        Sense::Minimize => "minimize",
        Sense::Maximize => "maximize",
    }
}

fn block_word(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Lower => "lower",
        BlockKind::Optimality => "optimality",
        BlockKind::Player => "player",
    }
}

fn choice_word(choice: Choice) -> &'static str {
    match choice {
        Choice::Optimistic => "optimistic",
        Choice::Pessimistic => "pessimistic",
        Choice::Generalized => "generalized",
    }
}
