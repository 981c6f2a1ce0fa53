//! Oracles from outside: closures, commands that answer, hang, die or talk nonsense, a person, and solves that are killed.

use merit::answer::Stop;
use merit::host::Memory;
use merit::session::{Model, Options, Prepared};
use merit::solve::options::Value;
use merit::{Answer, answer::Status};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

fn options(method: &str, set: &[(&str, f64)]) -> Options {
    let options = set.iter().map(|(name, value)| (name.to_string(), Value::Number(*value))).collect();
    Options { method: Some(method.to_string()), options, ..Options::default() }
}

fn solved(problem: &mut Prepared, options: &Options) -> Answer {
    let plan = problem.plan(options).unwrap_or_else(|e| panic!("{e}"));
    problem.solve(&plan, options, |_| ControlFlow::Continue(())).unwrap_or_else(|e| panic!("{e}"))
}

fn built(text: &str) -> Prepared {
    Model::from_str(text).unwrap_or_else(|e| panic!("{e}")).build().unwrap_or_else(|e| panic!("{e}"))
}

const BOWL: &str = "var x[1..3] in [-5, 5] start 4
    var k integer in 0..6
    oracle cost(y[1..3], m) values via host
    minimize cost(x, k) + sum(i in 1..3: 0.001 * x[i])
    show cost(x, k)";

#[test]
fn a_closure_answers_within_bounds_budgets_and_integers() {
    let asked = Rc::new(RefCell::new(vec![]));
    let seen = asked.clone();
    let mut problem = built(BOWL);
    problem
        .set_oracle("cost", move |questions| {
            seen.borrow_mut().extend(questions.iter().cloned());
            let bowl = |q: &Vec<f64>| (0..3).map(|i| (q[i] - 1.0).powi(2)).sum::<f64>() + (q[3] - 4.0).powi(2);
            Ok(questions.iter().map(bowl).collect())
        })
        .unwrap_or_else(|e| panic!("{e}"));
    for method in ["cma_es", "cbo", "genetic", "particle_swarm", "nelder_mead"] {
        asked.borrow_mut().clear();
        let answer = solved(&mut problem, &options(method, &[("budget", 3000.0)]));
        let said = format!("{method}: {} {:?} {:?}", answer.status, answer.stop, answer.variables);
        assert_eq!(answer.status, Status::BestFound, "{said}");
        let asked = asked.borrow();
        assert!(asked.iter().all(|q| q[..3].iter().all(|v| v.abs() <= 5.0) && q[3].fract() == 0.0), "{said}");
        let count = &answer.counts.oracles[0];
        assert_eq!((count.oracle.as_str(), count.candidates), ("cost", asked.len()), "{said}");
        assert!(count.questions + count.known <= 3000, "{said}");
        // Known answers are not asked for again, not even to show them.
        let mut unique: Vec<Vec<u64>> = asked.iter().map(|q| q.iter().map(|v| v.to_bits()).collect()).collect();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), asked.len(), "{said}");
        // The best of all that was seen is the answer, and its value that of the closure.
        let best = asked
            .iter()
            .map(|q| (0..3).map(|i| (q[i] - 1.0).powi(2) + 0.001 * q[i]).sum::<f64>() + (q[3] - 4.0).powi(2));
        let best = best.fold(f64::INFINITY, f64::min);
        assert!((answer.objective().expect("it has a value") - best).abs() <= 1e-12, "{said}");
        // It began at 43; a simplex shrinks before it finds the best integer.
        assert!(best < if method == "nelder_mead" { 16.0 } else { 3.0 }, "{said}");
    }
}

#[test]
fn an_error_of_a_closure_ends_the_solve_with_the_best_so_far() {
    let mut problem = built(BOWL);
    let mut rounds = 0;
    problem
        .set_oracle("cost", move |questions| {
            rounds += 1;
            if rounds > 5 { Err("out of paper".to_string()) } else { Ok(questions.iter().map(|q| q[0]).collect()) }
        })
        .unwrap_or_else(|e| panic!("{e}"));
    let answer = solved(&mut problem, &options("cma_es", &[]));
    assert_eq!(answer.status, Status::Failed);
    assert!(matches!(&answer.stop, Stop::Oracle(why) if why.contains("out of paper")), "{:?}", answer.stop);
    assert!(answer.objective().expect("it has a value") < 4.1);
    assert!(answer.diagnosis.unanswered.is_some());
    // Nobody there at all.
    let answer = solved(&mut built(BOWL), &options("cma_es", &[]));
    assert!(matches!(&answer.stop, Stop::Oracle(why) if why.contains("not registered")), "{:?}", answer.stop);
    // A closure for an oracle that is not there.
    assert!(built(BOWL).set_ranking("cost", |_| Ok(vec![])).is_err());
}

