//! Merit: a declarative modelling language for optimisation.
//!
//! text → syntax → meaning → problem → plan → solve → certificate → answer: every stage is a plain value.
//! `docs/architecture.md` shows the rooms and who may import whom, `docs/language.md` the language.
//!
//! # A tour
//!
//! ```
//! use merit::{Model, Options};
//! use std::ops::ControlFlow;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = Model::from_str(
//!     "param r = 1
//!      var x start -1.2
//!      var y start 1
//!      minimize banana: (1 - x)^2 + 100 * (y - x^2)^2
//!      subject to disk: x^2 + y^2 <= r^2",
//! )?;
//! let mut problem = model.with_param("r", 1.0).build()?; // errors carry all diagnostics
//! let options = Options::default();
//! let plan = problem.plan(&options)?; // a value of its own
//! println!("{}", plan.explain(&problem.sources));
//! let answer = problem.solve(&plan, &options, |_line| ControlFlow::Continue(()))?;
//! assert!(answer.certificate().holds());
//! let banana = answer.objective().expect("there is an objective");
//! assert!((banana - 0.0456748).abs() < 1e-6);
//! // A dual is d(objective) / d(right side): more room helps.
//! assert!((answer.dual("disk").expect("a row")[0] + 0.121497).abs() < 1e-5);
//!
//! problem.set_param("r", &[2.0])?; // a number: nothing is built again
//! problem.start_from(&answer);
//! let again = problem.solve(&plan, &options, |_line| ControlFlow::Continue(()))?;
//! assert!(again.objective().expect("there is an objective") < 1e-8);
//!
//! let mut functions = problem.evaluator(); // values, gradients, sparse Jacobian and Hessian, products
//! assert_eq!(functions.objective(&[1.0, 1.0]), 0.0);
//! # Ok(())
//! # }
//! ```

// Headers of rooms name their private files; `cargo doc --document-private-items` shows them.
#![allow(rustdoc::private_intra_doc_links)]

pub mod ad;
pub mod answer;
pub mod certify;
pub mod cli;
pub mod data;
pub mod diag;
pub mod diagnose;
pub mod expr;
pub mod host;
pub mod interop;
pub mod linalg;
pub mod oracle;
pub mod plan;
pub mod problem;
pub mod repl;
pub mod sema;
pub mod session;
pub mod solve;
pub mod syntax;
pub mod threads;

pub use answer::Answer;
pub use session::{Model, Options, Prepared};
