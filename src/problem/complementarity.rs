//! Complementary pairs of rows: `lower <= a(x) <= upper  ⟂  b(x)`.
//!
//! ```text
//! a at lower:  b >= 0        a at upper:  b <= 0        a between:  b = 0
//! ```
//! Two constraints state a family of them: one with the rows `a` and their sides, and right behind it one with the rows
//! `b` that says so (`Constraint::complements`). The sides of `b` are those that follow: `b >= 0` where `a` has no upper
//! side, `b <= 0` where it has no lower one, `b = 0` where it has none. So what is known of rows (feasibility,
//! contradictions, enclosures) holds of the pairs without the complementarity, which is a relaxation.

use super::Problem;
use super::values::{Bounds, Numbers};

/// A family of pairs, by the numbers of its constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complementarity {
    pub bounded: usize,
    pub force: usize,
}

/// Scalar rows, by their numbers among all rows, that complement each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// `a`, which has the sides.
    pub bounded: u32,
    /// `b`
    pub force: u32,
}

/// The sides of `b` that follow from those of `a`.
pub fn implied_sides(lower: f64, upper: f64) -> (f64, f64) {
    let least = if upper < f64::INFINITY { f64::NEG_INFINITY } else { 0.0 };
    let most = if lower > f64::NEG_INFINITY { f64::INFINITY } else { 0.0 };
    (least, most)
}

/// One way in which a pair may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `a` at its lower side, `b >= 0`.
    Lower,
    /// `a` at its upper side, `b <= 0`.
    Upper,
    /// `b = 0`
    Force,
}

/// The ways in which a pair may hold, by the sides of `a`; none where it is an equation, of `a` or of `b`.
pub fn ways(lower: f64, upper: f64) -> Vec<Way> {
    let (has_lower, has_upper) = (lower > f64::NEG_INFINITY, upper < f64::INFINITY);
    if lower == upper || !(has_lower || has_upper) {
        return vec![];
    }
    let at_lower = has_lower.then_some(Way::Lower);
    let at_upper = has_upper.then_some(Way::Upper);
    at_lower.into_iter().chain(at_upper).chain([Way::Force]).collect()
}

impl Way {
    /// The sides of `a` and of `b` that state it.
    pub fn sides(self, lower: f64, upper: f64) -> ((f64, f64), (f64, f64)) {
        match self {
            Way::Lower => ((lower, lower), (0.0, f64::INFINITY)),
            Way::Upper => ((upper, upper), (f64::NEG_INFINITY, 0.0)),
            Way::Force => ((lower, upper), (0.0, 0.0)),
        }
    }
}

impl Problem {
    /// The families that are not left out.
    pub fn complementarities(&self) -> impl Iterator<Item = Complementarity> + '_ {
        let behind = (1..self.constraints.len()).filter(|&k| self.constraints[k].complements);
        let kept = move |k: &usize| !self.constraints[*k].dropped && !self.constraints[*k - 1].dropped;
        behind.filter(kept).map(|k| Complementarity { bounded: k - 1, force: k })
    }

    /// All pairs that are not left out, in the order of the rows.
    pub fn pairs(&self) -> Vec<Pair> {
        let starts = self.row_starts();
        let of = |c: Complementarity| {
            let (a, b) = (starts[c.bounded], starts[c.force]);
            (0..self.constraints[c.bounded].rows as usize)
                .map(move |r| Pair { bounded: (a + r) as u32, force: (b + r) as u32 })
        };
        self.complementarities().flat_map(of).collect()
    }
}

/// How far a pair is from holding: 0 exactly where `lower <= a <= upper` and `b` is what the place of `a` asks for.
///
/// `mid(a - lower, b, a - upper)`, the natural residual; NaN stays NaN.
pub fn natural_residual(lower: f64, upper: f64, a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    b.min(a - lower).max(a - upper)
}

/// Of each row, whether it belongs to a pair.
pub fn paired(problem: &Problem) -> Vec<bool> {
    let mut paired = vec![false; problem.row_count()];
    for pair in problem.pairs() {
        paired[pair.bounded as usize] = true;
        paired[pair.force as usize] = true;
    }
    paired
}

/// The numbers of a square system: conditions that are no pairs, pairs, and unknowns. Each pair is one condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub pairs: usize,
    /// Equations that are in no pair.
    pub equations: usize,
    /// Rows that constrain, are no equations and are in no pair.
    pub inequalities: usize,
}

impl Count {
    pub fn of(problem: &Problem) -> Count {
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let paired = paired(problem);
        let mut count = Count { pairs: problem.pairs().len(), ..Count::default() };
        let starts = problem.row_starts();
        for (constraint, start) in problem.constraints.iter().zip(starts).filter(|(c, _)| !c.dropped) {
            for r in (start..start + constraint.rows as usize).filter(|r| !paired[*r]) {
                let (lower, upper) = (bounds.row_lower[r], bounds.row_upper[r]);
                if lower == upper {
                    count.equations += 1;
                } else if lower > f64::NEG_INFINITY || upper < f64::INFINITY {
                    count.inequalities += 1;
                }
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_natural_residual_vanishes_where_the_pair_holds() {
        let inf = f64::INFINITY;
        let holds = [
            (0.0, inf, 0.0, 3.0),
            (0.0, inf, 2.0, 0.0),
            (-inf, 1.0, 1.0, -2.0),
            (-inf, 1.0, 0.0, 0.0),
            (0.0, 1.0, 0.0, 5.0),
            (0.0, 1.0, 1.0, -5.0),
            (0.0, 1.0, 0.5, 0.0),
            (-inf, inf, 7.0, 0.0),
            (2.0, 2.0, 2.0, -9.0),
        ];
        for (lower, upper, a, b) in holds {
            assert_eq!(natural_residual(lower, upper, a, b), 0.0, "{lower} <= {a} <= {upper} with {b}");
        }
        let broken = [
            (0.0, inf, 0.5, 3.0),
            (0.0, inf, 0.0, -1.0),
            (0.0, inf, -1.0, 0.0),
            (0.0, 1.0, 0.5, 0.1),
            (0.0, 1.0, 1.0, 0.1),
            (-inf, inf, 7.0, 0.1),
            (2.0, 2.0, 1.5, 0.0),
        ];
        for (lower, upper, a, b) in broken {
            assert!(natural_residual(lower, upper, a, b).abs() >= 0.1, "{lower} <= {a} <= {upper} with {b}");
        }
        assert!(natural_residual(0.0, inf, f64::NAN, 0.0).is_nan());
        assert_eq!(implied_sides(0.0, inf), (0.0, inf));
        assert_eq!(implied_sides(-inf, 0.0), (-inf, 0.0));
        assert_eq!(implied_sides(-inf, inf), (0.0, 0.0));
        assert_eq!(implied_sides(0.0, 1.0), (-inf, inf));
    }
}
