//! The tables and their keys in words, for a terminal.

use std::fmt::Write as _;

use super::words::in_words;
use crate::model::diagram::Diagram;
use crate::text::Lines;

/// Each table of `diagram` with the keys that it has.
#[must_use]
pub fn text(diagram: &Diagram) -> Lines {
    let mut lines = Lines::default();
    for (at, table) in diagram.entities.iter().enumerate() {
        let absent = if table.exists { "" } else { ": no such table" };
        let _ = write!(lines, "{}{absent}", table.name);
        for relation in diagram.relations.iter().filter(|it| it.child == at) {
            let _ = write!(lines, "  {}", in_words(relation));
        }
    }
    lines
}
