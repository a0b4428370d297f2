//! The rows that break keys, and those that depend on them.

pub mod search;
pub mod stays;
