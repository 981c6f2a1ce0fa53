//! Experiments of published black-box methods, at sizes that fit a test; `docs/seeds.md` says what came out at full size.

use merit::Answer;
use merit::ad::Evaluator;
use merit::session::compare::{Comparison, Request, compare};
use merit::session::{Model, Options, Prepared};
use merit::solve::options::Value;
use merit::solve::parts::random::Random;
use std::ops::ControlFlow;

fn number(value: f64) -> Value {
    Value::Number(value)
}

fn choice(value: &str) -> Value {
    Value::Text(value.to_string())
}

fn options(method: &str, seed: u64, set: &[(&str, Value)]) -> Options {
    let options = set.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Options { method: Some(method.to_string()), seed, options, starts: Some(1), ..Options::default() }
}

fn built(file: &str, params: &[(&str, f64)]) -> Prepared {
    let mut model = Model::from_file(&format!("examples/seeds/{file}.opt")).unwrap_or_else(|e| panic!("{e}"));
    for (name, value) in params {
        model = model.with_param(name, *value);
    }
    model.build().unwrap_or_else(|e| panic!("{e}"))
}

fn solved(file: &str, params: &[(&str, f64)], options: &Options) -> Answer {
    let mut prepared = built(file, params);
    let plan = prepared.plan(options).unwrap_or_else(|e| panic!("{e}"));
    prepared.solve(&plan, options, |_| ControlFlow::Continue(())).unwrap_or_else(|e| panic!("{e}"))
}

/// What the first `show` of the model says: of a ranked objective nothing else does.
fn shown(answer: &Answer) -> f64 {
    answer.shows[0].values[0]
}

#[test]
fn rankings_alone_keep_up_with_values_at_equal_candidates() {
    // In 20 variables with a fifth of the candidates; the steps of the method for values are the best of a scan.
    for (file, eta) in [("quadratic_values", 0.003), ("rosenbrock_values", 7e-4)] {
        let set = [("budget", 9000.0), ("rounds", 1e6), ("zo_sgd.directions", 14.0), ("zo_sgd.eta", eta)];
        let mut options: Vec<(String, Value)> = set.iter().map(|(n, v)| (n.to_string(), number(*v))).collect();
        options.push(("zo_sgd.estimator".into(), choice("one_sided")));
        let request = Request {
            methods: vec!["zo_rank_sgd".into(), "zo_sgd".into()],
            seeds: (0..3).collect(),
            options: Options { options, starts: Some(1), ..Options::default() },
        };
        let mut prepared = built(&format!("31/{file}"), &[("d", 20.0)]);
        let compared: Comparison = compare(&mut prepared, &request, |_, _| ControlFlow::Continue(())).unwrap();
        let said = compared.text();
        println!("{file}\n{said}");
        let medians: Vec<f64> = compared.summaries().iter().map(|s| s.objective.unwrap().median).collect();
        assert!(medians[0] <= medians[1], "{file}\n{said}");
        assert!(compared.runs.iter().all(|run| run.candidates <= 9001), "{file}\n{said}");
    }
}

#[test]
fn steps_from_rankings_do_not_stall_where_fixed_ones_do() {
    let reached = |steps: &str, eta: f64, k: f64| {
        let set = [("steps", choice(steps)), ("eta", number(eta)), ("k", number(k)), ("rounds", number(800.0))];
        let reached = shown(&solved("31/quadratic", &[("d", 20.0)], &options("zo_rank_sgd", 0, &set)));
        println!("{steps}, eta {eta}, k {k}: {reached}");
        reached
    };
    // It begins at 55. A fixed step stalls at a level that grows with it.
    let (small, large) = (reached("fixed", 0.03, 0.0), reached("fixed", 0.3, 0.0));
    assert!(small < 0.1 * large);
    for eta in [0.01, 0.1, 0.3] {
        assert!(reached("compared", eta, 0.0) < 0.1 * small, "{eta}");
        assert!(reached("line_search", eta, 0.0) < 0.1 * small, "{eta}");
    }
    // More of the ranking tells more.
    let by_k = [1.0, 3.0, 15.0].map(|k| reached("fixed", 0.03, k));
    assert!(by_k.is_sorted_by(|a, b| a > b), "{by_k:?}");
}

#[test]
fn a_valley_is_followed_from_rankings() {
    // A twentieth of the start, 9, in 2000 rounds.
    for seed in 0..2 {
        let reached =
            shown(&solved("31/rosenbrock", &[], &options("zo_rank_sgd", seed, &[("rounds", number(2000.0))])));
        println!("seed {seed}: {reached}");
        assert!(reached <= 9.0 / 20.0);
    }
}

