//! Novelty: a network that steers through a maze with a dead end before the goal, by generations of mutants.
//!
//! `MERIT_SEED_RUNS=10 cargo test --release --test maze -- --nocapture` is the experiment at full size; without the
//! variable it is one small run. `docs/seeds.md` says what came out.

use merit::Answer;
use merit::session::{Model, Options};
use merit::solve::options::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;

const STEPS: usize = 400;
const SPEED: f64 = 0.1;
const START: [f64; 2] = [5.0, 1.0];
const GOAL: [f64; 2] = [5.0, 9.0];
const INPUTS: usize = 8;
const HIDDEN: usize = 16;

/// A wall from a point along an axis: `[x, y, length]`, upright or not.
struct Wall {
    at: [f64; 2],
    length: f64,
    upright: bool,
}

const fn wall(x: f64, y: f64, length: f64, upright: bool) -> Wall {
    Wall { at: [x, y], length, upright }
}

const BORDER: [Wall; 4] = [
    wall(0.0, 0.0, 10.0, false),
    wall(0.0, 10.0, 10.0, false),
    wall(0.0, 0.0, 10.0, true),
    wall(10.0, 0.0, 10.0, true),
];
/// A cup, open below, between the start and the goal, and a bar behind it that leaves a gap at the left.
const INNER: [Wall; 4] =
    [wall(2.5, 8.0, 7.5, false), wall(2.5, 3.0, 5.0, true), wall(7.5, 3.0, 5.0, true), wall(0.0, 5.5, 1.5, false)];

struct Maze {
    walls: Vec<&'static Wall>,
}

impl Maze {
    fn new(inner: bool) -> Maze {
        Maze { walls: BORDER.iter().chain(INNER.iter().filter(|_| inner)).collect() }
    }

    /// How far one gets from `p` along `d`, in lengths of `d`.
    fn free(&self, p: [f64; 2], d: [f64; 2]) -> f64 {
        let mut nearest = f64::INFINITY;
        for wall in &self.walls {
            // Across the wall, and along it.
            let (a, b) = if wall.upright { (0, 1) } else { (1, 0) };
            let t = (wall.at[a] - p[a]) / d[a];
            let along = p[b] + t * d[b] - wall.at[b];
            if t >= 0.0 && (0.0..=wall.length).contains(&along) {
                nearest = nearest.min(t);
            }
        }
        nearest
    }

    /// Where the network ends: six ranges and the way to the goal in, a velocity out. Walls stop it, or let it slide.
    fn fly(&self, w: &[f64]) -> [f64; 2] {
        let mut p = START;
        let rays: Vec<[f64; 2]> =
            (0..6).map(|k| (k as f64 * std::f64::consts::TAU / 6.0 + 0.3).sin_cos().into()).collect();
        for _ in 0..STEPS {
            let mut inputs = [0.0; INPUTS];
            rays.iter().enumerate().for_each(|(k, ray)| inputs[k] = self.free(p, *ray).min(3.0) / 3.0);
            (0..2).for_each(|k| inputs[6 + k] = (GOAL[k] - p[k]) / 10.0);
            let mut out = [w[w.len() - 2], w[w.len() - 1]];
            for h in 0..HIDDEN {
                let row = &w[h * (INPUTS + 3)..(h + 1) * (INPUTS + 3)];
                let sum: f64 = row[..INPUTS].iter().zip(&inputs).map(|(w, i)| w * i).sum();
                let hidden = (sum + row[INPUTS]).tanh();
                (0..2).for_each(|k| out[k] += row[INPUTS + 1 + k] * hidden);
            }
            for k in 0..2 {
                let mut d = [0.0; 2];
                d[k] = SPEED * out[k].tanh();
                // A hair before the wall, so that it is never on the other side.
                if d[k] != 0.0 && self.free(p, d) > 1.01 {
                    p[k] += d[k];
                }
            }
        }
        p
    }
}

/// Cells of a grid in which episodes ended, and how many there were.
type Visits = Rc<RefCell<BTreeSet<(i32, i32)>>>;

