//! Statements: pest's pairs to trees.

use super::ast::{
    BlockKind, BoundSide, Check, Choice, Expr, GivenDual, Ident, Label, Module, OracleAnswers, OracleSource, RelOp,
    Row, Sense, Statement, StatementKind, VarAttribute,
};
use super::build::{Builder, Built, next, next_if, only};
use super::error::SyntaxError;
use super::expressions::unquoted;
use super::operators::relation;
use super::parser::Rule;
use crate::diag::Span;
use pest::iterators::{Pair, Pairs};

impl Builder {
    /// Any statement but a block: `statement` of the grammar.
    pub fn statement(&self, pair: Pair<'_, Rule>) -> Built<Statement> {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut pairs = pair.into_inner();
        let kind = match rule {
            Rule::param => self.param(&mut pairs)?,
            Rule::data => self.data(&mut pairs)?,
            Rule::var => self.var(&mut pairs)?,
            Rule::set => {
                next(&mut pairs);
                let name = self.ident(next(&mut pairs));
                StatementKind::Set { name, index: self.index(&mut pairs)?, value: self.value(&mut pairs)? }
            }
            Rule::let_ => {
                next(&mut pairs);
                let name = self.ident(next(&mut pairs));
                StatementKind::Let { name, index: self.index(&mut pairs)?, value: self.value(&mut pairs)? }
            }
            Rule::def => {
                next(&mut pairs);
                let name = self.ident(next(&mut pairs));
                let formals = self.formals(next(&mut pairs))?;
                StatementKind::Def { name, formals, value: self.value(&mut pairs)? }
            }
            Rule::use_ => self.module(&mut pairs),
            Rule::saddle => self.saddle(&mut pairs)?,
            Rule::objective => {
                let sense = sense(next(&mut pairs).as_rule());
                let label = self.label(&mut pairs)?;
                let value = self.logic(next(&mut pairs))?;
                StatementKind::Objective { sense, label, value, scale: self.scale(&mut pairs)? }
            }
            Rule::subject => {
                next(&mut pairs);
                next(&mut pairs);
                let generalized = next_if(&mut pairs, Rule::generalized).is_some();
                let rows = vec![self.row(next(&mut pairs))?];
                StatementKind::SubjectTo { generalized, bare: false, rows }
            }
            Rule::row => {
                let row = self.row_parts(&mut pairs, span)?;
                StatementKind::SubjectTo { generalized: false, bare: true, rows: vec![row] }
            }
            Rule::oracle => self.oracle(&mut pairs)?,
            Rule::external => {
                next(&mut pairs);
                let name = self.ident(next(&mut pairs));
                let formals = self.formals(next(&mut pairs))?;
                next(&mut pairs);
                let via = self.arithmetic(next(&mut pairs))?;
                StatementKind::External { name, formals, via, derivatives: pairs.next().is_some() }
            }
            Rule::show => {
                next(&mut pairs);
                StatementKind::Show { values: pairs.map(|value| self.logic(value)).collect::<Built<_>>()? }
            }
            Rule::sensitivity => {
                next(&mut pairs);
                let of = self.arithmetic(next(&mut pairs))?;
                next(&mut pairs);
                let to = pairs.map(|value| self.arithmetic(value)).collect::<Built<_>>()?;
                StatementKind::Sensitivity { of, to }
            }
            Rule::ensure => {
                next(&mut pairs);
                StatementKind::Ensure { condition: self.logic(next(&mut pairs))? }
            }
            Rule::solve => StatementKind::Solve { method: self.method(&mut pairs), options: Vec::new() },
            _ => StatementKind::Choice(choice(next(&mut pairs).as_rule())),
        };
        Ok(Statement { kind, span })
    }

    fn param(&self, pairs: &mut Pairs<'_, Rule>) -> Built<StatementKind> {
        next(pairs);
        let name = self.ident(next(pairs));
        let index = self.index(pairs)?;
        let (mut checks, mut value, mut default) = (Vec::new(), None, None);
        for part in pairs {
            match part.as_rule() {
                Rule::check => checks.push(self.check(part)?),
                Rule::value => value = Some(self.logic(only(part))?),
                _ => default = Some(self.last_arithmetic(part)?),
            }
        }
        Ok(StatementKind::Param { name, index, checks, value, default })
    }

