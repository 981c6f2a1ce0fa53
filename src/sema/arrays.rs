//! Arrays: operators between them, and the element of an array at given positions.

use super::additive::Draft;
use super::context::{Ctx, compose};
use super::error;
use super::generators::flat_position;
use super::scope::{DeclarationKind, Elaborator, Env, R};
use super::value::{Array, ArrayInfo, ArrayKind, Elem, Num, Operand, Part, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf};
use crate::expr::graph::Node;
use crate::expr::ops::Op;
use crate::problem::index::Set;
use crate::syntax::ast::{BinaryOp, Expr, IndexItem, StatementKind};
use std::rc::Rc;

impl Array {
    /// The positions that exist, where the declaration of the array, or of one that it is made of, has a `where`.
    pub(super) fn kept(&self) -> Option<&[u32]> {
        match &self.0.kind {
            ArrayKind::Buffer { filter, .. } => filter.as_deref(),
            ArrayKind::Unary(_, a) => a.kept(),
            ArrayKind::Binary(_, a, b) => [a, b].into_iter().find_map(Operand::kept),
            ArrayKind::Select(c, a, b) => [c, a, b].into_iter().find_map(Operand::kept),
            ArrayKind::Inline { .. }
            | ArrayKind::Product(..)
            | ArrayKind::Transpose(_)
            | ArrayKind::Outer(..)
            | ArrayKind::Kron(..)
            | ArrayKind::Diag(_)
            | ArrayKind::Diagonal(_)
            | ArrayKind::Cumsum(_)
            | ArrayKind::Slice { .. }
            | ArrayKind::Relabelled(_)
            | ArrayKind::Elements(_) => None,
        }
    }

    /// Whether each element costs a sum.
    pub(super) fn is_heavy(&self) -> bool {
        let operand = |o: &Operand| matches!(o, Operand::Array(a) if a.is_heavy());
        match &self.0.kind {
            ArrayKind::Product(..) | ArrayKind::Cumsum(_) => true,
            ArrayKind::Buffer { .. } | ArrayKind::Inline { .. } => false,
            ArrayKind::Elements(nums) => nums.iter().any(|n| !n.data),
            ArrayKind::Unary(_, a) => !matches!(a.0.kind, ArrayKind::Buffer { .. }),
            ArrayKind::Transpose(a)
            | ArrayKind::Diag(a)
            | ArrayKind::Diagonal(a)
            | ArrayKind::Relabelled(a)
            | ArrayKind::Slice { base: a, .. } => a.is_heavy(),
            ArrayKind::Outer(a, b) | ArrayKind::Kron(a, b) => a.is_heavy() || b.is_heavy(),
            ArrayKind::Binary(_, a, b) => self.parts(LIGHT_PARTS) >= LIGHT_PARTS || operand(a) || operand(b),
            ArrayKind::Select(c, a, b) => {
                self.parts(LIGHT_PARTS) >= LIGHT_PARTS || operand(c) || operand(a) || operand(b)
            }
        }
    }

    /// The number of elementwise operations that an element costs, counted up to `most`.
    fn parts(&self, most: usize) -> usize {
        let operands: Vec<&Operand> = match &self.0.kind {
            ArrayKind::Binary(_, a, b) => vec![a, b],
            ArrayKind::Select(c, a, b) => vec![c, a, b],
            _ => return 0,
        };
        let mut count = 1;
        for operand in operands {
            if let Operand::Array(a) = operand
                && count < most
            {
                count += a.parts(most - count);
            }
        }
        count
    }
}

/// A `let` of more elementwise operations is computed once, so that chains of `let`s do not double. A guess.
const LIGHT_PARTS: usize = 16;

impl Operand {
    fn kept(&self) -> Option<&[u32]> {
        match self {
            Operand::Array(a) => a.kept(),
            Operand::Scalar(_) => None,
        }
    }
}

