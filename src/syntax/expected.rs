//! The grammar's expectations in the user's words, and advice for the mistakes that people make.

use super::error::SyntaxError;
use super::parser::Rule;
use super::words;
use crate::diag::{SourceId, Span, near};
use std::ops::Range;

const EXPRESSION: &str = "an expression";
const OPERATOR: &str = "an operator";

/// How a rule is called to the user where it was expected; nothing where naming it would not help.
pub(super) fn words_for(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI => "the end of the statement",
        Rule::name | Rule::any_name | Rule::dotted => "a name",
        Rule::string => "a string",
        Rule::number
        | Rule::infinity
        | Rule::boolean
        | Rule::logic
        | Rule::rel
        | Rule::arith
        | Rule::negative
        | Rule::positive
        | Rule::prefix
        | Rule::sign
        | Rule::operand
        | Rule::parens
        | Rule::array
        | Rule::array_row
        | Rule::brace
        | Rule::element
        | Rule::choose
        | Rule::argument
        | Rule::kw_if
        | Rule::not
        | Rule::row
        | Rule::label
        | Rule::item => EXPRESSION,
        Rule::infix
        | Rule::add
        | Rule::subtract
        | Rule::multiply
        | Rule::divide
        | Rule::power
        | Rule::range
        | Rule::element_multiply
        | Rule::element_divide
        | Rule::element_power
        | Rule::by
        | Rule::union
        | Rule::intersection
        | Rule::difference
        | Rule::product
        | Rule::and
        | Rule::or
        | Rule::relation
        | Rule::kw_in
        | Rule::not_in => OPERATOR,
        Rule::bound | Rule::check | Rule::side => "a bound",
        Rule::value => "`=` and a value",
        Rule::formals => "`(` and the formals",
        Rule::formal => "a formal",
        Rule::index => "an index `[...]`",
        Rule::over_list => "the names of variables",
        Rule::option => "an option `name = value`",
        Rule::statement
        | Rule::param
        | Rule::data
        | Rule::set
        | Rule::var
        | Rule::let_
        | Rule::def
        | Rule::use_
        | Rule::saddle
        | Rule::objective
        | Rule::subject
        | Rule::oracle
        | Rule::external
        | Rule::show
        | Rule::sensitivity
        | Rule::ensure
        | Rule::solve
        | Rule::choice
        | Rule::kw_param
        | Rule::kw_data
        | Rule::kw_set
        | Rule::kw_var
        | Rule::kw_let
        | Rule::kw_def
        | Rule::kw_use
        | Rule::kw_subject
        | Rule::kw_oracle
        | Rule::kw_external
        | Rule::kw_show
        | Rule::kw_sensitivity
        | Rule::kw_ensure
        | Rule::kw_solve
        | Rule::lower
        | Rule::optimality
        | Rule::player
        | Rule::block_head
        | Rule::rows_head => "a statement",
        Rule::sense | Rule::minimize | Rule::maximize => "`minimize` or `maximize`",
        Rule::pessimistic | Rule::optimistic | Rule::generalized => return None,
        Rule::kw_over => "`over`",
        Rule::kw_to => "`to`",
        Rule::kw_with => "`with`",
        Rule::kw_where => "`where`",
        Rule::condition => "`where`",
        Rule::body => "`:`",
        Rule::kw_start => "`start`",
        Rule::start => "`start`",
        Rule::kw_scale | Rule::scale => return None,
        Rule::kw_dual | Rule::dual | Rule::kw_lower_dual | Rule::kw_upper_dual | Rule::bound_dual => return None,
        Rule::kw_default => "`default`",
        Rule::default_value => "`default`",
        Rule::kw_key => "`key`",
        Rule::key => "`key`",
        Rule::integer => "`integer`",
        Rule::binary => "`binary`",
        Rule::ranks => "`ranks`",
        Rule::values => "`values`",
        Rule::via => "`via`",
        Rule::derivatives => "`derivatives`",
        Rule::kw_then => "`then`",
        Rule::kw_else => "`else`",
        Rule::perp => "`perp`",
        Rule::kw_except | Rule::except => "`except`",
        // What may follow an operand always may: to list it says nothing.
        Rule::postfix | Rule::transpose | Rule::field | Rule::call | Rule::subscript | Rule::open => return None,
        // Parts of words, entries and white space are never expected as such.
        Rule::WHITESPACE
        | Rule::word_end
        | Rule::reserved
        | Rule::statement_entry
        | Rule::row_entry
        | Rule::condition_entry
        | Rule::head_entry
        | Rule::options_entry
        | Rule::expression_entry => return None,
    })
}

