//! Where the script for another runner fails, be it at any statement, all is as it was.

use std::fs;

use fkfix::migrations::Migrations;
use fkfix::policy::{Method, OrphanAction, Policy};

use super::portable::{Arena, Case, build, wrapped, write};
use super::portable_family::family;
use super::support::{difference, picture};

/// Cut behind each line that ends a statement: none of this case's holds such a line within.
fn statements_of(script: &str) -> Vec<&str> {
    script.split_inclusive(";\n").collect()
}

/// Fails each statement of the script of `case` in turn; gives what builds that script and what it is.
fn fail_at_each_statement(arena: &Arena, case: &Case) -> (std::path::PathBuf, String) {
    let (path, place) = (arena.place("whole.db"), arena.place("script.db"));
    let _ = fs::remove_file(&path);
    build(&case.statements, &path);
    fs::write(arena.place("migrations/V1__keys.sql"), &case.up).unwrap();
    fs::write(arena.place("migrations/V1__keys.down.sql"), &case.down).unwrap();
    let migrations = Migrations::in_folder(&arena.place("migrations")).unwrap();
    let policy = Policy {
        orphans: case.orphans,
        max_orphans: None,
        method: Method::Fastest,
    };
    let script = write(&path, &migrations, &policy).unwrap();
    let before = picture(&path);
    let statements = statements_of(&script);
    assert!(statements.len() > 40, "{}", statements.len());
    for enforcing in [false, true] {
        for at in 0..statements.len() {
            let mut broken: Vec<_> = statements.clone();
            broken[at] = "INSERT INTO no_such_table VALUES (1);\n";
            fs::copy(&path, &place).unwrap();
            assert!(wrapped(&place, &broken.concat(), enforcing).is_err());
            assert_eq!(
                difference(&before, &picture(&place)),
                "",
                "{}",
                statements[at]
            );
        }
    }
    (path, script)
}

/// The first family that goes and is of this kind.
fn first_family(arena: &Arena, is_wanted: impl Fn(&Case) -> bool) -> Case {
    let mut families = (1..500).map(family);
    let found = families.find(|case| is_wanted(case) && arena.run(case).as_deref() == Ok("done"));
    found.unwrap()
}

#[test]
fn whatever_fails_leaves_all_as_it_was() {
    let arena = Arena::new();
    let case = first_family(&arena, |it| {
        it.orphans == OrphanAction::Archive && !it.is_there
    });
    let (path, script) = fail_at_each_statement(&arena, &case);
    let (before, place) = (picture(&path), arena.place("script.db"));
    // A row that is lost on the way is missed, whoever looks for it: with enforcement on the engine.
    let lost = script.replace(
        "FROM fkfix_stage AS a ORDER BY",
        "FROM fkfix_stage AS a WHERE a.fkfix_rowid > 1 ORDER BY",
    );
    assert!(lost != script);
    for enforcing in [false, true] {
        fs::copy(&path, &place).unwrap();
        assert!(wrapped(&place, &lost, enforcing).is_err());
        assert_eq!(difference(&before, &picture(&place)), "");
    }
}

#[test]
fn whatever_fails_where_rows_forget_their_key_leaves_all_as_it_was() {
    let arena = Arena::new();
    let case = first_family(&arena, |it| {
        it.orphans == OrphanAction::Follow && it.is_there && it.up.contains("SET DEFAULT")
    });
    let (path, script) = fail_at_each_statement(&arena, &case);
    assert!(script.contains("fkfix_trial") && script.contains("fkfix_defaults_"));
    let (before, place) = (picture(&path), arena.place("script.db"));
    // One that keeps its key is missed too.
    let forgets = script
        .lines()
        .find(|it| it.starts_with("UPDATE OR ABORT main.\"usr\""));
    let kept = script.replace(forgets.unwrap(), "SELECT 1;");
    for enforcing in [false, true] {
        fs::copy(&path, &place).unwrap();
        assert!(wrapped(&place, &kept, enforcing).is_err());
        assert_eq!(difference(&before, &picture(&place)), "");
    }
}
