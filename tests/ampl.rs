//! The door that AMPL, Pyomo and JuMP knock at: `.nl` files, text and binary, and the answers to them.

mod common;

use common::nl::binary;
use merit::host::Memory;
use merit::interop::nl::Choice;
use merit::problem::Kind;
use merit::session::import::{self, Imported};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::rc::Rc;

fn fixture(name: &str) -> String {
    std::fs::read_to_string(common::repository(&format!("tests/nl/{name}.nl"))).expect("the fixture is there")
}

/// A folder of one test with a fixture and its names.
fn folder(test: &str, name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ampl-{test}"));
    std::fs::create_dir_all(&folder).expect("the folder for tests can be written");
    for ending in ["nl", "col", "row"] {
        let from = common::repository(&format!("tests/nl/{name}.{ending}"));
        if from.exists() {
            std::fs::copy(from, folder.join(format!("{name}.{ending}"))).expect("it can be copied");
        }
    }
    folder
}

fn merit(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_merit"))
        .args(words)
        .env_remove("merit_options")
        .output()
        .expect("the program starts")
}

/// An answer as it stands in the file.
#[derive(Debug)]
struct Sol {
    message: String,
    duals: Vec<f64>,
    values: Vec<f64>,
    objective: i64,
    code: u32,
    suffixes: Vec<(String, Vec<(usize, f64)>)>,
}

/// Reads an answer by the letter of its description.
fn sol(text: &str) -> Sol {
    let (message, rest) = text.split_once("\n\n").expect("a blank line ends the message");
    let mut lines = rest.lines();
    let mut next = || lines.next().expect("the answer goes on");
    assert_eq!(next(), "Options");
    let options: usize = next().parse().expect("a count");
    for _ in 0..options {
        next();
    }
    let counts: Vec<usize> = (0..4).map(|_| next().parse().expect("a count")).collect();
    let mut numbers = |count: usize| (0..count).map(|_| next().parse().expect("a number")).collect::<Vec<f64>>();
    let (duals, values) = (numbers(counts[1]), numbers(counts[3]));
    let words: Vec<&str> = next().split(' ').collect();
    assert_eq!(words[0], "objno");
    let mut suffixes = vec![];
    while let Some(head) = lines.next() {
        let head: Vec<usize> =
            head.strip_prefix("suffix ").expect("a suffix").split(' ').map(|w| w.parse().unwrap()).collect();
        let name = lines.next().expect("a name").to_string();
        assert_eq!((head[0], head[2]), (4, name.len() + 1));
        let pair = |line: &str| line.split_once(' ').map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).unwrap();
        suffixes.push((name, (0..head[1]).map(|_| pair(lines.next().expect("a value"))).collect()));
    }
    let (objective, code) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    Sol { message: message.to_string(), duals, values, objective, code, suffixes }
}

fn solved(test: &str, name: &str, words: &[&str]) -> Sol {
    let folder = folder(test, name);
    let stub = folder.join(format!("{name}.nl"));
    let answer = folder.join(format!("{name}.sol"));
    let _ = std::fs::remove_file(&answer);
    let mut all = vec![stub.to_str().expect("a name in UTF-8"), "-AMPL"];
    all.extend(words);
    let output = merit(&all);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{name}: {said}");
    assert_eq!(output.stdout, b"", "{name}");
    sol(&std::fs::read_to_string(answer).expect("an answer was written"))
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?} for {expected:?}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{found:?} for {expected:?}");
    }
}

#[test]
fn answers_are_in_the_order_of_the_file() {
    let hs071 = solved("order", "hs071", &[]);
    assert_eq!((hs071.objective, hs071.code), (0, 1));
    close(&hs071.values, &[1.0, 4.742999637, 3.821149984, 1.379408293]);
    close(&hs071.duals, &[0.552293660, -0.161468567]);
    assert!(hs071.message.contains("objective 17.0140172"), "{}", hs071.message);
    let lower = hs071.suffixes.iter().find(|(name, _)| name == "ipopt_zL_out").expect("multipliers of bounds");
    close(&[lower.1[0].1], &[1.087871229]);

    let lp = solved("order", "lp", &[]);
    assert_eq!(lp.code, 0);
    close(&lp.values, &[2.0, 3.0]);
    // More of what is maximised for more room: positive.
    close(&lp.duals, &[3.0]);
    let reduced = lp.suffixes.iter().find(|(name, _)| name == "rc").expect("reduced costs");
    close(&[reduced.1.last().expect("one is not 0").1], &[1.0]);
}

