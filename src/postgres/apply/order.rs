//! What is to be applied, and by which way.

use anyhow::{Context as _, Result};
use postgres::Transaction;

use crate::failure::Failure;
use crate::migrations::{Migration, Migrations};
use crate::policy::{Manner, Mode, Policy};
use crate::postgres::database::applicable;
use crate::postgres::database::progress::Progress;
use crate::postgres::keys::Key;
use crate::postgres::schema::Schema;
use crate::postgres::schema::rows::{SMALL, estimate};
use crate::postgres::text::parts::is_keys_alone;
use crate::standing::{self, Applied};
use crate::text::{count, listing};

/// What is to be applied, and how.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The set that the pending migrations come from.
    pub migrations: &'a Migrations,
    /// The version to stop at.
    pub to: Option<i64>,
    /// Apply those too that are older than the newest applied one.
    pub allow_missing: bool,
    /// What may become of orphans.
    pub policy: &'a Policy,
    /// In one transaction or in steps.
    pub manner: &'a Manner,
}

impl Order<'_> {
    /// The migrations that are pending where `applied` are.
    pub(crate) fn pending(&self, schema: &Schema, applied: &[Applied]) -> Result<Vec<i64>> {
        let migrations = applicable(schema, self.migrations, applied)?;
        standing::pending(migrations, applied, self.to, self.allow_missing)
    }

    pub(crate) fn get(&self, version: i64) -> Result<&Migration> {
        let found = self.migrations.get(version);
        found.with_context(|| format!("there is no migration {version}"))
    }
}

/// The way that one migration goes, and why.
pub struct Way {
    /// Never [`Mode::Auto`].
    pub mode: Mode,
    /// Why, for people.
    pub because: String,
}

/// Chooses the way of a migration that adds `keys`.
pub fn choose(
    transaction: &mut Transaction,
    migration: &Migration,
    keys: &[Key],
    wanted: Mode,
) -> Result<Way> {
    let way = |mode, because: String| Ok(Way { mode, because });
    if !is_keys_alone(migration)? {
        if wanted == Mode::Online {
            return Err(Failure::impossible(format!(
                "{} does more than add keys, and only keys can be added online",
                migration.file()
            ))
            .hint("split the file: the keys into a migration of their own")
            .into());
        }
        return way(
            Mode::Transaction,
            "the script does more than add keys".to_owned(),
        );
    }
    if wanted != Mode::Auto {
        return way(wanted, "asked for".to_owned());
    }
    let mut sizes = Vec::new();
    for key in keys {
        let rows = estimate(transaction, &key.child)?;
        if rows >= SMALL {
            let because = format!("{} has about {} rows", key.child_shown, count(rows));
            return way(Mode::Online, because);
        }
        let size = format!("{} has about {} rows", key.child_shown, count(rows));
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    way(Mode::Transaction, listing(&sizes))
}

/// The file must be the one that the run began with.
pub fn must_match(migrations: &Migrations, progress: &Progress) -> Result<()> {
    let name = format!("V{}__{}", progress.version, progress.name);
    match migrations.get(progress.version) {
        Some(migration) if migration.is(&progress.name, progress.checksum) => Ok(()),
        Some(migration) => Err(Failure::impossible(format!(
            "{name} is under way with the checksum {}, and the file here has {}",
            progress.checksum,
            migration.up.checksum()
        ))
        .hint("restore the file as it was, and run it again")
        .into()),
        None => Err(
            Failure::impossible(format!("{name} is under way and is not known here"))
                .hint("name its folder with --migrations")
                .into(),
        ),
    }
}
