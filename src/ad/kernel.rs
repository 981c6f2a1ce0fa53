//! A program with its inputs, instances and sinks.
//!
//! All numbers of an evaluator lie in one arena (parameters, values of stages, adjoints, columns) or in slices of the
//! caller, so an input is a place in one of them and a map. Results go through sinks into the arena or into the caller's
//! slice `out`.
//! Families of few instances run one instance at a time, all others in blocks, and blocks in chunks, which threads may
//! share. Sums over instances are kept in eight lanes across the blocks of a chunk and then added in order of chunks;
//! chunks that add to the same entries run one after the other, in an order that the problem determines. So neither the
//! length of a block nor the number of threads changes a result.

use super::interpret::{run_block, run_single};
use super::program::{Form, Permanent, Program, Way};
use super::rows::{self, Rows};
use super::runs::{Runs, Step};
use super::transfer::{load, store, total};
use crate::expr::family::IndexMap;
use crate::threads;
use std::borrow::Cow;
use std::sync::Arc;

/// Fewer instances than this run one by one.
pub const FEW: usize = 8;
/// Sums over instances are kept in this many lanes.
pub const LANES: usize = 8;
/// Instances are worked on in chunks of this many, which threads share; the last may have fewer.
pub const CHUNK: usize = 2048;

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
    /// Of the maps of inputs, then of sinks.
    runs: Runs,
    /// Sinks whose entries stand side by side, and the numbers of the others that are not written in place.
    rows: Vec<Rows>,
    others: Vec<usize>,
    /// In order; the chunks of one may run at the same time.
    waves: Vec<Vec<u32>>,
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

/// How programs read an input of this many instances that goes on by `step` in each run.
pub fn form(step: Option<Step>, instances: usize) -> Form {
    match step {
        _ if instances < FEW => Form::Direct,
        Some(Step::Shared) => Form::Scalar,
        Some(Step::Along) => Form::Direct,
        Some(Step::Segments) | None => Form::Loaded,
    }
}

/// How results get to their sinks, which go on by `steps` in runs.
pub fn ways(sinks: &[Sink], steps: &[Option<Step>], instances: usize) -> Vec<Way> {
    let places = |sink: &Sink| {
        let (least, most) = range(&sink.map, instances);
        (sink.base as i64 + least, sink.base as i64 + most)
    };
    // What is stored in one instruction must not come after what another has added.
    let alone = |j: usize, sink: &Sink| {
        let (least, most) = places(sink);
        let meets = |other: &Sink| other.space == sink.space && places(other).0 <= most && places(other).1 >= least;
        !sinks.iter().enumerate().any(|(k, other)| k != j && meets(other))
    };
    let way = |(j, (sink, step)): (usize, (&Sink, &Option<Step>))| match step {
        Some(Step::Along) if instances >= FEW && !sink.add => Way::Stored,
        Some(Step::Along) if instances >= FEW && sink.twice.is_empty() && alone(j, sink) => Way::Added,
        _ => Way::Carried,
    };
    sinks.iter().zip(steps).enumerate().map(way).collect()
}

impl Kernel {
    /// `program` was compiled with the [`form`]s of `inputs` and the [`ways`] of `sinks`, whose runs are `runs`.
    ///
    /// Panics if a map leaves its space: positions are those of a checked problem, so this would be our bug.
    pub fn new(program: Arc<Program>, inputs: Vec<Input>, sinks: Vec<Sink>, instances: usize, runs: Runs) -> Kernel {
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
        let waves = waves(&sinks, instances);
        let apart = |j: usize| matches!(runs.steps[inputs.len() + j], None | Some(Step::Segments));
        let (rows, mut others) = rows::group(&sinks, instances, apart);
        others.retain(|j| !program.direct_outputs.contains(&(*j as u32)));
        Kernel { program, inputs, sinks, instances, read_ends, write_ends, runs, rows, others, waves }
    }

    pub fn sinks(&self) -> impl Iterator<Item = &Sink> {
        self.sinks.iter()
    }

