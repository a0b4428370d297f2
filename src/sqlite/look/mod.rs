//! Reports for people: orphans, a row and its relatives, a picture.

pub mod deletion;
pub mod diagram;
pub mod relatives;
pub mod row;
pub mod sample;
pub mod survey;
