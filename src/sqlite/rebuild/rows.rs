//! Rows that leave their table, or forget keys in it, while its triggers are aside.

use crate::sqlite::orphans::lists::{FORGETS, Removal, listed};
use crate::sqlite::rebuild::steps::{Step, per_row};
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::quote;
use crate::text;

// As those of `way.rs`: for the row, and for its entry in an index.
const WORK_OF_DELETION: (usize, usize) = (10, 2);
const WEIGHT_OF_DELETION: (usize, usize) = (800, 375);

/// Deletes the listed rows from a table that has no triggers at that moment, and so many indexes.
pub fn delete(removal: &Removal, indexes: usize) -> Step {
    let Removal { table, rows, .. } = removal;
    let delete = format!(
        "DELETE FROM main.{} AS w WHERE {}",
        quote(&table.name),
        listed("w", removal)
    );
    let work = per_row(WORK_OF_DELETION, indexes);
    Step::run(
        format!("delete {} from {}", text::rows(*rows), table.name),
        delete,
    )
    .over(*rows, work, per_row(WEIGHT_OF_DELETION, indexes))
}

/// Has the listed rows that stay forget their keys, in a table that has no triggers at that moment.
pub fn forget(removal: &Removal) -> Step {
    let table = &removal.table;
    // What breaks a CHECK and could stay is known.
    let sql = format!(
        "PRAGMA ignore_check_constraints = ON;\n{};\nPRAGMA ignore_check_constraints = OFF",
        forget_sql(removal)
    );
    let work = per_row(WORK_OF_DELETION, table.indexes.len());
    let title = format!(
        "set the key of {} of {} to what it becomes without a parent",
        text::rows(removal.kept),
        table.name
    );
    let weight = per_row(WEIGHT_OF_DELETION, table.indexes.len());
    Step::run(title, sql).over(removal.kept, work, weight)
}

/// The statement of it. OR ABORT because a table's own ON CONFLICT REPLACE would lose rows without a
/// word.
pub fn forget_sql(removal: &Removal) -> String {
    let table = &removal.table;
    let same: Vec<_> = table
        .row_key
        .columns()
        .iter()
        .zip(1..)
        .map(|(name, at)| format!("w.{} = l.k{at}", quote(name)))
        .collect();
    let (list, same) = (quote(&removal.list), same.join(" AND "));
    let forgets = format!("(SELECT l.forgets FROM temp.{list} AS l WHERE {same})");
    let set = removal.set_columns().into_iter().map(|name| {
        let now = format!("w.{}", quote(name));
        let value = removal.set_value(name, &forgets, &now);
        format!("{} = {value}", quote(name))
    });
    let set = set.collect::<Vec<_>>().join(", ");
    let columns = table.row_key.columns();
    let which = match columns.as_slice() {
        [column] => format!(
            "w.{} IN (SELECT k1 FROM temp.{list} WHERE {FORGETS})",
            quote(column)
        ),
        _ => format!(
            "EXISTS (SELECT 1 FROM temp.{list} AS l WHERE {same} AND l.round < 0 AND l.forgets <> 0)"
        ),
    };
    format!(
        "UPDATE OR ABORT main.{} AS w SET {set} WHERE {which}",
        quote(&table.name)
    )
}

/// Takes the triggers off `table`, so that moving its rows fires none.
#[must_use]
pub fn drop_triggers(table: &Table) -> Vec<Step> {
    let drop = |name| format!("DROP TRIGGER main.{}", quote(name));
    let triggers = table.triggers.iter();
    triggers
        .map(|trigger| {
            Step::run(
                format!("set trigger {} aside", trigger.name),
                drop(&trigger.name),
            )
        })
        .collect()
}

/// Makes the triggers of `table` again, to the letter.
#[must_use]
pub fn create_triggers(table: &Table) -> Vec<Step> {
    let triggers = table.triggers.iter();
    triggers
        .map(|trigger| Step::run(format!("create trigger {}", trigger.name), &trigger.sql))
        .collect()
}
