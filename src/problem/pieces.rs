//! The pieces of blocks that hold complementary pairs: each pair held one way, so that a block is a problem without pairs.
//!
//! Of `n` pairs there are at most `3^n` pieces; a point of the block is in the piece of the ways that its pairs hold, in
//! several where a pair holds both. A piece has the stages, the rows and the variables of the problem that it is of, in the
//! same order: only the sides of the rows of pairs differ.

use super::complementarity::{Way, ways};
use super::conditions::add_numbers;
use super::values::Numbers;
use super::{Data, Objective, Problem, Sense};
use crate::expr::eval::{self, Inputs};
use crate::expr::family::{Family as Instances, IndexMap, Leaf, Source, Stage, StageId, Term};

/// All families of pairs of the blocks of a problem.
#[derive(Clone, Debug)]
pub struct Pieces {
    families: Vec<Family>,
}

/// Rows of a block, and right behind them those that complement them.
#[derive(Clone, Debug)]
struct Family {
    block: u32,
    bounded: usize,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Pieces {
    pub fn of(problem: &Problem) -> Pieces {
        let numbers = Numbers::of(problem);
        let mut families = vec![];
        for (block, here) in (0..).zip(&problem.blocks) {
            let kept = |k: &usize| !here.constraints[*k].dropped && !here.constraints[*k - 1].dropped;
            for k in (1..here.constraints.len()).filter(|k| here.constraints[*k].complements).filter(kept) {
                let c = &here.constraints[k - 1];
                let side = |data| numbers.column(problem, data, c.rows as usize);
                families.push(Family { block, bounded: k - 1, lower: side(&c.lower), upper: side(&c.upper) });
            }
        }
        Pieces { families }
    }

    /// No block holds pairs.
    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }

    /// Of each pair, the ways in which it may hold; none where it is an equation.
    pub fn ways(&self) -> Vec<Vec<Way>> {
        let sides = self.families.iter().flat_map(|f| f.lower.iter().zip(&f.upper));
        sides.map(|(lower, upper)| ways(*lower, *upper)).collect()
    }

    /// The ways that the pairs are nearest to at a point of all variables.
    pub fn nearest(&self, problem: &Problem, x: &[f64]) -> Vec<Option<Way>> {
        let way = |(lower, upper, a, b): (f64, f64, f64, f64)| {
            let (below, above) = (a - lower, upper - a);
            match ways(lower, upper).is_empty() {
                true => None,
                false if b > below && below.is_finite() => Some(Way::Lower),
                false if -b > above && above.is_finite() => Some(Way::Upper),
                false => Some(Way::Force),
            }
        };
        self.values(problem, x).into_iter().map(way).collect()
    }

    /// The pairs whose `a` is at a side at a point, each with the other way; multipliers `b` may not be the only ones.
    pub fn at_a_side(&self, problem: &Problem, x: &[f64], near: f64) -> Vec<(usize, Way)> {
        let nearest = self.nearest(problem, x);
        let other = |(i, (lower, upper, a, _)): (usize, (f64, f64, f64, f64))| {
            let at = |side: f64| side.is_finite() && (a - side).abs() <= near * side.abs().max(1.0);
            let side = at(lower).then_some(Way::Lower).or(at(upper).then_some(Way::Upper))?;
            Some((i, if nearest[i]? == Way::Force { side } else { Way::Force }))
        };
        self.values(problem, x).into_iter().enumerate().filter_map(other).collect()
    }

    /// The pairs that hold both ways at a point, each with the way that [`Pieces::nearest`] does not name.
    pub fn both(&self, problem: &Problem, x: &[f64], near: f64) -> Vec<(usize, Way)> {
        let nearest = self.nearest(problem, x);
        let other = |(i, (lower, upper, a, b)): (usize, (f64, f64, f64, f64))| {
            let at = |side: f64| side.is_finite() && (a - side).abs() <= near * side.abs().max(1.0);
            let side = at(lower).then_some(Way::Lower).or(at(upper).then_some(Way::Upper))?;
            let held = nearest[i].filter(|_| b.abs() <= near)?;
            Some((i, if held == Way::Force { side } else { Way::Force }))
        };
        self.values(problem, x).into_iter().enumerate().filter_map(other).collect()
    }

    /// The problem in which pairs hold these ways; those without one are equations as they are.
    pub fn piece(&self, problem: &Problem, held: &[Option<Way>]) -> Problem {
        let mut out = problem.clone();
        let mut held = held.iter();
        for family in &self.families {
            let (mut of_a, mut of_b) = ((vec![], vec![]), (vec![], vec![]));
            for ((&lower, &upper), way) in family.lower.iter().zip(&family.upper).zip(held.by_ref()) {
                let (a, b) = match way {
                    Some(way) => way.sides(lower, upper),
                    None if lower == upper => ((lower, upper), (f64::NEG_INFINITY, f64::INFINITY)),
                    None => ((lower, upper), (0.0, 0.0)),
                };
                for (to, (low, high)) in [(&mut of_a, a), (&mut of_b, b)] {
                    to.0.push(low);
                    to.1.push(high);
                }
            }
            for (k, (lower, upper)) in [(family.bounded, of_a), (family.bounded + 1, of_b)] {
                let sides = [lower, upper].map(|values| Data::Read(add_numbers(&mut out, values)));
                let constraint = &mut out.blocks[family.block as usize].constraints[k];
                [constraint.lower, constraint.upper] = sides;
                constraint.complements = false;
            }
        }
        out
    }

