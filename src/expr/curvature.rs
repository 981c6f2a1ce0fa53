//! Convexity by composition: what is known of a body from what is known of its leaves.
//!
//! `f(g_1, ..., g_k)` is convex if f is jointly convex where the g may be, and each `g_i` is affine, or convex while f
//! rises in it, or concave while f falls in it. Rows of the table say what f does on a box, so `x^3` is convex where
//! `x >= 0`. Three forms are known beyond that rule: the root of a sum of squares (a norm), the logarithm of a sum of
//! exponentials, and the quotient of a square and a positive affine function.

use super::family::{Leaf, MatrixStage, Source, Stage, StageId, Term};
use super::graph::{Graph, Node, NodeId};
use super::interval::Interval;
use super::matrix::MatrixFunction;
use super::ops::{Curvature, Op, Operand, Slope, Smoothness};
use super::symmetric::affine_and_symmetric;
use std::collections::HashMap;

/// What is known of a function of the variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    pub curvature: Curvature,
    pub interval: Interval,
    /// As a polynomial in the variables; `None` if it was not shown to be one.
    pub degree: Option<u32>,
    pub smooth: Smoothness,
    pub form: Form,
}

/// Forms that make a root or a logarithm convex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// A sum of squares of functions whose magnitude is convex, so that its root is a norm.
    pub squares: bool,
    /// Positive, and its logarithm is convex.
    pub log_convex: bool,
}

/// What was found of a body.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyFacts {
    pub facts: Facts,
    /// How the body runs in each leaf.
    pub slopes: Vec<Slope>,
    /// The first node at which curvature was lost; a leaf if it came with unknown curvature.
    pub blame: Option<NodeId>,
    /// The first node at which smoothness was lost, likewise.
    pub rough: Option<NodeId>,
}

/// What holds of every row of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageFacts {
    pub facts: Facts,
    pub depends_on_variables: bool,
    /// The first term, and the node in it, at which curvature was lost. If each term has a curvature but their sum
    /// has none, the first term that does not fit those before it, with its body.
    pub blame: Option<(usize, NodeId)>,
    /// The first term, and the node in it, at which smoothness was lost.
    pub rough: Option<(usize, NodeId)>,
}

impl Facts {
    /// A number that does not depend on the variables.
    pub fn constant(interval: Interval) -> Facts {
        Facts { curvature: Curvature::Constant, degree: Some(0), ..Facts::variable(interval) }.with_form_of_constant()
    }

    /// A variable within bounds.
    pub fn variable(interval: Interval) -> Facts {
        Facts {
            curvature: Curvature::Affine,
            interval,
            degree: Some(1),
            smooth: Smoothness::Smooth,
            form: Form { squares: false, log_convex: false },
        }
    }

    fn with_form_of_constant(self) -> Facts {
        let (squares, log_convex) = (self.interval.lo >= 0.0, self.interval.lo > 0.0);
        Facts { form: Form { squares, log_convex }, ..self }
    }

    fn is_constant(&self) -> bool {
        self.curvature == Curvature::Constant
    }
}

struct NodeFacts {
    facts: Facts,
    slopes: Vec<Slope>,
    blame: Option<NodeId>,
    rough: Option<NodeId>,
}

/// Analyses a body; `leaves[k]` is what is known of leaf k.
pub fn body_facts(graph: &Graph, body: NodeId, leaves: &[Facts]) -> BodyFacts {
    let mut found: HashMap<NodeId, NodeFacts> = HashMap::new();
    for id in graph.reachable(&[body]) {
        let node = match graph.node(id) {
            Node::Constant(value) => NodeFacts {
                facts: Facts::constant(Interval::exactly(value)),
                slopes: vec![Slope::Flat; leaves.len()],
                blame: None,
                rough: None,
            },
            Node::Leaf(k) => {
                let facts = leaves[k as usize];
                let mut slopes = vec![Slope::Flat; leaves.len()];
                slopes[k as usize] = Slope::Rising;
                let blame = (facts.curvature == Curvature::Unknown).then_some(id);
                NodeFacts { facts, slopes, blame, rough: (facts.smooth != Smoothness::Smooth).then_some(id) }
            }
            Node::Call(op, operands) => call_facts(graph, id, op, &operands[..op.row().arity], &found),
        };
        found.insert(id, node);
    }
    let NodeFacts { facts, slopes, blame, rough } = found.remove(&body).expect("a body is reachable from itself");
    let blame = if facts.curvature == Curvature::Unknown { blame } else { None };
    BodyFacts { facts, slopes, blame, rough }
}

