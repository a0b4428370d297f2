//! Reports for people: orphans, a row and its relatives, a picture of the keys. Nothing is written,
//! so a hot standby answers too.

mod deletion;
mod graph;
mod orphan_rows;
mod relatives;
mod row;
mod show;
pub mod survey;
