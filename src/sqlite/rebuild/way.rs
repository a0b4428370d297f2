//! Copy and swap: gives a table a new definition and keeps all else
//! (<https://www.sqlite.org/lang_altertable.html#otheralter>).
//!
//! The old table steps aside under another name, and the new one is made under the table's
//! own. SQLite's page advises the other order, make new, drop old, rename new, because a
//! rename drags the references of other tables along; `legacy_alter_table` with
//! `foreign_keys` off keeps them where they are. And it is the new table's text that must be
//! exact: a rename rewrites the name in it as `"name"`.
//!
//! Where few rows leave nothing is copied: a key changes nothing of how rows lie in the file, and an
//! edit of `sqlite_schema` gives the table its new text. SQLite documents that for changes of this kind,
//! and refuses it on connections that are defensive; [`Method::Documented`] does without.

use anyhow::Result;

use super::indexes::{build_index, edit_schema};
use super::rows::{create_triggers, delete};
use crate::failure::Failure;
use crate::policy::Method;
use crate::sqlite::orphans::lists::{Removal, listed};
use crate::sqlite::rebuild::compare;
use crate::sqlite::rebuild::steps::{Step, per_row};
use crate::sqlite::schema::scratch::{Obstacle, Rehearsal};
use crate::sqlite::schema::snapshot::free_name;
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{literal, quote, quote_list};

// Instructions of SQLite's virtual machine, as EXPLAIN counts them in the loop.
const WORK_PER_TRANSFERRED_ROW: usize = 4;
const WORK_PER_COPIED_ROW: usize = 8;

// How long a row takes in each of these, and its entry in one index: hundredths of what it takes to
// copy a row by itself. Measured, see `bench/README.md`; `apply/estimate/timing.rs` has the same in seconds.
const WEIGHT_OF_TRANSFER: usize = 45;
const WEIGHT_OF_COPY: usize = 75;
const WEIGHT_OF_DROP: (usize, usize) = (10, 4);

/// What the old table is called until it is dropped, if no object has that name.
pub const OLD: &str = "fkfix_old";

/// How a table comes by its new definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The stored text is edited; rows and indexes stay where they are.
    Edit,
    /// Whole records are copied as they lie in the file, and the indexes built anew; rows that leave
    /// are deleted in between.
    TransferRecords,
    /// Row by row, without those that leave, and the indexes built anew.
    Rows,
    /// Row by row into a table without a definition and back, where the table can't be set aside
    /// under another name.
    TwoCopies,
}

impl Way {
    /// Chooses the way for `table`.
    ///
    /// To delete a row costs a change in each index, many times what it costs not to copy it; measured,
    /// an edit and a copy are even at about a tenth of the rows. A transfer gives new numbers to implicit
    /// rowids, so it can't serve where these can be seen.
    ///
    /// What this SQLite can't make, it can't copy: there the definition is edited, or refused where
    /// only documented statements are allowed.
    pub fn choose(
        table: &Table,
        rehearsal: Rehearsal,
        removal: Option<&Removal>,
        method: Method,
    ) -> Result<Self> {
        if let Some(obstacle) = obstacle_to_copies(table, rehearsal) {
            return match method {
                Method::Documented => Err(Failure::impossible(obstacle)
                    .hint("without --documented the table stays where it is, and its definition is edited")
                    .into()),
                Method::Fastest => Ok(Way::Edit),
            };
        }
        if rehearsal.obstacle == Some(Obstacle::Rename) {
            return Ok(match method {
                Method::Documented => Way::TwoCopies,
                Method::Fastest => Way::Edit,
            });
        }
        let few = removal.is_none_or(|removal| removal.rows <= removal.of / 10);
        let transfers = rehearsal.transfers && !matches!(table.row_key, RowKey::Implicit(_));
        Ok(match method {
            Method::Fastest if few => Way::Edit,
            Method::Documented if few && transfers => Way::TransferRecords,
            _ => Way::Rows,
        })
    }

    /// Whether rows are inserted one by one, and the indexes built anew.
    #[must_use]
    pub fn inserts_rows(self) -> bool {
        matches!(self, Way::Rows | Way::TwoCopies)
    }

    /// The way that keeps rows which an INSERT would change; none where the method has none.
    #[must_use]
    pub fn keeping_records(table: &Table, rehearsal: Rehearsal, method: Method) -> Option<Self> {
        let transfers = rehearsal.transfers
            && rehearsal.obstacle.is_none()
            && !matches!(table.row_key, RowKey::Implicit(_));
        match method {
            Method::Fastest => Some(Way::Edit),
            Method::Documented => transfers.then_some(Way::TransferRecords),
        }
    }

    /// Whether the table is copied, so that its rows need not be deleted from it before.
    #[must_use]
    pub fn copies(self) -> bool {
        self != Way::Edit
    }
}

