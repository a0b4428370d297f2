//! Finds the rows that break keys, then all that hangs on those that leave.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use super::catalog::{self, Table};
use super::keys::{self, Key, source};
use super::rows::{self, RowId};
use super::schema::Schema;
use crate::failure::Failure;
use crate::model::key;

/// How many rows are looked up at once.
const AT_ONCE: usize = 20_000;

/// The keys of a run: those that are asked for, and those along which rows hang on others.
#[derive(Debug)]
pub struct Search {
    /// The keys whose orphans are looked for.
    pub asked: Vec<Key>,
    /// What people call each of these.
    pub labels: Vec<String>,
    links: Vec<Link>,
}

/// A key along which rows hang on others.
#[derive(Debug)]
struct Link {
    key: Key,
    label: String,
    /// A row that loses its parent has to go too.
    takes_along: bool,
}

/// Why a row leaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Why {
    /// The keys that it breaks: a bit each, by their place among those asked for.
    pub breaks: u64,
    /// The link by which it hangs on a row that leaves; the first ones are the keys asked for.
    pub(super) along: Option<usize>,
}

/// Rows of a table that leave.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// The table.
    pub table: Rc<Table>,
    /// What people call it.
    pub shown: String,
    /// The rows, and why each leaves.
    pub rows: BTreeMap<RowId, Why>,
}

/// Rows that leave, by table in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The tables.
    pub tables: Vec<Leaving>,
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

impl Found {
    /// The rows that leave the table with this number.
    #[must_use]
    pub fn of(&self, oid: u32) -> Option<&Leaving> {
        self.tables.iter().find(|it| it.table.oid == oid)
    }

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
        let is_new = !leaving.rows.contains_key(&row);
        let known = leaving.rows.entry(row).or_default();
        known.breaks |= why.breaks;
        if is_new {
            known.along = why.along;
        }
        is_new
    }
}

