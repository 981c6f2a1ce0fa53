//! Generators: the instances of a family, and `where` by hash joins.
//!
//! `(i in I, j in J where cond)` makes a child context whose instances are (instance of the parent, element, ...), in
//! lexicographic order. A conjunct `a == b` of the condition in which one side knows only the new element and the
//! other only what was there before is a join: one hash table over the domain, one look-up for each instance.

use super::additive::Traced;
use super::error;
use super::scope::{Elaborator, Env, Halt, R};
use super::value::{Elem, Val};
use crate::diag::Span;
use crate::expr::family::IndexMap;
use crate::problem::index::{Axes, Element, Set};
use crate::problem::quick::QuickMap;
use crate::syntax::ast::{Expr, ExprKind, Generator, GeneratorKind, Ident, IndexItem, IndexSpec, RelOp};
use std::rc::Rc;

/// The elements of an indexed declaration: its shape and the context with one instance for each element.
pub(super) struct Indexed {
    pub axes: Axes,
    pub env: Env,
    /// The environment around the index.
    pub outer: Env,
    /// Whether the elements have names, so that a value may depend on them.
    pub named: bool,
}

/// More instances than this are refused unless more are allowed: a product of sets was probably not meant.
const MOST_INSTANCES: usize = 50_000_000;

/// One step of a generator list: names (none for an anonymous set) over a domain.
struct Step<'e> {
    names: &'e [Ident],
    domain: &'e Expr,
    span: Span,
}

/// What a domain expression gives.
enum Domain {
    /// The same set for every instance, with the table whose rows it names.
    Uniform(Set, Option<Rc<super::value::TableInfo>>),
    /// A set for each instance.
    Ragged(Vec<Set>),
}

