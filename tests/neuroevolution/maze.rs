//! Novelty: a network that steers through a maze with dead ends before the goal.

use super::network::outputs;
use super::{GENERATIONS, POPULATION, Rival, at_random, by_fitness, by_strategy, number, seeds, solve};
use merit::Answer;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

const STEPS: usize = 400;
const SPEED: f64 = 0.1;
const START: [f64; 2] = [5.0, 1.0];
const GOAL: [f64; 2] = [5.0, 9.0];
const INPUTS: usize = 8;

/// A wall: its place across it, its begin along it, its length.
type Wall = [f64; 3];

/// Walls that stand at a place of one axis.
struct Maze {
    upright: Vec<Wall>,
    flat: Vec<Wall>,
}

const BORDER: [Wall; 2] = [[0.0, 0.0, 10.0], [10.0, 0.0, 10.0]];
/// A cup, open below, between the start and the goal, that reaches the border at the right; two bars that leave gaps by
/// turns make the way at its left a bend.
const UPRIGHT: [Wall; 2] = [[2.5, 3.0, 5.0], [7.5, 3.0, 5.0]];
const FLAT: [Wall; 3] = [[8.0, 2.5, 7.5], [5.0, 0.0, 1.5], [6.5, 1.0, 1.5]];

impl Maze {
    fn new(inner: bool) -> Maze {
        let some = |walls: &[Wall]| BORDER.iter().chain(walls.iter().filter(|_| inner)).copied().collect();
        Maze { upright: some(&UPRIGHT), flat: some(&FLAT) }
    }

    /// How far one gets from `p` along `d`, in lengths of `d`.
    fn free(&self, p: [f64; 2], d: [f64; 2]) -> f64 {
        let mut nearest = f64::INFINITY;
        for (across, along, walls) in [(0, 1, &self.upright), (1, 0, &self.flat)] {
            for [place, begin, length] in walls {
                let t = (place - p[across]) / d[across];
                let met = p[along] + t * d[along] - begin;
                if t >= 0.0 && t < nearest && (0.0..=*length).contains(&met) {
                    nearest = t;
                }
            }
        }
        nearest
    }

    /// Where the network ends: six ranges and the way to the goal in, a velocity out. Walls stop it, or let it slide.
    fn fly(&self, weights: &[f64]) -> [f64; 2] {
        let mut p = START;
        let rays: [[f64; 2]; 6] =
            std::array::from_fn(|k| (k as f64 * std::f64::consts::TAU / 6.0 + 0.3).sin_cos().into());
        for _ in 0..STEPS {
            let before = p;
            let inputs: [f64; INPUTS] = std::array::from_fn(|k| match k {
                0..6 => self.free(p, rays[k]).min(3.0) / 3.0,
                _ => (GOAL[k - 6] - p[k - 6]) / 10.0,
            });
            let velocity: [f64; 2] = outputs(weights, &inputs);
            for k in 0..2 {
                let mut d = [0.0; 2];
                d[k] = SPEED * velocity[k];
                // A hair before the wall, so that it is never on the other side.
                if d[k] != 0.0 && self.free(p, d) > 1.01 {
                    p[k] += d[k];
                }
            }
            // It remembers nothing: whoever rests once rests for good.
            if p == before {
                break;
            }
        }
        p
    }
}

/// Cells of a grid in which episodes ended, and how many there were.
type Visits = Rc<RefCell<BTreeSet<(i32, i32)>>>;

fn run(maze: Maze, rival: &Rival, seed: u64) -> (Answer, Visits, usize) {
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
    let answer = solve("maze.opt", "finish", rival, seed, answers);
    (answer, visits, episodes.get())
}

fn by_novelty(generations: f64, population: f64) -> Rival {
    let set = vec![("generations", number(generations)), ("population", number(population))];
    Rival { name: "novelty", method: "genetic", set }
}

/// From where the best network ends to the goal.
fn distance(answer: &Answer) -> f64 {
    (-answer.objective().expect("a value")).sqrt()
}

/// How many of the seeds reach the goal, for each rival.
fn compared(inner: bool, seeds: std::ops::Range<u64>) -> Vec<(&'static str, f64)> {
    let mut rivals = vec![
        by_novelty(GENERATIONS, POPULATION),
        by_fitness(GENERATIONS, POPULATION),
        by_strategy(GENERATIONS, POPULATION, 0.2, 1.0),
        at_random(GENERATIONS, POPULATION),
    ];
    rivals.iter_mut().for_each(|rival| rival.set.push(("target", number(-0.25))));
    if let Ok(only) = std::env::var("MERIT_SEED_ONLY") {
        rivals.retain(|rival| rival.name.starts_with(&only));
    }
    let mut reached = vec![];
    for rival in &rivals {
        let mut count = 0;
        for seed in seeds.clone() {
            let (answer, visits, episodes) = run(Maze::new(inner), rival, seed);
            let nearest = distance(&answer);
            println!("{}, seed {seed}: {nearest:.3}, {episodes} episodes, {} cells", rival.name, visits.borrow().len());
            count += usize::from(nearest <= 0.5);
        }
        let all = seeds.end - seeds.start;
        println!("== walls {inner}, {}: {count} of {all} reach the goal", rival.name);
        reached.push((rival.name, count as f64 / all as f64));
    }
    reached
}

#[test]
fn novelty_gets_around_a_dead_end() {
    if let Some(seeds) = seeds() {
        for (name, part) in compared(true, seeds) {
            match name {
                "novelty" => assert!(part >= 0.8, "{name}: {part}"),
                _ => assert!(part <= 0.3, "{name}: {part}"),
            }
        }
        return;
    }
    let mut cells = vec![];
    for rival in [by_novelty(15.0, 60.0), by_fitness(15.0, 60.0)] {
        let (answer, visits, episodes) = run(Maze::new(true), &rival, 0);
        println!("{}: {:?} after {episodes} episodes, {} cells", rival.name, answer.objective(), visits.borrow().len());
        cells.push(visits.borrow().len());
    }
    assert!(cells[0] > cells[1], "{cells:?}");
}

#[test]
fn without_walls_fitness_is_enough() {
    if let Some(seeds) = seeds() {
        for (name, part) in compared(false, seeds) {
            assert!(name != "fitness" || part >= 0.9, "{name}: {part}");
        }
        return;
    }
    let (answer, _, episodes) = run(Maze::new(false), &by_fitness(15.0, 60.0), 0);
    println!("fitness: {:.3} after {episodes} episodes", distance(&answer));
    assert!(distance(&answer) <= 2.0);
}
