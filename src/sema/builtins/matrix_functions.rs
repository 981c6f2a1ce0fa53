//! `det`, `logdet`, `inv`, `eigmax`: of data by factorisation; of variables, where the matrix is small, as formulas.
//!
//! The determinant is expanded by minors. Equal minors are one node, so `n 2^(n-1)` products make it and `n²` times as
//! many at most its inverse: exact algebra without pivots, which engine, referee and judge differentiate as they do any
//! other expression. That grows too fast to go beyond a few rows; larger matrices of variables are refused.

use super::{Call, Elaborator};
use crate::expr::family::IndexMap;
use crate::expr::ops::Op;
use crate::linalg::matrix;
use crate::problem::index::Set;
use crate::sema::error;
use crate::sema::scope::{Env, R};
use crate::sema::value::{Array, ArrayKind, Num, Val};
use std::collections::HashMap;

/// Rows of the largest matrix of variables that is expanded. A determinant of 5 rows has 80 products and 300 second
/// derivatives; of 8 rows it would have 1024 and 2016.
const MOST_ROWS: usize = 5;

pub(super) fn det(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    number_of_data(me, call, env, matrix::determinant, |me, entries, n| {
        (n <= MOST_ROWS).then(|| Minors::new(entries, n).determinant(me))
    })
}

pub(super) fn logdet(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    number_of_data(me, call, env, matrix::log_determinant, |me, entries, n| {
        let determinant = (n <= MOST_ROWS).then(|| Minors::new(entries, n).determinant(me))?;
        Some(me.apply(Op::Log, &[determinant]))
    })
}

/// Of a symmetric matrix of two rows it is the mean of the diagonal and the length of half its difference with the
/// element beside it; the roots of larger characteristic polynomials are no formulas.
pub(super) fn eigmax(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    number_of_data(me, call, env, matrix::largest_eigenvalue, |me, entries, n| match (n, entries) {
        (1, [only]) => Some(*only),
        (2, [a, b, c, d]) => {
            let half = me.constant(0.5);
            let mut half_of = |op: Op, x: Num, y: Num| {
                let total = me.apply(op, &[x, y]);
                me.apply(Op::Mul, &[half, total])
            };
            let (mean, difference, beside) =
                (half_of(Op::Add, *a, *d), half_of(Op::Sub, *a, *d), half_of(Op::Add, *b, *c));
            let squares = [difference, beside].map(|x| me.apply(Op::Square, &[x]));
            let square = me.apply(Op::Add, &squares);
            let length = me.apply(Op::Sqrt, &[square]);
            Some(me.apply(Op::Add, &[mean, length]))
        }
        _ => None,
    })
}

/// The inverse of a matrix over `R × C` is one over `C × R`.
pub(super) fn inverse(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.matrix(call.arguments[0], env)?;
    let n = a.0.sets[0].len();
    let sets = vec![a.0.sets[1].clone(), a.0.sets[0].clone()];
    let Some(columns) = me.array_columns(&a)? else {
        if n > MOST_ROWS {
            let n = refused(me, call, n, MOST_ROWS, env);
            return Ok(Val::Array(Array::new(sets, ArrayKind::Opaque(n), &env.ctx, call.span)));
        }
        let entries = entries(me, &a, env)?;
        let elements = Minors::new(&entries, n).inverse(me);
        return Ok(Val::Array(Array::new(sets, ArrayKind::Elements(elements), &env.ctx, call.span)));
    };
    let values = me.array_values(&a, call.span)?.unwrap_or_default();
    match matrix::inverse(&values, n) {
        Some(inverse) => Ok(Val::Array(me.constant_array(inverse, sets, call.span))),
        // A branch that nobody takes has no numbers to be wrong.
        None if columns.is_empty() => Ok(Val::Array(me.constant_array(values, sets, call.span))),
        None => me.fail(error::singular(call.span, a.0.origin)),
    }
}

