use pretty_assertions::assert_eq;

use super::{ARCHIVED, CHILDREN, family};

const CASCADE: &str = " ON DELETE CASCADE";

#[test]
fn refuse_changes_nothing() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject.refuses("up --orphans refuse", 1, "1 row breaks the new keys");
    subject.execute("DELETE FROM child WHERE id = 2");
    subject.fkfix("up --orphans refuse").status(0);
}

#[test]
fn archive_moves_whatever_the_key_says() {
    for action in [CASCADE, " ON DELETE SET NULL", ""] {
        let Some(subject) = family(action) else {
            return;
        };
        let before = subject.picture();
        subject.fkfix("up --orphans archive").status(0);
        assert_eq!(subject.rows(ARCHIVED), ["2|3|'lost'"]);
        subject.fkfix("down").status(0);
        assert_eq!(subject.picture(), before, "{action}");
    }
}

#[test]
fn delete_keeps_no_archive_and_says_so() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject
        .fkfix("up --orphans delete")
        .status(0)
        .says("  1 row deleted from child\n");
    assert_eq!(subject.rows(CHILDREN), ["1|1|'kept'", "3|NULL|'none'"]);
    assert!(subject.fails("SELECT * FROM child_orphans"));
    subject.fkfix("down").status(0).stdout("reverted V1 keys\n");
    assert_eq!(subject.rows(CHILDREN), ["1|1|'kept'", "3|NULL|'none'"]);
}

#[test]
fn a_limit_is_a_number_or_a_share() {
    for (limit, allowed) in [("0", false), ("1", true), ("10%", false), ("34%", true)] {
        let Some(subject) = family(CASCADE) else {
            return;
        };
        let line = format!("up --max-orphans {limit}");
        if allowed {
            subject.fkfix(&line).status(0);
        } else {
            subject.refuses(&line, 1, "--max-orphans");
        }
    }
}

#[test]
fn an_empty_parent_and_a_table_that_would_be_emptied_stop_the_run() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject.execute("DELETE FROM parent");
    subject.refuses("up", 1, "parent");
    subject.execute("INSERT INTO parent VALUES (8, 'eight'); DELETE FROM child WHERE id = 3");
    subject.refuses("up", 1, "child");
    subject.fkfix("up --max-orphans 100%").status(0);
    assert_eq!(subject.rows(CHILDREN), [""; 0]);
}
