//! `merit STUB -AMPL`: the way in which AMPL, Pyomo and JuMP call a solver.
//!
//! The problem is `STUB.nl`, the answer `STUB.sol`; options are words `name=value` or stand in the environment variable
//! `merit_options`. The exit code is 0 whenever an answer was written, for the answer itself says how the solve ended.

use super::common::{print, tell_all};
use super::log::Log;
use super::terminal::{LiveLine, catch_interrupts};
use super::{NO_ANSWER, WRONG_MODEL, WRONG_USAGE, tell_bug};
use crate::answer::{Answer, text};
use crate::host::Disk;
use crate::interop::nl::Choice;
use crate::interop::nl::header::Header;
use crate::interop::sol::{self, Solution, SuffixValues};
use crate::session::Options;
use crate::session::import::{self, Imported};
use crate::solve::METHODS;
use crate::solve::options::Value;
use std::ops::ControlFlow;
use std::rc::Rc;

/// An option of the call: its name, what it does, and how it changes the settings.
struct Keyword {
    name: &'static str,
    doc: &'static str,
    set: fn(&mut Settings, &str) -> Option<()>,
}

const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "method",
        doc: "the method, instead of the planner's choice",
        set: |settings, text| {
            settings.options.method = Some(text.to_string());
            Some(())
        },
    },
    Keyword {
        name: "objno",
        doc: "which objective: 1 is the first, 0 none (default 1)",
        set: |settings, text| {
            settings.choice = match text.parse::<usize>().ok()? {
                0 => Choice::None,
                k => Choice::Number(k - 1),
            };
            Some(())
        },
    },
    Keyword {
        name: "outlev",
        doc: "what is printed: 0 nothing, 1 the answer, 2 a line per iteration too (default 0 after -AMPL, else 1)",
        set: |settings, text| number(text, 0.0).map(|level| settings.outlev = Some(level as u32)),
    },
    Keyword {
        name: "seed",
        doc: "seed of methods that draw random numbers",
        set: |settings, text| text.parse().ok().map(|seed| settings.options.seed = seed),
    },
    Keyword {
        name: "starts",
        doc: "how many starting points to try",
        set: |settings, text| {
            let starts = text.parse().ok().filter(|n| *n > 0)?;
            settings.options.starts = Some(starts);
            Some(())
        },
    },
    Keyword {
        name: "certificate_tol",
        doc: "tolerance of the certificate (default 1e-6)",
        set: |settings, text| {
            let tolerance = number(text, 0.0).filter(|t| *t > 0.0)?;
            settings.options.tolerance = tolerance;
            Some(())
        },
    },
    Keyword {
        name: "timelimit",
        doc: "seconds after which the best point so far is the answer",
        set: |settings, text| {
            let limit = number(text, 0.0).filter(|t| *t > 0.0)?;
            settings.options.time_limit = Some(limit);
            Some(())
        },
    },
    Keyword {
        name: "wantsol",
        doc: "without -AMPL, the sum of 1 write STUB.sol, 2 print values, 4 print duals, 8 print no message",
        set: |settings, text| text.parse().ok().filter(|sum| *sum < 16).map(|sum| settings.wantsol = sum),
    },
];

const WRITE: u32 = 1;
const SHOW_VALUES: u32 = 2;
const SHOW_DUALS: u32 = 4;
const NO_MESSAGE: u32 = 8;

#[derive(Default)]
struct Settings {
    stub: String,
    /// `-AMPL`: the caller shows the message.
    ampl: bool,
    /// `-s`
    write: bool,
    wantsol: u32,
    outlev: Option<u32>,
    choice: Choice,
    options: Options,
}

/// Runs a call in this style; `None` if the words are none. The first word is the name of the program.
pub fn run(words: &[String]) -> Option<i32> {
    let (program, rest) = words.split_first()?;
    match rest.first()?.as_str() {
        "-?" => {
            print(&usage());
            return Some(0);
        }
        "-=" => {
            print(&keywords());
            return Some(0);
        }
        "-s" => {}
        _ if rest.get(1).is_some_and(|word| word == "-AMPL") => {}
        _ => return None,
    }
    let settings = match settings(program, rest) {
        Ok(settings) => settings,
        Err(sentence) => {
            eprintln!("{sentence}");
            return Some(WRONG_USAGE);
        }
    };
    Some(solved(settings).unwrap_or_else(|code| code))
}

