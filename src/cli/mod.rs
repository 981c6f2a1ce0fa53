//! The command line: a shell of a few lines per command over `session`.

mod arguments;
