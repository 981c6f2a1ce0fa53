//! Results that go to every second, third or fourth place: bands of Hessians and Jacobians, stored row by row.
//!
//! One by one they take as long as the arithmetic of a cheap function. Here eight of them are spread over as many
//! vectors as the stride says, and places between them are masked out: they may belong to somebody else.

use super::isa::{Level, level};
use super::kernel::LANES;

/// `to[stride * k]` becomes `values[k]`, or grows by it; how many were done, the others are left to the caller.
///
/// # Safety
/// All these places may be read and written.
pub unsafe fn store(values: &[f64], stride: i64, add: bool, to: *mut f64) -> usize {
    #[cfg(target_arch = "x86_64")]
    if level() == Level::Avx512 {
        // SAFETY: as promised by the caller, and the processor has these instructions.
        return unsafe {
            match (stride, add) {
                (2, true) => spread::<2, true>(values, to),
                (2, false) => spread::<2, false>(values, to),
                (3, true) => spread::<3, true>(values, to),
                (3, false) => spread::<3, false>(values, to),
                (4, true) => spread::<4, true>(values, to),
                (4, false) => spread::<4, false>(values, to),
                _ => 0,
            }
        };
    }
    let _ = (values, stride, add, to);
    0
}

/// Which of eight values stands at each place of vector `v`, and the places where one stands.
#[cfg(target_arch = "x86_64")]
const fn places(stride: usize, v: usize) -> ([i64; LANES], u8) {
    let (mut from, mut mask) = ([0; LANES], 0);
    let mut q = 0;
    while q < LANES {
        let at = v * LANES + q;
        if at.is_multiple_of(stride) {
            from[q] = (at / stride) as i64;
            mask |= 1 << q;
        }
        q += 1;
    }
    (from, mask)
}

/// # Safety
/// As of `store`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn spread<const STRIDE: usize, const ADD: bool>(values: &[f64], to: *mut f64) -> usize {
    use std::arch::x86_64::{_mm512_add_pd, _mm512_loadu_pd, _mm512_loadu_si512, _mm512_mask_storeu_pd};
    use std::arch::x86_64::{_mm512_maskz_loadu_pd, _mm512_permutexvar_pd};
    let (eights, _) = values.as_chunks::<LANES>();
    for (k, eight) in eights.iter().enumerate() {
        // SAFETY: eight numbers may be read; masks leave out all places but those of the values.
        unsafe {
            let value = _mm512_loadu_pd(eight.as_ptr());
            for v in 0..STRIDE {
                let (from, mask) =
                    const { [places(STRIDE, 0), places(STRIDE, 1), places(STRIDE, 2), places(STRIDE, 3)] }[v];
                let at = to.wrapping_add((k * STRIDE + v) * LANES);
                let mut spread = _mm512_permutexvar_pd(_mm512_loadu_si512(from.as_ptr().cast()), value);
                if ADD {
                    spread = _mm512_add_pd(_mm512_maskz_loadu_pd(mask, at), spread);
                }
                _mm512_mask_storeu_pd(at, mask, spread);
            }
        }
    }
    eights.len() * LANES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_between_are_left_alone() {
        for (stride, count) in [(2, 8), (2, 19), (3, 16), (4, 31), (5, 16), (3, 7)] {
            for add in [false, true] {
                let values: Vec<f64> = (0..count).map(|k| 1.5 + k as f64).collect();
                let mut to: Vec<f64> = (0..count * stride).map(|k| 0.25 * k as f64).collect();
                let mut wanted = to.clone();
                let last = (count - 1) * stride + 1;
                // SAFETY: there is room for all values.
                let done = unsafe { store(&values, stride as i64, add, to.as_mut_ptr()) };
                assert!(done.is_multiple_of(LANES) && done <= count);
                for (k, value) in values[..done].iter().enumerate() {
                    wanted[k * stride] = if add { wanted[k * stride] + value } else { *value };
                }
                assert_eq!(to[..last], wanted[..last], "stride {stride}, {count} values");
            }
        }
    }
}
