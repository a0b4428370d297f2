//! Several files named at once: `tenants/*.db`.
//!
//! A shell that finds a pattern outside quotes expands it itself; fkfix does so where the list
//! would be too long for a command line, or where no shell is (a unit of systemd, a crontab).

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};
use glob::{MatchOptions, Pattern};

use super::Location;
use crate::failure::Failure;

/// As shells match: a name that begins with a dot wants a pattern that does.
const AS_SHELLS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Location {
    /// Whether it names any number of files by `*`, `?` or `[…]`. A file that is called so is meant
    /// itself.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        let text = self.path.as_os_str().as_encoded_bytes();
        self.server.is_none() && holds_a_wildcard(text) && self.path.symlink_metadata().is_err()
    }

    /// The files that the pattern matches, by name; at least one. Folders are passed over, and so
    /// is what SQLite keeps beside a database: `app.db-wal`.
    pub fn expand(&self) -> Result<Vec<Location>> {
        let components: Vec<_> = self.path.components().collect();
        let mut found = Vec::new();
        let failed = || format!("could not look for {self}");
        walk(PathBuf::new(), &components, &mut found).with_context(failed)?;
        found.retain(|path| !path.is_dir() && !is_beside_a_database(path));
        found.sort();
        found.dedup();
        if found.is_empty() {
            return Err(Failure::impossible(format!("no file matches {self}"))
                .coded("no-such-database")
                .hint("check --database: * and ? stand for any characters but /, [ab] for one of those, ** for folders at any depth")
                .into());
        }
        let located = found.into_iter().map(|path| Location {
            path,
            read_only: self.read_only,
            server: None,
        });
        Ok(located.collect())
    }
}

fn holds_a_wildcard(text: &[u8]) -> bool {
    text.iter().any(|byte| b"*?[".contains(byte))
}

/// Adds to `found` what lies in `folder` and matches `components`.
fn walk(folder: PathBuf, components: &[Component<'_>], found: &mut Vec<PathBuf>) -> Result<()> {
    let Some((first, rest)) = components.split_first() else {
        found.push(folder);
        return Ok(());
    };
    let literal = folder.join(first);
    let text = first.as_os_str().as_encoded_bytes();
    if !holds_a_wildcard(text) || literal.symlink_metadata().is_ok() {
        return if literal.symlink_metadata().is_ok() {
            walk(literal, rest, found)
        } else {
            Ok(())
        };
    }
    let at_any_depth = text == b"**";
    if at_any_depth {
        walk(folder.clone(), rest, found)?;
    }
    let pattern = first.as_os_str().to_string_lossy();
    let pattern = if at_any_depth { "*" } else { &pattern };
    let pattern = Pattern::new(pattern).map_err(|error| {
        Failure::impossible(format!("{pattern} is no pattern: {error}"))
            .hint("a [ wants its ]; for a name that holds one write [[]")
    })?;
    for path in entries(&folder)? {
        // A name need not be UTF-8; its odd bytes match * and ?.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !pattern.matches_with(&name, AS_SHELLS) {
            continue;
        }
        match (at_any_depth, rest.is_empty()) {
            // A link to a folder above would lead round in a circle.
            (true, _) if path.is_dir() && !path.is_symlink() => walk(path, components, found)?,
            (_, true) => found.push(path),
            (true, false) => {}
            (false, false) => {
                if path.is_dir() {
                    walk(path, rest, found)?;
                }
            }
        }
    }
    Ok(())
}

/// What lies in `folder`; nothing, where that is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let doing = || format!("could not read the folder {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        entries => entries.with_context(doing)?,
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    paths.collect::<io::Result<_>>().with_context(doing)
}

/// A journal, a log or its index, beside its database (<https://www.sqlite.org/tempfiles.html>).
fn is_beside_a_database(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    ["-journal", "-wal", "-shm"].iter().any(|ending| {
        let of = name.strip_suffix(ending.as_bytes());
        of.is_some_and(super::url::exists)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(folder: &Path, pattern: &str) -> Vec<String> {
        let location = Location::from(folder.join(pattern).as_path());
        assert!(location.is_pattern(), "{pattern}");
        let Ok(found) = location.expand() else {
            return Vec::new();
        };
        let names = found.iter().map(|it| {
            let name = it.path().strip_prefix(folder).unwrap();
            name.to_string_lossy().into_owned()
        });
        names.collect()
    }

    #[test]
    fn files_are_matched_as_shells_match_them() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for file in [
            "a.db",
            "b.db",
            "b.db-wal",
            "b.db-shm",
            "c.db-journal",
            ".d.db",
            "[x].db",
            "e/a.db",
            "e/f/b.db",
            "[g]/a.db",
        ] {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (pattern, files) in [
            ("*.db", vec!["[x].db", "a.db", "b.db"]),
            ("b*", vec!["b.db"]),
            ("c*", vec!["c.db-journal"]),
            ("?.db", vec!["a.db", "b.db"]),
            ("[b-c].db", vec!["b.db"]),
            ("[[]x].db", vec!["[x].db"]),
            (".*.db", vec![".d.db"]),
            ("*/a.db", vec!["[g]/a.db", "e/a.db"]),
            ("[g]/*.db", vec!["[g]/a.db"]),
            ("**/b.db", vec!["b.db", "e/f/b.db"]),
            ("e/**", vec!["e/a.db", "e/f/b.db"]),
            ("a.db/*", vec![]),
            ("nowhere/*", vec![]),
            ("[x", vec![]),
        ] {
            assert_eq!(matching(folder, pattern), files, "{pattern}");
        }
        assert!(!Location::from(folder.join("[x].db").as_path()).is_pattern());
    }
}
