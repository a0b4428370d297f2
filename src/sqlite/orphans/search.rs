//! Finds the rows that break keys, and the rows that hang on those rows.
//!
//! An orphan is a child row whose key has no NULL in it and no parent
//! (<https://www.sqlite.org/foreignkeys.html#fk_basics>). What is found stands in temporary
//! tables, one for each table that loses rows, so that the archive, the copy and the report
//! all speak of the same rows. The database itself is only read.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

use super::fates::Fates;
use crate::model::key::{self, KeyId};
use crate::policy::OrphanAction;
use crate::policy::Wish;
use crate::sqlite::keys::conditions::{self, Lookup};
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::keys::{NewKey, TableKeys};
use crate::sqlite::orphans::confirm;
use crate::sqlite::orphans::lists::{self, Fate, KEYS_PER_PASS, Lists, Removal, Sought};
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, Action, ForeignKey, NamedKey};
use crate::sqlite::schema::row_counts::{RowCounts, is_empty};
use crate::sqlite::schema::scratch;
use crate::sqlite::schema::snapshot;
use crate::sqlite::text::ddl::{quote, same_name};

/// Rows that refer to a row that would leave, by a key that does not let it go.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The key, among those of the search.
    pub id: KeyId,
    /// What it says.
    pub key: ForeignKey,
    /// How many rows refer so.
    pub rows: i64,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// What people call each key of the search.
    pub labels: Vec<String>,
    /// The keys of the search, as they are numbered.
    pub keys: Vec<NamedKey>,
    /// The statements that made the lists, in order: run again, they make the same lists.
    pub statements: Vec<String>,
    /// The rows that leave, by table.
    pub removals: Vec<Removal>,
    /// Why some of them can't leave.
    pub blocked: Vec<Blocked>,
    /// Keys that are broken while their parent table holds no row at all.
    pub empty_parents: Vec<NewKey>,
    /// Further temporary tables, with the table that each is about.
    pub others: Vec<(String, String)>,
    /// How long the search took.
    pub took: Duration,
}

impl Found {
    /// What people call the key `id`.
    #[must_use]
    pub fn label(&self, id: KeyId) -> &str {
        self.labels.get(id.0).map_or("", String::as_str)
    }

    /// What the key `id` says.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&ForeignKey> {
        self.keys.get(id.0).map(|named| &named.key)
    }

    /// Drops the temporary tables of the search.
    pub fn drop_lists(&self, connection: &Connection) -> Result<()> {
        let lists = self.removals.iter().map(|removal| &removal.list);
        for list in lists.chain(self.others.iter().map(|(_, other)| other)) {
            connection.execute_batch(&format!("DROP TABLE temp.{}", quote(list)))?;
        }
        Ok(())
    }

    /// The rows that leave `table`, if any do.
    #[must_use]
    pub fn removal(&self, table: &str) -> Option<&Removal> {
        lists::find(&self.removals, table)
    }
}

/// Finds the orphans of the keys of `targets`, then all that hangs on those that leave by the
/// keys that the database declares, and by those of `targets` that it does not declare yet. What
/// becomes of each, they and `action` tell.
///
/// The keys are numbered as [`TableKeys::searched`] gives them, table by table; those that are
/// only declared come behind.
pub fn find(
    connection: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
    counts: &RowCounts<'_>,
    action: OrphanAction,
) -> Result<Found> {
    let since = Instant::now();
    snapshot::must_be_apart(connection)?;
    let asked_for = targets.iter().flat_map(TableKeys::asked_for);
    let asked_for: Vec<_> = asked_for.map(|new| &new.key).collect();
    let searched = targets.iter().flat_map(TableKeys::searched);
    let searched = searched.map(NewKey::named);
    let keys = foreign_key::distinct(searched.chain(declared.iter().cloned()));
    let mut search = Search::new(connection, counts, &keys, Some(action));
    let mut place = 0;
    for target in targets {
        search.orphans(target, place)?;
        place += target.searched().count();
    }
    let links = keys.iter().enumerate().map(|(place, named)| {
        let added = asked_for.iter().any(|key| key.same_definition(&named.key));
        Link::new(KeyId(place), &named.key, added)
    });
    search.follow(&links.collect::<Vec<_>>(), since)
}

