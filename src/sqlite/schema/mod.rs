//! What a database declares: tables, indexes, keys, the whole schema.

pub mod child_index;
pub mod dump;
pub mod foreign_key;
pub mod full_text;
pub mod normal;
pub mod scratch;
pub mod snapshot;
pub mod table;

pub use table::column::{Affinity, Column};
pub use table::source::remedy;
pub use table::{
    RowKey, SchemaObject, Table, column, index, kind_of, ordinary_tables, primary_key, row_counts,
    table_exists, text, unique_keys, values,
};
