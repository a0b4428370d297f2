//! The tables and their keys as a picture, or as text that becomes one elsewhere.

mod boxes;
mod dot;
mod mermaid;
mod svg;
mod text;
mod words;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
pub use text::text;

use serde::Serialize;

use crate::model::diagram::Diagram;

/// The tables and keys as a document.
#[derive(Debug, Serialize)]
pub struct GraphReport<'a> {
    /// The file.
    pub database: String,
    /// The tables, then parents that are not there; and the keys.
    #[serde(flatten)]
    pub diagram: &'a Diagram,
}