fn settings(program: &str, words: &[String]) -> Result<Settings, String> {
    let mut settings = Settings::default();
    // Callers name the variable after the word that they call the program by.
    let name = std::path::Path::new(program).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut variables = vec![format!("{}_options", name.unwrap_or_default()), format!("{program}_options")];
    if variables[0] != "merit_options" {
        variables.insert(0, "merit_options".to_string());
    }
    // Later settings win: the words of the call come last.
    for variable in variables {
        let text = std::env::var(&variable).unwrap_or_default();
        for word in split(&text) {
            settings.assign(&word).map_err(|sentence| format!("in `{variable}`: {sentence}"))?;
        }
    }
    for word in words {
        match word.as_str() {
            "-s" => settings.write = true,
            "-AMPL" => settings.ampl = true,
            "-v" => {}
            word if settings.stub.is_empty() && !word.starts_with('-') => settings.stub = word.to_string(),
            word => settings.assign(word)?,
        }
    }
    match settings.stub.is_empty() {
        true => Err("a stub is missing: merit -s STUB [name=value ...]".to_string()),
        false => Ok(settings),
    }
}

/// Words of a variable: `tol=1e-8 plan="ip al"` are two.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = String::new();
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (c, None) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn number(text: &str, least: f64) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| *value >= least && value.is_finite())
}

impl Settings {
    fn assign(&mut self, word: &str) -> Result<(), String> {
        let Some((name, value)) = word.split_once('=') else {
            return Err(format!("`{word}` is no option: write name=value (merit -= lists them)"));
        };
        let (name, value) = (name.trim(), value.trim());
        let Some(keyword) = KEYWORDS.iter().find(|keyword| keyword.name == name) else {
            // An option of the method; the planner knows whether there is one of this name.
            self.options.options.retain(|(earlier, _)| earlier != name);
            self.options.options.push((name.to_string(), Value::of_text(value)));
            return Ok(());
        };
        (keyword.set)(self, value).ok_or_else(|| format!("`{value}` is no value of `{name}`: {}", keyword.doc))
    }

    fn outlev(&self) -> u32 {
        self.outlev.unwrap_or(if self.ampl { 0 } else { 1 })
    }
}

fn solved(settings: Settings) -> Result<i32, i32> {
    let host = Rc::new(Disk::new());
    catch_interrupts(host.interrupt_counter());
    let mut imported = match import::nl(host, &settings.stub, settings.choice) {
        Ok(imported) => imported,
        Err(refused) => {
            tell_all(&refused.errors.diagnostics, &refused.errors.sources);
            let Some(header) = &refused.header else { return Err(WRONG_MODEL) };
            let objective = settings.choice.of(header.objectives);
            return refusal(&settings, header, objective, refused.errors.diagnostics.iter().map(|d| &d.message[..]));
        }
    };
    tell_all(&imported.prepared.warnings, &imported.prepared.sources);
    let plan = match imported.prepared.plan(&settings.options) {
        Ok(plan) => plan,
        Err(errors) => {
            tell_all(&errors.diagnostics, &errors.sources);
            let sentences = errors.diagnostics.iter().map(|d| &d.message[..]);
            return refusal(&settings, &imported.header, imported.objective, sentences);
        }
    };
    let outlev = settings.outlev();
    let mut live = LiveLine::new(outlev < 2);
    let mut log = Log::default();
    let answer = imported.prepared.solve(&plan, &settings.options, |line| {
        if outlev >= 2 {
            println!("{}", log.line(line));
        }
        live.update(line);
        ControlFlow::Continue(())
    });
    live.clear();
    let answer = match answer {
        Ok(answer) => answer,
        Err(bug) => {
            tell_bug(&bug);
            let failed = Solution {
                message: message(&bug.to_string()),
                objective: number_of(imported.objective),
                code: sol::FAILED.code,
                ..Solution::default()
            };
            write(&settings, &imported.header, &failed)?;
            return Ok(0);
        }
    };
    let solution = solution(&imported, &answer);
    if outlev >= 1 && settings.wantsol & NO_MESSAGE == 0 {
        print(&format!("{}\n", solution.message.trim_end()));
    }
    if !settings.ampl {
        show(&settings, &solution);
    }
    write(&settings, &imported.header, &solution)?;
    Ok(if writes(&settings) { 0 } else { answer.exit_code() })
}

/// An answer that says why there is none.
fn refusal<'a>(
    settings: &Settings,
    header: &Header,
    objective: Option<usize>,
    sentences: impl Iterator<Item = &'a str>,
) -> Result<i32, i32> {
    let sentences: Vec<&str> = sentences.collect();
    let solution = Solution {
        message: message(&sentences.join("\n")),
        objective: number_of(objective),
        code: sol::UNSUPPORTED.code,
        ..Solution::default()
    };
    write(settings, header, &solution)?;
    Ok(if writes(settings) { 0 } else { WRONG_MODEL })
}

