use std::thread;

use pretty_assertions::assert_eq;

use crate::moved_rows::until_somebody_waits;
use crate::site::Site;

const TABLES: &str = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1), (2);
    CREATE TABLE c (id int PRIMARY KEY, pid int);
    INSERT INTO c VALUES (1, 1), (2, 2), (3, 9), (4, NULL), (5, 8);";

/// The parent comes between the list and the batch, and nothing is written to the row: it is the
/// same version in the same place, and the lock alone tells nothing of it.
#[test]
fn a_row_that_gets_its_parent_without_being_touched_stays() {
    for action in ["CASCADE", "SET NULL"] {
        for verb in ["up", "clean"] {
            let key = format!(
                "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE {action}"
            );
            let Some(site) = Site::of(TABLES) else { return };
            let site = site.with("V1__key", &key, "ALTER TABLE c DROP CONSTRAINT c_p");
            // No lock on the table stands in the way any more.
            site.sql(&format!("{key} NOT VALID"));
            let mut application = site
                .database
                .client("BEGIN; SELECT FROM c WHERE id = 3 FOR UPDATE");
            let places = "SELECT ctid::text || xmin FROM c ORDER BY id LIMIT 4";
            let before = site.ask(places);
            let line = format!("{verb} --mode online --lock-timeout 20s");
            thread::scope(|scope| {
                let run = scope.spawn(|| site.run(&line));
                until_somebody_waits(&site);
                site.sql("INSERT INTO p VALUES (9)");
                application.batch_execute("ROLLBACK").unwrap();
                run.join().unwrap().status(0);
            });
            assert_eq!(site.ask("SELECT pid::text FROM c WHERE id = 3"), ["9"]);
            assert_eq!(site.ask(places), before, "{verb}, {action}");
        }
    }
}
