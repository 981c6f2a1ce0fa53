//! `var` declarations: shapes, bounds, starts, integrality, named domains.

use super::error;
use super::generators::Indexed;
use super::scope::{Elaborator, Env, R};
use super::value::{Array, ArrayKind, Val};
use crate::diag::Span;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::expr::ops::Op;
use crate::problem::index::Axes;
use crate::problem::{Constraint, Data, Domain, Kind, Scale, Scaled, Variable};
use crate::syntax::ast::{Argument, Expr, ExprKind, Ident, IndexSpec, RelOp, VarAttribute};

/// Domains with names.
const DOMAINS: &[&str] = &["simplex", "psd", "soc", "ball", "permutation", "subset"];

impl Elaborator<'_> {
    pub(super) fn define_var(
        &mut self,
        scope: u32,
        name: &Ident,
        index: Option<&IndexSpec>,
        attributes: &[VarAttribute],
    ) -> R<Val> {
        let env = self.env(scope);
        let indexed = self.index_or_scalar(index, &env)?;
        let mut variable =
            Variable::new(self.qualified(scope, &name.name), indexed.axes.clone(), self.problem.dimension, name.span);
        let (mut radius, mut scale) = (None, None);
        for attribute in attributes {
            let done = match attribute {
                VarAttribute::Scale(size) => self.scale(size, &indexed).map(|values| scale = Some(values)),
                _ => self.attribute(attribute, &indexed, &mut variable, &mut radius),
            };
            // After a wrong attribute the variable still has its shape, so its users are checked; the error is reported.
            // But `permutation(n)` gives the shape, so a domain like it that failed leaves none.
            let gives_shape = matches!(attribute, VarAttribute::In(Expr { kind: ExprKind::Call { .. }, .. }));
            if gives_shape && index.is_none() {
                done?;
            }
        }
        let size = variable.axes.len();
        if self.problem.dimension as usize + size > u32::MAX as usize / 4 {
            return self.fail(error::too_large(name.span, size));
        }
        self.problem.dimension += size as u32;
        let number = self.problem.variables.len() as u32;
        let (domain, offset) = (variable.domain, variable.offset);
        let shape = variable.axes.clone();
        let whole = Indexed { axes: shape.clone(), ..indexed };
        self.problem.variables.push(variable);
        if let Some(values) = scale {
            self.problem.scales.push(Scale { of: Scaled::Variable(number), values });
        }
        if let Some(block) = self.scopes[scope as usize].block {
            self.problem.blocks[block as usize].variables.push(number);
        }
        for attribute in attributes {
            if let VarAttribute::Dual(side, given) = attribute {
                self.bound_dual(scope, number, *side, given, &whole)?;
            }
        }
        let value = self.variable_value(offset as usize, &shape, &name.name, &env, name.span)?;
        match domain {
            Some(Domain::Simplex) => {
                self.domain_row(number, false, Data::Constant(1.0), scope);
            }
            Some(Domain::Ball) => {
                let radius = radius.expect("a ball has a radius");
                self.domain_row(number, true, radius, scope);
            }
            // The planner refuses the others.
            Some(Domain::SecondOrderCone | Domain::SemidefiniteCone | Domain::Permutation | Domain::Subset) | None => {}
        }
        Ok(value)
    }

    fn variable_value(&mut self, offset: usize, axes: &Axes, name: &str, env: &Env, span: Span) -> R<Val> {
        if axes.is_scalar() {
            let leaf = Leaf { source: Source::Variables, map: IndexMap::scalar(offset) };
            return Ok(Val::Num(self.read(&env.ctx, leaf, false)));
        }
        let kind = ArrayKind::Buffer { source: Source::Variables, offset, filter: axes.filter.clone(), data: false };
        let full = Array::new(axes.sets.clone(), kind, &self.root.clone(), span);
        self.seen_inside(full, env, name)
    }

    pub(super) fn attribute(
        &mut self,
        attribute: &VarAttribute,
        indexed: &Indexed,
        variable: &mut Variable,
        radius: &mut Option<Data>,
    ) -> R<()> {
        match attribute {
            VarAttribute::Bound(op, value) => {
                let bound = self.data_column(value, indexed)?;
                match op {
                    RelOp::Ge | RelOp::Gt => variable.lower = bound,
                    RelOp::Le | RelOp::Lt => variable.upper = bound,
                    RelOp::Eq | RelOp::Assign => {
                        variable.lower = bound.clone();
                        variable.upper = bound;
                    }
                    RelOp::Ne | RelOp::In | RelOp::NotIn | RelOp::Distributed => {
                        return self.fail(error::bad_bound(value.span));
                    }
                }
            }
            VarAttribute::In(domain) => return self.var_domain(domain, indexed, variable, radius),
            VarAttribute::Start(value) => variable.start = Some(self.data_column(value, indexed)?),
            // These belong to the problem, not to the variable.
            VarAttribute::Scale(_) | VarAttribute::Dual(..) => {}
            VarAttribute::Integer(_) => variable.kind = Kind::Integer,
            VarAttribute::Binary(_) => {
                variable.kind = Kind::Binary;
                variable.lower = Data::Constant(0.0);
                variable.upper = Data::Constant(1.0);
            }
        }
        Ok(())
    }

    /// A typical size: positive numbers, one for each element of the owner.
    pub(super) fn scale(&mut self, size: &Expr, indexed: &Indexed) -> R<Data> {
        let data = self.data_column(size, indexed)?;
        let wrong = |v: &f64| !(*v > 0.0 && v.is_finite());
        let first = match &data {
            Data::Constant(value) => Some(*value).filter(wrong),
            Data::Read(leaf) => {
                let values = self.source_values(leaf.source);
                (0..indexed.axes.len()).map(|p| values[leaf.map.at(p)]).find(wrong)
            }
        };
        match first {
            Some(value) => self.fail(error::bad_scale(value, size.span)),
            None => Ok(data),
        }
    }

    fn var_domain(
        &mut self,
        domain: &Expr,
        indexed: &Indexed,
        variable: &mut Variable,
        radius: &mut Option<Data>,
    ) -> R<()> {
        match &domain.kind {
            ExprKind::Array(rows) if rows.len() == 1 && rows[0].len() == 2 => {
                variable.lower = self.data_column(&rows[0][0], indexed)?;
                variable.upper = self.data_column(&rows[0][1], indexed)?;
                Ok(())
            }
            ExprKind::Range { from, to, step: None } => {
                variable.lower = self.data_column(from, indexed)?;
                variable.upper = self.data_column(to, indexed)?;
                Ok(())
            }
            ExprKind::Name(n) if n == "simplex" => {
                variable.domain = Some(Domain::Simplex);
                variable.lower = Data::Constant(0.0);
                Ok(())
            }
            ExprKind::Name(n) if n == "psd" => self.square_domain(variable, domain.span),
            ExprKind::Name(n) if n == "soc" => {
                variable.domain = Some(Domain::SecondOrderCone);
                Ok(())
            }
            ExprKind::Call { function, arguments } => {
                let ExprKind::Name(n) = &function.kind else { return self.fail(error::bad_domain(domain.span)) };
                if !DOMAINS.contains(&n.as_str()) {
                    return self.no_domain(n, function.span, domain.span, indexed);
                }
                let argument = match arguments.as_slice() {
                    [Argument::Value(v)] => v,
                    _ => return self.fail(error::bad_domain(domain.span)),
                };
                match n.as_str() {
                    "ball" => {
                        let scalar = self.scalar_index(indexed);
                        let square = Expr {
                            kind: ExprKind::Binary(
                                crate::syntax::ast::BinaryOp::Pow,
                                Box::new(argument.clone()),
                                Box::new(Expr { kind: ExprKind::Number(2.0), span: argument.span }),
                            ),
                            span: argument.span,
                        };
                        *radius = Some(self.data_column(&square, &scalar)?);
                        variable.domain = Some(Domain::Ball);
                        Ok(())
                    }
                    "permutation" => {
                        let count = self.whole_number(argument, &indexed.outer)?;
                        self.whole_domain(variable, Domain::Permutation, count as usize)
                    }
                    "subset" => {
                        self.whole_number(argument, &indexed.outer)?;
                        variable.domain = Some(Domain::Subset);
                        variable.kind = Kind::Binary;
                        Ok(())
                    }
                    _ => self.fail(error::bad_domain(domain.span)),
                }
            }
            ExprKind::Name(n) => self.no_domain(n, domain.span, domain.span, indexed),
            _ => self.fail(error::bad_domain(domain.span)),
        }
    }

    /// A misspelt name is told from something else that is no domain.
    fn no_domain(&mut self, name: &str, at: Span, domain: Span, indexed: &Indexed) -> R<()> {
        if self.is_known(name, &indexed.outer) || DOMAINS.contains(&name) {
            return self.fail(error::bad_domain(domain));
        }
        if matches!(name, "binary" | "integer") {
            return self.fail(error::domain_without_in(name, at));
        }
        self.fail(error::undefined_among(name, at, DOMAINS))
    }

    fn square_domain(&mut self, variable: &mut Variable, span: Span) -> R<()> {
        let sizes: Vec<usize> = variable.axes.sets.iter().map(|s| s.len()).collect();
        if sizes.len() != 2 || sizes[0] != sizes[1] {
            return self.fail(error::not_square(&sizes, span, variable.span));
        }
        variable.domain = Some(Domain::SemidefiniteCone);
        Ok(())
    }

    /// `var tour in permutation(n)` is a vector over 1..n of whole numbers.
    fn whole_domain(&mut self, variable: &mut Variable, domain: Domain, count: usize) -> R<()> {
        if variable.axes.is_scalar() {
            variable.axes =
                crate::problem::index::Axes::product(vec![crate::problem::index::Set::range(1.0, 1.0, count)]);
        }
        variable.domain = Some(domain);
        variable.kind = Kind::Integer;
        variable.lower = Data::Constant(1.0);
        variable.upper = Data::Constant(count as f64);
        Ok(())
    }

    /// The row that states a named domain, one for each instance of the block: `Σ x == 1`, or `Σ x² <= r²`.
    fn domain_row(&mut self, variable: u32, squares: bool, bound: Data, scope: u32) {
        let owner = &self.problem.variables[variable as usize];
        let (span, name, shape, offset) = (owner.span, owner.name.clone(), owner.axes.clone(), owner.offset);
        let axes = match self.scopes[scope as usize].block {
            Some(block) => self.blocks[block as usize].axes.clone(),
            None => Axes::scalar(),
        };
        let leaf = Leaf { source: Source::Variables, map: IndexMap::Affine { start: offset as i64, stride: 1 } };
        let x = self.problem.graph.leaf(0);
        let body = if squares { self.problem.graph.call(Op::Square, &[x]) } else { x };
        let label = format!("{name} in {}", if squares { "ball" } else { "simplex" });
        let family = Family { instances: shape.len() as u32, leaves: vec![leaf], body };
        let target = match axes.is_scalar() {
            true => IndexMap::scalar(0),
            false => IndexMap::from_positions(shape.instances(&axes)),
        };
        let term = Term { family, target, level: 0, origin: (span.source.0, span.start, span.end) };
        let rows = axes.len() as u32;
        let stage: StageId = self.add_stage(Stage::sum(&*label, rows, vec![term]), false);
        let constraint = Constraint {
            domain_of: Some(variable),
            ..Constraint::new(
                label,
                axes,
                rows,
                stage,
                (if squares { Data::Constant(f64::NEG_INFINITY) } else { bound.clone() }, bound),
                span,
            )
        };
        self.push_row(scope, constraint);
    }
}
