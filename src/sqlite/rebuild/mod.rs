//! How a table comes by its new definition, as steps, and the one place that carries steps out.

pub mod bulk;
pub mod fidelity;
pub mod full_text;
pub mod places;
pub mod steps;
pub mod way;

pub use way::{
    OLD, Rebuild, Way, build_index, create_triggers, delete, drop_triggers, edit_schema, forget,
    forget_sql,
};
