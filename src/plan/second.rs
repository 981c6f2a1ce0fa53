//! How the interior point method knows second derivatives: entry by entry, unless the Hessian is dense and large.

use crate::problem::Problem;
use crate::problem::features::Fact;
use crate::problem::second::{curved_variables, hessian_exceeds};
use crate::solve::method::Method;
use crate::solve::options::{Options, Value};

/// Up to so many entries a Hessian is written down and factored, dense or not. Measured (`docs/performance.md`): with 500
/// variables products take a twentieth of the time, and where the diagonal spans three decades about the same.
const FEW: usize = 100_000;
/// Fewer variables have none of so many entries.
const LEAST: usize = 447;
/// Larger ones are factored as well while a variable has no more than so many entries: then factors stay sparse.
const EACH: usize = 200;

/// Sets `hessian` where it is left to the planner and must not be formed; says why.
pub fn decide(problem: &Problem, method: &Method, options: &mut Options) -> Option<Fact> {
    let asks = method.options.iter().any(|row| row.name == "hessian");
    if !asks || options.choice(method.options, "hessian") != "auto" || (problem.dimension as usize) < LEAST {
        return None;
    }
    let curved = curved_variables(problem).into_iter().filter(|curved| *curved).count();
    let most = FEW.max(EACH * curved);
    if !hessian_exceeds(problem, most) {
        return None;
    }
    options.set.push(("hessian".to_string(), Value::Text("products".to_string())));
    Some(Fact::new(format!(
        "the Hessian of the Lagrangian has more than {most} entries for {curved} variables, so that only products with \
         it are formed"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::text;

    const DENSE: &str = "
        param c[i in 1..n] = sin(i)
        var x[i in 1..n] in [-10, 10]
        let total = sum(i in 1..n: x[i])
        minimize cost: sum(i in 1..n: (x[i] - c[i])^2) + total^4
        subject to enough: total >= 2
    ";

    /// Sums in sums, products of sums, recurrences, repeated places, linear variables: against the engine's places.
    #[test]
    fn entries_are_those_of_the_engine() {
        for model in [
            "var x[1..7]; var y; minimize exp(sum(i in 1..5: x[i])) + y + x[6]*x[7]",
            "var x[1..9]; minimize sum(i in 1..8: (x[i+1] - x[i]^2)^2)\nsubject to c[i in 1..4]: x[i] * x[9] <= 1",
            "var u[1..12]; let z[t in 1..12] = (if t == 1 then 1 else 0.9 * sin(z[t-1])) + u[t]\nminimize z[12]^2",
            "var u[1..6]; let z[t in 1..6] = (if t == 1 then 1 else z[t-1]) + u[t]\nminimize z[6]; subject to c[t in 1..6]: z[t] >= 0",
            "var x[1..4]; let s[i in 1..3] = x[i] + x[i+1]^2\nminimize sum(i in 1..2: s[i] * s[i+1]) + x[1]",
            "var w[1..3]; param a[i in 1..9, j in 1..3] = sin(i*j)\nminimize sum(i in 1..9: log(1 + exp(sum(j in 1..3: a[i,j]*w[j]))))",
        ] {
            let problem = text(model).problem;
            let mut evaluator = crate::ad::Evaluator::new(&problem);
            let pattern = evaluator.hessian_pattern().clone();
            let entries = pattern.entries();
            assert!(!hessian_exceeds(&problem, entries), "{model}: {entries}");
            assert_eq!(hessian_exceeds(&problem, entries.saturating_sub(1)), entries > 0, "{model}: {entries}");
            let mut curved = vec![false; problem.dimension as usize];
            for r in 0..pattern.rows {
                for k in pattern.row(r) {
                    curved[r] = true;
                    curved[pattern.columns[k] as usize] = true;
                }
            }
            assert_eq!(curved_variables(&problem), curved, "{model}");
        }
    }

    #[test]
    fn dense_hessians_are_not_formed() {
        let model = text(&format!("param n = 600\n{DENSE}"));
        let plan = model.plan();
        assert_eq!(plan.method, "interior_point");
        let told = plan.explain(&model.sources);
        assert!(
            told.contains("only products with it are formed") && told.contains("hessian = \"products\"\n"),
            "{told}"
        );
        let outcome = model.solved(&plan);
        assert_eq!((outcome.evaluations.hessian, &outcome.stop), (0, &crate::answer::Stop::Converged));
        assert!(outcome.evaluations.product > 0);
        let sum = (1..=600).map(|i| f64::from(i).sin()).sum::<f64>();
        let total: f64 = outcome.x.iter().sum();
        assert!((total - 2.0).abs() <= 1e-7, "{total}");
        let dual = outcome.multipliers.expect("it has multipliers").rows[0];
        // 2 (x_i - c_i) + 4 total³ = dual, summed up.
        assert!((dual - (2.0 * (2.0 - sum) / 600.0 + 32.0)).abs() <= 1e-6, "{dual}");
    }

    #[test]
    fn others_are() {
        let small = text(&format!("param n = 300\n{DENSE}"));
        let chain = text(
            "param n = 4000\nvar x[1..n] in [-2, 2]\nminimize sum(i in 1..n-1: 100*(x[i+1] - x[i]^2)^2)\nsubject to x[1] >= 0",
        );
        for model in [small, chain] {
            assert!(model.plan().explain(&model.sources).contains("hessian = \"auto\"\n"));
        }
    }
}