    fn check(&self, pair: Pair<'_, Rule>) -> Built<Check> {
        let mut parts = pair.into_inner();
        let first = next(&mut parts);
        Ok(match first.as_rule() {
            Rule::bound => Check::Relation(bound(&first), self.arithmetic(next(&mut parts))?),
            Rule::integer => Check::Integer(self.span(&first)),
            Rule::binary => Check::Binary(self.span(&first)),
            _ => Check::In(self.arithmetic(next(&mut parts))?),
        })
    }

    fn data(&self, pairs: &mut Pairs<'_, Rule>) -> Built<StatementKind> {
        next(pairs);
        let name = self.ident(next(pairs));
        let (mut value, mut key) = (None, Vec::new());
        for part in pairs {
            match part.as_rule() {
                Rule::value => value = Some(self.logic(only(part))?),
                _ => key.extend(part.into_inner().skip(1).map(|name| self.ident(name))),
            }
        }
        Ok(StatementKind::Data { name, value, key })
    }

    fn var(&self, pairs: &mut Pairs<'_, Rule>) -> Built<StatementKind> {
        next(pairs);
        let name = self.ident(next(pairs));
        let index = self.index(pairs)?;
        let mut attributes = Vec::new();
        for part in pairs {
            attributes.push(match part.as_rule() {
                Rule::start => VarAttribute::Start(self.last_arithmetic(part)?),
                Rule::scale => VarAttribute::Scale(self.last_arithmetic(part)?),
                Rule::bound_dual => self.bound_dual(part)?,
                _ => match self.check(part)? {
                    Check::Relation(op, bound) => VarAttribute::Bound(op, bound),
                    Check::In(set) => VarAttribute::In(set),
                    Check::Integer(span) => VarAttribute::Integer(span),
                    Check::Binary(span) => VarAttribute::Binary(span),
                },
            });
        }
        Ok(StatementKind::Var { name, index, attributes })
    }

    /// `= value`
    fn value(&self, pairs: &mut Pairs<'_, Rule>) -> Built<Expr> {
        self.logic(only(next(pairs)))
    }

    /// The operand after a keyword: `start 0.5`, `default 0`.
    fn last_arithmetic(&self, pair: Pair<'_, Rule>) -> Built<Expr> {
        let operand = pair.into_inner().find(|part| part.as_rule() == Rule::arith);
        self.arithmetic(operand.expect("bug in syntax: the keyword has an operand"))
    }

    fn module(&self, pairs: &mut Pairs<'_, Rule>) -> StatementKind {
        next(pairs);
        let named = next(pairs);
        let module = match named.as_rule() {
            Rule::string => Module::Path(unquoted(named.as_str()), self.span(&named)),
            _ => Module::Dotted(named.into_inner().map(|part| self.ident(part)).collect()),
        };
        StatementKind::Use { module }
    }

    fn saddle(&self, pairs: &mut Pairs<'_, Rule>) -> Built<StatementKind> {
        let first = sense(next(pairs).as_rule());
        next(pairs);
        let first_over = self.over(next(pairs));
        let second = sense(next(pairs).as_rule());
        next(pairs);
        let second_over = self.over(next(pairs));
        let value = self.logic(next(pairs))?;
        Ok(StatementKind::Saddle { first, first_over, second, second_over, value })
    }

    fn over(&self, pair: Pair<'_, Rule>) -> Vec<Expr> {
        pair.into_inner().map(|name| self.dotted(name)).collect()
    }

    fn label(&self, pairs: &mut Pairs<'_, Rule>) -> Built<Option<Label>> {
        let Some(label) = next_if(pairs, Rule::label) else { return Ok(None) };
        let mut parts = label.into_inner();
        let name = self.ident(next(&mut parts));
        Ok(Some(Label { name, index: self.index(&mut parts)? }))
    }

    /// `label: body perp complement`
    pub fn row(&self, pair: Pair<'_, Rule>) -> Built<Row> {
        let span = self.span(&pair);
        self.row_parts(&mut pair.into_inner(), span)
    }

    fn row_parts(&self, pairs: &mut Pairs<'_, Rule>, span: Span) -> Built<Row> {
        let label = self.label(pairs)?;
        let body = self.logic(next(pairs))?;
        let complement = match next_if(pairs, Rule::perp) {
            Some(_) => Some(self.relation(next(pairs))?),
            None => None,
        };
        let scale = self.scale(pairs)?;
        let dual = next_if(pairs, Rule::dual).map(|part| self.given_dual(part)).transpose()?;
        Ok(Row { label, body, complement, scale, dual, span })
    }

