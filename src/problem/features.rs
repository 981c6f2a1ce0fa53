//! Facts about a problem, each with its reason and its place, for methods to accept or refuse it by.

use super::complementarity::Count;
use super::curvature::Forms;
use super::fixed_point;
use super::oracles::{self, Answerer, Answers};
use super::ranges::Ranges;
use super::squares::{self, Square, span_of};
use super::values::{Bounds, Numbers, depends_on_variables};
use super::{Constraint, Domain, Kind, Problem, Sense};
use crate::diag::Span;
use crate::expr::family::{Source, StageId};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::expr::interval::Interval;
use crate::expr::matrix::MatrixFunction;
use crate::expr::ops::{Op, Smoothness};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// A sentence about a problem, without a full stop, and the place that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    pub sentence: String,
    pub span: Option<Span>,
}

impl Fact {
    pub fn new(sentence: impl Into<String>) -> Fact {
        Fact { sentence: sentence.into(), span: None }
    }

    pub fn at(sentence: impl Into<String>, span: Span) -> Fact {
        Fact { sentence: sentence.into(), span: Some(span) }
    }
}

/// What methods may want to know.
#[derive(Clone, Debug)]
pub struct Features {
    /// Scalar variables that are not fixed.
    pub variables: usize,
    pub fixed: usize,
    /// The first variable with a finite bound; fixed ones do not count.
    pub bounded: Option<Fact>,
    /// The first variable that lacks a finite bound on one side.
    pub unboxed: Option<Fact>,
    /// Scalar rows that constrain: neither dropped nor free.
    pub rows: usize,
    pub equalities: usize,
    pub first_row: Option<Fact>,
    /// The first row that constrains and is no equation.
    pub inequality: Option<Fact>,
    /// The first that is one.
    pub equation: Option<Fact>,
    pub sense: Option<Sense>,
    /// The first complementarity.
    pub complementarity: Option<Fact>,
    /// Of all of them, and of the other rows.
    pub conditions: Count,
    /// The second objective, if there are several.
    pub several: Option<Fact>,
    pub integer: Option<Fact>,
    pub cone: Option<Fact>,
    /// The objective is only known by asking.
    pub asked: Option<Asked>,
    /// Functions without a derivative somewhere, applied to what varies.
    pub kinks: Vec<Fact>,
    /// Cases that depend on variables: derivatives are those of the case that holds.
    pub cases: Vec<Fact>,
    pub squares: Result<Vec<Square>, Fact>,
    /// Whether each variable has a row `z == T(z)`.
    pub fixed_point: Result<(), Fact>,
    /// Degree and curvature of the objective and the rows.
    pub forms: Forms,
    pub bounds: Bounds,
}

/// Whom the objective asks.
#[derive(Clone, Debug)]
pub struct Asked {
    /// "`taste` is an oracle"
    pub oracle: Fact,
    /// The objective is a ranking and has no value.
    pub ranks: bool,
    /// A person answers.
    pub person: bool,
}

impl Asked {
    fn of(problem: &Problem) -> Option<Asked> {
        let calls = oracles::asked(problem);
        let first = problem.oracle_of(*calls.first()?);
        let all = || calls.iter().map(|&call| problem.oracle_of(call));
        Some(Asked {
            oracle: Fact::at(format!("`{}` is an oracle", first.name), first.span),
            ranks: all().any(|o| o.answers == Answers::Ranks),
            person: all().any(|o| o.source == Answerer::Asking),
        })
    }
}

