//! The tables and their keys as a picture, or as text that becomes one elsewhere.

mod boxes;
mod dot;
mod json;
mod mermaid;
mod svg;

pub use dot::dot;
pub use json::GraphReport;
pub use mermaid::mermaid;
pub use svg::svg;

use crate::model::diagram::{Relation, State};
use crate::model::key::Action;
use crate::text::one_line;

/// `cascade`, `set null`: what the key does on delete; empty where it does nothing.
fn action(relation: &Relation) -> String {
    match relation.key.on_delete {
        Action::NoAction => String::new(),
        action => action.words(),
    }
}

/// `discovered, 93%: customer_id, on delete cascade`
fn label(relation: &Relation) -> String {
    let columns = relation.key.columns.join(", ");
    let on_delete = match action(relation) {
        action if action.is_empty() => action,
        action => format!(", on delete {action}"),
    };
    match relation.state {
        State::Declared => format!("{columns}{on_delete}"),
        State::Pending => format!("pending: {columns}{on_delete}"),
        State::Discovered(confidence) => {
            format!("discovered, {confidence}%: {columns}{on_delete}")
        }
    }
}

/// `text` in one line, for a document in XML or for a label in Graphviz's HTML
/// (<https://www.w3.org/TR/xml/#charsets>).
fn markup(text: &str) -> String {
    let mut escaped = String::new();
    for character in one_line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
