//! Children that SQLite finds by an affinity that differs from the parent's.

use super::cascade::but_those_about_to_go;
use super::conditions::{self, Event, has_parent, old_equals};
use super::keys::{Key, Keys};
use crate::sqlite::schema::{Affinity, Table};
use crate::sqlite::text::ddl::quote;

/// Whether a child may have a parent to which it is not equal in the condition of an action, as
/// '01' has the parent 1. SQLite finds such a parent by its affinity, and counts.
pub fn differs(key: &Key) -> bool {
    key.declared.pairs().any(|(column, parent)| {
        let affinity = |table: &Table, name| table.column(name).map(|it| it.affinity);
        affinity(&key.child, column) != affinity(&key.parent, parent)
    })
}

/// FROM and WHERE of the children that had the parent by its affinity and still refer to it.
pub fn left(key: &Key, keys: &Keys, event: Event) -> String {
    let (child, old) = (quote(&key.child.name), equals(key, "OLD"));
    let rest = match event {
        Event::Update => format!(" AND NOT ifnull({}, 0)", equals(key, "NEW")),
        Event::Delete => but_those_about_to_go(key, keys),
    };
    format!(" FROM {child} AS w WHERE {old}{rest}")
}

/// FROM and WHERE of the children to which an action would come, and which have another parent: 1 may
/// have the parent 1 and be equal to the parent '1' in the condition of an action. SQLite counts such
/// a child for both, and refuses.
pub fn of_another(key: &Key, event: Event) -> String {
    let (child, old) = (quote(&key.child.name), old_equals(&key.declared, "w."));
    let another = has_parent(&key.parent, &key.declared, "w", "p");
    let rest = match event {
        Event::Update => {
            let new = conditions::equals(&key.declared, "NEW", "w.");
            format!(" AND NOT ifnull({new}, 0)")
        }
        Event::Delete => String::new(),
    };
    format!(" FROM {child} AS w WHERE {old} AND EXISTS ({another}){rest}")
}

/// The condition that the parent `row` is found for the child `w`. CAST gives the value the
/// affinity that its column has (<https://www.sqlite.org/datatype3.html#affinity_of_expressions>)
/// and leaves as it is what it is applied to here.
fn equals(key: &Key, row: &str) -> String {
    let pairs: Vec<_> = key
        .declared
        .pairs()
        .map(|(column, parent)| {
            let (value, child) = (format!("{row}.{}", quote(parent)), quote(column));
            let affinity = key.parent.column(parent).map(|it| it.affinity);
            let (types, cast) = match affinity {
                Some(Affinity::Text) => ("'text'", "TEXT"),
                Some(Affinity::Numeric) => ("'integer', 'real'", "NUMERIC"),
                Some(Affinity::Blob) | None => return format!("{value} = +w.{child}"),
            };
            format!("CASE WHEN typeof({value}) IN ({types}) THEN CAST({value} AS {cast}) = +w.{child} ELSE {value} = +w.{child} END")
        })
        .collect();
    pairs.join(" AND ")
}