impl Features {
    pub fn of(problem: &Problem) -> Features {
        if let Some(asked) = Asked::of(problem) {
            return Features { asked: Some(asked), ..Features::of(&oracles::silenced(problem)) };
        }
        let numbers = Numbers::of(problem);
        let bounds = Bounds::of(problem, &numbers);
        let (kinks, cases) = not_smooth(problem, &numbers, &bounds);
        let mut features = Features {
            variables: 0,
            fixed: 0,
            bounded: None,
            unboxed: None,
            rows: 0,
            equalities: 0,
            first_row: None,
            inequality: None,
            equation: None,
            sense: problem.objectives.first().map(|o| o.sense),
            complementarity: problem.complementarities().next().map(|c| complementary(&problem.constraints[c.bounded])),
            conditions: Count::of(problem),
            several: problem.objectives.get(1).map(|o| Fact::at("there are several objectives", o.span)),
            integer: integer(problem),
            cone: cone(problem),
            asked: None,
            kinks,
            cases,
            squares: squares::of_objective(problem, &numbers),
            fixed_point: Ok(()),
            forms: Forms::of(problem, &numbers, &bounds),
            bounds: Bounds::default(),
        };
        features.count_variables(problem, &bounds);
        features.count_rows(problem, &bounds);
        if features.sense.is_none() && features.needs_a_square_system().is_ok() {
            features.fixed_point = fixed_point::of(problem).map(|_| ());
        }
        features.bounds = bounds;
        features
    }

    fn count_variables(&mut self, problem: &Problem, bounds: &Bounds) {
        for variable in &problem.variables {
            for k in variable.offset as usize..variable.offset as usize + variable.axes.len() {
                let (lower, upper) = (bounds.lower[k], bounds.upper[k]);
                let fact = |what: &str| Some(Fact::at(format!("`{}` {what}", problem.variable_name(k)), variable.span));
                if lower == upper {
                    self.fixed += 1;
                    continue;
                }
                self.variables += 1;
                let finite = [lower, upper].iter().filter(|bound| bound.is_finite()).count();
                if finite > 0 && self.bounded.is_none() {
                    self.bounded = fact("has a bound");
                }
                if finite < 2 && self.unboxed.is_none() {
                    self.unboxed = fact("is not bounded on both sides");
                }
            }
        }
    }

    fn count_rows(&mut self, problem: &Problem, bounds: &Bounds) {
        let starts = problem.row_starts();
        for (constraint, start) in problem.constraints.iter().zip(starts) {
            for r in start..start + constraint.rows as usize {
                let (lower, upper) = (bounds.row_lower[r], bounds.row_upper[r]);
                if constraint.dropped || (lower == f64::NEG_INFINITY && upper == f64::INFINITY) {
                    continue;
                }
                self.rows += 1;
                self.equalities += (lower == upper) as usize;
                if lower != upper && self.inequality.is_none() {
                    let sentence = format!("row `{}` is not an equation", constraint.label);
                    self.inequality = Some(Fact::at(sentence, constraint.span));
                }
                if lower == upper && self.equation.is_none() {
                    let sentence = format!("row `{}` is an equation", constraint.label);
                    self.equation = Some(Fact::at(sentence, constraint.span));
                }
                if self.first_row.is_none() {
                    self.first_row =
                        Some(Fact::at(format!("row `{}` is a constraint", constraint.label), constraint.span));
                }
            }
        }
    }

    pub fn needs_no_rows(&self) -> Result<(), Fact> {
        self.first_row.clone().map_or(Ok(()), Err)
    }

    pub fn needs_equations(&self) -> Result<(), Fact> {
        self.inequality.clone().map_or(Ok(()), Err)
    }

    pub fn needs_no_bounds(&self) -> Result<(), Fact> {
        self.bounded.clone().map_or(Ok(()), Err)
    }

    pub fn needs_a_box(&self) -> Result<(), Fact> {
        self.unboxed.clone().map_or(Ok(()), Err)
    }

    pub fn needs_smoothness(&self) -> Result<(), Fact> {
        self.kinks.first().cloned().map_or(Ok(()), Err)
    }

    pub fn needs_squares(&self) -> Result<(), Fact> {
        self.squares.as_ref().map(|_| ()).map_err(Fact::clone)
    }

    /// Whether composition shows that the objective is convex, or concave if it is maximised.
    pub fn is_objective_convex(&self) -> bool {
        let curvature = self.forms.objective.as_ref().map(|form| form.curvature);
        match self.sense {
            Some(Sense::Maximize) => curvature.is_some_and(|c| c.is_concave()),
            Some(Sense::Minimize) | None => curvature.is_some_and(|c| c.is_convex()),
        }
    }

    pub fn needs_pairs(&self) -> Result<(), Fact> {
        match &self.complementarity {
            Some(_) => Ok(()),
            None => Err(Fact::new("there are no complementary pairs")),
        }
    }

