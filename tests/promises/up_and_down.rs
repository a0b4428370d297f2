use pretty_assertions::assert_eq;

use super::{ARCHIVED, CHILDREN, family, key};
use crate::subject::Subject;

const UP: &str = "\
applied V1 keys
  added 1 foreign key to child (2 rows)
    fk (parent_id) references parent (id) on delete cascade
  1 row moved from child to child_orphans
    1 row breaks fk
";

const DOWN: &str = "\
reverted V1 keys
  1 row moved from child_orphans back to child
";

#[test]
fn an_orphan_leaves_and_comes_back() {
    let Some(subject) = family(" ON DELETE CASCADE") else {
        return;
    };
    let before = subject.picture();
    subject.fkfix("up").status(0).stdout(UP);
    assert_eq!(subject.rows(CHILDREN), ["1|1|'kept'", "3|NULL|'none'"]);
    assert_eq!(subject.rows(ARCHIVED), ["2|3|'lost'"]);
    subject
        .fkfix("up")
        .status(0)
        .stdout("nothing to do: app has every migration\n");
    subject.fkfix("down").status(0).stdout(DOWN);
    assert_eq!(subject.picture(), before);
    subject
        .fkfix("down")
        .status(0)
        .stdout("nothing to do: no migration is applied to app\n");
}

#[test]
fn the_key_acts_while_it_is_there() {
    let Some(subject) = family(" ON DELETE CASCADE") else {
        return;
    };
    subject.fkfix("up").status(0);
    subject.execute("DELETE FROM parent WHERE id = 1");
    assert_eq!(subject.rows(CHILDREN), ["3|NULL|'none'"]);
    assert!(subject.fails("INSERT INTO child VALUES (4, 9, 'new')"));
    subject.fkfix("down").status(0);
    assert_eq!(subject.rows(CHILDREN), ["2|3|'lost'", "3|NULL|'none'"]);
    assert!(!subject.fails("INSERT INTO child VALUES (4, 9, 'new')"));
}

#[test]
fn a_row_that_no_key_lets_go_leaves_by_itself_and_comes_back() {
    for action in ["", " ON DELETE NO ACTION", " ON DELETE RESTRICT"] {
        let Some(subject) = family(action) else {
            return;
        };
        let before = subject.picture();
        subject.fkfix("up").status(0);
        assert_eq!(subject.rows(ARCHIVED), ["2|3|'lost'"], "{action}");
        subject.fkfix("down").status(0).stdout(DOWN);
        assert_eq!(subject.picture(), before, "{action}");
    }
}

#[test]
fn rows_that_refer_to_an_orphan_follow_it() {
    let Some(subject) = family(" ON DELETE CASCADE") else {
        return;
    };
    subject.execute(
        "CREATE TABLE toy (id INTEGER PRIMARY KEY, child_id INTEGER, CONSTRAINT toy_child FOREIGN KEY (child_id) REFERENCES child (id) ON DELETE CASCADE);
         INSERT INTO toy VALUES (1, 1), (2, 2), (3, 2), (4, NULL)",
    );
    let before = subject.picture();
    subject
        .fkfix("up --max-orphans 100%")
        .status(0)
        .says("  2 rows moved from toy to toy_orphans\n    2 rows go along by toy_child\n");
    assert_eq!(
        subject.rows("SELECT id, child_id FROM toy ORDER BY id"),
        ["1|1", "4|NULL"]
    );
    subject.fkfix("down").status(0);
    assert_eq!(subject.picture(), before);
}

#[test]
fn rows_that_refer_to_an_orphan_and_do_not_let_it_go_stop_the_run() {
    let Some(subject) = family(" ON DELETE CASCADE") else {
        return;
    };
    subject.execute(
        "CREATE TABLE toy (id INTEGER PRIMARY KEY, child_id INTEGER, CONSTRAINT toy_child FOREIGN KEY (child_id) REFERENCES child (id));
         INSERT INTO toy VALUES (1, 2)",
    );
    subject.refuses("up", 1, "toy");
}

#[test]
fn a_chain_within_one_table_leaves_link_by_link() {
    let Some(subject) = Subject::of(
        "CREATE TABLE node (id INTEGER PRIMARY KEY, up INTEGER);
         INSERT INTO node VALUES (1, NULL), (2, 1), (3, 9), (4, 3), (5, 4), (6, 6)",
    ) else {
        return;
    };
    let subject = subject.migration(
        "V1__keys",
        "ALTER TABLE node ADD CONSTRAINT fk FOREIGN KEY (up) REFERENCES node (id) ON DELETE CASCADE;",
        "ALTER TABLE node DROP CONSTRAINT fk;",
    );
    let before = subject.picture();
    subject.fkfix("up --max-orphans 100%").status(0);
    let nodes = "SELECT id, up FROM node ORDER BY id";
    assert_eq!(subject.rows(nodes), ["1|NULL", "2|1", "6|6"]);
    subject.fkfix("down").status(0);
    assert_eq!(subject.picture(), before);
}

#[test]
fn a_key_of_two_columns_counts_where_neither_is_null() {
    let Some(subject) = Subject::of(
        "CREATE TABLE parent (a INTEGER NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b));
         INSERT INTO parent VALUES (1, 'x');
         CREATE TABLE child (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
         INSERT INTO child VALUES (1, 1, 'x'), (2, 1, 'y'), (3, NULL, 'y'), (4, 2, NULL), (5, 2, 'x')",
    ) else {
        return;
    };
    let subject = subject.migration(
        "V1__keys",
        "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (a, b) REFERENCES parent (a, b) ON DELETE CASCADE;",
        "ALTER TABLE child DROP CONSTRAINT fk;",
    );
    let before = subject.picture();
    subject.fkfix("up").status(0);
    let ids = "SELECT id FROM child ORDER BY id";
    assert_eq!(subject.rows(ids), ["1", "3", "4"]);
    subject.fkfix("down").status(0);
    assert_eq!(subject.picture(), before);
}

#[test]
fn a_row_that_breaks_two_keys_leaves_once() {
    let Some(subject) = Subject::of(super::FAMILY) else {
        return;
    };
    let subject = subject.migration(
        "V1__keys",
        &format!(
            "{}\nALTER TABLE child ADD CONSTRAINT named FOREIGN KEY (id) REFERENCES parent (id) ON DELETE CASCADE;",
            key(" ON DELETE CASCADE")
        ),
        "ALTER TABLE child DROP CONSTRAINT named;\nALTER TABLE child DROP CONSTRAINT fk;",
    );
    subject.execute("INSERT INTO child VALUES (7, 8, 'both')");
    let before = subject.picture();
    subject
        .fkfix("up")
        .status(0)
        .says("  3 rows moved from child to child_orphans\n")
        .says("    2 rows break fk\n")
        .says("    2 rows break named\n")
        .says("    1 row of these breaks more than one key\n");
    assert_eq!(
        subject.rows(ARCHIVED),
        ["2|3|'lost'", "3|NULL|'none'", "7|8|'both'"]
    );
    subject.fkfix("down").status(0);
    assert_eq!(subject.picture(), before);
}
