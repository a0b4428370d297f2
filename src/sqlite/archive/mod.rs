//! `<table>_orphans`: rows that left, and their way back.

pub mod door;
pub mod forgotten;
pub mod kept;
pub mod store;

pub use store::{
    Archive, Restore, Whose, all, count, is_archive_name, name_of, of, restore, same_key, store,
};
