//! Models in the formats of other systems: what is written has the values of the model, and other systems read it.

use merit::expr::eval::{self, Inputs};
use merit::expr::family::StageId;
use merit::host::{Disk, Memory};
use merit::interop::build::build;
use merit::interop::export::Format;
use merit::interop::unroll::{Sharing, unroll};
use merit::problem::features::Features;
use merit::problem::values::{Bounds, Numbers, Scales};
use merit::problem::{Kind, Problem, Sense};
use merit::session::{Model, Options, Prepared, flat};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

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
        if !problem.unsupported.is_empty() || !problem.blocks.is_empty() || !problem.calls.is_empty() {
            continue;
        }
        // Sides of pairs that are expressions get columns of their own: those have a test below.
        if !problem.pairs().is_empty() {
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

/// A value and the duals of all rows by name, as `solve` gives them.
struct Solved {
    objective: Option<f64>,
    duals: BTreeMap<String, f64>,
    holds: bool,
    status: String,
}

fn solved(mut prepared: Prepared) -> Solved {
    let options = Options::default();
    let plan = prepared.plan(&options).unwrap_or_else(|e| panic!("{e}"));
    let answer = prepared.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("no bug of ours");
    let mut duals = BTreeMap::new();
    for entry in &answer.duals {
        for (p, value) in entry.values.iter().enumerate() {
            duals.insert(format!("{}{}", entry.name, entry.axes.label(p)), *value);
        }
    }
    Solved {
        objective: answer.objective(),
        duals,
        holds: answer.certificate().holds(),
        status: answer.status.words().to_string(),
    }
}

/// The text of a format, read back: as it is, and as a model.
fn read_back(file: &str, text: &str) -> (Prepared, Prepared) {
    let host = Rc::new(Memory::default());
    host.files.borrow_mut().insert(file.to_string(), text.as_bytes().to_vec());
    let direct = flat::prepared(host.clone(), file).unwrap_or_else(|e| panic!("{file}: {e}\n{text}"));
    let model = flat::model(&*host, file).expect("it was just read").text;
    let imported = Model::from_str(&model).and_then(|model| model.build());
    (direct, imported.unwrap_or_else(|e| panic!("{file}: {e}\n{model}")))
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}

/// Examples whose optimal multipliers are not unique.
const MANY_MULTIPLIERS: &[&str] = &["assignment", "network", "landing", "chain", "production"];

#[test]
fn linear_and_quadratic_models_come_back_with_their_objective_and_duals() {
    let mut tried = 0;
    for path in examples() {
        let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_string();
        let formats = [(Format::Mps, "mps"), (Format::FixedMps, "mps"), (Format::Lp, "lp")];
        if prepared(&path).export(Format::Mps).is_err() {
            continue;
        }
        let stated = solved(prepared(&path));
        for (format, ending) in formats {
            let files = prepared(&path).export(format).unwrap_or_else(|e| panic!("{stem}: {e}"));
            let (direct, imported) = read_back(&format!("{stem}.{ending}"), &files[0].1);
            let (direct, imported) = (solved(direct), solved(imported));
            let objectives = [direct.objective, imported.objective].map(|f| f.unwrap_or(f64::NAN));
            let expected = stated.objective.unwrap_or(f64::NAN);
            for objective in objectives {
                assert!(close(objective, expected, 1e-6), "{stem} {format:?}: {objective} for {expected}");
            }
            assert!(direct.holds && imported.holds, "{stem} {format:?}");
            assert_eq!(direct.status, imported.status, "{stem} {format:?}");
            if !MANY_MULTIPLIERS.contains(&stem.as_str()) {
                let mut duals = 0;
                for (name, dual) in &direct.duals {
                    // Names that are none of the language are told apart by their letters.
                    let spelled = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
                    let found = imported.duals.iter().find(|(other, _)| spelled(other) == spelled(name));
                    let (_, found) = found.unwrap_or_else(|| panic!("{stem} {format:?}: no dual of {name}"));
                    assert!(close(*dual, *found, 1e-5), "{stem} {format:?} {name}: {found} for {dual}");
                    duals += 1;
                }
                assert!(duals > 0 || stem == "ridge", "{stem}");
            }
        }
        tried += 1;
    }
    assert!(tried >= 9, "only {tried} models");
}

/// What a wrong file is told: id, line and column of each mistake.
fn told(file: &str, text: &str) -> Vec<(String, usize, usize)> {
    let host = Memory::default();
    host.files.borrow_mut().insert(file.to_string(), text.as_bytes().to_vec());
    let errors = flat::model(&host, file).map(|written| written.text).expect_err("the file is wrong");
    let place = |d: &merit::diag::Diagnostic| {
        let (line, column) = errors.sources.line_column(d.primary().source, d.primary().start);
        (d.id.to_string(), line, column)
    };
    errors.diagnostics.iter().map(place).collect()
}

#[test]
fn all_mistakes_of_a_file_are_told_with_their_places() {
    let mps = "NAME m\nROWS\n N cost\n Q odd\n L lim\nCOLUMNS\n x cost 1 limit 2\n x lim abc\nRHS\n RHS lim 4\nBOUNDS\n XX BND x 1\n UP BND y 2\nENDATA\n";
    let expected = [("bad-mps", 4, 2), ("bad-mps", 7, 11), ("bad-mps", 8, 8), ("bad-mps", 12, 2), ("bad-mps", 13, 9)];
    assert_eq!(told("m.mps", mps), expected.map(|(id, line, column)| (id.to_string(), line, column)));
    let lp = "minimize\n cost: x + 2 y\nsubject to\n a: x + y\n b: x - y >= 1\n b: x <= 3\n c: x * y <= 2\nbounds\n z <= 3\n x <= big\nsos\n s1: x\nend\n";
    let expected = [
        ("bad-lp", 5, 2),
        ("bad-lp", 6, 2),
        ("bad-lp", 7, 7),
        ("bad-lp", 9, 2),
        ("bad-lp", 10, 7),
        ("cannot-import", 11, 1),
    ];
    assert_eq!(told("m.lp", lp), expected.map(|(id, line, column)| (id.to_string(), line, column)));
    assert_eq!(told("m.mps", ""), [("bad-mps".to_string(), 1, 1)]);
    assert_eq!(told("m.lp", "hello"), [("bad-lp".to_string(), 1, 1), ("bad-lp".to_string(), 1, 6)]);
    let sos = "NAME m\nROWS\n N cost\n L lim\nCOLUMNS\n x cost 1 lim 2\nSOS\n S1 SOS s1\nENDATA\n";
    assert_eq!(told("m.mps", sos), [("cannot-import".to_string(), 7, 1)]);
}

#[test]
fn what_a_format_cannot_say_is_refused_with_row_function_and_line() {
    let text = "var x in [1, 2]\nvar y >= 0\nminimize f: x^2 + y\nsubject to {\n  a: exp(x) + y >= 3\n  b[i in 1..3]: x * y * x <= i\n}\n";
    let model = Model::from_str(text).and_then(|model| model.build()).expect("a sound model");
    let errors = model.export(Format::Lp).expect_err("it is not quadratic");
    let said: Vec<(usize, &str)> = errors
        .diagnostics
        .iter()
        .map(|d| (errors.sources.line_column(d.primary().source, d.primary().start).0, &d.message[..]))
        .collect();
    let expected = [
        (5, "`a` has `exp`, which an .lp file cannot say"),
        (6, "`b[1]` has a product of more than two variables, which an .lp file cannot say"),
    ];
    assert_eq!(said, expected);
    let special = Model::from_str("var x >= 1\nminimize lgamma(x)\n").and_then(|m| m.build()).expect("a sound model");
    let errors = special.export(Format::Nl).expect_err("the format has no such function");
    assert_eq!(errors.diagnostics[0].message, "`objective` has `lgamma`, which a .nl file cannot say");
}

/// Sections, signs and defaults that the two formats treat in their own ways.
#[test]
fn bounds_ranges_and_senses_are_read_as_the_formats_define_them() {
    let mps = "NAME\nOBJSENSE\n    MAX\nROWS\n N obj\n N other\n L le\n G ge\n E up\n E down\nCOLUMNS\n a obj 1 le 1\n a other 7\n b obj 1 ge 1\n c up 1 obj -1\n d down 1\n e obj 0\n f obj 0\nRHS\n le 4 ge 1\n RHS up 2 down 2\n RHS obj -10\nRANGES\n RNG le 3 ge 2\n RNG up 1 down -1\nBOUNDS\n UP BND a -1\n MI BND b\n FX BND c 2.5\n FR BND d\n BV BND e\n LI BND f 2\n UI BND f 5\nENDATA\n";
    let (direct, imported) = read_back("m.mps", mps);
    for prepared in [&direct, &imported] {
        let problem = &prepared.problem;
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        let inf = f64::INFINITY;
        assert_eq!(bounds.lower, [-inf, -inf, 2.5, -inf, 0.0, 2.0]);
        assert_eq!(bounds.upper, [-1.0, inf, 2.5, inf, 1.0, 5.0]);
        assert_eq!(bounds.row_lower, [1.0, 1.0, 2.0, 1.0]);
        assert_eq!(bounds.row_upper, [4.0, 3.0, 3.0, 2.0]);
        assert_eq!(problem.objectives[0].sense, Sense::Maximize);
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(values(problem, &x)[0], 10.0 + 1.0 + 2.0 - 3.0);
        let kinds: Vec<Kind> = problem.variables.iter().map(|v| v.kind).collect();
        assert_eq!(kinds, [Kind::Real, Kind::Real, Kind::Real, Kind::Real, Kind::Binary, Kind::Integer]);
    }
    let lp = "\\ a comment\nMaximize\n profit: 2x + 3 y - [ 2 x^2 + 2 x*y + 4 y ^ 2 ] / 2 + 7\nSubject To\n a: x + y <= 4\n b: -2 <= x - y <= 3\n x + 2 y >= 1\n c: [ x^2 ] <= 9\nBounds\n x free\n -1 <= y <= 5\nEnd\n";
    let (direct, imported) = read_back("m.lp", lp);
    for prepared in [&direct, &imported] {
        let problem = &prepared.problem;
        let bounds = Bounds::of(problem, &Numbers::of(problem));
        assert_eq!((bounds.lower[0], bounds.lower[1], bounds.upper[1]), (f64::NEG_INFINITY, -1.0, 5.0));
        let found = values(problem, &[2.0, 3.0]);
        assert_eq!(found[0], 4.0 + 9.0 - (8.0 + 12.0 + 36.0) / 2.0 + 7.0);
        let mut rows: Vec<(f64, f64, f64)> =
            (0..4).map(|r| (bounds.row_lower[r], found[1 + r], bounds.row_upper[r])).collect();
        rows.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        let inf = f64::INFINITY;
        assert_eq!(rows, [(-inf, 4.0, 9.0), (-inf, 5.0, 4.0), (-2.0, -1.0, 3.0), (1.0, 8.0, inf)]);
    }
}

/// A large linear program without subscripts becomes tables, and stays the same problem.
#[test]
fn a_large_linear_program_becomes_a_model_of_tables() {
    let n = 400;
    let mut lp = "minimize\n cost:".to_string();
    (0..n).for_each(|k| lp += &format!(" + {} v{k:03}\n", 1.0 + (k % 7) as f64 / 4.0));
    lp += "subject to\n";
    (0..n).for_each(|k| lp += &format!(" need{k:03}: v{k:03} + 2 v{:03} >= {}\n", (k * 7 + 1) % n, 1 + k % 3));
    lp += "end\n";
    let (direct, imported) = read_back("large.lp", &lp);
    assert!(imported.problem.constraints.len() < 5, "{} constraints", imported.problem.constraints.len());
    assert!(imported.problem.variables.len() < 5, "{} variables", imported.problem.variables.len());
    let (direct, imported) = (solved(direct), solved(imported));
    assert!(close(direct.objective.unwrap(), imported.objective.unwrap(), 1e-7));
    assert_eq!(direct.status, imported.status);
    assert_eq!(imported.status, "solved");
}

/// Texts with bytes changed, cut and doubled: read or refused, soon and without a panic.
#[test]
fn damaged_files_are_read_or_refused() {
    let folder = repository("tests/formats/corpus");
    let mut texts = vec![];
    for entry in std::fs::read_dir(&folder).expect("the corpus is there") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name").to_string();
        texts.push((name, std::fs::read(&path).expect("a readable file")));
    }
    texts.sort();
    assert!(texts.len() >= 5, "only {} files", texts.len());
    let seconds: f64 = std::env::var("MERIT_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(5.0);
    let began = Instant::now();
    let mut state = 1u64;
    let mut dice = move |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) as usize) % n.max(1)
    };
    let pieces: &[&[u8]] = &[
        b"inf",
        b"-1e400",
        b"[",
        b"]",
        b"/ 2",
        b":",
        b"\n",
        b" ",
        b"ENDATA\n",
        b"end\n",
        b"1e",
        b"x^3",
        b"=",
        b"free",
        b"BOUNDS\n",
        b"QUADOBJ\n",
        b"\xff",
        "ä".as_bytes(),
    ];
    let mut tried = 0;
    for round in 0.. {
        let (name, text) = &texts[round % texts.len()];
        let mut text = text.clone();
        for _ in 0..if round < texts.len() { 0 } else { 1 + dice(6) } {
            let at = dice(text.len() + 1);
            match dice(5) {
                0 => text.truncate(at),
                1 if at < text.len() => text[at] = dice(256) as u8,
                2 => drop(text.splice(at..at, pieces[dice(pieces.len())].iter().copied())),
                3 => drop(text.drain(at..(at + dice(20)).min(text.len()))),
                _ => {
                    let piece: Vec<u8> = text[at..(at + dice(60)).min(text.len())].to_vec();
                    let to = dice(text.len() + 1);
                    text.splice(to..to, piece);
                }
            }
        }
        let host = Rc::new(Memory::default());
        host.files.borrow_mut().insert(name.clone(), text.clone());
        let started = Instant::now();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Ok(flat::Written { text: model, .. }) = flat::model(&*host, name) {
                let _ = flat::prepared(host.clone(), name).expect("it was just read");
                // Rows that cannot hold are refused as models; syntax never is.
                if let Err(errors) = Model::from_str(&model) {
                    panic!("{errors}\n{model}");
                }
            }
        }));
        let long = started.elapsed().as_secs_f64();
        assert!(
            outcome.is_ok() && long < 5.0,
            "round {round} ({long} s) of {name}:\n{}",
            String::from_utf8_lossy(&text)
        );
        tried = round;
        if round > texts.len() && began.elapsed().as_secs_f64() > seconds {
            break;
        }
    }
    assert!(tried > 20, "only {tried} texts");
}

