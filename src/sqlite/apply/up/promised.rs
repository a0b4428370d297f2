//! The keys that a migration was asked for, held against those that stand when its last statement
//! has run: a script may drop again what it has added, and then no row may have left for it; or it
//! may add rows that break a key, or take rows out of the archive that went there.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::migrations::Migration;
use crate::sqlite::apply::plan::KeyPlan;
use crate::sqlite::archive;
use crate::sqlite::keys::NewKey;
use crate::sqlite::keys::known_keys::KnownKeys;
use crate::sqlite::schema::Table;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};
use crate::sqlite::schema::row_counts;
use crate::sqlite::schema::scratch;
use crate::sqlite::text::ddl::{quote, same_name};
use crate::text::rows;

/// What must stand at the end of a migration.
#[derive(Debug, Default)]
pub struct Promised {
    keys: Vec<Promise>,
    /// The archives, with the number of rows that went there.
    archived: Vec<(String, i64)>,
    /// Statements of the script have run behind a key.
    goes_on: bool,
}

/// A key that a script brings by a statement of its own, and rows that break it.
#[derive(Debug)]
pub struct OwnKey {
    /// The key.
    pub key: ForeignKey,
    /// How many rows break it.
    pub rows: i64,
    /// How many rows the child has.
    pub of: i64,
}

#[derive(Debug)]
struct Promise {
    label: String,
    /// As the key was added.
    key: ForeignKey,
    /// As it is after what was renamed since.
    now: ForeignKey,
}

impl Promised {
    /// Remembers the keys of `plan`, which are there now, and the rows that it put into archives, if
    /// it `keeps` any.
    pub fn add(&mut self, plan: &KeyPlan, keeps: bool) {
        let moved = plan.touched().filter(|_| keeps);
        let moved = moved.map(|it| (archive::name_of(&it.table.name), it.touched()));
        self.archived.extend(moved);
        let tables = plan.tables.iter();
        let keys = tables.flat_map(|table| table.added.iter().chain(&table.adopted));
        self.keys.extend(keys.map(|new: &NewKey| Promise {
            label: new.named().label(),
            key: new.key.clone(),
            now: new.key.clone(),
        }));
    }

    /// The keys that are declared now, were not among those `before`, and were not asked for, as far
    /// as rows break them: such as by ADD COLUMN … REFERENCES, or by a table that is made anew.
    pub fn own_keys(&self, connection: &Connection, before: &[ForeignKey]) -> Result<Vec<OwnKey>> {
        let is = |key: &ForeignKey| {
            let (key, child) = (key.clone(), key.child.clone());
            move |it: &ForeignKey| it.same_definition(&key) && same_name(&it.child, &child)
        };
        let declared = foreign_key::declared_keys(connection)?;
        let added = self
            .keys
            .iter()
            .filter(|it| !before.iter().any(is(&it.key)));
        // A rename carries the keys along, and they are none the more for it.
        if declared.len() <= before.len() + added.count() {
            return Ok(Vec::new());
        }
        let mut own = Vec::new();
        for key in declared {
            let asked_for = self.keys.iter().flat_map(|it| [&it.key, &it.now]);
            let can_be_searched = Table::read(connection, &key.parent)
                .is_ok_and(|parent| scratch::has_parent_key(&parent, &key));
            if before.iter().chain(asked_for).any(is(&key)) || !can_be_searched {
                continue;
            }
            let rows = broken(connection, &key)?;
            if rows > 0 {
                let of = row_counts::count_rows(connection, &key.child)?;
                own.push(OwnKey { key, rows, of });
            }
        }
        Ok(own)
    }

    /// Notes that a statement of the script runs.
    pub fn goes_on(&mut self) {
        self.goes_on |= !self.keys.is_empty();
    }

    /// Follows the keys through what the statement `sql` renames, which `run` runs: SQLite
    /// carries them along.
    pub fn follow(
        &mut self,
        connection: &Connection,
        sql: &str,
        run: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let word = sql.split_whitespace().next().unwrap_or_default();
        if self.keys.is_empty() || !word.eq_ignore_ascii_case("alter") {
            return run();
        }
        let before = foreign_key::declared_keys(connection)?;
        run()?;
        let after = foreign_key::declared_keys(connection)?;
        // A rename leaves all keys in their order; what does not is no rename.
        if before.len() == after.len() {
            for promise in &mut self.keys {
                let mut pairs = before.iter().zip(&after);
                if let Some((_, now)) = pairs.find(|(was, _)| was.same_definition(&promise.now)) {
                    promise.now = now.clone();
                }
            }
        }
        Ok(())
    }

    /// Fails where a key does not stand that `migration` was asked for, or rows break it, or rows are
    /// not in the archive that left for it.
    pub fn must_stand(&self, connection: &Connection, migration: &Migration) -> Result<()> {
        let declared = foreign_key::declared_keys(connection)?;
        let file = migration.file();
        for Promise { label, key, now } in &self.keys {
            let stands = |it: &&ForeignKey| it.same_definition(key) || it.same_definition(now);
            let Some(stands) = declared.iter().find(stands) else {
                return Err(Failure::impossible(format!(
                    "{file} adds {label} to {} and then takes it away again",
                    key.child
                ))
                .hint(format!(
                    "what reverts a migration belongs into {}",
                    migration.down_file()
                ))
                .into());
            };
            let broken = if self.goes_on {
                broken(connection, stands)?
            } else {
                0
            };
            if broken > 0 {
                let breaks = if broken == 1 { "breaks" } else { "break" };
                return Err(Failure::impossible(format!(
                    "{file} adds {label} to {}, and {} {breaks} it when its last statement has run",
                    key.child,
                    rows(broken)
                ))
                .hint("put the statements that write these rows before the one that adds the key")
                .into());
            }
        }
        for (archive, moved) in &self.archived {
            if archived(connection, archive, migration.up.version())? < *moved {
                return Err(Failure::impossible(format!(
                    "{file} takes rows out of {archive} again that have just left for it"
                ))
                .hint("leave that statement out; --orphans delete keeps no archive")
                .into());
            }
        }
        Ok(())
    }
}

/// How many rows break `key`.
fn broken(connection: &Connection, key: &ForeignKey) -> Result<i64> {
    let child = Table::read(connection, &key.child)?;
    let parent = Table::read(connection, &key.parent)?;
    let mut known = KnownKeys::new(connection);
    let most = row_counts::count_rows(connection, &child.name)?;
    let orphaned = known.orphaned(&parent, key, most)?;
    let query = format!(
        "SELECT count(*) FROM {} WHERE {orphaned}",
        child.scanned("w")
    );
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

/// How many rows of the migration `version` the archive called `name` has.
fn archived(connection: &Connection, name: &str, version: i64) -> Result<i64> {
    let archives = archive::all(connection)?;
    let Some(archive) = archives
        .iter()
        .find(|it| it.name.eq_ignore_ascii_case(name))
    else {
        return Ok(0);
    };
    let query = format!(
        "SELECT count(*) FROM main.{} WHERE fkfix_version = {version}",
        quote(&archive.name)
    );
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}
