//! Problems with known solutions.

use super::METHOD;
use crate::answer::Stop;
use crate::solve::nlp::Nlp;
use crate::solve::testing::{hock_schittkowski, residuals, run};

#[test]
fn hock_schittkowski_problems_reach_the_best_values() {
    let mut failed = Vec::new();
    for mut problem in hock_schittkowski() {
        let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &[]);
        let value = problem.nlp.objective(&outcome.x);
        let most = residuals(&mut problem.nlp, &outcome.x, outcome.multipliers.as_ref().unwrap());
        println!(
            "{:6} {:4} it  f {:.10e} best {:.10e}  {:?} {:.1e} {:.1e} {:.1e}",
            problem.name, outcome.iterations, value, problem.best, outcome.stop, most.primal, most.dual, most.complementarity
        );
        if outcome.stop != Stop::Converged || (value - problem.best).abs() > 1e-6 * problem.best.abs().max(1.0) {
            failed.push(problem.name);
        }
    }
    assert!(failed.len() <= 2, "{failed:?}");
}

#[test]
fn scratch() {
    let name = std::env::var("PROBLEM").unwrap_or_default();
    for mut problem in hock_schittkowski().into_iter().filter(|p| p.name == name) {
        let outcome = run(&METHOD, &mut problem.nlp, &problem.start, None, &[]);
        for l in &outcome.log {
            println!(
                "{:4} f {:14.8e} pr {:.2e} du {:.2e} mu {:.1e} a {:.2e} reg {:.1e} tr {}",
                l.iteration, l.objective, l.primal, l.dual, l.barrier, l.step, l.regularisation, l.trials
            );
        }
        println!("{:?} {:?}", outcome.stop, outcome.x);
    }
}
