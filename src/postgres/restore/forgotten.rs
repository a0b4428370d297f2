//! The way back of rows that stayed and forgot a key: the archive remembers what stood there, and
//! it goes back where nothing else has taken its place since.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::{ToSql, Type};

use crate::failure::Failure;
use crate::model::kept::Cause;
use crate::postgres::catalog::{Table, literal, quoted};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::archive::{Archive, KEPT};
use crate::postgres::orphans::stays::literal_of;
use crate::postgres::schema::rows::source;

/// The condition that the archive's row `a` forgot `column`.
#[must_use]
pub fn forgot(column: &str) -> String {
    format!(
        "pg_catalog.jsonb_exists(a.{KEPT}, {}::pg_catalog.text)",
        literal(column)
    )
}

/// Rows of one archive that forgot keys, and their table.
pub struct Forgotten {
    archive: Archive,
    table: Rc<Table>,
    /// How a row of the archive finds the row of the table that it was.
    same: Key,
    /// The columns that some of them forgot and the table still has.
    columns: Vec<String>,
}

impl Forgotten {
    /// Those of `ids`.
    pub fn of(
        transaction: &mut Transaction,
        archive: &Archive,
        table: &Rc<Table>,
        shown: &str,
        ids: &[i64],
    ) -> Result<Self> {
        let columns = table
            .identity()
            .filter(|it| it.iter().all(|name| archive.has(name)));
        let same = match columns {
            Some(columns) => keys::between(transaction, &archive.table, table, &columns)?,
            None => None,
        };
        let Some(same) = same else {
            return Err(Failure::impossible(format!(
                "{shown} has no PRIMARY KEY any more, by which the rows could be found that forgot a key"
            ))
            .hint("give it the primary key that it had, or keep what they forgot in the archive with --leave-orphans")
            .into());
        };
        let query = format!(
            "SELECT DISTINCT pg_catalog.jsonb_object_keys(a.{KEPT}) FROM {} AS a WHERE {} ORDER BY 1",
            archive.table.name,
            is_one_of("a", 1)
        );
        let mut columns = Vec::new();
        for row in transaction.query_typed(&query, &[(&ids, Type::INT8_ARRAY)])? {
            let name: String = row.try_get(0)?;
            if table.columns.iter().any(|it| it.name == name) {
                columns.push(name);
            }
        }
        Ok(Forgotten {
            archive: archive.clone(),
            table: Rc::clone(table),
            same,
            columns,
        })
    }

    /// Whether some forgot this column.
    #[must_use]
    pub fn sets(&self, column: &str) -> bool {
        self.columns.iter().any(|it| it == column)
    }

    /// FROM and WHERE of the rows `a` of the archive, which are one of parameter 1, with the row `w`
    /// of the table by this JOIN.
    fn from(&self, join: &str) -> String {
        format!(
            "FROM {} AS a {join} {} AS w ON {} WHERE {}",
            self.archive.table.name,
            source(&self.table),
            self.same.joined("a", "w"),
            is_one_of("a", 1)
        )
    }

    /// The rows of the table as they were, with the numbers of the archive.
    #[must_use]
    pub fn as_they_were(&self) -> String {
        let columns = self.table.columns.iter().map(|column| {
            let name = quoted(&column.name);
            if self.sets(&column.name) {
                let forgot = forgot(&column.name);
                format!("CASE WHEN {forgot} THEN a.{name} ELSE w.{name} END AS {name}")
            } else {
                format!("w.{name}")
            }
        });
        format!(
            "SELECT a.fkfix_id, {} {}",
            columns.collect::<Vec<_>>().join(", "),
            self.from("JOIN")
        )
    }

