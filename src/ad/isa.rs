//! Run-time choice of the instruction set, so that a plain release build is fast on every x86-64 processor.
//!
//! [`dispatch!`] compiles one `#[inline(always)]` generic function three times: for the baseline, for AVX2 with fused
//! multiply-add, and for AVX-512. Everything such a function calls must be inlined, or it silently falls back to the
//! baseline; hence the `#[inline(always)]` throughout [`super::functions`] and [`super::interpret`].

use std::sync::OnceLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the compiler may assume anyway (SSE2 on x86-64).
    Baseline,
    Avx2,
    Avx512,
}

/// The best level that this processor has.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(detect)
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        (false, _) => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Baseline
}

/// `dispatch!(pub fn name = inner(argument: Type, ...) -> Result)` defines `name`, which runs `inner::<FUSED>` compiled
/// for the best level; `FUSED` says whether fused multiply-add is one instruction.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident = $inner:ident ( $($a:ident : $t:ty),* $(,)? ) $(-> $r:ty)?) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($a: $t),*) $(-> $r)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx2($($a: $t),*) $(-> $r)? { $inner::<true>($($a),*) }
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx512($($a: $t),*) $(-> $r)? { $inner::<true>($($a),*) }
                match $crate::ad::isa::level() {
                    // SAFETY: `level` has seen that the processor has these instructions.
                    $crate::ad::isa::Level::Avx512 => return unsafe { avx512($($a),*) },
                    // SAFETY: as above.
                    $crate::ad::isa::Level::Avx2 => return unsafe { avx2($($a),*) },
                    $crate::ad::isa::Level::Baseline => {}
                }
            }
            $inner::<false>($($a),*)
        }
    };
}
pub(crate) use dispatch;