impl Elaborator<'_> {
    /// The child context of generators; `env` gets the names. The child's path to `env.ctx` gives the owner of each
    /// instance, ascending.
    pub(super) fn generate(&mut self, generators: &[Generator], condition: Option<&Expr>, env: &Env) -> R<Env> {
        let steps: Vec<Step> =
            generators.iter().map(|g| Step { names: &g.names, domain: &g.domain, span: g.span }).collect();
        if let Some(g) = generators.iter().find(|g| g.kind == GeneratorKind::Sample) {
            return self.fail(error::sample_outside_expectation(g.span));
        }
        let mut sets = vec![];
        self.steps(&steps, condition, env, &mut sets)
    }

    /// Fails if a family or a set would have more elements than can be handled.
    pub(super) fn within_limits(&mut self, elements: usize, at: Span) -> R<()> {
        if elements > self.inputs.most_elements.unwrap_or(MOST_INSTANCES) {
            return self.fail(error::too_large(at, elements));
        }
        Ok(())
    }

    pub(super) fn index_or_scalar(&mut self, spec: Option<&IndexSpec>, env: &Env) -> R<Indexed> {
        match spec {
            Some(spec) => self.index(spec, env),
            None => Ok(Indexed { axes: self.block_axes(env), env: env.clone(), outer: env.clone(), named: false }),
        }
    }

    pub(super) fn scalar_index(&mut self, indexed: &Indexed) -> Indexed {
        Indexed { axes: Axes::scalar(), env: indexed.outer.clone(), outer: indexed.outer.clone(), named: false }
    }

    /// The shape of `[i in 1..n, PLANTS where cond]`.
    pub(super) fn index(&mut self, spec: &IndexSpec, env: &Env) -> R<Indexed> {
        let steps: Vec<Step> = spec
            .items
            .iter()
            .map(|item| match item {
                IndexItem::Binder(g) => Step { names: &g.names, domain: &g.domain, span: g.span },
                IndexItem::Domain(e) => Step { names: &[], domain: e, span: e.span },
            })
            .collect();
        let named = steps.iter().any(|s| !s.names.is_empty());
        let mut domains = vec![];
        let inner = self.steps(&steps, spec.condition.as_deref(), env, &mut domains)?;
        let mut axes = self.block_axes(env);
        if domains.iter().all(|d| matches!(d, Domain::Uniform(..))) {
            let mut full = env.ctx.size;
            for d in &domains {
                let Domain::Uniform(set, _) = d else { continue };
                full = full.saturating_mul(set.len());
                axes.sets.push(set.clone());
            }
            if inner.ctx.size != full || axes.filter.is_some() {
                axes.filter = Some(self.positions_in_product(&inner, env, &axes).into());
            }
        } else {
            // A set that depends on an earlier element: the shape is one set of tuples.
            let columns: Vec<Vec<Element>> = self.step_elements(&inner, env, steps.len());
            let tuples = (0..inner.ctx.size).map(|p| Element::flat(columns.iter().map(|c| &c[p]))).collect();
            axes.sets.push(Set::list(tuples));
        }
        Ok(Indexed { axes, env: inner, outer: env.clone(), named })
    }

    fn steps(&mut self, steps: &[Step], condition: Option<&Expr>, env: &Env, domains: &mut Vec<Domain>) -> R<Env> {
        let mut conjuncts: Vec<&Expr> = vec![];
        if let Some(c) = condition {
            flatten(c, &mut conjuncts);
        }
        let mut here = env.clone();
        for (k, step) in steps.iter().enumerate() {
            let domain = self.domain(step.domain, &here)?;
            let later: Vec<&str> =
                steps[k + 1..].iter().flat_map(|s| s.names.iter().map(|n| n.name.as_str())).collect();
            let ready: Vec<&Expr> = conjuncts
                .iter()
                .copied()
                .filter(|c| !uses_any(c, &later) && (k + 1 == steps.len() || !step.names.is_empty()))
                .collect();
            conjuncts.retain(|c| !ready.iter().any(|r| std::ptr::eq(*r, *c)));
            here = self.step(step, k, &domain, &ready, &here)?;
            domains.push(domain);
        }
        Ok(here)
    }

    /// One generator: joins what can be joined, makes the pairs, filters by the rest of the conditions.
    fn step(&mut self, step: &Step, number: usize, domain: &Domain, ready: &[&Expr], env: &Env) -> R<Env> {
        for name in step.names {
            self.check_not_hidden(name, env)?;
        }
        let mut rest: Vec<&Expr> = vec![];
        let mut keys: Vec<(&Expr, &Expr)> = vec![];
        if let Domain::Uniform(..) = domain {
            let own: Vec<&str> = step.names.iter().map(|n| n.name.as_str()).collect();
            for c in ready {
                match join_sides(c, &own, |e| self.sees_local(e, env, &own)) {
                    Some(sides) => keys.push(sides),
                    None => rest.push(c),
                }
            }
        }
        let (size, parent, at, set) = match domain {
            Domain::Uniform(set, table) if !keys.is_empty() => {
                let (parent, at) = self.join(step, set, table, &keys, env)?;
                let size = at.len();
                (size, IndexMap::from_positions(parent), IndexMap::from_positions(at), set.clone())
            }
            Domain::Uniform(set, _) => {
                rest = ready.to_vec();
                let (n, m) = (env.ctx.size, set.len());
                self.within_limits(n.saturating_mul(m), step.span)?;
                let (parent, at) = match (n, m) {
                    (1, _) => (IndexMap::scalar(0), IndexMap::IDENTITY),
                    (_, 1) => (IndexMap::IDENTITY, IndexMap::scalar(0)),
                    _ => (
                        IndexMap::Repeat { start: 0, stride: 1, length: m as u32 },
                        IndexMap::Tile { start: 0, stride: 1, length: m as u32 },
                    ),
                };
                (n * m, parent, at, set.clone())
            }
            Domain::Ragged(sets) => {
                rest = ready.to_vec();
                let total = sets.iter().map(Set::len).fold(0usize, usize::saturating_add);
                self.within_limits(total, step.span)?;
                let (union, offsets) = union_of(sets);
                let mut parent = vec![];
                let mut at = vec![];
                for (p, positions) in offsets.iter().enumerate() {
                    parent.extend(std::iter::repeat_n(p as u32, positions.len()));
                    at.extend(positions);
                }
                (at.len(), IndexMap::from_positions(parent), IndexMap::from_positions(at), union)
            }
        };
        let table = match domain {
            Domain::Uniform(_, table) => table.clone(),
            Domain::Ragged(_) => None,
        };
        let ctx = self.child(&env.ctx, size, parent, true);
        let mut inner = env.within(&ctx);
        let element = Elem { set, at, table };
        self.bind_step(step.names, number, element, step.span, &mut inner)?;
        if rest.is_empty() {
            return Ok(inner);
        }
        self.filter(&rest, &inner)
    }

    /// Binds the names of a step; an anonymous one is remembered under its number.
    fn bind_step(&mut self, names: &[Ident], number: usize, element: Elem, span: Span, env: &mut Env) -> R<()> {
        env.bind(&hidden_name(number), Val::Element(element.clone()), span);
        match names {
            [] => {}
            [one] => env.bind(&one.name, Val::Element(element), one.span),
            several => {
                let width = element.set.width();
                if width != several.len() && !element.set.is_empty() {
                    return self.fail(error::pattern_width(several.len(), width, span));
                }
                for (k, name) in several.iter().enumerate() {
                    let value = self.component(&element, k, &env.ctx.clone());
                    env.bind(&name.name, value, name.span);
                }
            }
        }
        Ok(())
    }

    /// The instances of `env` that satisfy all conditions, which must not depend on variables.
    pub(super) fn filter(&mut self, conditions: &[&Expr], env: &Env) -> R<Env> {
        let mut here = env.clone();
        for condition in conditions {
            let keep = self.mask(condition, &here)?;
            if keep.iter().all(|&k| k) {
                continue;
            }
            let kept: Vec<u32> = (0..keep.len() as u32).filter(|&p| keep[p as usize]).collect();
            let ctx = self.child(&here.ctx, kept.len(), IndexMap::from_positions(kept), false);
            here = here.within(&ctx);
        }
        Ok(here)
    }

    /// A condition on data as a column; branches inside it are followed instance by instance.
    pub(super) fn mask(&mut self, condition: &Expr, env: &Env) -> R<Vec<bool>> {
        let mut out = vec![false; env.ctx.size];
        let parts: Traced<Vec<bool>> = self.traced(&env.ctx, &mut |me, ctx| {
            let truth = me.truth(condition, &env.within(ctx))?;
            if !truth.data {
                return me.fail(error::variable_in_where(condition.span));
            }
            Ok(me.structural(truth, ctx).iter().map(|&v| v != 0.0).collect())
        })?;
        for (ctx, mask) in parts {
            let map = ctx.path_to(&env.ctx);
            for (p, value) in mask.into_iter().enumerate() {
                out[map.at(p)] = value;
            }
        }
        Ok(out)
    }

    /// Pairs (instance, position in the set) for which all key pairs are equal.
    fn join(
        &mut self,
        step: &Step,
        set: &Set,
        table: &Option<Rc<super::value::TableInfo>>,
        keys: &[(&Expr, &Expr)],
        env: &Env,
    ) -> R<(Vec<u32>, Vec<u32>)> {
        let root = self.root.clone();
        let ctx = self.child(&root, set.len(), IndexMap::scalar(0), true);
        let mut own =
            Env { ctx: ctx.clone(), locals: self.scopes[env.scope as usize].locals.clone(), scope: env.scope };
        let element = Elem { set: set.clone(), at: IndexMap::IDENTITY, table: table.clone() };
        self.bind_step(step.names, 0, element, step.span, &mut own)?;
        let mut new_keys = vec![];
        let mut old_keys = vec![];
        for (new, old) in keys {
            new_keys.push(self.key_column(new, &own)?);
            old_keys.push(self.key_column(old, env)?);
        }
        let pairs = Pairs::new(&new_keys, &old_keys, set.len(), env.ctx.size);
        if let Some(table) = table
            && pairs.count() == 0
            && !set.is_empty()
            && env.ctx.size > 0
        {
            self.tell_unmatched(table, keys, &new_keys, &old_keys);
        }
        self.within_limits(pairs.count(), step.span)?;
        let (parent, at) = pairs.listed();
        Ok((parent, at))
    }

    fn key_column(&mut self, e: &Expr, env: &Env) -> R<Keys> {
        let value = self.value(e, env)?;
        if let Val::Num(n) | Val::Truth(n) = &value {
            if !n.data {
                return self.fail(error::variable_in_where(e.span));
            }
            return Ok(Keys::Numbers(self.structural(*n, &env.ctx)));
        }
        Ok(Keys::Elements(self.elements(&value, &env.ctx, e.span)?))
    }

    /// Whether a side of a join condition needs a local name other than the new ones.
    fn sees_local(&self, e: &Expr, env: &Env, own: &[&str]) -> (bool, bool) {
        let mut new = false;
        let mut old = false;
        super::names::visit(e, &mut |e| {
            if let ExprKind::Name(n) = &e.kind {
                if own.contains(&n.as_str()) {
                    new = true;
                } else if env.local(n).is_some() {
                    old = true;
                }
            }
        });
        (new, old)
    }

    fn domain(&mut self, e: &Expr, env: &Env) -> R<Domain> {
        match self.value(e, env)? {
            Val::Set(set) => Ok(Domain::Uniform(set, None)),
            Val::Table(table) => Ok(Domain::Uniform(table.rows.clone(), Some(table))),
            Val::SetFamily(_) => self.fail(error::family_without_index(e.span)),
            Val::Ragged(sets) => Ok(Domain::Ragged(sets.to_vec())),
            Val::Array(array) if array.0.sets.len() == 1 => {
                // An array of numbers used as a set: its values.
                let set = self.set_of_values(&array, e.span)?;
                Ok(Domain::Uniform(set, None))
            }
            other => self.fail(error::expected("a set", &other.describe(), e.span)),
        }
    }

    /// Positions of the instances of an index in the full product of its sets.
    fn positions_in_product(&mut self, inner: &Env, outer: &Env, axes: &Axes) -> Vec<u32> {
        let path = inner.ctx.path_to(&outer.ctx);
        let around = self.block_axes(outer);
        let place = |instance: usize| around.filter.as_ref().map_or(instance as u64, |kept| u64::from(kept[instance]));
        let mut flat: Vec<u64> = (0..inner.ctx.size).map(|p| place(path.at(p))).collect();
        let own = axes.sets.len() - around.sets.len();
        for k in 0..own {
            let Some(Val::Element(element)) = self.local_value(inner, &hidden_name(k)) else { continue };
            let size = element.set.len() as u64;
            for (p, value) in flat.iter_mut().enumerate() {
                *value = *value * size + element.at.at(p) as u64;
            }
        }
        flat.into_iter().map(|v| v as u32).collect()
    }

    fn step_elements(&mut self, inner: &Env, _outer: &Env, steps: usize) -> Vec<Vec<Element>> {
        (0..steps)
            .filter_map(|k| match self.local_value(inner, &hidden_name(k)) {
                Some(Val::Element(e)) => Some((0..inner.ctx.size).map(|p| e.set.get(e.at.at(p))).collect()),
                _ => None,
            })
            .collect()
    }

    /// A generator name may not hide a variable, parameter or set, nor another generator's name.
    fn check_not_hidden(&mut self, name: &Ident, env: &Env) -> R<()> {
        if let Some(local) = env.local(&name.name) {
            let first = local.span;
            return self.fail(error::hides(&name.name, name.span, first));
        }
        if let Some(d) = self.find(env.scope, &name.name) {
            let hidden = self.declarations[d as usize].span;
            return self.fail(error::hides(&name.name, name.span, hidden));
        }
        Ok(())
    }

    /// Runs `f` on a context, splitting it where a branch on data goes both ways.
    pub(super) fn traced<T>(
        &mut self,
        ctx: &super::context::Ctx,
        f: &mut dyn FnMut(&mut Self, &super::context::Ctx) -> R<T>,
    ) -> R<Traced<T>> {
        let mut work = vec![ctx.clone()];
        let mut out = vec![];
        while let Some(here) = work.pop() {
            match f(self, &here) {
                Ok(value) => out.push((here, value)),
                Err(Halt::Split { ctx, mask }) if ctx == here.id => {
                    // The part where the condition holds is traced first.
                    for wanted in [false, true] {
                        let part: Vec<u32> = (0..mask.len() as u32).filter(|&p| mask[p as usize] == wanted).collect();
                        let sub = self.child(&here, part.len(), IndexMap::from_positions(part), false);
                        work.push(sub);
                    }
                }
                Err(halt) => return Err(halt),
            }
        }
        Ok(out)
    }

    /// The value of a local name, brought to the context of `env`.
    pub(super) fn local_value(&mut self, env: &Env, name: &str) -> Option<Val> {
        let (value, ctx) = {
            let local = env.local(name)?;
            (local.value.clone(), local.ctx.clone())
        };
        Some(self.lift(value, &ctx, &env.ctx))
    }
}

