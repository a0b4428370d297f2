//! Every table that SQLite's own tests make goes up and comes back, in each way, or is refused.
//!
//! `FKFIX_SQLITE_TESTS` names the folder `test` of a SQLite source tree; without it there is
//! nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::support::{Picture, difference, picture, program};

const WAYS: [&str; 2] = ["--max-orphans=100%", "--documented"];

/// Not a refusal: see [`Tally::kept`].
const KEPT: &str = "kept";

/// What came of the runs.
#[derive(Debug, Default)]
struct Tally {
    tables: usize,
    exact: usize,
    /// Exact but for rows that `down` keeps in the archive, since each breaks another key that stays.
    kept: usize,
    refused: BTreeMap<String, usize>,
    /// Different, in a file of which `quick_check` says beforehand that two tables use one page.
    damaged: Vec<String>,
    different: Vec<String>,
}

#[test]
fn every_table_of_sqlites_own_tests_goes_up_and_comes_back() {
    let Some(tests) = std::env::var_os("FKFIX_SQLITE_TESTS") else {
        return;
    };
    let mut files: Vec<PathBuf> = fs::read_dir(&tests)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "test"))
        .collect();
    files.sort();
    let stride = std::env::var("FKFIX_STRIDE").map_or(1, |it| it.parse().unwrap());
    let mut tally = Tally::default();
    for file in files.iter().step_by(stride) {
        let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        for (number, block) in blocks(&text).into_iter().enumerate() {
            let name = file.file_name().unwrap().to_string_lossy();
            each_table(&format!("{name}, block {number}"), &block, &mut tally);
        }
    }
    println!("SQLite's own tests: {tally:#?}");
    assert!(tally.exact > 0, "no table was found in {}", tests.display());
    assert_eq!(tally.different, [""; 0]);
}

/// The texts in braces that make a table, which are statements for the most part.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    for head in ["execsql {", "execsql_test", "db eval {", "catchsql {"] {
        for (at, _) in text.match_indices(head) {
            let rest = &text[at..];
            let Some(open) = rest.find('{') else { continue };
            let mut depth = 0_i32;
            let end = rest[open..].char_indices().find(|(_, letter)| {
                depth += i32::from(*letter == '{') - i32::from(*letter == '}');
                depth == 0
            });
            let Some((end, _)) = end else { continue };
            let block = &rest[open + 1..open + end];
            if block.to_ascii_uppercase().contains("CREATE TABLE") {
                blocks.push(block.to_owned());
            }
        }
    }
    blocks
}

/// Makes what `block` makes, one statement after the other, whatever happens to each.
fn build(block: &str, path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    let _ = connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF");
    // Or they would leave databases in the folder that this runs in.
    connection
        .set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)
        .unwrap();
    for quoted in [
        DbConfig::SQLITE_DBCONFIG_DQS_DDL,
        DbConfig::SQLITE_DBCONFIG_DQS_DML,
    ] {
        connection.set_db_config(quoted, true).unwrap();
    }
    // Some of the tests count to millions.
    let mut steps = 0;
    connection
        .progress_handler(
            10_000,
            Some(move || {
                steps += 1;
                steps > 200
            }),
        )
        .unwrap();
    let mut statement = String::new();
    for part in block.split_inclusive(';') {
        statement.push_str(part);
        let in_trigger = statement.to_ascii_uppercase().contains("TRIGGER")
            && !part.trim().to_ascii_uppercase().ends_with("END;");
        if !in_trigger {
            let _ = connection.execute_batch(&statement);
            statement.clear();
        }
    }
    let _ = connection.execute_batch(&statement);
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("COMMIT");
    }
}

fn each_table(name: &str, block: &str, tally: &mut Tally) {
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let path = folder.path().join("app.db");
    build(block, &path);
    let Ok(connection) = Connection::open(&path) else {
        return;
    };
    let Ok(children) = children(&connection) else {
        return;
    };
    let _ = connection.execute_batch(
        "CREATE TABLE fkfix_test_parent (id UNIQUE); INSERT INTO fkfix_test_parent VALUES (1), ('2'), (3.5), ('a')",
    );
    drop(connection);
    let is_damaged = uses_a_page_twice(&path);
    let before = picture(&path);
    let bytes = fs::read(&path).unwrap();
    for (table, column) in children {
        tally.tables += 1;
        write_migration(folder.path(), &table, &column);
        for way in WAYS {
            fs::write(&path, &bytes).unwrap();
            let run = format!("{name}, {table}({column}), {way}");
            let outcome =
                catch_unwind(|| up_and_down(&path, folder.path(), (&table, way), &before));
            match outcome.unwrap_or_else(|_| Err("it can't be read any more".to_owned())) {
                Ok(None) => tally.exact += 1,
                Ok(Some(why)) if why == KEPT => tally.kept += 1,
                Ok(Some(why)) => {
                    println!("refused: {run}: {why}");
                    *tally.refused.entry(kind_of(&why)).or_default() += 1;
                }
                Err(why) if is_damaged => tally.damaged.push(format!("{run}: {why}")),
                Err(why) => tally.different.push(format!("{run}: {why}")),
            }
        }
    }
}

