//! The tree of a model file: everything that was written, with its place.
//!
//! Printing a tree and parsing the text again gives the same tree but for spans. Parentheses are not kept: the
//! printer writes those that precedence needs. Unicode spellings are folded into one form (`≤` is `Le`).

use crate::diag::Span;

/// A word with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    pub name: String,
    pub span: Span,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `param NAME[index] CHECK* = value default value`
    Param { name: Ident, index: Option<IndexSpec>, checks: Vec<Check>, value: Option<Expr>, default: Option<Expr> },
    /// `data NAME = value key a, b`
    Data { name: Ident, value: Option<Expr>, key: Vec<Ident> },
    /// `set NAME[index] = value`
    Set { name: Ident, index: Option<IndexSpec>, value: Expr },
    /// `var NAME[index] attribute*`
    Var { name: Ident, index: Option<IndexSpec>, attributes: Vec<VarAttribute> },
    /// `let NAME[index] = value`
    Let { name: Ident, index: Option<IndexSpec>, value: Expr },
    /// `def NAME(formal, ...) = value`
    Def { name: Ident, formals: Vec<Formal>, value: Expr },
    /// `use std.losses`, `use "mine.opt"`
    Use { module: Module },
    /// `minimize LABEL[index]: value scale size`
    Objective { sense: Sense, label: Option<Label>, value: Expr, scale: Option<Expr> },
    /// `minimize over x maximize over p: value`; names may be dotted (`a.q`)
    Saddle { first: Sense, first_over: Vec<Expr>, second: Sense, second_over: Vec<Expr>, value: Expr },
    /// `subject to ROW`, `subject to { ROW ... }`, and a bare row inside `optimality` (`bare`).
    SubjectTo { generalized: bool, bare: bool, rows: Vec<Row> },
    /// `lower`, `optimality` or `player` `NAME[index] { ... }`
    Block { kind: BlockKind, name: Ident, index: Option<IndexSpec>, choice: Option<Choice>, body: Vec<Statement> },
    /// `oracle NAME(formals) ranks|values via|by value`
    Oracle { name: Ident, formals: Vec<Formal>, answers: OracleAnswers, source: OracleSource, value: Expr },
    /// `external NAME(formals) via host derivatives`
    External { name: Ident, formals: Vec<Formal>, via: Expr, derivatives: bool },
    /// `show a, b`
    Show { values: Vec<Expr> },
    /// `sensitivity of to to, to`
    Sensitivity { of: Expr, to: Vec<Expr> },
    /// `ensure condition`
    Ensure { condition: Expr },
    /// `solve with NAME { option = value ... }`
    Solve { method: Ident, options: Vec<(Ident, Expr)> },
    /// `pessimistic`, `optimistic` or `generalized` as a statement of its own inside a block.
    Choice(Choice),
}

