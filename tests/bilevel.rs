//! Problems inside problems with known answers, and what is refused of them.
//!
//! Each model of `tests/bilevel/` says what is to come of it (`# expect: STATUS` or `# expect: STATUS, METHOD`) and holds its
//! known answer as `ensure`s.

mod common;

use common::{models, solve};
use merit::host::Host;
use merit::session::{Model, Options};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

#[test]
fn known_answers_are_found() {
    let mut wrong = vec![];
    for (name, text) in models("tests/bilevel") {
        let expect = text.lines().find_map(|l| l.strip_prefix("# expect: ")).expect("a model says what to expect");
        let (status, method) = expect.split_once(", ").map_or((expect, None), |(status, m)| (status, Some(m)));
        let answer = solve(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let missed: Vec<&str> = answer.ensures.iter().filter(|e| !e.holds).map(|e| e.text.as_str()).collect();
        let other = method.is_some_and(|method| method != answer.plan.method);
        if answer.status.words() != status || !missed.is_empty() || other {
            let (x, f) = (&answer.x, answer.objective());
            wrong.push(format!(
                "{name}: {} by {} at {x:?}, f = {f:?}, {missed:?}\n{:?}",
                answer.status, answer.plan.method, answer.certificate
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Neither a constant in a follower's objective nor its unit makes a point an answer that is none.
#[test]
fn units_of_followers_hide_no_wrong_answer() {
    // Of two wells and a tilt, of an exponential and a parabola, of a wave on a parabola; the best objectives by dense grids.
    type Scaled<'a> = (&'a dyn Fn(&str) -> String, &'a [&'a str], f64);
    let models: [Scaled; 3] = [
        (
            &|unit| {
                format!(
                    "var x in [0.2, 1] start 0.6\nlower f {{\n  var y in [-2, 2] start 1\n  \
                     minimize {unit} * ((y^2 - 1)^2 + 0.3 * x * y)\n}}\nminimize (x - 0.5)^2 + (f.y - 1)^2"
                )
            },
            &["1", "1e-5", "1e-7"],
            4.06815,
        ),
        (
            &|unit| {
                format!(
                    "var x in [0, 2] start 1\nlower f {{\n  var y in [0, 5]\n  var z in [0, 5]\n  \
                     minimize {unit} * (exp(y - x) - y + (z - x)^2)\n  subject to y + z <= 10\n}}\n\
                     minimize (f.y - 1)^2 + x^2 + (f.z - 1)^2"
                )
            },
            &["1", "1e-6", "1e-8", "1e-9"],
            2.0 / 3.0,
        ),
        (
            &|constant| {
                format!(
                    "var toll in [0, 10] start 5\nlower f {{\n  var y in [0, 10] start 0.5\n  \
                     minimize {constant} + sin(3 * y) + 0.05 * (y - toll)^2\n}}\n\
                     minimize (f.y - 3)^2 + 0.1 * (toll - 5)^2"
                )
            },
            &["0", "2e5", "2e6"],
            0.46620,
        ),
    ];
    for (model, units, best) in models {
        for (k, unit) in units.iter().enumerate() {
            let answer = solve(&model(unit)).unwrap_or_else(|e| panic!("{e}"));
            let right = answer.objective().is_some_and(|f| (f - best).abs() <= 1e-3 * best);
            let honest = answer.status == merit::answer::Status::Failed;
            assert!(right || (honest && k > 1), "{unit}: {} {:?}", answer.status, answer.objective());
        }
    }
}

/// A method that does not arrive leaves a follower's slopes, and its answer is none.
#[test]
fn what_comes_near_an_answer_only_is_not_certified() {
    let text = "var l in [-5, 3]\nlower fit {\n  var w[1..2]\n  \
                minimize 0.5 * ((w[1] + 2 * w[2] - 1)^2 + (3 * w[1] + w[2] - 2)^2 + (w[2] - 3)^2) + 0.5 * exp(l) * dot(w, w)\n}\n\
                minimize (fit.w[1] - 0.3)^2 + (fit.w[2] - 0.8)^2 + 0.01 * l^2\nsolve with lv_hba";
    let answer = solve(text).expect("it runs");
    assert!(!answer.certificate().holds(), "{:?}", answer.certificate());
    let exact = solve(&text.replace("lv_hba", "implicit_gradient")).expect("it runs");
    assert!(exact.certificate().holds(), "{:?}", exact.certificate());
}

#[test]
fn a_kink_that_bends_the_wrong_way_is_refused_at_its_line() {
    let text = "var x in [0, 5]\nminimize (x - 1)^2 - abs(f.y)\nlower f {\n  var y\n  minimize (y - x)^2\n}";
    let said = solve(text).expect_err("the leader would leave both branches");
    assert!(said.contains("`abs` stands where it bends the wrong way") && said.contains(":2:"), "{said}");
}

#[test]
fn answers_of_a_follower_with_a_kink_are_differentiated() {
    let text = "var lam in [0, 10] start 0.5\nminimize (fit.w - 1)^2\nlower fit {\n  var w\n  \
                minimize (w - 3)^2 / 2 + lam * abs(w)\n}\nsensitivity fit.w to lam";
    let answer = solve(text).expect("a convex follower");
    let found = &answer.sensitivities[0];
    assert!((found.entry.values[0] + 1.0).abs() <= 1e-9, "{found:?}");
}

#[test]
fn a_follower_with_pairs_is_refused_with_the_reason() {
    let text = "var x\nlower f {\n  var y >= 0\n  minimize (y - x)^2\n  subject to either: 0 <= y perp y - x >= 0\n}\nminimize f.y";
    let said = solve(text).expect_err("no conditions say what such a follower does");
    assert!(said.contains("a complementarity cannot be a row of a `lower` block: no conditions are known"), "{said}");
}

#[test]
fn a_pessimistic_follower_with_several_answers_is_refused_with_what_is_missing() {
    let refused = |text: &str| solve(text).expect_err("the worst answer is not looked for");
    let several = "var x in [0, 1]\npessimistic lower f {\n  var y in [-1, 1]\n  minimize x * y\n}\nminimize x^2 + f.y";
    let said = refused(several);
    assert!(said.contains("that it has only one answer is not shown") && said.contains("say `optimistic`"), "{said}");
    // The second of two instances has no curvature.
    let second = "param a = [1, 0]\nvar x in [0, 1]\npessimistic lower f[k in 1..2] {\n  var y in [-1, 1]\n  \
                  minimize a[k] * y^2 + x * y\n}\nminimize x^2 + sum(k in 1..2: f[k].y)";
    assert!(refused(second).contains("that it has only one answer is not shown"));
    let dual = "var x in [0, 1]\npessimistic lower f {\n  var y\n  minimize (y - 2)^2\n  \
                subject to { a: y <= 1 + x\n    b: 2 * y <= 2 + 2 * x }\n}\nminimize x^2 + f.a.dual";
    assert!(refused(dual).contains("its multipliers are read"));
    let circle = "var x in [0, 1]\npessimistic lower f {\n  var y in [-1, 1]\n  minimize (y - g.z)^2\n}\n\
                  lower g {\n  var z in [-1, 1]\n  minimize (z - f.y)^2\n}\nminimize x^2 + f.y";
    assert!(refused(circle).contains("it and others read each other"));
}

#[test]
fn inner_levels_of_which_conditions_do_not_say_the_answer_are_refused_with_the_place() {
    let model = |block: &str| {
        format!(
            "var x in [0, 1]\nlower a {{\n  var y in [0, 9]\n  {block}\n  minimize y^2 + b.z\n}}\nminimize x^2 + a.y + a.b.z"
        )
    };
    let bounded =
        "lower b {\n  var z\n  lower c {\n  var w >= 0\n  minimize (w - z - y)^2\n }\n  minimize (z - x)^2 + c.w\n }";
    let cases = [
        ("lower b {\n  var z in [-1, 1]\n  minimize z^4 - z^2 + z * y\n }", "shown to be convex"),
        (
            "lower b {\n  var z\n  minimize -z\n  subject to z^2 <= y\n }",
            "no constraint qualification is shown of its rows",
        ),
        (bounded, "holds a complementary pair"),
    ];
    for (block, reason) in cases {
        let said = solve(&model(block)).expect_err("it is refused");
        assert!(said.contains("`lower a.b` stands inside `lower a`") && said.contains(reason), "{said}");
        assert!(said.contains(":4:3"), "{said}");
    }
    let several = "pessimistic lower b {\n  var z in [-1, 1]\n  minimize y * z\n }";
    let said = solve(&model(several)).expect_err("it is refused");
    assert!(said.contains("`lower a.b` is pessimistic") && said.contains("say `optimistic`"), "{said}");
}

#[test]
fn new_numbers_reach_levels_inside_levels() {
    // z is y, at most `most`, and y is x or more; the best x is 5 and the value -most.
    let text = "param most = 1\nvar x in [0, 9]\nlower a {\n  var y\n  lower b {\n    var z in [0, most]\n    \
                minimize (z - y)^2\n  }\n  minimize (y - x)^2 - b.z\n}\nminimize (x - 5)^2 - a.b.z";
    let model = Model::from_str(text).expect("a model");
    let mut prepared = model.build().expect("a problem");
    let options = Options::default();
    let plan = prepared.plan(&options).expect("a plan");
    for most in [1.0, 3.0] {
        prepared.set_param("most", &[most]).expect("a number");
        let answer = prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("an answer");
        assert_eq!(answer.status.words(), "locally solved", "{:?}", answer.certificate);
        let value = answer.objective().expect("there is an objective");
        assert!((value + most).abs() <= 1e-5, "{value} with {most}");
    }
}

/// Random problems of three levels, quadratic with bounds at the innermost, against a grid at the outermost level and all
/// pieces at the middle one.
#[test]
fn three_levels_find_what_a_grid_finds() {
    let mut state = 11u64;
    let mut draw = |low: i64, high: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + ((state >> 33) % (high - low + 1) as u64) as i64
    };
    for _ in 0..4 {
        let [a, b, c, d, e, f] = std::array::from_fn(|_| draw(-2, 2) as f64);
        let text = format!(
            "var x in [-2, 2]\nlower m {{\n  var y in [-2, 2]\n  lower n {{\n    var z in [0, 1]\n    \
             minimize (z - ({a}) * x - y)^2\n  }}\n  minimize (y - ({b}) * x)^2 + ({c}) * n.z + ({d}) * y\n}}\n\
             minimize (x - ({e}))^2 + 2 * m.n.z + ({f}) * m.y"
        );
        let answer = solve(&text).unwrap_or_else(|e| panic!("{text}\n{e}"));
        assert_eq!(answer.status.words(), "locally solved", "{text}\n{:?}", answer.certificate);
        // The middle level's best y for x: best in each of the three pieces of z, or at their ends.
        let inner = |x: f64, y: f64| (a * x + y).clamp(0.0, 1.0);
        let middle = |x: f64, y: f64| (y - b * x).powi(2) + c * inner(x, y) + d * y;
        let outer = |x: f64, y: f64| (x - e).powi(2) + 2.0 * inner(x, y) + f * y;
        let mut best = f64::INFINITY;
        for k in 0..=4000 {
            let x = -2.0 + f64::from(k) * 1e-3;
            let stationary = [b * x - d / 2.0, b * x - (c + d) / 2.0];
            let ends = [-2.0, 2.0, -a * x, 1.0 - a * x];
            let candidates = stationary.into_iter().chain(ends).map(|y| y.clamp(-2.0, 2.0));
            let all: Vec<(f64, f64)> = candidates.map(|y| (middle(x, y), y)).collect();
            let least = all.iter().fold(f64::INFINITY, |least, (value, _)| least.min(*value));
            let answers = all.iter().filter(|(value, _)| *value <= least + 1e-12);
            best = answers.fold(best, |best, (_, y)| best.min(outer(x, *y)));
        }
        let value = answer.objective().expect("there is an objective");
        assert!(value <= best + 1e-5, "{text}\nfound {value}, on the grid {best}");
        assert!(value >= best - 2e-2, "{text}\nfound {value}, on the grid {best}: it is not the middle level's answer");
    }
}

/// Random followers with linear rows and quadratic or linear objectives against all `2^k` assignments of their pairs.
#[test]
fn branching_finds_what_all_assignments_of_pairs_have() {
    let mut state = 7u64;
    let mut draw = |low: i64, high: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + ((state >> 33) % (high - low + 1) as u64) as i64
    };
    let mut proved = 0;
    for case in 0..6 {
        let linear = case % 3 == 0;
        // The outer objective, the follower's, and a row a x + b y1 + c y2 <= d beside y >= 0.
        let (target, pull) = ([draw(-3, 3), draw(-3, 3), draw(-3, 3)], [draw(-4, 4), draw(-4, 4)]);
        let (own, cross) = ([draw(-3, 3), draw(-3, 3)], [draw(-2, 2), draw(-2, 2)]);
        let rows: Vec<[i64; 4]> = (0..1).map(|_| [draw(-2, 2), draw(-2, 2), draw(-2, 2), draw(0, 4)]).collect();
        let square = if linear { "" } else { "f.y1^2 + 0.5 * f.y2^2 + 0.5 * (f.y1 - f.y2)^2 + " };
        let inner = |text: &str| text.replace("f.", "");
        let follower =
            format!("{square}({} + {} * x) * f.y1 + ({} + {} * x) * f.y2", own[0], cross[0], own[1], cross[1]);
        // Products of what both decide are linear in the conditions.
        let outer = format!(
            "(x - ({}))^2 + (f.y1 - ({}))^2 + (f.y2 - ({}))^2 + {} * f.y1 + {} * f.y2",
            target[0], target[1], target[2], pull[0], pull[1]
        );
        let side = |[a, b, c, d]: &[i64; 4]| format!("{a} * x + {b} * f.y1 + {c} * f.y2 <= {d}");
        let mut text = String::from("var x in [-2, 2]\nlower f {\n  var y1 in [0, 3]\n  var y2 in [0, 3]\n");
        text += &format!("  minimize {}\n", inner(&follower));
        rows.iter().for_each(|row| text += &format!("  subject to {}\n", inner(&side(row))));
        text += &format!("}}\nminimize {outer}\n");
        // By all assignments: each is a problem of one level in x, y and multipliers.
        let slack = |[a, b, c, d]: &[i64; 4]| format!("{d} - ({a}) * x - ({b}) * y1 - ({c}) * y2");
        let curve = |k: usize| match (linear, k) {
            (true, _) => "0".to_string(),
            (false, 0) => "2 * y1 + (y1 - y2)".to_string(),
            (false, _) => "y2 - (y1 - y2)".to_string(),
        };
        let mut best = f64::INFINITY;
        let pairs: Vec<(String, String)> = (1..=2)
            .flat_map(|k| [(format!("y{k}"), format!("l{k}")), (format!("3 - y{k}"), format!("u{k}"))])
            .chain(rows.iter().enumerate().map(|(k, row)| (slack(row), format!("m{k}"))))
            .collect();
        for code in 0..1u32 << pairs.len() {
            let mut one = String::from("var x in [-2, 2]\nvar y1\nvar y2\n");
            pairs.iter().for_each(|(_, m)| one += &format!("var {m} >= 0\n"));
            for k in 0..2 {
                let of_rows: Vec<String> =
                    rows.iter().enumerate().map(|(r, row)| format!("({}) * m{r}", row[k + 1])).collect();
                one += &format!(
                    "subject to {} + {} + {} * x + {} - l{} + u{} == 0\n",
                    curve(k),
                    own[k],
                    cross[k],
                    of_rows.join(" + "),
                    k + 1,
                    k + 1
                );
            }
            for (k, (g, m)) in pairs.iter().enumerate() {
                let zero = code >> k & 1 == 1;
                one += &format!("subject to {g} {} 0\n", if zero { "==" } else { ">=" });
                one += if zero { "" } else { "subject to MULTIPLIER == 0\n" }.replace("MULTIPLIER", m).as_str();
            }
            one += &format!("minimize {}\n", outer.replace("f.", ""));
            // Both bounds of a variable at once, and the like, need no solve to be excluded.
            if (0..2).any(|k| code >> (2 * k) & 3 == 3) {
                continue;
            }
            let answer = solve(&one).unwrap_or_else(|e| panic!("{one}\n{e}"));
            if answer.certificate().holds() && answer.status.words() == "solved" {
                best = best.min(answer.objective().expect("there is an objective"));
            } else {
                assert_ne!(answer.status.words(), "locally solved", "{one}");
            }
        }
        let answer = solve(&text).unwrap_or_else(|e| panic!("{text}\n{e}"));
        assert_eq!(answer.plan.method, "complementarity_branching", "{text}");
        if best == f64::INFINITY {
            assert_eq!(answer.status.words(), "infeasible", "{text}\n{:?}", answer.certificate);
            continue;
        }
        let value = answer.objective().expect("there is an objective");
        assert!((value - best).abs() <= 1e-5 * best.abs().max(1.0), "{text}\nfound {value}, best {best}");
        proved += usize::from(answer.status.words() == "solved");
    }
    assert!(proved >= 5, "{proved} of 6 are proved");
}

/// Followers side by side on two threads give the same bytes as one after the other.
#[test]
fn the_number_of_threads_changes_nothing() {
    let text = std::fs::read_to_string(common::repository("bench/followers.opt")).expect("the model is there");
    let small = [("tasks", "70"), ("n", "4"), ("rows", "5")];
    let text = small.iter().fold(text, |text, (name, value)| {
        let line =
            text.lines().find(|l| l.starts_with(&format!("param {name} = "))).expect("it has the number").to_string();
        text.replace(&line, &format!("param {name} = {value}"))
    });
    let with = |threads: usize| {
        let mut prepared = Model::from_str(&text).expect("it is right").build().expect("it is built");
        let options = Options { threads: Some(threads), ..Options::default() };
        let plan = prepared.plan(&options).expect("it is planned");
        let answer = prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("it is solved");
        assert_eq!((answer.plan.method.as_str(), answer.status.words()), ("implicit_gradient", "locally solved"));
        (answer.x.iter().map(|v| v.to_bits()).collect::<Vec<u64>>(), answer.counts.evaluations)
    };
    assert_eq!(with(1), with(2));
}

/// A follower whose multipliers are not the only ones: `y >= x` twice, so that only the sum of both is known.
const TWICE: &str = "var x in [0, 4] start 1\nlower f {\n  var y\n  minimize (y - 0.5 * x)^2\n  \
                     subject to { one: y >= x dual BOUND\n two: 2 * y >= 2 * x }\n}\nminimize (x - 2)^2 + f.one.dual";

fn residual(answer: &merit::Answer, name: &str) -> Option<f64> {
    answer.certificate.residuals.iter().find(|r| r.name == name).map(|r| r.value)
}

#[test]
fn a_multiplier_at_a_bound_that_it_was_given_is_not_certified() {
    let with = |bound: &str| solve(&TWICE.replace("BOUND", bound)).unwrap_or_else(|e| panic!("{bound}: {e}"));
    // Without force on `one` the best is x = 2; the sign alone is no bound that counts.
    let free = with(">= 0 start 0.5");
    assert_eq!(residual(&free, "multipliers at bounds"), Some(0.0), "{:?}", free.certificate);
    assert!(free.certificate().holds() && (free.x[0] - 2.0).abs() < 1e-5, "{:?}", free.certificate);
    // At least 0.25: the best is at the bound, and the certificate says so.
    let held = with("in [0.25, 3]");
    assert!((held.objective().expect("it has one") - 0.25).abs() < 1e-5, "{:?}", held.x);
    assert_eq!(residual(&held, "multipliers at bounds"), Some(1.0));
    assert!(!held.certificate().holds() && held.certificate.notes.iter().any(|n| n.contains("is at a bound")));
    // Methods that take multipliers as they come refuse.
    let text = TWICE.replace("BOUND", "in [0.25, 3]") + "\nsolve with implicit_gradient";
    let said = solve(&text).expect_err("it would not keep the bound");
    assert!(said.contains("`f.one.dual` has bounds"), "{said}");
}

/// A clock that is a second later each time that it is looked at.
struct Ticking(Cell<f64>);

impl Host for Ticking {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("there are no files".to_string())
    }

    fn seconds(&self) -> f64 {
        self.0.set(self.0.get() + 1.0);
        self.0.get()
    }

    fn interrupts(&self) -> usize {
        0
    }
}

/// Each method for problems inside problems ends soon after its time is over, also within one solve of a follower.
#[test]
fn time_limits_reach_into_followers() {
    // Hundreds of small steps of the follower at least.
    let text = "var x in [0, 4] start 1\nlower f {\n  var y[1..20] start 3\n  \
                minimize sum(i in 1..19: cosh(y[i + 1] - 0.9 * y[i]) + 0.01 * (y[i] - x)^4) + y[1]^2\n}\nminimize (f.y[20] - 1)^2 + x^2";
    let mut sources = merit::diag::Sources::default();
    let source = sources.add("model.opt", text);
    let (file, said) = merit::syntax::parse(source, text);
    assert!(said.is_empty(), "{said:?}");
    for method in ["implicit_gradient", "value_penalty", "unrolled", "lv_hba", "kkt_relaxation"] {
        for threads in [1, 2] {
            let host = Rc::new(Ticking(Cell::new(0.0)));
            let inputs = merit::sema::Inputs::default();
            let model = Model::from_statements(host.clone(), sources.clone(), file.clone(), inputs);
            let mut prepared = model.build().unwrap_or_else(|e| panic!("{e}"));
            let options = Options {
                method: Some(method.to_string()),
                time_limit: Some(12.0),
                threads: Some(threads),
                ..Options::default()
            };
            let plan = prepared.plan(&options).unwrap_or_else(|e| panic!("{e}"));
            let before = host.0.get();
            let answer =
                prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(answer.status.words(), "limit", "{method}: {:?}", answer.stop);
            let looks = host.0.get() - before;
            assert!(looks < 150.0, "{method} looked at the clock {looks} times");
        }
    }
}
