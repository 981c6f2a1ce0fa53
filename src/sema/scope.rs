//! Scopes and declarations, resolved on demand.

use super::Inputs;
use super::context::{Context, Ctx};
use super::error;
use super::repeats::gathered;
use super::value::{Num, Val};
use crate::diag::{Diagnostic, Severity, Sources, Span};
use crate::expr::family::{ParamId, Stage};
use crate::host::Host;
use crate::problem::Problem;
use crate::problem::index::Set;
use crate::syntax::ast::{self, Statement, StatementKind};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Why an evaluation ended early.
#[derive(Clone, Debug)]
pub(super) enum Halt {
    /// A diagnostic was given (or the culprit was reported before).
    Reported,
    /// A branch on data goes both ways in this context: whoever traces it splits the context by the mask.
    Split { ctx: u32, mask: Rc<Vec<bool>> },
}

pub(super) type R<T> = Result<T, Halt>;

pub(super) struct Elaborator<'a> {
    pub sources: &'a mut Sources,
    pub host: &'a dyn Host,
    pub inputs: &'a Inputs,
    pub problem: Problem,
    /// For each stage: it reads no variables.
    pub stage_is_data: Vec<bool>,
    pub stage_values: HashMap<u32, Arc<Vec<f64>>>,
    pub diagnostics: Vec<Diagnostic>,
    pub scopes: Vec<Scope>,
    pub declarations: Vec<Declaration>,
    pub blocks: Vec<super::blocks::Block>,
    /// Names that sensitivities are taken to.
    pub differentiated_by: std::collections::BTreeSet<String>,
    /// Multipliers of which something is given.
    pub given_duals: Vec<super::given_duals::Given>,
    /// Declarations being resolved, outermost first, with the place of the use.
    pub chain: Vec<(u32, Span)>,
    /// Depth of nested calls of `def`s.
    pub calls: Vec<(u32, Span)>,
    pub root: Ctx,
    pub contexts: u32,
    /// Buffers of the values of sets, by address; the sets are kept alive.
    pub set_buffers: HashMap<usize, (Set, Option<ParamId>)>,
    pub component_buffers: HashMap<(usize, usize), (Set, Val)>,
    /// Aggregates already traced: place, context.
    pub traced: HashMap<(Span, u32, usize), Num>,
    /// Set while recurrent declarations are traced: declaration and its stage.
    pub recurrent: Vec<(u32, super::value::Array)>,
    /// Objectives that are being built, by their places.
    pub stating: Vec<Span>,
    pub folder: Vec<String>,
    pub used_inputs: std::collections::HashSet<String>,
    pub given: HashMap<String, super::Given>,
    pub modules: HashMap<String, u32>,
    /// Whether the body of a `let`, by its place, has sums at its top in a context.
    pub splitting: RefCell<HashMap<(Span, u32), bool>>,
    /// How deeply expressions are being evaluated inside each other.
    pub depth: u32,
}

/// Names that see each other: the file, a module, or a block.
pub(super) struct Scope {
    pub parent: Option<u32>,
    pub names: HashMap<String, u32>,
    pub order: Vec<u32>,
    /// Block binders and the like, seen by everything in the scope.
    pub locals: Option<Rc<Local>>,
    /// The context that the statements of the scope live in.
    pub ctx: Ctx,
    pub block: Option<u32>,
}

pub(super) struct Declaration {
    pub name: String,
    pub span: Span,
    pub scope: u32,
    pub kind: DeclarationKind,
    pub state: State,
}

#[derive(Clone)]
pub(super) enum DeclarationKind {
    Statement(Rc<Statement>),
    /// The label of an objective.
    Objective(Rc<Statement>),
    /// The label of row k of a statement.
    Row(Rc<Statement>, usize),
    Block(u32),
    /// A name of another scope, brought in by `use`.
    Imported(u32),
}

#[derive(Clone)]
pub(super) enum State {
    Fresh,
    Visiting,
    Done(Val),
    Broken,
}

/// A name bound by a generator or a call.
#[derive(Debug)]
pub(super) struct Local {
    pub name: String,
    pub value: Val,
    pub ctx: Ctx,
    pub span: Span,
    pub next: Option<Rc<Local>>,
}

/// Where an expression is evaluated.
#[derive(Clone)]
pub(super) struct Env {
    pub ctx: Ctx,
    pub locals: Option<Rc<Local>>,
    pub scope: u32,
}

impl Env {
    pub fn local(&self, name: &str) -> Option<&Local> {
        let mut here = self.locals.as_deref();
        while let Some(local) = here {
            if local.name == name {
                return Some(local);
            }
            here = local.next.as_deref();
        }
        None
    }

    pub fn bind(&mut self, name: &str, value: Val, span: Span) {
        let next = self.locals.take();
        self.locals = Some(Rc::new(Local { name: name.to_string(), value, ctx: self.ctx.clone(), span, next }));
    }

    pub fn within(&self, ctx: &Ctx) -> Env {
        Env { ctx: ctx.clone(), locals: self.locals.clone(), scope: self.scope }
    }
}

