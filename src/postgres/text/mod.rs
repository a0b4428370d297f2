//! Text in, text out: the statements of a script, with no connection anywhere.

pub mod dump;
pub mod expected;
pub mod lexer;
pub mod parts;
pub mod script;
