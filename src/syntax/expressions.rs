//! Expressions: pest's pairs to trees, by precedence climbing over the flat list of operands and operators.

use super::ast::{Argument, BinaryOp, Expr, ExprKind, Ident, RelOp, Subscript};
use super::build::{Builder, Built, next, next_if, only, spelled};
use super::error::SyntaxError;
use super::operators::{Power, infix_of_rule, relation};
use super::parser::Rule;
use crate::diag::Span;
use pest::iterators::{Pair, Pairs};

impl Builder {
    /// `a and not b or c`: the whole of an expression.
    pub fn logic(&self, pair: Pair<'_, Rule>) -> Built<Expr> {
        let mut pairs = pair.into_inner();
        let first = self.negation(&mut pairs)?;
        if pairs.peek().is_none() {
            return Ok(first);
        }
        let mut alternatives = Vec::new();
        let mut conjuncts = vec![first];
        while let Some(word) = pairs.next() {
            let operand = self.negation(&mut pairs)?;
            if word.as_rule() == Rule::or {
                alternatives.push(joined(std::mem::take(&mut conjuncts), ExprKind::And));
            }
            conjuncts.push(operand);
        }
        alternatives.push(joined(conjuncts, ExprKind::And));
        Ok(joined(alternatives, ExprKind::Or))
    }

    /// `not not a <= b`
    fn negation(&self, pairs: &mut Pairs<'_, Rule>) -> Built<Expr> {
        let mut nots = Vec::new();
        let mut operand = next(pairs);
        while operand.as_rule() == Rule::not {
            nots.push(self.span(&operand));
            operand = next(pairs);
        }
        let relation = self.relation(operand)?;
        Ok(nots.into_iter().rev().fold(relation, |inner, not| {
            let span = not.to(inner.span);
            Expr { kind: ExprKind::Not(Box::new(inner)), span }
        }))
    }

    /// `a <= b <= c`
    pub fn relation(&self, pair: Pair<'_, Rule>) -> Built<Expr> {
        let mut pairs = pair.into_inner();
        let first = self.arithmetic(next(&mut pairs))?;
        let mut rest = Vec::new();
        while let Some(op) = pairs.next() {
            let op = rel_op(op.as_str());
            rest.push((op, self.arithmetic(next(&mut pairs))?));
        }
        let Some((_, last)) = rest.last() else { return Ok(first) };
        let span = first.span.to(last.span);
        Ok(Expr { kind: ExprKind::Relation(Box::new(first), rest), span })
    }

    /// What stands on a side of a relation.
    pub fn arithmetic(&self, pair: Pair<'_, Rule>) -> Built<Expr> {
        let mut pairs = pair.into_inner();
        self.climb(&mut pairs, Power::Union)
    }

    /// Reads operators that bind at least as tightly as `least`.
    fn climb(&self, pairs: &mut Pairs<'_, Rule>, least: Power) -> Built<Expr> {
        let mut left = self.signed(pairs)?;
        while let Some(op) = pairs.peek() {
            left = match op.as_rule() {
                Rule::range if Power::Range >= least => self.range(left, pairs)?,
                Rule::range => break,
                // `a..b by s` is read with its range; elsewhere a step has nothing to step.
                Rule::by if Power::Range >= least => {
                    return Err(SyntaxError::StepWithoutRange { at: self.span(&op) });
                }
                Rule::by => break,
                rule => {
                    let row = infix_of_rule(rule).expect("bug in syntax: an operator without a row");
                    if row.power < least {
                        break;
                    }
                    match row.power {
                        Power::Sum => self.sum(left, pairs)?,
                        Power::Raise => self.binary(left, row.op, pairs, Power::Raise)?,
                        power => self.binary(left, row.op, pairs, power.tighter())?,
                    }
                }
            };
        }
        Ok(left)
    }

    /// An operand with its signs. A sign binds looser than a power: `-x^2` is `-(x^2)`.
    fn signed(&self, pairs: &mut Pairs<'_, Rule>) -> Built<Expr> {
        let first = next(pairs);
        match first.as_rule() {
            Rule::negative => {
                let operand = self.climb(pairs, Power::Sign)?;
                let span = self.span(&first).to(operand.span);
                Ok(Expr { kind: ExprKind::Negate(Box::new(operand)), span })
            }
            Rule::positive => self.climb(pairs, Power::Sign),
            _ => self.operand(first),
        }
    }

