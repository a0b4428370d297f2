//! What must hold before a byte changes: refused by name, with a remedy.

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use super::archive;
use super::carry::{self, Event};
use super::catalog::{Kind, Table};
use super::keys::{self, Key, source};
use super::rows;
use super::schema::Schema;
use super::search::{Blocked, Found, Leaving, Search, Why};
use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::policy::{Fates, OrphanAction, Policy, TableFate, Triggers};
use crate::text;

/// What a look at keys needs: no policy hides rows, and both tables may be read.
pub fn must_see(transaction: &mut Transaction, keys: &[Key]) -> Result<()> {
    for key in keys {
        for (table, shown) in [
            (&key.child, &key.child_shown),
            (&key.parent, &key.parent_shown),
        ] {
            table_must_be_seen(transaction, table, shown)?;
        }
    }
    Ok(())
}

/// Nothing of a table is hidden from this role.
pub fn table_must_be_seen(transaction: &mut Transaction, table: &Table, shown: &str) -> Result<()> {
    let row = transaction.query_typed_one(
        "SELECT has_table_privilege($1, 'SELECT')
             OR NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $1 AND attnum > 0
                 AND NOT attisdropped AND NOT has_column_privilege($1, attnum, 'SELECT')),
                row_security_active($1), current_user::text",
        &[(&table.oid, Type::OID)],
    )?;
    let (may_read, is_hidden, role): (bool, bool, String) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if is_hidden {
        return Err(Failure::impossible(format!(
            "row level security hides rows of {shown} from role {role}, so orphans can't be counted"
        ))
        .hint("run as a role with BYPASSRLS")
        .into());
    }
    if !may_read {
        return Err(
            Failure::impossible(format!("role {role} may not read {shown}"))
                .hint(format!("GRANT SELECT ON {} TO {role}", table.name))
                .into(),
        );
    }
    Ok(())
}

