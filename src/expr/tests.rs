//! What each row of the table claims, compared with what its function does; and random bodies.

use super::derive::{gradient, hessian};
use super::eval::{Plain, body};
use super::graph::{Graph, Node, NodeId};
use super::interval::Interval;
use super::ops::{ALL, Curvature, Op, OpRow, Operand, Slope, by_name};
use crate::expr::family::IndexMap;

/// A generator of numbers in `[0, 1)` that needs no crate: the high bits of a linear congruence.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() * n as f64) as usize
    }
}

pub(super) fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}

fn difference(value: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (value(x + h) - value(x - h)) / (2.0 * h)
}

fn at(point: [f64; 3], k: usize, x: f64) -> [f64; 3] {
    let mut moved = point;
    moved[k] = x;
    moved
}

/// A call of a function on leaves 0, 1, ...; discrete operands are constants.
fn call_on_leaves(g: &mut Graph, row: &OpRow, point: [f64; 3]) -> NodeId {
    let operands: Vec<NodeId> = (0..row.arity)
        .map(|k| if row.discrete.contains(&k) { g.constant(point[k]) } else { g.leaf(k as u32) })
        .collect();
    g.call(row.op, &operands)
}

#[test]
fn rows_are_complete_and_names_unique() {
    for &op in ALL {
        let row = op.row();
        assert_eq!(row.op, op);
        assert_eq!(by_name(row.name), Some(op), "{}", row.name);
        assert!(!row.samples.is_empty() && !row.doc.is_empty(), "{}", row.name);
        for &point in row.samples {
            assert!(row.defined_at(point), "{} is defined at {point:?}", row.name);
            assert!((row.value)(point).is_finite(), "{} at {point:?}", row.name);
        }
    }
}

#[test]
fn first_and_second_derivatives_agree_with_differences() {
    for &op in ALL {
        let row = op.row();
        for &point in row.samples {
            let mut g = Graph::default();
            let call = call_on_leaves(&mut g, row, point);
            let free: Vec<usize> = (0..row.arity).filter(|k| !row.discrete.contains(k)).collect();
            let leaves: Vec<u32> = free.iter().map(|&k| k as u32).collect();
            let slopes = gradient(&mut g, call, &leaves);
            for (&k, slope) in free.iter().zip(slopes) {
                let value = |p: [f64; 3]| slope.map_or(0.0, |slope| body(&Plain, &g, slope, &p));
                let expected = difference(|x| (row.value)(at(point, k, x)), point[k], 1e-5);
                assert!(
                    close(value(point), expected, 2e-8),
                    "d{}/d{k} at {point:?}: {} {expected}",
                    row.name,
                    value(point)
                );
                let entries = hessian(&mut g.clone(), call, &leaves);
                let mut g = g.clone();
                assert_eq!(hessian(&mut g, call, &leaves), entries);
                for (j, &other) in free.iter().enumerate().take_while(|(_, other)| **other <= k) {
                    let i = free.iter().position(|&f| f == k).unwrap();
                    let entry = entries.iter().find(|(a, b, _)| (*a, *b) == (i, j));
                    let second = entry.map_or(0.0, |(_, _, node)| body(&Plain, &g, *node, &point));
                    let expected = difference(|x| value(at(point, other, x)), point[other], 1e-5);
                    assert!(
                        close(second, expected, 2e-8),
                        "d²{}/d{k}d{other} at {point:?}: {second} {expected}",
                        row.name
                    );
                }
            }
        }
    }
}

