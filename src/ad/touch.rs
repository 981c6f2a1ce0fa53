//! Which results are stored and which are added, and what must be set before.
//!
//! Contributions are announced in the order in which they will run. One that is the first to reach all its entries,
//! each once, is stored; any other is added, and entries that it reaches first must be set before.

use super::action::Action;
use super::kernel::Space;
use crate::expr::family::IndexMap;

/// The entries of one array.
#[derive(Debug)]
pub struct Touch {
    touched: Vec<bool>,
    /// Entries whose first contribution is added.
    open: Vec<u32>,
}

impl Touch {
    pub fn new(entries: usize) -> Touch {
        Touch { touched: vec![false; entries], open: vec![] }
    }

    /// Announces a contribution; true if it must be added.
    pub fn contribute(&mut self, map: &IndexMap, instances: usize) -> bool {
        for p in 0..instances {
            let at = map.at(p);
            if self.touched[at] {
                (0..p).for_each(|q| self.touched[map.at(q)] = false);
                self.contribute_sum((0..instances).map(|p| map.at(p)));
                return true;
            }
            self.touched[at] = true;
        }
        false
    }

    /// Announces entries that are added to.
    pub fn contribute_sum(&mut self, entries: impl Iterator<Item = usize>) {
        for at in entries {
            if !self.touched[at] {
                self.touched[at] = true;
                self.open.push(at as u32);
            }
        }
    }

    /// Entries of `0..length`, at `base` of a space, that nothing stores: set to 0, or to what stands at `template`.
    pub fn prepare(mut self, space: Space, base: usize, template: Option<usize>) -> Option<Action> {
        self.open.extend((0u32..).zip(&self.touched).filter(|(_, touched)| !**touched).map(|(at, _)| at));
        if self.open.is_empty() {
            return None;
        }
        let length = self.touched.len();
        // A quarter: setting single entries costs more than clearing a run.
        if self.open.len() * 4 < length {
            self.open.sort_unstable();
            return Some(Action::SetSome { space, base, entries: self.open, template });
        }
        Some(match template {
            Some(from) => Action::Copy { from, space, base, length },
            None => Action::Clear { space, base, length },
        })
    }
}
