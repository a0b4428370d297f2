//! `<table>_orphans`: rows that left, and their way back.

pub mod kept;
pub mod store;

pub use store::{
    Archive, Restore, all, count, create_sql, is_archive_name, must_be_possible, name_of, of,
    restore, same_key, same_row, store,
};