    fn binary(&self, left: Expr, op: BinaryOp, pairs: &mut Pairs<'_, Rule>, least: Power) -> Built<Expr> {
        next(pairs);
        let right = self.climb(pairs, least)?;
        let span = left.span.to(right.span);
        Ok(Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span })
    }

    /// All of `a + b - c` at once, so that a long sum is one flat node.
    fn sum(&self, left: Expr, pairs: &mut Pairs<'_, Rule>) -> Built<Expr> {
        let mut rest = Vec::new();
        while let Some(op) = pairs.peek().filter(|op| matches!(op.as_rule(), Rule::add | Rule::subtract)) {
            next(pairs);
            rest.push((op.as_rule() == Rule::subtract, self.climb(pairs, Power::Product)?));
        }
        let span = rest.last().map_or(left.span, |(_, last)| left.span.to(last.span));
        if rest.len() > 1 {
            return Ok(Expr { kind: ExprKind::Sum(Box::new(left), rest), span });
        }
        Ok(rest.into_iter().fold(left, |left, (subtract, right)| {
            let op = if subtract { BinaryOp::Sub } else { BinaryOp::Add };
            Expr { kind: ExprKind::Binary(op, Box::new(left), Box::new(right)), span }
        }))
    }

    fn range(&self, from: Expr, pairs: &mut Pairs<'_, Rule>) -> Built<Expr> {
        next(pairs);
        let to = self.climb(pairs, Power::Sum)?;
        let step = match next_if(pairs, Rule::by) {
            Some(_) => Some(Box::new(self.climb(pairs, Power::Sum)?)),
            None => None,
        };
        if let Some(again) = next_if(pairs, Rule::range) {
            return Err(SyntaxError::ChainedRange { at: self.span(&again) });
        }
        let span = from.span.to(step.as_ref().map_or(to.span, |step| step.span));
        Ok(Expr { kind: ExprKind::Range { from: Box::new(from), to: Box::new(to), step }, span })
    }

    /// A primary with its calls, subscripts, fields and transposes.
    fn operand(&self, pair: Pair<'_, Rule>) -> Built<Expr> {
        let mut pairs = pair.into_inner();
        let mut expr = self.primary(next(&mut pairs))?;
        for postfix in pairs {
            let span = expr.span.to(self.span(&postfix));
            let base = Box::new(expr);
            let kind = match postfix.as_rule() {
                Rule::transpose => ExprKind::Transpose(base),
                Rule::field => ExprKind::Field(base, self.ident(only(postfix))),
                Rule::call => self.call(base, postfix)?,
                _ => {
                    let items = postfix.into_inner().map(|item| self.item(item)).collect::<Built<Vec<_>>>()?;
                    ExprKind::Subscript { base, items }
                }
            };
            expr = Expr { kind, span };
        }
        Ok(expr)
    }

    fn primary(&self, pair: Pair<'_, Rule>) -> Built<Expr> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::number => ExprKind::Number(number(pair.as_str(), span)?),
            Rule::name => ExprKind::Name(spelled(pair.as_str()).to_string()),
            Rule::string => ExprKind::Text(unquoted(pair.as_str())),
            Rule::infinity => ExprKind::Infinity,
            Rule::boolean => ExprKind::Bool(pair.as_str() == "true"),
            Rule::parens => {
                let mut parts = pair.into_inner().map(|part| self.logic(part)).collect::<Built<Vec<_>>>()?;
                match parts.pop() {
                    Some(only) if parts.is_empty() => only.kind,
                    Some(last) => {
                        parts.push(last);
                        ExprKind::Tuple(parts)
                    }
                    None => ExprKind::Tuple(parts),
                }
            }
            Rule::choose => self.choose(pair)?,
            Rule::array => {
                let rows = pair.into_inner().map(|row| row.into_inner().map(|cell| self.logic(cell)).collect());
                ExprKind::Array(rows.collect::<Built<Vec<_>>>()?)
            }
            _ => self.brace(pair)?,
        };
        Ok(Expr { kind, span })
    }

    fn choose(&self, pair: Pair<'_, Rule>) -> Built<ExprKind> {
        let mut parts = pair.into_inner().filter(|part| matches!(part.as_rule(), Rule::logic | Rule::arith));
        let mut part = || parts.next().expect("bug in syntax: `if` has three parts");
        let condition = Box::new(self.logic(part())?);
        let then = Box::new(self.arithmetic(part())?);
        let otherwise = Box::new(self.arithmetic(part())?);
        Ok(ExprKind::If { condition, then, otherwise })
    }

    fn call(&self, function: Box<Expr>, pair: Pair<'_, Rule>) -> Built<ExprKind> {
        let mut arguments = Vec::new();
        let mut condition = None;
        let mut body = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::condition => condition = Some(part),
                Rule::body => body = Some(self.logic(only(part))?),
                Rule::except => arguments.push(Argument::Except(self.excepted(part))),
                _ => arguments.push(Argument::Value(self.logic(part)?)),
            }
        }
        let Some(body) = body else {
            if let Some(condition) = condition {
                return Err(SyntaxError::ConditionWithoutBody { at: self.span(&condition), function: function.span });
            }
            return Ok(ExprKind::Call { function, arguments });
        };
        let generators = arguments.into_iter().map(|argument| match argument {
            Argument::Value(value) => self.generator(value),
            Argument::Except(words) => Err(SyntaxError::NotAGenerator { at: words[0].span }),
        });
        let generators = generators.collect::<Built<Vec<_>>>()?;
        if generators.is_empty() {
            return Err(SyntaxError::NotAGenerator { at: body.span });
        }
        let condition = condition.map(|condition| self.condition(condition).map(Box::new)).transpose()?;
        Ok(ExprKind::Aggregate { function, generators, condition, body: Box::new(body) })
    }

    fn excepted(&self, pair: Pair<'_, Rule>) -> Vec<Expr> {
        let words = pair.into_inner().filter(|part| part.as_rule() == Rule::string);
        words.map(|word| Expr { kind: ExprKind::Text(unquoted(word.as_str())), span: self.span(&word) }).collect()
    }

    fn item(&self, pair: Pair<'_, Rule>) -> Built<Subscript> {
        let span = self.span(&pair);
        let mut pairs = pair.into_inner();
        let first = next(&mut pairs);
        if first.as_rule() == Rule::open {
            let to = pairs.next().map(|to| self.arithmetic(to)).transpose()?;
            return Ok(Subscript::Slice { from: None, to, span });
        }
        let at = self.logic(first)?;
        if pairs.next().is_some() {
            return Ok(Subscript::Slice { from: Some(at), to: None, span });
        }
        Ok(Subscript::At(at))
    }

    /// `a.b.c` where only a name of this form may stand.
    pub fn dotted(&self, pair: Pair<'_, Rule>) -> Expr {
        let mut parts = pair.into_inner();
        let first = self.ident(next(&mut parts));
        let expr = Expr { kind: ExprKind::Name(first.name), span: first.span };
        parts.map(|part| self.ident(part)).fold(expr, |base, field: Ident| {
            let span = base.span.to(field.span);
            Expr { kind: ExprKind::Field(Box::new(base), field), span }
        })
    }
}

