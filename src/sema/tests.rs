use super::*;
use crate::host::Disk;

/// Elaborates a file of the examples; diagnostics as text.
fn example(name: &str) -> (Option<Problem>, String) {
    let path = format!("{}/examples/{name}.opt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the example exists");
    elaborated(&path, &text)
}

fn elaborated(path: &str, text: &str) -> (Option<Problem>, String) {
    let mut sources = Sources::default();
    let source = sources.add(path, text);
    let (file, mut diagnostics) = crate::syntax::parse(source, text);
    let inputs = Inputs { path: path.to_string(), ..Inputs::default() };
    let (problem, more) = elaborate(&file, &mut sources, &Disk::new(), &inputs);
    diagnostics.extend(more);
    (problem, crate::diag::render(&diagnostics, &sources, false))
}

#[test]
fn every_example_elaborates() {
    for name in [
        "hs071",
        "disk",
        "transport",
        "portfolio",
        "control",
        "logistic",
        "acopf",
        "cournot",
        "kepler",
        "leader",
        "obstacle",
        "pareto",
        "ridge_tuning",
        "saddle",
        "taste",
        "tour",
    ] {
        let (problem, text) = example(name);
        match &problem {
            Some(p) => {
                println!(
                    "{name}: {} variables, {} rows, {} stages, {} unsupported",
                    p.dimension,
                    p.row_count(),
                    p.stages.len(),
                    p.unsupported.len()
                );
                for s in &p.stages {
                    println!(
                        "   {} rows {} terms {:?}",
                        s.name,
                        s.rows,
                        s.terms.iter().map(|t| t.family.instances).collect::<Vec<_>>()
                    );
                }
                for u in &p.unsupported {
                    println!("   ! {} {}", u.construct, u.sentence);
                }
            }
            None => println!("{name}:\n{text}"),
        }
    }
}
