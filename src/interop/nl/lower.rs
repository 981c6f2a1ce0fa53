//! From the tree of a file to scalar columns and rows.

use super::error::{NlError, span};
use super::expressions::{Expression, Token};
use super::header::Header;
use super::labels::Labels;
use super::operators::Meaning;
use super::segments::{Bounds, Nl, SuffixOn};
use crate::diag::{SourceId, Span};
use crate::expr::graph::{Graph, NodeId};
use crate::interop::scalars::{Body, Column, Goal, Row, Scalars, Shared};
use crate::problem::{Kind, Scaled, Unsupported};
use std::collections::VecDeque;

/// Functions within functions beyond this depth are refused: a walk over them may exhaust the stack. Long sums and
/// products count as one function.
const DEEPEST: u32 = 1000;

/// Which objective is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The first, if there is one.
    #[default]
    First,
    /// None of them: any feasible point will do.
    None,
    /// By its number from 0.
    Number(usize),
}

impl Choice {
    /// The number of the objective, from 0.
    pub fn of(self, objectives: usize) -> Option<usize> {
        match self {
            Choice::First => Some(0).filter(|_| objectives > 0),
            Choice::None => None,
            Choice::Number(k) => Some(k),
        }
    }
}

/// A file with its text (empty if it is binary) for the places of messages.
pub struct File<'a> {
    pub source: SourceId,
    pub text: &'a str,
    pub labels: &'a Labels,
}

/// Makes columns and rows; only the chosen objective is kept.
pub fn lower(nl: &Nl, file: &File, choice: Choice) -> Result<Scalars, NlError> {
    let mut lowering = Lowering { nl, file, graph: Graph::default(), leaves: vec![None; nl.header.defined] };
    let columns = lowering.columns();
    let mut shared = vec![];
    for defined in &nl.defined {
        let body = lowering.body(Some(defined.body), &defined.linear)?;
        lowering.leaves[defined.index as usize] = Some((nl.header.variables + shared.len()) as u32);
        let name = format!("defined[{}]", defined.index + 1);
        shared.push(Shared { name, body, span: lowering.span(defined.at) });
    }
    let mut objectives = vec![];
    if let Some(k) = choice.of(nl.objectives.len()) {
        let Some(objective) = nl.objectives.get(k) else {
            let count = nl.objectives.len();
            return Err(NlError::unsupported(0, format!("there is no objective {}: the file has {count}", k + 1)));
        };
        let body = lowering.body(objective.body, &objective.linear)?;
        let name = file.labels.row(nl.header.rows + k).to_string();
        objectives.push(Goal { name, sense: objective.sense, body, span: lowering.span(objective.at) });
    }
    let mut rows = vec![];
    let unsupported = special_sets(nl, &lowering);
    for (k, row) in nl.rows.iter().enumerate() {
        let span = lowering.span(row.at);
        let sides = row.bounds.unwrap_or(Bounds { lower: f64::NEG_INFINITY, upper: f64::INFINITY, at: row.at });
        let name = file.labels.row(k).to_string();
        let body = lowering.body(row.body, &row.linear)?;
        let complements = row.complements;
        rows.push(Row { name, lower: sides.lower, upper: sides.upper, body, complements, span });
    }
    let scales = scales(nl, choice.of(nl.objectives.len()));
    Ok(Scalars { graph: lowering.graph, columns, shared, objectives, rows, scales, unsupported })
}

/// The suffix `scaling_factor`: what variables, rows and objectives are to be multiplied by, so that it divides sizes.
/// Factors that are not positive say nothing. The chosen objective becomes the first.
fn scales(nl: &Nl, objective: Option<usize>) -> Vec<(Scaled, f64)> {
    let factors = nl.suffixes.iter().filter(|suffix| suffix.name == "scaling_factor");
    let each = factors.flat_map(|suffix| suffix.values.iter().map(move |(k, factor)| (suffix.on, *k, factor.recip())));
    let sizes = each.filter(|(_, _, size)| *size > 0.0 && size.is_finite());
    sizes
        .filter_map(|(on, k, size)| match on {
            SuffixOn::Variables => Some((Scaled::Variable(k), size)),
            SuffixOn::Rows => Some((Scaled::Row(k), size)),
            SuffixOn::Objectives => (objective == Some(k as usize)).then_some((Scaled::Objective(0), size)),
            SuffixOn::Problem => None,
        })
        .collect()
}