/// What to write instead of a character that no model holds.
pub(super) fn advice_for_character(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    if let Some(digit) = "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|c| c == first) {
        return Some(format!("write a power with `^`: `^{digit}`"));
    }
    if let Some(digit) = "₀₁₂₃₄₅₆₇₈₉".chars().position(|c| c == first) {
        return Some(format!("write a subscript in brackets: `[{digit}]`, or as a part of the name: `{digit}`"));
    }
    let advice = match first {
        '∑' => "write `sum(i in I: body)`",
        '∏' => "write `prod(i in I: body)`",
        '√' => "write `sqrt(x)`",
        '∀' => "index the label instead: `row[i in I]: ...`",
        '∪' => "write `union`",
        '∩' => "write `inter`",
        '∖' | '\\' => "write `minus` for sets, `/` for a quotient",
        '‖' => "write `norm(x)`",
        '|' => "write `abs(x)`, `card(S)`, or `or`",
        '&' => "write `and`",
        '!' => "write `not`, or `!=`",
        '%' => "write `mod(a, b)`; a comment starts with `#`",
        '“' | '”' | '„' | '‘' | '’' => "strings stand between straight quotes: `\"...\"`",
        '…' => "write a range with two points: `1..n`",
        '→' | '@' | '$' | '?' | '`' => return None,
        _ => return None,
    };
    Some(advice.to_string())
}

/// pest stopped at byte `at` of the statement `whole` in the mask, and expected `positives`.
pub(super) fn explain(source: SourceId, mask: &str, whole: Range<usize>, at: usize, positives: &[Rule]) -> SyntaxError {
    let statement = Statement { text: &mask[whole.clone()], at: at - whole.start };
    let word = statement.found();
    let start = at + (mask[at..whole.end].len() - mask[at..whole.end].trim_start_matches(' ').len());
    let (found, at) = if word.is_empty() {
        // The end: point behind the last character.
        let end = whole.start + statement.text.trim_end_matches(' ').len();
        ("the end of the statement".to_string(), Span::new(source, end.saturating_sub(1).max(whole.start), end))
    } else {
        (format!("`{word}`"), Span::new(source, start, start + word.len()))
    };
    SyntaxError::Unexpected { at, found, expected: statement.expected(positives), advice: statement.advice(positives) }
}

