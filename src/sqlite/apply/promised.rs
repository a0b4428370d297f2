//! The keys that a migration was asked for, held against those that stand when its last statement
//! has run: a script may drop again what it has added, and then no row may have left for it.

use anyhow::Result;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::migrations::Migration;
use crate::sqlite::apply::plan::KeyPlan;
use crate::sqlite::keys::NewKey;
use crate::sqlite::schema::foreign_key::{self, ForeignKey};

/// Keys that must stand at the end of a migration.
#[derive(Debug, Default)]
pub struct Promised(Vec<Promise>);

#[derive(Debug)]
struct Promise {
    label: String,
    /// As the key was added.
    key: ForeignKey,
    /// As it is after what was renamed since.
    now: ForeignKey,
}

impl Promised {
    /// Remembers the keys of `plan`, which are there now.
    pub fn add(&mut self, plan: &KeyPlan) {
        let tables = plan.tables.iter();
        let keys = tables.flat_map(|table| table.added.iter().chain(&table.adopted));
        self.0.extend(keys.map(|new: &NewKey| Promise {
            label: new.named().label(),
            key: new.key.clone(),
            now: new.key.clone(),
        }));
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
        if self.0.is_empty() || !word.eq_ignore_ascii_case("alter") {
            return run();
        }
        let before = foreign_key::declared_keys(connection)?;
        run()?;
        let after = foreign_key::declared_keys(connection)?;
        // A rename leaves all keys in their order; what does not is no rename.
        if before.len() == after.len() {
            for promise in &mut self.0 {
                let mut pairs = before.iter().zip(&after);
                if let Some((_, now)) = pairs.find(|(was, _)| was.same_definition(&promise.now)) {
                    promise.now = now.clone();
                }
            }
        }
        Ok(())
    }

    /// Fails where a key does not stand that `migration` was asked for.
    pub fn must_stand(&self, connection: &Connection, migration: &Migration) -> Result<()> {
        let declared = foreign_key::declared_keys(connection)?;
        for Promise { label, key, now } in &self.0 {
            let stands = |it: &ForeignKey| it.same_definition(key) || it.same_definition(now);
            if !declared.iter().any(stands) {
                return Err(Failure::impossible(format!(
                    "{} adds {label} to {} and then takes it away again",
                    migration.file(),
                    key.child
                ))
                .hint(format!(
                    "what reverts a migration belongs into {}",
                    migration.down_file()
                ))
                .into());
            }
        }
        Ok(())
    }
}
