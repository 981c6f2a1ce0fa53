//! The catalogue of diagnostics: one row per id. `docs/errors/ID.md` is the page of each.
//!
//! To add one: a row here (in order), a page there, and the variant with its sentence where it is found.

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: &'static str,
    /// The room that reports it.
    pub room: &'static str,
    pub summary: &'static str,
    /// What to do, said where the one who reports has nothing closer to say.
    pub help: &'static str,
}

const fn row(id: &'static str, room: &'static str, summary: &'static str, help: &'static str) -> Entry {
    Entry { id, room, summary, help }
}

/// Every diagnostic, in alphabetical order.
pub const CATALOGUE: &[Entry] = &[
    row(
        "bad-answer",
        "session",
        "The file to start from is no answer of Merit.",
        "give a file that `merit solve MODEL --json` wrote",
    ),
    row(
        "bad-change",
        "session",
        "A change names what the model does not have, or gives it a value that it cannot take.",
        "`merit show` prints the variables and rows that the model has",
    ),
    row(
        "bad-command",
        "repl",
        "What begins with a colon is no command of a conversation, or lacks what its command needs.",
        "`:help` lists the commands",
    ),
    row(
        "bad-complementarity",
        "sema",
        "A `perp` has too few or too many sides, or a side without variables.",
        "write `0 <= a perp b >= 0`, or `lo <= a <= hi perp b`",
    ),
    row(
        "bad-dual",
        "sema",
        "A multiplier cannot have the start or the bounds that it is given.",
        "its sign follows from the sides of its row and the sense of the objective",
    ),
    row("bad-json", "data", "A JSON file is not well formed.", "mend the file at this place"),
    row("bad-lp", "interop", "An `.lp` file breaks the rules of its format.", "mend the file at this place"),
    row("bad-mps", "interop", "An `.mps` file breaks the rules of its format.", "mend the file at this place"),
    row("bad-nl", "interop", "An `.nl` file breaks the rules of its format.", "mend the file at this place"),
    row(
        "bad-number",
        "data",
        "A cell of a numeric column is not a number.",
        "mend the cell, or do not use the column as numbers",
    ),
    row(
        "bad-option",
        "plan",
        "An option of a method has a value that it cannot take.",
        "docs/methods.md lists what each option may be",
    ),
    row(
        "bad-quoting",
        "data",
        "A quotation mark of a csv file stands where none may stand.",
        "put the whole cell into quotes and write a quote inside it twice",
    ),
    row("bad-range", "sema", "A range has no end.", "a range is `first..last`"),
    row(
        "bad-scale",
        "sema",
        "A scale is no positive number.",
        "write the typical size of the variable, the row or the objective: `scale 1e3`",
    ),
    row(
        "bad-separator",
        "data",
        "The header of a csv file has no comma, but another character that separates columns.",
        "separate the columns by commas",
    ),
    row(
        "bad-svmlight",
        "data",
        "An entry of an svmlight file is not `index:value`.",
        "a line is a number and then entries `index:value`, the indices ascending from 1",
    ),
    row(
        "bad-table",
        "sema",
        "The points of a `pwl` or `interp` table do not increase, or there are not as many values.",
        "give the points in ascending order, each once, and a value for each: `pwl([0, 1, 3], [5, 2, 4], t)`",
    ),
    row(
        "cannot-export",
        "interop",
        "A model states what a file format cannot say.",
        "use another format, or state this in another way",
    ),
    row(
        "cannot-import",
        "interop",
        "A file states what no problem of Merit says.",
        "write the model by hand, or have the other system write another format",
    ),
    row("chained-range", "syntax", "A range has more than two ends.", "a range with a step is `first..last by step`"),
    row(
        "check-failed",
        "sema",
        "A parameter breaks the promise of its declaration.",
        "change the value, or the promise",
    ),
    row(
        "constant-row",
        "sema",
        "A constraint holds whatever the variables are.",
        "check whether a name in it should be a variable, or leave the row out",
    ),
    row("cycle", "sema", "A declaration is defined by itself.", "break the chain at one of these places"),
    row(
        "domain-risk",
        "session",
        "A function may be asked outside of its domain.",
        "bound the variables so that it cannot happen",
    ),
    row(
        "duplicate-column",
        "data",
        "Two columns of a csv file have the same name.",
        "rename one of the columns in the file",
    ),
    row("duplicate-field", "data", "A JSON object names a field twice.", "leave one of the two out"),
    row(
        "duplicate-key",
        "sema",
        "A key stands in two rows of a table or in two entries of a map.",
        "leave one of the two out, or add a column to the key that tells them apart",
    ),
    row(
        "duplicate-name",
        "sema",
        "A name is declared twice, or a generator name hides a visible one.",
        "rename one of the two",
    ),
    row(
        "empty-cell",
        "data",
        "A cell of a column of numbers or truth values is empty, or `null` in JSON.",
        "fill the cell in, or leave the row out",
    ),
    row(
        "empty-column-name",
        "data",
        "A column of a csv file has no name in the header.",
        "give the column a name in the header",
    ),
    row("empty-file", "data", "A csv file has no header.", "the first line of a csv file names its columns"),
    row(
        "empty-set",
        "sema",
        "`min`, `max`, `mean`, `first` or `last` of nothing.",
        "make sure that the set has an element, or choose by `if` on its `card`",
    ),
    row(
        "file-too-large",
        "syntax",
        "A model file is larger than can be read.",
        "keep data in files of their own: `csv(...)` or `json(...)`",
    ),
    row(
        "impossible-row",
        "sema",
        "A constraint has no variables and does not hold.",
        "check the data of the row, or leave it out",
    ),
    row(
        "index-outside",
        "sema",
        "An index is not in the index set.",
        "use an index of the set, or choose by `if` on data: `if i < n then x[i+1] else 0`",
    ),
    row(
        "integer-refused",
        "plan",
        "A variable is integer or binary, and no method of this build keeps it so beside rows.",
        "drop the word to solve the continuous relaxation",
    ),
    row(
        "joined-rows",
        "syntax",
        "A line that starts with a sign joins the row above, and both hold a relation.",
        "indent the second line no further than the first, or put `;` between them",
    ),
    row(
        "judge-sees-variables",
        "sema",
        "The expression of a simulated judge reads variables.",
        "give what it reads as an argument",
    ),
    row("key-without-value", "syntax", "A map has an element without a value.", "an entry of a map is `key: value`"),
    row(
        "malformed-number",
        "syntax",
        "A number lacks a digit beside its point, or touches a name.",
        "numbers are written `1`, `0.5`, `1e-3`, `1_000`",
    ),
    row(
        "method-refuses",
        "plan",
        "A method that was asked for cannot serve the problem.",
        "leave the choice to the planner; `merit plan` shows which methods would do",
    ),
    row(
        "missing-data",
        "sema",
        "A parameter has no value, or lacks one for some elements.",
        "give the value in the model or from outside, or add a `default`",
    ),
    row(
        "mixed-column",
        "data",
        "A field of a JSON table is text in some rows and a truth value in others.",
        "make the field one kind in all rows",
    ),
    row(
        "mixed-indentation",
        "syntax",
        "Tabs and spaces mix so that it is unclear whether a line continues the statement above.",
        "indent with spaces alone or with tabs alone",
    ),
    row(
        "no-method",
        "plan",
        "No method of this build accepts the problem.",
        "`merit plan` shows what each method objects to",
    ),
    row(
        "no-such-field",
        "sema",
        "A table, an object or a block has nothing of this name.",
        "check the name; only tables, rows, objects, blocks, variables and constraints have fields",
    ),
    row(
        "not-a-generator",
        "syntax",
        "Something stands where a generator must: `i in I`.",
        "a generator is `i in I`, or `(i, j) in S`",
    ),
    row(
        "not-a-relation",
        "sema",
        "A constraint states nothing, or states it in a form that cannot be kept.",
        "a constraint is `a <= b`, `a >= b`, `a == b` or `lo <= a <= hi`",
    ),
    row(
        "not-differentiable",
        "sema",
        "A derivative is asked for that cannot be written out.",
        "write the derivative by hand, or differentiate by a variable or parameter that has a name",
    ),
    row("not-utf8", "data", "A file is not UTF-8 text.", "save the file as UTF-8"),
    row(
        "nothing-matches",
        "sema",
        "A `where` joins a table by values that none of its rows has.",
        "compare the column that holds the values of the other side",
    ),
    row("number-too-large", "syntax", "A number is larger than any floating-point number.", "write `inf` for no limit"),
    row(
        "oracle-of-oracle",
        "sema",
        "What an oracle is asked about depends on the answer of an oracle.",
        "ask about variables and data only",
    ),
    row(
        "ragged-array",
        "data",
        "The rows of an array of numbers in JSON are not equally long.",
        "make all rows of the array equally long",
    ),
    row(
        "ragged-row",
        "data",
        "A row of a csv file has more or fewer cells than the header has names.",
        "check the commas of the row; a comma inside a cell needs quotes",
    ),
    row(
        "ranks-are-no-numbers",
        "sema",
        "An oracle that only ranks candidates is read as a number.",
        "state the objective as the oracle alone, or let it give values",
    ),
    row("repeated-element", "sema", "An element stands twice in a set.", "leave one of the two out"),
    row(
        "set-aside",
        "session",
        "A journal holds answers of an oracle that was declared otherwise when it gave them.",
        "they stay there; what was declared then finds them again",
    ),
    row(
        "shape-mismatch",
        "sema",
        "Shapes or index sets do not fit.",
        "both sides must run over the same index sets; `vec(...)` renumbers from 1",
    ),
    row(
        "sign-in-array",
        "syntax",
        "A sign with a space before it and none after it, inside an array literal.",
        "write `a - b` for a difference, `a, -b` for two elements",
    ),
    row(
        "singular-matrix",
        "sema",
        "A matrix of data has no inverse.",
        "check the rows and columns of the matrix: one is a combination of others",
    ),
    row(
        "start-not-finite",
        "session",
        "A function has no value at the start of its variables.",
        "give a `start` where the function has a value, or bounds that keep it there",
    ),
    row(
        "step-without-range",
        "syntax",
        "`by` stands where there is no range.",
        "a range with a step is `first..last by step`",
    ),
    row(
        "surplus-key",
        "sema",
        "Data have a key that is not in the index set.",
        "take the key out of the data, or add it to the set",
    ),
    row("too-deep", "syntax", "A statement nests too deeply to be read.", "name parts of it with `let`"),
    row(
        "too-large",
        "sema",
        "A set or a family has more elements than can be handled.",
        "make the set smaller; `where` leaves elements out before they are built",
    ),
    row(
        "transposed-number",
        "syntax",
        "A `'` stands right after a number.",
        "only vectors and matrices are transposed",
    ),
    row("unbounded-recursion", "sema", "A `def` calls itself without end.", "let an `if` on data end the calls"),
    row("unclosed-bracket", "syntax", "A bracket is never closed.", "close it"),
    row("unclosed-string", "syntax", "A string does not end on its line.", "end it with a double quote"),
    row(
        "undefined-name",
        "sema",
        "Nothing has this name.",
        "declare it with `param`, `data`, `set`, `var`, `let` or `def`",
    ),
    row(
        "unexpected-character",
        "syntax",
        "A character means nothing in a model.",
        "leave it out; texts stand in double quotes, comments begin with `#`",
    ),
    row(
        "unexpected-token",
        "syntax",
        "A statement does not go on as it must.",
        "docs/language.md has an example of every statement",
    ),
    row(
        "unknown-input",
        "sema",
        "A value is given from outside for a name that the model does not have.",
        "names are given as `--param name=value` and `--data name=path`",
    ),
    row("unknown-method", "plan", "There is no method of this name.", "docs/methods.md lists the methods"),
    row(
        "unknown-option",
        "plan",
        "A method has no option of this name.",
        "docs/methods.md lists the options of each method",
    ),
    row("unopened-bracket", "syntax", "A bracket closes, and none is open.", "leave it out, or open one before"),
    row(
        "unreadable-file",
        "session",
        "A file cannot be read.",
        "check the path; paths in a model are relative to its own folder",
    ),
    row(
        "unsupported-construct",
        "plan",
        "A construct is understood and checked, but no method of this build solves problems that have it.",
        "`merit check` takes the model; to solve it, state that part in another way",
    ),
    row("unused-dual", "sema", "Bounds or a start are given to a multiplier that is not there.", "leave them out"),
    row(
        "unused-scale",
        "sema",
        "A `scale` is stated where no method uses it.",
        "leave it out, or write the row in the size that is wanted",
    ),
    row("unwritable-file", "repl", "A file cannot be written.", "check the path, and that its folder is there"),
    row(
        "variable-as-index",
        "sema",
        "An index or a set depends on a variable.",
        "an index must be data; choose among elements by a sum of variables between 0 and 1",
    ),
    row(
        "variable-in-data",
        "sema",
        "A parameter, a bound or a start depends on a variable.",
        "state it as a constraint, or name it by `let`",
    ),
    row(
        "variable-in-where",
        "sema",
        "A `where` depends on a variable.",
        "use `if` inside of the body, or state it as a constraint",
    ),
    row(
        "vector-times-vector",
        "sema",
        "`*` of two vectors has two readings.",
        "write `dot(x, y)`, `x .* y` or `x * y'`",
    ),
    row(
        "where-without-body",
        "syntax",
        "A call has a `where` but no `:` and body.",
        "a `where` stands before a `:` and a body: `sum(i in I where c: x[i])`",
    ),
    row("wrong-arity", "sema", "Too many or too few arguments, subscripts or names.", "give as many as are needed"),
    row(
        "wrong-kind",
        "sema",
        "Something of one kind stands where another is needed.",
        "docs/language.md shows what may stand here",
    ),
];

