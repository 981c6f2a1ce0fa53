//! The problems of `examples/data/problems/`, turned into models.

use std::fmt::Write;

pub struct Row {
    pub id: String,
    pub text: String,
    pub best: f64,
}

/// The model of a line of the table.
fn model(line: &str) -> Row {
    let cells: Vec<&str> = line.split('\t').collect();
    let [id, n, objective, bounds, equalities, inequalities, x0, best] = cells[..] else {
        panic!("a line of the table has eight cells: {line}")
    };
    let n: usize = n.parse().expect("a count");
    let bounds: Vec<(&str, &str)> = if bounds == "-" {
        vec![]
    } else {
        bounds.split(';').map(|b| b.split_once(':').expect("name:range")).collect()
    };
    let mut text = String::new();
    for (k, start) in (1..=n).zip(x0.split(',')) {
        let name = format!("x{k}");
        let range = bounds.iter().find(|(b, _)| *b == name).and_then(|(_, range)| range.split_once(':'));
        let range = range.map_or(String::new(), |(lower, upper)| format!(" in [{lower}, {upper}]"));
        writeln!(text, "var {name}{range} start {start}").expect("a string takes text");
    }
    writeln!(text, "minimize objective: {objective}").expect("a string takes text");
    for (expressions, relation) in [(equalities, "=="), (inequalities, ">=")] {
        for e in expressions.split(';').filter(|e| *e != "-") {
            writeln!(text, "subject to {e} {relation} 0").expect("a string takes text");
        }
    }
    // HS109 is listed as `inf`: no value is known to compare with, any certified point will do.
    Row { id: id.to_string(), text, best: best.parse().expect("a number or inf") }
}

/// All of a table, `nlp` or `schittkowski`.
pub fn rows(name: &str) -> Vec<Row> {
    let path = format!("examples/data/problems/{name}.tsv");
    let table = std::fs::read_to_string(path).expect("the table is in the repository");
    table.lines().skip(1).filter(|line| !line.is_empty()).map(model).collect()
}