/// Also where a method ends in the middle of something: the answer stood in an order, and of the last order nothing is better.
#[test]
fn what_an_order_hands_back_was_judged() {
    let text = "var x[1..3] in [-5, 5]\noracle taste(y[1..3]) ranks via host\nmaximize taste(x)";
    let far = |y: &[f64]| (0..3).map(|k| (y[k] - 1.5 * k as f64).powi(2)).sum::<f64>();
    for (method, set) in [
        ("genetic", vec![("budget", 200.0)]),
        ("genetic", vec![("population", 20.0), ("parents", 5.0), ("budget", 60.0)]),
        ("zo_rank_sgd", vec![("budget", 15.0)]),
        ("zo_rank_sgd", vec![("budget", 60.0)]),
        ("zo_rank_sgd", vec![("rounds", 7.0)]),
        ("cma_es", vec![("budget", 100.0)]),
    ] {
        let orders: Rc<RefCell<Vec<Vec<Vec<f64>>>>> = Rc::default();
        let put = orders.clone();
        let mut problem = built(text);
        let judge = move |candidates: &[Vec<f64>]| {
            put.borrow_mut().push(candidates.to_vec());
            let mut order: Vec<usize> = (0..candidates.len()).collect();
            order.sort_by(|&a, &b| far(&candidates[a]).total_cmp(&far(&candidates[b])));
            Ok(order.into_iter().map(|k| vec![k]).collect())
        };
        problem.set_ranking("taste", judge).unwrap_or_else(|e| panic!("{e}"));
        let answer = solved(&mut problem, &options(method, &set));
        assert_eq!(answer.status, Status::BestFound, "{method} {set:?}: {:?}", answer.stop);
        let orders = orders.borrow();
        let with_it: Vec<_> = orders.iter().filter(|order| order.contains(&answer.x)).collect();
        assert!(!with_it.is_empty(), "{method} {set:?}: nobody judged {:?}", answer.x);
        let won = |order: &&Vec<Vec<f64>>| order.iter().all(|y| far(&answer.x) <= far(y));
        assert!(with_it.iter().any(won), "{method} {set:?}: it won no order");
    }
    // An order that the budget does not pay for is told as such.
    let mut problem = built(text);
    problem.set_ranking("taste", |_| unreachable!()).unwrap_or_else(|e| panic!("{e}"));
    let answer = solved(&mut problem, &options("zo_rank_sgd", &[("budget", 14.0)]));
    assert!(matches!(&answer.stop, Stop::Failed(why) if why.contains("15 candidates")), "{:?}", answer.stop);
    assert_eq!(answer.status, Status::Failed);
}

#[test]
fn rankings_never_show_a_value_and_any_rising_transform_gives_the_same_bytes() {
    let models = ["-dot(y, y - 2)", "exp(-dot(y, y - 2))", "(-dot(y, y - 2))^3"]
        .map(|hidden| format!("var x[1..4] start 3\noracle taste(y[1..4]) ranks by {hidden}\nmaximize taste(x)"));
    for method in ["zo_rank_sgd", "cma_es", "genetic"] {
        let points: Vec<Vec<u64>> = models
            .iter()
            .map(|text| {
                let set = if method == "genetic" { ("generations", 10.0) } else { ("rounds", 60.0) };
                let answer = solved(&mut built(text), &options(method, &[set]));
                assert!(answer.objective().is_none_or(f64::is_nan), "{method}: a ranking has no value");
                assert_eq!(answer.status, Status::BestFound, "{method}");
                answer.x.iter().map(|v| v.to_bits()).collect()
            })
            .collect();
        assert!(points.iter().all(|p| *p == points[0]), "{method}");
    }
    // What is minimised is the last of the order.
    let text = "var x[1..2] start 3\noracle pain(y[1..2]) ranks by dot(y, y)\nminimize 2 * pain(x) + 1\nensure dot(x, x) <= 1e-6";
    assert_eq!(solved(&mut built(text), &Options::default()).exit_code(), 0);
    for method in ["lbfgs", "cbo", "zo_sgd", "nelder_mead"] {
        assert!(built(text).plan(&options(method, &[])).is_err(), "{method} cannot do with ranks");
    }
}

#[test]
fn a_simulated_judge_is_not_asked_beyond_the_budget() {
    let text = "var x[1..3] start 2\noracle cost(y[1..3]) values by dot(y, y)\nminimize f: cost(x)\nshow cost(x)";
    for method in ["cma_es", "zo_sgd", "zo_rank_sgd", "genetic", "nelder_mead"] {
        let answer = solved(&mut built(text), &options(method, &[("budget", 50.0)]));
        assert_eq!(answer.counts.oracles[0].candidates, 50, "{method}");
        let value: f64 = answer.x.iter().map(|v| v * v).sum();
        assert!(answer.objective().is_some_and(|f| (f - value).abs() <= 1e-12 * (1.0 + value)), "{method}");
    }
}

