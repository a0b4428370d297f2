//! Full-text indexes follow the rows of their content: by steps, since what they know about a row does
//! not go or come with it.

use anyhow::Result;
use rusqlite::Connection;

use crate::sqlite::orphans::lists::{Removal, from_leaving};
use crate::sqlite::rebuild::steps::Step;
use crate::sqlite::text::ddl::{literal, quote};

pub use crate::sqlite::schema::full_text::{Index, Indexes};

impl Indexes {
    /// Steps that take the rows of `removal` out of the indexes that hold them, while they are
    /// still in their table.
    #[must_use]
    pub fn take_out(&self, removal: &Removal) -> Vec<Step> {
        let steps = self.own.iter().filter(|it| !it.holds_exactly).map(|index| {
            let (name, rowid) = (quote(&index.name), quote(&index.rowid));
            let from = from_leaving("w", removal);
            let leaving = format!("{from} WHERE w.{rowid} IN ({})", index.held);
            let sql = if index.is_fts5 {
                // What is not in the index must not be deleted from it, or it is damaged
                // (<https://www.sqlite.org/fts5.html#the_delete_command>).
                format!(
                    "INSERT INTO main.{name} ({name}, rowid, {})\nSELECT 'delete', w.{rowid}, {}\n{leaving}",
                    index.list(""),
                    index.list("w.")
                )
            } else {
                format!("DELETE FROM main.{name} WHERE docid IN (SELECT w.{rowid}\n{leaving})")
            };
            Step::run(format!("take the rows that leave out of the full-text index {}", index.name), sql)
        });
        steps.collect()
    }

    /// Steps that put rows into the indexes which held them before they left: `back` is `FROM`
    /// and `WHERE` of rows `w` of `table` and the rows `a` of its archive, where the archive has
    /// noted in the column `noted` what [`holding`](Self::holding) gave.
    pub fn put_back(
        &self,
        connection: &Connection,
        table: &str,
        back: &str,
        noted: Option<&str>,
    ) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for index in self.own.iter().filter(|it| !it.holds_exactly) {
            let (name, rowid) = (quote(&index.name), quote(&index.rowid));
            let number = if index.is_fts5 { "rowid" } else { "docid" };
            // Of an index that came later nothing is noted: a row belongs into it where every
            // row of the table does.
            let by_default = i32::from(index.holds_all(connection, table)?);
            let held_it = match noted {
                Some(noted) => format!(
                    "ifnull((SELECT value FROM json_each(a.{}) WHERE key = {}), {by_default})",
                    quote(noted),
                    literal(&index.name)
                ),
                None => by_default.to_string(),
            };
            let sql = format!(
                "INSERT INTO main.{name} ({number}, {})\nSELECT x.{rowid}, {} FROM main.{} AS x\nWHERE x.{rowid} IN (SELECT w.{rowid} {back} AND {held_it})\nAND x.{rowid} NOT IN ({})",
                index.list(""),
                index.list("x."),
                quote(table),
                index.held
            );
            let title = format!(
                "put the rows that are back into the full-text index {}",
                index.name
            );
            steps.push(Step::run(title, sql));
        }
        Ok(steps)
    }

    /// Steps that have each index which holds all of its content read that anew.
    #[must_use]
    pub fn refresh(&self) -> Vec<Step> {
        let refresh = |index: &String| {
            Step::run(
                format!("rebuild the full-text index {index}"),
                format!(
                    "INSERT INTO main.{0} ({0}) VALUES ('rebuild')",
                    quote(index)
                ),
            )
        };
        let exact = self.own.iter().filter(|it| it.holds_exactly);
        let exact = exact.map(|it| &it.name);
        exact.chain(&self.of_views).map(refresh).collect()
    }
}
