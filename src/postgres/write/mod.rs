//! What fkfix would do as a script for psql.

pub mod child;
pub mod down;
pub mod script;
