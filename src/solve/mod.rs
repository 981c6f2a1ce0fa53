//! Methods: one file and one row of [`METHODS`] each.

pub mod argmin_adapter;
pub mod method;
pub mod monitor;
pub mod nlp;
pub mod options;
pub mod parts;
pub mod smooth;
#[cfg(test)]
pub mod testing;
mod trouble;
pub mod view;

use method::Method;

/// All methods, in the order in which the planner lists them.
pub const METHODS: &[Method] = &[
    smooth::interior_point::METHOD,
    smooth::augmented_lagrangian::METHOD,
    smooth::bound_newton::METHOD,
    smooth::lbfgs::METHOD,
    smooth::bfgs::METHOD,
    smooth::nonlinear_cg::METHOD,
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}
