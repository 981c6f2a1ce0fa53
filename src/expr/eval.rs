//! The referee: bodies and stages evaluated node by node, slowly and obviously.
//!
//! [`body`] works over any [`Arithmetic`], so the judge can bring its own dual numbers; [`stages`] follows the
//! definition in [`super::family`]; [`columns`] evaluates one body for many instances, a whole column per node.

use super::family::{MatrixStage, Source, Stage, StageId, Term};
use super::graph::{Graph, Node, NodeId};
use super::ops::Op;
use std::collections::HashMap;

/// What numbers are.
pub trait Arithmetic {
    type Value: Clone;
    fn constant(&self, value: f64) -> Self::Value;
    /// The value of a function; `operands` has as many entries as it takes. Never called for [`Op::Select`].
    fn apply(&self, op: Op, operands: &[Self::Value]) -> Self::Value;
    /// Whether a value that is a condition holds: it is not 0.
    fn is_true(&self, value: &Self::Value) -> bool;
}

/// Floating-point numbers.
pub struct Plain;

impl Arithmetic for Plain {
    type Value = f64;

    fn constant(&self, value: f64) -> f64 {
        value
    }

    fn apply(&self, op: Op, operands: &[f64]) -> f64 {
        (op.row().value)(three(operands))
    }

    fn is_true(&self, value: &f64) -> bool {
        *value != 0.0
    }
}

/// What sources read, as `source[position]`.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    pub variables: &'a [f64],
    /// By number of the parameter.
    pub params: Vec<&'a [f64]>,
    /// `Problem::after_solve`, by number.
    pub after: &'a [Vec<f64>],
}

/// A node whose operands are finite but whose value is not.
#[derive(Clone, Debug, PartialEq)]
pub struct NotFinite {
    pub node: NodeId,
    pub op: Op,
    /// As many as the function takes.
    pub operands: Vec<f64>,
    pub value: f64,
}

/// The value of a body. Each node is evaluated once, and of a `select` only the branch that is taken.
pub fn body<A: Arithmetic>(arithmetic: &A, graph: &Graph, body: NodeId, leaves: &[A::Value]) -> A::Value {
    let mut values = HashMap::new();
    fill(arithmetic, graph, body, leaves, &mut values);
    values[&body].clone()
}

/// The values of several bodies over the same leaves, and of all that they need; each node is evaluated once.
pub fn bodies<A: Arithmetic>(
    arithmetic: &A,
    graph: &Graph,
    roots: &[NodeId],
    leaves: &[A::Value],
) -> HashMap<NodeId, A::Value> {
    let mut values = HashMap::new();
    roots.iter().for_each(|&root| fill(arithmetic, graph, root, leaves, &mut values));
    values
}

/// Evaluates what `root` needs. The order of ids would evaluate branches that are not taken, so this walks down from
/// the root, with its own stack because bodies may be deep.
fn fill<A: Arithmetic>(
    arithmetic: &A,
    graph: &Graph,
    root: NodeId,
    leaves: &[A::Value],
    values: &mut HashMap<NodeId, A::Value>,
) {
    let mut waiting = vec![root];
    while let Some(&id) = waiting.last() {
        if values.contains_key(&id) {
            waiting.pop();
            continue;
        }
        let value = match graph.node(id) {
            Node::Constant(value) => arithmetic.constant(value),
            Node::Leaf(k) => leaves[k as usize].clone(),
            Node::Call(Op::Select, [condition, a, b]) => {
                let Some(holds) = values.get(&condition) else {
                    waiting.push(condition);
                    continue;
                };
                let taken = if arithmetic.is_true(holds) { a } else { b };
                let Some(value) = values.get(&taken) else {
                    waiting.push(taken);
                    continue;
                };
                value.clone()
            }
            Node::Call(op, operands) => {
                let operands = &operands[..op.row().arity];
                let missing: Vec<NodeId> = operands.iter().copied().filter(|id| !values.contains_key(id)).collect();
                if !missing.is_empty() {
                    waiting.extend(missing);
                    continue;
                }
                let operands: Vec<A::Value> = operands.iter().map(|id| values[id].clone()).collect();
                arithmetic.apply(op, &operands)
            }
        };
        values.insert(id, value);
        waiting.pop();
    }
}

/// Where a value that is not finite arises: the first node, operands before users, among those that are evaluated.
pub fn not_finite(graph: &Graph, body: NodeId, leaves: &[f64]) -> Option<NotFinite> {
    let mut values = HashMap::new();
    fill(&Plain, graph, body, leaves, &mut values);
    let mut evaluated: Vec<NodeId> = values.keys().copied().collect();
    evaluated.sort_unstable();
    evaluated.into_iter().find_map(|node| {
        let Node::Call(op, operands) = graph.node(node) else { return None };
        let value = values[&node];
        if value.is_finite() || op == Op::Select {
            return None;
        }
        let operands: Vec<f64> = operands[..op.row().arity].iter().map(|id| values[id]).collect();
        operands.iter().all(|x| x.is_finite()).then_some(NotFinite { node, op, operands, value })
    })
}

