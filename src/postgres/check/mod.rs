//! `check`: is the schema as it should be? Rows are counted whatever `convalidated` says, since
//! PostgreSQL calls keys valid that rows break: those that were loaded around it, or that a policy
//! hid. Nothing is written.

pub mod dump;
mod normal;

use std::rc::Rc;

use anyhow::Result;
use postgres::Transaction;
use postgres::types::Type;

use crate::explain;
use crate::migrations::Migrations;
use crate::model::finding::{Code, Finding};
use crate::model::key::ForeignKey;
use crate::postgres::catalog::{self, Kind, Table, list, quoted};
use crate::postgres::database::{Database, applicable};
use crate::postgres::keys::{self, Key, child_index};
use crate::postgres::leave::{archive, preflight};
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{self, source};
use crate::postgres::text::expected::{self, Expected};
use crate::postgres::text::parts;
use crate::standing::{self, State, findings};
use crate::text::{self, count, rows as rows_text};

impl Database {
    /// What is not as it should be; whether no migration applies; and the whole schema in normal form
    /// where `with_schema` asks for it.
    pub fn check(
        &mut self,
        set: &Migrations,
        with_schema: bool,
    ) -> Result<(Vec<Finding>, bool, Option<String>)> {
        self.look(|transaction, schema, own| {
            let applied = own.history(transaction)?;
            let set = applicable(schema, set, &applied)?;
            let states = standing::states(set, &applied);
            let under_way = own.progress(transaction)?;
            let mut findings = findings::check(&states);
            if let Some(progress) = &under_way {
                let name = format!("V{}__{}", progress.version, progress.name);
                findings.retain(|it| it.object != name || it.code != Code::MigrationPending);
                let message = format!(
                    "{name} is under way since {}: {}",
                    progress.started_on.date(),
                    progress.step.name()
                );
                findings.push(
                    Finding::new(Code::HalfDone, name, message)
                        .hint("go on with fkfix up, or take it back with fkfix down"),
                );
            }
            let is_due = |version: i64, state: &State| {
                !matches!(state, State::Pending)
                    && under_way.as_ref().is_none_or(|it| it.version != version)
            };
            let (mut due, mut pending) = (Vec::new(), Vec::new());
            for (version, migration, state) in &states {
                if let Some(migration) = *migration {
                    let list = if is_due(*version, state) {
                        &mut due
                    } else {
                        &mut pending
                    };
                    list.push(migration);
                }
            }
            let due = expected::after(due.into_iter())?;
            let mut asked: Vec<_> = due.into_iter().map(|it| (it, true)).collect();
            for migration in pending {
                let requests = parts::requests(migration)?.into_iter();
                asked.extend(requests.map(|request| {
                    let migration = migration.up.to_string();
                    (Expected { migration, request }, false)
                }));
            }
            let mut wanted = Vec::new();
            for (Expected { migration, request }, is_due) in asked {
                let found = keys::resolve(transaction, schema, std::slice::from_ref(&request));
                match found {
                    Ok(keys) => {
                        wanted.extend(keys.into_iter().map(|key| (key, is_due, migration.clone())));
                    }
                    Err(error) => findings.push(
                        Finding::of_table(
                            Code::KeyImpossible,
                            &request.table.shown(),
                            explain::message(&error),
                        )
                        .hint(explain::hint_for(&error).unwrap_or_default()),
                    ),
                }
            }
            for (key, is_due, migration) in &wanted {
                if *is_due && key.there.is_none() {
                    let text = key.model();
                    let message = format!(
                        "{} has no key {text}, for which {migration} asks",
                        key.child_shown
                    );
                    findings.push(
                        Finding::of_key(Code::KeyMissing, &text, message)
                            .hint(format!("{}; then VALIDATE CONSTRAINT", key.add_sql())),
                    );
                }
            }
            let wanted: Vec<_> = wanted.into_iter().map(|(key, ..)| key).collect();
            findings.extend(declared(transaction, schema, &wanted)?);
            findings.extend(archives(transaction, schema)?);
            let normal = if with_schema {
                Some(normal::schema(transaction, schema)?)
            } else {
                None
            };
            Ok((findings, set.is_empty(), normal))
        })
    }

