//! Text to tree: [`layout`] finds statements (logos), [`parser`] reads each (pest), [`print`] writes a tree back.

pub mod ast;
