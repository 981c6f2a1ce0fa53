//! Bounds that follow from bounds: each row of a stage narrows what it reads and is narrowed by it, until nothing
//! changes or nothing is feasible.
//!
//! Families stay families: a body is put in order once ([`Body`]) and run for each instance. What follows is recorded
//! as it is found, so that a contradiction can be traced back to the few bounds that it needs ([`Propagation::chain`]).

use super::Problem;
use super::chain::{Chain, Quantity, Side, Step};
use super::values::{Bounds, Numbers, depends_on_variables};
use crate::expr::contract::{Apart, Body};
use crate::expr::eval;
use crate::expr::family::{Leaf, Source, StageId};
use crate::expr::interval::Interval;
use std::collections::{BTreeMap, VecDeque};

/// A bound is worth recording if it moves by this part of the width or, where that is infinite, of its size.
const WORTHWHILE: f64 = 1e-3;
/// Contradictions smaller than this, relative to the size of the bound, do not count: points may be off by as much.
const CLEAR: f64 = 1e-6;
/// Each row is looked at so many times on average, at most.
const ROUNDS: usize = 20;
/// Rows that read more than this are explained by all that they read.
const LONGEST_EXPLAINED: usize = 400;

/// What propagation would cost: the number of steps of all instances that rows and what they read have.
pub fn effort(problem: &Problem) -> usize {
    let needed = needed(problem);
    let stages = problem.stages.iter().zip(needed).filter(|(_, needed)| *needed);
    let terms = stages.flat_map(|(stage, _)| &stage.terms);
    terms.map(|t| t.family.instances as usize * (1 + t.family.leaves.len())).sum()
}

/// The stages behind rows that constrain, as far as they depend on variables.
fn needed(problem: &Problem) -> Vec<bool> {
    let roots: Vec<StageId> = problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage).collect();
    let mut needed = eval::needed(&problem.stages, &roots);
    needed.iter_mut().zip(depends_on_variables(problem)).for_each(|(n, depends)| *n &= depends);
    needed
}

/// What a row is given for one bound of what it reads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    /// Nothing.
    Infinite,
    /// As it is stated.
    Declared,
    Found(u32),
}

/// A bound that was found.
#[derive(Clone, Copy, Debug)]
struct Event {
    quantity: u32,
    side: Side,
    value: f64,
    /// The row (as a quantity) that says so, and how many events there were when it was asked.
    from: u32,
    asked: u32,
    /// The event before this one for the same bound.
    previous: Option<u32>,
}

pub struct Propagation<'p> {
    problem: &'p Problem,
    numbers: Numbers,
    bodies: Vec<Vec<Body>>,
    /// The first quantity of each stage; variables come first.
    offsets: Vec<usize>,
    /// The stages behind rows that constrain and depend on variables.
    needed: Vec<bool>,
    /// Which instances of which terms make up each row: `parts[starts[q]..starts[q + 1]]` for quantity q.
    starts: Vec<u32>,
    parts: Vec<(u32, u32)>,
    /// Which rows read each quantity.
    reader_starts: Vec<u32>,
    readers: Vec<u32>,
    declared: Vec<Interval>,
    now: Vec<Interval>,
    events: Vec<Event>,
    last: Vec<[Option<u32>; 2]>,
    scratch: Scratch,
    /// The row that cannot hold, and how many events there were when that was seen.
    contradiction: Option<(u32, u32)>,
}

#[derive(Default)]
struct Scratch {
    values: Vec<Interval>,
    sums: Vec<Interval>,
    found: Vec<(u32, Interval)>,
}