/// Runs a script of `tests/formats` with the peers that are installed into `target/`; `None` where that cannot be.
fn peer(script: &str, arguments: &[String]) -> Option<Vec<serde_json::Value>> {
    let folder = repository("target/peers/formats");
    let python = folder.join("bin/python");
    // One test installs, the others wait for it.
    static INSTALLED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let installed = *INSTALLED.get_or_init(|| {
        let run = |program: &Path, arguments: &[&str]| {
            Command::new(program).args(arguments).output().is_ok_and(|done| done.status.success())
        };
        run(&python, &["-c", "import casadi, highspy"])
            || (run(Path::new("python3"), &["-m", "venv", folder.to_str().expect("a path")])
                && run(&python, &["-m", "pip", "install", "--quiet", "highspy", "casadi"]))
    });
    if !installed {
        assert!(std::env::var_os("MERIT_PEERS").is_none_or(|v| v != "required"), "the peers could not be installed");
        eprintln!("SKIPPED: highspy and casadi could not be installed from the Python package index");
        return None;
    }
    let done =
        Command::new(&python).arg(repository("tests/formats").join(script)).args(arguments).output().expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8_lossy(&done.stdout);
    let lines = text.lines().filter(|line| line.starts_with('{'));
    Some(lines.map(|line| serde_json::from_str(line).expect("a line of JSON")).collect())
}

