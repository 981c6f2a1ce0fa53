//! Random models: whatever the text, the front end answers with a problem or with diagnostics, soon and without a panic.
//!
//! Half of the texts are statements grown from the grammar over small index sets, half are models of the corpus and the
//! examples with tokens dropped, doubled, swapped or taken from elsewhere. `MERIT_FUZZ_SECONDS` (default 5) says for how
//! long, `MERIT_FUZZ_SEED` (default 1) where the sequence begins; text number `k` of a seed is always the same. What
//! fails is written to `MERIT_FUZZ_FAILURES` (default: the folder `fuzz-failures` among the build products). A text that
//! was once a failure stays in `tests/corpus` and is tried again on every run.

mod common;

use common::{check_with, models, repository};
use merit::diag::{Severity, Sources, render};
use merit::host::Memory;
use merit::repl::Conversation;
use merit::repl::commands::COMMANDS;
use merit::repl::lines::Lines;
use merit::sema::Inputs;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// No text may take longer, in time of the processor.
const LIMIT: Duration = Duration::from_secs(2);

/// A text that has taken so long by the clock on the wall hangs, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Larger families and sets are refused: a model of millions of elements may well take its time.
const MOST_ELEMENTS: usize = 100_000;

/// How long this thread has worked. Where the system does not tell, the clock on the wall stands in.
fn worked(since: Instant) -> Duration {
    // Fields 14 and 15 count hundredths of a second; the name in parentheses before them may hold blanks.
    let told = std::fs::read_to_string("/proc/thread-self/stat").ok().and_then(|stat| {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    });
    told.map_or_else(|| since.elapsed(), |ticks| Duration::from_millis(10 * ticks))
}

/// A small generator of numbers, the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Texts grown from the grammar.
struct Grower {
    dice: Dice,
    /// Names of generators that are visible.
    bound: Vec<String>,
}

const SETS: &[&str] = &[
    "1..3",
    "0..n",
    "1..n",
    "I",
    "J",
    "PAIRS",
    "K[1]",
    "1..9 by 4",
    "{1, 2}",
    "{\"a\", \"b\"}",
    "tab",
    "rows(A)",
    "columns(A)",
    "I union J",
    "I minus {1}",
    "{i9 in 1..4 where i9 > 2}",
    "1..0",
    "NAMES",
    "NEAR[2]",
    "I cross J",
];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "0.5",
    "-1",
    "1e-3",
    "inf",
    "pi",
    "n",
    "rho",
    "x[1]",
    "y",
    "c[2]",
    "A[1, 2]",
    "s[2]",
    "big",
    "k",
    "card(I)",
    "x[n]",
    "first(I)",
    "last(J)",
    "m[\"a\"]",
    "cost",
    "x[2]",
    "tab2[\"u\"].w",
    "fit.w",
    "row.dual",
];
const ARRAYS: &[&str] = &[
    "x",
    "c",
    "A",
    "A'",
    "x'",
    "[1, 2, 3]",
    "[1, 2; 3, 4]",
    "x[1..2]",
    "A[1, ..]",
    "A[.., 2]",
    "s",
    "vec(x)",
    "cumsum(c)",
    "diag(x)",
    "inv(A)",
    "grad(x[1]^2, x)",
    "columns(tab)",
    "softmax(x)",
    "outer(x, c)",
    "kron(A, A)",
    "x .* c",
    "hess(y^3, y)",
];
const UNARY: &[&str] = &[
    "sqrt",
    "exp",
    "log",
    "abs",
    "sin",
    "relu",
    "softplus",
    "sum",
    "prod",
    "min",
    "max",
    "mean",
    "norm",
    "sumsq",
    "card",
    "first",
    "last",
    "next",
    "prev",
    "trace",
    "det",
    "logdet",
    "inv",
    "vec",
    "cumsum",
    "f",
    "g",
    "rows",
    "columns",
    "entropy",
    "logsumexp",
    "undefined",
    "diag",
    "eigmax",
    "norminf",
    "erf",
    "gamma",
    "taste",
];
const BINARY: &[&str] =
    &["+", "-", "*", "/", "^", ".*", "./", ".^", "<=", ">=", "==", "!=", "<", ">", "and", "or", "in", "union", "cross"];

