//! Runs of instances in which what a kernel reads and writes is one number or lies along memory.
//!
//! Sums over a small index inside a large one ([`super::arrange`]) read shared numbers and columns, others for each value
//! of the small one. A kernel stops its blocks where one of these changes; within a run nothing needs to be gathered.

use crate::expr::family::IndexMap;

/// Runs are this long on average, or the kernel does without: shorter ones cost more than gathering.
const LEAST: usize = 64;

/// What a map does from one instance of a run to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It stays where it is.
    Shared,
    /// It goes on by one.
    Along,
    /// It often stays where it is, but not for as long as a run: what is added there is summed up first.
    Segments,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Where runs begin, ascending, the first at 0.
    starts: Vec<u32>,
    instances: usize,
    /// By map; none: it is neither in all runs.
    pub steps: Vec<Option<Step>>,
}

impl Runs {
    /// The runs of maps over `instances`; one run, if it is as well to have no others. `used` says which maps count.
    pub fn new(maps: &[&IndexMap], used: &[bool], instances: usize) -> Runs {
        let found: Vec<Option<(Step, Vec<u32>)>> =
            maps.iter().zip(used).map(|(map, used)| used.then(|| run_starts(map, instances)).flatten()).collect();
        let mut starts: Vec<u32> = found.iter().flatten().flat_map(|(_, starts)| starts).copied().collect();
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        let worth = starts.len() * LEAST <= instances;
        let step = |(map, found): (&&IndexMap, Option<(Step, Vec<u32>)>)| match found {
            Some((step, own)) if worth || own.is_empty() => Some(step),
            _ => are_segments(map, instances).then_some(Step::Segments),
        };
        let steps = maps.iter().zip(found).map(step).collect();
        if !worth {
            starts = vec![0];
        }
        Runs { starts, instances, steps }
    }

    /// Whether there is more than one.
    pub fn are_many(&self) -> bool {
        self.starts.len() > 1
    }

    /// The number of the run of an instance.
    pub fn of(&self, instance: usize) -> usize {
        self.starts.partition_point(|start| *start as usize <= instance) - 1
    }

    /// The instance that follows a run.
    pub fn end(&self, run: usize) -> usize {
        self.starts.get(run + 1).map_or(self.instances, |start| *start as usize)
    }
}

/// Gathered positions of which the next is mostly the same.
pub fn are_segments(map: &IndexMap, instances: usize) -> bool {
    let IndexMap::Gather(positions) = map else { return false };
    // Three in a segment pay for the branch at its end.
    let mut changes = positions[..instances].windows(2).filter(|pair| pair[0] != pair[1]);
    changes.nth(instances / 3).is_none()
}

/// Where the runs of a map begin, but for the first; none, if they are too short.
fn run_starts(map: &IndexMap, instances: usize) -> Option<(Step, Vec<u32>)> {
    let each = |length: u32| {
        (length as usize >= LEAST).then(|| (length..instances as u32).step_by(length as usize).collect::<Vec<u32>>())
    };
    match map {
        IndexMap::Affine { stride: 0, .. } => Some((Step::Shared, vec![])),
        IndexMap::Affine { stride: 1, .. } => Some((Step::Along, vec![])),
        IndexMap::Tile { stride: 1, length, .. } => Some((Step::Along, each(*length)?)),
        IndexMap::Repeat { length, .. } => Some((Step::Shared, each(*length)?)),
        IndexMap::Affine { .. } | IndexMap::Tile { .. } => None,
        IndexMap::Gather(positions) => {
            let positions = &positions[..instances];
            let step = match positions {
                [a, b, ..] if a == b => Step::Shared,
                [a, b, ..] if a + 1 == *b => Step::Along,
                _ => return None,
            };
            let by = u32::from(step == Step::Along);
            let mut starts = vec![];
            for (p, pair) in (1u32..).zip(positions.windows(2)) {
                if pair[0] + by != pair[1] {
                    starts.push(p);
                    if starts.len() * LEAST > instances {
                        return None;
                    }
                }
            }
            Some((step, starts))
        }
    }
}
