//! Files from outside, broken at random: whatever is read, the answer is a problem or a diagnostic, soon and without a
//! panic. Targets: the `.nl` reader up to the plan, and the readers of csv, json and svmlight data.
//!
//! Half-valid files come from the fixtures: truncated, with bits flipped, lines dropped, doubled and swapped, and numbers
//! replaced by ones that hurt. `MERIT_FUZZ_SECONDS` (default 4) says for how long each target runs, `MERIT_FUZZ_SEED`
//! (default 1) where the sequence begins, `MERIT_FUZZ_FAILURES` where failures are written (default: the folder
//! `fuzz-failures` among the build products). What was once a failure stays in `tests/corpus/import`, named
//! `TARGET-WHAT`, and is tried again on every run.

mod common;

use common::nl::binary;
use common::repository;
use merit::diag::{Sources, render};
use merit::host::Memory;
use merit::interop::nl::Choice;
use merit::session::{Options, import};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// No file may take longer.
const LIMIT: Duration = Duration::from_secs(2);
/// Longer files are cut: they would only be slow.
const LONGEST: usize = 20_000;

/// A reader under test: its name, what it reads to begin with, and how it is called.
struct Target {
    name: &'static str,
    corpus: fn() -> Vec<Vec<u8>>,
    read: fn(Vec<u8>),
}

const TARGETS: &[Target] = &[
    Target { name: "nl", corpus: nl_files, read: read_nl },
    Target {
        name: "csv",
        corpus: csv_files,
        read: |bytes| read_data(bytes, |id, text| merit::data::csv(id, text).err()),
    },
    Target {
        name: "json",
        corpus: json_files,
        read: |bytes| read_data(bytes, |id, text| merit::data::json(id, text).err()),
    },
    Target {
        name: "svmlight",
        corpus: svmlight_files,
        read: |bytes| read_data(bytes, |id, text| merit::data::svmlight(id, text).err()),
    },
];

fn read_nl(bytes: Vec<u8>) {
    let host = Memory::default();
    host.files.borrow_mut().insert("m.nl".into(), bytes);
    host.files.borrow_mut().insert("m.col".into(), b"x[1]\nx[2]\nx[2]\ny\n".to_vec());
    match import::nl(Rc::new(host), "m.nl", Choice::First) {
        Ok(mut imported) => drop(imported.prepared.plan(&Options::default()).map_err(|errors| errors.to_string())),
        Err(refused) => drop(refused.errors.to_string()),
    }
}

type Read = fn(merit::diag::SourceId, &str) -> Option<Vec<merit::diag::Diagnostic>>;

fn read_data(bytes: Vec<u8>, read: Read) {
    let text = merit::data::decode(bytes).unwrap_or_else(|undecodable| undecodable.text);
    let mut sources = Sources::default();
    let source = sources.add("data", &text[..]);
    if let Some(diagnostics) = read(source, &text) {
        render(&diagnostics, &sources, false);
    }
}

fn nl_files() -> Vec<Vec<u8>> {
    let mut files = vec![];
    for entry in std::fs::read_dir(repository("tests/nl")).expect("the fixtures are there") {
        let path = entry.expect("a readable entry").path();
        if path.extension().is_some_and(|ending| ending == "nl") {
            files.push(std::fs::read_to_string(&path).expect("fixtures are text"));
        }
    }
    files.sort();
    let packed: Vec<Vec<u8>> = files.iter().enumerate().map(|(k, text)| binary(text, k % 3 == 0)).collect();
    files.into_iter().map(String::into_bytes).chain(packed).collect()
}