impl Elaborator<'_> {
    pub(super) fn as_array(&mut self, value: Val, span: Span, env: &Env) -> R<Array> {
        match value {
            Val::Array(a) => Ok(a),
            Val::Data(d) => self.data_array(&d, span),
            Val::Table(t) => self.table_matrix(&t, &t.numeric_columns(), span, env),
            other => self.fail(error::expected("an array", &other.describe(), span)),
        }
    }

    pub(super) fn as_operand(&mut self, value: Val, span: Span, env: &Env) -> R<Operand> {
        match value {
            Val::Array(a) => Ok(Operand::Array(a)),
            other => Ok(Operand::Scalar(self.as_number(other, span, env)?)),
        }
    }

    pub(super) fn unary(&mut self, op: Op, value: Val, span: Span, env: &Env) -> R<Val> {
        match value {
            Val::Array(a) => {
                let info = ArrayInfo {
                    sets: a.0.sets.clone(),
                    row: a.0.row,
                    kind: ArrayKind::Unary(op, a.clone()),
                    ctx: env.ctx.clone(),
                    origin: a.0.origin,
                };
                Ok(Val::Array(Array(Rc::new(info))))
            }
            other => {
                let n = self.as_number(other, span, env)?;
                Ok(Val::Num(self.apply(op, &[n])))
            }
        }
    }

    pub(super) fn binary(&mut self, op: BinaryOp, a: &Expr, b: &Expr, span: Span, env: &Env) -> R<Val> {
        if matches!(op, BinaryOp::Union | BinaryOp::Inter | BinaryOp::Minus | BinaryOp::Cross) {
            return self.set_operator(op, a, b, env);
        }
        if op == BinaryOp::Mul
            && self.may_be_array(a, env)
            && self.may_be_array(b, env)
            && let Some((elements, _)) = self.contraction_of(a, b, env)?
        {
            let drafts = elements.into_iter().map(|(ctx, num)| Draft { ctx, num, span }).collect();
            return Ok(Val::Num(self.stage_of("", &env.ctx, drafts, span)));
        }
        let left = self.value(a, env)?;
        let right = self.value(b, env)?;
        self.combine(op, left, right, (span, a.span, b.span), env)
    }

    pub(super) fn combine(
        &mut self,
        op: BinaryOp,
        left: Val,
        right: Val,
        (span, a_at, b_at): (Span, Span, Span),
        env: &Env,
    ) -> R<Val> {
        let arrays = (matches!(left, Val::Array(_)), matches!(right, Val::Array(_)));
        if arrays == (false, false) {
            let a = self.as_number(left, a_at, env)?;
            let b = self.as_number(right, b_at, env)?;
            if matches!(op, BinaryOp::Pow | BinaryOp::ElementPow) {
                let b = self.settled_exponent(b, env);
                return Ok(Val::Num(self.apply(Op::Pow, &[a, b])));
            }
            return Ok(Val::Num(self.apply(scalar_op(op), &[a, b])));
        }
        if let (Val::Array(a), Val::Array(b)) = (&left, &right) {
            if op == BinaryOp::Mul {
                return self.product(a, b, span, a_at, b_at, env);
            }
            if matches!(op, BinaryOp::Div | BinaryOp::Pow) {
                return self.fail(error::array_operator(op == BinaryOp::Div, a_at, b_at, span));
            }
            self.same_shape(verb(op), a, a_at, b, b_at)?;
        }
        if op == BinaryOp::Pow && arrays.0 {
            return self.fail(error::array_operator(false, a_at, b_at, span));
        }
        let (sets, row, origin) = match (&left, &right) {
            (Val::Array(x), _) | (_, Val::Array(x)) => (x.0.sets.clone(), x.0.row, x.0.origin),
            _ => unreachable!("one side is an array"),
        };
        let a = self.as_operand(left, a_at, env)?;
        let mut b = self.as_operand(right, b_at, env)?;
        if let (BinaryOp::ElementPow, Operand::Scalar(exponent)) = (op, &b) {
            b = Operand::Scalar(self.settled_exponent(*exponent, env));
        }
        let kind = ArrayKind::Binary(scalar_op(op), a, b);
        Ok(Val::Array(Array(Rc::new(ArrayInfo { sets, row, kind, ctx: env.ctx.clone(), origin }))))
    }

    /// An exponent that is the same whole number everywhere is part of the shape of the function, not a parameter.
    fn settled_exponent(&mut self, exponent: Num, env: &Env) -> Num {
        if !exponent.data {
            return exponent;
        }
        let values = self.column(exponent, &env.ctx);
        match values.first() {
            Some(&v) if v.fract() == 0.0 && values.iter().all(|&w| w == v) => {
                self.structural(exponent, &env.ctx);
                self.constant(v)
            }
            _ => exponent,
        }
    }

    pub(super) fn same_shape(&mut self, verb: &str, a: &Array, a_at: Span, b: &Array, b_at: Span) -> R<()> {
        if a.0.sets == b.0.sets && a.0.row == b.0.row {
            return Ok(());
        }
        self.fail(error::shape_mismatch(verb, (a, a_at), (b, b_at)))
    }

    pub(super) fn transpose(&mut self, a: &Array, span: Span) -> R<Val> {
        let sets: Vec<Set> = a.0.sets.iter().rev().cloned().collect();
        match sets.len() {
            1 => Ok(Val::Array(Array(Rc::new(ArrayInfo {
                sets,
                row: !a.0.row,
                kind: ArrayKind::Relabelled(a.clone()),
                ctx: a.0.ctx.clone(),
                origin: a.0.origin,
            })))),
            2 => Ok(Val::Array(Array::new(sets, ArrayKind::Transpose(a.clone()), &a.0.ctx, a.0.origin))),
            n => self.fail(error::transpose_rank(n, span)),
        }
    }

    /// `*` of two arrays.
    fn product(&mut self, a: &Array, b: &Array, span: Span, a_at: Span, b_at: Span, env: &Env) -> R<Val> {
        let (ra, rb) = (a.0.sets.len(), b.0.sets.len());
        let fits = a.0.sets.last() == b.0.sets.first();
        let make = |sets: Vec<Set>, row: bool, kind: ArrayKind| {
            Ok(Val::Array(Array(Rc::new(ArrayInfo { sets, row, kind, ctx: env.ctx.clone(), origin: span }))))
        };
        match (ra, a.0.row, rb, b.0.row) {
            (1, true, 1, false) if fits => {
                let drafts = self.dot_drafts(a, b, env, span)?;
                Ok(Val::Num(self.stage_of("", &env.ctx, drafts, span)))
            }
            (1, false, 1, true) => {
                make(vec![a.0.sets[0].clone(), b.0.sets[0].clone()], false, ArrayKind::Outer(a.clone(), b.clone()))
            }
            (1, false, 1, false) | (1, true, 1, true) => {
                self.fail(error::vector_times_vector((a, a_at), (b, b_at), span))
            }
            (2, _, 1, false) if fits => {
                make(vec![a.0.sets[0].clone()], false, ArrayKind::Product(a.clone(), b.clone()))
            }
            (1, true, 2, _) if fits => make(vec![b.0.sets[1].clone()], true, ArrayKind::Product(a.clone(), b.clone())),
            (2, _, 2, _) if fits => {
                make(vec![a.0.sets[0].clone(), b.0.sets[1].clone()], false, ArrayKind::Product(a.clone(), b.clone()))
            }
            _ => self.fail(error::shape_mismatch("multiply", (a, a_at), (b, b_at))),
        }
    }

    /// `a' b` as products of elements over the shared set, without a stage of its own.
    pub(super) fn dot_drafts(&mut self, a: &Array, b: &Array, env: &Env, span: Span) -> R<Vec<Draft>> {
        let (ctx, index) = self.over_elements(if a.kept().is_some() { a } else { b }, &env.ctx)?;
        let parts = self.traced(&ctx, &mut |me, here| {
            let index = through(&index, &here.path_to(&ctx), here.size);
            let x = me.element(a, &index, here)?;
            let y = me.element(b, &index, here)?;
            Ok(me.apply(Op::Mul, &[x, y]))
        })?;
        Ok(parts.into_iter().map(|(ctx, num)| Draft { ctx, num, span }).collect())
    }

    /// The instances of all elements over `sets`, for each instance of `ctx`, and their positions along each set.
    pub(super) fn over(&mut self, sets: &[Set], ctx: &Ctx) -> R<(Ctx, Vec<IndexMap>)> {
        let size = sets.iter().map(Set::len).fold(1usize, usize::saturating_mul);
        let n = ctx.size;
        let at = self.chain.last().map_or(Span::default(), |(_, used)| *used);
        self.within_limits(n.saturating_mul(size), at)?;
        let parent = match (n, size) {
            (1, _) => IndexMap::scalar(0),
            (_, 1) => IndexMap::IDENTITY,
            _ => IndexMap::Repeat { start: 0, stride: 1, length: size as u32 },
        };
        let child = self.child(ctx, n * size, parent, true);
        let within = if n == 1 || size == 0 {
            IndexMap::IDENTITY
        } else {
            IndexMap::Tile { start: 0, stride: 1, length: size as u32 }
        };
        let index = unflatten(sets, &within, n * size);
        Ok((child, index))
    }

    /// As [`Elaborator::over`] for the elements of an array that exist: a `where` of its declaration leaves some out.
    pub(super) fn over_elements(&mut self, array: &Array, ctx: &Ctx) -> R<(Ctx, Vec<IndexMap>)> {
        let Some(kept) = array.kept() else { return self.over(&array.0.sets, ctx) };
        let (n, size) = (ctx.size, kept.len());
        let parent = (0..n as u32).flat_map(|p| std::iter::repeat_n(p, size)).collect();
        let child = self.child(ctx, n * size, IndexMap::from_positions(parent), true);
        let flat = IndexMap::from_positions((0..n).flat_map(|_| kept.iter().copied()).collect());
        let index = unflatten(&array.0.sets, &flat, n * size);
        Ok((child, index))
    }

    /// The element at positions `index` (one map for each axis) for each instance of `ctx`.
    pub(super) fn element(&mut self, array: &Array, index: &[IndexMap], ctx: &Ctx) -> R<Num> {
        let info = array.0.clone();
        match &info.kind {
            ArrayKind::Buffer { source, offset, filter, data } => {
                let sizes: Vec<usize> = info.sets.iter().map(Set::len).collect();
                let mut map = flat_position(&sizes, index, ctx.size);
                if let Some(kept) = filter {
                    let mut positions = Vec::with_capacity(ctx.size);
                    for p in 0..ctx.size {
                        match kept.binary_search(&(map.at(p) as u32)) {
                            Ok(at) => positions.push(at as u32),
                            Err(_) => {
                                let label = crate::problem::index::Axes::product(info.sets.clone()).label(map.at(p));
                                return self.fail(error::filtered_out(&label, info.origin));
                            }
                        }
                    }
                    map = IndexMap::from_positions(positions);
                }
                let shift = IndexMap::Affine { start: *offset as i64, stride: 1 };
                let map = compose(&shift, &map, ctx.size);
                Ok(self.read(ctx, Leaf { source: *source, map }, *data))
            }
            ArrayKind::Inline { declaration } => self.inlined(*declaration, index, ctx),
            ArrayKind::Unary(op, a) => {
                let x = self.element(a, index, ctx)?;
                Ok(self.apply(*op, &[x]))
            }
            ArrayKind::Binary(op, a, b) => {
                let x = self.operand(a, index, &info.ctx, ctx)?;
                let y = self.operand(b, index, &info.ctx, ctx)?;
                Ok(self.apply(*op, &[x, y]))
            }
            ArrayKind::Select(c, a, b) => {
                let c = self.operand(c, index, &info.ctx, ctx)?;
                let x = self.operand(a, index, &info.ctx, ctx)?;
                let y = self.operand(b, index, &info.ctx, ctx)?;
                Ok(self.apply(Op::Select, &[c, x, y]))
            }
            ArrayKind::Product(..) | ArrayKind::Cumsum(_) => {
                let drafts = self.element_drafts(array, index, ctx, info.origin)?;
                Ok(self.stage_of("", ctx, drafts, info.origin))
            }
            ArrayKind::Transpose(a) => self.element(a, &[index[1].clone(), index[0].clone()], ctx),
            ArrayKind::Relabelled(a) => self.element(a, index, ctx),
            ArrayKind::Outer(a, b) => {
                let x = self.element(a, &index[..1], ctx)?;
                let y = self.element(b, &index[1..], ctx)?;
                Ok(self.apply(Op::Mul, &[x, y]))
            }
            ArrayKind::Kron(a, b) => {
                let (mut high, mut low) = (vec![], vec![]);
                for (axis, map) in index.iter().enumerate() {
                    let size = b.0.sets[axis].len().max(1);
                    high.push(IndexMap::from_positions((0..ctx.size).map(|p| (map.at(p) / size) as u32).collect()));
                    low.push(IndexMap::from_positions((0..ctx.size).map(|p| (map.at(p) % size) as u32).collect()));
                }
                let x = self.element(a, &high, ctx)?;
                let y = self.element(b, &low, ctx)?;
                Ok(self.apply(Op::Mul, &[x, y]))
            }
            ArrayKind::Diag(a) => {
                let on: Vec<f64> = (0..ctx.size).map(|p| (index[0].at(p) == index[1].at(p)) as u8 as f64).collect();
                let on = self.literal_column(on, ctx, info.origin);
                let x = self.element(a, &index[..1], ctx)?;
                Ok(self.apply(Op::Mul, &[on, x]))
            }
            ArrayKind::Diagonal(a) => self.element(a, &[index[0].clone(), index[0].clone()], ctx),
            ArrayKind::Slice { base, parts } => {
                let full = self.slice_index(parts, index, &info.ctx, ctx);
                self.element(base, &full, ctx)
            }
            ArrayKind::Elements(nums) => self.literal_element(nums, &info, index, ctx),
        }
    }

    /// The element as a sum of families, where it is a sum.
    pub(super) fn element_drafts(&mut self, array: &Array, index: &[IndexMap], ctx: &Ctx, span: Span) -> R<Vec<Draft>> {
        let info = array.0.clone();
        match &info.kind {
            ArrayKind::Binary(op @ (Op::Add | Op::Sub), a, b) => {
                let mut all = vec![];
                for (operand, flip) in [(a, false), (b, *op == Op::Sub)] {
                    let drafts = match operand {
                        Operand::Array(x) => self.element_drafts(x, index, ctx, span)?,
                        Operand::Scalar(n) => {
                            vec![Draft { ctx: ctx.clone(), num: self.lift_num(*n, &info.ctx, ctx), span }]
                        }
                    };
                    for mut d in drafts {
                        if flip {
                            d.num = self.apply(Op::Neg, &[d.num]);
                        }
                        all.push(d);
                    }
                }
                Ok(all)
            }
            ArrayKind::Unary(Op::Neg, a) => {
                let mut drafts = self.element_drafts(a, index, ctx, span)?;
                for d in &mut drafts {
                    d.num = self.apply(Op::Neg, &[d.num]);
                }
                Ok(drafts)
            }
            ArrayKind::Relabelled(a) => self.element_drafts(a, index, ctx, span),
            ArrayKind::Slice { base, parts } => {
                let full = self.slice_index(parts, index, &info.ctx, ctx);
                self.element_drafts(base, &full, ctx, span)
            }
            ArrayKind::Product(a, b) => {
                let shared = a.0.sets.last().expect("a product has an inner axis").clone();
                let (child, inner) = self.over(&[shared], ctx)?;
                let parts = self.traced(&child, &mut |me, here| {
                    let up = here.path_to(ctx);
                    let k = compose(&inner[0], &here.path_to(&child), here.size);
                    let mut left: Vec<IndexMap> = vec![];
                    let mut right: Vec<IndexMap> = vec![];
                    let outer = through(index, &up, here.size);
                    if a.0.sets.len() == 2 {
                        left.push(outer[0].clone());
                    }
                    left.push(k.clone());
                    right.push(k);
                    if b.0.sets.len() == 2 {
                        right.push(outer.last().expect("a matrix has two axes").clone());
                    }
                    let x = me.element(a, &left, here)?;
                    let y = me.element(b, &right, here)?;
                    Ok(me.apply(Op::Mul, &[x, y]))
                })?;
                Ok(parts.into_iter().map(|(ctx, num)| Draft { ctx, num, span }).collect())
            }
            ArrayKind::Cumsum(a) => {
                let mut parent = vec![];
                let mut at = vec![];
                for p in 0..ctx.size {
                    for k in 0..=index[0].at(p) as u32 {
                        parent.push(p as u32);
                        at.push(k);
                    }
                }
                let child = self.child(ctx, at.len(), IndexMap::from_positions(parent), true);
                let map = IndexMap::from_positions(at);
                let num = self.element(a, &[map], &child)?;
                Ok(vec![Draft { ctx: child, num, span }])
            }
            ArrayKind::Buffer { .. }
            | ArrayKind::Inline { .. }
            | ArrayKind::Unary(..)
            | ArrayKind::Binary(..)
            | ArrayKind::Transpose(_)
            | ArrayKind::Outer(..)
            | ArrayKind::Kron(..)
            | ArrayKind::Diag(_)
            | ArrayKind::Diagonal(_)
            | ArrayKind::Elements(_)
            | ArrayKind::Select(..) => {
                let num = self.element(array, index, ctx)?;
                Ok(vec![Draft { ctx: ctx.clone(), num, span }])
            }
        }
    }

    fn slice_index(&mut self, parts: &[Part], index: &[IndexMap], from: &Ctx, ctx: &Ctx) -> Vec<IndexMap> {
        let mut kept = index.iter();
        parts
            .iter()
            .map(|part| match part {
                Part::Fixed(at) => compose(at, &ctx.path_to(from), ctx.size),
                Part::Kept(_, positions) => {
                    let inner = kept.next().expect("one map for each axis that stays");
                    compose(positions, inner, ctx.size)
                }
            })
            .collect()
    }

    fn constant_value(&self, num: Num) -> Option<f64> {
        match self.problem.graph.node(num.node) {
            Node::Constant(value) => Some(value),
            Node::Leaf(_) | Node::Call(..) => None,
        }
    }

    /// An element of an array literal: a constant one is a buffer, an expression at one known place is itself.
    fn literal_element(&mut self, nums: &[Num], info: &ArrayInfo, index: &[IndexMap], ctx: &Ctx) -> R<Num> {
        let sizes: Vec<usize> = info.sets.iter().map(Set::len).collect();
        let map = flat_position(&sizes, index, ctx.size);
        if nums.is_empty() || ctx.size == 0 {
            return Ok(self.constant(0.0));
        }
        if let IndexMap::Affine { start, stride: 0 } = map {
            return Ok(self.lift_num(nums[start as usize], &info.ctx, ctx));
        }
        // What reads a parameter must go on to do so: its numbers may change, and derivatives by them may be asked for.
        let constants: Option<Vec<f64>> = nums.iter().map(|n| self.constant_value(*n)).collect();
        if let Some(values) = constants {
            let buffer = self.buffer(values, info.origin);
            return Ok(self.read(ctx, Leaf { source: crate::expr::family::Source::Param(buffer), map }, true));
        }
        // One instance for each element, gathered: a stage whose rows are the elements.
        let own = info.ctx.clone();
        let count = nums.len();
        let (child, _) = self.over(&[Set::range(1.0, 1.0, count)], &own)?;
        let mut terms = vec![];
        for (k, n) in nums.iter().enumerate() {
            let rows: Vec<u32> = (0..own.size).map(|p| (p * count + k) as u32).collect();
            let mut term = self.term(&Draft { ctx: own.clone(), num: *n, span: info.origin }, &own, 0);
            term.target = IndexMap::from_positions(rows);
            terms.push(term);
        }
        let data = nums.iter().all(|n| n.data);
        let stage = crate::expr::family::Stage::sum("", child.size as u32, terms);
        let id = self.add_stage(stage, data);
        let path = ctx.path_to(&own);
        let rows = (0..ctx.size).map(|p| (path.at(p) * count + map.at(p)) as u32).collect();
        let leaf = Leaf { source: crate::expr::family::Source::Stage(id), map: IndexMap::from_positions(rows) };
        Ok(self.read(ctx, leaf, data))
    }

    /// The body of an indexed `let` at given positions.
    fn inlined(&mut self, declaration: u32, index: &[IndexMap], ctx: &Ctx) -> R<Num> {
        let d = &self.declarations[declaration as usize];
        let DeclarationKind::Statement(statement) = d.kind.clone() else { unreachable!("only lets are inlined") };
        let StatementKind::Let { index: Some(spec), value, .. } = &statement.kind else {
            unreachable!("only indexed lets are inlined")
        };
        let scope = d.scope;
        let sets = match &self.declarations[declaration as usize].state {
            super::scope::State::Done(Val::Array(a)) => a.0.sets.clone(),
            _ => return Err(super::scope::Halt::Reported),
        };
        let mut env = self.env(scope).within(ctx);
        let mut table_of = vec![];
        for item in &spec.items {
            let outer = self.env(scope);
            let domain = match item {
                IndexItem::Binder(g) => &g.domain,
                IndexItem::Domain(e) => e,
            };
            table_of.push(match self.value(domain, &outer) {
                Ok(Val::Table(t)) => Some(t),
                _ => None,
            });
        }
        for (k, item) in spec.items.iter().enumerate() {
            let IndexItem::Binder(g) = item else { continue };
            let element = Elem { set: sets[k].clone(), at: index[k].clone(), table: table_of[k].clone() };
            match g.names.as_slice() {
                [one] => env.bind(&one.name, Val::Element(element), one.span),
                several => {
                    for (part, name) in several.iter().enumerate() {
                        let value = self.component(&element, part, ctx);
                        env.bind(&name.name, value, name.span);
                    }
                }
            }
        }
        self.number(value, &env)
    }

    /// An array as a stage with a row for each element.
    pub(super) fn materialise(&mut self, name: &str, array: &Array, env: &Env, span: Span) -> R<Array> {
        let (ctx, index) = self.over(&array.0.sets, &env.ctx)?;
        let parts = self.traced(&ctx, &mut |me, here| {
            let index = through(&index, &here.path_to(&ctx), here.size);
            me.element_drafts(array, &index, here, span)
        })?;
        let drafts: Vec<Draft> = parts.into_iter().flat_map(|(_, d)| d).collect();
        let data = drafts.iter().all(|d| d.num.data);
        let id = self.stage(name, &ctx, drafts, span);
        let source = crate::expr::family::Source::Stage(id);
        let kind = ArrayKind::Buffer { source, offset: 0, filter: None, data };
        let info = ArrayInfo {
            sets: array.0.sets.clone(),
            row: array.0.row,
            kind,
            ctx: self.root.clone(),
            origin: array.0.origin,
        };
        Ok(Array(Rc::new(info)))
    }
}

