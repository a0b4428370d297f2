//! How a table comes by its new definition, as steps, and the one place that carries steps out.

pub mod bulk;
pub mod compare;
pub mod fidelity;
pub mod full_text;
pub mod indexes;
pub mod places;
pub mod rows;
pub mod steps;
pub mod way;

pub use indexes::{build_index, edit_schema};
pub use rows::{create_triggers, delete, drop_triggers, forget, forget_sql};
pub use way::{OLD, Rebuild, Way};