impl Grower {
    fn number(&mut self, depth: usize) -> String {
        if depth == 0 || self.dice.chance(15) {
            if !self.bound.is_empty() && self.dice.chance(50) {
                let k = self.dice.below(self.bound.len());
                return self.bound[k].clone();
            }
            return self.dice.one(NUMBERS).to_string();
        }
        let d = depth - 1;
        match self.dice.below(16) {
            0..=3 => {
                let op = self.dice.one(BINARY);
                format!("{} {op} {}", self.number(d), self.number(d))
            }
            4 => format!("({})", self.number(d)),
            5 => format!("-{}", self.number(d)),
            6 => format!("{}({})", self.dice.one(UNARY), self.number(d)),
            7 => format!("{}({})", self.dice.one(UNARY), self.array(d)),
            8..=10 => self.aggregate(d),
            11 => format!("if {} then {} else {}", self.number(d), self.number(d), self.number(d)),
            12 => format!("{}[{}]", self.dice.one(ARRAYS), self.number(d)),
            13 => format!("dot({}, {})", self.array(d), self.array(d)),
            14 => format!(
                "{}({}, {})",
                self.dice.one(&[
                    "max", "min", "pow", "mod", "atan2", "f", "huber", "next", "grad", "jac", "hess", "interp", "kl"
                ]),
                self.number(d),
                self.number(d)
            ),
            _ => format!("({}, {})", self.number(d), self.number(d)),
        }
    }

    fn array(&mut self, depth: usize) -> String {
        if depth == 0 || self.dice.chance(40) {
            return self.dice.one(ARRAYS).to_string();
        }
        let d = depth - 1;
        match self.dice.below(7) {
            0..=2 => {
                let op = self.dice.one(&["+", "-", "*", ".*", "./", ".^", "/", "^"]);
                format!("{} {op} {}", self.array(d), self.array(d))
            }
            3 => format!("({})'", self.array(d)),
            4 => format!("{} * {}", self.number(d), self.array(d)),
            5 => format!("[{}, {}]", self.number(d), self.number(d)),
            _ => format!("{}({})", self.dice.one(UNARY), self.array(d)),
        }
    }

    fn generators(&mut self, depth: usize) -> (String, usize) {
        let mut text = String::new();
        let before = self.bound.len();
        for k in 0..1 + self.dice.below(2) {
            if k > 0 {
                text += ", ";
            }
            let set = if self.dice.chance(20) {
                format!("1..{}", self.number(depth.min(1)))
            } else {
                self.dice.one(SETS).to_string()
            };
            let n = self.bound.len();
            if set == "PAIRS" || set.contains("cross") || self.dice.chance(8) {
                text += &format!("(e{n}, f{n}) in {set}");
                self.bound.push(format!("e{n}"));
                self.bound.push(format!("f{n}"));
            } else {
                text += &format!("e{n} in {set}");
                self.bound.push(format!("e{n}"));
            }
        }
        if self.dice.chance(25) {
            text += &format!(" where {}", self.number(depth.min(2)));
        }
        (text, before)
    }

    fn aggregate(&mut self, depth: usize) -> String {
        let name =
            self.dice.one(&["sum", "sum", "sum", "prod", "min", "max", "mean", "norm", "logsumexp", "expect", "sqrt"]);
        let (generators, before) = self.generators(depth);
        let text = format!("{name}({generators}: {})", self.number(depth));
        self.bound.truncate(before);
        text
    }

