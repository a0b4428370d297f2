//! The rows that leave, or stay and forget a key: those that break a key, and those that hang on
//! them. Which they are, only the script finds out, in tables that list them.

use anyhow::Result;
use rusqlite::Connection;

use super::script::LISTS;
use crate::model::key::{self, KeyId};
use crate::policy::{OrphanAction, Wish};
use crate::sqlite::keys::{NewKey, TableKeys};
use crate::sqlite::orphans::fates::Fates;
use crate::sqlite::orphans::lists::{Fate, Lists, Removal};
use crate::sqlite::schema::foreign_key::{self, ForeignKey, NamedKey};
use crate::sqlite::schema::{RowKey, Table, scratch};
use crate::sqlite::text::ddl::same_name;

mod allowed;
mod listing;
mod moving_out;

pub use moving_out::{create_archive, full_text_is_whole};

/// The rows that leave, and those that forget a key.
pub struct Leaving {
    /// One for each table that may have such rows.
    lists: Vec<List>,
    keys: Vec<NamedKey>,
    links: Vec<Link>,
    orphaned: Vec<Orphaned>,
    /// Several tables refer to each other in a circle, or one to itself in several ways.
    circular: bool,
}

/// The listed rows of one table.
struct List {
    /// The list.
    pub removal: Removal,
    /// Some of them may leave; otherwise all stay.
    pub may_leave: bool,
    /// What is to stay may have to leave: only the rows tell.
    pub may_be_demoted: bool,
}

/// A key that is asked for.
struct Orphaned {
    /// The key.
    pub key: ForeignKey,
    /// What people call it.
    pub label: String,
    /// What happens to the rows that break it.
    pub fate: Fate,
}

/// A key to a table that may lose rows.
struct Link {
    id: KeyId,
    /// The key.
    pub key: ForeignKey,
    /// What people call it.
    pub label: String,
    /// What happens to the rows that refer by it to one that leaves; none where it does not let
    /// that go.
    pub fate: Option<Fate>,
}

impl Link {
    /// Whether it refers to its own table.
    pub fn is_self(&self) -> bool {
        same_name(&self.key.child, &self.key.parent)
    }
}

/// The tables that may lose rows, or whose rows may forget a key, by the keys that `targets` ask for.
pub fn tables(
    schema: &Connection,
    targets: &[TableKeys],
    declared: &[NamedKey],
) -> Result<Vec<Table>> {
    // By that most rows may have left.
    let leaving = Leaving::of(schema, targets, declared, OrphanAction::Archive, &mut 0)?;
    Ok(leaving.tables().cloned().collect())
}

impl Leaving {
    /// Finds which tables may lose rows by the keys that `targets` ask for; `number` counts lists.
    pub fn of(
        schema: &Connection,
        targets: &[TableKeys],
        declared: &[NamedKey],
        action: OrphanAction,
        number: &mut usize,
    ) -> Result<Self> {
        let asked: Vec<_> = targets.iter().flat_map(TableKeys::asked_for).collect();
        let added = asked.iter().copied().map(NewKey::named);
        let keys = foreign_key::distinct(added.chain(declared.iter().cloned()));
        let labels = key::labels(&keys);
        let is_asked = |key: &ForeignKey| asked.iter().any(|new| new.key.same_definition(key));
        let (fates, mut known) = (Fates::new(schema, &keys), Lists::new(schema));
        let mut leaving = Leaving {
            lists: Vec::new(),
            keys: keys.clone(),
            links: Vec::new(),
            orphaned: Vec::new(),
            circular: false,
        };
        for (at, (named, label)) in keys.iter().zip(&labels).enumerate() {
            let key = &named.key;
            if is_asked(key) {
                let child = Table::read(schema, &key.child)?;
                let wish = Wish::of_orphans(action, key.on_delete);
                let fate = fates.fate(&mut known, &child, KeyId(at), wish)?;
                leaving.orphaned.push(Orphaned {
                    key: key.clone(),
                    label: label.clone(),
                    fate,
                });
                leaving.add(child, fate, number);
            }
        }
        leaving.note_forgotten(&fates, &known)?;
        let links = keys.iter().zip(labels).enumerate();
        let mut others: Vec<_> = links
            .map(|(at, (named, label))| Link {
                id: KeyId(at),
                key: named.key.clone(),
                label,
                fate: None,
            })
            .collect();
        while let Some(at) = others
            .iter()
            .position(|link| leaving.may_leave(&link.key.parent))
        {
            let mut link = others.remove(at);
            let parent = Table::read(schema, &link.key.parent)?;
            // SQLite could not act on it.
            if !is_asked(&link.key) && !scratch::is_parent_key(&parent, &link.key)? {
                continue;
            }
            let wish = Wish::of_dependents(action, link.key.on_delete);
            if wish != Wish::Block {
                let child = Table::read(schema, &link.key.child)?;
                let fate = fates.fate(&mut known, &child, link.id, wish)?;
                leaving.add(child, fate, number);
                link.fate = Some(fate);
                leaving.note_forgotten(&fates, &known)?;
            }
            leaving.links.push(link);
        }
        leaving.sort_links();
        leaving.sort_lists();
        Ok(leaving)
    }

