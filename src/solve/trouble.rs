//! What to say when a value or a slope is not finite: function, operands, row and line.

use crate::diag::{SourceId, Sources, Span};
use crate::expr::derive;
use crate::expr::eval::{self, Inputs, NotFinite};
use crate::expr::family::{Family, MatrixStage, Source, StageId, Term};
use crate::expr::graph::{Graph, Node, NodeId};
use crate::problem::Problem;
use crate::problem::squares::{span, span_of};

/// A function that is not finite although its operands are, or has a slope that is not.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub stage: usize,
    /// The number of the term, and of its instance.
    pub term: usize,
    pub instance: usize,
    pub found: NotFinite,
    /// The graph of derivatives, where it is a slope that is not finite.
    slopes: Option<Graph>,
}

/// The first, in the order of stages, in a value; else in a slope. `None` if the referee finds all finite.
pub fn find(problem: &Problem, x: &[f64]) -> Option<Trouble> {
    let inputs = inputs_at(problem, x);
    let (needed, values) = values_at(problem, x);
    let needed_stages = || problem.stages.iter().enumerate().filter(|(k, _)| needed[*k]);
    for (stage, owner) in needed_stages() {
        for (term, body) in owner.terms.iter().enumerate() {
            let parts = eval::term_values(&problem.graph, body, &inputs, &values);
            let Some(instance) = parts.iter().position(|v| !v.is_finite()) else { continue };
            let leaves = leaves_at(body, instance, &inputs, &values);
            if let Some(found) = eval::not_finite(&problem.graph, body.family.body, &leaves) {
                return Some(Trouble { stage, term, instance, found, slopes: None });
            }
        }
    }
    needed_stages().find_map(|(stage, owner)| {
        owner.terms.iter().enumerate().find_map(|(term, body)| {
            let (instance, found, graph) = bad_slope(problem, body, &inputs, &values)?;
            Some(Trouble { stage, term, instance, found, slopes: Some(graph) })
        })
    })
}

/// The same in a sentence.
pub fn explain(problem: &Problem, sources: &Sources, x: &[f64]) -> Option<String> {
    match undefined_matrix(problem, x) {
        Some(matrix) => Some(matrix.sentence(sources)),
        None => find(problem, x).map(|trouble| trouble.sentence(problem, sources)),
    }
}

/// A function of matrices that is not defined, although all entries are finite.
#[derive(Clone, Copy, Debug)]
pub struct UndefinedMatrix {
    pub stage: StageId,
    pub matrix: MatrixStage,
}

/// The first, in the order of stages, unless something before it is not finite.
pub fn undefined_matrix(problem: &Problem, x: &[f64]) -> Option<UndefinedMatrix> {
    if problem.stages.iter().all(|stage| stage.matrix.is_none()) {
        return None;
    }
    let (needed, values) = values_at(problem, x);
    let finite = |id: StageId| values[id.0 as usize].iter().all(|v| v.is_finite());
    (0..problem.stages.len()).filter(|k| needed[*k]).find_map(|k| {
        let (stage, matrix) = (StageId(k as u32), problem.stages[k].matrix?);
        (finite(matrix.of) && !finite(stage)).then_some(UndefinedMatrix { stage, matrix })
    })
}

impl UndefinedMatrix {
    /// As in "inv of a matrix of 3 rows is not defined: it needs a matrix that is not singular (line 7)".
    pub fn sentence(&self, sources: &Sources) -> String {
        let MatrixStage { function, n, origin, .. } = self.matrix;
        let line = match (origin.0 as usize) < sources.files.len() {
            true => format!(" (line {})", sources.line_column(SourceId(origin.0), origin.1).0),
            false => String::new(),
        };
        format!("{} of a matrix of {n} rows is not defined: it needs {}{line}", function.name(), function.needs())
    }

    pub fn span(&self) -> Span {
        span(self.matrix.origin)
    }
}

/// Which stages the objectives and rows need, and their values.
fn values_at(problem: &Problem, x: &[f64]) -> (Vec<bool>, Vec<Vec<f64>>) {
    let rows = problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage);
    let roots: Vec<StageId> = problem.objectives.iter().map(|o| o.stage).chain(rows).collect();
    let needed = eval::needed(&problem.stages, &roots);
    let values = eval::stages(&problem.graph, &problem.stages, &needed, &inputs_at(problem, x));
    (needed, values)
}

fn inputs_at<'a>(problem: &'a Problem, x: &'a [f64]) -> Inputs<'a> {
    let params = problem.params.iter().map(|param| param.values.as_slice()).collect();
    Inputs { variables: x, params, after: &[] }
}

