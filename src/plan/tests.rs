//! Plans of models given as text, carried out: method, values, multipliers in the signs of the statement.

use super::{Plan, Request, execute, plan};
use crate::answer::{LogLine, Outcome};
use crate::diag::Sources;
use crate::host::Disk;
use crate::problem::Problem;
use crate::solve::asked::Nobody;
use crate::solve::monitor::Monitor;
use std::ops::ControlFlow;

/// A model with its texts.
pub struct Model {
    pub problem: Problem,
    pub sources: Sources,
}

/// Elaborates a model that must be right.
pub fn model(path: &str, text: &str) -> Model {
    let mut sources = Sources::default();
    let source = sources.add(path, text);
    let (file, mut diagnostics) = crate::syntax::parse(source, text);
    let inputs = crate::sema::Inputs { path: path.to_string(), ..Default::default() };
    let (problem, more) = crate::sema::elaborate(&file, &mut sources, &Disk::new(), &inputs);
    diagnostics.extend(more);
    let said = crate::diag::render(&diagnostics, &sources, false);
    Model { problem: problem.unwrap_or_else(|| panic!("{said}")), sources }
}

pub fn text(text: &str) -> Model {
    model("model.opt", text)
}

fn example(name: &str) -> Model {
    let path = format!("{}/examples/{name}.opt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the example exists");
    model(&path, &text)
}

impl Model {
    pub fn plan(&self) -> Plan {
        self.asking("").unwrap_or_else(|said| panic!("{said}"))
    }

    /// The plan for a method, `""` for the planner's own choice.
    fn asking(&self, method: &str) -> Result<Plan, String> {
        let method = (!method.is_empty()).then(|| (method.to_string(), crate::diag::Span::default()));
        let request = Request::new(method, vec![], 0);
        plan(&self.problem, &request)
            .map_err(|said| said.iter().map(|d| format!("{}: {}\n", d.id, d.message)).collect())
    }

    pub fn solved(&self, plan: &Plan) -> Outcome {
        self.solved_from(plan, None)
    }

    fn solved_from(&self, plan: &Plan, warm: Option<&super::Warm>) -> Outcome {
        let mut progress = |_: &LogLine| ControlFlow::Continue(());
        let mut monitor = Monitor::new(&|| 0.0, &|| false, &mut progress);
        execute(&self.problem, plan, warm, &self.sources, &mut Nobody, &mut monitor)
    }

    fn objective(&self, x: &[f64]) -> f64 {
        crate::ad::Evaluator::new(&self.problem).objective(x)
    }
}

/// Solves with a method (`""`: the planner's choice) and checks variables, objective and multipliers of rows.
fn check(text: &str, method: &str, x: &[f64], objective: f64, rows: &[f64]) -> (Model, Plan, Outcome) {
    let model = self::text(text);
    let plan = model.asking(method).unwrap_or_else(|said| panic!("{said}"));
    let outcome = model.solved(&plan);
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
    assert!(
        outcome.x.len() == x.len() && outcome.x.iter().zip(x).all(|(a, b)| close(*a, *b)),
        "{text}\n{}: {:?}, {:?}",
        plan.method,
        outcome.x,
        outcome.stop
    );
    assert!(close(model.objective(&outcome.x), objective), "{text}: {}", model.objective(&outcome.x));
    if let Some(multipliers) = &outcome.multipliers {
        let y = &multipliers.rows;
        assert!(y.len() == rows.len() && y.iter().zip(rows).all(|(a, b)| (a - b).abs() <= 1e-5), "{text}: duals {y:?}");
    }
    (model, plan, outcome)
}

#[test]
fn examples_are_planned_or_refused_in_words() {
    let rows = [
        ("hs071", "smooth nonlinear program", "interior_point"),
        ("disk", "smooth nonlinear program", "interior_point"),
        ("transport", "linear program", "interior_point"),
        ("portfolio", "convex quadratic program", "interior_point"),
        ("logistic", "convex smooth minimisation without constraints", "trust_region_newton"),
        ("acopf", "smooth nonlinear program", "interior_point"),
        ("obstacle", "square complementarity system", "semismooth_newton"),
    ];
    for (name, class, method) in rows {
        let model = example(name);
        let plan = model.plan();
        assert_eq!((plan.class.as_str(), plan.method), (class, method), "{name}");
        let outcome = model.solved(&plan);
        assert_eq!(outcome.stop, crate::answer::Stop::Converged, "{name}");
        assert_eq!(outcome.x.len(), model.problem.dimension as usize, "{name}");
    }
    for name in ["cournot", "pareto", "tour", "saddle"] {
        let said = example(name).asking("").expect_err(name);
        assert!(said.contains("unsupported-construct"), "{name}: {said}");
    }
}

