//! Copy and swap: gives a table a new definition and keeps all else
//! (<https://www.sqlite.org/lang_altertable.html#otheralter>).
//!
//! The old table steps aside under another name, and the new one is made under the table's
//! own. SQLite's page advises the other order, make new, drop old, rename new, because a
//! rename drags the references of other tables along; `legacy_alter_table` with
//! `foreign_keys` off keeps them where they are. And it is the new table's text that must be
//! exact: a rename rewrites the name in it as `"name"`.

use anyhow::Result;
use rusqlite::Connection;

use super::ddl::{literal, quote, quote_list, same_name};
use super::orphans::{Removal, listed};
use super::schema::{self, RowKey, Snapshot, Table};
use super::steps::Step;

// Instructions of SQLite's virtual machine, as EXPLAIN counts them in the loop.
const WORK_PER_TRANSFERRED_ROW: usize = 4;
const WORK_PER_COPIED_ROW: usize = 8;
const WORK_PER_INDEXED_ROW: usize = 12;

/// How the rows get into the new table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// Whole records, as they lie in the file; rows that leave are deleted afterwards.
    Transfer,
    /// Row by row, without those that leave.
    Rows,
}

impl Copy {
    /// Chooses the way for `table`, given whether records can be transferred.
    ///
    /// A transfer gives new numbers to implicit rowids, so it can't serve where these can be
    /// seen. Deleting costs more than copying a row, so it pays for few rows only.
    #[must_use]
    pub fn choose(table: &Table, transfers: bool, removal: Option<&Removal>) -> Self {
        let few = removal.is_none_or(|removal| removal.rows <= removal.of / 5);
        let renumbers = matches!(table.row_key, RowKey::Implicit(_));
        if transfers && few && !renumbers {
            Copy::Transfer
        } else {
            Copy::Rows
        }
    }
}

/// A table and what it is rebuilt as.
#[derive(Debug)]
pub struct Rebuild<'a> {
    /// The table as found.
    pub table: &'a Table,
    /// The text of the new `CREATE TABLE`.
    pub definition: String,
    /// How the rows get there.
    pub copy: Copy,
    /// The rows that do not.
    pub removal: Option<&'a Removal>,
    /// How many rows the table has, those included.
    pub rows: i64,
}

impl Rebuild<'_> {
    /// The steps, in a database that holds what `schema` lists.
    #[must_use]
    pub fn steps(&self, schema: &Snapshot) -> Vec<Step> {
        let name = &self.table.name;
        let old = free_name(schema, "fkfix_old");
        let mut steps = vec![
            Step::run(
                format!("set the old {name} aside"),
                format!(
                    "PRAGMA legacy_alter_table = ON;\nALTER TABLE main.{} RENAME TO {old};\nPRAGMA legacy_alter_table = OFF",
                    quote(name)
                ),
            ),
            Step::run(
                format!("create {name} with its new keys"),
                self.definition.as_str(),
            ),
        ];
        steps.extend(self.copy_steps(&old));
        if schema.iter().any(|(_, name, ..)| name == "sqlite_sequence") {
            steps.push(Step::run(
                format!("keep the AUTOINCREMENT counter of {name}"),
                format!(
                    "DELETE FROM main.sqlite_sequence WHERE name = {0};\nUPDATE main.sqlite_sequence SET name = {0} WHERE name = '{old}'",
                    literal(name)
                ),
            ));
        }
        steps.push(Step::run(
            format!("drop the old {name}"),
            format!("DROP TABLE main.{old}"),
        ));
        steps.extend(self.index_steps());
        steps.extend(create_triggers(self.table));
        steps
    }

    fn copy_steps(&self, old: &str) -> Vec<Step> {
        let (name, target) = (&self.table.name, quote(&self.table.name));
        let title = format!("copy the rows of {name}");
        if self.copy == Copy::Transfer {
            let transfer = format!("INSERT INTO main.{target} SELECT * FROM main.{old}");
            let transfer = Step::run(title, transfer).over(self.rows, WORK_PER_TRANSFERRED_ROW);
            return [transfer]
                .into_iter()
                .chain(self.removal.map(delete))
                .collect();
        }
        let stored: Vec<_> = self.table.stored_columns().collect();
        let work = 2 * stored.len() + WORK_PER_COPIED_ROW;
        let (mut columns, mut values) = (quote_list("", stored.clone()), quote_list("w.", stored));
        if let RowKey::Implicit(rowid) = self.table.row_key {
            columns = format!("{rowid}, {columns}");
            values = format!("w.{rowid}, {values}");
        }
        let stay = self.removal.map_or(String::new(), |removal| {
            format!("\nWHERE NOT {}", listed("w", removal))
        });
        // Rows that break a CHECK today are kept as they are; OR ABORT because a table's own
        // ON CONFLICT IGNORE would lose rows without a word.
        let copy = format!(
            "PRAGMA ignore_check_constraints = ON;\nINSERT OR ABORT INTO main.{target} ({columns})\nSELECT {values} FROM main.{old} AS w{stay};\nPRAGMA ignore_check_constraints = OFF"
        );
        vec![Step::run(title, copy).over(self.rows, work)]
    }

    fn index_steps(&self) -> impl Iterator<Item = Step> {
        let rows = self.rows - self.removal.map_or(0, |removal| removal.rows);
        let count = self.table.indexes.len();
        self.table
            .indexes
            .iter()
            .enumerate()
            .map(move |(at, index)| {
                let title = format!("build index {} of {count}, {}", at + 1, index.name);
                Step::run(title, index.sql.as_str()).over(rows, WORK_PER_INDEXED_ROW)
            })
    }
}

/// Deletes the listed rows from a table that has no triggers at that moment.
pub fn delete(removal: &Removal) -> Step {
    let name = &removal.table.name;
    Step::run(
        format!("delete {} rows from {name}", removal.rows),
        format!(
            "DELETE FROM main.{} AS w WHERE {}",
            quote(name),
            listed("w", removal)
        ),
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

/// Has each full-text index whose content is `table` read it anew.
pub fn refresh_full_text(connection: &Connection, table: &Table) -> Result<Vec<Step>> {
    let indexes = schema::full_text_indexes(connection, &table.name)?;
    let refresh = |name: &String| {
        Step::run(
            format!("rebuild the full-text index {name}"),
            format!("INSERT INTO main.{0} ({0}) VALUES ('rebuild')", quote(name)),
        )
    };
    Ok(indexes.iter().map(refresh).collect())
}

fn free_name(schema: &Snapshot, wanted: &str) -> String {
    let taken = |candidate: &str| {
        schema
            .iter()
            .any(|(_, name, ..)| same_name(name, candidate))
    };
    let mut name = wanted.to_owned();
    for number in 2.. {
        if !taken(&name) {
            break;
        }
        name = format!("{wanted}_{number}");
    }
    name
}