    /// The whole schema in normal form.
    pub fn schema(&mut self) -> Result<String> {
        self.look(|transaction, schema, _| normal::schema(transaction, schema))
    }
}

/// What every key that the database declares costs, and whether it holds.
fn declared(
    transaction: &mut Transaction,
    schema: &Schema,
    wanted: &[Key],
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for child in &schema.tables {
        let mut seen: Vec<keys::Saying> = Vec::new();
        for declared in child.foreign_keys.iter().filter(|it| !it.is_inherited) {
            let parent = schema.get(&declared.parent);
            if parent.is_some_and(|parent| keys::spread::is_beyond(child, parent)) {
                let key = keys::told(schema, child, declared);
                let message = format!(
                    "{} of {} is a key of a local table to a distributed one, and Citus does not hold to it",
                    declared.name, key.child
                );
                findings.push(
                    Finding::of_key(Code::KeyImpossible, &key, message).hint(format!(
                        "ALTER TABLE {} DROP CONSTRAINT {}, or distribute the table",
                        child.name,
                        quoted(&declared.name)
                    )),
                );
                continue;
            }
            let Some(key) = keys::declared(transaction, schema, child, declared)? else {
                continue;
            };
            let is_ours = wanted.iter().any(|it| {
                it.child.oid == child.oid
                    && it
                        .there
                        .as_ref()
                        .is_some_and(|there| there.name == declared.name)
            });
            let says = keys::saying(declared);
            if seen.contains(&says) {
                let text = key.model();
                findings.push(
                    Finding::of_key(
                        Code::KeyTwice,
                        &text,
                        format!("{} declares more than once {text}", key.child_shown),
                    )
                    .hint(drop_hint(&key.child, &key.key)),
                );
                continue;
            }
            seen.push(says);
            findings.extend(of_key(transaction, schema, &key, is_ours)?);
        }
        for index in child.indexes.iter().filter(|index| !index.is_valid) {
            let shown = schema.shown(&child.name);
            findings.push(
                Finding::of_table(
                    Code::InvalidIndex,
                    &shown,
                    format!(
                        "the index {} of {shown} is not valid: a CREATE INDEX CONCURRENTLY failed",
                        index.name
                    ),
                )
                .hint(format!(
                    "DROP INDEX {}.{}, then make it again",
                    quoted(&child.name.schema),
                    quoted(&index.name)
                )),
            );
        }
    }
    Ok(findings)
}

pub(crate) fn drop_hint(child: &Table, key: &catalog::ForeignKey) -> String {
    format!(
        "ALTER TABLE {} DROP CONSTRAINT {}",
        child.name,
        quoted(&key.name)
    )
}

fn of_key(
    transaction: &mut Transaction,
    schema: &Schema,
    key: &Key,
    is_ours: bool,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let (text, name) = (key.model(), &key.key.name);
    preflight::must_see(transaction, std::slice::from_ref(key))?;
    let query = format!(
        "SELECT count(*) FROM {} AS c WHERE {}",
        source(&key.child),
        key.orphaned("c")
    );
    let orphans = if key.key.is_temporal {
        0
    } else {
        rows::count(transaction, &query, &[])?
    };
    findings.extend(standing_of(&key.child, &key.key, &text, orphans));
    if key.key.is_silenced {
        findings.push(
            Finding::of_key(
                Code::KeySilenced,
                &text,
                format!("a trigger that carries out {name} is disabled, so the key does not hold"),
            )
            .hint(format!(
                "ALTER TABLE {} ENABLE TRIGGER ALL, and the same on {}",
                key.child.name, key.parent.name
            )),
        );
    }
    if orphans > 0 {
        let code = if is_ours {
            Code::Orphans
        } else {
            Code::OrphansElsewhere
        };
        let breaks = if orphans == 1 { "breaks" } else { "break" };
        let around = if key.key.is_validated && key.key.is_enforced {
            format!(
                "{name} is marked valid and {} {breaks} it: data was loaded around it",
                rows_text(orphans)
            )
        } else {
            format!(
                "{} of {} {breaks} the key {text}",
                rows_text(orphans),
                key.child_shown
            )
        };
        findings.push(
            Finding::of_key(code, &text, around)
                .hint("fkfix orphans lists the rows: give them a parent, or delete them"),
        );
    }
    let deletes = deletes_of(transaction, &key.parent)?;
    findings.extend(without_index(schema, &key.child, &key.key, &text, deletes));
    Ok(findings)
}

