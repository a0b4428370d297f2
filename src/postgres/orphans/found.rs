//! Rows that leave their tables or forget keys, and why each of them does.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::model::key;
use crate::postgres::catalog::Table;
use crate::postgres::schema::rows::RowId;

/// Why a row is found, and what becomes of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Why {
    /// The keys that it breaks, of those asked for: the bits of their links.
    pub breaks: u64,
    /// Those that it breaks as a row of another table, which has it too: the bits of their places
    /// among those asked for.
    pub also: u64,
    /// The link by which it hangs on a row that leaves.
    pub(super) along: Option<usize>,
    /// It leaves.
    pub leaves: bool,
    /// The keys that it forgets, where it does not leave: the bits of their links.
    pub forgets: u64,
    /// It has forgotten a key in an earlier batch of the run.
    pub again: bool,
}

impl Why {
    /// Whether it breaks more than one key.
    fn breaks_several(&self) -> bool {
        self.breaks.count_ones() + self.also.count_ones() > 1
    }

    /// Whether it breaks the key at `place` of those asked for as a row of another table.
    #[must_use]
    pub fn breaks_elsewhere(&self, place: usize) -> bool {
        self.also & elsewhere(place) != 0
    }
}

/// The bit of the key at `place`; those behind the first 64 are not told.
pub(super) fn elsewhere(place: usize) -> u64 {
    u32::try_from(place).map_or(0, |it| 1_u64.checked_shl(it).unwrap_or(0))
}

/// Rows of a table that leave, or forget keys.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// The table.
    pub table: Rc<Table>,
    /// What people call it.
    pub shown: String,
    /// The rows, and why each is found.
    pub rows: BTreeMap<RowId, Why>,
}

/// Rows that leave or forget keys, by table in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The tables.
    pub tables: Vec<Leaving>,
    /// Why rows leave all the same that the link would keep.
    pub(super) whys: BTreeMap<usize, &'static str>,
}

/// Rows that refer to a row that would leave, by a key that does not let it go.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The key.
    pub key: key::ForeignKey,
    /// What people call it.
    pub label: String,
    /// How many rows refer so.
    pub rows: i64,
}

/// Rows of a table that have the same reason.
#[derive(Clone, Debug)]
pub struct Reason {
    /// Its place among all that there may be.
    pub rank: usize,
    /// What people call the key.
    pub label: String,
    /// How many rows.
    pub rows: i64,
    /// They break it; otherwise they refer by it to rows that leave.
    pub orphans: bool,
    /// Why they leave, where the key does not say so.
    pub because: Option<String>,
}

impl Found {
    /// One row, which leaves.
    #[must_use]
    pub fn one(table: &Rc<Table>, shown: &str, row: &RowId) -> Self {
        let mut found = Found::default();
        let leaves = Why {
            leaves: true,
            ..Why::default()
        };
        found.add(table, shown, row, leaves);
        found
    }

    /// The rows of the table with this number.
    #[must_use]
    pub fn of(&self, oid: u32) -> Option<&Leaving> {
        self.tables.iter().find(|it| it.table.oid == oid)
    }

    /// Whether rows of other tables break the key at `place` of those asked for, as rows of its child.
    #[must_use]
    pub fn is_broken_elsewhere(&self, place: usize) -> bool {
        let mut whys = self.tables.iter().flat_map(|it| it.rows.values());
        whys.any(|why| why.breaks_elsewhere(place))
    }

    /// Notes a row; whether it leaves since now.
    pub(super) fn add(&mut self, table: &Rc<Table>, shown: &str, row: &RowId, why: Why) -> bool {
        let place = self.tables.iter().position(|it| it.table.oid == table.oid);
        let place = place.unwrap_or_else(|| {
            self.tables.push(Leaving {
                table: Rc::clone(table),
                shown: shown.to_owned(),
                rows: BTreeMap::new(),
            });
            self.tables.len() - 1
        });
        let Some(leaving) = self.tables.get_mut(place) else {
            return false;
        };
        let known = leaving.rows.entry(row.clone()).or_default();
        let leaves_now = why.leaves && !known.leaves;
        known.breaks |= why.breaks;
        known.also |= why.also;
        known.forgets |= why.forgets;
        known.leaves |= why.leaves;
        if leaves_now {
            known.along = why.along;
        }
        leaves_now
    }

