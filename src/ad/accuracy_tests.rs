//! Functions against correctly rounded values (`tests/functions/correct.tsv`, made by the script beside it).
//!
//! Every function runs through the engine: in a block, and one instance at a time. `MERIT_FUNCTION_TABLE=FILE` reads
//! another table, `MERIT_FUNCTION_REPORT=1` prints what was measured (`docs/performance.md` keeps the figures).

use super::Evaluator;
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};
use crate::expr::ops::{self, Op};
use crate::problem::{Constraint, Data, Problem};
use std::collections::BTreeMap;

/// Largest errors in units of the last place. 1 is the goal for `exp`, `log`, `sin`, `cos` and `sqrt`, 2 for the others;
/// that of `logaddexp` next to its root is one of its operands, which cancel there.
const LIMITS: &[(&str, f64)] = &[
    ("acos", 1.0),
    ("acosh", 2.0),
    ("asin", 1.0),
    ("asinh", 2.0),
    ("atan", 1.0),
    ("atan2", 1.0),
    ("atanh", 2.0),
    ("cbrt", 1.0),
    ("cos", 1.0),
    ("cos beyond", 1.0),
    ("cosh", 2.0),
    ("digamma", 1.0),
    ("erf", 2.0),
    ("erfc", 2.0),
    ("exp", 1.0),
    ("expm1", 2.0),
    ("gamma", 1.0),
    ("lgamma", 2.0),
    ("log", 1.0),
    ("log10", 2.0),
    ("log1p", 2.0),
    ("log2", 2.0),
    ("logaddexp", 2.0),
    ("pow", 1.0),
    ("sigmoid", 2.0),
    ("sin", 1.0),
    ("sin beyond", 1.0),
    ("sinh", 2.0),
    ("softplus", 2.0),
    ("sqrt", 1.0),
    ("tan", 2.0),
    ("tan beyond", 2.0),
    ("tanh", 2.0),
    ("xlogx", 2.0),
    ("xlogxy", 2.0),
];

struct Row {
    operands: Vec<f64>,
    value: f64,
    /// In units of the last place of `value`.
    above: f64,
}

fn table() -> BTreeMap<String, Vec<Row>> {
    let own = include_str!("../../tests/functions/correct.tsv").to_string();
    let text = std::env::var("MERIT_FUNCTION_TABLE").map_or(own, |path| std::fs::read_to_string(path).unwrap());
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        let number = |word: &str| f64::from_bits(u64::from_str_radix(word, 16).unwrap());
        let [name, operands @ .., value, above] = &words[..] else { panic!("a short line: {line}") };
        let above = above.parse::<f64>().unwrap() / 1000.0;
        let operands: Vec<f64> = operands.iter().map(|word| number(word)).collect();
        // Larger angles take another way.
        let beyond = matches!(*name, "sin" | "cos" | "tan") && operands[0].abs() > 1e6;
        rows.entry(if beyond { format!("{name} beyond") } else { name.to_string() }).or_default().push(Row {
            operands,
            value: number(value),
            above,
        });
    }
    rows
}

/// Values of a function for all operands, `together` instances in one family.
fn values(op: Op, operands: &[Vec<f64>], together: usize) -> Vec<f64> {
    let arity = op.row().arity;
    let evaluate = |points: &[Vec<f64>]| {
        let count = points.len() as u32;
        let mut problem = Problem { dimension: count * arity as u32, ..Problem::default() };
        let leaf = |k: usize| (k as u32 * count) as i64;
        let leaves = (0..arity)
            .map(|k| Leaf { source: Source::Variables, map: IndexMap::Affine { start: leaf(k), stride: 1 } })
            .collect();
        let nodes: Vec<_> = (0..arity as u32).map(|k| problem.graph.leaf(k)).collect();
        let body = problem.graph.intern(crate::expr::graph::Node::Call(op, std::array::from_fn(|k| nodes[k % arity])));
        let family = Family { instances: count, leaves, body };
        let term = Term { family, target: IndexMap::IDENTITY, level: 0, origin: (0, 0, 0) };
        problem.stages.push(Stage::sum("", count, vec![term]));
        problem.constraints.push(Constraint::new(
            "",
            Default::default(),
            count,
            StageId(0),
            (Data::Constant(0.0), Data::Constant(0.0)),
            Default::default(),
        ));
        let x: Vec<f64> = (0..arity).flat_map(|k| points.iter().map(move |point| point[k])).collect();
        let mut out = vec![f64::NAN; points.len()];
        Evaluator::new(&problem).constraints(&x, &mut out);
        out
    };
    operands.chunks(together).flat_map(evaluate).collect()
}

fn ulps(op: Op, got: f64, row: &Row) -> f64 {
    if got == row.value || (got.is_nan() && row.value.is_nan()) {
        return row.above.abs();
    }
    let place_of = |x: f64| x.abs().next_up() - x.abs();
    let place = match op {
        Op::LogAddExp => place_of(row.operands.iter().fold(row.value.abs(), |most, x| most.max(x.abs()))),
        _ => place_of(row.value),
    };
    ((got - row.value) / place - row.above * (place_of(row.value) / place)).abs()
}

#[test]
fn functions_are_right_to_the_last_places() {
    let mut wrong = vec![];
    for (key, rows) in table() {
        let name = key.split(' ').next().unwrap();
        let op = ops::by_name(name).unwrap();
        let operands: Vec<Vec<f64>> = rows.iter().map(|row| row.operands.clone()).collect();
        let limit = LIMITS.iter().find(|(known, _)| *known == key).unwrap_or_else(|| panic!("no limit for {key}")).1;
        let mut worst = (0.0, &rows[0], 0.0);
        for together in [200, 1] {
            for (row, got) in rows.iter().zip(values(op, &operands[..], together)) {
                let error = ulps(op, got, row);
                if error.is_nan() || error > worst.0 {
                    worst = (error, row, got);
                }
            }
        }
        if std::env::var("MERIT_FUNCTION_REPORT").is_ok() {
            println!("{key} {:.2} at {:?}", worst.0, worst.1.operands);
        }
        if worst.0.is_nan() || worst.0 > limit {
            let (error, row, got) = worst;
            wrong.push(format!("{name}{:?} = {got:e} is off by {error:.2} from {:e}", row.operands, row.value));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_number_goes_through_and_ends_of_domains_are_right() {
    let inf = f64::INFINITY;
    for op in ops::ALL.iter().copied().filter(|op| op.row().arity == 1 && !op.row().truth) {
        let points: Vec<Vec<f64>> = [f64::NAN, inf, -inf, 0.0, -0.0].iter().map(|&x| vec![x]).collect();
        for together in [1, 5] {
            let blocks: Vec<Vec<f64>> =
                std::iter::repeat_n(points.clone(), if together > 1 { 4 } else { 1 }).flatten().collect();
            let got = values(op, &blocks, if together > 1 { 20 } else { 1 });
            for (point, got) in blocks.iter().zip(got) {
                let want = (op.row().value)([point[0]; 3]);
                let same = got == want || (got.is_nan() && want.is_nan());
                assert!(same, "{}({}) is {got} in the engine and {want} in the table", op.row().name, point[0]);
            }
        }
    }
}
