//! Running the instructions of a program: once for a block of instances, once for a single instance.
//!
//! Both share [`step`], the only place that says what an instruction computes.

use super::functions as f;
use super::functions::pick;
use super::isa::dispatch;
use super::program::{Code, Instruction};
use crate::expr::ops::Op;

/// Where slots are and how an operation runs over them.
pub trait Lanes {
    fn load(&mut self, i: &Instruction);
    fn unary(&mut self, i: &Instruction, f: impl Fn(f64) -> f64);
    fn binary(&mut self, i: &Instruction, f: impl Fn(f64, f64) -> f64);
    fn ternary(&mut self, i: &Instruction, f: impl Fn(f64, f64, f64) -> f64);
    /// `destination` from itself, `a` and `b`.
    fn revise(&mut self, i: &Instruction, f: impl Fn(f64, f64, f64) -> f64);
    /// `destination` and slot `b` from `a`.
    fn pair(&mut self, i: &Instruction, f: impl Fn(f64) -> (f64, f64));
    /// All of `a` is within what [`f::sine_cosine`] allows.
    fn small_angles(&self, i: &Instruction) -> bool;
}

#[inline(always)]
fn truth(condition: bool) -> f64 {
    pick(condition, 1.0, 0.0)
}

/// What an instruction computes. Long functions are passed by name, not in closures: those would not always be
/// inlined, and code that is not inlined runs on the baseline.
#[inline(always)]
pub fn step<const FUSED: bool>(i: &Instruction, lanes: &mut impl Lanes) {
    let k = i.k;
    match i.code {
        Code::Load => lanes.load(i),
        Code::AddConstant => lanes.unary(i, |a| a + k),
        Code::ConstantMinus => lanes.unary(i, |a| k - a),
        Code::Scale => lanes.unary(i, |a| k * a),
        Code::ConstantOver => lanes.unary(i, |a| k / a),
        Code::MultiplyAdd => lanes.ternary(i, f::multiply_add::<FUSED>),
        Code::MultiplySubtract => lanes.ternary(i, |a, b, c| f::multiply_add::<FUSED>(a, b, -c)),
        Code::SubtractProduct => lanes.ternary(i, |a, b, c| f::multiply_add::<FUSED>(-a, b, c)),
        Code::ScaleAdd => lanes.ternary(i, |a, _, c| f::multiply_add::<FUSED>(k, a, c)),
        Code::AddScaled => lanes.revise(i, |sum, a, _| f::multiply_add::<FUSED>(k, a, sum)),
        Code::AddProduct => lanes.revise(i, |sum, a, b| f::multiply_add::<FUSED>(a, b, sum)),
        Code::SineCosine if lanes.small_angles(i) => lanes.pair(i, f::sine_cosine::<FUSED>),
        Code::SineCosine => {
            let (sine, cosine) = (Op::Sin.row().value, Op::Cos.row().value);
            lanes.pair(i, |a| (sine([a, 0.0, 0.0]), cosine([a, 0.0, 0.0])))
        }
        Code::Call(op) => match op {
            Op::Add => lanes.binary(i, |a, b| a + b),
            Op::Sub => lanes.binary(i, |a, b| a - b),
            Op::Mul => lanes.binary(i, |a, b| a * b),
            Op::Div => lanes.binary(i, |a, b| a / b),
            Op::Neg => lanes.unary(i, |a| -a),
            Op::Abs => lanes.unary(i, |a| a.abs()),
            Op::Sign => lanes.unary(i, |a| pick(a == 0.0, 0.0, pick(a.is_nan(), a, 1.0f64.copysign(a)))),
            Op::Min => lanes.binary(i, |a, b| pick(a <= b || a.is_nan(), a, b)),
            Op::Max => lanes.binary(i, |a, b| pick(a >= b || a.is_nan(), a, b)),
            Op::Sqrt => lanes.unary(i, |a| a.sqrt()),
            Op::Square => lanes.unary(i, |a| a * a),
            Op::Exp => lanes.unary(i, f::exp::<FUSED>),
            Op::Expm1 => lanes.unary(i, f::exp_minus_one::<FUSED>),
            Op::Log => lanes.unary(i, f::ln::<FUSED>),
            Op::Log1p => lanes.unary(i, f::ln_one_plus::<FUSED>),
            Op::Sin if lanes.small_angles(i) => lanes.unary(i, f::sine::<FUSED>),
            Op::Cos if lanes.small_angles(i) => lanes.unary(i, f::cosine::<FUSED>),
            Op::Tan if lanes.small_angles(i) => lanes.unary(i, f::tangent::<FUSED>),
            Op::Sinh => {
                lanes.unary(i, f::growth_of_size::<FUSED>);
                lanes.revise(i, f::finish_hyperbolic_sine::<FUSED>);
            }
            Op::Cosh => lanes.unary(i, f::hyperbolic_cosine::<FUSED>),
            Op::Log2 => lanes.unary(i, f::log_base_two::<FUSED>),
            Op::Floor => lanes.unary(i, f64::floor),
            Op::Ceil => lanes.unary(i, f64::ceil),
            Op::Round => lanes.unary(i, f::round),
            Op::Tanh => lanes.unary(i, f::hyperbolic_tangent::<FUSED>),
            Op::Sigmoid => lanes.unary(i, f::sigmoid::<FUSED>),
            // In two passes: as one loop they ran 20 times slower, the compiler did not vectorise it.
            Op::Softplus => {
                lanes.unary(i, f::exp_of_minus_size::<FUSED>);
                lanes.revise(i, f::finish_softplus::<FUSED>);
            }
            Op::LogAddExp => {
                lanes.binary(i, f::exp_of_minus_gap::<FUSED>);
                lanes.revise(i, f::finish_log_add_exp::<FUSED>);
            }
            Op::XLogX => lanes.unary(i, f::x_log_x::<FUSED>),
            Op::XLogXY => {
                lanes.binary(i, f::ratio_or_sum::<FUSED>);
                lanes.revise(i, f::finish_x_log_x_over_y::<FUSED>);
            }
            Op::Lt => lanes.binary(i, |a, b| truth(a < b)),
            Op::Le => lanes.binary(i, |a, b| truth(a <= b)),
            Op::Eq => lanes.binary(i, |a, b| truth(a == b)),
            Op::Ne => lanes.binary(i, |a, b| truth(a != b)),
            Op::And => lanes.binary(i, |a, b| truth((a != 0.0) & (b != 0.0))),
            Op::Or => lanes.binary(i, |a, b| truth((a != 0.0) | (b != 0.0))),
            Op::Not => lanes.unary(i, |a| truth(a == 0.0)),
            Op::Select => lanes.ternary(i, |a, b, c| pick(a != 0.0, b, c)),
            // No vector version: the value of the row, lane by lane.
            _ => {
                let value = op.row().value;
                lanes.ternary(i, |a, b, c| value([a, b, c]));
            }
        },
    }
}

