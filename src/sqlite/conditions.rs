//! Conditions in SQL: when a row breaks a key, has a parent, or stands in a list.
//!
//! In all of them `w` is a row of the child table, `p` one of the parent.

use super::ddl::{quote, same_name};
use super::foreign_key::ForeignKey;
use super::lists::Removal;
use super::schema::{Affinity, Table};

/// The condition that the row `alias` of the table stands in the list of `removal`.
#[must_use]
pub fn listed(alias: &str, removal: &Removal) -> String {
    let columns = removal.table.row_key.columns();
    let list = quote(&removal.list);
    if let [column] = columns.as_slice() {
        return format!("{alias}.{} IN (SELECT k1 FROM temp.{list})", quote(column));
    }
    format!(
        "EXISTS (SELECT 1 FROM temp.{list} AS l WHERE {})",
        has_listed_key(alias, removal)
    )
}

/// `FROM` that finds the rows `alias` of the table of `removal` by their list `l`.
#[must_use]
pub fn from_listed(alias: &str, removal: &Removal) -> String {
    format!(
        "FROM temp.{} AS l CROSS JOIN main.{} AS {alias} ON {}",
        quote(&removal.list),
        quote(&removal.table.name),
        has_listed_key(alias, removal)
    )
}

/// The condition that the row `alias` has the key that stands in the row `l` of its list.
fn has_listed_key(alias: &str, removal: &Removal) -> String {
    let columns = removal.table.row_key.columns();
    let same: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("{alias}.{} = l.k{}", quote(column), place + 1))
        .collect();
    same.join(" AND ")
}

/// The condition that a child row `w` has no NULL in its key and no parent.
///
/// The unary plus takes affinity and collation from the child's side, so that those of the
/// parent key decide, as they do for SQLite's own keys
/// (<https://www.sqlite.org/foreignkeys.html#fk_indexes>). Where both sides compare alike,
/// each distinct key is looked up once.
#[must_use]
pub fn broken(child: &Table, parent: &Table, key: &ForeignKey) -> String {
    let orphaned = orphaned(parent, key);
    match key.columns.as_slice() {
        [column] if is_by_index(child, parent, key) => {
            let column = quote(column);
            format!(
                "w.{column} IN (SELECT w.{column} FROM (SELECT DISTINCT {column} FROM main.{}) AS w WHERE {orphaned})",
                quote(&child.name)
            )
        }
        _ => orphaned,
    }
}

/// The same condition, looked up for each row.
#[must_use]
pub fn orphaned(parent: &Table, key: &ForeignKey) -> String {
    let complete: Vec<_> = key
        .columns
        .iter()
        .map(|column| format!("w.{} IS NOT NULL", quote(column)))
        .collect();
    format!(
        "{} AND NOT EXISTS (SELECT 1 FROM main.{} AS p WHERE {})",
        complete.join(" AND "),
        quote(&parent.name),
        equals_parent(key)
    )
}

/// The condition that the row `p` of the parent has the key that the child row `w` refers to.
#[must_use]
pub fn equals_parent(key: &ForeignKey) -> String {
    let pairs: Vec<_> = key
        .pairs()
        .map(|(column, parent)| format!("p.{} = +w.{}", quote(parent), quote(column)))
        .collect();
    pairs.join(" AND ")
}

/// The condition that the child row `w` refers by `key` to one of `parents`, which is `FROM` and
/// `WHERE` of rows `p`.
#[must_use]
pub fn refers_to(child: &Table, parent: &Table, key: &ForeignKey, parents: &str) -> String {
    if let (true, Some((column, parent_column))) =
        (compares_alike(child, parent, key), key.pairs().next())
    {
        return format!(
            "w.{} IN (SELECT p.{} {parents})",
            quote(column),
            quote(parent_column)
        );
    }
    format!("EXISTS (SELECT 1 {parents} WHERE {})", equals_parent(key))
}

/// One column on each side, of the same affinity and collation: then equal child keys have
/// the same parent, and either side's index finds what the other side's comparison means.
#[must_use]
pub fn compares_alike(child: &Table, parent: &Table, key: &ForeignKey) -> bool {
    let mut pairs = key.pairs();
    let (Some((column, parent_column)), None) = (pairs.next(), pairs.next()) else {
        return false;
    };
    match (child.column(column), parent.column(parent_column)) {
        (Some(left), Some(right)) => {
            left.affinity == right.affinity
                && left.affinity != Affinity::Blob
                && same_name(&left.collation, &right.collation)
        }
        _ => false,
    }
}

/// Whether an index of the child finds the rows of a key, so that the work is by distinct keys.
#[must_use]
pub fn is_by_index(child: &Table, parent: &Table, key: &ForeignKey) -> bool {
    let leads = |column: &String| leads_an_index(child, column);
    compares_alike(child, parent, key) && key.columns.iter().all(leads)
}

fn leads_an_index(child: &Table, column: &str) -> bool {
    child.index_leads.iter().any(|lead| same_name(lead, column))
}
