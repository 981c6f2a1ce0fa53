//! Calls: functions of the table, functions of arrays and sets, `def`s.

use super::additive::Draft;
use super::arrays::through;
use super::context::Ctx;
use super::error;
use super::scope::{DeclarationKind, Elaborator, Env, R};
use super::value::{Array, ArrayInfo, ArrayKind, Elem, Num, Operand, Val};
use crate::diag::Span;
use crate::expr::family::IndexMap;
use crate::expr::ops::{self, Op};
use crate::problem::index::{Element, Set};
use crate::syntax::ast::{Argument, BinaryOp, Expr, ExprKind, StatementKind};
use std::rc::Rc;

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
    Builtin { name: "sum", arguments: 1..=1, gives: Gives::Number, run: aggregate,
        doc: "the sum of all elements; 0 of none", shape: "affine" },
    Builtin { name: "prod", arguments: 1..=1, gives: Gives::Number, run: aggregate,
        doc: "the product of all elements; 1 of none", shape: "" },
    Builtin { name: "mean", arguments: 1..=1, gives: Gives::Number, run: aggregate,
        doc: "the sum over the count; an error over an empty set", shape: "affine" },
    Builtin { name: "norm", arguments: 1..=2, gives: Gives::Number, run: norm,
        doc: "the Euclidean norm; `norm(x, p)` is the p-norm for p >= 1 or `inf`", shape: "convex" },
    Builtin { name: "norm1", arguments: 1..=1, gives: Gives::Number, run: aggregate,
        doc: "the sum of absolute values", shape: "convex" },
    Builtin { name: "norminf", arguments: 1..=1, gives: Gives::Number, run: aggregate,
        doc: "the largest absolute value", shape: "convex" },
    Builtin { name: "sumsq", arguments: 1..=1, gives: Gives::Number, run: aggregate,
        doc: "the sum of squares", shape: "convex" },
    Builtin { name: "logsumexp", arguments: 1..=1, gives: Gives::Number, run: aggregate,
        doc: "log of the sum of exponentials, without overflow", shape: "convex" },
    Builtin { name: "min", arguments: 1..=99, gives: Gives::AsArguments, run: extreme,
        doc: "the smallest: of all elements, or of several arguments, elementwise", shape: "concave" },
    Builtin { name: "max", arguments: 1..=99, gives: Gives::AsArguments, run: extreme,
        doc: "the largest: of all elements, or of several arguments, elementwise", shape: "convex" },
    Builtin { name: "dot", arguments: 2..=2, gives: Gives::Number, run: dot,
        doc: "the sum of products of two arrays over the same index sets", shape: "" },
    Builtin { name: "softmax", arguments: 1..=1, gives: Gives::Array, run: softmax,
        doc: "exp(x) over the sum of exp(x): positive, with sum 1", shape: "" },
    Builtin { name: "entropy", arguments: 1..=1, gives: Gives::Number, run: entropy,
        doc: "-Σ x log x, with 0 log 0 = 0", shape: "concave" },
    Builtin { name: "kl", arguments: 2..=2, gives: Gives::Number, run: kl,
        doc: "Σ p log(p / q), with 0 log 0 = 0", shape: "convex" },
    Builtin { name: "relu", arguments: 1..=1, gives: Gives::AsArguments, run: relu,
        doc: "max(x, 0), elementwise", shape: "convex" },
    Builtin { name: "huber", arguments: 2..=2, gives: Gives::AsArguments, run: huber,
        doc: "`huber(t, d)` is t²/2 up to |t| = d and d (|t| - d/2) beyond, elementwise", shape: "convex in t" },
    Builtin { name: "trace", arguments: 1..=1, gives: Gives::Number, run: trace,
        doc: "the sum of the diagonal of a square matrix", shape: "affine" },
    Builtin { name: "diag", arguments: 1..=1, gives: Gives::Array, run: diag,
        doc: "a vector as a diagonal matrix; the diagonal of a square matrix as a vector", shape: "affine" },
    Builtin { name: "kron", arguments: 2..=2, gives: Gives::Array, run: kron,
        doc: "the Kronecker product, over 1..mp and 1..nq", shape: "" },
    Builtin { name: "outer", arguments: 2..=2, gives: Gives::Array, run: outer,
        doc: "`outer(x, y)` has the elements x[i] y[j]", shape: "" },
    Builtin { name: "cumsum", arguments: 1..=1, gives: Gives::Array, run: cumsum,
        doc: "the sums of all elements up to each", shape: "affine" },
    Builtin { name: "vec", arguments: 1..=1, gives: Gives::Array, run: renumbered,
        doc: "the same numbers over 1..n, last index fastest", shape: "affine" },
    Builtin { name: "det", arguments: 1..=1, gives: Gives::Number, run: matrix_function,
        doc: "the determinant of a square matrix of data", shape: "data only" },
    Builtin { name: "logdet", arguments: 1..=1, gives: Gives::Number, run: matrix_function,
        doc: "log of the determinant of a square matrix of data", shape: "data only" },
    Builtin { name: "eigmax", arguments: 1..=1, gives: Gives::Number, run: matrix_function,
        doc: "the largest eigenvalue of a symmetric matrix of data", shape: "data only" },
    Builtin { name: "inv", arguments: 1..=1, gives: Gives::Array, run: matrix_function,
        doc: "the inverse of a square matrix of data", shape: "data only" },
    Builtin { name: "interp", arguments: 3..=3, gives: Gives::Number, run: piecewise_linear,
        doc: "`interp(xs, ys, t)` is linear between the points of a table and flat beyond them", shape: "" },
    Builtin { name: "pwl", arguments: 3..=3, gives: Gives::Number, run: piecewise_linear,
        doc: "`pwl(xs, ys, t)` is linear between the points of a table and goes on with the outer slopes", shape: "convex where the slopes grow" },
    Builtin { name: "columns", arguments: 1..=2, gives: Gives::Array, run: columns,
        doc: "numeric columns of a table as a matrix over its rows and column names; of a matrix, its second index set", shape: "" },
    Builtin { name: "rows", arguments: 1..=1, gives: Gives::Array, run: rows,
        doc: "the index set of the rows of a table, or the first of an array", shape: "" },
    Builtin { name: "card", arguments: 1..=1, gives: Gives::Number, run: card,
        doc: "how many elements a set has", shape: "" },
    Builtin { name: "first", arguments: 1..=1, gives: Gives::Number, run: end_of_set,
        doc: "the first element of a set", shape: "" },
    Builtin { name: "last", arguments: 1..=1, gives: Gives::Number, run: end_of_set,
        doc: "the last element of a set", shape: "" },
    Builtin { name: "prev", arguments: 1..=2, gives: Gives::Number, run: neighbour,
        doc: "`prev(i)` is the element before i in the set it runs over, `prev(i, S)` in S", shape: "" },
    Builtin { name: "next", arguments: 1..=2, gives: Gives::Number, run: neighbour,
        doc: "`next(i)` is the element after i in the set it runs over, `next(i, S)` in S", shape: "" },
    Builtin { name: "union", arguments: 2..=2, gives: Gives::Number, run: set_call,
        doc: "elements of either set; also written `A union B`", shape: "" },
    Builtin { name: "inter", arguments: 2..=2, gives: Gives::Number, run: set_call,
        doc: "elements of both sets; also written `A inter B`", shape: "" },
    Builtin { name: "minus", arguments: 2..=2, gives: Gives::Number, run: set_call,
        doc: "elements of the first set only; also written `A minus B`", shape: "" },
    Builtin { name: "cross", arguments: 2..=2, gives: Gives::Number, run: set_call,
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
    Builtin { name: "sensitivity", arguments: 2..=2, gives: Gives::Number, run: later,
        doc: "the derivative of an answer with respect to data; not computed by this build", shape: "" },
    Builtin { name: "hypervolume", arguments: 1..=1, gives: Gives::Number, run: later,
        doc: "the volume that a front dominates; not computed by this build", shape: "" },
    Builtin { name: "project", arguments: 2..=2, gives: Gives::Array, run: later,
        doc: "the nearest point of a set; not computed by this build", shape: "" },
    Builtin { name: "prox", arguments: 2..=3, gives: Gives::Array, run: later,
        doc: "a proximal map; not computed by this build", shape: "" },
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
    pub(super) fn call(&mut self, function: &Expr, arguments: &[Argument], e: &Expr, env: &Env) -> R<Val> {
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

    fn apply_op(&mut self, op: Op, call: &Call, env: &Env) -> R<Val> {
        let arity = op.row().arity;
        if call.arguments.len() != arity {
            return self.fail(error::arity(call.name, call.arguments.len(), &(arity..=arity), call.span, None));
        }
        let values = call.arguments.iter().map(|a| self.value(a, env)).collect::<R<Vec<Val>>>()?;
        if arity == 1 {
            let [value] = <[Val; 1]>::try_from(values).unwrap_or_else(|_| unreachable!("one argument"));
            return self.unary(op, value, call.arguments[0].span, env);
        }
        self.elementwise(op, values, call, env)
    }

    fn elementwise(&mut self, op: Op, values: Vec<Val>, call: &Call, env: &Env) -> R<Val> {
        let mut values = values.into_iter();
        let (a, b) = match (values.next(), values.next()) {
            (Some(a), Some(b)) => (a, b),
            _ => unreachable!("two arguments"),
        };
        let (x_at, y_at) = (call.arguments[0].span, call.arguments[1].span);
        let shape = match (&a, &b) {
            (Val::Array(x), Val::Array(y)) => {
                self.same_shape("combine", x, x_at, y, y_at)?;
                Some(x.clone())
            }
            (Val::Array(x), _) | (_, Val::Array(x)) => Some(x.clone()),
            _ => None,
        };
        let x = self.as_operand(a, x_at, env)?;
        let y = self.as_operand(b, y_at, env)?;
        match (shape, x, y) {
            (None, Operand::Scalar(x), Operand::Scalar(y)) => Ok(Val::Num(self.apply(op, &[x, y]))),
            (shape, x, y) => {
                let like = shape.expect("one argument is an array");
                Ok(like_array(&like, ArrayKind::Binary(op, x, y), env))
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

    /// `dot(a, b)`, `sum(x)`, `mean(x)`, `sumsq(x)`, `x' * y` as instances to be added up; `None` if it is none of them.
    #[allow(clippy::type_complexity)] // parts and the context that they are added into
    pub(super) fn contraction(&mut self, e: &Expr, env: &Env) -> R<Option<(Vec<(Ctx, Num)>, Ctx)>> {
        let parts = match &e.kind {
            ExprKind::Binary(BinaryOp::Mul, a, b) => {
                if !(self.may_be_array(a, env) && self.may_be_array(b, env)) {
                    return Ok(None);
                }
                return self.contraction_of(a, b, env);
            }
            ExprKind::Call { function, arguments } => {
                let ExprKind::Name(name) = &function.kind else { return Ok(None) };
                if self.find(env.scope, name).is_some() {
                    return Ok(None);
                }
                match (name.as_str(), arguments.as_slice()) {
                    ("dot", [Argument::Value(a), Argument::Value(b)]) => {
                        let (x, y) = self.dot_operands(a, b, e.span, env)?;
                        self.dot_drafts(&x, &y, env, e.span)?
                    }
                    ("sumsq", [Argument::Value(a)]) => {
                        let x = self.array(a, env)?;
                        let (ctx, index) = self.over_elements(&x, &env.ctx)?;
                        let parts = self.traced(&ctx, &mut |me, here| {
                            let index = through(&index, &here.path_to(&ctx), here.size);
                            let n = me.element(&x, &index, here)?;
                            Ok(me.apply(Op::Square, &[n]))
                        })?;
                        return Ok(Some((parts, env.ctx.clone())));
                    }
                    ("sum" | "mean", [Argument::Value(a)]) => {
                        let x = self.array(a, env)?;
                        self.array_sum(name, &x, e.span, env)?
                    }
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some((parts.into_iter().map(|d| (d.ctx, d.num)).collect(), env.ctx.clone())))
    }

    /// `a * b` where `a` is a row and `b` a vector.
    #[allow(clippy::type_complexity)] // as above
    pub(super) fn contraction_of(&mut self, a: &Expr, b: &Expr, env: &Env) -> R<Option<(Vec<(Ctx, Num)>, Ctx)>> {
        let (Val::Array(x), Val::Array(y)) = (self.value(a, env)?, self.value(b, env)?) else { return Ok(None) };
        if !(x.0.row && !y.0.row && x.0.sets.len() == 1 && y.0.sets.len() == 1 && x.0.sets == y.0.sets) {
            return Ok(None);
        }
        // `x' Q y`: one double sum instead of a sum of sums.
        if let ArrayKind::Product(left, matrix) = &x.0.kind
            && left.0.sets.len() == 1
        {
            let parts = self.quadratic(left, matrix, &y, env)?;
            return Ok(Some((parts, env.ctx.clone())));
        }
        let span = a.span.to(b.span);
        let drafts = self.dot_drafts(&x, &y, env, span)?;
        Ok(Some((drafts.into_iter().map(|d| (d.ctx, d.num)).collect(), env.ctx.clone())))
    }

    fn quadratic(&mut self, x: &Array, q: &Array, y: &Array, env: &Env) -> R<Vec<(Ctx, Num)>> {
        let (ctx, index) = self.over(&q.0.sets, &env.ctx)?;
        self.traced(&ctx, &mut |me, here| {
            let index = through(&index, &here.path_to(&ctx), here.size);
            let weight = me.element(q, &index, here)?;
            let left = me.element(x, &index[..1], here)?;
            let right = me.element(y, &index[1..], here)?;
            let product = me.apply(Op::Mul, &[left, right]);
            Ok(me.apply(Op::Mul, &[weight, product]))
        })
    }

    fn dot_operands(&mut self, a: &Expr, b: &Expr, span: Span, env: &Env) -> R<(Array, Array)> {
        let x = self.array(a, env)?;
        let y = self.array(b, env)?;
        if x.0.sets != y.0.sets {
            return self.fail(error::shape_mismatch("take the dot product of", (&x, a.span), (&y, b.span)));
        }
        let _ = span;
        Ok((x, y))
    }

    fn number_of(&mut self, parts: Vec<Draft>, env: &Env, span: Span) -> Val {
        Val::Num(self.stage_of("", &env.ctx, parts, span))
    }

    fn matrix(&mut self, e: &Expr, env: &Env) -> R<Array> {
        let a = self.array(e, env)?;
        let sizes: Vec<usize> = a.0.sets.iter().map(Set::len).collect();
        if sizes.len() != 2 || sizes[0] != sizes[1] {
            return self.fail(error::not_square(&sizes, e.span, a.0.origin));
        }
        Ok(a)
    }

    /// Every element of an array without variables, now. The array must not depend on generators around it.
    pub(super) fn array_values(&mut self, array: &Array, span: Span) -> R<Option<Vec<f64>>> {
        let Some(columns) = self.array_columns(array)? else { return Ok(None) };
        let Some((first, rest)) = columns.split_first() else { return Ok(Some(vec![0.0; array.len()])) };
        let same = |column: &Vec<f64>| column.iter().zip(first).all(|(v, w)| v.to_bits() == w.to_bits());
        if !rest.iter().all(same) {
            return self.fail(error::expected("one array", "an array for each element of a generator", span));
        }
        Ok(Some(first.clone()))
    }

    /// The elements of an array without variables for each instance of the context that it lives in.
    fn array_columns(&mut self, array: &Array) -> R<Option<Vec<Vec<f64>>>> {
        let home = array.0.ctx.clone();
        let (ctx, index) = self.over(&array.0.sets, &home)?;
        let parts = self.traced(&ctx, &mut |me, here| {
            let index = through(&index, &here.path_to(&ctx), here.size);
            me.element(array, &index, here)
        })?;
        let length = array.len();
        let mut out = vec![vec![0.0; length]; home.size];
        for (here, num) in parts {
            if !num.data {
                return Ok(None);
            }
            let path = here.path_to(&ctx);
            for (p, v) in self.structural(num, &here).into_iter().enumerate() {
                let at = path.at(p);
                out[at / length][at % length] = v;
            }
        }
        Ok(Some(out))
    }

    pub(super) fn constant_array(&mut self, values: Vec<f64>, sets: Vec<Set>, span: Span) -> Array {
        let nums = values.into_iter().map(|v| self.constant(v)).collect();
        let root = self.root.clone();
        Array::new(sets, ArrayKind::Elements(nums), &root, span)
    }
}

fn like_array(like: &Array, kind: ArrayKind, env: &Env) -> Val {
    Val::Array(Array(Rc::new(ArrayInfo {
        sets: like.0.sets.clone(),
        row: like.0.row,
        kind,
        ctx: env.ctx.clone(),
        origin: like.0.origin,
    })))
}

fn aggregate(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let e = call.arguments[0];
    match me.value(e, env)? {
        Val::Set(set) if call.name == "sum" || call.name == "prod" => {
            let Some(_) = me.set_numbers(&set) else {
                return me.fail(error::expected("numbers", "a set of texts", e.span));
            };
            let values: Vec<f64> = set.iter().map(|x| if let Element::Number(v) = x { v } else { f64::NAN }).collect();
            let total = if call.name == "sum" { values.iter().sum() } else { values.iter().product() };
            Ok(Val::Num(me.constant(total)))
        }
        value => {
            let array = me.as_array(value, e.span, env)?;
            Ok(Val::Num(me.aggregate_array(call.name, &array, call.span, env)?))
        }
    }
}

fn norm(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let array = me.array(call.arguments[0], env)?;
    let Some(p) = call.arguments.get(1) else {
        return Ok(Val::Num(me.aggregate_array("norm", &array, call.span, env)?));
    };
    let n = me.number(p, env)?;
    let order = if n.data { me.structural(n, &env.ctx).first().copied().unwrap_or(2.0) } else { f64::NAN };
    let name = match order {
        1.0 => "norm1",
        2.0 => "norm",
        f64::INFINITY => "norminf",
        p if p > 1.0 => {
            let power = me.constant(p);
            let absolute = me.unary(Op::Abs, Val::Array(array.clone()), call.span, env)?;
            let Val::Array(absolute) = absolute else { unreachable!("elementwise on an array") };
            let kind = ArrayKind::Binary(Op::Pow, Operand::Array(absolute), Operand::Scalar(power));
            let Val::Array(powers) = like_array(&array, kind, env) else { unreachable!("an array") };
            let total = me.aggregate_array("sum", &powers, call.span, env)?;
            let root = me.constant(1.0 / p);
            return Ok(Val::Num(me.apply(Op::Pow, &[total, root])));
        }
        p => return me.fail(error::norm_order(p, call.arguments[1].span)),
    };
    Ok(Val::Num(me.aggregate_array(name, &array, call.span, env)?))
}

fn extreme(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let op = if call.name == "min" { Op::Min } else { Op::Max };
    if let [one] = call.arguments.as_slice() {
        return match me.value(one, env)? {
            Val::Num(n) => Ok(Val::Num(n)),
            Val::Set(set) => {
                let mut best: Option<f64> = None;
                for e in set.iter() {
                    let Element::Number(v) = e else {
                        return me.fail(error::expected("numbers", "a set of texts", one.span));
                    };
                    best = Some(best.map_or(v, |b| if op == Op::Min { b.min(v) } else { b.max(v) }));
                }
                match best {
                    Some(v) => Ok(Val::Num(me.constant(v))),
                    None => me.fail(error::empty(call.name, call.span)),
                }
            }
            value => {
                let array = me.as_array(value, one.span, env)?;
                Ok(Val::Num(me.aggregate_array(call.name, &array, call.span, env)?))
            }
        };
    }
    let mut total = me.value(call.arguments[0], env)?;
    for k in 1..call.arguments.len() {
        let next = me.value(call.arguments[k], env)?;
        total = me.elementwise(
            op,
            vec![total, next],
            &Call {
                name: call.name,
                arguments: vec![call.arguments[0], call.arguments[k]],
                except: vec![],
                span: call.span,
            },
            env,
        )?;
    }
    Ok(total)
}

fn dot(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let (x, y) = me.dot_operands(call.arguments[0], call.arguments[1], call.span, env)?;
    let drafts = me.dot_drafts(&x, &y, env, call.span)?;
    Ok(me.number_of(drafts, env, call.span))
}

fn softmax(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let x = me.array(call.arguments[0], env)?;
    let total = me.aggregate_array("logsumexp", &x, call.span, env)?;
    let shifted = like_array(&x, ArrayKind::Binary(Op::Sub, Operand::Array(x.clone()), Operand::Scalar(total)), env);
    me.unary(Op::Exp, shifted, call.span, env)
}

fn entropy(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let x = me.array(call.arguments[0], env)?;
    let terms = like_array(&x, ArrayKind::Unary(Op::XLogX, x.clone()), env);
    let Val::Array(terms) = terms else { unreachable!("an array") };
    let total = me.aggregate_array("sum", &terms, call.span, env)?;
    Ok(Val::Num(me.apply(Op::Neg, &[total])))
}

fn kl(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let (p, q) = me.dot_operands(call.arguments[0], call.arguments[1], call.span, env)?;
    let kind = ArrayKind::Binary(Op::XLogXY, Operand::Array(p.clone()), Operand::Array(q));
    let Val::Array(terms) = like_array(&p, kind, env) else { unreachable!("an array") };
    Ok(Val::Num(me.aggregate_array("sum", &terms, call.span, env)?))
}

fn relu(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let zero = Val::Num(me.constant(0.0));
    let x = me.value(call.arguments[0], env)?;
    let twice = Call { name: "relu", arguments: vec![call.arguments[0]; 2], except: vec![], span: call.span };
    me.elementwise(Op::Max, vec![x, zero], &twice, env)
}

/// `t²/2` up to `d`, then `d (|t| - d/2)`: three smooth pieces that meet with equal slopes, and no `abs`, whose kink
/// would be taken for one of the whole.
fn huber(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let d = me.number(call.arguments[1], env)?;
    let value = me.value(call.arguments[0], env)?;
    let t = me.as_operand(value, call.arguments[0].span, env)?;
    let number = |n: Num| Operand::Scalar(n);
    let half = number(me.constant(0.5));
    let square = elementwise_of(me, Op::Square, std::slice::from_ref(&t), env);
    let near = elementwise_of(me, Op::Mul, &[half, square], env);
    let mut total = near;
    for side in [1.0, -1.0] {
        let side = me.constant(side);
        let slope = me.apply(Op::Mul, &[side, d]);
        let two = me.constant(2.0);
        let back = me.apply(Op::Div, &[slope, two]);
        let from = elementwise_of(me, Op::Sub, &[t.clone(), number(back)], env);
        let far = elementwise_of(me, Op::Mul, &[number(slope), from], env);
        let out = elementwise_of(me, Op::Mul, &[number(side), t.clone()], env);
        let beyond = elementwise_of(me, Op::Lt, &[number(d), out], env);
        total = elementwise_of(me, Op::Select, &[beyond, far, total], env);
    }
    Ok(match total {
        Operand::Scalar(n) => Val::Num(n),
        Operand::Array(a) => Val::Array(a),
    })
}

/// `op` of numbers, or of the elements of arrays of one shape.
fn elementwise_of(me: &mut Elaborator, op: Op, operands: &[Operand], env: &Env) -> Operand {
    let like = operands.iter().find_map(|o| match o {
        Operand::Array(a) => Some(a),
        Operand::Scalar(_) => None,
    });
    let Some(like) = like else {
        let numbers: Vec<Num> = operands
            .iter()
            .filter_map(|o| match o {
                Operand::Scalar(n) => Some(*n),
                Operand::Array(_) => None,
            })
            .collect();
        return Operand::Scalar(me.apply(op, &numbers));
    };
    let kind = match operands {
        [Operand::Array(a)] => ArrayKind::Unary(op, a.clone()),
        [a, b] => ArrayKind::Binary(op, a.clone(), b.clone()),
        [c, a, b] => ArrayKind::Select(c.clone(), a.clone(), b.clone()),
        _ => unreachable!("one to three operands, of which one is an array"),
    };
    Operand::Array(Array(Rc::new(ArrayInfo {
        sets: like.0.sets.clone(),
        row: like.0.row,
        kind,
        ctx: env.ctx.clone(),
        origin: like.0.origin,
    })))
}

fn trace(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.matrix(call.arguments[0], env)?;
    let diagonal = Array::new(vec![a.0.sets[0].clone()], ArrayKind::Diagonal(a.clone()), &env.ctx, a.0.origin);
    Ok(Val::Num(me.aggregate_array("sum", &diagonal, call.span, env)?))
}

fn diag(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    let (sets, kind) = match a.0.sets.len() {
        1 => (vec![a.0.sets[0].clone(); 2], ArrayKind::Diag(a.clone())),
        _ => {
            let a = me.matrix(call.arguments[0], env)?;
            (vec![a.0.sets[0].clone()], ArrayKind::Diagonal(a))
        }
    };
    Ok(Val::Array(Array::new(sets, kind, &env.ctx, a.0.origin)))
}

fn kron(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    let b = me.array(call.arguments[1], env)?;
    if a.0.sets.len() != b.0.sets.len() {
        return me.fail(error::shape_mismatch(
            "take the Kronecker product of",
            (&a, call.arguments[0].span),
            (&b, call.arguments[1].span),
        ));
    }
    me.within_limits(a.len().saturating_mul(b.len()), call.span)?;
    let sets = a.0.sets.iter().zip(&b.0.sets).map(|(x, y)| Set::range(1.0, 1.0, x.len() * y.len())).collect();
    Ok(Val::Array(Array::new(sets, ArrayKind::Kron(a, b), &env.ctx, call.span)))
}

fn outer(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    let b = me.array(call.arguments[1], env)?;
    if a.0.sets.len() != 1 || b.0.sets.len() != 1 {
        return me.fail(error::shape_mismatch(
            "take the outer product of",
            (&a, call.arguments[0].span),
            (&b, call.arguments[1].span),
        ));
    }
    let sets = vec![a.0.sets[0].clone(), b.0.sets[0].clone()];
    Ok(Val::Array(Array::new(sets, ArrayKind::Outer(a, b), &env.ctx, call.span)))
}

fn cumsum(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    if a.0.sets.len() != 1 {
        return me.fail(error::expected("a vector", &a.describe(), call.arguments[0].span));
    }
    Ok(Val::Array(Array::new(a.0.sets.clone(), ArrayKind::Cumsum(a.clone()), &env.ctx, a.0.origin)))
}

/// `vec(x)`: the same numbers over 1..n.
fn renumbered(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.array(call.arguments[0], env)?;
    if a.0.sets.len() == 1 {
        let sets = vec![Set::range(1.0, 1.0, a.len())];
        return Ok(Val::Array(Array::new(sets, ArrayKind::Relabelled(a), &env.ctx, call.span)));
    }
    let (ctx, index) = me.over(&a.0.sets, &env.ctx)?;
    let num = me.element(&a, &index, &ctx)?;
    let drafts = vec![Draft { ctx: ctx.clone(), num, span: call.span }];
    let id = me.stage("vec", &ctx, drafts, call.span);
    let source = crate::expr::family::Source::Stage(id);
    let kind = ArrayKind::Buffer { source, offset: 0, filter: None, data: num.data };
    let root = me.root.clone();
    Ok(Val::Array(Array::new(vec![Set::range(1.0, 1.0, a.len())], kind, &root, call.span)))
}

/// `det`, `logdet`, `inv`, `eigmax` of data. Of variables: no method of this build.
fn matrix_function(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.matrix(call.arguments[0], env)?;
    let n = a.0.sets[0].len();
    let Some(columns) = me.array_columns(&a)? else {
        let construct = BUILTINS.iter().find(|b| b.name == call.name).map_or("det", |b| b.name);
        me.unsupported(
            construct,
            format!("`{}` of a matrix that depends on variables is not in this build", call.name),
            call.span,
        );
        let n = me.opaque(env);
        if call.name == "inv" {
            return Ok(Val::Array(Array::new(a.0.sets.clone(), ArrayKind::Opaque(n), &env.ctx, call.span)));
        }
        return Ok(Val::Num(n));
    };
    if call.name == "inv" {
        let values = me.array_values(&a, call.span)?.unwrap_or_default();
        return match crate::linalg::matrix::inverse(&values, n) {
            Some(inverse) => Ok(Val::Array(me.constant_array(inverse, a.0.sets.clone(), call.span))),
            // A branch that nobody takes has no numbers to be wrong.
            None if columns.is_empty() => Ok(Val::Array(me.constant_array(values, a.0.sets.clone(), call.span))),
            None => me.fail(error::singular(call.span, a.0.origin)),
        };
    }
    let number = match call.name {
        "det" => crate::linalg::matrix::determinant,
        "logdet" => crate::linalg::matrix::log_determinant,
        _ => crate::linalg::matrix::largest_eigenvalue,
    };
    let numbers: Vec<f64> = columns.iter().map(|values| number(values, n)).collect();
    if let Some(first) = numbers.first()
        && numbers.iter().all(|v| v.to_bits() == first.to_bits())
    {
        return Ok(Val::Num(me.constant(*first)));
    }
    let home = a.0.ctx.clone();
    let column = me.literal_column(numbers, &home, call.span);
    Ok(Val::Num(me.lift_num(column, &home, &env.ctx)))
}

/// `pwl(xs, ys, t)`: linear between the points, with the outer slopes beyond them; `interp` is flat beyond them.
/// `y_1 + s_1 (t - x_1) + Σ_k (s_k - s_(k-1)) max(t - x_k, 0)`, so that convexity can be seen from the slopes.
fn piecewise_linear(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let mut tables = vec![];
    for e in &call.arguments[..2] {
        let a = me.array(e, env)?;
        match me.array_values(&a, e.span)? {
            Some(v) if a.0.sets.len() == 1 => tables.push(v),
            _ => return me.fail(error::expected("a vector of data", &a.describe(), e.span)),
        }
    }
    let (xs, ys) = (&tables[0], &tables[1]);
    if xs.len() != ys.len() || xs.len() < 2 || xs.windows(2).any(|w| w[0] >= w[1]) {
        return me.fail(error::bad_table(xs.len(), ys.len(), call.arguments[0].span, call.arguments[1].span));
    }
    let mut slopes: Vec<f64> = (1..xs.len()).map(|k| (ys[k] - ys[k - 1]) / (xs[k] - xs[k - 1])).collect();
    let mut knots = xs[..xs.len() - 1].to_vec();
    let mut before = slopes[0];
    if call.name == "interp" {
        before = 0.0;
        slopes.push(0.0);
        knots.push(xs[xs.len() - 1]);
    }
    let t = me.number(call.arguments[2], env)?;
    let node = {
        let graph = &mut me.problem.graph;
        let mut parts = vec![graph.constant(ys[0])];
        let x = graph.constant(knots[0]);
        let from = graph.call(Op::Sub, &[t.node, x]);
        let slope = graph.constant(before);
        if before != 0.0 {
            parts.push(graph.call(Op::Mul, &[slope, from]));
        }
        for (x, slope) in knots.iter().zip(&slopes) {
            if *slope != before {
                let zero = graph.constant(0.0);
                let x = graph.constant(*x);
                let from = graph.call(Op::Sub, &[t.node, x]);
                let beyond = graph.call(Op::Max, &[from, zero]);
                let change = graph.constant(slope - before);
                parts.push(graph.call(Op::Mul, &[change, beyond]));
            }
            before = *slope;
        }
        graph.sum(&parts)
    };
    Ok(Val::Num(Num { node, data: t.data }))
}

fn columns(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let e = call.arguments[0];
    match me.value(e, env)? {
        Val::Table(table) => {
            let chosen = me.chosen_columns(&table, call.arguments.get(1).copied(), &call.except)?;
            Ok(Val::Array(me.table_matrix(&table, &chosen, call.span, env)?))
        }
        value => {
            let a = me.as_array(value, e.span, env)?;
            match a.0.sets.get(1) {
                Some(set) => Ok(Val::Set(set.clone())),
                None => me.fail(error::expected("a matrix or a table", &a.describe(), e.span)),
            }
        }
    }
}

fn rows(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    match me.value(call.arguments[0], env)? {
        Val::Table(table) => Ok(Val::Set(table.rows.clone())),
        value => {
            let a = me.as_array(value, call.arguments[0].span, env)?;
            Ok(Val::Set(a.0.sets[0].clone()))
        }
    }
}

fn a_set(me: &mut Elaborator, e: &Expr, env: &Env) -> R<Set> {
    match me.value(e, env)? {
        Val::Set(set) => Ok(set),
        Val::Table(table) => Ok(table.rows.clone()),
        other => me.fail(error::expected("a set", &other.describe(), e.span)),
    }
}

fn card(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    if let Val::Ragged(sets) = me.value(call.arguments[0], env)? {
        let counts = sets.iter().map(|s| s.len() as f64).collect();
        return Ok(Val::Num(me.literal_column(counts, &env.ctx, call.span)));
    }
    let set = a_set(me, call.arguments[0], env)?;
    Ok(Val::Num(me.constant(set.len() as f64)))
}

fn end_of_set(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let set = a_set(me, call.arguments[0], env)?;
    if set.is_empty() {
        return me.fail(error::empty(call.name, call.span));
    }
    let at = if call.name == "first" { 0 } else { set.len() - 1 };
    Ok(Val::Element(Elem { set, at: IndexMap::scalar(at), table: None }))
}

/// `prev(i)`, `next(i)` in the set that `i` runs over, or in a named one: `next(i, I)`.
fn neighbour(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let value = me.value(call.arguments[0], env)?;
    let set = match (call.arguments.get(1), &value) {
        (Some(e), _) => a_set(me, e, env)?,
        (None, Val::Element(e)) => e.set.clone(),
        (None, other) => {
            return me.fail(error::expected("an element of a set", &other.describe(), call.arguments[0].span));
        }
    };
    let at = me.position(&set, &value, call.arguments[0].span, call.span, env)?;
    let step: i64 = if call.name == "next" { 1 } else { -1 };
    let mut moved = vec![];
    for p in 0..env.ctx.size {
        let to = at.at(p) as i64 + step;
        if to < 0 || to >= set.len() as i64 {
            let which = set.get(at.at(p)).to_string();
            return me.fail(error::no_neighbour(call.name, &which, &set, call.span));
        }
        moved.push(to as u32);
    }
    Ok(Val::Element(Elem { set, at: IndexMap::from_positions(moved), table: None }))
}

fn set_call(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let op = match call.name {
        "union" => BinaryOp::Union,
        "inter" => BinaryOp::Inter,
        "minus" => BinaryOp::Minus,
        _ => BinaryOp::Cross,
    };
    me.set_operator(op, call.arguments[0], call.arguments[1], env)
}

fn derivative(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let kind = if call.name == "∇" { "grad" } else { call.name };
    me.derivative_value(kind, &call.arguments, call.span, env)
}

/// Values of constructs whose methods come later.
fn later(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let mut array = None;
    for e in &call.arguments {
        if let Val::Array(a) = me.value(e, env)? {
            array.get_or_insert(a);
        }
    }
    let construct = BUILTINS.iter().find(|b| b.name == call.name).map_or("sensitivity", |b| b.name);
    me.unsupported(
        construct,
        format!("`{}` is understood, but nothing in this build computes it", call.name),
        call.span,
    );
    let n = me.opaque(env);
    match (array, call.name) {
        (Some(a), "project" | "prox") => {
            Ok(Val::Array(Array::new(a.0.sets.clone(), ArrayKind::Opaque(n), &env.ctx, call.span)))
        }
        _ => Ok(Val::Num(n)),
    }
}