    /// Of each pair: the sides of `a`, and the values of `a` and `b`.
    fn values(&self, problem: &Problem, x: &[f64]) -> Vec<(f64, f64, f64, f64)> {
        let stage = |f: &Family, k: usize| problem.blocks[f.block as usize].constraints[k].stage;
        let of = |f: &Family| [stage(f, f.bounded), stage(f, f.bounded + 1)];
        let roots: Vec<StageId> = self.families.iter().flat_map(of).collect();
        let needed = eval::needed(&problem.stages, &roots);
        let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
        let inputs = Inputs { variables: x, params, after: &[] };
        let stages = eval::stages(&problem.graph, &problem.stages, &needed, &inputs);
        let mut all = vec![];
        for f in &self.families {
            let [a, b] = of(f).map(|id| &stages[id.0 as usize]);
            all.extend((0..f.lower.len()).map(|r| (f.lower[r], f.upper[r], a[r], b[r])));
        }
        all
    }
}

impl Problem {
    /// The rows of all levels as rows of one, which decides everything: nobody need be at his best, and pairs keep their
    /// sides only. The best of that is no worse than the best of all levels.
    pub fn as_one_level(&self) -> Problem {
        let mut out = Problem { blocks: vec![], ..self.clone() };
        out.constraints.extend(self.blocks.iter().flat_map(|block| block.constraints.iter().cloned()));
        out.constraints.iter_mut().for_each(|row| row.complements = false);
        out
    }

    /// The same rows with the square of the distance from a point as the objective, in the variables at `positions`.
    pub fn nearest_to(&self, point: &[f64], positions: &[u32]) -> Problem {
        let mut out = self.clone();
        let there = add_numbers(&mut out, positions.iter().map(|k| point[*k as usize]).collect());
        let here = Leaf { source: Source::Variables, map: IndexMap::from_positions(positions.to_vec()) };
        let (x, target) = (out.graph.leaf(0), out.graph.leaf(1));
        let apart = out.graph.sub(x, target);
        let body = out.graph.square(apart);
        let instances = positions.len() as u32;
        let family = Instances { instances, leaves: vec![here, there], body };
        let target = IndexMap::from_positions(vec![0; positions.len()]);
        let name = "distance";
        out.stages.push(Stage::sum(name, 1, vec![Term { family, target, level: 0, origin: (0, 0, 0) }]));
        let stage = StageId(out.stages.len() as u32 - 1);
        let span = self.objectives.first().map(|o| o.span).unwrap_or_default();
        out.objectives = vec![Objective { label: name.to_string(), sense: Sense::Minimize, stage, span }];
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::conditions::Form;
    use crate::problem::level::tests::whole;

    #[test]
    fn a_block_inside_becomes_conditions_and_those_fall_into_pieces() {
        let stated = whole(
            "var x\nlower f[k in 1..2] {\n  var y[1..2]\n  lower g {\n    var z in [0, 5]\n    var w\n    \
             minimize (z - y[1] - k)^2 + (w - x)^2\n    subject to most: z + w <= 3\n  }\n  \
             minimize (y[2] - x)^2 + g.z + (y[1] - 7)^2\n  subject to own: y[1] + g.w <= k\n}\nminimize f[1].g.z + f[2].y[1]",
        );
        let problem = stated.with_blocks_beside_each_other();
        assert_eq!(problem.blocks.len(), 1);
        assert!(problem.dimension > stated.dimension);
        // Each instance by itself: y, z, w, the dual of `most` and the multiplier of the bounds of z.
        let zero = vec![0.0; problem.dimension as usize];
        for instance in 0..2 {
            let level = problem.level(0, instance, &zero);
            let names: Vec<String> =
                (0..level.problem.dimension).map(|k| level.problem.variable_name(k as usize)).collect();
            assert_eq!(level.problem.dimension, 6, "{names:?}");
            // `own`, stationarity in z and w, pairs of `most` and of the bounds of z.
            assert_eq!(level.problem.row_count(), 1 + 2 + 2 + 2);
            assert_eq!(level.problem.pairs().len(), 2);
        }
        let pieces = Pieces::of(&problem);
        assert_eq!(pieces.ways().iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2, 2]);
        // At 0 z holds both ways, and the rows `most` hold between their sides.
        let force = Some(Way::Force);
        assert_eq!(pieces.nearest(&problem, &zero), [force; 4]);
        assert_eq!(pieces.both(&problem, &zero, 1e-6), [(0, Way::Lower), (1, Way::Lower)]);
        let held = [Some(Way::Lower), force, Some(Way::Upper), force];
        let piece = pieces.piece(&problem, &held);
        assert!(Pieces::of(&piece).is_empty());
        let conditions = piece.conditions(Form::Kkt).problem;
        assert_eq!(conditions.dimension as usize, conditions.variables.iter().map(|v| v.axes.len()).sum::<usize>());
        let level = piece.level(0, 0, &zero).problem;
        let bounds = crate::problem::values::Bounds::of(&level, &Numbers::of(&level));
        let equal = bounds.row_lower.iter().zip(&bounds.row_upper).filter(|(l, u)| l == u).count();
        assert_eq!(equal, 2 + 2, "stationarity, and one equation of each pair");
    }
}
