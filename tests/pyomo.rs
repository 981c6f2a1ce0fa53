//! Pyomo solves models through `SolverFactory('merit')`: `tests/pyomo/` holds the models and what is asked of the answers.
//!
//! The test makes a Python environment below `target/` and installs Pyomo, HiGHS, CasADi and POUNCE into it. Where that
//! is not possible (no Python, no network) it says so and ends; with `MERIT_PEERS=required` that is a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PACKAGES: &[&str] = &["pyomo", "highspy", "casadi", "numpy", "pounce-solver"];

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|reason| format!("{:?} does not start: {reason}", command.get_program()))?;
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_string();
            Err(format!("{:?} failed: {last}", command.get_program()))
        }
    }
}

/// The folder of programs of an environment that has the packages.
fn environment(folder: &Path) -> Result<PathBuf, String> {
    let programs = folder.join("bin");
    // Written last, so that an environment that was made halfway is made again.
    let ready = folder.join("ready");
    if !ready.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(programs.join("python")).args(pip).args(PACKAGES))?;
        std::fs::write(&ready, PACKAGES.join("\n")).map_err(|reason| reason.to_string())?;
    }
    Ok(programs)
}

#[test]
fn pyomo_solves_models_through_merit() {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let programs = match environment(&scratch.join("pyomo-environment")) {
        Ok(programs) => programs,
        Err(reason) => {
            assert!(std::env::var("MERIT_PEERS").as_deref() != Ok("required"), "Pyomo cannot be installed: {reason}");
            eprintln!("skipped: Pyomo cannot be installed: {reason}");
            return;
        }
    };
    let merit = Path::new(env!("CARGO_BIN_EXE_merit")).parent().expect("a program lies in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [merit.to_path_buf(), programs.clone()].into_iter().chain(std::env::split_paths(&path));
    let files = scratch.join("pyomo-files");
    std::fs::create_dir_all(&files).expect("the folder for tests can be written");
    let output = Command::new(programs.join("python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pyomo/check.py"))
        .arg(&files)
        .env("PATH", std::env::join_paths(folders).expect("folders of PATH"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&files)
        .output()
        .expect("the environment has Python");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
