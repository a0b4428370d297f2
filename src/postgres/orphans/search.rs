//! Finds the rows that break keys, then all that hangs on those that leave.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::model::key;
use crate::policy::{self, OrphanAction, Wish};
use crate::postgres::catalog::Table;
use crate::postgres::keys::{self, Key};
use crate::postgres::orphans::stays::{self, Assigned};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, RowId, source};

/// How many rows are looked up at once.
const AT_ONCE: usize = 20_000;

/// The keys of a run: those that are asked for, and those along which rows hang on others.
#[derive(Debug)]
pub struct Search {
    /// The keys whose orphans are looked for.
    pub asked: Vec<Key>,
    /// What people call each of these.
    pub labels: Vec<String>,
    /// What becomes of orphans.
    pub action: OrphanAction,
    links: Vec<Link>,
}

/// A key along which rows hang on others; the first ones are those asked for.
#[derive(Debug)]
struct Link {
    key: Key,
    label: String,
    /// A bit that no other key of the same child has.
    mark: u64,
    /// What becomes of rows that break it.
    orphans: Wish,
    /// What becomes of rows that refer by it to rows that leave.
    dependents: Wish,
    /// What rows that stay get in its place.
    instead: Vec<Assigned>,
    /// Why rows leave all the same that it would keep.
    why: Option<String>,
}

impl Link {
    /// Why a row is found by this key, and so what becomes of it.
    fn found(&self, wish: Wish, why: Why) -> Why {
        let sets = matches!(wish, Wish::ToNull | Wish::ToDefault);
        if sets && self.why.is_none() {
            return Why {
                forgets: self.mark,
                ..why
            };
        }
        Why {
            leaves: true,
            ..why
        }
    }
}

