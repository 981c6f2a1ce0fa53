//! Problems built from scalars have the values of the scalars, and few families.

use super::build::{Built, build};
use super::scalars::{Body, Column, Goal, Row, Scalars, Shared};
use crate::diag::Span;
use crate::expr::eval::{self, Inputs, Plain};
use crate::expr::family::StageId;
use crate::expr::graph::{Graph, NodeId};
use crate::expr::ops::Op;
use crate::problem::features::Features;
use crate::problem::values::{Bounds, Numbers};
use crate::problem::{Kind, Problem, Sense};

fn column(name: &str) -> Column {
    let (lower, upper) = (f64::NEG_INFINITY, f64::INFINITY);
    Column { name: name.into(), lower, upper, start: None, kind: Kind::Real, span: Span::default() }
}

fn row(name: &str, lower: f64, upper: f64, body: Body) -> Row {
    Row { name: name.into(), lower, upper, body, complements: None, span: Span::default() }
}

fn nonlinear(node: NodeId) -> Body {
    Body { nonlinear: Some(node), ..Body::default() }
}

/// The scalars' own value of a body, leaves being columns and then shared expressions.
fn value(graph: &Graph, body: &Body, leaves: &[f64]) -> f64 {
    let linear: f64 = body.linear.iter().map(|(leaf, c)| c * leaves[*leaf as usize]).sum();
    body.constant + linear + body.nonlinear.map_or(0.0, |root| eval::body(&Plain, graph, root, leaves))
}

fn stage(problem: &Problem, id: StageId, x: &[f64]) -> Vec<f64> {
    let needed = eval::needed(&problem.stages, &[id]);
    let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
    let inputs = Inputs { variables: x, params, after: &[] };
    eval::stages(&problem.graph, &problem.stages, &needed, &inputs).swap_remove(id.0 as usize)
}

/// Builds, and compares all values at a point.
fn built(scalars: Scalars) -> Built {
    let built = build(scalars.clone());
    let problem = &built.problem;
    let point: Vec<f64> = (0..scalars.columns.len()).map(|k| 0.3 + 0.37 * (k as f64 * 1.7).sin().abs()).collect();
    let mut leaves = point.clone();
    for shared in &scalars.shared {
        leaves.push(value(&scalars.graph, &shared.body, &leaves));
    }
    let mut x = vec![f64::NAN; point.len()];
    built.columns.iter().zip(&point).for_each(|(&at, &v)| x[at as usize] = v);
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{a} for {b}");
    for (objective, goal) in problem.objectives.iter().zip(&scalars.objectives) {
        close(stage(problem, objective.stage, &x)[0], value(&scalars.graph, &goal.body, &leaves));
    }
    let rows: Vec<f64> = problem.constraints.iter().flat_map(|c| stage(problem, c.stage, &x)).collect();
    let bounds = Bounds::of(problem, &Numbers::of(problem));
    for (&at, row) in built.rows.iter().zip(&scalars.rows) {
        let at = at as usize;
        close(rows[at], value(&scalars.graph, &row.body, &leaves));
        assert_eq!((bounds.row_lower[at], bounds.row_upper[at]), (row.lower, row.upper));
        if !row.name.is_empty() {
            assert_eq!(problem.row_name(at), row.name);
        }
    }
    for (&at, column) in built.columns.iter().zip(&scalars.columns) {
        let at = at as usize;
        assert_eq!((bounds.lower[at], bounds.upper[at]), (column.lower, column.upper));
        if !column.name.is_empty() {
            assert_eq!(problem.variable_name(at), column.name);
        }
    }
    built
}

fn terms(problem: &Problem, id: StageId) -> usize {
    problem.stage(id).terms.len()
}

#[test]
fn equal_parts_are_one_family() {
    let mut scalars = Scalars { columns: (1..=20).map(|k| column(&format!("x[{k}]"))).collect(), ..Scalars::default() };
    let g = &mut scalars.graph;
    let x: Vec<NodeId> = (0..20).map(|k| g.leaf(k)).collect();
    let mut squares = vec![];
    for k in 0..19 {
        // 100 (x[k+1] - x[k]^2)^2 + (1 - x[k])^2, with a different weight at the end
        let square = g.square(x[k]);
        let gap = g.sub(x[k + 1], square);
        let gap = g.square(gap);
        squares.push(g.scale(if k < 18 { 100.0 } else { 50.0 }, gap));
        let one = g.constant(1.0);
        let rest = g.sub(one, x[k]);
        squares.push(g.square(rest));
        // exp(c x[k]) * sin(x[k+1]) <= k, the factors in an order that depends on k
        let inner = g.scale(0.1 + k as f64, x[k]);
        let (exp, sin) = (g.exp(inner), g.call(Op::Sin, &[x[k + 1]]));
        let product = if k % 2 == 0 { g.mul(exp, sin) } else { g.mul(sin, exp) };
        let body = Body { constant: k as f64, linear: vec![(k as u32, -1.0), (0, 2.0)], nonlinear: Some(product) };
        scalars.rows.push(row(&format!("r[{k}]"), f64::NEG_INFINITY, k as f64, body));
    }
    let sum = scalars.graph.sum(&squares);
    scalars.objectives.push(Goal {
        name: String::new(),
        sense: Sense::Minimize,
        body: nonlinear(sum),
        span: Span::default(),
    });
    let built = built(scalars);
    let problem = &built.problem;
    assert_eq!(terms(problem, problem.objectives[0].stage), 2);
    assert_eq!(problem.variables.len(), 1);
    assert_eq!(problem.constraints.len(), 1);
    // Constants, linear parts, products.
    assert_eq!(terms(problem, problem.constraints[0].stage), 3);
    assert!(Features::of(problem).squares.is_ok());
}

