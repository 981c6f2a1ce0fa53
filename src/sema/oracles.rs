//! `oracle` and `external`: what they are asked about, who answers, and the places that ask.

use super::additive::Draft;
use super::error;
use super::scope::{DeclarationKind, Elaborator, Env, R};
use super::value::{Array, ArrayKind, Val};
use crate::diag::Span;
use crate::expr::eval::needed;
use crate::expr::family::{IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::problem::index::Axes;
use crate::problem::oracles::{self, Answerer, Answers, Argument, Call, Misused, Oracle};
use crate::problem::{AfterSolve, Problem};
use crate::syntax::ast::{
    Argument as Given, Expr, ExprKind, Formal, OracleAnswers, OracleSource, Statement, StatementKind,
};

impl Elaborator<'_> {
    /// The signature, and the expression of a simulated judge.
    pub(super) fn define_oracle(&mut self, declaration: u32, statement: &Statement) -> R<Val> {
        let scope = self.declarations[declaration as usize].scope;
        let env = self.env(scope);
        match &statement.kind {
            StatementKind::Oracle { name, formals, answers, source, value } => {
                let span = Span { end: name.span.end, ..statement.span };
                if self.scopes[scope as usize].block.is_some() {
                    let sentence =
                        format!("`oracle {}` stands in a block, and no method of this build asks there", name.name);
                    self.unsupported("oracle", sentence, span);
                }
                let number = self.problem.oracles.len() as u32;
                let text = self.sources.text(statement.span).trim().to_string();
                self.problem.oracles.push(Oracle {
                    name: name.name.clone(),
                    answers: match answers {
                        OracleAnswers::Values => Answers::Values,
                        OracleAnswers::Ranks => Answers::Ranks,
                    },
                    source: Answerer::Host,
                    arguments: vec![],
                    text,
                    span,
                });
                let (inner, arguments) = self.bind_formals(number, formals, &env)?;
                self.problem.oracles[number as usize].arguments = arguments;
                self.problem.oracles[number as usize].source = match source {
                    OracleSource::By => Answerer::Simulated(self.hidden(&name.name, value, &inner)?),
                    OracleSource::Via => self.channel(value, &env)?,
                };
            }
            StatementKind::External { name, formals, .. } => {
                for formal in formals {
                    if let Some(spec) = &formal.index {
                        self.index(spec, &env)?;
                    }
                }
                let sentence = format!(
                    "`external {}` is a function of an embedding program, and this build has no door for them",
                    name.name
                );
                self.unsupported("external", sentence, Span { end: name.span.end, ..statement.span });
            }
            _ => unreachable!("oracles and external functions only"),
        }
        Ok(Val::Oracle(declaration))
    }

    /// The names of what an oracle is asked about, one buffer for all of them.
    fn bind_formals(&mut self, number: u32, formals: &[Formal], env: &Env) -> R<(Env, Vec<Argument>)> {
        self.problem.after_solve.push(AfterSolve::Argument(number));
        let source = Source::After(self.problem.after_solve.len() as u32 - 1);
        let (mut inner, mut arguments, mut offset) = (env.clone(), vec![], 0);
        for formal in formals {
            let axes = match &formal.index {
                Some(spec) => self.index(spec, env)?.axes,
                None => Axes::scalar(),
            };
            let value = match formal.index.is_some() {
                true => {
                    let kind = ArrayKind::Buffer { source, offset, filter: axes.filter.clone(), data: false };
                    Val::Array(Array::new(axes.sets.clone(), kind, &env.ctx, formal.name.span))
                }
                false => Val::Num(self.read(&env.ctx, Leaf { source, map: IndexMap::scalar(offset) }, false)),
            };
            inner.bind(&formal.name.name, value, formal.name.span);
            offset += axes.len();
            arguments.push(Argument { name: formal.name.name.clone(), axes });
        }
        Ok((inner, arguments))
    }

    /// The stage of a simulated judge, which may read its arguments and data only.
    fn hidden(&mut self, name: &str, value: &Expr, env: &Env) -> R<StageId> {
        let drafts = self.drafts(value, env)?;
        let stage = self.stage(name, &env.ctx, drafts, value.span);
        if sees_variables(&self.problem, stage) {
            return self.fail(error::judge_sees_variables(name, value.span));
        }
        Ok(stage)
    }

    /// `command("...")`, `host`, `asking`.
    fn channel(&mut self, value: &Expr, env: &Env) -> R<Answerer> {
        match &value.kind {
            ExprKind::Name(n) if n == "host" => Ok(Answerer::Host),
            ExprKind::Name(n) if n == "asking" => Ok(Answerer::Asking),
            ExprKind::Call { function, arguments } if matches!(&function.kind, ExprKind::Name(n) if n == "command") => {
                if let [Given::Value(line)] = arguments.as_slice()
                    && let Val::Text(texts) = self.value(line, env)?
                {
                    return Ok(Answerer::Command(texts.values[texts.map.at(0)].to_string()));
                }
                self.fail(error::bad_channel(value.span))
            }
            _ => self.fail(error::bad_channel(value.span)),
        }
    }

    pub(super) fn apply_oracle(&mut self, declaration: u32, arguments: &[&Expr], span: Span, env: &Env) -> R<Val> {
        let (kind, defined, scope) = {
            let d = &self.declarations[declaration as usize];
            (d.kind.clone(), d.span, d.scope)
        };
        let DeclarationKind::Statement(statement) = kind else { unreachable!("oracles are statements") };
        let (StatementKind::Oracle { name, formals, .. } | StatementKind::External { name, formals, .. }) =
            &statement.kind
        else {
            unreachable!("oracles and external functions only")
        };
        if arguments.len() != formals.len() {
            let n = formals.len();
            return self.fail(error::arity(&name.name, arguments.len(), &(n..=n), span, Some(defined)));
        }
        let number = self.problem.oracles.iter().position(|o| o.span.end == name.span.end && o.name == name.name);
        let (mut terms, mut offset) = (vec![], 0);
        let width = number.map_or(0, |k| self.problem.oracles[k].width());
        for (argument, formal) in arguments.iter().zip(formals) {
            let value = self.value(argument, env)?;
            let outer = self.env(scope);
            let axes = match &formal.index {
                Some(spec) => self.index(spec, &outer)?.axes,
                None => Axes::scalar(),
            };
            match value {
                Val::Array(a) if axes.sets != a.0.sets => {
                    let (at, given) = (formal.name.span, argument.span);
                    return self.fail(error::param_shape(&formal.name.name, &axes, at, &a, given));
                }
                Val::Array(a) => {
                    let (ctx, index) = self.over_elements(&a, &env.ctx)?;
                    let parts = self.traced(&ctx, &mut |me, here| {
                        let index = super::arrays::through(&index, &here.path_to(&ctx), here.size);
                        me.element_drafts(&a, &index, here, argument.span)
                    })?;
                    let count = axes.len();
                    let drafts: Vec<Draft> = parts.into_iter().flat_map(|(_, d)| d).collect();
                    for draft in drafts.iter().filter(|d| d.ctx.size > 0) {
                        let term = self.term(draft, &ctx, 0);
                        terms.push(placed(term, |p| p / count * width + offset + p % count));
                    }
                }
                other => {
                    if let Some(index) = &formal.index {
                        return self.fail(error::number_for_array(&formal.name.name, index.span, argument.span));
                    }
                    let num = self.as_number(other, argument.span, env)?;
                    let term = self.term(&Draft { ctx: env.ctx.clone(), num, span: argument.span }, &env.ctx, 0);
                    terms.push(placed(term, |p| p * width + offset));
                }
            }
            offset += axes.len();
        }
        let Some(oracle) = number else { return Ok(Val::Num(self.opaque(env))) };
        let rows = env.ctx.size;
        let stage = Stage { name: name.name.clone(), rows: (rows * width) as u32, terms, matrix: None };
        let call = self.asked(oracle as u32, rows as u32, stage, span);
        let known = self.problem.after_solve.iter().position(|a| *a == AfterSolve::Answer(call));
        let k = known.unwrap_or_else(|| {
            self.problem.after_solve.push(AfterSolve::Answer(call));
            self.problem.after_solve.len() - 1
        });
        let map = if rows == 1 { IndexMap::scalar(0) } else { IndexMap::IDENTITY };
        Ok(Val::Num(self.read(&env.ctx, Leaf { source: Source::After(k as u32), map }, false)))
    }

    /// The call with these questions: the same ones are asked once.
    fn asked(&mut self, oracle: u32, rows: u32, questions: Stage, span: Span) -> u32 {
        let same = |c: &Call| c.oracle == oracle && self.problem.stage(c.arguments).terms == questions.terms;
        if let Some(known) = self.problem.calls.iter().position(same) {
            return known as u32;
        }
        let arguments = self.add_stage(questions, false);
        self.problem.calls.push(Call { oracle, rows, arguments, span });
        self.problem.calls.len() as u32 - 1
    }

    /// What is read of oracles must be there to be read: ranks are no numbers, and rows cannot be asked about.
    pub(super) fn check_oracles(&mut self) {
        if self.problem.calls.is_empty() {
            return;
        }
        if let Err(Misused { name, declared, at, why }) = oracles::ranked(&self.problem) {
            self.report(error::ranks_are_no_numbers(&name, declared, at, why));
        }
        let problem = &self.problem;
        let rows = problem.constraints.iter().map(|c| (c.stage, c.span, "a constraint"));
        let read = rows.chain(problem.shows.iter().map(|s| (s.stage, s.span, "`show`")));
        let read = read.chain(problem.ensures.iter().map(|e| (e.stage, e.span, "`ensure`")));
        let mut wrong = vec![];
        let mut rows_asked = vec![];
        for (stage, span, what) in read {
            for call in oracles::calls_of(problem, &[stage]) {
                let oracle = problem.oracle_of(call);
                if oracle.answers == Answers::Ranks {
                    let why = format!("{what} needs a number");
                    wrong.push(error::ranks_are_no_numbers(&oracle.name, oracle.span, span, &why));
                } else if what == "a constraint" {
                    rows_asked.push((oracle.name.clone(), span));
                }
            }
        }
        for call in (0..problem.calls.len() as u32).filter(|&call| asks_about_answers(problem, call)) {
            let (name, span) = (problem.oracle_of(call).name.clone(), problem.calls[call as usize].span);
            wrong.push(error::asks_about_answers(&name, span));
        }
        let derived = problem.sensitivities.first().filter(|_| !oracles::asked(problem).is_empty()).map(|s| s.span);
        wrong.into_iter().for_each(|d| self.report(d));
        if let Some(span) = derived {
            let sentence = "the answer was found by asking, and what was asked has no derivatives".into();
            self.unsupported("sensitivity", sentence, span);
        }
        for (name, span) in rows_asked {
            let sentence =
                format!("a row reads `{name}`, and no method of this build keeps rows that must be asked about");
            self.unsupported("oracle", sentence, span);
        }
    }
}

/// The term with other target rows.
fn placed(term: Term, row: impl Fn(usize) -> usize) -> Term {
    let rows = (0..term.family.instances as usize).map(|p| row(term.target.at(p)) as u32);
    let target = IndexMap::from_positions(rows.collect());
    Term { target, ..term }
}

fn sees_variables(problem: &Problem, stage: StageId) -> bool {
    sources(problem, stage).any(|source| match source {
        Source::Variables => true,
        Source::After(k) => !matches!(problem.after_solve[k as usize], AfterSolve::Argument(_)),
        Source::Param(_) | Source::Stage(_) => false,
    })
}

/// The questions of a call depend on answers of this or another one.
fn asks_about_answers(problem: &Problem, call: u32) -> bool {
    sources(problem, problem.calls[call as usize].arguments).any(|source| matches!(source, Source::After(_)))
}

/// What a stage reads, directly or not.
fn sources(problem: &Problem, stage: StageId) -> impl Iterator<Item = Source> + '_ {
    let read = needed(&problem.stages, &[stage]);
    let stages = problem.stages.iter().zip(read).filter(|(_, read)| *read).map(|(s, _)| s);
    stages.flat_map(|s| &s.terms).flat_map(|t| &t.family.leaves).map(|leaf| leaf.source)
}