/// A number of a square matrix: `of_data` if it has no variables, else `of_variables`, unless that has no formula.
fn number_of_data(
    me: &mut Elaborator,
    call: &Call,
    env: &Env,
    of_data: fn(&[f64], usize) -> f64,
    of_variables: impl Fn(&mut Elaborator, &[Num], usize) -> Option<Num>,
) -> R<Val> {
    let a = me.matrix(call.arguments[0], env)?;
    let n = a.0.sets[0].len();
    let Some(columns) = me.array_columns(&a)? else {
        let entries = entries(me, &a, env)?;
        let most = if call.name == "eigmax" { 2 } else { MOST_ROWS };
        let number = of_variables(me, &entries, n).unwrap_or_else(|| refused(me, call, n, most, env));
        return Ok(Val::Num(number));
    };
    let numbers: Vec<f64> = columns.iter().map(|values| of_data(values, n)).collect();
    if let Some(first) = numbers.first()
        && numbers.iter().all(|v| v.to_bits() == first.to_bits())
    {
        return Ok(Val::Num(me.constant(*first)));
    }
    let home = a.0.ctx.clone();
    let column = me.literal_column(numbers, &home, call.span);
    Ok(Val::Num(me.lift_num(column, &home, &env.ctx)))
}

/// The elements of a matrix as numbers of the context, row by row.
fn entries(me: &mut Elaborator, a: &Array, env: &Env) -> R<Vec<Num>> {
    let (rows, columns) = (Set::len(&a.0.sets[0]), Set::len(&a.0.sets[1]));
    if rows > MOST_ROWS {
        return Ok(vec![]);
    }
    (0..rows * columns)
        .map(|p| me.element(a, &[IndexMap::scalar(p / columns), IndexMap::scalar(p % columns)], &env.ctx))
        .collect()
}

fn refused(me: &mut Elaborator, call: &Call, rows: usize, most: usize, env: &Env) -> Num {
    let reason = format!(
        "`{}` of a matrix of {rows} rows that depends on variables is not in this build, only of up to {most} rows",
        call.name
    );
    me.unsupported(super::name_in_table(call.name), reason, call.span);
    me.opaque(env)
}

/// Determinants of the parts of a square matrix, each made once.
struct Minors<'a> {
    entries: &'a [Num],
    n: usize,
    /// By the rows and columns that are left, as bits.
    known: HashMap<(u32, u32), Num>,
}

impl<'a> Minors<'a> {
    fn new(entries: &'a [Num], n: usize) -> Minors<'a> {
        Minors { entries, n, known: HashMap::new() }
    }

    fn all(&self) -> u32 {
        (1 << self.n) - 1
    }

    fn determinant(&mut self, me: &mut Elaborator) -> Num {
        self.minor(me, self.all(), self.all())
    }

    /// Expanded along its first row.
    fn minor(&mut self, me: &mut Elaborator, rows: u32, columns: u32) -> Num {
        if rows == 0 {
            return me.constant(1.0);
        }
        if let Some(known) = self.known.get(&(rows, columns)) {
            return *known;
        }
        let row = rows.trailing_zeros() as usize;
        let mut total = me.constant(0.0);
        for (k, column) in (0..self.n).filter(|column| columns & (1 << column) != 0).enumerate() {
            let rest = self.minor(me, rows & !(1 << row), columns & !(1 << column));
            let part = me.apply(Op::Mul, &[self.entries[row * self.n + column], rest]);
            total = me.apply(if k % 2 == 0 { Op::Add } else { Op::Sub }, &[total, part]);
        }
        self.known.insert((rows, columns), total);
        total
    }

    /// Row by row: cofactors, transposed, over the determinant.
    fn inverse(&mut self, me: &mut Elaborator) -> Vec<Num> {
        let determinant = self.determinant(me);
        let mut out = vec![];
        for i in 0..self.n {
            for j in 0..self.n {
                let cofactor = self.minor(me, self.all() & !(1 << j), self.all() & !(1 << i));
                let signed = if (i + j) % 2 == 0 { cofactor } else { me.apply(Op::Neg, &[cofactor]) };
                out.push(me.apply(Op::Div, &[signed, determinant]));
            }
        }
        out
    }
}
