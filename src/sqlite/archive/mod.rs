//! `<table>_orphans`: rows that left, and their way back.

pub mod door;
pub mod forgotten;
pub mod kept;
pub mod put_back;
pub mod set_back;
pub mod store;

pub use put_back::{Restore, Whose, restore, same_key, same_row};
pub use store::{Archive, all, count, is_archive_name, must_be_possible, name_of, of, store};
