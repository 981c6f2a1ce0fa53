//! Which results are stored and which are added, and what must be set before.
//!
//! Contributions are announced in the order in which they will run. One that is the first to reach all its entries,
//! each once, is stored; any other is added, and entries that it reaches first must be set before. Contributions of
//! one kernel run interleaved, block of instances by block: a store would wipe out what an earlier instance, or one of
//! another chunk, has added to the entry, so then it becomes an addition too.

use super::action::Action;
use super::kernel::{CHUNK, Space};
use crate::expr::family::IndexMap;
use crate::expr::graph::{Graph, NodeId};

/// Kernels of fewer nodes are bound by memory.
const LIGHT: usize = 24;

/// The entries of one array.
#[derive(Debug, Default)]
pub struct Touch {
    touched: Vec<bool>,
    /// Number of the contribution that stores an entry plus 1, and the instance that does; 0: nobody.
    stored_by: Vec<(u32, u32)>,
    contributions: Vec<Contribution>,
    /// Entries whose first contribution is added.
    open: Vec<u32>,
    /// Instances of the present kernel that run in order; see [`Touch::begin`].
    chunk: usize,
}

#[derive(Debug)]
struct Contribution {
    kernel: usize,
    map: IndexMap,
    instances: usize,
    add: bool,
}

/// The number of a contribution.
#[derive(Clone, Copy, Debug)]
pub struct Announced(usize);

impl Touch {
    pub fn new(entries: usize) -> Touch {
        Touch { touched: vec![false; entries], stored_by: vec![(0, 0); entries], chunk: CHUNK, ..Touch::default() }
    }

    /// Begins with a kernel of these roots. What is computed quickly is not worth sharing among threads: then chunks run
    /// in order, and more results can be stored.
    pub fn begin(&mut self, graph: &Graph, roots: &[NodeId]) {
        self.chunk = if graph.reachable(roots).len() < LIGHT { usize::MAX } else { CHUNK };
    }

    /// Announces a contribution of a kernel. Whether it is added is known when all of the kernel are announced.
    pub fn announce(&mut self, kernel: usize, map: &IndexMap, instances: usize) -> Announced {
        let add = !self.reaches_first(map, instances);
        self.enter(kernel, map, instances, add)
    }

    /// Announces a contribution that must be added.
    pub fn announce_added(&mut self, kernel: usize, map: &IndexMap, instances: usize) -> Announced {
        self.enter(kernel, map, instances, true)
    }

    fn enter(&mut self, kernel: usize, map: &IndexMap, instances: usize, add: bool) -> Announced {
        let number = self.contributions.len();
        self.contributions.push(Contribution { kernel, map: map.clone(), instances, add });
        if add {
            self.demote_stores(kernel, map, instances);
            self.announce_sum((0..instances).map(|p| map.at(p)));
        } else {
            for p in 0..instances {
                self.stored_by[map.at(p)] = (number as u32 + 1, p as u32);
            }
        }
        Announced(number)
    }

    /// Whether a contribution is added.
    pub fn adds(&self, announced: Announced) -> bool {
        self.contributions[announced.0].add
    }

    /// Touches the entries if this is the first to reach any of them and reaches each once.
    fn reaches_first(&mut self, map: &IndexMap, instances: usize) -> bool {
        for p in 0..instances {
            let at = map.at(p);
            if self.touched[at] {
                (0..p).for_each(|q| self.touched[map.at(q)] = false);
                return false;
            }
            self.touched[at] = true;
        }
        true
    }

    /// Makes additions of the stores of the same kernel that may come after an addition to the same entry.
    fn demote_stores(&mut self, kernel: usize, map: &IndexMap, instances: usize) {
        for p in 0..instances {
            let (number, instance) = self.stored_by[map.at(p)];
            let instance = instance as usize;
            // Chunks run in another order than that of instances.
            if number == 0 || (instance <= p && instance / self.chunk == p / self.chunk) {
                continue;
            }
            let store = &mut self.contributions[number as usize - 1];
            if store.kernel == kernel && !store.add {
                store.add = true;
                self.open.extend((0..store.instances).map(|q| store.map.at(q) as u32));
            }
        }
    }

    /// Announces that all entries are stored before anything else reaches them.
    pub fn announce_all(&mut self) {
        self.touched.fill(true);
    }

    /// Announces entries that are added to.
    pub fn announce_sum(&mut self, entries: impl Iterator<Item = usize>) {
        for at in entries {
            if !self.touched[at] {
                self.touched[at] = true;
                self.open.push(at as u32);
            }
        }
    }

    /// Entries of `0..length`, at `base` of a space, that nothing stores: set to 0.
    pub fn prepare(self, space: Space, base: usize) -> Option<Action> {
        self.prepare_from(space, base, None, |_, _| unreachable!("there is no template"))
    }

    /// The same entries set to what stands at `template`. Where they are few, `pack` says where those few stand side by
    /// side.
    pub fn prepare_from(
        mut self,
        space: Space,
        base: usize,
        template: Option<usize>,
        pack: impl FnOnce(&IndexMap, usize) -> usize,
    ) -> Option<Action> {
        self.open.extend((0u32..).zip(&self.touched).filter(|(_, touched)| !**touched).map(|(at, _)| at));
        if self.open.is_empty() {
            return None;
        }
        let length = self.touched.len();
        // A quarter: setting single entries costs more than clearing a run.
        if self.open.len() * 4 < length {
            self.open.sort_unstable();
            let count = self.open.len();
            let entries = IndexMap::from_positions(self.open);
            let values = template.map(|_| pack(&entries, count));
            return Some(Action::SetSome { space, base, entries, count, values });
        }
        Some(match template {
            Some(from) => Action::Copy { from, space, base, length },
            None => Action::Clear { space, base, length },
        })
    }
}
