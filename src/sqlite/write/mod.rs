//! A plan as a script.

pub mod shell;
