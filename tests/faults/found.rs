//! What random schemas and fuzzers have found, each as a case of its own.

use std::fs;

use fkfix::policy::{Method, OrphanAction};

use super::generator::Case;
use super::schemas::{Arena, Outcome};
use super::support::{fkfix, open, picture};

/// Runs a schema of one table `c` with a key from its first column to `parent`.
fn regression(statements: &[&str], parent: &str, child: &str, column: &str) -> Outcome {
    let methods = [Method::Fastest, Method::Documented];
    let ways = methods.into_iter().flat_map(|method| {
        let policies = [
            OrphanAction::Archive,
            OrphanAction::Follow,
            OrphanAction::SetNull,
        ];
        policies.map(|orphans| (method, orphans))
    });
    let mut outcomes = ways.map(|(method, orphans)| {
        let case = Case {
            child: child.trim_matches('"').to_owned(),
            statements: statements.iter().map(ToString::to_string).collect(),
            up: format!(
                "ALTER TABLE {child} ADD CONSTRAINT k FOREIGN KEY ({column}) REFERENCES {parent};"
            ),
            down: format!("ALTER TABLE {child} DROP CONSTRAINT k;"),
            orphans,
            method,
        };
        Arena::new().run(&case, false).unwrap()
    });
    let first = outcomes.next().unwrap();
    outcomes.for_each(drop);
    first
}

#[test]
fn names_that_fkfix_uses_in_its_rehearsals_may_be_taken() {
    for parent in ["fkfix_child", "fkfix_old", "fkfix_new"] {
        let parent_table = format!("CREATE TABLE {parent} (id INTEGER PRIMARY KEY)");
        let child = "CREATE TABLE fkfix_old_2 (a, b)";
        let index = "CREATE INDEX fkfix_index_1 ON fkfix_old_2 (a)";
        let rows = "INSERT INTO fkfix_old_2 (a) VALUES (NULL)";
        let outcome = regression(
            &[&parent_table, child, index, rows],
            parent,
            "fkfix_old_2",
            "a",
        );
        assert!(matches!(outcome, Outcome::UpAndDown { .. }));
    }
}

#[test]
fn a_full_text_index_that_could_never_be_built_is_left_alone() {
    let outcome = regression(
        &[
            "CREATE TABLE p (id INTEGER PRIMARY KEY)",
            "INSERT INTO p VALUES (1)",
            "CREATE TABLE c (a, t PRIMARY KEY) WITHOUT ROWID",
            "INSERT INTO c VALUES (9, 'x'), (1, 'y')",
            "CREATE VIRTUAL TABLE f USING fts5 (t, content='c')",
        ],
        "p",
        "c",
        "a",
    );
    assert!(matches!(outcome, Outcome::UpAndDown { orphans: true }));
}

#[test]
fn a_table_without_a_name_is_not_the_content_of_a_contentless_index() {
    let outcome = regression(
        &[
            "CREATE TABLE p (id INTEGER PRIMARY KEY)",
            "INSERT INTO p VALUES (1)",
            "CREATE TABLE \"\" (a, t)",
            "INSERT INTO \"\" VALUES (9, 'x')",
            "CREATE VIRTUAL TABLE f USING fts5 (t, content='')",
        ],
        "p",
        "\"\"",
        "a",
    );
    assert!(matches!(outcome, Outcome::UpAndDown { orphans: true }));
}

#[test]
fn a_vertical_tab_is_white_space_where_sqlite_takes_it_for_that() {
    let outcome = regression(
        &[
            "CREATE TABLE p (id INTEGER PRIMARY KEY)",
            "CREATE TABLE c (a, \n\u{b}b)",
            "INSERT INTO c VALUES (NULL, '\u{b}')",
        ],
        "p",
        "c",
        "a",
    );
    assert!(matches!(outcome, Outcome::UpAndDown { .. }));
}

/// The shell would make the definition another: `Arena::run` lets only that refusal pass.
#[test]
fn a_definition_with_cr_lf_is_kept_and_no_script_is_written() {
    let statements = [
        "CREATE TABLE p (id INTEGER PRIMARY KEY)",
        "CREATE TABLE c (a,\r\n b)",
        "INSERT INTO c VALUES (NULL, '\r\n')",
    ];
    let outcome = regression(&statements, "p", "c", "a");
    assert!(matches!(outcome, Outcome::UpAndDown { .. }));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    open(&path).execute_batch(&statements.join(";")).unwrap();
    fs::write(
        folder.path().join("V1__k.sql"),
        "ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES p;",
    )
    .unwrap();
    let arguments = format!(
        "up --dry-run --format sql --migrations {}",
        folder.path().display()
    );
    let output = fkfix(&arguments, &path);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(2), 0),
        "{told}"
    );
    assert!(told.contains("lines that end in CR LF"), "{told}");
}

