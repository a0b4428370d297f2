//! Reports for people: orphans, a row and its relatives, a picture.

mod counted;
pub mod deletion;
pub mod diagram;
mod orphan_rows;
pub mod relatives;
pub mod row;
pub mod sample;
pub mod survey;
pub mod surveyed_key;
