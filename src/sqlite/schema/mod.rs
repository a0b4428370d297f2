//! What a database declares: tables, indexes, keys, the whole schema.

pub mod child_index;
pub mod column;
pub mod dump;
pub mod foreign_key;
pub mod full_text;
pub mod index;
pub mod normal;
pub mod row_counts;
pub mod scratch;
pub mod snapshot;
mod source;
pub mod table;
pub mod values;

pub use column::{Affinity, Column};
pub use source::remedy;
pub use table::{
    RowKey, SchemaObject, Table, kind_of, ordinary_tables, primary_key, table_exists, text,
    unique_keys,
};
