//! Full-text indexes that hold no text of their own (FTS3, 4 and 5 with the option `content`):
//! what they know about a row does not go or come with the row
//! (<https://www.sqlite.org/fts5.html#external_content_tables>).

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _};
use sqlite3_parser::dialect::TokenType::TK_EQ;

use super::ddl::{self, quote, same_name};
use super::schema::{self, Table};
use super::steps::Step;

/// Has each index whose content is `table`, or a view that mentions it, read that anew.
pub fn refresh(connection: &Connection, table: &Table) -> Result<Vec<Step>> {
    if table.row_key.rowid().is_none() {
        // An index finds its content by rowid, so none could ever read this table.
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE 'create virtual table%'",
    )?;
    let mut rows = statement.query([])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let (index, sql): (String, String) = (row.get(0)?, schema::text(row, 1)?.0);
        // content='' says that the index keeps no content, not where it is.
        let Some(content) = content_of(&sql).filter(|content| !content.is_empty()) else {
            continue;
        };
        if same_name(&content, &table.name) || view_mentions(connection, &content, &table.name)? {
            steps.push(Step::run(
                format!("rebuild the full-text index {index}"),
                format!(
                    "INSERT INTO main.{0} ({0}) VALUES ('rebuild')",
                    quote(&index)
                ),
            ));
        }
    }
    Ok(steps)
}

/// The table or view that a full-text index takes its text from, if it does.
fn content_of(create_virtual_table: &str) -> Option<String> {
    // The arguments of a module may be any text; what cannot be read is not a full-text index.
    let tokens = ddl::tokens(create_virtual_table).unwrap_or_default();
    let modules = ["fts3", "fts4", "fts5"];
    tokens
        .iter()
        .find(|token| modules.iter().any(|module| same_name(token.text, module)))?;
    tokens
        .windows(3)
        .find_map(|option| match option {
            [name, equals, value] if same_name(name.text, "content") && equals.kind == TK_EQ => {
                Some(ddl::unquote(value.text))
            }
            _ => None,
        })
        // content='' says that the index keeps no content, not where it is.
        .filter(|content| !content.is_empty())
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