    fn add(&mut self, table: Table, fate: Fate, number: &mut usize) {
        let leaves = fate == Fate::Leaves;
        if let Some(list) = self.list_mut(&table.name) {
            list.may_leave |= leaves;
            return;
        }
        *number += 1;
        self.lists.push(List {
            removal: Removal::new(table, format!("{LISTS}{number}")),
            may_leave: leaves,
            may_be_demoted: false,
        });
    }

    /// Notes with each list the keys that its rows may forget.
    fn note_forgotten(&mut self, fates: &Fates<'_>, known: &Lists<'_>) -> Result<()> {
        for list in &mut self.lists {
            let removal = &mut list.removal;
            let own = known.forgets.iter();
            let own = own.filter(|it| same_name(&it.child, &removal.table.name));
            removal.forgets = own.cloned().collect();
            removal.mixed = !removal.forgets.is_empty();
            let to_default = removal.forgets.iter().any(|it| it.defaults.is_some());
            list.may_be_demoted = removal.mixed && (to_default || fates.needs_trial(removal)?);
            list.may_leave |= list.may_be_demoted;
        }
        Ok(())
    }

    /// Parents before children, as far as that goes; what goes round in a circle is followed again.
    fn sort_links(&mut self) {
        let mut sorted: Vec<Link> = Vec::new();
        let mut left: Vec<_> = std::mem::take(&mut self.links);
        let feeds = |other: &Link| other.fate.is_some() && self.may_leave(&other.key.child);
        let within = |link: &&Link| link.is_self() && feeds(link);
        let mut circular = left.iter().filter(within).any(|link| {
            let of_table = |it: &&Link| same_name(&it.key.parent, &link.key.parent);
            matches!(link.fate, Some(Fate::Forgets(_)))
                || left.iter().filter(within).filter(of_table).count() > 1
        });
        while !left.is_empty() {
            let is_ready = |link: &Link| {
                let before = |other: &Link| {
                    feeds(other)
                        && same_name(&other.key.child, &link.key.parent)
                        && !(other.is_self() && link.is_self())
                };
                !left.iter().any(before)
            };
            let at = left.iter().position(is_ready);
            circular |= at.is_none();
            sorted.push(left.remove(at.unwrap_or(0)));
        }
        self.circular = circular;
        self.links = sorted;
    }

    /// Parents before children too: what is deleted goes the other way round.
    fn sort_lists(&mut self) {
        let (links, lists) = (&self.links, std::mem::take(&mut self.lists));
        let place = |list: &List| {
            let is_of = |link: &Link| same_name(&link.key.child, &list.removal.table.name);
            let others = links.iter().enumerate();
            let others = others.filter(|(_, link)| !link.is_self() && is_of(link));
            others.map(|(at, _)| at + 1).max().unwrap_or(0)
        };
        let mut placed: Vec<_> = lists.into_iter().map(|list| (place(&list), list)).collect();
        placed.sort_by_key(|(place, _)| *place);
        self.lists = placed.into_iter().map(|(_, list)| list).collect();
    }

    /// The tables of which rows may leave or forget a key.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.lists.iter().map(|list| &list.removal.table)
    }

    /// The lists whose rows can be told apart: those of others stay empty.
    pub fn listed(&self) -> impl DoubleEndedIterator<Item = &Removal> {
        let lists = self.lists.iter().map(|list| &list.removal);
        lists.filter(|it| it.table.row_key != RowKey::Hidden)
    }

    /// Those of them whose rows may leave.
    pub fn leaving(&self) -> impl DoubleEndedIterator<Item = &Removal> {
        self.listed().filter(|it| self.may_leave(&it.table.name))
    }

    /// The list of the rows that leave `table`, if any may.
    pub fn list_of(&self, table: &str) -> Option<&Removal> {
        let list = self.list(table).filter(|list| list.may_leave)?;
        Some(&list.removal)
    }

    /// The same, where no row of it can be taken along before it leaves: with foreign keys on, by a
    /// parent of another table.
    pub fn list_alone(&self, table: &str) -> Option<&Removal> {
        let takes_along = |link: &Link| !link.is_self() && same_name(&link.key.child, table);
        let is_alone = !self.links.iter().any(takes_along);
        self.list_of(table).filter(|_| is_alone)
    }

    fn list(&self, table: &str) -> Option<&List> {
        let mut lists = self.lists.iter();
        lists.find(|list| same_name(&list.removal.table.name, table))
    }

    fn list_mut(&mut self, table: &str) -> Option<&mut List> {
        let mut lists = self.lists.iter_mut();
        lists.find(|list| same_name(&list.removal.table.name, table))
    }

    fn may_leave(&self, table: &str) -> bool {
        self.list(table).is_some_and(|list| list.may_leave)
    }

    /// What people call `key`, which is asked for.
    pub fn label(&self, key: &ForeignKey) -> &str {
        let mut keys = self.orphaned.iter();
        let found = keys.find(|it| it.key.same_definition(key));
        found.map_or("the key", |it| &it.label)
    }
}