/// A random box inside the box of the domain, of one of several sizes, on either side of 0 or around it.
fn random_box(random: &mut Random, row: &OpRow) -> [Interval; 3] {
    std::array::from_fn(|k| {
        let range = row.domain.operands[k];
        if row.discrete.contains(&k) && row.op == Op::Polygamma {
            return Interval::exactly(1.0 + random.below(3) as f64);
        }
        if random.below(6) == 0 && !row.discrete.contains(&k) {
            return Interval::exactly(((random.below(9) as f64) / 2.0 - 2.0).clamp(range.lo + 1e-3, range.hi - 1e-3));
        }
        let centre = (random.next() - 0.5) * 8.0;
        let width = random.next() * [0.1, 1.0, 6.0][random.below(3)];
        let anchored = random.below(4);
        let (lo, hi) = match anchored {
            0 => (0.0, width),
            1 => (-width, 0.0),
            _ => (centre - width, centre + width),
        };
        Interval::new(lo, hi).clamped(range.lo + 1e-9, range.hi - 1e-9)
    })
}

fn random_point(random: &mut Random, within: [Interval; 3]) -> [f64; 3] {
    within.map(|i| {
        let share = if random.below(5) == 0 { random.below(2) as f64 } else { random.next() };
        (i.lo + (i.hi - i.lo) * share).min(i.hi)
    })
}

#[test]
fn claims_hold_on_random_boxes() {
    let mut random = Random::new(7);
    for &op in ALL {
        let row = op.row();
        for _ in 0..400 {
            let within = random_box(&mut random, row);
            let operands = within.map(Operand::new);
            let enclosure = row.image_of(within);
            let slopes = (row.slopes)(operands);
            let curvature = (row.curvature)(operands);
            for _ in 0..20 {
                let (mut p, q) = (random_point(&mut random, within), random_point(&mut random, within));
                if !row.defined_at(p) || !row.defined_at(q) {
                    continue;
                }
                let (at_p, at_q) = ((row.value)(p), (row.value)(q));
                assert!(enclosure.contains(at_p), "{} of {p:?} = {at_p} in {enclosure:?} over {within:?}", row.name);
                let middle: [f64; 3] = std::array::from_fn(|k| 0.5 * (p[k] + q[k]));
                let gap = 0.5 * (at_p + at_q) - (row.value)(middle);
                let slack = 1e-9 * (1.0 + at_p.abs() + at_q.abs());
                let holds = match curvature {
                    Curvature::Convex => gap >= -slack,
                    Curvature::Concave => gap <= slack,
                    Curvature::Affine | Curvature::Constant => gap.abs() <= slack,
                    Curvature::Unknown => true,
                };
                assert!(
                    holds || !gap.is_finite(),
                    "{} is not {curvature:?} over {within:?}: {p:?} {q:?} {gap}",
                    row.name
                );
                for k in 0..row.arity {
                    p = at(q, k, p[k]);
                    let rise = ((row.value)(p) - at_q) * (p[k] - q[k]).signum();
                    let holds = match slopes[k] {
                        Slope::Rising => rise >= -slack,
                        Slope::Falling => rise <= slack,
                        Slope::Flat => rise == 0.0,
                        Slope::Neither => true,
                    };
                    assert!(holds || !row.defined_at(p), "{} is not {:?} in {k} over {within:?}", row.name, slopes[k]);
                    p = q;
                }
            }
        }
    }
}

/// Functions that random bodies are made of, all defined everywhere and smooth.
const SMOOTH: &[Op] = &[
    Op::Add,
    Op::Sub,
    Op::Mul,
    Op::Neg,
    Op::Square,
    Op::Sin,
    Op::Cos,
    Op::Tanh,
    Op::Atan,
    Op::Sigmoid,
    Op::Softplus,
    Op::Erf,
    Op::LogAddExp,
];

/// And those with restricted domains, kinks and jumps.
const ROUGH: &[Op] = &[
    Op::Div,
    Op::Pow,
    Op::Sqrt,
    Op::Log,
    Op::Abs,
    Op::Min,
    Op::Max,
    Op::Select,
    Op::Lt,
    Op::And,
    Op::Or,
    Op::Not,
    Op::XLogX,
    Op::Cbrt,
];