/// Why a row is found, and what becomes of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Why {
    /// The keys that it breaks, of those asked for: the bits of their links.
    pub breaks: u64,
    /// The link by which it hangs on a row that leaves.
    along: Option<usize>,
    /// It leaves.
    pub leaves: bool,
    /// The keys that it forgets, where it does not leave: the bits of their links.
    pub forgets: u64,
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
    whys: BTreeMap<usize, &'static str>,
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
    pub fn one(table: &Rc<Table>, shown: &str, row: RowId) -> Self {
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

    /// Notes a row; whether it leaves since now.
    fn add(&mut self, table: &Rc<Table>, shown: &str, row: RowId, why: Why) -> bool {
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
        let known = leaving.rows.entry(row).or_default();
        let leaves_now = why.leaves && !known.leaves;
        known.breaks |= why.breaks;
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

    fn has(&self, oid: u32, row: RowId) -> bool {
        self.of(oid).is_some_and(|it| it.rows.contains_key(&row))
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

    fn leaving(&self) -> Vec<(u32, Vec<RowId>)> {
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
        rows.map(|(row, _)| *row)
    }

    /// The rows that stay and forget keys, by the keys that they forget.
    #[must_use]
    pub fn staying(&self) -> BTreeMap<u64, Vec<RowId>> {
        let mut groups: BTreeMap<u64, Vec<RowId>> = BTreeMap::new();
        for (row, why) in self.rows.iter().filter(|(_, why)| !why.leaves) {
            groups.entry(why.forgets).or_default().push(*row);
        }
        groups
    }

    fn number(&self, which: impl Fn(&Why) -> bool) -> i64 {
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

    /// How many rows break a key themselves.
    #[must_use]
    pub fn orphans(&self) -> i64 {
        self.number(|why| why.breaks != 0)
    }

    /// How many rows break more than one key.
    #[must_use]
    pub fn break_several(&self) -> i64 {
        self.number(|why| why.breaks.count_ones() > 1)
    }

    /// How many of those that leave do.
    #[must_use]
    pub fn leave_for_several(&self) -> i64 {
        self.number(|why| why.leaves && why.breaks.count_ones() > 1)
    }
}

impl Search {
    /// For the keys `asked`, with every key that `schema` declares as a way along which rows hang
    /// on others. `action` is what is to happen to orphans.
    pub fn new(
        transaction: &mut Transaction,
        schema: &Schema,
        asked: Vec<Key>,
        action: OrphanAction,
    ) -> Result<Self> {
        Search::by(transaction, schema, asked, action, |on_delete| {
            Wish::of_dependents(action, on_delete)
        })
    }

    /// For what the deletion of rows takes along by CASCADE; all other keys block it.
    pub fn of_deletion(transaction: &mut Transaction, schema: &Schema) -> Result<Self> {
        let action = OrphanAction::Follow;
        Search::by(
            transaction,
            schema,
            Vec::new(),
            action,
            |on_delete| match on_delete {
                key::Action::Cascade => Wish::Leave,
                _ => Wish::Block,
            },
        )
    }

    fn by(
        transaction: &mut Transaction,
        schema: &Schema,
        asked: Vec<Key>,
        action: OrphanAction,
        of_dependents: impl Fn(key::Action) -> Wish,
    ) -> Result<Self> {
        let named: Vec<_> = asked.iter().map(Key::named).collect();
        let mut keys = asked.clone();
        for child in &schema.tables {
            for key in &child.foreign_keys {
                let is_asked = asked.iter().any(|it| {
                    it.child.oid == child.oid
                        && it
                            .there
                            .as_ref()
                            .is_some_and(|there| there.name == key.name)
                });
                // Those of partitions come with the key of the root.
                if is_asked || key.is_inherited || !key.is_enforced || key.is_temporal {
                    continue;
                }
                keys.extend(keys::declared(transaction, schema, child, key)?);
            }
        }
        let mut links: Vec<Link> = Vec::new();
        for (place, key) in keys.into_iter().enumerate() {
            let siblings = links.iter().filter(|it| it.key.child.oid == key.child.oid);
            let Some(mark) = 1_u64.checked_shl(u32::try_from(siblings.count())?) else {
                return Err(Failure::impossible(format!(
                    "{} has more than 64 keys",
                    key.child_shown
                ))
                .hint("drop those that say the same: fkfix check names them")
                .into());
            };
            let on_delete = keys::action(key.key.on_delete);
            let dependents = of_dependents(on_delete);
            let orphans = if place < asked.len() {
                Wish::of_orphans(action, on_delete)
            } else {
                dependents
            };
            let sets = |it: &Wish| matches!(it, Wish::ToNull | Wish::ToDefault);
            let found = match [orphans, dependents].into_iter().find(sets) {
                Some(wish) => {
                    stays::instead(transaction, schema, &key, wish, action.keeps(), &asked)?
                }
                None => Ok(Vec::new()),
            };
            let (instead, why) = match found {
                Ok(instead) => (instead, None),
                Err(why) => (Vec::new(), Some(why)),
            };
            links.push(Link {
                label: key.named().label(),
                mark,
                orphans,
                dependents,
                instead,
                why,
                key,
            });
        }
        let labels = key::labels(&named);
        for (link, label) in links.iter_mut().zip(&labels) {
            link.label.clone_from(label);
        }
        Ok(Search {
            asked,
            labels,
            action,
            links,
        })
    }

    /// The same, with the keys along which rows hang on others called by their columns.
    #[must_use]
    pub fn by_place(mut self) -> Self {
        for link in &mut self.links {
            link.label = link.key.model().place();
        }
        self
    }

    /// The keys along which rows hang on others.
    pub fn links(&self) -> impl Iterator<Item = &Key> {
        self.links.iter().map(|link| &link.key)
    }

    /// The bit of the key at `place` of those asked for.
    #[must_use]
    pub fn mark(&self, place: usize) -> u64 {
        self.links.get(place).map_or(0, |it| it.mark)
    }

    /// What rows get that break the key at `place` of those asked for; none where they leave.
    #[must_use]
    pub fn instead(&self, place: usize) -> Option<&[Assigned]> {
        let link = self.links.get(place)?;
        let leaves = link.found(link.orphans, Why::default()).leaves;
        (!leaves).then_some(link.instead.as_slice())
    }

    fn asked_links(&self) -> impl Iterator<Item = (usize, &Link)> {
        self.links.iter().enumerate().take(self.asked.len())
    }

    /// All rows that break the keys asked for.
    pub fn orphans(&self, transaction: &mut Transaction) -> Result<Found> {
        let mut found = Found::default();
        for (_, link) in self.asked_links() {
            let key = &link.key;
            let query = format!(
                "SELECT {} FROM {} AS c WHERE {}",
                rows::place(&key.child, "c"),
                source(&key.child),
                key.orphaned("c")
            );
            let why = Why {
                breaks: link.mark,
                ..Why::default()
            };
            let why = link.found(link.orphans, why);
            for row in rows::read(transaction, &query, &[])? {
                found.add(&key.child, &key.child_shown, row, why);
            }
        }
        Ok(found)
    }

    /// Locks those of `rows` of `table` that break a key; then, in a second statement, looks at
    /// them again, and adds to `found` what they are. READ COMMITTED re-reads a row that it waited
    /// for, but not the other side of the anti join, so one statement would take rows that were
    /// repaired meanwhile.
    pub fn lock(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        table: &Rc<Table>,
        rows: &[RowId],
    ) -> Result<()> {
        let of_table = self.asked.iter().filter(|key| key.child.oid == table.oid);
        let broken: Vec<_> = of_table
            .map(|key| format!("({})", key.orphaned("c")))
            .collect();
        let texts = rows::texts(rows.iter().copied());
        let query = format!(
            "SELECT {} FROM {} AS c WHERE {} AND ({}) FOR UPDATE OF c",
            rows::place(table, "c"),
            source(table),
            rows::are(table, "c", 1),
            broken.join(" OR ")
        );
        let locked = rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])?;
        self.note_broken(transaction, found, table, &locked)?;
        Ok(())
    }

    /// Adds to `found` which keys the `rows` of `table` break; gives those that leave since now.
    fn note_broken(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        table: &Rc<Table>,
        rows: &[RowId],
    ) -> Result<Vec<RowId>> {
        let mut left = Vec::new();
        if rows.is_empty() {
            return Ok(left);
        }
        let texts = rows::texts(rows.iter().copied());
        for (_, link) in self.asked_links() {
            let key = &link.key;
            if key.child.oid != table.oid {
                continue;
            }
            let query = format!(
                "SELECT {} FROM {} AS c WHERE {} AND {}",
                rows::place(table, "c"),
                source(table),
                rows::are(table, "c", 1),
                key.orphaned("c")
            );
            let why = Why {
                breaks: link.mark,
                ..Why::default()
            };
            let why = link.found(link.orphans, why);
            for row in rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])? {
                if found.add(table, &key.child_shown, row, why) {
                    left.push(row);
                }
            }
        }
        Ok(left)
    }

    /// Adds to `found` all that hangs on its rows that leave, by keys that let these go; locks what
    /// it adds where it is to be changed.
    pub fn follow(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        locks: bool,
    ) -> Result<()> {
        let mut news = found.leaving();
        loop {
            while let Some((parent, rows)) = news.pop() {
                let links = self.links.iter().enumerate();
                let links = links.filter(|(_, link)| {
                    link.key.parent.oid == parent && link.dependents != Wish::Block
                });
                for (place, link) in links {
                    let child = &link.key.child;
                    let why = Why {
                        along: Some(place),
                        ..Why::default()
                    };
                    let why = link.found(link.dependents, why);
                    let (mut left, mut unknown) = (Vec::new(), Vec::new());
                    for row in hanging(transaction, &link.key, &rows, locks)? {
                        if !found.has(child.oid, row) {
                            unknown.push(row);
                        }
                        if found.add(child, &link.key.child_shown, row, why) {
                            left.push(row);
                        }
                    }
                    if locks {
                        left.extend(self.note_broken(transaction, found, child, &unknown)?);
                    }
                    if !left.is_empty() {
                        news.push((child.oid, left));
                    }
                }
            }
            news = self.demote(transaction, found)?;
            if news.is_empty() {
                return Ok(());
            }
        }
    }

    /// Has the rows leave that are to stay and forget keys, and can't: a CHECK forbids it, or the
    /// default has no parent that stays. Gives them.
    fn demote(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
    ) -> Result<Vec<(u32, Vec<RowId>)>> {
        let mut news = Vec::new();
        let tables = found.tables.iter();
        let tables: Vec<_> = tables
            .map(|it| (Rc::clone(&it.table), it.shown.clone(), it.staying()))
            .collect();
        for (table, shown, groups) in tables {
            let oid = table.oid;
            for (marks, rows) in groups {
                let forbidden = self.forbidden(transaction, &table, marks, &rows)?;
                let lost = self.without_default(transaction, found, &table, marks, &rows)?;
                for (rows, why) in [
                    (forbidden, "a CHECK forbids it"),
                    (lost, "the default has no parent"),
                ] {
                    let mut left = Vec::new();
                    let leaves = Why {
                        leaves: true,
                        along: self.forgotten(oid, marks).map(|(place, _)| place).next(),
                        ..Why::default()
                    };
                    for row in rows {
                        if found.add(&table, &shown, row, leaves) {
                            left.push(row);
                        }
                    }
                    if !left.is_empty() {
                        let places = self.forgotten(oid, marks).map(|(place, _)| (place, why));
                        found.whys.extend(places);
                        news.push((oid, left));
                    }
                }
            }
        }
        Ok(news)
    }

    /// The links of a child that have these bits.
    fn forgotten(&self, child: u32, marks: u64) -> impl Iterator<Item = (usize, &Link)> {
        let links = self.links.iter().enumerate();
        links.filter(move |(_, link)| link.key.child.oid == child && link.mark & marks != 0)
    }

    /// What the columns of rows become that forget the keys with these bits. Where one key makes a
    /// column NULL and another its default, it becomes NULL.
    #[must_use]
    pub fn assigned(&self, child: u32, marks: u64) -> Vec<Assigned> {
        let mut assigned: Vec<Assigned> = Vec::new();
        for set in self.forgotten(child, marks).flat_map(|it| &it.1.instead) {
            match assigned.iter_mut().find(|it| it.column == set.column) {
                Some(known) if set.default.is_none() => known.default = None,
                Some(_) => {}
                None => assigned.push(set.clone()),
            }
        }
        assigned
    }

    /// The rows of a table as they become, under the name `c`; parameter 1 says which.
    fn as_they_become(&self, table: &Table, marks: u64) -> String {
        let assigned = self.assigned(table.oid, marks);
        let columns = table.columns.iter().map(|column| {
            let name = crate::postgres::catalog::quoted(&column.name);
            match assigned.iter().find(|it| it.column == column.name) {
                Some(set) => format!("{} AS {name}", set.value()),
                None => format!("c.{name}"),
            }
        });
        format!(
            "(SELECT {} AS fkfix_place, {} FROM {} AS c WHERE {}) AS c",
            rows::place(table, "c"),
            columns.collect::<Vec<_>>().join(", "),
            source(table),
            rows::are(table, "c", 1)
        )
    }

    /// Those of `rows` that would break a CHECK.
    fn forbidden(
        &self,
        transaction: &mut Transaction,
        table: &Table,
        marks: u64,
        rows: &[RowId],
    ) -> Result<Vec<RowId>> {
        let assigned = self.assigned(table.oid, marks);
        let columns: Vec<_> = assigned.iter().map(|it| it.column.as_str()).collect();
        let checks = transaction.query_typed(
            "SELECT pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k
             WHERE k.conrelid = $1 AND k.contype = 'c' AND EXISTS (
                 SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
                 AND a.attname = ANY ($2::text[]))",
            &[(&table.oid, Type::OID), (&columns, Type::TEXT_ARRAY)],
        )?;
        if checks.is_empty() {
            return Ok(Vec::new());
        }
        let broken = checks
            .iter()
            .map(|row| Ok(format!("NOT ({})", row.try_get::<_, &str>(0)?)))
            .collect::<Result<Vec<_>>>()?;
        let query = format!(
            "SELECT c.fkfix_place FROM {} WHERE {}",
            self.as_they_become(table, marks),
            broken.join(" OR ")
        );
        let texts = rows::texts(rows.iter().copied());
        rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])
    }

    /// Those of `rows` that would break a key by their defaults: of a parent that is not there, or
    /// that leaves.
    fn without_default(
        &self,
        transaction: &mut Transaction,
        found: &Found,
        table: &Table,
        marks: u64,
        rows: &[RowId],
    ) -> Result<Vec<RowId>> {
        let assigned = self.assigned(table.oid, marks);
        let has_default = |name: &String| {
            let mut assigned = assigned.iter();
            assigned.any(|it| it.default.is_some() && it.column == *name)
        };
        let texts = rows::texts(rows.iter().copied());
        let mut lost = BTreeSet::new();
        let of_table = self.links.iter().map(|it| &it.key);
        for key in of_table.filter(|key| key.child.oid == table.oid) {
            if !key.key.columns.iter().any(has_default) {
                continue;
            }
            let leave = found.of(key.parent.oid);
            let leave = rows::texts(leave.into_iter().flat_map(Leaving::leaving));
            // One that is an orphan itself leaves with a later batch.
            let stays = self.asked_links().filter(|(_, link)| {
                link.key.child.oid == key.parent.oid
                    && link.found(link.orphans, Why::default()).leaves
            });
            let stays = stays.map(|(_, link)| format!(" AND NOT ({})", link.key.orphaned("q")));
            let query = format!(
                "SELECT c.fkfix_place FROM {} WHERE {} AND NOT EXISTS (SELECT FROM {} AS q WHERE {} AND NOT {}{})",
                self.as_they_become(table, marks),
                key.refers("c"),
                source(&key.parent),
                key.joined("c", "q"),
                rows::are(&key.parent, "q", 2),
                stays.collect::<String>()
            );
            lost.extend(rows::read(
                transaction,
                &query,
                &[(&texts, Type::TEXT_ARRAY), (&leave, Type::TEXT_ARRAY)],
            )?);
        }
        Ok(lost.into_iter().collect())
    }

    /// The rows that do not leave and refer to rows of `found` that do, by keys that do not let
    /// these go.
    pub fn blocked(&self, transaction: &mut Transaction, found: &Found) -> Result<Vec<Blocked>> {
        let mut blocked = Vec::new();
        let links = self.links.iter();
        for link in links.filter(|link| link.dependents == Wish::Block) {
            let Some(leaving) = found.of(link.key.parent.oid) else {
                continue;
            };
            let all: Vec<_> = leaving.leaving().collect();
            let others = found.of(link.key.child.oid);
            let leaves = |row: &RowId| {
                let why = others.and_then(|it| it.rows.get(row));
                why.is_some_and(|it| it.leaves)
            };
            let refer: BTreeSet<_> = hanging(transaction, &link.key, &all, false)?
                .into_iter()
                .filter(|row| !leaves(row))
                .collect();
            if !refer.is_empty() {
                blocked.push(Blocked {
                    key: link.key.model(),
                    label: link.label.clone(),
                    rows: i64::try_from(refer.len())?,
                });
            }
        }
        Ok(blocked)
    }

    /// The keys that a row of the table `child` breaks, or those by which it hangs on others, as
    /// people call them.
    #[must_use]
    pub fn names(&self, child: u32, why: &Why) -> String {
        let labels = |marks| {
            self.forgotten(child, marks)
                .map(|(_, it)| it.label.as_str())
        };
        let broken: Vec<_> = labels(why.breaks).collect();
        if !broken.is_empty() {
            return broken.join(", ");
        }
        match why.along.and_then(|it| self.links.get(it)) {
            Some(link) => link.label.clone(),
            None => labels(why.forgets).collect::<Vec<_>>().join(", "),
        }
    }

    /// Why rows of `leaving` leave, by key.
    #[must_use]
    pub fn reasons(&self, found: &Found, leaving: &Leaving) -> Vec<Reason> {
        let oid = leaving.table.oid;
        let broken = self.asked_links().map(|(place, link)| {
            let is_by = |why: &Why| why.leaves && why.breaks & link.mark != 0;
            (place, link, true, leaving.number(is_by))
        });
        let along = self.links.iter().enumerate().map(|(place, link)| {
            let is_by = |why: &Why| why.leaves && why.breaks == 0 && why.along == Some(place);
            (place, link, false, leaving.number(is_by))
        });
        let all = broken.chain(along);
        let all = all.filter(|(_, link, _, rows)| link.key.child.oid == oid && *rows > 0);
        all.map(|(place, link, orphans, rows)| {
            let on_delete = keys::action(link.key.key.on_delete);
            let demoted = found.whys.get(&place).map(|it| (*it).to_owned());
            let restricts = || policy::because(self.action, on_delete).filter(|_| orphans);
            Reason {
                rank: if orphans {
                    place
                } else {
                    self.links.len() + place
                },
                label: link.label.clone(),
                rows,
                orphans,
                because: link.why.clone().or(demoted).or_else(restricts),
            }
        })
        .collect()
    }

    /// Why rows of `leaving` stay and forget keys, by key.
    #[must_use]
    pub fn kept_reasons(&self, leaving: &Leaving) -> Vec<Reason> {
        let links = self.links.iter().enumerate();
        let links = links.filter(|(_, link)| link.key.child.oid == leaving.table.oid);
        let both = links.flat_map(|(place, link)| {
            [true, false].map(|orphans| {
                let is_by = |why: &Why| {
                    let breaks = why.breaks & link.mark != 0 && orphans;
                    let hangs = why.breaks == 0 && !orphans;
                    !why.leaves && why.forgets & link.mark != 0 && (breaks || hangs)
                };
                Reason {
                    rank: 2 * place + usize::from(!orphans),
                    label: link.label.clone(),
                    rows: leaving.number(is_by),
                    orphans,
                    because: None,
                }
            })
        });
        both.filter(|it| it.rows > 0).collect()
    }

    /// Whether rows of `leaving` follow others by a key within their table.
    #[must_use]
    pub fn is_within(&self, leaving: &Leaving) -> bool {
        let oid = leaving.table.oid;
        leaving.rows.values().any(|why| {
            let link = why.along.and_then(|it| self.links.get(it));
            why.leaves && why.breaks == 0 && link.is_some_and(|it| it.key.parent.oid == oid)
        })
    }
}

/// FROM and WHERE of the rows `c` that refer by `key` to rows of the array that is parameter 1.
fn refers_to_some(key: &Key) -> String {
    format!(
        "FROM {} AS c WHERE {} AND EXISTS (SELECT FROM {} AS p WHERE {} AND {})",
        source(&key.child),
        key.refers("c"),
        source(&key.parent),
        rows::are(&key.parent, "p", 1),
        key.joined("c", "p")
    )
}

/// The rows that refer by `key` to `rows` of its parent.
fn hanging(
    transaction: &mut Transaction,
    key: &Key,
    rows: &[RowId],
    locks: bool,
) -> Result<Vec<RowId>> {
    let mut hanging = Vec::new();
    for some in rows.chunks(AT_ONCE) {
        let lock = if locks { " FOR UPDATE OF c" } else { "" };
        let query = format!(
            "SELECT {} {}{lock}",
            rows::place(&key.child, "c"),
            refers_to_some(key)
        );
        let texts = rows::texts(some.iter().copied());
        let parameters = [(
            &texts as &(dyn postgres::types::ToSql + Sync),
            Type::TEXT_ARRAY,
        )];
        hanging.extend(rows::read(transaction, &query, &parameters)?);
    }
    Ok(hanging)
}
