//! What has left and what has forgotten keys, for the report.

use std::collections::BTreeMap;

use crate::outcome::change::{ByKey, ForgottenKeys, RemovedRows};
use crate::policy::OrphanAction;
use crate::postgres::orphans::{Found, Leaving, Reason, Search, Why};

/// What has left and what has forgotten keys so far, for the report.
#[derive(Debug, Default)]
pub struct Tally(Vec<Gone>);

#[derive(Debug)]
struct Gone {
    table: String,
    archive: String,
    /// Rows that left …
    rows: i64,
    break_several: i64,
    reasons: BTreeMap<usize, ByKey>,
    /// … and rows that stayed and forgot keys.
    kept: i64,
    /// How often which keys together were forgotten, by the bits of their links.
    marks: BTreeMap<u64, usize>,
    columns: Vec<String>,
    to_default: bool,
    kept_reasons: BTreeMap<usize, ByKey>,
}

impl Tally {
    /// Adds what becomes of `found`.
    pub fn add(&mut self, search: &Search, found: &Found) {
        for leaving in &found.tables {
            let place = self.0.iter().position(|it| it.table == leaving.shown);
            let place = place.unwrap_or_else(|| {
                self.0.push(Gone {
                    table: leaving.shown.clone(),
                    archive: format!("{}_orphans", leaving.shown),
                    rows: 0,
                    break_several: 0,
                    reasons: BTreeMap::new(),
                    kept: 0,
                    marks: BTreeMap::new(),
                    columns: Vec::new(),
                    to_default: false,
                    kept_reasons: BTreeMap::new(),
                });
                self.0.len() - 1
            });
            let Some(gone) = self.0.get_mut(place) else {
                continue;
            };
            gone.rows += leaving.leave();
            gone.break_several += leaving.leave_for_several();
            add_reasons(&mut gone.reasons, search.reasons(found, leaving));
            gone.kept += leaving.forget_first();
            add_reasons(&mut gone.kept_reasons, search.kept_reasons(leaving));
            for (marks, rows) in leaving.staying() {
                *gone.marks.entry(marks).or_default() += rows.len();
            }
            gone.name_columns(search, leaving);
        }
    }

    /// Takes out rows of the table of `leaving` that had stayed, and have left since. What each was
    /// found for, while it stayed, are `rows`.
    pub(super) fn take_back(&mut self, search: &Search, leaving: &Leaving, rows: &[Vec<Why>]) {
        let mut gone = self.0.iter_mut();
        let Some(gone) = gone.find(|it| it.table == leaving.shown) else {
            return;
        };
        gone.kept -= i64::try_from(rows.len()).unwrap_or(i64::MAX);
        for why in rows.iter().flatten() {
            if let Some(number) = gone.marks.get_mut(&why.forgets) {
                *number = number.saturating_sub(1);
            }
            for reason in search.kept_reasons(&leaving.of_one(*why)) {
                if let Some(by_key) = gone.kept_reasons.get_mut(&reason.rank) {
                    by_key.rows -= reason.rows;
                }
            }
        }
        gone.marks.retain(|_, number| *number > 0);
        gone.kept_reasons.retain(|_, by_key| by_key.rows > 0);
        gone.name_columns(search, leaving);
    }

    /// How many rows left `table`, by the name that people call it.
    #[must_use]
    pub fn of(&self, table: &str) -> i64 {
        self.0
            .iter()
            .filter(|it| it.table == table)
            .map(|it| it.rows)
            .sum()
    }

    /// The rows that left.
    #[must_use]
    pub fn removed(&self, policy: OrphanAction) -> Vec<RemovedRows> {
        let gone = self.0.iter().filter(|it| it.rows > 0);
        gone.map(|gone| RemovedRows {
            table: gone.table.clone(),
            rows: gone.rows,
            break_several: gone.break_several,
            archive: gone.archive(policy),
            by_key: gone.reasons.values().map(again).collect(),
        })
        .collect()
    }

    /// The rows that stayed and forgot keys.
    #[must_use]
    pub fn set_null(&self, policy: OrphanAction) -> Vec<ForgottenKeys> {
        let kept = self.0.iter().filter(|it| it.kept > 0);
        kept.map(|gone| ForgottenKeys {
            table: gone.table.clone(),
            rows: gone.kept,
            archive: gone.archive(policy),
            columns: gone.columns.clone(),
            to_default: gone.to_default,
            by_key: gone.kept_reasons.values().map(again).collect(),
        })
        .collect()
    }
}

impl Gone {
    /// Names the columns that were set.
    fn name_columns(&mut self, search: &Search, leaving: &Leaving) {
        let oid = leaving.table.oid;
        let mut sets = self.marks.keys().map(|marks| search.assigned(oid, *marks));
        self.to_default = sets.any(|set| set.iter().any(|it| it.default.is_some()));
        let all = self.marks.keys().fold(0, |all, marks| all | marks);
        let set = search.assigned(oid, all).into_iter();
        self.columns = set.map(|it| it.column).collect();
    }

    fn archive(&self, policy: OrphanAction) -> Option<String> {
        let keeps = policy.keeps() && policy != OrphanAction::Refuse;
        keeps.then(|| self.archive.clone())
    }
}

fn add_reasons(known: &mut BTreeMap<usize, ByKey>, reasons: Vec<Reason>) {
    for reason in reasons {
        let by_key = known.entry(reason.rank).or_insert_with(|| ByKey {
            key: reason.label,
            rows: 0,
            orphans: reason.orphans,
            because: None,
        });
        by_key.rows += reason.rows;
        by_key.because = by_key.because.take().or(reason.because);
    }
}

fn again(by_key: &ByKey) -> ByKey {
    ByKey {
        key: by_key.key.clone(),
        because: by_key.because.clone(),
        ..*by_key
    }
}
