//! A column and its affinity.

use std::fmt;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it does to values that are stored in it.
    pub affinity: Affinity,
    /// Its type as declared, such as `VARCHAR(36)`; may be empty.
    pub declared_type: String,
    /// The collating sequence that compares its text.
    pub collation: String,
    /// Declared `NOT NULL`; a primary key may hold no NULL without it.
    pub not_null: bool,
    /// The expression of its DEFAULT as written, if it has one.
    pub default: Option<String>,
    /// Computed from others, so that nothing can be inserted into it.
    pub generated: bool,
}

/// The affinity of a column (<https://www.sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    /// Text.
    Text,
    /// Integer, real or numeric: alike when compared.
    Numeric,
    /// None.
    Blob,
}

impl Affinity {
    /// What a column of that type does, in a table that is STRICT or not.
    #[must_use]
    pub fn of(declared_type: &str, strict: bool) -> Self {
        let declared = declared_type.to_ascii_uppercase();
        let has = |part| declared.contains(part);
        if strict && declared == "ANY" {
            Affinity::Blob
        } else if has("INT") {
            Affinity::Numeric
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if has("BLOB") || declared.is_empty() {
            Affinity::Blob
        } else {
            Affinity::Numeric
        }
    }
}

impl fmt::Display for Affinity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Affinity::Text => "TEXT",
            Affinity::Numeric => "NUMERIC",
            Affinity::Blob => "BLOB",
        })
    }
}
