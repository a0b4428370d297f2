//! A key without a name is dropped by the name that PostgreSQL would have given it, and comes back to
//! the byte.

use pretty_assertions::assert_eq;

use crate::support::Database;

const UP: &str = "ALTER TABLE tracks DROP CONSTRAINT tracks_album_id_fkey;
     ALTER TABLE tracks ADD CONSTRAINT fk FOREIGN KEY (album_id) REFERENCES album (id) ON DELETE SET NULL;";

const DOWN: &str = "ALTER TABLE tracks DROP CONSTRAINT fk;
     ALTER TABLE tracks ADD CONSTRAINT tracks_album_id_fkey FOREIGN KEY (album_id) REFERENCES album_old (id);";

fn tracks(columns: &str) -> Database {
    Database::of(&format!(
        "CREATE TABLE album (id INTEGER PRIMARY KEY); INSERT INTO album VALUES (1);
         CREATE TABLE tracks ({columns});
         CREATE INDEX i ON tracks (album_id); INSERT INTO tracks (id, album_id) VALUES (1, 1), (2, 9), (3, NULL);"
    ))
    .with_migration("V1__album", UP, DOWN)
}

#[test]
fn a_key_to_a_table_that_is_gone_is_replaced_by_two_lines_and_comes_back() {
    for columns in [
        "id INTEGER PRIMARY KEY, album_id INTEGER REFERENCES album_old (id)",
        "id INTEGER PRIMARY KEY, album_id INTEGER -- the album\n  REFERENCES \"album_old\"(id) ON UPDATE SET NULL ON DELETE NO ACTION MATCH SIMPLE NOT DEFERRABLE INITIALLY DEFERRED, t TEXT DEFAULT 'REFERENCES x'",
        "id INTEGER PRIMARY KEY, album_id INTEGER NOT NULL ON CONFLICT IGNORE REFERENCES album_old DEFERRABLE CHECK (album_id > 0) UNIQUE",
        "id INTEGER PRIMARY KEY, album_id INTEGER, other INTEGER REFERENCES album (id), FOREIGN KEY (album_id) REFERENCES album_old (id) ON DELETE CASCADE /* why */ , CHECK (id > 0)\n",
        "id INTEGER PRIMARY KEY, album_id INTEGER CHECK (album_id > 0), FOREIGN KEY (album_id) REFERENCES album_old FOREIGN KEY (id) REFERENCES album",
    ] {
        for options in ["", " --documented"] {
            if columns.contains("NOT NULL") && options.contains("doc") {
                continue;
            }
            let database = tracks(columns);
            let before = database.picture();
            database
                .fkfix(&format!("up --max-orphans 100%{options}"))
                .status(0)
                .says("fk (album_id) references album (id) on delete set null");
            let keys = "SELECT \"table\" FROM pragma_foreign_key_list('tracks') WHERE \"from\" = 'album_id'";
            assert_eq!(database.rows(keys), ["'album'"]);
            database.down();
            assert_eq!(database.picture().schema, before.schema, "{columns}");
            assert_eq!(database.picture(), before, "{columns}");
        }
    }
}

#[test]
fn the_refusal_names_the_line_and_the_line_works() {
    let database = tracks("id INTEGER PRIMARY KEY, album_id INTEGER REFERENCES album_old (id)")
        .with_migration(
            "V1__album",
            "ALTER TABLE tracks ADD CONSTRAINT fk FOREIGN KEY (album_id) REFERENCES album (id)",
            "ALTER TABLE tracks DROP CONSTRAINT fk",
        );
    database
        .refuses("up", 2, "tracks has another key on the same columns")
        .remarks("ALTER TABLE tracks DROP CONSTRAINT tracks_album_id_fkey;");
}

#[test]
fn a_name_that_a_constraint_has_is_its_own() {
    let database = tracks("id INTEGER PRIMARY KEY, album_id INTEGER REFERENCES album_old, CONSTRAINT tracks_album_id_fkey CHECK (id > 0)")
        .with_migration("V1__album", "ALTER TABLE tracks DROP CONSTRAINT tracks_album_id_fkey;", "SELECT 1");
    database.up();
    assert_eq!(
        database.value::<i64>("SELECT count(*) FROM pragma_foreign_key_list('tracks')"),
        1
    );
    let none = tracks("id INTEGER PRIMARY KEY, album_id INTEGER");
    let up = none.fkfix("up").status(2);
    assert!(
        up.stderr
            .contains("no such constraint: tracks_album_id_fkey"),
        "{}",
        up.stderr
    );
}

#[test]
fn what_changed_since_is_not_undone() {
    let database = tracks("id INTEGER PRIMARY KEY, album_id INTEGER REFERENCES album_old (id)");
    database.up();
    database.execute("ALTER TABLE tracks ADD COLUMN later");
    database.refuses("down", 2, "the definition of tracks has changed since");
}
