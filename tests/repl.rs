//! Conversations: their core, through a pipe, and at a pseudo-terminal.

use merit::answer::Status;
use merit::host::{Disk, Memory};
use merit::repl::lines::{Lines, unfinished};
use merit::repl::{Conversation, Reply};
use std::io::Write;
use std::ops::ControlFlow;
use std::process::{Command, Output, Stdio};
use std::rc::Rc;

fn say(conversation: &mut Conversation, text: &str) -> Reply {
    conversation.say(text, &mut |_| ControlFlow::Continue(()))
}

/// What is said to an input that is carried out.
fn done(conversation: &mut Conversation, text: &str) -> String {
    let reply = say(conversation, text);
    let told: Vec<String> = reply.told.iter().map(|errors| errors.to_string()).collect();
    assert!(!reply.failed, "{text}: {}", told.join("\n"));
    reply.text
}

/// What is said of an input that is not.
fn refused(conversation: &mut Conversation, text: &str) -> String {
    let reply = say(conversation, text);
    assert!(reply.failed, "{text} was carried out: {}", reply.text);
    reply.told.iter().map(|errors| errors.to_string()).collect()
}

fn conversation() -> Conversation {
    Conversation::new(Rc::new(Memory::default()))
}

/// A text as the pipe cuts it into inputs.
fn inputs(text: &str) -> Vec<String> {
    let mut lines = Lines::default();
    let mut all: Vec<String> = text.lines().flat_map(|line| lines.push(line)).collect();
    all.extend(lines.finish());
    all
}

#[test]
fn the_layout_decides_what_goes_on() {
    let rows: &[(&str, bool)] = &[
        ("x + 1", false),
        ("x +", true),
        ("sum(i in 1..3:", true),
        ("subject to {", true),
        ("subject to {\n  a: x <= 1\n}", false),
        ("subject to", true),
        ("let a = [1, 2", true),
        ("minimize", true),
        ("# (", false),
        (":load (", false),
        ("", false),
        // A bracket that a later statement shows to be missing is a mistake, not a wait.
        ("let a = f(1\nvar x", false),
    ];
    for (text, expected) in rows {
        assert_eq!(unfinished(text), *expected, "{text:?}");
    }
    let text = "let a = 1\n\n  + 2\n:solve\n# a comment\nx\n  * y; z\nsubject to {\n\n a: x <= 1\n}\nb\n";
    assert_eq!(
        inputs(text),
        ["let a = 1\n\n  + 2\n", ":solve\n", "# a comment\nx\n  * y; z\n", "subject to {\n\n a: x <= 1\n}\n", "b\n"]
    );
    // A semicolon ends an input at once: nobody need wait for the next line.
    assert_eq!(Lines::default().push("x;"), ["x;\n"]);
}

#[test]
fn declarations_come_in_any_order() {
    let mut c = conversation();
    assert_eq!(done(&mut c, "minimize cost: sum(i in S: q[i] * x[i]^2)"), "`cost` waits for `S`\n");
    assert_eq!(done(&mut c, "set S = 1..3"), "");
    assert!(refused(&mut c, ":solve").contains("nothing is called `q`"));
    // What is sound answers while the rest waits.
    assert!(done(&mut c, "card(S) + 1").starts_with("4\n"));
    assert!(done(&mut c, "S").starts_with("{1, 2, 3}\n"));
    done(&mut c, "param q[S] = [1, 2, 3]");
    assert_eq!(done(&mut c, "var x[S] >= 1"), "x: 3 variables\n");
    let solved = done(&mut c, ":solve");
    assert!(solved.contains("solved") && solved.contains("minimize cost = 6"), "{solved}");
    assert!(done(&mut c, "sum(x) * 2").starts_with("6\n  (a number, affine in x)"));
    assert!(done(&mut c, ":diff cost").contains("d/dx = [2, 4, 6]"));
    assert!(c.waiting().is_empty());
}

#[test]
fn what_is_at_fault_is_refused_and_the_rest_stays() {
    let mut c = conversation();
    done(&mut c, "var x[1..2] in [0, 1]");
    let said = refused(&mut c, "let a = x + [1, 2, 3]");
    assert!(said.contains("conversation:2:"), "places are lines of the conversation: {said}");
    refused(&mut c, "let a = = 2");
    refused(&mut c, "minimze x[1]");
    refused(&mut c, "x[");
    assert_eq!(c.script.kept.len(), 1);
    // Of several statements those at fault alone.
    let reply = say(&mut c, "let b = x[1]\nlet d = x[7]\nlet e = b + 1");
    assert!(reply.failed);
    assert_eq!(c.names(), ["x", "b", "e"]);
    // What makes others wrong is kept, and told.
    let said = refused(&mut c, "var x[1..2, 1..2]");
    assert!(said.contains("let b = x[1]"), "{said}");
    done(&mut c, "let b = x[1, 1]");
    done(&mut c, "x[1, 2] + b");
}

#[test]
fn a_name_that_is_declared_again_is_replaced() {
    let mut c = conversation();
    for text in ["param n = 2", "var x[1..n] in [0, 1]", "minimize cost: sum(x)"] {
        done(&mut c, text);
    }
    done(&mut c, "subject to {\n  a: x[1] >= 0.25 # why\n  b: x[2] >= 0.5\n}");
    let said = done(&mut c, "subject to a: x[1] >= 0.75");
    assert!(said.starts_with("`a` replaces that of line 5"), "{said}");
    let said = done(&mut c, "var x[1..n] in [0, 2]");
    assert!(said.contains("`cost`, `a`, `b` depend on it"), "{said}");
    assert!(done(&mut c, ":solve").contains("minimize cost = 1.25"));
    // `n` decides a set: the model is built again, and says so by not saying otherwise.
    let before = c.counts().elaborations;
    assert!(!done(&mut c, "param n = 3").contains("nothing is built again"));
    assert!(c.counts().elaborations > before);
    assert_eq!(done(&mut c, "x"), done(&mut c, "x"));
    let said = done(&mut c, ":forget a");
    assert!(said.contains("`a` is gone"), "{said}");
    assert!(done(&mut c, ":solve").contains("minimize cost = 0.5"));
    assert!(refused(&mut c, ":forget aa").contains("declares no `aa`"));
}

