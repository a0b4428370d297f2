//! What migrations ask for: their parts, the keys that they add, and those that they take away.

pub mod parts;
pub mod requested;
pub mod unnamed;
