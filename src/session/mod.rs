//! The stages strung together: all that the command line and embedding programs use.
//!
//! ```no_run
//! # use std::ops::ControlFlow;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use merit::session::{Model, Options};
//!
//! let model = Model::from_file("hs071.opt")?;
//! let mut problem = model.with_param("n", 50.0).build()?;
//! let options = Options::default();
//! let plan = problem.plan(&options)?;
//! let answer = problem.solve(&plan, &options, |_line| ControlFlow::Continue(()))?;
//! println!("{} {:?}", answer.status, answer.value("x"));
//! # Ok(())
//! # }
//! ```

mod asked;
pub mod changes;
pub mod compare;
pub mod derivatives;
mod doubts;
pub mod errors;
mod expand;
pub mod flat;
pub mod import;
pub mod model;
pub mod notation;
pub mod prepared;
mod problem_json;
mod rivals;
mod run;
mod sensitivity;
pub mod shown;
pub mod start;
#[cfg(test)]
mod tests;

pub use errors::{Bug, Errors};
pub use model::Model;
pub use prepared::{Options, Prepared};