/// Whether PostgreSQL holds new rows, and all rows, against the key; `orphans` rows break it.
pub(crate) fn standing_of(
    child: &Table,
    key: &catalog::ForeignKey,
    text: &ForeignKey,
    orphans: i64,
) -> Option<Finding> {
    let (name, quoted_name) = (&key.name, quoted(&key.name));
    if !key.is_enforced {
        let message = format!("{name} is NOT ENFORCED: PostgreSQL holds no row against it");
        let hint = format!(
            "ALTER TABLE {} ALTER CONSTRAINT {quoted_name} ENFORCED",
            child.name
        );
        return Some(Finding::of_key(Code::NotEnforced, text, message).hint(hint));
    }
    if key.is_validated {
        return None;
    }
    let message =
        format!("{name} is NOT VALID: it holds for new rows, and nobody has looked at the others");
    let hint = if orphans == 0 {
        format!(
            "ALTER TABLE {} VALIDATE CONSTRAINT {quoted_name}",
            child.name
        )
    } else {
        "fkfix orphans lists the rows that break it; once there are none, VALIDATE CONSTRAINT"
            .to_owned()
    };
    Some(Finding::of_key(Code::NotValid, text, message).hint(hint))
}

/// The finding that no index of the child serves the key; the parent lost `deletes` rows so far.
pub(crate) fn without_index(
    schema: &Schema,
    child: &Rc<Table>,
    key: &catalog::ForeignKey,
    text: &ForeignKey,
    deletes: i64,
) -> Option<Finding> {
    if child_index::serves(schema, child, &key.columns) {
        return None;
    }
    let seen = match deletes {
        0 => String::new(),
        number => format!(" ({} so far)", count(number)),
    };
    let message = format!(
        "no index of {0} starts with ({1}), so each delete in {2}{seen} scans {0}",
        text.child,
        text.columns.join(", "),
        text.parent
    );
    let (how, end) = match child.kind {
        Kind::Partitioned => ("", ", without stopping writers"),
        _ => (" CONCURRENTLY", ""),
    };
    let hint = format!(
        "CREATE INDEX{how} ON {} ({}); fkfix up --child-index makes it together with a key{end}",
        child.name,
        list(&key.columns)
    );
    Some(Finding::of_key(Code::NoChildIndex, text, message).hint(hint))
}

fn deletes_of(transaction: &mut Transaction, table: &Table) -> Result<i64> {
    rows::count(
        transaction,
        "SELECT coalesce((SELECT n_tup_del FROM pg_stat_user_tables WHERE relid = $1), 0)",
        &[(&table.oid, Type::OID)],
    )
}

fn archives(transaction: &mut Transaction, schema: &Schema) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for archive in archive::all(schema) {
        let number = archive::count(transaction, &archive, None)?;
        if number > 0 {
            let name = schema.shown(&archive.table.name);
            let stayed = archive::count_stayed(transaction, &archive)?;
            let held = text::archived(number - stayed, stayed, &schema.shown(&archive.of));
            let message = format!("{name} holds {held}");
            let hint = format!(
                "look at them; once none of the {} is needed: DROP TABLE {}",
                count(number),
                archive.table.name
            );
            findings.push(Finding::of_table(Code::ArchiveNotEmpty, &name, message).hint(hint));
        }
    }
    Ok(findings)
}