    /// Why rows leave all the same that their key would keep, where that was found by looking at
    /// them.
    #[must_use]
    pub fn demoted(&self) -> Option<&'static str> {
        self.whys.values().next().copied()
    }

    pub(super) fn has(&self, oid: u32, row: &RowId) -> bool {
        self.of(oid).is_some_and(|it| it.rows.contains_key(row))
    }

    /// The rows in batches of `size`: those that leave before those that stay, and parents before
    /// their children, so that a row which hangs on others and is an orphan too is met once.
    #[must_use]
    pub fn batches(&self, size: usize) -> Vec<(Rc<Table>, Vec<RowId>)> {
        let mut tables: Vec<&Leaving> = self.tables.iter().collect();
        let mut batches = Vec::new();
        while !tables.is_empty() {
            let waits = |it: &&Leaving| {
                let parents = it.table.foreign_keys.iter().map(|key| &key.parent);
                let mut parents = parents.filter(|name| **name != it.table.name);
                let mut others = tables.iter();
                parents
                    .any(|name| others.any(|other| other.table.name == *name && other.leave() > 0))
                    || (it.leave() == 0 && tables.iter().any(|other| other.leave() > 0))
            };
            let next = tables.iter().position(|it| !waits(it)).unwrap_or(0);
            let leaving = tables.remove(next);
            let stay = leaving.staying().into_values().flatten();
            let rows: Vec<_> = leaving.leaving().chain(stay).collect();
            let table = || Rc::clone(&leaving.table);
            let some = rows.chunks(size.max(1));
            batches.extend(some.map(|rows| (table(), rows.to_vec())));
        }
        batches
    }

    pub(super) fn leaving(&self) -> Vec<(u32, Vec<RowId>)> {
        let tables = self.tables.iter();
        tables
            .map(|it| (it.table.oid, it.leaving().collect()))
            .collect()
    }
}

impl Leaving {
    /// The rows that leave.
    pub fn leaving(&self) -> impl Iterator<Item = RowId> {
        let rows = self.rows.iter().filter(|(_, why)| why.leaves);
        rows.map(|(row, _)| row.clone())
    }

    /// The rows that stay and forget keys, by the keys that they forget.
    #[must_use]
    pub fn staying(&self) -> BTreeMap<u64, Vec<RowId>> {
        let mut groups: BTreeMap<u64, Vec<RowId>> = BTreeMap::new();
        for (row, why) in self.rows.iter().filter(|(_, why)| !why.leaves) {
            groups.entry(why.forgets).or_default().push(row.clone());
        }
        groups
    }

    pub(super) fn number(&self, which: impl Fn(&Why) -> bool) -> i64 {
        let number = self.rows.values().filter(|why| which(why)).count();
        i64::try_from(number).unwrap_or(i64::MAX)
    }

    /// How many rows.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.number(|_| true)
    }

    /// How many rows leave.
    #[must_use]
    pub fn leave(&self) -> i64 {
        self.number(|why| why.leaves)
    }

    /// How many rows stay and forget keys.
    #[must_use]
    pub fn forget(&self) -> i64 {
        self.number(|why| !why.leaves)
    }

    /// How many of these do so for the first time in the run.
    #[must_use]
    pub fn forget_first(&self) -> i64 {
        self.number(|why| !why.leaves && !why.again)
    }

    /// How many rows are here for the first time in the run.
    #[must_use]
    pub fn count_first(&self) -> i64 {
        self.number(|why| !why.again)
    }

    /// One row of the same table, found for `why`.
    #[must_use]
    pub fn of_one(&self, why: Why) -> Self {
        let place = RowId::At {
            part: None,
            block: 0,
            line: 0,
        };
        Leaving {
            table: Rc::clone(&self.table),
            shown: self.shown.clone(),
            rows: BTreeMap::from([(place, why)]),
        }
    }

    /// How many rows break a key themselves.
    #[must_use]
    pub fn orphans(&self) -> i64 {
        self.number(|why| why.breaks != 0)
    }

    /// How many rows break more than one key.
    #[must_use]
    pub fn break_several(&self) -> i64 {
        self.number(Why::breaks_several)
    }

    /// How many of those that leave do.
    #[must_use]
    pub fn leave_for_several(&self) -> i64 {
        self.number(|why| why.leaves && why.breaks_several())
    }
}