#[test]
fn plans_say_why() {
    let model = example("hs071");
    let said = model.plan().explain(&model.sources);
    for part in [
        "class     smooth nonlinear program\n          4 variables, all within bounds; 1 equation, 1 inequality; to be minimised\n",
        "because of a product of two expressions in the variables (line 4)\n",
        "method    interior_point\n          it has rows; Newton steps with exact second derivatives converge fast\n",
        "options   tol = 1e-8\n",
        "lbfgs: row `volume` is a constraint (line 6)\n",
        "brent: row `volume` is a constraint (line 6)\n",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    let view = serde_json::to_value(model.plan().view(&model.sources)).expect("a plan is a plain value");
    assert_eq!(view["method"], "interior_point");
    assert_eq!(view["rewrites"], serde_json::json!([]));
}

#[test]
fn kinks_become_rows_and_multipliers_carry_over() {
    // Row and objective kinks, minimised and maximised, nested, through a `let` and a sum.
    let rows: &[(&str, &[f64], f64, &[f64])] = &[
        ("var x\nminimize max(x^2, (x-2)^2)", &[1.0], 1.0, &[]),
        ("var x\nmaximize min(x, 4 - x)", &[2.0], 2.0, &[]),
        ("var x\nminimize x^2\nsubject to near: abs(x - 3) <= 1", &[2.0], 4.0, &[-4.0]),
        ("var x\nmaximize x\nsubject to near: 2 >= abs(x - 3)", &[5.0], 5.0, &[1.0]),
        ("var x\nmaximize x\nsubject to low: min(3 - x, 8 - 2*x) >= 1", &[2.0], 2.0, &[-1.0]),
        ("var x\nvar y\nminimize abs(x - 1) + 2*abs(y + x) + x^2/4", &[1.0, -1.0], 0.25, &[]),
        ("var x\nminimize max(abs(x - 1), 3 - x)", &[2.0], 1.0, &[]),
        ("param a[1..3] = [1, 4, 5]\nvar m\nminimize sum(i in 1..3: abs(m - a[i]))", &[4.0], 4.0, &[]),
        ("var x\nlet far = abs(x)\nminimize 2*far + (x - 3)^2", &[2.0], 5.0, &[]),
    ];
    for (text, x, objective, duals) in rows {
        let (_, plan, _) = check(text, "", x, *objective, duals);
        assert_eq!(plan.method, "interior_point", "{text}");
        assert_eq!(plan.rewrites[0].name, "epigraph", "{text}");
    }
}

#[test]
fn sums_of_norms_end_on_their_kinks() {
    let weber = "param a[1..4] = [0, 4, 0, 1]\nparam b[1..4] = [0, 0, 3, 1]\nparam w[1..4] = [1, 1, 1, 3]\nvar x[1..2]\n\
                 minimize sum(k in 1..4: w[k] * norm([x[1] - a[k], x[2] - b[k]]))";
    let at_anchor = 2f64.sqrt() + 10f64.sqrt() + 5f64.sqrt();
    // Of the first group a fifth is taken off, of the second all.
    let groups = "var x[1..4]\nlet a = [3, 4, 0.3, -0.4]\nminimize sumsq(x - a) / 2 + norm(x[1..2]) + norm(x[3..4])";
    let rows: &[(&str, &[f64], f64)] = &[
        ("var x[1..3]\nminimize norm(x - [1, 2, 3])", &[1.0, 2.0, 3.0], 0.0),
        ("var x\nvar y\nmaximize 3 - sqrt((x - 1)^2 + 4 * y^2)", &[1.0, 0.0], 3.0),
        (weber, &[1.0, 1.0], at_anchor),
        (groups, &[2.4, 3.2, 0.0, 0.0], 4.625),
        // Beside kinks of other kinds.
        ("var x\nvar y\nminimize norm([x, y - 1]) + 2 * abs(x + y - 1) + x / 2", &[0.0, 1.0], 0.0),
    ];
    for (text, x, objective) in rows {
        let (model, plan, outcome) = check(text, "", x, *objective, &[]);
        assert_eq!(plan.method, "interior_point", "{text}");
        assert!(plan.rewrites.iter().any(|rewrite| rewrite.name == "norms"), "{text}");
        let certificate = crate::certify::judge(&model.problem, &outcome, &Default::default());
        let status = crate::answer::status::status(&outcome.stop, &certificate);
        assert_eq!(status, crate::answer::status::Status::Solved, "{text}: {certificate:?}");
    }
    // A norm that does not vanish, and one that must not be small, stay as they are.
    for text in ["var x in [1, 2]\nvar y\nminimize sqrt(x^2 + y^2)", "var x\nvar y\nminimize x^2 + y^2 - norm([x, y])"]
    {
        let plan = self::text(text).asking("").unwrap();
        assert_eq!(plan.rewrites.iter().filter(|rewrite| rewrite.name == "norms").count(), 0, "{text}");
    }
}

#[test]
fn other_kinks_become_complementary_pairs() {
    let (_, plan, outcome) = check("var x in [-3, 2]\nminimize -abs(x) + x/10", "", &[-3.0], -3.3, &[]);
    assert_eq!(plan.method, "complementarity_branching");
    assert!(matches!(outcome.stop, crate::answer::Stop::Branched(_)));
    assert_eq!(plan.rewrites[0].name, "kink_pairs");
    let text = "var x\nvar y\nminimize x^2 + y^2 - abs(x - 1)/2";
    check(text, "", &[-0.25, 0.0], -0.5625, &[]);
    // Two kinds of kinks: the one that can keeps to the epigraph form.
    let (_, plan, _) = check("var x\nminimize max(x, -2*x) + 1\nsubject to abs(x) == 1", "", &[1.0], 2.0, &[1.0]);
    let pairs = plan.problem.complementarities().count();
    assert_eq!((plan.problem.constraints.len(), pairs), (5, 1));
    // In a condition a kink only decides between cases, and may stay.
    let (_, plan, _) = check("var x start 3\nminimize (if abs(x) > 2 then x else 2*x - 1)^2", "", &[0.5], 0.0, &[]);
    assert!(plan.rewrites.iter().all(|rewrite| rewrite.name != "kink_pairs"), "{:?}", plan.rewrites);
}

#[test]
fn jumps_that_must_stay_are_compared_by_values() {
    let (_, plan, outcome) = check("var x in [-3, 2]\nminimize floor(x) + x^2/100", "", &[-3.0], -2.91, &[]);
    assert_eq!((plan.method, outcome.stop), ("brent", crate::answer::Stop::Finished));
    let said = self::text("var x\nvar y\nminimize x\nsubject to floor(x - y) == 1").asking("").unwrap_err();
    assert!(said.contains("no-method: no method accepts this problem: `floor` jumps"), "{said}");
    // Bounds decide which branch holds: no kink is left.
    let (_, plan, _) = check("var x in [1, 5]\nminimize abs(x)", "", &[1.0], 1.0, &[]);
    assert_eq!(plan.rewrites, []);
}

#[test]
fn sums_of_squares_go_to_levenberg_marquardt() {
    let rows: &[(&str, &[f64], f64)] = &[
        ("var x start -1.2\nvar y start 1\nminimize (1 - x)^2 + 100*(y - x^2)^2", &[1.0, 1.0], 0.0),
        ("param a[1..3] = [1, 2, 6]\nvar m\nminimize mean(i in 1..3: (m - a[i])^2)", &[3.0], 14.0 / 3.0),
        ("param w[1..2] = [3, 1]\nvar m\nminimize sum(i in 1..2: w[i]*(m - i)^2) / 4 + 7", &[1.25], 7.1875),
    ];
    for (text, x, objective) in rows {
        let (_, plan, _) = check(text, "", x, *objective, &[]);
        assert_eq!(plan.method, "levenberg_marquardt", "{text}");
        assert_eq!(plan.rewrites[0].name, "residual rows", "{text}");
    }
    // m = 2/3 by hand: (m-1) + (m-3) + 4m = 0.
    let m: f64 = 2.0 / 3.0;
    let value = ((m - 1.0).powi(2) + (m - 3.0).powi(2)) / 2.0 + 2.0 * m * m;
    let text = "param a[1..2] = [1, 3]\nvar m\nlet r[i in 1..2] = m - a[i]\nminimize dot(r, r)/2 + 2*m^2";
    check(text, "levenberg_marquardt", &[m], value, &[]);
    for (text, why) in [
        ("var x\nminimize x^2 - 2*x", "not a square"),
        ("var x\nmaximize -x^2", "maximised"),
        ("var x >= 2\nminimize (x-1)^2", "has a bound"),
        ("var x\nvar y\nminimize (x-1)^2 + y^2\nsubject to x + y >= 2", "is a constraint"),
        ("param c = -1\nvar x\nminimize 2*(x-1)^2 + c*x^2", "negative weight"),
    ] {
        let said = self::text(text).asking("levenberg_marquardt").unwrap_err();
        assert!(said.starts_with("method-refuses") && said.contains(why), "{text}: {said}");
    }
}

#[test]
fn fixed_variables_and_free_rows_lift_back() {
    // d f / d y at y = 2 with x = (1 + 2)/2 following: f = (y - 1)^2 / 2.
    let text = "var x\nvar y in [2, 2]\nminimize (x - 1)^2 + (x - y)^2\nsubject to idle: x + y <= inf";
    for method in ["", "lbfgs", "trust_region_newton", "interior_point"] {
        let (_, plan, outcome) = check(text, method, &[1.5, 2.0], 0.5, &[0.0]);
        let m = outcome.multipliers.expect("it has multipliers");
        assert!((m.lower[1] + m.upper[1] - 1.0).abs() <= 1e-6 && m.upper[1] == 0.0, "{method}: {m:?}");
        let names: Vec<&str> = plan.rewrites.iter().map(|r| r.name).collect();
        assert!(names.contains(&"fixed variables") && names.contains(&"free rows"), "{names:?}");
    }
    // Nothing is left to choose.
    let (_, _, outcome) = check("var x in [3, 3]\nminimize x^2", "", &[3.0], 9.0, &[]);
    assert_eq!(outcome.stop, crate::answer::Stop::Converged);
    let fixed = self::text("var x in [3, 3]\nminimize x^2\nsubject to x <= 2 + 0*x");
    assert!(matches!(fixed.solved(&fixed.plan()).stop, crate::answer::Stop::Infeasible { .. }));
}

#[test]
fn maximisation_keeps_the_signs_of_the_statement() {
    let text = "var x in [0, 3]\nvar y\nmaximize 2*x - (y - 1)^2\nsubject to cap: x + y <= 3.5";
    // At x = 3 the row holds y <= 1/2: dual of the row 1 = -2(y-1), of the bound 2 - 1.
    let (_, _, outcome) = check(text, "", &[3.0, 0.5], 5.75, &[1.0]);
    let m = outcome.multipliers.expect("it has multipliers");
    assert!((m.upper[0] - 1.0).abs() <= 1e-5 && m.lower[0].abs() <= 1e-5, "{m:?}");
    let (_, _, outcome) = check("var x in [0, 3]\nmaximize 1000*x - x^2", "projected_lbfgs", &[3.0], 2991.0, &[]);
    let m = outcome.multipliers.expect("it has multipliers");
    assert!((m.upper[0] - 994.0).abs() <= 1e-4, "{m:?}");
    check("var x\nmaximize 3 - (x - 1)^2", "lbfgs", &[1.0], 3.0, &[]);
}

#[test]
fn starts_move_inside_domains() {
    let rows = [
        ("var x\nminimize x - log(x)", "`x` begins at 1, for `log`"),
        ("var x\nminimize 1/x + x\nsubject to x >= 0.1", "for `/`"),
        (
            "var x[1..3]\nminimize sum(x) + 1/sqrt(dot(x, x))\nsubject to cap: sum(x) >= -5",
            "elements of `x` begin off 0",
        ),
        ("var x\nvar y\nminimize x + y + sqrt(x - y) + x^2 + y^2", "for `sqrt`"),
    ];
    for (text, part) in rows {
        let model = self::text(text);
        let plan = model.plan();
        let said = plan.explain(&model.sources);
        assert!(plan.start.moved.len() == 1 || text.contains("var y"), "{said}");
        assert!(said.contains(part), "no {part:?} in\n{said}");
        assert!(model.objective(&plan.start.x).is_finite(), "{said}");
    }
    let model = self::text("var x in [2, 3]\nvar y <= 4 start 9\nvar z in [-5, -1]\nminimize log(x) + y^2 + z^2");
    let plan = model.plan();
    assert_eq!((plan.start.x.clone(), plan.start.moved.len()), (vec![2.0, 9.0, -1.0], 0));
    assert_eq!(plan.start.outside.len(), 1, "{:?}", plan.start.outside);
}

#[test]
fn starts_keep_to_what_rows_allow_where_functions_have_no_value() {
    let text = "var x start -1\nminimize x^2\nsubject to a: log(x) >= 1\nsubject to b: x >= 0.1";
    let model = self::text(text);
    let plan = model.plan();
    let said = plan.explain(&model.sources);
    assert!(said.contains("`x` begins at 2.728282: rows exclude -1"), "{said}");
    check(text, "", &[1f64.exp()], 2f64.exp(), &[2.0 * 2f64.exp(), 0.0]);
    // Rows that exclude nothing, or that contradict each other, leave a given start as it is.
    for text in [
        "var x start -1\nminimize x - log(x)",
        "var x start -1\nminimize x - log(x)\nsubject to x >= 2\nsubject to x^2 <= 1",
    ] {
        assert_eq!(self::text(text).plan().start.x, [-1.0], "{text}");
    }
}

#[test]
fn equations_that_determine_variables_in_turn_are_solved_before_the_method() {
    // The order is none of rows or of variables; `w` is fixed by its bounds.
    let text = "var x[1..4] start 0.5\nvar w in [2, 2]\nvar free\nminimize (free - x[4])^2\nsubject to {\n\
                  d: exp(x[4]) == x[1] + x[2] + 3\n  b: x[2]^3 + x[1] == 9\n  a: w * x[1] == 2\n\
                  c: x[3] + sin(x[2]) * x[1] == 0\n}";
    let model = self::text(text);
    let plan = model.plan();
    let expected = [1.0, 2.0, -2f64.sin(), 6f64.ln(), 2.0, 0.0];
    for (found, expected) in plan.start.x.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-14, "{:?}", plan.start.x);
    }
    let said = plan.explain(&model.sources);
    assert!(said.contains("`x[1]` and 3 other variables begin at what equations give"), "{said}");
    // Roots out of bounds, none at all, and unknowns that are tied to each other keep their starts.
    for text in [
        "var x >= 3\nvar y start 1\nminimize y\nsubject to 2 * x == 4\nsubject to y + x == 7",
        "var x start 1\nvar y start 1\nminimize y\nsubject to x^2 + 1 == 0\nsubject to y + x == 7",
        "var x start 1\nvar y start 1\nminimize y\nsubject to x * y == 4\nsubject to y + x == 7",
        "var k integer in [0, 9] start 1\nminimize k\nsubject to 2 * k == 4",
    ] {
        let model = self::text(text);
        let start = super::start::of(&model.problem).solved_in_turn(&model.problem);
        assert_eq!(start.x, super::start::of(&model.problem).x, "{text}");
        assert!(start.moved.is_empty(), "{text}");
    }
    // The errors of a long chain die away or grow; its rows are solved once each.
    let chain = "param n = 3000\nvar x[i in 1..n]\nsubject to first: x[1] == 1\n\
                 subject to link[i in 2..n]: x[i] == x[i-1] + 0.01*sin(x[i-1])";
    let mut expected = 1f64;
    for (k, found) in self::text(chain).plan().start.x.iter().enumerate() {
        expected += if k > 0 { 0.01 * expected.sin() } else { 0.0 };
        assert!((found - expected).abs() < 1e-12, "{k}: {found} for {expected}");
    }
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    let rows = [
        ("var k integer in 0..10\nminimize (k - 2.5)^2\nsubject to k^2 <= 9", "integer-refused: `k` is integer"),
        ("var b[1..3] binary\nminimize sum(b)\nsubject to sum(b) >= 1", "integer-refused: `b` is binary"),
        ("var x\nminimize x^2\nminimize (x-1)^2", "several objectives"),
        ("var x\nminimize x^2\nsolve with lbgfs", "unknown-method: there is no method `lbgfs`"),
        ("var x\nminimize x^2\nsolve with lbfgs { memoy = 3 }", "unknown-option: `lbfgs` has no option `memoy`"),
        ("var x\nminimize x^2\nsolve with lbfgs { memory = -3 }", "bad-option: option `memory` of `lbfgs` must be"),
        (
            "var x >= 0\nminimize x^2\nsolve with lbfgs",
            "method-refuses: `lbfgs` cannot serve this problem: `x` has a bound",
        ),
        ("var x\nminimize x^2\nsolve with particle_swarm", "`x` is not bounded on both sides"),
    ];
    for (text, part) in rows {
        let said = self::text(text).asking("").unwrap_err();
        assert!(said.contains(part), "{text}\n{said}");
    }
}

