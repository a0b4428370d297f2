use fkfix::postgres::catalog::{
    self, Action, Enabled, ForeignKey, Generated, Identity, Kind, Match, Name, Persistence,
    ReplicaIdentity, Table,
};
use fkfix::postgres::session::{Session, Step, Wait};

use crate::server::{self, Database};

const APP: &str = include_str!("../fixtures/app-postgres.sql");
const NASTY: &str = include_str!("../fixtures/nasty-postgres.sql");

/// All tables after these statements.
fn tables(database: &Database, sql: &str) -> Vec<Table> {
    database.client(sql);
    let mut session = Session::new(database.connect(), Wait::default());
    let version = session.version();
    session
        .run(&Step::look(), |transaction| {
            catalog::read(transaction, version)
        })
        .unwrap_or_else(|error| panic!("{error:#}"))
}

fn table<'a>(tables: &'a [Table], name: &str) -> &'a Table {
    tables
        .iter()
        .find(|table| table.name.table == name)
        .unwrap()
}

fn public(table: &str) -> Name {
    Name {
        schema: "public".to_owned(),
        table: table.to_owned(),
    }
}

/// A key in one line: what differs from a plain one stands behind it.
fn line(key: &ForeignKey) -> String {
    let mut line = format!(
        "{}: {} -> {} ({}) {:?} {:?}",
        key.name,
        key.columns.join(", "),
        key.parent,
        key.parent_columns.join(", "),
        key.on_delete,
        key.on_update
    );
    for (holds, word) in [
        (!key.on_delete_columns.is_empty(), "some columns"),
        (key.matches == Match::Full, "match full"),
        (key.is_deferrable, "deferrable"),
        (key.is_deferred, "deferred"),
        (!key.is_validated, "not valid"),
        (!key.is_enforced, "not enforced"),
        (key.is_inherited, "inherited"),
        (key.is_silenced, "silenced"),
        (key.is_temporal, "temporal"),
    ] {
        if holds {
            line.push_str(", ");
            line.push_str(word);
        }
    }
    line
}

fn keys(tables: &[Table], name: &str) -> Vec<String> {
    table(tables, name).foreign_keys.iter().map(line).collect()
}

#[test]
fn the_application_is_read() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let tables = tables(&database, APP);
    let names: Vec<&str> = tables
        .iter()
        .map(|table| table.name.table.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "alert_rules",
            "cameras",
            "event_feedback",
            "events",
            "webhook_logs"
        ]
    );
    assert_eq!(
        keys(&tables, "event_feedback"),
        [
            r#"event_feedback_camera_id_fkey: camera_id -> "public"."cameras" (id) SetNull NoAction"#,
            r#"event_feedback_event_id_fkey: event_id -> "public"."events" (id) Cascade NoAction"#,
        ]
    );
    assert!(keys(&tables, "webhook_logs").is_empty());
    let parent_keys: Vec<_> = table(&tables, "event_feedback")
        .parent_keys()
        .map(|index| (index.constraint.as_deref().unwrap(), index.columns.clone()))
        .collect();
    let columns = |name: &str| vec![Some(name.to_owned())];
    assert_eq!(
        parent_keys,
        [
            ("event_feedback_pkey", columns("id")),
            ("uq_event_feedback_event_id", columns("event_id")),
        ]
    );
    let logs = table(&tables, "webhook_logs");
    let columns: Vec<(&str, &str, bool)> = logs
        .columns
        .iter()
        .map(|column| {
            (
                column.name.as_str(),
                column.type_name.as_str(),
                column.not_null,
            )
        })
        .collect();
    assert_eq!(columns[0], ("id", "integer", true));
    assert_eq!(columns[3], ("url", "character varying(2000)", true));
    assert_eq!(columns[8], ("error_message", "text", false));
    assert_eq!(columns[9], ("created_at", "timestamp with time zone", true));
    assert_eq!(
        logs.columns[0].default.as_deref(),
        Some("nextval('public.webhook_logs_id_seq'::regclass)")
    );
    assert_eq!(
        (logs.kind, logs.persistence),
        (Kind::Table, Persistence::Permanent)
    );
}

