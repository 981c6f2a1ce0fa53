//! What the analyses claim of bodies and stages, compared with values at random points.

use super::curvature::{Facts, body_facts, reason, stage_facts, trace};
use super::derive::hessian;
use super::eval::{Plain, body, not_finite};
use super::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use super::graph::{Graph, NodeId};
use super::interval::{Interval, domain_risks, enclosure};
use super::ops::{ALL, Curvature, Op, Slope, Smoothness};
use super::sparsity::pattern;
use super::tests::{Random, close, random_body};

fn random_interval(random: &mut Random) -> Interval {
    let (lo, width) = (4.0 * random.next() - 2.0, 2.0 * random.next());
    match random.below(3) {
        0 => Interval::new(0.0, width),
        1 => Interval::new(-width, 0.0),
        _ => Interval::new(lo, lo + width),
    }
}

fn random_point(random: &mut Random, within: &[Interval; 3]) -> [f64; 3] {
    within.map(|i| (i.lo + i.width() * random.next()).min(i.hi))
}

#[test]
fn whole_powers_are_told_from_products() {
    let curvature = |within: Interval, write: &dyn Fn(&mut Graph, NodeId) -> NodeId| {
        let mut g = Graph::default();
        let x = g.leaf(0);
        let f = write(&mut g, x);
        body_facts(&g, f, &[Facts::variable(within)]).facts.curvature
    };
    let square = |g: &mut Graph, x: NodeId| g.call(Op::Square, &[x]);
    let cube = |g: &mut Graph, x: NodeId| {
        let s = square(g, x);
        g.call(Op::Mul, &[s, x])
    };
    let fifth = |g: &mut Graph, x: NodeId| {
        let s = square(g, x);
        let s = square(g, s);
        g.call(Op::Mul, &[s, x])
    };
    let (up, down, both) = (Interval::new(0.0, 9.0), Interval::new(-9.0, 0.0), Interval::new(-1.0, 1.0));
    for power in [&cube as &dyn Fn(&mut Graph, NodeId) -> NodeId, &fifth] {
        assert_eq!(curvature(up, power), Curvature::Convex);
        assert_eq!(curvature(down, power), Curvature::Concave);
        assert_eq!(curvature(both, power), Curvature::Unknown);
    }
    let sixth = |g: &mut Graph, x: NodeId| {
        let (a, b) = (fifth(g, x), x);
        g.call(Op::Mul, &[a, b])
    };
    assert_eq!(curvature(both, &sixth), Curvature::Convex);
}

#[test]
fn claims_about_random_bodies_hold() {
    let ops: Vec<Op> =
        ALL.iter().copied().filter(|op| !matches!(op, Op::Polygamma | Op::Gamma | Op::Lgamma | Op::Digamma)).collect();
    let mut random = Random::new(5);
    let mut shown = 0;
    for round in 0..6000 {
        let mut g = Graph::default();
        let (_, f) = random_body(&mut random, &mut g, &ops, 2 + round % 6);
        let within: [Interval; 3] = std::array::from_fn(|_| random_interval(&mut random));
        let leaves = within.map(Facts::variable);
        let found = body_facts(&g, f, &leaves);
        assert_eq!(found.facts.interval, enclosure(&g, f, &within));
        shown += (found.facts.curvature != Curvature::Unknown && found.facts.degree.is_none()) as usize;
        assert_eq!(found.blame.is_some(), found.facts.curvature == Curvature::Unknown);
        for _ in 0..8 {
            let (p, q) = (random_point(&mut random, &within), random_point(&mut random, &within));
            let (at_p, at_q) = (body(&Plain, &g, f, &p), body(&Plain, &g, f, &q));
            let middle = std::array::from_fn::<f64, 3, _>(|k| 0.5 * (p[k] + q[k]));
            // Nothing is claimed of points where some function has no value, even if a comparison hides it.
            if [p, q, middle].iter().any(|point| not_finite(&g, f, point).is_some()) {
                continue;
            }
            let text = super::print::text(&g, f, &["x", "y", "z"]);
            assert!(found.facts.interval.contains(at_p), "{text} = {at_p} at {p:?}, not in {:?}", found.facts.interval);
            let gap = 0.5 * (at_p + at_q) - body(&Plain, &g, f, &middle);
            let slack = 1e-9 * (1.0 + at_p.abs() + at_q.abs());
            let curvature = found.facts.curvature;
            assert!(
                !curvature.is_convex() || gap >= -slack || gap.is_nan(),
                "{text} is not {curvature:?} over {within:?}"
            );
            assert!(
                !curvature.is_concave() || gap <= slack || gap.is_nan(),
                "{text} is not {curvature:?} over {within:?}"
            );
            for k in 0..3 {
                let mut r = q;
                r[k] = p[k];
                if not_finite(&g, f, &r).is_some() {
                    continue;
                }
                let rise = (body(&Plain, &g, f, &r) - at_q) * (p[k] - q[k]).signum();
                let holds = match found.slopes[k] {
                    Slope::Flat => rise == 0.0 || !rise.is_finite(),
                    Slope::Rising => rise >= -slack || !rise.is_finite(),
                    Slope::Falling => rise <= slack || !rise.is_finite(),
                    Slope::Neither => true,
                };
                assert!(holds, "{text} is not {:?} in {k} over {within:?}", found.slopes[k]);
            }
        }
    }
    assert!(shown > 300, "curvature was shown {shown} times");
}