impl<'p> Propagation<'p> {
    pub fn new(problem: &'p Problem) -> Propagation<'p> {
        let numbers = Numbers::of(problem);
        let bounds = Bounds::of(problem, &numbers);
        let needed = needed(problem);
        let n = problem.dimension as usize;
        let mut offsets = vec![];
        let mut count = n;
        for stage in &problem.stages {
            offsets.push(count);
            count += stage.rows as usize;
        }
        let of = |lo: &[f64], hi: &[f64]| lo.iter().zip(hi).map(|(l, u)| Interval::new(*l, *u)).collect::<Vec<_>>();
        let mut declared = of(&bounds.lower, &bounds.upper);
        declared.resize(count, Interval::WHOLE);
        let row_starts = problem.row_starts();
        for (constraint, start) in problem.constraints.iter().zip(&row_starts).filter(|(c, _)| !c.dropped) {
            for r in 0..constraint.rows as usize {
                let known = &mut declared[offsets[constraint.stage.0 as usize] + r];
                known.lo = known.lo.max(bounds.row_lower[start + r]);
                known.hi = known.hi.min(bounds.row_upper[start + r]);
            }
        }
        let body = |(k, stage): (usize, &crate::expr::family::Stage)| match needed[k] {
            true => stage.terms.iter().map(|t| Body::of(&problem.graph, t.family.body)).collect(),
            false => vec![],
        };
        let mut propagation = Propagation {
            problem,
            bodies: problem.stages.iter().enumerate().map(body).collect(),
            numbers,
            offsets,
            needed,
            starts: vec![],
            parts: vec![],
            reader_starts: vec![],
            readers: vec![],
            now: declared.clone(),
            declared,
            events: vec![],
            last: vec![[None; 2]; count],
            scratch: Scratch::default(),
            contradiction: None,
        };
        propagation.list_parts(count);
        propagation.list_readers(count);
        propagation
    }

    fn list_parts(&mut self, count: usize) {
        let mut counts = vec![0u32; count + 1];
        let stages = || self.problem.stages.iter().enumerate().filter(|(k, _)| self.needed[*k]);
        for (k, stage) in stages() {
            for term in &stage.terms {
                (0..term.family.instances as usize).for_each(|p| counts[self.offsets[k] + term.target.at(p) + 1] += 1);
            }
        }
        (1..=count).for_each(|q| counts[q] += counts[q - 1]);
        let mut at = counts.clone();
        let mut parts = vec![(0, 0); counts[count] as usize];
        for (k, stage) in stages() {
            for (t, term) in stage.terms.iter().enumerate() {
                for p in 0..term.family.instances as usize {
                    let q = self.offsets[k] + term.target.at(p);
                    parts[at[q] as usize] = (t as u32, p as u32);
                    at[q] += 1;
                }
            }
        }
        (self.starts, self.parts) = (counts, parts);
    }

    fn list_readers(&mut self, count: usize) {
        let mut pairs: Vec<(u32, u32)> = vec![];
        for (k, stage) in self.problem.stages.iter().enumerate().filter(|(k, _)| self.needed[*k]) {
            for term in &stage.terms {
                for leaf in &term.family.leaves {
                    for p in 0..term.family.instances as usize {
                        if let Some(read) = self.quantity(leaf, p) {
                            pairs.push((read as u32, (self.offsets[k] + term.target.at(p)) as u32));
                        }
                    }
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        self.reader_starts = vec![0; count + 1];
        pairs.iter().for_each(|(read, _)| self.reader_starts[*read as usize + 1] += 1);
        (1..=count).for_each(|q| self.reader_starts[q] += self.reader_starts[q - 1]);
        self.readers = pairs.into_iter().map(|(_, reader)| reader).collect();
    }

    /// The quantity that an instance reads, unless it is a number.
    fn quantity(&self, leaf: &Leaf, p: usize) -> Option<usize> {
        match leaf.source {
            Source::Variables => Some(leaf.map.at(p)),
            Source::Stage(id) if self.needed[id.0 as usize] => Some(self.offsets[id.0 as usize] + leaf.map.at(p)),
            Source::Stage(_) | Source::Param(_) | Source::After(_) => None,
        }
    }

    /// Goes on until nothing changes, something contradicts, or the effort is spent. Whether it is free of
    /// contradictions so far.
    pub fn run(&mut self) -> bool {
        let rows: Vec<u32> = (self.problem.dimension as usize..self.now.len())
            .filter(|q| self.stage_of(*q).is_some_and(|(k, _)| self.needed[k]))
            .map(|q| q as u32)
            .collect();
        let mut waiting: VecDeque<u32> = rows.iter().copied().collect();
        let mut queued = vec![false; self.now.len()];
        rows.iter().for_each(|q| queued[*q as usize] = true);
        let mut left = rows.len().saturating_mul(ROUNDS);
        while let Some(row) = waiting.pop_front() {
            if left == 0 {
                break;
            }
            left -= 1;
            queued[row as usize] = false;
            let mut found = std::mem::take(&mut self.scratch.found);
            found.clear();
            let asked = self.events.len() as u32;
            let (now, mut scratch) = (std::mem::take(&mut self.now), std::mem::take(&mut self.scratch));
            let outcome = self.revise(row as usize, &now, &mut scratch, &mut found);
            (self.now, self.scratch) = (now, scratch);
            if outcome.is_err() {
                self.contradiction = Some((row, asked));
                return false;
            }
            for (quantity, interval) in found.drain(..) {
                if self.tighten(quantity, interval, row, asked) {
                    let q = quantity as usize;
                    let readers = self.reader_starts[q] as usize..self.reader_starts[q + 1] as usize;
                    let own = self.stage_of(q).map(|_| quantity);
                    for reader in self.readers[readers].iter().copied().chain(own).filter(|r| *r != row) {
                        if !std::mem::replace(&mut queued[reader as usize], true) {
                            waiting.push_back(reader);
                        }
                    }
                }
            }
            self.scratch.found = found;
        }
        true
    }

    /// What the variables can be, as far as was found.
    pub fn variables(&self) -> &[Interval] {
        &self.now[..self.problem.dimension as usize]
    }

    /// The stage and the row of it that a quantity is, unless it is a variable.
    fn stage_of(&self, q: usize) -> Option<(usize, usize)> {
        if q < self.problem.dimension as usize {
            return None;
        }
        let k = self.offsets.partition_point(|offset| *offset <= q) - 1;
        Some((k, q - self.offsets[k]))
    }

    /// What a row says, given intervals for all quantities: pairs of quantities and what is left of them.
    fn revise(
        &self,
        row: usize,
        known: &[Interval],
        scratch: &mut Scratch,
        found: &mut Vec<(u32, Interval)>,
    ) -> Result<(), Apart> {
        let Some((k, _)) = self.stage_of(row) else { return Ok(()) };
        let stage = &self.problem.stages[k];
        // Nothing is inverted here: what reads the function takes it to be anything.
        if stage.matrix.is_some() {
            return Ok(());
        }
        let parts = &self.parts[self.starts[row] as usize..self.starts[row + 1] as usize];
        let read = |leaf: &Leaf, p: usize| match self.quantity(leaf, p) {
            Some(q) => known[q],
            None => {
                let source = self.numbers.source(self.problem, leaf.source);
                source.get(leaf.map.at(p)).map_or(Interval::WHOLE, |v| Interval::new(*v, *v))
            }
        };
        let Scratch { values, sums, .. } = scratch;
        sums.clear();
        for &(t, p) in parts {
            let leaves = &stage.terms[t as usize].family.leaves;
            let body = &self.bodies[k][t as usize];
            sums.push(body.enclose(|l| read(&leaves[l], p as usize), values));
        }
        let total = sums.iter().fold(Interval::exactly(0.0), |sum, part| sum.plus(*part));
        let needs = known[row];
        apart(total, needs)?;
        found.push((row as u32, total));
        if needs == Interval::WHOLE {
            return Ok(());
        }
        let infinite = |pick: fn(&Interval) -> f64| sums.iter().filter(|s| pick(s).is_infinite()).count();
        let (no_low, no_high) = (infinite(|s| s.lo), infinite(|s| s.hi));
        if no_low > 1 && no_high > 1 {
            return Ok(());
        }
        // What the others add up to: sums from the left and from the right, so that nothing cancels.
        let mut right = vec![Interval::exactly(0.0); parts.len() + 1];
        for i in (0..parts.len()).rev() {
            right[i] = right[i + 1].plus(sums[i]);
        }
        let mut left = Interval::exactly(0.0);
        for (i, &(t, p)) in parts.iter().enumerate() {
            let others = left.plus(right[i + 1]);
            left = left.plus(sums[i]);
            let target = needs.minus(others);
            if target == Interval::WHOLE {
                continue;
            }
            let leaves = &stage.terms[t as usize].family.leaves;
            let body = &self.bodies[k][t as usize];
            body.enclose(|l| read(&leaves[l], p as usize), values);
            let tell = |l: usize, interval: Interval| {
                if let Some(q) = self.quantity(&leaves[l], p as usize) {
                    found.push((q as u32, interval));
                }
            };
            match body.narrow(target, values, tell) {
                Err(Apart(by)) if by > CLEAR => return Err(Apart(by)),
                // Too little to count: nothing is taken from it.
                Err(Apart(_)) | Ok(()) => {}
            }
        }
        Ok(())
    }

    fn tighten(&mut self, quantity: u32, to: Interval, from: u32, asked: u32) -> bool {
        let known = self.now[quantity as usize];
        let mut changed = false;
        for (side, old, new, other) in
            [(Side::Lower, known.lo, to.lo, known.hi), (Side::Upper, known.hi, to.hi, known.lo)]
        {
            let gain = if side == Side::Lower { new - old } else { old - new };
            let width = (other - old).abs();
            let scale = if width.is_finite() { width } else { old.abs().max(1e-3) };
            // An interval must not turn over by rounding.
            let new = if side == Side::Lower { new.min(other) } else { new.max(other) };
            let worthwhile = gain > 0.0 && (old.is_infinite() || gain > WORTHWHILE * scale);
            if !worthwhile || !new.is_finite() || new == old {
                continue;
            }
            let slot = &mut self.last[quantity as usize][side as usize];
            let event = Event { quantity, side, value: new, from, asked, previous: *slot };
            *slot = Some(self.events.len() as u32);
            self.events.push(event);
            let now = &mut self.now[quantity as usize];
            if side == Side::Lower {
                now.lo = new
            } else {
                now.hi = new
            }
            changed = true;
        }
        changed
    }

    /// The steps that lead to the contradiction that was found, as few as could be told.
    pub fn chain(&self) -> Option<Chain> {
        let (row, asked) = self.contradiction?;
        let last = self.explain(row, asked, None);
        let mut waiting = last.events.clone();
        let mut declared = last.declared.clone();
        let mut reasons = BTreeMap::new();
        while let Some(event) = waiting.pop() {
            if reasons.contains_key(&event) {
                continue;
            }
            let Event { quantity, side, value, from, asked, .. } = self.events[event as usize];
            let reason = self.explain(from, asked, Some((quantity, side, value)));
            waiting.extend(&reason.events);
            declared.extend(&reason.declared);
            reasons.insert(event, reason.events);
        }
        let wanted: Vec<u32> = reasons.keys().copied().collect();
        let numbered = |events: &[u32]| {
            let number = |event: &u32| wanted.binary_search(event).expect("all events that are used are wanted");
            let mut numbers: Vec<usize> = events.iter().map(number).collect();
            numbers.sort_unstable();
            numbers
        };
        let steps = wanted.iter().map(|event| {
            let Event { quantity, side, value, from, .. } = self.events[*event as usize];
            Step { quantity: self.named(quantity), side, value, from: self.row(from), uses: numbered(&reasons[event]) }
        });
        declared.sort_unstable();
        declared.dedup();
        let (takes, needs) = (last.takes, self.declared[row as usize]);
        Some(Chain {
            steps: steps.collect(),
            row: self.row(row),
            uses: numbered(&last.events),
            takes: (takes.lo, takes.hi),
            needs: (needs.lo, needs.hi),
            declared: declared.into_iter().map(|(q, side)| (self.named(q), side)).collect(),
        })
    }

    fn row(&self, q: u32) -> (StageId, u32) {
        let (k, r) = self.stage_of(q as usize).expect("only rows say anything");
        (StageId(k as u32), r as u32)
    }

    fn named(&self, q: u32) -> Quantity {
        match self.stage_of(q as usize) {
            Some((k, r)) => Quantity::Row(StageId(k as u32), r as u32),
            None => Quantity::Variable(q),
        }
    }

    /// Which bounds a row needs, of those before `asked`, to say what it said: a bound, or that it cannot hold.
    fn explain(&self, row: u32, asked: u32, said: Option<(u32, Side, f64)>) -> Reason {
        let inputs = self.inputs(row);
        let mut known = self.declared.clone();
        let mut used: Vec<Known> = vec![];
        for &(q, side) in &inputs {
            let found = self.before(q, side, asked).map_or(Known::Declared, Known::Found);
            self.place(&mut known, q, side, found);
            used.push(found);
        }
        let mut scratch = Scratch::default();
        if inputs.len() <= LONGEST_EXPLAINED {
            for (&(q, side), used) in inputs.iter().zip(&mut used) {
                // Nothing first, then what is stated, then the earliest that will do.
                let mut candidates = vec![];
                let mut now = *used;
                while let Known::Found(event) = now {
                    now = self.events[event as usize].previous.map_or(Known::Declared, Known::Found);
                    candidates.push(now);
                }
                candidates.push(Known::Infinite);
                for candidate in candidates.into_iter().rev() {
                    self.place(&mut known, q, side, candidate);
                    if self.still_says(row, &known, said, &mut scratch) {
                        *used = candidate;
                        break;
                    }
                    self.place(&mut known, q, side, *used);
                }
            }
        }
        let mut found = vec![];
        known[row as usize] = Interval::WHOLE;
        let _ = self.revise(row as usize, &known, &mut scratch, &mut found);
        let takes = found.first().map_or(Interval::WHOLE, |(_, total)| *total);
        let mut reason = Reason { events: vec![], declared: vec![], takes };
        for (&(q, side), used) in inputs.iter().zip(used) {
            let declared = self.declared[q as usize];
            match used {
                Known::Found(event) => reason.events.push(event),
                Known::Declared if side == Side::Lower && declared.lo.is_finite() => reason.declared.push((q, side)),
                Known::Declared if side == Side::Upper && declared.hi.is_finite() => reason.declared.push((q, side)),
                Known::Declared | Known::Infinite => {}
            }
        }
        reason
    }

    /// The bounds that a row reads, its own included, each once.
    fn inputs(&self, row: u32) -> Vec<(u32, Side)> {
        let Some((k, _)) = self.stage_of(row as usize) else { return vec![] };
        let parts = &self.parts[self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize];
        let mut read: Vec<u32> = vec![row];
        for &(t, p) in parts {
            let leaves = &self.problem.stages[k].terms[t as usize].family.leaves;
            read.extend(leaves.iter().filter_map(|leaf| self.quantity(leaf, p as usize)).map(|q| q as u32));
        }
        read.sort_unstable();
        read.dedup();
        read.into_iter().flat_map(|q| [(q, Side::Lower), (q, Side::Upper)]).collect()
    }

    /// The last event for a bound among the first `asked`.
    fn before(&self, q: u32, side: Side, asked: u32) -> Option<u32> {
        let mut event = self.last[q as usize][side as usize];
        while let Some(at) = event.filter(|at| *at >= asked) {
            event = self.events[at as usize].previous;
        }
        event
    }

    fn place(&self, known: &mut [Interval], q: u32, side: Side, what: Known) {
        let (declared, slot) = (self.declared[q as usize], &mut known[q as usize]);
        match (side, what) {
            (Side::Lower, Known::Infinite) => slot.lo = f64::NEG_INFINITY,
            (Side::Upper, Known::Infinite) => slot.hi = f64::INFINITY,
            (Side::Lower, Known::Declared) => slot.lo = declared.lo,
            (Side::Upper, Known::Declared) => slot.hi = declared.hi,
            (Side::Lower, Known::Found(event)) => slot.lo = self.events[event as usize].value,
            (Side::Upper, Known::Found(event)) => slot.hi = self.events[event as usize].value,
        }
    }

    fn still_says(&self, row: u32, known: &[Interval], said: Option<(u32, Side, f64)>, scratch: &mut Scratch) -> bool {
        let mut found = vec![];
        let outcome = self.revise(row as usize, known, scratch, &mut found);
        let Some((q, side, value)) = said else { return outcome.is_err() };
        outcome.is_ok()
            && found.iter().any(|(at, interval)| {
                *at == q && if side == Side::Lower { interval.lo >= value } else { interval.hi <= value }
            })
    }
}

/// What a row needs to say what it said.
struct Reason {
    events: Vec<u32>,
    declared: Vec<(u32, Side)>,
    /// Its values then.
    takes: Interval,
}

/// Whether two intervals miss each other by more than points may be off.
fn apart(a: Interval, b: Interval) -> Result<(), Apart> {
    let gap = (a.lo - b.hi).max(b.lo - a.hi);
    let size = if a.lo > b.hi { b.hi.abs() } else { b.lo.abs() };
    let relative = gap / size.max(1.0);
    if relative > CLEAR { Err(Apart(relative)) } else { Ok(()) }
}
