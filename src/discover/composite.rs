//! Keys of several columns: a table that has all the columns of another's key.

use std::collections::HashMap;

use anyhow::Result;

use super::catalog::{Catalog, ParentKey, Subject};
use super::column;
use super::facts::Rows;
use super::found::Candidate;
use super::judge::{self, Features};
use super::lead::Lead;
use super::reasons;
use super::table::Column;
use crate::model::asked::DEFAULT_CONFIDENCE;
use crate::model::key::{ForeignKey, same_name};
use crate::words::{Word, same};

/// Adds keys of several columns to `candidates`, which has those of one, and takes those out
/// that such a key implies.
pub fn add(
    rows: &dyn Rows,
    catalog: &Catalog,
    leads: &[Lead<'_>],
    candidates: &mut Vec<Candidate>,
) -> Result<()> {
    let search = Search {
        rows,
        catalog,
        sure: leads.iter().filter(|it| it.probability >= 0.5).collect(),
        names: catalog
            .subjects
            .iter()
            .map(|it| (it.table.name.as_str(), names_of(it)))
            .collect(),
    };
    let mut found: Vec<Candidate> = Vec::new();
    for parent in &catalog.subjects {
        for to in parent.keys.iter().filter(|key| key.columns.len() > 1) {
            let names: Vec<String> = to.columns.iter().map(|it| text(&parent.bare(it))).collect();
            // One column of the key at least stands in the name of one of the child's.
            let stands = |it: &&Subject| {
                let own = search.names.get(it.table.name.as_str());
                let mut own = own.into_iter().flatten();
                own.any(|own| names.iter().any(|name| own.contains(name.as_str())))
            };
            for child in catalog.subjects.iter().filter(stands) {
                found.extend(search.of_key(child, parent, to)?);
            }
        }
    }
    // Of sure keys, the one with the most columns says what the others say, and more.
    found.sort_by_key(|it| {
        let is_sure = it.confidence >= DEFAULT_CONFIDENCE;
        let width = if is_sure { it.key.columns.len() } else { 0 };
        std::cmp::Reverse((is_sure, width, it.confidence))
    });
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in found {
        if !kept.iter().any(|other| covers(&other.key, &candidate.key)) {
            kept.push(candidate);
        }
    }
    let sure = kept.iter().filter(|it| it.confidence >= DEFAULT_CONFIDENCE);
    let wide: Vec<_> = sure
        .map(|it| &it.key)
        .chain(catalog.declared.iter().filter(|key| key.columns.len() > 1))
        .cloned()
        .collect();
    let single: Vec<_> = candidates.iter().map(|it| it.key.clone()).collect();
    candidates.retain(|it| {
        !wide
            .iter()
            .any(|key| implies(catalog, &single, key, &it.key))
    });
    candidates.append(&mut kept);
    Ok(())
}

/// Whether every column of `narrow` is one of `wide`.
fn covers(wide: &ForeignKey, narrow: &ForeignKey) -> bool {
    let has = |column: &String| wide.columns.iter().any(|it| same_name(it, column));
    same_name(&wide.child, &narrow.child) && narrow.columns.iter().all(has)
}

/// Whether `narrow` holds wherever `wide` does: `wide` can't be NULL, and the column that it
/// refers to is itself a key to the parent of `narrow`.
fn implies(
    catalog: &Catalog,
    single: &[ForeignKey],
    wide: &ForeignKey,
    narrow: &ForeignKey,
) -> bool {
    let Some(child) = catalog
        .subject(&wide.child)
        .filter(|_| covers(wide, narrow))
    else {
        return false;
    };
    let at_parent = narrow.columns.first().and_then(|column| {
        let mut pairs = wide.pairs();
        pairs.find_map(|(mine, theirs)| same_name(mine, column).then_some(theirs))
    });
    let goes_on = |key: &ForeignKey| {
        same_name(&key.child, &wide.parent)
            && key.columns.iter().map(String::as_str).eq(at_parent)
            && same_name(&key.parent, &narrow.parent)
            && key.parent_columns == narrow.parent_columns
    };
    wide.columns.iter().all(|column| child.is_required(column))
        && catalog.declared.iter().chain(single).any(goes_on)
}

struct Search<'a> {
    rows: &'a dyn Rows,
    catalog: &'a Catalog,
    sure: Vec<&'a Lead<'a>>,
    /// The names of the columns of each table without gaps, by the name of the table.
    names: HashMap<&'a str, Vec<String>>,
}