/// Why a node has no curvature, in words that end "it is not known to be convex or concave because of ...".
pub fn reason(graph: &Graph, node: NodeId) -> String {
    match graph.node(node) {
        Node::Constant(_) => "a constant".to_string(),
        Node::Leaf(_) => "an expression it reads".to_string(),
        Node::Call(Op::Mul, _) => "a product of two expressions in the variables".to_string(),
        Node::Call(Op::Div, _) => "a quotient whose denominator has variables".to_string(),
        Node::Call(Op::Add | Op::Sub, _) => "a sum of a convex and a concave part".to_string(),
        Node::Call(Op::Select, _) => "a choice between branches".to_string(),
        Node::Call(op, _) => format!("`{}` of an expression that does not fit its shape", op.row().name),
    }
}

fn call_facts(graph: &Graph, id: NodeId, op: Op, operands: &[NodeId], found: &HashMap<NodeId, NodeFacts>) -> NodeFacts {
    let parts: Vec<&NodeFacts> = operands.iter().map(|id| &found[id]).collect();
    let facts: Vec<Facts> = parts.iter().map(|part| part.facts).collect();
    let box_of = |k: usize| facts[if k < facts.len() { k } else { 0 }];
    let known: [Operand; 3] =
        std::array::from_fn(|k| Operand { interval: box_of(k).interval, constant: box_of(k).is_constant() });
    let interval = op.row().image_of(known.map(|operand| operand.interval));
    let runs = (op.row().slopes)(known);
    let leaves = parts[0].slopes.len();
    let slopes = (0..leaves).map(|leaf| through(&runs, parts.iter().map(|part| part.slopes[leaf]))).collect();
    if facts.iter().all(Facts::is_constant) {
        return NodeFacts { facts: Facts::constant(interval), slopes, blame: None, rough: None };
    }
    let curvature = special_curvature(graph, op, operands, found)
        .unwrap_or_else(|| composed((op.row().curvature)(known), &runs, &facts));
    let own = own_smoothness(op, &facts);
    let smooth = facts.iter().fold(own, |worst, part| worse(worst, part.smooth));
    let facts = Facts { curvature, interval, degree: degree(op, &facts), smooth, form: form(op, &facts) };
    let blame = match curvature {
        Curvature::Unknown => Some(parts.iter().find_map(|part| part.blame).unwrap_or(id)),
        Curvature::Constant | Curvature::Affine | Curvature::Convex | Curvature::Concave => None,
    };
    let rough = parts.iter().find_map(|part| part.rough).or((own != Smoothness::Smooth).then_some(id));
    NodeFacts { facts, slopes, blame, rough }
}

/// The rule of composition.
fn composed(outer: Curvature, runs: &[Slope; 3], operands: &[Facts]) -> Curvature {
    let fits = |keeps: fn(Curvature) -> bool, turns: fn(Curvature) -> bool| {
        operands.iter().zip(runs).all(|(operand, slope)| {
            operand.curvature.is_affine()
                || (*slope == Slope::Rising && keeps(operand.curvature))
                || (*slope == Slope::Falling && turns(operand.curvature))
        })
    };
    let convex = outer.is_convex() && fits(Curvature::is_convex, Curvature::is_concave);
    let concave = outer.is_concave() && fits(Curvature::is_concave, Curvature::is_convex);
    Curvature::of(convex, concave)
}

