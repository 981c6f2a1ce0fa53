//! How fast models are read: `cargo bench --bench parse`. Goal: 5 MB/s on a model of 1 MB.
//!
//! The texts are made here: the statements of the examples, repeated, and one file that is mostly array literals.

use merit::diag::SourceId;
use merit::syntax;
use std::hint::black_box;
use std::time::Instant;

const SIZE: usize = 1_000_000;
const ROUNDS: usize = 7;

fn main() {
    report("models", &models());
    report("array literals", &literals());
}

/// Prints the best of a few rounds, in MB/s.
fn report(name: &str, text: &str) {
    let (file, diagnostics) = syntax::parse(SourceId(0), text);
    assert!(diagnostics.is_empty(), "{name}: {:?}", diagnostics.first());
    let megabytes = text.len() as f64 / 1e6;
    let tokens = megabytes / best(|| drop(black_box(syntax::tokens(text))));
    let layout = megabytes / best(|| drop(black_box(syntax::layout::layout(SourceId(0), text, &Default::default()))));
    let parse = megabytes / best(|| drop(black_box(syntax::parse(SourceId(0), text))));
    println!(
        "{name}: {megabytes:.2} MB, {} statements: tokens {tokens:.0} MB/s, layout {layout:.0} MB/s, parse {parse:.2} MB/s",
        file.statements.len()
    );
}

fn best(work: impl Fn()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(time).fold(f64::INFINITY, f64::min)
}

fn models() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the examples are there")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "opt"))
        .collect();
    paths.sort();
    let once: String = paths.iter().map(|path| std::fs::read_to_string(path).expect("a readable model")).collect();
    once.repeat(SIZE.div_ceil(once.len()))
}

fn literals() -> String {
    let mut text = String::with_capacity(SIZE + 1000);
    let mut number = 1u32;
    while text.len() < SIZE {
        text.push_str("param A = [");
        for row in 0..50 {
            let cells: Vec<String> = (0..10)
                .map(|_| {
                    number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    format!("{}.{}", number >> 25, number & 0xFFFF)
                })
                .collect();
            text.push_str(if row > 0 { "\n           " } else { "" });
            text.push_str(&cells.join(", "));
        }
        text.push_str("]\n");
    }
    text
}