/// The column of a child for each column of a key.
struct Standing<'a> {
    columns: Vec<&'a Column>,
    /// How many are called like those of the key.
    alike: usize,
    /// What all others have beside the names of the key's columns.
    role: String,
}

impl Search<'_> {
    /// The keys from a child to the key `to` of a parent, where the child has columns for it.
    fn of_key(&self, child: &Subject, parent: &Subject, to: &ParentKey) -> Result<Vec<Candidate>> {
        if same_name(&child.table.name, &parent.table.name) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for columns in self.columns_for(child, parent, to) {
            found.extend(self.candidate(child, parent, to, &columns)?);
        }
        Ok(found)
    }

    fn candidate(
        &self,
        child: &Subject,
        parent: &Subject,
        to: &ParentKey,
        columns: &Standing<'_>,
    ) -> Result<Option<Candidate>> {
        let key = child.key_to(&columns.columns, parent, to);
        // A declared key with these columns and others says more.
        if self.catalog.declared.iter().any(|it| covers(it, &key)) {
            return Ok(None);
        }
        let look = self.rows.look(child, parent, &key, to)?;
        let mut features: Features = judge::composite(&look);
        let mut flag = |name, is_so| {
            if is_so {
                features.push((name, 1.0));
            }
        };
        flag("primary", to.is_primary);
        flag("wide", to.columns.len() > 2);
        flag("ambiguous", is_ambiguous(child, parent, &key));
        flag("link", self.is_link(parent, to));
        flag("all alike", columns.alike == to.columns.len());
        flag("role", !columns.role.is_empty());
        flag("part", is_part(child, parent));
        let is_own = child
            .keys
            .iter()
            .any(|own| to.columns.len() > 1 && is_covered(&key.columns, &own.columns));
        flag("covers own key", is_own);
        let names_parent = columns.columns.iter().any(|it| {
            column::readings(&child.bare(&it.name))
                .iter()
                .any(|reading| {
                    let tail = reading.base.len().saturating_sub(parent.words.len());
                    same(reading.base.get(tail..).unwrap_or_default(), &parent.words)
                })
        });
        flag("names parent", names_parent);
        flag(
            "part that names parent",
            names_parent && is_part(child, parent),
        );
        let logit = judge::logit_of_composite(&features);
        tracing::trace!(
            "composite {}",
            serde_json::json!([
                key.child,
                key.columns,
                key.parent,
                key.parent_columns,
                "",
                features
            ])
        );
        Ok(Some(Candidate {
            confidence: judge::percent(judge::probability(logit)),
            evidence: vec![
                format!(
                    "{} has a column for each of the key of {}",
                    child.table.name, parent.table.name
                ),
                reasons::in_words(&look, &parent.table.name),
            ],
            key,
            action_reason: String::new(),
            values: look.values,
            obstacle: None,
            replaces: Vec::new(),
        }))
    }

    /// Whether a table only links others: it has their keys as its own, and so may many tables.
    fn is_link(&self, parent: &Subject, to: &ParentKey) -> bool {
        to.columns.iter().all(|column| {
            let refers = |key: &ForeignKey| {
                same_name(&key.child, &parent.table.name)
                    && key.columns.len() == 1
                    && key.columns.iter().all(|it| same_name(it, column))
            };
            self.catalog.declared.iter().any(refers) || self.sure.iter().any(|it| refers(&it.key))
        })
    }

    /// Every way in which columns of `child` may stand for those of the key: called the same, or
    /// with the same words beside it.
    fn columns_for<'c>(
        &self,
        child: &'c Subject,
        parent: &Subject,
        to: &ParentKey,
    ) -> Vec<Standing<'c>> {
        let mut roles: Vec<String> = vec![String::new()];
        for name in &to.columns {
            let theirs = parent.bare(name);
            for mine in &child.table.columns {
                let role = beside(&child.bare(&mine.name), &theirs);
                if let Some(role) = role
                    && !column::is_generic(name)
                    && !roles.contains(&role)
                {
                    roles.push(role);
                }
            }
        }
        roles
            .iter()
            .filter_map(|role| self.columns_with(child, parent, to, role))
            .collect()
    }

    fn columns_with<'c>(
        &self,
        child: &'c Subject,
        parent: &Subject,
        to: &ParentKey,
        role: &str,
    ) -> Option<Standing<'c>> {
        let mut columns: Vec<&Column> = Vec::new();
        let (mut alike, mut telling, mut with_role) = (0, 0, 0);
        for name in &to.columns {
            let theirs = parent.table.column(name)?;
            let words = parent.bare(name);
            let mut with_parent = parent.words.clone();
            with_parent.extend(words.iter().cloned());
            let fits = |mine: &&Column| mine.affinity == theirs.affinity && !mine.is_no_key;
            let named_so = |mine: &&Column| {
                let own = child.bare(&mine.name);
                same_name(&mine.name, name) || same(&own, &words) || same(&own, &with_parent)
            };
            let beside_role =
                |mine: &&Column| beside(&child.bare(&mine.name), &words).as_deref() == Some(role);
            let mut mine = child.table.columns.iter().filter(fits);
            let found =
                if let Some(found) = mine.clone().find(|it| !role.is_empty() && beside_role(it)) {
                    with_role += 1;
                    found
                } else if let Some(found) = mine.clone().find(named_so) {
                    alike += 1;
                    // An `id` or a `version` of both tables says nothing by itself.
                    telling += usize::from(!column::is_generic(&found.name));
                    found
                } else {
                    mine.find(|it| self.refer_alike(child, &it.name, parent, name))?
                };
            if columns.iter().any(|it| it.name == found.name) {
                return None;
            }
            columns.push(found);
        }
        // What no name tells, and a role that one column alone has, may be chance.
        let is_enough = telling + with_role > 0 && (role.is_empty() || with_role > 1);
        is_enough.then(|| Standing {
            columns,
            alike,
            role: role.to_owned(),
        })
    }

    /// Whether both columns surely refer to the same table, or the one to the other.
    fn refer_alike(&self, child: &Subject, mine: &str, parent: &Subject, theirs: &str) -> bool {
        let of = |table: &Subject, column: &str| -> Vec<&ForeignKey> {
            let sure = self.sure.iter().map(|it| &it.key);
            sure.chain(&self.catalog.declared)
                .filter(|key| {
                    same_name(&key.child, &table.table.name)
                        && matches!(key.columns.as_slice(), [it] if same_name(it, column))
                })
                .collect()
        };
        let theirs = of(parent, theirs);
        of(child, mine).iter().any(|key| {
            theirs.iter().any(|it| {
                same_name(&it.parent, &key.parent) && it.parent_columns == key.parent_columns
            })
        })
    }
}

