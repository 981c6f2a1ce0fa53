//! Text to tree: [`layout`] finds statements (logos), [`parser`] reads each (pest), [`mod@print`] writes a tree back.
//!
//! One run reports every syntax error of a file: statements are cut apart before any of them is parsed, so a broken
//! one costs itself alone. `grammar/merit.pest` is the grammar.

pub mod ast;
mod build;
mod depth;
pub mod error;
mod expected;
mod expressions;
mod indices;
mod joining;
pub mod layout;
mod lex;
mod operators;
pub mod parser;
pub mod print;
mod print_statements;
mod statements;
pub mod token;
mod words;

#[cfg(test)]
mod tests;

pub use parser::{parse, parse_expression};
pub use token::{Token, TokenKind, tokens};
pub use words::OPENING;
