//! Puts archived rows back. What can't go back is foreseen by its keys; the server judges the rest:
//! what it refuses is tried again in halves, until the row is known that can't go back, and why.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::foresee::foresee;
use super::waiting::{Kind, Return, Whose, numbers};
use crate::model::kept::Kept;
use crate::outcome::change::{KeptRows, RestoredRows};
use crate::postgres::catalog::Name;
use crate::postgres::leave::archive::{self, KEPT};
use crate::postgres::schema::Schema;

/// What is to go back, parents before their children; with what keeps some of it from that, as far
/// as it can be seen. `only` this table, where it is given; keys of `without` are about to go.
pub fn returns(
    transaction: &mut Transaction,
    schema: &Schema,
    whose: Whose,
    only: Option<&Name>,
    without: &[(u32, String)],
) -> Result<Vec<Return>> {
    let mut returns = Vec::new();
    for archive in archive::all(schema) {
        if only.is_some_and(|only| *only != archive.of) {
            continue;
        }
        for kind in [Kind::Left, Kind::Forgot] {
            let is_kind = match (archive.has_kept, kind) {
                (true, Kind::Left) => format!("a.{KEPT} IS NULL"),
                (true, Kind::Forgot) => format!("a.{KEPT} IS NOT NULL"),
                (false, Kind::Left) => "true".to_owned(),
                (false, Kind::Forgot) => continue,
            };
            let query = format!(
                "SELECT a.fkfix_id FROM {} AS a WHERE {} AND {is_kind} ORDER BY a.fkfix_id",
                archive.table.name,
                whose.condition()
            );
            let waiting = numbers(transaction, &query, &[])?;
            if waiting.is_empty() {
                continue;
            }
            let table = schema.get(&archive.of).cloned();
            let kin = table.iter().flat_map(|it| schema.kin(it));
            let mut back = Return {
                kin: kin.map(|it| it.name.clone()).collect(),
                table,
                shown: schema.shown(&archive.of),
                archive_shown: schema.shown(&archive.table.name),
                archive: archive.clone(),
                kind,
                waiting,
                kept: BTreeMap::new(),
                restored: 0,
            };
            back.sort_out(transaction)?;
            returns.push(back);
        }
    }
    let mut returns = parents_first(returns);
    foresee(transaction, schema, &mut returns, without)?;
    Ok(returns)
}

/// Those that left before those that forgot, and of these parents before their children: a row
/// that comes before its parent would have to be tried again.
fn parents_first(mut returns: Vec<Return>) -> Vec<Return> {
    let mut sorted: Vec<Return> = Vec::new();
    while !returns.is_empty() {
        let waits = |it: &Return| {
            let parents = it.table.iter().flat_map(|table| &table.foreign_keys);
            let mut parents = parents.map(|key| &key.parent);
            let is_left = it.kind == Kind::Left;
            let is_waited_for = |name: &Name| {
                let mut others = returns.iter();
                *name != it.archive.of
                    && others.any(|other| other.kind == Kind::Left && other.archive.of == *name)
            };
            let left_wait = returns.iter().any(|other| other.kind == Kind::Left);
            if is_left {
                parents.any(is_waited_for)
            } else {
                left_wait
            }
        };
        let next = returns.iter().position(|it| !waits(it)).unwrap_or(0);
        sorted.push(returns.remove(next));
    }
    sorted
}

/// The reports of `returns`, one an archive; where it is only `planned`, as if all that waits came
/// back.
#[must_use]
pub fn reports(returns: &[Return], planned: bool) -> Vec<RestoredRows> {
    let mut archives: BTreeMap<&str, (&str, i64, BTreeMap<String, Kept>)> = BTreeMap::new();
    for back in returns {
        let of_archive = archives.entry(&back.archive_shown);
        let (_, rows, kept) = of_archive.or_insert((&back.shown, 0, BTreeMap::new()));
        *rows += if planned {
            i64::try_from(back.waiting.len()).unwrap_or(i64::MAX)
        } else {
            back.restored
        };
        for cause in back.kept.values() {
            let same = kept.entry(format!("{cause:?}")).or_insert_with(|| Kept {
                rows: 0,
                cause: cause.clone(),
            });
            same.rows += 1;
        }
    }
    let reports = archives
        .into_iter()
        .map(|(archive, (table, rows, kept))| RestoredRows {
            table: table.to_owned(),
            archive: archive.to_owned(),
            rows,
            there_already: 0,
            kept: kept.values().map(|it| it.rows).sum(),
            kept_because: kept.values().map(|it| KeptRows::new(it, table)).collect(),
        });
    reports.collect()
}

/// Takes away the archives that are empty: also those that a run which was killed had emptied.
pub fn drop_empty(transaction: &mut Transaction, schema: &Schema) -> Result<()> {
    for archive in archive::all(schema) {
        let name = &archive.table.name;
        let left = transaction.query_typed(&format!("SELECT FROM {name} LIMIT 1"), &[])?;
        if left.is_empty() {
            schema
                .run_all(transaction, &[format!("DROP TABLE {name}")])
                .with_context(|| format!("could not drop {}", schema.shown(name)))?;
        }
    }
    Ok(())
}
