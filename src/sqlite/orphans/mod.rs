//! The rows that break keys, and those that refer to them.

pub mod confirm;
pub mod fates;
pub mod lists;
pub mod search;
pub mod spelling;
pub mod tally;

pub use search::{Blocked, Found, find, hanging_on};
