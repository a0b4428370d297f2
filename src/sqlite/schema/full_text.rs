//! Full-text indexes that hold no text of their own (FTS3, 4 and 5 with the option `content`):
//! what they know about a row does not go or come with the row
//! (<https://www.sqlite.org/fts5.html#external_content_tables>).

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _};
use sqlite3_parser::dialect::TokenType::TK_EQ;

use crate::failure::Failure;
use crate::sqlite::schema::{self, Table};
use crate::sqlite::text::ddl::{self, literal, quote, quote_list, same_name};

/// The full-text indexes that a table's rows may stand in.
#[derive(Clone, Debug, Default)]
pub struct Indexes {
    /// Those whose content is the table.
    pub own: Vec<Index>,
    /// Those whose content is a view that mentions the table, and that hold all of its rows.
    pub of_views: Vec<String>,
}

/// A full-text index whose content is a table.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// FTS5; otherwise FTS4.
    pub is_fts5: bool,
    /// The column of the content that is the number of a row in the index.
    pub rowid: String,
    columns: Vec<String>,
    /// A query for the numbers of the rows that the index holds.
    pub held: String,
    /// It holds every row of its content and no other, so that it can be built anew.
    pub holds_exactly: bool,
}

impl Indexes {
    /// Those of `table`. One that can't be opened, or that does not tell which rows it holds
    /// where that matters, is an error.
    pub fn of(connection: &Connection, table: &Table) -> Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE 'create virtual table%'",
        )?;
        let mut rows = statement.query([])?;
        let mut indexes = Indexes::default();
        while let Some(row) = rows.next()? {
            let (name, sql): (String, String) = (row.get(0)?, schema::text(row, 1)?.0);
            let Some(content) = content_of(&sql) else {
                continue;
            };
            let is_view = view_mentions(connection, &content, &table.name)?;
            if !is_view && !same_name(&content, &table.name) {
                continue;
            }
            if table.row_key.rowid().is_none() && option_of(&sql, "content_rowid").is_none() {
                // It finds its content by rowid, so it could never read this table.
                continue;
            }
            let mut index = Index::read(connection, name, &sql)?;
            if !is_view {
                index.holds_exactly = index.holds_exactly(connection, &content)?;
                indexes.own.push(index);
            } else if index.holds_exactly(connection, &content)? {
                indexes.of_views.push(index.name);
            } else {
                return Err(Failure::impossible(format!(
                    "the full-text index {} does not hold exactly the rows of the view {content}, so it can't follow the rows of {}",
                    index.name, table.name
                ))
                .hint(again(&index.name))
                .into());
            }
        }
        Ok(indexes)
    }

    /// The same where the rows `a` of an archive come back, which `from` selects: an index that did
    /// not hold one of them, as the column `noted` tells, can't be built anew, even if it holds all
    /// that is left.
    pub fn as_noted(mut self, connection: &Connection, from: &str, noted: &str) -> Result<Self> {
        for index in self.own.iter_mut().filter(|it| it.holds_exactly) {
            let query = format!(
                "SELECT NOT EXISTS (SELECT 1 {from} AND (SELECT value FROM json_each(a.{}) WHERE key = {}) = 0)",
                quote(noted),
                literal(&index.name)
            );
            index.holds_exactly = connection
                .query_row(&query, [], |row| row.get(0))
                .with_context(|| format!("could not read which rows {} held", index.name))?;
        }
        Ok(self)
    }

    /// Whether no index has the table itself for its content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// Those that hold some rows of `table` alone, and know them by one of `changing` or by a column
    /// that is computed: they can't be built anew where such a value changes.
    pub fn knowing_some_rows_by(
        &self,
        table: &Table,
        changing: &[&str],
    ) -> impl Iterator<Item = &Index> {
        let is_generated = |name: &str| table.column(name).is_some_and(|it| it.generated);
        let changes =
            move |name: &str| is_generated(name) || changing.iter().any(|it| same_name(it, name));
        let some = self.own.iter().filter(|index| !index.holds_exactly);
        some.filter(move |index| index.columns.iter().any(|name| changes(name)))
    }

    /// Whether `name` is one of them.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let own = self.own.iter().map(|index| &index.name);
        own.chain(&self.of_views).any(|it| same_name(it, name))
    }

    /// An expression for the indexes and whether they hold the row `w` of the table, as a JSON
    /// object of 0 and 1.
    #[must_use]
    pub fn holding(&self) -> String {
        let each = self.own.iter().map(|index| {
            let name = literal(&index.name);
            format!("{name}, w.{} IN ({})", quote(&index.rowid), index.held)
        });
        format!("json_object({})", each.collect::<Vec<_>>().join(", "))
    }

    /// Those whose content is the table, each with the condition that it holds every row of `table`
    /// and no other, so that it can be built anew.
    #[must_use]
    pub fn whole(&self, table: &str) -> Vec<(&str, String)> {
        let table = quote(table);
        let each = self.own.iter().map(|index| {
            let (rowid, held) = (quote(&index.rowid), &index.held);
            let whole = format!(
                "NOT EXISTS ({held} EXCEPT SELECT {rowid} FROM main.{table}) AND NOT EXISTS (SELECT {rowid} FROM main.{table} EXCEPT {held})"
            );
            (index.name.as_str(), whole)
        });
        each.collect()
    }

    /// The names of those whose content is a view.
    #[must_use]
    pub fn of_views(&self) -> &[String] {
        &self.of_views
    }
}

