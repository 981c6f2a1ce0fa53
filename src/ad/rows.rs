//! Results that go side by side: entries of one row of a sparse matrix, for every instance a few neighbours.
//!
//! Stored one by one they take a scattered store each, which is what bounds sparse Jacobians. Here the results of eight
//! instances are turned in registers so that an instance's stand together, brought into the order of its entries (which
//! may differ: columns of a branch's ends stand in either order) and stored at once.

use super::isa::{Level, level};
use super::kernel::{LANES, Sink, Space};
use std::collections::HashMap;

/// Sinks whose entries stand within [`LANES`] neighbouring places, for every instance.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Numbers of the sinks, no more than [`LANES`].
    pub sinks: Vec<usize>,
    pub space: Space,
    /// Where the entries of each instance begin.
    starts: Vec<u32>,
    /// Which of `orders` those of an instance stand in.
    order_of: Vec<u8>,
    orders: Vec<Order>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(align(64))]
struct Order {
    /// Which of the sinks each place gets its number from.
    from: [u64; LANES],
    /// A bit for each place that is written.
    places: u8,
}

/// Fewer stores than this are not worth turning eight results.
const LEAST: usize = 3;

/// Groups among the sinks that store, and the numbers of all other sinks.
pub fn group(sinks: &[Sink], instances: usize, may_join: impl Fn(usize) -> bool) -> (Vec<Rows>, Vec<usize>) {
    let middle = instances / 2;
    let mut candidates: Vec<(Space, usize, usize)> = sinks
        .iter()
        .enumerate()
        .filter(|(j, sink)| !sink.add && instances >= LANES && may_join(*j))
        .map(|(j, sink)| (sink.space, sink.base + sink.map.at(middle), j))
        .collect();
    candidates.sort_by_key(|&(space, at, _)| (space as usize, at));
    let mut groups = vec![];
    while let Some(&(space, least, _)) = candidates.first() {
        let near = candidates.iter().take_while(|(other, at, _)| *other == space && at - least < LANES).count();
        let members: Vec<usize> = candidates.drain(..near.min(LANES)).map(|(.., j)| j).collect();
        if members.len() >= LEAST {
            groups.extend(Rows::new(sinks, members, space, instances));
        }
    }
    let grouped = |j: &usize| groups.iter().any(|rows: &Rows| rows.sinks.contains(j));
    let others = (0..sinks.len()).filter(|j| !grouped(j)).collect();
    (groups, others)
}

impl Rows {
    /// None, where entries are farther apart or the orders of instances are too many.
    fn new(sinks: &[Sink], members: Vec<usize>, space: Space, instances: usize) -> Option<Rows> {
        let mut rows = Rows { sinks: members, space, starts: vec![], order_of: vec![], orders: vec![] };
        let mut known: HashMap<Order, u8> = HashMap::new();
        for p in 0..instances {
            let places = || rows.sinks.iter().map(|&j| sinks[j].base + sinks[j].map.at(p));
            let start = places().min()?;
            let mut order = Order { from: [0; LANES], places: 0 };
            for (k, place) in places().enumerate() {
                let place = place - start;
                if place >= LANES || order.places & (1 << place) != 0 {
                    return None;
                }
                order.from[place] = k as u64;
                order.places |= 1 << place;
            }
            let number = known.len();
            let number = *known.entry(order).or_insert(u8::try_from(number).ok()?);
            if number as usize == rows.orders.len() {
                rows.orders.push(order);
            }
            rows.order_of.push(number);
            rows.starts.push(u32::try_from(start).ok()?);
        }
        Some(rows)
    }

    /// Stores the results of `length` instances from `first` on; `values` are those of the sinks.
    ///
    /// # Safety
    /// `values` point at `length` numbers each, and all entries of these instances, from `to` on, may be written.
    pub unsafe fn store(&self, values: &[*const f64], first: usize, length: usize, to: *mut f64) {
        let whole = length - length % LANES;
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if level() == Level::Avx512 {
            // SAFETY: as promised by the caller, and the processor has these instructions.
            unsafe { self.store_turned(values, first, whole, to) };
            done = whole;
        }
        // SAFETY: as promised by the caller.
        for p in done..length {
            let order = &self.orders[self.order_of[first + p] as usize];
            let start = self.starts[first + p] as usize;
            for place in (0..LANES).filter(|place| order.places & (1 << place) != 0) {
                unsafe { *to.add(start + place) = *values[order.from[place] as usize].add(p) };
            }
        }
    }

    /// # Safety
    /// As of `store`; `length` is a multiple of [`LANES`].
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
    unsafe fn store_turned(&self, values: &[*const f64], first: usize, length: usize, to: *mut f64) {
        use std::arch::x86_64::_mm512_setzero_pd;
        use std::arch::x86_64::{_mm512_load_epi64, _mm512_loadu_pd, _mm512_mask_storeu_pd, _mm512_permutexvar_pd};
        let (starts, order_of) = (&self.starts[first..first + length], &self.order_of[first..first + length]);
        for p in (0..length).step_by(LANES) {
            let mut lanes = [_mm512_setzero_pd(); LANES];
            for (lane, values) in lanes.iter_mut().zip(values) {
                // SAFETY: `length` numbers may be read.
                *lane = unsafe { _mm512_loadu_pd(values.add(p)) };
            }
            let turned = turned(lanes);
            for (k, row) in turned.into_iter().enumerate() {
                let order = &self.orders[order_of[p + k] as usize];
                // SAFETY: orders are aligned; the places of the mask may be written.
                unsafe {
                    let row = _mm512_permutexvar_pd(_mm512_load_epi64(order.from.as_ptr().cast()), row);
                    _mm512_mask_storeu_pd(to.add(starts[p + k] as usize), order.places, row);
                }
            }
        }
    }
}

/// The transpose of a square of eight numbers a side.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn turned(v: [std::arch::x86_64::__m512d; LANES]) -> [std::arch::x86_64::__m512d; LANES] {
    use std::arch::x86_64::{__m512d, _mm512_shuffle_f64x2, _mm512_unpackhi_pd, _mm512_unpacklo_pd};
    let halves = |a: __m512d, b: __m512d| {
        // Even quarters of both, then odd quarters.
        (_mm512_shuffle_f64x2::<0b10_00_10_00>(a, b), _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b))
    };
    // Pairs of columns: even rows, odd rows.
    let even = [0, 2, 4, 6].map(|k| _mm512_unpacklo_pd(v[k], v[k + 1]));
    let odd = [0, 2, 4, 6].map(|k| _mm512_unpackhi_pd(v[k], v[k + 1]));
    let ((a0, a2), (a4, a6)) = (halves(even[0], even[1]), halves(even[2], even[3]));
    let ((b1, b3), (b5, b7)) = (halves(odd[0], odd[1]), halves(odd[2], odd[3]));
    let ((r0, r4), (r2, r6)) = (halves(a0, a4), halves(a2, a6));
    let ((r1, r5), (r3, r7)) = (halves(b1, b5), halves(b3, b7));
    [r0, r1, r2, r3, r4, r5, r6, r7]
}