    pub fn needs_no_objective(&self) -> Result<(), Fact> {
        match self.sense {
            None => Ok(()),
            Some(_) => Err(Fact::new("there is an objective")),
        }
    }

    /// As many equations and pairs as variables, and nothing else.
    pub fn needs_a_square_system(&self) -> Result<(), Fact> {
        let Count { pairs, equations, inequalities } = self.conditions;
        if inequalities > 0 {
            return Err(Fact::new(format!("rows that are neither equations nor complementary: {inequalities}")));
        }
        match pairs + equations == self.variables {
            true => Ok(()),
            false => {
                let (conditions, variables) = (pairs + equations, self.variables);
                Err(Fact::new(format!("there are {conditions} conditions for {variables} variables")))
            }
        }
    }

    pub fn needs_an_objective(&self) -> Result<(), Fact> {
        self.sense.map(|_| ()).ok_or_else(|| Fact::new("there is no objective"))
    }

    pub fn needs_at_most(&self, most: usize) -> Result<(), Fact> {
        match self.variables <= most {
            true => Ok(()),
            false => Err(Fact::new(format!("there are {} variables, more than {most}", self.variables))),
        }
    }
}

fn complementary(constraint: &Constraint) -> Fact {
    Fact::at(format!("`{}` is a complementarity", constraint.label), constraint.span)
}

fn integer(problem: &Problem) -> Option<Fact> {
    problem.variables.iter().find_map(|v| match v.kind {
        Kind::Real => None,
        Kind::Integer => Some(Fact::at(format!("`{}` is integer", v.name), v.span)),
        Kind::Binary => Some(Fact::at(format!("`{}` is binary", v.name), v.span)),
    })
}

/// Domains whose rows do not say all: methods for smooth rows cannot keep to them.
fn cone(problem: &Problem) -> Option<Fact> {
    problem.variables.iter().find_map(|v| {
        let domain = match v.domain? {
            Domain::Simplex | Domain::Ball => return None,
            Domain::SecondOrderCone => "a second-order cone",
            Domain::SemidefiniteCone => "the cone of semidefinite matrices",
            Domain::Permutation => "the set of permutations",
            Domain::Subset => "a set of subsets",
        };
        Some(Fact::at(format!("`{}` is in {domain}", v.name), v.span))
    })
}

/// Kinks and cases in what the objective and the rows that are not dropped read.
fn not_smooth(problem: &Problem, numbers: &Numbers, bounds: &Bounds) -> (Vec<Fact>, Vec<Fact>) {
    let depends = depends_on_variables(problem);
    let ranges = Ranges::of(problem, numbers, bounds);
    let rows = problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage);
    let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).chain(rows).collect();
    let needed = sloped(problem, &roots);
    let (mut kinks, mut cases) = (vec![], vec![]);
    for (k, stage) in problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]) {
        if let Some(matrix) = stage.matrix.filter(|matrix| depends[k] && matrix.n > 1)
            && matrix.function == MatrixFunction::LargestEigenvalue
        {
            // Where it is simple it has all derivatives, and the slope at a multiple one is one of its subgradients.
            let sentence = "`eigmax` has no derivative where it is a multiple eigenvalue";
            push(&mut cases, Fact::at(sentence, squares::span(matrix.origin)));
        }
        for term in &stage.terms {
            let varies: Vec<bool> = term.family.leaves.iter().map(|leaf| varies(leaf.source, &depends)).collect();
            let found = kinked_ops(problem, term.family.body, &varies);
            if found.is_empty() {
                continue;
            }
            let intervals = ranges.nodes(problem, numbers, bounds, term);
            for (op, smooth, operands) in found {
                if is_decided(op, &operands, &intervals) {
                    continue;
                }
                match (op, smooth) {
                    (Op::Select, _) => push(&mut cases, Fact::at("`if` depends on a variable", span_of(term))),
                    // Off its jumps it has slopes that lead somewhere, unlike a step function.
                    (Op::Atan2 | Op::Mod, Smoothness::Jump(place)) => {
                        push(&mut cases, Fact::at(format!("`{}` jumps {place}", op.row().name), span_of(term)));
                    }
                    (_, Smoothness::Kink(place)) => {
                        let sentence = format!("`{}` has no derivative {place}", op.row().name);
                        push(&mut kinks, Fact::at(sentence, span_of(term)));
                    }
                    (_, Smoothness::Jump(place)) => {
                        let sentence = format!("`{}` jumps {place}", op.row().name);
                        push(&mut kinks, Fact::at(sentence, span_of(term)));
                    }
                    (_, Smoothness::Smooth) => {}
                }
            }
        }
    }
    (kinks, cases)
}