fn exported(folder: &Path, format: Format, ending: &str) -> Vec<(String, String)> {
    std::fs::create_dir_all(folder).expect("a folder below target/");
    let mut out = vec![];
    for path in examples() {
        let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_string();
        if let Ok(files) = prepared(&path).export(format) {
            let file = folder.join(format!("{stem}.{ending}"));
            std::fs::write(&file, &files[0].1).expect("a file below target/");
            out.push((stem, file.display().to_string()));
        }
    }
    out
}

/// Every smooth example, written as .nl, is read by CasADi and solved by its Ipopt to the same objective.
#[test]
fn casadi_reads_the_nl_files_of_all_smooth_examples() {
    let folder = repository("target/peers/nl");
    let mut models = exported(&folder, Format::Nl, "nl");
    models.retain(|(stem, _)| {
        let problem = prepared(&repository(&format!("examples/{stem}.opt"))).problem;
        let features = Features::of(&problem);
        // CasADi's reader has no complementary rows.
        let read = problem.pairs().is_empty();
        read && features.kinks.is_empty() && features.cases.is_empty() && features.integer.is_none()
    });
    assert!(models.len() >= 20, "only {} smooth models", models.len());
    let files: Vec<String> = models.iter().map(|(_, file)| file.clone()).collect();
    let Some(found) = peer("ipopt.py", &files) else { return };
    assert_eq!(found.len(), models.len());
    for ((stem, _), theirs) in models.iter().zip(&found) {
        let path = repository(&format!("examples/{stem}.opt"));
        let sense = prepared(&path).problem.objectives.first().map(|o| o.sense);
        let ours = solved(prepared(&path)).objective.unwrap_or(0.0);
        // Its reader turns a maximised objective into a minimised one.
        let sign = if sense == Some(Sense::Maximize) { -1.0 } else { 1.0 };
        let theirs = sign * theirs["objective"].as_f64().expect("a number");
        assert!(close(ours, theirs, 1e-6), "{stem}: {ours}, and Ipopt finds {theirs}");
    }
}