/// Special ordered sets are stated by suffixes; they must not be lost.
fn special_sets(nl: &Nl, lowering: &Lowering) -> Vec<Unsupported> {
    let states_sets = |name: &str| matches!(name, "sosno" | "sos");
    let mut suffixes = nl.suffixes.iter().filter(|suffix| {
        suffix.on == SuffixOn::Variables && states_sets(&suffix.name) && suffix.values.iter().any(|(_, v)| *v != 0.0)
    });
    let sentence = "the suffix `sosno` makes special ordered sets, and no method of this build keeps to them";
    let refused = |at| Unsupported { construct: "sos", sentence: sentence.to_string(), span: lowering.span(at) };
    suffixes.next().map(|suffix| refused(suffix.at)).into_iter().collect()
}

struct Lowering<'a> {
    nl: &'a Nl,
    file: &'a File<'a>,
    graph: Graph,
    /// The leaf of each defined variable that was lowered so far.
    leaves: Vec<Option<u32>>,
}

/// A value on the way up. Sums and products stay lists until something else is made of them.
enum Value {
    Node(NodeId),
    /// Parts with whether they are taken off.
    Sum(VecDeque<(NodeId, bool)>),
    Product(VecDeque<NodeId>),
}

impl Lowering<'_> {
    fn span(&self, at: usize) -> Span {
        if self.file.text.is_empty() {
            Span::new(self.file.source, 0, 0)
        } else {
            span(self.file.source, self.file.text, at)
        }
    }

    fn columns(&self) -> Vec<Column> {
        let kinds = kinds(&self.nl.header);
        let mut starts = vec![None; self.nl.header.variables];
        for (k, value) in &self.nl.start {
            starts[*k as usize] = Some(*value);
        }
        // A start for some is a start for all: AMPL's others are 0.
        let given = !self.nl.start.is_empty();
        let column = |(k, bounds): (usize, &Bounds)| Column {
            name: self.file.labels.column(k).to_string(),
            lower: bounds.lower,
            upper: bounds.upper,
            start: starts[k].or(given.then(|| 0f64.max(bounds.lower).min(bounds.upper))),
            kind: kinds[k],
            span: self.span(bounds.at),
        };
        self.nl.variables.iter().enumerate().map(column).collect()
    }

    fn body(&mut self, expression: Option<Expression>, linear: &[(u32, f64)]) -> Result<Body, NlError> {
        let mut body = Body::default();
        for &(index, factor) in linear.iter().filter(|(_, factor)| *factor != 0.0) {
            body.linear.push((self.leaf(index)?, factor));
        }
        let Some(expression) = expression else { return Ok(body) };
        let root = self.expression(expression)?;
        match self.graph.value_of(root) {
            Some(value) => body.constant = value,
            None => body.nonlinear = Some(root),
        }
        Ok(body)
    }

    fn leaf(&self, index: u32) -> Result<u32, NlError> {
        let Some(defined) = (index as usize).checked_sub(self.nl.header.variables) else { return Ok(index) };
        self.leaves[defined].ok_or_else(|| {
            NlError::malformed(0, format!("defined variable {} is used before it is defined", defined + 1))
        })
    }

    /// Tokens from last to first: operands before operators, the first operand on top of the stack.
    fn expression(&mut self, expression: Expression) -> Result<NodeId, NlError> {
        let nl = self.nl;
        let tokens = &nl.tokens[expression.start as usize..expression.end as usize];
        let mut stack: Vec<(Value, u32)> = vec![];
        for token in tokens.iter().rev() {
            let value = match *token {
                Token::Number(value) => (Value::Node(self.graph.constant(value)), 0),
                Token::Reference(index) => {
                    let leaf = self.leaf(index)?;
                    (Value::Node(self.graph.leaf(leaf)), 0)
                }
                Token::Operator(operator, operands) => {
                    let operands = stack.split_off(stack.len() - operands as usize);
                    self.applied(operator.meaning, operands)
                }
            };
            if value.1 > DEEPEST {
                return Err(NlError::unsupported(0, format!("an expression nests more than {DEEPEST} functions")));
            }
            stack.push(value);
        }
        let (value, _) = stack.pop().expect("an expression has a root");
        Ok(self.node(value))
    }

    /// `operands` with the first one last.
    fn applied(&mut self, meaning: Meaning, mut operands: Vec<(Value, u32)>) -> (Value, u32) {
        let deepest = operands.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        match meaning {
            Meaning::Sum => {
                let is_list = |value: &Value| matches!(value, Value::Sum(_));
                let depth = deepest.max(1 + depth_of(&operands, |value| !is_list(value)));
                let parts = operands.into_iter().rev().map(|(value, _)| self.parts(value));
                (Value::Sum(parts.reduce(joined).unwrap_or_default()), depth)
            }
            Meaning::Difference | Meaning::Negative => {
                let depth = deepest.max(1 + depth_of(&operands, |value| !matches!(value, Value::Sum(_))));
                let (last, _) = operands.remove(0);
                let mut taken = self.parts(last);
                taken.iter_mut().for_each(|(_, off)| *off = !*off);
                match operands.pop() {
                    Some((first, _)) => (Value::Sum(joined(self.parts(first), taken)), depth),
                    None => (Value::Sum(taken), depth),
                }
            }
            Meaning::Product => {
                let depth = deepest.max(1 + depth_of(&operands, |value| !matches!(value, Value::Product(_))));
                let factors = operands.into_iter().rev().map(|(value, _)| match value {
                    Value::Product(factors) => factors,
                    Value::Node(_) | Value::Sum(_) => VecDeque::from([self.node(value)]),
                });
                (Value::Product(factors.reduce(joined).unwrap_or_default()), depth)
            }
            Meaning::Function(build) => {
                let nodes: Vec<NodeId> = operands.into_iter().rev().map(|(value, _)| self.node(value)).collect();
                (Value::Node(build(&mut self.graph, &nodes)), deepest + 1)
            }
            Meaning::Unsupported => unreachable!("the reader refuses what has no meaning here"),
        }
    }

    fn parts(&mut self, value: Value) -> VecDeque<(NodeId, bool)> {
        match value {
            Value::Sum(parts) => parts,
            Value::Node(_) | Value::Product(_) => VecDeque::from([(self.node(value), false)]),
        }
    }

    fn node(&mut self, value: Value) -> NodeId {
        match value {
            Value::Node(node) => node,
            Value::Product(factors) => {
                let factors: Vec<NodeId> = factors.into();
                self.graph.product(&factors)
            }
            Value::Sum(parts) => {
                let parts: Vec<NodeId> =
                    parts.into_iter().map(|(node, off)| if off { self.graph.neg(node) } else { node }).collect();
                self.graph.sum(&parts)
            }
        }
    }
}

