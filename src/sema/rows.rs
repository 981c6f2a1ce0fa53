//! Constraints: sides, bounds, shapes.

use super::additive::Draft;
use super::arrays::through;
use super::context::Ctx;
use super::error;
use super::generators::Indexed;
use super::scope::{Elaborator, Halt, R};
use super::value::{Array, RowRef, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, Source};
use crate::expr::ops::Op;
use crate::problem::index::Axes;
use crate::problem::{BlockKind, Constraint, Data, Scale, Scaled};
use crate::syntax::ast::{Expr, ExprKind, RelOp, Row, Statement, StatementKind};
use std::rc::Rc;

/// One side of a relation as families.
pub(super) struct Side {
    pub drafts: Vec<Draft>,
    pub span: Span,
}

impl Side {
    pub fn is_data(&self) -> bool {
        self.drafts.iter().all(|d| d.num.data)
    }
}

/// `lower <= body <= upper`, and the sign of its dual.
pub(super) struct Sided {
    pub body: Vec<Draft>,
    pub lower: Data,
    pub upper: Data,
    pub sign: f64,
}

impl Elaborator<'_> {
    /// The row of a label.
    pub(super) fn row_statement(&mut self, scope: u32, statement: &Statement, k: usize) -> R<Val> {
        let StatementKind::SubjectTo { rows, .. } = &statement.kind else { unreachable!("rows stand in `subject to`") };
        self.row(scope, &rows[k])
    }

    /// All rows of a statement, in order; labelled ones through their declarations.
    pub(super) fn rows(&mut self, scope: u32, rows: &[Row]) {
        for row in rows {
            match &row.label {
                Some(label) => {
                    let Some(d) = self.find(scope, &label.name.name) else { continue };
                    // A duplicate label was reported and has no declaration of its own.
                    if self.declarations[d as usize].span == label.name.span {
                        let _ = self.resolve(d, label.name.span);
                    }
                }
                None => {
                    let _ = self.row(scope, row);
                }
            }
        }
    }

    fn row(&mut self, scope: u32, row: &Row) -> R<Val> {
        let env = self.env(scope);
        let index = row.label.as_ref().and_then(|l| l.index.as_ref());
        let indexed = self.index_or_scalar(index, &env)?;
        let label = match &row.label {
            Some(l) => self.qualified(scope, &l.name.name),
            None => self.line_label(scope, row.span),
        };
        if let Some(size) = &row.scale {
            let unused = match (&row.complement, self.scopes[scope as usize].block) {
                (Some(_), _) => Some("methods measure both sides of a complementarity as they are"),
                (None, Some(_)) => Some("rows of blocks are measured as they are"),
                (None, None) => None,
            };
            if let Some(why) = unused {
                self.report(error::unused_scale(&label, why, size.span));
            }
        }
        if let Some(complement) = &row.complement {
            self.no_dual(&label, row.dual.as_ref(), "neither side of a complementarity has one");
            return self.complementarity(scope, row, complement, &indexed, label);
        }
        let ExprKind::Relation(first, rest) = &row.body.kind else {
            return self.fail(error::not_a_relation(row.body.span));
        };
        if let [(RelOp::In | RelOp::NotIn, set)] = rest.as_slice() {
            self.no_dual(&label, row.dual.as_ref(), "that of a cone is no number");
            return self.cone(first, set, &indexed, &label, row);
        }
        let sides: Vec<&Expr> = std::iter::once(&**first).chain(rest.iter().map(|(_, e)| e)).collect();
        let ops: Vec<RelOp> = rest.iter().map(|(op, _)| *op).collect();
        self.states_sides(rest, row.span)?;
        let (axes, ctx, sides) = self.sides(&sides, &indexed)?;
        let row_axes = axes.clone();
        let constraint = self.constrain(sides, &ops, axes, &ctx, label, row)?;
        let rows = constraint.rows as usize;
        let entered = self.push_row(scope, constraint);
        if let Some(given) = &row.dual {
            let (env, outer) = (indexed.env.within(&ctx), indexed.outer.clone());
            let whole = Indexed { axes: row_axes, env, outer, named: indexed.named };
            self.row_dual(scope, given, &whole)?;
        }
        if let Some(size) = &row.scale {
            let values = self.scale(size, &indexed)?;
            // Where sides are arrays, a label has several rows for each of its elements.
            let each = rows / indexed.axes.len().max(1);
            let values = match values {
                Data::Read(leaf) if each > 1 => {
                    let places = (0..rows).map(|r| leaf.map.at(r / each) as u32).collect();
                    Data::Read(Leaf { map: IndexMap::from_positions(places), ..leaf })
                }
                Data::Read(_) | Data::Constant(_) => values,
            };
            // Those of blocks are checked like others, and not used.
            if self.scopes[scope as usize].block.is_none() {
                let number = self.problem.constraints.len() as u32 - 1;
                self.problem.scales.push(Scale { of: Scaled::Row(number), values });
            }
        }
        Ok(entered)
    }

    /// Only `<=`, `>=` and `==` do.
    pub(super) fn states_sides(&mut self, relations: &[(RelOp, Expr)], row: Span) -> R<()> {
        for (op, e) in relations {
            match op {
                RelOp::Le | RelOp::Ge | RelOp::Eq | RelOp::Assign => {}
                RelOp::Lt | RelOp::Gt => return self.fail(error::strict_row(e.span, row)),
                RelOp::Ne | RelOp::In | RelOp::NotIn | RelOp::Distributed => {
                    return self.fail(error::bad_row_relation(row));
                }
            }
        }
        Ok(())
    }

    /// Enters a constraint into the problem, or into the block that states it.
    pub(super) fn push_row(&mut self, scope: u32, constraint: Constraint) -> Val {
        let block = self.scopes[scope as usize].block;
        let rows = match block {
            Some(block) => &mut self.problem.blocks[block as usize].constraints,
            None => &mut self.problem.constraints,
        };
        rows.push(constraint.clone());
        let row = rows.len() as u32 - 1;
        let block = block.map(|block| {
            if self.problem.blocks[block as usize].kind != BlockKind::Optimality {
                self.supply_duals(block, row, &constraint);
            }
            self.block_here(block)
        });
        Val::Row(Rc::new(RowRef { block, row }))
    }

    /// Each side as families over the rows; sides that are arrays make the rows run over their sets too.
    pub(super) fn sides(&mut self, sides: &[&Expr], indexed: &Indexed) -> R<(Axes, Ctx, Vec<Side>)> {
        let env = &indexed.env;
        let mut arrays: Vec<Option<Array>> = vec![None; sides.len()];
        for (k, e) in sides.iter().enumerate() {
            if self.may_be_array(e, env) {
                match self.value(e, env) {
                    Ok(Val::Array(a)) => arrays[k] = Some(a),
                    Ok(_) | Err(Halt::Split { .. }) => {}
                    Err(Halt::Reported) => return Err(Halt::Reported),
                }
            }
        }
        let Some((first, like)) = arrays.iter().enumerate().find_map(|(k, a)| a.clone().map(|a| (k, a))) else {
            let mut out = vec![];
            for e in sides {
                out.push(Side { drafts: self.drafts(e, env)?, span: e.span });
            }
            return Ok((indexed.axes.clone(), env.ctx.clone(), out));
        };
        for (k, other) in arrays.iter().enumerate() {
            if let Some(other) = other {
                self.same_shape("compare", &like, sides[first].span, other, sides[k].span)?;
            }
        }
        let (ctx, index) = self.over(&like.0.sets, &env.ctx)?;
        let mut axes = indexed.axes.clone();
        if let Some(kept) = &axes.filter {
            // The rows that the label filters, times all elements.
            let size = like.len() as u32;
            axes.filter = Some(kept.iter().flat_map(|p| (0..size).map(move |k| p * size + k)).collect());
        }
        axes.sets.extend(like.0.sets.iter().cloned());
        let mut out = vec![];
        for (e, array) in sides.iter().zip(&arrays) {
            let drafts = match array {
                Some(a) => {
                    let parts = self.traced(&ctx, &mut |me, here| {
                        let index = through(&index, &here.path_to(&ctx), here.size);
                        me.element_drafts(a, &index, here, e.span)
                    })?;
                    parts.into_iter().flat_map(|(_, d)| d).collect()
                }
                None => self.drafts(e, &env.within(&ctx))?,
            };
            out.push(Side { drafts, span: e.span });
        }
        Ok((axes, ctx, out))
    }

    fn constrain(
        &mut self,
        mut sides: Vec<Side>,
        ops: &[RelOp],
        axes: Axes,
        ctx: &Ctx,
        label: String,
        row: &Row,
    ) -> R<Constraint> {
        if let ([op], [left, right]) = (ops, sides.as_slice())
            && left.is_data()
            && right.is_data()
        {
            let right = sides.pop().expect("two sides");
            let left = sides.pop().expect("two sides");
            return self.constant_row(*op, left, right, ctx, &axes, &label, row.span);
        }
        let Sided { body, lower, upper, sign } = self.sided(sides, ops, ctx, row.span)?;
        let stage = self.stage(&label, ctx, body, row.span);
        Ok(Constraint {
            labelled: row.label.is_some(),
            dual_sign: sign,
            ..Constraint::new(label, axes, ctx.size as u32, stage, (lower, upper), row.span)
        })
    }

    /// A relation of two or three sides, not all of them data, as a body between its sides.
    pub(super) fn sided(&mut self, mut sides: Vec<Side>, ops: &[RelOp], ctx: &Ctx, span: Span) -> R<Sided> {
        let free = Data::Constant(f64::NEG_INFINITY);
        let top = Data::Constant(f64::INFINITY);
        match ops {
            [op] => {
                let right = sides.pop().expect("two sides");
                let left = sides.pop().expect("two sides");
                let (body, bound, op, sign) = if right.is_data() {
                    let bound = self.as_data(ctx, right.drafts, right.span);
                    (left.drafts, bound, *op, 1.0)
                } else if left.is_data() {
                    let bound = self.as_data(ctx, left.drafts, left.span);
                    (right.drafts, bound, mirrored(*op), -1.0)
                } else {
                    let mut body = left.drafts;
                    for mut d in right.drafts {
                        d.num = self.apply(Op::Neg, &[d.num]);
                        body.push(d);
                    }
                    (self.merged(body), Data::Constant(0.0), *op, 1.0)
                };
                let (lower, upper) = match op {
                    RelOp::Le => (free, bound),
                    RelOp::Ge => (bound, top),
                    _ => (bound.clone(), bound),
                };
                Ok(Sided { body, lower, upper, sign })
            }
            [a, b] => {
                let ascending = |op: &RelOp| matches!(op, RelOp::Le);
                let same = ascending(a) == ascending(b) && ops.iter().all(|o| matches!(o, RelOp::Le | RelOp::Ge));
                let last = sides.pop().expect("three sides");
                let middle = sides.pop().expect("three sides");
                let first = sides.pop().expect("three sides");
                if !same || !first.is_data() || !last.is_data() || middle.is_data() {
                    return self.fail(error::two_sided(span));
                }
                let x = self.as_data(ctx, first.drafts, first.span);
                let y = self.as_data(ctx, last.drafts, last.span);
                let (lower, upper) = if ascending(a) { (x, y) } else { (y, x) };
                Ok(Sided { body: middle.drafts, lower, upper, sign: 1.0 })
            }
            _ => self.fail(error::two_sided(span)),
        }
    }

    /// Bodies of the same context added up into one.
    pub(super) fn merged(&mut self, drafts: Vec<Draft>) -> Vec<Draft> {
        let mut out: Vec<Draft> = vec![];
        for d in drafts {
            match out.iter_mut().find(|o| o.ctx.id == d.ctx.id) {
                Some(o) => {
                    let sum = self.apply(Op::Add, &[o.num, d.num]);
                    o.num = sum;
                    o.span = o.span.to(d.span);
                }
                None => out.push(d),
            }
        }
        out
    }

    /// A row without variables holds or does not; either way it is worth a word.
    #[allow(clippy::too_many_arguments)] // the parts of the row
    fn constant_row(
        &mut self,
        op: RelOp,
        left: Side,
        right: Side,
        ctx: &Ctx,
        axes: &Axes,
        label: &str,
        span: Span,
    ) -> R<Constraint> {
        let (l_at, r_at) = (left.span, right.span);
        let a = self.stage(label, ctx, left.drafts, l_at);
        let b = self.stage(label, ctx, right.drafts, r_at);
        let (a, b) = (self.source_decided(Source::Stage(a)), self.source_decided(Source::Stage(b)));
        let bad = (0..ctx.size).find(|&p| match op {
            RelOp::Le => a[p] > b[p] + 1e-9 * b[p].abs().max(1.0),
            RelOp::Ge => a[p] < b[p] - 1e-9 * b[p].abs().max(1.0),
            _ => (a[p] - b[p]).abs() > 1e-9 * b[p].abs().max(1.0),
        });
        match bad {
            Some(p) => self.fail(error::impossible_row(&format!("{label}{}", axes.label(p)), a[p], b[p], span)),
            None => {
                self.report(error::constant_row(label, span));
                // Kept as a row with no variables, so that its name has a meaning.
                let zero = self.constant(0.0);
                let drafts = vec![Draft { ctx: ctx.clone(), num: zero, span }];
                let stage = self.stage(label, ctx, drafts, span);
                Ok(Constraint {
                    labelled: true,
                    dropped: true,
                    ..Constraint::new(
                        label,
                        axes.clone(),
                        ctx.size as u32,
                        stage,
                        (Data::Constant(0.0), Data::Constant(0.0)),
                        span,
                    )
                })
            }
        }
    }

    /// `(t, x) in soc`, `X in psd`: checked, and left to the planner to refuse.
    fn cone(&mut self, member: &Expr, set: &Expr, indexed: &Indexed, label: &str, row: &Row) -> R<Val> {
        let ExprKind::Name(cone) = &set.kind else { return self.fail(error::not_a_cone(set.span)) };
        let construct = match cone.as_str() {
            "soc" => "soc",
            "psd" => "psd",
            _ => return self.fail(error::not_a_cone(set.span)),
        };
        self.value(member, &indexed.env)?;
        self.unsupported(construct, format!("no method of this build takes the cone `{construct}`"), row.span);
        self.placeholder_row(indexed, label, row.span)
    }

    /// A row without numbers of a problem that is refused anyway, so that its label has a meaning.
    pub(super) fn placeholder_row(&mut self, indexed: &Indexed, label: &str, span: Span) -> R<Val> {
        let ctx = indexed.env.ctx.clone();
        let stage = self.stage(label, &ctx, vec![], span);
        let constraint = Constraint {
            labelled: true,
            dropped: true,
            ..Constraint::new(
                label,
                indexed.axes.clone(),
                ctx.size as u32,
                stage,
                (Data::Constant(0.0), Data::Constant(0.0)),
                span,
            )
        };
        Ok(self.push_row(indexed.env.scope, constraint))
    }

    /// `c@12`, and `c@12.2` for the second unlabelled row of a line.
    fn line_label(&self, scope: u32, span: Span) -> String {
        let (line, _) = self.sources.line_column(span.source, span.start);
        let base = self.qualified(scope, &format!("c@{line}"));
        let taken = |name: &str| self.problem.all_constraints().any(|c| c.label == name);
        if !taken(&base) {
            return base;
        }
        (2..).map(|k| format!("{base}.{k}")).find(|name| !taken(name)).expect("there is always another number")
    }
}

fn mirrored(op: RelOp) -> RelOp {
    match op {
        RelOp::Le => RelOp::Ge,
        RelOp::Ge => RelOp::Le,
        other => other,
    }
}
