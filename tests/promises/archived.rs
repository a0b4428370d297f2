use pretty_assertions::assert_eq;

use super::{ARCHIVED, CHILDREN, family};

#[test]
fn archived_rows_are_listed_and_go_back_where_their_parent_is_there_again() {
    let Some(subject) = family(" ON DELETE CASCADE") else {
        return;
    };
    subject.execute("INSERT INTO child VALUES (4, 9, 'far')");
    subject.fkfix("up").status(0);
    let archived = subject
        .fkfix("orphans --archived --format json")
        .status(0)
        .json();
    let rows = archived["archived"].as_array().unwrap().iter();
    let rows: Option<i64> = rows.map(|it| it["rows"].as_i64()).sum();
    assert_eq!(rows, Some(2), "{archived:#}");
    let before = subject.picture();
    subject
        .fkfix("restore")
        .status(0)
        .says("2 rows kept in child_orphans");
    assert_eq!(subject.picture(), before);
    subject.execute("INSERT INTO parent VALUES (3, 'three')");
    subject
        .fkfix("restore --dry-run")
        .status(0)
        .says("  1 row of child_orphans would move back to child\n");
    assert_eq!(subject.rows(ARCHIVED).len(), 2);
    subject
        .fkfix("restore")
        .status(0)
        .says("  1 row moved from child_orphans back to child\n");
    assert_eq!(
        subject.rows(CHILDREN),
        ["1|1|'kept'", "2|3|'lost'", "3|NULL|'none'"]
    );
    assert_eq!(subject.rows(ARCHIVED), ["4|9|'far'"]);
    subject.fkfix("restore --purge --older-than 0s").status(2);
    subject
        .fkfix("restore --purge --older-than 0s --yes")
        .status(0);
    subject
        .fkfix("orphans --archived")
        .status(0)
        .stdout("no archived rows\n");
}
