//! A conversation about a model: it grows statement by statement, is questioned, solved, changed and solved again.
//!
//! [`Conversation`] takes texts and gives [`Reply`]s; it knows no terminal, so that tests, pipes and the terminal share
//! it. [`lines`] gathers lines to inputs, [`mod@commands`] is the table of what begins with a colon, and `terminal` is
//! the only part that knows rustyline.

pub mod build;
mod changes;
pub mod commands;
pub mod conversation;
mod expression;
mod here;
mod input;
pub mod lines;
mod paths;
pub mod reply;
pub mod script;
pub mod terminal;
mod unique;
mod words;

pub use conversation::Conversation;
pub use reply::Reply;
