use super::{FAMILY, NO_KEY};
use crate::subject::Subject;

/// A key, and what the refusal must name.
const REFUSED: [(&str, &str); 5] = [
    (
        "child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES nobody (id)",
        "nobody",
    ),
    (
        "child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (nothing)",
        "nothing",
    ),
    (
        "child ADD CONSTRAINT fk FOREIGN KEY (nothing) REFERENCES parent (id)",
        "nothing",
    ),
    (
        "child ADD CONSTRAINT fk FOREIGN KEY (note) REFERENCES parent (name)",
        "name",
    ),
    (
        "seen ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id)",
        "seen",
    ),
];

#[test]
fn what_can_not_be_a_key_is_named() {
    for (statement, named) in REFUSED {
        let Some(subject) = Subject::of(FAMILY) else {
            return;
        };
        subject.execute("CREATE VIEW seen AS SELECT * FROM child");
        let subject = subject.migration("V1__keys", &format!("ALTER TABLE {statement};"), NO_KEY);
        subject.refuses("up", 2, named);
        subject.refuses("up --dry-run", 2, named);
    }
}

#[test]
fn an_error_is_a_document_with_a_code_where_json_is_asked_for() {
    let Some(subject) = Subject::of(FAMILY) else {
        return;
    };
    let subject = subject.migration(
        "V1__keys",
        "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES nobody (id);",
        NO_KEY,
    );
    let error = subject.fkfix("up --format json").status(2).json();
    assert!(error["error"]["code"].is_string(), "{error:#}");
    assert!(error["error"]["hint"].is_string(), "{error:#}");
}
