//! Results as values, and how they read: a value in, text out.

pub mod change;
pub mod output;
pub mod status;
pub mod text;
