//! What a table demands of its rows beside its keys.

use anyhow::Result;
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType::TK_CHECK;

use crate::sqlite::schema::{RowKey, Table};
use crate::sqlite::text::ddl;

/// A column list that a table keeps unique, each with the collation by which it is compared.
pub type UniqueKey = Vec<(String, String)>;

/// What a table demands of its rows.
#[derive(Debug, Default)]
pub struct Demands {
    /// The columns that an index keeps unique as a whole, and the rowid's alias.
    pub unique: Vec<UniqueKey>,
    /// What depends on more than the value of a column: a CHECK, a unique index over an
    /// expression or some rows, a generated column.
    unforeseen: Option<&'static str>,
}

impl Demands {
    /// Reads what `table` demands.
    pub fn read(connection: &Connection, table: &Table) -> Result<Self> {
        let mut demands = Demands::default();
        if let RowKey::Alias(name) = &table.row_key {
            demands
                .unique
                .push(vec![(name.clone(), "BINARY".to_owned())]);
        }
        let mut statement = connection.prepare_cached(
            "SELECT i.seq, x.name, x.coll, i.partial FROM pragma_index_list AS i, pragma_index_xinfo AS x
             WHERE i.arg = ?1 AND i.schema = 'main' AND i.\"unique\"
               AND x.arg = i.name AND x.schema = 'main' AND x.\"key\"
             ORDER BY i.seq, x.seqno",
        )?;
        let mut rows = statement.query([&table.name])?;
        let mut indexes: Vec<(i64, Option<UniqueKey>)> = Vec::new();
        while let Some(row) = rows.next()? {
            let (index, column, partial): (i64, Option<String>, bool) =
                (row.get(0)?, row.get(1)?, row.get(3)?);
            if indexes.last().is_none_or(|(last, _)| *last != index) {
                indexes.push((index, Some(Vec::new())));
            }
            let Some((_, key)) = indexes.last_mut() else {
                continue;
            };
            match column {
                Some(column) if !partial => {
                    let collation = row.get(2)?;
                    if let Some(key) = key {
                        key.push((column, collation));
                    }
                }
                _ => *key = None,
            }
        }
        if indexes.iter().any(|(_, key)| key.is_none()) {
            demands.unforeseen = Some("a unique index over an expression or over some of the rows");
        }
        if table.columns.iter().any(|column| column.generated) {
            demands.unforeseen = Some("a generated column");
        }
        if ddl::tokens(&table.sql)?
            .iter()
            .any(|it| it.kind == TK_CHECK)
        {
            demands.unforeseen = Some("a CHECK");
        }
        demands
            .unique
            .extend(indexes.into_iter().filter_map(|(_, key)| key));
        Ok(demands)
    }

    /// What no trigger can look at beforehand.
    pub fn unforeseen(&self) -> Option<&'static str> {
        self.unforeseen
    }
}
