//! A value as a row holds it. Text need not be UTF-8: SQLite stores what it is given.

/// The longest text or blob that a report holds whole, in bytes.
pub const SHOWN: usize = 64 * 1024;

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
    /// A computed value that would be longer than the database can hold, and so was not read.
    TooLong,
}