/// Positions of a child context's instances, from positions of its parent's.
pub(super) fn through(index: &[IndexMap], path: &IndexMap, count: usize) -> Vec<IndexMap> {
    index.iter().map(|m| compose(m, path, count)).collect()
}

/// Positions along each set of a flat position that runs over their product.
pub(super) fn unflatten(sets: &[Set], flat: &IndexMap, count: usize) -> Vec<IndexMap> {
    match sets {
        [] => vec![],
        [_] => vec![flat.clone()],
        _ => {
            let mut out = vec![];
            let mut below: usize = sets.iter().map(Set::len).product();
            for set in sets {
                let size = set.len();
                below /= size.max(1);
                let part = |p: usize| (flat.at(p) / below.max(1) % size.max(1)) as u32;
                out.push(IndexMap::from_positions((0..count).map(part).collect()));
            }
            out
        }
    }
}

fn scalar_op(op: BinaryOp) -> Op {
    match op {
        BinaryOp::Add => Op::Add,
        BinaryOp::Sub => Op::Sub,
        BinaryOp::Mul | BinaryOp::ElementMul => Op::Mul,
        BinaryOp::Div | BinaryOp::ElementDiv => Op::Div,
        BinaryOp::Pow | BinaryOp::ElementPow => Op::Pow,
        BinaryOp::Union | BinaryOp::Inter | BinaryOp::Minus | BinaryOp::Cross => {
            unreachable!("set operators are not arithmetic")
        }
    }
}

fn verb(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "add",
        BinaryOp::Sub => "subtract",
        BinaryOp::Mul | BinaryOp::ElementMul => "multiply",
        BinaryOp::Div | BinaryOp::ElementDiv => "divide",
        BinaryOp::Pow | BinaryOp::ElementPow => "raise",
        BinaryOp::Union | BinaryOp::Inter | BinaryOp::Minus | BinaryOp::Cross => "join",
    }
}