#[test]
fn defined_variables_are_shared_stages() {
    let answer = solved("defined", "defined", &[]);
    let w = 5.0 - 10f64.sqrt();
    close(&answer.values, &[10f64.sqrt() - 2.0, 10f64.sqrt() - 3.0]);
    assert!(
        (answer.message.contains(&format!("objective {}", (w * w + w.exp()).to_string().split_at(8).0))),
        "{}",
        answer.message
    );
    let imported = read("defined", fixture("defined").into_bytes(), Choice::First);
    let rows: Vec<u32> = imported.prepared.problem.stages.iter().map(|stage| stage.rows).collect();
    assert_eq!(rows, [1, 1, 1, 1, 1], "two defined variables, an objective, two rows with different sides");
}

#[test]
fn every_way_to_end_has_its_code() {
    for (name, code) in [("infeasible", 200), ("crossed", 200), ("unbounded", 300), ("nothing", 0)] {
        let answer = solved("codes", name, &[]);
        assert_eq!(answer.code, code, "{name}: {}", answer.message);
    }
    assert_eq!(solved("codes", "nothing", &[]).objective, -1);
    assert_eq!(solved("codes", "hs071", &["max_iter=2", "starts=1"]).code, 400);
    let limited = solved("codes", "hs071", &["timelimit=1e-9"]);
    assert_eq!(limited.code, 401, "{}", limited.message);
    assert_eq!(limited.values.len(), 4);
}

#[test]
fn what_cannot_be_solved_is_refused_by_name() {
    for (name, words) in [
        ("function", "`myfunc`"),
        ("refused", "constraint `tariff` uses the operator `piecewise-linear function`"),
        ("integers", "is integer"),
    ] {
        let answer = solved("refused", name, &[]);
        assert_eq!(answer.code, 502, "{name}");
        assert!(answer.message.contains(words), "{name}: {}", answer.message);
        assert!(answer.values.is_empty() && answer.duals.is_empty());
    }
    let unknown = solved("refused", "hs071", &["max_itr=3"]);
    assert!(unknown.message.contains("`max_itr`"), "{}", unknown.message);
    assert!((500..600).contains(&unknown.code));
}

/// Files that Pyomo wrote (`pyomo.mpec`), and one by hand whose pair has a constant and any `flow >= 0` for an answer.
#[test]
fn complementary_pairs_are_solved() {
    let square = solved("pairs", "kojima", &[]);
    assert_eq!((square.objective, square.code), (-1, 0), "{}", square.message);
    assert!(square.message.contains("all conditions are met"), "{}", square.message);
    let x = |k: usize| square.values[[0, 1, 3, 4][k - 1]];
    // One of the two answers of Kojima and Shindo.
    let answers = [[1.5f64.sqrt(), 0.0, 0.0, 0.5], [1.0, 0.0, 3.0, 0.0]];
    let away = |answer: &[f64; 4]| (0..4).map(|k| (answer[k] - x(k + 1)).abs()).fold(0.0, f64::max);
    assert!(answers.iter().any(|answer| away(answer) < 1e-6), "{:?}", square.values);
    let led = solved("pairs", "follower", &[]);
    assert_eq!(led.code, 0, "{}", led.message);
    close(&led.values, &[3.0, 0.5, 0.0]);
    // Room for `x + y <= 3.5` moves both along `y = x / 2 - 1`: df / d(x + y) = (df/dx + df/dy / 2) / 1.5.
    close(&led.duals[..1], &[(0.1 * 0.3f64.exp() - 0.5) / 1.5]);
    // `y` is not at its bound: all of the pair's price is that of `c.bv == 0`.
    assert!(led.suffixes.is_empty(), "{:?}", led.suffixes);
    let linear = solved("pairs", "complements", &[]);
    assert!(linear.code <= 1 && linear.message.contains("objective 2"), "{}", linear.message);
    assert!(linear.values[0] >= 0.0 && (linear.values[0] + linear.values[1] - 2.0).abs() < 1e-6);
}

/// Multipliers in segment `d`, and in the suffixes of bounds, are those that an earlier answer wrote.
#[test]
fn multipliers_of_the_file_start_the_solve_warm() {
    let cold = solved("warm", "hs071", &[]);
    let file = fixture("hs071");
    let (before, after) = file.split_once("x4").expect("a start");
    let rest = after.splitn(6, '\n').last().expect("more segments");
    let listed = |values: &[f64]| values.iter().enumerate().map(|(k, v)| format!("{k} {v}\n")).collect::<String>();
    let duals = format!("d2\n{}", listed(&cold.duals));
    let start = format!("x4\n{}", listed(&cold.values));
    let bound = |name: &str| {
        let (_, values) = cold.suffixes.iter().find(|(found, _)| found == name)?;
        let lines: String = values.iter().map(|(k, v)| format!("{k} {v}\n")).collect();
        Some(format!("S4 {} {}\n{lines}", values.len(), name.replace("_out", "_in")))
    };
    let suffixes: String = ["ipopt_zL_out", "ipopt_zU_out"].into_iter().filter_map(bound).collect();
    let folder = folder("warm", "hs071");
    let iterations = |text: String| {
        std::fs::write(folder.join("again.nl"), text).expect("the folder can be written");
        let output = merit(&["solve", folder.join("again.nl").to_str().expect("a name in UTF-8")]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, count) = said.split_once(" in ").unwrap_or_else(|| panic!("{said}"));
        count.split(' ').next().and_then(|n| n.parse::<usize>().ok()).expect("a count")
    };
    let of_point = iterations(format!("{before}{start}{rest}"));
    let of_rows = iterations(format!("{before}{duals}{start}{rest}"));
    let of_all = iterations(format!("{before}{duals}{start}{rest}{suffixes}"));
    assert!(of_rows <= 2 && of_all <= 2 && of_rows < of_point, "{of_point}, {of_rows}, {of_all}");
}

