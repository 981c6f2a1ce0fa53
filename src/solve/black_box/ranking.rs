//! Orders of candidates, and the comparisons that they contain.

/// Of each candidate, how many others are known to be better: 0 for the best. Those of equal place are tied, or were
/// not told apart, as all beyond the `k` best of an answer that names only those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    pub places: Vec<usize>,
}

impl Ranking {
    /// From groups of candidates (numbered from 0), best first, tied within a group; whoever is in none comes last.
    pub fn of_groups(count: usize, groups: &[Vec<usize>]) -> Ranking {
        let mut places = vec![usize::MAX; count];
        let mut better = 0;
        for group in groups {
            group.iter().for_each(|&c| places[c] = better);
            better += group.len();
        }
        places.iter_mut().filter(|p| **p == usize::MAX).for_each(|p| *p = better);
        Ranking { places }
    }

    /// The `best` smallest of `values` in order, equal ones tied; a value that is not a number is worse than all others.
    pub fn of_values(values: &[f64], best: usize) -> Ranking {
        let worse = |v: f64| if v.is_nan() { f64::INFINITY } else { v };
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| worse(values[a]).total_cmp(&worse(values[b])));
        let mut groups: Vec<Vec<usize>> = vec![];
        for (told, &c) in order.iter().enumerate() {
            match groups.last_mut() {
                Some(group) if worse(values[group[0]]) == worse(values[c]) => group.push(c),
                _ if told >= best => break,
                _ => groups.push(vec![c]),
            }
        }
        Ranking::of_groups(values.len(), &groups)
    }

    /// The same candidates from worst to best.
    pub fn reversed(&self) -> Ranking {
        let places = self.places.iter().map(|p| self.places.iter().filter(|q| *q > p).count()).collect();
        Ranking { places }
    }

    /// The first of the best.
    pub fn winner(&self) -> usize {
        self.places.iter().position(|p| *p == 0).unwrap_or(0)
    }

    /// Candidates from best to worst; tied ones in the order in which they were asked about.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by_key(|&c| self.places[c]);
        order
    }

    /// How many pairs are known to be unequal: the edges of the comparison graph.
    pub fn edges(&self) -> usize {
        let better = |p: usize| self.places.iter().filter(|q| **q < p).count();
        self.places.iter().map(|&p| better(p)).sum()
    }

    /// Of each candidate, how many are better less how many are worse: what `Σ (ξ_j - ξ_i)` over all edges "i is better
    /// than j" gives `ξ_c` as its factor. With the `k` best of `m` told apart that is `2r + 1 - m` for place `r < k`, and
    /// `k` for the others.
    pub fn weights(&self) -> Vec<f64> {
        let count =
            |better: fn(&usize, &usize) -> bool, p: &usize| self.places.iter().filter(|q| better(q, p)).count() as f64;
        self.places.iter().map(|p| count(|q, p| q < p, p) - count(|q, p| q > p, p)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_comparison_graph() {
        for m in 1..=6usize {
            for k in 1..=m {
                // Values in an order that is not that of the candidates.
                let values: Vec<f64> = (0..m).map(|c| ((c * 5 + 2) % 7) as f64).collect();
                let ranking = Ranking::of_values(&values, k);
                let mut by_value: Vec<usize> = (0..m).collect();
                by_value.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
                let mut summed = vec![0.0; m];
                let mut edges = 0;
                for (r, &i) in by_value.iter().enumerate().take(k) {
                    for &j in &by_value[r + 1..] {
                        summed[j] += 1.0;
                        summed[i] -= 1.0;
                        edges += 1;
                    }
                }
                assert_eq!(ranking.weights(), summed, "m = {m}, k = {k}");
                assert_eq!(ranking.edges(), edges);
                assert_eq!(edges, k * (k - 1) / 2 + k * (m - k));
                for (r, &c) in by_value.iter().enumerate() {
                    let closed = if r < k { 2.0 * r as f64 + 1.0 - m as f64 } else { k as f64 };
                    assert_eq!(ranking.weights()[c], closed, "m = {m}, k = {k}, r = {r}");
                }
            }
        }
    }

    #[test]
    fn ties_and_missing_values_have_their_places() {
        let ranking = Ranking::of_values(&[2.0, 1.0, f64::NAN, 2.0, 1.0], 5);
        assert_eq!(ranking.places, [2, 0, 4, 2, 0]);
        assert_eq!(ranking.reversed().places, [1, 3, 0, 1, 3]);
        assert_eq!(ranking.winner(), 1);
        assert_eq!(ranking.order(), [1, 4, 0, 3, 2]);
        assert_eq!(Ranking::of_values(&[3.0, 1.0, 2.0], 1).places, [1, 0, 1]);
        assert_eq!(Ranking::of_groups(4, &[vec![3], vec![0, 1]]).places, [1, 1, 3, 0]);
    }
}
