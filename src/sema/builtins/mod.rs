//! Calls: functions of the table, functions of arrays and sets, `def`s.
//!
//! The table has one row for each function that is not a row of `expr::ops`; the files beside it hold what the rows run.

mod contractions;
mod elementwise;
mod matrices;
mod matrix_functions;
mod reductions;
mod sets;

use super::additive::Draft;
use super::error;
use super::scope::{DeclarationKind, Elaborator, Env, R};
use super::value::Val;
use crate::diag::Span;
use crate::expr::ops;
use crate::syntax::ast::{Argument, Expr, ExprKind, StatementKind};

/// What a call gives, as far as its name tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Number,
    Array,
    /// Elementwise: an array iff an argument is one.
    AsArguments,
    Unknown,
}

/// A function that is not a row of `expr::ops`: name, how many arguments, what it gives, and lines about it.
struct Builtin {
    name: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    gives: Gives,
    /// What it is, for the reference.
    doc: &'static str,
    /// Its curvature in words; empty where nothing is claimed for all arguments.
    shape: &'static str,
    run: fn(&mut Elaborator, &Call, &Env) -> R<Val>,
}

/// A call as it was written.
struct Call<'e> {
    name: &'e str,
    arguments: Vec<&'e Expr>,
    except: Vec<&'e Expr>,
    span: Span,
}