#[test]
fn objno_chooses_the_objective() {
    // min (x - 1)^2 over -1 <= x <= 2.5, 1 <= x + y <= 4; max -(x - 3)^2 + y
    let first = solved("objno", "two", &[]);
    assert_eq!((first.objective, first.code), (0, 0));
    close(&first.values[..1], &[1.0]);
    let second = solved("objno", "two", &["objno=2"]);
    assert_eq!((second.objective, second.code), (1, 0));
    close(&second.values, &[2.5, 1.5]);
    close(&second.duals, &[1.0, 0.0]);
    assert_eq!(solved("objno", "two", &["objno=0"]).objective, -1);
    assert_eq!(solved("objno", "two", &["objno=3"]).code, 502);
}

#[test]
fn the_other_switches_work() {
    let folder = folder("switches", "lp");
    let stub = folder.join("lp");
    let (stub, answer) = (stub.to_str().expect("a name in UTF-8"), folder.join("lp.sol"));
    let said = |words: &[&str]| {
        let _ = std::fs::remove_file(&answer);
        let output = merit(words);
        (output.status.code(), String::from_utf8(output.stdout).expect("text"), answer.exists())
    };
    let (code, text, written) = said(&["-s", stub, "wantsol=6"]);
    assert_eq!((code, written), (Some(0), true));
    assert!(text.contains("Merit ") && text.contains("variable 2 = ") && text.contains("constraint 1 = "), "{text}");
    let (_, text, _) = said(&[stub, "-AMPL", "outlev=2"]);
    assert!(text.contains("objective") && text.contains("iter"), "{text}");
    let (code, text, _) = said(&["-="]);
    assert!(code == Some(0) && text.contains("timelimit") && text.contains("max_iter"), "{text}");
    let (code, text, _) = said(&["-?"]);
    assert!(code == Some(0) && text.contains("usage"), "{text}");
    let (code, text, _) = said(&["-v"]);
    assert!(code == Some(0) && text.contains(env!("CARGO_PKG_VERSION")), "{text}");
    let (code, _, written) = said(&[stub, "-AMPL", "objno=many"]);
    assert_eq!((code, written), (Some(2), false));
    let (code, _, written) = said(&["missing", "-AMPL"]);
    assert!(code != Some(0) && !written);
    let (code, text, _) = said(&["solve", &format!("{stub}.nl")]);
    assert!(code == Some(0) && text.contains("maximize profit = 18"), "{text}");
    let output = Command::new(env!("CARGO_BIN_EXE_merit"))
        .args([stub, "-AMPL", "max_iter=100"])
        .env("merit_options", "max_iter=1 outlev=1 method='interior_point'")
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("solved by interior_point"), "the call overrules the variable: {text}");
}

/// Reads bytes as a file of their own, with the names of a fixture.
fn read(name: &str, bytes: Vec<u8>, choice: Choice) -> Imported {
    let host = Memory::default();
    host.files.borrow_mut().insert("m.nl".into(), bytes);
    for ending in ["col", "row"] {
        if let Ok(names) = std::fs::read(common::repository(&format!("tests/nl/{name}.{ending}"))) {
            host.files.borrow_mut().insert(format!("m.{ending}"), names);
        }
    }
    match import::nl(Rc::new(host), "m", choice) {
        Ok(imported) => imported,
        Err(refused) => panic!("{name}: {}", refused.errors),
    }
}

/// The rows in the order of the file, then the objective.
fn values(imported: &Imported, point: &[f64]) -> Vec<f64> {
    let mut x = vec![f64::NAN; point.len()];
    imported.columns.iter().zip(point).for_each(|(&at, &v)| x[at as usize] = v);
    let mut functions = imported.prepared.evaluator();
    let mut rows = vec![0.0; functions.rows()];
    functions.constraints(&x, &mut rows);
    let mut out = imported.by_row(&rows);
    out.push(functions.objective(&x));
    out
}