pub(super) enum Keys {
    Numbers(Vec<f64>),
    Elements(Vec<Element>),
}

/// All pairs of an old and a new place whose keys agree in every column.
struct Pairs {
    /// By old place: the code of its key, if a new place has it.
    codes: Vec<Option<u32>>,
    /// New places by code, each code's in order.
    sorted: Vec<u32>,
    starts: Vec<u32>,
}

impl Pairs {
    fn new(new: &[Keys], old: &[Keys], new_count: usize, old_count: usize) -> Pairs {
        // Keys of the columns so far as one number; none where no new place has such a key.
        let (mut new_codes, mut codes, mut count) = (vec![0u32; new_count], vec![Some(0u32); old_count], 1);
        let elements = |numbers: &[f64]| numbers.iter().map(|&v| Element::Number(v)).collect::<Vec<_>>();
        for (new, old) in new.iter().zip(old) {
            count = match (new, old) {
                (Keys::Numbers(new), Keys::Numbers(old)) => {
                    let bits = |values: &[f64]| values.iter().map(|&v| (v + 0.0).to_bits()).collect::<Vec<_>>();
                    refine(&mut new_codes, &mut codes, &bits(new), &bits(old))
                }
                (Keys::Elements(new), Keys::Elements(old)) => refine(&mut new_codes, &mut codes, new, old),
                (Keys::Numbers(new), Keys::Elements(old)) => refine(&mut new_codes, &mut codes, &elements(new), old),
                (Keys::Elements(new), Keys::Numbers(old)) => refine(&mut new_codes, &mut codes, new, &elements(old)),
            };
        }
        let mut starts = vec![0u32; count + 1];
        new_codes.iter().for_each(|&code| starts[code as usize + 1] += 1);
        (0..count).for_each(|code| starts[code + 1] += starts[code]);
        let (mut next, mut sorted) = (starts.clone(), vec![0u32; new_count]);
        for (place, &code) in new_codes.iter().enumerate() {
            sorted[next[code as usize] as usize] = place as u32;
            next[code as usize] += 1;
        }
        Pairs { codes, sorted, starts }
    }

