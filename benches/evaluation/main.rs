//! Nanoseconds per instance of the engine on seven workloads: W1, a Luksan-Vlcek chain; W2, branch flows on a random
//! network; W3, a logistic sum with a dense inner product; W4, a problem of Hock and Schittkowski's size; W5, a mixture of
//! Gaussians, and W6, bundle adjustment, those two as models of the language (`bench/*.opt`); W7, a sum of squares with a
//! sparse matrix.
//!
//! `cargo bench --bench evaluation` prints a table; every figure is the smallest of many repetitions. With a workload, a
//! size and a folder (`w1 100000 target/bench/data`) it measures that workload alone, compares its values with the
//! referee, writes point, data and values to the folder for other tools, and prints one line of JSON. All with one
//! thread, or as many as `MERIT_BENCH_THREADS` says.

#[allow(dead_code, unused_imports)]
mod ad;
mod by_hand;
mod exchange;
mod models;

use merit::ad::Evaluator;
use merit::problem::Problem;
use std::time::Instant;

fn main() {
    let threads = std::env::var("MERIT_BENCH_THREADS").ok().and_then(|text| text.parse().ok());
    merit::threads::limit(Some(threads.unwrap_or(1)));
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [workload, size, folder] = &words[..] {
        let size = size.parse().expect("the size is a number");
        return exchange::compare(workload, size, std::path::Path::new(folder));
    }
    println!(
        "{:24} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "", "f", "grad", "cons", "Jac", "Hess", "Hess v", "build ms"
    );
    row("W1 n=100000", &models::chain(100_000), 100_000);
    row("W1 n=1000", &models::chain(1000), 1000);
    row("W2 n=1000", &models::branches(1000), 1000);
    row("W2 n=10000", &models::branches(10_000), 10_000);
    row("W3 569 x 30", &models::logistic(569, 30), 569);
    row("W3 20000 x 50", &models::logistic(20_000, 50), 20_000);
    row("W4, per call", &models::hock_schittkowski_100(), 1);
    row("W5 gmm, 1000 points", &models::gaussian_mixture(1000), 1000);
    row("W6 ba, 5000 observations", &models::bundle_adjustment(5000), 5000);
    row("W7 sparse, 100000 rows", &models::sparse_squares(100_000), 100_000);
    row("recurrence of 300, per step", &models::recurrence(300), 300);
    functions();
}

/// Seconds of the fastest of many runs. Short ones are timed together.
pub fn fastest(seconds: f64, mut run: impl FnMut()) -> f64 {
    let once = |run: &mut dyn FnMut(), times: usize| {
        let begin = Instant::now();
        (0..times).for_each(|_| run());
        begin.elapsed().as_secs_f64() / times as f64
    };
    once(&mut run, 1);
    let together = (2e-5 / once(&mut run, 1).max(1e-9)).ceil() as usize;
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    for _ in 0..5 {
        best = best.min(once(&mut run, together));
    }
    while begin.elapsed().as_secs_f64() < seconds {
        best = best.min(once(&mut run, together));
    }
    best
}

fn row(name: &str, problem: &Problem, instances: u32) {
    let begin = Instant::now();
    let mut evaluator = Evaluator::new(problem);
    let workload = name[..2].to_lowercase();
    // Other models than those of workloads show all.
    let wanted =
        if workload == "w5" || workload == "w7" { &["f", "grad", "hess v"][..] } else { &exchange::QUANTITIES };
    let mut point = exchange::Point::new(&mut evaluator, wanted);
    let build = begin.elapsed().as_secs_f64() * 1e3;
    let figure = |quantity: &&str| match wanted.contains(quantity) {
        true => format!("{:>8.2}", point.time(&mut evaluator, quantity, 0.3) * 1e9 / instances as f64),
        false => format!("{:>8}", "-"),
    };
    let figures: Vec<String> = exchange::QUANTITIES.iter().map(figure).collect();
    println!("{name:24} {} {build:>9.1}", figures.join(" "));
}

/// Nanoseconds for each value of every function.
fn functions() {
    let count = 10_240;
    let mut at: Vec<f64> = (0..count).map(|k| 0.1 + 0.8 * (k as f64 / count as f64)).collect();
    let mut out = vec![0.0; count];
    for &op in merit::expr::ops::ALL {
        let mut evaluator = Evaluator::new(&models::values_of(op, count as u32));
        let best = fastest(0.01, || {
            at[0] = 1.0 - at[0];
            evaluator.constraints(&at, &mut out);
        });
        print!("{} {:.2}  ", op.row().name, best * 1e9 / count as f64);
    }
    println!();
}
