//! A value as a row holds it. Text need not be UTF-8: SQLite stores what it is given.

use rusqlite::types::ValueRef;

/// A value in its storage class (<https://www.sqlite.org/datatype3.html>).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL
    Null,
    /// A signed integer of up to 8 bytes.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, as its bytes.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(bytes) => Value::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        }
    }
}
