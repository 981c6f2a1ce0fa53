//! A problem in Merit's own language: arrays by subscripts of names, linear families as sums over sparse tables, other
//! rows written out.
//!
//! Names of the file are kept as far as they are names of the language; others are made so, and stay unique. Families of
//! linear rows keep their labels and indices, so that duals have the same names as when the file itself is solved.

use super::names::{self, Named};
use super::number::decimal;
use super::opt_names::Legal;
use super::opt_text::Expressions;
use super::scalars::{Body, Column, Row, Scalars};
use super::sums::Sums;
use crate::problem::index::{Axes, Element, Set};
use crate::problem::{Kind, Scaled, Sense};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// More scalars without subscripts than this become one array, indexed by their names.
const MANY: usize = 200;
/// Linear parts of an objective over more elements of an array than this become a sum.
const LONG: usize = 12;
/// Lines are broken beyond this.
const WIDTH: usize = 110;

/// The model. `title` says where it comes from.
pub fn opt(scalars: &Scalars, title: &str) -> String {
    let mut writer = Writer::new(scalars);
    let variables = writer.variables();
    let lets = writer.lets();
    let objectives = writer.objectives();
    let rows = writer.rows();
    let Writer { given, .. } = writer;
    let mut out = format!("# {}\n", title.replace(['\n', '\r'], " "));
    for part in [given, variables, lets, objectives] {
        if !part.is_empty() {
            out += &format!("\n{part}");
        }
    }
    if !rows.is_empty() {
        out += &format!("\nsubject to {{\n{rows}}}\n");
    }
    out
}

struct Writer<'s> {
    scalars: &'s Scalars,
    sums: Sums<'s>,
    legal: Legal,
    /// Sets and parameters.
    given: String,
    /// Names of sets by their elements.
    sets: HashMap<String, String>,
    columns: Vec<Array>,
    /// By column: which array, and at which position.
    places: Vec<(usize, usize)>,
    /// By leaf: its text in an expression.
    leaves: Vec<String>,
    /// Typical sizes, where they are stated.
    sizes: HashMap<Scaled, f64>,
}

/// An array of columns or rows.
struct Array {
    name: String,
    axes: Axes,
    members: Vec<u32>,
}

impl Array {
    fn is_scalar(&self) -> bool {
        self.axes.is_scalar()
    }

    /// The index values at a position, tuples flat.
    fn key(&self, position: usize) -> Vec<Element> {
        let flat = |element: Element| match element {
            Element::Tuple(parts) => parts.to_vec(),
            Element::Number(_) | Element::Text(_) => vec![element],
        };
        self.axes.element(position).into_iter().flat_map(flat).collect()
    }

    fn width(&self) -> usize {
        self.axes.sets.first().map_or(0, Set::width)
    }
}

