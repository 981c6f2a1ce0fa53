//! Readers against small texts: values, types, and the exact place of every mistake.

use super::*;
use crate::diag::Sources;

const S: SourceId = SourceId(0);

/// `id line:column message` of each diagnostic.
fn told(text: &str, diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut sources = Sources::default();
    let id = sources.add("data", text);
    let place = |d: &Diagnostic| sources.line_column(id, d.primary().start);
    let line = |d: &Diagnostic| format!("{} {}:{} {}", d.id, place(d).0, place(d).1, d.message);
    diagnostics.iter().map(line).collect()
}

fn csv_errors(text: &str) -> Vec<String> {
    told(text, &csv(S, text).expect_err("the text is wrong"))
}

fn json_errors(text: &str) -> Vec<String> {
    told(text, &json(S, text).expect_err("the text is wrong"))
}

fn numbers(table: &Table, name: &str) -> Vec<f64> {
    match &table.column(name).unwrap_or_else(|| panic!("no column {name}")).values {
        ColumnValues::Number(values) => values.to_vec(),
        other => panic!("{name} is {other:?}"),
    }
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    match &table.column(name).unwrap_or_else(|| panic!("no column {name}")).values {
        ColumnValues::Text(values) => values.iter().map(|t| t.to_string()).collect(),
        other => panic!("{name} is {other:?}"),
    }
}

