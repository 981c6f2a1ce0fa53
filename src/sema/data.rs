//! `data`, `use`, and everything that comes from files or from outside.

use super::error;
use super::scope::{Elaborator, Env, R};
use super::value::{Array, TableInfo, Val};
use super::{Given, sets::distinct};
use crate::data::{ColumnValues, Table, Value, ValueKind};
use crate::diag::{Severity, SourceId, Span};
use crate::expr::family::Source;
use crate::problem::Param;
use crate::problem::index::{Axes, Element, Set};
use crate::problem::quick::QuickMap;
use crate::syntax::ast::{Expr, ExprKind, Ident, Module};
use std::rc::Rc;
use std::sync::Arc;

/// Modules of the standard library, in Merit itself.
const STANDARD: &[(&str, &str)] = &[
    ("std.losses", include_str!("../../stdlib/losses.opt")),
    ("std.norms", include_str!("../../stdlib/norms.opt")),
    ("std.projections", include_str!("../../stdlib/projections.opt")),
    ("std.stats", include_str!("../../stdlib/stats.opt")),
];

impl TableInfo {
    pub(super) fn numeric_columns(&self) -> Vec<usize> {
        (0..self.buffers.len()).filter(|&k| self.buffers[k].is_some()).collect()
    }
}

impl Elaborator<'_> {
    pub(super) fn define_data(&mut self, scope: u32, name: &Ident, value: Option<&Expr>, key: &[Ident]) -> R<Val> {
        let env = self.env(scope);
        let replaced = self.inputs.data.iter().find(|(n, _)| *n == name.name).map(|(_, path)| path.clone());
        if replaced.is_some() {
            self.used_inputs.insert(name.name.clone());
        }
        let val = match (replaced, self.take_given(&name.name), value) {
            (Some(path), _, _) => {
                let format = path.rsplit('.').next().unwrap_or("").to_string();
                self.read_path(&format, &path, name.span)?
            }
            (None, Some(given), _) => self.given_value(given, &name.name, name.span)?,
            (None, None, Some(value)) => self.value(value, &env)?,
            (None, None, None) => return self.fail(error::missing_param(&name.name, name.span)),
        };
        match val {
            Val::Data(data) => Ok(match &data.kind {
                ValueKind::Table(table) => Val::Table(self.table_info(&name.name, table.clone(), key, name.span)?),
                _ if !key.is_empty() => return self.fail(error::key_without_table(key[0].span, name.span)),
                _ => self.data_value(&data, &name.name, name.span),
            }),
            Val::Table(info) if key.is_empty() => Ok(Val::Table(info)),
            Val::Table(info) => {
                let table = info.table.clone();
                Ok(Val::Table(self.table_info(&name.name, table, key, name.span)?))
            }
            other if key.is_empty() => Ok(other),
            _ => self.fail(error::key_without_table(key[0].span, name.span)),
        }
    }

    /// A value of a file as a value of the language.
    pub(super) fn data_value(&mut self, value: &Value, name: &str, span: Span) -> Val {
        match &value.kind {
            ValueKind::Number(v) => Val::Num(self.constant(*v)),
            ValueKind::Bool(b) => Val::Truth(self.constant(*b as u8 as f64)),
            ValueKind::Text(t) => Val::Text(super::value::Texts::one(t)),
            ValueKind::Table(table) => match self.table_info(name, table.clone(), &[], span) {
                Ok(info) => Val::Table(info),
                Err(_) => Val::Data(Rc::new(value.clone())),
            },
            ValueKind::Null | ValueKind::Numbers { .. } | ValueKind::List(_) | ValueKind::Object(_) => {
                Val::Data(Rc::new(value.clone()))
            }
        }
    }

    /// A table with its key and the buffers of its columns.
    pub(super) fn table_info(&mut self, name: &str, table: Arc<Table>, key: &[Ident], span: Span) -> R<Rc<TableInfo>> {
        let mut parts = vec![];
        for k in key {
            match table.column_index(&k.name) {
                Some(column) => parts.push(column),
                None => {
                    let names: Vec<String> = table.columns.iter().map(|c| c.name.to_string()).collect();
                    return self.fail(error::no_field(&k.name, k.span, &names, span));
                }
            }
        }
        let rows = if parts.is_empty() {
            Set::range(1.0, 1.0, table.rows)
        } else {
            let elements: Vec<Element> = (0..table.rows)
                .map(|row| {
                    let values: Vec<Element> = parts.iter().map(|&c| cell(&table.columns[c].values, row)).collect();
                    Element::flat(&values)
                })
                .collect();
            let mut first: QuickMap<&Element, usize> = QuickMap::default();
            for (row, e) in elements.iter().enumerate() {
                if let Some(&before) = first.get(e) {
                    let text = self.text_of(&table);
                    let (a, b) = (table.cell_span(&text, row, parts[0]), table.cell_span(&text, before, parts[0]));
                    return self.fail(error::duplicate_key(&e.to_string(), a, b, key[0].span));
                }
                first.insert(e, row);
            }
            Set::list(elements).named(name)
        };
        let mut buffers = vec![];
        for column in &table.columns {
            let values = match &column.values {
                ColumnValues::Number(v) => Some(v.clone()),
                ColumnValues::Bool(v) => Some(Arc::new(v.iter().map(|b| *b as u8 as f64).collect())),
                ColumnValues::Text(_) => None,
            };
            buffers.push(values.map(|values| {
                let axes = Axes::product(vec![rows.clone()]);
                let name = format!("{name}.{}", column.name);
                self.problem.params.push(Param { name, axes, values, structural: false, span });
                Source::Param(crate::expr::family::ParamId(self.problem.params.len() as u32 - 1))
            }));
        }
        Ok(Rc::new(TableInfo { name: name.to_string(), table, rows, buffers, span }))
    }

    fn text_of(&self, table: &Table) -> Arc<str> {
        self.sources.files.get(table.source.0 as usize).map_or_else(|| "".into(), |s| s.text.clone())
    }

    /// `csv("a.csv")`, `json(...)`, `svmlight(...)`.
    pub(super) fn read_file(&mut self, format: &str, path: Option<&Expr>, span: Span) -> R<Val> {
        let Some(Expr { kind: ExprKind::Text(path), span: at }) = path else {
            return self.fail(error::expected("a path in quotes", "something else", span));
        };
        let folder = self.folder.last().cloned().unwrap_or_default();
        let full = join(&folder, path);
        self.read_path(format, &full, *at)
    }

    fn read_path(&mut self, format: &str, path: &str, at: Span) -> R<Val> {
        let bytes = match self.host.read(path) {
            Ok(bytes) => bytes,
            Err(why) => return self.fail(error::unreadable(path, &why, at)),
        };
        let text = match crate::data::decode(bytes) {
            Ok(text) => text,
            Err(wrong) => {
                let source = self.sources.add(path, "");
                return self.fail(wrong.diagnostic(source));
            }
        };
        let text: Arc<str> = text.into();
        let source = self.sources.add(path, text.clone());
        let read = match format {
            "csv" => crate::data::csv(source, &text).map(|t| ValueKind::Table(Arc::new(t))),
            "svmlight" => crate::data::svmlight(source, &text).map(|t| ValueKind::Table(Arc::new(t))),
            "json" => crate::data::json(source, &text).map(|v| v.kind),
            other => return self.fail(error::unknown_format(other, at)),
        };
        match read {
            Ok(kind) => Ok(Val::Data(Rc::new(Value { kind, span: Span::new(source, 0, text.len().min(1)) }))),
            Err(list) => {
                list.into_iter().for_each(|d| self.report(d));
                Err(super::scope::Halt::Reported)
            }
        }
    }

    pub(super) fn data_array(&mut self, value: &Value, span: Span) -> R<Array> {
        match &value.kind {
            ValueKind::Numbers { shape, values } => {
                let sets: Vec<Set> = shape.iter().map(|&n| Set::range(1.0, 1.0, n)).collect();
                Ok(self.constant_array(values.to_vec(), sets, span))
            }
            ValueKind::List(list) if list.is_empty() => {
                Ok(self.constant_array(vec![], vec![Set::range(1.0, 1.0, 0)], span))
            }
            _ => self.fail(error::expected("an array of numbers", "a data object", span)),
        }
    }

    pub(super) fn set_of_data(&mut self, value: &Value, span: Span) -> R<Set> {
        let one = |v: &Value| match &v.kind {
            ValueKind::Number(x) => Some(Element::Number(*x)),
            ValueKind::Text(t) => Some(Element::Text(t.clone())),
            ValueKind::Numbers { shape, values } if shape.len() == 1 => {
                Some(Element::Tuple(values.iter().map(|v| Element::Number(*v)).collect()))
            }
            ValueKind::List(parts) => parts
                .iter()
                .map(|p| match &p.kind {
                    ValueKind::Number(x) => Some(Element::Number(*x)),
                    ValueKind::Text(t) => Some(Element::Text(t.clone())),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()
                .map(|parts| Element::Tuple(parts.into())),
            _ => None,
        };
        let elements: Option<Vec<Element>> = match &value.kind {
            ValueKind::Numbers { shape, values } if shape.len() == 1 => {
                Some(values.iter().map(|v| Element::Number(*v)).collect())
            }
            ValueKind::Numbers { shape, values } if shape.len() == 2 => Some(
                values
                    .chunks(shape[1].max(1))
                    .map(|row| Element::Tuple(row.iter().map(|v| Element::Number(*v)).collect()))
                    .collect(),
            ),
            ValueKind::List(list) => list.iter().map(one).collect(),
            _ => None,
        };
        match elements {
            Some(elements) => Ok(Set::list(distinct(elements))),
            None => self.fail(error::expected("a list of elements", "a data object", span)),
        }
    }

    /// Column names that `columns(table, ...)` asks for.
    pub(super) fn chosen_columns(
        &mut self,
        table: &Rc<TableInfo>,
        pattern: Option<&Expr>,
        except: &[&Expr],
    ) -> R<Vec<usize>> {
        let names: Vec<String> = table.table.columns.iter().map(|c| c.name.to_string()).collect();
        let mut chosen: Vec<usize> = match pattern {
            None => table.numeric_columns(),
            Some(Expr { kind: ExprKind::Text(pattern), span }) => {
                let found: Vec<usize> = (0..names.len()).filter(|&k| matches(pattern, &names[k])).collect();
                if found.is_empty() {
                    return self.fail(error::no_field(pattern, *span, &names, table.span));
                }
                found
            }
            Some(e) => return self.fail(error::expected("a name pattern in quotes", "something else", e.span)),
        };
        for e in except {
            let ExprKind::Text(name) = &e.kind else {
                return self.fail(error::expected("a column name in quotes", "something else", e.span));
            };
            if !names.contains(name) {
                return self.fail(error::no_field(name, e.span, &names, table.span));
            }
            chosen.retain(|&k| names[k] != *name);
        }
        if let Some(&text) = chosen.iter().find(|&&k| table.buffers[k].is_none()) {
            let at = pattern.map_or(table.span, |e| e.span);
            return self.texts_for_numbers(table, text, at);
        }
        Ok(chosen)
    }

    /// Fails because numbers are wanted where a column holds texts; `at` is the place that wants them.
    pub(super) fn texts_for_numbers<T>(&mut self, table: &Rc<TableInfo>, column: usize, at: Span) -> R<T> {
        let (name, text) = (&table.table.columns[column].name, self.text_of(&table.table));
        let Some((row, some)) = table.table.first_text(column) else {
            return self.fail(error::text_column(name, at, table.span));
        };
        let cell = table.table.cell_span(&text, row, column);
        if !some || table.table.format == crate::data::Format::Memory {
            return self.fail(error::text_column(name, at, table.span).label(cell, "the first of them"));
        }
        let shown = text[cell.start as usize..cell.end as usize].chars().take(40).collect::<String>();
        self.fail(error::text_among_numbers(name, &shown, cell, at))
    }

    /// Columns of a table as a matrix over rows and column names.
    pub(super) fn table_matrix(&mut self, table: &Rc<TableInfo>, chosen: &[usize], span: Span, _env: &Env) -> R<Array> {
        let columns: Vec<Arc<Vec<f64>>> =
            chosen.iter().filter_map(|&k| table.buffers[k]).map(|source| self.source_decided(source)).collect();
        let rows = table.table.rows;
        let mut values = Vec::with_capacity(rows * columns.len());
        for row in 0..rows {
            values.extend(columns.iter().map(|c| c[row]));
        }
        let names = chosen.iter().map(|&k| Element::Text(table.table.columns[k].name.clone())).collect();
        let axes = Axes::product(vec![table.rows.clone(), Set::list(names)]);
        let id = self.add_param(&format!("columns({})", table.name), axes.clone(), values, span);
        Ok(self.param_array(id, &axes, span))
    }

    /// The single value column of a keyed table, as keys and values with their places.
    pub(super) fn keyed_column(
        &mut self,
        table: &Rc<TableInfo>,
        axes: &Axes,
        name: &Ident,
    ) -> R<Vec<(Element, f64, Span)>> {
        let text = self.text_of(&table.table);
        let width: usize = axes.sets.iter().map(Set::width).sum();
        let t = &table.table;
        let by_name = t.column_index(&name.name);
        let Some(value) = by_name.or((t.columns.len() == width + 1).then_some(width)) else {
            let names: Vec<String> = t.columns.iter().map(|c| c.name.to_string()).collect();
            return self.fail(error::no_field(&name.name, name.span, &names, table.span));
        };
        let keys: Vec<usize> = (0..t.columns.len()).filter(|&k| k != value).take(width).collect();
        let ColumnValues::Number(numbers) = &t.columns[value].values else {
            return self.texts_for_numbers(table, value, name.span);
        };
        Ok((0..t.rows)
            .map(|row| {
                let parts: Vec<Element> = keys.iter().map(|&k| cell(&t.columns[k].values, row)).collect();
                (Element::flat(&parts), numbers[row], t.cell_span(&text, row, keys.first().copied().unwrap_or(value)))
            })
            .collect())
    }

    /// Values of `--param` and `--data-file`, by name.
    pub(super) fn read_given(&mut self) {
        if let Some(path) = self.inputs.data_file.clone() {
            let at = self.outside("--data-file", &path);
            if let Ok(Val::Data(value)) = self.read_path("json", &path, at) {
                match &value.kind {
                    ValueKind::Object(fields) => {
                        for (name, v) in fields {
                            self.given.insert(name.to_string(), Given::Value(v.clone()));
                        }
                    }
                    _ => self.report(error::expected("an object with names and values", "another value", value.span)),
                }
            }
        }
        for (name, given) in &self.inputs.params {
            self.given.insert(name.clone(), given.clone());
        }
    }

    /// A place for values that stand in no file.
    fn outside(&mut self, option: &str, text: &str) -> Span {
        let source = self.sources.add_command(format!("<{option}>"), text.to_string());
        Span::new(source, 0, text.len())
    }

    pub(super) fn take_given(&mut self, name: &str) -> Option<Given> {
        let given = self.given.get(name).cloned()?;
        self.used_inputs.insert(name.to_string());
        Some(given)
    }

    pub(super) fn given_set(&mut self, name: &Ident) -> R<Option<Set>> {
        let Some(given) = self.take_given(&name.name) else { return Ok(None) };
        let value = self.given_value(given, &name.name, name.span)?;
        match value {
            Val::Set(set) => Ok(Some(set)),
            Val::Data(data) => Ok(Some(self.set_of_data(&data, name.span)?)),
            Val::Array(a) => Ok(Some(self.set_of_values(&a, name.span)?)),
            other => self.fail(error::expected("a set", &other.describe(), name.span)),
        }
    }

    /// Text from a command line: `@file`, JSON, or an expression.
    pub(super) fn given_text(&mut self, text: &str, name: &str, at: Span) -> R<Val> {
        if let Some(path) = text.strip_prefix('@') {
            let format = path.rsplit('.').next().unwrap_or("").to_string();
            return match self.read_path(&format, path, at)? {
                Val::Data(data) => Ok(self.data_value(&data, name, at)),
                other => Ok(other),
            };
        }
        let span = self.outside(&format!("--param {name}"), text);
        match crate::syntax::parse_expression(span.source, text) {
            Ok(e) => {
                let env = self.root_env();
                // A nested JSON array is a matrix; in the language rows are separated by `;`.
                if let ExprKind::Array(rows) = &e.kind
                    && rows.iter().flatten().any(|x| matches!(x.kind, ExprKind::Array(_)))
                {
                    return self.given_json(span.source, text, name, at);
                }
                self.value(&e, &env)
            }
            Err(wrong) => match crate::data::json(span.source, text) {
                Ok(value) => Ok(self.data_value(&value, name, at)),
                Err(_) => {
                    wrong.into_iter().for_each(|d| self.report(d));
                    Err(super::scope::Halt::Reported)
                }
            },
        }
    }

    fn given_json(&mut self, source: SourceId, text: &str, name: &str, at: Span) -> R<Val> {
        match crate::data::json(source, text) {
            Ok(value) => Ok(self.data_value(&value, name, at)),
            Err(list) => {
                list.into_iter().for_each(|d| self.report(d));
                Err(super::scope::Halt::Reported)
            }
        }
    }

    /// Every name given from outside must be a name of the model.
    pub(super) fn check_given_names(&mut self) {
        let from_options = self.inputs.params.iter().map(|(n, _)| n).chain(self.inputs.data.iter().map(|(n, _)| n));
        let mut names: Vec<(String, Option<Span>)> = from_options.map(|name| (name.clone(), None)).collect();
        let of_file = |(name, given): (&String, &Given)| match given {
            Given::Value(value) if !names.iter().any(|(known, _)| known == name) => {
                Some((name.clone(), Some(value.span)))
            }
            Given::Value(_) | Given::Number(_) | Given::Text(_) | Given::Array { .. } | Given::Table(_) => None,
        };
        let mut in_file: Vec<(String, Option<Span>)> = self.given.iter().filter_map(of_file).collect();
        in_file.sort_by_key(|(_, at)| at.map(|at| at.start));
        names.extend(in_file);
        for (name, at) in names {
            let declaration = self.find(0, &name);
            let done = |d: u32| matches!(self.declarations[d as usize].state, super::scope::State::Done(_));
            if self.used_inputs.contains(&name) || declaration.is_some_and(|d| !done(d)) {
                continue;
            }
            let span = at.unwrap_or_else(|| self.outside("--param", &name));
            let known: Vec<String> = self.scopes[0].names.keys().cloned().collect();
            let near = crate::diag::near::nearest(&name, known.iter().map(String::as_str));
            let near: Vec<String> = near.into_iter().map(str::to_string).collect();
            self.report(error::unknown_input(&name, span, &near));
        }
    }

    /// The scope of a module, read once.
    pub(super) fn load_module(&mut self, module: &Module, span: Span) -> Option<u32> {
        let (key, text, folder) = match module {
            Module::Dotted(parts) => {
                let name = parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(".");
                let Some((_, text)) = STANDARD.iter().find(|(n, _)| *n == name) else {
                    let near = crate::diag::near::nearest(&name, STANDARD.iter().map(|(n, _)| *n));
                    let near: Vec<String> = near.into_iter().map(str::to_string).collect();
                    self.report(error::unknown_module(&name, span, &near));
                    return None;
                };
                (name, text.to_string(), String::new())
            }
            Module::Path(path, at) => {
                let full = join(&self.folder.last().cloned().unwrap_or_default(), path);
                let bytes = match self.host.read(&full) {
                    Ok(bytes) => bytes,
                    Err(why) => {
                        self.report(error::unreadable(&full, &why, *at));
                        return None;
                    }
                };
                let text = match crate::data::decode(bytes) {
                    Ok(text) => text,
                    Err(wrong) => {
                        let source = self.sources.add(full.as_str(), "");
                        self.report(wrong.diagnostic(source));
                        return None;
                    }
                };
                let folder = folder_of(&full);
                (full, text, folder)
            }
        };
        if let Some(&scope) = self.modules.get(&key) {
            return Some(scope);
        }
        let source = self.sources.add(key.as_str(), text.as_str());
        let (file, wrong) = crate::syntax::parse(source, &text);
        let failed = wrong.iter().any(|d| d.severity == Severity::Error);
        wrong.into_iter().for_each(|d| self.report(d));
        if failed {
            return None;
        }
        let root = self.root.clone();
        let scope = self.open_scope(None, None, root);
        self.modules.insert(key, scope);
        self.folder.push(folder);
        self.declare_all(scope, &file.statements);
        self.resolve_scope(scope);
        self.folder.pop();
        Some(scope)
    }
}

fn cell(values: &ColumnValues, row: usize) -> Element {
    match values {
        ColumnValues::Number(v) => Element::Number(v[row]),
        ColumnValues::Text(v) => Element::Text(v[row].clone()),
        ColumnValues::Bool(v) => Element::Number(v[row] as u8 as f64),
    }
}

/// `x*` matches names that begin with x.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => name.len() >= head.len() + tail.len() && name.starts_with(head) && name.ends_with(tail),
        None => pattern == name,
    }
}

/// The folder of a file with its slash; empty for the current one.
pub fn folder_of(path: &str) -> String {
    path.rfind(['/', '\\']).map_or(String::new(), |k| path[..=k].to_string())
}

fn join(folder: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_string() } else { format!("{folder}{path}") }
}
