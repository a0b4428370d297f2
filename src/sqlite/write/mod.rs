//! A plan as a script.

pub mod portable;
pub mod shell;
