//! The rows that break keys, and those that refer to them.

pub mod confirm;
pub mod fates;
mod follow;
mod found;
pub mod lists;
pub mod search;
pub mod spelling;
pub mod tally;

pub use found::{Blocked, Found};
pub use search::{find, hanging_on};