#[test]
fn what_is_hard_to_keep_is_read() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let tables = tables(&database, NASTY);
    let logs = table(&tables, "webhook_logs");
    let column = |name: &str| {
        logs.columns
            .iter()
            .find(|column| column.name == name)
            .unwrap()
    };
    assert_eq!(column("id").identity, Some(Identity::Always));
    assert_eq!(column("url").type_name, "public.short_url");
    assert_eq!(column("Verdict").type_name, "public.verdict");
    assert_eq!(
        column("Verdict").default.as_deref(),
        Some("'Unknown'::public.verdict")
    );
    assert_eq!(column("seconds").generated, Some(Generated::Stored));
    assert_eq!(column("tags").type_name, "text[]");
    assert!(
        logs.columns
            .iter()
            .all(|column| !column.name.contains("dropped"))
    );
    let rule_name = &table(&tables, "alert_rules").columns[1];
    assert_eq!(rule_name.collation.as_deref(), Some("pg_catalog.\"C\""));

    let parent_key = |name: &str| -> Vec<String> {
        table(&tables, name)
            .parent_keys()
            .map(|index| index.name.clone())
            .collect()
    };
    assert_eq!(parent_key("events"), ["events_id"]);
    // The other unique one is DEFERRABLE.
    assert_eq!(parent_key("webhook_logs"), ["webhook_logs_pkey"]);
    let slow = logs
        .indexes
        .iter()
        .find(|index| index.name == "slow")
        .unwrap();
    assert!(slow.is_partial && slow.columns == [None]);

    let triggers: Vec<_> = logs
        .triggers
        .iter()
        .map(|one| (one.name.as_str(), one.enabled))
        .collect();
    assert_eq!(
        triggers,
        [
            ("noted", Enabled::Origin),
            ("noted_always", Enabled::Always)
        ]
    );
    let noted = &logs.triggers[0];
    assert!(noted.for_each_row && noted.on_insert && noted.on_update);
    assert!(!noted.on_delete && !noted.on_truncate && logs.triggers[1].on_truncate);
    assert_eq!(table(&tables, "recent").kind, Kind::View);
    assert!(table(&tables, "recent").rules.is_empty());
    assert_eq!(table(&tables, "per_rule").kind, Kind::MaterializedView);
    assert_eq!(
        keys(&tables, "log_notes"),
        [r#"log_notes_log_id_fkey: log_id -> "public"."webhook_logs" (id) Cascade NoAction"#]
    );
}

#[test]
fn every_kind_of_key_is_told_apart() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let tables = tables(
        &database,
        r#"CREATE SCHEMA "Other""; x";
        CREATE TABLE "Other""; x"."P a" (a int, b int, PRIMARY KEY (b, a));
        CREATE TABLE c (x int, y int, z int DEFAULT 1);
        ALTER TABLE c
            ADD CONSTRAINT k1 FOREIGN KEY (x, y) REFERENCES "Other""; x"."P a" (a, b) MATCH FULL ON DELETE CASCADE ON UPDATE RESTRICT,
            ADD CONSTRAINT k2 FOREIGN KEY (x, y) REFERENCES "Other""; x"."P a" (a, b) ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED NOT VALID,
            ADD CONSTRAINT k3 FOREIGN KEY (y, x) REFERENCES "Other""; x"."P a" DEFERRABLE;
        ALTER TABLE c DISABLE TRIGGER ALL;
        ALTER TABLE c ENABLE TRIGGER USER"#,
    );
    let parent = r#""Other""; x"."P a""#;
    assert_eq!(
        keys(&tables, "c"),
        [
            format!("k1: x, y -> {parent} (a, b) Cascade Restrict, match full, silenced"),
            format!(
                "k2: x, y -> {parent} (a, b) SetDefault NoAction, deferrable, deferred, not valid, silenced"
            ),
            format!("k3: y, x -> {parent} (b, a) NoAction NoAction, deferrable, silenced"),
        ]
    );
    assert_eq!(
        table(&tables, "c").foreign_keys[1].on_delete,
        Action::SetDefault
    );
}