/// What adding `keys` needs: the child is the role's own, and the parent may be referred to.
pub fn may_add(transaction: &mut Transaction, keys: &[Key]) -> Result<()> {
    for key in keys.iter().filter(|key| key.there.is_none()) {
        let row = transaction.query_typed_one(
            "SELECT pg_has_role(c.relowner, 'USAGE'), pg_get_userbyid(c.relowner)::text, current_user::text,
                    NOT EXISTS (SELECT FROM unnest($3::text[]) AS name
                        WHERE NOT has_column_privilege($2, name, 'REFERENCES'))
             FROM pg_class c WHERE c.oid = $1",
            &[
                (&key.child.oid, Type::OID),
                (&key.parent.oid, Type::OID),
                (&key.key.parent_columns, Type::TEXT_ARRAY),
            ],
        )?;
        let (is_owner, owner, role): (bool, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if !is_owner {
            return Err(Failure::impossible(format!(
                "{} belongs to role {owner}, and only its owner adds a key; this is role {role}",
                key.child_shown
            ))
            .hint(format!("run as {owner}, or GRANT {owner} TO {role}"))
            .into());
        }
        if !row.try_get::<_, bool>(3)? {
            return Err(Failure::impossible(format!(
                "role {role} may not refer to {}",
                key.parent_shown
            ))
            .hint(format!("GRANT REFERENCES ON {} TO {role}", key.parent.name))
            .into());
        }
    }
    Ok(())
}

/// What rows that leave their tables need of these.
pub fn may_leave(
    schema: &Schema,
    found: &Found,
    policy: OrphanAction,
    triggers: Triggers,
) -> Result<()> {
    for leaving in &found.tables {
        let (table, shown) = (&leaving.table, &leaving.shown);
        if table.kind == Kind::Partitioned {
            return Err(Failure::impossible(format!(
                "{} of {shown} would leave, and it is partitioned: fkfix does not move rows of partitioned tables yet",
                text::rows(leaving.count())
            ))
            .hint("give these rows a parent, or delete them, first")
            .into());
        }
        must_fire(table, shown, Event::Delete, triggers)?;
        if !table.rules.is_empty() {
            return Err(Failure::impossible(format!(
                "{shown} has the rule {}, and rows that leave a table with rules can't be counted",
                table.rules.join(", ")
            ))
            .hint(format!("drop the rule for the time of the migration, or make a trigger of it: DROP RULE … ON {}", table.name))
            .into());
        }
        if table.refuses_deletes() {
            return Err(Failure::impossible(format!(
                "{shown} is published by {} and has no replica identity, so PostgreSQL lets no row leave",
                table.published_by.join(", ")
            ))
            .hint(format!("give it a primary key, or ALTER TABLE {} REPLICA IDENTITY FULL", table.name))
            .into());
        }
        if policy.keeps() {
            archive::of(schema, table)?;
        }
    }
    Ok(())
}

/// The user says what happens to triggers.
pub fn must_fire(table: &Table, shown: &str, event: Event, policy: Triggers) -> Result<()> {
    let names: Vec<_> = carry::triggers(table, event)
        .map(|it| it.name.clone())
        .collect();
    if names.is_empty() || policy != Triggers::Refuse {
        return Ok(());
    }
    let number = i64::try_from(names.len()).unwrap_or(i64::MAX);
    let on = match event {
        Event::Delete => "DELETE",
        Event::Insert => "INSERT",
    };
    Err(Failure::refused(format!(
        "{shown} has {} on {on}: {}",
        text::plural(number, "trigger"),
        names.join(", ")
    ))
    .hint("--triggers fire lets them run, --triggers skip sets them aside for each batch")
    .into())
}

/// Keys of rows are not changed in place on a server yet, so what asks for that is refused.
fn must_leave(keys: &[Key], found: &Found, policy: OrphanAction) -> Option<Failure> {
    let sets = |key: &Key| match policy {
        OrphanAction::SetNull => true,
        OrphanAction::Follow | OrphanAction::Rehearse => keys::action(key.key.on_delete).sets(),
        OrphanAction::Archive | OrphanAction::Delete | OrphanAction::Refuse => false,
    };
    let (_, key) = keys.iter().enumerate().find(|(place, key)| {
        let is_by = |why: &Why| why.breaks & (1 << place) != 0 || why.along == Some(*place);
        let breaks = |it: &Leaving| it.rows.values().any(is_by);
        sets(key) && found.of(key.child.oid).is_some_and(breaks)
    })?;
    let says = match policy {
        OrphanAction::SetNull => "--orphans set-null asks".to_owned(),
        _ => format!(
            "ON DELETE {} of {} asks",
            keys::action(key.key.on_delete).sql(),
            key.key.name
        ),
    };
    Some(
        Failure::refused(format!(
            "{says} for the key of rows of {} to be changed, which fkfix does not do on PostgreSQL yet",
            key.child_shown
        ))
        .hint("--orphans archive moves these rows out whole, and down brings them back; or change their key by hand first"),
    )
}

/// Why the rows of `found` may not leave under `policy`, if they may not.
pub fn refusal(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
    blocked: &[Blocked],
    policy: &Policy,
) -> Result<Option<Failure>> {
    let keys = &search.asked;
    let mut tables = Vec::new();
    for leaving in &found.tables {
        tables.push(fate(transaction, search, leaving)?);
    }
    let empty_parent = empty_parent(transaction, keys, found)?;
    let fates = Fates {
        is_new: keys.iter().any(|key| key.there.is_none()),
        blocked: blocked.first().map(|it| (&it.key, it.rows)),
        tables,
        empty_parent: empty_parent.as_ref(),
    };
    let refusal = policy.refusal(&fates);
    Ok(refusal.or_else(|| must_leave(keys, found, policy.orphans)))
}

/// What would happen to the rows of `leaving`.
fn fate<'a>(
    transaction: &mut Transaction,
    search: &Search,
    leaving: &'a Leaving,
) -> Result<TableFate<'a>> {
    let query = format!("SELECT count(*) FROM {}", source(&leaving.table));
    let whys = || leaving.rows.values();
    let breaks = whys().filter(|why| why.breaks != 0).count();
    Ok(TableFate {
        table: &leaving.shown,
        of: rows::count(transaction, &query, &[])?,
        leave: leaving.count(),
        kept: 0,
        orphans: i64::try_from(breaks)?,
        follows_itself: whys().any(|why| why.breaks == 0 && search.is_within(why)),
    })
}

/// The first key that is broken and whose parent holds no row.
fn empty_parent(
    transaction: &mut Transaction,
    keys: &[Key],
    found: &Found,
) -> Result<Option<ForeignKey>> {
    for (place, key) in keys.iter().enumerate() {
        let breaks = |it: &Leaving| it.rows.values().any(|why| why.breaks & (1 << place) != 0);
        if !found.of(key.child.oid).is_some_and(breaks) {
            continue;
        }
        let query = format!("SELECT FROM {} LIMIT 1", source(&key.parent));
        if transaction.query_typed(&query, &[])?.is_empty() {
            return Ok(Some(key.model()));
        }
    }
    Ok(None)
}