#[test]
fn norms_of_answers_are_compared_as_they_are() {
    let text = "var x[1..3] start 4\noracle place(y[1..3], k) values via host\nlet p[k in 1..2] = place(x, k)
        maximize c: -norm(p - 1) - 0.1 * norm(x)";
    for method in ["cma_es", "zo_rank_sgd", "zo_sgd", "cbo", "genetic"] {
        let mut problem = built(text);
        let best = Rc::new(RefCell::new(f64::NEG_INFINITY));
        let seen = best.clone();
        let places = move |questions: &[Vec<f64>]| {
            let answers: Vec<f64> = questions.iter().map(|q| q[q[3] as usize - 1] + 0.5 * q[2]).collect();
            for (pair, q) in answers.chunks(2).zip(questions.chunks(2)) {
                let miss = ((pair[0] - 1.0).powi(2) + (pair[1] - 1.0).powi(2)).sqrt();
                let size = q[0][..3].iter().map(|v| v * v).sum::<f64>().sqrt();
                let value = -miss - 0.1 * size;
                seen.replace_with(|best| best.max(value));
            }
            Ok(answers)
        };
        problem.set_oracle("place", places).unwrap_or_else(|e| panic!("{e}"));
        let answer = solved(&mut problem, &options(method, &[("budget", 300.0)]));
        let (value, best) = (answer.objective().expect("a value"), *best.borrow());
        assert!((value - best).abs() <= 1e-12, "{method}: {value}, but {best} was seen");
    }
}

#[test]
fn an_elite_proves_itself_by_fresh_answers_that_are_kept() {
    let host = Rc::new(Memory::default());
    let text = "var x[1..2] in [-5, 5] start 4\noracle cost(y[1..2]) values via host\nminimize f: cost(x)";
    host.files.borrow_mut().insert("m.opt".into(), text.into());
    let run = |trials: f64, silent: bool| {
        let mut problem =
            Model::from_host(host.clone(), "m.opt").and_then(|m| m.build()).unwrap_or_else(|e| panic!("{e}"));
        let said = Rc::new(RefCell::new(vec![]));
        let (kept, mut state) = (said.clone(), 1u64);
        let noisy = move |questions: &[Vec<f64>]| {
            if silent {
                return Err("nobody is here".to_string());
            }
            let mut answer = |q: &Vec<f64>| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let value = q[0] * q[0] + q[1] * q[1] + 20.0 * (state >> 33) as f64 / (1u64 << 31) as f64;
                kept.borrow_mut().push((q.clone(), value));
                value
            };
            Ok(questions.iter().map(&mut answer).collect())
        };
        problem.set_oracle("cost", noisy).unwrap_or_else(|e| panic!("{e}"));
        let set = [("population", 30.0), ("finalists", 4.0), ("generations", 12.0), ("trials", trials)];
        let options = Options { journal: Some("j".into()), ..options("genetic", &set) };
        (solved(&mut problem, &options), said.borrow().clone())
    };
    let (lucky, said) = run(1.0, false);
    let least = said.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    assert_eq!(lucky.objective(), Some(least), "one answer each: the least counts");
    host.files.borrow_mut().remove("j");
    let (proven, said) = run(25.0, false);
    let of_answer: Vec<f64> = said.iter().filter(|(q, _)| *q == proven.x).map(|(_, value)| *value).collect();
    assert!(of_answer.len() > 25, "asked about {} times", of_answer.len());
    let mean = of_answer.iter().sum::<f64>() / of_answer.len() as f64;
    assert!((proven.objective().expect("a value") - mean).abs() <= 1e-9, "{:?} {mean}", proven.objective());
    let truth = |x: &[f64]| x[0] * x[0] + x[1] * x[1];
    assert!(truth(&proven.x) < truth(&lucky.x), "{:?} {:?}", proven.x, lucky.x);
    // Once more from the journal, with nobody to ask: the same point from the same answers.
    let (again, _) = run(25.0, true);
    assert_eq!((&again.x, again.counts.oracles[0].questions), (&proven.x, 0), "{:?}", again.stop);
    // A budget holds for proofs as well, and a target is reached by a mean and by no single answer.
    let mut problem = built(&text.replace(" in [-5, 5]", ""));
    problem.set_oracle("cost", |q| Ok(vec![1.0; q.len()])).unwrap_or_else(|e| panic!("{e}"));
    let answer = solved(&mut problem, &options("genetic", &[("trials", 25.0), ("budget", 1000.0)]));
    assert_eq!((answer.status, answer.stop), (Status::BestFound, Stop::Budget));
    assert!(answer.counts.oracles[0].candidates <= 1000);
    let answer = solved(&mut problem, &options("genetic", &[("trials", 25.0), ("target", 1.0)]));
    assert_eq!(answer.stop, Stop::Finished);
    assert_eq!(answer.counts.oracles[0].candidates, 200 + 11 * 25);
}