impl std::fmt::Display for NotFinite {
    /// As in `log of -0.3 is not a number: log needs a positive argument`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let row = self.op.row();
        let result = if self.value.is_nan() { "not a number" } else { "infinite" };
        match self.operands.as_slice() {
            [a, b] if !row.name.starts_with(char::is_alphabetic) => write!(f, "{a} {} {b} is {result}", row.name)?,
            operands => {
                let operands: Vec<String> = operands.iter().map(f64::to_string).collect();
                write!(f, "{} of {} is {result}", row.name, operands.join(", "))?;
            }
        }
        if !row.domain.needs.is_empty() && !row.defined_at(three(&self.operands)) {
            write!(f, ": {} needs {}", row.name, row.domain.needs)?;
        }
        Ok(())
    }
}

/// Which stages must be evaluated for `roots`.
pub fn needed(stages: &[Stage], roots: &[StageId]) -> Vec<bool> {
    let mut needed = vec![false; stages.len()];
    let mut waiting = roots.to_vec();
    while let Some(StageId(k)) = waiting.pop() {
        if std::mem::replace(&mut needed[k as usize], true) {
            continue;
        }
        for source in stages[k as usize].sources() {
            if let Source::Stage(id) = source {
                waiting.push(id);
            }
        }
    }
    needed
}

/// The values of all needed stages; an empty vector for the others.
pub fn stages(graph: &Graph, stages: &[Stage], needed: &[bool], inputs: &Inputs) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); stages.len()];
    for (k, stage) in stages.iter().enumerate().filter(|(k, _)| needed[*k]) {
        if let Some(matrix) = stage.matrix {
            values[k] = matrix_values(&matrix, &values[matrix.of.0 as usize]);
            continue;
        }
        values[k] = vec![0.0; stage.rows as usize];
        let mut terms: Vec<&Term> = stage.terms.iter().collect();
        terms.sort_by_key(|term| term.level);
        for term in terms {
            let parts = term_values(graph, term, inputs, &values);
            for (p, part) in parts.into_iter().enumerate() {
                values[k][term.target.at(p)] += part;
            }
        }
    }
    values
}

/// The rows of a stage that is a function of matrices, given the stage of their entries.
pub fn matrix_values(matrix: &MatrixStage, entries: &[f64]) -> Vec<f64> {
    let n = matrix.n as usize;
    entries.chunks_exact((n * n).max(1)).flat_map(|a| matrix.function.values(a, n)).collect()
}

/// The body of a term for each of its instances, given the stages that it reads.
pub fn term_values(graph: &Graph, term: &Term, inputs: &Inputs, stages: &[Vec<f64>]) -> Vec<f64> {
    let family = &term.family;
    let instances = family.instances as usize;
    let mut column = |k: u32| {
        let leaf = &family.leaves[k as usize];
        let source: &[f64] = match leaf.source {
            Source::Variables => inputs.variables,
            Source::Param(id) => inputs.params[id.0 as usize],
            Source::Stage(id) => &stages[id.0 as usize],
            Source::After(k) => &inputs.after[k as usize],
        };
        (0..instances).map(|p| source[leaf.map.at(p)]).collect()
    };
    columns(graph, family.body, instances, &mut column)
}

/// A body for many instances at once. `leaf(k)` is the column of leaf k, one entry per instance; it is asked once for
/// each leaf the body reads. Columns are dropped as soon as nothing needs them.
pub fn columns(graph: &Graph, body: NodeId, instances: usize, leaf: &mut dyn FnMut(u32) -> Vec<f64>) -> Vec<f64> {
    let order = graph.reachable(&[body]);
    let mut readers: HashMap<NodeId, usize> = HashMap::from([(body, 1)]);
    for &id in &order {
        let (operands, arity) = graph.operands(id);
        for operand in &operands[..arity] {
            *readers.entry(*operand).or_default() += 1;
        }
    }
    let mut values: HashMap<NodeId, Vec<f64>> = HashMap::new();
    for id in order {
        let column = match graph.node(id) {
            Node::Constant(value) => vec![value; instances],
            Node::Leaf(k) => leaf(k),
            Node::Call(op, operands) => {
                let operands = &operands[..op.row().arity];
                let column = apply_columns(op, instances, |k| &values[&operands[k]]);
                for operand in operands {
                    release(&mut readers, &mut values, *operand);
                }
                column
            }
        };
        values.insert(id, column);
    }
    values.remove(&body).unwrap_or_default()
}

fn apply_columns<'a>(op: Op, instances: usize, operand: impl Fn(usize) -> &'a Vec<f64>) -> Vec<f64> {
    let row = op.row();
    let value = row.value;
    match row.arity {
        1 => operand(0).iter().map(|&a| value([a; 3])).collect(),
        2 => operand(0).iter().zip(operand(1)).map(|(&a, &b)| value([a, b, a])).collect(),
        _ => (0..instances).map(|p| value([operand(0)[p], operand(1)[p], operand(2)[p]])).collect(),
    }
}