    /// Where the inputs that count begin.
    pub fn reads(&self) -> impl Iterator<Item = Place> {
        self.program.inputs().map(|k| self.inputs[k as usize].place)
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
            if !program.prelude.is_empty() {
                run_single(&program.prelude, frame);
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

    /// Instances in a block: 256, fewer where many registers would leave the cache, more where a run takes little.
    fn block_length(&self) -> usize {
        // 24: measured on branch flows and chains; beyond, 32 Ki numbers of registers fit the second-level cache.
        let live = self.program.registers + self.program.wide.iter().filter(|wide| **wide).count();
        let length = match live {
            0..=4 if self.runs.are_many() => 1024,
            5..=8 if self.runs.are_many() => 512,
            0..=24 => 256,
            _ => 128,
        };
        length.min((32 * 1024 / live.max(1)).max(16) & !7)
    }

    fn run_blocks(&self, memory: &mut Memory, scratch: &mut Scratch) {
        let program = &*self.program;
        let chunks = self.instances.div_ceil(CHUNK);
        let threads = if self.waves.len() == chunks { 1 } else { threads::for_work(self.work()) };
        let block = self.block_length().min((self.instances + 7) & !7);
        // 8 more, so that registers do not fall on the same cache sets.
        let pitch = block + 8;
        let own = program.first_input() * pitch;
        if scratch.memory.len() < threads * own + 8 {
            scratch.memory.resize(threads * own + 8, 0.0);
        }
        let aligned = scratch.memory.as_ptr().align_offset(64).min(8);
        for (k, permanent) in program.permanents.iter().enumerate() {
            // Others follow at the begin of each run.
            let Permanent::Constant(value) = *permanent else { continue };
            for seat in 0..threads {
                let start = aligned + seat * own + (program.first_permanent() + k) * pitch;
                scratch.memory[start..start + block].fill(value);
            }
        }
        scratch.sums.clear();
        scratch.sums.resize(chunks * self.sinks.len(), [0.0; LANES]);
        let run = Run {
            kernel: self,
            registers: scratch.memory[aligned..].as_mut_ptr(),
            own,
            block,
            pitch,
            // Programs never write to what is not in the arena.
            read: [memory.arena.as_ptr(), memory.point.as_ptr(), memory.weights.as_ptr(), memory.direction.as_ptr()]
                .map(<*const f64>::cast_mut),
            write: [memory.arena.as_mut_ptr(), memory.out.as_mut_ptr()],
            sums: scratch.sums.as_mut_ptr(),
        };
        for wave in &self.waves {
            // SAFETY: seats have registers of their own, chunks have sums of their own, chunks of one wave write to
            // different entries and do not read what others write; ranges of maps were checked by `new` and `run`.
            threads::run(wave.len(), threads, &|seat, k| unsafe { run.chunk(seat, wave[k] as usize) });
        }
        for (j, sink) in self.sinks.iter().enumerate().filter(|(_, sink)| is_stride(&sink.map, 0)) {
            let mut s = scratch.sums[j];
            for chunk in scratch.sums[self.sinks.len()..].iter().skip(j).step_by(self.sinks.len()) {
                s.iter_mut().zip(chunk).for_each(|(sum, part)| *sum += part);
            }
            let total = total(&s);
            let at = &mut memory.space(sink.space)[sink.base + sink.map.at(0)];
            *at = if sink.add { *at + total } else { total };
        }
    }

    /// A rough measure of the time: instructions, with transcendental functions counted several times.
    fn work(&self) -> usize {
        self.instances * (self.program.cost + 2 * self.sinks.len())
    }
}

/// Kernels in one run over blocks: what their chunks need, with memory as pointers because chunks write side by side.
struct Run<'a> {
    kernel: &'a Kernel,
    /// `own` numbers for each seat.
    registers: *mut f64,
    own: usize,
    block: usize,
    pitch: usize,
    /// By [`From`] and by [`Space`].
    read: [*mut f64; 4],
    write: [*mut f64; 2],
    /// One for each sink, chunk after chunk.
    sums: *mut [f64; LANES],
}

// SAFETY: `chunk` says what its callers must see to.
unsafe impl Sync for Run<'_> {}

impl Run<'_> {
    /// Runs the instances of one chunk.
    ///
    /// # Safety
    /// All places that the kernel reads and writes are within their slices; at the same time, nobody else uses the
    /// registers of this seat or the sums of this chunk, writes to what it reads, or reads or writes what it writes.
    unsafe fn chunk(&self, seat: usize, chunk: usize) {
        let Run { kernel, pitch, .. } = *self;
        let program = &*kernel.program;
        let space = |sink: &Sink| self.write[sink.space as usize];
        // SAFETY: as promised by the caller, also of all below.
        let registers = unsafe { self.registers.add(seat * self.own) };
        let sums =
            unsafe { std::slice::from_raw_parts_mut(self.sums.add(chunk * kernel.sinks.len()), kernel.sinks.len()) };
        let mut slots: Vec<*mut f64> =
            (0..program.first_input()).map(|r| unsafe { registers.add(r * pitch) }).collect();
        slots.resize(program.slots(), registers);
        let end = kernel.instances.min((chunk + 1) * CHUNK);
        let mut instructions = Cow::Borrowed(&program.instructions[..]);
        let mut first = chunk * CHUNK;
        let mut run = kernel.runs.of(first);
        let (mut run_end, mut fresh) = (kernel.runs.end(run), true);
        while first < end {
            if first == run_end {
                run += 1;
                (run_end, fresh) = (kernel.runs.end(run), true);
            }
            if std::mem::take(&mut fresh) {
                // SAFETY: as promised by the caller.
                unsafe { self.begin_run(first, &slots) };
                for patch in &program.patches {
                    // SAFETY: a permanent holds at least one number.
                    let number = unsafe { *slots[patch.slot as usize] };
                    instructions.to_mut()[patch.instruction as usize].k = patch.sign * number;
                }
            }
            let length = self.block.min(end - first).min(run_end - first);
            for (slot, &k) in (program.first_input()..).zip(&program.direct_inputs) {
                let Input { place, map } = &kernel.inputs[k as usize];
                slots[slot] = unsafe { self.read[place.from as usize].add(place.base + map.at(first)) };
            }
            for (slot, &j) in (program.first_output()..).zip(&program.direct_outputs) {
                let sink = &kernel.sinks[j as usize];
                slots[slot] = unsafe { space(sink).add(sink.base + sink.map.at(first)) };
            }
            // SAFETY: every slot points at `length` numbers: registers and permanents of `pitch` in scratch memory,
            // inputs and outputs in ranges that were checked. Outputs are rows that no instance of the same level
            // reads.
            unsafe {
                let load = |k: u32, to: &mut [f64]| {
                    let Input { place, map } = &kernel.inputs[k as usize];
                    load(self.read[place.from as usize].add(place.base), map, first, to);
                };
                run_block(&instructions, &slots, length, &load);
            }
            // SAFETY: as above; a slot is never inside the range that its sink writes, or it is this very range.
            unsafe {
                // Before the others: an entry is never stored after something was added to it.
                for rows in &kernel.rows {
                    let mut values = [std::ptr::null::<f64>(); LANES];
                    for (value, &j) in values.iter_mut().zip(&rows.sinks) {
                        *value = slots[program.outputs[j] as usize];
                    }
                    rows.store(&values[..rows.sinks.len()], first, length, self.write[rows.space as usize]);
                }
                for &j in &kernel.others {
                    let (sink, slot) = (&kernel.sinks[j], slots[program.outputs[j] as usize]);
                    let values = std::slice::from_raw_parts(slot as *const f64, length);
                    let step = kernel.runs.steps[kernel.inputs.len() + j];
                    store(sink, step, values, first, space(sink).add(sink.base), &mut sums[j]);
                }
            }
            first += length;
        }
    }

