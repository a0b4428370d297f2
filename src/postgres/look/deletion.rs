//! What the deletion of a row would take with it. Counted, not deleted. What triggers do is not
//! foreseen.

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::model::deletion::{Changed, Deletion, Reason, Refusal, Taken};
use crate::model::key::Action;
use crate::postgres::catalog::{Table, quoted};
use crate::postgres::keys::Key;
use crate::postgres::orphans::{Found, Leaving, Search};
use crate::postgres::schema::rows::{self, RowId, source};

/// How many rows are looked up at once.
const AT_ONCE: usize = 20_000;

/// What hangs on the rows of `found`, which holds the one row that is asked for.
pub fn foresee(
    transaction: &mut Transaction,
    search: &Search,
    mut found: Found,
) -> Result<Deletion> {
    search.follow(transaction, &mut found, false)?;
    let mut deletion = Deletion::default();
    for leaving in &found.tables {
        let reasons = search.reasons(&found, leaving);
        let rows = reasons.iter().map(|it| it.rows).sum();
        if rows > 0 {
            deletion.taken.push(Taken {
                table: leaving.shown.clone(),
                rows,
                by: reasons.into_iter().map(|it| it.label).collect(),
            });
        }
    }
    for blocked in search.blocked(transaction, &found)? {
        let Some(key) = search.links().find(|it| it.model() == blocked.key) else {
            continue;
        };
        let reason = if blocked.key.on_delete.sets() {
            what_forbids(transaction, &found, key)?
        } else {
            Some(Reason::Refers)
        };
        let (key, rows) = (blocked.key, blocked.rows);
        match reason {
            Some(reason) => deletion.refusals.push(Refusal { key, rows, reason }),
            None => deletion.changed.push(Changed { key, rows }),
        }
    }
    for key in search.links() {
        let parent = found.of(key.parent.oid);
        let (Some(parent), Some(child)) = (parent, found.of(key.child.oid)) else {
            continue;
        };
        if !fails_at_once(transaction, &found, key)? {
            continue;
        }
        let rows = go_along(transaction, key, parent, child)?;
        if rows > 0 {
            deletion.refusals.push(Refusal {
                key: key.model(),
                rows,
                reason: Reason::RefersAndGoes,
            });
        }
    }
    Ok(deletion)
}

/// Whether the action of `key` fails as soon as it meets a row, even one that would go later.
fn fails_at_once(transaction: &mut Transaction, found: &Found, key: &Key) -> Result<bool> {
    let model = key.model();
    Ok(match model.on_delete {
        Action::Restrict => true,
        Action::SetNull | Action::SetDefault => {
            let forbids = what_forbids(transaction, found, key)?;
            matches!(forbids, Some(Reason::NotNull(_)))
        }
        Action::NoAction | Action::Cascade => false,
    })
}

/// How many rows of `child` that leave refer by `key` to other rows of `parent` that leave.
fn go_along(
    transaction: &mut Transaction,
    key: &Key,
    parent: &Leaving,
    child: &Leaving,
) -> Result<i64> {
    let is_same = parent.table.oid == child.table.oid;
    let itself = if is_same {
        format!(
            " AND {} OPERATOR(pg_catalog.<>) {}",
            rows::place(&key.child, "p"),
            rows::place(&key.child, "c")
        )
    } else {
        String::new()
    };
    let parents: Vec<RowId> = parent.rows.keys().cloned().collect();
    let children = rows::texts(child.rows.keys().cloned());
    let mut number = 0;
    for some in parents.chunks(AT_ONCE) {
        let query = format!(
            "SELECT count(*) FROM {} AS c WHERE {} AND {} AND EXISTS (SELECT FROM {} AS p WHERE {} AND {}{itself})",
            source(&key.child),
            rows::are(&key.child, "c", 2),
            key.refers("c"),
            source(&key.parent),
            rows::are(&key.parent, "p", 1),
            key.joined("c", "p")
        );
        let some = rows::texts(some.iter().cloned());
        number += rows::count(
            transaction,
            &query,
            &[(&some, Type::TEXT_ARRAY), (&children, Type::TEXT_ARRAY)],
        )?;
    }
    Ok(number)
}

/// What forbids the change that the action of `key` makes, if anything does.
fn what_forbids(transaction: &mut Transaction, found: &Found, key: &Key) -> Result<Option<Reason>> {
    let to_default = key.model().on_delete == Action::SetDefault;
    let set = &key.key.on_delete_columns;
    let is_set = |name: &String| set.is_empty() || set.contains(name);
    let (mut defaults, mut has_null) = (Vec::new(), false);
    for name in key.key.columns.iter().filter(|it| is_set(it)) {
        let column = key.child.columns.iter().find(|it| it.name == *name);
        let default = column.and_then(|it| it.default.as_deref());
        let Some(default) = default.filter(|it| to_default && !is_null(it)) else {
            if column.is_some_and(|it| it.not_null) {
                return Ok(Some(Reason::NotNull(name.clone())));
            }
            has_null = true;
            continue;
        };
        defaults.push((name, default));
    }
    // What a function gives is not known before it is called.
    let is_known = defaults.iter().all(|(_, default)| !default.contains('('));
    if has_null || !is_known || defaults.len() < key.key.columns.len() {
        return Ok(None);
    }
    let Some(parent) = found.of(key.parent.oid) else {
        return Ok(None);
    };
    let has_parent = has_parent(transaction, key, &key.parent, &defaults, parent)?;
    Ok((!has_parent).then_some(Reason::NoDefaultParent))
}

/// Whether a row of the parent that stays has the defaults.
fn has_parent(
    transaction: &mut Transaction,
    key: &Key,
    table: &Table,
    defaults: &[(&String, &str)],
    leaving: &Leaving,
) -> Result<bool> {
    let columns = defaults.iter().map(|(name, default)| {
        let column = key.child.columns.iter().find(|it| it.name == **name);
        let type_name = column.map_or("text", |it| it.type_name.as_str());
        format!("({default})::{type_name} AS {}", quoted(name))
    });
    let query = format!(
        "SELECT count(*) FROM (SELECT {}) AS c, {} AS p WHERE {} AND NOT ({})",
        columns.collect::<Vec<_>>().join(", "),
        source(table),
        key.joined("c", "p"),
        rows::are(table, "p", 1)
    );
    let leaving = rows::texts(leaving.rows.keys().cloned());
    Ok(rows::count(transaction, &query, &[(&leaving, Type::TEXT_ARRAY)])? > 0)
}

/// `NULL::integer`
fn is_null(default: &str) -> bool {
    let value = default.split("::").next().unwrap_or_default();
    value.trim().eq_ignore_ascii_case("null")
}
