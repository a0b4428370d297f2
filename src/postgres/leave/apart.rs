//! Rows that move, or forget keys, on Citus. It reads the result of each part of a statement at the
//! coordinator, and later parts see what earlier ones did: so here each is a statement of its own,
//! under locks of the tables. What is archived is written before what is changed.

use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::{ToSql, Type};

use super::archive::{self, Mark};
use super::triggers;
use crate::postgres::catalog::{Table, list};
use crate::postgres::orphans::{Found, Leaving, Search};
use crate::postgres::schema::rows::{self, RowId, source};

/// Whether rows of `found` are spread over servers.
#[must_use]
pub fn is_so(found: &Found) -> bool {
    let mut leave = found.tables.iter().filter(|it| it.leave() > 0);
    leave.any(|it| it.table.spread.is_some())
}

/// Moves the rows that leave, children before their parents.
pub fn delete(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
    mark: &Mark,
) -> Result<()> {
    for leaving in children_first(found) {
        let rows: Vec<_> = leaving.leaving().collect();
        let doing = || format!("could not move rows out of {}", leaving.shown);
        if search.action.keeps() {
            let kept =
                insert(transaction, search, leaving, &rows, mark, None).with_context(doing)?;
            if kept != leaving.leave() {
                return Err(triggers::kept_back(transaction, leaving, kept)?);
            }
        }
        let sql = format!(
            "DELETE FROM {} AS c WHERE {} RETURNING 1",
            source(&leaving.table),
            rows::are(&leaving.table, "c", 1)
        );
        let texts = rows::texts(rows);
        let gone = transaction
            .query_typed(&sql, &[(&texts, Type::TEXT_ARRAY)])
            .with_context(doing)?;
        let gone = number(&gone);
        if gone != leaving.leave() {
            return Err(triggers::kept_back(transaction, leaving, gone)?);
        }
    }
    Ok(())
}

/// Has `rows` forget their keys by the UPDATE `setting`, and the archive remember `kept` of them:
/// how many were set, and how many were archived, or set where there is no archive.
pub fn forget(
    transaction: &mut Transaction,
    search: &Search,
    leaving: &Leaving,
    rows: &[RowId],
    setting: &str,
    kept: Option<&str>,
    mark: &Mark,
) -> std::result::Result<[i64; 2], postgres::Error> {
    let archived = match kept {
        Some(kept) => Some(insert(
            transaction,
            search,
            leaving,
            rows,
            mark,
            Some(kept),
        )?),
        None => None,
    };
    let texts = rows::texts(rows.iter().cloned());
    let mut set = 0;
    for row in transaction.query_typed(setting, &[(&texts, Type::TEXT_ARRAY)])? {
        set += i64::from(row.try_get::<_, bool>(0)?);
    }
    Ok([set, archived.unwrap_or(set)])
}

/// Archives `rows` as they are; `kept` is what is remembered of those that stay. Gives how many.
fn insert(
    transaction: &mut Transaction,
    search: &Search,
    leaving: &Leaving,
    rows: &[RowId],
    mark: &Mark,
    kept: Option<&str>,
) -> std::result::Result<i64, postgres::Error> {
    let whys = rows.iter().filter_map(|row| leaving.rows.get(row));
    let reasons: Vec<_> = whys
        .map(|why| search.names(leaving.table.oid, why))
        .collect();
    let texts = rows::texts(rows.iter().cloned());
    let sql = format!(
        "INSERT INTO {} ({}, {}, {}) SELECT l.reasons, {}, {}, {} FROM {} AS c JOIN {} ON l.place OPERATOR(pg_catalog.=) {} RETURNING 1",
        archive::name_of(&leaving.table.name),
        list(&archive::filled_columns()),
        archive::KEPT,
        archive::columns_of(leaving, ""),
        mark.values(),
        kept.unwrap_or("NULL::pg_catalog.jsonb"),
        archive::columns_of(leaving, "c."),
        source(&leaving.table),
        archive::listed(1),
        rows::place(&leaving.table, "c")
    );
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&texts, Type::TEXT_ARRAY), (&reasons, Type::TEXT_ARRAY)];
    let written = transaction.query_typed(&sql, &parameters)?;
    Ok(number(&written))
}

fn number(rows: &[postgres::Row]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

fn children_first(found: &Found) -> Vec<&Leaving> {
    let mut left: Vec<_> = found.tables.iter().filter(|it| it.leave() > 0).collect();
    let mut sorted = Vec::new();
    while !left.is_empty() {
        let refers = |child: &Rc<Table>, parent: &Rc<Table>| {
            let mut keys = child.foreign_keys.iter();
            child.oid != parent.oid && keys.any(|key| key.parent == parent.name)
        };
        let is_free = |it: &&Leaving| !left.iter().any(|other| refers(&other.table, &it.table));
        let next = left.iter().position(is_free).unwrap_or(0);
        sorted.push(left.remove(next));
    }
    sorted
}