impl StatementKind {
    /// The name that the statement itself declares; labels of objectives and rows are names of their own.
    pub fn name(&self) -> Option<&Ident> {
        match self {
            StatementKind::Param { name, .. }
            | StatementKind::Data { name, .. }
            | StatementKind::Set { name, .. }
            | StatementKind::Var { name, .. }
            | StatementKind::Let { name, .. }
            | StatementKind::Def { name, .. }
            | StatementKind::Block { name, .. }
            | StatementKind::Oracle { name, .. }
            | StatementKind::External { name, .. } => Some(name),
            StatementKind::Objective { .. }
            | StatementKind::Saddle { .. }
            | StatementKind::SubjectTo { .. }
            | StatementKind::Solve { .. }
            | StatementKind::Use { .. }
            | StatementKind::Show { .. }
            | StatementKind::Sensitivity { .. }
            | StatementKind::Ensure { .. }
            | StatementKind::Choice(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Module {
    /// `std.losses`
    Dotted(Vec<Ident>),
    /// `"mine.opt"`
    Path(String, Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    Minimize,
    Maximize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    Lower,
    Optimality,
    Player,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Optimistic,
    Pessimistic,
    Generalized,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OracleAnswers {
    Ranks,
    Values,
}

/// `via command("...")` asks the outside; `by EXPR` is a simulated judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OracleSource {
    Via,
    By,
}

/// What a `param` promises of its values.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    Relation(RelOp, Expr),
    In(Expr),
    Integer(Span),
    Binary(Span),
}

#[derive(Clone, Debug, PartialEq)]
pub enum VarAttribute {
    /// `>= 0`, `<= 3`
    Bound(RelOp, Expr),
    /// `in [lo, hi]` (an array literal of two), `in 0..10` (a range), `in simplex`, `in ball(r)`, ...
    In(Expr),
    Start(Expr),
    Scale(Expr),
    Integer(Span),
    Binary(Span),
    /// `lower_dual start 1`, `upper_dual in [-5, 0]`: of the multiplier of a bound; behind all others.
    Dual(BoundSide, GivenDual),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundSide {
    Lower,
    Upper,
}

/// What is given of a multiplier: bounds (`in`, `>=`, `<=`) and a start.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenDual {
    pub sides: Vec<Check>,
    pub start: Option<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Formal {
    pub name: Ident,
    pub index: Option<IndexSpec>,
}

/// `balance[v in NODES]:`
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub name: Ident,
    pub index: Option<IndexSpec>,
}

/// One constraint: `label: body scale size dual start 1 in [0, 10]` where `body` is a relation, or `body perp complement`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub label: Option<Label>,
    pub body: Expr,
    pub complement: Option<Expr>,
    pub scale: Option<Expr>,
    pub dual: Option<GivenDual>,
    pub span: Span,
}

/// `[i in 1..n, PLANTS where cond]`
#[derive(Clone, Debug, PartialEq)]
pub struct IndexSpec {
    pub items: Vec<IndexItem>,
    pub condition: Option<Box<Expr>>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum IndexItem {
    Binder(Generator),
    /// A set without a name for its element.
    Domain(Expr),
}

/// `i in I`, `(i, j) in S`, `z ~ normal(0, 1)`
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// One name, or the parts of a tuple. `tuple` tells `(i) in S`... a tuple pattern always has two or more.
    pub names: Vec<Ident>,
    pub kind: GeneratorKind,
    pub domain: Expr,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorKind {
    In,
    /// `~`: drawn from a distribution.
    Sample,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Number(f64),
    Infinity,
    Bool(bool),
    Text(String),
    Name(String),
    /// `b.pd`
    Field(Box<Expr>, Ident),
    /// `f(a, b)`, and `columns(t, except "y")`
    Call {
        function: Box<Expr>,
        arguments: Vec<Argument>,
    },
    /// `sum(i in I, j in J where cond: body)`; `function` is any name.
    Aggregate {
        function: Box<Expr>,
        generators: Vec<Generator>,
        condition: Option<Box<Expr>>,
        body: Box<Expr>,
    },
    /// `x[i, ..]`
    Subscript {
        base: Box<Expr>,
        items: Vec<Subscript>,
    },
    /// `A'`
    Transpose(Box<Expr>),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// Three or more operands joined by `+` and `-` at one level: first, then (subtract?, operand).
    /// Two operands are a `Binary`.
    Sum(Box<Expr>, Vec<(bool, Expr)>),
    /// `a <= x <= b`: chained; also `==`, `in`, `~`.
    Relation(Box<Expr>, Vec<(RelOp, Expr)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    /// `(i, j)`: two or more.
    Tuple(Vec<Expr>),
    /// `[1, 0; 0, 1]`: rows of equal or unequal length, as written.
    Array(Vec<Vec<Expr>>),
    /// `{1, 2}`, `{}`
    SetLiteral(Vec<Expr>),
    /// `{"a": 350}`
    MapLiteral(Vec<(Expr, Expr)>),
    /// `{i in I where cond}` and `{i in I where cond: value}` (the set of values).
    SetBuilder {
        generators: Vec<Generator>,
        condition: Option<Box<Expr>>,
        value: Option<Box<Expr>>,
    },
    /// `a..b`, `a..b by s`
    Range {
        from: Box<Expr>,
        to: Box<Expr>,
        step: Option<Box<Expr>>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    Value(Expr),
    /// `except "y"`, with one or more strings
    Except(Vec<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Subscript {
    At(Expr),
    /// `..`, `2..`, `..n`: an open slice (a closed one is `At(Range)`).
    Slice {
        from: Option<Expr>,
        to: Option<Expr>,
        span: Span,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    ElementMul,
    ElementDiv,
    ElementPow,
    Union,
    Inter,
    Minus,
    Cross,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelOp {
    Le,
    Ge,
    Lt,
    Gt,
    Eq,
    /// `=` where a relation stands: read as `==`, formatted so.
    Assign,
    Ne,
    In,
    NotIn,
    Distributed,
}
