//! What may stand on the command line. The texts of `--help` are the comments of the fields.

use clap::{Args, Parser, Subcommand};

/// Declarative optimisation: a model says what is to be solved, `merit plan` says how and why, and every answer has a
/// certificate.
#[derive(Debug, Parser)]
#[command(name = "merit", version, disable_version_flag = true, disable_help_subcommand = true)]
#[command(after_help = EXIT_CODES)]
pub struct Arguments {
    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "`merit FILE` is the same as `merit solve FILE`, `merit` alone as `merit repl`.

Exit codes: 0 solved, locally solved or best found; 1 the model or its data are wrong; 2 wrong usage;
3 ended otherwise (infeasible, unbounded, limit, failed, interrupted); 4 an `ensure` does not hold.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check, plan, solve, certify and print
    Solve(Solve),
    /// Find all errors and doubts without solving
    Check(Check),
    /// Say what would be done, and why
    Plan(Plan),
    /// Print the model in set form
    Show(Show),
    /// Compare the derivatives of the model with differences
    Diff(Diff),
    /// Solve the model by several methods and compare what they reach, and at what cost
    Compare(Compare),
    /// Talk about a model: state it, question it, solve it, change it (`merit` alone is the same)
    Repl(Repl),
    /// Write the problem for other systems
    Export(Export),
    /// Turn a problem of another system into a model
    Import(Import),
}

/// The names of [`Command`], to tell `merit FILE` from a subcommand.
pub const COMMANDS: &[&str] = &["solve", "check", "plan", "show", "diff", "compare", "repl", "export", "import"];

/// Where parameters and data come from.
#[derive(Debug, Default, Args)]
pub struct Inputs {
    /// Give a parameter: a number, an array in JSON, or @FILE.csv
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// Read a `data` declaration from this file instead
    #[arg(long = "data", value_name = "NAME=PATH", value_parser = pair)]
    pub data: Vec<(String, String)>,
    /// Fill every parameter and set that this JSON file names
    #[arg(long, value_name = "PATH")]
    pub data_file: Option<String>,
}

/// Changes to the model that do not edit it.
#[derive(Debug, Default, Args)]
pub struct Changes {
    /// Hold a variable, or one element (x[2]=3), at a value
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub fix: Vec<(String, String)>,
    /// Leave a constraint out
    #[arg(long, value_name = "ROW")]
    pub drop: Vec<String>,
    /// Put back a constraint that the model or an earlier --drop left out
    #[arg(long, value_name = "ROW")]
    pub restore: Vec<String>,
}

/// How to solve.
#[derive(Debug, Default, Args)]
pub struct How {
    /// Use this method instead of the planner's choice
    #[arg(long = "with", value_name = "METHOD")]
    pub method: Option<String>,
    /// What many look for under this name
    #[arg(long = "method", hide = true, value_name = "METHOD", value_parser = with)]
    not_method: Option<String>,
    /// Set an option of the method
    #[arg(long = "set", value_name = "OPTION=VALUE", value_parser = pair)]
    pub options: Vec<(String, String)>,
    /// How many starting points to try (default: 1, and 9 for small problems that are not shown to be convex)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub starts: Option<u32>,
    /// Seed of methods that draw random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// End after this time with the best point so far
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub time_limit: Option<f64>,
    /// Use at most this many threads; results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub threads: Option<u32>,
    /// Write the answers of oracles to this file, and read from it what they have answered; `none`: nowhere (default: beside
    /// the model, if a command or a person answers)
    #[arg(long, value_name = "FILE")]
    pub journal: Option<String>,
    /// Tolerance of the certificate
    #[arg(long, value_name = "TOLERANCE", default_value_t = 1e-6, value_parser = positive)]
    pub tol: f64,
}

#[derive(Debug, Args)]
pub struct Solve {
    /// The model
    pub file: String,
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub changes: Changes,
    #[command(flatten)]
    pub how: How,
    /// Start from an earlier answer (--json)
    #[arg(long, value_name = "ANSWER.json")]
    pub start: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Print nothing but the status line
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// If nothing is feasible, find rows and bounds of which none can be left out
    #[arg(long)]
    pub iis: bool,
    /// Print a line per iteration (see docs/diagnosis.md for the columns)
    #[arg(long)]
    pub log: bool,
    /// Write the log to a csv file
    #[arg(long, value_name = "FILE")]
    pub trace: Option<String>,
}

