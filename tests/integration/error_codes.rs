//! The codes of errors that docs/formats.md lists are those that the program has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pretty_assertions::assert_eq;

use crate::support::Database;

/// Every text in quotes behind one of `marks` in the sources.
fn in_sources(folder: &Path, marks: &[&str], found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            in_sources(&path, marks, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for mark in marks {
            for (at, _) in text.match_indices(mark) {
                let rest = text[at + mark.len()..].trim_start();
                let word = rest
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next());
                found.extend(word.map(str::to_owned));
            }
        }
    }
}

#[test]
fn each_code_is_documented_and_each_that_is_documented_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut codes = BTreeSet::new();
    in_sources(
        &root.join("src"),
        &[".coded(", "explain::document("],
        &mut codes,
    );
    // Those of SQLite's errors, and those that stand for an exit status.
    for (file, from, to) in [
        ("src/sqlite/file/errors.rs", "pub fn word(", "\n}"),
        ("src/postgres/error.rs", "pub fn word(", "\n}"),
        (
            "src/failure.rs",
            "pub fn code(&self) -> &'static str",
            "\n    }",
        ),
    ] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let body = text.split(from).nth(1).unwrap().split(to).next().unwrap();
        let arms = body.split("=> \"").skip(1);
        codes.extend(arms.map(|arm| arm.split('"').next().unwrap().to_owned()));
    }
    let text = fs::read_to_string(root.join("docs/formats.md")).unwrap();
    let section = text.split("\n## Errors\n").nth(1).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let mut listed: BTreeSet<_> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    for own in ["refused", "impossible"] {
        assert!(section.contains(&format!("`{own}`")));
        listed.insert(own.to_owned());
    }
    assert_eq!(codes, listed);
}

#[test]
fn every_error_is_a_document_with_a_code() {
    let database =
        Database::family("CREATE TABLE child (parent_id INTEGER); INSERT INTO child VALUES (9)");
    let missing = Database::missing();
    for (database, line, code) in [
        (&missing, "status", "no-such-database"),
        (&database, "up --to 9", "impossible"),
        (&database, "up --orphans refuse", "refused"),
        (&database, "up --orphans never", "usage"),
        (&database, "resolve V1", "usage"),
        (&database, "show child", "usage"),
        (&database, "frobnicate", "usage"),
        (&database, "orphans --limit many", "usage"),
        (&database, "check --snapshot none.sql", "impossible"),
    ] {
        let run = database.fkfix(&format!("{line} --format json"));
        assert!(matches!(run.status, Some(1 | 2)), "{line}: {run:?}");
        let error = &run.json()["error"];
        assert_eq!(error["code"], code, "{line}: {run:?}");
        assert!(
            error["message"].as_str().is_some_and(|it| !it.is_empty()),
            "{line}"
        );
        assert!(error["hint"].is_string(), "{line}: {run:?}");
    }
}
