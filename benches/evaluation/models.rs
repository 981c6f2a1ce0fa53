//! The workloads, as problems.

use crate::by_hand::Network;
use merit::expr::family::{Family, IndexMap, Leaf, ParamId, Source, Stage, StageId, Term};
use merit::expr::graph::{Graph, NodeId};
use merit::expr::ops::Op;
use merit::problem::{Constraint, Data, Objective, Param, Problem, Sense};
use merit::session::Model;

fn empty(dimension: u32) -> Problem {
    Problem { dimension, ..Problem::default() }
}

fn param(problem: &mut Problem, values: Vec<f64>) -> ParamId {
    let (axes, span) = (Default::default(), Default::default());
    problem.params.push(Param { name: String::new(), axes, values: values.into(), structural: false, span });
    ParamId(problem.params.len() as u32 - 1)
}

fn stage(problem: &mut Problem, rows: u32) -> StageId {
    problem.stages.push(Stage::sum("", rows, vec![]));
    StageId(problem.stages.len() as u32 - 1)
}

fn term(
    problem: &mut Problem,
    stage: StageId,
    instances: u32,
    target: IndexMap,
    leaves: Vec<(Source, IndexMap)>,
    body: impl FnOnce(&mut Graph, &[NodeId]) -> NodeId,
) {
    let nodes: Vec<NodeId> = (0..leaves.len()).map(|k| problem.graph.leaf(k as u32)).collect();
    let body = body(&mut problem.graph, &nodes);
    let leaves = leaves.into_iter().map(|(source, map)| Leaf { source, map }).collect();
    let family = Family { instances, leaves, body };
    problem.stages[stage.0 as usize].terms.push(Term { family, target, level: 0, origin: (0, 0, 0) });
}

fn minimize(problem: &mut Problem, stage: StageId) {
    let (label, span) = (String::new(), Default::default());
    problem.objectives.push(Objective { label, sense: Sense::Minimize, stage, span });
}

fn constrain(problem: &mut Problem, stage: StageId) {
    let rows = problem.stage(stage).rows;
    problem.constraints.push(Constraint::new(
        "",
        Default::default(),
        rows,
        stage,
        (Data::Constant(0.0), Data::Constant(0.0)),
        Default::default(),
    ));
}

fn affine(start: u32, stride: i64) -> IndexMap {
    IndexMap::Affine { start: start as i64, stride }
}

/// Luksan and Vlcek's chain: Rosenbrock valleys along `x`, rows of three neighbours.
pub fn chain(n: u32) -> Problem {
    let mut problem = empty(n);
    let x = |offset: u32| (Source::Variables, affine(offset, 1));
    let f = stage(&mut problem, 1);
    term(&mut problem, f, n - 1, affine(0, 0), vec![x(0), x(1)], |g, l| {
        let square = g.square(l[0]);
        let gap = g.sub(square, l[1]);
        let gap = g.square(gap);
        let valley = g.scale(100.0, gap);
        let rest = g.shift(-1.0, l[0]);
        let rest = g.square(rest);
        g.add(valley, rest)
    });
    minimize(&mut problem, f);
    let c = stage(&mut problem, n - 2);
    term(&mut problem, c, n - 2, affine(0, 1), vec![x(0), x(1), x(2)], |g, l| {
        let three = g.constant(3.0);
        let cube = g.pow(l[1], three);
        let (cube, twice, four) = (g.scale(3.0, cube), g.scale(2.0, l[2]), g.scale(4.0, l[1]));
        let (minus, plus) = (g.sub(l[1], l[2]), g.add(l[1], l[2]));
        let (minus, plus) = (g.call(Op::Sin, &[minus]), g.call(Op::Sin, &[plus]));
        let waves = g.mul(minus, plus);
        let gap = g.sub(l[0], l[1]);
        let growth = g.exp(gap);
        let growth = g.mul(l[0], growth);
        let growth = g.neg(growth);
        let sum = g.sum(&[cube, twice, four, waves, growth]);
        g.shift(-8.0, sum)
    });
    constrain(&mut problem, c);
    problem
}

