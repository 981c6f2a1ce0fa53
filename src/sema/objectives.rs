//! Statements that are not declarations: objectives, rows, what is shown and ensured.

use super::additive::Draft;
use super::error;
use super::scope::{Elaborator, Env, Halt, R};
use super::value::{Array, ArrayKind, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, Source, StageId};
use crate::problem::index::Axes;
use crate::problem::{BlockKind, Directive, Ensure, Named, Objective, OptionValue, Scale, Scaled, Sense, Show};
use crate::syntax::ast::{self, Expr, ExprKind, RelOp, Statement, StatementKind};
use crate::syntax::print;

impl Elaborator<'_> {
    /// What must be built before values after the solve can be named.
    pub(super) fn statement(&mut self, scope: u32, statement: &Statement) {
        match &statement.kind {
            StatementKind::Objective { label: Some(label), .. } => {
                if let Some(d) = self.find(scope, &label.name.name)
                    && self.declarations[d as usize].span == label.name.span
                {
                    let _ = self.resolve(d, label.name.span);
                }
            }
            StatementKind::Objective { label: None, .. } => {
                let _ = self.objective(scope, statement);
            }
            StatementKind::Saddle { first_over, second_over, value, .. } => {
                let _ = self.saddle(scope, first_over.iter().chain(second_over), value, statement.span);
            }
            StatementKind::SubjectTo { rows, .. } => self.rows(scope, rows),
            StatementKind::Block { .. } => self.block_statement(statement),
            StatementKind::Solve { method, options } => self.solve_with(scope, method, options),
            StatementKind::Param { .. }
            | StatementKind::Data { .. }
            | StatementKind::Set { .. }
            | StatementKind::Var { .. }
            | StatementKind::Let { .. }
            | StatementKind::Def { .. }
            | StatementKind::Use { .. }
            | StatementKind::Oracle { .. }
            | StatementKind::External { .. }
            | StatementKind::Show { .. }
            | StatementKind::Sensitivity { .. }
            | StatementKind::Ensure { .. }
            | StatementKind::Choice(_) => {}
        }
    }

    /// Statements about the answer; they come after everything that they can name.
    pub(super) fn after_statement(&mut self, scope: u32, statement: &Statement) {
        match &statement.kind {
            StatementKind::Show { values } => {
                for value in values {
                    let _ = self.show(scope, value);
                }
            }
            StatementKind::Ensure { condition } => {
                let _ = self.ensure(scope, condition);
            }
            StatementKind::Sensitivity { of, to } => self.stated_sensitivities(scope, of, to, statement.span),
            _ => {}
        }
    }

    pub(super) fn objective(&mut self, scope: u32, statement: &Statement) -> R<Val> {
        let StatementKind::Objective { label, .. } = &statement.kind else {
            unreachable!("an objective is an objective")
        };
        let env = self.env(scope);
        // `fit.objective` may have been asked for before its statement was reached.
        if let Some(block) = self.scopes[scope as usize].block
            && let Some(built) =
                self.problem.blocks[block as usize].objectives.iter().find(|o| o.span == statement.span)
        {
            let map = if env.ctx.size == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY };
            let leaf = Leaf { source: Source::Stage(built.stage), map };
            return Ok(Val::Num(self.read(&env.ctx, leaf, false)));
        }
        if self.stating.contains(&statement.span) {
            let name = self.qualified(scope, label.as_ref().map_or("objective", |l| &l.name.name));
            return self.fail(error::objective_of_itself(&name, statement.span));
        }
        if let Some(block) = self.scopes[scope as usize].block {
            let block = &self.problem.blocks[block as usize];
            if block.kind == BlockKind::Optimality {
                return self.fail(error::objective_of_conditions(&block.name, statement.span));
            }
            if let Some(first) = block.objectives.first() {
                return self.fail(error::second_objective(&block.name, statement.span, first.span));
            }
        }
        let index = label.as_ref().and_then(|l| l.index.as_ref());
        if let Some(index) = index {
            return self.fail(error::indexed_objective(index.span));
        }
        self.stating.push(statement.span);
        let stated = self.state(scope, statement);
        self.stating.pop();
        stated
    }

    /// The stage of an objective, which may be asked for meanwhile.
    fn state(&mut self, scope: u32, statement: &Statement) -> R<Val> {
        let StatementKind::Objective { sense, label, value, scale } = &statement.kind else {
            unreachable!("an objective is an objective")
        };
        let env = self.env(scope);
        if let Ok(Val::Array(a)) =
            if self.may_be_array(value, &env) { self.value(value, &env) } else { Err(Halt::Reported) }
        {
            return self.fail(error::array_for_number(&a.describe(), a.0.origin, value.span));
        }
        let drafts = self.drafts(value, &env)?;
        let name = match label {
            Some(l) => self.qualified(scope, &l.name.name),
            None => self.qualified(scope, "objective"),
        };
        let stage = self.stage(&name, &env.ctx, drafts, value.span);
        let leaf = Leaf {
            source: Source::Stage(stage),
            map: if env.ctx.size == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY },
        };
        let num = self.read(&env.ctx, leaf, false);
        let sense = match sense {
            ast::Sense::Minimize => Sense::Minimize,
            ast::Sense::Maximize => Sense::Maximize,
        };
        let objectives = match self.scopes[scope as usize].block {
            Some(block) => &mut self.problem.blocks[block as usize].objectives,
            None => &mut self.problem.objectives,
        };
        objectives.push(Objective { label: name, sense, stage, span: statement.span });
        let number = objectives.len() as u32 - 1;
        if let Some(size) = scale {
            let indexed = self.index_or_scalar(None, &env)?;
            let values = self.scale(size, &indexed)?;
            if self.scopes[scope as usize].block.is_none() {
                self.problem.scales.push(Scale { of: Scaled::Objective(number), values });
            }
        }
        Ok(Val::Num(num))
    }

    fn saddle<'e>(&mut self, scope: u32, over: impl Iterator<Item = &'e Expr>, value: &Expr, span: Span) -> R<()> {
        let env = self.env(scope);
        for e in over {
            self.value(e, &env)?;
        }
        self.drafts(value, &env)?;
        self.unsupported("saddle point", "no method of this build finds saddle points".into(), span);
        Ok(())
    }

    fn show(&mut self, scope: u32, value: &Expr) -> R<()> {
        let env = self.env(scope);
        let text = print::expression(value);
        let (axes, stage) = self.shown_stage(value, &env)?;
        self.problem.shows.push(Show { text, axes, stage, span: value.span });
        Ok(())
    }

    /// A number or an array as a stage of its own.
    pub(super) fn shown_stage(&mut self, value: &Expr, env: &Env) -> R<(Axes, StageId)> {
        let text = print::expression(value);
        Ok(match self.traced_value(value, env)? {
            Val::Array(a) => self.elements_stage(&text, &a, env, value.span)?,
            Val::Set(_) | Val::Table(_) | Val::Row(_) | Val::Block(_) | Val::Function(_) => {
                return self.fail(error::cannot_show(value.span));
            }
            other => {
                let num = self.as_number(other, value.span, env)?;
                (Axes::scalar(), self.single(&text, num, value.span, &env.ctx))
            }
        })
    }

    /// The shape of an array that is shown: with the elements that exist.
    fn full_axes(&self, a: &super::value::Array) -> Axes {
        let filter = match &a.0.kind {
            super::value::ArrayKind::Buffer { filter, .. } => filter.clone(),
            _ => None,
        };
        Axes { sets: a.0.sets.clone(), filter }
    }

    fn single(&mut self, name: &str, num: super::value::Num, span: Span, ctx: &super::context::Ctx) -> StageId {
        let drafts = vec![Draft { ctx: ctx.clone(), num, span }];
        self.stage(name, ctx, drafts, span)
    }

    fn ensure(&mut self, scope: u32, condition: &Expr) -> R<()> {
        let env = self.env(scope);
        let text = print::expression(condition);
        let truth = self.truth(condition, &env)?;
        let stage = self.single(&text, truth, condition.span, &env.ctx);
        let mut sides = None;
        if let ExprKind::Relation(left, rest) = &condition.kind
            && let [(op, right)] = rest.as_slice()
            && let (Ok(Val::Num(a)), Ok(Val::Num(b))) = (self.value(left, &env), self.value(right, &env))
        {
            let a = self.single("left side", a, left.span, &env.ctx);
            let b = self.single("right side", b, right.span, &env.ctx);
            sides = Some((a, relation_text(*op).to_string(), b));
        }
        self.problem.ensures.push(Ensure { text, stage, sides, span: condition.span });
        Ok(())
    }

    fn solve_with(&mut self, scope: u32, method: &ast::Ident, options: &[(ast::Ident, Expr)]) {
        let env = self.env(scope);
        let mut out = vec![];
        for (name, e) in options {
            let value = match &e.kind {
                // A bare word that names nothing is a choice: `direction = hager_zhang`.
                ExprKind::Name(word) if self.find(scope, word).is_none() => OptionValue::Text(word.clone()),
                // So is a `let` that is no plain number: `behaviour = finish`.
                ExprKind::Name(word) if self.is_computed(scope, word, e) => {
                    if let Ok((axes, stage)) = self.shown_stage(e, &env) {
                        self.problem.named.push(Named { name: word.clone(), axes, stage });
                    }
                    OptionValue::Text(word.clone())
                }
                ExprKind::Text(text) => OptionValue::Text(text.clone()),
                ExprKind::Bool(b) => OptionValue::Bool(*b),
                _ => {
                    let Ok(n) = self.number(e, &env) else { continue };
                    if !n.data {
                        self.report(error::variable_in_data(e.span));
                        continue;
                    }
                    OptionValue::Number(self.structural(n, &env.ctx)[0])
                }
            };
            out.push((name.name.clone(), value, name.span.to(e.span)));
        }
        self.problem.solve_with =
            Some(Directive { method: method.name.clone(), method_span: method.span, options: out });
    }

    /// A stage whose rows are the elements of an array.
    fn elements_stage(&mut self, name: &str, a: &Array, env: &Env, span: Span) -> R<(Axes, StageId)> {
        let axes = self.full_axes(a);
        let count = axes.len();
        let indexed_ctx = self.child(&env.ctx, count, IndexMap::scalar(0), true);
        let flat = match &axes.filter {
            Some(kept) => IndexMap::Gather(kept.clone()),
            None => IndexMap::IDENTITY,
        };
        let index = super::arrays::unflatten(&axes.sets, &flat, indexed_ctx.size);
        let parts = self.traced(&indexed_ctx, &mut |me, here| {
            let index = super::arrays::through(&index, &here.path_to(&indexed_ctx), here.size);
            me.element_drafts(a, &index, here, span)
        })?;
        let drafts = parts.into_iter().flat_map(|(_, d)| d).collect();
        Ok((axes, self.stage(name, &indexed_ctx, drafts, span)))
    }

    /// Whether a name is that of a `let` with several values, or one that depends on variables.
    fn is_computed(&mut self, scope: u32, name: &str, e: &Expr) -> bool {
        let Some(id) = self.find(scope, name) else { return false };
        let is_let = match &self.declarations[id as usize].kind {
            super::scope::DeclarationKind::Statement(s) => matches!(s.kind, StatementKind::Let { .. }),
            _ => false,
        };
        let env = self.env(scope);
        is_let
            && match self.value(e, &env) {
                Ok(Val::Num(n)) => !n.data,
                Ok(Val::Array(_)) => true,
                _ => false,
            }
    }

    /// Named expressions that an answer can be asked for.
    pub(super) fn name_values(&mut self) {
        for id in self.scopes[0].order.clone() {
            let d = &self.declarations[id as usize];
            let super::scope::DeclarationKind::Statement(s) = &d.kind else { continue };
            if !matches!(s.kind, StatementKind::Let { .. }) || self.problem.named.iter().any(|n| n.name == d.name) {
                continue;
            }
            let (name, span) = (d.name.clone(), d.span);
            let super::scope::State::Done(value) = d.state.clone() else { continue };
            let root = self.root.clone();
            let (axes, stage) = match value {
                Val::Num(n) => (Axes::scalar(), self.single(&name, n, span, &root)),
                Val::Array(a) if !a.0.sets.is_empty() => match a.0.kind {
                    ArrayKind::Buffer { source: Source::Stage(id), offset: 0, .. } => (self.full_axes(&a), id),
                    ArrayKind::Buffer { .. } => continue,
                    // A short one is traced wherever it is read. Methods that are told a `let` by name take no rows.
                    _ if self.problem.constraints.is_empty() => {
                        let env = self.env(0);
                        let Ok(stage) = self.elements_stage(&name, &a, &env, span) else { continue };
                        stage
                    }
                    _ => continue,
                },
                _ => continue,
            };
            self.problem.named.push(Named { name, axes, stage });
        }
    }
}

fn relation_text(op: RelOp) -> &'static str {
    match op {
        RelOp::Le => "<=",
        RelOp::Ge => ">=",
        RelOp::Lt => "<",
        RelOp::Gt => ">",
        RelOp::Eq | RelOp::Assign => "==",
        RelOp::Ne => "!=",
        RelOp::In => "in",
        RelOp::NotIn => "not in",
        RelOp::Distributed => "~",
    }
}