#[derive(Debug, Args)]
pub struct Check {
    /// The models
    #[arg(required = true)]
    pub files: Vec<String>,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
    /// Print errors only
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Plan {
    /// The model
    pub file: String,
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub changes: Changes,
    #[command(flatten)]
    pub how: How,
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// The model
    pub file: String,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Print for LaTeX
    #[arg(long, conflicts_with = "expand")]
    pub latex: bool,
    /// Print one row with its numbers, such as balance[2] or cost
    #[arg(long, value_name = "ROW")]
    pub expand: Option<String>,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The model
    pub file: String,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Compare at the point of an earlier answer (--json) instead of the start
    #[arg(long, value_name = "ANSWER.json")]
    pub start: Option<String>,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// The model
    pub file: String,
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub changes: Changes,
    /// The methods, separated by commas (default: the planner's choice and all others that serve the problem)
    #[arg(long = "with", value_name = "METHODS", value_delimiter = ',')]
    pub methods: Vec<String>,
    /// Run each method with each of these seeds: 0..9, or 1,5,7
    #[arg(long, value_name = "SEEDS", default_value = "0", value_parser = seeds)]
    pub seeds: Seeds,
    /// What many look for under this name
    #[arg(long = "method", hide = true, value_name = "METHOD", value_parser = with)]
    not_method: Option<String>,
    /// Set an option of the methods that have it, or (METHOD.OPTION=VALUE) of one of them
    #[arg(long = "set", value_name = "OPTION=VALUE", value_parser = pair)]
    pub options: Vec<(String, String)>,
    /// How many starting points each run tries
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub starts: u32,
    /// End each run after this time with the best point so far
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub time_limit: Option<f64>,
    /// Tolerance of the certificates
    #[arg(long, value_name = "TOLERANCE", default_value_t = 1e-6, value_parser = positive)]
    pub tol: f64,
    /// Print the comparison as JSON
    #[arg(long)]
    pub json: bool,
    /// Draw progress against evaluations and time
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<String>,
}

#[derive(Debug, Args)]
pub struct Repl {
    /// Begin with this model
    pub file: Option<String>,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The model
    pub file: String,
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub changes: Changes,
    /// Write a text .nl file (with -o: and its .row and .col files)
    #[arg(long, group = "format")]
    pub nl: bool,
    /// Write an .mps file in free form
    #[arg(long, group = "format")]
    pub mps: bool,
    /// Write an .mps file in fixed form, with names of at most eight characters
    #[arg(long, group = "format")]
    pub fixed_mps: bool,
    /// Write an .lp file
    #[arg(long, group = "format")]
    pub lp: bool,
    /// Write JSON, which can say every function
    #[arg(long, group = "format")]
    pub json: bool,
    /// Write to this file; without a format, its ending says which
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<String>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The problem: a file .nl, .mps or .lp
    pub file: String,
    /// Write to this file
    #[arg(short, long, value_name = "MODEL.opt")]
    pub output: Option<String>,
}

/// `NAME=VALUE`, split at the first `=`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok((name.trim().to_string(), value.trim().to_string()))
        }
        Some(_) | None => Err("write NAME=VALUE".to_string()),
    }
}

/// `--method` is told what to write instead.
fn with(name: &str) -> Result<String, String> {
    Err(format!("a method is chosen by `--with {name}`"))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 => Ok(value),
        Ok(_) | Err(_) => Err("a positive number is needed".to_string()),
    }
}

/// The arguments with `solve` put before a file that stands where a subcommand might, and `repl` where nothing stands.
pub fn with_command(mut arguments: Vec<String>) -> Vec<String> {
    let asks_for_help = |a: &str| matches!(a, "-h" | "--help" | "-v" | "-V" | "--version");
    if arguments.len() == 1 {
        arguments.push("repl".to_string());
    } else if let Some(first) = arguments.get(1)
        && !COMMANDS.contains(&first.as_str())
        && !asks_for_help(first)
    {
        arguments.insert(1, "solve".to_string());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        let words = std::iter::once("merit").chain(line.split_whitespace()).map(str::to_string).collect();
        Arguments::try_parse_from(with_command(words))
    }

    #[test]
    fn commands_are_those_of_the_enum() {
        let command = Arguments::command();
        command.clone().debug_assert();
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(names, COMMANDS);
    }

    #[test]
    fn a_file_alone_is_solved() {
        for line in ["m.opt --param k=3", "solve m.opt --param k=3", "--param k=3 m.opt"] {
            match parse(line).unwrap().command {
                Command::Solve(solve) => {
                    assert_eq!(solve.file, "m.opt", "{line}");
                    assert_eq!(solve.inputs.params, [("k".to_string(), "3".to_string())], "{line}");
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_a_conversation() {
        for line in ["", "repl"] {
            assert!(matches!(parse(line).unwrap().command, Command::Repl(Repl { file: None })), "{line}");
        }
    }

    #[test]
    fn a_method_is_chosen_by_with() {
        for line in ["m.opt --method lbfgs", "plan m.opt --method=lbfgs", "compare m.opt --method lbfgs"] {
            let said = parse(line).unwrap_err().to_string();
            assert!(said.contains("a method is chosen by `--with lbfgs`"), "{line}: {said}");
        }
    }

    #[test]
    fn wrong_usage_is_told() {
        for line in ["solve", "m.opt --param k", "m.opt --time-limit -1", "m.opt --nonsense", "m.opt --json --quiet"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}

/// Seeds of a comparison.
#[derive(Clone, Debug)]
pub struct Seeds(pub Vec<u64>);

/// No comparison needs more runs.
const MOST_SEEDS: u64 = 100_000;

/// `3`, `1,5,7` or `0..9`, which holds both ends as ranges of models do.
fn seeds(text: &str) -> Result<Seeds, String> {
    let whole = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("`{text}` is not a whole number"));
    if let Some((first, last)) = text.split_once("..") {
        let (first, last) = (whole(first)?, whole(last)?);
        return match last.checked_sub(first) {
            None => Err(format!("the range {text} is empty")),
            Some(more) if more >= MOST_SEEDS => Err(format!("more than {MOST_SEEDS} seeds")),
            Some(_) => Ok(Seeds((first..=last).collect())),
        };
    }
    Ok(Seeds(text.split(',').map(whole).collect::<Result<_, _>>()?))
}
