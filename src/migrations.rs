//! The migrations: refinery's up files, each with the script that takes it back.

use std::collections::BTreeMap;
use std::fs::{self};
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context as _, Result};

use crate::failure::Failure;

pub mod draft;
mod lacking;
mod next;
mod sections;
mod text;

pub use next::{Numbering, write_next};

/// The up files of `migrations/`, in the form that refinery gives them.
#[allow(missing_docs, clippy::unwrap_used)]
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// refinery passes over files that are not named `V<number>__<name>.sql`, and so over these.
const DOWN_SCRIPTS: [(i64, &str); 1] = [(
    1,
    include_str!("../migrations/V1__webhook_logs_foreign_keys.down.sql"),
)];

/// One migration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// What refinery knows of it: version, name, text and checksum, both with LF.
    pub up: refinery::Migration,
    /// The script that takes it back, if there is one.
    pub down: Option<String>,
    /// Its text as it stands in the file.
    script: String,
    /// Checksums that older histories hold of it.
    former_checksums: Vec<u64>,
    /// A comment in its file that may begin a down script: line and text.
    unclear: Option<(usize, String)>,
}

impl Migration {
    /// The migration called `stem` of `text`, which may hold both ways, and of `down`.
    fn new(stem: &str, text: &str, down: Option<&str>) -> Result<Self> {
        let name = format!("{stem}.sql");
        let sections = sections::split(text);
        let lf = text::with_lf(&sections.up);
        let up = refinery::Migration::unapplied(stem, &lf)
            .map_err(|error| misnamed(&name, &error.to_string()))?;
        if up.to_string() != stem || !stem.starts_with('V') {
            return Err(misnamed(&name, "the name must be V<number>__<name>.sql"));
        }
        let of_both = |down: &str| !sections::is_empty(down);
        if down.is_some() && sections.down.as_deref().is_some_and(of_both) {
            return Err(Failure::impossible(format!(
                "{name} holds a down script, and {stem}.down.sql is another"
            ))
            .hint("remove one of the two")
            .into());
        }
        if down.is_some_and(sections::begins_up) {
            return Err(
                Failure::impossible(format!("{stem}.down.sql holds a way up too"))
                    .hint(format!(
                        "move it into {name}; {stem}.down.sql is the down script alone"
                    ))
                    .into(),
            );
        }
        Ok(Migration {
            former_checksums: text::former_checksums(up.name(), up.version(), text),
            // The down script of liquibase stands in comments.
            unclear: sections
                .unclear
                .filter(|_| down.is_none() || !sections.is_liquibase),
            down: down.map(str::to_owned).or(sections.down),
            script: sections.up,
            up,
        })
    }

    /// Whether `name` and `checksum`, which a history holds, are of this migration as it is.
    #[must_use]
    pub fn is(&self, name: &str, checksum: u64) -> bool {
        let same_text = checksum == self.up.checksum() || self.former_checksums.contains(&checksum);
        same_text && name == self.up.name()
    }

    /// Fails where the file may hold a down script that would run as a part of the way up.
    pub fn must_be_clear(&self) -> Result<()> {
        let Some((line, comment)) = &self.unclear else {
            return Ok(());
        };
        Err(Failure::impossible(format!(
            "{}:{line}: `{comment}` may begin a down script, and fkfix would run it as a part of the way up",
            self.file()
        ))
        .hint(format!(
            "move the down script into {}, or word the comment otherwise",
            self.down_file()
        ))
        .into())
    }

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
        &self.script
    }
}

/// A set of migrations, by version.
#[derive(Clone, Debug)]
pub struct Migrations {
    list: Vec<Migration>,
    origin: Origin,
}

/// Where a set of migrations comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// They are part of this program.
    BuiltIn,
    /// The folder that the user has named.
    Named,
    /// The folder that is taken where none is named.
    Default,
}

impl Migrations {
    /// Those that are part of this program.
    #[must_use]
    pub fn embedded() -> Self {
        let mut migrations: Vec<_> = embedded::migrations::runner()
            .get_migrations()
            .iter()
            .filter_map(|up| {
                let mut down = DOWN_SCRIPTS.iter();
                let down = down.find(|(version, _)| *version == up.version());
                let text = up.sql().unwrap_or_default();
                Migration::new(&up.to_string(), text, down.map(|(_, script)| *script)).ok()
            })
            .collect();
        migrations.sort_by_key(|migration| migration.up.version());
        Migrations {
            list: migrations,
            origin: Origin::BuiltIn,
        }
    }

    /// Where they come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The same, from where nobody has named the folder.
    #[must_use]
    pub fn by_default(self) -> Self {
        Migrations {
            origin: Origin::Default,
            ..self
        }
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
        Ok(Migrations {
            list: migrations,
            origin: Origin::Named,
        })
    }