fn depth_of(operands: &[(Value, u32)], counts: impl Fn(&Value) -> bool) -> u32 {
    operands.iter().filter(|(value, _)| counts(value)).map(|(_, depth)| *depth).max().unwrap_or(0)
}

/// One after the other; the shorter list is moved.
fn joined<T>(mut first: VecDeque<T>, mut second: VecDeque<T>) -> VecDeque<T> {
    if first.len() >= second.len() {
        first.append(&mut second);
        return first;
    }
    first.into_iter().rev().for_each(|part| second.push_front(part));
    second
}

/// What each variable is, by the order that the format prescribes.
fn kinds(header: &Header) -> Vec<Kind> {
    let mut kinds = vec![Kind::Real; header.variables];
    let mut integers = |end: usize, count: usize, kind: Kind| kinds[end - count..end].fill(kind);
    let nonlinear = header.nonlinear_in_rows.max(header.nonlinear_in_objectives);
    integers(header.nonlinear_in_both, header.integer_in_both, Kind::Integer);
    integers(header.nonlinear_in_rows, header.integer_in_rows, Kind::Integer);
    integers(nonlinear, header.integer_in_objectives, Kind::Integer);
    integers(header.variables - header.integer_variables, header.binary_variables, Kind::Binary);
    integers(header.variables, header.integer_variables, Kind::Integer);
    kinds
}

#[cfg(test)]
mod scale_tests {
    use super::*;
    use crate::interop::build::build;
    use crate::problem::values::{Numbers, Scales};

    #[test]
    fn scaling_factors_divide_sizes() {
        let text = format!(
            "{}S4 3 scaling_factor\n0 0.5\n2 4\n3 -1\nS1 1 scaling_factor\n1 10\nS2 1 scaling_factor\n0 2\n",
            include_str!("../../../tests/nl/hs071.nl")
        );
        let labels = Labels::of(None, None);
        let nl = super::super::segments::read(text.as_bytes(), &labels).map_err(|_| "unreadable").unwrap();
        let file = File { source: SourceId(0), text: &text, labels: &labels };
        let scalars = lower(&nl, &file, Choice::First).map_err(|_| "refused").unwrap();
        let built = build(scalars);
        let scales = Scales::of(&built.problem, &Numbers::of(&built.problem)).expect("there are some");
        let of = |k: usize| scales.variables[built.columns[k] as usize];
        assert_eq!([of(0), of(1), of(2), of(3)], [Some(2.0), Some(1.0), Some(0.25), Some(1.0)]);
        assert_eq!(scales.rows[built.rows[1] as usize], Some(0.1));
        assert_eq!(scales.objective, Some(0.5));
    }
}
