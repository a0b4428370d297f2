//! The migrations: refinery's up files, each with the script that takes it back.

use anyhow::{Context as _, Result};

use crate::failure::Failure;

/// The up files of `migrations/`, in the form that refinery gives them.
#[allow(missing_docs, clippy::unwrap_used)]
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// refinery passes over files that are not named `V<number>__<name>.sql`, and so over these.
const DOWN_SCRIPTS: [(i32, &str); 1] = [(
    1,
    include_str!("../migrations/V1__webhook_logs_foreign_keys.down.sql"),
)];

/// One migration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// What refinery knows of it: version, name, text and checksum.
    pub up: refinery::Migration,
    /// The script that takes it back, if there is one.
    pub down: Option<String>,
}

impl Migration {
    /// The name of its file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.sql", self.up)
    }

    /// The name of the file that takes it back.
    #[must_use]
    pub fn down_file(&self) -> String {
        format!("{}.down.sql", self.up)
    }

    /// The text of its file.
    #[must_use]
    pub fn script(&self) -> &str {
        self.up.sql().unwrap_or_default()
    }
}

/// A set of migrations, by version.
#[derive(Clone, Debug)]
pub struct Migrations(Vec<Migration>);

impl Migrations {
    /// Those that are part of this program.
    #[must_use]
    pub fn embedded() -> Self {
        let mut migrations: Vec<_> = embedded::migrations::runner()
            .get_migrations()
            .iter()
            .map(|up| Migration {
                up: up.clone(),
                down: DOWN_SCRIPTS
                    .iter()
                    .find(|(version, _)| *version == up.version())
                    .map(|(_, script)| (*script).to_owned()),
            })
            .collect();
        migrations.sort_by_key(|migration| migration.up.version());
        Migrations(migrations)
    }

    /// All of them, from the lowest version.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> {
        self.0.iter()
    }

    /// The migration of `version`.
    #[must_use]
    pub fn get(&self, version: i32) -> Option<&Migration> {
        self.iter()
            .find(|migration| migration.up.version() == version)
    }

    /// Fails where `version` is no migration of this set.
    pub fn must_have(&self, version: i32) -> Result<()> {
        if self.get(version).is_some() {
            return Ok(());
        }
        let versions: Vec<_> = self.iter().map(|it| it.up.version().to_string()).collect();
        Err(
            Failure::impossible(format!("there is no migration {version}"))
                .hint(format!("the versions are: {}", versions.join(", ")))
                .into(),
        )
    }

    /// The script that takes `version` back.
    pub fn down_script(&self, version: i32) -> Result<(&Migration, &str)> {
        let migration = self
            .get(version)
            .with_context(|| format!("there is no migration {version}"))?;
        let script = migration.down.as_deref().ok_or_else(|| {
            Failure::impossible(format!("{} has no down script", migration.up))
                .hint(format!("write {}", migration.down_file()))
        })?;
        Ok((migration, script))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::script;

    #[test]
    fn every_file_of_the_folder_is_part_of_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let migrations = Migrations::embedded();
        let mut known: Vec<_> = migrations
            .iter()
            .flat_map(|it| [it.file(), it.down_file()])
            .collect();
        known.sort();
        assert_eq!(files, known);
        for migration in migrations.iter() {
            let file = std::fs::read_to_string(format!("{folder}/{}", migration.file())).unwrap();
            assert_eq!(migration.script(), file);
            let down =
                std::fs::read_to_string(format!("{folder}/{}", migration.down_file())).unwrap();
            assert_eq!(migration.down.as_deref(), Some(down.as_str()));
        }
    }

    #[test]
    fn every_script_reads() {
        for migration in Migrations::embedded().iter() {
            script::parse(&migration.file(), migration.script()).unwrap();
            script::parse(&migration.down_file(), migration.down.as_deref().unwrap()).unwrap();
        }
    }
}