    /// As [`Migrations::in_folder`], but the folder may hold none yet.
    pub fn in_folder_if_any(folder: &Path) -> Result<Self> {
        Ok(Migrations {
            list: read_folder(folder)?,
            origin: Origin::Named,
        })
    }

    /// No migration at all.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: LazyLock<Migrations> = LazyLock::new(|| Migrations {
            list: Vec::new(),
            origin: Origin::BuiltIn,
        });
        &NONE
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those whose version `is_wanted`.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(i64) -> bool) -> Self {
        let wanted = self.iter().filter(|it| is_wanted(it.up.version()));
        Migrations {
            list: wanted.cloned().collect(),
            origin: self.origin,
        }
    }

    /// All of them, from the lowest version.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> {
        self.list.iter()
    }

    /// What to do where a history has the migration `version` under `name`, and this set another.
    #[must_use]
    pub fn elsewhere(&self, version: i64, name: &str) -> String {
        let built_in = Migrations::embedded();
        let is_built_in = built_in.get(version).is_some_and(|it| it.up.name() == name);
        if is_built_in && self.origin != Origin::BuiltIn {
            return format!("V{version}__{name} is built in: run it with --migrations {BUILT_IN}");
        }
        format!(
            "name the folder that holds V{version}__{name}.sql with --migrations; if the file was renamed, give it that name again"
        )
    }

    /// The migration of `version`.
    #[must_use]
    pub fn get(&self, version: i64) -> Option<&Migration> {
        self.iter()
            .find(|migration| migration.up.version() == version)
    }

    /// Fails where `version` is no migration of this set.
    pub fn must_have(&self, version: i64) -> Result<()> {
        if self.get(version).is_some() {
            return Ok(());
        }
        let no_such = Failure::impossible(format!("there is no migration {version}"));
        if self.is_empty() {
            let hint = "no migration applies to this database; fkfix new writes one";
            return Err(no_such.hint(hint).into());
        }
        let versions: Vec<_> = self.iter().map(|it| it.up.version().to_string()).collect();
        let hint = format!("the versions are: {}", versions.join(", "));
        Err(no_such.hint(hint).into())
    }

    /// The script that takes `version` back.
    pub fn down_script(&self, version: i64) -> Result<(&Migration, &str)> {
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

/// Stands for the migrations that are part of this program, where a folder is named.
pub const BUILT_IN: &str = "built-in";

/// Whether `folder` is there and has a file with the name of a migration. Those of another tool
/// have other names, and leave the folder to that tool.
pub fn holds_any(folder: &Path) -> Result<bool> {
    if !folder.is_dir() {
        return Ok(false);
    }
    let doing = || format!("could not read the migrations in {}", folder.display());
    for entry in fs::read_dir(folder).with_context(doing)? {
        let name = entry.with_context(doing)?.file_name();
        if must_be_named(&name.to_string_lossy()).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The migrations in `folder`, from the lowest version; there may be none.
fn read_folder(folder: &Path) -> Result<Vec<Migration>> {
    let doing = || format!("could not read the migrations in {}", folder.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(doing)? {
        let path = entry.with_context(doing)?.path();
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let ending = Path::new(&name).extension().unwrap_or_default();
        if ending.eq_ignore_ascii_case("sql") {
            must_be_named(&name)?;
            files.insert(name, text::read(&path)?);
        }
    }
    let mut migrations: Vec<Migration> = Vec::new();
    for (name, text) in &files {
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        if let Some(of) = stem.strip_suffix(".down") {
            if !files.contains_key(&format!("{of}.sql")) {
                return Err(misnamed(name, "it reverts no migration in this folder"));
            }
            continue;
        }
        let down = files.get(&format!("{stem}.down.sql")).map(String::as_str);
        let migration = Migration::new(stem, text, down)?;
        let version = migration.up.version();
        if let Some(other) = migrations.iter().find(|it| it.up.version() == version) {
            let other = other.file();
            return Err(misnamed(
                name,
                &format!("{other} has the number {version} too"),
            ));
        }
        migrations.push(migration);
    }
    migrations.sort_by_key(|migration| migration.up.version());
    Ok(migrations)
}

/// Fails where `file` has the name of no migration and of no down script. Nothing of it is read.
fn must_be_named(file: &str) -> Result<()> {
    let stem = file.strip_suffix(".sql");
    let stem = stem.map(|stem| stem.strip_suffix(".down").unwrap_or(stem));
    let empty = stem.map(|stem| Migration::new(stem, "", None));
    empty.unwrap_or_else(|| Err(misnamed(file, "the name must be V<number>__<name>.sql")))?;
    Ok(())
}

fn misnamed(file: &str, reason: &str) -> anyhow::Error {
    Failure::impossible(format!("{file} can't be a migration: {reason}"))
        .hint("name the files V1__add_keys.sql and V1__add_keys.down.sql, each number once, without leading zeros; keep those of other tools in another folder")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::text::script;

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
