use pretty_assertions::assert_eq;

use super::{CHILDREN, family};
use crate::subject::Subject;

const SET_NULL: &str = " ON DELETE SET NULL";

const UP: &str = "\
applied V1 keys
  added 1 foreign key to child (3 rows)
    fk (parent_id) references parent (id) on delete set null
  1 row of child kept with parent_id set to NULL; child_orphans remembers what it was
    1 row breaks fk
";

#[test]
fn a_key_that_says_set_null_keeps_the_row_and_gives_its_value_back() {
    let Some(subject) = family(SET_NULL) else {
        return;
    };
    let before = subject.picture();
    subject.fkfix("up").status(0).stdout(UP);
    assert_eq!(
        subject.rows(CHILDREN),
        ["1|1|'kept'", "2|NULL|'lost'", "3|NULL|'none'"]
    );
    subject.fkfix("down").status(0);
    assert_eq!(subject.picture(), before);
}

#[test]
fn a_row_that_was_changed_since_keeps_its_change() {
    let Some(subject) = family(SET_NULL) else {
        return;
    };
    subject.fkfix("up").status(0);
    subject.execute("UPDATE child SET parent_id = 1 WHERE id = 2");
    subject
        .fkfix("down")
        .status(0)
        .says("  1 row kept in child_orphans: parent_id of child changed since\n");
    assert_eq!(
        subject.rows(CHILDREN),
        ["1|1|'kept'", "2|1|'lost'", "3|NULL|'none'"]
    );
}

#[test]
fn where_null_is_not_allowed_the_row_leaves() {
    let Some(subject) = Subject::of(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL, note TEXT);
         INSERT INTO child VALUES (1, 1, 'kept'), (2, 3, 'lost')",
    ) else {
        return;
    };
    let subject = subject.migration("V1__keys", &super::key(SET_NULL), super::NO_KEY);
    let before = subject.picture();
    subject.fkfix("up").status(0);
    assert_eq!(subject.rows(CHILDREN), ["1|1|'kept'"]);
    assert_eq!(subject.rows(super::ARCHIVED), ["2|3|'lost'"]);
    subject.fkfix("down").status(0);
    assert_eq!(subject.picture(), before);
}

#[test]
fn set_null_keeps_the_row_whatever_the_key_says() {
    for action in ["", " ON DELETE CASCADE", " ON DELETE RESTRICT"] {
        let Some(subject) = family(action) else {
            return;
        };
        let before = subject.picture();
        subject.fkfix("up --orphans set-null").status(0);
        assert_eq!(
            subject.rows(CHILDREN),
            ["1|1|'kept'", "2|NULL|'lost'", "3|NULL|'none'"]
        );
        subject.fkfix("down").status(0);
        assert_eq!(subject.picture(), before, "{action}");
    }
}
