//! Between maps and blocks of instances: loading inputs that are not contiguous, and carrying results to their sinks.

use super::isa::dispatch;
use super::kernel::{LANES, Sink};
use super::runs::Step;
use super::strided;
use crate::expr::family::IndexMap;

/// `to[j] = from[map(first + j)]`
///
/// # Safety
/// All these positions may be read.
pub unsafe fn load(from: *const f64, map: &IndexMap, first: usize, to: &mut [f64]) {
    // SAFETY of all reads: promised by the caller.
    match map {
        IndexMap::Gather(positions) => {
            let positions = &positions[first..first + to.len()];
            for (to, &at) in to.iter_mut().zip(positions) {
                *to = unsafe { *from.add(at as usize) };
            }
        }
        IndexMap::Affine { start, stride } => {
            for (j, to) in (first as i64..).zip(to) {
                *to = unsafe { *from.offset((start + stride * j) as isize) };
            }
        }
        IndexMap::Tile { start, stride, length } => {
            let mut phase = first as i64 % *length as i64;
            for to in to {
                *to = unsafe { *from.offset((start + stride * phase) as isize) };
                phase += 1;
                if phase == *length as i64 {
                    phase = 0;
                }
            }
        }
        IndexMap::Repeat { length, .. } => {
            let (length, mut done) = (*length as usize, 0);
            while done < to.len() {
                let p = first + done;
                let run = (length - p % length).min(to.len() - done);
                to[done..done + run].fill(unsafe { *from.add(map.at(p)) });
                done += run;
            }
        }
    }
}

#[inline(always)]
fn add_lanes_inner<const FUSED: bool>(values: &[f64], sums: &mut [f64; LANES]) {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut own = *sums;
    for chunk in chunks {
        for (sum, value) in own.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    for (sum, value) in own.iter_mut().zip(rest) {
        *sum += value;
    }
    *sums = own;
}

#[inline(always)]
fn add_all_inner<const FUSED: bool>(values: &[f64], to: &mut [f64]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to += value;
    }
}

dispatch! {
    fn add_lanes = add_lanes_inner(values: &[f64], sums: &mut [f64; LANES])
}

dispatch! {
    fn add_all = add_all_inner(values: &[f64], to: &mut [f64])
}

/// The sum of all lanes, in the order of every sum.
pub fn total(s: &[f64; LANES]) -> f64 {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

/// Carries the results of a block, which lies in one run, to their sink; `step` is how the sink goes on in it. Sums into
/// one entry of all instances stay in `sums`.
///
/// # Safety
/// All positions of the sink may be written from `to` on.
pub unsafe fn store(
    sink: &Sink,
    step: Option<Step>,
    values: &[f64],
    first: usize,
    to: *mut f64,
    sums: &mut [f64; LANES],
) {
    // SAFETY of all writes: promised by the caller.
    let put = |at: isize, value: f64| unsafe {
        let at = to.offset(at);
        *at = if sink.add { *at + value } else { value };
    };
    match &sink.map {
        // Lane of an instance: its number in the block modulo 8.
        IndexMap::Affine { stride: 0, .. } => add_lanes(values, sums),
        _ if step == Some(Step::Along) => {
            let to = unsafe { std::slice::from_raw_parts_mut(to.add(sink.map.at(first)), values.len()) };
            if sink.add {
                add_all(values, to);
            } else {
                to.copy_from_slice(values);
            }
        }
        _ if step == Some(Step::Shared) => {
            let mut lanes = [0.0; LANES];
            add_lanes(values, &mut lanes);
            put(sink.map.at(first) as isize, total(&lanes));
        }
        IndexMap::Affine { start, stride } => {
            let begin = start + stride * first as i64;
            let done = unsafe { strided::store(values, *stride, sink.add, to.offset(begin as isize)) };
            for (k, value) in (done as i64..).zip(&values[done..]) {
                put((begin + stride * k) as isize, *value);
            }
        }
        IndexMap::Gather(positions) => {
            let positions = &positions[first..first + values.len()];
            if sink.add && step == Some(Step::Segments) {
                let (mut at, mut sum) = (positions[0], 0.0);
                for (&next, value) in positions.iter().zip(values) {
                    if next != at {
                        put(at as isize, sum);
                        (at, sum) = (next, 0.0);
                    }
                    sum += value;
                }
                put(at as isize, sum);
            } else if sink.add {
                for (&at, value) in positions.iter().zip(values) {
                    unsafe { *to.add(at as usize) += value };
                }
            } else {
                for (&at, value) in positions.iter().zip(values) {
                    unsafe { *to.add(at as usize) = *value };
                }
            }
        }
        IndexMap::Tile { start, stride, length } => {
            for (p, value) in (first as i64..).zip(values) {
                put((start + stride * (p % *length as i64)) as isize, *value);
            }
        }
        IndexMap::Repeat { length, .. } => {
            let (length, mut done) = (*length as usize, 0);
            while done < values.len() {
                let p = first + done;
                let run = (length - p % length).min(values.len() - done);
                let total: f64 = values[done..done + run].iter().sum();
                put(sink.map.at(p) as isize, total);
                done += run;
            }
        }
    }
    if !sink.twice.is_empty() {
        let from = sink.twice.partition_point(|&p| (p as usize) < first);
        for &p in sink.twice[from..].iter().take_while(|&&p| (p as usize) < first + values.len()) {
            put(sink.map.at(p as usize) as isize, values[p as usize - first]);
        }
    }
}
