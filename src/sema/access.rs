//! Names, fields and subscripts.

use super::arrays::through;
use super::context::Ctx;
use super::error;
use super::scope::{DeclarationKind, Elaborator, Env, R, State};
use super::value::{Array, ArrayKind, BlockRef, Elem, Num, Part, RowRef, TableInfo, Texts, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, Source};
use crate::problem::index::{Axes, Element, Recall, Set};
use crate::problem::{AfterSolve, Domain};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Ident, StatementKind, Subscript};
use std::rc::Rc;

impl Elaborator<'_> {
    pub(super) fn name(&mut self, name: &str, span: Span, env: &Env) -> R<Val> {
        if let Some(value) = self.local_value(env, name) {
            return Ok(value);
        }
        if let Some(declaration) = self.find(env.scope, name) {
            if let Some((_, array)) = self.recurrent.iter().rev().find(|(d, _)| *d == declaration) {
                return Ok(Val::Array(array.clone()));
            }
            let value = self.resolve(declaration, span)?;
            let home = self.scopes[self.declarations[declaration as usize].scope as usize].ctx.clone();
            return Ok(if env.ctx.is_within(&home) { self.lift(value, &home, &env.ctx) } else { value });
        }
        if name == "pi" {
            return Ok(Val::Num(self.constant(std::f64::consts::PI)));
        }
        if super::builtins::is_function(name) {
            return self.fail(error::function_without_call(name, span));
        }
        let blocks = self.blocks_that_have(name, env);
        if !blocks.is_empty() {
            return self.fail(error::undefined_outside(name, span, &blocks));
        }
        if let Some(set) = self.set_that_has(name) {
            return self.fail(error::unquoted_element(name, span, &set));
        }
        let near = self.near_names(name, env);
        self.fail(error::undefined(name, span, &near))
    }

    /// A set, of those that were read so far, with this text as an element.
    fn set_that_has(&self, text: &str) -> Option<String> {
        let element = Element::Text(text.into());
        self.declarations.iter().find_map(|d| match &d.state {
            State::Done(Val::Set(set)) if set.position(&element).is_some() => Some(d.name.clone()),
            _ => None,
        })
    }

    /// Blocks of the level here, or of one around it, that declare a name of their own.
    fn blocks_that_have(&self, name: &str, env: &Env) -> Vec<String> {
        let around: Vec<u32> = std::iter::successors(Some(env.scope), |s| self.scopes[*s as usize].parent).collect();
        let inside =
            |block: u32| self.scopes.iter().any(|scope| scope.block == Some(block) && scope.names.contains_key(name));
        let declared = self.declarations.iter().filter(|d| around.contains(&d.scope));
        declared
            .filter(|d| matches!(d.kind, DeclarationKind::Block(block) if inside(block)))
            .map(|d| d.name.clone())
            .collect()
    }

    /// Whether a name stands for anything: declared, bound, or built in.
    pub(super) fn is_known(&self, name: &str, env: &Env) -> bool {
        env.local(name).is_some()
            || self.find(env.scope, name).is_some()
            || name == "pi"
            || super::builtins::is_function(name)
    }

    fn near_names(&self, name: &str, env: &Env) -> Vec<String> {
        let mut known: Vec<String> = vec![];
        let mut local = env.locals.as_deref();
        while let Some(l) = local {
            if !l.name.starts_with('#') {
                known.push(l.name.clone());
            }
            local = l.next.as_deref();
        }
        let mut scope = Some(env.scope);
        while let Some(s) = scope {
            known.extend(self.scopes[s as usize].names.keys().cloned());
            scope = self.scopes[s as usize].parent;
        }
        known.sort();
        known.extend(super::builtins::function_names().map(str::to_string));
        crate::diag::near::nearest(name, known.iter().map(String::as_str)).into_iter().map(str::to_string).collect()
    }

    pub(super) fn field(&mut self, base: &Expr, field: &Ident, span: Span, env: &Env) -> R<Val> {
        if let ExprKind::Name(name) = &base.kind
            && env.local(name).is_none()
            && let Some(variable) = self.variable_named(name, env)
        {
            return self.variable_field(variable, field, span, env);
        }
        if let ExprKind::Field(inner, name) = &base.kind
            && let Some(block) = self.block_named(inner, env)?
            && let Some(variable) = self.block_variable(block.block, &name.name)
        {
            return self.block_variable_field(&block, variable, field, span, env);
        }
        // `balance[v].dual` is `balance.dual[v]`.
        if let ExprKind::Subscript { base: whole, items } = &base.kind
            && self.has_duals(whole, env)?
        {
            return match self.field(whole, field, span, env)? {
                Val::Array(array) => self.index_array(&array, items, span, env),
                other => self.fail(error::not_subscriptable(&other.describe(), base.span)),
            };
        }
        match self.value(base, env)? {
            Val::Element(Elem { at, table: Some(table), .. }) => {
                self.column_of(&table, &field.name, field.span, &at, env)
            }
            Val::Table(table) => {
                let Some(k) = table.table.columns.iter().position(|c| *c.name == field.name) else {
                    return self.no_column(&table, field);
                };
                match table.buffers[k] {
                    Some(source) => {
                        let kind = ArrayKind::Buffer { source, offset: 0, filter: None, data: true };
                        let root = self.root.clone();
                        Ok(Val::Array(Array::new(vec![table.rows.clone()], kind, &root, table.span)))
                    }
                    None => self.fail(error::expected("a column of numbers", "a column of texts", span)),
                }
            }
            Val::Data(value) => match &value.kind {
                crate::data::ValueKind::Object(fields) => match fields.iter().find(|(n, _)| **n == field.name) {
                    Some((_, v)) => Ok(self.data_value(v, &field.name, field.span)),
                    None => {
                        let names: Vec<String> = fields.iter().map(|(n, _)| n.to_string()).collect();
                        self.fail(error::no_field(&field.name, field.span, &names, value.span))
                    }
                },
                _ => self.fail(error::no_fields("a data value", &field.name, field.span)),
            },
            Val::Row(row) => self.row_field(&row, field, env),
            Val::Block(block) => self.block_field(&block, field, env),
            other => self.fail(error::no_fields(&other.describe(), &field.name, field.span)),
        }
    }

    fn no_column<T>(&mut self, table: &TableInfo, field: &Ident) -> R<T> {
        let names: Vec<String> = table.table.columns.iter().map(|c| c.name.to_string()).collect();
        self.fail(error::no_field(&field.name, field.span, &names, table.span))
    }

    /// Column `name` at rows `at`.
    pub(super) fn column_of(
        &mut self,
        table: &Rc<TableInfo>,
        name: &str,
        span: Span,
        at: &IndexMap,
        env: &Env,
    ) -> R<Val> {
        let Some(k) = table.table.columns.iter().position(|c| &*c.name == name) else {
            return self.no_column(table, &Ident { name: name.to_string(), span });
        };
        match (&table.table.columns[k].values, table.buffers[k]) {
            (crate::data::ColumnValues::Text(texts), _) => {
                let column = Some((table.clone(), k));
                Ok(Val::Text(Texts { values: texts.clone(), map: at.clone(), column }))
            }
            (crate::data::ColumnValues::Bool(_), Some(source)) => {
                Ok(Val::Truth(self.read(&env.ctx, Leaf { source, map: at.clone() }, true)))
            }
            (_, Some(source)) => Ok(Val::Num(self.read(&env.ctx, Leaf { source, map: at.clone() }, true))),
            (_, None) => self.fail(error::expected("a column of numbers", "a column of texts", span)),
        }
    }

    pub(super) fn variable_named(&self, name: &str, env: &Env) -> Option<u32> {
        let id = self.find(env.scope, name)?;
        let d = &self.declarations[id as usize];
        let DeclarationKind::Statement(s) = &d.kind else { return None };
        matches!(s.kind, StatementKind::Var { .. })
            .then(|| {
                let full = self.qualified(d.scope, name);
                self.problem.variables.iter().position(|v| v.name == full).map(|k| k as u32)
            })
            .flatten()
    }

    pub(super) fn is_row(&mut self, name: &str, env: &Env) -> bool {
        self.find(env.scope, name).is_some_and(|d| matches!(self.resolve(d, Span::default()), Ok(Val::Row(_))))
    }

    fn variable_field(&mut self, variable: u32, field: &Ident, span: Span, env: &Env) -> R<Val> {
        if let Some(block) = self.problem.blocks.iter().position(|b| b.variables.contains(&variable)) {
            let here = self.block_here(block as u32);
            return self.block_variable_field(&here, variable, field, span, env);
        }
        let after = match field.name.as_str() {
            "lower_dual" => AfterSolve::LowerDual(variable),
            "upper_dual" => AfterSolve::UpperDual(variable),
            "reduced_cost" => AfterSolve::ReducedCost(variable),
            _ => return self.no_bound_field(field, span),
        };
        let axes = self.problem.variables[variable as usize].axes.clone();
        Ok(self.after_solve(after, &axes, span, env))
    }

    pub(super) fn no_bound_field(&mut self, field: &Ident, span: Span) -> R<Val> {
        let names = ["lower_dual", "upper_dual", "reduced_cost"].map(str::to_string);
        self.fail(error::no_field(&field.name, field.span, &names, span))
    }

    fn row_field(&mut self, row: &RowRef, field: &Ident, env: &Env) -> R<Val> {
        if let Some(block) = &row.block {
            return self.block_row_field(block, row.row, field, env);
        }
        let row = row.row;
        let after = match field.name.as_str() {
            "dual" => AfterSolve::Dual(row),
            "slack" => AfterSolve::Slack(row),
            _ => {
                let constraint = self.problem.constraints[row as usize].span;
                return self.no_row_field(field, constraint);
            }
        };
        let axes = self.problem.constraints[row as usize].axes.clone();
        Ok(self.after_solve(after, &axes, field.span, env))
    }

    pub(super) fn no_row_field(&mut self, field: &Ident, constraint: Span) -> R<Val> {
        let names = ["dual", "slack"].map(str::to_string);
        self.fail(error::no_field(&field.name, field.span, &names, constraint))
    }

    /// A quantity that exists once the problem is solved.
    pub(super) fn after_solve(&mut self, after: AfterSolve, axes: &Axes, span: Span, env: &Env) -> Val {
        let known = self.problem.after_solve.iter().position(|a| *a == after);
        let k = known.unwrap_or_else(|| {
            self.problem.after_solve.push(after);
            self.problem.after_solve.len() - 1
        });
        let source = Source::After(k as u32);
        if axes.is_scalar() {
            return Val::Num(self.read(&env.ctx, Leaf { source, map: IndexMap::scalar(0) }, false));
        }
        let kind = ArrayKind::Buffer { source, offset: 0, filter: axes.filter.clone(), data: false };
        let root = self.root.clone();
        Val::Array(Array::new(axes.sets.clone(), kind, &root, span))
    }

    /// A number whose value no method of this build can give; the problem is refused anyway.
    pub(super) fn opaque(&mut self, env: &Env) -> Num {
        let Val::Num(n) = self.after_solve(AfterSolve::Unsupported, &Axes::scalar(), Span::default(), env) else {
            unreachable!("a scalar is a number")
        };
        n
    }

    pub(super) fn subscript(&mut self, base: &Expr, items: &[Subscript], span: Span, env: &Env) -> R<Val> {
        let value = self.value(base, env)?;
        match value {
            Val::Array(array) => self.index_array(&array, items, span, env),
            Val::SetFamily(family) => {
                let axes = Axes::product(family.axes.sets.clone());
                let index = self.fixed_index(&axes.sets, items, span, base.span, env)?;
                let sizes: Vec<usize> = axes.sets.iter().map(Set::len).collect();
                let mut flat = super::generators::flat_position(&sizes, &index, env.ctx.size);
                if let Some(kept) = &family.axes.filter {
                    let mut found = vec![];
                    for p in 0..env.ctx.size {
                        match kept.binary_search(&(flat.at(p) as u32)) {
                            Ok(k) => found.push(k as u32),
                            Err(_) => return self.fail(error::filtered_out(&axes.label(flat.at(p)), span)),
                        }
                    }
                    flat = IndexMap::from_positions(found);
                }
                match flat {
                    IndexMap::Affine { start, stride: 0 } => Ok(Val::Set(family.sets[start as usize].clone())),
                    flat => {
                        Ok(Val::Ragged(Rc::new((0..env.ctx.size).map(|p| family.sets[flat.at(p)].clone()).collect())))
                    }
                }
            }
            Val::Table(table) => {
                let at = self.fixed_index(std::slice::from_ref(&table.rows), items, span, table.span, env)?;
                Ok(Val::Element(Elem { set: table.rows.clone(), at: at[0].clone(), table: Some(table) }))
            }
            Val::Block(block) => {
                self.prepare_block(block.block)?;
                let sets = self.blocks[block.block as usize].axes.sets[block.index.len()..].to_vec();
                let path = env.ctx.path_to(&block.ctx);
                let mut index = through(&block.index, &path, env.ctx.size);
                index.extend(self.fixed_index(&sets, items, span, base.span, env)?);
                Ok(Val::Block(Rc::new(BlockRef { block: block.block, index, ctx: env.ctx.clone() })))
            }
            Val::Map(entries) => {
                let [Subscript::At(key)] = items else {
                    let array = self.param_over_keys(&entries, "", base.span)?;
                    return self.index_array(&array, items, span, env);
                };
                let k = self.value(key, env)?;
                let elements = self.elements(&k, &env.ctx, key.span)?;
                let first = elements.first();
                match entries.iter().find(|(e, _, _)| Some(e) == first) {
                    Some((_, n, _)) if elements.iter().all(|e| Some(e) == first) => Ok(Val::Num(*n)),
                    _ => {
                        let array = self.param_over_keys(&entries, "", base.span)?;
                        self.index_array(&array, items, span, env)
                    }
                }
            }
            Val::Data(data) => {
                let array = self.data_array(&data, span)?;
                self.index_array(&array, items, span, env)
            }
            other => {
                let what = match &base.kind {
                    ExprKind::Name(name) => format!("`{name}` is {} and", other.describe()),
                    _ => other.describe(),
                };
                self.fail(error::not_subscriptable(&what, span))
            }
        }
    }

    fn index_array(&mut self, array: &Array, items: &[Subscript], span: Span, env: &Env) -> R<Val> {
        let sets = array.0.sets.clone();
        let open = items.iter().any(|i| match i {
            Subscript::Slice { .. } => true,
            Subscript::At(e) => matches!(e.kind, ExprKind::Range { .. }) || self.is_set(e, env),
        });
        if !open {
            if self.indexed_by_variable(items, env)? {
                let n = self.opaque(env);
                return Ok(Val::Num(n));
            }
            let index = self.fixed_index(&sets, items, span, array.0.origin, env)?;
            return Ok(Val::Num(self.element(array, &index, &env.ctx)?));
        }
        if items.len() != sets.len() {
            return self.fail(error::subscripts(items.len(), sets.len(), span, array.0.origin));
        }
        let mut parts = vec![];
        let mut kept = vec![];
        for (item, set) in items.iter().zip(&sets) {
            let part = match item {
                Subscript::Slice { from, to, span } => self.open_slice(set, from.as_ref(), to.as_ref(), *span, env)?,
                Subscript::At(e) if matches!(e.kind, ExprKind::Range { .. }) || self.is_set(e, env) => {
                    let Val::Set(sub) = self.value(e, env)? else {
                        return self.fail(error::expected(
                            "a set that is the same everywhere",
                            "sets that differ",
                            e.span,
                        ));
                    };
                    let at = self.positions_of_set(set, &sub, e.span, array.0.origin)?;
                    Part::Kept(sub, at)
                }
                Subscript::At(e) => {
                    let value = self.value(e, env)?;
                    Part::Fixed(self.position(set, &value, e.span, array.0.origin, env)?)
                }
            };
            if let Part::Kept(set, _) = &part {
                kept.push(set.clone());
            }
            parts.push(part);
        }
        let kind = ArrayKind::Slice { base: array.clone(), parts };
        Ok(Val::Array(Array::new(kept, kind, &env.ctx, array.0.origin)))
    }

    fn is_set(&mut self, e: &Expr, env: &Env) -> bool {
        match &e.kind {
            ExprKind::Name(n) if env.local(n).is_none() => match self.find(env.scope, n) {
                Some(d) => matches!(self.resolve(d, e.span), Ok(Val::Set(_))),
                None => false,
            },
            ExprKind::SetLiteral(_) | ExprKind::SetBuilder { .. } => true,
            ExprKind::Binary(BinaryOp::Union | BinaryOp::Inter | BinaryOp::Minus | BinaryOp::Cross, ..) => true,
            _ => false,
        }
    }

    fn open_slice(&mut self, set: &Set, from: Option<&Expr>, to: Option<&Expr>, span: Span, env: &Env) -> R<Part> {
        let mut ends = [0, set.len().saturating_sub(1)];
        for (end, e) in [from, to].into_iter().enumerate() {
            if let Some(e) = e {
                let value = self.value(e, env)?;
                match self.position(set, &value, e.span, span, env)? {
                    IndexMap::Affine { start, stride: 0 } => ends[end] = start as usize,
                    _ => {
                        return self.fail(error::expected(
                            "an end that is the same everywhere",
                            "one that differs",
                            e.span,
                        ));
                    }
                }
            }
        }
        if from.is_none() && to.is_none() {
            return Ok(Part::Kept(set.clone(), IndexMap::IDENTITY));
        }
        let count = (ends[1] + 1).saturating_sub(ends[0]);
        let sub = match set.as_range() {
            Some((start, step)) => Set::range(start + step * ends[0] as f64, step, count),
            None => Set::list((ends[0]..ends[0] + count).map(|k| set.get(k)).collect()),
        };
        Ok(Part::Kept(sub, IndexMap::Affine { start: ends[0] as i64, stride: 1 }))
    }

    fn positions_of_set(&mut self, set: &Set, sub: &Set, span: Span, origin: Span) -> R<IndexMap> {
        let mut positions = Vec::with_capacity(sub.len());
        for e in sub.iter() {
            match set.position(&e) {
                Some(p) => positions.push(p as u32),
                None => return self.fail(error::outside(&e.to_string(), set, span, origin)),
            }
        }
        Ok(match positions.as_slice() {
            [one] => IndexMap::Affine { start: *one as i64, stride: 1 },
            _ => IndexMap::from_positions(positions),
        })
    }

    /// Positions along each axis; tuples are spread over axes and gathered into tuple axes as needed.
    fn fixed_index(
        &mut self,
        sets: &[Set],
        items: &[Subscript],
        span: Span,
        origin: Span,
        env: &Env,
    ) -> R<Vec<IndexMap>> {
        let mut values = vec![];
        for item in items {
            match item {
                Subscript::At(e) => values.push((self.value(e, env)?, e.span)),
                Subscript::Slice { span, .. } => {
                    return self.fail(error::expected("an element", "a slice", *span));
                }
            }
        }
        let fits = |me: &Self, value: &Val, set: &Set| me.width(value) == set.width() || set.is_empty();
        if values.len() == sets.len() && values.iter().zip(sets).all(|((v, _), s)| fits(self, v, s)) {
            return values
                .iter()
                .zip(sets)
                .map(|((value, at), set)| self.position(set, value, *at, origin, env))
                .collect();
        }
        let flat: Vec<(Val, Span)> =
            values.into_iter().flat_map(|(v, at)| self.spread(v, &env.ctx).into_iter().map(move |v| (v, at))).collect();
        let wanted: usize = sets.iter().map(Set::width).sum();
        if flat.len() != wanted {
            return self.fail(error::subscripts(flat.len(), wanted, span, origin));
        }
        let mut rest = flat.into_iter();
        let mut out = vec![];
        for set in sets {
            let mut parts: Vec<(Val, Span)> = rest.by_ref().take(set.width()).collect();
            let at = parts.iter().map(|p| p.1).reduce(Span::to).unwrap_or(span);
            let value = match parts.len() {
                1 => parts.remove(0).0,
                _ => Val::Tuple(parts.into_iter().map(|p| p.0).collect()),
            };
            out.push(self.position(set, &value, at, origin, env)?);
        }
        Ok(out)
    }

    fn width(&self, value: &Val) -> usize {
        match value {
            Val::Tuple(parts) => parts.iter().map(|p| self.width(p)).sum(),
            Val::Element(e) => e.set.width(),
            _ => 1,
        }
    }

    fn spread(&mut self, value: Val, ctx: &Ctx) -> Vec<Val> {
        match value {
            Val::Tuple(parts) => parts.into_iter().flat_map(|p| self.spread(p, ctx)).collect(),
            Val::Element(e) if e.set.width() > 1 => (0..e.set.width()).map(|k| self.component(&e, k, ctx)).collect(),
            other => vec![other],
        }
    }

    /// Whether a subscript is a variable of a domain that will be refused (`angle[tour[k]]`).
    fn indexed_by_variable(&mut self, items: &[Subscript], env: &Env) -> R<bool> {
        let discrete = |v: &crate::problem::Variable| matches!(v.domain, Some(Domain::Permutation | Domain::Subset));
        if !self.problem.variables.iter().any(discrete) {
            return Ok(false);
        }
        for item in items {
            if let Subscript::At(e) = item
                && let Val::Num(n) = self.value(e, env)?
                && !n.data
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The position of a value in a set, for each instance.
    pub(super) fn position(&mut self, set: &Set, value: &Val, span: Span, origin: Span, env: &Env) -> R<IndexMap> {
        let count = env.ctx.size;
        let mut positions = Vec::with_capacity(count);
        match value {
            Val::Element(e) if e.set.address() == set.address() || e.set.same(set) => return Ok(e.at.clone()),
            Val::Num(n) if n.data => {
                for v in self.structural(*n, &env.ctx) {
                    match set.position_of_number(v) {
                        Some(p) => positions.push(p as u32),
                        None => return self.fail(error::outside(&v.to_string(), set, span, origin)),
                    }
                }
            }
            other => {
                let elements = self.elements(other, &env.ctx, span)?;
                let mut known = Recall::default();
                for e in &elements {
                    match known.of(e, || set.position(e)) {
                        Some(p) => positions.push(p as u32),
                        None => return self.fail(error::outside(&e.to_string(), set, span, origin)),
                    }
                }
            }
        }
        Ok(IndexMap::from_positions(positions))
    }

    /// Whether an expression could be an array; says yes where it cannot tell.
    pub(super) fn may_be_array(&self, e: &Expr, env: &Env) -> bool {
        match &e.kind {
            ExprKind::Name(name) => {
                if let Some(local) = env.local(name) {
                    return matches!(local.value, Val::Array(_) | Val::Data(_));
                }
                let Some(mut id) = self.find(env.scope, name) else { return false };
                while let DeclarationKind::Imported(to) = self.declarations[id as usize].kind {
                    id = to;
                }
                let d = &self.declarations[id as usize];
                match (&d.state, &d.kind) {
                    (State::Done(value), _) => matches!(value, Val::Array(_) | Val::Data(_)),
                    // Not known yet. To look into its text would not end where it leans on itself.
                    (_, DeclarationKind::Statement(s)) => match &s.kind {
                        StatementKind::Param { index: None, value: Some(v), .. } => {
                            !matches!(v.kind, ExprKind::Number(_))
                        }
                        _ => true,
                    },
                    _ => false,
                }
            }
            ExprKind::Field(base, _) => match &base.kind {
                ExprKind::Name(n) => !matches!(env.local(n), Some(l) if matches!(l.value, Val::Element(_))),
                _ => true,
            },
            ExprKind::Subscript { items, .. } => items.iter().any(|i| match i {
                Subscript::Slice { .. } => true,
                Subscript::At(e) => match &e.kind {
                    ExprKind::Range { .. } | ExprKind::SetLiteral(_) | ExprKind::SetBuilder { .. } => true,
                    ExprKind::Name(n) => {
                        env.local(n).is_none()
                            && matches!(
                                self.find(env.scope, n).map(|d| &self.declarations[d as usize].state),
                                Some(State::Done(Val::Set(_)))
                            )
                    }
                    _ => false,
                },
            }),
            ExprKind::Call { function, arguments } => {
                let ExprKind::Name(f) = &function.kind else { return true };
                match super::builtins::gives(f) {
                    super::builtins::Gives::Number => false,
                    super::builtins::Gives::Array => true,
                    super::builtins::Gives::AsArguments => arguments.iter().any(|a| match a {
                        crate::syntax::ast::Argument::Value(v) => self.may_be_array(v, env),
                        crate::syntax::ast::Argument::Except(_) => false,
                    }),
                    super::builtins::Gives::Unknown => match self.find(env.scope, f) {
                        Some(d) => match &self.declarations[d as usize].kind {
                            DeclarationKind::Statement(s) => match &s.kind {
                                StatementKind::Def { value, .. } => {
                                    self.calls.len() < 50
                                        && (arguments.iter().any(|a| match a {
                                            crate::syntax::ast::Argument::Value(v) => self.may_be_array(v, env),
                                            crate::syntax::ast::Argument::Except(_) => false,
                                        }) || matches!(value.kind, ExprKind::Array(_)))
                                }
                                _ => false,
                            },
                            _ => true,
                        },
                        None => false,
                    },
                }
            }
            ExprKind::Transpose(_) | ExprKind::Array(_) => true,
            ExprKind::Negate(a) => self.may_be_array(a, env),
            ExprKind::Binary(_, a, b) => self.may_be_array(a, env) || self.may_be_array(b, env),
            ExprKind::Sum(first, rest) => {
                self.may_be_array(first, env) || rest.iter().any(|(_, p)| self.may_be_array(p, env))
            }
            ExprKind::If { then, otherwise, .. } => self.may_be_array(then, env) || self.may_be_array(otherwise, env),
            ExprKind::Number(_)
            | ExprKind::Infinity
            | ExprKind::Bool(_)
            | ExprKind::Text(_)
            | ExprKind::Aggregate { .. }
            | ExprKind::Not(_)
            | ExprKind::Relation(..)
            | ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Tuple(_)
            | ExprKind::SetLiteral(_)
            | ExprKind::MapLiteral(_)
            | ExprKind::SetBuilder { .. }
            | ExprKind::Range { .. } => false,
        }
    }
}
