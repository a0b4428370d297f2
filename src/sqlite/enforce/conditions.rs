//! What the triggers are made of: conditions on parents and children, and the refusal.

use super::keys::Key;
use crate::model::key::ForeignKey;
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::{literal, quote};

/// The condition that a child row, whose columns have `prefix` before them, refers to the
/// parent row as it was. As SQLite writes it for its own keys.
pub fn old_equals(key: &ForeignKey, prefix: &str) -> String {
    equals(key, "OLD", prefix)
}

pub fn equals(key: &ForeignKey, row: &str, prefix: &str) -> String {
    let pairs: Vec<_> = key
        .pairs()
        .map(|(column, parent)| format!("{row}.{} = {prefix}{}", quote(parent), quote(column)))
        .collect();
    pairs.join(" AND ")
}

/// The condition that the key of the child row `alias` has no NULL in it.
pub fn is_complete(key: &ForeignKey, alias: &str) -> String {
    let columns: Vec<_> = key
        .columns
        .iter()
        .map(|column| format!("{alias}.{} IS NOT NULL", quote(column)))
        .collect();
    columns.join(" AND ")
}

/// The query that finds the parent of the child row `alias`.
pub fn has_parent(parent: &Table, key: &ForeignKey, alias: &str, parent_alias: &str) -> String {
    let pairs: Vec<_> = key
        .pairs()
        .map(|(column, parent)| {
            format!(
                "{parent_alias}.{} = +{alias}.{}",
                quote(parent),
                quote(column)
            )
        })
        .collect();
    format!(
        "SELECT 1 FROM {} AS {parent_alias} WHERE {}",
        quote(&parent.name),
        pairs.join(" AND ")
    )
}

pub fn is_orphan(key: &Key, alias: &str) -> String {
    format!(
        "{} AND NOT EXISTS ({})",
        is_complete(&key.declared, alias),
        has_parent(&key.parent, &key.declared, alias, "p")
    )
}

/// What happens to the parent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Delete,
    Update,
}

impl Event {
    pub fn word(self) -> &'static str {
        match self {
            Event::Delete => "DELETE",
            Event::Update => "UPDATE",
        }
    }

    pub fn action(self, key: &ForeignKey) -> &'static str {
        match self {
            Event::Delete => key.on_delete.sql(),
            Event::Update => key.on_update.sql(),
        }
    }
}

/// Raises for each row that `from` gives, FROM and WHERE.
pub fn refuse(key: &Key, reason: &str, from: &str) -> String {
    raise("ABORT", key, reason, from)
}

/// The same, and undoes the whole transaction, not the statement alone: SQLite then keeps no copy of
/// the pages that each statement changes, which half of a large deletion would go into
/// (`sqlite3MayAbort` in its `build.c`).
pub fn refuse_all(key: &Key, from: &str) -> String {
    raise("ROLLBACK", key, "", from)
}

fn raise(how: &str, key: &Key, reason: &str, from: &str) -> String {
    let message = format!(
        "FOREIGN KEY constraint failed: {} {}{reason}",
        key.child.name, key.declared
    );
    format!("SELECT RAISE({how}, {}){from}", literal(&message))
}
