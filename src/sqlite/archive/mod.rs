//! `<table>_orphans`: rows that left, and their way back.

pub mod door;
pub mod forgotten;
pub mod kept;
pub mod put_back;
pub mod set_back;
pub mod staying;
pub mod store;
pub mod table;

pub use put_back::{Restore, restore};
pub use store::{must_be_possible, store};
pub use table::{Archive, Whose, all, count, is_archive_name, name_of, of, same_key, same_row};
