//! Complementary pairs replaced by the ways in which they hold at a point: near it, a problem with pairs is one without.
//!
//! Rows and variables of the problem keep their places. The two constraints of a family are left out, and rows at the end
//! state what is left of them; their sides read what the sides of the family read, so that they move with parameters.

use super::complementarity::{Complementarity, Way};
use super::index::Axes;
use super::{Constraint, Data, Problem};
use crate::expr::family::{Family, IndexMap, Leaf, Source, Stage, StageId, Term};

/// What is asked of a pair `a ⟂ b` near a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// `a` is an equation, `b` is free.
    Equation,
    Way(Way),
    /// `a` is at this side and `b` is 0: both may leave, to the side that they may.
    Both(Way),
}

const BELOW: Data = Data::Constant(f64::NEG_INFINITY);
const ABOVE: Data = Data::Constant(f64::INFINITY);
const ZERO: Data = Data::Constant(0.0);

impl Held {
    const ALL: [Held; 6] = [
        Held::Equation,
        Held::Way(Way::Lower),
        Held::Way(Way::Upper),
        Held::Way(Way::Force),
        Held::Both(Way::Lower),
        Held::Both(Way::Upper),
    ];

    /// The sides of `a`, which has these, and of `b`.
    fn sides(self, lower: Data, upper: Data) -> ((Data, Data), (Data, Data)) {
        match self {
            Held::Equation => ((lower, upper), (BELOW, ABOVE)),
            Held::Way(Way::Lower) => ((lower.clone(), lower), (ZERO, ABOVE)),
            Held::Way(Way::Upper) => ((upper.clone(), upper), (BELOW, ZERO)),
            Held::Way(Way::Force) => ((lower, upper), (ZERO, ZERO)),
            Held::Both(Way::Upper) => ((lower, upper), (BELOW, ZERO)),
            Held::Both(Way::Lower | Way::Force) => ((lower, upper), (ZERO, ABOVE)),
        }
    }
}

impl Problem {
    /// The problem with each pair, in the order of [`Problem::pairs`], as `held` says. Also the numbers of the rows that
    /// state `a`, for each pair.
    pub fn settle(&self, held: &[Held]) -> (Problem, Vec<usize>) {
        let mut out = self.clone();
        let mut places = vec![usize::MAX; held.len()];
        let families: Vec<Complementarity> = self.complementarities().collect();
        let mut first = 0;
        for family in families {
            let (a, b) = (&self.constraints[family.bounded], &self.constraints[family.force]);
            out.constraints[family.bounded].dropped = true;
            out.constraints[family.force].dropped = true;
            let here = &held[first..first + a.rows as usize];
            for kind in Held::ALL {
                let rows: Vec<u32> = (0..a.rows).filter(|r| here[*r as usize] == kind).collect();
                if rows.is_empty() {
                    continue;
                }
                let of_a = out.row_count();
                rows.iter().enumerate().for_each(|(k, r)| places[first + *r as usize] = of_a + k);
                let (sides_a, sides_b) = kind.sides(a.lower.chosen(&rows), a.upper.chosen(&rows));
                out.state_part(a, &rows, sides_a);
                out.state_part(b, &rows, sides_b);
            }
            first += here.len();
        }
        (out, places)
    }

    /// Some rows of a constraint once more, with sides of their own.
    fn state_part(&mut self, of: &Constraint, rows: &[u32], sides: (Data, Data)) {
        let body = Leaf { source: Source::Stage(of.stage), map: IndexMap::from_positions(rows.to_vec()) };
        let axes = of.axes.part(rows);
        let part = self.copied_rows(&of.label, body, axes, rows.len() as u32, sides, of.span);
        self.constraints.push(Constraint { dual_sign: of.dual_sign, labelled: of.labelled, ..part });
    }