fn push(facts: &mut Vec<Fact>, fact: Fact) {
    if !facts.contains(&fact) {
        facts.push(fact);
    }
}

fn varies(source: Source, depends: &[bool]) -> bool {
    match source {
        Source::Variables | Source::After(_) => true,
        Source::Stage(id) => depends[id.0 as usize],
        Source::Param(_) => false,
    }
}

/// Bounds alone keep the operands of a kink away from it, so that the function is one of its branches.
pub fn is_decided(op: Op, operands: &[NodeId], intervals: &HashMap<NodeId, Interval>) -> bool {
    let at = |k: usize| intervals[&operands[k]];
    match op {
        Op::Abs => at(0).sign() != 0,
        Op::Cbrt => at(0).sign_strict() != 0,
        Op::Max | Op::Min => at(0).lo >= at(1).hi || at(1).lo >= at(0).hi,
        _ => false,
    }
}

/// The nodes of a body that its slopes pass through: what only conditions read decides between cases, and has none.
pub fn by_slopes(graph: &Graph, body: NodeId) -> HashSet<NodeId> {
    let mut found = HashSet::from([body]);
    for id in graph.reachable(&[body]).into_iter().rev() {
        if let (true, Node::Call(op, operands)) = (found.contains(&id), graph.node(id)) {
            let first = if op == Op::Select { 1 } else { 0 };
            let arity = if op.row().truth { 0 } else { op.row().arity };
            found.extend(operands.iter().take(arity).skip(first));
        }
    }
    found
}

/// The stages that slopes of `roots` pass through.
fn sloped(problem: &Problem, roots: &[StageId]) -> Vec<bool> {
    let mut found = vec![false; problem.stages.len()];
    let mut waiting = roots.to_vec();
    while let Some(StageId(k)) = waiting.pop() {
        if std::mem::replace(&mut found[k as usize], true) {
            continue;
        }
        let stage = &problem.stages[k as usize];
        waiting.extend(stage.matrix.map(|matrix| matrix.of));
        for term in &stage.terms {
            for id in by_slopes(&problem.graph, term.family.body) {
                if let Node::Leaf(leaf) = problem.graph.node(id)
                    && let Source::Stage(source) = term.family.leaves[leaf as usize].source
                {
                    waiting.push(source);
                }
            }
        }
    }
    found
}

/// The functions in a body that are not smooth everywhere and whose operands vary. The condition of an `if` does not
/// count by itself: the `if` does.
fn kinked_ops(problem: &Problem, body: NodeId, leaf_varies: &[bool]) -> Vec<(Op, Smoothness, Vec<NodeId>)> {
    let graph = &problem.graph;
    let sloped = by_slopes(&problem.graph, body);
    let mut varying = HashSet::new();
    let mut found = vec![];
    for id in graph.reachable(&[body]) {
        let (operands, arity) = graph.operands(id);
        match graph.node(id) {
            Node::Leaf(k) if leaf_varies[k as usize] => {
                varying.insert(id);
            }
            Node::Call(op, _) if operands[..arity].iter().any(|o| varying.contains(o)) => {
                varying.insert(id);
                let row = op.row();
                let decides = op == Op::Select && varying.contains(&operands[0]);
                if !sloped.contains(&id) {
                    continue;
                }
                if decides || (op != Op::Select && !row.truth && row.smooth != Smoothness::Smooth) {
                    found.push((op, row.smooth, operands[..arity].to_vec()));
                }
            }
            Node::Constant(_) | Node::Leaf(_) | Node::Call(..) => {}
        }
    }
    found
}
