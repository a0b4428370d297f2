//! Lists rows that were found without SQLite's help.

use anyhow::Result;
use rusqlite::types::Value as Sql;

use super::sought::Told;
use super::{Lists, Sought};
use crate::sqlite::schema::Table;
use crate::sqlite::text::ddl::quote;

impl Lists<'_> {
    /// Lists the rows of `child` that were found to break `keys`, by rowid and marks, as the statements
    /// of [`add`](Self::add) and [`add_in_one_pass`](Self::add_in_one_pass) would; the number of rows
    /// for each. No row of it is listed before.
    pub fn add_found(
        &mut self,
        child: &Table,
        keys: &[Sought],
        rows: &[(i64, i64)],
    ) -> Result<Vec<i64>> {
        let statement = match keys {
            [only] => self.insert_of_one(child, only, true, 0)?,
            several => self.insert_in_one_pass(child, several)?,
        };
        self.statements.push(statement);
        let list = self.list_of(child)?;
        let told = Told::by_marks(keys);
        let tell = format!(
            "SELECT {}, {}, {}, {} FROM (SELECT ?1 AS marks)",
            told.reasons, told.breaks, told.round, told.forgets
        );
        let mut tell = self.connection.prepare(&tell)?;
        let mut insert = self.connection.prepare(&format!(
            "INSERT INTO temp.{} (marks, reasons, breaks, round, forgets, k1) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            quote(&list)
        ))?;
        let mut bound = None;
        for (rowid, marks) in rows {
            if bound != Some(*marks) {
                let told = tell.query_row([marks], |row| {
                    (0..4)
                        .map(|at| row.get(at))
                        .collect::<Result<Vec<Sql>, _>>()
                })?;
                insert.raw_bind_parameter(1, marks)?;
                for (value, at) in told.iter().zip(2..) {
                    insert.raw_bind_parameter(at, value)?;
                }
                bound = Some(*marks);
            }
            insert.raw_bind_parameter(6, rowid)?;
            insert.raw_execute()?;
        }
        drop((tell, insert));
        let mut counts = Vec::new();
        for sought in keys {
            let breaks = rows.iter().filter(|(_, marks)| marks & sought.mark != 0);
            let count = i64::try_from(breaks.count())?;
            self.note_reason(&list, sought, count, true);
            counts.push(count);
        }
        Ok(counts)
    }
}