/// Finds all that hangs, by the keys that the database declares, on the rows `w` of `table` that
/// meet `condition`. These stand in round 0 of the list of `table`.
pub fn hanging_on(
    connection: &Connection,
    table: &Table,
    condition: &str,
    declared: &[NamedKey],
) -> Result<Found> {
    let since = Instant::now();
    let counts = &RowCounts::new(connection);
    // By the words in which the rest of the answer speaks of keys.
    let keys = declared.iter().map(|named| NamedKey {
        constraint: None,
        key: named.key.clone(),
    });
    let keys = keys.collect::<Vec<_>>();
    let mut search = Search::new(connection, counts, &keys, None);
    let sought = Sought {
        key: KeyId(declared.len()),
        label: "asked for".to_owned(),
        condition: condition.to_owned(),
        mark: 0,
        fate: Fate::Leaves,
        by_row: false,
    };
    search.lists.add(table, &sought, true, 0)?;
    let links = declared.iter().enumerate();
    let links = links.map(|(place, named)| Link::new(KeyId(place), &named.key, false));
    search.follow(&links.collect::<Vec<_>>(), since)
}

/// A key along which rows hang on others.
struct Link<'a> {
    id: KeyId,
    key: &'a ForeignKey,
    /// Whether the parent has the key that this one refers to, once that is known.
    in_force: OnceCell<bool>,
}

impl<'a> Link<'a> {
    fn new(id: KeyId, key: &'a ForeignKey, added: bool) -> Self {
        Link {
            id,
            key,
            // One that is asked for has been looked at.
            in_force: if added { true.into() } else { OnceCell::new() },
        }
    }

    /// Whether SQLite could act on the key: nothing hangs on rows by one that it can't.
    fn is_in_force(&self, parent: &Table) -> Result<bool> {
        if let Some(known) = self.in_force.get() {
            return Ok(*known);
        }
        let in_force = scratch::is_parent_key(parent, self.key)?;
        Ok(*self.in_force.get_or_init(|| in_force))
    }
}

struct Search<'a> {
    keys: &'a [NamedKey],
    fates: Fates<'a>,
    /// What happens to orphans; none where rows are deleted, and SQLite enforces the keys.
    action: Option<OrphanAction>,
    labels: Vec<String>,
    connection: &'a Connection,
    counts: &'a RowCounts<'a>,
    lists: Lists<'a>,
    blocked: Vec<Blocked>,
    empty_parents: Vec<NewKey>,
}

impl<'a> Search<'a> {
    fn new(
        connection: &'a Connection,
        counts: &'a RowCounts<'a>,
        keys: &'a [NamedKey],
        action: Option<OrphanAction>,
    ) -> Self {
        Search {
            keys,
            fates: Fates::new(connection, keys),
            action,
            labels: key::labels(keys),
            connection,
            counts,
            lists: Lists::new(connection),
            blocked: Vec::new(),
            empty_parents: Vec::new(),
        }
    }