/// What the rule of composition cannot see.
fn special_curvature(
    graph: &Graph,
    op: Op,
    operands: &[NodeId],
    found: &HashMap<NodeId, NodeFacts>,
) -> Option<Curvature> {
    let of = |k: usize| found[&operands[k]].facts;
    match op {
        Op::Sqrt => of(0).form.squares.then_some(Curvature::Convex),
        Op::Log | Op::Log2 | Op::Log10 => of(0).form.log_convex.then_some(Curvature::Convex),
        Op::Select if of(0).is_constant() => {
            let (a, b) = (of(1).curvature, of(2).curvature);
            Some(Curvature::of(a.is_convex() && b.is_convex(), a.is_concave() && b.is_concave()))
        }
        // u² / v is jointly convex for v > 0, rises in |u| and falls in v.
        Op::Div if of(1).interval.lo >= 0.0 && of(1).curvature.is_concave() => {
            let Node::Call(Op::Square, [u, ..]) = graph.node(operands[0]) else { return None };
            has_convex_magnitude(&found[&u].facts).then_some(Curvature::Convex)
        }
        Op::Mul => power_of_one(graph, operands, found).or_else(|| {
            [(0, 1), (1, 0)].into_iter().find_map(|(x, other)| {
                // x log(x) as written by hand.
                let Node::Call(Op::Log, [inside, ..]) = graph.node(operands[other]) else { return None };
                (inside == operands[x] && of(x).curvature.is_affine()).then_some(Curvature::Convex)
            })
        }),
        _ => None,
    }
}

/// A product whose factors are powers of one expression `u`, as whole powers are written: `u^5` is `(u²)² u`.
fn power_of_one(graph: &Graph, factors: &[NodeId], found: &HashMap<NodeId, NodeFacts>) -> Option<Curvature> {
    let ((base, p), (other, q)) = (power(graph, factors[0], DEEPEST), power(graph, factors[1], DEEPEST));
    if base != other {
        return None;
    }
    let u = &found.get(&base)?.facts;
    match (p + q) % 2 {
        0 => has_convex_magnitude(u).then_some(Curvature::Convex),
        _ if u.curvature.is_convex() && u.interval.lo >= 0.0 => Some(Curvature::Convex),
        _ if u.curvature.is_concave() && u.interval.hi <= 0.0 => Some(Curvature::Concave),
        _ => None,
    }
}

/// Squares and products inside each other that are looked through: enough for exponents of some hundreds.
const DEEPEST: u32 = 10;

/// A node as a power of another one.
fn power(graph: &Graph, node: NodeId, deepest: u32) -> (NodeId, u32) {
    if deepest == 0 {
        return (node, 1);
    }
    let inner = |node| power(graph, node, deepest - 1);
    match graph.node(node) {
        Node::Call(Op::Square, [a, ..]) => {
            let (base, exponent) = inner(a);
            (base, 2 * exponent)
        }
        Node::Call(Op::Mul, [a, b, ..]) => match (inner(a), inner(b)) {
            ((a, p), (b, q)) if a == b => (a, p + q),
            _ => (node, 1),
        },
        _ => (node, 1),
    }
}

/// Whether `|u|` is convex.
fn has_convex_magnitude(u: &Facts) -> bool {
    u.curvature.is_affine()
        || (u.curvature.is_convex() && u.interval.lo >= 0.0)
        || (u.curvature.is_concave() && u.interval.hi <= 0.0)
}

fn form(op: Op, operands: &[Facts]) -> Form {
    let both = |test: fn(&Facts) -> bool| operands.iter().all(test);
    let first = &operands[0];
    match op {
        Op::Add => Form { squares: both(|f| f.form.squares), log_convex: both(|f| f.form.log_convex) },
        Op::Mul => Form {
            squares: both(|f| f.form.squares) && operands.iter().any(Facts::is_constant),
            log_convex: both(|f| f.form.log_convex),
        },
        Op::Div => {
            let scaled = operands[1].is_constant() && operands[1].interval.lo > 0.0;
            Form { squares: scaled && first.form.squares, log_convex: scaled && first.form.log_convex }
        }
        Op::Square => Form { squares: has_convex_magnitude(first), log_convex: first.form.log_convex },
        Op::Exp => Form { squares: false, log_convex: first.curvature.is_convex() },
        _ => Form { squares: false, log_convex: false },
    }
}

