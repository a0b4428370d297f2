//! Hold and refill: gives a table a new definition in a transaction that may act on foreign keys.
//!
//! `DROP TABLE` deletes the rows of the table first, and with enforcement on that carries out what
//! the children's keys say of it (<https://www.sqlite.org/foreignkeys.html#fk_schemacommands>). A
//! trigger on each child skips that for every row. A child is then without its parent, which
//! `defer_foreign_keys` lets be until COMMIT, and each row that comes back is one that less.

use anyhow::Result;
use rusqlite::Connection;

use super::pin;
use super::script::{COUNTER, HOLDS, INDEXES, STAGE, Script};
use crate::failure::Failure;
use crate::sqlite::keys::{self, conditions};
use crate::sqlite::orphans::lists::{Removal, listed};
use crate::sqlite::rebuild::compare;
use crate::sqlite::schema::foreign_key::{self, Action, ForeignKey};
use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl::{counts_rowids, literal, quote, quote_list, same_name};

/// Writes what makes `table` again as `definition`, without the rows that are `leaving`.
pub fn table(
    script: &mut Script<'_>,
    table: &Table,
    definition: &str,
    leaving: Option<&Removal>,
) -> Result<()> {
    must_be_possible(table)?;
    let schema = script.schema();
    let mut children = Children::of(schema, table)?;
    let name = quote(&table.name);
    script.comment(&format!("{} is made again", table.name));
    script.triggers_aside(table)?;
    children.hold(script)?;
    stage(script, table, leaving)?;
    counter_aside(script, table)?;
    script.run(
        &format!("drop {}", table.name),
        &format!("DROP TABLE main.{name}"),
    )?;
    script.run(
        &format!("create {} with its new definition", table.name),
        definition,
    )?;
    let own = own_index(script, table)?;
    refill(script, table)?;
    if let Some(index) = own {
        script.run(
            "drop the index for its own key",
            &format!("DROP INDEX {index}"),
        )?;
    }
    counter_back(script, table)?;
    script.run("the rows are back", &format!("DROP TABLE {STAGE}"))?;
    for index in &table.indexes {
        script.run(&format!("create the index {}", index.name), &index.sql)?;
    }
    children.let_go(script)?;
    script.triggers_back(table)?;
    pin::made(script, &table.name)
}

fn must_be_possible(table: &Table) -> Result<(), Failure> {
    if let Some((index, reason)) = table.unkept_index() {
        return Err(Failure::impossible(format!(
            "{} can't be made again with its index {index}: {reason}",
            table.name
        ))
        .hint("drop the index first, and create it again afterwards"));
    }
    match table.column("fkfix_rowid") {
        None => Ok(()),
        Some(_) => Err(Failure::impossible(format!(
            "{} has a column fkfix_rowid, and a script needs that name",
            table.name
        ))
        .hint("rename the column; without --for, fkfix up does without")),
    }
}

/// Without types, so that each value keeps its storage class.
fn stage(script: &mut Script<'_>, table: &Table, leaving: Option<&Removal>) -> Result<()> {
    let (name, columns) = (&table.name, quote_list("", table.stored_columns()));
    let (mut into, mut values) = (columns.clone(), quote_list("w.", table.stored_columns()));
    if let Some(rowid) = table.row_key.rowid() {
        into = format!("fkfix_rowid, {into}");
        values = format!("w.{}, {values}", quote(rowid));
    }
    script.run(
        &format!("a table for the rows of {name}"),
        &format!("CREATE TABLE {STAGE} (fkfix_rowid INTEGER PRIMARY KEY, {columns})"),
    )?;
    let leaving = leaving.filter(|_| table.row_key != RowKey::Hidden);
    let stays = leaving.map_or(String::new(), |it| {
        format!("\nWHERE NOT {}", listed("w", it))
    });
    script.run(
        &format!("copy the rows of {name} aside"),
        &format!(
            "INSERT INTO {STAGE} ({into})\nSELECT {values} FROM {}{stays}",
            table.scanned("w")
        ),
    )?;
    let left = leaving.map_or(String::new(), |it| {
        format!(" + (SELECT count(*) FROM {} WHERE round >= 0)", it.list)
    });
    script.promise(
        &format!("every row of {name} is aside"),
        &format!(
            "(SELECT count(*) FROM {STAGE}){left} = (SELECT count(*) FROM {})",
            table.scanned("w")
        ),
    )
}

