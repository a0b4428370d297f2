//! The triggers leave the rows that SQLite's own keys leave.

mod case;
mod property;
mod random;