#[test]
fn a_person_may_stop_and_go_on() {
    let host = Rc::new(Memory::default());
    let text = "var x[1..2] in [0, 4] start 4\noracle liked(y[1..2]) ranks via asking\nmaximize liked(x)
        solve with zo_rank_sgd { m = 3, rounds = 4, steps = line_search, lengths = 1, mu = 0.1 }";
    host.files.borrow_mut().insert("m.opt".into(), text.into());
    let say = |lines: &[&str]| host.said.borrow_mut().extend(lines.iter().map(|l| l.to_string()));
    let run = || {
        host.shown.borrow_mut().clear();
        let mut problem =
            Model::from_host(host.clone(), "m.opt").and_then(|m| m.build()).unwrap_or_else(|e| panic!("{e}"));
        solved(&mut problem, &Options::default())
    };
    say(&["stop"]);
    let mut sources = merit::diag::Sources::default();
    sources.add("m.opt", text);
    let text_of_nothing = merit::answer::text::render(&run(), &sources, false);
    assert!(text_of_nothing.contains("maximize objective: nothing was answered"), "{text_of_nothing}");
    say(&["2 > 1 = 3", "first", "2 > 1", "stop"]);
    let stopped = run();
    assert_eq!(stopped.status, Status::Interrupted);
    assert!(host.shown.borrow().contains("`first` is no candidate: they are 1 to 2"), "{}", host.shown.borrow());
    assert!(host.shown.borrow().contains("y[2]"), "{}", host.shown.borrow());
    assert_eq!(stopped.counts.oracles[0].questions, 2);
    let lines = ["1 > 2 > 3", "1 > 2", "3 > 2 > 1", "2 > 1", "2 > 1", "1 > 2", "3 > 1", "1 > 2", "1", "1"];
    say(&lines);
    let resumed = run();
    assert_eq!(resumed.status, Status::BestFound, "{:?}", resumed.stop);
    // Questions are numbered on from the two of before.
    let shown = host.shown.borrow().clone();
    assert!(shown.contains("\nliked 3\n") && !shown.contains("\nliked 2\n"), "{shown}");
    // The two of before, and what came up again by itself.
    assert!(resumed.counts.oracles[0].known >= 2);
    // All of it once more, with nothing said.
    host.said.borrow_mut().clear();
    let again = run();
    assert_eq!((&again.x, again.counts.oracles[0].questions), (&resumed.x, 0));
    // Somebody else is asked anew, with a word about it, and has nothing to say.
    let journal = || String::from_utf8(host.files.borrow()["m.journal"].clone()).unwrap();
    let before = journal();
    host.files.borrow_mut().insert("m.opt".into(), text.replace("y[1..2]", "z[1..2]").into());
    let prepared = Model::from_host(host.clone(), "m.opt").and_then(|m| m.build()).unwrap();
    let doubts = prepared.doubts_of_journal(&Options::default());
    assert!(
        doubts[0].message.contains("answers of `liked` in the journal `m.journal` belong to another"),
        "{doubts:?}"
    );
    say(&["1 > 2 > 3", "stop"]);
    assert_eq!((run().counts.oracles[0].questions, journal().starts_with(&before)), (1, true));
    // Each declaration finds its own answers again.
    say(&["stop"]);
    let other = run();
    assert_eq!((other.counts.oracles[0].questions, other.counts.oracles[0].known), (0, 1));
    host.files.borrow_mut().insert("m.opt".into(), text.into());
    host.said.borrow_mut().clear();
    let back = run();
    assert_eq!((&back.x, back.counts.oracles[0].questions), (&resumed.x, 0));
}

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("oracles_{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

fn merit(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_merit"));
    command.args(["solve", "m.opt", "--json"]).args(arguments).current_dir(folder).stderr(Stdio::null());
    command
}

fn json(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = merit(folder, arguments).output().expect("merit runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn commands_that_hang_die_or_talk_nonsense_are_told_with_everything_kept() {
    let folder = folder("bad");
    // It answers two questions in all, also if it is started again, and then does what `$0` says.
    let script = "while read -r line; do echo >> asked; n=$(($(wc -l < asked))); id=${line#*:}; id=${id%%,*}; \
                  if [ $n -gt 2 ]; then eval \"$0\"; fi; echo \"{\\\"id\\\":$id,\\\"value\\\":$n}\"; done";
    std::fs::write(folder.join("judge.sh"), script).expect("written");
    std::fs::write(folder.join("refusal"), "{\"error\":\"paper is out\"}\n").expect("written");
    for (then, why) in [
        ("exec sleep 30", "gave no answer within 0.3 s"),
        ("exit 7", "died"),
        ("echo hello", "answered nonsense"),
        ("cat refusal", "says: paper is out"),
    ] {
        let model = format!(
            "var x in [0, 1] start 0.3\noracle cost(y) values via command(\"sh -c '. ./judge.sh' '{then}'\")\nminimize cost(x)\n"
        );
        std::fs::write(folder.join("m.opt"), model).expect("written");
        let _ = std::fs::remove_file(folder.join("m.journal"));
        let _ = std::fs::remove_file(folder.join("asked"));
        let began = Instant::now();
        let answer = json(&folder, &["--set", "timeout=0.3"]);
        assert_eq!(answer["status"], "failed", "{then}: {answer}");
        let stopped = answer["stopped"].as_str().expect("it says why");
        assert!(stopped.contains(why), "{then}: {stopped}");
        assert_eq!(answer["diagnosis"]["unanswered"]["line"], 2, "{then}: {answer}");
        assert!(began.elapsed() < Duration::from_secs(20), "{then}");
        let kept = std::fs::read_to_string(folder.join("m.journal")).expect("there is a journal");
        assert!(kept.lines().filter(|line| line.contains("\"value\"")).count() == 2, "{then}: {kept}");
        assert_eq!(answer["objective"], 1.0, "{then}: the best that was answered");
        assert_eq!(answer["counts"]["oracles"]["cost"]["questions"], 2, "{then}: a batch is not counted as a whole");
        let help = answer["diagnosis"]["unanswered"]["help"].as_str().expect("there is help");
        assert!(help.contains("m.journal"), "{help}");
    }
    std::fs::write(
        folder.join("m.opt"),
        "var x\noracle cost(y) values via command(\"no_such_program\")\nminimize cost(x)",
    )
    .expect("written");
    let answer = json(&folder, &["--journal", "none"]);
    assert!(answer["stopped"].as_str().is_some_and(|s| s.contains("cannot be started")), "{answer}");
}

#[test]
fn a_point_of_which_nothing_was_said_is_no_candidate() {
    let folder = folder("silent");
    for (answers, request) in [("values", "\"value\":[0.0]"), ("ranks", "\"rank\":[[0.0],[1.0]]")] {
        let model = format!("var x in [0, 1]\noracle cost(y) {answers} via command(\"false\")\nminimize cost(x)\n");
        std::fs::write(folder.join("m.opt"), model).expect("written");
        let answer = json(&folder, &[]);
        assert_eq!((&answer["status"], &answer["certificate"]["holds"]), (&"failed".into(), &false.into()), "{answer}");
        let silent = answer["certificate"]["residuals"].as_array().expect("residuals");
        let silent = silent.iter().find(|r| r["name"] == "unanswered").expect("a residual of its own");
        assert_eq!((&silent["value"], &silent["worst"]["label"]), (&1.0.into(), &"cost".into()), "{answer}");
        assert!(!answer.to_string().contains("best of the candidates"), "{answer}");
        let help = answer["diagnosis"]["unanswered"]["help"].as_str().expect("there is help");
        assert!(help.contains("run `false` by hand") && help.contains(request), "{help}");
        let journal =
            std::fs::read_to_string(folder.join("m.journal")).expect("it was opened before anybody was asked");
        assert!(!journal.contains("about"), "{journal}");
    }
}

/// Answers with a bowl, 2 ms later, and writes down what it was asked.
const JUDGE: &str = r#"
import json, sys, time
for line in sys.stdin:
    ask = json.loads(line)
    with open("asked.log", "a") as log:
        log.write(json.dumps(ask.get("value", ask.get("rank"))) + "\n")
    time.sleep(0.002)
    bowl = lambda x: sum((k + 1) * (v - 1) ** 2 for k, v in enumerate(x))
    if "value" in ask:
        print(json.dumps({"id": ask["id"], "value": bowl(ask["value"])}), flush=True)
    else:
        order = sorted(range(len(ask["rank"])), key=lambda k: bowl(ask["rank"][k]))
        print(json.dumps({"id": ask["id"], "order": [k + 1 for k in order][: ask["best"]]}), flush=True)
"#;

fn without_time(mut answer: serde_json::Value) -> serde_json::Value {
    answer["time"] = serde_json::Value::Null;
    answer
}

/// What must not depend on how often a solve was killed: everything but what was asked and what was known.
fn result(answer: serde_json::Value) -> serde_json::Value {
    let mut answer = without_time(answer);
    answer["counts"]["oracles"] = serde_json::Value::Null;
    answer["certificate"]["notes"] = serde_json::Value::Null;
    answer
}

#[test]
fn killed_twenty_times_it_ends_at_the_same_answer_with_nothing_asked_twice() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("python3 is not there: not tried");
        return;
    }
    let folder = folder("killed");
    std::fs::write(folder.join("judge.py"), JUDGE).expect("written");
    let models = [
        ("values", "minimize cost(x) + 0.01 * sum(x)", "--set=budget=250"),
        ("ranks", "maximize cost(x)", "--set=budget=800"),
    ];
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut kills = 0;
    for (answers, objective, budget) in models {
        let model = format!(
            "var x[1..3] in [-5, 5] start 4\noracle cost(y[1..3]) {answers} via command(\"python3 judge.py\")\n{objective}\n"
        );
        std::fs::write(folder.join("m.opt"), model).expect("written");
        let clean = || {
            let _ = std::fs::remove_file(folder.join("m.journal"));
            let _ = std::fs::remove_file(folder.join("asked.log"));
        };
        clean();
        let reference = json(&folder, &[budget]);
        assert_eq!(reference["status"], "best found", "{reference}");
        clean();
        let (wanted, mut here) = (kills + 10, 0);
        while kills < wanted {
            let mut child = merit(&folder, &[budget]).stdout(Stdio::null()).spawn().expect("merit runs");
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            std::thread::sleep(Duration::from_millis(40 + random % 90));
            if child.try_wait().expect("it can be waited for").is_some() {
                check(&folder, budget, &reference, here);
                (here, _) = (0, clean());
                continue;
            }
            child.kill().expect("it can be killed");
            child.wait().expect("it can be waited for");
            (kills, here) = (kills + 1, here + 1);
        }
        check(&folder, budget, &reference, here);
    }
    assert_eq!(kills, 20);
}

