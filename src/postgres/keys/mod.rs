//! Keys: asked for, there already, impossible; and in SQL, which rows break them.

pub mod child_index;
pub mod resolve;

pub use resolve::{
    Key, Saying, action, asked, between, declared, holding, joined, must_be_of_the_whole,
    must_have_columns, of_request, resolve, resolve_alone, same_columns, saying, told, usable,
};