impl Index {
    fn read(connection: &Connection, name: String, sql: &str) -> Result<Self> {
        let columns = columns(connection, &name).map_err(|error| {
            Failure::impossible(format!(
                "could not open the full-text index {name}: {error}"
            ))
            .hint(format!(
                "it needs something of the application's own, such as a tokenizer: {}",
                again(&name)
            ))
        })?;
        let is_fts5 = module_of(sql) == Some("fts5");
        let docsize = format!("{name}_docsize");
        let tells =
            "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1)";
        let tells: bool = connection.query_row(tells, [&docsize], |row| row.get(0))?;
        if !tells || option_of(sql, "languageid").is_some() {
            return Err(Failure::impossible(format!(
                "the full-text index {name} does not tell which rows it holds, and its content loses or gets rows"
            ))
            .hint(again(&name))
            .into());
        }
        Ok(Index {
            is_fts5,
            rowid: option_of(sql, "content_rowid")
                .filter(|_| is_fts5)
                .unwrap_or_else(|| "rowid".to_owned()),
            columns,
            held: format!(
                "SELECT {} FROM main.{}",
                if is_fts5 { "id" } else { "docid" },
                quote(&docsize)
            ),
            holds_exactly: false,
            name,
        })
    }

    /// Whether it holds one of the rows `w` of `from`, which ends in a condition.
    pub fn holds_one(&self, connection: &Connection, from: &str) -> Result<bool> {
        let query = format!(
            "SELECT EXISTS (SELECT 1 {from} AND w.{} IN ({}))",
            quote(&self.rowid),
            self.held
        );
        connection
            .query_row(&query, [], |row| row.get(0))
            .with_context(|| format!("could not read which rows {} holds", self.name))
    }

    /// Its columns, each with `prefix` before it.
    #[must_use]
    pub fn list(&self, prefix: &str) -> String {
        quote_list(prefix, self.columns.iter().map(String::as_str))
    }

    /// Whether it holds every row of `content`.
    pub fn holds_all(&self, connection: &Connection, content: &str) -> Result<bool> {
        let query = format!(
            "SELECT NOT EXISTS (SELECT 1 FROM main.{} AS w WHERE w.{} NOT IN ({}))",
            quote(content),
            quote(&self.rowid),
            self.held
        );
        connection
            .query_row(&query, [], |row| row.get(0))
            .with_context(|| format!("could not hold {} against {content}", self.name))
    }

    /// Whether it holds every row of `content` and no other.
    fn holds_exactly(&self, connection: &Connection, content: &str) -> Result<bool> {
        let query = format!(
            "SELECT NOT EXISTS ({} EXCEPT SELECT {} FROM main.{})",
            self.held,
            quote(&self.rowid),
            quote(content)
        );
        let no_other: bool = connection
            .query_row(&query, [], |row| row.get(0))
            .with_context(|| format!("could not hold {} against {content}", self.name))?;
        Ok(no_other && self.holds_all(connection, content)?)
    }
}