impl<'a> Elaborator<'a> {
    pub fn new(sources: &'a mut Sources, host: &'a dyn Host, inputs: &'a Inputs) -> Elaborator<'a> {
        let root = Context::new(0, 1, 0, None);
        Elaborator {
            sources,
            host,
            inputs,
            problem: Problem::default(),
            stage_is_data: vec![],
            stage_values: HashMap::new(),
            diagnostics: vec![],
            scopes: vec![],
            declarations: vec![],
            blocks: vec![],
            given_duals: vec![],
            differentiated_by: Default::default(),
            chain: vec![],
            calls: vec![],
            root,
            contexts: 1,
            set_buffers: HashMap::new(),
            component_buffers: HashMap::new(),
            traced: HashMap::new(),
            recurrent: vec![],
            stating: vec![],
            folder: vec![super::data::folder_of(&inputs.path)],
            used_inputs: Default::default(),
            given: HashMap::new(),
            modules: HashMap::new(),
            splitting: RefCell::default(),
            depth: 0,
        }
    }

    pub fn run(mut self, file: &ast::File) -> (Option<Problem>, Vec<Diagnostic>) {
        let top = self.open_scope(None, None, self.root.clone());
        self.read_given();
        self.differentiated_by = super::sensitivities::names(&file.statements);
        self.declare_all(top, &file.statements);
        self.resolve_scope(top);
        let statements: Vec<Rc<Statement>> = file.statements.iter().cloned().map(Rc::new).collect();
        for statement in &statements {
            self.statement(top, statement);
        }
        for statement in &statements {
            self.after_statement(top, statement);
        }
        self.check_given_names();
        let wrong = self.diagnostics.iter().any(|d| d.severity == Severity::Error);
        if wrong {
            return (None, gathered(self.diagnostics));
        }
        self.finish();
        let wrong = self.diagnostics.iter().any(|d| d.severity == Severity::Error);
        ((!wrong).then_some(self.problem), gathered(self.diagnostics))
    }

    pub fn open_scope(&mut self, parent: Option<u32>, block: Option<u32>, ctx: Ctx) -> u32 {
        self.scopes.push(Scope { parent, names: HashMap::new(), order: vec![], locals: None, ctx, block });
        self.scopes.len() as u32 - 1
    }

    pub fn env(&self, scope: u32) -> Env {
        let here = &self.scopes[scope as usize];
        Env { ctx: here.ctx.clone(), locals: here.locals.clone(), scope }
    }

    /// Gives a diagnostic, once, and halts.
    pub fn fail<T>(&mut self, diagnostic: Diagnostic) -> R<T> {
        self.report(diagnostic);
        Err(Halt::Reported)
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        if !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    pub fn child(&mut self, parent: &Ctx, size: usize, map: crate::expr::family::IndexMap, generator: bool) -> Ctx {
        let id = self.contexts;
        self.contexts += 1;
        Context::new(id, size, parent.level + generator as u32, Some((parent.clone(), map)))
    }

    pub fn add_stage(&mut self, stage: Stage, data: bool) -> crate::expr::family::StageId {
        self.problem.stages.push(stage);
        self.stage_is_data.push(data);
        crate::expr::family::StageId(self.problem.stages.len() as u32 - 1)
    }

    /// The declaration that a name means in a scope.
    pub fn find(&self, scope: u32, name: &str) -> Option<u32> {
        let mut here = Some(scope);
        while let Some(s) = here {
            let scope = &self.scopes[s as usize];
            if let Some(&d) = scope.names.get(name) {
                return Some(d);
            }
            here = scope.parent;
        }
        None
    }

    /// The meaning of a declaration, in the context of its scope.
    pub fn resolve(&mut self, declaration: u32, used_at: Span) -> R<Val> {
        match self.declarations[declaration as usize].state.clone() {
            State::Done(value) => return Ok(value),
            State::Broken => return Err(Halt::Reported),
            State::Visiting => {
                let at = self.chain.iter().position(|(d, _)| *d == declaration).unwrap_or(0);
                let steps: Vec<(String, Span, Span)> = self.chain[at..]
                    .iter()
                    .map(|(d, used)| {
                        let d = &self.declarations[*d as usize];
                        (d.name.clone(), d.span, *used)
                    })
                    .collect();
                for (d, _) in self.chain[at..].iter().copied() {
                    self.declarations[d as usize].state = State::Broken;
                }
                return self.fail(error::cycle(&steps, used_at));
            }
            State::Fresh => {}
        }
        if self.chain.len() > 400 {
            return self.fail(error::too_deep(used_at));
        }
        self.declarations[declaration as usize].state = State::Visiting;
        self.chain.push((declaration, used_at));
        let result = self.define(declaration);
        self.chain.pop();
        let broken = matches!(self.declarations[declaration as usize].state, State::Broken);
        match result {
            Ok(value) if !broken => {
                self.declarations[declaration as usize].state = State::Done(value.clone());
                Ok(value)
            }
            Ok(_) | Err(_) => {
                self.declarations[declaration as usize].state = State::Broken;
                Err(Halt::Reported)
            }
        }
    }

    /// Variables first, in the order of the file, so that positions follow the text; then the rest.
    pub fn resolve_scope(&mut self, scope: u32) {
        let order = self.scopes[scope as usize].order.clone();
        let is_var = |me: &Self, d: u32| matches!(&me.declarations[d as usize].kind, DeclarationKind::Statement(s) if matches!(s.kind, StatementKind::Var { .. }));
        let (variables, others): (Vec<u32>, Vec<u32>) = order.iter().partition(|&&d| is_var(self, d));
        for d in variables.into_iter().chain(others) {
            // Objectives and rows are built by their statements, in the order of the file.
            if !matches!(self.declarations[d as usize].kind, DeclarationKind::Statement(_)) {
                continue;
            }
            let span = self.declarations[d as usize].span;
            let _ = self.resolve(d, span);
        }
    }
}
