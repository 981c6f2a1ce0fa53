//! One small model per feature of the language: `tests/language/NAME.opt`, whose own `ensure` lines state the facts.

mod common;

use common::{check, models, repository};
use merit::host::Memory;
use merit::session::Model;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn what_the_models_ensure_holds() {
    let all = models("tests/language");
    assert!(!all.is_empty());
    for (name, text) in all {
        assert!(text.contains("\nensure "), "{name} ensures nothing");
        let path = repository(&format!("tests/language/{name}.opt"));
        let output = Command::new(env!("CARGO_BIN_EXE_merit")).arg("solve").arg(path).output().expect("merit runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{name}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Engine against referee against differences, at the start.
#[test]
fn derivatives_of_the_models_agree() {
    for (name, _) in models("tests/language") {
        let path = repository(&format!("tests/language/{name}.opt"));
        let model = Model::from_file(path.to_str().expect("a plain path")).expect("the model is read");
        let compared = model.build().expect("the model is built").compare_derivatives();
        assert!(!compared.is_empty(), "{name}: nothing was compared");
        for one in compared {
            assert!(one.error <= 1e-6, "{name}: {one:?}");
        }
    }
}

/// Two tables of 10^5 rows, joined by numbers, by texts and by both at once. All pairs would be 10^10.
#[test]
fn joins_take_time_by_rows_and_not_by_pairs() {
    let rows = 100_000;
    let table = |shift: usize| {
        let row = |k: usize| format!("{},n{},{}\n", (k + shift) % rows, (k * 7 + shift) % rows, k);
        "number,name,value\n".to_string() + &(0..rows).map(row).collect::<String>()
    };
    let host = Memory::default();
    host.files.borrow_mut().insert("a.csv".into(), table(0).into_bytes());
    host.files.borrow_mut().insert("b.csv".into(), table(5).into_bytes());
    let text = "data a = csv(\"a.csv\")
data b = csv(\"b.csv\")
set NUMBERS = {i in a, j in b where i.number == j.number}
set NAMES = {i in a, j in b where j.name == i.name}
set BOTH = {i in a, j in b where i.name == j.name and i.number == j.number}
var x >= 0
minimize x + sum(i in a, j in b where i.number == j.number: i.value - j.value)
subject to numbers: x >= card(NUMBERS)
subject to names: x >= card(NAMES)
subject to both: x >= card(BOTH)
";
    let began = Instant::now();
    let checked = check("joins.opt", text, &host);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let problem = checked.problem.as_ref().unwrap_or_else(|| panic!("{}", checked.rendered()));
    let instances =
        problem.stages.iter().flat_map(|stage| &stage.terms).map(|term| term.family.instances as usize).max();
    assert_eq!(instances, Some(rows));
}
