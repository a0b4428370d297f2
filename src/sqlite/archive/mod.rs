//! `<table>_orphans`: rows that left, and their way back.

pub mod kept;
pub mod store;

pub use store::{
    Archive, Restore, all, count, is_archive_name, name_of, of, restore, same_key, store,
};
