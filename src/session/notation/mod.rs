//! A model in set form: as Unicode text, or for LaTeX.
//!
//! Works on the tree of the file, so what is shown is the model as stated, before data are read: sums stay sums and
//! families stay families. One walk serves both styles; where they differ, [`Style`] decides.
//!
//! | file | what it writes |
//! | --- | --- |
//! | `statements` | what is given and decided, objectives, rows, definitions |
//! | `expressions` | expressions, with parentheses where they are needed |
//! | `functions` | calls and aggregates |
//! | `names` | names, and the words and signs that each style has for them |

mod expressions;
mod functions;
mod names;
mod statements;

use crate::syntax::ast::{BlockKind, File, Statement, StatementKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Text,
    Latex,
}

/// The model: what is given, what is decided, the objectives, the constraints, the named expressions.
pub fn set_form(file: &File, style: Style) -> String {
    let mut lines = vec![];
    sections(&file.statements, style, &mut lines);
    match style {
        Style::Text => {
            let mut out = String::new();
            for (k, line) in lines.iter().enumerate() {
                if k > 0 && !line.head.trim().is_empty() {
                    out.push('\n');
                }
                out += &format!("{:<11} {}\n", line.head, line.body);
            }
            out
        }
        Style::Latex => {
            let rows: Vec<String> = lines
                .iter()
                .map(|line| match &line.head[..] {
                    "" => format!("  & {}", line.body),
                    head => format!("  \\text{{{head}}}\\quad & {}", line.body),
                })
                .collect();
            format!("\\begin{{align*}}\n{}\n\\end{{align*}}\n", rows.join(" \\\\\n"))
        }
    }
}

/// A line: the word that opens its section (empty further down) and the formula.
struct Line {
    head: String,
    body: String,
}

/// Statements in the order that a paper gives them.
fn sections(statements: &[Statement], style: Style, lines: &mut Vec<Line>) {
    let writer = Writer { style };
    let mut add = |head: &str, bodies: Vec<String>| {
        for (k, body) in bodies.into_iter().enumerate() {
            lines.push(Line { head: if k == 0 { head.to_string() } else { String::new() }, body });
        }
    };
    let all = |pick: &dyn Fn(&StatementKind) -> Option<String>| -> Vec<String> {
        statements.iter().filter_map(|statement| pick(&statement.kind)).collect()
    };
    add("given", all(&|s| writer.given(s)));
    add("variables", all(&|s| writer.variable(s)));
    for statement in statements {
        if let Some((head, body)) = writer.objective(&statement.kind) {
            add(&head, vec![body]);
        }
    }
    let rows = statements.iter().flat_map(|statement| match &statement.kind {
        StatementKind::SubjectTo { rows, .. } => &rows[..],
        _ => &[],
    });
    add("subject to", rows.map(|row| writer.row(row)).collect());
    add("where", all(&|s| writer.definition(s)));
    for statement in statements {
        if let StatementKind::Block { kind, name, index, body, .. } = &statement.kind {
            let head = match kind {
                BlockKind::Lower => "lower",
                BlockKind::Optimality => "optimality",
                BlockKind::Player => "player",
            };
            let named = writer.name(&name.name) + &writer.for_all(index.as_ref());
            lines.push(Line { head: head.to_string(), body: named });
            let start = lines.len();
            sections(body, style, lines);
            for line in &mut lines[start..] {
                if style == Style::Text {
                    line.head = format!("  {}", line.head);
                }
            }
        }
    }
}

/// Writes in one style.
struct Writer {
    style: Style,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceId;
    use crate::syntax::parse;

    fn shown(text: &str, style: Style) -> String {
        let (file, diagnostics) = parse(SourceId(0), text);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        set_form(&file, style)
    }

    const NETWORK: &str = "
        set V = {\"a\", \"b\"}
        param cap[V] = 3
        var flow[(i,j) in V cross V where i != j] in [0, cap[i]]
        var k integer in 0..10
        minimize cost: sum((i,j) in V cross V where i != j: flow[i,j]^2) * 2 - k
        subject to balance[v in V]: sum(j in V where j != v: flow[v,j]) + sum(j in V where j != v: -flow[j,v]) == 0
        let twice = 2 * k";

    #[test]
    fn text_reads_like_the_paper() {
        let expected = "\
given       V = {\"a\", \"b\"}
            cap[V] = 3

variables   flow[i, j] ∈ [0, cap[i]]   ∀ (i, j) ∈ V × V : i ≠ j
            k ∈ 0..10, integer

minimize    cost: (Σ((i, j) ∈ V × V : i ≠ j) flow[i, j]^2)·2 − k

subject to  balance[v]: Σ(j ∈ V : j ≠ v) flow[v, j] + Σ(j ∈ V : j ≠ v) −flow[j, v] = 0   ∀ v ∈ V

where       twice = 2·k
";
        assert_eq!(shown(NETWORK, Style::Text), expected);
    }

    #[test]
    fn latex_is_an_align_environment() {
        let text = "var x[1..4] in [1, 5]\nminimize c_1: x[1]^(a + 1) / sqrt(x[2]) * 3\nsubject to abs(x[3]) <= -2";
        let expected = "\\begin{align*}
  \\text{variables}\\quad & {x}_{1 \\mathbin{..} 4} \\in [1, 5] \\\\
  \\text{minimize}\\quad & \\text{c\\_1:}\\quad \\frac{{{x}_{1}}^{a + 1}}{\\sqrt{{x}_{2}}} \\cdot 3 \\\\
  \\text{subject to}\\quad & \\left\\lvert {x}_{3} \\right\\rvert \\le -2
\\end{align*}
";
        assert_eq!(shown(text, Style::Latex), expected);
    }

    #[test]
    fn parentheses_stand_where_they_are_needed() {
        let cases = [
            ("minimize (a - b) - (c - d)", "a − b − (c − d)"),
            ("minimize a / (b * c)", "a/(b·c)"),
            ("minimize (-x)^2 + -x^2", "(−x)^2 + −x^2"),
            ("minimize (a + b)'", "(a + b)'"),
            ("minimize 2 * sum(i in I: x[i]) + y", "2·(Σ(i ∈ I) x[i]) + y"),
        ];
        for (text, formula) in cases {
            assert_eq!(shown(text, Style::Text), format!("minimize    {formula}\n"));
        }
    }
}