#[test]
fn options_are_used_or_set_aside() {
    let model = text("var x\nminimize (x-1)^4\nsolve with lbfgs { memory = 3, seed = 7 }");
    let plan = model.plan();
    assert_eq!((plan.method, plan.options.seed), ("lbfgs", 7));
    let memory = plan.settings.iter().find(|s| s.name == "memory").expect("a row");
    assert!(memory.set && memory.value == crate::solve::options::Value::Number(3.0));
    let other = model.asking("bfgs").expect("bfgs serves it");
    assert_eq!((other.method, other.unused_options.clone()), ("bfgs", vec!["memory".to_string(), "seed".to_string()]));
    let text = "var x\nminimize (x-1)^4\nsolve with nonlinear_cg { max_iter = 2 }";
    let limited = self::text(text);
    let outcome = limited.solved(&limited.plan());
    assert_eq!((outcome.stop, outcome.iterations), (crate::answer::Stop::IterationLimit, 2));
}

#[test]
fn trouble_is_named_with_its_line() {
    let rows = [
        (
            "var x start -0.3\nminimize x^2\n  + log(x)",
            "log of -0.3 is not a number: log needs a positive argument, in `objective` (line",
        ),
        ("var x start 0\nminimize x^2 + sqrt(x)", "in a derivative"),
    ];
    for (text, part) in rows {
        let model = self::text(text);
        let plan = model.asking("lbfgs").expect("a plan");
        match model.solved(&plan).stop {
            crate::answer::Stop::NotFinite(said) => assert!(said.contains(part), "{said}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let crossed = text("param a = 3\nvar x in [a, 2]\nminimize x^2");
    assert!(matches!(crossed.solved(&crossed.plan()).stop, crate::answer::Stop::Infeasible { .. }));
}

#[test]
fn systems_and_feasibility_problems_need_no_objective() {
    let (_, plan, _) = check(
        "var x start 1\nvar y start 1\nsubject to {\n x^2 + y^2 == 5\n x*y == 2\n x >= y\n}",
        "",
        &[2.0, 1.0],
        0.0,
        &[0.0; 3],
    );
    assert_eq!(plan.class, "feasibility problem");
    let square = text("var x start 1\nsubject to x^3 == 8");
    let plan = square.plan();
    assert_eq!(plan.class, "square system of equations");
    assert!((square.solved(&plan).x[0] - 2.0).abs() <= 1e-8);
}

#[test]
fn warm_starts_begin_at_the_answer() {
    let model = example("hs071");
    let plan = model.plan();
    let cold = model.solved(&plan);
    let warm = super::Warm { x: cold.x.clone(), multipliers: cold.multipliers.clone(), added: vec![] };
    let again = model.solved_from(&plan, Some(&warm));
    assert!(again.iterations < cold.iterations, "{} then {}", cold.iterations, again.iterations);
    assert!((model.objective(&again.x) - model.objective(&cold.x)).abs() <= 1e-7);
}

/// Scales of variables, of filtered rows, of rows that are arrays, and of the objective.
#[test]
fn scales_reach_the_method() {
    let model = text(
        "param size[i in 1..3] = 10^i
         var x[i in 1..3] in [0, 1e4] start 1 scale size[i]
         var y start 1
         minimize cost: sum(i in 1..3: (x[i] / size[i] - i)^2) + (y - 1)^2 scale 5
         subject to some[i in 1..3 where i > 1]: x[i] + y <= 1e5 scale 2 * i
         subject to all: x <= 1e5 scale 7
         subject to plain: y <= 9",
    );
    let numbers = crate::problem::values::Numbers::of(&model.problem);
    let scales = crate::problem::values::Scales::of(&model.problem, &numbers).expect("it states some");
    assert_eq!(scales.variables, [Some(10.0), Some(100.0), Some(1000.0), None]);
    assert_eq!(scales.rows, [Some(4.0), Some(6.0), Some(7.0), Some(7.0), Some(7.0), None]);
    assert_eq!(scales.objective, Some(5.0));
    let outcome = model.solved(&model.plan());
    assert_eq!(outcome.stop, crate::answer::Stop::Converged);
    for (x, best) in outcome.x.iter().zip([10.0, 200.0, 3000.0, 1.0]) {
        assert!((x - best).abs() <= 1e-6 * best, "{:?}", outcome.x);
    }
}
