//! The rows of an archive that wait to go back, and what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::{ToSql, Type};

use crate::model::kept::Cause;
use crate::policy::Triggers;
use crate::postgres::catalog::{Name, Table};
use crate::postgres::leave::archive::Archive;
use crate::postgres::leave::preflight;
use crate::postgres::leave::triggers::Event;

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

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Put {
    /// How many rows are back.
    pub rows: i64,
    /// Those that stay, and why.
    pub kept: Vec<(i64, Cause)>,
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

pub(super) fn numbers(
    transaction: &mut Transaction,
    query: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<i64>> {
    let rows = transaction.query_typed(query, parameters)?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
