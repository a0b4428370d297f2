//! What the program `fkfix` is made of: a library, so that tests and fuzzers reach each part.
//!
//! The interface that is promised is the command line. What stands here may change with any
//! release.

#[cfg(test)]
mod cases;
pub mod cli;
pub mod command;
pub mod discover;
pub mod engine;
pub mod explain;
pub mod failure;
pub mod graph;
pub mod interrupt;
pub mod location;
pub mod manual;
pub mod migrations;
pub mod model;
pub mod notation;
pub mod outcome;
pub mod policy;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod progress;
pub mod report;
pub mod sqlite;
pub mod standing;
pub mod target;
pub mod text;
pub mod words;
