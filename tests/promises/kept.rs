use pretty_assertions::assert_eq;

use super::{ARCHIVED, CHILDREN, family};

const CASCADE: &str = " ON DELETE CASCADE";

#[test]
fn a_row_whose_place_is_taken_stays_in_the_archive() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject.fkfix("up").status(0);
    subject.execute("INSERT INTO child VALUES (2, 2, 'new')");
    subject.fkfix("down").status(0).stdout(
        "reverted V1 keys\n  0 rows moved from child_orphans back to child\n  1 row kept in child_orphans: id is taken in child\n",
    );
    assert_eq!(
        subject.rows(CHILDREN),
        ["1|1|'kept'", "2|2|'new'", "3|NULL|'none'"]
    );
    assert_eq!(subject.rows(ARCHIVED), ["2|3|'lost'"]);
}

#[test]
fn orphans_may_be_left_where_they_are() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject.fkfix("up").status(0);
    subject.fkfix("down --leave-orphans").status(0);
    assert_eq!(subject.rows(CHILDREN), ["1|1|'kept'", "3|NULL|'none'"]);
    assert_eq!(subject.rows(ARCHIVED), ["2|3|'lost'"]);
    // The next run adds to it, and takes back what is its own.
    subject.execute("INSERT INTO child VALUES (4, 5, 'later')");
    subject.fkfix("up").status(0);
    assert_eq!(subject.rows(ARCHIVED), ["2|3|'lost'", "4|5|'later'"]);
}

#[test]
fn a_column_that_came_since_does_not_keep_a_row_away() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject.fkfix("up").status(0);
    subject.execute("ALTER TABLE child ADD COLUMN more TEXT");
    subject.fkfix("down").status(0);
    assert_eq!(
        subject.rows("SELECT id, note, more FROM child ORDER BY id"),
        ["1|'kept'|NULL", "2|'lost'|NULL", "3|'none'|NULL"]
    );
}
