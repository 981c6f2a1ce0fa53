//! Models in the formats of other systems: what is written has the values of the model, and other systems read it.

use merit::expr::eval::{self, Inputs};
use merit::expr::family::StageId;
use merit::host::Disk;
use merit::interop::build::build;
use merit::interop::unroll::{Sharing, unroll};
use merit::problem::Problem;
use merit::session::{Model, Prepared};
use std::path::{Path, PathBuf};
use std::rc::Rc;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn examples() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(repository("examples")).expect("the examples are there");
    let mut found: Vec<PathBuf> = folder.map(|entry| entry.expect("a readable entry").path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "opt"));
    found.sort();
    assert!(found.len() > 30, "only {} examples", found.len());
    found
}

fn prepared(path: &Path) -> Prepared {
    let path = path.display().to_string();
    Model::from_host(Rc::new(Disk::new()), &path)
        .and_then(|model| model.build())
        .unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The values of all objectives and of all rows that are not dropped.
fn values(problem: &Problem, x: &[f64]) -> Vec<f64> {
    let goals = problem.objectives.iter().map(|o| o.stage);
    let kept = problem.constraints.iter().filter(|c| !c.dropped).map(|c| c.stage);
    let roots: Vec<StageId> = goals.chain(kept).collect();
    let params = problem.params.iter().map(|p| p.values.as_slice()).collect();
    let inputs = Inputs { variables: x, params, after: &[] };
    let stages = eval::stages(&problem.graph, &problem.stages, &eval::needed(&problem.stages, &roots), &inputs);
    roots.iter().flat_map(|id| stages[id.0 as usize].iter().copied()).collect()
}

/// A point near `start`, the same on every run.
fn near(start: &[f64]) -> Vec<f64> {
    start.iter().enumerate().map(|(k, x)| x + 0.01 * (k as f64 * 1.7).sin().abs()).collect()
}

#[test]
fn unrolled_models_have_the_same_values() {
    let mut tried = 0;
    for path in examples() {
        let problem = prepared(&path).problem;
        if !problem.unsupported.is_empty() {
            continue;
        }
        let x = near(&merit::plan::start::of(&problem).x);
        let expected = values(&problem, &x);
        for sharing in [Sharing::None, Sharing::Named] {
            let built = build(unroll(&problem, &x, sharing).scalars);
            let mut moved = vec![0.0; x.len()];
            built.columns.iter().zip(&x).for_each(|(&at, &v)| moved[at as usize] = v);
            let found = values(&built.problem, &moved);
            let goals = problem.objectives.len();
            assert_eq!(found.len(), expected.len(), "{}", path.display());
            for (k, &value) in expected.iter().enumerate() {
                let at = if k < goals { k } else { goals + built.rows[k - goals] as usize };
                let error = (found[at] - value).abs() / (1.0 + value.abs());
                assert!(error <= 1e-11, "{}, function {k}: {} for {value}", path.display(), found[at]);
            }
        }
        tried += 1;
    }
    assert!(tried >= 25, "only {tried} models");
}
