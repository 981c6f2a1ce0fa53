//! `det`, `logdet`, `inv`, `eigmax`: of data by factorisation, of variables as stages of their own.

use super::{Call, Draft, Elaborator};
use crate::expr::family::{IndexMap, Leaf, MatrixStage, Source, Stage, StageId};
use crate::expr::matrix::MatrixFunction;
use crate::expr::ops::Op;
use crate::linalg::matrix;
use crate::problem::index::Set;
use crate::sema::arrays::through;
use crate::sema::error;
use crate::sema::scope::{Env, R};
use crate::sema::value::{Array, ArrayKind, Num, Part, Val};

pub(super) fn det(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    number(me, call, env, MatrixFunction::Determinant, matrix::determinant)
}

pub(super) fn logdet(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    number(me, call, env, MatrixFunction::LogDeterminant, matrix::log_determinant)
}

pub(super) fn eigmax(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    number(me, call, env, MatrixFunction::LargestEigenvalue, matrix::largest_eigenvalue)
}

/// The inverse of a matrix over `R × C` is one over `C × R`.
pub(super) fn inverse(me: &mut Elaborator, call: &Call, env: &Env) -> R<Val> {
    let a = me.matrix(call.arguments[0], env)?;
    let n = a.0.sets[0].len();
    let sets = vec![a.0.sets[1].clone(), a.0.sets[0].clone()];
    let Some(columns) = me.array_columns(&a)? else {
        if n == 1 {
            let (only, one) = (the_only(me, &a, env)?, me.constant(1.0));
            let elements = ArrayKind::Elements(vec![me.apply(Op::Div, &[one, only])]);
            return Ok(Val::Array(Array::new(sets, elements, &env.ctx, call.span)));
        }
        let stage = stage(me, call, env, &a, MatrixFunction::Inverse)?;
        // Its rows run over (instances of the context) × (entries).
        let mut all = vec![Set::range(1.0, 1.0, env.ctx.size)];
        all.extend(sets.iter().cloned());
        let kind = ArrayKind::Buffer { source: Source::Stage(stage), offset: 0, filter: None, data: false };
        let root = me.root.clone();
        let base = Array::new(all, kind, &root, call.span);
        let mut parts = vec![Part::Fixed(own_row(env))];
        parts.extend(sets.iter().map(|s| Part::Kept(s.clone(), IndexMap::IDENTITY)));
        return Ok(Val::Array(Array::new(sets, ArrayKind::Slice { base, parts }, &env.ctx, call.span)));
    };
    let values = me.array_values(&a, call.span)?.unwrap_or_default();
    match matrix::inverse(&values, n) {
        Some(inverse) => Ok(Val::Array(me.constant_array(inverse, sets, call.span))),
        // A branch that nobody takes has no numbers to be wrong.
        None if columns.is_empty() => Ok(Val::Array(me.constant_array(values, sets, call.span))),
        None => me.fail(error::singular(call.span, a.0.origin)),
    }
}

/// A number of a square matrix: `of_data` if it has no variables, else the row of a stage.
fn number(
    me: &mut Elaborator,
    call: &Call,
    env: &Env,
    function: MatrixFunction,
    of_data: fn(&[f64], usize) -> f64,
) -> R<Val> {
    let a = me.matrix(call.arguments[0], env)?;
    let n = a.0.sets[0].len();
    let Some(columns) = me.array_columns(&a)? else {
        if n == 1 {
            let only = the_only(me, &a, env)?;
            return Ok(Val::Num(match function {
                MatrixFunction::LogDeterminant => me.apply(Op::Log, &[only]),
                MatrixFunction::Determinant | MatrixFunction::LargestEigenvalue | MatrixFunction::Inverse => only,
            }));
        }
        let stage = stage(me, call, env, &a, function)?;
        return Ok(Val::Num(me.read(&env.ctx, Leaf { source: Source::Stage(stage), map: own_row(env) }, false)));
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

/// The element of a matrix that has one.
fn the_only(me: &mut Elaborator, a: &Array, env: &Env) -> R<Num> {
    me.element(a, &[IndexMap::scalar(0), IndexMap::scalar(0)], &env.ctx)
}

/// The row of a stage with one for each instance of the context.
fn own_row(env: &Env) -> IndexMap {
    if env.ctx.size == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY }
}

/// The stage of the function of the matrix, for each instance of the context; one that is there already is used again.
fn stage(me: &mut Elaborator, call: &Call, env: &Env, a: &Array, function: MatrixFunction) -> R<StageId> {
    let (ctx, index) = me.over(&a.0.sets, &env.ctx)?;
    let parts = me.traced(&ctx, &mut |me, here| {
        let index = through(&index, &here.path_to(&ctx), here.size);
        me.element_drafts(a, &index, here, call.arguments[0].span)
    })?;
    let drafts: Vec<Draft> = parts.into_iter().flat_map(|(_, drafts)| drafts).collect();
    let name = me.sources.text(call.arguments[0].span).to_string();
    let of = me.stage(&name, &ctx, drafts, call.arguments[0].span);
    let entries = &me.problem.stages[of.0 as usize];
    let same = |stage: &Stage| {
        let pairs = || stage.terms.iter().zip(&entries.terms);
        stage.rows == entries.rows
            && stage.matrix.is_none()
            && stage.terms.len() == entries.terms.len()
            && pairs().all(|(a, b)| a.family == b.family && a.target == b.target)
    };
    let of = StageId(me.problem.stages.iter().position(same).map_or(of.0, |k| k as u32));
    let origin = (call.span.source.0, call.span.start, call.span.end);
    let matrix = MatrixStage { function, n: a.0.sets[0].len() as u32, of, origin };
    Ok(me.matrix_stage(matrix, env.ctx.size))
}