    /// By old place: the new places that go with it.
    fn matches(&self) -> impl Iterator<Item = &[u32]> {
        self.codes.iter().map(|code| match code {
            Some(code) => &self.sorted[self.starts[*code as usize] as usize..self.starts[*code as usize + 1] as usize],
            None => &[],
        })
    }

    fn count(&self) -> usize {
        self.matches().map(<[u32]>::len).fold(0, usize::saturating_add)
    }

    /// Old and new places of all pairs: old ones in order, new ones in order for each.
    fn listed(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut parent, mut at) = (vec![], vec![]);
        for (instance, matches) in self.matches().enumerate() {
            parent.extend(std::iter::repeat_n(instance as u32, matches.len()));
            at.extend_from_slice(matches);
        }
        (parent, at)
    }
}

/// Gives every code and key of a new column a new code; how many there are.
fn refine<'k, K: JoinKey + 'k>(
    new_codes: &mut [u32],
    old_codes: &mut [Option<u32>],
    new: &'k [K],
    old: &'k [K],
) -> usize {
    let mut known: QuickMap<(u32, &K), u32> = QuickMap::default();
    let mut seen: QuickMap<(u32, usize), u32> = QuickMap::default();
    for (code, key) in new_codes.iter_mut().zip(new) {
        let mut find = || {
            let next = known.len() as u32;
            *known.entry((*code, key)).or_insert(next)
        };
        *code = match key.address() {
            Some(address) => *seen.entry((*code, address)).or_insert_with(find),
            None => find(),
        };
    }
    for (code, key) in old_codes.iter_mut().zip(old) {
        *code = code.and_then(|code| known.get(&(code, key)).copied());
    }
    known.len()
}