/// One operand as it is, several as one node.
fn joined(mut operands: Vec<Expr>, node: fn(Vec<Expr>) -> ExprKind) -> Expr {
    if operands.len() == 1 {
        return operands.remove(0);
    }
    let span = operands[0].span.to(operands[operands.len() - 1].span);
    Expr { kind: node(operands), span }
}

fn rel_op(text: &str) -> RelOp {
    let word = text.trim();
    // `not in` may hold any number of spaces, and either spelling of `in`.
    if word.starts_with("not") {
        return RelOp::NotIn;
    }
    relation(word).expect("bug in syntax: a relation without a row")
}

fn number(text: &str, span: Span) -> Built<f64> {
    let parsed = if text.contains('_') { text.replace('_', "").parse() } else { text.parse::<f64>() };
    match parsed {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(SyntaxError::NumberTooLarge { at: span }),
    }
}

/// The text between the quotes, with `\n`, `\t` and escaped characters read.
pub fn unquoted(text: &str) -> String {
    let inner = &text[1..text.len() - 1];
    if !inner.contains('\\') {
        return inner.to_string();
    }
    let mut read = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => read.push('\n'),
                Some('t') => read.push('\t'),
                Some('r') => read.push('\r'),
                Some(other) => read.push(other),
                None => read.push('\\'),
            },
            c => read.push(c),
        }
    }
    read
}
