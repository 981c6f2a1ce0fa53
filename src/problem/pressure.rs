//! What a larger value of an expression does to a problem, from the senses of its objectives, the open sides of its rows
//! and the slopes of all functions on the way up, also through stages.
//!
//! Where a larger value can only hurt, a convex kink may be written as a variable that is at least each of its branches:
//! at an optimum it is one of them, or could be lowered to it without loss.

use super::ranges::Ranges;
use super::values::{Bounds, Numbers, depends_on_variables};
use super::{Problem, Sense};
use crate::expr::family::{Source, StageId, Term};
use crate::expr::graph::{Node, NodeId};
use crate::expr::interval::Interval;
use crate::expr::ops::{Op, Operand, Slope};
use std::collections::{HashMap, HashSet};

/// What a larger value does to the problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pressure {
    /// Nothing reads it.
    None,
    /// A larger value can only hurt.
    Down,
    /// A smaller value can only hurt.
    Up,
    /// Both, or not known.
    Both,
}

impl Pressure {
    fn and(self, other: Pressure) -> Pressure {
        match (self, other) {
            (Pressure::None, p) | (p, Pressure::None) => p,
            (Pressure::Down, Pressure::Down) => Pressure::Down,
            (Pressure::Up, Pressure::Up) => Pressure::Up,
            (Pressure::Down | Pressure::Up | Pressure::Both, _) => Pressure::Both,
        }
    }

    /// On an operand of a function that is under pressure.
    fn through(self, slope: Slope) -> Pressure {
        match (self, slope) {
            (Pressure::None, _) | (_, Slope::Flat) => Pressure::None,
            (p, Slope::Rising) => p,
            (Pressure::Down, Slope::Falling) => Pressure::Up,
            (Pressure::Up, Slope::Falling) => Pressure::Down,
            (Pressure::Both, _) | (Pressure::Down | Pressure::Up, Slope::Neither) => Pressure::Both,
        }
    }
}

/// Pressures of one problem, whose blocks do not count.
pub struct Pressures<'a> {
    pub problem: &'a Problem,
    numbers: Numbers,
    bounds: Bounds,
    ranges: Ranges,
    depends: Vec<bool>,
}

