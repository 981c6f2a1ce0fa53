//! Every model in the documentation is what it says it is, and the table of functions is the functions' own.
//!
//! A block that opens with ```` ```merit ```` is a model: it must be read and elaborated without an error, and where it has
//! an `ensure` it is solved and all of them must hold. ```` ```merit,fails=ID ```` must end with exactly the diagnostic ID
//! (of reading, elaborating or planning). A comment `<!-- with: ... -->` right above a block holds lines that the reader
//! need not see; they stand before the block. Files are those of `examples/`.

use merit::diag::Severity;
use merit::expr::ops;
use merit::host::{Disk, Host};
use merit::repl::Conversation;
use merit::repl::commands::COMMANDS;
use merit::repl::lines::unfinished;
use merit::session::{Errors, Model, Options};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A model in a page.
struct Block {
    /// File and line, for messages.
    place: String,
    fails: Option<String>,
    text: String,
}

/// The disk, and one model that is not there.
struct Page {
    disk: Disk,
    path: String,
    text: String,
}

impl Host for Page {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path == self.path {
            true => Ok(self.text.clone().into_bytes()),
            false => self.disk.read(path),
        }
    }

    fn seconds(&self) -> f64 {
        self.disk.seconds()
    }

    fn interrupts(&self) -> usize {
        0
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `README.md` and every page below `docs/` and in `examples/` and `stdlib/`.
fn pages() -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![root().join("docs"), root().join("examples"), root().join("stdlib")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("a readable entry").path();
            if path.ends_with("docs/errors") {
                // Pages of mistakes, on purpose without a mark: `tests/diagnostics.rs` holds them to what they say.
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found.extend(Some(root().join("README.md")).filter(|p| p.exists()));
    found.sort();
    found
}

fn blocks(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).expect("a readable page");
    let name = page.strip_prefix(root()).expect("pages lie in the project").display().to_string();
    let mut found = vec![];
    let mut hidden = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(rest) = line.trim().strip_prefix("<!-- with:") {
            hidden = match rest.strip_suffix("-->") {
                Some(one) => one.trim().to_string() + "\n",
                None => {
                    lines.by_ref().map(|(_, l)| l).take_while(|l| l.trim() != "-->").map(|l| format!("{l}\n")).collect()
                }
            };
        } else if let Some(rest) = line.strip_prefix("```") {
            let body: String =
                lines.by_ref().map(|(_, l)| l).take_while(|l| *l != "```").map(|l| format!("{l}\n")).collect();
            let mut words = rest.split(',');
            let model = words.next() == Some("merit");
            let fails = words.find_map(|w| w.strip_prefix("fails=")).map(str::to_string);
            if model {
                found.push(Block { place: format!("{name}:{}", number + 1), fails, text: hidden.clone() + &body });
            }
            hidden.clear();
        } else if !line.trim().is_empty() {
            hidden.clear();
        }
    }
    found
}

/// Reads, elaborates and plans a block, and solves it where it has an `ensure`: what does not hold then.
fn run(block: &Block) -> Result<Vec<String>, Errors> {
    let path = root().join("examples/page.opt").display().to_string();
    let host = Rc::new(Page { disk: Disk::new(), path: path.clone(), text: block.text.clone() });
    let mut problem = Model::from_host(host, &path)?.build()?;
    let ensured = !problem.problem.ensures.is_empty();
    if !ensured && block.fails.is_none() {
        return Ok(vec![]);
    }
    let options = Options::default();
    let plan = problem.plan(&options)?;
    if !ensured {
        return Ok(vec![]);
    }
    let answer = problem.solve(&plan, &options, |_| ControlFlow::Continue(())).expect("no bug of ours");
    let broken = answer.ensures.iter().filter(|e| !e.holds);
    let mut complaints: Vec<String> = broken.map(|e| format!("`{}` does not hold: {:?}", e.text, e.sides)).collect();
    if !complaints.is_empty() {
        complaints.push(format!("status {}, values {:?}", answer.status, answer.x));
    }
    Ok(complaints)
}

