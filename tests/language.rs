//! One small model per feature of the language: `tests/language/NAME.opt`, whose own `ensure` lines state the facts.

mod common;

use common::{models, repository};
use merit::session::Model;
use std::process::Command;

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
