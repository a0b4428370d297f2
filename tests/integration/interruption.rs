//! An interrupted run leaves everything as it was, and says so.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;

use crate::support::Database;

#[test]
fn an_interrupted_run_rolls_back_and_exits_130() {
    for signal in ["INT", "TERM"] {
        let database = Database::fixture("app-migrated").with(
            "WITH RECURSIVE n (i) AS (SELECT 2000 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
             INSERT INTO webhook_logs (id, alert_rule_id, event_id, url) SELECT i, 'a' || i, 'e' || i, 'u' FROM n;",
        );
        let before = database.picture();
        let mut run = database
            .command("up -v")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(run.stderr.take().unwrap());
        let mut told = String::new();
        while !told.contains("set the old webhook_logs aside") {
            let read = log.read_line(&mut told).unwrap();
            assert!(read > 0, "the run has ended: {told}");
        }
        let kill = Command::new("kill")
            .args([format!("-{signal}"), run.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(130), "{rest}");
        assert!(
            rest.contains("error: could not apply V1__webhook_logs_foreign_keys: "),
            "{rest}"
        );
        assert!(rest.contains("\nhint: nothing was changed"), "{rest}");
        assert_eq!(database.picture(), before);
        assert_eq!(database.files().len(), 1, "{:?}", database.files().keys());
        database.up();
    }
}
