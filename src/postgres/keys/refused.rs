//! Keys that can not be, each refused by name with a remedy.

use std::rc::Rc;

use anyhow::Result;

use super::{Key, action, same_columns};
use crate::failure::Failure;
use crate::model::key::{self as model};
use crate::postgres::catalog::{ForeignKey, Kind, Persistence, Table, quoted};
use crate::postgres::schema::Schema;

/// Fails where a column of `key` is not there.
pub fn must_have_columns(
    schema: &Schema,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
) -> Result<()> {
    for (table, columns) in [(child, &key.columns), (parent, &key.parent_columns)] {
        let missing = columns
            .iter()
            .find(|name| !table.columns.iter().any(|it| it.name == **name));
        if let Some(missing) = missing {
            return Err(no_column(table, &schema.shown(&table.name), missing).into());
        }
    }
    Ok(())
}

fn no_column(table: &Table, shown: &str, name: &str) -> Failure {
    let failure = Failure::impossible(format!("{shown} has no column {name}"));
    let like = table
        .columns
        .iter()
        .find(|it| it.name.to_lowercase() == name.to_lowercase());
    match like {
        Some(like) => failure.hint(format!(
            "PostgreSQL folds names without quotes to lower case; the column is {}",
            quoted(&like.name)
        )),
        None => failure.hint("check the name in the migration"),
    }
}

pub(super) fn different(child: &str, there: &ForeignKey, wanted: &ForeignKey) -> Failure {
    let text = |key: &ForeignKey| {
        let key = model::ForeignKey {
            child: child.to_owned(),
            columns: key.columns.clone(),
            parent: key.parent.table.clone(),
            parent_columns: key.parent_columns.clone(),
            on_delete: action(key.on_delete),
            on_update: action(key.on_update),
        };
        key.to_string()
    };
    Failure::impossible(format!("{child} has another key on the same columns"))
        .detail(format!("there is   {} {}", there.name, text(there)))
        .detail(format!("wanted is  {} {}", wanted.name, text(wanted)))
        .hint("drop the one that is wrong, or change the migration so that both agree")
}

/// Partitions must have no such key of their own: that of the whole would take it over, and drop it
/// with itself.
pub fn must_be_of_the_whole(schema: &Schema, keys: &[Key]) -> Result<()> {
    for key in keys.iter().filter(|key| key.there.is_none()) {
        for part in schema.family(&key.child).iter().skip(1) {
            let mut own = part.foreign_keys.iter();
            let own = own.find(|it| {
                !it.is_inherited && (same_columns(it, &key.key) || it.name == key.key.name)
            });
            if let Some(own) = own {
                let shown = schema.shown(&part.name);
                return Err(Failure::impossible(format!(
                    "{shown}, a partition of {}, has the key {} of its own, which that of {} would take over",
                    key.child_shown, own.name, key.child_shown
                ))
                .hint(format!(
                    "ALTER TABLE {} DROP CONSTRAINT {}; the key of {} covers it",
                    part.name,
                    quoted(&own.name),
                    key.child_shown
                ))
                .into());
            }
        }
    }
    Ok(())
}

pub(super) fn check_name(
    child: &Table,
    shown: &str,
    before: &[Key],
    key: &ForeignKey,
) -> Result<()> {
    let of_indexes = child.indexes.iter().filter_map(|it| it.constraint.as_ref());
    let of_keys = child.foreign_keys.iter().map(|it| &it.name);
    let asked = before.iter().filter(|it| it.child.oid == child.oid);
    let mut taken = of_indexes
        .chain(of_keys)
        .chain(asked.map(|it| &it.key.name));
    if taken.any(|name| *name == key.name) {
        return Err(Failure::impossible(format!(
            "{shown} has another constraint called {}",
            key.name
        ))
        .hint("give the new key a name of its own in the migration and its down script")
        .into());
    }
    Ok(())
}

/// What PostgreSQL would refuse, or would lie about.
pub(super) fn check_tables(
    schema: &Schema,
    child: &Rc<Table>,
    parent: &Table,
    child_shown: &str,
    parent_shown: &str,
) -> Result<()> {
    let plain_heirs = |table: &Table| table.kind == Kind::Table && !table.inherited_by.is_empty();
    for (table, shown) in [(&**child, child_shown), (parent, parent_shown)] {
        if plain_heirs(table) {
            let heirs: Vec<_> = table
                .inherited_by
                .iter()
                .map(|it| schema.shown(it))
                .collect();
            return Err(Failure::impossible(format!(
                "{} inherits from {shown}, and a key does not see the rows of tables that inherit",
                heirs.join(", ")
            ))
            .hint("make them partitions, or take them out of the inheritance: ALTER TABLE … NO INHERIT …")
            .into());
        }
    }
    let family = schema.family(child);
    if let Some(part) = family.iter().find(|it| it.kind == Kind::Foreign) {
        return Err(Failure::impossible(format!(
            "{}, a partition of {child_shown}, is a foreign table, and can have no key",
            schema.shown(&part.name)
        ))
        .hint(format!(
            "ALTER TABLE {} DETACH PARTITION {}, or give the key to the other partitions alone",
            child.name, part.name
        ))
        .into());
    }
    let refused = match (child.persistence, parent.persistence) {
        (Persistence::Temporary, Persistence::Temporary) => false,
        (_, Persistence::Temporary)
        | (Persistence::Temporary, _)
        | (Persistence::Permanent, Persistence::Unlogged) => true,
        _ => false,
    };
    if refused {
        let word = |it: Persistence| match it {
            Persistence::Permanent => "permanent",
            Persistence::Unlogged => "unlogged",
            Persistence::Temporary => "temporary",
        };
        return Err(Failure::impossible(format!(
            "{child_shown} is {}, and {parent_shown} is {}; PostgreSQL allows no key between them",
            word(child.persistence),
            word(parent.persistence)
        ))
        .hint("make both tables of one kind: ALTER TABLE … SET LOGGED")
        .into());
    }
    Ok(())
}