fn refill(script: &mut Script<'_>, table: &Table) -> Result<()> {
    let (name, target) = (&table.name, quote(&table.name));
    let (mut into, mut values) = (
        quote_list("", table.stored_columns()),
        quote_list("a.", table.stored_columns()),
    );
    if let RowKey::Implicit(rowid) = table.row_key {
        into = format!("{rowid}, {into}");
        values = format!("a.fkfix_rowid, {values}");
    }
    script.run(
        &format!("copy the rows of {name} back"),
        &format!(
            "INSERT OR ABORT INTO main.{target} ({into})\nSELECT {values} FROM {STAGE} AS a ORDER BY a.fkfix_rowid"
        ),
    )?;
    let staged = format!("(SELECT count(*) FROM {STAGE})");
    script.promise(
        &format!("{name} has its rows"),
        &format!("(SELECT count(*) FROM main.{target}) = {staged}"),
    )?;
    let keys = table.row_key.columns();
    if keys.is_empty() {
        return Ok(());
    }
    let key = keys.iter().map(|key| match table.row_key {
        RowKey::PrimaryKey(_) => format!("w.{0} = a.{0}", quote(key)),
        _ => format!("w.{} = a.fkfix_rowid", quote(key)),
    });
    let values = compare::same_values(table, table.stored_columns());
    let same: Vec<_> = key.chain(values).collect();
    script.promise(
        &format!("every row of {name} is as it was"),
        &format!(
            "(SELECT count(*) FROM {STAGE} AS a CROSS JOIN main.{target} AS w WHERE {}) = {staged}",
            compare::all_of(&same)
        ),
    )
}

/// Notes where the AUTOINCREMENT counter of `table` stands, if it has one: what is inserted moves it.
pub fn counter_aside(script: &mut Script<'_>, table: &Table) -> Result<()> {
    if !counts_rowids(&table.sql)? {
        return Ok(());
    }
    script.run(
        &format!("set the counter of {} aside", table.name),
        &format!("CREATE TABLE {COUNTER} AS SELECT rowid AS place, seq FROM sqlite_sequence WHERE name = {}", literal(&table.name)),
    )
}

/// Puts it back, or takes it away again where there was none.
pub fn counter_back(script: &mut Script<'_>, table: &Table) -> Result<()> {
    if !counts_rowids(&table.sql)? {
        return Ok(());
    }
    let own = literal(&table.name);
    script.run(
        &format!("take the new counter of {} away", table.name),
        &format!("DELETE FROM sqlite_sequence WHERE name = {own}"),
    )?;
    script.run(
        &format!("put the counter of {} back", table.name),
        &format!(
            "INSERT INTO sqlite_sequence (rowid, name, seq) SELECT place, {own}, seq FROM {COUNTER}"
        ),
    )?;
    script.run("the counter is back", &format!("DROP TABLE {COUNTER}"))
}

/// An index for the refill, where the table refers to itself: as a parent each row is looked for
/// among all that are there already.
fn own_index(script: &mut Script<'_>, table: &Table) -> Result<Option<String>> {
    let made = Table::read(script.schema(), &table.name)?;
    let keys = foreign_key::declared_keys(script.schema())?;
    let is_own = |key: &&ForeignKey| {
        same_name(&key.child, &table.name) && same_name(&key.parent, &table.name)
    };
    let Some(key) = keys.iter().find(is_own) else {
        return Ok(None);
    };
    index_for(script, &made, &made, key)
}

/// Makes an index of `child` for `key`, where it has none; gives its name.
fn index_for(
    script: &mut Script<'_>,
    child: &Table,
    parent: &Table,
    key: &ForeignKey,
) -> Result<Option<String>> {
    for pair in key.pairs() {
        if let Some(warning) = keys::affinity_warning(child, parent, pair) {
            tracing::warn!(
                "{warning}; with foreign keys on, the script does so for each row of {}",
                parent.name
            );
        }
    }
    let is_there = |column: &String| child.index_leads.iter().any(|it| same_name(it, column));
    if key.columns.first().is_some_and(is_there) {
        return Ok(None);
    }
    script.numbers.indexes += 1;
    let name = format!("{INDEXES}{}", script.numbers.indexes);
    let columns = key.pairs().map(|(column, parent_column)| {
        let collation = parent
            .column(parent_column)
            .map_or("BINARY", |it| &it.collation);
        format!("{} COLLATE {}", quote(column), quote(collation))
    });
    let columns: Vec<_> = columns.collect();
    script.run(
        &format!(
            "an index for the key of {}, as long as this runs",
            child.name
        ),
        &format!(
            "CREATE INDEX {name} ON {} ({})",
            quote(&child.name),
            columns.join(", ")
        ),
    )?;
    Ok(Some(name))
}