    /// Takes bounds away, one flag for each scalar variable. Where others of a family keep theirs, rows state them.
    pub fn free_bounds(&mut self, lower: &[bool], upper: &[bool]) {
        for k in 0..self.variables.len() {
            let v = self.variables[k].clone();
            let mine = v.offset as usize..v.offset as usize + v.axes.len();
            for (flags, is_lower) in [(lower, true), (upper, false)] {
                let flags = &flags[mine.clone()];
                if !flags.contains(&true) {
                    continue;
                }
                let rest: Vec<u32> = (0..flags.len() as u32).filter(|p| !flags[*p as usize]).collect();
                let variable = &mut self.variables[k];
                let sides = if is_lower {
                    variable.lower = BELOW;
                    (v.lower.chosen(&rest), ABOVE)
                } else {
                    variable.upper = ABOVE;
                    (BELOW, v.upper.chosen(&rest))
                };
                if rest.is_empty() {
                    continue;
                }
                let positions = rest.iter().map(|p| v.offset + p).collect();
                let body = Leaf { source: Source::Variables, map: IndexMap::from_positions(positions) };
                let axes = v.axes.part(&rest);
                let row = self.copied_rows(&v.name, body, axes, rest.len() as u32, sides, v.span);
                self.constraints.push(row);
            }
        }
    }

    /// A constraint whose rows copy what is read.
    fn copied_rows(
        &mut self,
        label: &str,
        body: Leaf,
        axes: Axes,
        rows: u32,
        sides: (Data, Data),
        span: crate::diag::Span,
    ) -> Constraint {
        let family = Family { instances: rows, leaves: vec![body], body: self.graph.leaf(0) };
        let origin = (span.source.0, span.start, span.end);
        let term = Term { family, target: IndexMap::IDENTITY, level: 0, origin };
        self.stages.push(Stage::sum(label, rows, vec![term]));
        let stage = StageId(self.stages.len() as u32 - 1);
        Constraint::new(label, axes, rows, stage, sides, span)
    }
}

impl Axes {
    /// Some elements of these axes.
    fn part(&self, elements: &[u32]) -> Axes {
        if self.is_scalar() {
            return self.clone();
        }
        let full = |p: &u32| self.filter.as_ref().map_or(*p, |kept| kept[*p as usize]);
        Axes { sets: self.sets.clone(), filter: Some(elements.iter().map(full).collect()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::level::tests::whole;
    use crate::problem::values::{Bounds, Numbers};

    #[test]
    fn pairs_become_rows_whose_sides_move() {
        let problem = whole(
            "param lo[1..3] = [1, 2, 3]\nvar x[1..3] in [-9, 9]\nsubject to one[i in 1..3]: lo[i] <= x[i] perp x[i]^2 - 4 >= 0\n\
             minimize sum(x)",
        );
        let held = [Held::Way(Way::Force), Held::Both(Way::Lower), Held::Way(Way::Lower)];
        let (mut settled, places) = problem.settle(&held);
        assert!(settled.complementarities().next().is_none());
        let first = problem.row_count();
        assert_eq!(places, [first + 2, first + 4, first]);
        settled.free_bounds(&[true, false, false], &[true; 3]);
        let sides = |problem: &Problem| {
            let bounds = Bounds::of(problem, &Numbers::of(problem));
            let rows = first..problem.row_count();
            rows.map(|r| (bounds.row_lower[r], bounds.row_upper[r])).collect::<Vec<_>>()
        };
        let inf = f64::INFINITY;
        let expected =
            [(3.0, 3.0), (0.0, inf), (1.0, inf), (0.0, 0.0), (2.0, inf), (0.0, inf), (-9.0, inf), (-9.0, inf)];
        assert_eq!(sides(&settled), expected);
        let lo = settled.params.iter().position(|p| p.name == "lo").expect("it is there");
        settled.params[lo].values = std::sync::Arc::new(vec![5.0, 6.0, 7.0]);
        assert_eq!(sides(&settled)[0], (7.0, 7.0));
        assert_eq!(settled.row_name(first), "one[3]");
    }
}
