//! Pieces of the layout to trees: each is matched by pest alone, so that a mistake costs one statement.

use super::ast::{Expr, File, Ident, Row, Statement, StatementKind};
use super::build::{Builder, Built, next};
use super::error::{SyntaxError, unexpected};
use super::layout::{Body, Context, Layout, Piece, layout};
use crate::diag::{Diagnostic, Label, SourceId, Span};
use pest::Parser;
use pest::iterators::Pair;
use std::collections::BTreeSet;

/// The grammar as pest compiled it, and its rules.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/merit.pest"]
pub(super) struct Grammar;

/// Statements deeper than this are parsed on a stack of their own: pest recurses a dozen calls for each bracket.
const SHALLOW: u32 = 20;
/// For the deepest statement that the layout lets pass; 190 nested parentheses were seen to fit 4 MB.
const DEEP_STACK: usize = 64 << 20;

/// The tree of a file and all that is wrong with its syntax. What could be read is in the tree.
pub fn parse(source: SourceId, text: &str) -> (File, Vec<Diagnostic>) {
    if text.len() > u32::MAX as usize {
        let at = Span::new(source, 0, 0);
        return (File::default(), vec![SyntaxError::FileTooLarge { at }.diagnostic()]);
    }
    let mut laid_out = layout(source, text, &BTreeSet::new());
    let mut reader = read(source, &laid_out);
    if !reader.distrusted.is_empty() {
        // A statement whose brackets hold an undented line did not parse: once more, with such statements cut there.
        laid_out = layout(source, text, &std::mem::take(&mut reader.distrusted));
        reader = read(source, &laid_out);
    }
    let errors = laid_out.errors.iter().chain(&reader.errors).map(SyntaxError::diagnostic);
    let mut diagnostics: Vec<Diagnostic> = errors.chain(laid_out.lints.iter().map(|lint| lint.diagnostic())).collect();
    diagnostics.iter_mut().for_each(|diagnostic| on_characters(diagnostic, text));
    diagnostics.sort_by_key(|diagnostic| (diagnostic.primary().start, diagnostic.primary().end));
    (File { statements: reader.statements }, diagnostics)
}

/// The tree of a text that is one expression, such as a value on the command line.
pub fn parse_expression(source: SourceId, text: &str) -> Result<Expr, Vec<Diagnostic>> {
    // The parentheses make one statement of it, whatever its first word and its lines.
    let wrapped = format!("({text}\n)");
    let mut laid_out = layout(source, &wrapped, &BTreeSet::new());
    let mut errors = std::mem::take(&mut laid_out.errors);
    // The parenthesis that was added closes a bracket of the text, and seems to be left open instead.
    if errors.iter().any(|error| matches!(error, SyntaxError::UnclosedBracket { open, .. } if open.start == 0)) {
        let own = layout(source, text, &BTreeSet::new()).errors;
        let open = own.iter().find(|error| matches!(error, SyntaxError::UnclosedBracket { .. }));
        if let Some(open) = open {
            return Err(vec![open.diagnostic()]);
        }
    }
    let mut tree = None;
    match &laid_out.pieces[..] {
        [piece] if !piece.damaged && errors.is_empty() => {
            let built = with_stack(piece.depth, || expression(source, &laid_out.mask, piece));
            match built {
                Ok(expr) => tree = Some(expr),
                Err(error) => errors.push(error),
            }
        }
        pieces => {
            if errors.is_empty() {
                let at = pieces.get(1).map_or(0, |piece| piece.start);
                errors.push(SyntaxError::NotOneExpression { at: Span::new(source, at, at) });
            }
        }
    }
    match tree {
        Some(expr) if errors.is_empty() => Ok(expr),
        _ => Err(errors.iter().map(|error| unwrapped(error.diagnostic(), text)).collect()),
    }
}

fn expression(source: SourceId, mask: &str, piece: &Piece) -> Built<Expr> {
    let inner = &mask[piece.start + 1..piece.end.max(piece.start + 2) - 1];
    // Spans of the wrapped text are one byte to the right.
    let builder = Builder { source, base: piece.start };
    match Grammar::parse(Rule::expression_entry, inner) {
        Ok(mut pairs) => builder.logic(next(&mut pairs)),
        Err(error) => Err(unexpected(source, mask, piece.start + 1, piece.end - 1, &error)),
    }
}

/// Moves a diagnostic of the wrapped text to the text itself.
fn unwrapped(mut diagnostic: Diagnostic, text: &str) -> Diagnostic {
    for label in &mut diagnostic.labels {
        label.span.start = label.span.start.saturating_sub(1);
        label.span.end = label.span.end.saturating_sub(1);
    }
    on_characters(&mut diagnostic, text);
    diagnostic
}

/// Widens places to whole characters: where the mask holds ASCII for `·`, pest may stop in the middle of it.
fn on_characters(diagnostic: &mut Diagnostic, text: &str) {
    for Label { span, .. } in &mut diagnostic.labels {
        let (mut start, mut end) = ((span.start as usize).min(text.len()), (span.end as usize).min(text.len()));
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        (span.start, span.end) = (start as u32, end as u32);
    }
}

