//! `param`: values from the text, from outside, from tables; shapes and promises checked.

use super::Given;
use super::additive::Draft;
use super::arrays::through;
use super::error;
use super::generators::Indexed;
use super::scope::{Elaborator, Env, R};
use super::value::{Array, ArrayKind, Num, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, ParamId, Source};
use crate::expr::graph::Node;
use crate::problem::index::{Axes, Element, Set};
use crate::problem::{Computed, Data, Param};
use crate::syntax::ast::{Check, Expr, ExprKind, Ident, IndexSpec, RelOp};
use std::collections::HashMap;
use std::sync::Arc;

impl Elaborator<'_> {
    #[allow(clippy::too_many_arguments)] // the parts of the statement
    pub(super) fn define_param(
        &mut self,
        scope: u32,
        declaration: u32,
        name: &Ident,
        index: Option<&IndexSpec>,
        checks: &[Check],
        value: Option<&Expr>,
        default: Option<&Expr>,
    ) -> R<Val> {
        let env = self.env(scope);
        let indexed = self.index_or_scalar(index, &env)?;
        let given = self.take_given(&name.name);
        let result = if let Some(given) = given {
            let value = self.given_value(given, &name.name, name.span)?;
            self.param_from(&value, name.span, default, &indexed, name)
        } else if let Some(e) = value.or(default) {
            if index.is_some() && self.mentions(e, &name.name) {
                return self.recurrence(declaration, &name.name, &indexed, e);
            }
            self.param_value(e, default, &indexed, index.is_some(), name)
        } else {
            self.fail(error::missing_param(&name.name, name.span))
        }?;
        for check in checks {
            self.check_param(check, &result, &indexed, name)?;
        }
        if scope == 0 {
            self.note_computed(&result, &indexed.axes, &name.name);
        }
        Ok(result)
    }

    /// Remembers what a parameter of the outermost level is computed from others.
    fn note_computed(&mut self, value: &Val, axes: &Axes, name: &str) {
        let stage = match value {
            Val::Num(n) => match self.problem.graph.node(n.node) {
                Node::Constant(_) => return,
                Node::Call(..) => None,
                Node::Leaf(k) => match self.root.get_leaf(k) {
                    Leaf { source: Source::Stage(stage), map }
                        if self.problem.stage(stage).rows == 1 && map.at(0) == 0 =>
                    {
                        Some(stage)
                    }
                    _ => return,
                },
            },
            Val::Array(array) => match &array.0.kind {
                ArrayKind::Buffer { source: Source::Stage(stage), offset: 0, .. }
                    if self.problem.stage(*stage).rows as usize == axes.len() =>
                {
                    Some(*stage)
                }
                _ => return,
            },
            _ => return,
        };
        self.problem.computed.push(Computed { name: name.to_string(), axes: axes.clone(), stage });
    }

    fn param_value(
        &mut self,
        e: &Expr,
        default: Option<&Expr>,
        indexed: &Indexed,
        array: bool,
        name: &Ident,
    ) -> R<Val> {
        if !array {
            let value = self.traced_value(e, &indexed.env)?;
            return self.param_from(&value, e.span, default, indexed, name);
        }
        if !indexed.named {
            let value = self.traced_value(e, &indexed.outer)?;
            return self.param_from(&value, e.span, default, indexed, name);
        }
        if matches!(e.kind, ExprKind::Array(_) | ExprKind::MapLiteral(_)) {
            let value = self.value(e, &indexed.outer)?;
            return self.param_from(&value, e.span, default, indexed, name);
        }
        let drafts = self.drafts(e, &indexed.env)?;
        if drafts.iter().any(|d| !d.num.data) {
            return self.fail(error::variable_in_param(&name.name, e.span));
        }
        self.array_value(&name.name, indexed, drafts, name.span)
    }

    /// A value of any kind as the values of a parameter of this shape.
    fn param_from(&mut self, value: &Val, at: Span, default: Option<&Expr>, indexed: &Indexed, name: &Ident) -> R<Val> {
        let root = self.root.clone();
        if indexed.axes.is_scalar() {
            return match value {
                Val::Num(n) | Val::Truth(n) => {
                    if !n.data {
                        return self.fail(error::variable_in_param(&name.name, at));
                    }
                    // A literal is the parameter; an expression of other data keeps its meaning, and has a place of its own if
                    // answers are differentiated by it.
                    if let Node::Constant(v) = self.problem.graph.node(n.node) {
                        let id = self.add_param(&name.name, Axes::scalar(), vec![v], name.span);
                        let leaf = Leaf { source: Source::Param(id), map: IndexMap::scalar(0) };
                        return Ok(Val::Num(self.read(&root, leaf, true)));
                    }
                    if indexed.env.ctx.id == root.id && self.differentiated_by.contains(&name.name) {
                        let drafts = vec![Draft { ctx: root.clone(), num: *n, span: at }];
                        let source = Source::Stage(self.stage(&name.name, &root, drafts, at));
                        let leaf = Leaf { source, map: IndexMap::scalar(0) };
                        return Ok(Val::Num(self.read(&root, leaf, true)));
                    }
                    Ok(Val::Num(*n))
                }
                Val::Data(d) => match &d.kind {
                    crate::data::ValueKind::Number(v) => {
                        let id = self.add_param(&name.name, Axes::scalar(), vec![*v], name.span);
                        let leaf = Leaf { source: Source::Param(id), map: IndexMap::scalar(0) };
                        Ok(Val::Num(self.read(&root, leaf, true)))
                    }
                    crate::data::ValueKind::Text(t) => Ok(Val::Text(super::value::Texts::one(t))),
                    crate::data::ValueKind::Numbers { .. } => Ok(Val::Array(self.data_array(d, at)?)),
                    _ => Ok(value.clone()),
                },
                // An array without declared index sets brings its own: 1..n.
                Val::Array(a) => match self.array_values(a, at)? {
                    Some(values) if matches!(a.0.kind, ArrayKind::Elements(_)) => {
                        let axes = Axes::product(a.0.sets.clone());
                        let id = self.add_param(&name.name, axes.clone(), values, name.span);
                        Ok(Val::Array(self.param_array(id, &axes, name.span)))
                    }
                    Some(_) => Ok(Val::Array(a.clone())),
                    None => self.fail(error::variable_in_param(&name.name, at)),
                },
                Val::Map(entries) => Ok(Val::Array(self.param_over_keys(entries, &name.name, name.span)?)),
                Val::Text(_) | Val::Set(_) | Val::Element(_) => Ok(value.clone()),
                other => self.fail(error::expected("a number", &other.describe(), at)),
            };
        }
        let size = indexed.axes.len();
        match value {
            Val::Num(n) | Val::Truth(n) => {
                if !n.data {
                    return self.fail(error::variable_in_param(&name.name, at));
                }
                if let Node::Constant(v) = self.problem.graph.node(n.node) {
                    let id = self.add_param(&name.name, indexed.axes.clone(), vec![v; size], name.span);
                    return self.param_value_inside(id, indexed, name);
                }
                let ctx = indexed.env.ctx.clone();
                let num = self.lift_num(*n, &indexed.outer.ctx, &ctx);
                let drafts = vec![Draft { ctx, num, span: at }];
                self.array_value(&name.name, indexed, drafts, name.span)
            }
            Val::Map(entries) => {
                let mut found: Vec<(Element, f64, Span)> = vec![];
                for (element, n, span) in entries.iter() {
                    if !n.data {
                        return self.fail(error::variable_in_param(&name.name, *span));
                    }
                    found.push((element.clone(), self.structural(*n, &root)[0], *span));
                }
                self.param_from_keys(found, at, default, indexed, name)
            }
            Val::Data(d) => match &d.kind {
                crate::data::ValueKind::Object(fields) => {
                    let mut found = vec![];
                    for (key, v) in fields {
                        let crate::data::ValueKind::Number(x) = v.kind else {
                            return self.fail(error::expected("a number", "another value", v.span));
                        };
                        found.push((self.key_of_text(key, &indexed.axes), x, v.span));
                    }
                    // What is missing, is missing between the braces.
                    self.param_from_keys(found, d.span, default, indexed, name)
                }
                crate::data::ValueKind::Number(v) => {
                    let id = self.add_param(&name.name, indexed.axes.clone(), vec![*v; size], name.span);
                    self.param_value_inside(id, indexed, name)
                }
                crate::data::ValueKind::Table(table) => {
                    let info = self.table_info(&name.name, table.clone(), &[], at)?;
                    let found = self.keyed_column(&info, &indexed.axes, name)?;
                    self.param_from_keys(found, at, default, indexed, name)
                }
                _ => {
                    let array = self.data_array(d, at)?;
                    self.param_from(&Val::Array(array), at, default, indexed, name)
                }
            },
            Val::Table(table) => {
                let found = self.keyed_column(table, &indexed.axes, name)?;
                self.param_from_keys(found, at, default, indexed, name)
            }
            Val::Array(a) => self.param_from_array(a, at, indexed, name),
            other => self.fail(error::expected("numbers", &other.describe(), at)),
        }
    }

    /// A map for a parameter without declared index sets: an array over the keys of the map, in their order.
    pub(super) fn param_over_keys(&mut self, entries: &[(Element, Num, Span)], name: &str, at: Span) -> R<Array> {
        let (mut places, mut values) = (HashMap::new(), vec![]);
        for (key, number, span) in entries {
            if !number.data {
                return self.fail(error::variable_in_param(name, *span));
            }
            if let Some(first) = places.insert(key.clone(), *span) {
                return self.fail(error::key_given_twice(&key.to_string(), *span, first, at));
            }
            values.push(self.structural(*number, &self.root.clone())[0]);
        }
        let keys = Set::list(entries.iter().map(|(key, ..)| key.clone()).collect());
        let axes = Axes::product(vec![keys]);
        let id = self.add_param(name, axes.clone(), values, at);
        Ok(self.param_array(id, &axes, at))
    }

    fn param_from_array(&mut self, a: &Array, at: Span, indexed: &Indexed, name: &Ident) -> R<Val> {
        let sizes = |sets: &[Set]| sets.iter().map(Set::len).collect::<Vec<_>>();
        let same = a.0.sets == indexed.axes.sets;
        let anonymous = a.0.sets.iter().all(|s| s.as_range() == Some((1.0, 1.0)));
        let fits = sizes(&a.0.sets) == sizes(&indexed.axes.sets)
            || indexed.axes.filter.is_none() && a.0.sets.len() == 1 && indexed.axes.len() == a.len() && anonymous;
        // In an indexed block an array of the body's own shape is that of each instance.
        let around = self.block_axes(&indexed.outer).sets.len();
        let own = &indexed.axes.sets[around..];
        let flat = a.0.sets.len() == 1 && own.iter().map(Set::len).product::<usize>() == a.len();
        let fits_one = !own.is_empty() && indexed.axes.filter.is_none() && (sizes(&a.0.sets) == sizes(own) || flat);
        if !(same || anonymous && (fits || around > 0 && fits_one)) {
            return self.fail(error::param_shape(&name.name, &indexed.axes, name.span, a, at));
        }
        let literal = matches!(a.0.kind, ArrayKind::Elements(_));
        if literal && !same && around > 0 && fits_one {
            return self.param_for_each_instance(a, at, indexed, name);
        }
        if literal || !same {
            return match self.array_values(a, at)? {
                Some(mut values) => {
                    if let Some(kept) = &indexed.axes.filter {
                        values = kept.iter().map(|&p| values[p as usize]).collect();
                    }
                    let id = self.add_param(&name.name, indexed.axes.clone(), values, name.span);
                    self.param_value_inside(id, indexed, name)
                }
                None => self.fail(error::variable_in_param(&name.name, at)),
            };
        }
        let ctx = indexed.env.ctx.clone();
        let index = super::arrays::unflatten(&indexed.axes.sets, &self.flat_positions(indexed), ctx.size);
        let num = self.element(a, &index, &ctx)?;
        if !num.data {
            return self.fail(error::variable_in_param(&name.name, at));
        }
        let drafts = vec![Draft { ctx, num, span: at }];
        self.array_value(&name.name, indexed, drafts, name.span)
    }

    /// A literal inside an indexed block, which has its values for each instance of the block.
    fn param_for_each_instance(&mut self, a: &Array, at: Span, indexed: &Indexed, name: &Ident) -> R<Val> {
        let Some(columns) = self.array_columns(a)? else {
            return self.fail(error::variable_in_param(&name.name, at));
        };
        let instances = indexed.outer.ctx.size;
        let values: Vec<f64> = match columns.len() {
            1 => (0..instances).flat_map(|_| columns[0].iter().copied()).collect(),
            _ => columns.concat(),
        };
        let id = self.add_param(&name.name, indexed.axes.clone(), values, name.span);
        self.param_value_inside(id, indexed, name)
    }

    /// The position in the full product for each instance of a declaration.
    pub(super) fn flat_positions(&self, indexed: &Indexed) -> IndexMap {
        match &indexed.axes.filter {
            Some(kept) => IndexMap::Gather(kept.clone()),
            None => IndexMap::IDENTITY,
        }
    }

    /// Values by key: what is missing, what is surplus.
    fn param_from_keys(
        &mut self,
        found: Vec<(Element, f64, Span)>,
        at: Span,
        default: Option<&Expr>,
        indexed: &Indexed,
        name: &Ident,
    ) -> R<Val> {
        let size = indexed.axes.len();
        let keys: HashMap<Element, usize> = (0..size).map(|p| (Element::flat(&indexed.axes.element(p)), p)).collect();
        let mut values: Vec<Option<f64>> = vec![None; size];
        let mut places: Vec<Option<Span>> = vec![None; size];
        let mut wrong = vec![];
        for (key, value, span) in found {
            match keys.get(&key) {
                Some(&p) => {
                    if let Some(first) = places[p].replace(span) {
                        return self.fail(error::key_given_twice(&key.to_string(), span, first, name.span));
                    }
                    values[p] = Some(value);
                }
                None => wrong.push((key.to_string(), span)),
            }
        }
        let fill = match default {
            Some(e) => {
                let n = self.number(e, &indexed.outer)?;
                if !n.data {
                    return self.fail(error::variable_in_param(&name.name, e.span));
                }
                let ctx = indexed.outer.ctx.clone();
                Some(self.structural(n, &ctx).first().copied().unwrap_or(0.0))
            }
            None => None,
        };
        let mut missing: Vec<String> =
            (0..size).filter(|&p| values[p].is_none()).map(|p| indexed.axes.label(p)).collect();
        if !wrong.is_empty() {
            // A key that is misspelled is surplus, and the right one is missing; that is one mistake.
            let meant = misspelled(&wrong, &missing);
            missing.retain(|label| !meant.contains(label));
            self.report(error::surplus_keys(&name.name, &wrong, &meant, name.span));
        }
        if fill.is_none() && !missing.is_empty() {
            return self.fail(error::missing_keys(&name.name, &missing, at, name.span));
        }
        if !wrong.is_empty() {
            return Err(super::scope::Halt::Reported);
        }
        let values = values.into_iter().map(|v| v.or(fill).unwrap_or(f64::NAN)).collect();
        let id = self.add_param(&name.name, indexed.axes.clone(), values, name.span);
        self.param_value_inside(id, indexed, name)
    }

    pub(super) fn add_param(&mut self, name: &str, axes: Axes, values: Vec<f64>, span: Span) -> ParamId {
        let name = name.to_string();
        self.problem.params.push(Param { name, axes, values: Arc::new(values), structural: false, span });
        ParamId(self.problem.params.len() as u32 - 1)
    }

    /// A parameter as the statements around it see it.
    fn param_value_inside(&mut self, id: ParamId, indexed: &Indexed, name: &Ident) -> R<Val> {
        let full = self.param_array(id, &indexed.axes, name.span);
        self.seen_inside(full, &indexed.outer, &name.name)
    }

    pub(super) fn param_array(&mut self, id: ParamId, axes: &Axes, span: Span) -> Array {
        let kind = ArrayKind::Buffer { source: Source::Param(id), offset: 0, filter: axes.filter.clone(), data: true };
        let root = self.root.clone();
        Array::new(axes.sets.clone(), kind, &root, span)
    }

    fn check_param(&mut self, check: &Check, value: &Val, indexed: &Indexed, name: &Ident) -> R<()> {
        let ctx = indexed.env.ctx.clone();
        let num = match value {
            Val::Num(n) => *n,
            Val::Array(a) if a.0.sets == indexed.axes.sets => {
                let index = super::arrays::unflatten(&indexed.axes.sets, &self.flat_positions(indexed), ctx.size);
                self.element(a, &index, &ctx)?
            }
            _ => return Ok(()),
        };
        let values = self.column(num, &ctx);
        let bad = match check {
            Check::Integer(_) => values.iter().position(|v| v.fract() != 0.0),
            Check::Binary(_) => values.iter().position(|v| *v != 0.0 && *v != 1.0),
            Check::Relation(op, e) => {
                let bound = self.number(e, &indexed.env)?;
                if !bound.data {
                    return self.fail(error::variable_in_data(e.span));
                }
                let bounds = self.column(bound, &ctx);
                values.iter().zip(&bounds).position(|(v, b)| !holds(*op, *v, *b))
            }
            Check::In(e) => match &e.kind {
                ExprKind::Array(rows) if rows.len() == 1 && rows[0].len() == 2 => {
                    let (lo, hi) = (self.number(&rows[0][0], &indexed.env)?, self.number(&rows[0][1], &indexed.env)?);
                    if !(lo.data && hi.data) {
                        return self.fail(error::variable_in_data(e.span));
                    }
                    let (lo, hi) = (self.column(lo, &ctx), self.column(hi, &ctx));
                    (0..values.len()).position(|p| !(lo[p] <= values[p] && values[p] <= hi[p]))
                }
                _ => match self.value(e, &indexed.outer)? {
                    Val::Set(set) => values.iter().position(|v| set.position_of_number(*v).is_none()),
                    other => return self.fail(error::expected("a set", &other.describe(), e.span)),
                },
            },
        };
        let Some(p) = bad else { return Ok(()) };
        let at = match check {
            Check::Integer(span) | Check::Binary(span) => *span,
            Check::Relation(_, e) | Check::In(e) => e.span,
        };
        let label = format!("{}{}", name.name, indexed.axes.label(p));
        self.fail(error::check_failed(&label, values[p], at, name.span))
    }

    /// Numbers without variables for each element of a declaration: bounds, starts.
    pub(super) fn data_column(&mut self, e: &Expr, indexed: &Indexed) -> R<Data> {
        let ctx = indexed.env.ctx.clone();
        // A literal or a named array is one value; only what names the element differs from element to element.
        let whole = !indexed.named || matches!(e.kind, ExprKind::Array(_));
        let drafts = match self.value(e, if whole { &indexed.outer } else { &indexed.env }) {
            Ok(Val::Array(a)) => {
                let fits = a.0.sets == indexed.axes.sets
                    || matches!(a.0.kind, ArrayKind::Elements(_)) && a.len() == indexed.axes.len() && a.0.ctx.size == 1;
                if !fits {
                    return self.fail(error::bound_shape(&indexed.axes, &a, e.span));
                }
                let flat = self.flat_positions(indexed);
                let index = super::arrays::unflatten(&a.0.sets, &flat, ctx.size);
                let num = self.element(&a, &through(&index, &IndexMap::IDENTITY, ctx.size), &ctx)?;
                vec![Draft { ctx: ctx.clone(), num, span: e.span }]
            }
            Ok(value) => {
                let home = if whole { &indexed.outer } else { &indexed.env };
                let num = self.as_number(value, e.span, home)?;
                let num = self.lift_num(num, &home.ctx, &ctx);
                vec![Draft { ctx: ctx.clone(), num, span: e.span }]
            }
            Err(super::scope::Halt::Split { .. }) => self.drafts(e, &indexed.env)?,
            Err(halt) => return Err(halt),
        };
        if drafts.iter().any(|d| !d.num.data) {
            return self.fail(error::variable_in_data(e.span));
        }
        Ok(self.as_data(&ctx, drafts, e.span))
    }

    /// Data of a context in their plainest form.
    pub(super) fn as_data(&mut self, ctx: &super::context::Ctx, drafts: Vec<Draft>, span: Span) -> Data {
        if let [Draft { ctx: own, num: Num { node, .. }, .. }] = drafts.as_slice()
            && own.id == ctx.id
        {
            match self.problem.graph.node(*node) {
                Node::Constant(v) => return Data::Constant(v),
                Node::Leaf(k) => return Data::Read(own.get_leaf(k)),
                Node::Call(..) => {}
            }
        }
        let id = self.stage("", ctx, drafts, span);
        Data::Read(Leaf { source: Source::Stage(id), map: IndexMap::IDENTITY })
    }

    /// The keys of `--data` files and JSON objects are texts; numbers where the set has numbers.
    pub(super) fn key_of_text(&self, key: &str, axes: &Axes) -> Element {
        let one = |text: &str, set: Option<&Set>| {
            let numeric = set.is_some_and(|s| matches!(s.iter().next(), Some(Element::Number(_))));
            match text.trim().parse::<f64>() {
                Ok(v) if numeric => Element::Number(v),
                _ => Element::Text(text.trim().into()),
            }
        };
        let width: usize = axes.sets.iter().map(Set::width).sum();
        if width <= 1 {
            return one(key, axes.sets.first());
        }
        let parts: Vec<&str> = key.trim_matches(|c| c == '(' || c == ')').split(',').collect();
        Element::Tuple(parts.iter().enumerate().map(|(k, t)| one(t, axes.sets.get(k))).collect())
    }

    pub(super) fn given_value(&mut self, given: Given, name: &str, at: Span) -> R<Val> {
        match given {
            Given::Number(v) => Ok(Val::Num(self.constant(v))),
            Given::Array { shape, values } => {
                let sets = shape.iter().map(|&n| Set::range(1.0, 1.0, n)).collect();
                Ok(Val::Array(self.constant_array(values, sets, at)))
            }
            Given::Table(table) => Ok(Val::Table(self.table_info(name, table, &[], at)?)),
            Given::Value(value) => Ok(self.data_value(&value, name, at)),
            Given::Text(text) => self.given_text(&text, name, at),
        }
    }

    pub(super) fn root_env(&self) -> Env {
        self.env(0)
    }
}

/// The missing elements that surplus keys come near to.
fn misspelled(wrong: &[(String, Span)], missing: &[String]) -> Vec<String> {
    let inside = |label: &str| label.trim_matches(['[', ']']).to_string();
    let elements: Vec<String> = missing.iter().map(|label| inside(label)).collect();
    let near = |key: &String| crate::diag::near::nearest(key, elements.iter().map(String::as_str)).first().copied();
    let found: Vec<&str> = wrong.iter().filter_map(|(key, _)| near(key)).collect();
    missing.iter().filter(|label| found.contains(&inside(label).as_str())).cloned().collect()
}

fn holds(op: RelOp, a: f64, b: f64) -> bool {
    match op {
        RelOp::Le => a <= b,
        RelOp::Ge => a >= b,
        RelOp::Lt => a < b,
        RelOp::Gt => a > b,
        RelOp::Eq | RelOp::Assign => a == b,
        RelOp::Ne => a != b,
        RelOp::In | RelOp::NotIn | RelOp::Distributed => true,
    }
}