/// How often an experiment is repeated: `usual` times, or as often as `MERIT_SEED_RUNS` says.
fn runs(usual: u64) -> u64 {
    std::env::var("MERIT_SEED_RUNS").map_or(usual, |runs| runs.parse().expect("a number of runs"))
}

/// The canyon for those who use slopes.
fn canyon() -> Evaluator {
    Evaluator::new(&built("34/canyon", &[]).problem)
}

#[test]
fn a_consensus_passes_the_canyon_where_slopes_are_caught() {
    for (variant, sigma, share) in [("isotropic", 1.6, 0.95), ("hopping", 0.7, 0.9)] {
        let set = [("variant", choice(variant)), ("sigma", number(sigma))];
        let mut away: Vec<f64> =
            (0..runs(3)).map(|seed| shown(&solved("34/canyon", &[], &options("cbo", seed, &set)))).collect();
        away.sort_by(f64::total_cmp);
        println!("{variant}: {} runs, distances to the origin {} .. {}", away.len(), away[0], away[away.len() - 1]);
        let passed = away.iter().filter(|distance| **distance < 0.5).count();
        assert!(passed as f64 >= share * away.len() as f64, "{variant}: {away:?}");
    }
    // Gradient descent: 10^4 steps of 1e-3.
    let mut slopes = canyon();
    let (mut x, mut gradient) = (vec![8.0, 8.0], vec![0.0; 2]);
    for _ in 0..10_000 {
        slopes.gradient(&x, &mut gradient);
        x.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= 1e-3 * g);
    }
    println!("gradient descent: {x:?}, {}", slopes.objective(&x));
    assert!((x[0] - 2.34).abs() < 0.01 && (x[1] - 2.47).abs() < 0.01, "{x:?}");
    assert!((slopes.objective(&x) - 3.86).abs() < 0.01);
}

/// `x ← x - h ∇E + √(2h T) ξ` with `h = 1e-3` and the temperature `T = 10 / log(k + 1)`, or half of it.
#[test]
fn annealed_langevin_steps_pass_the_canyon_less_often() {
    let mut slopes = canyon();
    let count = runs(8);
    for temperature in [10.0, 5.0] {
        let mut passed = 0;
        for seed in 0..count {
            let mut random = Random::new(seed);
            let (mut x, mut gradient) = (vec![8.0, 8.0], vec![0.0; 2]);
            for k in 1..=10_000 {
                slopes.gradient(&x, &mut gradient);
                let noise = (2e-3 * temperature / f64::from(k + 1).ln()).sqrt();
                x.iter_mut().zip(&gradient).for_each(|(x, g)| *x += noise * random.normal() - 1e-3 * g);
            }
            passed += u64::from(x[0].hypot(x[1]) < 0.5);
        }
        println!("Langevin from temperature {temperature}: {passed} of {count}");
        assert!((passed as f64) < 0.9 * count as f64);
    }
}

#[test]
fn noise_by_coordinate_finds_the_cell_of_rastrigins_function() {
    let count = runs(2);
    let found = (0..count).filter(|&seed| {
        let away = shown(&solved("34/rastrigin", &[], &options("cbo", seed, &[("steps", number(1000.0))])));
        println!("Rastrigin, seed {seed}: largest coordinate {away}");
        away < 0.5
    });
    assert!(found.count() as f64 >= 0.8 * count as f64);
}