#[rustfmt::skip]
const BUILTINS: &[Builtin] = &[
    Builtin { name: "sum", arguments: 1..=1, gives: Gives::Number, run: reductions::aggregate,
        doc: "the sum of all elements; 0 of none", shape: "affine" },
    Builtin { name: "prod", arguments: 1..=1, gives: Gives::Number, run: reductions::aggregate,
        doc: "the product of all elements; 1 of none", shape: "" },
    Builtin { name: "mean", arguments: 1..=1, gives: Gives::Number, run: reductions::aggregate,
        doc: "the sum over the count; an error over an empty set", shape: "affine" },
    Builtin { name: "norm", arguments: 1..=2, gives: Gives::Number, run: reductions::norm,
        doc: "the Euclidean norm; `norm(x, p)` is the p-norm for p >= 1 or `inf`", shape: "convex" },
    Builtin { name: "norm1", arguments: 1..=1, gives: Gives::Number, run: reductions::aggregate,
        doc: "the sum of absolute values", shape: "convex" },
    Builtin { name: "norminf", arguments: 1..=1, gives: Gives::Number, run: reductions::aggregate,
        doc: "the largest absolute value", shape: "convex" },
    Builtin { name: "sumsq", arguments: 1..=1, gives: Gives::Number, run: reductions::aggregate,
        doc: "the sum of squares", shape: "convex" },
    Builtin { name: "logsumexp", arguments: 1..=1, gives: Gives::Number, run: reductions::aggregate,
        doc: "log of the sum of exponentials, without overflow", shape: "convex" },
    Builtin { name: "min", arguments: 1..=99, gives: Gives::AsArguments, run: reductions::extreme,
        doc: "the smallest: of all elements, or of several arguments, elementwise", shape: "concave" },
    Builtin { name: "max", arguments: 1..=99, gives: Gives::AsArguments, run: reductions::extreme,
        doc: "the largest: of all elements, or of several arguments, elementwise", shape: "convex" },
    Builtin { name: "dot", arguments: 2..=2, gives: Gives::Number, run: reductions::dot,
        doc: "the sum of products of two arrays over the same index sets", shape: "" },
    Builtin { name: "softmax", arguments: 1..=1, gives: Gives::Array, run: reductions::softmax,
        doc: "exp(x) over the sum of exp(x): positive, with sum 1", shape: "" },
    Builtin { name: "entropy", arguments: 1..=1, gives: Gives::Number, run: reductions::entropy,
        doc: "-Σ x log x, with 0 log 0 = 0", shape: "concave" },
    Builtin { name: "kl", arguments: 2..=2, gives: Gives::Number, run: reductions::kl,
        doc: "Σ p log(p / q), with 0 log 0 = 0", shape: "convex" },
    Builtin { name: "relu", arguments: 1..=1, gives: Gives::AsArguments, run: elementwise::relu,
        doc: "max(x, 0), elementwise", shape: "convex" },
    Builtin { name: "huber", arguments: 2..=2, gives: Gives::AsArguments, run: elementwise::huber,
        doc: "`huber(t, d)` is t²/2 up to |t| = d and d (|t| - d/2) beyond, elementwise", shape: "convex in t" },
    Builtin { name: "trace", arguments: 1..=1, gives: Gives::Number, run: matrices::trace,
        doc: "the sum of the diagonal of a square matrix", shape: "affine" },
    Builtin { name: "diag", arguments: 1..=1, gives: Gives::Array, run: matrices::diag,
        doc: "a vector as a diagonal matrix; the diagonal of a square matrix as a vector", shape: "affine" },
    Builtin { name: "kron", arguments: 2..=2, gives: Gives::Array, run: matrices::kron,
        doc: "the Kronecker product, over 1..mp and 1..nq", shape: "" },
    Builtin { name: "outer", arguments: 2..=2, gives: Gives::Array, run: matrices::outer,
        doc: "`outer(x, y)` has the elements x[i] y[j]", shape: "" },
    Builtin { name: "cumsum", arguments: 1..=1, gives: Gives::Array, run: matrices::cumsum,
        doc: "the sums of all elements up to each", shape: "affine" },
    Builtin { name: "vec", arguments: 1..=1, gives: Gives::Array, run: matrices::renumbered,
        doc: "the same numbers over 1..n, last index fastest", shape: "affine" },
    Builtin { name: "det", arguments: 1..=1, gives: Gives::Number, run: matrix_functions::det,
        doc: "the determinant of a square matrix", shape: "" },
    Builtin { name: "logdet", arguments: 1..=1, gives: Gives::Number, run: matrix_functions::logdet,
        doc: "log of the determinant, where all leading principal minors are positive: a symmetric matrix must be positive definite", shape: "concave of symmetric matrices" },
    Builtin { name: "eigmax", arguments: 1..=1, gives: Gives::Number, run: matrix_functions::eigmax,
        doc: "the largest eigenvalue of a symmetric matrix; of any other, of `(A + A') / 2`", shape: "convex" },
    Builtin { name: "inv", arguments: 1..=1, gives: Gives::Array, run: matrix_functions::inverse,
        doc: "the inverse of a square matrix", shape: "" },
    Builtin { name: "interp", arguments: 3..=3, gives: Gives::Number, run: elementwise::piecewise_linear,
        doc: "`interp(xs, ys, t)` is linear between the points of a table and flat beyond them", shape: "" },
    Builtin { name: "pwl", arguments: 3..=3, gives: Gives::Number, run: elementwise::piecewise_linear,
        doc: "`pwl(xs, ys, t)` is linear between the points of a table and goes on with the outer slopes", shape: "convex where the slopes grow" },
    Builtin { name: "columns", arguments: 1..=2, gives: Gives::Array, run: sets::columns,
        doc: "numeric columns of a table as a matrix over its rows and column names; of a matrix, its second index set", shape: "" },
    Builtin { name: "rows", arguments: 1..=1, gives: Gives::Array, run: sets::rows,
        doc: "the index set of the rows of a table, or the first of an array", shape: "" },
    Builtin { name: "card", arguments: 1..=1, gives: Gives::Number, run: sets::card,
        doc: "how many elements a set has", shape: "" },
    Builtin { name: "first", arguments: 1..=1, gives: Gives::Number, run: sets::end_of_set,
        doc: "the first element of a set", shape: "" },
    Builtin { name: "last", arguments: 1..=1, gives: Gives::Number, run: sets::end_of_set,
        doc: "the last element of a set", shape: "" },
    Builtin { name: "prev", arguments: 1..=2, gives: Gives::Number, run: sets::neighbour,
        doc: "`prev(i)` is the element before i in the set it runs over, `prev(i, S)` in S", shape: "" },
    Builtin { name: "next", arguments: 1..=2, gives: Gives::Number, run: sets::neighbour,
        doc: "`next(i)` is the element after i in the set it runs over, `next(i, S)` in S", shape: "" },
    Builtin { name: "union", arguments: 2..=2, gives: Gives::Number, run: sets::set_call,
        doc: "elements of either set; also written `A union B`", shape: "" },
    Builtin { name: "inter", arguments: 2..=2, gives: Gives::Number, run: sets::set_call,
        doc: "elements of both sets; also written `A inter B`", shape: "" },
    Builtin { name: "minus", arguments: 2..=2, gives: Gives::Number, run: sets::set_call,
        doc: "elements of the first set only; also written `A minus B`", shape: "" },
    Builtin { name: "cross", arguments: 2..=2, gives: Gives::Number, run: sets::set_call,
        doc: "pairs of elements as flat tuples; also written `A cross B`", shape: "" },
    Builtin { name: "grad", arguments: 2..=2, gives: Gives::Array, run: derivative,
        doc: "`grad(e, x)` is the gradient of a number by a variable or parameter", shape: "" },
    Builtin { name: "∇", arguments: 2..=2, gives: Gives::Array, run: derivative,
        doc: "another way to write `grad`", shape: "" },
    Builtin { name: "hess", arguments: 2..=2, gives: Gives::Array, run: derivative,
        doc: "`hess(e, x)` is the matrix of second derivatives of a number", shape: "" },
    Builtin { name: "jac", arguments: 2..=2, gives: Gives::Array, run: derivative,
        doc: "`jac(e, x)` has a row of derivatives for each element of e", shape: "" },
    Builtin { name: "jvp", arguments: 3..=3, gives: Gives::Array, run: derivative,
        doc: "`jvp(e, x, v)` is `jac(e, x) * v`", shape: "" },
    Builtin { name: "sensitivity", arguments: 2..=2, gives: Gives::Unknown, run: sensitivity,
        doc: "the derivative of the first in the answer by parameters; over the index sets of both", shape: "" },
    Builtin { name: "hypervolume", arguments: 1..=1, gives: Gives::Number, run: later,
        doc: "the volume that a front dominates; not computed by this build", shape: "" },
];

