//! Keys that refer to a table which is gone: the one that was meant, by its name. Tools that make a
//! table again call the old or the new one by a name of their own for a while, and SQLite drags the
//! keys of other tables along (<https://www.sqlite.org/lang_altertable.html#otheralter>).

use anyhow::Result;

use super::catalog::{Catalog, ParentKey, Subject};
use super::facts::Rows;
use super::found::Candidate;
use crate::model::key::{ForeignKey, NamedKey};

/// What stands before the name of a table that is on its way out, or in: of `SQLAlchemy`'s batches,
/// EF Core, DB Browser, Django, Prisma and people.
const BEFORE: [&str; 14] = [
    "_alembic_tmp_",
    "ef_temp_",
    "sqlb_temp_table_",
    "new__",
    "new_",
    "old_",
    "temp_",
    "temporary_",
    "tmp_",
    "backup_",
    "bak_",
    "copy_of_",
    "x_",
    "_",
];

/// What stands behind it.
const BEHIND: [&str; 13] = [
    "__old",
    "__new",
    "_old",
    "_new",
    "_temp",
    "_tmp",
    "_backup",
    "_bak",
    "_orig",
    "_original",
    "_copy",
    "_dg_tmp",
    "_",
];

/// How sure it is, in percent, where every value has its parent, and where some have none.
const SURE: u8 = 97;
const LIKELY: u8 = 85;

/// The key that was meant by one whose parent is gone.
pub struct Meant<'c> {
    /// It.
    pub key: ForeignKey,
    parent: &'c Subject,
    to: &'c ParentKey,
}

/// Puts the keys that take the place of those which lost their parent into `candidates`.
pub fn add(rows: &dyn Rows, catalog: &Catalog, candidates: &mut Vec<Candidate>) -> Result<()> {
    for NamedKey { key, .. } in &catalog.lost {
        let (Some(child), Some(meant)) = (catalog.subject(&key.child), meant(rows, catalog, key)?)
        else {
            continue;
        };
        let values = rows.look(child, meant.parent, &meant.key, meant.to)?.values;
        candidates.retain(|it| !it.key.same_columns(key));
        candidates.push(Candidate {
            confidence: if values.orphans == 0 { SURE } else { LIKELY },
            evidence: vec![format!(
                "{} is the name of {} with something around it",
                key.parent, meant.key.parent
            )],
            action_reason: String::new(),
            values,
            obstacle: None,
            replaces: Vec::new(),
            key: meant.key,
        });
    }
    Ok(())
}

/// Tells each of `candidates` which keys it takes the place of, and gives it their actions.
pub fn note(catalog: &Catalog, candidates: &mut [Candidate]) {
    for candidate in candidates {
        let own = catalog.lost.iter();
        let own = own.filter(|it| it.key.same_columns(&candidate.key));
        candidate.replaces = own.cloned().collect();
        let Some(NamedKey { key, .. }) = candidate.replaces.first() else {
            continue;
        };
        candidate.key.on_delete = key.on_delete;
        candidate.key.on_update = key.on_update;
        candidate.action_reason = format!("so says the key to {}", key.parent);
        candidate.evidence.insert(
            0,
            format!(
                "its key refers to {}, and there is no such table",
                key.parent
            ),
        );
    }
}

/// What `key`, whose parent is gone, was to be, by its name, where the database could take that.
pub fn meant<'c>(
    rows: &dyn Rows,
    catalog: &'c Catalog,
    key: &ForeignKey,
) -> Result<Option<Meant<'c>>> {
    let mut likely = plainer(&key.parent).into_iter();
    let Some(parent) = likely.find_map(|name| catalog.subject(&name)) else {
        return Ok(None);
    };
    let same = |it: &&ParentKey| {
        let mut pairs = it.columns.iter().zip(&key.parent_columns);
        it.columns.len() == key.parent_columns.len()
            && pairs.all(|(left, right)| left.eq_ignore_ascii_case(right))
    };
    let primary = |it: &&ParentKey| it.is_primary && it.columns.len() == key.columns.len();
    let mut keys = parent.keys.iter();
    let named = keys.find(same).or_else(|| parent.keys.iter().find(primary));
    let Some(to) = named else {
        return Ok(None);
    };
    let key = ForeignKey {
        parent: parent.table.name.clone(),
        parent_columns: to.columns.clone(),
        ..key.clone()
    };
    let possible = rows.obstacle(&key)?.is_none();
    Ok(possible.then_some(Meant { key, parent, to }))
}

/// What is left of the name of a table without what tools and people put around it, the longest first.
fn plainer(name: &str) -> Vec<String> {
    let mut names = vec![name.to_ascii_lowercase()];
    let mut at = 0;
    while let Some(name) = names.get(at).cloned() {
        let before = BEFORE.iter().filter_map(|it| name.strip_prefix(it));
        let behind = BEHIND.iter().filter_map(|it| name.strip_suffix(it));
        let digits = name.trim_end_matches(|it: char| it.is_ascii_digit());
        for shorter in before.chain(behind).chain([digits]) {
            if !shorter.is_empty() && !names.iter().any(|it| it == shorter) {
                names.push(shorter.to_owned());
            }
        }
        at += 1;
    }
    names.sort_by_key(|it| std::cmp::Reverse(it.len()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_of_what_stands_around_them() {
        for (name, plain) in [
            ("track_old", "track"),
            ("Track_Old", "track"),
            ("_alembic_tmp_users", "users"),
            ("_users_old_20200101", "users"),
            ("users_old2", "users"),
            ("ef_temp_Blogs", "blogs"),
            ("new__app_book", "app_book"),
            ("tmp_users_backup", "users"),
        ] {
            assert!(plainer(name).contains(&plain.to_owned()), "{name}");
        }
        assert_eq!(plainer("track"), ["track"]);
    }
}