fn uses_a_page_twice(path: &Path) -> bool {
    let connection = Connection::open(path).unwrap();
    let check = connection.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0));
    check.is_ok_and(|found| found.contains("2nd reference to page"))
}

/// Each ordinary table and one of its columns.
fn children(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT l.name, (SELECT x.name FROM pragma_table_xinfo(l.name) AS x WHERE x.hidden = 0 ORDER BY x.name IN (SELECT k.\"from\" FROM pragma_foreign_key_list(l.name) AS k), x.pk, x.cid LIMIT 1)
         FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn write_migration(folder: &Path, table: &str, column: &str) {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let (table, column) = (quote(table), quote(column));
    let migrations = folder.join("migrations");
    let _ = fs::create_dir(&migrations);
    fs::write(
        migrations.join("V1__k.sql"),
        format!("ALTER TABLE {table} ADD CONSTRAINT fkfix_test_key FOREIGN KEY ({column}) REFERENCES fkfix_test_parent (id) ON DELETE CASCADE;"),
    )
    .unwrap();
    fs::write(
        migrations.join("V1__k.down.sql"),
        format!("ALTER TABLE {table} DROP CONSTRAINT fkfix_test_key;"),
    )
    .unwrap();
}

/// Goes up and down; none where all is as it was, and otherwise why `up` was refused.
fn up_and_down(
    path: &Path,
    folder: &Path,
    (table, way): (&str, &str),
    before: &Picture,
) -> Result<Option<String>, String> {
    let fkfix = |verb: &str, options: &[&str]| {
        Command::new(program())
            .args([verb, "-q", "--migrations"])
            .arg(folder.join("migrations"))
            .arg("--database")
            .arg(path)
            .args(options)
            .output()
            .unwrap()
    };
    let mut options = vec!["--max-orphans=100%"];
    options.extend(Some(way).filter(|way| !way.starts_with("--max")));
    let planned = fkfix("up", &[&options[..], &["--dry-run"]].concat());
    let done = fkfix("up", &options);
    let told = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    if planned.status.code() != done.status.code() {
        return Err(format!(
            "the dry run: {} up: {}",
            told(&planned),
            told(&done)
        ));
    }
    if !done.status.success() {
        let found = picture(path);
        if found != *before {
            return Err(format!("changed: {}", difference(before, &found)));
        }
        return Ok(Some(told(&done)));
    }
    let back = fkfix("down", &[]);
    if !back.status.success() {
        return Err(format!("down: {}", told(&back)));
    }
    let found = picture(path);
    if found == *before {
        Ok(None)
    } else if breaks_another_key(path, table, before) {
        Ok(Some(KEPT.to_owned()))
    } else {
        Err(difference(before, &found))
    }
}

/// Whether all is as it was once the archived rows are put back by hand, and each of them then breaks
/// a key of its table that the database had before.
fn breaks_another_key(path: &Path, table: &str, before: &Picture) -> bool {
    let put_back = || -> rusqlite::Result<bool> {
        let connection = Connection::open(path)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")?;
        let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let archive = quote(&format!("{table}_orphans"));
        let columns = connection
            .prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")?
            .query_map([table], |row| row.get::<_, String>(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let columns: Vec<_> = columns.iter().map(|it| quote(it)).collect();
        let columns = columns.join(", ");
        let rowids: bool = connection.query_row(
            "SELECT NOT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1",
            [table],
            |row| row.get(0),
        )?;
        let (into, from) = if rowids {
            ("rowid, ", "fkfix_rowid, ")
        } else {
            ("", "")
        };
        let places: Vec<i64> = connection
            .prepare(&format!("SELECT rowid FROM {archive} ORDER BY rowid"))?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let broken = || -> rusqlite::Result<i64> {
            let query = "SELECT count(*) FROM pragma_foreign_key_check(?1)";
            connection.query_row(query, [table], |row| row.get(0))
        };
        for place in places {
            let already = broken()?;
            connection.execute(
                &format!("INSERT INTO {} ({into}{columns}) SELECT {from}{columns} FROM {archive} WHERE rowid = ?1", quote(table)),
                [place],
            )?;
            if broken()? <= already {
                return Ok(false);
            }
        }
        connection.execute_batch(&format!("DROP TABLE {archive}"))?;
        Ok(true)
    };
    put_back().is_ok_and(|all| all && picture(path) == *before)
}

/// The message without names.
fn kind_of(told: &str) -> String {
    let line = told
        .lines()
        .find(|line| line.starts_with("error"))
        .unwrap_or(told);
    let last = line.rsplit(": ").next().unwrap_or(line);
    let words = last
        .split(' ')
        .filter(|word| word.chars().all(char::is_alphabetic));
    words.collect::<Vec<_>>().join(" ")
}
