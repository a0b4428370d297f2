//! What a migration may change: the keys, the history, and rows that went to an archive.

use std::path::Path;

use fkfix::policy::OrphanAction;

use super::fates;
use super::generator::Case;
use super::support::{Picture, difference, open};

/// What differs is the keys, the history, and rows that went to an archive. Whether rows went.
pub(super) fn must_be_with_keys(
    case: &Case,
    before: &Picture,
    after: &Picture,
    path: &Path,
) -> Result<bool, String> {
    let mut expected = before.clone();
    let mut found = after.clone();
    found.remove("fkfix_schema_history").ok_or("no history")?;
    let archives: Vec<_> = after
        .keys()
        .filter(|name| !before.contains_key(*name))
        .cloned()
        .collect();
    let mut has_archive = false;
    for archive in archives {
        let Some(table) = archive.strip_suffix("_orphans") else {
            continue;
        };
        let rows = found.remove(&archive).unwrap();
        let all = expected.get_mut(table).ok_or("an archive of nothing")?;
        let left = &found[table];
        has_archive = true;
        if case.orphans != OrphanAction::Archive {
            continue;
        }
        if all.len() != left.len() + rows.len() {
            return Err(format!(
                "{archive} holds {} rows, {} of {} are left",
                rows.len(),
                left.len(),
                all.len()
            ));
        }
        all.retain(|row| left.contains(row));
    }
    // Rows that left otherwise, or stayed without their key, are held by `fates`.
    let mut gone = false;
    for name in fates::tables(&open(path)) {
        let differs = expected.get(&name) != found.get(&name);
        let own = after.contains_key(&format!("{name}_orphans"));
        if differs && (own || case.orphans == OrphanAction::Delete) {
            expected.remove(&name);
            found.remove(&name);
            gone = true;
        }
    }
    let schema = |picture: &Picture| -> Vec<String> {
        let objects = picture["sqlite_schema"].iter();
        objects
            .filter(|it| !it.contains("fkfix_schema_history") && !it.contains("_orphans'|"))
            .cloned()
            .collect()
    };
    let (old, new) = (schema(before), schema(after));
    let changed = new.iter().filter(|it| !old.contains(it)).count();
    if old.len() != new.len() || changed > 1 {
        return Err(format!("the schema: {}", difference(before, after)));
    }
    expected.remove("sqlite_schema");
    found.remove("sqlite_schema");
    if has_archive || gone {
        // Rows that left are no longer in the indexes that held them.
        for picture in [&mut expected, &mut found] {
            picture.retain(|name, _| !name.ends_with("_docsize"));
        }
    }
    // The text of the key is an index's business: see without_shadows.
    let (expected, found) = (without_shadows(&expected), without_shadows(&found));
    if expected != found {
        return Err(format!("up: {}", difference(&expected, &found)));
    }
    let connection = open(path);
    let count = |query| -> i64 {
        connection
            .query_row(query, [&case.child], |row| row.get(0))
            .unwrap()
    };
    let keys = count("SELECT count(DISTINCT id) FROM pragma_foreign_key_list(?1)");
    let wanted = case.up.matches("FOREIGN KEY").count();
    if usize::try_from(keys) != Ok(wanted) {
        return Err(format!("{keys} keys are there, {wanted} were wanted"));
    }
    let broken = count("SELECT count(*) FROM pragma_foreign_key_check(?1)");
    if broken > 0 {
        return Err(format!("{broken} rows break the keys"));
    }
    Ok(has_archive || gone)
}

/// Without the inner tables of full-text indexes, which may arrange the same text otherwise.
pub(super) fn without_shadows(picture: &Picture) -> Picture {
    let mut picture = picture.clone();
    picture.retain(|name, _| {
        !["_data", "_idx", "_config"]
            .iter()
            .any(|it| name.ends_with(it))
    });
    picture
}