/// A table and what it is rebuilt as.
#[derive(Debug)]
pub struct Rebuild<'a> {
    /// The table as found.
    pub table: &'a Table,
    /// The text of the new `CREATE TABLE`.
    pub definition: String,
    /// How.
    pub way: Way,
    /// Why no way would serve that inserts its rows.
    pub because: Option<String>,
    /// The rows that do not.
    pub removal: Option<Removal>,
    /// How many rows the table has, those included.
    pub rows: i64,
}

impl Rebuild<'_> {
    /// The steps, in a database in which the names `taken` are.
    pub fn steps(&self, taken: &[String]) -> Vec<Step> {
        if self.way == Way::Edit {
            return vec![self.edit_step(taken)];
        }
        let name = &self.table.name;
        let old = free_name(taken, OLD);
        let mut steps = match self.way {
            Way::TwoCopies => self.copy_aside(taken, &old),
            _ => vec![Step::run(
                format!("set the old {name} aside"),
                format!(
                    "PRAGMA legacy_alter_table = ON;\nALTER TABLE main.{} RENAME TO {old};\nPRAGMA legacy_alter_table = OFF",
                    quote(name)
                ),
            )],
        };
        steps.push(Step::run(
            format!("create {name} with its new keys"),
            self.definition.as_str(),
        ));
        steps.extend(self.copy_steps(&old));
        steps.extend(self.comparison(&old));
        if is_taken(taken, "sqlite_sequence") {
            steps.push(Step::run(
                format!("keep the AUTOINCREMENT counter of {name}"),
                format!(
                    "DELETE FROM main.sqlite_sequence WHERE name = {0};\nUPDATE main.sqlite_sequence SET name = {0} WHERE name = '{old}'",
                    literal(name)
                ),
            ));
        }
        if self.way == Way::TwoCopies {
            steps.extend(keep_statistics(taken, &old, name));
        }
        let indexes = self.table.indexes.len();
        steps.push(
            Step::run(
                format!("drop the old {name}"),
                format!("DROP TABLE main.{old}"),
            )
            .over(self.rows, 0, per_row(WEIGHT_OF_DROP, indexes)),
        );
        steps.extend(self.index_steps());
        steps.extend(create_triggers(self.table));
        steps
    }

    /// Copies all rows into the table `old`, whose columns have no type and so keep each value in
    /// its storage class, and drops the table.
    fn copy_aside(&self, taken: &[String], old: &str) -> Vec<Step> {
        let (name, table) = (&self.table.name, quote(&self.table.name));
        let stored: Vec<_> = self.table.stored_columns().collect();
        let work = 2 * stored.len() + WORK_PER_COPIED_ROW;
        let columns = quote_list("", stored);
        let values = match self.table.row_key {
            RowKey::Implicit(rowid) => format!("{rowid}, {columns}"),
            _ => columns.clone(),
        };
        let copy = format!(
            "CREATE TABLE main.{old} ({columns});\nINSERT INTO main.{old} ({values})\nSELECT {values} FROM {}",
            self.table.scanned("")
        );
        let mut steps = vec![
            Step::run(format!("copy the rows of {name} aside"), copy).over(
                self.rows,
                work,
                WEIGHT_OF_COPY,
            ),
        ];
        if is_taken(taken, "sqlite_sequence") {
            // DROP TABLE deletes what stands there under the table's own name.
            let keep = format!(
                "UPDATE main.sqlite_sequence SET name = '{old}' WHERE name = {}",
                literal(name)
            );
            steps.push(Step::run(format!("keep the counter of {name} aside"), keep));
        }
        steps.extend(keep_statistics(taken, name, old));
        steps.push(Step::run(
            format!("drop {name}"),
            format!("DROP TABLE main.{table}"),
        ));
        steps
    }

    /// Writes the definition into `sqlite_schema`, as SQLite does for `ADD CONSTRAINT … CHECK`.
    /// The table that comes and goes tells other connections to read the schema again.
    fn edit_step(&self, taken: &[String]) -> Step {
        let name = &self.table.name;
        let update = format!(
            "UPDATE main.sqlite_schema SET sql = {} WHERE type = 'table' AND name = {}",
            literal(&self.definition),
            literal(name)
        );
        let notice = free_name(taken, "fkfix_notice");
        Step::run(
            format!("write the new keys into the definition of {name}"),
            format!(
                "{};\nCREATE TABLE main.{notice} (x);\nDROP TABLE main.{notice}",
                edit_schema(&update)
            ),
        )
        .editing_schema()
    }

    fn copy_steps(&self, old: &str) -> Vec<Step> {
        let (name, target) = (&self.table.name, quote(&self.table.name));
        let title = format!("copy the rows of {name}");
        if self.way == Way::TransferRecords {
            let transfer = format!("INSERT INTO main.{target} SELECT * FROM main.{old}");
            let transfer = Step::run(title, transfer).over(
                self.rows,
                WORK_PER_TRANSFERRED_ROW,
                WEIGHT_OF_TRANSFER,
            );
            return [transfer]
                .into_iter()
                .chain(self.removal.as_ref().map(|it| delete(it, 0)))
                .collect();
        }
        let stored: Vec<_> = self.table.stored_columns().collect();
        let work = 2 * stored.len() + WORK_PER_COPIED_ROW;
        let (mut columns, mut values) = (quote_list("", stored.clone()), quote_list("w.", stored));
        if let RowKey::Implicit(rowid) = self.table.row_key {
            columns = format!("{rowid}, {columns}");
            values = format!("w.{rowid}, {values}");
        }
        let stay = self.removal.as_ref().map_or(String::new(), |removal| {
            format!("\nWHERE NOT {}", listed("w", removal))
        });
        // An index that holds all columns may be damaged. In a table without rowids it is the
        // comparison that finds out.
        let by = match self.table.row_key {
            RowKey::PrimaryKey(_) => "",
            _ => " NOT INDEXED",
        };
        // Rows that break a CHECK today are kept as they are; OR ABORT because a table's own
        // ON CONFLICT IGNORE would lose rows without a word.
        let copy = format!(
            "PRAGMA ignore_check_constraints = ON;\nINSERT OR ABORT INTO main.{target} ({columns})\nSELECT {values} FROM main.{old} AS w{by}{stay};\nPRAGMA ignore_check_constraints = OFF"
        );
        vec![Step::run(title, copy).over(self.rows, work, WEIGHT_OF_COPY)]
    }

    /// Holds the rows against those that they were copied from, where they were inserted one by
    /// one. A transfer copies records as they are, byte for byte, and needs no look at them; a
    /// table whose rows can't be told apart has none to be held against.
    fn comparison(&self, old: &str) -> Option<Step> {
        let keys = self.table.row_key.columns();
        if self.way != Way::Rows || keys.is_empty() {
            return None;
        }
        let same_key = keys.iter().map(|key| format!("w.{0} = a.{0}", quote(key)));
        let values = compare::same_values(self.table, self.table.stored_columns());
        let same: Vec<_> = same_key.chain(values).collect();
        let leaving = self.removal.as_ref().map_or(0, |removal| removal.rows);
        let name = &self.table.name;
        Some(Step::Expect {
            what: format!("every row of {name} is as it was"),
            query: format!(
                "SELECT count(*) FROM main.{} AS w CROSS JOIN main.{old} AS a WHERE {}",
                quote(name),
                compare::all_of(&same)
            ),
            value: self.rows - leaving,
            by_row: None,
        })
    }

    fn index_steps(&self) -> impl Iterator<Item = Step> {
        let rows = self.rows - self.removal.as_ref().map_or(0, |removal| removal.rows);
        let count = self.table.indexes.len();
        self.table
            .indexes
            .iter()
            .enumerate()
            .map(move |(at, index)| build_index(index, at + 1, count, rows))
    }
}

