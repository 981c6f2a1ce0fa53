//! How much a candidate does what no other one did: the mean distance of its behaviour to the nearest others.
//!
//! Others are the rest of its generation and an archive, which each candidate joins with a small chance. Source: Lehman &
//! Stanley, Evolutionary Computation 19 (2011).

use crate::solve::parts::random::Random;

pub struct Novelty {
    /// How many of the nearest count.
    pub neighbours: usize,
    /// Of a candidate to join the archive.
    pub chance: f64,
    pub archive: Vec<Vec<f64>>,
}

impl Novelty {
    /// Of each candidate of a generation; without a finite behaviour none is new.
    pub fn scores(&self, behaviours: &[Vec<f64>]) -> Vec<f64> {
        let finite = |b: &[f64]| b.iter().all(|v| v.is_finite());
        let score = |(k, own): (usize, &Vec<f64>)| {
            if !finite(own) {
                return f64::NEG_INFINITY;
            }
            let rest = behaviours.iter().enumerate().filter(|(other, b)| *other != k && finite(b)).map(|(_, b)| b);
            let mut distances: Vec<f64> = rest.chain(&self.archive).map(|other| distance(own, other)).collect();
            distances.sort_by(f64::total_cmp);
            distances.truncate(self.neighbours);
            distances.iter().sum::<f64>() / distances.len().max(1) as f64
        };
        behaviours.iter().enumerate().map(score).collect()
    }

    /// Takes some of a generation into the archive.
    pub fn remember(&mut self, behaviours: &[Vec<f64>], random: &mut Random) {
        for behaviour in behaviours {
            if random.unit() < self.chance && behaviour.iter().all(|v| v.is_finite()) {
                self.archive.push(behaviour.clone());
            }
        }
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn novelty_is_the_mean_distance_to_the_nearest() {
        let mut novelty = Novelty { neighbours: 2, chance: 1.0, archive: vec![] };
        let generation = [vec![0.0, 0.0], vec![3.0, 4.0], vec![0.0, 1.0], vec![f64::NAN, 0.0]];
        let scores = novelty.scores(&generation);
        assert_eq!(scores[0], 3.0);
        assert_eq!(scores[2], (1.0 + 18f64.sqrt()) / 2.0);
        assert_eq!(scores[3], f64::NEG_INFINITY);
        // Whoever was there makes the same less new.
        novelty.remember(&generation, &mut Random::new(0));
        assert_eq!(novelty.archive.len(), 3);
        assert_eq!(novelty.scores(&generation)[0], 0.5);
        assert_eq!(Novelty { neighbours: 5, chance: 0.0, archive: vec![] }.scores(&[vec![1.0]]), [0.0]);
    }
}
