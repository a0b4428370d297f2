use pretty_assertions::assert_eq;

use crate::site::Site;

const REPORT: &str = "\
applied V1 webhook_logs_foreign_keys
  added 2 foreign keys to webhook_logs (1,000 rows)
    fk_webhook_logs_alert_rule (alert_rule_id) references alert_rules (id) on delete cascade
    fk_webhook_logs_event (event_id) references events (id) on delete cascade
  90 rows moved from webhook_logs to webhook_logs_orphans
    40 rows break fk_webhook_logs_alert_rule
    60 rows break fk_webhook_logs_event
    10 rows of these break more than one key
";

#[test]
fn the_sample_goes_up_and_exactly_back_in_both_modes() {
    for mode in ["transaction", "online"] {
        let Some(site) = Site::fixture("app-postgres") else {
            return;
        };
        let before = site.picture();
        let orphans = site.run("orphans").status(1);
        assert!(orphans.stdout.starts_with("90 of 1,090 rows in webhook_logs have no parent (8.3%)\n10 rows of them break more than one key and count for each below\n"), "{orphans:#?}");
        assert_eq!(site.picture(), before);
        site.run("status --exit-code").status(1);
        site.run(&format!("up --mode {mode} --dry-run"))
            .status(0)
            .says("90 rows of webhook_logs would move to webhook_logs_orphans");
        assert_eq!(site.picture(), before);
        site.run(&format!("up --mode {mode} --batch 7"))
            .status(0)
            .stdout(REPORT);
        site.run("orphans")
            .status(0)
            .stdout("no orphans (5 keys checked)\n");
        site.run("up")
            .status(0)
            .stdout("nothing to do: app has every migration\n");
        site.run("status")
            .status(0)
            .says("V1 webhook_logs_foreign_keys  applied, ")
            .says("webhook_logs_orphans holds 90 rows of webhook_logs\n");
        site.run("check")
            .status(0)
            .says("warning[archive-not-empty] webhook_logs_orphans");
        // The key acts.
        site.sql("BEGIN; DELETE FROM alert_rules WHERE name = 'Rule 1'");
        site.run(&format!("down --mode {mode} --dry-run"))
            .status(0)
            .says("90 rows of webhook_logs_orphans would move back to webhook_logs");
        site.run(&format!("down --mode {mode} --batch 11")).status(0).stdout(
            "reverted V1 webhook_logs_foreign_keys\n  90 rows moved from webhook_logs_orphans back to webhook_logs\n",
        );
        assert_eq!(site.picture(), before, "{mode}");
        site.run("down").status(0).says("nothing to do");
    }
}

#[test]
fn what_is_hard_to_keep_is_as_it_was() {
    for mode in ["transaction", "online"] {
        let Some(site) = Site::fixture("nasty-postgres") else {
            return;
        };
        let before = site.picture();
        site.run(&format!("up --mode {mode} --max-orphans 100%"))
            .status(0)
            .says("  5 rows moved from webhook_logs to webhook_logs_orphans\n");
        site.run("check").status(0);
        site.run(&format!("down --mode {mode} --triggers skip"))
            .status(0);
        assert_eq!(site.picture(), before, "{mode}");
    }
}

#[test]
fn the_script_does_what_the_run_does() {
    for mode in ["transaction", "online"] {
        let (Some(one), Some(other)) =
            (Site::fixture("app-postgres"), Site::fixture("app-postgres"))
        else {
            return;
        };
        let before = one.picture();
        let script = one
            .run(&format!("up --dry-run --format sql --mode {mode}"))
            .status(0);
        one.psql(&script.stdout);
        other.run("up").status(0);
        let [by_script, by_run] = [&one, &other].map(Site::picture);
        assert_eq!(by_script.schema, by_run.schema);
        assert_eq!(by_script.rows["webhook_logs"], by_run.rows["webhook_logs"]);
        one.run("up").status(0).says("nothing to do");
        one.run("check").status(0);
        let script = one.run("down --dry-run --format sql").status(0);
        one.psql(&script.stdout);
        assert_eq!(one.picture(), before);
    }
}