    /// Makes permanents those of the run of instance `first`.
    ///
    /// # Safety
    /// As of `chunk`; slots of permanents are those of the seat.
    unsafe fn begin_run(&self, first: usize, slots: &[*mut f64]) {
        let program = &*self.kernel.program;
        let permanents = || (program.first_permanent()..).zip(program.permanents.iter().zip(&program.wide));
        let fill = |slot: usize, wide: bool, value: f64| {
            // The prelude reads as many as there are lanes.
            let count = if wide { self.block } else { LANES };
            // SAFETY: permanents hold a block each.
            unsafe { std::slice::from_raw_parts_mut(slots[slot], count) }.fill(value);
        };
        for (slot, (permanent, wide)) in permanents() {
            if let Permanent::Input(k) = permanent {
                let Input { place, map } = &self.kernel.inputs[*k as usize];
                // SAFETY: ranges of maps were checked.
                fill(slot, *wide, unsafe { *self.read[place.from as usize].add(place.base + map.at(first)) });
            }
        }
        if program.prelude.is_empty() {
            return;
        }
        // SAFETY: every permanent holds a block, which is [`LANES`] numbers at least; nothing is loaded.
        unsafe { run_block(&program.prelude, slots, LANES, &|_, _| {}) };
        for (slot, _) in permanents().filter(|(_, (of, wide))| **wide && matches!(of, Permanent::Computed)) {
            // SAFETY: as above.
            fill(slot, true, unsafe { *slots[slot] });
        }
    }
}

