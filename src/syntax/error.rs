//! What can be wrong with a text: facts with places, and the one sentence for each.

use super::expected;
use super::parser::Rule;
use crate::diag::{Diagnostic, SourceId, Span};
use pest::error::{Error, ErrorVariant, InputLocation};

#[derive(Clone, Debug, PartialEq)]
pub enum SyntaxError {
    UnexpectedCharacter {
        at: Span,
        text: String,
    },
    UnclosedText {
        at: Span,
    },
    /// `1.`, `.5`
    NumberWithoutDigit {
        at: Span,
        text: String,
    },
    /// `2x`
    NumberBesideName {
        at: Span,
        number: String,
        name: String,
    },
    /// `3'`
    TransposedNumber {
        at: Span,
    },
    NumberTooLarge {
        at: Span,
    },
    /// `met`: the closer of another kind, or the semicolon, that stands where this bracket is still open.
    UnclosedBracket {
        open: Span,
        closer: char,
        met: Option<Span>,
    },
    UnexpectedCloser {
        at: Span,
    },
    TooDeep {
        at: Span,
    },
    MixedIndentation {
        at: Span,
    },
    /// pest's verdict: what stands there, what might, and advice for the mistakes people make.
    Unexpected {
        at: Span,
        found: String,
        expected: Vec<&'static str>,
        advice: Option<String>,
    },
    NotAGenerator {
        at: Span,
    },
    NotAPattern {
        at: Span,
    },
    ConditionWithoutBody {
        at: Span,
        function: Span,
    },
    ChainedRange {
        at: Span,
    },
    StepWithoutRange {
        at: Span,
    },
    KeyWithoutValue {
        at: Span,
    },
    ChoiceTwice {
        at: Span,
    },
    StartTwice {
        at: Span,
    },
    NotOneExpression {
        at: Span,
    },
    FileTooLarge {
        at: Span,
    },
}

/// Doubtful, not wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Lint {
    /// A line that starts with a sign joins the row above, and both hold a relation.
    JoinedRelation { sign: Span, relation: Span },
    /// `[1 -1]`
    SignInArray { sign: Span },
}

