//! Puts archived rows back. What can't go back is foreseen by its keys; the server judges the rest:
//! what it refuses is tried again in halves, until the row is known that can't go back, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use postgres::Transaction;
use postgres::types::{ToSql, Type};

use super::foresee::foresee;
use super::put_back::Put;
use crate::model::kept::{Cause, Kept};
use crate::outcome::change::{KeptRows, RestoredRows};
use crate::policy::Triggers;
use crate::postgres::catalog::{Name, Table};
use crate::postgres::leave::archive::{self, Archive, KEPT};
use crate::postgres::leave::preflight;
use crate::postgres::leave::triggers::Event;
use crate::postgres::schema::Schema;

/// Which rows of the archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of this migration or a later one: the later ones were reverted before, and what is
    /// left of them had to stay then, because it breaks a key that goes only now.
    Since(i64),
    /// All.
    All,
}

impl Whose {
    /// The condition that the archive's row `a` is one of them.
    #[must_use]
    pub fn condition(self) -> String {
        match self {
            Whose::Since(version) => format!("a.fkfix_version >= {version}"),
            Whose::All => "true".to_owned(),
        }
    }
}

/// What happened to rows of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They left their table.
    Left,
    /// They stayed there, and forgot a key.
    Forgot,
}

/// The rows of one archive that are to go back.
pub struct Return {
    /// The archive.
    pub archive: Archive,
    pub(super) kind: Kind,
    /// The table that they came from, if it is still there.
    pub(crate) table: Option<Rc<Table>>,
    /// The tables that have its rows too: what it is a partition of.
    pub(super) kin: Vec<Name>,
    pub(crate) shown: String,
    pub(super) archive_shown: String,
    /// Rows that may go back, by their number in the archive.
    pub(crate) waiting: Vec<i64>,
    /// Rows that stay for good, and why.
    pub(super) kept: BTreeMap<i64, Cause>,
    /// Rows that are back.
    pub(super) restored: i64,
}

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

pub(super) fn numbers(
    transaction: &mut Transaction,
    query: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<i64>> {
    let rows = transaction.query_typed(query, parameters)?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
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

impl Return {
    /// Whether triggers on the table allow rows to come back.
    pub fn may_come(&self, triggers: Triggers) -> Result<()> {
        match &self.table {
            Some(table) if !self.waiting.is_empty() => {
                preflight::must_fire(table, &self.shown, self.event(), triggers)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn event(&self) -> Event {
        match self.kind {
            Kind::Left => Event::Insert,
            Kind::Forgot => Event::Update,
        }
    }

    /// The table that its rows go back to, as SQL writes it.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        self.table.as_ref().map(|table| table.name.to_string())
    }

    /// The rows that wait, in batches.
    #[must_use]
    pub fn batches(&self, size: usize) -> Vec<Vec<i64>> {
        self.waiting
            .chunks(size.max(1))
            .map(<[i64]>::to_vec)
            .collect()
    }

    /// Notes what became of `ids` by a transaction that is committed, or ends with all the others.
    pub(super) fn done(&mut self, ids: &[i64], put: Put) {
        self.restored += put.rows;
        let ids: BTreeSet<_> = ids.iter().copied().collect();
        self.waiting.retain(|id| !ids.contains(id));
        self.kept.retain(|id, _| !ids.contains(id));
        self.keep(put.kept);
    }

    /// Notes rows that stay in the archive.
    pub(super) fn keep(&mut self, kept: Vec<(i64, Cause)>) {
        let ids: BTreeSet<_> = kept.iter().map(|(id, _)| *id).collect();
        self.waiting.retain(|id| !ids.contains(id));
        self.kept.extend(kept);
    }

    /// Has rows that lack a parent, or their own row, try again: it may have come back meanwhile.
    /// Gives how many.
    pub fn again(&mut self) -> usize {
        let lack: Vec<_> = self
            .kept
            .iter()
            .filter(|(_, cause)| matches!(cause, Cause::BreakKeys(_) | Cause::RowGone))
            .map(|(id, _)| *id)
            .collect();
        for id in &lack {
            self.kept.remove(id);
        }
        self.waiting.extend(&lack);
        lack.len()
    }

    /// How many rows wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many rows are back.
    #[must_use]
    pub fn restored(&self) -> i64 {
        self.restored
    }
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