/// SQLite allows 2,000 columns. With their rowid, or in an archive, there is one too many.
#[test]
fn as_many_columns_as_sqlite_allows_go_up_or_are_refused_in_one_line() {
    for (columns, orphan, allowed) in [
        (1999, false, true),
        (1995, true, true),
        (1996, true, false),
        (2000, false, true),
        (2000, true, false),
    ] {
        let names: Vec<_> = (2..=columns).map(|at| format!("c{at}")).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        open(&path)
            .execute_batch(&format!(
                "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
                 CREATE TABLE c (id INTEGER PRIMARY KEY, {}); INSERT INTO c (id, c2) VALUES (1, {})",
                names.join(", "),
                if orphan { 9 } else { 1 }
            ))
            .unwrap();
        let before = picture(&path);
        fs::write(
            folder.path().join("V1__k.sql"),
            "ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (c2) REFERENCES p;",
        )
        .unwrap();
        fs::write(
            folder.path().join("V1__k.down.sql"),
            "ALTER TABLE c DROP CONSTRAINT k;",
        )
        .unwrap();
        let run = |verb| {
            fkfix(
                &format!("{verb} --migrations {}", folder.path().display()),
                &path,
            )
        };
        let output = run("up --max-orphans 100%");
        assert_eq!(
            output.status.success(),
            allowed,
            "{columns}, {orphan}: {output:?}"
        );
        let told = String::from_utf8(output.stderr).unwrap();
        let too_many = format!(
            "c_orphans would have {} columns, and SQLite allows 2000\nhint: ",
            columns + 5
        );
        assert!(allowed || told.contains(&too_many), "{told}");
        let counted = run("orphans --limit 0");
        assert_eq!(
            counted.status.code(),
            Some(i32::from(orphan && !allowed)),
            "{counted:?}"
        );
        if allowed {
            assert!(run("down").status.success());
        }
        assert!(picture(&path) == before, "{columns}, {orphan}");
    }
}

#[test]
fn a_key_shares_a_column_with_another_that_is_forgotten() {
    for action in ["SET NULL", "SET DEFAULT"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        open(&path)
            .execute_batch(&format!(
                "CREATE TABLE s (a INTEGER, b TEXT, PRIMARY KEY (a, b));
                 INSERT INTO s VALUES (7, 'x');
                 CREATE TABLE t (a INTEGER, b TEXT, f3 INTEGER DEFAULT 7, f4 TEXT, f5 TEXT DEFAULT 'x', PRIMARY KEY (a, b),
                     FOREIGN KEY (f3, f4) REFERENCES t (a, b) ON DELETE RESTRICT,
                     FOREIGN KEY (f3, f5) REFERENCES s (a, b) ON DELETE {action});
                 INSERT INTO t VALUES (1, 'one', 1, 'one', 'gone'), (7, 'one', NULL, NULL, NULL);"
            ))
            .unwrap();
        let before = picture(&path);
        let cleaned = fkfix("clean --max-orphans 100%", &path);
        assert!(cleaned.status.success(), "{cleaned:?}");
        assert_ne!(picture(&path), before);
        let broken = "SELECT count(*) FROM pragma_foreign_key_check";
        let broken = open(&path).query_row(broken, [], |row| row.get(0));
        assert_eq!(broken, Ok(0), "{action}");
    }
}

#[test]
fn text_in_a_column_that_became_numeric_is_named_with_a_remedy_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    open(&path)
        .execute_batch(
            "CREATE TABLE p (id INTEGER PRIMARY KEY);
             CREATE TABLE c (id INTEGER PRIMARY KEY, pid TEXT NOT NULL REFERENCES p (id));
             CREATE INDEX by_pid ON c (pid);
             INSERT INTO c VALUES (1, '3');
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'pid TEXT', 'pid NUMERIC') WHERE name = 'c';",
        )
        .unwrap();
    let refused = fkfix("clean --max-orphans 100%", &path);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let told = String::from_utf8(refused.stderr).unwrap();
    let (_, remedy) = told.split_once("its rows were written, ").expect(&told);
    let (remedy, _) = remedy.split_once(" fits them to it").expect(&told);
    let remedy = remedy.replace(" and ", "; ");
    open(&path).execute_batch(&remedy).unwrap();
    let cleaned = fkfix("clean --max-orphans 100%", &path);
    assert!(cleaned.status.success(), "{remedy}: {cleaned:?}");
}
