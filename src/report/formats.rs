//! What a result must be able to be: text for people, a line, a document.

use serde::Serialize;

use crate::text::Lines;

/// A result that can be shown in every format.
pub trait Report: Serialize + Brief {
    /// For people; on a terminal of `width` columns, if it is one.
    fn text(&self, width: Option<u16>) -> Lines;
}

/// A result in one line.
pub trait Brief {
    /// The line, which does not name the database.
    fn brief(&self) -> String;
}
