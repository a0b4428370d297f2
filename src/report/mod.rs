//! How results read: a value in, text out.

pub mod archived;
pub mod brief;
pub mod change;
pub mod check;
pub mod clean;
pub mod discover;
pub mod enforce;
pub mod formats;
pub mod graph;
pub mod migrations;
pub mod new;
pub mod orphans;
pub mod output;
pub mod redo;
pub mod resolve;
pub mod show;
pub mod snapshot;
pub mod status;
pub mod table;
pub mod told;
