//! Reports for people: a row and its relatives, a picture of the keys, the next migration. Nothing
//! is written, so a hot standby answers too.

mod deletion;
mod discover;
mod draft;
mod graph;
mod relatives;
mod row;
mod show;

pub use graph::is_own;
