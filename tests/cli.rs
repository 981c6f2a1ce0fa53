//! The program from the outside: what it prints where, its exit codes, and the shape of its JSON.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs the program in the folder of the repository.
fn merit(words: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(env!("CARGO_BIN_EXE_merit")).args(words).current_dir(root).output().expect("the program starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program ends by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("results are UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}

/// A model of this test in a file of its own.
fn model(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).expect("the folder for tests can be written");
    path.to_str().expect("its name is UTF-8").to_string()
}

#[test]
fn exit_codes_are_as_documented() {
    let wrong = model("wrong.opt", "var x in [0, 1]\nminimize y\n");
    let broken = model("broken.opt", "var x in [0, 1]\nminimize c: (x - 2)^2\nensure c <= 0.5\n");
    let impossible = model("impossible.opt", "var x in [0, 1]\nminimize x\nsubject to x^2 >= 2\n");
    let cases: &[(&[&str], i32)] = &[
        (&["examples/hs071.opt"], 0),
        (&["solve", "examples/transport.opt", "--quiet"], 0),
        (&["check", &wrong], 1),
        (&[&wrong], 1),
        (&["examples/hs071.opt", "--data", "case=missing.json"], 2),
        (&["examples/hs071.opt", "--set", "mxiter=3"], 2),
        (&["examples/hs071.opt", "--set", "max_iter=lots"], 2),
        (&["examples/hs071.opt", "--with", "nobody"], 2),
        (&["examples/hs071.opt", "--param", "nothing=1"], 2),
        (&["examples/hs071.opt", "--fix", "z=1"], 2),
        (&["examples/hs071.opt", "--fix", "x[1]=0"], 2),
        (&["examples/hs071.opt", "--drop", "z"], 2),
        (&["plan", "examples/hs071.opt", "--with", "nobody"], 2),
        (&["missing.opt"], 2),
        (&["solve"], 2),
        (&["examples/hs071.opt", "--nonsense"], 2),
        (&[&impossible], 3),
        (&["examples/hs071.opt", "--set", "max_iter=2"], 3),
        (&[&broken], 4),
        (&["--version"], 0),
        (&["--help"], 0),
    ];
    for (words, expected) in cases {
        let output = merit(words);
        assert_eq!(code(&output), *expected, "{words:?}\n{}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn results_and_messages_go_to_their_streams() {
    let solved = merit(&["examples/hs071.opt"]);
    assert!(stdout(&solved).contains("x           = [1, 4.743, 3.82115, 1.379408]"), "{}", stdout(&solved));
    assert!(stdout(&solved).contains("minimize cost = 17.0140172"), "{}", stdout(&solved));
    assert_eq!(stderr(&solved), "");
    let wrong = merit(&[&model("streams.opt", "minimize y\n")]);
    assert_eq!(stdout(&wrong), "");
    assert!(stderr(&wrong).contains("[undefined-name] Error: nothing is called `y`"), "{}", stderr(&wrong));
    assert!(!stderr(&wrong).contains('\x1b'), "no colour where there is no terminal");
}

#[test]
fn answers_in_json_fit_their_schema() {
    let schema: Value = serde_json::from_str(include_str!("../docs/answer.schema.json")).expect("the schema is JSON");
    let impossible = model("impossible_json.opt", "var x in [0, 1]\nminimize x\nsubject to x^2 >= 2\n");
    let diagnosed = ["chain_linear", "elastic_triangle", "unbounded", "not_finite", "stalled"];
    let diagnosed = diagnosed.map(|name| format!("tests/diagnosis/{name}.opt"));
    let files = ["examples/hs071.opt", "examples/transport.opt", "examples/acopf.opt", &impossible];
    for file in files.into_iter().chain(diagnosed.iter().map(String::as_str)) {
        let output = merit(&[file, "--json", "--iis"]);
        let answer: Value = serde_json::from_str(&stdout(&output)).expect("an answer is JSON");
        let mut wrong = vec![];
        validate(&schema, &schema, &answer, "answer", &mut wrong);
        assert!(wrong.is_empty(), "{file}: {wrong:#?}");
    }
}

#[test]
fn numbers_of_json_are_those_of_the_answer() {
    let answer: Value = serde_json::from_str(&stdout(&merit(&["examples/transport.opt", "--json"]))).expect("JSON");
    assert!((answer["objective"].as_f64().expect("a number") - 153.675).abs() < 1e-8);
    assert_eq!(answer["values"]["ship"]["index"][4], serde_json::json!(["san_diego", "chicago"]));
    let dual = &answer["duals"]["need"];
    assert_eq!(dual["index"][0], serde_json::json!(["new_york"]));
    assert!((dual["value"][0].as_f64().expect("a number") - 0.225).abs() < 1e-7);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let run = || {
        let mut answer: Value =
            serde_json::from_str(&stdout(&merit(&["examples/acopf.opt", "--json"]))).expect("an answer is JSON");
        answer["time"] = Value::Null;
        answer.to_string()
    };
    assert_eq!(run(), run());
}

#[test]
fn an_answer_starts_the_next_solve() {
    let first = stdout(&merit(&["examples/acopf.opt", "--json"]));
    let path = model("answer.json", &first);
    let again = stdout(&merit(&["examples/acopf.opt", "--json", "--start", &path]));
    let iterations = |text: &str| -> u64 {
        let answer: Value = serde_json::from_str(text).expect("an answer is JSON");
        answer["counts"]["iterations"].as_u64().expect("a count")
    };
    assert!(iterations(&again) * 2 < iterations(&first), "{} and {}", iterations(&first), iterations(&again));
    let wrong = merit(&["examples/hs071.opt", "--start", "examples/data/pglib/case3.json"]);
    assert_eq!(code(&wrong), 1);
    assert!(stderr(&wrong).contains("[bad-answer]"), "{}", stderr(&wrong));
}

#[test]
fn changes_reach_the_problem() {
    let fixed: Value =
        serde_json::from_str(&stdout(&merit(&["examples/hs071.opt", "--json", "--fix", "x[2]=3"]))).expect("JSON");
    assert_eq!(fixed["values"]["x"]["value"][1], 3.0);
    let dropped: Value =
        serde_json::from_str(&stdout(&merit(&["examples/hs071.opt", "--json", "--drop", "volume"]))).expect("JSON");
    assert!(dropped["objective"].as_f64().expect("a number") < 17.0);
    assert_eq!(code(&merit(&["examples/hs071.opt", "--drop", "volume", "--restore", "volume"])), 0);
    for words in [["--fix", "x[9]=1"], ["--fix", "x=[1,2]"], ["--fix", "x=a"], ["--drop", "nothing"], ["--fix", "y=1"]]
    {
        let output = merit(&["examples/hs071.opt", words[0], words[1]]);
        assert_eq!(code(&output), 2, "{words:?}");
        assert!(stderr(&output).contains("bad-change"), "{words:?}: {}", stderr(&output));
    }
    let given = stdout(&merit(&["examples/transport.opt", "--quiet", "--param", "freight=180"]));
    assert!(given.starts_with("solved") || given.starts_with("locally solved"), "{given}");
}

#[test]
fn a_limit_ends_with_the_point_so_far() {
    let slow = merit(&["examples/acopf.opt", "--json", "--time-limit", "1e-9"]);
    let answer: Value = serde_json::from_str(&stdout(&slow)).expect("an answer is JSON");
    assert_eq!((code(&slow), answer["status"].as_str()), (3, Some("limit")));
    assert!(answer["values"]["vm"]["value"][0].is_number());
}

#[test]
fn logs_have_a_line_per_iteration() {
    let trace = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("trace.csv");
    let path = trace.to_str().expect("its name is UTF-8");
    let output = merit(&["examples/hs071.opt", "--log", "--trace", path, "--quiet"]);
    let lines = stderr(&output).lines().count();
    let rows = std::fs::read_to_string(&trace).expect("the trace was written");
    let header = "iteration,restoration,objective,primal,dual,barrier,step,regularisation,alpha_dual,alpha_primal,trials,evaluations,seconds\n0,";
    assert!(rows.starts_with(header), "{rows}");
    assert!(lines > 5 && rows.lines().count() == lines, "{lines} lines of log, {} of trace", rows.lines().count());
}

/// The cells of the log by the names in its header, which must stand above them.
fn logged(path: &str, method: &str) -> Vec<Vec<(String, String)>> {
    let output = merit(&[path, "--log", "--quiet", "--with", method, "--set", "presolve=false"]);
    let mut names: Vec<String> = vec![];
    let mut lines = vec![];
    for line in stderr(&output).lines() {
        let cells: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        if cells[0] == "iter" {
            names = cells;
            continue;
        }
        assert_eq!(cells.len(), names.len(), "{line} under {names:?}");
        lines.push(names.iter().cloned().zip(cells).collect());
    }
    lines
}

#[test]
fn the_log_of_the_interior_point_has_the_columns_that_its_readers_know() {
    let names = |line: &[(String, String)]| line.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(" ");
    let lines = logged("examples/hs071.opt", "interior_point");
    assert_eq!(names(&lines[0]), "iter objective inf_pr inf_du lg(mu) ||d|| lg(rg) alpha_du alpha_pr ls");
    let cell = |k: usize, c: usize| lines[k][c].1.as_str();
    assert_eq!([cell(0, 5), cell(0, 7), cell(0, 8), cell(0, 9)], ["0.00e+00", "0.00e+00", "0.00e+00", "0"]);
    assert_eq!(cell(0, 4), "-1.0");
    for line in &lines[1..] {
        let number = |c: usize| line[c].1.parse::<f64>().expect("a number");
        assert!(number(5) > 0.0 && (1..=40).contains(&line[9].1.parse().expect("a count")), "{line:?}");
        assert!([7, 8].iter().all(|c| number(*c) > 0.0 && number(*c) <= 1.0), "{line:?}");
    }
    assert!(lines.last().is_some_and(|line| line[2].1.parse::<f64>().expect("a number") <= 1e-8), "{lines:?}");
    // No point is feasible: the lines of the restoration say so.
    let hopeless = model("hopeless.opt", "var x start 3\nvar y start 2\nminimize y\nsubject to x^2 + y^2 <= -1\n");
    let lines = logged(&hopeless, "interior_point");
    let restored: Vec<_> = lines.iter().filter(|line| line[0].1.ends_with('r')).collect();
    assert!(!restored.is_empty() && restored.iter().all(|line| line[1].1 == "-"), "{lines:?}");
    assert!(!lines[0][0].1.ends_with('r'));
    // A method without rows and barrier has neither column.
    let plain = model("plain.opt", "var x start 3\nvar y start 2\nminimize (x - 1)^4 + x^2 * y^2\n");
    let lines = logged(&plain, "trust_region_newton");
    assert!(lines.len() > 3);
    assert_eq!(names(&lines[0]), "iter objective inf_du ||d|| trials");
}

#[test]
fn methods_are_compared() {
    let picture = model("compared.svg", "");
    let words = ["compare", "examples/disk.opt", "--with", "interior_point,augmented_lagrangian,lbfgs"];
    let compared = merit(&[&words[..], &["--seeds", "0..2", "--plot", &picture]].concat());
    assert_eq!(code(&compared), 0, "{}", stderr(&compared));
    let table = stdout(&compared);
    assert!(table.contains("interior_point") && table.contains("3/3") && table.contains("lbfgs: "), "{table}");
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("augmented_lagrangian"));
    let json: Value = serde_json::from_str(&stdout(&merit(&[&words[..], &["--json"]].concat()))).unwrap();
    assert_eq!((json["runs"].as_array().unwrap().len(), json["refused"][0]["method"].as_str()), (2, Some("lbfgs")));
    assert_eq!(code(&merit(&["compare", "examples/disk.opt", "--seeds", "3..1"])), 2);
    assert_eq!(code(&merit(&["compare", "examples/disk.opt", "--with", "lbgfs"])), 2);
    // No run has an answer.
    let impossible = model("nothing.opt", "var x in [0, 1]\nminimize x\nsubject to x^2 >= 2\n");
    assert_eq!(code(&merit(&["compare", &impossible, "--with", "interior_point"])), 3);
}

#[test]
fn check_tells_all_models() {
    let wrong = model("two.opt", "var x\nvar x\nminimize y\n");
    let output = merit(&["check", "examples/hs071.opt", &wrong, "--json"]);
    let records: Vec<Value> = serde_json::from_str(&stdout(&output)).expect("records are JSON");
    let ids: Vec<&str> = records.iter().filter_map(|record| record["id"].as_str()).collect();
    assert!(ids.contains(&"undefined-name") && ids.len() == 2, "{ids:?}");
    assert_eq!(records[0]["file"], Value::from(wrong));
    let risky = model("risky.opt", "var x in [-1, 1]\nminimize x - log(x)\n");
    let output = merit(&["check", &risky]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("[domain-risk]"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("risky.opt: 1 warning\n"), "{}", stdout(&output));
}

#[test]
fn models_are_shown_and_rows_expanded() {
    let shown = stdout(&merit(&["show", "examples/transport.opt"]));
    assert!(shown.contains("subject to  supply[p]: Σ(m ∈ MARKETS) ship[p, m] ≤ capacity[p]   ∀ p ∈ PLANTS"), "{shown}");
    let latex = stdout(&merit(&["show", "examples/transport.opt", "--latex"]));
    assert!(latex.starts_with("\\begin{align*}\n") && latex.ends_with("\\end{align*}\n"), "{latex}");
    let row = stdout(&merit(&["show", "examples/transport.opt", "--expand", "need[chicago]"]));
    assert_eq!(row, "need[chicago]  (line 16)\n  ship[seattle,chicago] + ship[san_diego,chicago]\n  >= 300\n");
}

#[test]
fn plans_are_explained() {
    let text = stdout(&merit(&["plan", "examples/hs071.opt"]));
    assert!(text.contains("interior_point"), "{text}");
    let plan: Value = serde_json::from_str(&stdout(&merit(&["plan", "examples/hs071.opt", "--json"]))).expect("JSON");
    assert_eq!(plan["method"], "interior_point");
}

#[test]
fn derivatives_are_compared() {
    for file in ["examples/hs071.opt", "examples/acopf.opt", "examples/control.opt", "examples/logistic.opt"] {
        let output = merit(&["diff", file]);
        assert_eq!(code(&output), 0, "{file}\n{}", stdout(&output));
        assert!(stdout(&output).ends_with("they agree\n"), "{file}\n{}", stdout(&output));
    }
}

/// The part of JSON Schema that the schema of answers uses.
fn validate(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = name.strip_prefix("#/$defs/").expect("references stay in the file");
        validate(root, &root["$defs"][target], value, at, wrong);
    }
    if let Some(kinds) = schema["enum"].as_array()
        && !kinds.contains(value)
    {
        wrong.push(format!("{at}: {value} is none of {kinds:?}"));
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let fits = |option: &&Value| {
            let mut wrong = vec![];
            validate(root, option, value, at, &mut wrong);
            wrong.is_empty()
        };
        let fitting = options.iter().filter(fits).count();
        if fitting != 1 {
            wrong.push(format!("{at}: {value} fits {fitting} of the forms"));
        }
    }
    let right = match schema["type"].as_str() {
        None => true,
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some(other) => panic!("the test knows no type {other}"),
    };
    if !right {
        wrong.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().expect("keys are texts");
        if value.get(key).is_none() {
            wrong.push(format!("{at}: `{key}` is missing"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{at}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(known), _) => validate(root, known, inner, &place, wrong),
            (None, Value::Bool(false)) => wrong.push(format!("{place}: not in the schema")),
            (None, Value::Object(_)) => validate(root, &schema["additionalProperties"], inner, &place, wrong),
            (None, _) => {}
        }
    }
    for (k, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            validate(root, &schema["items"], item, &format!("{at}[{k}]"), wrong);
        }
    }
}

#[test]
fn a_method_is_no_option() {
    let output = Command::new(env!("CARGO_BIN_EXE_merit"))
        .args(["solve", "examples/hs071.opt", "--set", "method=lbfgs"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("merit runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("has no option `method`") && told.contains("`--with lbfgs`"), "{told}");
}

/// A file of values answers for every name in it: one that the model does not have is told at its value.
#[test]
fn a_file_of_values_has_no_name_too_many() {
    let path = model("rate.opt", "param rate = 2\nvar x >= 0\nminimize x^2 - rate * x\nensure abs(x - 2) <= 1e-6\n");
    let good = model("rate.json", "{\"rate\": 4}");
    assert_eq!(code(&merit(&[&path, "--data-file", &good])), 0);
    let bad = model("rte.json", "{\"rte\": 4, \"x\": 1}");
    let output = merit(&[&path, "--data-file", &bad]);
    assert_eq!(code(&output), 1);
    let said = stderr(&output);
    assert_eq!(said.matches("unknown-input").count(), 2, "{said}");
    assert!(said.contains("did you mean `rate`?") && said.contains("rte.json:1:9"), "{said}");
}
