//! What is said of a key in a picture or beside it.

use crate::model::diagram::{Relation, State};
use crate::model::key::Action;
use crate::text::{one_line, plural};

/// `on delete cascade`; empty where the key does nothing.
fn on_delete(relation: &Relation) -> String {
    match relation.named.key.on_delete {
        Action::NoAction => String::new(),
        action => format!("on delete {}", action.words()),
    }
}

/// `12 orphans`, where rows that break the key were counted.
fn orphans(relation: &Relation) -> Option<String> {
    relation.orphans.map(|orphans| plural(orphans, "orphan"))
}

/// What stands beside a key in a picture: `12 orphans` where they were asked for, or else how sure it
/// is, or what it does. Each says what it is.
pub fn beside(relation: &Relation) -> String {
    orphans(relation).unwrap_or_else(|| match relation.state {
        State::Declared | State::Pending => on_delete(relation),
        State::Discovered(confidence) => format!("{confidence}% sure"),
    })
}

/// `discovered, 93%: customer_id, on delete cascade, 12 orphans`
pub fn label(relation: &Relation) -> String {
    let columns = relation.named.key.columns.join(", ");
    let state = match relation.state {
        State::Declared => String::new(),
        State::Pending => "pending: ".to_owned(),
        State::Discovered(confidence) => format!("discovered, {confidence}%: "),
    };
    let on_delete = Some(on_delete(relation)).filter(|it| !it.is_empty());
    let parts = [Some(columns), on_delete, orphans(relation)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("{state}{}", parts.join(", "))
}

/// `fk_orders_customer (customer_id) references customers (id) on delete cascade: pending, 3 orphans`,
/// for those who have no picture before them.
pub fn in_words(relation: &Relation) -> String {
    let state = match relation.state {
        State::Declared => None,
        State::Pending => Some("pending".to_owned()),
        State::Discovered(confidence) => Some(format!("discovered, {confidence}% sure")),
    };
    let notes: Vec<_> = [state, orphans(relation)].into_iter().flatten().collect();
    let colon = if notes.is_empty() { "" } else { ": " };
    format!("{}{colon}{}", relation.named.text(), notes.join(", "))
}

/// `text` in one line, for a document in XML or for a label in Graphviz's HTML
/// (<https://www.w3.org/TR/xml/#charsets>).
pub fn markup(text: &str) -> String {
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
