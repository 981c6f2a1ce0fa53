//! Which actions on data must run again when some parameters have other numbers.
//!
//! The arena consists of ranges, each allocated for one purpose. A range is stale if an action that writes it reads a
//! stale one; then everything that writes it runs again in order, since some of it adds to what others have left.

use super::action::{Action, Side};
use super::engine::Engine;
use super::kernel::{From, Place, Space};
use super::matrix::MatrixAction;
use std::collections::BTreeSet;

/// What has changed since the actions on data ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stale {
    #[default]
    Nothing,
    /// Numbers of parameters, by the numbers of their ranges.
    Parameters(BTreeSet<usize>),
    Everything,
}

impl Stale {
    pub fn note(&mut self, range: usize) {
        match self {
            Stale::Nothing => *self = Stale::Parameters(BTreeSet::from([range])),
            Stale::Parameters(ranges) => {
                ranges.insert(range);
            }
            Stale::Everything => {}
        }
    }
}

/// The ranges whose numbers are new, and the actions that must run for it.
#[derive(Debug)]
pub struct Affected {
    pub ranges: Vec<bool>,
    pub actions: Vec<bool>,
}

impl Affected {
    pub fn of(engine: &Engine, stale: &Stale) -> Affected {
        let (ranges, actions) = (engine.ranges(), engine.data.len());
        let changed = match stale {
            Stale::Nothing => return Affected { ranges: vec![false; ranges], actions: vec![false; actions] },
            Stale::Everything => return Affected { ranges: vec![true; ranges], actions: vec![true; actions] },
            Stale::Parameters(changed) => changed,
        };
        let mut affected = Affected { ranges: vec![false; ranges], actions: vec![false; actions] };
        changed.iter().for_each(|&range| affected.ranges[range] = true);
        let uses: Vec<Uses> = engine.data.iter().map(|action| Uses::of(engine, action)).collect();
        // Actions stand in order, so that what is read is mostly known; writing together carries it on.
        while affected.spread(&uses) {}
        affected
    }

    /// One pass; whether there was anything new.
    fn spread(&mut self, uses: &[Uses]) -> bool {
        let mut new = false;
        for (runs, uses) in self.actions.iter_mut().zip(uses) {
            if !*runs && uses.reads.iter().chain(&uses.writes).any(|&range| self.ranges[range]) {
                *runs = true;
                new = true;
                uses.writes.iter().for_each(|&range| self.ranges[range] = true);
            }
        }
        new
    }
}

/// Ranges of the arena that an action reads and writes.
#[derive(Default)]
struct Uses {
    reads: Vec<usize>,
    writes: Vec<usize>,
}

impl Uses {
    fn of(engine: &Engine, action: &Action) -> Uses {
        let mut uses = Uses::default();
        let mut write = |space: Space, base: usize| {
            if space == Space::Arena {
                uses.writes.push(engine.range_at(base));
            }
        };
        let mut reads: Vec<Place> = vec![];
        match action {
            Action::Kernel(kernel) => {
                kernel.sinks().for_each(|sink| write(sink.space, sink.base));
                reads.extend(kernel.reads());
            }
            Action::Clear { space, base, .. } => write(*space, *base),
            Action::Copy { from, space, base, .. } => {
                write(*space, *base);
                reads.push(Place::arena(*from));
            }
            Action::SetSome { space, base, values, .. } => {
                write(*space, *base);
                reads.extend(values.map(Place::arena));
            }
            Action::Pack { from, to, .. } => {
                write(Space::Arena, *to);
                reads.push(Place::arena(*from));
            }
            Action::Chain(chain) => {
                write(chain.space, chain.base);
                reads.extend([chain.factor, chain.rows.values].map(Place::arena));
            }
            Action::Outer(outer) => {
                reads.push(Place::arena(outer.factor));
                for side in [&outer.left, &outer.right] {
                    if let Side::Stage(rows) = side {
                        reads.push(Place::arena(rows.values));
                    }
                }
            }
            Action::RankUpdate(update) => reads.extend([update.factor, update.values].map(Place::arena)),
            Action::Matrix(MatrixAction::Values(node)) => {
                write(Space::Arena, node.values);
                write(Space::Arena, node.kept);
                reads.push(Place::arena(node.entries));
            }
            Action::Matrix(_) => unreachable!("of functions of matrices, data have values alone"),
            Action::Squares(_) => unreachable!("sums of squares depend on variables"),
            Action::Sparse(product) => {
                write(product.space, product.base);
                reads.extend([Place::arena(product.matrix.values), product.vector]);
            }
            Action::Multiply { matrix, vector, space, base }
            | Action::MultiplyTransposed { matrix, vector, space, base } => {
                write(*space, *base);
                reads.extend([Place::arena(matrix.values), *vector]);
            }
        }
        let stored = reads.into_iter().filter(|place| place.from == From::Arena);
        uses.reads.extend(stored.map(|place| engine.range_at(place.base)));
        uses
    }
}
