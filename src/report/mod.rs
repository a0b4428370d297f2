//! Results as values, and how they read: a value in, text out.

pub mod change;
pub mod check;
pub mod output;
pub mod snapshot;
pub mod status;
pub mod text;