#[test]
fn novelty_finds_what_fitness_leads_away_from() {
    for seed in 0..3 {
        let found = solved("33/detour", &[], &options("genetic", seed, &[]));
        let caught = solved("33/detour", &[], &options("genetic", seed, &[("behaviour", choice(""))]));
        println!("seed {seed}: {:?} by novelty, {:?} by fitness", found.objective(), caught.objective());
        assert!(found.objective().unwrap() > 9.0 && caught.objective().unwrap() <= 0.0);
    }
    // A `let` that is short is known by its name as well.
    let short = "var x[1..2] in [-10, 10] start -8\nlet place[i in 1..2] = x[i]\nmaximize -norm(x)";
    let named = options("genetic", 0, &[("behaviour", choice("place")), ("generations", number(3.0))]);
    let mut problem =
        Model::from_str(short).unwrap_or_else(|e| panic!("{e}")).build().unwrap_or_else(|e| panic!("{e}"));
    problem.plan(&named).unwrap_or_else(|e| panic!("{e}"));
    // What a behaviour is must be there, and must be numbers.
    let text = "var x[1..2] start 1\noracle f(y[1..2]) ranks by -dot(y, y)\nlet place[i in 1..2] = x[i]\nlet taste = f(x)\nmaximize f(x)\n";
    for (name, why) in [("plaice", "which is no `let`"), ("taste", "reads ranks of `f`"), ("place", "")] {
        let mut prepared =
            Model::from_str(&format!("{text}solve with genetic {{ behaviour = {name}, generations = 5 }}"))
                .unwrap()
                .build()
                .unwrap_or_else(|e| panic!("{e}"));
        match prepared.plan(&Options::default()) {
            Ok(plan) => {
                assert_eq!(why, "");
                let answer = prepared.solve(&plan, &Options::default(), |_| ControlFlow::Continue(())).unwrap();
                assert_eq!(answer.exit_code(), 0, "{:?}", answer.stop);
            }
            Err(error) => assert!(!why.is_empty() && error.to_string().contains(why), "{name}: {error}"),
        }
    }
}

/// Each restart asks about twice as many candidates: of a function with many local optima it finds more than one run.
#[test]
fn restarts_of_cma_es_find_what_one_run_misses() {
    let text = "var x[1..5] in [-5, 5] start 3\nminimize sum(i in 1..5: x[i]^2 + 10 * (1 - cos(2 * pi * x[i])))";
    let reached = |restarts: f64, seed: u64| {
        let mut prepared = Model::from_str(text).unwrap().build().unwrap();
        let set = [("restarts", number(restarts)), ("sigma", number(0.1)), ("tol", number(1e-8))];
        let options = options("cma_es", seed, &set);
        let plan = prepared.plan(&options).unwrap();
        let answer = prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
        (answer.objective().unwrap(), answer.counts.evaluations.objective)
    };
    for seed in 0..3 {
        let (once, few) = reached(0.0, seed);
        let (often, many) = reached(5.0, seed);
        println!("seed {seed}: {once} after {few} evaluations, {often} after {many}");
        assert!(once > 0.5 && often < 1e-6 && many > few, "seed {seed}: {once} and {often}");
    }
}

/// The ellipsoid with condition 10^6, separable and turned; `bench/cma_es` compares with another implementation.
#[test]
fn cma_es_takes_an_ellipsoid_as_it_is_turned() {
    // Reflected at a vector in no plane of the axes.
    let turned = "let y[i in 1..n] = x[i] - 2 * i * sum(j in 1..n: j * x[j]) / sum(j in 1..n: j^2)";
    for (name, rotation) in [("separable", "let y[i in 1..n] = x[i]"), ("turned", turned)] {
        let text = format!(
            "param n = 10\nvar x[1..n] start 1\n{rotation}\nminimize sum(i in 1..n: 10^(6 * (i - 1) / (n - 1)) * y[i]^2)"
        );
        let mut prepared = Model::from_str(&text).unwrap().build().unwrap();
        let options = options("cma_es", 1, &[("sigma", number(0.5)), ("target", number(1e-8))]);
        let plan = prepared.plan(&options).unwrap();
        let answer = prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
        let (value, count) = (answer.objective().unwrap(), answer.counts.evaluations.objective);
        println!("{name}: {value} after {count} evaluations");
        assert!(value <= 1e-8 && count < 8000, "{name}: {value} after {count}");
    }
}

/// Bounds that cut the optimum off, and integers: the best that both allow, by each method that compares.
#[test]
fn bounds_and_integers_are_kept_by_every_black_box() {
    let text = "var x in [1, 3] start 2\nvar k integer in -4..4 start 0\nvar b binary start 0
        minimize (x + 1)^2 + (k - 2.4)^2 + (b - 0.7)^2";
    let methods = ["cma_es", "zo_rank_sgd", "zo_sgd", "cbo", "genetic", "particle_swarm", "simulated_annealing"];
    for method in methods {
        let mut prepared = Model::from_str(text).unwrap().build().unwrap();
        let options = options(method, 0, &[]);
        let plan = prepared.plan(&options).unwrap_or_else(|e| panic!("{method}: {e}"));
        let answer = prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap();
        let x = &answer.x;
        println!("{method}: {x:?}");
        assert!((x[0] - 1.0).abs() < 1e-3 && x[1] == 2.0 && x[2] == 1.0, "{method}: {x:?}");
    }
}