#[test]
fn changes_act_at_once_and_are_taken_back() {
    let mut c = conversation();
    for text in ["param r = 1", "var x in [0, 5]", "var y in [0, 5]", "minimize cost: x + 2 * y"] {
        done(&mut c, text);
    }
    done(&mut c, "subject to a: x + y >= r");
    let cost = |c: &mut Conversation| {
        done(c, ":solve");
        c.answer_so_far().unwrap().objective().unwrap()
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    near(cost(&mut c), 1.0);
    done(&mut c, "fix x = 0.25");
    near(cost(&mut c), 0.25 + 1.5);
    // It outlives a number and a new statement.
    done(&mut c, "param r = 2");
    near(cost(&mut c), 0.25 + 3.5);
    done(&mut c, "subject to b: y <= 4");
    near(cost(&mut c), 0.25 + 3.5);
    done(&mut c, "restore x");
    near(cost(&mut c), 2.0);
    done(&mut c, "drop a");
    near(cost(&mut c), 0.0);
    done(&mut c, "restore a");
    near(cost(&mut c), 2.0);
    assert!(refused(&mut c, "fix x = 7").contains("lies in [0, 5]"));
    assert!(refused(&mut c, "drop q").contains("no constraint"));
    done(&mut c, "fix x");
    done(&mut c, "var x in [3, 5]");
    near(cost(&mut c), 3.0);
}

/// A number goes into the problem that is there: no elaboration, no plan, no analysis of a matrix.
#[test]
fn another_number_costs_a_solve_and_nothing_else() {
    let mut c = Conversation::new(Rc::new(Disk::new()));
    done(&mut c, ":load examples/acopf.opt");
    done(&mut c, "param load = 1");
    done(
        &mut c,
        "subject to q_balance[b in bus]:
            sum(l in branch where l.f == b.id: qf[l]) + sum(l in branch where l.t == b.id: qt[l])
            == sum(g in gen where g.bus == b.id: qg[g]) - load * b.qd + b.bs * vm[b]^2",
    );
    done(&mut c, ":solve");
    let (before, first) = (c.counts(), c.answer_so_far().unwrap().clone());
    assert!(before.analyses >= 1, "the matrix is sparse and was analysed");
    for given in ["param load = 1.02", "load = 1.04"] {
        let said = done(&mut c, given);
        assert!(said.contains("nothing is built again"), "{said}");
        done(&mut c, ":solve");
    }
    let (after, last) = (c.counts(), c.answer_so_far().unwrap());
    assert_eq!(
        (after.elaborations, after.plans, after.analyses, after.solves),
        (before.elaborations, before.plans, before.analyses, before.solves + 2)
    );
    assert_eq!(last.status, Status::LocallySolved);
    assert!(last.objective() > first.objective(), "more load costs more");
    assert!(last.counts.iterations < first.counts.iterations, "it began at the last answer");
    // The same as from the start.
    let mut fresh = Conversation::new(Rc::new(Disk::new()));
    done(&mut fresh, ":load examples/acopf.opt");
    done(&mut fresh, "param load = 1.04");
    let row = c.script.kept[c.script.declaring("q_balance").unwrap()].text.clone();
    done(&mut fresh, &row);
    done(&mut fresh, ":solve");
    let (a, b) = (last.objective().unwrap(), fresh.answer_so_far().unwrap().objective().unwrap());
    assert!((a - b).abs() <= 1e-6 * b.abs(), "{a} is not {b}");
}

/// What is promised of a number, and what was computed from it, is not forgotten.
#[test]
fn numbers_that_something_was_made_of_build_again() {
    let mut c = conversation();
    for text in [
        "param h > 0 = 2",
        "param c = [h, 2 * h]",
        "param m = {\"a\": h, \"b\": 1}",
        "param twice = 2 * h",
        "param power = 2",
        "var x[1..2] in [0, 9]",
    ] {
        done(&mut c, text);
    }
    for (expression, before, after) in
        [("c[2]", "4", "6"), ("m[\"a\"]", "2", "3"), ("twice", "4", "6"), ("h", "2", "3"), ("c[1] + h", "4", "6")]
    {
        done(&mut c, "param h > 0 = 2");
        assert!(done(&mut c, expression).starts_with(&format!("{before}\n")), "{expression}");
        done(&mut c, "param h > 0 = 3");
        assert!(done(&mut c, expression).starts_with(&format!("{after}\n")), "{expression}");
    }
    // In the problem that is solved, too.
    done(&mut c, "minimize cost: (x[1] - c[2])^2 + (x[2] - m[\"a\"])^2 + (x[1] - twice)^power");
    for (h, cost) in [("3", 0.0), ("1", 0.0), ("2", 0.0)] {
        done(&mut c, &format!("param h > 0 = {h}"));
        done(&mut c, ":solve");
        assert!((c.answer_so_far().unwrap().objective().unwrap() - cost).abs() < 1e-6);
        let x = c.answer_so_far().unwrap().value("x").unwrap().to_vec();
        let h: f64 = h.parse().unwrap();
        assert!((x[0] - 2.0 * h).abs() < 1e-4 && (x[1] - h).abs() < 1e-4, "{x:?} for h = {h}");
    }
    assert!(refused(&mut c, "param h > 0 = -1").contains("h"));
    assert!(done(&mut c, "h").starts_with("2\n"), "what was refused did not happen");
    done(&mut c, "param top >= h = 10");
    assert!(refused(&mut c, "param h > 0 = 11").contains("top"), "a promise of another parameter");
    assert!(refused(&mut c, ":solve").contains("top"));
}

#[test]
fn commands_answer() {
    let mut c = conversation();
    for text in ["param need = 25", "var x[1..4] in [1, 5] start [1, 5, 5, 1]"] {
        done(&mut c, text);
    }
    done(&mut c, "minimize cost: x[1] * x[4] * (x[1] + x[2] + x[3]) + x[3]");
    done(&mut c, "subject to {\n  volume: prod(x) >= need\n  sphere: dot(x, x) == 40\n}");
    assert!(done(&mut c, "volume").contains("no answer yet"));
    done(&mut c, ":solve");
    let rows: &[(&str, &str)] = &[
        (":why volume", "value 25: binding, dual 0.55229"),
        (":why sphere", "an equation that holds"),
        (":why x[1]", "at its lower bound"),
        ("volume", "binding"),
        ("volume.dual", "0.55229"),
        (":plan", "interior_point"),
        (":certificate", "certificate holds"),
        (":show", "volume"),
        (":show volume", "volume: prod(x) >= need"),
        (":latex", "\\begin{align*}"),
        (":latex volume", "\\prod x"),
        (":expand volume", ">= 25"),
        (":diff", "they agree"),
        (":diff dot(x, x)", "d/dx = [2, 9.485"),
        (":diff need * 2", "reads no variables"),
        (":sens cost to need", "0.5522"),
        (":plot x", "*"),
        (":plot progress", "iterations"),
        (":time", "solved 1"),
        (":help", ":solve [METHOD]"),
        (":help why", ":why NAME[i]"),
        (":doc dot", "dot(a, b): the sum of products"),
        (":doc log", "needs"),
        (":doc interior_point", "max_iter"),
        (":doc max_iter", "limit of iterations"),
        (":doc need", "param need = 25"),
        (":set max_iter 200", ""),
        (":set tolerance = 1e-7", ""),
        (":set", "max_iter = 200"),
        (":set max_iter", ""),
        (":set budget 30", "serves problems that ask an oracle"),
        (":set target = 1e-3", ""),
        (":set presolve false", ""),
        (":set", "budget = 30  (how many candidates may be asked about)"),
        (":set budget", ""),
        (":set target", ""),
        (":set presolve", ""),
        (":set", "tolerance = 0.0000001"),
        (
            ":doc budget",
            "option budget of every method that asks: how many candidates may be asked about (default inf)",
        ),
        (":doc target", "(default none)"),
        (":doc timeout", "seconds that a command has"),
        (":doc journal", "option journal of every solve: the file that answers"),
        (":doc presolve", "option presolve of every method"),
        (":doc cma_es", "repeats"),
        (":compare interior_point", "interior_point"),
        (":param", "need = 25"),
        (":param need = 26", "nothing is built again"),
        (":solve augmented_lagrangian", "solved by augmented_lagrangian"),
        ("need", "26\n"),
    ];
    for (text, expected) in rows {
        let said = done(&mut c, text);
        assert!(said.contains(expected), "{text}: {said}");
    }
    let rows: &[(&str, &str)] = &[
        (":slove", "did you mean `:solve`?"),
        (":xyzzy", "`:help` lists the commands"),
        (":", "there is no command `:`"),
        (":why volum", "did you mean `volume`?"),
        (":why", "is used as `:why NAME[i]`"),
        (":why x[9]", "has no element [9]"),
        (":set maxiter 3", "did you mean `max_iter`?"),
        (":set max_iter lots", "max_iter"),
        (":set budget 0", "option `budget` must be a number from 1 up"),
        (":set budgte 3", "did you mean `budget`?"),
        (":set cache 3", "cache"),
        (":set seed -1", "a whole number"),
        (":set method nobody", "the name of a method"),
        (":solve nobody", "nobody"),
        (":doc dto", "did you mean `dot`?"),
        (":help slove", "did you mean `:solve`?"),
        (":plot q", "nothing is called `q`"),
        (":diff x +", "expected an expression"),
        (":sens cost", "is used as `:sens NAME to NAME`"),
        (":sens cost to nothing", "nothing"),
        (":load missing.opt", "cannot read `missing.opt`"),
        (":load", "is used as"),
        (":expand q", "no constraint `q`"),
        (":param need", "is used as"),
        (":param need = 1 +", "expected an expression"),
        (":show q", "declares no `q`"),
        (":reset now", "takes nothing"),
    ];
    for (text, expected) in rows {
        let said = refused(&mut c, text);
        assert!(said.contains(expected), "{text}: {said}");
    }
    // What was set for one method is in the way of another, and it is said how to take it back.
    done(&mut c, ":set budget 30");
    assert!(refused(&mut c, ":solve").contains("`:set budget` alone takes it back"));
    done(&mut c, ":set budget");
    assert!(say(&mut c, ":quit").leave);
    done(&mut c, ":reset");
    assert!(c.names().is_empty() && c.answer_so_far().is_none());
}

/// Every example is told statement by statement, saved, and loads back as the same tree.
#[test]
fn what_is_saved_loads_back() {
    let host = Rc::new(Memory::default());
    let mut told = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "opt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut c = Conversation::new(Rc::new(Disk::new()));
        c.load(merit::Model::from_file(path.to_str().unwrap()).unwrap());
        let saved = c.script.text();
        host.files.borrow_mut().insert("saved.opt".to_string(), saved.clone().into_bytes());
        let mut again = Conversation::new(host.clone());
        again.load(merit::Model::from_host(host.clone(), "saved.opt").unwrap());
        let printed = |c: &Conversation| merit::syntax::print::file(&c.script.file());
        assert_eq!(printed(&c), printed(&again), "{}", path.display());
        // Comments on lines of their own are not lost.
        let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
        assert!(comments(&saved) >= comments(&text), "{}:\n{saved}", path.display());
        told += 1;
    }
    assert!(told > 20);
    let mut c = Conversation::new(host.clone());
    for text in ["var x in [0, 1]", "minimize cost: x # all of it", ":save mine.opt", ":reset", ":load mine.opt"] {
        done(&mut c, text);
    }
    assert_eq!(c.names(), ["x", "cost"]);
    assert!(done(&mut c, ":show cost").contains("# all of it"));
}