fn number_of(objective: Option<usize>) -> i64 {
    objective.map_or(-1, |k| k as i64)
}

fn message(text: &str) -> String {
    format!("Merit {}: {text}", env!("CARGO_PKG_VERSION"))
}

fn solution(imported: &Imported, answer: &Answer) -> Solution {
    let objective = answer.objective().map_or(String::new(), |value| format!("objective {value}\n"));
    let certificate = text::certificate_lines(answer, &imported.prepared.sources).join("\n");
    let mut suffixes = vec![];
    if let Some(multipliers) = &answer.multipliers {
        let [lower, upper] = imported.bounds(multipliers);
        let reduced = lower.iter().zip(&upper).map(|(l, u)| l + u).collect();
        suffixes = vec![
            SuffixValues { name: "ipopt_zL_out", values: lower },
            SuffixValues { name: "ipopt_zU_out", values: upper },
            SuffixValues { name: "rc", values: reduced },
        ];
    }
    Solution {
        message: message(&format!("{}{objective}{certificate}", text::status_line(answer, false))),
        duals: answer.multipliers.as_ref().map(|multipliers| imported.by_row(&multipliers.rows)),
        values: Some(imported.by_column(&answer.x)),
        objective: number_of(imported.objective),
        code: sol::code(answer),
        suffixes,
    }
}

fn show(settings: &Settings, solution: &Solution) {
    let lists = [(SHOW_VALUES, "variable", &solution.values), (SHOW_DUALS, "constraint", &solution.duals)];
    for (_, what, values) in lists.into_iter().filter(|(bit, ..)| settings.wantsol & bit != 0) {
        let lines = values.iter().flatten().enumerate().map(|(k, v)| format!("{what} {} = {v}\n", k + 1));
        print(&lines.collect::<String>());
    }
}

fn writes(settings: &Settings) -> bool {
    settings.ampl || settings.write || settings.wantsol & WRITE != 0
}

fn write(settings: &Settings, header: &Header, solution: &Solution) -> Result<(), i32> {
    if !writes(settings) {
        return Ok(());
    }
    let path = format!("{}.sol", settings.stub.strip_suffix(".nl").unwrap_or(&settings.stub));
    std::fs::write(&path, sol::text(solution, header)).map_err(|reason| {
        eprintln!("cannot write `{path}`: {reason}");
        NO_ANSWER
    })
}

fn usage() -> String {
    let mut out = "usage: merit STUB -AMPL [name=value ...]\n       merit -s STUB [name=value ...]\n\n".to_string();
    out += "  -AMPL  write STUB.sol; the caller shows the message\n  -s     write STUB.sol and print the message\n";
    out += "  -=     list the options\n  -?     this text\n  -v     the version\n\nSolve codes:\n";
    for row in sol::SOLVE_CODES {
        out += &format!("  {:>3}  {}\n", row.code, row.when);
    }
    out
}

fn keywords() -> String {
    let mut out = String::new();
    for keyword in KEYWORDS {
        out += &format!("{:<18} {}\n", keyword.name, keyword.doc);
    }
    for method in METHODS {
        out += &format!("\noptions of {}:\n", method.name);
        for option in method.options {
            out += &format!("{:<18} {}\n", option.name, option.doc);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_split_at_blanks_outside_of_quotes() {
        assert_eq!(split(" tol=1e-8  plan=\"ip al\"\n"), ["tol=1e-8", "plan=ip al"]);
    }

    #[test]
    fn words_set_what_their_keyword_says() {
        let words = ["model.nl", "-AMPL", "timelimit=2.5", "objno=2", "max_iter=7", "wantsol=9"].map(String::from);
        let settings = settings("merit", &words).unwrap_or_else(|sentence| panic!("{sentence}"));
        assert_eq!((&settings.stub[..], settings.ampl, settings.wantsol), ("model.nl", true, 9));
        assert_eq!(settings.choice, Choice::Number(1));
        assert_eq!(settings.options.time_limit, Some(2.5));
        assert_eq!(settings.options.options[0].0, "max_iter");
        for wrong in ["timelimit=-1", "objno=x", "nonsense", "wantsol=16", "starts=0"] {
            assert!(super::settings("merit", &["m".to_string(), wrong.to_string()]).is_err(), "{wrong}");
        }
    }
}
