//! The rows that break keys, and those that depend on them.

mod follow;
mod found;
mod lock;
mod parts;
mod reasons;
mod search;
pub mod stays;

pub use found::{Found, Leaving, Reason, Why};
pub use search::Search;