fn truths(table: &Table, name: &str) -> Vec<bool> {
    match &table.column(name).unwrap_or_else(|| panic!("no column {name}")).values {
        ColumnValues::Bool(values) => values.to_vec(),
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn columns_have_types() {
    let table = csv(S, "a, b ,c,d\n1,x, true,inf\r\n-2e3,\"y, \"\"z\"\"\",false,-inf\n\n").unwrap();
    assert_eq!(table.rows, 2);
    assert_eq!(numbers(&table, "a"), [1.0, -2000.0]);
    assert_eq!(texts(&table, "b"), ["x", "y, \"z\""]);
    assert_eq!(truths(&table, "c"), [true, false]);
    assert_eq!(numbers(&table, "d"), [f64::INFINITY, f64::NEG_INFINITY]);
}

#[test]
fn a_header_alone_is_an_empty_table() {
    for text in ["a,b", "a,b\n", "\n a,b \r\n\r\n"] {
        let table = csv(S, text).unwrap();
        assert_eq!((table.rows, table.columns.len()), (0, 2), "{text:?}");
        assert!(numbers(&table, "b").is_empty());
    }
}

#[test]
fn quoted_cells_may_span_lines() {
    let text = "name,v\n\"two\nlines\",1\nlast,2";
    let table = csv(S, text).unwrap();
    assert_eq!(texts(&table, "name"), ["two\nlines", "last"]);
    assert_eq!(numbers(&table, "v"), [1.0, 2.0]);
    assert_eq!(&text[table.row_starts[1] as usize..], "last,2");
}

#[test]
fn a_few_cells_that_are_no_numbers_are_mistakes() {
    assert_eq!(
        csv_errors("id,v\na,1\nb,2\nc,x7\nd,\ne,NaN\nf,1e999\ng,3\nh,4\ni,5\n"),
        [
            "bad-number 4:3 `x7` is not a number, but column `v` holds numbers",
            "empty-cell 5:3 a cell of column `v` is empty",
            "bad-number 6:3 `NaN` is not a number, but column `v` holds numbers",
            "bad-number 7:3 `1e999` is not a number, but column `v` holds numbers",
        ]
    );
    assert_eq!(csv_errors("t,k\ntrue,1\n,2\nfalse,3\n"), ["empty-cell 3:1 a cell of column `t` is empty"]);
    let quoted = csv(S, "v\n1\n2\n\"3b\"\n").unwrap();
    assert_eq!(texts(&quoted, "v"), ["1", "2", "3b"]);
}

#[test]
fn only_a_handful_is_listed() {
    let mut text = String::from("v,w\n");
    for k in 0..100 {
        text += if k % 5 == 0 { "oops,1\n" } else { "1,2\n" };
    }
    let errors = csv(S, &text).unwrap_err();
    assert_eq!(errors.len(), LISTED);
    assert!(
        errors[LISTED - 1]
            .help
            .as_ref()
            .is_some_and(|help| help.ends_with("there are 15 more of this kind in the file"))
    );
    assert_eq!(told(&text, &errors)[4], "bad-number 22:1 `oops` is not a number, but column `v` holds numbers");
}

#[test]
fn wrong_tables_say_where() {
    let cases: &[(&str, &[&str])] = &[
        (
            "a,b\n1\n1,2\n1,2,3\n",
            &[
                "ragged-row 2:1 this row has 1 cell, but the header names 2 columns",
                "ragged-row 4:1 this row has 3 cells, but the header names 2 columns",
            ],
        ),
        ("a,b,a\n1,2,3\n", &["duplicate-column 1:5 two columns are called `a`"]),
        ("a,,c\n1,2,3\n", &["empty-column-name 1:3 column 2 has no name"]),
        ("a,b\n1,2 \"x\"\n3,4\n", &["bad-quoting 2:5 a quote inside a cell that is not quoted"]),
        ("a,b\n\"1\" x,2\n3,4\n", &["bad-quoting 2:5 text after the closing quote of a cell"]),
        ("a,b\n1,2\n\"é,4\n5,6\n", &["bad-quoting 3:1 this quote is never closed"]),
        ("\"a,b\n1,2\n", &["bad-quoting 1:1 this quote is never closed"]),
        ("a;b\n1;2\n", &["bad-separator 1:1 the header has no comma, but ';'"]),
        ("", &["empty-file 1:1 the file is empty"]),
        (" \r\n\n", &["empty-file 3:1 the file is empty"]),
    ];
    for (text, expected) in cases {
        assert_eq!(csv_errors(text), *expected, "{text:?}");
    }
}

#[test]
fn cells_know_their_places() {
    let text = "a, b\n1,\"x y\"\n 2 , z \n";
    let table = csv(S, text).unwrap();
    let at = |row, column| {
        let span = table.cell_span(text, row, column);
        &text[span.start as usize..span.end as usize]
    };
    assert_eq!([at(0, 0), at(0, 1), at(1, 0), at(1, 1)], ["1", "x y", "2", "z"]);
    assert_eq!(table.header_span(text, 1), Span::new(S, 3, 4));

    let text = r#"{"t": [{"k": 1, "v": "\"a"}, {"v": "b", "k": 22}]}"#;
    let value = json(S, text).unwrap();
    let ValueKind::Table(table) = &value.field("t").unwrap().kind else { panic!("not a table") };
    let at = |row, column| {
        let span = table.cell_span(text, row, column);
        &text[span.start as usize..span.end as usize]
    };
    assert_eq!([at(0, 1), at(1, 0), at(1, 1)], [r#""\"a""#, "22", "\"b\""]);
    let header = table.header_span(text, 1);
    assert_eq!(&text[header.start as usize..header.end as usize], "\"v\"");

    let text = "# none\n+1 2:0.5 # c\n-1 1:3 3:-4\n";
    let table = svmlight(S, text).unwrap();
    let at = |row, column| {
        let span = table.cell_span(text, row, column);
        &text[span.start as usize..span.end as usize]
    };
    assert_eq!([at(0, 0), at(0, 1), at(0, 2), at(1, 3)], ["+1", "+1 2:0.5", "0.5", "-4"]);
}

#[test]
fn svmlight_is_dense() {
    let table = svmlight(S, "# none\n+1 2:0.5 # c\n\n-1 1:3 3:-4\n").unwrap();
    assert_eq!(numbers(&table, "label"), [1.0, -1.0]);
    assert_eq!(numbers(&table, "x1"), [0.0, 3.0]);
    assert_eq!(numbers(&table, "x2"), [0.5, 0.0]);
    assert_eq!(numbers(&table, "x3"), [0.0, -4.0]);
    let text = "y 1:2\n1 0:1\n1 2:1 2:3\n1 3\n1 1:z\n";
    assert_eq!(
        told(text, &svmlight(S, text).unwrap_err()),
        [
            "bad-number 1:1 the label `y` is not a number",
            "bad-svmlight 2:3 indices count from 1",
            "bad-svmlight 3:7 index 2 stands behind index 2",
            "bad-svmlight 4:3 `3` is not `index:value`",
            "bad-svmlight 5:3 `z` is not a number",
        ]
    );
    let text = "1 4000000000:1\n";
    assert_eq!(svmlight(S, text).unwrap_err()[0].id, "file-too-large");
}

#[test]
fn json_finds_blocks_and_tables() {
    let text = r#" {"m": [[1, 2.5], [-3e2, "inf"]], "v": [1], "s": ["a", "b"], "e": [], "n": null,
        "mixed": [1, "a"], "t": [{"id": 1, "ok": true, "s": "é\u00e9\ud83d\ude00"}, {"ok": false, "id": 2, "s": "x"}],
        "deep": [{"a": [1, 2]}]} "#;
    let value = json(S, text).unwrap();
    let kind = |name: &str| &value.field(name).unwrap().kind;
    let block = |name: &str| match kind(name) {
        ValueKind::Numbers { shape, values } => (shape.clone(), values.to_vec()),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(block("m"), (vec![2, 2], vec![1.0, 2.5, -300.0, f64::INFINITY]));
    assert_eq!(block("v"), (vec![1], vec![1.0]));
    let list = |name: &str| match kind(name) {
        ValueKind::List(elements) => elements.len(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!([list("s"), list("e"), list("mixed"), list("deep")], [2, 0, 2, 1]);
    assert!(matches!(kind("n"), ValueKind::Null));
    let ValueKind::Table(table) = kind("t") else { panic!("not a table") };
    assert_eq!(numbers(table, "id"), [1.0, 2.0]);
    assert_eq!(truths(table, "ok"), [true, false]);
    assert_eq!(texts(table, "s"), ["éé😀", "x"]);
    let span = value.field("v").unwrap().span;
    assert_eq!(&text[span.start as usize..span.end as usize], "[1]");
}

#[test]
fn wrong_json_says_where() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["bad-json 1:1 a value is expected"]),
        ("[1,\n 2", &["bad-json 2:3 a `,` or `]` is expected"]),
        ("{\"a\": 1,\n \"b\" 2}", &["bad-json 2:6 a `:` is expected after the name of a field"]),
        ("{\"a\": 1, b: 2}", &["bad-json 1:10 a field name in double quotes is expected"]),
        ("[1, 2,]", &["bad-json 1:6 a value is expected after this comma"]),
        ("[1] x", &["bad-json 1:5 there is text after the end of the value"]),
        ("{\"a\": NaN}", &["bad-json 1:7 `NaN` is not a JSON value"]),
        ("[01]", &["bad-json 1:2 `01` is not a JSON number"]),
        ("[1.]", &["bad-json 1:2 `1.` is not a JSON number"]),
        ("[1e999]", &["bad-json 1:2 `1e999` is too large"]),
        ("[\"ab", &["bad-json 1:2 this quote is never closed"]),
        ("[\"a\nb\"]", &["bad-json 1:2 a text must not hold line breaks or control characters"]),
        ("[\"\\é\"]", &["bad-json 1:3 unknown escape in a text"]),
        ("[\"\\ud800x\"]", &["bad-json 1:3 not a Unicode escape"]),
        ("{\"a\": 1,\n\"a\": 2}", &["duplicate-field 2:1 field `a` appears twice in one object"]),
        ("[[1, 2],\n [3]]", &["ragged-array 2:2 this row has 1 number, but the first one has 2 numbers"]),
        ("[{\"a\": 1},\n {\"a\": null}]", &["empty-cell 2:8 a cell of column `a` is null"]),
        (
            "[{\"a\": 1},\n {\"a\": \"x\"},{\"a\": 2}]",
            &["bad-number 2:8 this cell of column `a` is a text, but others are numbers"],
        ),
        (
            "[{\"a\": true},\n {\"a\": \"x\"}]",
            &["mixed-column 2:8 this cell of column `a` is a text, but others are truth values"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(json_errors(text), *expected, "{text:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(json_errors(&deep), ["bad-json 1:129 nested more than 128 deep"]);
}

#[test]
fn bytes_are_decoded() {
    assert_eq!(decode(b"\xef\xbb\xbfa,b".to_vec()).as_deref(), Ok("a,b"));
    let bad = decode(b"a\n\xffb".to_vec()).unwrap_err();
    assert_eq!(told(&bad.text, &[bad.diagnostic(S)]), ["not-utf8 2:1 the file is not UTF-8 text"]);
    assert!(decode(b"\xff\xfea\0".to_vec()).unwrap_err().utf16);
}

#[test]
fn tables_from_columns_are_checked() {
    let column =
        |name: &str, n: usize| Column { name: name.into(), values: ColumnValues::Number(Arc::new(vec![0.0; n])) };
    assert_eq!(Table::from_columns(vec![column("a", 2), column("b", 2)]).unwrap().rows, 2);
    assert_eq!(
        Table::from_columns(vec![column("a", 2), column("b", 3)]).unwrap_err(),
        "column `b` has 3 rows, but `a` has 2"
    );
    assert_eq!(Table::from_columns(vec![column("a", 2), column("a", 2)]).unwrap_err(), "two columns are called `a`");
    assert_eq!(Table::from_columns(vec![column("", 2)]).unwrap_err(), "column 1 has no name");
}

#[test]
fn every_diagnostic_is_in_the_catalogue() {
    let sources = [
        include_str!("mod.rs"),
        include_str!("csv.rs"),
        include_str!("json.rs"),
        include_str!("svmlight.rs"),
        include_str!("decode.rs"),
    ];
    let mut seen = 0;
    for source in sources {
        for (at, _) in source.match_indices("Diagnostic::error(\"") {
            let id = source[at..].split('"').nth(1).unwrap_or("");
            assert!(crate::diag::catalogue::lookup(id).is_some(), "{id} has no row");
            seen += 1;
        }
    }
    assert!(seen > 15);
}