#[test]
fn only_a_whole_valid_and_immediate_unique_index_is_a_parent_key() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let tables = tables(
        &database,
        "CREATE TABLE p (a int PRIMARY KEY, b int UNIQUE DEFERRABLE, c int, d int, e text, f int, g int);
         CREATE UNIQUE INDEX with_more ON p (c) INCLUDE (d);
         CREATE UNIQUE INDEX partly ON p (d) WHERE d > 0;
         CREATE UNIQUE INDEX lowered ON p (lower(e));
         CREATE UNIQUE INDEX two ON p (f, g);
         CREATE INDEX plain ON p (g);
         CREATE UNIQUE INDEX failed ON p (g);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'failed'::regclass",
    );
    let found: Vec<_> = table(&tables, "p")
        .parent_keys()
        .map(|index| index.name.as_str())
        .collect();
    assert_eq!(found, ["p_pkey", "two", "with_more"]);
    let more = table(&tables, "p")
        .indexes
        .iter()
        .find(|index| index.name == "with_more")
        .unwrap();
    assert_eq!(more.columns, [Some("c".to_owned())]);
}

#[test]
fn partitions_policies_rules_and_publications_are_seen() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let tables = tables(
        &database,
        "CREATE TABLE p (id int PRIMARY KEY);
         CREATE TABLE parts (id int REFERENCES p) PARTITION BY RANGE (id);
         CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
         CREATE TABLE heirs () INHERITS (p);
         CREATE UNLOGGED TABLE fast (id int);
         CREATE TABLE secret (id int);
         ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
         ALTER TABLE secret FORCE ROW LEVEL SECURITY;
         ALTER TABLE secret REPLICA IDENTITY FULL;
         CREATE RULE quiet AS ON DELETE TO secret DO INSTEAD NOTHING;
         CREATE PUBLICATION all_of_it FOR ALL TABLES;
         CREATE PUBLICATION inserts FOR TABLE heirs WITH (publish = 'insert');
         ANALYZE p; INSERT INTO p SELECT generate_series(1, 5); ANALYZE p",
    );
    let parts = table(&tables, "parts");
    assert_eq!((parts.kind, parts.is_partition), (Kind::Partitioned, false));
    assert_eq!(parts.inherited_by, [public("part1")]);
    let part = table(&tables, "part1");
    assert!(part.is_partition && part.inherits == [public("parts")]);
    assert_eq!(
        keys(&tables, "part1"),
        [r#"parts_id_fkey: id -> "public"."p" (id) NoAction NoAction, inherited"#]
    );
    assert_eq!(
        keys(&tables, "parts"),
        [r#"parts_id_fkey: id -> "public"."p" (id) NoAction NoAction"#]
    );
    let parent = table(&tables, "p");
    assert_eq!(parent.inherited_by, [public("heirs")]);
    assert_eq!(parent.estimated_rows, Some(5.0));
    assert_eq!(parent.published_by, ["all_of_it"]);
    assert!(!parent.refuses_deletes());
    let heirs = table(&tables, "heirs");
    assert!(!heirs.is_partition && heirs.refuses_deletes() && heirs.estimated_rows.is_none());
    let fast = table(&tables, "fast");
    assert!(fast.persistence == Persistence::Unlogged && fast.published_by.is_empty());
    let secret = table(&tables, "secret");
    assert!(secret.row_security && secret.force_row_security && !secret.refuses_deletes());
    assert_eq!(secret.replica_identity, ReplicaIdentity::Full);
    assert_eq!(secret.rules, ["quiet"]);
}

/// Read as what they are where the server has them: PostgreSQL 18.
#[test]
fn keys_that_are_not_enforced_or_temporal_are_told_apart() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    if database.connect().version < 180_000 {
        return;
    }
    let tables = tables(
        &database,
        "CREATE TABLE p (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2));
         CREATE TABLE c (id int CONSTRAINT k REFERENCES p NOT ENFORCED);
         CREATE TABLE times (id int4range, span int4range, PRIMARY KEY (id, span WITHOUT OVERLAPS));
         CREATE TABLE inner_times (id int4range, span int4range,
             CONSTRAINT t FOREIGN KEY (id, PERIOD span) REFERENCES times (id, PERIOD span))",
    );
    assert_eq!(
        keys(&tables, "c"),
        [r#"k: id -> "public"."p" (id) NoAction NoAction, not valid, not enforced"#]
    );
    assert_eq!(
        keys(&tables, "inner_times"),
        [r#"t: id, span -> "public"."times" (id, span) NoAction NoAction, temporal"#]
    );
    let computed = &table(&tables, "p").columns[1];
    assert_eq!(computed.generated, Some(Generated::Virtual));
}
