//! A program with its inputs, instances and sinks.
//!
//! All numbers of an evaluator lie in one arena (parameters, values of stages, adjoints, columns) or in slices of the
//! caller, so an input is a place in one of them and a map. Results go through sinks into the arena or into the caller's
//! slice `out`.
//! Families of few instances run one instance at a time, all others in blocks; sums over instances are kept in eight
//! lanes across blocks, so that the length of a block does not change them.

use super::interpret::{run_block, run_single};
use super::program::{Form, Permanent, Program};
use crate::expr::family::IndexMap;
use std::sync::Arc;

/// Fewer instances than this run one by one.
pub const FEW: usize = 8;
const LANES: usize = 8;

#[derive(Clone, Debug)]
pub struct Input {
    /// Where the source of the map begins.
    pub place: Place,
    pub map: IndexMap,
}

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub from: From,
    pub base: usize,
}

impl Place {
    pub fn arena(base: usize) -> Place {
        Place { from: From::Arena, base }
    }

    pub fn after(self, count: usize) -> Place {
        Place { base: self.base + count, ..self }
    }
}

/// What is read. Slices of the caller are read where they are: copying them would cost a quarter of a cheap function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum From {
    Arena,
    /// The variables.
    Point,
    /// The multipliers of all rows.
    Weights,
    /// The direction of a product.
    Direction,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    Arena,
    /// The caller's slice.
    Out,
}

/// All numbers of one evaluation. Slices that a quantity does not need may be empty.
#[derive(Debug, Default)]
pub struct Memory<'a> {
    pub point: &'a [f64],
    pub weights: &'a [f64],
    pub direction: &'a [f64],
    pub arena: &'a mut [f64],
    pub out: &'a mut [f64],
}

impl Memory<'_> {
    /// `count` numbers.
    pub fn read(&self, place: Place, count: usize) -> &[f64] {
        let all = match place.from {
            From::Arena => &*self.arena,
            From::Point => self.point,
            From::Weights => self.weights,
            From::Direction => self.direction,
        };
        &all[place.base..place.base + count]
    }

    pub fn space(&mut self, space: Space) -> &mut [f64] {
        match space {
            Space::Arena => self.arena,
            Space::Out => self.out,
        }
    }
}

/// Where a result goes: entry `base + map(p)` of a space.
#[derive(Clone, Debug)]
pub struct Sink {
    pub space: Space,
    pub base: usize,
    pub map: IndexMap,
    /// Added to what is there, instead of written over it.
    pub add: bool,
    /// Instances whose result counts twice, ascending; only where `add`.
    pub twice: Vec<u32>,
}

/// Memory that kernels use while they run; its contents mean nothing between runs.
#[derive(Debug, Default)]
pub struct Scratch {
    pub memory: Vec<f64>,
    sums: Vec<[f64; LANES]>,
}

impl Scratch {
    /// This many zeros.
    pub fn numbers(&mut self, count: usize) -> &mut [f64] {
        if self.memory.len() < count {
            self.memory.resize(count, 0.0);
        }
        let numbers = &mut self.memory[..count];
        numbers.fill(0.0);
        numbers
    }
}

#[derive(Clone, Debug)]
pub struct Kernel {
    program: Arc<Program>,
    inputs: Vec<Input>,
    sinks: Vec<Sink>,
    instances: usize,
    /// What the slices that are read, and those that are written, must hold at least.
    read_ends: [usize; 4],
    write_ends: [usize; 2],
}

/// The smallest and the largest position of a map over `instances > 0`.
pub fn range(map: &IndexMap, instances: usize) -> (i64, i64) {
    let last = instances as i64 - 1;
    let ends = |start: i64, stride: i64, most: i64| (start + (stride * most).min(0), start + (stride * most).max(0));
    match map {
        IndexMap::Affine { start, stride } => ends(*start, *stride, last),
        IndexMap::Tile { start, stride, length } => ends(*start, *stride, last.min(*length as i64 - 1)),
        IndexMap::Repeat { start, stride, length } => ends(*start, *stride, last / *length as i64),
        IndexMap::Gather(positions) => {
            let used = &positions[..instances];
            let least = used.iter().min().copied().unwrap_or(0);
            (least as i64, used.iter().max().copied().unwrap_or(0) as i64)
        }
    }
}

fn is_stride(map: &IndexMap, wanted: i64) -> bool {
    matches!(map, IndexMap::Affine { stride, .. } if *stride == wanted)
}

/// How programs read an input of this many instances.
pub fn form(map: &IndexMap, instances: usize) -> Form {
    match map {
        _ if instances < FEW => Form::Direct,
        IndexMap::Affine { stride: 0, .. } => Form::Scalar,
        IndexMap::Affine { stride: 1, .. } => Form::Direct,
        IndexMap::Affine { .. } | IndexMap::Tile { .. } | IndexMap::Repeat { .. } | IndexMap::Gather(_) => Form::Loaded,
    }
}

