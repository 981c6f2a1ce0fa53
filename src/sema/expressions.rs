//! What an expression means in a context.

use super::context::{Ctx, compose, substitute};
use super::error;
use super::scope::{Elaborator, Env, Halt, R};
use super::value::{Array, ArrayKind, Elem, Num, Operand, Texts, Val};
use crate::diag::Span;
use crate::expr::family::{IndexMap, Leaf, ParamId, Source};
use crate::expr::graph::Node;
use crate::expr::ops::Op;
use crate::problem::Param;
use crate::problem::index::{Axes, Element, Set};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, RelOp};
use std::rc::Rc;
use std::sync::Arc;

impl Elaborator<'_> {
    pub(super) fn value(&mut self, e: &Expr, env: &Env) -> R<Val> {
        if self.depth >= super::stack::DEEPEST {
            return self.fail(error::too_deep(e.span));
        }
        self.depth += 1;
        let value = self.value_of_kind(e, env);
        self.depth -= 1;
        value
    }

    fn value_of_kind(&mut self, e: &Expr, env: &Env) -> R<Val> {
        match &e.kind {
            ExprKind::Number(v) => Ok(Val::Num(self.constant(*v))),
            ExprKind::Infinity => Ok(Val::Num(self.constant(f64::INFINITY))),
            ExprKind::Bool(b) => Ok(Val::Truth(self.constant(*b as u8 as f64))),
            ExprKind::Text(t) => Ok(Val::Text(Texts::one(t))),
            ExprKind::Name(name) => self.name(name, e.span, env),
            ExprKind::Field(base, field) => self.field(base, field, e.span, env),
            ExprKind::Subscript { base, items } => self.subscript(base, items, e.span, env),
            ExprKind::Call { function, arguments } => self.call(function, arguments, e, env),
            ExprKind::Aggregate { function, generators, condition, body } => {
                self.aggregate(function, generators, condition.as_deref(), body, e, env)
            }
            ExprKind::Transpose(a) => {
                let a = self.array(a, env)?;
                self.transpose(&a, e.span)
            }
            ExprKind::Negate(a) => {
                let a = self.value(a, env)?;
                self.unary(Op::Neg, a, e.span, env)
            }
            ExprKind::Not(a) => {
                let t = self.truth(a, env)?;
                Ok(Val::Truth(self.apply(Op::Not, &[t])))
            }
            ExprKind::Binary(op, a, b) => self.binary(*op, a, b, e.span, env),
            ExprKind::Sum(first, rest) => self.long_sum(first, rest, e.span, env),
            ExprKind::Relation(first, rest) => Ok(Val::Truth(self.relation(first, rest, env)?)),
            ExprKind::And(parts) => Ok(Val::Truth(self.junction(parts, true, env)?)),
            ExprKind::Or(parts) => Ok(Val::Truth(self.junction(parts, false, env)?)),
            ExprKind::If { condition, then, otherwise } => self.branch(condition, then, otherwise, e.span, env),
            ExprKind::Tuple(parts) => {
                let parts = parts.iter().map(|p| self.value(p, env)).collect::<R<Vec<Val>>>()?;
                Ok(Val::Tuple(parts))
            }
            ExprKind::Array(rows) => self.array_literal(rows, e.span, env),
            ExprKind::SetLiteral(_) | ExprKind::SetBuilder { .. } | ExprKind::Range { .. } => self.set_value(e, env),
            ExprKind::MapLiteral(entries) => {
                let mut out = vec![];
                for (key, value) in entries {
                    if let ExprKind::Name(name) = &key.kind
                        && !self.is_known(name, env)
                    {
                        return self.fail(error::unquoted_key(name, key.span));
                    }
                    let k = self.value(key, env)?;
                    let keys = self.elements(&k, &env.ctx, key.span)?;
                    let Some(key_element) = keys.first() else { continue };
                    let number = self.number(value, env)?;
                    out.push((key_element.clone(), number, key.span));
                }
                Ok(Val::Map(Rc::new(out)))
            }
        }
    }

    /// A value outside any family; branches on data inside an indexed block become a stage.
    pub(super) fn traced_value(&mut self, e: &Expr, env: &Env) -> R<Val> {
        match self.value(e, env) {
            Err(Halt::Split { ctx, .. }) if ctx == env.ctx.id => {
                let drafts = self.drafts(e, env)?;
                Ok(Val::Num(self.stage_of("", &env.ctx, drafts, e.span)))
            }
            other => other,
        }
    }

    pub(super) fn number(&mut self, e: &Expr, env: &Env) -> R<Num> {
        let value = self.value(e, env)?;
        self.as_number(value, e.span, env)
    }

    pub(super) fn as_number(&mut self, value: Val, span: Span, env: &Env) -> R<Num> {
        match value {
            Val::Num(n) | Val::Truth(n) => Ok(n),
            Val::Element(element) => match self.set_numbers(&element.set) {
                Some(buffer) => {
                    let leaf = Leaf { source: Source::Param(buffer), map: element.at };
                    Ok(self.read(&env.ctx, leaf, true))
                }
                None => self.fail(error::expected("a number", &Val::Element(element).describe(), span)),
            },
            Val::Data(value) => match value.kind {
                crate::data::ValueKind::Number(v) => Ok(self.constant(v)),
                crate::data::ValueKind::Bool(v) => Ok(self.constant(v as u8 as f64)),
                _ => self.fail(error::expected("a number", "a data object", span)),
            },
            Val::Array(a) => self.fail(error::array_for_number(&a.describe(), a.0.origin, span)),
            Val::Text(Texts { column: Some((table, column)), .. }) => self.texts_for_numbers(&table, column, span),
            other => self.fail(error::expected("a number", &other.describe(), span)),
        }
    }

    pub(super) fn truth(&mut self, e: &Expr, env: &Env) -> R<Num> {
        match self.value(e, env)? {
            Val::Truth(n) => Ok(n),
            Val::Num(n) if n.data => {
                // A column of 0 and 1 may stand as a condition.
                let values = self.structural(n, &env.ctx);
                match values.iter().find(|v| **v != 0.0 && **v != 1.0) {
                    Some(v) => self.fail(error::number_as_condition(*v, e.span)),
                    None => Ok(n),
                }
            }
            Val::Data(v) if matches!(v.kind, crate::data::ValueKind::Bool(_)) => {
                let crate::data::ValueKind::Bool(b) = v.kind else { return Err(Halt::Reported) };
                Ok(self.constant(b as u8 as f64))
            }
            other => self.fail(error::expected("a condition", &other.describe(), e.span)),
        }
    }

    pub(super) fn array(&mut self, e: &Expr, env: &Env) -> R<Array> {
        let value = self.value(e, env)?;
        self.as_array(value, e.span, env)
    }

    /// A whole number that decides a structure.
    pub(super) fn whole_number(&mut self, e: &Expr, env: &Env) -> R<f64> {
        let n = self.number(e, env)?;
        if !n.data {
            return self.fail(error::structure_from_variable(e.span));
        }
        let values = self.structural(n, &env.ctx);
        match values.first() {
            Some(&v) if v.fract() == 0.0 && values.iter().all(|&w| w == v) => Ok(v),
            Some(&v) => self.fail(error::not_whole(v, e.span)),
            None => Ok(0.0),
        }
    }

    /// Numbers of a body for all instances, now.
    pub(super) fn column(&mut self, num: Num, ctx: &Ctx) -> Vec<f64> {
        if let Node::Constant(v) = self.problem.graph.node(num.node) {
            return vec![v; ctx.size];
        }
        let mut sources: std::collections::HashMap<u32, Vec<f64>> = Default::default();
        for id in super::context::reachable(&self.problem.graph, num.node) {
            if let Node::Leaf(k) = self.problem.graph.node(id) {
                let leaf = ctx.get_leaf(k);
                let values = self.source_values(leaf.source);
                let column = (0..ctx.size).map(|p| values[leaf.map.at(p)]).collect();
                sources.insert(k, column);
            }
        }
        crate::expr::eval::columns(&self.problem.graph, num.node, ctx.size, &mut |k| {
            sources.remove(&k).expect("every leaf was read")
        })
    }

    /// Numbers that decide a structure: the parameters behind them become structural.
    pub(super) fn structural(&mut self, num: Num, ctx: &Ctx) -> Vec<f64> {
        for id in super::context::reachable(&self.problem.graph, num.node) {
            if let Node::Leaf(k) = self.problem.graph.node(id) {
                let source = ctx.get_leaf(k).source;
                self.mark_structural(source);
            }
        }
        self.column(num, ctx)
    }

    /// The whole buffer of a source, for a decision or a copy: what is behind it becomes structural.
    pub(super) fn source_decided(&mut self, source: Source) -> Arc<Vec<f64>> {
        self.mark_structural(source);
        self.source_values(source)
    }

    fn mark_structural(&mut self, source: Source) {
        match source {
            Source::Param(id) => self.problem.params[id.0 as usize].structural = true,
            Source::Stage(id) => {
                let sources: Vec<Source> =
                    self.problem.stages[id.0 as usize].sources().filter(|s| *s != source).collect();
                for s in sources {
                    self.mark_structural(s);
                }
            }
            Source::Variables | Source::After(_) => {}
        }
    }

    /// The whole buffer of a source without variables.
    pub(super) fn source_values(&mut self, source: Source) -> Arc<Vec<f64>> {
        match source {
            Source::Param(id) => self.problem.params[id.0 as usize].values.clone(),
            Source::Stage(id) => {
                if let Some(values) = self.stage_values.get(&id.0) {
                    return values.clone();
                }
                let stage = self.problem.stages[id.0 as usize].clone();
                if let Some(matrix) = &stage.matrix {
                    let entries = self.source_values(Source::Stage(matrix.of));
                    let values = Arc::new(crate::expr::eval::matrix_values(matrix, &entries));
                    self.stage_values.insert(id.0, values.clone());
                    return values;
                }
                let mut out = vec![0.0; stage.rows as usize];
                let mut terms: Vec<_> = stage.terms.iter().collect();
                terms.sort_by_key(|t| t.level);
                for term in terms {
                    let family = &term.family;
                    let mut columns: Vec<Option<Vec<f64>>> = vec![];
                    for leaf in &family.leaves {
                        let column = if leaf.source == source {
                            (0..family.instances as usize).map(|p| out[leaf.map.at(p)]).collect()
                        } else {
                            let values = self.source_values(leaf.source);
                            (0..family.instances as usize).map(|p| values[leaf.map.at(p)]).collect()
                        };
                        columns.push(Some(column));
                    }
                    let values = crate::expr::eval::columns(
                        &self.problem.graph,
                        family.body,
                        family.instances as usize,
                        &mut |k| columns[k as usize].take().expect("a leaf is read once"),
                    );
                    for (p, v) in values.into_iter().enumerate() {
                        out[term.target.at(p)] += v;
                    }
                }
                let out = Arc::new(out);
                self.stage_values.insert(id.0, out.clone());
                out
            }
            Source::Variables | Source::After(_) => unreachable!("only data are evaluated while the model is read"),
        }
    }

    /// A value of `from`, seen from a context inside it.
    pub(super) fn lift(&mut self, value: Val, from: &Ctx, to: &Ctx) -> Val {
        if from.id == to.id {
            return value;
        }
        match value {
            Val::Num(n) => Val::Num(self.lift_num(n, from, to)),
            Val::Truth(n) => Val::Truth(self.lift_num(n, from, to)),
            Val::Element(e) => Val::Element(e.through(&to.path_to(from), to.size)),
            Val::Text(t) => Val::Text(t.through(&to.path_to(from), to.size)),
            Val::Tuple(parts) => Val::Tuple(parts.into_iter().map(|p| self.lift(p, from, to)).collect()),
            Val::Ragged(sets) => {
                let path = to.path_to(from);
                Val::Ragged(Rc::new((0..to.size).map(|p| sets[path.at(p)].clone()).collect()))
            }
            Val::Set(_)
            | Val::SetFamily(_)
            | Val::Array(_)
            | Val::Table(_)
            | Val::Data(_)
            | Val::Map(_)
            | Val::Function(_)
            | Val::Oracle(_)
            | Val::Row(_)
            | Val::Block(_) => value,
        }
    }

    pub(super) fn lift_num(&mut self, num: Num, from: &Ctx, to: &Ctx) -> Num {
        if from.id == to.id {
            return num;
        }
        let path = to.path_to(from);
        self.relocate(num, from, to, &path)
    }

    /// The number of `from` that instance `path(p)` has, for each instance `p` of `to`.
    pub(super) fn relocate(&mut self, num: Num, from: &Ctx, to: &Ctx, path: &IndexMap) -> Num {
        if let Node::Constant(_) = self.problem.graph.node(num.node) {
            return num;
        }
        let node = substitute(&mut self.problem.graph, num.node, &mut |graph, k| {
            let leaf = from.get_leaf(k);
            let map = compose(&leaf.map, path, to.size);
            to.leaf(graph, Leaf { source: leaf.source, map })
        });
        Num { node, data: num.data }
    }

    /// A buffer of numbers that no one changes.
    pub(super) fn buffer(&mut self, values: Vec<f64>, span: Span) -> ParamId {
        let axes = Axes::product(vec![Set::range(1.0, 1.0, values.len())]);
        self.problem.params.push(Param { name: String::new(), axes, values: Arc::new(values), structural: true, span });
        ParamId(self.problem.params.len() as u32 - 1)
    }

    /// A column of numbers computed now, as a number of the context.
    pub(super) fn literal_column(&mut self, values: Vec<f64>, ctx: &Ctx, span: Span) -> Num {
        if let Some(&first) = values.first()
            && values.iter().all(|v| v.to_bits() == first.to_bits())
        {
            return self.constant(first);
        }
        let buffer = self.buffer(values, span);
        self.read(ctx, Leaf { source: Source::Param(buffer), map: IndexMap::IDENTITY }, true)
    }

    /// The buffer of the elements of a set, where they are numbers.
    pub(super) fn set_numbers(&mut self, set: &Set) -> Option<ParamId> {
        if let Some((_, buffer)) = self.set_buffers.get(&set.address()) {
            return *buffer;
        }
        let values: Option<Vec<f64>> = set
            .iter()
            .map(|e| match e {
                Element::Number(v) => Some(v),
                Element::Text(_) | Element::Tuple(_) => None,
            })
            .collect();
        let buffer = values.map(|v| self.buffer(v, Span::default()));
        self.set_buffers.insert(set.address(), (set.clone(), buffer));
        buffer
    }

    /// Part k of an element that is a tuple.
    pub(super) fn component(&mut self, element: &Elem, k: usize, ctx: &Ctx) -> Val {
        let key = (element.set.address(), k);
        if !self.component_buffers.contains_key(&key) {
            let parts: Vec<Element> = element.set.iter().map(|e| e.parts().get(k).unwrap_or(&e).clone()).collect();
            let root = self.root.clone();
            let value = if parts.iter().all(|p| matches!(p, Element::Number(_))) {
                let numbers = parts.iter().map(|p| if let Element::Number(v) = p { *v } else { f64::NAN }).collect();
                let buffer = self.buffer(numbers, Span::default());
                // Read at position 0 of the root here; the position is put in below.
                Val::Num(self.read(&root, Leaf { source: Source::Param(buffer), map: IndexMap::scalar(0) }, true))
            } else {
                let texts = parts.iter().map(|p| Arc::from(p.to_string())).collect();
                Val::Text(Texts::of(Arc::new(texts), IndexMap::IDENTITY))
            };
            self.component_buffers.insert(key, (element.set.clone(), value));
        }
        match self.component_buffers[&key].1.clone() {
            Val::Num(n) => {
                let Node::Leaf(leaf) = self.problem.graph.node(n.node) else { unreachable!("made as a leaf above") };
                let source = self.root.get_leaf(leaf).source;
                Val::Num(self.read(ctx, Leaf { source, map: element.at.clone() }, true))
            }
            Val::Text(t) => Val::Text(Texts::of(t.values, element.at.clone())),
            _ => unreachable!("components are numbers or texts"),
        }
    }

    /// The element that a value is, for each instance.
    pub(super) fn elements(&mut self, value: &Val, ctx: &Ctx, span: Span) -> R<Vec<Element>> {
        match value {
            Val::Num(n) if n.data => Ok(self.structural(*n, ctx).into_iter().map(Element::Number).collect()),
            Val::Num(_) => self.fail(error::variable_as_index(span)),
            Val::Text(t) => Ok((0..ctx.size).map(|p| Element::Text(t.values[t.map.at(p)].clone())).collect()),
            Val::Element(e) => Ok((0..ctx.size).map(|p| e.set.get(e.at.at(p))).collect()),
            Val::Tuple(parts) => {
                let columns = parts.iter().map(|p| self.elements(p, ctx, span)).collect::<R<Vec<_>>>()?;
                Ok((0..ctx.size).map(|p| Element::flat(columns.iter().map(|c| &c[p]))).collect())
            }
            Val::Data(v) => match &v.kind {
                crate::data::ValueKind::Number(n) => Ok(vec![Element::Number(*n); ctx.size]),
                crate::data::ValueKind::Text(t) => Ok(vec![Element::Text(t.clone()); ctx.size]),
                _ => self.fail(error::expected("an element of a set", "a data object", span)),
            },
            other => self.fail(error::expected("an element of a set", &other.describe(), span)),
        }
    }

    fn long_sum(&mut self, first: &Expr, rest: &[(bool, Expr)], span: Span, env: &Env) -> R<Val> {
        let first = self.value(first, env)?;
        let mut parts = vec![];
        for (subtract, part) in rest {
            parts.push((*subtract, self.value(part, env)?, part.span));
        }
        let arrays = matches!(first, Val::Array(_)) || parts.iter().any(|(_, v, _)| matches!(v, Val::Array(_)));
        if arrays {
            let mut total = first;
            for (subtract, part, at) in parts {
                let op = if subtract { BinaryOp::Sub } else { BinaryOp::Add };
                total = self.combine(op, total, part, (span, span, at), env)?;
            }
            return Ok(total);
        }
        let mut nums = vec![self.as_number(first, span, env)?];
        for (subtract, part, at) in parts {
            let n = self.as_number(part, at, env)?;
            nums.push(if subtract { self.apply(Op::Neg, &[n]) } else { n });
        }
        let nodes: Vec<_> = nums.iter().map(|n| n.node).collect();
        let node = self.problem.graph.sum(&nodes);
        Ok(Val::Num(Num { node, data: nums.iter().all(|n| n.data) }))
    }

    /// `and` and `or`: what is decided by data is not looked at further.
    fn junction(&mut self, parts: &[Expr], all: bool, env: &Env) -> R<Num> {
        let mut total: Option<Num> = None;
        for part in parts {
            let truth = self.truth(part, env)?;
            if truth.data {
                let values = self.structural(truth, &env.ctx);
                if values.iter().all(|&v| (v != 0.0) == all) {
                    continue;
                }
                if values.iter().all(|&v| (v != 0.0) != all) {
                    return Ok(self.constant((!all) as u8 as f64));
                }
                // A mixed condition guards what follows it: `i > 1 and c[i-1] > 0`.
                if total.is_none_or(|t| t.data) && !std::ptr::eq(part, parts.last().expect("not empty")) {
                    let mask = values.iter().map(|&v| v != 0.0).collect();
                    return Err(Halt::Split { ctx: env.ctx.id, mask: Rc::new(mask) });
                }
            }
            let op = if all { Op::And } else { Op::Or };
            total = Some(match total {
                Some(t) => self.apply(op, &[t, truth]),
                None => truth,
            });
        }
        Ok(total.unwrap_or_else(|| self.constant(all as u8 as f64)))
    }

    fn branch(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr, span: Span, env: &Env) -> R<Val> {
        let truth = self.truth(condition, env)?;
        if truth.data {
            let values = self.structural(truth, &env.ctx);
            if values.iter().all(|&v| v != 0.0) && !values.is_empty() {
                return self.value(then, env);
            }
            if values.iter().all(|&v| v == 0.0) {
                return self.value(otherwise, env);
            }
            let mask = values.iter().map(|&v| v != 0.0).collect();
            return Err(Halt::Split { ctx: env.ctx.id, mask: Rc::new(mask) });
        }
        let a = self.value(then, env)?;
        let b = self.value(otherwise, env)?;
        if matches!(a, Val::Array(_)) || matches!(b, Val::Array(_)) {
            let sets = match (&a, &b) {
                (Val::Array(x), Val::Array(y)) => {
                    self.same_shape("choose between", x, then.span, y, otherwise.span)?;
                    x.0.sets.clone()
                }
                (Val::Array(x), _) | (_, Val::Array(x)) => x.0.sets.clone(),
                _ => vec![],
            };
            let a = self.as_operand(a, then.span, env)?;
            let b = self.as_operand(b, otherwise.span, env)?;
            let kind = ArrayKind::Select(Operand::Scalar(truth), a, b);
            return Ok(Val::Array(Array::new(sets, kind, &env.ctx, span)));
        }
        let a = self.as_number(a, then.span, env)?;
        let b = self.as_number(b, otherwise.span, env)?;
        Ok(Val::Num(self.apply(Op::Select, &[truth, a, b])))
    }

    /// A chain of relations as a condition.
    pub(super) fn relation(&mut self, first: &Expr, rest: &[(RelOp, Expr)], env: &Env) -> R<Num> {
        let mut total: Option<Num> = None;
        let mut left = (self.value(first, env)?, first.span);
        for (op, right) in rest {
            let value = self.value(right, env)?;
            let truth = self.compare(*op, &left, &(value.clone(), right.span), env)?;
            total = Some(match total {
                Some(t) => self.apply(Op::And, &[t, truth]),
                None => truth,
            });
            left = (value, right.span);
        }
        Ok(total.unwrap_or_else(|| self.constant(1.0)))
    }

    fn compare(&mut self, op: RelOp, left: &(Val, Span), right: &(Val, Span), env: &Env) -> R<Num> {
        if matches!(op, RelOp::In | RelOp::NotIn) {
            let inside = self.membership(&left.0, left.1, &right.0, right.1, env)?;
            return Ok(if op == RelOp::NotIn { self.apply(Op::Not, &[inside]) } else { inside });
        }
        let textual = |v: &Val, me: &mut Self| match v {
            Val::Text(_) | Val::Tuple(_) => true,
            Val::Element(e) => me.set_numbers(&e.set).is_none(),
            Val::Data(d) => matches!(d.kind, crate::data::ValueKind::Text(_)),
            _ => false,
        };
        if textual(&left.0, self) || textual(&right.0, self) {
            if !matches!(op, RelOp::Eq | RelOp::Assign | RelOp::Ne) {
                return self.fail(error::expected("numbers to compare", &left.0.describe(), left.1));
            }
            let a = self.elements(&left.0, &env.ctx, left.1)?;
            let b = self.elements(&right.0, &env.ctx, right.1)?;
            let equal = op != RelOp::Ne;
            let mask = a.iter().zip(&b).map(|(x, y)| ((x == y) == equal) as u8 as f64).collect();
            return Ok(self.literal_column(mask, &env.ctx, left.1.to(right.1)));
        }
        let a = self.as_number(left.0.clone(), left.1, env)?;
        let b = self.as_number(right.0.clone(), right.1, env)?;
        Ok(match op {
            RelOp::Le => self.apply(Op::Le, &[a, b]),
            RelOp::Ge => self.apply(Op::Le, &[b, a]),
            RelOp::Lt => self.apply(Op::Lt, &[a, b]),
            RelOp::Gt => self.apply(Op::Lt, &[b, a]),
            RelOp::Eq | RelOp::Assign => self.apply(Op::Eq, &[a, b]),
            RelOp::Ne => self.apply(Op::Ne, &[a, b]),
            RelOp::In | RelOp::NotIn => unreachable!("handled above"),
            RelOp::Distributed => return self.fail(error::sample_outside_expectation(left.1)),
        })
    }

    fn membership(&mut self, value: &Val, at: Span, set: &Val, set_at: Span, env: &Env) -> R<Num> {
        let set = match set {
            Val::Set(set) => set.clone(),
            Val::Table(table) => table.rows.clone(),
            Val::Ragged(sets) => {
                let elements = self.elements(value, &env.ctx, at)?;
                let mask =
                    elements.iter().zip(sets.iter()).map(|(e, s)| s.position(e).is_some() as u8 as f64).collect();
                return Ok(self.literal_column(mask, &env.ctx, at.to(set_at)));
            }
            other => return self.fail(error::expected("a set after `in`", &other.describe(), set_at)),
        };
        let elements = self.elements(value, &env.ctx, at)?;
        let mask = elements.iter().map(|e| set.position(e).is_some() as u8 as f64).collect();
        Ok(self.literal_column(mask, &env.ctx, at.to(set_at)))
    }

    fn array_literal(&mut self, rows: &[Vec<Expr>], span: Span, env: &Env) -> R<Val> {
        let mut nums = vec![];
        for row in rows {
            for e in row {
                if matches!(e.kind, ExprKind::Array(_)) {
                    return self.fail(error::array_in_array(e.span));
                }
                nums.push(self.number(e, env)?);
            }
        }
        let width = rows.first().map_or(0, Vec::len);
        if let Some(bad) = rows.iter().position(|r| r.len() != width) {
            let at = rows[bad].first().map_or(span, |e| e.span);
            return self.fail(error::ragged_literal(bad + 1, rows[bad].len(), width, at, rows[0][0].span));
        }
        let sets = match rows.len() {
            0 | 1 => vec![Set::range(1.0, 1.0, width)],
            // A column of single numbers is a vector too.
            n if width == 1 => vec![Set::range(1.0, 1.0, n)],
            n => vec![Set::range(1.0, 1.0, n), Set::range(1.0, 1.0, width)],
        };
        Ok(Val::Array(Array::new(sets, ArrayKind::Elements(nums), &env.ctx, span)))
    }
}