impl Search {
    /// For the keys `asked`, with every key that `schema` declares as a way along which rows hang
    /// on others.
    pub fn new(transaction: &mut Transaction, schema: &Schema, asked: Vec<Key>) -> Result<Self> {
        if asked.len() > 64 {
            return Err(
                Failure::impossible("more than 64 keys are asked for at once")
                    .hint("split the migration into several")
                    .into(),
            );
        }
        let named: Vec<_> = asked.iter().map(Key::named).collect();
        let mut links: Vec<_> = asked
            .iter()
            .map(|key| Link {
                label: key.named().label(),
                key: key.clone(),
                takes_along: true,
            })
            .collect();
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
                if let Some(key) = keys::declared(transaction, schema, child, key)? {
                    links.push(Link {
                        label: key.named().label(),
                        takes_along: key.key.on_delete == catalog::Action::Cascade,
                        key,
                    });
                }
            }
        }
        Ok(Search {
            labels: key::labels(&named),
            asked,
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

    /// The rows that break the key at `place` of those asked for, and have no place yet elsewhere.
    pub fn list(&self, transaction: &mut Transaction, place: usize) -> Result<Vec<RowId>> {
        let Some(key) = self.asked.get(place) else {
            return Ok(Vec::new());
        };
        let query = format!(
            "SELECT c.ctid::text FROM {} AS c WHERE {}",
            source(&key.child),
            key.orphaned("c")
        );
        rows::read(transaction, &query, &[])
    }

    /// All rows that break the keys asked for.
    pub fn orphans(&self, transaction: &mut Transaction) -> Result<Found> {
        let mut found = Found::default();
        for (place, key) in self.asked.iter().enumerate() {
            let why = Why {
                breaks: 1 << place,
                along: None,
            };
            for row in self.list(transaction, place)? {
                found.add(&key.child, &key.child_shown, row, why);
            }
        }
        Ok(found)
    }

    /// Locks those of `rows` of `table` that break a key; then, in a second statement, looks at
    /// them again. READ COMMITTED re-reads a row that it waited for, but not the other side of the
    /// anti join, so one statement would take rows that were repaired meanwhile.
    pub fn lock(
        &self,
        transaction: &mut Transaction,
        table: &Rc<Table>,
        rows: &[RowId],
    ) -> Result<Found> {
        let broken = self.broken(table);
        let from = source(table);
        let texts = rows::texts(rows.iter().copied());
        let query = format!(
            "SELECT c.ctid::text FROM {from} AS c WHERE {} AND ({broken}) FOR UPDATE OF c",
            rows::is_one_of("c", 1)
        );
        let locked = rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])?;
        self.look_again(transaction, table, &locked)
    }

    fn broken(&self, table: &Table) -> String {
        let of_table = self.asked.iter().filter(|key| key.child.oid == table.oid);
        let broken: Vec<_> = of_table
            .map(|key| format!("({})", key.orphaned("c")))
            .collect();
        broken.join(" OR ")
    }

    fn look_again(
        &self,
        transaction: &mut Transaction,
        table: &Rc<Table>,
        rows: &[RowId],
    ) -> Result<Found> {
        let mut found = Found::default();
        if rows.is_empty() {
            return Ok(found);
        }
        let texts = rows::texts(rows.iter().copied());
        for (place, key) in self.asked.iter().enumerate() {
            if key.child.oid != table.oid {
                continue;
            }
            let query = format!(
                "SELECT c.ctid::text FROM {} AS c WHERE {} AND {}",
                source(table),
                rows::is_one_of("c", 1),
                key.orphaned("c")
            );
            let why = Why {
                breaks: 1 << place,
                along: None,
            };
            for row in rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])? {
                found.add(table, &key.child_shown, row, why);
            }
        }
        Ok(found)
    }

    /// Adds to `found` all that hangs on its rows by keys that let them go; locks these rows where
    /// they are to be moved.
    pub fn follow(
        &self,
        transaction: &mut Transaction,
        found: &mut Found,
        locks: bool,
    ) -> Result<()> {
        let mut news: Vec<(u32, Vec<RowId>)> = found
            .tables
            .iter()
            .map(|it| (it.table.oid, it.rows.keys().copied().collect()))
            .collect();
        while let Some((parent, rows)) = news.pop() {
            for (place, link) in self.links.iter().enumerate() {
                if link.key.parent.oid != parent || !link.takes_along {
                    continue;
                }
                let mut more = Vec::new();
                for some in rows.chunks(AT_ONCE) {
                    let lock = if locks { " FOR UPDATE OF c" } else { "" };
                    let query = format!("SELECT c.ctid::text {}{lock}", hanging(&link.key));
                    let texts = rows::texts(some.iter().copied());
                    more.extend(rows::read(
                        transaction,
                        &query,
                        &[(&texts, Type::TEXT_ARRAY)],
                    )?);
                }
                let why = Why {
                    breaks: 0,
                    along: Some(place),
                };
                let (child, shown) = (&link.key.child, &link.key.child_shown);
                more.retain(|row| found.add(child, shown, *row, why));
                if !more.is_empty() {
                    news.push((child.oid, more));
                }
            }
        }
        Ok(())
    }

    /// The rows that stay and refer to rows of `found`, by keys that do not let these go.
    pub fn blocked(&self, transaction: &mut Transaction, found: &Found) -> Result<Vec<Blocked>> {
        let mut blocked = Vec::new();
        for link in self.links.iter().filter(|link| !link.takes_along) {
            let Some(leaving) = found.of(link.key.parent.oid) else {
                continue;
            };
            let stays = found.of(link.key.child.oid);
            let all: Vec<_> = leaving.rows.keys().copied().collect();
            let mut number = 0;
            for some in all.chunks(AT_ONCE) {
                let query = format!("SELECT c.ctid::text {}", hanging(&link.key));
                let texts = rows::texts(some.iter().copied());
                let refer = rows::read(transaction, &query, &[(&texts, Type::TEXT_ARRAY)])?;
                let refer = refer.iter();
                number += refer
                    .filter(|row| !stays.is_some_and(|it| it.rows.contains_key(row)))
                    .count();
            }
            if number > 0 {
                blocked.push(Blocked {
                    key: link.key.model(),
                    label: link.label.clone(),
                    rows: i64::try_from(number)?,
                });
            }
        }
        Ok(blocked)
    }

    /// The keys that a row breaks, or the one by which it goes along, as people call them.
    #[must_use]
    pub fn names(&self, why: &Why) -> String {
        let broken = self.labels.iter().enumerate();
        let broken: Vec<_> = broken
            .filter(|(place, _)| why.breaks & (1 << place) != 0)
            .map(|(_, label)| label.as_str())
            .collect();
        if broken.is_empty() {
            return why
                .along
                .and_then(|it| self.links.get(it))
                .map_or(String::new(), |it| it.label.clone());
        }
        broken.join(", ")
    }

    /// Whether a row with this reason follows another of its own table.
    #[must_use]
    pub fn is_within(&self, why: &Why) -> bool {
        let link = why.along.and_then(|it| self.links.get(it));
        link.is_some_and(|it| it.key.child.oid == it.key.parent.oid)
    }

    /// Why rows leave that break the key that people call `label`, where it does not say that they do.
    #[must_use]
    pub fn restricts(&self, label: &str) -> Option<String> {
        let place = self.labels.iter().position(|it| it == label)?;
        let action = keys::action(self.asked.get(place)?.key.on_delete);
        let restricts = matches!(action, key::Action::NoAction | key::Action::Restrict);
        restricts.then(|| {
            format!(
                "on delete {}: the parent could not have been deleted",
                action.words()
            )
        })
    }

    /// How many of `leaving` break each key, and how many go along by each: label, number, and
    /// whether they break it.
    #[must_use]
    pub fn reasons(&self, leaving: &Leaving) -> Vec<(String, i64, bool)> {
        let mut reasons = Vec::new();
        let rows = || leaving.rows.values();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (place, label) in self.labels.iter().enumerate() {
            let count = rows().filter(|why| why.breaks & (1 << place) != 0).count();
            if count > 0 {
                reasons.push((label.clone(), number(count), true));
            }
        }
        for (place, link) in self.links.iter().enumerate() {
            let along = |why: &&Why| why.breaks == 0 && why.along == Some(place);
            let count = rows().filter(along).count();
            if count > 0 {
                reasons.push((link.label.clone(), number(count), false));
            }
        }
        reasons
    }
}

impl Leaving {
    /// How many rows break more than one key.
    #[must_use]
    pub fn break_several(&self) -> i64 {
        let several = self.rows.values().filter(|why| why.breaks.count_ones() > 1);
        i64::try_from(several.count()).unwrap_or(i64::MAX)
    }

    /// How many rows.
    #[must_use]
    pub fn count(&self) -> i64 {
        i64::try_from(self.rows.len()).unwrap_or(i64::MAX)
    }
}

/// FROM and WHERE of the rows `c` that refer by `key` to rows of the array that is parameter 1.
fn hanging(key: &Key) -> String {
    format!(
        "FROM {} AS c WHERE {} AND EXISTS (SELECT FROM {} AS p WHERE {} AND {})",
        source(&key.child),
        key.refers("c"),
        source(&key.parent),
        rows::is_one_of("p", 1),
        key.joined("c", "p")
    )
}