/// The same random body twice: as it is, and simplified.
pub(super) fn random_body(random: &mut Random, g: &mut Graph, ops: &[Op], size: usize) -> (NodeId, NodeId) {
    let mut pairs: Vec<(NodeId, NodeId)> = Vec::new();
    for k in 0..3 {
        let leaf = g.leaf(k);
        pairs.push((leaf, leaf));
    }
    for value in [0.0, 1.0, -1.0, 2.0, 0.5, -3.0] {
        let constant = g.constant(value);
        pairs.push((constant, constant));
    }
    for _ in 0..size {
        let op = ops[random.below(ops.len())];
        let args: Vec<(NodeId, NodeId)> = (0..op.row().arity).map(|_| pairs[random.below(pairs.len())]).collect();
        let mut raw = [args[0].0; 3];
        for (slot, arg) in raw.iter_mut().zip(&args) {
            *slot = arg.0;
        }
        let simple: Vec<NodeId> = args.iter().map(|arg| arg.1).collect();
        let pair = (g.intern(Node::Call(op, raw)), g.call(op, &simple));
        pairs.push(pair);
    }
    *pairs.last().expect("leaves are there")
}

fn random_leaves(random: &mut Random) -> [f64; 3] {
    std::array::from_fn(|_| 4.0 * random.next() - 2.0)
}

#[test]
fn simplification_keeps_values_and_is_idempotent() {
    let mut random = Random::new(11);
    let ops: Vec<Op> = SMOOTH.iter().chain(ROUGH).copied().collect();
    let mut compared = 0;
    for round in 0..3000 {
        let mut g = Graph::default();
        let (raw, simple) = random_body(&mut random, &mut g, &ops, 4 + round % 12);
        for _ in 0..4 {
            let leaves = random_leaves(&mut random);
            let (before, after) = (body(&Plain, &g, raw, &leaves), body(&Plain, &g, simple, &leaves));
            // Rounding may be magnified without bound, and may flip a comparison: only gross differences count.
            if before.is_finite() && before.abs() < 1e6 {
                compared += 1;
                assert!(close(before, after, 1e-6), "{before} became {after} at {leaves:?} in round {round}");
            }
        }
        for id in g.reachable(&[simple]) {
            if let Node::Call(op, operands) = g.node(id) {
                assert_eq!(g.call(op, &operands[..op.row().arity]), id, "{op:?} in round {round}");
            }
        }
    }
    assert!(compared > 6000, "{compared} finite values");
}

#[test]
fn derivatives_of_random_bodies_agree_with_differences() {
    let mut random = Random::new(23);
    for round in 0..400 {
        let mut g = Graph::default();
        let (_, f) = random_body(&mut random, &mut g, SMOOTH, 10);
        let slopes = gradient(&mut g, f, &[0, 1, 2]);
        let entries = hessian(&mut g, f, &[0, 1, 2]);
        let leaves = random_leaves(&mut random);
        if body(&Plain, &g, f, &leaves).abs() > 1e3 {
            continue;
        }
        for i in 0..3 {
            let slope = |p: [f64; 3]| slopes[i].map_or(0.0, |slope| body(&Plain, &g, slope, &p));
            let expected = difference(|x| body(&Plain, &g, f, &at(leaves, i, x)), leaves[i], 1e-5);
            assert!(
                close(slope(leaves), expected, 1e-5),
                "gradient {i} in round {round}: {} {expected}",
                slope(leaves)
            );
            for j in 0..=i {
                let entry = entries.iter().find(|(a, b, _)| (*a, *b) == (i, j));
                let second = entry.map_or(0.0, |(_, _, node)| body(&Plain, &g, *node, &leaves));
                let expected = difference(|x| slope(at(leaves, j, x)), leaves[j], 1e-5);
                assert!(close(second, expected, 1e-5), "Hessian {i} {j} in round {round}: {second} {expected}");
            }
        }
    }
}

