//! A plan as a script for psql: what `up` and `down` would do, without fkfix.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use postgres::Transaction;

use super::down;
use crate::failure::Failure;
use crate::migrations::Migration;
use crate::policy::{Manner, Mode, OrphanAction};
use crate::postgres::apply::down::Order as DownOrder;
use crate::postgres::apply::order::{self, Order};
use crate::postgres::catalog::{Table, literal};
use crate::postgres::database::Database;
use crate::postgres::database::own::{HISTORY, Own};
use crate::postgres::database::record::create_history;
use crate::postgres::keys::child_index::{self, ChildIndex};
use crate::postgres::keys::{self, Key};
use crate::postgres::leave::archive;
use crate::postgres::orphans::{Found, Search};
use crate::postgres::schema::{CATALOG_PATH, Schema};
use crate::postgres::text::parts::{self, Part};
use crate::postgres::write::child::{children, not_for_spread};
use crate::standing::AdoptedKey;

const HEAD: &str = "-- Run it with: psql -X -v ON_ERROR_STOP=1 -f FILE DATABASE\n";

/// The settings of a script: names are looked up in the catalogs alone.
const SETTINGS: &str = "statement_timeout = 0
row_security = off
standard_conforming_strings = on
search_path = pg_catalog, pg_temp";

impl Database {
    /// The script that does what [`Database::up`] would.
    pub fn script_up(&mut self, order: Order<'_>) -> Result<String> {
        self.look(|transaction, schema, own| {
            let applied = own.history(transaction)?;
            let mut script = String::new();
            for version in order.pending(schema, &applied)? {
                let migration = order.migrations.get(version);
                let migration =
                    migration.with_context(|| format!("there is no migration {version}"))?;
                let text = one(transaction, schema, own, migration, order)
                    .with_context(|| format!("could not write the script for {}", migration.up))?;
                script.push_str(&text);
            }
            Ok(if script.is_empty() {
                script
            } else {
                format!("{HEAD}{script}")
            })
        })
    }

    /// The script that does what [`Database::down`] would.
    pub fn script_down(&mut self, order: DownOrder<'_>) -> Result<String> {
        self.look(|transaction, schema, own| {
            let mut script = String::new();
            for lines in down::scripts(transaction, schema, own, order)? {
                let _ = write!(script, "\n{}\nBEGIN;\n{}", lines.title, settings("LOCAL "));
                for statement in lines.statements {
                    let _ = writeln!(script, "{statement};");
                }
                script.push_str("COMMIT;\n");
            }
            Ok(if script.is_empty() {
                script
            } else {
                format!("{HEAD}{script}")
            })
        })
    }
}

fn settings(local: &str) -> String {
    let lines = SETTINGS.lines();
    lines.fold(String::new(), |mut text, setting| {
        let _ = writeln!(text, "SET {local}{setting};");
        text
    })
}

/// The statements that write `migration` into the history.
fn record(
    own: &Own,
    migration: &Migration,
    keys: &[Key],
    made: &[AdoptedKey],
) -> Result<Vec<String>> {
    let there = keys.iter().filter(|key| key.there.is_some());
    let adopted =
        there.map(|key| AdoptedKey::found(key.child_shown.clone(), Some(key.key.name.clone())));
    let adopted: Vec<_> = adopted.chain(made.iter().cloned()).collect();
    let adopted = if adopted.is_empty() {
        "NULL".to_owned()
    } else {
        literal(&serde_json::to_string(&adopted)?)
    };
    let table = own.table(HISTORY);
    let up = &migration.up;
    Ok(vec![
        create_history(&table),
        format!(
            "INSERT INTO {table} (version, name, applied_on, checksum, adopted) VALUES ({}, {}, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '{}', {adopted})",
            up.version(),
            literal(up.name()),
            up.checksum()
        ),
    ])
}