/// A function that is not elementary, as the reference tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: &'static str,
    pub arguments: std::ops::RangeInclusive<usize>,
    pub doc: &'static str,
    pub shape: &'static str,
}

/// The functions of arrays, sets and tables, in the order of their table.
pub fn described() -> impl Iterator<Item = Described> {
    BUILTINS.iter().map(|b| Described { name: b.name, arguments: b.arguments.clone(), doc: b.doc, shape: b.shape })
}

/// The name of a row, which outlives the text of the model.
fn name_in_table(name: &str) -> &'static str {
    BUILTINS.iter().find(|b| b.name == name).map_or("", |b| b.name)
}

pub(super) fn gives(name: &str) -> Gives {
    match BUILTINS.iter().find(|b| b.name == name) {
        Some(b) => b.gives,
        None if ops::by_name(name).is_some() => Gives::AsArguments,
        None => Gives::Unknown,
    }
}

pub(super) fn is_function(name: &str) -> bool {
    gives(name) != Gives::Unknown || matches!(name, "csv" | "json" | "svmlight" | "expect")
}

pub(super) fn function_names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|b| b.name).chain(ops::ALL.iter().map(|op| op.row().name))
}

impl Elaborator<'_> {
    pub(in crate::sema) fn call(&mut self, function: &Expr, arguments: &[Argument], e: &Expr, env: &Env) -> R<Val> {
        let ExprKind::Name(name) = &function.kind else {
            let value = self.value(function, env)?;
            return self.fail(error::expected("a function", &value.describe(), function.span));
        };
        let mut call = Call { name, arguments: vec![], except: vec![], span: e.span };
        for argument in arguments {
            match argument {
                Argument::Value(v) => call.arguments.push(v),
                Argument::Except(list) => call.except.extend(list),
            }
        }
        if let Some(declaration) = self.find(env.scope, name) {
            return match self.resolve(declaration, function.span)? {
                Val::Function(d) => self.apply_def(d, &call, env),
                Val::Oracle(d) => self.apply_oracle(d, &call.arguments, e.span, env),
                other => self.fail(error::expected("a function", &other.describe(), function.span)),
            };
        }
        if let Some(builtin) = BUILTINS.iter().find(|b| b.name == name) {
            if !builtin.arguments.contains(&call.arguments.len()) {
                return self.fail(error::arity(name, call.arguments.len(), &builtin.arguments, e.span, None));
            }
            return (builtin.run)(self, &call, env);
        }
        if let Some(op) = ops::by_name(name) {
            return self.apply_op(op, &call, env);
        }
        if matches!(name.as_str(), "csv" | "json" | "svmlight") {
            let path = call.arguments.first().copied();
            return self.read_file(name, path, e.span);
        }
        match env.local(name) {
            Some(local) => {
                let what = local.value.describe();
                self.fail(error::expected("a function", &what, function.span))
            }
            None => {
                self.name(name, function.span, env)?;
                self.fail(error::expected("a function", "something else", function.span))
            }
        }
    }

    /// A `def`, applied: its formals bound to the arguments, its body traced here.
    fn apply_def(&mut self, declaration: u32, call: &Call, env: &Env) -> R<Val> {
        let d = &self.declarations[declaration as usize];
        let DeclarationKind::Statement(statement) = d.kind.clone() else { unreachable!("defs are statements") };
        let StatementKind::Def { formals, value, .. } = &statement.kind else { unreachable!("defs are defs") };
        let (scope, defined) = (d.scope, d.span);
        if formals.len() != call.arguments.len() {
            let n = formals.len();
            return self.fail(error::arity(call.name, call.arguments.len(), &(n..=n), call.span, Some(defined)));
        }
        if self.calls.len() >= 200 {
            return self.fail(error::unbounded_recursion(call.name, call.span, defined));
        }
        let mut inner = self.env(scope).within(&env.ctx);
        for (formal, argument) in formals.iter().zip(&call.arguments) {
            let value = self.value(argument, env)?;
            if let (Some(spec), Val::Array(a)) = (&formal.index, &value)
                && spec.items.len() != a.0.sets.len()
            {
                return self.fail(error::formal_rank(&formal.name, spec.items.len(), &a.describe(), argument.span));
            }
            inner.bind(&formal.name.name, value, formal.name.span);
        }
        self.calls.push((declaration, call.span));
        let result = self.value(value, &inner);
        self.calls.pop();
        result
    }
}

fn derivative(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let kind = if call.name == "∇" { "grad" } else { call.name };
    me.derivative_value(kind, &call.arguments, call.span, env)
}

fn sensitivity(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    me.sensitivity_value(call.arguments[0], call.arguments[1], call.span, env)
}

/// Values of constructs whose methods come later.
fn later(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    for e in &call.arguments {
        me.value(e, env)?;
    }
    me.unsupported(
        name_in_table(call.name),
        format!("`{}` is understood, but nothing in this build computes it", call.name),
        call.span,
    );
    Ok(Val::Num(me.opaque(env)))
}