#[test]
fn what_decides_the_shape_is_kept_apart() {
    let mut scalars = Scalars { columns: vec![column("x"), column("y"), column("z")], ..Scalars::default() };
    let g = &mut scalars.graph;
    let x: Vec<NodeId> = (0..3).map(|k| g.leaf(k)).collect();
    let (third, fifth) = (g.constant(1.0 / 3.0), g.constant(1.4));
    let bodies = [g.pow(x[0], third), g.pow(x[1], fifth), g.mul(x[0], x[1]), g.mul(x[1], x[2]), g.square(x[2])];
    let minus = g.scale(-3.0, bodies[3]);
    let all = g.sum(&[bodies[0], bodies[1], bodies[2], minus, bodies[4]]);
    scalars.rows.push(row("all", 0.0, 1.0, nonlinear(all)));
    let built = built(scalars);
    assert_eq!(terms(&built.problem, built.problem.constraints[0].stage), 5);
}

#[test]
fn shared_expressions_are_stages() {
    let mut scalars = Scalars { columns: vec![column("x"), column("y")], ..Scalars::default() };
    let g = &mut scalars.graph;
    let leaf: Vec<NodeId> = (0..6).map(|k| g.leaf(k)).collect();
    let squares = [g.square(leaf[0]), g.square(leaf[1])];
    let product = g.mul(leaf[2], leaf[3]);
    let exp = g.exp(leaf[4]);
    let bodies = [
        Body { nonlinear: Some(squares[0]), linear: vec![(1, 2.0)], constant: 0.0 },
        Body { nonlinear: Some(squares[1]), linear: vec![(0, 3.0)], constant: 1.0 },
        nonlinear(product),
        Body { linear: vec![(4, 2.0), (0, 1.0)], ..Body::default() },
    ];
    scalars.shared = bodies
        .into_iter()
        .zip(1..)
        .map(|(body, k)| Shared { name: format!("defined[{k}]"), body, span: Span::default() })
        .collect();
    scalars.rows.push(row("a", 0.0, 0.0, nonlinear(exp)));
    scalars.rows.push(row("b", 0.0, 0.0, Body { linear: vec![(5, 1.0), (2, -1.0), (0, 4.0)], ..Body::default() }));
    let built = built(scalars);
    let rows: Vec<u32> = built.problem.stages.iter().map(|s| s.rows).collect();
    assert_eq!(rows, [2, 1, 1, 1, 1]);
}

#[test]
fn rows_and_columns_keep_their_places() {
    let names = ["x[2]", "cost", "x[1]", "x[3]"];
    let mut scalars = Scalars { columns: names.map(column).into(), ..Scalars::default() };
    scalars.columns[0].lower = 2.0;
    scalars.columns[2].upper = 1.0;
    let linear = |leaf: u32, c: f64| Body { linear: vec![(leaf, c), (leaf, 1.0), (0, 0.0)], ..Body::default() };
    let square = scalars.graph.leaf(1);
    let square = scalars.graph.square(square);
    for (name, lower, upper, body) in [
        ("supply[b]", 1.0, 1.0, linear(0, 5.0)),
        ("mixed[1]", f64::NEG_INFINITY, 4.0, linear(1, 6.0)),
        ("supply[a]", 2.0, f64::INFINITY, linear(2, 7.0)),
        ("mixed[2]", 3.0, f64::INFINITY, nonlinear(square)),
    ] {
        scalars.rows.push(row(name, lower, upper, body));
    }
    let built = built(scalars);
    assert_eq!(built.columns, [1, 3, 0, 2]);
    assert_eq!(built.rows, [0, 2, 1, 3]);
    let labels: Vec<&str> = built.problem.constraints.iter().map(|c| &c.label[..]).collect();
    // Linear rows may share a constraint whatever their sides; a convex and a linear one must not.
    assert_eq!(labels, ["supply", "mixed[1]", "mixed[2]"]);
}

#[test]
fn an_empty_problem_is_built() {
    let built = built(Scalars::default());
    assert_eq!((built.problem.dimension, built.problem.row_count()), (0, 0));
}