/// The other tables that refer to a table.
pub struct Children {
    parent: Table,
    keys: Vec<(Table, ForeignKey)>,
    indexes: Vec<String>,
    holds: Vec<String>,
    /// Tells what it notes from what others do.
    number: usize,
}

impl Children {
    /// Those of `parent`.
    pub fn of(schema: &Connection, parent: &Table) -> Result<Self> {
        let mut keys = Vec::new();
        for key in foreign_key::declared_keys(schema)? {
            if same_name(&key.parent, &parent.name) && !same_name(&key.child, &parent.name) {
                keys.push((Table::read(schema, &key.child)?, key));
            }
        }
        Ok(Children {
            parent: parent.clone(),
            keys,
            indexes: Vec::new(),
            holds: Vec::new(),
            number: 0,
        })
    }

    /// Those whose rows the keys' actions would delete or change, each once.
    fn held(&self) -> Vec<(&Table, bool, bool)> {
        let mut held: Vec<(&Table, bool, bool)> = Vec::new();
        for (child, key) in &self.keys {
            let (deletes, sets) = (key.on_delete == Action::Cascade, key.on_delete.sets());
            if let Some(known) = held
                .iter_mut()
                .find(|it| same_name(&it.0.name, &child.name))
            {
                known.1 |= deletes;
                known.2 |= sets;
            } else if deletes || sets {
                held.push((child, deletes, sets));
            }
        }
        held.retain(|(_, deletes, sets)| *deletes || *sets);
        held
    }

    /// Writes the indexes that the refill needs.
    pub fn index(&mut self, script: &mut Script<'_>) -> Result<()> {
        for (child, key) in &self.keys {
            self.indexes
                .extend(index_for(script, child, &self.parent, key)?);
        }
        Ok(())
    }

    /// Writes what drops them.
    pub fn drop_indexes(&mut self, script: &mut Script<'_>) -> Result<()> {
        for name in self.indexes.drain(..) {
            script.run("drop the index for a key", &format!("DROP INDEX {name}"))?;
        }
        Ok(())
    }

    fn note(&self, at: usize, what: &str) -> String {
        format!(
            "{what} of {} by key {}, {}",
            self.parent.name,
            at + 1,
            self.number
        )
    }

    fn hold(&mut self, script: &mut Script<'_>) -> Result<()> {
        self.index(script)?;
        script.numbers.notes += 1;
        self.number = script.numbers.notes;
        for (at, (child, key)) in self.keys.iter().enumerate() {
            let (rows, found) = counted(child, &self.parent, key);
            script.note(&self.note(at, "rows"), &rows)?;
            script.note(&self.note(at, "children"), &found)?;
        }
        let mut names = Vec::new();
        for (child, deletes, sets) in self.held() {
            script.triggers_aside(child)?;
            for (event, held) in [("DELETE", deletes), ("UPDATE", sets)] {
                if held {
                    script.numbers.holds += 1;
                    let name = format!("{HOLDS}{}", script.numbers.holds);
                    script.run(
                        &format!("hold the rows of {}", child.name),
                        &format!(
                            "CREATE TRIGGER {name} BEFORE {event} ON {} BEGIN SELECT RAISE(IGNORE); END",
                            quote(&child.name)
                        ),
                    )?;
                    names.push(name);
                }
            }
        }
        self.holds = names;
        Ok(())
    }

    fn let_go(&mut self, script: &mut Script<'_>) -> Result<()> {
        for name in std::mem::take(&mut self.holds) {
            script.run("let go", &format!("DROP TRIGGER {name}"))?;
        }
        for (at, (child, key)) in self.keys.iter().enumerate() {
            let (rows, found) = counted(child, &self.parent, key);
            for (what, query) in [("rows", rows), ("children", found)] {
                let noted = Script::noted(&self.note(at, what));
                script.promise(
                    &format!(
                        "{} has as many {what} as before, by key {}",
                        child.name,
                        at + 1
                    ),
                    &format!("({query}) = {noted}"),
                )?;
            }
        }
        self.drop_indexes(script)?;
        for (child, ..) in self.held() {
            script.triggers_back(child)?;
        }
        Ok(())
    }
}

/// Queries for how many rows the child has, and how many of these have their parent.
fn counted(child: &Table, parent: &Table, key: &ForeignKey) -> (String, String) {
    let table = child.scanned("w");
    (
        format!("SELECT count(*) FROM {table}"),
        format!(
            "SELECT count(*) FROM {table} WHERE EXISTS (SELECT 1 FROM main.{} AS p WHERE {})",
            quote(&parent.name),
            conditions::equals_parent(key)
        ),
    )
}