/// HiGHS reads what we write, to the same objective and duals, and we read what it writes.
#[test]
fn highs_reads_our_files_and_we_read_its_files() {
    let folder = repository("target/peers/highs");
    for (format, ending, prefix) in
        [(Format::Mps, "mps", "free"), (Format::FixedMps, "mps", "fixed"), (Format::Lp, "lp", "lp")]
    {
        let folder = folder.join(prefix);
        let mut models = exported(&folder, format, ending);
        // HiGHS has no quadratic rows.
        models.retain(|(stem, _)| stem != "chain");
        let files = std::iter::once(folder.display().to_string()).chain(models.iter().map(|(_, file)| file.clone()));
        let Some(found) = peer("highs.py", &files.collect::<Vec<_>>()) else { return };
        assert_eq!(found.len(), models.len());
        for ((stem, file), theirs) in models.iter().zip(&found) {
            let ours = solved(prepared(&repository(&format!("examples/{stem}.opt"))));
            let objective = ours.objective.expect("an objective");
            let found = theirs["objective"].as_f64().expect("a number");
            assert!(close(objective, found, 1e-6), "{file}: {objective}, and HiGHS finds {found}: {theirs}");
            let text = std::fs::read_to_string(file).expect("it was just written");
            let (again, _) = read_back(&format!("{stem}.{ending}"), &text);
            if !MANY_MULTIPLIERS.contains(&stem.as_str()) {
                same_duals(stem, solved(again), theirs);
            }
            let written = theirs["written"].as_str().expect("a path");
            let text = std::fs::read_to_string(written).expect("HiGHS wrote it");
            let (direct, imported) = read_back(&format!("{stem}_highs.{ending}"), &text);
            for back in [solved(direct), solved(imported)] {
                let value = back.objective.expect("an objective");
                assert!(close(objective, value, 1e-6), "{written}: {value} for {objective}");
            }
        }
    }
}

