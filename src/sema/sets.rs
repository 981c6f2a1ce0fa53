//! Sets: literals, ranges, builders, operators, families of sets.

use super::error;
use super::scope::{Elaborator, Env, Halt, R};
use super::value::{Array, SetFamily, Val};
use crate::diag::{Diagnostic, Span};
use crate::problem::index::{Element, Set};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Ident, IndexSpec};
use std::collections::HashSet;
use std::rc::Rc;

impl Elaborator<'_> {
    pub(super) fn define_set(&mut self, scope: u32, name: &Ident, index: Option<&IndexSpec>, value: &Expr) -> R<Val> {
        let env = self.env(scope);
        if let Some(given) = self.given_set(name)? {
            return Ok(Val::Set(given.named(&name.name)));
        }
        let Some(spec) = index else {
            return match self.value(value, &env)? {
                Val::Set(set) => Ok(Val::Set(set.named(&name.name))),
                Val::Table(table) => Ok(Val::Set(table.rows.clone())),
                Val::Array(array) => Ok(Val::Set(self.set_of_values(&array, value.span)?.named(&name.name))),
                Val::Data(data) => Ok(Val::Set(self.set_of_data(&data, value.span)?.named(&name.name))),
                other => self.fail(error::expected("a set", &other.describe(), value.span)),
            };
        };
        let indexed = self.index(spec, &env)?;
        let mut sets: Vec<Option<Set>> = vec![None; indexed.env.ctx.size];
        let parts = self.traced(&indexed.env.ctx, &mut |me, here| {
            let env = indexed.env.within(here);
            me.set_per_instance(value, &env)
        })?;
        for (here, found) in parts {
            let path = here.path_to(&indexed.env.ctx);
            for (p, set) in found.into_iter().enumerate() {
                sets[path.at(p)] = Some(set);
            }
        }
        let sets = sets.into_iter().flatten().collect();
        Ok(Val::SetFamily(Rc::new(SetFamily { axes: indexed.axes, sets })))
    }

    /// A set for each instance of the context.
    fn set_per_instance(&mut self, value: &Expr, env: &Env) -> R<Vec<Set>> {
        match &value.kind {
            ExprKind::SetBuilder { generators, condition, value: body } => {
                let inner = self.generate(generators, condition.as_deref(), env)?;
                let elements = self.built_elements(generators, body.as_deref(), &inner)?;
                let path = inner.ctx.path_to(&env.ctx);
                let mut lists: Vec<Vec<Element>> = vec![vec![]; env.ctx.size];
                for (p, e) in elements.into_iter().enumerate() {
                    lists[path.at(p)].push(e);
                }
                Ok(lists.into_iter().map(|l| Set::list(distinct(l))).collect())
            }
            ExprKind::SetLiteral(items) => {
                let columns = self.literal_columns(items, env)?;
                Ok((0..env.ctx.size)
                    .map(|p| Set::list(distinct(columns.iter().map(|c| c[p].clone()).collect())))
                    .collect())
            }
            _ => match self.value(value, env)? {
                Val::Set(set) => Ok(vec![set; env.ctx.size]),
                Val::Ragged(sets) => Ok(sets.to_vec()),
                Val::Table(table) => Ok(vec![table.rows.clone(); env.ctx.size]),
                other => self.fail(error::expected("a set", &other.describe(), value.span)),
            },
        }
    }

    fn literal_columns(&mut self, items: &[Expr], env: &Env) -> R<Vec<Vec<Element>>> {
        let mut columns = vec![];
        // All words that lack their quotes are told at once.
        let unknown = |me: &Self, item: &Expr| match &item.kind {
            ExprKind::Name(name) if !me.is_known(name, env) => Some(error::unquoted_in_set(name, item.span)),
            _ => None,
        };
        let unquoted: Vec<Diagnostic> = items.iter().filter_map(|item| unknown(self, item)).collect();
        if !unquoted.is_empty() {
            unquoted.into_iter().for_each(|d| self.report(d));
            return Err(Halt::Reported);
        }
        for item in items {
            match self.value(item, env)? {
                // `{1..3, 5}`: a range inside a literal gives its elements.
                Val::Set(set) => columns.extend(set.iter().map(|e| vec![e; env.ctx.size])),
                value => columns.push(self.elements(&value, &env.ctx, item.span)?),
            }
        }
        Ok(columns)
    }

    fn built_elements(
        &mut self,
        generators: &[crate::syntax::ast::Generator],
        body: Option<&Expr>,
        inner: &Env,
    ) -> R<Vec<Element>> {
        if let Some(body) = body {
            let value = self.value(body, inner)?;
            return self.elements(&value, &inner.ctx, body.span);
        }
        let mut parts = vec![];
        for g in generators {
            for name in &g.names {
                let value = self.local_value(inner, &name.name).expect("a generator binds its names");
                parts.push(self.elements(&value, &inner.ctx, name.span)?);
            }
        }
        Ok((0..inner.ctx.size).map(|p| Element::flat(parts.iter().map(|column| &column[p]))).collect())
    }

    pub(super) fn set_value(&mut self, e: &Expr, env: &Env) -> R<Val> {
        match &e.kind {
            ExprKind::Range { from, to, step } => self.range(from, to, step.as_deref(), e.span, env),
            ExprKind::SetLiteral(items) => {
                let columns = self.literal_columns(items, env)?;
                self.one_or_ragged(
                    env,
                    |p| columns.iter().map(|c| c[p].clone()).collect(),
                    |me, e| {
                        me.report(error::repeated_element(
                            &e.to_string(),
                            items.last().map_or(Span::default(), |i| i.span),
                        ));
                    },
                )
            }
            ExprKind::SetBuilder { .. } => {
                let sets = self.set_per_instance(e, env)?;
                match sets.first() {
                    Some(first) if sets.iter().all(|s| s.same(first)) => Ok(Val::Set(first.clone())),
                    _ => Ok(Val::Ragged(Rc::new(sets))),
                }
            }
            _ => unreachable!("only sets come here"),
        }
    }

    fn one_or_ragged(
        &mut self,
        env: &Env,
        elements: impl Fn(usize) -> Vec<Element>,
        repeated: impl Fn(&mut Self, &Element),
    ) -> R<Val> {
        if env.ctx.size == 0 {
            // Nobody asks: a family without instances has no set.
            return Ok(Val::Set(Set::list(vec![])));
        }
        let first = elements(0);
        let unique = distinct(first.clone());
        if unique.len() < first.len() {
            let mut seen = HashSet::new();
            if let Some(twice) = first.iter().find(|e| !seen.insert((*e).clone())) {
                repeated(self, twice);
            }
        }
        if (1..env.ctx.size).all(|p| elements(p) == first) {
            return Ok(Val::Set(Set::list(unique)));
        }
        Ok(Val::Ragged(Rc::new((0..env.ctx.size).map(|p| Set::list(distinct(elements(p)))).collect())))
    }

    fn range(&mut self, from: &Expr, to: &Expr, step: Option<&Expr>, span: Span, env: &Env) -> R<Val> {
        let mut columns = vec![];
        for e in [Some(from), Some(to), step].into_iter().flatten() {
            let n = self.number(e, env)?;
            if !n.data {
                return self.fail(error::structure_from_variable(e.span));
            }
            columns.push((self.structural(n, &env.ctx), e.span));
        }
        let mut sets: Vec<Set> = vec![];
        let count = env.ctx.size;
        let uniform = columns.iter().all(|(c, _)| c.windows(2).all(|w| w[0] == w[1]));
        for p in 0..if uniform { count.min(1) } else { count } {
            let (a, b) = (columns[0].0[p], columns[1].0[p]);
            let s = columns.get(2).map_or(1.0, |c| c.0[p]);
            if !a.is_finite() || !b.is_finite() || s == 0.0 || !s.is_finite() {
                return self.fail(error::bad_range(a, b, s, span));
            }
            let steps = (b - a) / s;
            let n = (steps + 1e-9).floor() + 1.0;
            if step.is_none() && (steps - steps.round()).abs() > 1e-9 {
                return self.fail(error::range_misses_end(a, b, span));
            }
            self.within_limits(n.max(0.0) as usize, span)?;
            sets.push(Set::range(a, s, n.max(0.0) as usize));
        }
        match sets.len() {
            0 => Ok(Val::Set(Set::range(1.0, 1.0, 0))),
            1 if uniform => Ok(Val::Set(sets.remove(0))),
            _ => Ok(Val::Ragged(Rc::new(sets))),
        }
    }

    pub(super) fn set_operator(&mut self, op: BinaryOp, a: &Expr, b: &Expr, env: &Env) -> R<Val> {
        let mut sides = vec![];
        for e in [a, b] {
            sides.push(match self.value(e, env)? {
                Val::Set(set) => set,
                Val::Table(table) => table.rows.clone(),
                other => return self.fail(error::expected("a set", &other.describe(), e.span)),
            });
        }
        let (x, y) = (&sides[0], &sides[1]);
        if op == BinaryOp::Cross {
            self.within_limits(x.len().saturating_mul(y.len()), a.span.to(b.span))?;
        }
        let elements: Vec<Element> = match op {
            BinaryOp::Union => distinct(x.iter().chain(y.iter()).collect()),
            BinaryOp::Inter => x.iter().filter(|e| y.position(e).is_some()).collect(),
            BinaryOp::Minus => x.iter().filter(|e| y.position(e).is_none()).collect(),
            _ => x.iter().flat_map(|e| y.iter().map(move |f| Element::flat([&e, &f]))).collect(),
        };
        Ok(Val::Set(Set::list(elements)))
    }

    /// The values of a vector of data, as a set.
    pub(super) fn set_of_values(&mut self, array: &Array, span: Span) -> R<Set> {
        match self.array_values(array, span)? {
            Some(values) => Ok(Set::list(distinct(values.into_iter().map(Element::Number).collect()))),
            None => self.fail(error::structure_from_variable(span)),
        }
    }
}

pub(super) fn distinct(list: Vec<Element>) -> Vec<Element> {
    let mut seen = HashSet::new();
    list.into_iter().filter(|e| seen.insert(e.clone())).collect()
}