fn again(index: &str) -> String {
    format!("drop {index}, and create it again afterwards")
}

/// The columns of a full-text index; fails where its tokenizer can't be had, which SQLite looks for
/// only when it needs it.
fn columns(connection: &Connection, index: &str) -> rusqlite::Result<Vec<String>> {
    let name = quote(index);
    let look = format!("SELECT 1 FROM main.{name} WHERE {name} MATCH 'fkfix' LIMIT 1");
    connection.query_row(&look, [], |_| Ok(())).optional()?;
    let mut statement = connection.prepare_cached(
        "SELECT name FROM pragma_table_xinfo WHERE arg = ?1 AND schema = 'main' AND hidden = 0",
    )?;
    statement.query_map([index], |row| row.get(0))?.collect()
}

/// Whether a full-text index that has `column` takes its text from `table`.
pub fn has_column(connection: &Connection, table: &str, column: &str) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT m.sql FROM main.sqlite_schema AS m, pragma_table_xinfo AS x WHERE m.type = 'table' AND m.sql LIKE 'create virtual table%' AND m.sql LIKE '%fts%' AND x.arg = m.name AND x.schema = 'main' AND x.name = ?1 COLLATE NOCASE",
    )?;
    let mut rows = statement.query([column])?;
    while let Some(row) = rows.next()? {
        let content = content_of(&schema::text(row, 0)?.0);
        if content.is_some_and(|content| same_name(&content, table)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The table or view that a full-text index takes its text from, if it does.
fn content_of(create_virtual_table: &str) -> Option<String> {
    module_of(create_virtual_table)?;
    // content='' says that the index keeps no content, not where it is.
    option_of(create_virtual_table, "content").filter(|content| !content.is_empty())
}

/// The module of a full-text index; none where it is not one.
fn module_of(create_virtual_table: &str) -> Option<&'static str> {
    // The arguments of a module may be any text; what cannot be read is not a full-text index.
    let tokens = ddl::tokens(create_virtual_table).unwrap_or_default();
    let modules = ["fts3", "fts4", "fts5"];
    tokens.iter().find_map(|token| {
        let mut modules = modules.into_iter();
        modules.find(|module| same_name(&ddl::unquote(token.text), module))
    })
}

/// The value of an option of a full-text index.
fn option_of(create_virtual_table: &str, option: &str) -> Option<String> {
    let tokens = ddl::tokens(create_virtual_table).unwrap_or_default();
    tokens.windows(3).find_map(|window| match window {
        [name, equals, value] if same_name(name.text, option) && equals.kind == TK_EQ => {
            Some(ddl::unquote(value.text))
        }
        _ => None,
    })
}

fn view_mentions(connection: &Connection, view: &str, table: &str) -> Result<bool> {
    let sql: Option<String> = connection
        .query_row(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'view' AND name = ?1 COLLATE NOCASE",
            [view],
            |row| Ok(schema::text(row, 0)?.0),
        )
        .optional()?;
    let tokens = ddl::tokens(sql.as_deref().unwrap_or_default()).unwrap_or_default();
    Ok(tokens
        .iter()
        .any(|token| same_name(&ddl::unquote(token.text), table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_is_read_in_any_quoting() {
        for (sql, content) in [
            (
                "CREATE VIRTUAL TABLE f USING fts5(t, content='logs', content_rowid=id)",
                Some("logs"),
            ),
            (
                "CREATE VIRTUAL TABLE f USING FTS4(content=\"a b\", t)",
                Some("a b"),
            ),
            ("CREATE VIRTUAL TABLE f USING fts5(t, content='')", None),
            ("CREATE VIRTUAL TABLE f USING fts5(t)", None),
            ("CREATE VIRTUAL TABLE f USING rtree(content=logs)", None),
            ("CREATE VIRTUAL TABLE f USING fts5(t, content='logs", None),
        ] {
            assert_eq!(content_of(sql).as_deref(), content, "{sql}");
        }
    }
}