/// Rows come in the same order; rows that the file states twice, for their two sides, count together.
fn same_duals(stem: &str, ours: Solved, theirs: &serde_json::Value) {
    let names = theirs["rows"].as_array().expect("names");
    let duals = theirs["duals"].as_array().expect("duals");
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for (name, dual) in names.iter().zip(duals) {
        let name = name.as_str().expect("a name");
        let name = name.strip_suffix("_up").unwrap_or(name).replace('(', "[").replace(')', "]");
        *found.entry(name).or_insert(0.0) += dual.as_f64().expect("a number");
    }
    for (name, dual) in &ours.duals {
        let other = found.get(name).unwrap_or_else(|| panic!("{stem}: HiGHS has no row {name}: {found:?}"));
        assert!(close(*dual, *other, 1e-5), "{stem} {name}: {dual}, and HiGHS finds {other}");
    }
}

/// Files on the page about formats are read, and become the models that stand below them.
#[test]
fn the_page_about_formats_tells_the_truth() {
    let page = std::fs::read_to_string(repository("docs/formats.md")).expect("the page is there");
    let mut blocks = vec![];
    let mut parts = page.split("\n```");
    parts.next();
    while let (Some(block), Some(_)) = (parts.next(), parts.next()) {
        let (head, text) = block.split_once('\n').expect("a block has lines");
        blocks.push((head, format!("{text}\n")));
    }
    let (mut models, mut wrong) = (0, 0);
    for (k, (head, text)) in blocks.iter().enumerate() {
        let (format, fails) = head.split_once(",fails=").map_or((*head, None), |(format, id)| (format, Some(id)));
        if !matches!(format, "mps" | "lp") {
            continue;
        }
        if let Some(id) = fails {
            assert_eq!(told(&format!("file.{format}"), text).first().map(|(found, ..)| &found[..]), Some(id), "{text}");
            wrong += 1;
            continue;
        }
        let host = Memory::default();
        host.files.borrow_mut().insert(format!("file.{format}"), text.clone().into_bytes());
        let model = flat::model(&host, &format!("file.{format}")).unwrap_or_else(|e| panic!("{e}")).text;
        assert_eq!(blocks.get(k + 1).map(|(head, text)| (*head, &text[..])), Some(("merit", &model[..])));
        models += 1;
    }
    assert_eq!((models, wrong), (2, 2));
}

