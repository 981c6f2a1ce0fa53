//! Names of a file, a module or a block, and what each kind of declaration means.

use super::error;
use super::scope::{Declaration, DeclarationKind, Elaborator, R, State};
use super::value::{Array, ArrayKind, Val};
use crate::diag::Span;
use crate::syntax::ast::{Expr, ExprKind, Ident, IndexSpec, Module, Statement, StatementKind};
use std::rc::Rc;

impl Elaborator<'_> {
    /// Enters the names that statements declare into a scope.
    pub(super) fn declare_all(&mut self, scope: u32, statements: &[Statement]) {
        for statement in statements {
            let shared = Rc::new(statement.clone());
            match &statement.kind {
                StatementKind::Objective { label: Some(label), .. } => {
                    self.declare(scope, &label.name, DeclarationKind::Objective(shared.clone()));
                }
                StatementKind::SubjectTo { rows, .. } => {
                    for (k, row) in rows.iter().enumerate() {
                        if let Some(label) = &row.label {
                            self.declare(scope, &label.name, DeclarationKind::Row(shared.clone(), k));
                        }
                    }
                }
                StatementKind::Block { name, body, .. } => {
                    let block = self.open_block(scope, &shared);
                    self.declare(scope, name, DeclarationKind::Block(block));
                    let inner = self.blocks[block as usize].scope;
                    self.declare_all(inner, body);
                }
                StatementKind::Use { module } => self.import(scope, module, statement.span),
                other => {
                    if let Some(name) = other.name() {
                        self.declare(scope, name, DeclarationKind::Statement(shared.clone()));
                    }
                }
            }
        }
    }

    fn declare(&mut self, scope: u32, name: &Ident, kind: DeclarationKind) {
        if let Some(&first) = self.scopes[scope as usize].names.get(&name.name) {
            let first = self.declarations[first as usize].span;
            self.report(error::duplicate(&name.name, name.span, first));
            return;
        }
        let id = self.declarations.len() as u32;
        self.declarations.push(Declaration {
            name: name.name.clone(),
            span: name.span,
            scope,
            kind,
            state: State::Fresh,
        });
        self.scopes[scope as usize].names.insert(name.name.clone(), id);
        self.scopes[scope as usize].order.push(id);
    }

    /// `use std.losses` brings the names of a module into the scope.
    fn import(&mut self, scope: u32, module: &Module, span: Span) {
        let Some(inner) = self.load_module(module, span) else { return };
        for id in self.scopes[inner as usize].order.clone() {
            let name = self.declarations[id as usize].name.clone();
            if let Some(&there) = self.scopes[scope as usize].names.get(&name) {
                if !matches!(self.declarations[there as usize].kind, DeclarationKind::Imported(d) if d == id) {
                    let first = self.declarations[there as usize].span;
                    self.report(error::duplicate(&name, span, first));
                }
                continue;
            }
            let import = self.declarations.len() as u32;
            self.declarations.push(Declaration {
                name: name.clone(),
                span,
                scope,
                kind: DeclarationKind::Imported(id),
                state: State::Fresh,
            });
            self.scopes[scope as usize].names.insert(name, import);
        }
    }

    /// What a declaration means; called once, by `resolve`.
    pub(super) fn define(&mut self, declaration: u32) -> R<Val> {
        let (kind, scope, span) = {
            let d = &self.declarations[declaration as usize];
            (d.kind.clone(), d.scope, d.span)
        };
        match kind {
            DeclarationKind::Imported(id) => self.resolve(id, span),
            DeclarationKind::Block(block) => self.block_value(block),
            DeclarationKind::Objective(statement) => self.objective(scope, &statement),
            DeclarationKind::Row(statement, k) => self.row_statement(scope, &statement, k),
            DeclarationKind::Statement(statement) => match &statement.kind {
                StatementKind::Param { name, index, checks, value, default } => self.define_param(
                    scope,
                    declaration,
                    name,
                    index.as_ref(),
                    checks,
                    value.as_ref(),
                    default.as_ref(),
                ),
                StatementKind::Data { name, value, key } => self.define_data(scope, name, value.as_ref(), key),
                StatementKind::Set { name, index, value } => self.define_set(scope, name, index.as_ref(), value),
                StatementKind::Var { name, index, attributes } => {
                    self.define_var(scope, name, index.as_ref(), attributes)
                }
                StatementKind::Let { name, index, value } => {
                    self.define_let(scope, declaration, name, index.as_ref(), value)
                }
                StatementKind::Def { .. } => Ok(Val::Function(declaration)),
                StatementKind::Oracle { .. } | StatementKind::External { .. } => {
                    self.define_oracle(declaration, &statement)
                }
                StatementKind::Use { .. }
                | StatementKind::Objective { .. }
                | StatementKind::Saddle { .. }
                | StatementKind::SubjectTo { .. }
                | StatementKind::Block { .. }
                | StatementKind::Show { .. }
                | StatementKind::Sensitivity { .. }
                | StatementKind::Ensure { .. }
                | StatementKind::Solve { .. }
                | StatementKind::Choice(_) => unreachable!("declares no name of this kind"),
            },
        }
    }

    /// A named expression. Scalars are traced once; an indexed one is inlined where it is used, or becomes a stage
    /// where it holds sums or reads itself.
    fn define_let(
        &mut self,
        scope: u32,
        declaration: u32,
        name: &Ident,
        index: Option<&IndexSpec>,
        value: &Expr,
    ) -> R<Val> {
        let env = self.env(scope);
        let Some(spec) = index else {
            let val = self.traced_value(value, &env)?;
            return match val {
                Val::Num(n) if !n.data && self.weight(n.node) > INLINE_NODES => {
                    let drafts = self.drafts(value, &env)?;
                    Ok(Val::Num(self.stage_of(&name.name, &env.ctx, drafts, value.span)))
                }
                Val::Array(a) if a.is_heavy() && env.ctx.id != self.root.id => {
                    let full = self.over_instances(scope, &name.name, &Val::Array(a), value.span)?;
                    self.seen_inside(full, &env, &name.name)
                }
                Val::Array(a) if a.is_heavy() => Ok(Val::Array(self.materialise(&name.name, &a, &env, value.span)?)),
                other => Ok(other),
            };
        };
        let indexed = self.index(spec, &env)?;
        if self.mentions(value, &name.name) {
            return self.recurrence(declaration, &name.name, &indexed, value);
        }
        let inline = indexed.axes.filter.is_none() && env.ctx.id == self.root.id && is_light(value);
        if inline {
            let array = Array::new(indexed.axes.sets.clone(), ArrayKind::Inline { declaration }, &env.ctx, name.span);
            // Traced once where it is declared, so that its errors are found even if nobody uses it.
            if indexed.env.ctx.size > 0 {
                self.drafts(value, &indexed.env)?;
            }
            return Ok(Val::Array(array));
        }
        let drafts = self.drafts(value, &indexed.env)?;
        self.array_value(&name.name, &indexed, drafts, name.span)
    }
}

/// Bodies of more nodes than this are traced once into a stage of their own. A guess, not tuned.
const INLINE_NODES: usize = 40;

/// Whether an expression has no sums, so that tracing it again at each use costs little.
fn is_light(value: &Expr) -> bool {
    let mut light = true;
    let mut size = 0;
    super::names::visit(value, &mut |e| {
        size += 1;
        match &e.kind {
            ExprKind::Aggregate { .. } | ExprKind::Transpose(_) | ExprKind::Array(_) => light = false,
            ExprKind::Call { function, .. } => {
                if let ExprKind::Name(f) = &function.kind
                    && crate::expr::ops::by_name(f).is_none()
                {
                    light = false;
                }
            }
            _ => {}
        }
    });
    light && size <= 3 * INLINE_NODES
}