/// Goes on from the journal after `kills`, and compares.
fn check(folder: &Path, budget: &str, reference: &serde_json::Value, kills: usize) {
    let answer = json(folder, &[budget]);
    assert_eq!(result(answer), result(reference.clone()));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it was written");
    let journal = read("m.journal");
    let answers: Vec<&str> = journal.lines().filter(|line| line.contains("\"about\"") && line.ends_with('}')).collect();
    let mut unique = answers.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), answers.len(), "an answer stands twice in the journal");
    // Only a question that nobody had answered when the solve was killed is put again.
    let asked = read("asked.log").lines().count();
    assert!(asked <= answers.len() + kills, "{asked} questions for {} answers and {kills} kills", answers.len());
}

#[test]
fn threads_and_copies_change_no_byte() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("python3 is not there: not tried");
        return;
    }
    let folder = folder("threads");
    std::fs::write(folder.join("judge.py"), JUDGE).expect("written");
    let model = "var x[1..3] in [-5, 5] start 4\noracle cost(y[1..3]) values via command(\"python3 judge.py\")\nminimize cost(x)\n";
    std::fs::write(folder.join("m.opt"), model).expect("written");
    let run = |threads: &str, parallel: &str| {
        let arguments = ["--journal=none", "--set=budget=120", "--seed=3", threads, parallel];
        let mut answer = without_time(json(&folder, &arguments));
        answer["plan"]["options"] = serde_json::Value::Null;
        answer.to_string()
    };
    let one = run("--threads=1", "--set=parallel=1");
    assert_eq!(one, run("--threads=2", "--set=parallel=1"));
    assert_eq!(one, run("--threads=2", "--set=parallel=2"));
}