    /// `dual start 1 in [0, 10]`
    fn given_dual(&self, pair: Pair<'_, Rule>) -> Built<GivenDual> {
        let mut dual = GivenDual { sides: Vec::new(), start: None, span: self.span(&pair) };
        for part in pair.into_inner().skip(1) {
            match part.as_rule() {
                Rule::start if dual.start.is_some() => return Err(SyntaxError::StartTwice { at: self.span(&part) }),
                Rule::start => dual.start = Some(self.last_arithmetic(part)?),
                _ => dual.sides.push(self.check(part)?),
            }
        }
        Ok(dual)
    }

    /// `lower_dual start 1`
    fn bound_dual(&self, pair: Pair<'_, Rule>) -> Built<VarAttribute> {
        let word = pair.clone().into_inner().next().map(|word| word.as_rule());
        let side = if word == Some(Rule::kw_upper_dual) { BoundSide::Upper } else { BoundSide::Lower };
        Ok(VarAttribute::Dual(side, self.given_dual(pair)?))
    }

    /// `scale size` at the end of an objective or a row.
    fn scale(&self, pairs: &mut Pairs<'_, Rule>) -> Built<Option<Expr>> {
        next_if(pairs, Rule::scale).map(|part| self.last_arithmetic(part)).transpose()
    }

    fn oracle(&self, pairs: &mut Pairs<'_, Rule>) -> Built<StatementKind> {
        next(pairs);
        let name = self.ident(next(pairs));
        let formals = self.formals(next(pairs))?;
        let answers = match next(pairs).as_rule() {
            Rule::ranks => OracleAnswers::Ranks,
            _ => OracleAnswers::Values,
        };
        let source = match next(pairs).as_rule() {
            Rule::via => OracleSource::Via,
            _ => OracleSource::By,
        };
        Ok(StatementKind::Oracle { name, formals, answers, source, value: self.arithmetic(next(pairs))? })
    }

    /// The header of a statement with a body, which is still empty.
    pub fn head(&self, pair: Pair<'_, Rule>) -> Built<StatementKind> {
        let rule = pair.as_rule();
        let mut pairs = pair.into_inner();
        Ok(match rule {
            Rule::rows_head => {
                let generalized = pairs.any(|part| part.as_rule() == Rule::generalized);
                StatementKind::SubjectTo { generalized, bare: false, rows: Vec::new() }
            }
            Rule::solve => StatementKind::Solve { method: self.method(&mut pairs), options: Vec::new() },
            _ => self.block_head(&mut pairs)?,
        })
    }

    /// `pessimistic lower NAME[index]`, `lower NAME pessimistic`
    fn block_head(&self, pairs: &mut Pairs<'_, Rule>) -> Built<StatementKind> {
        let before = next_if(pairs, Rule::choice);
        let kind = match next(pairs).as_rule() {
            Rule::lower => BlockKind::Lower,
            Rule::optimality => BlockKind::Optimality,
            _ => BlockKind::Player,
        };
        let name = self.ident(next(pairs));
        let index = self.index(pairs)?;
        let after = next_if(pairs, Rule::choice);
        if let (Some(_), Some(after)) = (&before, &after) {
            return Err(SyntaxError::ChoiceTwice { at: self.span(after) });
        }
        let choice = before.or(after).map(|word| choice(only(word).as_rule()));
        Ok(StatementKind::Block { kind, name, index, choice, body: Vec::new() })
    }

    /// `solve with NAME`
    fn method(&self, pairs: &mut Pairs<'_, Rule>) -> Ident {
        next(pairs);
        next(pairs);
        self.ident(next(pairs))
    }

    /// `name = value`
    pub fn option(&self, pair: Pair<'_, Rule>) -> Built<(Ident, Expr)> {
        let mut parts = pair.into_inner();
        let name = self.ident(next(&mut parts));
        Ok((name, self.logic(next(&mut parts))?))
    }
}

fn sense(rule: Rule) -> Sense {
    if rule == Rule::minimize { Sense::Minimize } else { Sense::Maximize }
}

fn choice(rule: Rule) -> Choice {
    match rule {
        Rule::pessimistic => Choice::Pessimistic,
        Rule::optimistic => Choice::Optimistic,
        _ => Choice::Generalized,
    }
}

fn bound(pair: &Pair<'_, Rule>) -> RelOp {
    relation(pair.as_str().trim()).expect("bug in syntax: a bound without a row")
}
