//! Random numbers that are the same on every machine and in every version: xoshiro256++ seeded by splitmix64.
//!
//! Source: Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021).

#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    pub fn new(seed: u64) -> Random {
        let mut at = seed;
        let mut split = || {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = at;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Random { state: [split(), split(), split(), split()] }
    }

    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normal with mean 0 and variance 1, by the method of Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut a, mut b, mut c) = (Random::new(7), Random::new(7), Random::new(8));
        let drawn: Vec<u64> = (0..100).map(|_| a.bits()).collect();
        assert!(drawn.iter().all(|v| *v == b.bits()));
        assert!(drawn.iter().any(|v| *v != c.bits()));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(1);
        let count = 200_000;
        let uniform: Vec<f64> = (0..count).map(|_| random.between(-1.0, 3.0)).collect();
        let normal: Vec<f64> = (0..count).map(|_| random.normal()).collect();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / count as f64;
        let variance = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>() / count as f64 - mean(v).powi(2);
        assert!(uniform.iter().all(|v| (-1.0..3.0).contains(v)));
        assert!((mean(&uniform) - 1.0).abs() < 0.02 && (variance(&uniform) - 16.0 / 12.0).abs() < 0.02);
        assert!(mean(&normal).abs() < 0.02 && (variance(&normal) - 1.0).abs() < 0.02);
    }
}
