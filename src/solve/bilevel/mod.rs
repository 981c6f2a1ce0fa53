//! Problems that contain problems: one file and one row of [`METHODS`] for each method.
//!
//! A method sees all levels at once: the whole [`Problem`], whose point holds what every level decides and the
//! multipliers that the blocks supply, and the blocks' instances as [`Follower`]s, each planned and ready to be solved for
//! what the others decide. It hands back a point of the whole and claims nothing: the judge solves the followers again.

pub mod complementarity_branching;
pub mod direct;
pub mod facts;
pub mod follower;
pub mod functions;
pub mod given;
pub mod implicit_gradient;
pub mod inner_pieces;
pub mod kkt_relaxation;
pub mod lv_hba;
pub mod outer;
mod paths;
#[cfg(test)]
mod testing;
pub mod unrolled;
pub mod value_penalty;

use super::method::{Claim, Objection};
use super::monitor::Monitor;
use super::options::{OptionRow, Options};
use crate::answer::Outcome;
use crate::diag::Sources;
use crate::problem::Problem;
use facts::Nest;
use follower::Follower;

/// A row of the table of methods.
pub struct Method {
    pub name: &'static str,
    pub doc: &'static str,
    /// When the planner takes it, as the end of "chosen ...".
    pub chosen: &'static str,
    pub source: &'static str,
    pub claim: Claim,
    pub accepts: fn(&Nest) -> Result<(), Objection>,
    pub options: &'static [OptionRow],
    pub run: fn(&mut Context) -> Outcome,
}

/// What a method is given.
pub struct Context<'a, 'm> {
    /// All levels. Its own objective and rows are those of the outermost one.
    pub problem: &'a Problem,
    pub nest: &'a Nest,
    /// The instances of all blocks, each after those whose answers it reads.
    pub followers: Vec<Follower>,
    pub start: Vec<f64>,
    /// `start` is an earlier answer.
    pub warm: bool,
    pub options: &'a Options,
    pub monitor: &'a mut Monitor<'m>,
    pub sources: &'a Sources,
}

/// In the order in which the planner prefers them.
pub const METHODS: &[Method] = &[
    complementarity_branching::METHOD,
    kkt_relaxation::METHOD,
    inner_pieces::METHOD,
    implicit_gradient::METHOD,
    value_penalty::METHOD,
    lv_hba::METHOD,
    unrolled::METHOD,
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}
