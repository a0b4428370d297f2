//! Keys: asked for, there already, impossible; and in SQL, which rows break them.

pub mod conditions;
pub mod key_script;
pub mod known;
pub mod known_keys;
pub mod parent_key;
pub mod resolve;
pub mod unnamed;

pub use resolve::{NewKey, TableKeys, affinity_warning, collation_warning, resolve, warnings};