/// Buyers choose what fits: at price 5 the north is full at 1, the south takes 1.5 of 5.
const BUYERS: &str = "set REGIONS = {\"north\", \"south\"}
param cap[REGIONS] = {\"north\": 1, \"south\": 5}
var price in [0, 10] start 1
lower buyer[r in REGIONS] {
  var q >= 0
  minimize loss: 0.5 * q^2 - (4 - 0.5 * price) * q
  subject to room: q <= cap[r]
}
maximize revenue: price * sum(r in REGIONS: buyer[r].q)
subject to fair: price <= 9
";

#[test]
fn rows_of_blocks_answer_as_rows_do() {
    let mut c = conversation();
    done(&mut c, BUYERS);
    assert!(done(&mut c, "buyer[\"north\"].room").contains("no answer yet"));
    done(&mut c, ":solve");
    let rows: &[(&str, &str)] = &[
        (":why buyer[\"north\"].room", "value 1: binding, dual -0.5"),
        (":why buyer.room[north]", "changes `buyer.loss` by about -0.5, with what other levels decide held"),
        (":why buyer[\"north\"].room", "buyer.q[north]"),
        ("buyer[\"south\"].room", "not binding, slack 3.5"),
        ("buyer.room", "those with the largest duals:\n  buyer.room[north]: value 1"),
        (":expand buyer[\"south\"].room", "buyer.q[south]\n  <= 5"),
        (":expand buyer.room", "buyer.room[north]  (line 7)"),
        (":expand buyer[\"south\"].loss", "buyer.q[south]"),
        (":show buyer.room", "room: q <= cap[r]\n"),
        (":show buyer[\"north\"].room", "room: q <= cap[r]\n"),
        (":show buyer.q", "var q >= 0\n"),
        (":latex buyer.room", "\\le"),
        (":doc buyer.room", "line 7 of the model: room: q <= cap[r]"),
        (":why buyer[\"north\"].q", "decided by `buyer`"),
        // 1 - (4 - 5 / 2), which the row holds.
        (":why buyer.q[north]", "slope of the objective     -0.5\nheld by buyer.room[north]  -0.5"),
        (":why price", "with what followers decide held"),
        (":why fair", "value 5: not binding, slack 4"),
        (":show fair", "fair: price <= 9"),
        (":diff revenue", "d/dbuyer.q:\n  [north]  5\n  [south]  5"),
        (":why buyer.q", "buyer.q[north]    1\n"),
        ("buyer", "lower buyer[r in REGIONS] {"),
    ];
    for (text, expected) in rows {
        let said = done(&mut c, text);
        assert!(said.contains(expected), "{text}: {said}");
    }
    let rows: &[(&str, &str)] = &[
        (":why buyer.rom", "did you mean `buyer.room`?"),
        (":why buyer.room[east]", "its elements go from [north] to [south]"),
        (":why nothing", "the model has fair, buyer.room"),
        ("fix nothing = 1", "the model has price"),
        ("fix price = 20", "`price` cannot be held at 20"),
        ("drop buyer.room", "rows of blocks cannot be changed"),
        (":show buyer.rom", "declares no `buyer.rom`"),
        (":forget buyer.room", "declares no `buyer.room`"),
    ];
    for (text, expected) in rows {
        let said = refused(&mut c, text);
        assert!(said.contains(expected) && !said.contains("`merit ") && !said.contains("`--"), "{text}: {said}");
    }
    assert!(c.fields().contains(&"room".to_string()), "{:?}", c.fields());
    // What followers decided is known at the answer of the model before it changed, multipliers too.
    done(&mut c, "let half = 0.5 * price");
    assert!(done(&mut c, "buyer[\"north\"].room").contains("binding, dual -0.5"));
    assert!(done(&mut c, "buyer[\"south\"].q").starts_with("1.5"));
}

/// What was changed without a statement, comments, and the places of data outlive `:save` and `:load`.
#[test]
fn what_was_changed_is_saved_too() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("repl-saved");
    let _ = std::fs::remove_dir_all(&folder);
    ["in/data", "out"].iter().for_each(|f| std::fs::create_dir_all(folder.join(f)).expect("a folder for the test"));
    let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it was saved");
    write("in/data/t.csv", "a,b\n1,2\n3,4\n");
    let text = "data t = csv(\"data/t.csv\")
var x[i in t] in [0, 5]
var y in [0, 5] start 4
minimize cost: sum(i in t: i.b * x[i]) + y
subject to {
  # first
  a: sum(x) >= 2 # of all
  b: y >= 1
  # the last row is followed by this
}
# and this ends the file
";
    write("in/m.opt", text);
    let (first, second) = (path("in/m.opt"), path("out/m.opt"));
    let mut c = Conversation::new(Rc::new(Disk::new()));
    done(&mut c, &format!(":load {first}"));
    for change in ["fix x[1] = 0.5", "fix y = 3", "drop b"] {
        done(&mut c, change);
    }
    assert!(!done(&mut c, ":plan").contains("outside of its bounds"), "what is held begins where it is held");
    done(&mut c, ":solve");
    let cost = |c: &Conversation| c.answer_so_far().unwrap().objective().unwrap();
    assert!((cost(&c) - 10.0).abs() < 1e-6, "{}", cost(&c));
    let said = done(&mut c, &format!(":save {second}"));
    assert!(said.contains("`fix y = 3` is a comment there, which `:load` reads"), "{said}");
    assert!(said.contains("m.opt` wants `--drop 'b'`"), "{said}");
    let saved = read("out/m.opt");
    assert_eq!(saved, text.replace("data/t", "../in/data/t") + "#: fix x[1] = 0.5\n#: fix y = 3\n#: drop b\n");
    let mut again = Conversation::new(Rc::new(Disk::new()));
    let said = done(&mut again, &format!(":load {second}"));
    assert!(said.contains("`y` is held at 3") && said.contains("`b` is left out"), "{said}");
    done(&mut again, ":solve");
    assert!((cost(&again) - 10.0).abs() < 1e-6);
    // Saved once more it is the same.
    done(&mut again, &format!(":save {second}"));
    assert_eq!(read("out/m.opt"), saved);
    // A model with errors keeps its changes until it has none.
    let broken = saved.replace("i.b", "i.q");
    write("out/broken.opt", &broken);
    let reply = say(&mut again, &format!(":load {}", path("out/broken.opt")));
    assert!(reply.text.contains("`drop b` waits"), "{}", reply.text);
    done(&mut again, "minimize cost: sum(i in t: i.b * x[i]) + y");
    done(&mut again, ":solve");
    assert!((cost(&again) - 10.0).abs() < 1e-6);
    // A declaration of data counts from the model, `:data` from the current folder, as completion does.
    done(&mut again, ":data more = examples/data/decay.csv");
    assert!(done(&mut again, ":show more").contains("../examples/data/decay.csv\")"));
    done(&mut again, "sum(more.t)");
}

