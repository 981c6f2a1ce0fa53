//! Methods: one file and one row of [`METHODS`] each.

pub mod argmin_adapter;
pub mod asked;
pub mod behaviour;
pub mod bilevel;
pub mod black_box;
pub mod complementarity;
pub mod convexity;
pub mod docs;
pub mod equations;
pub mod feasible;
pub mod implicit;
pub mod method;
pub mod monitor;
pub mod nlp;
pub mod options;
pub mod parts;
pub mod smooth;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod trouble;
pub mod view;

use method::Method;

/// All methods, in the order in which the planner lists them.
pub const METHODS: &[Method] = &[
    smooth::interior_point::METHOD,
    smooth::augmented_lagrangian::METHOD,
    smooth::sketched_newton::METHOD,
    complementarity::semismooth_newton::METHOD,
    complementarity::branching::METHOD,
    complementarity::relaxation::METHOD,
    equations::anderson::METHOD,
    smooth::trust_region_newton::METHOD,
    smooth::bound_newton::METHOD,
    smooth::levenberg_marquardt::METHOD,
    smooth::lbfgs::METHOD,
    smooth::projected_lbfgs::METHOD,
    smooth::bfgs::METHOD,
    smooth::nonlinear_cg::METHOD,
    black_box::brent::METHOD,
    black_box::nelder_mead::METHOD,
    black_box::particle_swarm::METHOD,
    black_box::simulated_annealing::METHOD,
    black_box::cma_es::METHOD,
    black_box::zo_rank_sgd::METHOD,
    black_box::zo_sgd::METHOD,
    black_box::cbo::METHOD,
    black_box::genetic::METHOD,
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}