#[test]
fn operators_mean_what_ampl_means() {
    let imported = read("operators", fixture("operators").into_bytes(), Choice::First);
    let (x, y, z) = (0.5f64, 2.0f64, -1.25f64);
    let expected = [
        0.75,
        x * y * z,
        -0.25 + 4.0 - 1.0 - 1.3 - 2.0 - 1.0,
        y.sqrt(),
        x.sin() + y.cos() + z.tan() + x.asin() + x.acos() + x.atan() + z.atan2(y),
        x.sinh() + y.cosh() + z.tanh() + z.asinh() + y.acosh() + x.atanh(),
        y.ln() + y.log10() + z.exp() + y.powf(x) + x.powi(3),
        1.0,
        z,
    ];
    let found = values(&imported, &[x, y, z]);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-14, "{found} for {expected}");
    }
}

#[test]
fn binary_files_are_the_same_problems() {
    let names = ["hs071", "lp", "defined", "operators", "infeasible", "crossed", "nothing", "two", "integers"];
    for name in names.into_iter().chain(["complements", "kojima", "follower"]) {
        let text = fixture(name);
        let plain = read(name, text.clone().into_bytes(), Choice::First);
        let point: Vec<f64> = (0..plain.columns.len()).map(|k| 0.5 + 0.25 * k as f64).collect();
        for big_endian in [false, true] {
            let packed = read(name, binary(&text, big_endian), Choice::First);
            // As texts, for a value that does not exist is not equal to itself.
            let told = |imported: &Imported| format!("{:?}", values(imported, &point));
            assert_eq!(told(&packed), told(&plain), "{name}");
            assert_eq!(packed.columns, plain.columns, "{name}");
            assert_eq!(packed.prepared.problem.pairs(), plain.prepared.problem.pairs(), "{name}");
            let starts = |imported: &Imported| {
                let problem = &imported.prepared.problem;
                problem.variables.iter().map(|v| (v.name.clone(), v.kind, v.start.clone())).collect::<Vec<_>>()
            };
            assert_eq!(starts(&packed), starts(&plain), "{name}");
        }
    }
}

#[test]
fn kinds_follow_from_positions() {
    let imported = read("integers", fixture("integers").into_bytes(), Choice::First);
    let problem = &imported.prepared.problem;
    let kind = |column: usize| {
        let at = imported.columns[column];
        problem.variables.iter().rfind(|v| v.offset <= at).expect("an owner").kind
    };
    use Kind::{Binary, Integer, Real};
    let kinds: Vec<Kind> = (0..9).map(kind).collect();
    assert_eq!(kinds, [Real, Integer, Real, Integer, Real, Integer, Real, Binary, Integer]);
}

#[test]
fn names_are_those_of_the_files_beside() {
    let imported = read("lp", fixture("lp").into_bytes(), Choice::First);
    let problem = &imported.prepared.problem;
    assert_eq!((problem.variable_name(0), problem.row_name(0)), ("make[a]".into(), "capacity".into()));
    assert_eq!(problem.objectives[0].label, "profit");
}

#[test]
fn broken_files_are_told_where() {
    let text = fixture("hs071");
    let cases = [
        (text.replace("v3\nC1", "v9\nC1"), "there is no variable or defined variable 9: the header counts 4"),
        (text.replace("n2\nO0", "n2x\nO0"), "a number is expected, not `2x`"),
        (text.replace("J1 4", "Q1 4"), "no segment begins with `Q`"),
        (text.replace("C1\n", "C0\n"), "constraint 1 stands twice"),
        (text.replace("r\n2 25\n4 40\n", ""), "the file has no bounds of constraints (segment `r`)"),
        (text.replace(" 4 2 1 0 1", " 4000000 2 1 0 1"), "the header counts more than the file has bytes"),
        (text.replace(" 4 4 4", " 4 4 5"), "counts of kinds of variables contradict each other"),
        (text.replace("o54\t#sumlist\n4", "o54\n99999999"), "99999999 entries do not fit into the rest of the file"),
        (text[..text.len() * 3 / 4].to_string(), "the file ends too early"),
        ("nonsense\n".to_string(), "this is no `.nl` file"),
        (String::new(), "the file ends within its header"),
    ];
    for (broken, expected) in cases {
        let host = Memory::default();
        host.files.borrow_mut().insert("m.nl".into(), broken.into_bytes());
        let Err(refused) = import::nl(Rc::new(host), "m.nl", Choice::First) else { panic!("{expected}") };
        let said = refused.errors.to_string();
        assert!(said.contains(expected) && said.contains("bad-nl"), "{said}");
    }
}