fn degree(op: Op, operands: &[Facts]) -> Option<u32> {
    let of = |k: usize| operands[k].degree;
    match op {
        Op::Add | Op::Sub => Some(of(0)?.max(of(1)?)),
        Op::Neg => of(0),
        Op::Mul => Some(of(0)?.saturating_add(of(1)?)),
        Op::Square => Some(of(0)?.saturating_mul(2)),
        Op::Div if operands[1].is_constant() => of(0),
        Op::Pow => {
            let p = operands[1].interval.point()?;
            let whole = operands[1].is_constant() && p >= 0.0 && p == p.trunc() && p < 1e6;
            if whole { Some(of(0)?.saturating_mul(p as u32)) } else { None }
        }
        Op::Select if operands[0].is_constant() => Some(of(1)?.max(of(2)?)),
        _ => None,
    }
}

/// Smoothness of the function itself where its operands may be.
fn own_smoothness(op: Op, operands: &[Facts]) -> Smoothness {
    let away_from_zero = |k: usize| operands[k].interval.sign_strict() != 0;
    let harmless = match op {
        Op::Abs | Op::Sign | Op::Cbrt => away_from_zero(0),
        Op::Min | Op::Max => {
            let (a, b) = (operands[0].interval, operands[1].interval);
            a.hi < b.lo || b.hi < a.lo
        }
        Op::Select => operands[0].is_constant() || away_from_zero(0),
        _ => false,
    };
    if harmless { Smoothness::Smooth } else { op.row().smooth }
}