/// Runs the program with a text as its input, in the folder of the repository.
#[test]
fn what_is_asked_has_no_derivatives() {
    let mut c = conversation();
    for text in
        ["var y[1..3] in [-2, 2] start 1", "oracle f(y[1..3]) values by dot(y, y)", "minimize cost: f(y) + y[1]"]
    {
        done(&mut c, text);
    }
    for text in [":diff", ":diff cost", ":diff f(y)", ":diff y[1] + f(y)"] {
        let said = refused(&mut c, text);
        assert!(said.contains("is known by asking `f`; it has no derivatives"), "{text}: {said}");
    }
    // Rows are compared all the same, and expressions that ask nothing have derivatives.
    done(&mut c, "subject to r: dot(y, y) <= 3");
    let reply = say(&mut c, ":diff");
    assert!(reply.failed && reply.text.contains("d r / d y[1]") && !reply.text.contains("cost"), "{}", reply.text);
    done(&mut c, ":set budget 30");
    done(&mut c, ":solve");
    assert!(done(&mut c, ":diff dot(y, y)").contains("d/dy = ["));
    let (seen, text) = (piped(&["diff", "examples/tank.opt"], ""), "is known by asking `trouble`");
    assert_eq!((seen.status.code(), out(&seen).as_str()), (Some(1), ""));
    assert!(err(&seen).contains(text), "{}", err(&seen));
    // What a solve alone gives is no expression, either.
    let mut c = conversation();
    for text in ["var x >= 1", "minimize cost: x^2", "subject to r: x >= 2", ":solve"] {
        done(&mut c, text);
    }
    assert!(refused(&mut c, ":diff r.dual").contains("known after a solve"));
}