fn one(
    transaction: &mut Transaction,
    schema: &Schema,
    own: &Own,
    migration: &Migration,
    order: Order<'_>,
) -> Result<String> {
    let keys = keys::resolve(transaction, schema, &parts::requests(migration)?)?;
    keys::must_be_of_the_whole(schema, &keys)?;
    let way = order::choose(transaction, migration, &keys, order.manner.mode)?;
    let made = if order.manner.child_index {
        child_index::wanted(transaction, schema, &keys)?
    } else {
        Vec::new()
    };
    let search = Search::new(transaction, schema, keys, order.policy.orphans)?;
    let mut found = search.orphans(transaction)?;
    search.follow(transaction, &mut found, false)?;
    must_be_plain(&search, &found)?;
    if way.mode == Mode::Online {
        return online(schema, own, migration, &search, order, &made);
    }
    let mut script = format!(
        "\n-- applies {} in one transaction\nBEGIN;\n{}SET LOCAL lock_timeout = '100ms';\n",
        migration.up,
        settings("LOCAL ")
    );
    let mut line = |sql: &str| {
        let _ = writeln!(script, "{sql};");
    };
    let mut has_keys = false;
    for part in parts::parts(migration)? {
        match part {
            Part::Statement(_, sql) => {
                line(&format!("SET LOCAL search_path = {}", schema.search_path()));
                line(&sql);
                line(CATALOG_PATH);
            }
            Part::Keys(_) if has_keys => {}
            Part::Keys(_) => {
                has_keys = true;
                for index in child_index::all(schema, &made) {
                    line(&index.create_sql());
                }
                let statements = keys_sql(schema, migration, &search, order)?;
                for sql in &statements {
                    line(sql);
                }
            }
        }
    }
    for sql in record(own, migration, &search.asked, &made)? {
        line(&sql);
    }
    script.push_str("COMMIT;\n");
    Ok(script)
}

/// A script deals with orphans by what they are; it follows no keys to what hangs on them, and
/// looks at no row twice.
fn must_be_plain(search: &Search, found: &Found) -> Result<()> {
    let mut asked = search.asked.iter();
    if let Some(key) = asked.find(|key| key.child.spread.is_some()) {
        return Err(not_for_spread(&key.child_shown));
    }
    for leaving in &found.tables {
        let hanging = search.reasons(found, leaving).into_iter();
        let mut hanging = hanging.chain(search.kept_reasons(leaving));
        if let Some(reason) = hanging.find(|it| !it.orphans) {
            return Err(Failure::impossible(format!(
                "rows of {} depend on orphans by {}, and a script does not follow them",
                leaving.shown, reason.label
            ))
            .hint("fkfix up does; or give the orphans a parent first")
            .into());
        }
        if let Some(why) = found.demoted() {
            return Err(Failure::impossible(format!(
                "some rows of {} can't stay without their key ({why}), and a script does not tell them apart",
                leaving.shown
            ))
            .hint("fkfix up does; or say --orphans archive, which moves all of them")
            .into());
        }
    }
    Ok(())
}

/// Adds all keys, deals with what breaks them, and validates them.
fn keys_sql(
    schema: &Schema,
    migration: &Migration,
    search: &Search,
    order: Order<'_>,
) -> Result<Vec<String>> {
    let mut statements: Vec<_> = search
        .asked
        .iter()
        .flat_map(|key| key.adding(schema))
        .map(|it| it.1)
        .collect();
    let version = Some(migration.up.version());
    for child in children(search) {
        if order.policy.orphans.keeps() {
            statements.extend(archive::prepare(schema, child.table())?);
        }
        let (before, after) = child.triggers(order.manner.triggers);
        statements.extend(before);
        statements.extend(child.statements(version, order.policy.orphans, ""));
        statements.extend(after);
    }
    let validating = search.asked.iter().flat_map(|key| key.validating(schema));
    statements.extend(validating.map(|it| it.1));
    Ok(statements)
}

