//! Where the rows of a table lie on Citus, which spreads them over servers
//! (<https://docs.citusdata.com/en/stable/develop/api_metadata.html>).

use anyhow::Result;
use postgres::Transaction;

use super::name::quoted;
use super::table::{Placement, Spread, Table};

/// A column serves where its text is the same everywhere: types whose functions are only STABLE
/// can't stand in a DELETE of Citus.
const SPREAD: &str = "
    SELECT p.logicalrelid::oid, p.partmethod::text, p.repmodel::text, p.colocationid::int8,
           CASE WHEN p.partmethod = 'h' THEN column_to_column_name(p.logicalrelid, p.partkey) END,
           ARRAY(SELECT a.attname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                 JOIN pg_proc i ON i.oid = t.typinput JOIN pg_proc o ON o.oid = t.typoutput
                 WHERE a.attrelid = p.logicalrelid AND a.attnum > 0 AND NOT a.attisdropped
                   AND i.provolatile = 'i' AND o.provolatile = 'i'
                   AND t.typtype = 'b' AND t.typnamespace = 'pg_catalog'::regnamespace)
    FROM pg_dist_partition p";

/// Notes it in `tables`, where the server has Citus.
pub fn note(transaction: &mut Transaction, tables: &mut [Table]) -> Result<()> {
    let is_there = transaction.query_typed_one(
        "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL",
        &[],
    )?;
    if !is_there.try_get::<_, bool>(0)? {
        return Ok(());
    }
    for row in transaction.query_typed(SPREAD, &[])? {
        let oid: u32 = row.try_get(0)?;
        let Some(table) = tables.iter_mut().find(|it| it.oid == oid) else {
            continue;
        };
        let (method, model): (String, String) = (row.try_get(1)?, row.try_get(2)?);
        let colocation: i64 = row.try_get(3)?;
        let column: Option<String> = row.try_get(4)?;
        let placement = match (method.as_str(), model.as_str(), column) {
            ("h", _, Some(column)) => Placement::Distributed { column, colocation },
            ("n", "t", _) => Placement::Reference,
            ("n", "s", _) if colocation == 0 => Placement::Local,
            _ => Placement::Other,
        };
        let serve: Vec<String> = row.try_get(5)?;
        let key = table
            .identity()
            .filter(|it| it.iter().all(|name| serve.contains(name)));
        table.spread = Some(Spread { placement, key });
    }
    Ok(())
}

impl Table {
    /// The distribution column, where it has one.
    #[must_use]
    pub fn distribution_column(&self) -> Option<&str> {
        match self.spread.as_ref().map(|it| &it.placement) {
            Some(Placement::Distributed { column, .. }) => Some(column),
            _ => None,
        }
    }

    /// The condition that rows `one` and `other` of tables that lie side by side, this and its
    /// archive, lie in the same shard: Citus joins only such.
    #[must_use]
    pub fn same_shard(&self, one: &str, other: &str) -> String {
        self.distribution_column().map_or(String::new(), |column| {
            let column = quoted(column);
            format!(" AND {one}.{column} OPERATOR(pg_catalog.=) {other}.{column}")
        })
    }
}
