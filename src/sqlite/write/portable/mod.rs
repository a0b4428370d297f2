//! A migration as a file for the runner that a team has already, and for engines that fkfix can't
//! open: Cloudflare D1, libSQL, a database on a phone or under encryption.
//!
//! Such a runner holds a transaction of its own, in which `PRAGMA foreign_keys` does nothing
//! (<https://www.sqlite.org/pragma.html#pragma_foreign_keys>), and then `DROP TABLE` deletes or
//! changes the children by their keys. So the file keeps to *hold and refill*: the rows are copied
//! aside, triggers hold the rows of the children where they are, the table is dropped and made again
//! under its own name, and the refill gives every child its parent back. Keys are deferred, so the
//! engine itself refuses to commit where one is missing. That is right with enforcement on and off.
//!
//! Nothing is written into the file that depends on the rows of one database: all that counts is
//! counted in the script, and what must hold is a promise there. It is made from the schema alone,
//! on a copy of it in memory, on which every statement of the script is run.

mod back;
mod copy;
mod keys;
mod leaving;
mod pin;
mod script;
mod swap;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use sqlite3_parser::dialect::TokenType::{
    TK_CREATE, TK_EXISTS, TK_IF, TK_INDEX, TK_NOT, TK_UNIQUE,
};

pub use copy::of as schema_of;
pub use script::{COUNTER, DEFAULTS, HOLDS, LISTS, PROMISES, STAGE, TRIAL};

use crate::migrations::{Migration, Migrations};
use crate::policy::Policy;
use crate::sqlite::apply::asked::parts::{self, Part};
use crate::sqlite::apply::clean;
use crate::sqlite::apply::down::Order;
use crate::sqlite::apply::history;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::schema::{kind_of, table_exists};
use crate::sqlite::text::ddl;
use crate::standing::{AdoptedKey, Applied};
use crate::target::Target;
use script::Script;

/// The file for `target` that applies the `pending` migrations, and takes them back again where the
/// target wants both ways in one file.
///
/// `schema` is a copy of the schema in memory, as [`schema_of`] makes it; it is changed.
pub fn up(
    schema: &Connection,
    order: Order<'_>,
    pending: &[&Migration],
    policy: &Policy,
    target: Target,
) -> Result<String> {
    begin(schema)?;
    let mut script = Script::new(schema, target);
    let mut applied = Vec::new();
    script.open()?;
    script.run("note what is applied", history::CREATE)?;
    for migration in pending {
        let doing = || format!("could not write {} for {}", migration.up, target.name());
        let adopted = apply(&mut script, migration, policy).with_context(doing)?;
        let record = history::record_sql(migration, &adopted)?;
        script.run("record the migration", &record)?;
        applied.insert(0, (*migration, Some(adopted)));
    }
    script.close()?;
    if !target.has_both_ways() {
        return Ok(script.finish("up"));
    }
    let way_up = script;
    let mut way_back = Script::new(schema, target);
    way_back.open()?;
    for (migration, adopted) in &applied {
        take_back(&mut way_back, order, migration, adopted.as_deref())?;
    }
    way_back.close()?;
    Ok(way_up.finish("up") + &way_back.finish("down"))
}

/// The file for `target` that takes `applied` back, in that order. What is known of the keys that
/// each found there stands in its row; where there is no row to know it from, it is none.
pub fn down(
    schema: &Connection,
    order: Order<'_>,
    applied: &[Applied],
    target: Target,
) -> Result<String> {
    target.must_take_one_way()?;
    begin(schema)?;
    let mut script = Script::new(schema, target);
    script.open()?;
    for row in applied {
        let (migration, _) = order.migrations.down_script(row.version)?;
        script.unseen(history::CREATE)?;
        script.unseen(&history::record_sql(migration, &row.adopted)?)?;
        take_back(&mut script, order, migration, Some(&row.adopted))?;
    }
    script.close()?;
    Ok(script.finish("down"))
}

/// What cleans the declared keys.
pub struct Cleaning {
    /// The file; none where no key is declared.
    pub script: Option<String>,
    /// The keys that can't be looked at, and why.
    pub unusable: Vec<(ForeignKey, String)>,
}