/// The script that cleans declared keys.
pub fn clean(
    schema: &Schema,
    search: &Search,
    found: &Found,
    validate: &[Key],
    policy: OrphanAction,
    manner: &Manner,
    is_online: bool,
) -> Result<String> {
    must_be_plain(search, found)?;
    let broken = children(search).into_iter();
    let broken = broken.filter(|child| found.of(child.table().oid).is_some());
    let mut script = HEAD.to_owned();
    if is_online {
        let _ = write!(
            script,
            "\n-- cleans the declared keys in short steps; where it stops because no lock was to be had, run it again\n{}SET lock_timeout = '100ms';\n",
            settings("")
        );
    } else {
        let _ = write!(
            script,
            "\n-- cleans the declared keys in one transaction\nBEGIN;\n{}SET LOCAL lock_timeout = '100ms';\n",
            settings("LOCAL ")
        );
    }
    for child in broken {
        let prepare = if policy.keeps() {
            archive::prepare(schema, child.table())?
        } else {
            Vec::new()
        };
        if is_online {
            prepare.iter().map(|it| again(it)).for_each(|statement| {
                let _ = writeln!(script, "{statement};");
            });
            script.push_str(&child.in_batches(None, policy, manner));
        } else {
            let (before, after) = child.triggers(manner.triggers);
            let statements = child.statements(None, policy, "");
            for statement in [prepare, before, statements, after].concat() {
                let _ = writeln!(script, "{statement};");
            }
        }
    }
    for key in validate {
        let _ = writeln!(script, "{};", key.validate_sql());
    }
    if !is_online {
        script.push_str("COMMIT;\n");
    }
    Ok(script)
}

/// A statement that makes an archive, so that it may be run again.
fn again(statement: &str) -> String {
    statement
        .replacen("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)
        .replacen("ADD COLUMN ", "ADD COLUMN IF NOT EXISTS ", 1)
}

fn online(
    schema: &Schema,
    own: &Own,
    migration: &Migration,
    search: &Search,
    order: Order<'_>,
    made: &[AdoptedKey],
) -> Result<String> {
    let mut script = format!(
        "\n-- applies {} in short steps; where it stops because no lock was to be had, run it again\n{}SET lock_timeout = '100ms';\n",
        migration.up,
        settings("")
    );
    for index in child_index::all(schema, made) {
        script.push_str(&index_sql(&index));
    }
    for key in &search.asked {
        for (table, sql) in key.adding(schema) {
            script.push_str(&unless_there(&table, key, &sql));
        }
    }
    let version = Some(migration.up.version());
    for child in children(search) {
        if order.policy.orphans.keeps() {
            for statement in archive::prepare(schema, child.table())? {
                let _ = writeln!(script, "{};", again(&statement));
            }
        }
        script.push_str(&child.in_batches(version, order.policy.orphans, order.manner));
    }
    for key in &search.asked {
        for (table, sql) in key.validating(schema) {
            if sql.contains(" ADD CONSTRAINT ") {
                script.push_str(&unless_there(&table, key, &sql));
            } else {
                let _ = writeln!(script, "{sql};");
            }
        }
    }
    script.push_str("BEGIN;\n");
    for sql in record(own, migration, &search.asked, made)? {
        let _ = writeln!(script, "{sql};");
    }
    script.push_str("COMMIT;\n");
    Ok(script)
}

/// Adds the key to `table`, unless it has it.
fn unless_there(table: &Table, key: &Key, sql: &str) -> String {
    format!(
        "DO $fkfix$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = {}::regclass AND conname = {}) THEN\n    {sql};\n  END IF;\nEND $fkfix$;\n",
        literal(&table.name.to_string()),
        literal(&key.key.name),
    )
}

/// Makes an index while others write; the waits for that hinder nobody.
fn index_sql(index: &ChildIndex) -> String {
    if index.is_of_the_whole() {
        let create = index
            .create_sql()
            .replacen("INDEX ", "INDEX IF NOT EXISTS ", 1);
        return format!("{create};\n");
    }
    format!(
        "DO $fkfix$ BEGIN\n  IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass({}) AND NOT indisvalid) THEN\n    {};\n  END IF;\nEND $fkfix$;\nSET lock_timeout = 0;\n{};\nSET lock_timeout = '100ms';\n",
        literal(&index.name().to_string()),
        index.dropping(),
        index.create_concurrently_sql()
    )
}
