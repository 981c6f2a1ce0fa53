//! Networks that are found by generations of mutants, beside an evolution strategy and random networks.
//!
//! Without a variable these are small runs. The experiments at full size, one at a time, with all seeds or some:
//!
//! ```text
//! MERIT_SEED_RUNS=0..10 cargo test --release --test neuroevolution -- --nocapture dead_end
//! MERIT_SEED_RUNS=0..10 cargo test --release --test neuroevolution -- --nocapture without_walls
//! MERIT_SEED_RUNS=0..10 cargo test --release --test neuroevolution -- --nocapture a_pole
//! MERIT_SEED_RUNS=0..10 cargo test --release --test neuroevolution -- --nocapture an_elite
//! ```
//!
//! `docs/seeds.md` says what came out.

#[path = "neuroevolution/maze.rs"]
mod maze;
#[path = "neuroevolution/network.rs"]
mod network;
#[path = "neuroevolution/pole.rs"]
mod pole;

use merit::Answer;
use merit::session::{Model, Options};
use merit::solve::options::Value;
use std::ops::{ControlFlow, Range};

/// Episodes of a full run are those of so many generations of so many networks.
const GENERATIONS: f64 = 300.0;
const POPULATION: f64 = 200.0;

/// The seeds of a full run, or none for a small one.
fn seeds() -> Option<Range<u64>> {
    let text = std::env::var("MERIT_SEED_RUNS").ok()?;
    let (first, end) = text.split_once("..").unwrap_or(("0", &text));
    let number = |text: &str| text.parse::<u64>().expect("a range of seeds");
    Some(number(first)..number(end))
}

fn number(value: f64) -> Value {
    Value::Number(value)
}

/// What a method is told.
type Set = Vec<(&'static str, Value)>;

/// What it is called, its method, and the options of that.
struct Rival {
    name: &'static str,
    method: &'static str,
    set: Set,
}

/// Parents by fitness, with the mutations of the model.
fn by_fitness(generations: f64, population: f64) -> Rival {
    let nothing = Value::Text(String::new());
    let set = vec![("generations", number(generations)), ("population", number(population)), ("behaviour", nothing)];
    Rival { name: "fitness", method: "genetic", set }
}

/// The same number of networks of one generation.
fn at_random(generations: f64, population: f64) -> Rival {
    Rival { name: "random networks", ..by_fitness(1.0, generations * population) }
}

/// Rounds of the evolution strategy ask about as many candidates as generations; one in ten compares iterates.
fn by_strategy(generations: f64, population: f64, mu: f64, eta: f64) -> Rival {
    let set = vec![
        ("m", number(population)),
        ("rounds", number(generations)),
        ("budget", number(generations * population)),
        ("mu", number(mu)),
        ("eta", number(eta)),
    ];
    Rival { name: "ranked evolution strategy", method: "zo_rank_sgd", set }
}

/// Solves a model of `examples/seeds/33/` whose oracle is a closure.
fn solve(
    file: &str,
    oracle: &str,
    rival: &Rival,
    seed: u64,
    answers: impl FnMut(&[Vec<f64>]) -> Result<Vec<f64>, String> + 'static,
) -> Answer {
    let model = Model::from_file(&format!("examples/seeds/33/{file}")).unwrap_or_else(|e| panic!("{e}"));
    let mut problem = model.build().unwrap_or_else(|e| panic!("{e}"));
    problem.set_oracle(oracle, answers).unwrap_or_else(|e| panic!("{e}"));
    let options = rival.set.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    let method = Some(rival.method.to_string());
    let options = Options { method, seed, options, starts: Some(1), ..Options::default() };
    let plan = problem.plan(&options).unwrap_or_else(|e| panic!("{e}"));
    problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap_or_else(|e| panic!("{e}"))
}