/// Whether programs may compute a result right where it belongs.
pub fn in_place(sink: &Sink, instances: usize) -> bool {
    instances >= FEW && !sink.add && is_stride(&sink.map, 1)
}

impl Kernel {
    /// `program` was compiled with the [`form`]s of `inputs` and [`in_place`] of `sinks`.
    ///
    /// Panics if a map leaves its space: positions are those of a checked problem, so this would be our bug.
    pub fn new(program: Arc<Program>, inputs: Vec<Input>, sinks: Vec<Sink>, instances: usize) -> Kernel {
        let (mut read_ends, mut write_ends) = ([0; 4], [0; 2]);
        let cover = |end: &mut usize, base: usize, map: &IndexMap| {
            let (least, most) = range(map, instances);
            assert!(base as i64 + least >= 0, "a map begins before its space");
            *end = (*end).max((base as i64 + most + 1) as usize);
        };
        if instances > 0 {
            for Input { place, map } in program.inputs().map(|k| &inputs[k as usize]) {
                cover(&mut read_ends[place.from as usize], place.base, map);
            }
            for sink in &sinks {
                cover(&mut write_ends[sink.space as usize], sink.base, &sink.map);
            }
        }
        Kernel { program, inputs, sinks, instances, read_ends, write_ends }
    }

    pub fn run(&self, memory: &mut Memory, scratch: &mut Scratch) {
        let holds = [memory.arena.len(), memory.point.len(), memory.weights.len(), memory.direction.len()];
        let inside = self.read_ends.iter().zip(holds).all(|(end, length)| *end <= length)
            && self.write_ends[0] <= memory.arena.len()
            && self.write_ends[1] <= memory.out.len();
        assert!(inside, "a kernel ran outside of its memory");
        if self.instances < FEW {
            self.run_singles(memory, scratch);
        } else {
            self.run_blocks(memory, scratch);
        }
    }

    fn run_singles(&self, memory: &mut Memory, scratch: &mut Scratch) {
        let program = &*self.program;
        let frame = &mut scratch.memory;
        if frame.len() < program.slots() {
            frame.resize(program.slots(), 0.0);
        }
        for (slot, permanent) in (program.first_permanent()..).zip(&program.permanents) {
            if let Permanent::Constant(value) = permanent {
                frame[slot] = *value;
            }
        }
        for p in 0..self.instances {
            for (slot, &k) in (program.first_input()..).zip(&program.direct_inputs) {
                let input = &self.inputs[k as usize];
                frame[slot] = memory.read(input.place.after(input.map.at(p)), 1)[0];
            }
            run_single(&program.instructions, frame);
            for (sink, &slot) in self.sinks.iter().zip(&program.outputs) {
                let at = &mut memory.space(sink.space)[sink.base + sink.map.at(p)];
                let value = frame[slot as usize];
                match (sink.add, sink.twice.contains(&(p as u32))) {
                    (false, _) => *at = value,
                    (true, false) => *at += value,
                    (true, true) => *at += value + value,
                }
            }
        }
    }

    /// Instances in a block: 256, fewer where many registers would leave the cache.
    fn block_length(&self) -> usize {
        // 24: measured on branch flows and chains; beyond, 32 Ki numbers of registers fit the second-level cache.
        let live = self.program.registers + self.program.permanents.len();
        let length = if live <= 24 { 256 } else { 128 };
        length.min((32 * 1024 / live.max(1)).max(16) & !7)
    }

