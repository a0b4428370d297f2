//! `<table>_orphans`: rows that left, and their way back.

pub mod door;
pub mod forgotten;
pub mod kept;
pub mod set_back;
pub mod store;

pub use store::{
    Archive, Restore, Whose, all, count, is_archive_name, must_be_possible, name_of, of, restore,
    same_key, same_row, store,
};
