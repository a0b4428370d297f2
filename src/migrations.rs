//! The migrations: refinery's up files, each with the script that takes it back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::failure::Failure;
use crate::words;

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

    /// Those in `folder`: `V<number>__<name>.sql`, each with its `.down.sql` beside it.
    ///
    /// A file that is named in no such way is an error: refinery would pass over it without a
    /// word, and a misspelt migration would never run.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let migrations = read_folder(folder)?;
        if migrations.is_empty() {
            return Err(Failure::impossible(format!("{} holds no migration", folder.display()))
                .hint("a migration is a file V<number>__<name>.sql, with V<number>__<name>.down.sql beside it; fkfix new writes both")
                .into());
        }
        Ok(Migrations(migrations))
    }

    /// As [`Migrations::in_folder`], but the folder may hold none yet.
    pub fn in_folder_if_any(folder: &Path) -> Result<Self> {
        read_folder(folder).map(Migrations)
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

/// The migrations in `folder`, from the lowest version; there may be none.
fn read_folder(folder: &Path) -> Result<Vec<Migration>> {
    let doing = || format!("could not read the migrations in {}", folder.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(doing)? {
        let path = entry.with_context(doing)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "sql")
        {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            files.insert(name, text);
        }
    }
    let mut migrations: Vec<Migration> = Vec::new();
    for (name, text) in &files {
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        if let Some(of) = stem.strip_suffix(".down") {
            if !files.contains_key(&format!("{of}.sql")) {
                return Err(misnamed(name, "it takes back no migration in this folder"));
            }
            continue;
        }
        let up = refinery::Migration::unapplied(stem, text)
            .map_err(|error| misnamed(name, &error.to_string()))?;
        if up.to_string() != stem || !stem.starts_with('V') {
            return Err(misnamed(name, "the name must be V<number>__<name>.sql"));
        }
        if let Some(other) = migrations.iter().find(|it| it.up.version() == up.version()) {
            let (version, other) = (up.version(), other.file());
            return Err(misnamed(
                name,
                &format!("{other} has the number {version} too"),
            ));
        }
        migrations.push(Migration {
            up,
            down: files.get(&format!("{stem}.down.sql")).cloned(),
        });
    }
    migrations.sort_by_key(|migration| migration.up.version());
    Ok(migrations)
}

/// Writes the next pair of files into `folder`, which is made where it is missing: the number
/// after the highest, `name` in snake case. Gives their paths, the way up first.
///
/// Nothing is overwritten, and there is a pair or nothing.
pub fn write_next(folder: &Path, name: &str, up: &str, down: &str) -> Result<[PathBuf; 2]> {
    let name = snake_case(name)?;
    fs::create_dir_all(folder)
        .with_context(|| format!("could not make the folder {}", folder.display()))?;
    let newest = read_folder(folder)?.last().map_or(0, |it| it.up.version());
    let next = newest.checked_add(1).ok_or_else(|| {
        Failure::impossible(format!("there is no number after {newest}"))
            .hint("give the newest migration a lower number")
    })?;
    let stem = format!("V{next}__{name}");
    let paths = [format!("{stem}.sql"), format!("{stem}.down.sql")].map(|it| folder.join(it));
    let [up_file, down_file] = &paths;
    write_new(up_file, up)?;
    if let Err(error) = write_new(down_file, down) {
        // It is ours, made a moment ago; half a pair would be a migration without a way back.
        let _ = fs::remove_file(up_file);
        return Err(error);
    }
    Ok(paths)
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("could not write {}", path.display());
    let mut file = File::create_new(path).with_context(doing)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written.with_context(doing)
}

/// `name` as it stands in the name of a file: `Add order keys` is `add_order_keys`.
fn snake_case(name: &str) -> Result<String> {
    let is_fit = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | ' ');
    let words = words::split(name);
    if words.is_empty() || !name.chars().all(is_fit) {
        return Err(Failure::impossible(format!("{name:?} can't be the name of a migration"))
            .hint("use the letters a to z, digits and _, such as add_order_keys; fkfix adds the number and .sql")
            .into());
    }
    Ok(words.join("_"))
}

fn misnamed(file: &str, reason: &str) -> anyhow::Error {
    Failure::impossible(format!("{file} can't be a migration: {reason}"))
        .hint("name the files V1__add_keys.sql and V1__add_keys.down.sql, each number once, without leading zeros")
        .into()
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