/// The row of an id.
pub fn lookup(id: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn rows_are_in_order_with_plain_ids() {
        for pair in CATALOGUE.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} and {} are out of order", pair[0].id, pair[1].id);
        }
        for entry in CATALOGUE {
            assert!(entry.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", entry.id);
            assert!(entry.summary.ends_with('.'), "{}: a summary is a sentence", entry.id);
            assert!(!entry.help.is_empty() && !entry.help.ends_with('.'), "{}: a help is advice", entry.id);
            assert_eq!(lookup(entry.id), Some(entry));
        }
    }

    #[test]
    fn every_row_has_its_page_and_every_page_its_row() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
        for entry in CATALOGUE {
            let page = std::fs::read_to_string(folder.join(format!("{}.md", entry.id)));
            let page = page.unwrap_or_else(|_| panic!("docs/errors/{}.md is missing", entry.id));
            assert!(page.starts_with(&format!("# {}\n", entry.id)), "{}", entry.id);
        }
        for file in std::fs::read_dir(&folder).expect("the folder of pages is there") {
            let name = file.expect("a readable entry").file_name().to_string_lossy().into_owned();
            let id = name.trim_end_matches(".md");
            assert!(id == "README" || lookup(id).is_some(), "{name} has no row in the catalogue");
        }
    }
}
