//! What fkfix promises, whatever engine keeps the rows: in SQL that each of them reads.
//!
//! The binaries of `tests/integration` and `tests/postgres` run these files, each on a `Subject`
//! of its own: a database that statements make, migrations beside it, and the program run on it.

/// What leaves with `up` is back after `down`, and between them the key holds.
mod up_and_down;

/// What the user allows to happen to orphans is what happens, and no more.
mod policies;

/// Migrations run in order, once, whole, and back in the opposite order.
mod migrations;

/// A key that is there already is neither added twice nor taken away.
mod adopted;

/// What can't be a key is refused by name, and nothing has changed.
mod refused;

/// Reports say the same of the same rows, for people and for machines.
mod reported;

/// What goes back and what stays in the archive, and what is said of it.
mod kept;

/// A row may stay and forget its key, which `down` gives back.
mod forgotten;

/// What an archive holds is listed, goes back where it belongs, or for good.
mod archived;

use crate::subject::Subject;

/// `parent` (1, 2) and `child`, of whose three rows the second refers to nothing.
const FAMILY: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO parent VALUES (1, 'one'), (2, 'two');
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER, note TEXT);
    INSERT INTO child VALUES (1, 1, 'kept'), (2, 3, 'lost'), (3, NULL, 'none');
";

/// The statement that gives `child` its key.
fn key(action: &str) -> String {
    format!(
        "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id){action};"
    )
}

/// The statement that takes it away.
const NO_KEY: &str = "ALTER TABLE child DROP CONSTRAINT fk;";

/// [`FAMILY`] with the migration `V1__keys`, whose key says `action`.
fn family(action: &str) -> Option<Subject> {
    Some(Subject::of(FAMILY)?.migration("V1__keys", &key(action), NO_KEY))
}

const CHILDREN: &str = "SELECT id, parent_id, note FROM child ORDER BY id";
const ARCHIVED: &str = "SELECT id, parent_id, note FROM child_orphans ORDER BY id";