/// Every model that can be solved and written as .nl comes back from it, as it is and as a model.
#[test]
fn nl_files_come_back_with_their_objective_and_duals() {
    let mut tried = 0;
    for path in examples() {
        let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_string();
        let Ok(files) = prepared(&path).export(Format::Nl) else { continue };
        let host = Rc::new(Memory::default());
        for (ending, text) in &files {
            host.files.borrow_mut().insert(format!("{stem}.{ending}"), text.clone().into_bytes());
        }
        let file = format!("{stem}.nl");
        let direct = flat::prepared(host.clone(), &file).unwrap_or_else(|e| panic!("{file}: {e}"));
        let model = flat::model(&*host, &file).expect("it was just read").text;
        let imported = Model::from_str(&model).and_then(|model| model.build());
        let imported = imported.unwrap_or_else(|e| panic!("{file}: {e}\n{model}"));
        let x = near(&merit::plan::start::of(&direct.problem).x);
        // Variables of one array stay together, and arrays in order, so that points are the same.
        let names = |p: &Prepared| p.problem.variables.iter().map(|v| v.axes.len()).collect::<Vec<_>>();
        assert_eq!(names(&direct), names(&imported), "{stem}");
        let (mut a, mut b) = (values(&direct.problem, &x), values(&imported.problem, &x));
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        if a.len() == b.len() {
            assert!(a.iter().zip(&b).all(|(a, b)| close(*a, *b, 1e-11)), "{stem}\n{model}");
        }
        tried += 1;
        // Rows written out one by one take long to solve; their values were compared.
        if direct.problem.dimension > 50 {
            continue;
        }
        let stated = solved(prepared(&path));
        let (direct, imported) = (solved(direct), solved(imported));
        let expected = stated.objective.unwrap_or(0.0);
        for back in [&direct, &imported] {
            let objective = back.objective.unwrap_or(0.0);
            assert!(close(objective, expected, 1e-6), "{stem}: {objective} for {expected}");
            assert_eq!(back.holds, stated.holds, "{stem}");
        }
    }
    assert!(tried >= 25, "only {tried} models");
}