impl<'s> Writer<'s> {
    fn new(scalars: &'s Scalars) -> Writer<'s> {
        let mut writer = Writer {
            scalars,
            sums: Sums::new(&scalars.graph),
            legal: Legal::default(),
            given: String::new(),
            sets: HashMap::new(),
            columns: vec![],
            places: vec![(0, 0); scalars.columns.len()],
            leaves: vec![],
            sizes: scalars.scales.iter().copied().collect(),
        };
        let names: Vec<&str> = scalars.columns.iter().map(|c| &c.name[..]).collect();
        let class = |k: u32| {
            let column: &Column = &scalars.columns[k as usize];
            (column.kind as u8, column.start.is_some())
        };
        let alike = |members: &[u32]| members.iter().all(|&k| class(k) == class(members[0]));
        let unnamed = |_: usize| "x";
        let families = merged(names::families(&names, unnamed, alike), &names, |k| ("x", class(k)));
        for (a, Named { name, axes, members }) in families.into_iter().enumerate() {
            for (position, &k) in members.iter().enumerate() {
                writer.places[k as usize] = (a, position);
            }
            let name = writer.legal.name(&name);
            writer.columns.push(Array { name, axes, members });
        }
        writer.leaves = writer.places.iter().map(|&(a, position)| element(&writer.columns[a], position)).collect();
        writer
    }

    fn variables(&mut self) -> String {
        let mut out = String::new();
        let columns = std::mem::take(&mut self.columns);
        for array in &columns {
            let of = |value: fn(&Column) -> f64| -> Vec<f64> {
                array.members.iter().map(|&k| value(&self.scalars.columns[k as usize])).collect()
            };
            let (lower, upper) = (of(|c| c.lower), of(|c| c.upper));
            let start = of(|c| c.start.unwrap_or(f64::NAN));
            let first = &self.scalars.columns[array.members[0] as usize];
            let index = self.binder(array);
            let lower = self.data(array, "lower", &index, &lower);
            let upper = self.data(array, "upper", &index, &upper);
            let mut line = format!("var {}{}", array.name, index.declared());
            line += match first.kind {
                Kind::Real => "",
                Kind::Integer => " integer",
                Kind::Binary => " binary",
            };
            line += &match (&lower[..], &upper[..]) {
                ("0", "1") if first.kind == Kind::Binary => String::new(),
                ("-inf", "inf") => String::new(),
                (lower, "inf") => format!(" >= {lower}"),
                ("-inf", upper) => format!(" <= {upper}"),
                (lower, upper) => format!(" in [{lower}, {upper}]"),
            };
            if first.start.is_some() {
                let start = self.data(array, "start", &index, &start);
                line += &format!(" start {start}");
            }
            line += &self.scale(array, Scaled::Variable, &index);
            let _ = writeln!(out, "{line}");
        }
        self.columns = columns;
        out
    }

    fn lets(&mut self) -> String {
        let mut out = String::new();
        for shared in &self.scalars.shared {
            let wanted = if shared.name.is_empty() { "part" } else { &shared.name };
            let name = self.legal.name(wanted);
            let head = format!("let {name} =");
            let _ = writeln!(out, "{}", self.broken("", &head, self.summands(&shared.body, true), ""));
            self.leaves.push(name);
        }
        out
    }

    fn objectives(&mut self) -> String {
        let mut out = String::new();
        for (k, goal) in self.scalars.objectives.iter().enumerate() {
            let word = if goal.sense == Sense::Minimize { "minimize" } else { "maximize" };
            let name = self.legal.name(if goal.name.is_empty() { "objective" } else { &goal.name });
            let head = format!("{word} {name}:");
            let summands = self.shortened(&name, &goal.body, true);
            let scale = self.sizes.get(&Scaled::Objective(k as u32)).map(|size| format!(" scale {}", decimal(*size)));
            let _ = writeln!(out, "{}", self.broken("", &head, summands, &scale.unwrap_or_default()));
        }
        out
    }

    /// The summands of a body, sums over whole arrays in place of long lists.
    fn shortened(&mut self, name: &str, body: &Body, constant: bool) -> Vec<String> {
        let (sums, rest) = self.whole_arrays(name, body);
        let mut summands = self.summands(&rest, constant);
        if !sums.is_empty() && summands == ["0"] {
            summands.clear();
        }
        sums.into_iter().chain(summands).collect()
    }

    /// Linear parts over much of an array as sums over the whole of it, and the rest.
    fn whole_arrays(&mut self, name: &str, body: &Body) -> (Vec<String>, Body) {
        let mut by_array: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
        for &(leaf, factor) in body.linear.iter().filter(|(leaf, _)| (*leaf as usize) < self.places.len()) {
            let (array, position) = self.places[leaf as usize];
            by_array.entry(array).or_default().push((position, factor));
        }
        by_array.retain(|a, entries| entries.len() > LONG && 2 * entries.len() > self.columns[*a].members.len());
        let mut rest = body.clone();
        rest.linear.retain(|(leaf, _)| !self.places.get(*leaf as usize).is_some_and(|(a, _)| by_array.contains_key(a)));
        let columns = std::mem::take(&mut self.columns);
        let mut sums = vec![];
        for (a, entries) in by_array {
            let array = &columns[a];
            let mut factors = vec![0.0; array.members.len()];
            entries.iter().for_each(|(position, factor)| factors[*position] += factor);
            let index = self.binder(array);
            let factor = self.named_data(&format!("{name}_{}", array.name), array, &index, &factors);
            let read = format!("{}[{}]", array.name, index.names.join(", "));
            let (domain, factor) = (index.domain(), if factor == "1" { String::new() } else { atom(&factor) + " * " });
            sums.push(format!("sum({domain}: {factor}{read})"));
        }
        self.columns = columns;
        (sums, rest)
    }

    fn rows(&mut self) -> String {
        let mut out = String::new();
        let rows = &self.scalars.rows;
        let names: Vec<&str> = rows.iter().map(|r| &r.name[..]).collect();
        let linear = |k: u32| {
            rows[k as usize].is_linear()
                && rows[k as usize].complements.is_none()
                && rows[k as usize].body.linear.iter().all(|(leaf, _)| (*leaf as usize) < self.scalars.columns.len())
        };
        let alike = |members: &[u32]| members.iter().all(|&k| linear(k));
        let families = names::families(&names, |k| rows[k].sides(), alike);
        let families =
            merged(families, &names, |k| (if linear(k) { rows[k as usize].sides() } else { "" }, (0, false)));
        for Named { name, axes, members } in families {
            let array = Array { name: self.legal.name(&name), axes, members };
            match array.is_scalar() {
                true => self.written(&array, &mut out),
                false => self.table(&array, &mut out),
            }
        }
        out
    }

    /// A row as it is.
    fn written(&mut self, array: &Array, out: &mut String) {
        let row = &self.scalars.rows[array.members[0] as usize];
        let scale = self.scale(array, Scaled::Row, &Binder::default());
        if let Some(column) = row.complements {
            let head = format!("{}: {} perp", array.name, self.leaves[column as usize]);
            let mut summands = self.shortened(&array.name, &row.body, true);
            if row.body.nonlinear.is_none() && row.body.linear.is_empty() {
                // A side of `perp` may not be a mere number.
                summands.push(format!("0 * {}", self.leaves[column as usize]));
            }
            let _ = writeln!(out, "{}", self.broken("  ", &head, summands, &scale));
            return;
        }
        let (lower, upper) = (row.lower - row.body.constant, row.upper - row.body.constant);
        let (before, after) = sides(&decimal(lower), &decimal(upper), lower == upper);
        let nothing = lower == f64::NEG_INFINITY && upper == f64::INFINITY;
        let constant = row.body.nonlinear.is_none() && row.body.linear.iter().all(|(_, c)| *c == 0.0);
        if nothing || (constant && lower <= 0.0 && upper >= 0.0) {
            let _ = writeln!(out, "  # {} binds nothing", array.name);
            return;
        }
        let head = format!("{}:{before}", array.name);
        let summands = self.shortened(&array.name, &row.body, false);
        let _ = writeln!(out, "{}", self.broken("  ", &head, summands, &(after + &scale)));
    }

    /// ` scale SIZE` at the end of a declaration, where sizes are stated.
    fn scale(&mut self, array: &Array, of: fn(u32) -> Scaled, index: &Binder) -> String {
        let sizes: Vec<Option<f64>> = array.members.iter().map(|&k| self.sizes.get(&of(k)).copied()).collect();
        if sizes.iter().all(Option::is_none) {
            return String::new();
        }
        let sizes: Vec<f64> = sizes.into_iter().map(|size| size.unwrap_or(1.0)).collect();
        format!(" scale {}", self.data(array, "scale", index, &sizes))
    }

    /// Linear rows as sums over the entries of sparse matrices.
    fn table(&mut self, array: &Array, out: &mut String) {
        let rows: Vec<&Row> = array.members.iter().map(|&k| &self.scalars.rows[k as usize]).collect();
        let index = self.binder(array);
        let mut by_array: BTreeMap<usize, BTreeMap<(usize, usize), f64>> = BTreeMap::new();
        for (r, row) in rows.iter().enumerate() {
            for &(k, c) in &row.body.linear {
                let (a, position) = self.places[k as usize];
                *by_array.entry(a).or_default().entry((r, position)).or_insert(0.0) += c;
            }
        }
        let columns = std::mem::take(&mut self.columns);
        let mut parts = vec![];
        for (a, entries) in by_array {
            let entries = entries.into_iter().map(|((r, p), c)| (r, p, c)).collect();
            parts.push(self.part(array, &index, &columns[a], entries));
        }
        self.columns = columns;
        let lower: Vec<f64> = rows.iter().map(|r| r.lower - r.body.constant).collect();
        let upper: Vec<f64> = rows.iter().map(|r| r.upper - r.body.constant).collect();
        let equal = lower == upper;
        let (lower, upper) = match equal {
            true => {
                let side = self.data(array, "right", &index, &lower);
                (side.clone(), side)
            }
            false => (self.data(array, "lower", &index, &lower), self.data(array, "upper", &index, &upper)),
        };
        let (before, after) = sides(&lower, &upper, equal);
        let head = format!("{}{}:{before}", array.name, index.declared());
        let parts = if parts.is_empty() { vec!["0".to_string()] } else { parts };
        let scale = self.scale(array, Scaled::Row, &index);
        let _ = writeln!(out, "{}", self.broken("  ", &head, parts, &(after + &scale)));
    }

    /// What the columns of one array add to rows: `sum((k, j) in ENTRIES where k == i: factor[k, j] * x[j])`.
    fn part(&mut self, rows: &Array, index: &Binder, columns: &Array, entries: Vec<(usize, usize, f64)>) -> String {
        let wanted = format!("{}_{}", rows.name, columns.name);
        if columns.is_scalar() {
            let mut factors = vec![0.0; rows.members.len()];
            entries.iter().for_each(|&(r, _, c)| factors[r] += c);
            let factor = self.named_data(&wanted, rows, index, &factors);
            return if factor == "1" { columns.name.clone() } else { format!("{} * {}", atom(&factor), columns.name) };
        }
        if let Some(part) = self.same_keys(rows, index, columns, &entries) {
            return part;
        }
        if let Some(part) = self.lookup(rows, index, columns, &entries) {
            return part;
        }
        let key = |&(r, p, _): &(usize, usize, f64)| {
            let parts: Vec<Element> = rows.key(r).into_iter().chain(columns.key(p)).collect();
            Element::Tuple(parts.into())
        };
        let set = self.legal.name(&wanted.to_uppercase());
        let elements: Vec<String> = entries.iter().map(|entry| literal(&key(entry))).collect();
        self.list(&format!("set {set} = {{"), &elements, "}");
        let generators = self.legal.generators("k", rows.width());
        let subscripts = self.legal.generators("j", columns.width());
        let all: Vec<String> = generators.iter().chain(&subscripts).cloned().collect();
        let joins: Vec<String> = generators.iter().zip(&index.names).map(|(k, i)| format!("{k} == {i}")).collect();
        let first = entries[0].2;
        let factor = match entries.iter().all(|entry| entry.2 == first) {
            true if first == 1.0 => String::new(),
            true => format!("{} * ", atom(&decimal(first))),
            false => {
                let name = self.legal.name(&wanted);
                let values: Vec<String> = entries.iter().map(|entry| decimal(entry.2)).collect();
                self.list(&format!("param {name}[{set}] = ["), &values, "]");
                format!("{name}[{}] * ", all.join(", "))
            }
        };
        let (all, joins, subscripts) = (all.join(", "), joins.join(" and "), subscripts.join(", "));
        format!("sum(({all}) in {set} where {joins}: {factor}{}[{subscripts}])", columns.name)
    }

    /// `factor[i] * x[i]`, where each row has the column of its own key.
    fn same_keys(
        &mut self,
        rows: &Array,
        index: &Binder,
        columns: &Array,
        entries: &[(usize, usize, f64)],
    ) -> Option<String> {
        let own = |&(r, p, _): &(usize, usize, f64)| rows.key(r) == columns.key(p);
        let each_once = entries.iter().enumerate().all(|(k, entry)| entry.0 == k);
        if entries.len() != rows.members.len() || !each_once || !entries.iter().all(own) {
            return None;
        }
        let factors: Vec<f64> = entries.iter().map(|entry| entry.2).collect();
        let factor = self.named_data(&format!("{}_{}", rows.name, columns.name), rows, index, &factors);
        let read = format!("{}[{}]", columns.name, index.names.join(", "));
        Some(if factor == "1" { read } else { format!("{} * {read}", atom(&factor)) })
    }

    /// `sum((j1, j2) in SET where j1 == i: factor[j1, j2] * x[j1, j2])`, where a row has all columns with its key as a
    /// part of theirs.
    fn lookup(
        &mut self,
        rows: &Array,
        index: &Binder,
        columns: &Array,
        entries: &[(usize, usize, f64)],
    ) -> Option<String> {
        if rows.width() != 1 || columns.width() < 2 {
            return None;
        }
        let keys: Vec<Vec<Element>> = (0..columns.members.len()).map(|p| columns.key(p)).collect();
        let positions: HashMap<Element, usize> = (0..rows.members.len()).map(|r| (rows.key(r)[0].clone(), r)).collect();
        let fits = |part: &usize| {
            let expected = keys.iter().filter(|key| positions.contains_key(&key[*part])).count();
            entries.len() == expected && entries.iter().all(|&(r, p, _)| positions.get(&keys[p][*part]) == Some(&r))
        };
        let part = (0..columns.width()).find(fits)?;
        let mut factors = vec![0.0; keys.len()];
        entries.iter().for_each(|&(_, p, c)| factors[p] = c);
        let first = entries.first()?.2;
        if entries.iter().all(|entry| entry.2 == first) {
            factors.fill(first);
        }
        let binder = Binder { names: self.legal.generators("j", columns.width()), set: self.set(columns) };
        let factor = self.named_data(&format!("{}_{}", rows.name, columns.name), columns, &binder, &factors);
        let factor = if factor == "1" { String::new() } else { atom(&factor) + " * " };
        let read = format!("{}[{}]", columns.name, binder.names.join(", "));
        Some(format!("sum({} where {} == {}: {factor}{read})", binder.domain(), binder.names[part], index.names[0]))
    }

    /// The index of a declaration, and the names that it binds.
    fn binder(&mut self, array: &Array) -> Binder {
        if array.is_scalar() {
            return Binder { names: vec![], set: String::new() };
        }
        let set = self.set(array);
        let names = self.legal.generators("i", array.width());
        Binder { names, set }
    }

    /// A name or an expression for the set of an array.
    fn set(&mut self, array: &Array) -> String {
        let set = &array.axes.sets[0];
        if let Some((first, last)) = count(set) {
            return format!("{first}..{last}");
        }
        let elements: Vec<String> = set.iter().map(|e| literal(&e)).collect();
        let text = elements.join(", ");
        if let Some(name) = self.sets.get(&text) {
            return name.clone();
        }
        let name = self.legal.name(&array.name.to_uppercase());
        self.list(&format!("set {name} = {{"), &elements, "}");
        self.sets.insert(text, name.clone());
        name
    }

    /// One number for all elements, or a parameter with those that differ from the most frequent one.
    fn data(&mut self, array: &Array, what: &str, index: &Binder, values: &[f64]) -> String {
        self.named_data(&format!("{}_{what}", array.name), array, index, values)
    }

    fn named_data(&mut self, wanted: &str, array: &Array, index: &Binder, values: &[f64]) -> String {
        let first = values[0];
        if values.iter().all(|v| *v == first) {
            return decimal(first);
        }
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        values.iter().for_each(|v| *counts.entry(v.to_bits()).or_default() += 1);
        let most = counts
            .iter()
            .max_by_key(|(bits, count)| (**count, **bits))
            // A default pays where it saves something.
            .filter(|(_, count)| **count > 1)
            .map(|(bits, _)| f64::from_bits(*bits));
        let name = self.legal.name(wanted);
        let entry = |(p, v): (usize, &f64)| {
            let key = match &array.key(p)[..] {
                [one] => literal(one),
                several => literal(&Element::Tuple(several.into())),
            };
            (Some(*v) != most).then(|| format!("{key}: {}", decimal(*v)))
        };
        let entries: Vec<String> = values.iter().enumerate().filter_map(entry).collect();
        let tail = most.map_or("}".to_string(), |most| format!("}} default {}", decimal(most)));
        self.list(&format!("param {name}[{}] = {{", index.set), &entries, &tail);
        format!("{name}[{}]", index.names.join(", "))
    }

    /// A declaration with a long list in brackets.
    fn list(&mut self, head: &str, items: &[String], tail: &str) {
        let mut line = head.to_string();
        for (k, item) in items.iter().enumerate() {
            let piece = if k + 1 < items.len() { format!("{item}, ") } else { item.clone() };
            if line.len() + piece.len() > WIDTH {
                let _ = writeln!(self.given, "{}", line.trim_end());
                line = "  ".to_string();
            }
            line += &piece;
        }
        let _ = writeln!(self.given, "{line}{tail}");
    }

    /// The summands of a body; `constant`: with its constant.
    fn summands(&self, body: &Body, constant: bool) -> Vec<String> {
        let mut summands = Expressions { sums: &self.sums, leaves: &self.leaves }.summands(body);
        if constant && body.constant != 0.0 {
            summands.push(decimal(body.constant));
        }
        if summands.is_empty() {
            summands.push("0".to_string());
        }
        summands
    }

    /// A statement whose sum goes on over lines that stand further right.
    fn broken(&self, indent: &str, head: &str, summands: Vec<String>, tail: &str) -> String {
        let mut out = format!("{indent}{head}");
        let mut width = out.len();
        for (k, summand) in summands.iter().enumerate() {
            let piece = match summand.strip_prefix('-') {
                _ if k == 0 => format!(" {summand}"),
                Some(positive) => format!(" - {positive}"),
                None => format!(" + {summand}"),
            };
            if k > 0 && width + piece.len() > WIDTH {
                out += &format!("\n{indent}   ");
                width = indent.len() + 3;
            }
            width += piece.len();
            out += &piece;
        }
        out + tail
    }
}

/// The ends of a set of whole numbers that follow each other.
fn count(set: &Set) -> Option<(i64, i64)> {
    let Element::Number(first) = set.get(0) else { return None };
    let is_count = first.fract() == 0.0 && first.abs() < 1e9;
    let follows = |(k, element)| matches!(element, Element::Number(v) if v == first + k as f64);
    let last = first as i64 + set.len() as i64 - 1;
    (is_count && set.iter().enumerate().all(follows)).then_some((first as i64, last))
}

/// `[i in SET]`
#[derive(Default)]
struct Binder {
    names: Vec<String>,
    set: String,
}

impl Binder {
    fn domain(&self) -> String {
        match &self.names[..] {
            [one] => format!("{one} in {}", self.set),
            several => format!("({}) in {}", several.join(", "), self.set),
        }
    }