    fn statement(&mut self, k: usize) -> String {
        self.bound.clear();
        match self.dice.below(16) {
            0 => format!("let v{k} = {}", self.number(4)),
            1 => format!("let v{k} = {}", self.array(3)),
            2 | 3 => {
                let (index, _) = self.generators(1);
                let reads = if self.dice.chance(30) { format!(" + v{k}[{}]", self.number(1)) } else { String::new() };
                format!("let v{k}[{index}] = {}{reads}", self.number(3))
            }
            4 => {
                let (index, _) = self.generators(1);
                format!("param v{k}[{index}] = {}", self.number(3))
            }
            5 => {
                let (index, _) = self.generators(1);
                format!("var v{k}[{index}] in [{}, {}] start {}", self.number(1), self.number(1), self.number(1))
            }
            6 => format!("set V{k} = {{{} where {}}}", self.generators(1).0, self.number(2)),
            7 => format!("set V{k} = {}", self.dice.one(SETS)),
            8..=10 => {
                let (index, _) = self.generators(1);
                let op = self.dice.one(&["<=", ">=", "==", "<", "perp", "in"]);
                format!("subject to v{k}[{index}]: {} {op} {}", self.number(3), self.number(3))
            }
            11 => format!("subject to {} <= {} <= {}", self.number(1), self.number(3), self.number(1)),
            12 => format!("subject to {} >= {}", self.array(3), self.array(2)),
            13 => format!("def v{k}(p, q) = {} + p * v{k}(q, p)", self.number(2)),
            14 => format!("ensure {}", self.number(3)),
            _ => format!("show {}, {}", self.number(3), self.array(2)),
        }
    }

    fn model(&mut self) -> String {
        let mut text = PRELUDE.to_string();
        for k in 0..1 + self.dice.below(5) {
            text += &self.statement(k);
            text.push('\n');
        }
        text + &format!("minimize cost: {}\n", self.number(4))
    }
}

/// Names that grown statements use.
const PRELUDE: &str = r#"param n = 3
param rho = 0.5
param c[1..3] = [1, 2, 3]
param A[1..3, 1..3] = [2, 1, 0; 1, 2, 1; 0, 1, 2]
param big = 60
set I = 1..3
set J = {1, 3}
set NAMES = {"a", "b"}
set PAIRS = {(1, 2), (2, 3)}
set K[i in 1..3] = 1..i
set NEAR[i in I] = {j in I where abs(i - j) <= 1}
let m = {"a": 1, "b": 2}
data tab = csv("tab.csv")
data tab2 = csv("tab2.csv") key u
var x[1..3] in [0, 1]
var y
var k integer in 0..3
let s[t in 1..3] = if t == 1 then x[1] else s[t-1] + x[t]
def f(a, b) = a * b + a
def g(a) = a^2
oracle taste(x[1..3]) ranks by -sum(x)
lower fit {
  var w in [0, 1]
  minimize (w - y)^2
}
subject to row: sum(x) <= 2
"#;

fn host() -> Memory {
    let host = Memory::default();
    let mut files = host.files.borrow_mut();
    files.insert("tab.csv".into(), b"p,q\n1,2\n3,4\n5,6\n".to_vec());
    files.insert("tab2.csv".into(), b"u,w\nu,1\nv,2\n".to_vec());
    for entry in std::fs::read_dir(repository("examples/data")).expect("the data are there") {
        let path = entry.expect("a readable entry").path();
        if path.is_file() {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            // A few lines of each file are enough, and quicker.
            let text = std::fs::read_to_string(&path).expect("data are text");
            let few: Vec<&str> = text.lines().take(6).collect();
            files.insert(format!("data/{name}"), few.join("\n").into_bytes());
        }
    }
    let case = repository("examples/data/pglib/case14.json");
    files.insert("data/pglib/case14.json".into(), std::fs::read(case).expect("the case is there"));
    drop(files);
    host
}

/// Pieces of a text: names, numbers, strings, spaces, single characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let class = |c: char| {
            if c.is_alphanumeric() || c == '_' {
                0
            } else if c == ' ' {
                1
            } else {
                2
            }
        };
        let length = match class(first) {
            2 => first.len_utf8(),
            kind => rest.find(|c| class(c) != kind).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        out.push(token);
        rest = after;
    }
    out
}

