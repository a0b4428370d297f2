//! What the change of a child could meet there, refused before the first change.
//!
//! A statement in a trigger inherits the conflict clause of the statement that fires the trigger
//! (<https://www.sqlite.org/lang_createtrigger.html>): under `UPDATE OR FAIL` it stops half way,
//! under `OR REPLACE` it gives a NOT NULL column its default and deletes what a UNIQUE column
//! meets. `RAISE(ABORT)` is never overridden. The action of SQLite's own keys always aborts.

use super::conditions::{old_equals, refuse};
use super::demands::UniqueKey;
use super::keys::Key;
use crate::sqlite::schema::RowKey;
use crate::sqlite::text::ddl::{quote, same_name};

/// A column of the child and the expression of its new value.
pub type Set = (String, String);

/// The statements that refuse to set `set` in the children of the parent row, where that would
/// meet NOT NULL or UNIQUE.
pub fn refusals(key: &Key, set: &[Set]) -> Vec<String> {
    let not_null = refuse_null(key, set);
    let unique = key
        .demands
        .unique
        .iter()
        .filter(|columns| {
            set.iter()
                .any(|(name, _)| position(columns, name).is_some())
        })
        .flat_map(|columns| refuse_twins(key, set, columns));
    not_null.into_iter().chain(unique).collect()
}

fn position(columns: &UniqueKey, name: &str) -> Option<usize> {
    columns
        .iter()
        .position(|(column, _)| same_name(column, name))
}

fn child_as(key: &Key, alias: &str) -> String {
    format!("{} AS {alias}", quote(&key.child.name))
}

fn matches(key: &Key, alias: &str) -> String {
    old_equals(&key.declared, &format!("{alias}."))
}

fn refuse_null(key: &Key, set: &[Set]) -> Option<String> {
    let in_primary_key = |name: &str| matches!(&key.child.row_key, RowKey::PrimaryKey(columns) if columns.iter().any(|it| same_name(it, name)));
    let must_not_be_null = |(name, _): &&Set| {
        in_primary_key(name) || key.child.column(name).is_some_and(|it| it.not_null)
    };
    let nulls: Vec<_> = set
        .iter()
        .filter(must_not_be_null)
        .map(|(_, value)| format!("{value} IS NULL"))
        .collect();
    if nulls.is_empty() {
        return None;
    }
    let from = format!(
        " FROM {} WHERE {} AND ({})",
        child_as(key, "w"),
        matches(key, "w"),
        nulls.join(" OR ")
    );
    Some(refuse(key, "; it must not become NULL", &from))
}

/// Refuses where a changed row `w` would be equal to a row `x` that is there, or to another one
/// that is changed with it. Rows are told apart by the very columns that are unique.
fn refuse_twins(key: &Key, set: &[Set], columns: &UniqueKey) -> [String; 2] {
    let value_of = |name: &str| {
        let own = set.iter().find(|(column, _)| same_name(column, name));
        own.map(|(_, value)| value.as_str())
    };
    let (mut met, mut stays, mut differ, mut alike) = (vec![], vec![], vec![], vec![]);
    for (name, collation) in columns {
        let (column, collation) = (quote(name), quote(collation));
        if let Some(value) = value_of(name) {
            met.push(format!("x.{column} = {value} COLLATE {collation}"));
            stays.push(format!("w.{column} = {value} COLLATE {collation}"));
            differ.push(format!("w.{column} <> x.{column} COLLATE {collation}"));
        } else {
            let same = format!("x.{column} = w.{column} COLLATE {collation}");
            met.push(same.clone());
            alike.push(same);
        }
    }
    let from = format!(
        " FROM {} CROSS JOIN {} WHERE {}",
        child_as(key, "w"),
        child_as(key, "x"),
        matches(key, "w")
    );
    let meets = format!(
        "{from} AND NOT ({}) AND {}",
        stays.join(" AND "),
        met.join(" AND ")
    );
    alike.insert(0, matches(key, "x"));
    // Nothing meets where a new value is NULL.
    alike.extend(
        set.iter()
            .filter(|(name, _)| position(columns, name).is_some())
            .map(|(_, value)| format!("{value} IS NOT NULL")),
    );
    let meet_each_other = format!(
        "{from} AND {} AND ({})",
        alike.join(" AND "),
        differ.join(" OR ")
    );
    [meets, meet_each_other].map(|from| refuse(key, "; it must stay UNIQUE", &from))
}