#[test]
fn patterns_hold_all_second_derivatives() {
    let mut random = Random::new(9);
    for round in 0..1500 {
        let mut g = Graph::default();
        let (_, f) = random_body(&mut random, &mut g, ALL, 2 + round % 9);
        let found = pattern(&g, f, &|_| true);
        let point = random_point(&mut random, &[Interval::new(0.1, 0.9); 3]);
        for (i, j, entry) in hessian(&mut g, f, &[0, 1, 2]) {
            let value = body(&Plain, &g, entry, &point);
            let listed = found.pairs.contains(&(i as u32, j as u32));
            assert!(listed || close(value, 0.0, 1e-9) || value.is_nan(), "({i}, {j}) is {value} in round {round}");
            assert!(found.leaves.contains(&(i as u32)));
        }
    }
    let mut g = Graph::default();
    let (x, y, p) = (g.leaf(0), g.leaf(1), g.leaf(2));
    let (square, product) = (g.square(x), g.mul(p, y));
    let f = g.add(square, product);
    let found = pattern(&g, f, &|k| k < 2);
    assert_eq!(found.leaves.into_iter().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(found.pairs.into_iter().collect::<Vec<_>>(), [(0, 0)]);
}

/// Builds a body on leaves x, y, z, where z is a positive constant.
type Build = fn(&mut Graph, [NodeId; 3]) -> NodeId;

#[test]
fn known_shapes_are_recognised() {
    use Curvature::{Affine, Concave, Convex, Unknown};
    let cases: &[(&str, Build, Curvature, Option<u32>)] = &[
        (
            "x + z y",
            |g, [x, y, z]| {
                let t = g.mul(z, y);
                g.add(x, t)
            },
            Affine,
            Some(1),
        ),
        ("x y", |g, [x, y, _]| g.mul(x, y), Unknown, Some(2)),
        (
            "(x - y)² + z",
            |g, [x, y, z]| {
                let d = g.sub(x, y);
                let s = g.square(d);
                g.add(s, z)
            },
            Convex,
            Some(2),
        ),
        (
            "(x - y)³",
            |g, [x, y, _]| {
                let (d, p) = (g.sub(x, y), g.constant(3.0));
                g.pow(d, p)
            },
            Unknown,
            Some(3),
        ),
        (
            "sqrt(x² + z y²)",
            |g, [x, y, z]| {
                let (a, b) = (g.square(x), g.square(y));
                let b = g.mul(z, b);
                let s = g.add(a, b);
                g.sqrt(s)
            },
            Convex,
            None,
        ),
        (
            "log(exp x + z exp y)",
            |g, [x, y, z]| {
                let (a, b) = (g.exp(x), g.exp(y));
                let b = g.mul(z, b);
                let s = g.add(a, b);
                g.log(s)
            },
            Convex,
            None,
        ),
        (
            "-exp(x²)",
            |g, [x, _, _]| {
                let s = g.square(x);
                let e = g.exp(s);
                g.neg(e)
            },
            Concave,
            None,
        ),
        (
            "z / x + z x",
            |g, [x, _, z]| {
                let (a, b) = (g.div(z, x), g.mul(z, x));
                g.add(a, b)
            },
            Unknown,
            None,
        ),
        (
            "x² / exp(z)",
            |g, [x, _, z]| {
                let (a, b) = (g.square(x), g.exp(z));
                g.div(a, b)
            },
            Convex,
            Some(2),
        ),
        (
            "log(z) x",
            |g, [x, _, z]| {
                let l = g.log(z);
                g.mul(l, x)
            },
            Affine,
            Some(1),
        ),
        (
            "x log x",
            |g, [x, _, _]| {
                let l = g.log(x);
                g.mul(x, l)
            },
            Convex,
            None,
        ),
    ];
    for (name, build, curvature, degree) in cases {
        let mut g = Graph::default();
        let leaves = [0, 1, 2].map(|k| g.leaf(k));
        let f = build(&mut g, leaves);
        let whole = Facts::variable(Interval::WHOLE);
        let found = body_facts(&g, f, &[whole, whole, Facts::constant(Interval::new(0.5, 2.0))]);
        assert_eq!((found.facts.curvature, found.facts.degree), (*curvature, *degree), "{name}");
    }
}

fn term(instances: u32, sources: &[(Source, IndexMap)], body: NodeId, target: IndexMap, level: u32) -> Term {
    let leaves = sources.iter().map(|(source, map)| Leaf { source: *source, map: map.clone() }).collect();
    Term { family: Family { instances, leaves, body }, target, level, origin: (0, 0, 0) }
}

#[test]
fn stages_pass_on_what_is_known() {
    let mut g = Graph::default();
    let (x, y) = (g.leaf(0), g.leaf(1));
    let (square, root, sum, product) = (g.square(x), g.sqrt(x), g.add(x, y), g.mul(x, y));
    let at = IndexMap::scalar;
    let stages = [
        // Σ x², its root, a recurrence, a product of the two, and what reads that.
        vec![term(5, &[(Source::Variables, IndexMap::IDENTITY)], square, at(0), 0)],
        vec![term(1, &[(Source::Stage(StageId(0)), at(0))], root, at(0), 0)],
        vec![
            term(1, &[(Source::Variables, at(0))], x, at(0), 0),
            term(1, &[(Source::Stage(StageId(2)), at(0)), (Source::Variables, at(1))], sum, at(1), 1),
        ],
        vec![term(1, &[(Source::Stage(StageId(1)), at(0)), (Source::Stage(StageId(2)), at(1))], product, at(0), 0)],
        vec![term(1, &[(Source::Stage(StageId(3)), at(0))], x, at(0), 0)],
    ];
    let stages: Vec<Stage> = stages
        .into_iter()
        .map(|terms| {
            let rows = terms.iter().map(|t| t.target.at(0) as u32 + 1).max().unwrap();
            Stage::sum("", rows, terms)
        })
        .collect();
    let facts = stage_facts(&g, &stages, &mut |_, _| Facts::variable(Interval::new(-1.0, 2.0)));
    let shapes: Vec<Curvature> = facts.iter().map(|f| f.facts.curvature).collect();
    use Curvature::{Affine, Convex, Unknown};
    assert_eq!(shapes, [Convex, Convex, Affine, Unknown, Unknown]);
    assert_eq!(facts[0].facts.degree, Some(2));
    assert_eq!(facts[2].facts.degree, Some(1));
    assert!(facts[0].facts.interval.within(0.0, 20.001) && facts[0].facts.interval.contains(20.0));
    assert_eq!(trace(&g, &stages, &facts, StageId(4)), Some((StageId(3), 0, product)));
    assert_eq!(reason(&g, product), "a product of two expressions in the variables");
    assert!(facts.iter().all(|f| f.depends_on_variables && f.facts.smooth == Smoothness::Smooth));
}

#[test]
fn domain_risks_are_those_that_can_happen() {
    let mut g = Graph::default();
    let x = g.leaf(0);
    let (log, inverse, gamma) = (g.log(x), g.reciprocal(x), g.call(Op::Gamma, &[x]));
    let half = g.constant(1.5);
    let power = g.pow(x, half);
    let total = g.sum(&[log, inverse, gamma, power]);
    let risks = |lo, hi| domain_risks(&g, total, &[Interval::new(lo, hi)]);
    assert_eq!(risks(0.1, 5.0), []);
    assert_eq!(risks(-1.0, 5.0), [log, inverse, gamma, power]);
    assert_eq!(risks(-2.5, -1.5), [log, gamma, power]);
    assert_eq!(risks(0.0, 1.0), [log, inverse, gamma]);
}