fn mutated(dice: &mut Dice, corpus: &[(String, String)]) -> String {
    let base = &corpus[dice.below(corpus.len())].1;
    let other = &corpus[dice.below(corpus.len())].1;
    let mut pieces = tokens(base);
    let others = tokens(other);
    for _ in 0..1 + dice.below(4) {
        if pieces.is_empty() {
            break;
        }
        let at = dice.below(pieces.len());
        match dice.below(6) {
            0 => drop(pieces.remove(at)),
            1 => pieces.insert(at, pieces[at]),
            2 => pieces[at] = pieces[dice.below(pieces.len())],
            3 => pieces[at] = others[dice.below(others.len().max(1)).min(others.len() - 1)],
            4 => {
                let to = dice.below(pieces.len());
                pieces.swap(at, to);
            }
            _ => {
                pieces[at] = dice.one(&[
                    "0", "-1", "1e9", "(", ")", "[", "]", "{", "}", "inf", "where", "..", "in", "if", "\n", "é", "'",
                    "sum",
                ])
            }
        }
    }
    pieces.concat()
}

/// What is wrong with how a text was treated; and whether it is a valid model.
fn verdict(text: &str, host: &Memory) -> (Option<String>, bool) {
    let clock = Instant::now();
    let began = worked(clock);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let path = "fuzz.opt".to_string();
        let inputs = Inputs { path, most_elements: Some(MOST_ELEMENTS), ..Inputs::default() };
        let checked = check_with(inputs, text, host);
        let rendered = checked.rendered();
        (checked.problem.is_some(), checked.errors().is_empty(), rendered)
    }));
    let seconds = worked(clock).saturating_sub(began);
    match result {
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
            (Some(format!("panic: {}", said.unwrap_or_default())), false)
        }
        Ok(_) if seconds > LIMIT => (Some(format!("took {seconds:?}")), false),
        Ok((problem, clean, rendered)) if problem != clean => {
            (Some(format!("problem: {problem}, without errors: {clean}\n{rendered}")), false)
        }
        Ok((problem, ..)) => (None, problem),
    }
}

/// A thread that judges texts. One that hangs is left behind.
struct Judge {
    ask: Sender<String>,
    told: Receiver<(Option<String>, bool)>,
}

impl Judge {
    fn new() -> Judge {
        let (ask, asked) = channel::<String>();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let host = host();
            while let Ok(text) = asked.recv() {
                if tell.send(verdict(&text, &host)).is_err() {
                    return;
                }
            }
        });
        Judge { ask, told }
    }

    fn verdict(&mut self, text: &str) -> (Option<String>, bool) {
        self.ask.send(text.to_string()).expect("the judge listens");
        match self.told.recv_timeout(PATIENCE) {
            Ok(verdict) => verdict,
            Err(_) => {
                *self = Judge::new();
                (Some(format!("took more than {PATIENCE:?}")), false)
            }
        }
    }
}

#[test]
fn whatever_was_once_a_failure_is_none() {
    let mut judge = Judge::new();
    for (name, text) in models("tests/corpus") {
        assert_eq!(judge.verdict(&text).0, None, "tests/corpus/{name}.opt");
    }
}

#[test]
fn random_texts_are_answered() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number("MERIT_FUZZ_SECONDS", 5), number("MERIT_FUZZ_SEED", 1));
    let folder = std::env::var("MERIT_FUZZ_FAILURES")
        .unwrap_or_else(|_| format!("{}/fuzz-failures", env!("CARGO_TARGET_TMPDIR")));
    let mut judge = Judge::new();
    let corpus: Vec<(String, String)> = ["tests/corpus", "examples", "tests/diagnostics", "tests/language"]
        .iter()
        .filter(|folder| repository(folder).is_dir())
        .flat_map(|folder| models(folder))
        .collect();
    let began = Instant::now();
    let (mut tried, mut valid) = (0u64, 0u64);
    let mut failures: Vec<String> = vec![];
    while began.elapsed() < Duration::from_secs(seconds) {
        let mut dice = Dice(seed.wrapping_mul(0x1000_0000_0000).wrapping_add(tried));
        dice.next();
        let text = if dice.chance(50) { Grower { dice, bound: vec![] }.model() } else { mutated(&mut dice, &corpus) };
        let (wrong, is_model) = judge.verdict(&text);
        valid += u64::from(is_model);
        if let Some(wrong) = wrong {
            std::fs::create_dir_all(&folder).expect("the folder of failures can be made");
            let path = format!("{folder}/seed{seed}-{tried}.opt");
            std::fs::write(&path, format!("{text}\n# {}\n", wrong.replace('\n', "\n# "))).expect("it can be written");
            failures.push(format!("{path}: {wrong}"));
            if failures.len() >= 200 {
                break;
            }
        }
        tried += 1;
    }
    println!("{tried} texts, of which {} % are valid models", 100 * valid / tried.max(1));
    assert!(failures.is_empty(), "{} of {tried} texts:\n{}", failures.len(), failures.join("\n"));
}

