//! Whether an index serves a child key. SQLite needs none, but looks for the children of each
//! parent that is deleted or changes its key (<https://www.sqlite.org/foreignkeys.html#fk_indexes>).

use anyhow::Result;
use rusqlite::Connection;

use crate::model::finding::{Code, Finding};
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::schema::{Table, child_index};
use crate::sqlite::text::ddl::{quote, quote_list};

/// The finding that no index of `child` starts with the columns of `key`.
pub fn missing(
    connection: &Connection,
    child: &Table,
    key: &ForeignKey,
) -> Result<Option<Finding>> {
    if child_index::serves(connection, child, key)? {
        return Ok(None);
    }
    let columns = key.columns.iter().map(String::as_str);
    let index = format!("idx_{}_{}", child.name, key.columns.join("_"));
    let hint = format!(
        "CREATE INDEX {} ON {} ({})",
        quote(&index),
        quote(&child.name),
        quote_list("", columns)
    );
    let message = format!(
        "no index of {0} starts with ({1}), so each delete in {2} scans {0}",
        child.name,
        key.columns.join(", "),
        key.parent
    );
    let finding = Finding::of_key(Code::NoChildIndex, key, message);
    Ok(Some(finding.hint(hint)))
}
