//! A network with one hidden layer, whose weights are one vector.

/// Nearly the hyperbolic tangent, and much cheaper: 1 from 3 on.
pub fn squashed(x: f64) -> f64 {
    let x = x.clamp(-3.0, 3.0);
    x * (27.0 + x * x) / (27.0 + 9.0 * x * x)
}

/// What comes out, squashed. Of each hidden unit there are its weights for the inputs, its constant and its weights for
/// the outputs; the constants of the outputs stand last.
pub fn outputs<const IN: usize, const OUT: usize>(weights: &[f64], inputs: &[f64; IN]) -> [f64; OUT] {
    let (units, constants) = weights.split_at(weights.len() - OUT);
    let mut out = [0.0; OUT];
    out.copy_from_slice(constants);
    for unit in units.chunks_exact(IN + 1 + OUT) {
        let sum: f64 = unit[..IN].iter().zip(inputs).map(|(w, i)| w * i).sum();
        let hidden = squashed(sum + unit[IN]);
        out.iter_mut().zip(&unit[IN + 1..]).for_each(|(out, w)| *out += w * hidden);
    }
    out.map(squashed)
}