#[test]
fn what_a_person_said_of_the_vase_is_enough_to_solve_it_again() {
    let folder = folder("vase");
    let example = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    std::fs::copy(example("vase.opt"), folder.join("m.opt")).expect("copied");
    std::fs::copy(example("vase.journal"), folder.join("m.journal")).expect("copied");
    let output = merit(&folder, &[]).stdin(Stdio::null()).output().expect("merit runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    assert_eq!(answer["status"], "best found", "{answer}");
    assert_eq!(answer["counts"]["oracles"]["pretty"]["questions"], 0, "{answer}");
    assert_eq!(answer["counts"]["oracles"]["pretty"]["known"], 16, "{answer}");
    // Somebody who says a few words less is asked from there on.
    let journal = std::fs::read_to_string(folder.join("m.journal")).expect("it is there");
    let shorter: Vec<&str> = journal.lines().take(10).collect();
    std::fs::write(folder.join("m.journal"), shorter.join("\n")).expect("written");
    let output = merit(&folder, &[]).stdin(Stdio::null()).output().expect("merit runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    assert_eq!(answer["status"], "interrupted", "{answer}");
    assert_eq!(answer["counts"]["oracles"]["pretty"]["known"], 8, "{answer}");
}

#[test]
fn rows_beside_an_oracle_are_kept_and_nobody_is_asked_about_what_breaks_them() {
    let text = "var x[1..2] in [0, 2] start 2\nvar k integer in 0..9 start 9\noracle cost(y[1..2], m) values via host
        minimize f: cost(x, k)\nsubject to { half: x[1] + x[2] >= 1\n enough: k + x[1] >= 2.2\n round: dot(x, x) <= 8 }";
    for (method, near) in [("cma_es", 0.02), ("genetic", 0.2), ("zo_rank_sgd", 0.3)] {
        let mut problem = built(text);
        let cost = |q: &Vec<f64>| {
            assert!(q[0] + q[1] >= 1.0 && q[2] + q[0] >= 2.2, "asked about {q:?}");
            q[0] * q[0] + q[1] * q[1] + q[2]
        };
        problem.set_oracle("cost", move |q| Ok(q.iter().map(cost).collect())).unwrap_or_else(|e| panic!("{e}"));
        let answer = solved(&mut problem, &options(method, &[("budget", 6000.0)]));
        let said = format!("{method}: {} {:?} {:?}", answer.status, answer.stop, answer.variables);
        assert_eq!(answer.status, Status::BestFound, "{said}");
        // k = 2 with both halves; k = 1 would want x[1] = 1.2.
        let value = answer.objective().expect("a value");
        assert!((2.439..=2.5 + near).contains(&value), "{said}");
    }
    // Of ranks, wherever the greatest or the least is wanted.
    for (sense, hidden) in [("maximize", "-dot(y, y)"), ("minimize", "dot(y, y)")] {
        for (method, near) in [("cma_es", 1e-3), ("zo_rank_sgd", 0.1)] {
            let text = format!(
                "var x[1..2] in [0, 2] start 2\noracle taste(y[1..2]) ranks by {hidden}\n{sense} taste(x)\nsubject to half: x[1] + x[2] >= 1"
            );
            let answer = solved(&mut built(&text), &options(method, &[("rounds", 400.0)]));
            let said = format!("{method} {sense}: {} {:?}", answer.status, answer.x);
            assert_eq!(answer.status, Status::BestFound, "{said}");
            assert!(answer.x[0] + answer.x[1] >= 1.0 && answer.x.iter().all(|v| (v - 0.5).abs() <= near), "{said}");
        }
    }
    // A row that nobody keeps: the least violation, which is no answer.
    let text = "var x in [0, 2]\noracle cost(y) values by y\nminimize cost(x)\nsubject to far: x^2 >= 9";
    let answer = solved(&mut built(text), &options("cma_es", &[]));
    assert!(!answer.certificate.holds() && answer.exit_code() != 0, "{}", answer.status);
    assert!((answer.x[0] - 2.0).abs() <= 1e-6, "{:?}", answer.x);
    // Methods of values keep none.
    let plan = built(text).plan(&options("zo_sgd", &[]));
    assert!(plan.is_err_and(|e| e.to_string().contains("row `far`")));
}

#[test]
fn equations_beside_an_oracle_are_refused_with_a_way_out() {
    for (answers, way) in [("values", "add a penalty"), ("ranks", "let the oracle judge it as well")] {
        let text = format!(
            "var x[1..2] in [0, 2]\noracle cost(y[1..2]) {answers} by dot(y, y)\nminimize cost(x)\nsubject to half: x[1] + x[2] == 1"
        );
        let error = built(&text).plan(&Options::default()).expect_err("no method keeps it and asks").to_string();
        assert!(error.contains("bounds and inequalities: row `half`") && error.contains(way), "{error}");
    }
}

/// A comparison on the command line, and its picture; without times.
fn compared(folder: &Path, arguments: &[&str]) -> (serde_json::Value, String) {
    let compare = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_merit"));
        command.args(["compare", "m.opt"]).args(arguments).args(more).current_dir(folder).stderr(Stdio::null());
        command.output().expect("merit runs").stdout
    };
    let mut all: serde_json::Value = serde_json::from_slice(&compare(&["--json", "--plot=p.svg"])).expect("JSON");
    for key in ["methods", "runs"] {
        all[key].as_array_mut().expect("a list").iter_mut().for_each(|row| row["time"] = serde_json::Value::Null);
    }
    let picture = std::fs::read_to_string(folder.join("p.svg")).expect("a picture");
    let (evaluations, _) = picture.split_once(">seconds<").expect("a panel of seconds after that of evaluations");
    let curves: Vec<&str> = evaluations.lines().filter(|line| line.contains("<polyline")).collect();
    let half = curves[..curves.len() / 2].join("\n");
    (all, half)
}

#[test]
fn methods_and_seeds_are_measured_alike_whatever_stands_in_the_journal() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("python3 is not there: not tried");
        return;
    }
    let folder = folder("compared");
    std::fs::write(folder.join("judge.py"), JUDGE).expect("written");
    for (answers, sense, methods, set) in [
        ("values", "minimize", "cma_es,zo_sgd,genetic", "genetic.population=20"),
        ("values", "minimize", "cma_es,nelder_mead", "repeats=2"),
        ("ranks", "minimize", "cma_es,zo_rank_sgd", "budget=60"),
    ] {
        let model = format!(
            "var x[1..2] in [-5, 5] start 4\noracle cost(y[1..2]) {answers} via command(\"python3 judge.py\")\n\
             {sense} f: cost(x)\n"
        );
        std::fs::write(folder.join("m.opt"), model).expect("written");
        let _ = std::fs::remove_file(folder.join("m.journal"));
        let arguments = ["--with", methods, "--seeds", "0..1", "--set", set, "--set", "budget=60"];
        let first = compared(&folder, &arguments);
        let second = compared(&folder, &arguments);
        assert_eq!(first, second, "{answers}");
        std::fs::remove_file(folder.join("m.journal")).expect("it is there");
        // Methods in another order answer each other's questions, and are measured as before.
        let turned: Vec<&str> = methods.rsplit(',').collect();
        let third =
            compared(&folder, &["--with", &turned.join(","), "--seeds", "0..1", "--set", set, "--set", "budget=60"]);
        let runs = |all: &serde_json::Value| {
            let mut runs: Vec<String> = all["runs"].as_array().expect("runs").iter().map(|r| r.to_string()).collect();
            runs.sort();
            runs
        };
        assert_eq!(runs(&first.0), runs(&third.0), "{answers}");
        for run in first.0["runs"].as_array().expect("runs") {
            let candidates = run["candidates"].as_u64().expect("a count");
            let progress = run["progress"].as_array().expect("progress");
            let last = progress.last().and_then(|line| line[1].as_u64()).expect("evaluations of the last line");
            assert!(candidates > 20 && candidates <= 60 && last <= candidates && last > 0, "{run}");
            if answers == "values" && run["method"] != "nelder_mead" {
                assert_eq!(candidates, 60, "the budget is spent: {run}");
            }
        }
    }
}