/// Several databases may be of both engines.
#[test]
fn a_server_s_database_and_a_file_are_done_in_one_run() {
    let Some(site) = Site::of(
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (parent_id int); INSERT INTO child VALUES (9);",
    ) else {
        return;
    };
    let site = site.with(
        "V1__keys",
        "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE;",
        "ALTER TABLE child DROP CONSTRAINT fk;",
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    let sql = "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent_id INTEGER); INSERT INTO child VALUES (9);";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let run = |verb: &str| site.run(&format!("{verb} -d {}", file.display()));
    let up = run("up --max-orphans 1").status(0);
    let lines: Vec<_> = up.stdout.lines().collect();
    let done = ": applied V1: 1 foreign key, 1 row leaving";
    assert_eq!(lines[0], format!("{}{done}", file.display()));
    assert_eq!(lines[1], format!("app{done}"));
    assert_eq!(lines[2], "2 databases: 2 done");
    let list = run("check --format json").json();
    assert_eq!(list[0]["errors"], 0);
    assert_eq!(list[1]["errors"], 0);
    run("down").status(0);
    assert_eq!(site.ask("SELECT parent_id::text FROM child"), ["9"]);
}

/// A migration is marked, and nothing is run.
#[test]
fn a_migration_is_marked_as_on_sqlite() {
    let Some(site) =
        Site::of("CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (parent_id int);")
    else {
        return;
    };
    let key = "ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE;";
    let back = "ALTER TABLE child DROP CONSTRAINT fk;";
    let site = site.with("V1__keys", key, back);
    let before = site.picture();
    let planned = site.run("resolve V1 --applied --dry-run").status(0);
    assert!(
        planned
            .stdout
            .ends_with("would mark V1 keys as applied, and run nothing\n")
    );
    assert_eq!(planned.stderr, "warning: fk of child is not there\n");
    assert_eq!(site.picture(), before);
    site.sql(key);
    let done = site.run("resolve V1 --applied --reason psql").status(0);
    assert_eq!(
        done.stdout,
        "marked V1 keys as applied; nothing was run\n  psql\n"
    );
    assert_eq!(done.stderr, "");
    site.run("status")
        .status(0)
        .says(", by fkfix resolve: psql\n");
    site.run("up").status(0).says("nothing to do");
    // The file changes, and is taken as it is.
    site.write("V1__keys", &format!("-- why\n{key}"), back);
    site.run("up").status(2).explains("has changed since");
    site.run("resolve V1 --applied --reason comment").status(0);
    site.run("status --format json")
        .status(0)
        .says("\"reason\": \"comment\"");
    site.run("up").status(0).says("nothing to do");
    site.run("resolve V1 --reverted")
        .status(0)
        .remarks("fk of child is still there");
    site.run("status").status(0).says("V1 keys  pending\n");
    site.run("up").status(0).says("had this key already");
    site.run("redo")
        .status(2)
        .explains("fkfix redo works on files of SQLite");
    site.run("check --integrity")
        .status(2)
        .explains("--integrity reads the file");
    site.run("down").status(0);
}

/// An index is written for a key that has none.
#[test]
fn an_index_is_written_with_the_key() {
    let Some(site) = Site::of(
        "CREATE SCHEMA sales; CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE sales.child (parent_id int); CREATE TABLE child (parent_id int); CREATE INDEX idx_child_parent_id ON child (id) WHERE false;".replace("(id) WHERE", "(parent_id) WHERE").as_str(),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let keys = "--add child.parent_id->parent.id --add sales.child.parent_id->parent.id";
    let line = format!(
        "new keys {keys} --with-indexes --migrations {}",
        folder.path().display()
    );
    site.run(&line).status(0);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let up = read("V1__keys.sql");
    assert!(
        up.contains("CREATE INDEX idx_child_parent_id_2 ON child (parent_id);"),
        "{up}"
    );
    assert!(
        up.ends_with("CREATE INDEX idx_child_parent_id ON sales.child (parent_id);\n"),
        "{up}"
    );
    assert!(read("V1__keys.down.sql").starts_with(
        "DROP INDEX sales.idx_child_parent_id;\n\nDROP INDEX idx_child_parent_id_2;\n"
    ));
    let before = site.picture();
    let migrations = format!("--migrations {}", folder.path().display());
    site.run(&format!("up {migrations}")).status(0);
    site.run(&format!("down {migrations}")).status(0);
    assert_eq!(site.picture(), before);
}
