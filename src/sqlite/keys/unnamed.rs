//! What a key without a name is called, so that it can be dropped.

use crate::sqlite::schema::foreign_key::{ForeignKey, NamedKey};
use crate::sqlite::text::ddl;

/// The name that `PostgreSQL` gives to a key that has none
/// (<https://www.postgresql.org/docs/current/ddl-constraints.html>).
#[must_use]
pub fn name_of(key: &ForeignKey) -> String {
    format!("{}_{}_fkey", key.child, key.columns.join("_"))
}

/// What to write so that `key` is dropped.
#[must_use]
pub fn drop_statement(key: &NamedKey) -> String {
    format!(
        "ALTER TABLE {} DROP CONSTRAINT {};",
        ddl::as_word(&key.key.child),
        ddl::as_word(&name_or_derived(key))
    )
}

/// The name of `key`, or the one by which it is reached without.
#[must_use]
pub fn name_or_derived(key: &NamedKey) -> String {
    let name = key.constraint.clone();
    name.unwrap_or_else(|| name_of(&key.key))
}
