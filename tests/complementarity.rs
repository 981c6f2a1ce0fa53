//! Square complementarity systems and problems with complementary pairs, with known answers.
//!
//! Each model of `tests/complementarity/` and `tests/optimality/` (blocks of conditions: fixed points, projections, kinks
//! in equations) names its source, says what is to come of it (`# expect: STATUS, CLASS`), and
//! holds its known answer as `ensure`s.

mod common;

use common::{models, repository, solve};
use merit::answer::certificate::Stationarity;

#[test]
fn known_answers_are_found() {
    let mut wrong = vec![];
    let all = [models("tests/complementarity"), models("tests/optimality")].concat();
    assert!(all.len() >= 20);
    for (name, text) in all {
        let expect = text.lines().find_map(|l| l.strip_prefix("# expect: ")).expect("a model says what to expect");
        let (status, class) = expect.split_once(", ").map_or((expect, None), |(status, class)| (status, Some(class)));
        let answer = solve(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let class_found = answer.certificate.stationarity.map(|class| match class {
            Stationarity::Strong => "strongly",
            Stationarity::B => "B",
            _ => "less",
        });
        let missed: Vec<&str> = answer.ensures.iter().filter(|e| !e.holds).map(|e| e.text.as_str()).collect();
        if answer.status.words() != status || class_found != class || !missed.is_empty() {
            wrong.push(format!(
                "{name}: {} {class_found:?} at {:?}, f = {:?}, {missed:?}\n{:?}",
                answer.status,
                answer.x,
                answer.objective(),
                answer.certificate
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_membrane_lies_on_its_obstacle() {
    let text = std::fs::read_to_string(repository("examples/obstacle.opt")).expect("the example is there");
    let answer = solve(&text).expect("it is solved");
    assert_eq!(answer.status.words(), "solved");
    assert_eq!(answer.plan.method, "semismooth_newton");
    assert!(answer.ensures.iter().all(|e| e.holds));
}

/// `x_i = 0.97 (x_{i-1} + x_{i+1})/2 + b_i` on a ring, whose sum is that of `b` over 0.03; and a map that is no
/// contraction: `x = T(x)` has the slope -4 at its fixed point, so that plain iteration leaves it.
#[test]
fn mixing_steps_saves_iterations() {
    let ring = |memory: usize| {
        format!(
            "param n = 40; optimality ring {{ var x[1..n]\n row[i in 1..n]: x[i] == 0.485*(x[if i > 1 then i-1 else n] \
             + x[if i < n then i+1 else 1]) + sin(i) }}\nsolve with anderson {{ memory = {memory} }}\n\
             ensure abs(0.03*sum(ring.x) - sum(i in 1..n: sin(i))) <= 1e-8"
        )
    };
    let iterations = |memory: usize| {
        let text = ring(memory);
        let answer = solve(&text).expect("it is solved");
        assert_eq!((answer.plan.method.as_ref(), answer.status.words()), ("anderson", "solved"), "{text}");
        assert!(answer.ensures.iter().all(|e| e.holds));
        answer.counts.iterations
    };
    let (plain, mixed) = (iterations(0), iterations(8));
    assert!(5 * mixed < plain, "{mixed} against {plain}");
    let steep = "optimality p { var x start 1\n x == 5 - 4 * x + sin(x) / 10 }\nsolve with anderson";
    assert_eq!(solve(steep).expect("it is solved").status.words(), "solved");
    // Without a fixed point, and without the form of one.
    let none = solve("optimality p { var x start 1\n x == exp(x) }\nsolve with anderson").expect("it is tried");
    assert_eq!(none.status.words(), "failed");
    let said = solve("var x start 1; subject to x^2 == exp(-x)\nsolve with anderson").unwrap_err();
    assert!(said.contains("does not say what a variable is"), "{said}");
}