/// Why this SQLite can't make `table` and its indexes, if it can't.
fn obstacle_to_copies(table: &Table, rehearsal: Rehearsal) -> Option<String> {
    if let Some((index, reason)) = table.unkept_index() {
        return Some(format!(
            "this SQLite can't build the index {index} of {}: {reason}",
            table.name
        ));
    }
    let name = &table.name;
    match rehearsal.obstacle? {
        Obstacle::Rename => None,
        Obstacle::Make => Some(format!(
            "this SQLite can't make the table {name} as it is defined: it lacks a collation"
        )),
        Obstacle::Counter => Some(format!(
            "{name} counts its rowids by AUTOINCREMENT, and a copy of it would make the table sqlite_sequence, which is missing"
        )),
    }
}

fn is_taken(taken: &[String], name: &str) -> bool {
    taken.iter().any(|other| other == name)
}

/// Puts what SQLite's statistics hold of the table `from` under the name `to`: DROP TABLE deletes
/// what is kept under the table's own.
fn keep_statistics(taken: &[String], from: &str, to: &str) -> Vec<Step> {
    let tables = ["sqlite_stat1", "sqlite_stat3", "sqlite_stat4"];
    let tables = tables.into_iter().filter(|name| is_taken(taken, name));
    tables
        .map(|statistics| {
            Step::run(
                format!("keep what {statistics} holds of {from} as {to}"),
                format!(
                    "UPDATE main.{statistics} SET tbl = {} WHERE tbl = {}",
                    literal(to),
                    literal(from)
                ),
            )
        })
        .collect()
}