#[test]
fn every_model_in_the_pages_is_what_it_says() {
    let mut complaints = vec![];
    let mut count = 0;
    for page in pages() {
        for block in blocks(&page) {
            count += 1;
            let place = &block.place;
            match (run(&block), &block.fails) {
                (Ok(broken), None) => complaints.extend(broken.into_iter().map(|b| format!("{place}: {b}"))),
                (Ok(_), Some(id)) => complaints.push(format!("{place}: no `{id}`, it is fine")),
                (Err(errors), None) => complaints.push(format!("{place}:\n{errors}")),
                (Err(errors), Some(id)) => {
                    let ids: Vec<&str> =
                        errors.diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.id).collect();
                    if ids != [id.as_str()] {
                        complaints.push(format!("{place}: not `{id}` but {ids:?}\n{errors}"));
                    }
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(count > 50, "only {count} models were found: are the pages where the test looks?");
}

/// Rows of the table of operators that are signs or words, or that only the compiler writes.
const NOT_CALLED: &[&str] = &["neg", "and", "or", "not", "select"];

/// A curvature or a monotonicity over the domain, and over both halves of it where that is all there is to say.
fn by_halves(allowed: ops::Range, of: impl Fn(ops::Operand) -> &'static str) -> String {
    use merit::expr::interval::Interval;
    let over = |lo: f64, hi: f64| of(ops::Operand { interval: Interval::new(lo, hi), constant: false });
    let (all, right, left) =
        (over(f64::NEG_INFINITY, f64::INFINITY), over(0.0, f64::INFINITY), over(f64::NEG_INFINITY, 0.0));
    let (right, left) = (if allowed.hi > 0.0 { right } else { "" }, if allowed.lo < 0.0 { left } else { "" });
    match (all, right, left) {
        (all, _, _) if !all.is_empty() => all.to_string(),
        (_, right, left) if right == left => right.to_string(),
        (_, right, "") => format!("{right} for x ≥ 0"),
        (_, "", left) => format!("{left} for x ≤ 0"),
        (_, right, left) => format!("{left} for x ≤ 0, {right} for x ≥ 0"),
    }
}

fn elementary(op: ops::Op) -> String {
    let row = op.row();
    let needs = if row.domain.needs.is_empty() { "all numbers" } else { row.domain.needs };
    let both = |x: ops::Operand| [x; 3];
    let within = |x: ops::Operand| {
        // The claim is about operands that the domain allows.
        let allowed = row.domain.operands[0];
        let (lo, hi) = (x.interval.lo.max(allowed.lo), x.interval.hi.min(allowed.hi));
        ops::Operand { interval: merit::expr::interval::Interval::new(lo.min(hi), hi.max(lo)), constant: false }
    };
    let curvature = by_halves(row.domain.operands[0], |x| match (row.curvature)(both(within(x))) {
        ops::Curvature::Constant | ops::Curvature::Unknown => "",
        ops::Curvature::Affine => "affine",
        ops::Curvature::Convex => "convex",
        ops::Curvature::Concave => "concave",
    });
    let slopes = by_halves(row.domain.operands[0], |x| match ((row.slopes)(both(within(x)))[0], row.arity) {
        (ops::Slope::Rising, 1) => "rising",
        (ops::Slope::Falling, 1) => "falling",
        _ => "",
    });
    let shape = match (curvature.as_str(), slopes.as_str()) {
        ("", s) | (s, "") => s.to_string(),
        (c, s) => format!("{c}; {s}"),
    };
    let smooth = match row.smooth {
        ops::Smoothness::Smooth => String::new(),
        ops::Smoothness::Kink(at) => format!("a kink {at}"),
        ops::Smoothness::Jump(at) => format!("jumps {at}"),
    };
    let arguments = ["x", "x, y", "x, y, z"][row.arity - 1];
    format!("| `{}({arguments})` | {} | {needs} | {shape} | {smooth} |", row.name, cell(row.doc))
}

/// A text in a table: a bar would end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The table of the reference, from the tables of the program.
fn function_table() -> String {
    let mut lines = vec![
        "Elementary functions. They take numbers, and arrays element by element.".to_string(),
        String::new(),
        "| function | what it is | needs | shape | not smooth |".to_string(),
        "| --- | --- | --- | --- | --- |".to_string(),
    ];
    let called = |op: &&ops::Op| {
        let name = op.row().name;
        name.starts_with(|c: char| c.is_alphabetic()) && !NOT_CALLED.contains(&name)
    };
    // `min` and `max` of any number of arguments stand in the second table.
    let several: Vec<&str> = merit::sema::described().map(|d| d.name).collect();
    lines.extend(
        ops::ALL.iter().filter(called).filter(|op| !several.contains(&op.row().name)).map(|&op| elementary(op)),
    );
    lines.extend([
        String::new(),
        "Functions of arrays, sets and tables.".to_string(),
        String::new(),
        "| function | arguments | what it is | shape |".to_string(),
        "| --- | --- | --- | --- |".to_string(),
    ]);
    for function in merit::sema::described() {
        let (low, high) = (*function.arguments.start(), *function.arguments.end());
        let arguments = match (low, high) {
            (low, high) if low == high => low.to_string(),
            (low, 99) => format!("{low} or more"),
            (low, high) => format!("{low} to {high}"),
        };
        lines.push(format!("| `{}` | {arguments} | {} | {} |", function.name, cell(function.doc), function.shape));
    }
    lines.join("\n").replace(" |  |", " | |").replace(" |  |", " | |")
}

/// Sessions in the pages are what is said: `...` stands for lines that are not shown.
#[test]
fn sessions_are_replayed() {
    let mut tried = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a readable page");
        for session in text.split("```session\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
            let mut conversation = Conversation::new(Rc::new(Disk::new()));
            for exchange in session.split("merit> ").skip(1) {
                replay(&mut conversation, exchange, &page.display().to_string());
            }
            tried += 1;
        }
    }
    assert!(tried > 0);
}

/// What was typed is the first line, and more as long as the input goes on; the rest is what was said.
fn replay(conversation: &mut Conversation, exchange: &str, page: &str) {
    let mut lines = exchange.trim_end().lines();
    let mut typed = lines.next().unwrap_or("").to_string();
    while unfinished(&typed) {
        typed += "\n";
        typed += lines.next().expect("the input ends");
    }
    let reply = conversation.say(&typed, &mut |_| ControlFlow::Continue(()));
    let told: String = reply.told.iter().map(|errors| errors.to_string()).collect();
    let said = told + &reply.text;
    let mut said = said.lines();
    let mut skipping = false;
    for wanted in lines {
        if wanted == "..." {
            skipping = true;
            continue;
        }
        let found = if skipping { said.find(|line| *line == wanted) } else { said.next() };
        assert_eq!(found, Some(wanted), "{page}: after `{typed}`");
        skipping = false;
    }
    assert!(skipping || said.next().is_none(), "{page}: more is said to `{typed}`");
}

/// Set `MERIT_BLESS=1` to write the table of commands into its page.
#[test]
fn the_table_of_commands_is_up_to_date() {
    let rows =
        COMMANDS.iter().map(|c| format!("| `:{}` | {} |", format!("{} {}", c.name, c.usage).trim_end(), cell(c.doc)));
    let head = ["| command | what it does |".to_string(), "| --- | --- |".to_string()];
    let table: Vec<String> =
        head.into_iter().chain(rows.map(|row| row.replace(" | progress", " \\| progress"))).collect();
    kept_in(
        "docs/repl.md",
        ("<!-- commands: written by tests/docs.rs -->\n", "<!-- end of commands -->"),
        &(table.join("\n") + "\n"),
    );
}

/// Holds a page to a text between two marks, or writes it there.
fn kept_in(page: &str, (open, close): (&str, &str), wanted: &str) {
    let path = root().join(page);
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = text.split_once(open).expect("the page has a place for the table");
    let (found, after) = rest.split_once(close).expect("the place has an end");
    if std::env::var_os("MERIT_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{open}{wanted}{close}{after}")).expect("the page can be written");
        return;
    }
    assert!(found == wanted, "{page} is behind its table; run this test with MERIT_BLESS=1");
}

/// Set `MERIT_BLESS=1` to write the table into the page after a function was added.
#[test]
fn the_table_of_functions_is_up_to_date() {
    let marks = ("<!-- functions: written by tests/docs.rs -->\n", "\n<!-- end of functions -->");
    kept_in("docs/language.md", marks, &function_table());
}
