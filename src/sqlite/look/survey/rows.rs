//! The rows that break keys, read where they lie or kept aside before they leave.

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use rusqlite::limits::Limit;

use super::surveyed::{Source, Survey, SurveyedTable};
use crate::failure::Failure;
use crate::model::value::Value;
use crate::sqlite::orphans::Found;
use crate::sqlite::schema::{Table, values};
use crate::sqlite::text::ddl::{quote, quote_list};

/// Fails where SQLite would not give the columns of `table` and those of a [`Source`] at once.
fn must_be_narrow(connection: &Connection, table: &Table) -> Result<()> {
    let most = usize::try_from(connection.limit(Limit::SQLITE_LIMIT_COLUMN)?)?;
    let columns = table.columns.len();
    if columns + 2 <= most {
        return Ok(());
    }
    Err(Failure::impossible(format!(
        "could not read rows of {}: it has {columns} columns, too many for a report that adds two to each row",
        table.name
    ))
    .hint("with --limit 0 no row is shown, and they are counted alone")
    .into())
}

/// A column name that `table` does not have.
fn free_column(table: &Table, wanted: &str) -> String {
    let mut name = format!("fkfix_{wanted}");
    while table.column(&name).is_some() {
        name.push('_');
    }
    name
}

fn names_of(table: &Table, alias: &str) -> String {
    quote_list(
        alias,
        table.columns.iter().map(|column| column.name.as_str()),
    )
}

impl Survey {
    /// The first `limit` orphans of `table`: the rowid where there is one, the keys they break, and
    /// every column, of long values the start. `connection` is what the survey was of.
    pub fn sample(
        &self,
        connection: &Connection,
        table: &SurveyedTable,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        must_be_narrow(connection, &table.table)?;
        let query = |columns: &str| format!("{} LIMIT {limit}", table.source.query(columns));
        values::rows(self.read_from(connection), &table.table, "w.", query)
            .with_context(|| format!("could not read rows of {}", table.table.name))
    }

    /// Hands the orphans of `table` to `each`, whole: the rowid where there is one, the keys they
    /// break, and every column. `connection` is what the survey was of.
    pub fn each_orphan(
        &self,
        connection: &Connection,
        table: &SurveyedTable,
        mut each: impl FnMut(Vec<Value>) -> Result<()>,
    ) -> Result<()> {
        must_be_narrow(connection, &table.table)?;
        let doing = || format!("could not read rows of {}", table.table.name);
        let query = table.source.query(&names_of(&table.table, "w."));
        let mut statement = self.read_from(connection).prepare(&query)?;
        let width = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next().with_context(doing)? {
            let values = (0..width)
                .map(|at| row.get_ref(at).map(Value::from))
                .collect::<rusqlite::Result<_>>()?;
            each(values)?;
        }
        Ok(())
    }

    /// The copy that was changed on the way, or the database itself.
    fn read_from<'c>(&'c self, connection: &'c Connection) -> &'c Connection {
        self.copy
            .as_ref()
            .map_or(connection, |copy| &copy.connection)
    }

    /// Copies the orphans that the lists of `found` name out of their tables, which they are about
    /// to leave, and drops the lists.
    pub(super) fn keep_rows(&mut self, copy: &Connection, found: &Found) -> Result<()> {
        for table in self.tables.iter_mut().skip(self.kept) {
            let kept = format!("temp.fkfix_orphans_{}", table.place);
            // Columns without a type, which keep every value as it is.
            let own = ["rowid", "reasons"].map(|name| quote(&free_column(&table.table, name)));
            copy.execute_batch(&format!(
                "CREATE TABLE {kept} ({}, {});\nINSERT INTO {kept} {}",
                own.join(", "),
                names_of(&table.table, ""),
                table.source.query(&names_of(&table.table, "w."))
            ))
            .with_context(|| format!("could not keep the orphans of {}", table.table.name))?;
            let [rowid, reasons] = own.map(|name| format!("w.{name}"));
            table.source = Source {
                rowid,
                reasons,
                from: format!("FROM {kept} AS w"),
            };
        }
        self.kept = self.tables.len();
        found.drop_lists(copy)
    }
}
