//! Index sets, generators and braces: where `i in I` binds a name.

use super::ast::{Expr, ExprKind, Formal, Generator, GeneratorKind, Ident, IndexItem, IndexSpec, RelOp};
use super::build::{Builder, Built, next, next_if, only};
use super::error::SyntaxError;
use super::parser::Rule;
use pest::iterators::{Pair, Pairs};

impl Builder {
    /// `[i in I, J where cond]`, if it stands next.
    pub fn index(&self, pairs: &mut Pairs<'_, Rule>) -> Built<Option<IndexSpec>> {
        next_if(pairs, Rule::index).map(|pair| self.index_spec(pair)).transpose()
    }

    fn index_spec(&self, pair: Pair<'_, Rule>) -> Built<IndexSpec> {
        let span = self.span(&pair);
        let mut items = Vec::new();
        let mut condition = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::condition => condition = Some(Box::new(self.condition(part)?)),
                _ => {
                    let item = self.relation(part)?;
                    items.push(match binds(&item) {
                        true => IndexItem::Binder(self.generator(item)?),
                        false => IndexItem::Domain(item),
                    });
                }
            }
        }
        Ok(IndexSpec { items, condition, span })
    }

    /// `where cond`
    pub fn condition(&self, pair: Pair<'_, Rule>) -> Built<Expr> {
        let condition = pair.into_inner().find(|part| part.as_rule() == Rule::logic);
        self.logic(condition.expect("bug in syntax: `where` holds a condition"))
    }

    /// Reads `i in I`, `(i, j) in S` or `z ~ D` as a generator.
    pub fn generator(&self, item: Expr) -> Built<Generator> {
        let span = item.span;
        let refuse = Err(SyntaxError::NotAGenerator { at: span });
        if !binds(&item) {
            return refuse;
        }
        let ExprKind::Relation(pattern, mut sides) = item.kind else { return refuse };
        let Some((op, domain)) = sides.pop() else { return refuse };
        let kind = if op == RelOp::Distributed { GeneratorKind::Sample } else { GeneratorKind::In };
        let names = match pattern.kind {
            ExprKind::Name(name) => vec![Ident { name, span: pattern.span }],
            ExprKind::Tuple(parts) => {
                parts.into_iter().map(|part| self.pattern_name(part)).collect::<Built<Vec<_>>>()?
            }
            _ => return Err(SyntaxError::NotAPattern { at: pattern.span }),
        };
        Ok(Generator { names, kind, domain, span })
    }

    fn pattern_name(&self, part: Expr) -> Built<Ident> {
        match part.kind {
            ExprKind::Name(name) => Ok(Ident { name, span: part.span }),
            _ => Err(SyntaxError::NotAPattern { at: part.span }),
        }
    }

    /// `{1, 2}`, `{"a": 350}`, `{i in I where cond}`, `{i in I where cond: value}`
    pub fn brace(&self, pair: Pair<'_, Rule>) -> Built<ExprKind> {
        let mut elements = Vec::new();
        let mut condition = None;
        let mut value = None;
        let span = self.span(&pair);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::condition => condition = Some(Box::new(self.condition(part)?)),
                Rule::body => value = Some(Box::new(self.logic(only(part))?)),
                _ => elements.push(self.element(part)?),
            }
        }
        let generates = elements.first().is_some_and(|(first, _)| binds(first));
        if !generates {
            if condition.is_some() || value.is_some() {
                return Err(SyntaxError::NotAGenerator { at: elements.first().map_or(span, |(first, _)| first.span) });
            }
            return literal(elements);
        }
        // `{i in I: value}`: the grammar gives the value to the last element.
        let mut generators = Vec::new();
        let count = elements.len();
        for (i, (element, of_element)) in elements.into_iter().enumerate() {
            match of_element {
                Some(body) if i + 1 == count && value.is_none() && condition.is_none() => value = Some(Box::new(body)),
                Some(body) => return Err(SyntaxError::NotAGenerator { at: body.span }),
                None => {}
            }
            generators.push(self.generator(element)?);
        }
        Ok(ExprKind::SetBuilder { generators, condition, value })
    }

    fn element(&self, pair: Pair<'_, Rule>) -> Built<(Expr, Option<Expr>)> {
        let mut pairs = pair.into_inner();
        let key = self.logic(next(&mut pairs))?;
        let value = pairs.next().map(|body| self.logic(only(body))).transpose()?;
        Ok((key, value))
    }

    /// `(x[1..3], t)`
    pub fn formals(&self, pair: Pair<'_, Rule>) -> Built<Vec<Formal>> {
        let formals = pair.into_inner().map(|formal| {
            let mut parts = formal.into_inner();
            let name = self.ident(next(&mut parts));
            Ok(Formal { name, index: self.index(&mut parts)? })
        });
        formals.collect()
    }
}

/// Whether an expression has the shape of a generator: one `in` or `~`, not in parentheses, which would make it a
/// value: `{(1 in A)}` holds a boolean.
fn binds(item: &Expr) -> bool {
    let ExprKind::Relation(pattern, sides) = &item.kind else { return false };
    let parenthesised = item.span.start < pattern.span.start;
    !parenthesised && matches!(sides[..], [(RelOp::In | RelOp::Distributed, _)])
}

/// A set or a map, by its elements.
fn literal(elements: Vec<(Expr, Option<Expr>)>) -> Built<ExprKind> {
    let maps = elements.iter().filter(|(_, value)| value.is_some()).count();
    if maps == 0 {
        return Ok(ExprKind::SetLiteral(elements.into_iter().map(|(key, _)| key).collect()));
    }
    let mut entries = Vec::with_capacity(elements.len());
    for (key, value) in elements {
        match value {
            Some(value) => entries.push((key, value)),
            None => return Err(SyntaxError::KeyWithoutValue { at: key.span }),
        }
    }
    Ok(ExprKind::MapLiteral(entries))
}