/// A statement and where matching it stopped.
struct Statement<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Statement<'a> {
    fn before(&self) -> &'a str {
        self.text[..self.at].trim_end_matches(' ')
    }

    /// The token at which matching stopped; empty at the end.
    fn found(&self) -> &'a str {
        first_token(self.text[self.at..].trim_start_matches(' '))
    }

    fn first_word(&self) -> &'a str {
        first_token(self.text.trim_start_matches(' '))
    }

    fn expected(&self, positives: &[Rule]) -> Vec<&'static str> {
        let mut words: Vec<&'static str> = Vec::new();
        for word in positives.iter().filter_map(|rule| words_for(*rule)) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let inside = self.open_bracket();
        if words.contains(&OPERATOR) || words.is_empty() {
            // After an operand much may stand; what people miss is an operator or the closer.
            words.retain(|word| matches!(*word, OPERATOR | "`then`" | "`else`" | "`to`" | "`via`" | "`ranks`"));
            words.extend(inside.map(closer));
        } else if words.contains(&EXPRESSION) {
            words.retain(|word| *word == EXPRESSION || *word == "a statement");
        }
        words
    }

    /// The innermost bracket that is open where matching stopped.
    fn open_bracket(&self) -> Option<char> {
        let mut open = Vec::new();
        let mut in_text = false;
        for c in self.before().chars() {
            match c {
                '"' => in_text = !in_text,
                '(' | '[' | '{' if !in_text => open.push(c),
                ')' | ']' | '}' if !in_text => drop(open.pop()),
                _ => {}
            }
        }
        open.pop()
    }

    /// What to write instead, for the mistakes that people make.
    fn advice(&self, positives: &[Rule]) -> Option<String> {
        let (first, found) = (self.first_word(), self.found());
        let expects = |rule: Rule| positives.contains(&rule);
        let defines = matches!(first, "let" | "set" | "data" | "def" | "param");
        if defines && (found == "==" || found == "=" && self.before().ends_with('=')) {
            return Some("`=` defines, `==` states: write `=` here".to_string());
        }
        if found == ":=" || found == ":" && expects(Rule::value) {
            return Some("a definition is written with `=`".to_string());
        }
        if first == "var" && found == "," {
            let rest = self.text[self.at..].trim_start_matches([' ', ',']);
            return Some(match rest.starts_with(['<', '>', '≤', '≥']) {
                true => TWO_SIDED.to_string(),
                false => "one variable a statement: write `var` once for each".to_string(),
            });
        }
        if first == "var" && matches!(found, "psd" | "simplex" | "soc" | "ball" | "permutation" | "subset") {
            return Some(format!("a domain stands after `in`: `var x[...] in {found}`"));
        }
        if matches!(found, ">" | "<") && self.before().ends_with(['>', '<']) {
            return Some("that a matrix is semidefinite is said where it is declared: `var X[...] in psd`".to_string());
        }
        if found == "," && self.open_bracket().is_none() && self.text.contains(['<', '>', '=', '≤', '≥']) {
            return Some("a row ends at the end of its line, without a comma".to_string());
        }
        if found == "*" && self.before().ends_with('*') {
            return Some("a power is written `x ^ 2`".to_string());
        }
        if matches!(found, ">" | "<") && self.before().ends_with('=') {
            let (written, meant) = if found == ">" { ("=>", ">=") } else { ("=<", "<=") };
            return Some(format!("`{written}` is written `{meant}`"));
        }
        if expects(Rule::kw_else) {
            return Some("both branches are needed: `if c then a else b`".to_string());
        }
        if expects(Rule::kw_then) && !expects(Rule::kw_where) {
            return Some("an `if` reads `if c then a else b`".to_string());
        }
        if matches!(found, "for" | "forall") {
            return Some("for a family of rows, index the label: `row[i in I]: ...`".to_string());
        }
        if first == "var" && self.at <= first.len() + 1 && found.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Some(TWO_SIDED.to_string());
        }
        if first == "var" && found == "=" {
            return Some("`start` gives a starting point, `let` names an expression".to_string());
        }
        if matches!(first, "lower" | "optimality" | "player") && (found.is_empty() || self.at == 0) {
            return Some(format!("the body of the block stands in braces: `{first} NAME {{ ... }}`"));
        }
        if words::RESERVED.contains(&found) && expects(Rule::name) && !expects(Rule::number) {
            return Some(format!("`{found}` is a word of the language and cannot be a name"));
        }
        self.advice_for_opening(first)
    }

    /// A statement that opens with no known word: a misspelled keyword, or a row outside `subject to`.
    fn advice_for_opening(&self, first: &str) -> Option<String> {
        if words::OPENING.contains(&first) || !self.before().is_empty() && self.before() != first {
            return None;
        }
        let instead = match first.to_lowercase().as_str() {
            "min" | "minimise" => "minimize",
            "max" | "maximise" => "maximize",
            "st" | "s" | "constraint" | "constraints" | "subjectto" => "subject to",
            "variable" | "variables" => "var",
            "parameter" | "parameters" | "const" => "param",
            "import" | "include" => "use",
            "function" | "fn" => "def",
            "print" | "display" => "show",
            "assert" => "ensure",
            _ => match near::nearest(first, words::OPENING.iter().copied()).first() {
                Some(near) => near,
                None if self.text.contains(['<', '>', '=', '≤', '≥']) => {
                    return Some(
                        "a row stands after `subject to`, several in braces: `subject to { ... }`; a definition starts \
                         with `let`, `param` or `set`"
                            .to_string(),
                    );
                }
                None => return None,
            },
        };
        Some(format!("did you mean `{instead}`?"))
    }
}

const TWO_SIDED: &str = "a two-sided bound is written `var x in [lo, hi]`";

fn closer(open: char) -> &'static str {
    match open {
        '(' => "`)`",
        '[' => "`]`",
        _ => "`}`",
    }
}

/// The first token of a text, by the shape of its characters.
fn first_token(text: &str) -> &str {
    let Some(first) = text.chars().next() else { return "" };
    let end_of_run = |more: fn(char) -> bool| text.find(|c: char| !more(c)).unwrap_or(text.len());
    let length = match first {
        '"' => text[1..].find('"').map_or(text.len(), |end| end + 2),
        c if c.is_ascii_digit() => end_of_run(|c| c.is_alphanumeric() || c == '_'),
        c if c.is_alphabetic() || c == '_' => end_of_run(|c| c.is_alphanumeric() || c == '_'),
        '<' | '>' | '=' | '!' | ':' if text[1..].starts_with('=') => 2,
        '.' if text[1..].starts_with(['.', '*', '/', '^']) => 2,
        c => c.len_utf8(),
    };
    &text[..length]
}
