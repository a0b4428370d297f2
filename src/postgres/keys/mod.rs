//! Keys: asked for, there already, impossible; and in SQL, which rows break them.

pub mod child_index;
mod declared;
mod key;
mod refused;
mod resolve;
pub mod spread;
mod write;

pub use declared::{between, declared, holding, told, usable};
pub use key::{Key, Saying, action, joined, same_columns, saying};
pub use refused::{must_be_of_the_whole, must_have_columns};
pub use resolve::{asked, of_request, resolve, resolve_alone};
