//! By which keys rows leave, stay, or keep others from leaving, for people.

use std::collections::BTreeSet;

use anyhow::Result;
use postgres::Transaction;

use super::follow::hanging;
use super::found::{Blocked, Found, Leaving, Reason, Why};
use super::search::Search;
use crate::policy::{self, Wish};
use crate::postgres::keys::{self};
use crate::postgres::schema::rows::RowId;

impl Search {
    /// The rows that do not leave and refer to rows of `found` that do, by keys that do not let
    /// these go.
    pub fn blocked(&self, transaction: &mut Transaction, found: &Found) -> Result<Vec<Blocked>> {
        let mut blocked = Vec::new();
        let links = self.links.iter();
        for link in links.filter(|link| link.dependents == Wish::Block) {
            let all = self.parts.leaving(found, link.key.parent.oid);
            if all.is_empty() {
                continue;
            }
            let others = self.parts.leaving(found, link.key.child.oid);
            let others: BTreeSet<_> = others.into_iter().collect();
            let leaves = |row: &RowId| others.contains(row);
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
            let also = self.asked_links();
            let also = also.filter(|(place, _)| why.breaks_elsewhere(*place));
            let also = also.map(|(_, it)| it.label.as_str());
            return broken
                .into_iter()
                .chain(also)
                .collect::<Vec<_>>()
                .join(", ");
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
            let is_own = link.key.child.oid == oid;
            let is_by = |why: &Why| {
                let breaks = is_own && why.breaks & link.mark != 0;
                why.leaves && (breaks || why.breaks_elsewhere(place))
            };
            (place, link, true, leaving.number(is_by))
        });
        let along = self.links.iter().enumerate().map(|(place, link)| {
            let is_own = link.key.child.oid == oid;
            let is_by =
                |why: &Why| is_own && why.leaves && why.breaks == 0 && why.along == Some(place);
            (place, link, false, leaving.number(is_by))
        });
        let all = broken.chain(along).filter(|(.., rows)| *rows > 0);
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
        let both = links.flat_map(|(place, link)| {
            [true, false].map(|orphans| {
                let is_own = link.key.child.oid == leaving.table.oid;
                let is_by = |why: &Why| {
                    let breaks = why.breaks & link.mark != 0 && orphans;
                    let hangs = why.breaks == 0 && !orphans;
                    let forgets = is_own && why.forgets & link.mark != 0 && (breaks || hangs);
                    !why.leaves && (forgets || (orphans && why.breaks_elsewhere(place)))
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