/// What rows are joined by.
trait JoinKey: std::hash::Hash + Eq {
    /// Keys of one address are equal: equal texts of a column share one allocation.
    fn address(&self) -> Option<usize>;
}

impl JoinKey for u64 {
    fn address(&self) -> Option<usize> {
        None
    }
}

impl JoinKey for Element {
    fn address(&self) -> Option<usize> {
        match self {
            Element::Text(text) => Some(text.as_ptr() as usize),
            Element::Number(_) | Element::Tuple(_) => None,
        }
    }
}

/// The name under which the element of the k-th generator is kept; no user can write it.
fn hidden_name(k: usize) -> String {
    format!("#{k}")
}

fn flatten<'e>(e: &'e Expr, out: &mut Vec<&'e Expr>) {
    match &e.kind {
        ExprKind::And(parts) => parts.iter().for_each(|p| flatten(p, out)),
        _ => out.push(e),
    }
}

fn uses_any(e: &Expr, names: &[&str]) -> bool {
    let mut found = false;
    super::names::visit(e, &mut |e| {
        if let ExprKind::Name(n) = &e.kind {
            found |= names.contains(&n.as_str());
        }
    });
    found
}

/// `(side of the new names, side of the old)` if the conjunct is an equality that can be joined on.
fn join_sides<'e>(c: &'e Expr, own: &[&str], sees: impl Fn(&Expr) -> (bool, bool)) -> Option<(&'e Expr, &'e Expr)> {
    let ExprKind::Relation(left, rest) = &c.kind else { return None };
    let [(RelOp::Eq | RelOp::Assign, right)] = rest.as_slice() else { return None };
    if own.is_empty() {
        return None;
    }
    match (sees(left), sees(right)) {
        ((true, false), (false, _)) => Some((left, right)),
        ((false, _), (true, false)) => Some((right, left)),
        _ => None,
    }
}