/// `z' = z + 0.1 sin(z) x` step by step, with the square of the last state as objective.
pub fn recurrence(steps: u32) -> Problem {
    let mut problem = empty(steps);
    let z = stage(&mut problem, steps + 1);
    term(&mut problem, z, 1, affine(0, 0), vec![], |g, _| g.constant(0.5));
    for t in 0..steps {
        let leaves = vec![(Source::Stage(z), affine(t, 0)), (Source::Variables, affine(t, 0))];
        term(&mut problem, z, 1, affine(t + 1, 0), leaves, |g, l| {
            let sine = g.call(Op::Sin, &[l[0]]);
            let product = g.mul(sine, l[1]);
            let push = g.scale(0.1, product);
            g.add(l[0], push)
        });
        let terms = &mut problem.stages[z.0 as usize].terms;
        terms.last_mut().expect("a term was just added").level = t + 1;
    }
    let f = stage(&mut problem, 1);
    term(&mut problem, f, 1, affine(0, 0), vec![(Source::Stage(z), affine(steps, 0))], |g, l| g.square(l[0]));
    minimize(&mut problem, f);
    problem
}

/// A linear congruential generator: numbers in `0..1`.
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

/// A random network: every bus sends branches to others within 200 places.
pub fn network(count: u32) -> Network {
    let buses = count * 2 / 3;
    let mut state = 7;
    let from: Vec<u32> = (0..count).map(|b| b % buses).collect();
    let to = from.iter().map(|a| (a + 1 + (random(&mut state) * 200.0) as u32) % buses).collect();
    let columns = (0..8).map(|_| (0..count).map(|_| random(&mut state) * 4.0 - 2.0).collect()).collect();
    Network { buses: buses as usize, from, to, columns }
}

/// Flows of real and reactive power into both ends of every branch, with a quadratic cost of the first.
///
/// Variables: angles of the buses, their voltages, and four flows, each for all branches.
pub fn branches(count: u32) -> Problem {
    let Network { buses, from, to, columns } = network(count);
    let buses = buses as u32;
    let mut problem = empty(2 * buses + 4 * count);
    let columns: Vec<ParamId> = columns.into_iter().map(|values| param(&mut problem, values)).collect();
    let column = |k: usize| (Source::Param(columns[k]), IndexMap::IDENTITY);
    let bus = |ends: &[u32], offset: u32| {
        (Source::Variables, IndexMap::Gather(ends.iter().map(|end| end + offset).collect()))
    };
    let flow = |k: u32| (Source::Variables, affine(2 * buses + k * count, 1));
    let f = stage(&mut problem, 1);
    let leaves = vec![flow(0), column(0), column(1), bus(&from, 0), bus(&to, 0)];
    term(&mut problem, f, count, affine(0, 0), leaves, |g, l| {
        let square = g.square(l[0]);
        let (a, b) = (g.mul(l[1], square), g.mul(l[2], l[0]));
        let angle = g.sub(l[3], l[4]);
        let cosine = g.call(Op::Cos, &[angle]);
        let cosine = g.neg(cosine);
        g.sum(&[a, b, cosine])
    });
    minimize(&mut problem, f);
    // Coefficients and signs of own voltage squared, cosine and sine in the four equations.
    const TERMS: [[(usize, f64); 3]; 4] = [
        [(4, -1.0), (2, -1.0), (3, -1.0)],
        [(5, 1.0), (3, 1.0), (2, -1.0)],
        [(6, -1.0), (0, -1.0), (1, 1.0)],
        [(7, 1.0), (1, 1.0), (0, 1.0)],
    ];
    for (k, terms) in TERMS.iter().enumerate() {
        let rows = stage(&mut problem, count);
        let own = if k < 2 { &from } else { &to };
        let mut leaves = vec![bus(&from, 0), bus(&to, 0), bus(&from, buses), bus(&to, buses), bus(own, buses)];
        leaves.push(flow(k as u32));
        leaves.extend(terms.iter().map(|(c, _)| column(*c)));
        term(&mut problem, rows, count, affine(0, 1), leaves, |g, l| {
            let angle = g.sub(l[0], l[1]);
            let (cosine, sine) = (g.call(Op::Cos, &[angle]), g.call(Op::Sin, &[angle]));
            let volts = g.mul(l[2], l[3]);
            let parts = [g.square(l[4]), g.mul(volts, cosine), g.mul(volts, sine)];
            let mut sum = l[5];
            for (j, (_, sign)) in terms.iter().enumerate() {
                let product = g.mul(l[6 + j], parts[j]);
                sum = if *sign > 0.0 { g.add(sum, product) } else { g.sub(sum, product) };
            }
            sum
        });
        constrain(&mut problem, rows);
    }
    problem
}

