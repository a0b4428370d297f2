//! Rows that forgot a key in an earlier batch of the same run, and lose another one, or leave, in
//! this one. Each is one row, for the report and for the archive.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::Type;

use super::archive::{self, KEPT, Mark};
use super::tally::Tally;
use crate::postgres::catalog::{literal, quoted};
use crate::postgres::orphans::{Found, Leaving, Search, Why, stays};
use crate::postgres::schema::rows::{self, RowId, source};

/// The rows of a run that have stayed so far, by what their keys hash to; only of tables that a
/// second batch may come back to.
#[derive(Debug, Default)]
pub struct Met {
    /// What they were found for, by table.
    known: BTreeMap<u32, BTreeMap<i64, Vec<Why>>>,
    /// The rows of the batch under way.
    now: Vec<(u32, i64, Why)>,
}

impl Met {
    /// Marks those rows of `found` that have forgotten a key before.
    pub fn look(
        &mut self,
        transaction: &mut Transaction,
        search: &Search,
        found: &mut Found,
    ) -> Result<()> {
        self.now.clear();
        for leaving in &mut found.tables {
            let table = Rc::clone(&leaving.table);
            let Some(key) = table.identity().filter(|_| search.may_come_back_to(&table)) else {
                continue;
            };
            let query = format!(
                "SELECT {}, {} FROM {} AS c WHERE {}",
                rows::place(&table, "c"),
                hash(&key, "c"),
                source(&table),
                rows::are(&table, "c", 1)
            );
            let texts = rows::texts(leaving.rows.keys().cloned());
            for row in transaction.query_typed(&query, &[(&texts, Type::TEXT_ARRAY)])? {
                let place: RowId = row.try_get::<_, &str>(0)?.parse()?;
                let hash = row.try_get(1)?;
                if let Some(why) = leaving.rows.get_mut(&place) {
                    let known = self.known.get(&table.oid);
                    why.again = known.is_some_and(|it| it.contains_key(&hash));
                    self.now.push((table.oid, hash, *why));
                }
            }
        }
        Ok(())
    }

    /// Makes one entry of the archive of two that are about the same row, where the application has
    /// not changed since what the first one forgot.
    pub fn fold(
        &self,
        transaction: &mut Transaction,
        search: &Search,
        found: &Found,
        mark: &Mark,
    ) -> Result<()> {
        // Citus takes no such statement; there they come back in turn.
        let tables = found.tables.iter().filter(|it| it.table.spread.is_none());
        for leaving in tables {
            let oid = leaving.table.oid;
            let now = self.now.iter();
            let again = now.filter(|(table, _, why)| *table == oid && why.again);
            let hashes: Vec<i64> = again.map(|(_, hash, _)| *hash).collect();
            let Some(key) = leaving.table.identity().filter(|_| !hashes.is_empty()) else {
                continue;
            };
            let sql = folding(search, leaving, &key, mark);
            let doing = || format!("could not fold the archive of {}", leaving.shown);
            transaction
                .query_typed(&sql, &[(&hashes, Type::INT8_ARRAY)])
                .with_context(doing)?;
        }
        Ok(())
    }

    /// Notes the batch as done: rows that left since are not among those that stayed any more.
    pub fn done(&mut self, search: &Search, found: &Found, tally: &mut Tally) {
        let mut gone: BTreeMap<u32, Vec<Vec<Why>>> = BTreeMap::new();
        for (table, hash, why) in std::mem::take(&mut self.now) {
            let known = self.known.entry(table).or_default();
            if !why.leaves {
                known.entry(hash).or_default().push(why);
            } else if let Some(whys) = known.remove(&hash) {
                gone.entry(table).or_default().push(whys);
            }
        }
        for leaving in &found.tables {
            if let Some(rows) = gone.get(&leaving.table.oid) {
                tally.take_back(search, leaving, rows);
            }
        }
    }
}

/// The key of the row `alias`, as text.
fn text(key: &[String], alias: &str) -> String {
    let values = key.iter().map(|name| {
        let value = format!("{alias}.{}::pg_catalog.text", quoted(name));
        format!("pg_catalog.quote_literal({value})")
    });
    let values = values.collect::<Vec<_>>().join(", ");
    format!("(pg_catalog.concat_ws(',', {values}) COLLATE pg_catalog.\"C\")")
}

fn hash(key: &[String], alias: &str) -> String {
    format!("pg_catalog.hashtextextended({}, 0)", text(key, alias))
}

/// The statement that adds to the newest entry of a row what the one before it remembers. The
/// hashes of the rows are parameter 1.
fn folding(search: &Search, leaving: &Leaving, key: &[String], mark: &Mark) -> String {
    let archive = archive::name_of(&leaving.table.name);
    let columns = search.forgettable(leaving.table.oid);
    let forgot = |name: &str| format!("pg_catalog.jsonb_exists(o.{KEPT}, {})", literal(name));
    let set = columns.iter().map(|name| {
        let (column, forgot) = (quoted(name), forgot(name));
        format!("{column} = CASE WHEN {forgot} THEN o.{column} ELSE n.{column} END")
    });
    let as_it_was_left = columns.iter().map(|name| {
        format!(
            "(NOT {} OR {} OPERATOR(pg_catalog.=) (o.{KEPT} OPERATOR(pg_catalog.->>) {}::pg_catalog.text))",
            forgot(name),
            stays::literal_of(&format!("n.{}", quoted(name))),
            literal(name)
        )
    });
    format!(
        "WITH pairs AS (
             SELECT ids[1] AS newer, ids[2] AS older FROM (
                 SELECT pg_catalog.array_agg(a.fkfix_id ORDER BY a.fkfix_id DESC) AS ids FROM {archive} AS a
                 WHERE {} AND {} OPERATOR(pg_catalog.=) ANY ($1)
                 GROUP BY {}) AS of_a_row),
         folded AS (
             UPDATE {archive} AS n SET {},
                 {KEPT} = o.{KEPT} OPERATOR(pg_catalog.||) n.{KEPT},
                 fkfix_constraints = CASE WHEN o.fkfix_constraints OPERATOR(pg_catalog.=) n.fkfix_constraints
                     THEN n.fkfix_constraints ELSE pg_catalog.concat(o.fkfix_constraints, ', ', n.fkfix_constraints) END
             FROM pairs AS p, {archive} AS o
             WHERE n.fkfix_id OPERATOR(pg_catalog.=) p.newer AND o.fkfix_id OPERATOR(pg_catalog.=) p.older
                 AND o.{KEPT} IS NOT NULL AND {}
             RETURNING o.fkfix_id AS older)
         DELETE FROM {archive} AS o USING folded AS f WHERE o.fkfix_id OPERATOR(pg_catalog.=) f.older",
        mark.condition("a"),
        hash(key, "a"),
        text(key, "a"),
        set.collect::<Vec<_>>().join(", "),
        as_it_was_left.collect::<Vec<_>>().join(" AND ")
    )
}