/// The union of sets in order of first appearance, and the positions of each set's elements in it.
fn union_of(sets: &[Set]) -> (Set, Vec<Vec<u32>>) {
    if let Some(ranges) = sets.iter().map(Set::as_range).collect::<Option<Vec<_>>>()
        && ranges.iter().zip(sets).all(|(r, s)| r.1 == 1.0 && (s.is_empty() || r.0.fract() == 0.0))
    {
        let filled = || ranges.iter().zip(sets).filter(|(_, s)| !s.is_empty());
        let first = filled().map(|(r, _)| r.0).fold(f64::INFINITY, f64::min);
        let last = filled().map(|(r, s)| r.0 + s.len() as f64 - 1.0).fold(f64::NEG_INFINITY, f64::max);
        let count = if first.is_finite() { (last - first) as usize + 1 } else { 0 };
        let first = if first.is_finite() { first } else { 1.0 };
        let union = Set::range(first, 1.0, count);
        let positions = ranges
            .iter()
            .zip(sets)
            .map(|(r, s)| (0..s.len()).map(|k| (r.0 - first) as u32 + k as u32).collect())
            .collect();
        return (union, positions);
    }
    let mut seen: QuickMap<Element, u32> = QuickMap::default();
    let mut elements = vec![];
    let positions = sets
        .iter()
        .map(|s| {
            s.iter()
                .map(|e| {
                    *seen.entry(e.clone()).or_insert_with(|| {
                        elements.push(e);
                        elements.len() as u32 - 1
                    })
                })
                .collect()
        })
        .collect();
    (Set::list(elements), positions)
}

/// The position in a flattened product for positions along its axes.
pub(super) fn flat_position(sizes: &[usize], at: &[IndexMap], count: usize) -> IndexMap {
    match (sizes, at) {
        ([], []) => IndexMap::scalar(0),
        ([_], [one]) => one.clone(),
        _ => {
            let shared: Option<usize> = sizes.iter().zip(at).try_fold(0, |flat, (size, map)| match map {
                IndexMap::Affine { start, stride: 0 } => Some(flat * size + *start as usize),
                _ => None,
            });
            if let Some(flat) = shared {
                return IndexMap::scalar(flat);
            }
            let flat = |p: usize| sizes.iter().zip(at).fold(0, |f, (size, map)| f * size + map.at(p)) as u32;
            IndexMap::from_positions((0..count).map(flat).collect())
        }
    }
}
