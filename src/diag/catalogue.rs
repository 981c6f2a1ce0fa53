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
}

const fn row(id: &'static str, room: &'static str, summary: &'static str) -> Entry {
    Entry { id, room, summary }
}

/// Every diagnostic, in alphabetical order.
pub const CATALOGUE: &[Entry] = &[
    row("bad-answer", "session", "The file to start from is no answer of Merit."),
    row(
        "bad-change",
        "session",
        "A change names what the model does not have, or gives it a value that it cannot take.",
    ),
    row("bad-json", "data", "A JSON file is not well formed."),
    row("bad-lp", "interop", "An `.lp` file breaks the rules of its format."),
    row("bad-mps", "interop", "An `.mps` file breaks the rules of its format."),
    row("bad-nl", "interop", "An `.nl` file breaks the rules of its format."),
    row("bad-number", "data", "A cell of a numeric column is not a number."),
    row("bad-option", "plan", "An option of a method has a value that it cannot take."),
    row("bad-quoting", "data", "A quotation mark of a csv file stands where none may stand."),
    row("bad-range", "sema", "A range has no end."),
    row(
        "bad-separator",
        "data",
        "The header of a csv file has no comma, but another character that separates columns.",
    ),
    row("bad-svmlight", "data", "An entry of an svmlight file is not `index:value`."),
    row(
        "bad-table",
        "sema",
        "The points of a `pwl` or `interp` table do not increase, or there are not as many values.",
    ),
    row("cannot-export", "interop", "A model states what a file format cannot say."),
    row("cannot-import", "interop", "A file states what no problem of Merit says."),
    row("chained-range", "syntax", "A range has more than two ends."),
    row("check-failed", "sema", "A parameter breaks the promise of its declaration."),
    row("constant-row", "sema", "A constraint holds whatever the variables are."),
    row("cycle", "sema", "A declaration is defined by itself."),
    row("domain-risk", "session", "A function may be asked outside of its domain."),
    row("duplicate-column", "data", "Two columns of a csv file have the same name."),
    row("duplicate-field", "data", "A JSON object names a field twice."),
    row("duplicate-key", "sema", "A key stands in two rows of a table or in two entries of a map."),
    row("duplicate-name", "sema", "A name is declared twice, or a generator name hides a visible one."),
    row("empty-cell", "data", "A cell of a column of numbers or truth values is empty, or `null` in JSON."),
    row("empty-column-name", "data", "A column of a csv file has no name in the header."),
    row("empty-file", "data", "A csv file has no header."),
    row("empty-set", "sema", "`min`, `max`, `mean`, `first` or `last` of nothing."),
    row("file-too-large", "syntax", "A model file is larger than can be read."),
    row("impossible-row", "sema", "A constraint has no variables and does not hold."),
    row("index-outside", "sema", "An index is not in the index set."),
    row("integer-refused", "plan", "A variable is integer or binary, and no method of this build keeps it so."),
    row("joined-rows", "syntax", "A line that starts with a sign joins the row above, and both hold a relation."),
    row("key-without-value", "syntax", "A map has an element without a value."),
    row("malformed-number", "syntax", "A number lacks a digit beside its point, or touches a name."),
    row("method-refuses", "plan", "A method that was asked for cannot serve the problem."),
    row("missing-data", "sema", "A parameter has no value, or lacks one for some elements."),
    row("mixed-column", "data", "A field of a JSON table is text in some rows and a truth value in others."),
    row(
        "mixed-indentation",
        "syntax",
        "Tabs and spaces mix so that it is unclear whether a line continues the statement above.",
    ),
    row("no-method", "plan", "No method of this build accepts the problem."),
    row("no-such-field", "sema", "A table, an object or a block has nothing of this name."),
    row("not-a-generator", "syntax", "Something stands where a generator must: `i in I`."),
    row("not-a-relation", "sema", "A constraint states nothing, or states it in a form that cannot be kept."),
    row("not-differentiable", "sema", "A derivative is asked for that cannot be written out."),
    row("not-utf8", "data", "A file is not UTF-8 text."),
    row("number-too-large", "syntax", "A number is larger than any floating-point number."),
    row("ragged-array", "data", "The rows of an array of numbers in JSON are not equally long."),
    row("ragged-row", "data", "A row of a csv file has more or fewer cells than the header has names."),
    row("repeated-element", "sema", "An element stands twice in a set."),
    row("shape-mismatch", "sema", "Shapes or index sets do not fit."),
    row("sign-in-array", "syntax", "A sign with a space before it and none after it, inside an array literal."),
    row("singular-matrix", "sema", "A matrix of data has no inverse."),
    row("start-not-finite", "session", "A function has no value at the start of its variables."),
    row("step-without-range", "syntax", "`by` stands where there is no range."),
    row("surplus-key", "sema", "Data have a key that is not in the index set."),
    row("too-deep", "syntax", "A statement nests too deeply to be read."),
    row("too-large", "sema", "A set or a family has more elements than can be handled."),
    row("transposed-number", "syntax", "A `'` stands right after a number."),
    row("unbounded-recursion", "sema", "A `def` calls itself without end."),
    row("unclosed-bracket", "syntax", "A bracket is never closed."),
    row("unclosed-string", "syntax", "A string does not end on its line."),
    row("undefined-name", "sema", "Nothing has this name."),
    row("unexpected-character", "syntax", "A character means nothing in a model."),
    row("unexpected-token", "syntax", "A statement does not go on as it must."),
    row("unknown-input", "sema", "A value is given from outside for a name that the model does not have."),
    row("unknown-method", "plan", "There is no method of this name."),
    row("unknown-option", "plan", "A method has no option of this name."),
    row("unopened-bracket", "syntax", "A bracket closes, and none is open."),
    row("unreadable-file", "session", "A file cannot be read."),
    row(
        "unsupported-construct",
        "plan",
        "A construct is understood and checked, but no method of this build solves problems that have it.",
    ),
    row("variable-as-index", "sema", "An index or a set depends on a variable."),
    row("variable-in-data", "sema", "A parameter, a bound or a start depends on a variable."),
    row("variable-in-where", "sema", "A `where` depends on a variable."),
    row("vector-times-vector", "sema", "`*` of two vectors has two readings."),
    row("where-without-body", "syntax", "A call has a `where` but no `:` and body."),
    row("wrong-arity", "sema", "Too many or too few arguments, subscripts or names."),
    row("wrong-kind", "sema", "Something of one kind stands where another is needed."),
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
