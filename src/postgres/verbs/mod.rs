//! Further verbs of a database: one file a verb, values in and out.

pub mod clean;
pub mod door;
pub mod resolve;
pub mod status;