/// The rougher of two: a jump is worse than a kink.
fn worse(a: Smoothness, b: Smoothness) -> Smoothness {
    let rank = |s: Smoothness| match s {
        Smoothness::Smooth => 0,
        Smoothness::Kink(_) => 1,
        Smoothness::Jump(_) => 2,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// The slope of a composition in one leaf, given how the operands run in it.
fn through(runs: &[Slope; 3], operands: impl Iterator<Item = Slope>) -> Slope {
    let links = runs.iter().zip(operands).map(|(outer, inner)| match (outer, inner) {
        (_, Slope::Flat) | (Slope::Flat, _) => Slope::Flat,
        (Slope::Neither, _) | (_, Slope::Neither) => Slope::Neither,
        (Slope::Rising, inner) => inner,
        (Slope::Falling, inner) => inner.reversed(),
    });
    links.fold(Slope::Flat, |so_far, link| match (so_far, link) {
        (Slope::Flat, other) | (other, Slope::Flat) => other,
        (a, b) if a == b => a,
        _ => Slope::Neither,
    })
}

/// Analyses all stages in order. `source` tells what holds of all that a leaf reads (over its instances, whose number
/// is given) where it does not read a stage.
///
/// A stage has one answer for all its rows: rows of different shape in one stage are as bad as their sum.
pub fn stage_facts(graph: &Graph, stages: &[Stage], source: &mut dyn FnMut(&Leaf, u32) -> Facts) -> Vec<StageFacts> {
    let mut known: Vec<StageFacts> = Vec::with_capacity(stages.len());
    for (k, stage) in stages.iter().enumerate() {
        if let Some(matrix) = &stage.matrix {
            known.push(matrix_facts(graph, stages, matrix, &known[matrix.of.0 as usize], source));
            continue;
        }
        let this = Source::Stage(StageId(k as u32));
        let reads_itself = stage.terms.iter().flat_map(|term| &term.family.leaves).any(|leaf| leaf.source == this);
        // Rows of a higher level read rows of lower ones. What holds of all rows whenever it holds of the rows they
        // read, holds by induction over levels.
        let guesses =
            [Curvature::Constant, Curvature::Affine, Curvature::Convex, Curvature::Concave, Curvature::Unknown];
        let guesses = if reads_itself { &guesses[..] } else { &guesses[..1] };
        let mut facts = None;
        for &guess in guesses {
            let own = recurrent(guess);
            let mut read = |leaf: &Leaf, instances: u32| match leaf.source {
                Source::Stage(StageId(j)) if j as usize == k => own,
                Source::Stage(StageId(j)) => known[j as usize].facts,
                Source::Variables | Source::Param(_) | Source::After(_) => source(leaf, instances),
            };
            let found = one_stage(graph, stage, &mut read);
            if !reads_itself || implied(found.facts.curvature, guess) {
                facts = Some(found);
                break;
            }
        }
        known.extend(facts);
    }
    known
}

/// A function of matrices: `logdet` is concave on symmetric positive definite ones, the largest eigenvalue of the
/// symmetric part, a maximum of linear functions, is convex.
fn matrix_facts(
    graph: &Graph,
    stages: &[Stage],
    matrix: &MatrixStage,
    entries: &StageFacts,
    source: &mut dyn FnMut(&Leaf, u32) -> Facts,
) -> StageFacts {
    let interval = matrix.function.image(matrix.n as usize, entries.facts.interval);
    if !entries.depends_on_variables {
        return StageFacts { facts: Facts::constant(interval), depends_on_variables: false, blame: None, rough: None };
    }
    let affine = entries.facts.curvature.is_affine();
    let mut number = |leaf: &Leaf| source(leaf, 1).interval.point();
    let curvature = match matrix.function {
        MatrixFunction::LargestEigenvalue if affine => Curvature::Convex,
        MatrixFunction::LogDeterminant if affine && affine_and_symmetric(graph, stages, matrix, &mut number) => {
            Curvature::Concave
        }
        MatrixFunction::Determinant if affine && matrix.n == 1 => Curvature::Affine,
        MatrixFunction::Determinant
        | MatrixFunction::LogDeterminant
        | MatrixFunction::Inverse
        | MatrixFunction::LargestEigenvalue => Curvature::Unknown,
    };
    let degree = match matrix.function {
        MatrixFunction::Determinant => entries.facts.degree.map(|degree| degree.saturating_mul(matrix.n)),
        MatrixFunction::LogDeterminant | MatrixFunction::Inverse | MatrixFunction::LargestEigenvalue => None,
    };
    let own = match matrix.function {
        MatrixFunction::LargestEigenvalue if matrix.n > 1 => Smoothness::Kink("where it is a multiple eigenvalue"),
        MatrixFunction::Determinant
        | MatrixFunction::LogDeterminant
        | MatrixFunction::Inverse
        | MatrixFunction::LargestEigenvalue => Smoothness::Smooth,
    };
    let smooth = worse(own, entries.facts.smooth);
    let facts = Facts { curvature, degree, smooth, ..Facts::variable(interval) };
    StageFacts { facts, depends_on_variables: true, blame: None, rough: None }
}

/// Whether a function of curvature `a` also has curvature `b`.
fn implied(a: Curvature, b: Curvature) -> bool {
    match b {
        Curvature::Constant => a == Curvature::Constant,
        Curvature::Affine => a.is_affine(),
        Curvature::Convex => a.is_convex(),
        Curvature::Concave => a.is_concave(),
        Curvature::Unknown => true,
    }
}

/// What a stage that reads itself is taken to be while it is analysed.
fn recurrent(guess: Curvature) -> Facts {
    let degree = match guess {
        Curvature::Constant => Some(0),
        Curvature::Affine => Some(1),
        Curvature::Convex | Curvature::Concave | Curvature::Unknown => None,
    };
    let facts = Facts::variable(Interval::WHOLE);
    Facts { curvature: guess, degree, ..facts }
}

/// The deepest place at which a stage lost its curvature: through the stages it reads, down to an operator.
pub fn trace(
    graph: &Graph,
    stages: &[Stage],
    facts: &[StageFacts],
    stage: StageId,
) -> Option<(StageId, usize, NodeId)> {
    let mut at = stage;
    loop {
        let (term, node) = facts[at.0 as usize].blame?;
        if let Node::Leaf(k) = graph.node(node)
            && let Source::Stage(next) = stages[at.0 as usize].terms[term].family.leaves[k as usize].source
            && next < at
        {
            at = next;
            continue;
        }
        return Some((at, term, node));
    }
}

/// The function of matrices at which a stage lost its curvature, where [`trace`] ends at one.
pub fn trace_matrix(graph: &Graph, stages: &[Stage], facts: &[StageFacts], stage: StageId) -> Option<MatrixStage> {
    let mut at = stage;
    loop {
        if let Some(matrix) = stages[at.0 as usize].matrix {
            return (facts[at.0 as usize].facts.curvature == Curvature::Unknown).then_some(matrix);
        }
        let (term, node) = facts[at.0 as usize].blame?;
        let Node::Leaf(k) = graph.node(node) else { return None };
        match stages[at.0 as usize].terms[term].family.leaves[k as usize].source {
            Source::Stage(next) if next < at => at = next,
            Source::Stage(_) | Source::Variables | Source::Param(_) | Source::After(_) => return None,
        }
    }
}

/// As [`reason`].
pub fn reason_of_matrix(matrix: &MatrixStage) -> String {
    let name = matrix.function.name();
    match matrix.function {
        MatrixFunction::LogDeterminant => format!("`{name}` of a matrix that is not shown to be symmetric and affine"),
        MatrixFunction::LargestEigenvalue => format!("`{name}` of a matrix that is not shown to be affine"),
        MatrixFunction::Determinant | MatrixFunction::Inverse => format!("`{name}` of a matrix of variables"),
    }
}

fn one_stage(graph: &Graph, stage: &Stage, read: &mut dyn FnMut(&Leaf, u32) -> Facts) -> StageFacts {
    let mut total = StageFacts {
        facts: Facts::constant(Interval::exactly(0.0)),
        depends_on_variables: false,
        blame: None,
        rough: None,
    };
    let mut first = true;
    for (k, term) in stage.terms.iter().enumerate().filter(|(_, term)| term.family.instances > 0) {
        let leaves: Vec<Facts> = term.family.leaves.iter().map(|leaf| read(leaf, term.family.instances)).collect();
        let body = body_facts(graph, term.family.body, &leaves);
        let part = Facts { interval: repeated(body.facts.interval, term, stage.rows), ..body.facts };
        let sum = if first { part } else { added(&total.facts, &part) };
        if sum.curvature == Curvature::Unknown && total.blame.is_none() {
            total.blame = Some((k, body.blame.unwrap_or(term.family.body)));
        }
        if total.rough.is_none() {
            total.rough = body.rough.map(|node| (k, node));
        }
        total.facts = sum;
        first = false;
    }
    total.depends_on_variables = !total.facts.is_constant();
    total
}

fn added(a: &Facts, b: &Facts) -> Facts {
    Facts {
        curvature: a.curvature.plus(b.curvature),
        interval: a.interval.plus(b.interval),
        degree: a.degree.zip(b.degree).map(|(a, b)| a.max(b)),
        smooth: worse(a.smooth, b.smooth),
        form: Form { squares: a.form.squares && b.form.squares, log_convex: a.form.log_convex && b.form.log_convex },
    }
}

/// What the instances of a term add to a row, whose number differs from row to row.
fn repeated(one: Interval, term: &Term, rows: u32) -> Interval {
    let mut counts = vec![0u32; rows as usize];
    for p in 0..term.family.instances as usize {
        counts[term.target.at(p)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0) as f64;
    let least = counts.iter().copied().min().unwrap_or(0) as f64;
    if most == 1.0 && least == 1.0 {
        return one;
    }
    Interval::exactly(least).hull(Interval::exactly(most)).times(one)
}
