use pretty_assertions::assert_eq;

use super::{CHILDREN, family};

const CASCADE: &str = " ON DELETE CASCADE";

#[test]
fn a_key_under_another_name_is_adopted_and_stays() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject.execute(
        "CREATE TABLE other (id INTEGER PRIMARY KEY, parent_id INTEGER, CONSTRAINT mine FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE);
         INSERT INTO other VALUES (1, 1)",
    );
    let subject = subject.migration(
        "V1__keys",
        "ALTER TABLE other ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE;",
        "ALTER TABLE other DROP CONSTRAINT fk;",
    );
    let before = subject.picture();
    subject.fkfix("up").status(0).stdout(
        "applied V1 keys\n  other had this key already: fk (parent_id) references parent (id) on delete cascade, called mine\n",
    );
    subject
        .fkfix("down")
        .status(0)
        .stdout("reverted V1 keys\n  left as they were before: other.fk\n");
    assert_eq!(subject.picture(), before);
}

#[test]
fn a_key_with_another_action_is_an_error_that_shows_both() {
    let Some(subject) = family(CASCADE) else {
        return;
    };
    subject.execute(
        "CREATE TABLE other (id INTEGER PRIMARY KEY, parent_id INTEGER, CONSTRAINT mine FOREIGN KEY (parent_id) REFERENCES parent (id))",
    );
    let subject = subject.migration(
        "V1__keys",
        "ALTER TABLE other ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE;",
        "ALTER TABLE other DROP CONSTRAINT fk;",
    );
    let finished = subject.refuses("up", 2, "other");
    assert!(
        finished.stderr.contains("on delete cascade"),
        "{finished:#?}"
    );
    assert!(finished.stderr.contains("mine"), "{finished:#?}");
    assert_eq!(subject.rows(CHILDREN).len(), 3);
}