/// Runs `work` on a stack that suits a nesting of `depth`.
fn with_stack<T: Send>(depth: u32, work: impl FnOnce() -> T + Send) -> T {
    if depth <= SHALLOW {
        return work();
    }
    std::thread::scope(|scope| {
        let deep = std::thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, work);
        let thread = deep.expect("a thread for the parser could not be started");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read(source: SourceId, laid_out: &Layout) -> Reader {
    let depth = deepest(&laid_out.pieces);
    with_stack(depth, || {
        let mut reader = Reader { source, statements: Vec::new(), errors: Vec::new(), distrusted: BTreeSet::new() };
        reader.statements = reader.statements(&laid_out.mask, &laid_out.pieces);
        reader
    })
}

fn deepest(pieces: &[Piece]) -> u32 {
    let inner = |piece: &Piece| piece.body.as_ref().map_or(0, |body| 1 + deepest(&body.pieces));
    pieces.iter().map(|piece| piece.depth.max(inner(piece))).max().unwrap_or(0)
}

/// Reads pieces and gathers what is wrong with them.
struct Reader {
    source: SourceId,
    statements: Vec<Statement>,
    errors: Vec<SyntaxError>,
    /// Where pieces start that did not parse and look as if a bracket were missing.
    distrusted: BTreeSet<usize>,
}

impl Reader {
    fn statements(&mut self, mask: &str, pieces: &[Piece]) -> Vec<Statement> {
        let mut statements = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let statement = match &piece.body {
                Some(body) => self.block(mask, piece, body),
                None => self.plain(mask, piece),
            };
            statements.extend(statement);
        }
        statements
    }

    fn plain(&mut self, mask: &str, piece: &Piece) -> Option<Statement> {
        let rule = match piece.context {
            Context::Conditions => Rule::condition_entry,
            _ => Rule::statement_entry,
        };
        self.matched(mask, piece, rule, |builder, pair| builder.statement(pair))
    }

    /// Matches a piece and builds with the first of its pairs.
    fn matched<T>(
        &mut self,
        mask: &str,
        piece: &Piece,
        rule: Rule,
        build: impl FnOnce(Builder, Pair<'_, Rule>) -> Built<T>,
    ) -> Option<T> {
        if piece.damaged {
            return None;
        }
        let builder = Builder { source: self.source, base: piece.start };
        let built = match Grammar::parse(rule, &mask[piece.start..piece.end]) {
            Ok(mut pairs) => build(builder, next(&mut pairs)),
            Err(error) => {
                if piece.undented {
                    self.distrusted.insert(piece.start);
                }
                Err(unexpected(self.source, mask, piece.start, piece.end, &error))
            }
        };
        match built {
            Ok(built) => Some(built),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// A statement with a body. The body is read even where the header is broken, for its own mistakes.
    fn block(&mut self, mask: &str, piece: &Piece, body: &Body) -> Option<Statement> {
        let head = self.matched(mask, piece, Rule::head_entry, |builder, pair| builder.head(pair));
        let (mut rows, mut options, mut body_statements) = (Vec::new(), Vec::new(), Vec::new());
        match body.context {
            Context::Rows => rows.extend(body.pieces.iter().filter_map(|row| self.row(mask, row))),
            Context::Options => {
                options.extend(body.pieces.iter().filter_map(|line| self.options(mask, line)).flatten());
            }
            Context::Statements | Context::Conditions => body_statements = self.statements(mask, &body.pieces),
        }
        let kind = match head? {
            StatementKind::SubjectTo { generalized, bare, .. } => StatementKind::SubjectTo { generalized, bare, rows },
            StatementKind::Solve { method, .. } => StatementKind::Solve { method, options },
            StatementKind::Block { kind, name, index, choice, .. } => {
                StatementKind::Block { kind, name, index, choice, body: body_statements }
            }
            other => other,
        };
        Some(Statement { kind, span: Span::new(self.source, piece.start, body.end) })
    }

    fn row(&mut self, mask: &str, piece: &Piece) -> Option<Row> {
        self.matched(mask, piece, Rule::row_entry, |builder, pair| builder.row(pair))
    }

    fn options(&mut self, mask: &str, piece: &Piece) -> Option<Vec<(Ident, Expr)>> {
        if piece.damaged {
            return None;
        }
        let builder = Builder { source: self.source, base: piece.start };
        let built = match Grammar::parse(Rule::options_entry, &mask[piece.start..piece.end]) {
            Ok(pairs) => pairs
                .filter(|pair| pair.as_rule() == Rule::option)
                .map(|pair| builder.option(pair))
                .collect::<Built<Vec<_>>>(),
            Err(error) => Err(unexpected(self.source, mask, piece.start, piece.end, &error)),
        };
        built.map_err(|error| self.errors.push(error)).ok()
    }
}
