//! What must hold before a byte changes: refused by name, with a remedy.

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::failure::Failure;
use crate::model::key::ForeignKey;
use crate::policy::{Fates, OrphanAction, Policy, TableFate, Triggers};
use crate::postgres::catalog::{Kind, Table};
use crate::postgres::keys::Key;
use crate::postgres::leave::triggers::{self, Event};
use crate::postgres::leave::{archive, carry};
use crate::postgres::orphans::{Found, Leaving, Search};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, source};
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
        .coded("no-permission")
        .hint("run as a role with BYPASSRLS")
        .into());
    }
    if !may_read {
        return Err(
            Failure::impossible(format!("role {role} may not read {shown}"))
                .coded("no-permission")
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
            .coded("no-permission")
            .hint(format!("run as {owner}, or GRANT {owner} TO {role}"))
            .into());
        }
        if !row.try_get::<_, bool>(3)? {
            return Err(Failure::impossible(format!(
                "role {role} may not refer to {}",
                key.parent_shown
            ))
            .coded("no-permission")
            .hint(format!("GRANT REFERENCES ON {} TO {role}", key.parent.name))
            .into());
        }
    }
    Ok(())
}

/// What rows that leave their tables, or change there, need of these.
pub fn may_leave(
    schema: &Schema,
    found: &Found,
    policy: OrphanAction,
    triggers: Triggers,
) -> Result<()> {
    for (leaving, event) in carry::events(found) {
        let (table, shown) = (&leaving.table, &leaving.shown);
        let (rows, would) = match event {
            Event::Delete => (leaving.leave(), "would leave"),
            _ => (leaving.forget(), "would get another key"),
        };
        if let Some(part) = table.unidentified_parts.first() {
            return Err(Failure::impossible(format!(
                "{} of {shown} {would}, and its partition {} is published and has no replica identity",
                text::rows(rows),
                schema.shown(part)
            ))
            .hint(format!("give it a primary key, or ALTER TABLE {part} REPLICA IDENTITY FULL"))
            .into());
        }
        must_fire(table, shown, event, triggers)?;
        if !table.rules.is_empty() {
            return Err(Failure::impossible(format!(
                "{shown} has the rule {}, and rows that leave a table with rules can't be counted",
                table.rules.join(", ")
            ))
            .hint(format!("drop the rule for the time of the migration, or make a trigger of it: DROP RULE … ON {}", table.name))
            .into());
        }
        if table.kind == Kind::Table && table.refuses_deletes() {
            let what = match event {
                Event::Delete => "lets no row leave",
                _ => "lets no row change",
            };
            return Err(Failure::impossible(format!(
                "{shown} is published by {} and has no replica identity, so PostgreSQL {what}",
                table.published_by.join(", ")
            ))
            .hint(format!(
                "give it a primary key, or ALTER TABLE {} REPLICA IDENTITY FULL",
                table.name
            ))
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
    let mut names: Vec<_> = triggers::triggers(table, event)
        .map(|it| it.name.clone())
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() || policy == Triggers::Fire {
        return Ok(());
    }
    if policy == Triggers::Skip {
        if table.kind != Kind::Partitioned {
            return Ok(());
        }
        return Err(Failure::impossible(format!(
            "{shown} is partitioned, and --triggers skip does not set aside the triggers of partitions: {}",
            names.join(", ")
        ))
        .hint(format!("--triggers fire lets them run; or disable them for that time: ALTER TABLE {} DISABLE TRIGGER …", table.name))
        .into());
    }
    let number = i64::try_from(names.len()).unwrap_or(i64::MAX);
    let on = event.sql();
    Err(Failure::refused(format!(
        "{shown} has {} on {on}: {}",
        text::plural(number, "trigger"),
        names.join(", ")
    ))
    .hint("--triggers fire lets them run, --triggers skip sets them aside for each batch")
    .into())
}

/// Fails where a key does not let rows of `found` go that leave.
pub fn must_not_be_blocked(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
) -> Result<()> {
    let blocked = search.blocked(transaction, found)?;
    let fates = Fates {
        is_new: false,
        blocked: blocked.first().map(|it| (&it.key, it.rows)),
        tables: Vec::new(),
        empty_parent: None,
    };
    let refusal = Policy::REFUSE.refusal(&fates);
    refusal.map_or(Ok(()), |it| Err(it.into()))
}

/// Why the rows of `found` may not fare so under `policy`, if they may not.
pub fn refusal(
    transaction: &mut Transaction,
    search: &Search,
    found: &Found,
    policy: &Policy,
) -> Result<Option<Failure>> {
    let keys = &search.asked;
    let blocked = search.blocked(transaction, found)?;
    let mut tables = Vec::new();
    for leaving in found.tables.iter().filter(|it| it.count() > 0) {
        tables.push(TableFate {
            table: &leaving.shown,
            of: rows::count_rows(transaction, &leaving.table)?,
            leave: leaving.leave(),
            kept: leaving.forget(),
            orphans: leaving.orphans(),
            follows_itself: search.is_within(leaving),
        });
    }
    let empty_parent = empty_parent(transaction, keys, found, search)?;
    let fates = Fates {
        is_new: keys.iter().any(|key| key.there.is_none()),
        blocked: blocked.first().map(|it| (&it.key, it.rows)),
        tables,
        empty_parent: empty_parent.as_ref(),
    };
    Ok(policy.refusal(&fates))
}

/// The first key that is broken and whose parent holds no row.
fn empty_parent(
    transaction: &mut Transaction,
    keys: &[Key],
    found: &Found,
    search: &Search,
) -> Result<Option<ForeignKey>> {
    for (place, key) in keys.iter().enumerate() {
        let mark = search.mark(place);
        let breaks = |it: &Leaving| it.rows.values().any(|why| why.breaks & mark != 0);
        if !found.of(key.child.oid).is_some_and(breaks) && !found.is_broken_elsewhere(place) {
            continue;
        }
        let query = format!("SELECT FROM {} LIMIT 1", source(&key.parent));
        if transaction.query_typed(&query, &[])?.is_empty() {
            return Ok(Some(key.model()));
        }
    }
    Ok(None)
}