/// The file for `target` that deals with the orphans of the keys that are declared, of `only` this
/// child table where it is given.
pub fn clean(
    schema: &Connection,
    only: Option<&str>,
    policy: &Policy,
    target: Target,
) -> Result<Cleaning> {
    begin(schema)?;
    let clean::Declared {
        all,
        targets,
        unusable,
    } = clean::declared(schema, only)?;
    if targets.is_empty() {
        return Ok(Cleaning {
            script: None,
            unusable,
        });
    }
    let mut script = Script::new(schema, target);
    script.open()?;
    keys::clean(&mut script, &targets, &all, policy)
        .with_context(|| format!("could not write what cleans the keys for {}", target.name()))?;
    script.close()?;
    let mut text = script.finish("clean");
    if let Some(section) = target.section("down") {
        text.push_str(&section);
        text.push_str(
            "-- What has left stays in the archives: the keys that it breaks are declared.\n",
        );
    }
    Ok(Cleaning {
        script: Some(text),
        unusable,
    })
}

/// Those of `wanted` that `schema` seems not to have had. It does not hold the history, but where it
/// has the table for one, a migration that adds keys and indexes alone, all of which are there, counts
/// as applied.
pub fn not_there<'m>(
    schema: &Connection,
    wanted: Vec<&'m Migration>,
) -> Result<Vec<&'m Migration>> {
    let has_history = table_exists(schema, history::TABLE)?;
    let mut pending = Vec::new();
    for migration in wanted {
        let mut is_all_there = true;
        for part in parts::parts(migration)? {
            is_all_there &= match part {
                Part::Keys(_) => true,
                Part::Statement(_, sql) => has_index_of(schema, &sql)?,
            };
        }
        if !(has_history && is_all_there && has_all_keys(schema, migration)?) {
            pending.push(migration);
        }
    }
    Ok(pending)
}

/// Those of `applied` that `schema` has had, as far as it tells: all whose keys are there.
pub fn there(
    schema: &Connection,
    migrations: &Migrations,
    applied: Vec<Applied>,
) -> Result<Vec<Applied>> {
    let mut there = Vec::new();
    for row in applied {
        if let Some(migration) = migrations.get(row.version)
            && has_all_keys(schema, migration)?
        {
            there.push(row);
        }
    }
    Ok(there)
}

fn has_all_keys(schema: &Connection, migration: &Migration) -> Result<bool> {
    let requests = parts::requests(migration)?;
    let declared = foreign_key::declared(schema)?;
    let targets = crate::sqlite::keys::resolve(schema, &declared, &requests)?;
    Ok(targets.iter().all(|target| target.added.is_empty()))
}

/// Whether `sql` makes an index that `schema` has.
fn has_index_of(schema: &Connection, sql: &str) -> Result<bool> {
    let tokens = ddl::tokens(sql).unwrap_or_default();
    let mut words = tokens.iter().filter(|it| it.kind != TK_UNIQUE);
    let is_create = words.next().is_some_and(|it| it.kind == TK_CREATE);
    let is_index = words.next().is_some_and(|it| it.kind == TK_INDEX);
    let mut names = words.filter(|it| ![TK_IF, TK_NOT, TK_EXISTS].contains(&it.kind));
    let (true, true, Some(name)) = (is_create, is_index, names.next()) else {
        return Ok(false);
    };
    let kind = kind_of(schema, &ddl::unquote(name.text))?;
    Ok(kind.as_deref() == Some("index"))
}

fn begin(schema: &Connection) -> Result<()> {
    schema
        .execute_batch("PRAGMA foreign_keys = OFF; BEGIN")
        .context("could not change the copy of the schema in memory")
}

/// Writes what the migration does, and gives the keys that were there already.
fn apply(
    script: &mut Script<'_>,
    migration: &Migration,
    policy: &Policy,
) -> Result<Vec<AdoptedKey>> {
    migration.must_be_clear()?;
    script.comment(&migration.file());
    let mut adopted = Vec::new();
    for part in parts::parts(migration)? {
        match part {
            Part::Statement(line, sql) => {
                let title = format!("run {}:{line}", migration.file());
                adopted.extend(back::statement(script, &title, &sql)?);
            }
            Part::Keys(requests) => {
                let version = migration.up.version();
                adopted.extend(keys::add(script, &requests, version, policy)?);
            }
        }
    }
    Ok(adopted)
}

fn take_back(
    script: &mut Script<'_>,
    order: Order<'_>,
    migration: &Migration,
    adopted: Option<&[AdoptedKey]>,
) -> Result<()> {
    back::take_back(script, order, migration, adopted.unwrap_or_default()).with_context(|| {
        format!(
            "could not write the rollback of {} for {}",
            migration.up,
            script.target().name()
        )
    })
}