/// Random conversations: statements, expressions, changes and commands, whole or mutated. Whatever is said, there is a reply,
/// and what the conversation keeps can be saved and read again.
#[test]
fn random_conversations_are_answered() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number("MERIT_FUZZ_SECONDS", 5), number("MERIT_FUZZ_SEED", 1));
    let corpus: Vec<(String, String)> = ["tests/corpus", "examples"].iter().flat_map(|folder| models(folder)).collect();
    let began = Instant::now();
    let mut tried = 0u64;
    while began.elapsed() < Duration::from_secs(seconds) {
        let mut dice = Dice(seed.wrapping_mul(0x2000_0000_0000).wrapping_add(tried));
        dice.next();
        let mut conversation = Conversation::new(Rc::new(host())).limited_to(1000);
        conversation.options.time_limit = Some(0.1);
        conversation.options.starts = Some(1);
        let mut said = vec![];
        for _ in 0..6 {
            for input in inputs(&mut dice, &corpus) {
                said.push(input.clone());
                let all = said.concat();
                let mut left = 50;
                let reply = catch_unwind(AssertUnwindSafe(|| {
                    conversation.say(&input, &mut |_| {
                        left -= 1;
                        if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                    })
                }));
                let reply = reply.unwrap_or_else(|_| panic!("conversation {tried} of seed {seed}:\n{all}"));
                assert!(
                    !reply.text.contains("this is a bug"),
                    "conversation {tried} of seed {seed}:\n{all}\n{}",
                    reply.text
                );
                reply.told.iter().for_each(|errors| drop(errors.to_string()));
            }
        }
        let saved = conversation.script.text();
        let mut sources = Sources::default();
        let source = sources.add("saved", saved.clone());
        let (file, told) = merit::syntax::parse(source, &saved);
        let errors = told.iter().any(|d| d.severity == Severity::Error);
        assert!(
            !errors,
            "conversation {tried} of seed {seed} is saved as\n{saved}\n{}",
            render(&told, &sources, false)
        );
        let printed = |file| merit::syntax::print::file(file).matches("\n").count();
        assert!(printed(&file) > 0 || conversation.script.kept.is_empty(), "{saved}");
        tried += 1;
    }
    println!("{tried} conversations");
}

/// What is said next.
fn inputs(dice: &mut Dice, corpus: &[(String, String)]) -> Vec<String> {
    let cut = |text: &str| {
        let mut lines = Lines::default();
        let mut all: Vec<String> = text.lines().flat_map(|line| lines.push(line)).collect();
        all.extend(lines.finish());
        all
    };
    match dice.below(5) {
        0 => cut(&Grower { dice: Dice(dice.next()), bound: vec![] }.model()),
        1 => cut(&mutated(dice, corpus)),
        2 => {
            vec![format!("{}\n", dice.one(ARRAYS)), format!("{}\n", dice.one(NUMBERS)), format!("{}\n", dice.one(SETS))]
        }
        3 => {
            let (verb, name) = (dice.one(&["fix ", "drop ", "restore ", "param n = ", ":forget "]), dice.one(NUMBERS));
            vec![format!("{verb}{name}\n"), format!("fix {} = {}\n", dice.one(NUMBERS), dice.one(NUMBERS))]
        }
        _ => {
            let command = COMMANDS[dice.below(COMMANDS.len())].name;
            let word =
                dice.one(&["", "x", "x[1]", "c", "cost to n", "n = 2", "tab = tab.csv", "max_iter 7", "é", "x.svg"]);
            let solve = if dice.chance(30) { ":solve\n" } else { "\n" };
            vec![solve.to_string(), format!(":{command} {word}\n")]
        }
    }
}