impl SyntaxError {
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::UnexpectedCharacter { at, text } => {
                let diagnostic = Diagnostic::error("unexpected-character", *at, format!("`{text}` means nothing here"));
                match expected::advice_for_character(text) {
                    Some(advice) => diagnostic.help(advice),
                    None => diagnostic,
                }
            }
            Self::UnclosedText { at } => Diagnostic::error("unclosed-string", *at, "this string is never closed")
                .here("it must end on this line")
                .help("close it with `\"`"),
            Self::NumberWithoutDigit { at, text } => {
                let fixed = match text.strip_prefix('.') {
                    Some(digits) => format!("0.{digits}"),
                    None => format!("{text}0"),
                };
                Diagnostic::error("malformed-number", *at, format!("`{text}` lacks a digit beside its point"))
                    .help(format!("write `{fixed}`"))
            }
            Self::NumberBesideName { at, number, name } => {
                Diagnostic::error("malformed-number", *at, format!("`{number}` and `{name}` need an operator between"))
                    .help(format!("write `{number} * {name}`"))
            }
            Self::TransposedNumber { at } => Diagnostic::error("transposed-number", *at, "a number has no transpose")
                .help("to transpose a power, write `(A^2)'`"),
            Self::NumberTooLarge { at } => {
                Diagnostic::error("number-too-large", *at, "this number does not fit: the largest is about 1.8e308")
                    .help("write `inf` for infinity")
            }
            Self::UnclosedBracket { open, closer, met } => {
                let diagnostic = Diagnostic::error("unclosed-bracket", *open, "this bracket is never closed")
                    .here("opened here")
                    .help(format!("close it with `{closer}`"));
                match met {
                    Some(met) => diagnostic.label(*met, "this ends something else while it is open"),
                    None => diagnostic,
                }
            }
            Self::UnexpectedCloser { at } => Diagnostic::error("unopened-bracket", *at, "this bracket closes nothing"),
            Self::TooDeep { at } => {
                Diagnostic::error("too-deep", *at, "this nests too deeply to be read").help(format!(
                    "at most {} levels of brackets, factors and branches: name parts of it with `let`, or use `prod`",
                    super::depth::LIMIT
                ))
            }
            Self::MixedIndentation { at } => Diagnostic::error(
                "mixed-indentation",
                *at,
                "tabs and spaces mix so that the depth of this line is unclear",
            )
            .here("whether this line continues the statement above depends on it")
            .help("indent both lines with spaces"),
            Self::Unexpected { at, found, expected, advice } => {
                let message = match &expected[..] {
                    [] => format!("unexpected {found}"),
                    _ => format!("expected {}, found {found}", listed(expected)),
                };
                let diagnostic = Diagnostic::error("unexpected-token", *at, message);
                match advice {
                    Some(advice) => diagnostic.help(advice.clone()),
                    None => diagnostic,
                }
            }
            Self::NotAGenerator { at } => {
                Diagnostic::error("not-a-generator", *at, "this does not say what runs over which set")
                    .help("a generator reads `i in I`, `(i, j) in S` or `z ~ normal(0, 1)`")
            }
            Self::NotAPattern { at } => {
                Diagnostic::error("not-a-generator", *at, "only a name, or a tuple of names, can run over a set")
                    .help("bind a name and restrict it: `i in I where i > 1`")
            }
            Self::ConditionWithoutBody { at, function } => {
                Diagnostic::error("where-without-body", *at, "this `where` restricts nothing: no `: body` follows it")
                    .label(*function, "what should be taken over these elements?")
                    .help("write `sum(i in I where cond: body)`")
            }
            Self::ChainedRange { at } => {
                Diagnostic::error("chained-range", *at, "a range has two ends").help("a step is written `a..b by s`")
            }
            Self::StepWithoutRange { at } => Diagnostic::error(
                "step-without-range",
                *at,
                "`by` gives the step of a range, and there is none before it",
            )
            .help("write `a..b by s`"),
            Self::KeyWithoutValue { at } => {
                Diagnostic::error("key-without-value", *at, "this key of a map has no value")
                    .help("every element of a map is `key: value`, and no element of a set is")
            }
            Self::ChoiceTwice { at } => {
                Diagnostic::error("unexpected-token", *at, "the block has said already how ties are read")
            }
            Self::StartTwice { at } => Diagnostic::error("unexpected-token", *at, "the multiplier has a start already"),
            Self::NotOneExpression { at } => Diagnostic::error("unexpected-token", *at, "expected one expression"),
            Self::FileTooLarge { at } => Diagnostic::error("file-too-large", *at, "a model file holds at most 4 GB"),
        }
    }
}

impl Lint {
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::JoinedRelation { sign, relation } => {
                Diagnostic::warning("joined-rows", *sign, "this line joins the row above, and both hold a relation")
                    .label(*relation, "the second relation of one row")
                    .help("if it is a row of its own, start it at the column of the row above")
            }
            Self::SignInArray { sign } => {
                Diagnostic::warning("sign-in-array", *sign, "this sign subtracts (or adds): `[1 -1]` is `[1 - 1]`")
                    .help("separate elements with `,`, or put spaces on both sides of the sign")
            }
        }
    }
}

/// `a, b or c`
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_string(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Turns pest's verdict on bytes `start..end` of the mask into words.
pub(super) fn unexpected(source: SourceId, mask: &str, start: usize, end: usize, error: &Error<Rule>) -> SyntaxError {
    let at = start
        + match error.location {
            InputLocation::Pos(at) => at,
            InputLocation::Span((at, _)) => at,
        };
    let positives: &[Rule] = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => &[],
    };
    expected::explain(source, mask, start..end, at, positives)
}