    fn declared(&self) -> String {
        if self.names.is_empty() { String::new() } else { format!("[{}]", self.domain()) }
    }
}

/// Many scalars of one kind become one array, indexed by their names. An empty kind stays as it is.
fn merged(families: Vec<Named>, names: &[&str], kind: impl Fn(u32) -> (&'static str, (u8, bool))) -> Vec<Named> {
    if families.iter().filter(|f| f.axes.is_scalar()).count() <= MANY {
        return families;
    }
    let mut arrays: BTreeMap<(&str, (u8, bool)), Vec<u32>> = BTreeMap::new();
    let mut out = vec![];
    for family in families {
        match family.axes.is_scalar().then(|| kind(family.members[0])) {
            Some(kind) if !kind.0.is_empty() && !names[family.members[0] as usize].is_empty() => {
                arrays.entry(kind).or_default().push(family.members[0]);
            }
            Some(_) | None => out.push(family),
        }
    }
    for ((name, _), members) in arrays {
        let mut seen = std::collections::HashSet::new();
        // A name that stands twice in the file.
        let element = |&k: &u32| {
            let name = names[k as usize];
            let unique = if seen.insert(name) { name.to_string() } else { format!("{name}@{}", k + 1) };
            Element::Text(unique.into())
        };
        let set = Set::list(members.iter().map(element).collect());
        out.push(Named { name: name.to_string(), axes: Axes::product(vec![set]), members });
    }
    out
}

/// The text around a row: what stands before it, and after it.
fn sides(lower: &str, upper: &str, equal: bool) -> (String, String) {
    match (lower, upper) {
        _ if equal => (String::new(), format!(" == {lower}")),
        (lower, "inf") => (String::new(), format!(" >= {lower}")),
        ("-inf", upper) => (String::new(), format!(" <= {upper}")),
        _ => (format!(" {lower} <="), format!(" <= {upper}")),
    }
}

/// `x[2, "seattle"]`
fn element(array: &Array, position: usize) -> String {
    if array.is_scalar() {
        return array.name.clone();
    }
    let parts: Vec<String> = array.key(position).iter().map(literal).collect();
    format!("{}[{}]", array.name, parts.join(", "))
}

fn literal(element: &Element) -> String {
    match element {
        Element::Number(value) => decimal(*value),
        // A text of the language holds no quotes and no line ends.
        Element::Text(text) => format!("\"{}\"", text.replace(['"', '\\', '\n', '\r'], "_")),
        Element::Tuple(parts) => format!("({})", parts.iter().map(literal).collect::<Vec<_>>().join(", ")),
    }
}

fn atom(number: &str) -> String {
    if number.starts_with('-') { format!("({number})") } else { number.to_string() }
}