    /// Locks the rows of the table; gives those of `ids` to set back now, and those that are older
    /// of the same row and wait for that.
    pub fn lock(&self, transaction: &mut Transaction, ids: &[i64]) -> Result<(Vec<i64>, Vec<i64>)> {
        let row = if self.table.spread.is_none() {
            let query = format!("SELECT a.fkfix_id {} FOR UPDATE OF w", self.from("JOIN"));
            transaction.query_typed(&query, &[(&ids, Type::INT8_ARRAY)])?;
            "w.tableoid, w.ctid".to_owned()
        } else {
            // Citus locks no rows in several shards at once, and each has such places.
            let table = &self.table.name;
            transaction
                .batch_execute(&format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))?;
            let key = self.same.key.columns.iter();
            let key: Vec<_> = key.map(|it| format!("a.{}", quoted(it))).collect();
            key.join(", ")
        };
        let query = format!(
            "SELECT a.fkfix_id, w.ctid IS NULL OR pg_catalog.row_number() OVER (PARTITION BY {row} ORDER BY a.fkfix_id DESC) OPERATOR(pg_catalog.=) 1 {}",
            self.from("LEFT JOIN")
        );
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for row in transaction.query_typed(&query, &[(&ids, Type::INT8_ARRAY)])? {
            let is_newest: bool = row.try_get(1)?;
            if is_newest { &mut now } else { &mut later }.push(row.try_get(0)?);
        }
        Ok((now, later))
    }

    /// Those of `ids` whose row is gone and not among `coming` rows of the archive, or has something
    /// else since in what it forgot.
    pub fn changed(
        &self,
        transaction: &mut Transaction,
        ids: &[i64],
        coming: &[i64],
    ) -> Result<BTreeMap<i64, Cause>> {
        let changed: Vec<_> = self
            .columns
            .iter()
            .map(|name| {
                let (forgot, quoted_name) = (forgot(name), literal(name));
                let now = literal_of(&format!("w.{}", quoted(name)));
                format!(
                    "CASE WHEN {forgot} AND {now} OPERATOR(pg_catalog.<>) (a.{KEPT} OPERATOR(pg_catalog.->>) {quoted_name}::pg_catalog.text) THEN {quoted_name} END"
                )
            })
            .collect();
        let same = self.same.key.columns.iter().map(|name| {
            let name = quoted(name);
            format!("l.{name}::pg_catalog.text OPERATOR(pg_catalog.=) a.{name}::pg_catalog.text")
        });
        let comes = format!(
            "EXISTS (SELECT FROM {} AS l WHERE {} AND {}{})",
            self.archive.table.name,
            is_one_of("l", 2),
            same.collect::<Vec<_>>().join(" AND "),
            self.table.same_shard("l", "a")
        );
        let query = format!(
            "SELECT a.fkfix_id, w.ctid IS NULL AND NOT {comes}, pg_catalog.array_remove(ARRAY[{}]::pg_catalog.text[], NULL) {}",
            changed.join(", "),
            self.from("LEFT JOIN")
        );
        let mut causes = BTreeMap::new();
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&ids, Type::INT8_ARRAY), (&coming, Type::INT8_ARRAY)];
        for row in transaction.query_typed(&query, &parameters)? {
            let (id, is_gone, changed): (i64, bool, Vec<String>) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            if is_gone {
                causes.insert(id, Cause::RowGone);
            } else if !changed.is_empty() {
                causes.insert(id, Cause::Changed(changed));
            }
        }
        Ok(causes)
    }

    /// The statement that sets back what the rows of parameter 1 forgot, and takes them out of the
    /// archive: how many were taken out, and how many have it again.
    #[must_use]
    pub fn set_back(&self) -> String {
        format!(
            "{} SELECT (SELECT pg_catalog.count(*) FROM gone), (SELECT pg_catalog.count(*) FROM back WHERE is_set)",
            self.setting(&is_one_of("a", 1))
        )
    }

    /// The same of all rows of a migration, for psql: rows that have something else since stay.
    #[must_use]
    pub fn script(&self, version: i64) -> String {
        let holds = self.columns.iter().map(|name| {
            format!(
                "(NOT {} OR {} = (a.{KEPT} ->> {}))",
                forgot(name),
                literal_of(&format!("w.{}", quoted(name))),
                literal(name)
            )
        });
        let which = format!(
            "a.fkfix_version = {version} AND a.{KEPT} IS NOT NULL AND {}",
            holds.collect::<Vec<_>>().join(" AND ")
        );
        format!("{} SELECT count(*) FROM gone", self.setting(&which))
    }

    fn setting(&self, which: &str) -> String {
        let set = self.columns.iter().map(|name| {
            let column = quoted(name);
            format!(
                "{column} = CASE WHEN {} THEN a.{column} ELSE w.{column} END",
                forgot(name)
            )
        });
        let is_set = self.columns.iter().map(|name| {
            let column = quoted(name);
            format!(
                "(NOT {} OR {} OPERATOR(pg_catalog.=) {})",
                forgot(name),
                literal_of(&format!("w.{column}")),
                literal_of(&format!("a.{column}"))
            )
        });
        format!(
            "WITH back AS (UPDATE {} AS w SET {} FROM {} AS a WHERE {which} AND {} RETURNING a.fkfix_id, {} AS is_set),
             gone AS (DELETE FROM {} AS a USING back AS b WHERE a.fkfix_id OPERATOR(pg_catalog.=) b.fkfix_id RETURNING 1)",
            source(&self.table),
            set.collect::<Vec<_>>().join(", "),
            self.archive.table.name,
            self.same.joined("a", "w"),
            is_set.collect::<Vec<_>>().join(" AND "),
            self.archive.table.name
        )
    }
}

/// The condition that the archive's row `alias` is one of the array that is the parameter `number`.
#[must_use]
pub fn is_one_of(alias: &str, number: usize) -> String {
    format!("{alias}.fkfix_id OPERATOR(pg_catalog.=) ANY (${number})")
}