/// A block of instances in structure-of-arrays slots.
struct Block<'a, F: Fn(u32, &mut [f64])> {
    slots: &'a [*mut f64],
    length: usize,
    load: F,
}

impl<F: Fn(u32, &mut [f64])> Block<'_, F> {
    /// # Safety
    /// `slot` is one of `slots`, each of which points at `length` numbers, and nobody else writes it meanwhile.
    #[inline(always)]
    unsafe fn read(&self, slot: u32) -> &[f64] {
        // SAFETY: as promised by the caller.
        unsafe { std::slice::from_raw_parts(*self.slots.get_unchecked(slot as usize), self.length) }
    }

    /// # Safety
    /// As `read`, and nobody else reads it meanwhile.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    unsafe fn write(&self, slot: u32) -> &mut [f64] {
        // SAFETY: as promised by the caller.
        unsafe { std::slice::from_raw_parts_mut(*self.slots.get_unchecked(slot as usize), self.length) }
    }
}

// SAFETY of all blocks below: `run_block` promises valid slots, and programs never write a slot that they read in the
// same instruction.
impl<F: Fn(u32, &mut [f64])> Lanes for Block<'_, F> {
    #[inline(always)]
    fn load(&mut self, i: &Instruction) {
        let out = unsafe { self.write(i.destination) };
        (self.load)(i.a, out);
    }

    #[inline(always)]
    fn unary(&mut self, i: &Instruction, f: impl Fn(f64) -> f64) {
        let (out, a) = unsafe { (self.write(i.destination), self.read(i.a)) };
        for (out, a) in out.iter_mut().zip(a) {
            *out = f(*a);
        }
    }

    #[inline(always)]
    fn binary(&mut self, i: &Instruction, f: impl Fn(f64, f64) -> f64) {
        let (out, a, b) = unsafe { (self.write(i.destination), self.read(i.a), self.read(i.b)) };
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = f(*a, *b);
        }
    }

    #[inline(always)]
    fn ternary(&mut self, i: &Instruction, f: impl Fn(f64, f64, f64) -> f64) {
        let (out, a, b, c) = unsafe { (self.write(i.destination), self.read(i.a), self.read(i.b), self.read(i.c)) };
        for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *out = f(*a, *b, *c);
        }
    }

    #[inline(always)]
    fn revise(&mut self, i: &Instruction, f: impl Fn(f64, f64, f64) -> f64) {
        let (out, a, b) = unsafe { (self.write(i.destination), self.read(i.a), self.read(i.b)) };
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = f(*out, *a, *b);
        }
    }

    #[inline(always)]
    fn pair(&mut self, i: &Instruction, f: impl Fn(f64) -> (f64, f64)) {
        let (out, second, a) = unsafe { (self.write(i.destination), self.write(i.b), self.read(i.a)) };
        for ((out, second), a) in out.iter_mut().zip(second).zip(a) {
            (*out, *second) = f(*a);
        }
    }

    #[inline(always)]
    fn small_angles(&self, i: &Instruction) -> bool {
        let a = unsafe { self.read(i.a) };
        let mut all = true;
        for a in a {
            all &= a.abs() <= f::LARGEST_ANGLE;
        }
        all
    }
}