/// A dense matrix, row after row, and labels of -1 and 1.
pub fn samples(rows: u32, width: u32) -> (Vec<f64>, Vec<f64>) {
    let mut state = 3;
    let a = (0..rows * width).map(|_| random(&mut state) * 2.0 - 1.0).collect();
    let y = (0..rows).map(|_| if random(&mut state) < 0.5 { -1.0 } else { 1.0 }).collect();
    (a, y)
}

/// The logistic loss of a linear model over dense samples.
pub fn logistic(rows: u32, width: u32) -> Problem {
    let mut problem = empty(width);
    let (a, y) = samples(rows, width);
    let (a, y) = (param(&mut problem, a), param(&mut problem, y));
    let z = stage(&mut problem, rows);
    let tile = IndexMap::Tile { start: 0, stride: 1, length: width };
    let repeat = IndexMap::Repeat { start: 0, stride: 1, length: width };
    let leaves = vec![(Source::Param(a), IndexMap::IDENTITY), (Source::Variables, tile)];
    term(&mut problem, z, rows * width, repeat, leaves, |g, l| g.mul(l[0], l[1]));
    let f = stage(&mut problem, 1);
    let leaves = vec![(Source::Stage(z), IndexMap::IDENTITY), (Source::Param(y), IndexMap::IDENTITY)];
    term(&mut problem, f, rows, affine(0, 0), leaves, |g, l| {
        let margin = g.mul(l[1], l[0]);
        let margin = g.neg(margin);
        g.call(Op::Softplus, &[margin])
    });
    minimize(&mut problem, f);
    problem
}

/// Entries of a sparse matrix with 10^4 columns, 5 to 15 in a row: rows, ascending, columns and values.
pub fn entries(rows: u32) -> (Vec<u32>, Vec<u32>, Vec<f64>) {
    let row_of: Vec<u32> = (0..rows).flat_map(|r| std::iter::repeat_n(r, 5 + (r as usize * 7919) % 11)).collect();
    let columns = (0..row_of.len() as u64).map(|k| ((k * 2_654_435_761) >> 7) as u32 % 10_000).collect();
    let values = (0..row_of.len()).map(|k| (0.3 * k as f64).sin()).collect();
    (row_of, columns, values)
}

/// `Σ_r (Σ_j A[r, j] x[j] - 1)² / 2` with a sparse matrix of data.
pub fn sparse_squares(rows: u32) -> Problem {
    let mut problem = empty(10_000);
    let (row_of, columns, values) = entries(rows);
    let count = values.len() as u32;
    let a = param(&mut problem, values);
    let z = stage(&mut problem, rows);
    let leaves = vec![(Source::Param(a), IndexMap::IDENTITY), (Source::Variables, IndexMap::Gather(columns.into()))];
    term(&mut problem, z, count, IndexMap::Gather(row_of.into()), leaves, |g, l| g.mul(l[0], l[1]));
    let f = stage(&mut problem, 1);
    term(&mut problem, f, rows, affine(0, 0), vec![(Source::Stage(z), IndexMap::IDENTITY)], |g, l| {
        let gap = g.shift(-1.0, l[0]);
        let square = g.square(gap);
        g.scale(0.5, square)
    });
    minimize(&mut problem, f);
    problem
}

/// The likelihood of a mixture of ten Gaussians in ten dimensions.
pub fn gaussian_mixture(points: u32) -> Problem {
    model("bench/gaussian_mixture.opt", "N", points)
}

