//! The rows that hang on rows that leave, followed key by key.

use std::cell::OnceCell;
use std::time::Instant;

use anyhow::Result;

use crate::model::key::KeyId;
use crate::policy::Wish;
use crate::sqlite::keys::conditions;
use crate::sqlite::orphans::confirm;
use crate::sqlite::orphans::found::{Blocked, Found};
use crate::sqlite::orphans::lists::{self, Sought};
use crate::sqlite::orphans::search::Search;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{Action, ForeignKey};
use crate::sqlite::schema::scratch;
use crate::sqlite::text::ddl::{quote, same_name};

/// A key along which rows hang on others.
pub(super) struct Link<'a> {
    id: KeyId,
    key: &'a ForeignKey,
    /// Whether the parent has the key that this one refers to, once that is known.
    in_force: OnceCell<bool>,
}

impl<'a> Link<'a> {
    pub(super) fn new(id: KeyId, key: &'a ForeignKey, added: bool) -> Self {
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

impl Search<'_> {
    /// Follows `links` from the rows that are listed.
    pub(super) fn follow(mut self, links: &[Link<'_>], since: Instant) -> Result<Found> {
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

    /// Lists the rows that hang on listed rows, then those that hang on these, until no more
    /// are found. Each round looks only at the parents that the round before listed.
    fn dependents(&mut self, links: &[Link<'_>]) -> Result<()> {
        for round in 0.. {
            self.lists.grew = false;
            self.fates.demote(&mut self.lists, round)?;
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
                self.lists.add(&child, &sought, false, round + 1)?;
            }
            if !self.lists.grew {
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
}
