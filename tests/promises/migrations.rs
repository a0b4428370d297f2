use pretty_assertions::assert_eq;

use super::{CHILDREN, FAMILY, NO_KEY, family, key};
use crate::subject::Subject;

const TABLE: (&str, &str) = ("CREATE TABLE extra (id INTEGER);", "DROP TABLE extra;");

/// Two migrations: the key, then a table.
fn two() -> Option<Subject> {
    let subject = family(" ON DELETE CASCADE")?;
    Some(subject.migration("V2__extra", TABLE.0, TABLE.1))
}

#[test]
fn they_go_up_in_order_and_back_in_the_other() {
    let Some(subject) = two() else { return };
    let before = subject.picture();
    let up = subject.fkfix("up").status(0).stdout;
    let at = |what: &str| up.find(what).unwrap_or_else(|| panic!("{what} in {up}"));
    assert!(at("applied V1 keys") < at("applied V2 extra"));
    subject
        .fkfix("down")
        .status(0)
        .stdout("reverted V2 extra\n");
    subject.fkfix("up").status(0).stdout("applied V2 extra\n");
    let down = subject.fkfix("down --to 0").status(0).stdout;
    assert!(
        down.starts_with("reverted V2 extra\nreverted V1 keys\n"),
        "{down}"
    );
    assert_eq!(subject.picture(), before);
}

#[test]
fn to_stops_at_a_version() {
    let Some(subject) = two() else { return };
    subject.fkfix("up --to 1").status(0).says("applied V1 keys");
    assert!(subject.fails("SELECT * FROM extra"));
    subject
        .fkfix("up --to 1")
        .status(0)
        .stdout("nothing to do: app has every migration up to V1\n");
    subject.fkfix("status --exit-code").status(1);
    subject.fkfix("up").status(0);
    subject.fkfix("status --exit-code").status(0);
    subject
        .fkfix("down --to 1")
        .status(0)
        .stdout("reverted V2 extra\n");
}

#[test]
fn what_fails_leaves_nothing_of_its_own_behind() {
    let Some(subject) = Subject::of(FAMILY) else {
        return;
    };
    let subject = subject.migration(
        "V1__keys",
        &format!(
            "{}\nINSERT INTO nowhere VALUES (1);",
            key(" ON DELETE CASCADE")
        ),
        NO_KEY,
    );
    let before = subject.picture();
    let finished = subject.fkfix("up").status(2);
    assert!(finished.stderr.contains("V1__keys.sql:2"), "{finished:#?}");
    assert_eq!(subject.picture(), before);
}

#[test]
fn a_changed_file_is_told_and_refused() {
    let Some(subject) = family(" ON DELETE CASCADE") else {
        return;
    };
    subject.fkfix("up").status(0);
    let subject = subject.migration("V1__keys", &key(" ON DELETE SET NULL"), NO_KEY);
    subject.refuses("up", 2, "V1");
    subject.fkfix("status").status(0).says("changed");
}

#[test]
fn one_that_comes_late_is_refused_until_it_is_allowed() {
    let Some(subject) = Subject::of(FAMILY) else {
        return;
    };
    let subject = subject.migration("V2__extra", TABLE.0, TABLE.1);
    subject.fkfix("up").status(0);
    let subject = subject.migration("V1__keys", &key(" ON DELETE CASCADE"), NO_KEY);
    subject.refuses(
        "up",
        2,
        "migration 1 is pending, but a later one is applied already",
    );
    subject
        .fkfix("up --allow-missing")
        .status(0)
        .says("applied V1 keys");
    assert_eq!(subject.rows(CHILDREN), ["1|1|'kept'", "3|NULL|'none'"]);
}

#[test]
fn one_without_a_way_back_stays() {
    let Some(subject) = family(" ON DELETE CASCADE") else {
        return;
    };
    subject.fkfix("up").status(0);
    subject.remove("V1__keys.down.sql");
    subject.refuses("down", 2, "V1");
}