/// Reprojection errors of 50 cameras.
pub fn bundle_adjustment(observations: u32) -> Problem {
    model("bench/bundle_adjustment.opt", "observations", observations)
}

/// A model with one of its parameters set.
fn model(path: &str, param: &str, value: u32) -> Problem {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let model = Model::from_file(&path).unwrap_or_else(|errors| panic!("{errors}"));
    model.with_param(param, f64::from(value)).build().unwrap_or_else(|errors| panic!("{errors}")).problem
}

/// Problem 100 of Hock and Schittkowski: 7 variables, 4 rows.
pub fn hock_schittkowski_100() -> Problem {
    // Coefficients with the variables and powers that they go with.
    type Monomials = &'static [(f64, &'static [(u32, f64)])];
    const ROWS: [Monomials; 4] = [
        &[
            (127.0, &[]),
            (-2.0, &[(0, 2.0)]),
            (-3.0, &[(1, 4.0)]),
            (-1.0, &[(2, 1.0)]),
            (-4.0, &[(3, 2.0)]),
            (-5.0, &[(4, 1.0)]),
        ],
        &[
            (282.0, &[]),
            (-7.0, &[(0, 1.0)]),
            (-3.0, &[(1, 1.0)]),
            (-10.0, &[(2, 2.0)]),
            (-1.0, &[(3, 1.0)]),
            (1.0, &[(4, 1.0)]),
        ],
        &[(196.0, &[]), (-23.0, &[(0, 1.0)]), (-1.0, &[(1, 2.0)]), (-6.0, &[(5, 2.0)]), (8.0, &[(6, 1.0)])],
        &[
            (-4.0, &[(0, 2.0)]),
            (-1.0, &[(1, 2.0)]),
            (3.0, &[(0, 1.0), (1, 1.0)]),
            (-2.0, &[(2, 2.0)]),
            (-5.0, &[(5, 1.0)]),
            (11.0, &[(6, 1.0)]),
        ],
    ];
    const OBJECTIVE: Monomials = &[
        (1.0, &[(2, 4.0)]),
        (10.0, &[(4, 6.0)]),
        (7.0, &[(5, 2.0)]),
        (1.0, &[(6, 4.0)]),
        (-4.0, &[(5, 1.0), (6, 1.0)]),
        (-10.0, &[(5, 1.0)]),
        (-8.0, &[(6, 1.0)]),
    ];
    let sum = |g: &mut Graph, x: &[NodeId], monomials: Monomials| {
        let mut terms = vec![];
        for (coefficient, powers) in monomials {
            let mut product = g.constant(*coefficient);
            for &(k, power) in *powers {
                let power = g.constant(power);
                let power = g.pow(x[k as usize], power);
                product = g.mul(product, power);
            }
            terms.push(product);
        }
        g.sum(&terms)
    };
    let mut problem = empty(7);
    let all = || (0..7).map(|k| (Source::Variables, affine(k, 0))).collect::<Vec<_>>();
    let f = stage(&mut problem, 1);
    term(&mut problem, f, 1, affine(0, 0), all(), |g, x| {
        let mut terms = vec![sum(g, x, OBJECTIVE)];
        for (k, from, factor) in [(0, 10.0, 1.0), (1, 12.0, 5.0), (3, 11.0, 3.0)] {
            let gap = g.shift(-from, x[k]);
            let square = g.square(gap);
            terms.push(g.scale(factor, square));
        }
        g.sum(&terms)
    });
    minimize(&mut problem, f);
    for row in ROWS {
        let c = stage(&mut problem, 1);
        term(&mut problem, c, 1, affine(0, 0), all(), |g, x| sum(g, x, row));
        constrain(&mut problem, c);
    }
    problem
}

/// As many values of one function, all operands the same variable.
pub fn values_of(op: Op, count: u32) -> Problem {
    let mut problem = empty(count);
    let c = stage(&mut problem, count);
    let leaves = vec![(Source::Variables, affine(0, 1)); op.row().arity];
    term(&mut problem, c, count, affine(0, 1), leaves, |g, l| g.call(op, l));
    constrain(&mut problem, c);
    problem
}