    fn run_blocks(&self, memory: &mut Memory, scratch: &mut Scratch) {
        let program = &*self.program;
        let block = self.block_length().min((self.instances + 7) & !7);
        // 8 more, so that registers do not fall on the same cache sets.
        let pitch = block + 8;
        let own = program.first_input();
        if scratch.memory.len() < own * pitch + 8 {
            scratch.memory.resize(own * pitch + 8, 0.0);
        }
        let aligned = scratch.memory.as_ptr().align_offset(64).min(8);
        for (k, permanent) in program.permanents.iter().enumerate() {
            let value = match permanent {
                Permanent::Constant(value) => *value,
                Permanent::Input(k) => {
                    let input = &self.inputs[*k as usize];
                    memory.read(input.place.after(input.map.at(0)), 1)[0]
                }
            };
            let start = aligned + (program.first_permanent() + k) * pitch;
            scratch.memory[start..start + block].fill(value);
        }
        let registers = scratch.memory[aligned..].as_mut_ptr();
        let (arena_at, out_at) = (memory.arena.as_mut_ptr(), memory.out.as_mut_ptr());
        // Programs never write to what is not in the arena.
        let [point_at, weights_at, direction_at] =
            [memory.point, memory.weights, memory.direction].map(|slice| slice.as_ptr().cast_mut());
        let from = |input: &Input| match input.place.from {
            From::Arena => arena_at,
            From::Point => point_at,
            From::Weights => weights_at,
            From::Direction => direction_at,
        };
        // SAFETY: own * pitch numbers were made available above.
        let mut slots: Vec<*mut f64> = (0..own).map(|r| unsafe { registers.add(r * pitch) }).collect();
        slots.resize(program.slots(), registers);
        scratch.sums.clear();
        scratch.sums.resize(self.sinks.len(), [0.0; LANES]);
        let space = |sink: &Sink| match sink.space {
            Space::Arena => arena_at,
            Space::Out => out_at,
        };
        let mut first = 0;
        while first < self.instances {
            let length = block.min(self.instances - first);
            for (slot, &k) in (program.first_input()..).zip(&program.direct_inputs) {
                let input = &self.inputs[k as usize];
                // SAFETY: `new` and `run` have checked the range of the map.
                slots[slot] = unsafe { from(input).add(input.place.base + input.map.at(first)) };
            }
            for (slot, &j) in (program.first_output()..).zip(&program.direct_outputs) {
                let sink = &self.sinks[j as usize];
                // SAFETY: as above.
                slots[slot] = unsafe { space(sink).add(sink.base + sink.map.at(first)) };
            }
            // SAFETY: every slot points at `length` numbers: registers and permanents of `pitch` in scratch memory,
            // inputs and outputs in ranges that `new` and `run` have checked. Outputs are rows that no instance of the
            // same level reads.
            unsafe {
                let load = |k: u32, to: &mut [f64]| {
                    let input = &self.inputs[k as usize];
                    load(from(input).add(input.place.base), &input.map, first, to);
                };
                run_block(&program.instructions, &slots, length, &load);
            }
            for (j, (sink, &slot)) in self.sinks.iter().zip(&program.outputs).enumerate() {
                if slot as usize >= program.first_output() && program.direct_outputs.contains(&(j as u32)) {
                    continue;
                }
                // SAFETY: as above; a slot is never inside the range that its sink writes, or it is this very range.
                unsafe {
                    let values = std::slice::from_raw_parts(slots[slot as usize] as *const f64, length);
                    let to = space(sink).add(sink.base);
                    store(sink, values, first, to, &mut scratch.sums[j]);
                }
            }
            first += length;
        }
        for (sink, s) in self.sinks.iter().zip(&scratch.sums) {
            if is_stride(&sink.map, 0) {
                let total = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
                let at = &mut memory.space(sink.space)[sink.base + sink.map.at(0)];
                *at = if sink.add { *at + total } else { total };
            }
        }
    }
}

/// `to[j] = from[map(first + j)]`
///
/// # Safety
/// All these positions may be read.
unsafe fn load(from: *const f64, map: &IndexMap, first: usize, to: &mut [f64]) {
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

/// Carries the results of a block to their sink; sums into one entry stay in `sums`.
///
/// # Safety
/// All positions of the sink may be written from `to` on.
unsafe fn store(sink: &Sink, values: &[f64], first: usize, to: *mut f64, sums: &mut [f64; LANES]) {
    // SAFETY of all writes: promised by the caller.
    let put = |at: isize, value: f64| unsafe {
        let at = to.offset(at);
        *at = if sink.add { *at + value } else { value };
    };
    match &sink.map {
        IndexMap::Affine { stride: 0, .. } => {
            // Lane of an instance: its number modulo 8; blocks begin at multiples of 8.
            let (chunks, rest) = values.as_chunks::<LANES>();
            for chunk in chunks {
                for (sum, value) in sums.iter_mut().zip(chunk) {
                    *sum += value;
                }
            }
            for (sum, value) in sums.iter_mut().zip(rest) {
                *sum += value;
            }
        }
        IndexMap::Affine { start, stride: 1 } => {
            let at = (start + first as i64) as isize;
            let to = unsafe { std::slice::from_raw_parts_mut(to.offset(at), values.len()) };
            if sink.add {
                for (to, value) in to.iter_mut().zip(values) {
                    *to += value;
                }
            } else {
                to.copy_from_slice(values);
            }
        }
        IndexMap::Affine { start, stride } => {
            for (p, value) in (first as i64..).zip(values) {
                put((start + stride * p) as isize, *value);
            }
        }
        IndexMap::Gather(positions) => {
            let positions = &positions[first..first + values.len()];
            if sink.add {
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