fn run(maze: Maze, method: &str, seed: u64, set: &[(&str, Value)]) -> (Answer, Visits, usize) {
    let model = Model::from_file("examples/seeds/33/maze.opt").unwrap_or_else(|e| panic!("{e}"));
    let mut problem = model.build().unwrap_or_else(|e| panic!("{e}"));
    let (visits, episodes) = (Visits::default(), Rc::new(Cell::new(0)));
    let (seen, flown) = (visits.clone(), episodes.clone());
    let mut last: (Vec<f64>, [f64; 2]) = (vec![], [0.0; 2]);
    let answers = move |questions: &[Vec<f64>]| {
        let coordinate = |q: &Vec<f64>| {
            let (network, k) = (&q[..q.len() - 1], q[q.len() - 1] as usize);
            if last.0 != network {
                last = (network.to_vec(), maze.fly(network));
                seen.borrow_mut().insert((last.1[0] as i32, last.1[1] as i32));
                flown.set(flown.get() + 1);
            }
            last.1[k - 1]
        };
        Ok(questions.iter().map(coordinate).collect())
    };
    problem.set_oracle("finish", answers).unwrap_or_else(|e| panic!("{e}"));
    let options = set.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    let options = Options { method: Some(method.to_string()), seed, options, starts: Some(1), ..Options::default() };
    let plan = problem.plan(&options).unwrap_or_else(|e| panic!("{e}"));
    let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).unwrap_or_else(|e| panic!("{e}"));
    (answer, visits, episodes.get())
}

fn number(value: f64) -> Value {
    Value::Number(value)
}

/// What it is called, its method, and the options of that.
type Rival = (&'static str, &'static str, Vec<(&'static str, Value)>);

/// Those who are compared; rounds of the evolution strategy ask about as many candidates as generations.
fn rivals(generations: f64, population: f64) -> Vec<Rival> {
    let genetic = [("generations", number(generations)), ("population", number(population))];
    let fitness = [&genetic[..], &[("behaviour", Value::Text(String::new()))]].concat();
    let strategy = vec![
        ("m", number(population)),
        ("rounds", number(generations)),
        ("mu", number(0.05)),
        ("eta", number(0.1)),
        ("target", number(-0.5)),
    ];
    let random = vec![
        ("generations", number(1.0)),
        ("population", number(population * generations)),
        ("behaviour", Value::Text(String::new())),
    ];
    vec![
        ("novelty", "genetic", genetic.to_vec()),
        ("fitness", "genetic", fitness),
        ("ranked evolution strategy", "zo_rank_sgd", strategy),
        ("random networks", "genetic", random),
    ]
}

#[test]
fn novelty_gets_around_the_dead_end() {
    let Ok(runs) = std::env::var("MERIT_SEED_RUNS") else {
        let mut cells = vec![];
        for (name, method, set) in rivals(15.0, 60.0).into_iter().take(2) {
            let (answer, visits, episodes) = run(Maze::new(true), method, 0, &set);
            println!("{name}: {:?} after {episodes} episodes, {} cells", answer.objective(), visits.borrow().len());
            cells.push(visits.borrow().len());
        }
        assert!(cells[0] > cells[1], "{cells:?}");
        return;
    };
    let mut by_novelty = 0;
    for inner in [true, false] {
        let seeds: u64 = runs.parse().expect("a number of runs");
        for (name, method, set) in rivals(300.0, 200.0) {
            let mut reached = vec![];
            for seed in 0..seeds {
                let (answer, visits, episodes) = run(Maze::new(inner), method, seed, &set);
                let best = answer.objective().expect("a value");
                println!("{name}, seed {seed}: {best:.3}, {episodes} episodes, {} cells", visits.borrow().len());
                reached.push(best);
            }
            let count = reached.iter().filter(|best| **best >= -0.5).count();
            println!("== walls {inner}, {name}: {count} of {seeds} reach the goal");
            if inner && name == "novelty" {
                assert!(count as f64 >= 0.8 * seeds as f64);
                by_novelty = count;
            }
            if inner && name == "fitness" {
                assert!(count < by_novelty);
            }
        }
    }
}
