//! Keys of several columns: a table that has all the columns of another's key.

use anyhow::Result;
use rusqlite::Connection;

use super::catalog::{Catalog, ParentKey, Subject};
use super::names::How;
use super::score::Verdict;
use super::{Candidate, DEFAULT_CONFIDENCE, column, key_of, score, values};
use crate::sqlite::schema::Column;
use crate::sqlite::schema::foreign_key::ForeignKey;
use crate::sqlite::text::ddl::same_name;
use crate::words::{self, same};

/// Adds keys of several columns to `candidates`, which has those of one, and takes those out
/// that such a key implies.
pub fn add(
    connection: &Connection,
    catalog: &Catalog,
    candidates: &mut Vec<Candidate>,
) -> Result<()> {
    let mut found: Vec<Candidate> = Vec::new();
    for child in &catalog.subjects {
        for parent in &catalog.subjects {
            for to in parent.keys.iter().filter(|key| key.columns.len() > 1) {
                found.extend(of_key(
                    connection,
                    catalog,
                    candidates,
                    (child, parent, to),
                )?);
            }
        }
    }
    // The key with the most columns says what the others say, and more.
    found.sort_by_key(|it| std::cmp::Reverse((it.key.columns.len(), it.confidence)));
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

/// The key from a child to the key `to` of a parent, where the child has columns for it.
fn of_key(
    connection: &Connection,
    catalog: &Catalog,
    single: &[Candidate],
    (child, parent, to): (&Subject, &Subject, &ParentKey),
) -> Result<Option<Candidate>> {
    if same_name(&child.table.name, &parent.table.name) {
        return Ok(None);
    }
    let Some(columns) = columns_for(child, parent, to) else {
        return Ok(None);
    };
    let key = key_of(child, &columns, parent, to);
    // A declared key with these columns and others says more.
    let is_declared = catalog.declared.iter().any(|it| covers(it, &key));
    if is_declared || is_ambiguous(child, parent, &key) {
        return Ok(None);
    }
    // A table that only links others has their keys as its own, and so may many tables.
    let is_link = to.columns.iter().all(|column| {
        let refers = |key: &ForeignKey| {
            same_name(&key.child, &parent.table.name)
                && key.columns.len() == 1
                && key.columns.iter().all(|it| same_name(it, column))
        };
        catalog.declared.iter().any(refers) || single.iter().any(|it| refers(&it.key))
    });
    let (how, weight) = if is_link {
        (How::Vaguely, 62)
    } else {
        (How::Plainly, 85)
    };
    let look = values::look(connection, &child.table, &parent.table, &key, to)?;
    let verdict = Verdict {
        confidence: score::percent(weight + score::by_values(how, &look)),
        evidence: vec![
            format!(
                "{} has a column for each of the key of {}",
                child.table.name, parent.table.name
            ),
            score::in_words(&look, &parent.table.name),
        ],
    };
    Ok(Some(Candidate::new(key, to, &look, verdict)))
}

/// The column of `child` for each column of the key.
fn columns_for<'a>(
    child: &'a Subject,
    parent: &Subject,
    to: &ParentKey,
) -> Option<Vec<&'a Column>> {
    let mut columns: Vec<&Column> = Vec::new();
    for name in &to.columns {
        let theirs = parent.table.column(name)?;
        let mut with_parent = parent.words.clone();
        with_parent.extend(words::split(name));
        let speaks = |mine: &&Column| {
            let words = words::split(&mine.name);
            let is_alike = !column::is_generic(name)
                && (same_name(&mine.name, name) || same(&words, &words::split(name)));
            let fits = mine.affinity == theirs.affinity && !mine.generated;
            fits && (is_alike || same(&words, &with_parent))
        };
        let mine = child.table.columns.iter().find(speaks)?;
        if columns.iter().any(|it| it.name == mine.name) {
            return None;
        }
        columns.push(mine);
    }
    Some(columns)
}

/// Whether the child's own key is made of the same columns, so that only a name such as
/// `order_line_notes` tells which of the two is the parent.
fn is_ambiguous(child: &Subject, parent: &Subject, key: &ForeignKey) -> bool {
    let is_own = child.keys.iter().any(|own| {
        own.columns.len() == key.columns.len()
            && own
                .columns
                .iter()
                .all(|column| key.columns.iter().any(|it| same_name(it, column)))
    });
    let begins = child.words.get(..parent.words.len());
    let is_part = child.words.len() > parent.words.len()
        && begins.is_some_and(|begins| same(begins, &parent.words));
    is_own && !is_part
}