    /// Follows `links` from the rows that are listed.
    fn follow(mut self, links: &[Link<'_>], since: Instant) -> Result<Found> {
        self.dependents(links)?;
        self.confirm_dependents(links)?;
        self.find_blocked(links)?;
        self.lists.count(self.counts)?;
        Ok(Found {
            labels: self.labels,
            keys: self.keys.to_vec(),
            statements: self.lists.statements,
            removals: self.lists.removals,
            others: self.lists.others,
            blocked: self.blocked,
            empty_parents: self.empty_parents,
            took: since.elapsed(),
        })
    }

    /// Lists the rows of a child table that break its keys, the first of which is the key
    /// `first_id`: in one look at each row for all keys together. What an index says decides nothing
    /// where memory knows the parents; those who run the statements by themselves go by it.
    fn orphans(&mut self, target: &TableKeys, first_id: usize) -> Result<()> {
        let child = &target.table;
        let leaving = target.asked_for().count();
        let all_have_marks = target.searched().count() <= KEYS_PER_PASS;
        let mut known = KnownKeys::new(self.connection);
        let mut all = Vec::new();
        for (place, new) in target.searched().enumerate() {
            let parent = Table::read(self.connection, &new.key.parent)?;
            self.hold_indexes(&parent, &new.key.parent_columns)?;
            self.hold_indexes(child, &new.key.columns)?;
            let id = KeyId(first_id + place);
            let fate = match self.action {
                _ if place >= leaving => Fate::Counted,
                Some(action) => {
                    let wish = Wish::of_orphans(action, new.key.on_delete);
                    self.fates.fate(&mut self.lists, child, id, wish)?
                }
                None => Fate::Leaves,
            };
            let most = self.counts.of(&child.name)?;
            let lookup = Lookup::choose(self.connection, self.counts, child, &parent, &new.key)?;
            let without = conditions::broken(child, &parent, &new.key, lookup);
            let sought = Sought {
                key: id,
                label: self.label(id),
                condition: known.orphaned_or(&parent, &new.key, most, without)?,
                mark: if all_have_marks { 1 << place } else { 0 },
                fate,
                by_row: true,
            };
            all.push((new, sought));
        }
        for pass in all.chunks_mut(KEYS_PER_PASS) {
            if !all_have_marks {
                self.lists.clear_marks(child)?;
                for (place, (_, sought)) in pass.iter_mut().enumerate() {
                    sought.mark = 1 << place;
                }
            }
            let (keys, sought): (Vec<_>, Vec<_>) = pass.iter().cloned().unzip();
            let counts = match sought.as_slice() {
                [only] => vec![self.lists.add(child, only, true, 0)?],
                several => self.lists.add_in_one_pass(child, several)?,
            };
            for ((new, rows), sought) in keys.into_iter().zip(counts).zip(&sought) {
                let parent = Table::read(self.connection, &new.key.parent)?;
                self.note_empty_parent(&parent, new, rows)?;
                if known.asked_index(&sought.condition) {
                    self.confirm_marked(child, &parent, new, sought.mark, rows)?;
                }
            }
        }
        if !all_have_marks {
            self.lists.clear_marks(child)?;
        }
        for statement in &mut self.lists.statements {
            *statement = known.strike_from(statement);
        }
        Ok(())
    }

    fn label(&self, id: KeyId) -> String {
        self.labels.get(id.0).cloned().unwrap_or_default()
    }

    fn note_empty_parent(&mut self, parent: &Table, new: &NewKey, rows: i64) -> Result<()> {
        if rows > 0 && is_empty(self.connection, parent)? {
            self.empty_parents.push(new.clone());
        }
        Ok(())
    }

    /// Where an index of `table` has no row that it should not have, and lacks none, a search by it
    /// finds what a search through the rows would.
    fn hold_indexes(&self, table: &Table, columns: &[String]) -> Result<()> {
        table.must_have_whole_indexes(self.connection, self.counts, columns)
    }

    /// The condition that the row `w` of `child` stands in its list, in a row `l` that meets
    /// `condition`.
    fn is_listed(&self, child: &Table, condition: &str) -> String {
        self.lists.removal(&child.name).map_or_else(
            || "FALSE".to_owned(),
            |removal| {
                format!(
                    "EXISTS (SELECT 1 FROM temp.{} AS l WHERE {} AND {condition})",
                    quote(&removal.list),
                    lists::has_listed_key("w", removal)
                )
            },
        )
    }

    /// Holds the rows that refer to listed rows against those that indexes led to.
    fn confirm_dependents(&self, links: &[Link<'_>]) -> Result<()> {
        let mut followed: Vec<(&Link<'_>, String)> = Vec::new();
        for link in links.iter().filter(|it| self.wish(it) != Wish::Block) {
            let Some(refers) = self.refers_to_listed(link, None)? else {
                continue;
            };
            let child = Table::read(self.connection, &link.key.child)?;
            let forgets = self.lists.forgets.iter().find(|it| it.key == link.id);
            let mark = forgets.map_or(0, |it| it.mark);
            let listed = self.is_listed(&child, &format!("(l.round >= 0 OR l.forgets & {mark})"));
            confirm::confirm_followed(self.connection, &child, link.key, &refers, &listed)?;
            followed.push((link, refers));
        }
        for removal in &self.lists.removals {
            let of_table = followed
                .iter()
                .filter(|(link, _)| same_name(&link.key.child, &removal.table.name));
            let (links, refers): (Vec<_>, Vec<_>) = of_table.cloned().unzip();
            if let Some(link) = links.first() {
                confirm::confirm_followers(self.connection, removal, link.key, &refers)?;
            }
        }
        Ok(())
    }

    /// Holds the keys of the rows of `child` that are listed with `mark` against the rows of their
    /// parent.
    fn confirm_marked(
        &self,
        child: &Table,
        parent: &Table,
        new: &NewKey,
        mark: i64,
        rows: i64,
    ) -> Result<()> {
        match self.lists.removal(&child.name) {
            Some(removal) if rows > 0 => {
                let columns = new.key.columns.iter().enumerate();
                let columns: Vec<_> = columns
                    .map(|(place, name)| format!("+w.{} AS m{}", quote(name), place + 1))
                    .collect();
                let missing = format!(
                    "SELECT {} {} AND l.marks & {mark}",
                    columns.join(", "),
                    lists::from_listed("w", removal)
                );
                confirm::confirm_missing(self.connection, parent, &new.key, &missing)
            }
            _ => Ok(()),
        }
    }

    /// Lists the rows that hang on listed rows, then those that hang on these, until no more
    /// are found. Each round looks only at the parents that the round before listed.
    fn dependents(&mut self, links: &[Link<'_>]) -> Result<()> {
        for round in 0.. {
            let mut more = self.fates.demote(&mut self.lists, round)?;
            for link in links {
                let wish = self.wish(link);
                if wish == Wish::Block {
                    continue;
                }
                let Some(refers) = self.refers_to_listed(link, Some(round))? else {
                    continue;
                };
                let child = Table::read(self.connection, &link.key.child)?;
                let fate = self.fates.fate(&mut self.lists, &child, link.id, wish)?;
                let sought = Sought {
                    key: link.id,
                    label: self.label(link.id),
                    condition: refers,
                    mark: 0,
                    fate,
                    by_row: false,
                };
                more += self.lists.add(&child, &sought, false, round + 1)?;
            }
            if more == 0 {
                break;
            }
        }
        Ok(())
    }

    /// What happens to rows that refer by `link` to rows that leave.
    fn wish(&self, link: &Link<'_>) -> Wish {
        match self.action {
            Some(action) => Wish::of_dependents(action, link.key.on_delete),
            None if link.key.on_delete == Action::Cascade => Wish::Leave,
            None => Wish::Block,
        }
    }

    /// Notes the keys that would be left pointing nowhere, or whose own action would change
    /// rows in place: neither can be undone by putting rows back.
    fn find_blocked(&mut self, links: &[Link<'_>]) -> Result<()> {
        for link in links {
            if self.wish(link) != Wish::Block {
                continue;
            }
            let Some(refers) = self.refers_to_listed(link, None)? else {
                continue;
            };
            let child = Table::read(self.connection, &link.key.child)?;
            let unlisted = match self.lists.removal(&child.name) {
                Some(removal) => format!(" AND NOT {}", lists::listed("w", removal)),
                None => String::new(),
            };
            let count = format!(
                "SELECT count(*) FROM {} WHERE {refers}{unlisted}",
                child.scanned("w")
            );
            let rows: i64 = self.connection.query_row(&count, [], |row| row.get(0))?;
            if rows > 0 {
                self.blocked.push(Blocked {
                    id: link.id,
                    key: link.key.clone(),
                    rows,
                });
            }
        }
        Ok(())
    }

    /// The condition under which a child row `w` refers by `key` to a row that is listed (in
    /// `round` alone, where one is given); none where no row of the parent is.
    fn refers_to_listed(&self, link: &Link<'_>, round: Option<i64>) -> Result<Option<String>> {
        let key = link.key;
        let removal = self.lists.removal(&key.parent);
        let Some(removal) = removal.filter(|it| !it.reasons.is_empty()) else {
            return Ok(None);
        };
        if !link.is_in_force(&removal.table)? {
            return Ok(None);
        }
        let child = Table::read(self.connection, &key.child)?;
        self.hold_indexes(&child, &key.columns)?;
        let round = match round {
            Some(round) => format!(" AND l.round = {round}"),
            None if self.lists.some_stay => " AND l.round >= 0".to_owned(),
            None => String::new(),
        };
        let parents = format!("{}{round}", lists::from_listed("p", removal));
        let refers = conditions::refers_to(&child, &removal.table, key, &parents);
        Ok(Some(refers))
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