/// Pairs become rows of type 5, and `perp` again. Those whose bounded side is no variable get a column of their own.
#[test]
fn complementary_pairs_come_back_with_their_answers() {
    let mut written = 0;
    for path in std::fs::read_dir(repository("tests/complementarity")).expect("the folder is there") {
        let path = path.expect("it can be listed").path();
        let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_string();
        let model = prepared(&path);
        let told = model.export(Format::Mps).expect_err("pairs are in no such file");
        assert!(told.to_string().contains("complementary pairs"), "{stem}: {told}");
        let files = model.export(Format::Nl).unwrap_or_else(|e| panic!("{stem}: {e}"));
        let pairs = model.problem.pairs().len();
        let (direct, imported) = read_back(&format!("{stem}.nl"), &files[0].1);
        let found = [direct.problem.pairs().len(), imported.problem.pairs().len()];
        assert!(found == [pairs; 2], "{stem}: {found:?} of {pairs}");
        let x = near(&merit::plan::start::of(&direct.problem).x);
        assert_eq!(values(&direct.problem, &x).len(), values(&imported.problem, &x).len(), "{stem}");
        written += 1;
        // What a model says of its method is in no file.
        if direct.problem.dimension > 12 || model.problem.solve_with.is_some() {
            continue;
        }
        let (stated, direct, imported) = (solved(model), solved(direct), solved(imported));
        for back in [&direct, &imported] {
            assert_eq!((&back.status, back.holds), (&stated.status, stated.holds), "{stem}");
            let objectives = [back.objective, stated.objective].map(|f| f.unwrap_or(0.0));
            assert!(close(objectives[0], objectives[1], 1e-6), "{stem}: {objectives:?}");
        }
    }
    assert!(written >= 20, "only {written}");
}

#[test]
fn sizes_are_written_and_read() {
    let text = "var x[1..3] in [0, 1e9] start 1e8 scale 1e8\nvar d start 1e-5 scale 1e-6\nvar free\n\
                minimize cost: sum(k in 1..3: (x[k] / 1e8 - k)^2) + (1e6 * d - 2)^2 + free^2 scale 10\n\
                subject to work[k in 1..3]: x[k] * d >= 100 * k scale 100 * k\n\
                subject to sum(k in 1..3: x[k]) + free <= 1e9 scale 1e9";
    let model = Model::from_str(text).and_then(|model| model.build()).expect("a sound model");
    let scales = |p: &Prepared| {
        let found = Scales::of(&p.problem, &Numbers::of(&p.problem)).expect("there are some");
        let mut all: Vec<u64> = found.variables.iter().chain(&found.rows).map(|s| s.unwrap_or(1.0).to_bits()).collect();
        all.push(found.objective.unwrap_or(1.0).to_bits());
        all.sort();
        all
    };
    let files = model.export(Format::Nl).expect("all of it can be said");
    let (direct, imported) = read_back("sizes.nl", &files[0].1);
    let expected = scales(&model);
    let near = |found: Vec<u64>| {
        let pairs = found.iter().zip(&expected).map(|(a, b)| (f64::from_bits(*a), f64::from_bits(*b)));
        found.len() == expected.len() && pairs.into_iter().all(|(a, b)| close(a, b, 1e-15))
    };
    assert!(near(scales(&direct)) && near(scales(&imported)));
}

#[test]
fn objectives_that_are_left_out_are_told() {
    let host = Rc::new(Memory::default());
    let bytes = std::fs::read(repository("tests/nl/two.nl")).expect("the fixture is there");
    host.files.borrow_mut().insert("two.nl".into(), bytes);
    let written = flat::model(&*host, "two.nl").unwrap_or_else(|e| panic!("{e}"));
    let direct = flat::prepared(host, "two.nl").unwrap_or_else(|e| panic!("{e}"));
    for warnings in [&written.warnings, &direct.warnings] {
        let [told] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(told.message.contains("2 objectives"), "{}", told.message);
    }
    assert_eq!(written.text.matches("minimize").count() + written.text.matches("maximize").count(), 1);
}
