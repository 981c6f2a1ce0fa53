//! The `merit` program.

fn main() {
    std::process::exit(merit::cli::run(std::env::args().collect()));
}
