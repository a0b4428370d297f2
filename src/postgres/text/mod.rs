//! Text in, text out: the statements of a script, with no connection anywhere.

pub mod alter_table;
pub mod dump;
pub mod expected;
pub mod lexer;
pub mod made;
pub mod parts;
pub mod renaming;
mod request;
pub mod script;