#[test]
fn a_comparison_of_ranks_says_what_the_judge_hides() {
    let folder = folder("ranked");
    let model =
        "var x[1..2] in [-5, 5] start 4\noracle taste(y[1..2]) ranks by 7 - dot(y, y)\nminimize f: -2 * taste(2 * x)\n";
    std::fs::write(folder.join("m.opt"), model).expect("written");
    let arguments = ["--with", "cma_es,zo_rank_sgd", "--seeds", "0..1", "--set", "budget=2000"];
    let (all, _) = compared(&folder, &arguments);
    for run in all["runs"].as_array().expect("runs") {
        let hidden = run["hidden"].as_f64().expect("a simulated judge says it");
        assert!((6.0..=7.0).contains(&hidden) && !run["objective"].is_number(), "{run}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_merit"));
    let output = command.args(["compare", "m.opt"]).args(arguments).current_dir(&folder).output().expect("merit runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("The candidates are ranked and have no value") && text.contains("what the judge hides"),
        "{text}"
    );
}

#[test]
fn journals_that_cannot_be_written_or_are_none_stop_before_anybody_is_asked() {
    let folder = folder("unwritable");
    let command = "sh -c 'while read -r line; do echo >> asked; echo \\\"{}\\\"; done'".replace("\\\"", "");
    let model = format!("var x in [0, 1]\noracle cost(y) values via command(\"{command}\")\nminimize cost(x)\n");
    std::fs::write(folder.join("m.opt"), &model).expect("written");
    std::fs::create_dir(folder.join("d")).expect("made");
    std::fs::write(folder.join("v"), "{\"merit_journal\":99}\n").expect("written");
    for (journal, why) in [
        ("m.opt", "`m.opt` is no journal"),
        ("v", "`v` is a journal of version 99"),
        ("d", "the journal `d` cannot be read"),
        ("no/such/folder/j", "the journal `no/such/folder/j` cannot be written, so that nobody is asked"),
    ] {
        let answer = json(&folder, &["--journal", journal]);
        let stopped = answer["stopped"].as_str().expect("it says why");
        assert!(stopped.contains(why), "{journal}: {stopped}");
        assert!(!folder.join("asked").exists(), "{journal}: somebody was asked");
    }
    assert_eq!(std::fs::read_to_string(folder.join("m.opt")).expect("it is there"), model);
}

#[cfg(unix)]
#[test]
fn a_journal_that_another_run_is_writing_is_left_to_it() {
    let folder = folder("two_runs");
    let slow = "sh -c 'touch began; sleep 30'";
    let model = format!("var x in [0, 1]\noracle cost(y) values via command(\"{slow}\")\nminimize cost(x)\n");
    std::fs::write(folder.join("m.opt"), model).expect("written");
    let mut first = merit(&folder, &[]).stdout(Stdio::null()).spawn().expect("merit runs");
    let began = Instant::now();
    while !folder.join("began").exists() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let answer = json(&folder, &[]);
    first.kill().expect("it can be killed");
    first.wait().expect("it can be waited for");
    let stopped = answer["stopped"].as_str().expect("it says why");
    assert!(stopped.contains("another run is asking"), "{stopped}");
    // Whoever was killed holds nothing any more.
    let answer = json(&folder, &["--set", "timeout=0.2"]);
    assert!(answer["stopped"].as_str().is_some_and(|s| s.contains("gave no answer")), "{answer}");
}