fn release(readers: &mut HashMap<NodeId, usize>, values: &mut HashMap<NodeId, Vec<f64>>, id: NodeId) {
    if let Some(left) = readers.get_mut(&id) {
        *left -= 1;
        if *left == 0 {
            values.remove(&id);
        }
    }
}

/// Operands as rows of the table take them.
fn three(operands: &[f64]) -> [f64; 3] {
    let mut all = [operands.first().copied().unwrap_or(0.0); 3];
    all[..operands.len()].copy_from_slice(operands);
    all
}

#[cfg(test)]
mod tests {
    use super::super::family::{Family, IndexMap, Leaf};
    use super::*;

    fn leaf(source: Source, map: IndexMap) -> Leaf {
        Leaf { source, map }
    }

    fn term(instances: u32, leaves: Vec<Leaf>, body: NodeId, target: IndexMap, level: u32) -> Term {
        Term { family: Family { instances, leaves, body }, target, level, origin: (0, 0, 0) }
    }

    #[test]
    fn a_recurrence_runs_level_by_level() {
        // s[0] = x[0], s[k] = s[k-1] + x[k]
        let mut g = Graph::default();
        let (a, b) = (g.leaf(0), g.leaf(1));
        let body = g.add(a, b);
        let stage = StageId(0);
        let mut terms = vec![term(1, vec![leaf(Source::Variables, IndexMap::scalar(0))], a, IndexMap::scalar(0), 0)];
        for k in 1..4 {
            let leaves =
                vec![leaf(Source::Stage(stage), IndexMap::scalar(k - 1)), leaf(Source::Variables, IndexMap::scalar(k))];
            terms.insert(0, term(1, leaves, body, IndexMap::scalar(k), k as u32));
        }
        let list = [Stage::sum("s", 4, terms)];
        let inputs = Inputs { variables: &[1.0, 2.0, 3.0, 4.0], params: vec![], after: &[] };
        assert_eq!(stages(&g, &list, &needed(&list, &[stage]), &inputs), [[1.0, 3.0, 6.0, 10.0]]);
    }

    #[test]
    fn terms_add_into_rows_and_unneeded_stages_stay_empty() {
        let mut g = Graph::default();
        let (a, b) = (g.leaf(0), g.leaf(1));
        let body = g.mul(a, b);
        let leaves =
            |source| vec![leaf(source, IndexMap::IDENTITY), leaf(Source::Param(ParamId(0)), IndexMap::IDENTITY)];
        let sum = Stage::sum("total", 2, vec![term(3, leaves(Source::Variables), body, IndexMap::scalar(1), 0)]);
        let unused = Stage::sum("unused", 3, vec![term(3, leaves(Source::Variables), a, IndexMap::IDENTITY, 0)]);
        let list = [unused, sum];
        let inputs = Inputs { variables: &[1.0, 2.0, 3.0], params: vec![&[4.0, 5.0, 6.0]], after: &[] };
        let mask = needed(&list, &[StageId(1)]);
        assert_eq!(stages(&g, &list, &mask, &inputs), [vec![], vec![0.0, 32.0]]);
    }

    #[test]
    fn the_branch_that_is_not_taken_is_never_evaluated() {
        struct Strict;
        impl Arithmetic for Strict {
            type Value = f64;
            fn constant(&self, value: f64) -> f64 {
                value
            }
            fn apply(&self, op: Op, operands: &[f64]) -> f64 {
                let value = Plain.apply(op, operands);
                assert!(value.is_finite(), "{op:?} of {operands:?}");
                value
            }
            fn is_true(&self, value: &f64) -> bool {
                *value != 0.0
            }
        }
        let mut g = Graph::default();
        let (x, zero) = (g.leaf(0), g.constant(0.0));
        let (positive, log) = (g.call(Op::Lt, &[zero, x]), g.log(x));
        let choice = g.select(positive, log, zero);
        assert_eq!(body(&Strict, &g, choice, &[-1.0]), 0.0);
        assert_eq!(body(&Strict, &g, choice, &[1.0]), 0.0);
        assert_eq!(columns(&g, choice, 2, &mut |_| vec![-1.0, 1.0]), [0.0, 0.0]);
        assert_eq!(not_finite(&g, choice, &[-1.0]), None);
    }

    #[test]
    fn a_domain_error_is_traced_to_its_function() {
        let mut g = Graph::default();
        let x = g.leaf(0);
        let inside = g.shift(-1.3, x);
        let log = g.log(inside);
        let total = g.add(log, x);
        let found = not_finite(&g, total, &[1.0]).unwrap();
        assert_eq!(found.op, Op::Log);
        assert_eq!(found.to_string(), "log of -0.30000000000000004 is not a number: log needs a positive argument");
        let ratio = g.div(total, inside);
        let found = not_finite(&g, ratio, &[1.3]).unwrap();
        assert_eq!(found.to_string(), "log of 0 is infinite: log needs a positive argument");
    }

    use super::super::family::ParamId;
}