/// What the name `mine` has beside `theirs`, before it or behind it: `teamIDwinner` is a `teamID`
/// of the winner.
fn beside(mine: &[Word], theirs: &[Word]) -> Option<String> {
    let (mine, theirs) = (text(mine), text(theirs));
    let role = mine
        .strip_prefix(&theirs)
        .or_else(|| mine.strip_suffix(&theirs))?;
    (!theirs.is_empty() && !role.is_empty()).then(|| role.to_owned())
}

/// Words without gaps.
fn text(words: &[Word]) -> String {
    words.iter().map(Word::as_str).collect()
}

fn names_of(subject: &Subject) -> Vec<String> {
    let columns = subject.table.columns.iter();
    columns.map(|it| text(&subject.bare(&it.name))).collect()
}

/// Whether every column of `own` is one of `columns`.
fn is_covered(columns: &[String], own: &[String]) -> bool {
    own.iter()
        .all(|column| columns.iter().any(|it| same_name(it, column)))
}

/// Whether the child's own key is made of the same columns, so that only a name such as
/// `order_line_notes` tells which of the two is the parent.
fn is_ambiguous(child: &Subject, parent: &Subject, key: &ForeignKey) -> bool {
    let is_own = |own: &ParentKey| {
        own.columns.len() == key.columns.len() && is_covered(&key.columns, &own.columns)
    };
    child.keys.iter().any(is_own) && !is_part(child, parent)
}

/// Whether the child is called after the parent.
fn is_part(child: &Subject, parent: &Subject) -> bool {
    let begins = child.words.get(..parent.words.len());
    child.words.len() > parent.words.len() && begins.is_some_and(|it| same(it, &parent.words))
}