fn csv_files() -> Vec<Vec<u8>> {
    let texts = [
        "a,b,c\n1,2.5,x\n3,,\"y, z\"\n-1e300,inf,\n",
        "name;value\na;1\n",
        "\u{feff}id,flag\r\n1,true\r\n2,false\r\n",
        "a\n\"quoted \"\"twice\"\"\"\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn json_files() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"n": 3, "rows": [{"a": 1, "b": "x"}, {"a": 2.5e-3, "b": "y"}], "m": [[1, 2], [3, 4]], "t": true, "z": null}"#,
        r#"[1, -2.5, 1e308, [], {}, "\u00e9\n\\", [[[[0]]]]]"#,
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn svmlight_files() -> Vec<Vec<u8>> {
    let texts = ["1 1:0.5 3:-2 # note\n-1 2:1e-3\n+1\n", "0 qid:3 1:1 4294967295:2\n"];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
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
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Words that stand where a number stood.
const WORDS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "7",
    "99",
    "4294967295",
    "4294967296",
    "2147483647",
    "-2147483648",
    "1e309",
    "nan",
    "inf",
    "-Infinity",
    "1e-320",
    "0x1",
    "é",
    "",
    "o54",
    "o35",
    "v0",
    "v1",
    "n0",
    "n-1.5",
    "o0",
    "o2",
    "o5",
    "f0 1",
    "h2:ab",
    "\"",
    ",",
    ":",
    "[",
    "{",
    "]",
    "}",
    "\n",
    "\\u",
    "C0",
    "V2 0 0",
    "S0 1 sosno",
    "r",
    "b",
    "#",
];

fn broken(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[dice.below(corpus.len())].clone();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(9) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            2 if !bytes.is_empty() => bytes[at] = dice.next() as u8,
            3 => {
                // Four bytes, as integers of binary files have.
                let word =
                    [0u32, 1, 54, 0xffff_ffff, 0x7fff_ffff, dice.next() as u32 % 64][dice.below(6)].to_le_bytes();
                let end = (at + 4).min(bytes.len());
                bytes.splice(at..end, word);
            }
            4 | 5 => {
                let (start, end) = around(&bytes, at, |b| b.is_ascii_whitespace() || b == b',' || b == b':');
                bytes.splice(start..end, WORDS[dice.below(WORDS.len())].bytes());
            }
            6 => {
                let (start, end) = around(&bytes, at, |b| b == b'\n');
                bytes.drain(start..end);
            }
            7 => {
                // A line again, or one of another file.
                let from = if dice.below(2) == 0 { bytes.clone() } else { corpus[dice.below(corpus.len())].clone() };
                let (start, end) = around(&from, dice.below(from.len()), |b| b == b'\n');
                let mut line = from[start..end].to_vec();
                line.push(b'\n');
                let (start, _) = around(&bytes, at, |b| b == b'\n');
                bytes.splice(start..start, line);
            }
            _ => {
                // A piece many times: long sums, deep nests.
                let end = (at + 1 + dice.below(12)).min(bytes.len());
                let piece = bytes[at.min(end)..end].to_vec();
                let times = 1 << dice.below(11);
                bytes.splice(end..end, piece.repeat(times));
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// The piece around a byte, without the separators on both sides.
fn around(bytes: &[u8], at: usize, ends: impl Fn(u8) -> bool) -> (usize, usize) {
    let at = at.min(bytes.len());
    let start = bytes[..at].iter().rposition(|b| ends(*b)).map_or(0, |k| k + 1);
    let end = bytes[at..].iter().position(|b| ends(*b)).map_or(bytes.len(), |k| at + k);
    (start, end)
}

/// A thread that reads. One that hangs is left behind.
struct Reader {
    ask: Sender<Vec<u8>>,
    told: Receiver<Option<String>>,
    read: fn(Vec<u8>),
}

impl Reader {
    fn new(read: fn(Vec<u8>)) -> Reader {
        let (ask, asked) = channel::<Vec<u8>>();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            while let Ok(bytes) = asked.recv() {
                let began = Instant::now();
                let wrong = match catch_unwind(AssertUnwindSafe(|| read(bytes))) {
                    Err(panic) => {
                        let said = panic.downcast_ref::<String>().cloned();
                        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
                        Some(format!("panic: {}", said.unwrap_or_default()))
                    }
                    Ok(()) => Some(began.elapsed()).filter(|t| *t > LIMIT).map(|t| format!("took {t:?}")),
                };
                if tell.send(wrong).is_err() {
                    return;
                }
            }
        });
        Reader { ask, told, read }
    }

    fn verdict(&mut self, bytes: &[u8]) -> Option<String> {
        self.ask.send(bytes.to_vec()).expect("the reader listens");
        match self.told.recv_timeout(5 * LIMIT) {
            Ok(verdict) => verdict,
            Err(_) => {
                *self = Reader::new(self.read);
                Some(format!("took more than {:?}", 5 * LIMIT))
            }
        }
    }
}

#[test]
fn whatever_was_once_a_failure_is_none() {
    let folder = repository("tests/corpus/import");
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let target = TARGETS.iter().find(|target| name.starts_with(&format!("{}-", target.name)));
        let target = target.unwrap_or_else(|| panic!("{name}: no target begins like this"));
        let bytes = std::fs::read(&path).expect("it can be read");
        assert_eq!(Reader::new(target.read).verdict(&bytes), None, "{name}");
    }
}

#[test]
fn fixtures_are_read() {
    for target in TARGETS {
        let mut reader = Reader::new(target.read);
        for bytes in (target.corpus)() {
            assert_eq!(reader.verdict(&bytes), None, "{}: {}", target.name, String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn broken_files_are_answered() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number("MERIT_FUZZ_SECONDS", 4), number("MERIT_FUZZ_SEED", 1));
    let folder = std::env::var("MERIT_FUZZ_FAILURES")
        .unwrap_or_else(|_| format!("{}/fuzz-failures", env!("CARGO_TARGET_TMPDIR")));
    let only = std::env::var("MERIT_FUZZ_TARGET").ok();
    let mut failures: Vec<String> = vec![];
    for target in TARGETS.iter().filter(|target| only.as_ref().is_none_or(|name| name == target.name)) {
        let (corpus, mut reader) = ((target.corpus)(), Reader::new(target.read));
        let began = Instant::now();
        let mut tried = 0u64;
        while began.elapsed() < Duration::from_secs(seconds) && failures.len() < 100 {
            let mut dice = Dice(seed.wrapping_mul(0x1000_0000_0000).wrapping_add(tried));
            dice.next();
            let bytes = broken(&mut dice, &corpus);
            if let Some(wrong) = reader.verdict(&bytes) {
                std::fs::create_dir_all(&folder).expect("the folder of failures can be made");
                let path = format!("{folder}/{}-seed{seed}-{tried}", target.name);
                std::fs::write(&path, &bytes).expect("it can be written");
                failures.push(format!("{path}: {wrong}"));
            }
            tried += 1;
        }
        println!("{}: {tried} files", target.name);
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