/// Bodies whose untaken branch has an infinite or undefined slope, with the slope at a point.
#[test]
fn untaken_branches_do_not_poison_derivatives() {
    type Case = (&'static str, fn(&mut Graph, NodeId) -> NodeId, f64, f64, f64);
    let cases: &[Case] = &[
        (
            "x > 0 ? log(x) : 0",
            |g, x| {
                let (z, l) = (g.constant(0.0), g.log(x));
                let c = g.call(Op::Lt, &[z, x]);
                g.select(c, l, z)
            },
            0.0,
            0.0,
            0.0,
        ),
        (
            "x > 0 ? x log(x) : x²",
            |g, x| {
                let (z, l) = (g.constant(0.0), g.log(x));
                let m = g.mul(x, l);
                let s = g.square(x);
                let c = g.call(Op::Lt, &[z, x]);
                g.select(c, m, s)
            },
            0.0,
            0.0,
            2.0,
        ),
        (
            "max(sqrt(x), 1)",
            |g, x| {
                let (o, s) = (g.constant(1.0), g.sqrt(x));
                g.call(Op::Max, &[o, s])
            },
            0.0,
            0.0,
            0.0,
        ),
        (
            "sqrt(x²)",
            |g, x| {
                let s = g.square(x);
                g.sqrt(s)
            },
            0.0,
            0.0,
            0.0,
        ),
        (
            "3 (x > 0 ? sqrt(x) : 0)² + x",
            |g, x| {
                let (z, r) = (g.constant(0.0), g.sqrt(x));
                let c = g.call(Op::Lt, &[z, x]);
                let s = g.select(c, r, z);
                let q = g.square(s);
                let t = g.scale(3.0, q);
                g.add(t, x)
            },
            -1.0,
            1.0,
            0.0,
        ),
        (
            "exp of the branch",
            |g, x| {
                let (z, r) = (g.constant(0.0), g.log(x));
                let c = g.call(Op::Lt, &[z, x]);
                let s = g.select(c, r, z);
                let e = g.exp(s);
                g.mul(e, s)
            },
            0.0,
            0.0,
            0.0,
        ),
    ];
    for (name, build, x, slope, second) in cases {
        let mut g = Graph::default();
        let leaf = g.leaf(0);
        let f = build(&mut g, leaf);
        // Both branches of every choice are looked at, as compiled kernels do.
        let eager = |g: &Graph, id: NodeId| super::eval::columns(g, id, 1, &mut |_| vec![*x])[0];
        let first = gradient(&mut g, f, &[0])[0];
        assert_eq!(first.map_or(0.0, |id| eager(&g, id)), *slope, "slope of {name}");
        let entries = hessian(&mut g, f, &[0]);
        assert_eq!(entries.first().map_or(0.0, |(_, _, id)| eager(&g, *id)), *second, "second derivative of {name}");
    }
}

#[test]
fn instances_of_a_position_are_those_that_go_there() {
    let tile = |start, stride, length| IndexMap::Tile { start, stride, length };
    let repeat = |start, stride, length| IndexMap::Repeat { start, stride, length };
    let maps = [
        IndexMap::IDENTITY,
        IndexMap::scalar(3),
        IndexMap::Affine { start: 20, stride: -2 },
        IndexMap::Affine { start: 1, stride: 3 },
        tile(2, 1, 4),
        tile(9, -3, 3),
        tile(5, 0, 2),
        repeat(0, 1, 3),
        repeat(12, -4, 3),
        repeat(7, 0, 2),
        IndexMap::Gather(vec![3, 1, 3, 0, 7, 3, 2, 1, 1, 0].into()),
    ];
    for map in maps {
        for position in 0..25 {
            let wanted: Vec<usize> = (0..10).filter(|p| map.at(*p) == position).collect();
            assert_eq!(map.instances_at(position, 10), wanted, "{map:?} at {position}");
        }
        let wanted: Vec<bool> = (0..40).map(|position| position % 3 == 1 || position % 5 == 0).collect();
        let within: Vec<u32> = (0..10).filter(|p| wanted[map.at(*p as usize)]).collect();
        assert_eq!(map.instances_within(&wanted, 10), within, "{map:?}");
    }
}