impl<'a> Pressures<'a> {
    pub fn of(problem: &'a Problem) -> Pressures<'a> {
        let numbers = Numbers::of(problem);
        let bounds = Bounds::of(problem, &numbers);
        let ranges = Ranges::of(problem, &numbers, &bounds);
        Pressures { problem, numbers, bounds, ranges, depends: depends_on_variables(problem) }
    }

    /// Of every stage: from the objectives and the rows down, through the stages that read it.
    pub fn on_stages(&self) -> Vec<Pressure> {
        let mut pressures = vec![Pressure::None; self.problem.stages.len()];
        let mut add = |id: StageId, p: Pressure| {
            let at = &mut pressures[id.0 as usize];
            *at = at.and(p);
        };
        for objective in &self.problem.objectives {
            add(objective.stage, if objective.sense == Sense::Minimize { Pressure::Down } else { Pressure::Up });
        }
        let starts = self.problem.row_starts();
        for (constraint, start) in self.problem.constraints.iter().zip(starts).filter(|(c, _)| !c.dropped) {
            for r in start..start + constraint.rows as usize {
                if self.bounds.row_lower[r] > f64::NEG_INFINITY {
                    add(constraint.stage, Pressure::Up);
                }
                if self.bounds.row_upper[r] < f64::INFINITY {
                    add(constraint.stage, Pressure::Down);
                }
            }
        }
        for k in (0..self.problem.stages.len()).rev() {
            if let Some(matrix) = &self.problem.stages[k].matrix {
                // No matrix function rises or falls in each entry.
                let at = &mut pressures[matrix.of.0 as usize];
                *at = at.and(Pressure::Both.through(Slope::Neither));
            }
            for term in &self.problem.stages[k].terms {
                let on_nodes = self.on_nodes(term, pressures[k]);
                for (id, pressure) in on_nodes {
                    let Node::Leaf(leaf) = self.problem.graph.node(id) else { continue };
                    match term.family.leaves[leaf as usize].source {
                        // A recurrence feeds on itself: what a larger value does is not followed.
                        Source::Stage(source) if source.0 as usize == k => pressures[k] = Pressure::Both,
                        Source::Stage(source) => {
                            let at = &mut pressures[source.0 as usize];
                            *at = at.and(pressure);
                        }
                        Source::Variables | Source::Param(_) | Source::After(_) => {}
                    }
                }
            }
        }
        pressures
    }

    /// Of every node of a term's body.
    pub fn on_nodes(&self, term: &Term, on_body: Pressure) -> HashMap<NodeId, Pressure> {
        let graph = &self.problem.graph;
        let intervals = self.intervals(term);
        let varying = self.varying(term);
        let mut order = graph.reachable(&[term.family.body]);
        order.reverse();
        let mut found = HashMap::from([(term.family.body, on_body)]);
        for id in order {
            let Node::Call(op, operands) = graph.node(id) else { continue };
            let on_this = found.get(&id).copied().unwrap_or(Pressure::None);
            let slopes = (op.row().slopes)(facts(&operands, op.row().arity, &intervals, &varying));
            for (operand, slope) in operands.iter().zip(slopes).take(op.row().arity) {
                let pressure = match op {
                    // A condition decides between cases: what it reads moves nothing.
                    Op::Select if *operand == operands[0] => Pressure::None,
                    _ if op.row().truth => Pressure::None,
                    _ => on_this.through(slope),
                };
                let before = found.get(operand).copied().unwrap_or(Pressure::None);
                found.insert(*operand, before.and(pressure));
            }
        }
        found
    }

    /// Where the nodes of a term's body lie.
    pub fn intervals(&self, term: &Term) -> HashMap<NodeId, Interval> {
        self.ranges.nodes(self.problem, &self.numbers, &self.bounds, term)
    }

    /// Whether a stage depends on variables.
    pub fn depends(&self, stage: usize) -> bool {
        self.depends[stage]
    }

    /// The nodes of a term's body that depend on variables.
    pub fn varying(&self, term: &Term) -> HashSet<NodeId> {
        let graph = &self.problem.graph;
        let mut varying = HashSet::new();
        // Operands come before users.
        for id in graph.reachable(&[term.family.body]) {
            let varies = match graph.node(id) {
                Node::Leaf(k) => match term.family.leaves[k as usize].source {
                    Source::Variables | Source::After(_) => true,
                    Source::Stage(id) => self.depends[id.0 as usize],
                    Source::Param(_) => false,
                },
                Node::Constant(_) => false,
                Node::Call(op, operands) => operands[..op.row().arity].iter().any(|o| varying.contains(o)),
            };
            if varies {
                varying.insert(id);
            }
        }
        varying
    }

    /// The kinks of a term's body, innermost first: `max`, `min` and `abs` of what varies, that are under pressure and
    /// that bounds alone do not decide; with the pressure on each.
    pub fn kinks(&self, term: &Term, on_body: Pressure) -> Vec<(NodeId, Pressure)> {
        let pressures = self.on_nodes(term, on_body);
        let (intervals, varying) = (self.intervals(term), self.varying(term));
        let kink = |id: NodeId| {
            let Node::Call(op @ (Op::Abs | Op::Max | Op::Min), operands) = self.problem.graph.node(id) else {
                return None;
            };
            let pressure = *pressures.get(&id).filter(|pressure| **pressure != Pressure::None)?;
            let decided = super::features::is_decided(op, &operands[..op.row().arity], &intervals);
            (varying.contains(&id) && !decided).then_some((id, pressure))
        };
        self.problem.graph.reachable(&[term.family.body]).into_iter().filter_map(kink).collect()
    }
}

/// What is known of the operands of a call.
fn facts(
    operands: &[NodeId; 3],
    arity: usize,
    intervals: &HashMap<NodeId, Interval>,
    varying: &HashSet<NodeId>,
) -> [Operand; 3] {
    std::array::from_fn(|k| {
        let id = operands[if k < arity { k } else { 0 }];
        Operand { interval: intervals[&id], constant: !varying.contains(&id) }
    })
}