#[inline(always)]
fn run_block_inner<const FUSED: bool>(
    instructions: &[Instruction],
    slots: &[*mut f64],
    length: usize,
    load: &dyn Fn(u32, &mut [f64]),
) {
    let mut block = Block { slots, length, load };
    for instruction in instructions {
        step::<FUSED>(instruction, &mut block);
    }
}

dispatch! {
    fn run_block_dispatched = run_block_inner(
        instructions: &[Instruction], slots: &[*mut f64], length: usize, load: &dyn Fn(u32, &mut [f64]))
}

/// Runs a program over `length` instances; `load(input, out)` fetches an input that is not contiguous.
///
/// # Safety
/// The instructions are those of a compiled program, `slots` holds all its slots, and each points at `length` numbers
/// that may be read (inputs) or written (all others) and do not overlap.
pub unsafe fn run_block(
    instructions: &[Instruction],
    slots: &[*mut f64],
    length: usize,
    load: &dyn Fn(u32, &mut [f64]),
) {
    run_block_dispatched(instructions, slots, length, load);
}

/// One instance: a slot is one number.
struct Single<'a> {
    frame: &'a mut [f64],
}

impl Lanes for Single<'_> {
    #[inline(always)]
    fn load(&mut self, _: &Instruction) {
        unreachable!("programs for single instances read all inputs in place");
    }

    #[inline(always)]
    fn unary(&mut self, i: &Instruction, f: impl Fn(f64) -> f64) {
        self.frame[i.destination as usize] = f(self.frame[i.a as usize]);
    }

    #[inline(always)]
    fn binary(&mut self, i: &Instruction, f: impl Fn(f64, f64) -> f64) {
        self.frame[i.destination as usize] = f(self.frame[i.a as usize], self.frame[i.b as usize]);
    }

    #[inline(always)]
    fn ternary(&mut self, i: &Instruction, f: impl Fn(f64, f64, f64) -> f64) {
        let (a, b, c) = (self.frame[i.a as usize], self.frame[i.b as usize], self.frame[i.c as usize]);
        self.frame[i.destination as usize] = f(a, b, c);
    }

    #[inline(always)]
    fn revise(&mut self, i: &Instruction, f: impl Fn(f64, f64, f64) -> f64) {
        let d = i.destination as usize;
        self.frame[d] = f(self.frame[d], self.frame[i.a as usize], self.frame[i.b as usize]);
    }

    #[inline(always)]
    fn pair(&mut self, i: &Instruction, f: impl Fn(f64) -> (f64, f64)) {
        (self.frame[i.destination as usize], self.frame[i.b as usize]) = f(self.frame[i.a as usize]);
    }

    #[inline(always)]
    fn small_angles(&self, i: &Instruction) -> bool {
        self.frame[i.a as usize].abs() <= f::LARGEST_ANGLE
    }
}

#[inline(always)]
fn run_single_inner<const FUSED: bool>(instructions: &[Instruction], frame: &mut [f64]) {
    let mut single = Single { frame };
    for instruction in instructions {
        step::<FUSED>(instruction, &mut single);
    }
}

dispatch! {
    /// Runs a program for one instance, slots being the entries of `frame`.
    pub fn run_single = run_single_inner(instructions: &[Instruction], frame: &mut [f64])
}