/// A conversation about a case of which other files are there.
fn with_cases() -> (Conversation, Rc<Memory>) {
    let host = Rc::new(Memory::default());
    let files: &[(&str, &str)] = &[
        ("a.json", r#"{"n": 2, "bus": [{"id": 1, "p": 3}, {"id": 2, "p": 5}]}"#),
        ("b.json", r#"{"n": 3, "bus": [{"id": 1, "p": 30}, {"id": 2, "p": 50}]}"#),
        ("unfit.json", r#"{"n": 3, "bus": [{"id": 1, "q": 30}, {"id": 2, "q": 50}]}"#),
        ("bus.csv", "id,p\n1,7\n2,8\n"),
        ("unfit.csv", "id,r\n1,7\n2,8\n"),
    ];
    for (name, text) in files {
        host.files.borrow_mut().insert(name.to_string(), text.as_bytes().to_vec());
    }
    let mut c = Conversation::new(host.clone());
    for text in [
        "data case = json(\"a.json\")",
        "data bus = case.bus key id",
        "var x[bus] >= 0",
        "minimize cost: sum(i in bus: (x[i] - bus[i].p)^2)",
        "subject to t: sum(x) <= case.n",
    ] {
        done(&mut c, text);
    }
    (c, host)
}

#[test]
fn data_that_do_not_fit_change_nothing() {
    let (mut c, _) = with_cases();
    let costs = |c: &mut Conversation, expected: f64| {
        done(c, ":solve");
        let cost = c.answer_so_far().unwrap().objective().unwrap();
        assert!((cost - expected).abs() < 1e-4, "{cost} is not {expected}");
    };
    costs(&mut c, 18.0);
    for (text, expected) in [
        (":data case = nosuch.json", "cannot read `nosuch.json`"),
        (":data case = unfit.json", "there is no `p` here"),
        (":data bus = unfit.csv", "there is no `p` here"),
        (":data bus = nosuch.csv", "cannot read"),
    ] {
        let said = refused(&mut c, text);
        assert!(said.contains(expected), "{text}: {said}");
        // The last answer is still that of the model.
        assert!(!done(&mut c, "cost").contains("before it changed"), "{text}");
        costs(&mut c, 18.0);
    }
    done(&mut c, ":data bus = bus.csv");
    costs(&mut c, 84.5);
    // A statement takes back what stood in for it, but not one that is refused.
    refused(&mut c, "data bus = case.buss key id");
    costs(&mut c, 84.5);
    done(&mut c, "data bus = case.bus key id");
    costs(&mut c, 18.0);
}

#[test]
fn other_data_are_saved_or_told() {
    let (mut c, host) = with_cases();
    let saved = |c: &mut Conversation| {
        let said = done(c, ":save out.opt");
        (said, String::from_utf8(host.files.borrow()["out.opt"].clone()).unwrap())
    };
    done(&mut c, ":data case = b.json");
    let (said, text) = saved(&mut c);
    assert!(text.contains("data case = json(\"b.json\")") && !said.contains("--data"), "{said}{text}");
    // A derived table is no place for a path.
    done(&mut c, ":data bus = bus.csv");
    let (said, text) = saved(&mut c);
    assert!(said.contains("`merit solve out.opt --data 'bus=bus.csv'`"), "{said}");
    assert!(text.contains("data bus = case.bus key id"), "{text}");
}

#[test]
fn an_effect_is_told_of_multipliers_that_are_unique() {
    let told = |c: &mut Conversation, name: &str| {
        let said = done(c, &format!(":why {name}"));
        (said.contains("not unique"), said.contains("one more on its right side"))
    };
    let mut c = Conversation::new(Rc::new(Disk::new()));
    done(&mut c, ":load examples/leader.opt");
    done(&mut c, ":solve");
    assert_eq!(told(&mut c, "follower.c@8"), (true, false));
    // Of three rows two say the same: the third has one multiplier all the same.
    let mut c = conversation();
    for text in [
        "var x[1..3]",
        "minimize cost: sum(i in 1..3: (x[i] - 3)^2)",
        "subject to {\n  a: x[1] + x[3] <= 1\n  b: 2 * x[1] + 2 * x[3] <= 2\n  c: x[2] <= 1\n  d: x[1] <= 9\n}",
        ":solve",
    ] {
        done(&mut c, text);
    }
    assert_eq!(told(&mut c, "a"), (true, false));
    assert_eq!(told(&mut c, "b"), (true, false));
    assert_eq!(told(&mut c, "c"), (false, true));
    assert_eq!(told(&mut c, "d"), (false, false));
}

#[test]
fn what_is_meant_is_asked_back() {
    let mut c = conversation();
    for text in ["param need = 3", "var x >= need", "minimize x"] {
        done(&mut c, text);
    }
    assert!(refused(&mut c, ":param nede = 26").contains("did you mean `need`?"));
    assert!(!c.names().contains(&"nede".to_string()));
    assert_eq!(done(&mut c, ":param other = 26"), "other = 26\n");
    // A name that a statement waits for is meant.
    done(&mut c, "subject to r: x >= nees");
    done(&mut c, ":param nees = 4");
    assert!(done(&mut c, ":solve").contains("minimize objective = 4"));
    // A bracket is shown where it stands.
    let said = refused(&mut c, "(1 +\n\n");
    assert!(said.contains("conversation:11:1") && said.contains("(1 +"), "{said}");
    assert!(refused(&mut c, "2 * (1 + [3, 4)").contains("conversation:12:"));
    // An option of asking is kept for a problem that asks.
    assert!(done(&mut c, ":set budget 30").contains("this one asks none"));
    assert_eq!(done(&mut c, ":set max_iter 30"), "");
    done(&mut c, ":set budget");
}

fn piped(words: &[&str], text: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_merit"))
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().unwrap().write_all(text.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn through_a_pipe_there_is_no_prompt_and_the_code_tells() {
    let rows: &[(&[&str], &str, i32)] = &[
        (&[], "", 0),
        (&[], "var x in [1, 2]\nminimize x^2\n:solve", 0),
        (&["repl"], "1 + 1\n", 0),
        (&[], "1 +\n", 1),
        (&[], "var x in [0, 1]\nminimize y\n", 1),
        (&[], ":slove\n1 + 1\n", 1),
        (&[], "var x in [0, 1]\nminimize x\nsubject to x^2 >= 2\n:solve\n", 3),
        (&[], "var x in [0, 1]\nminimize c: (x - 2)^2\nensure c <= 0.5\n:solve", 4),
        (&[], "1 + 1\n:quit\n2 +\n", 0),
        (&["repl", "examples/hs071.opt"], ":solve\n", 0),
        (&["repl", "missing.opt"], "", 2),
    ];
    for (words, text, code) in rows {
        let output = piped(words, text);
        assert_eq!(output.status.code(), Some(*code), "{text}: {}{}", out(&output), err(&output));
    }
    let output = piped(&[], "1 + 1\nx\n");
    assert_eq!(out(&output), "2\n  (a number, of data alone)\n");
    assert!(err(&output).contains("conversation:2:1"), "{}", err(&output));
    let output = piped(&[], "minimize y\n");
    assert!(err(&output).contains("waits for `y`"), "{}", err(&output));
}

/// A program that writes down that it was asked, and answers with how often that was.
const JUDGE: &str = "while read -r line; do echo >> asked; id=${line#*:}; id=${id%%,*}; n=$(($(wc -l < asked)));
    echo \"{\\\"id\\\":$id,\\\"value\\\":$((100 - n))}\"; done";

#[test]
fn what_is_asked_has_a_budget_and_is_not_asked_again() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("repl-asked");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    std::fs::write(folder.join("judge.sh"), JUDGE).expect("written");
    let model = "var x[1..2] in [0, 4] start 4\noracle cost(y[1..2]) values via command(\"sh judge.sh\")
minimize cost(x)\nsolve with cma_es\n";
    std::fs::write(folder.join("m.opt"), model).expect("written");
    let path = folder.join("m.opt").to_str().unwrap().to_string();
    let asked = || std::fs::read_to_string(folder.join("asked")).map_or(0, |text| text.lines().count());
    let known = |output: &Output| out(output).matches("answers were known").count();
    // The command runs in the folder of the model, and its answers stand beside the model.
    let output = piped(&["repl", &path], ":set budget 10\n:solve\n:set budget 25\n:solve\n:set\n");
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("budget = 25"), "{}", out(&output));
    assert_eq!((asked(), known(&output)), (25, 1), "{}", out(&output));
    assert!(out(&output).contains("gave 15 values; 10 answers were known"), "{}", out(&output));
    let journal = std::fs::read_to_string(folder.join("m.journal")).expect("there is a journal beside the model");
    assert_eq!(journal.matches("\"value\"").count(), 25, "{journal}");
    // Another conversation, and the command line, go on from there.
    let output = piped(&[], &format!(":load {path}\n:set budget 30\n:solve\n"));
    assert_eq!((output.status.code(), asked()), (Some(0), 30), "{}{}", out(&output), err(&output));
    let output = piped(&["solve", &path, "--set", "budget=30"], "");
    assert_eq!((output.status.code(), asked()), (Some(0), 30), "{}{}", out(&output), err(&output));
    // Declared otherwise it is asked anew, and told so; declared as before, it finds all answers.
    let other = "oracle cost(y[1..2]) values via command(\"sh ./judge.sh\")";
    let back = "oracle cost(y[1..2]) values via command(\"sh judge.sh\")";
    let output = piped(&["repl", &path], &format!(":set budget 5\n{other}\n:solve\n{back}\n:set budget 30\n:solve\n"));
    assert_eq!((output.status.code(), asked()), (Some(0), 35), "{}{}", out(&output), err(&output));
    let told = err(&output);
    assert!(told.contains("30 answers of `cost` in the journal") && told.contains("`:set journal FILE`"), "{told}");
    assert!(told.contains("5 answers of `cost`"), "{told}");
    assert!(out(&output).contains("gave 0 values; 30 answers were known"), "{}", out(&output));
    // Elsewhere, or nowhere.
    let elsewhere = folder.join("other.journal").to_str().unwrap().to_string();
    let text = format!(":set budget 4\n:set journal {elsewhere}\n:solve\n:set journal none\n:solve\n:set\n");
    let output = piped(&["repl", &path], &text);
    assert_eq!((output.status.code(), asked()), (Some(0), 43), "{}{}", out(&output), err(&output));
    assert_eq!(std::fs::read_to_string(elsewhere).unwrap().matches("\"value\"").count(), 4);
    assert!(out(&output).contains("journal = none"), "{}", out(&output));
}

/// A conversation without a file has a journal of its own, which says where it is when the model gets a file.
#[test]
fn a_conversation_without_a_file_keeps_its_answers() {
    let host = Rc::new(Memory::default());
    let person = |lines: &[&str]| host.said.borrow_mut().extend(lines.iter().map(|line| line.to_string()));
    let mut c = Conversation::new(host.clone());
    for text in ["var x in [0, 4] start 4", "oracle liked(y) ranks via asking", "maximize liked(x)"] {
        done(&mut c, text);
    }
    done(&mut c, ":set method cma_es");
    person(&["1 > 2 > 3 > 4", "stop"]);
    say(&mut c, ":solve");
    assert!(host.files.borrow().contains_key("conversation.journal"));
    person(&["stop"]);
    assert!(say(&mut c, ":solve").text.contains("1 answers were known"));
    let said = done(&mut c, ":save taste.opt");
    assert!(said.contains("`conversation.journal`") && said.contains("--journal conversation.journal"), "{said}");
    // Its arguments changed: the answers are of no use, and not lost.
    person(&["1 > 2 > 3 > 4", "stop"]);
    assert!(refused(&mut c, "var x[1..2] in [0, 4] start 4").contains("`y` is a number, but its value is"));
    let reply = say(&mut c, "oracle liked(y[1..2]) ranks via asking");
    assert!(!reply.failed, "{:?}", reply.told);
    let reply = say(&mut c, ":solve");
    assert!(reply.told[0].to_string().contains("1 answer of `liked`"), "{:?}", reply.told);
    assert_eq!(reply.ended, Some(3));
}

/// The model of the example, statement by statement, then questions and changes.
fn acopf_by_hand() -> String {
    let model = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acopf.opt")).unwrap();
    let model = model.replace("data/pglib", "examples/data/pglib");
    model.replace("- b.pd", "- load * b.pd")
}

#[test]
fn a_power_network_is_built_by_hand_through_a_pipe() {
    let text = format!(
        "{}\nparam load = 1\n:solve\ncost\n:why limit_f[1]\n:why pg[1]\nparam load = 0.9\n:solve\ncost\n:time\n",
        acopf_by_hand()
    );
    let output = piped(&[], &text);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let said = out(&output);
    assert!(said.contains("minimize cost = 2178.08"), "{said}");
    assert!(said.contains("`p_balance` waits for `load`"), "{said}");
    assert!(said.contains("nothing is built again"), "{said}");
    assert!(said.contains("planned 1, solved 2"), "{said}");
}

/// The program at a terminal that is none.
#[cfg(unix)]
mod terminal {
    use super::acopf_by_hand;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::FromRawFd;
    use std::os::unix::process::CommandExt;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::{Duration, Instant};

    /// Longer than anything takes, however busy the machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    struct Person {
        child: Child,
        keyboard: File,
        screen: Receiver<Vec<u8>>,
        /// What was shown and not looked at yet, without escape sequences.
        shown: String,
        partial: Vec<u8>,
    }

    impl Person {
        /// Sits down at a terminal of 50 lines; `state` is where histories are.
        fn at_terminal(state: &str, colour: bool, words: &[&str]) -> Person {
            let (mut outer, mut inner) = (0, 0);
            let size = libc::winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
            // SAFETY: both places are valid, and no name and no attributes are given.
            let opened = unsafe {
                libc::openpty(
                    &mut outer,
                    &mut inner,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    &size as *const _ as *mut _,
                )
            };
            assert_eq!(opened, 0, "there are pseudo-terminals");
            let mut command = Command::new(env!("CARGO_BIN_EXE_merit"));
            command.args(words).current_dir(env!("CARGO_MANIFEST_DIR"));
            command.env("TERM", "xterm").env("XDG_STATE_HOME", state).env_remove("NO_COLOR");
            if !colour {
                command.env("NO_COLOR", "1");
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            // SAFETY: after the fork only these two calls are made, which a child may make.
            unsafe {
                command.pre_exec(move || {
                    libc::close(outer);
                    match libc::login_tty(inner) {
                        0 => Ok(()),
                        _ => Err(std::io::Error::last_os_error()),
                    }
                });
            }
            let child = command.spawn().expect("the program starts");
            // SAFETY: both are open and belong to nobody else.
            let (keyboard, inner) = unsafe { (File::from_raw_fd(outer), File::from_raw_fd(inner)) };
            drop(inner);
            let mut reader = keyboard.try_clone().expect("a second handle");
            let (send, screen) = channel();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                // Reading fails when the program is gone.
                while let Ok(count @ 1..) = reader.read(&mut buffer) {
                    if send.send(buffer[..count].to_vec()).is_err() {
                        break;
                    }
                }
            });
            let mut person = Person { child, keyboard, screen, shown: String::new(), partial: vec![] };
            person.sees("Ctrl-D ends");
            person.sees("merit> ");
            person
        }

        fn types(&mut self, keys: &str) {
            self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
        }

        /// Types an input, sees a text of the reply, and the next prompt.
        fn says(&mut self, input: &str, reply: &str) {
            for line in input.lines() {
                self.types(&format!("{line}\r"));
            }
            self.sees(reply);
            self.sees("merit> ");
        }

        /// Waits until a text is shown; all up to its end counts as looked at.
        fn sees(&mut self, text: &str) {
            let began = Instant::now();
            loop {
                if let Some(at) = self.shown.find(text) {
                    self.shown.drain(..at + text.len());
                    return;
                }
                match self.screen.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                    Ok(bytes) => self.partial.extend(bytes),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                        let _ = self.child.kill();
                        panic!("`{text}` is not shown; instead:\n{}", self.shown);
                    }
                }
                let plain = String::from_utf8_lossy(&self.partial).into_owned();
                self.partial.clear();
                self.shown += &without_escapes(&plain);
            }
        }

        fn leaves(mut self) -> i32 {
            self.types("\x04");
            let began = Instant::now();
            while began.elapsed() < PATIENCE {
                if let Some(status) = self.child.try_wait().expect("it is our child") {
                    return status.code().expect("it ends by itself");
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = self.child.kill();
            panic!("the end of input does not end it");
        }
    }

    /// Without colours and movements of the cursor; one that is cut in two may leave letters behind, which no test is about.
    fn without_escapes(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('\x1b') {
            out += &rest[..at];
            rest = &rest[at + 1..];
            let end = rest.find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |k| k + 1);
            rest = &rest[end.min(rest.len())..];
        }
        out + rest
    }

    /// A folder of this test alone.
    fn folder(name: &str) -> String {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the folder for tests can be written");
        path.to_str().expect("its name is UTF-8").to_string()
    }

    #[test]
    fn a_power_network_is_built_by_hand() {
        let mut person = Person::at_terminal(&folder("repl-acopf"), false, &[]);
        let model = acopf_by_hand();
        let (before, rows) = model.split_once("subject to {").expect("the example has rows");
        let statement = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        for line in before.lines().filter(statement) {
            let name = line.split(['[', ' ', ':', '=']).nth(1).expect("it declares a name");
            let reply = match line.split(' ').next() {
                Some("var") => format!("{name}: "),
                Some("minimize") => "cost: to minimize".to_string(),
                _ => String::new(),
            };
            person.says(line, &reply);
        }
        let rows = format!("subject to {{{}", rows.split("show").next().expect("the rows come first").trim_end());
        person.says(&rows, "waits for `load`");
        person.says("param load = 1", "load = 1");
        person.says(":solve", "minimize cost = 2178.08");
        person.says(":why p_balance[2]", "an equation that holds, dual ");
        person.says(":why vm[1]", "at its upper bound");
        person.says("param load = 1.05", "nothing is built again");
        person.says(":solve", "minimize cost = 2294.53");
        person.says(":time", "planned 1, solved 2");
        person.says("1 + + * 2", "unexpected-token");
        person.says("param a = [1,\n2\n]", "a: 2 numbers");
        assert_eq!(person.leaves(), 0);
    }

    #[test]
    fn a_key_ends_a_solve_and_the_conversation_goes_on() {
        let mut person = Person::at_terminal(&folder("repl-interrupt"), false, &[]);
        person.says("var x[1..2] in [-5, 5] start 4", "x: 2 variables");
        person.says("minimize cost: sum(i in 1..2: x[i]^2 - cos(9 * x[i]))", "cost: to minimize");
        person.says(":set max_iter 1000000000", "");
        person.says(":set steps 10000000", "");
        person.types(":solve simulated_annealing\r");
        // The live line of a solve that takes more than a second.
        person.sees("objective ");
        person.types("\x03");
        person.sees("interrupted by simulated_annealing");
        person.sees("merit> ");
        person.says("x[1] - x[1] + 42", "42");
        // And again: the first one does not count against the second.
        person.types(":solve simulated_annealing\r");
        person.sees("objective ");
        person.types("\x03");
        person.sees("interrupted by simulated_annealing");
        person.sees("merit> ");
        // At the prompt it gives up the line.
        person.types("let half = ");
        person.sees("half = ");
        person.types("\x03");
        person.sees("merit> ");
        person.says("1 + 41", "42");
        person.says("half", "nothing is called `half`");
        assert_eq!(person.leaves(), 0);
    }

    #[test]
    fn a_key_ends_a_question_and_the_conversation_goes_on() {
        let folder = folder("repl-asking");
        let vase = format!("{folder}/vase.opt");
        std::fs::copy("examples/vase.opt", &vase).expect("the example is there");
        let mut person = Person::at_terminal(&folder, false, &["repl", &vase]);
        person.types(":solve\r");
        person.sees("(`stop` to end): ");
        person.types("2\r");
        person.sees("pretty 2");
        person.sees("(`stop` to end): ");
        person.types("\x03");
        person.sees("interrupted");
        person.sees("merit> ");
        person.says("1 + 41", "42");
        // It goes on where it was ended, and half a line is no answer.
        person.types(":solve\r");
        person.sees("pretty 2");
        person.sees("(`stop` to end): ");
        person.types("1 > ");
        person.types("\x03");
        person.sees("interrupted");
        person.sees("merit> ");
        assert_eq!(person.leaves(), 0);
    }

    #[test]
    fn words_are_completed_and_earlier_inputs_found() {
        let state = folder("repl-history");
        let mut person = Person::at_terminal(&state, true, &["repl", "examples/hs071.opt"]);
        person.types("volu\t");
        person.sees("volume");
        person.types("\r");
        person.sees("no answer yet");
        person.sees("merit> ");
        person.types(":so\t\r");
        person.sees("minimize cost = 17.014017");
        person.sees("merit> ");
        person.types("dot(");
        person.sees("dot(a, b)");
        person.types("x, x)\r");
        person.sees("a number, convex");
        person.sees("merit> ");
        // Options of asking are options like others.
        person.types(":set budg\t 30\r");
        person.sees("merit> ");
        person.says(":set", "budget = 30");
        person.says(":set budget", "");
        person.types(":load examples/hs0\t\r");
        person.sees("statements of `examples/hs071.opt`");
        person.sees("merit> ");
        assert_eq!(person.leaves(), 0);
        let mut again = Person::at_terminal(&state, false, &[]);
        // Ctrl-R, a part of it, Enter.
        again.types("\x12hs071");
        again.sees("hs071");
        again.types("\r");
        again.sees("statements of `examples/hs071.opt`");
        again.sees("merit> ");
        assert_eq!(again.leaves(), 0);
        // What blocks declare is completed behind a dot, and asked about as what the outermost level declares.
        let mut owner = Person::at_terminal(&state, false, &["repl", "examples/toll.opt"]);
        owner.types(":why drivers.all_t\t\r");
        owner.sees("no answer yet");
        owner.sees("merit> ");
        owner.says(":solve", "revenue = 27.56");
        owner.says("drivers.all_travel", "an equation that holds, dual 11.875");
        assert_eq!(owner.leaves(), 0);
        // A folder that cannot be made is no reason to say anything.
        let mut nowhere = Person::at_terminal("/dev/null/no", false, &[]);
        nowhere.says("1 + 41", "42");
        assert_eq!(nowhere.leaves(), 0);
    }
}