fn leaves_at(term: &Term, p: usize, inputs: &Inputs, stages: &[Vec<f64>]) -> Vec<f64> {
    let read = |leaf: &crate::expr::family::Leaf| match leaf.source {
        Source::Variables => inputs.variables[leaf.map.at(p)],
        Source::Param(id) => inputs.params[id.0 as usize][leaf.map.at(p)],
        Source::Stage(id) => stages[id.0 as usize][leaf.map.at(p)],
        Source::After(_) => f64::NAN,
    };
    term.family.leaves.iter().map(read).collect()
}

/// The first instance of which a partial derivative is not finite, and why.
fn bad_slope(
    problem: &Problem,
    term: &Term,
    inputs: &Inputs,
    stages: &[Vec<f64>],
) -> Option<(usize, NotFinite, Graph)> {
    let mut graph = problem.graph.clone();
    let used: Vec<u32> = graph
        .reachable(&[term.family.body])
        .into_iter()
        .filter_map(|id| match graph.node(id) {
            Node::Leaf(k) => Some(k),
            Node::Constant(_) | Node::Call(..) => None,
        })
        .filter(|k| !matches!(term.family.leaves[*k as usize].source, Source::Param(_)))
        .collect();
    let slopes: Vec<NodeId> = derive::gradient(&mut graph, term.family.body, &used).into_iter().flatten().collect();
    // By columns, and node by node only where one is not finite: a branch that is not taken may be the cause of that.
    let first = |slope: &NodeId| {
        let part = Term { family: Family { body: *slope, ..term.family.clone() }, ..term.clone() };
        let column = eval::term_values(&graph, &part, inputs, stages);
        let suspects = column.iter().enumerate().filter(|(_, v)| !v.is_finite()).map(|(p, _)| p);
        suspects
            .into_iter()
            .find_map(|p| Some((p, eval::not_finite(&graph, *slope, &leaves_at(term, p, inputs, stages))?)))
    };
    let (instance, found) = slopes.iter().filter_map(first).min_by_key(|(p, _)| *p)?;
    Some((instance, found, graph))
}

impl Trouble {
    pub fn term<'p>(&self, problem: &'p Problem) -> &'p Term {
        &problem.stages[self.stage].terms[self.term]
    }

    /// The graph that the node of the function stands in.
    pub fn graph<'a>(&'a self, problem: &'a Problem) -> &'a Graph {
        self.slopes.as_ref().unwrap_or(&problem.graph)
    }

    /// `row[3]`, an objective, or an element of a named expression.
    pub fn name(&self, problem: &Problem) -> String {
        let (term, stage) = (self.term(problem), self.stage);
        let row = term.target.at(self.instance);
        let starts = problem.row_starts();
        let constraint = problem.constraints.iter().position(|c| c.stage.0 as usize == stage);
        let objective = problem.objectives.iter().find(|o| o.stage.0 as usize == stage);
        let named = problem.named.iter().find(|n| n.stage.0 as usize == stage);
        let instance = if term.family.instances > 1 { format!(", term {}", self.instance + 1) } else { String::new() };
        match (constraint, objective, named) {
            (Some(k), _, _) => format!("`{}`", problem.row_name(starts[k] + row)),
            (None, Some(objective), _) => format!("`{}`{instance}", objective.label),
            (None, None, Some(named)) => format!("`{}{}`", named.name, named.axes.label(row)),
            (None, None, None) if problem.stages[stage].rows == 1 => {
                format!("`{}`{instance}", problem.stages[stage].name)
            }
            (None, None, None) => format!("element {} of `{}`", row + 1, problem.stages[stage].name),
        }
    }

    /// As in "log of -0.3 is not a number: log needs a positive argument, in `row[3]` (line 7)".
    pub fn sentence(&self, problem: &Problem, sources: &Sources) -> String {
        let (source, start, _) = self.term(problem).origin;
        let line = match (source as usize) < sources.files.len() {
            true => format!(" (line {})", sources.line_column(SourceId(source), start).0),
            false => String::new(),
        };
        let slope = if self.slopes.is_some() { "in a derivative, " } else { "" };
        format!("{slope}{}, in {}{line}", self.found, self.name(problem))
    }

    /// Whether it is a slope, and the value is finite.
    pub fn of_slope(&self) -> bool {
        self.slopes.is_some()
    }

    /// Where the function is written.
    pub fn span(&self, problem: &Problem) -> Span {
        span_of(self.term(problem))
    }
}