/// Chunks that may run at the same time, wave after wave: no two of a wave write to the same entry.
///
/// Which wave a chunk is in depends on the sinks alone, and so does the order in which an entry is added to.
fn waves(sinks: &[Sink], instances: usize) -> Vec<Vec<u32>> {
    let chunks = instances.div_ceil(CHUNK);
    let sinks: Vec<&Sink> = sinks.iter().filter(|sink| !is_stride(&sink.map, 0)).collect();
    if chunks <= 1 || sinks.iter().all(|sink| !sink.add) {
        return vec![(0..chunks as u32).collect()];
    }
    let in_order = || (0..chunks as u32).map(|chunk| vec![chunk]).collect();
    let mut ends = [0; 2];
    for sink in &sinks {
        let end = sink.base + range(&sink.map, instances).1 as usize + 1;
        ends[sink.space as usize] = end.max(ends[sink.space as usize]);
    }
    // For each entry a bit for every wave that writes to it.
    let mut used = ends.map(|end| vec![0u64; end]);
    let mut wave_of: Vec<u32> = vec![];
    let mut count = 0;
    for chunk in 0..chunks {
        let own = chunk * CHUNK..instances.min((chunk + 1) * CHUNK);
        let mut taken = 0u64;
        for sink in &sinks {
            let used = &used[sink.space as usize][sink.base..];
            own.clone().for_each(|p| taken |= used[sink.map.at(p)]);
        }
        let wave = taken.trailing_ones();
        // Where little could be done at the same time.
        if wave == u64::BITS || 2 * count > chunks {
            return in_order();
        }
        for sink in &sinks {
            let used = &mut used[sink.space as usize][sink.base..];
            own.clone().for_each(|p| used[sink.map.at(p)] |= 1 << wave);
        }
        count = count.max(wave as usize + 1);
        wave_of.push(wave);
    }
    // What is stored by one chunk and added to by another needs the order of chunks.
    for sink in sinks.iter().filter(|sink| !sink.add) {
        let used = &used[sink.space as usize][sink.base..];
        if (0..instances).any(|p| used[sink.map.at(p)] != 1 << wave_of[p / CHUNK]) {
            return in_order();
        }
    }
    let of_wave = |wave: usize| (0..chunks as u32).filter(|&chunk| wave_of[chunk as usize] as usize == wave).collect();
    (0..count).map(of_wave).collect()
}
