//! Children of every action, and grandchildren, stay as they are while their parents are rebuilt by
//! the script for another runner.

#![allow(clippy::too_many_lines)]

use std::collections::BTreeMap;

use fastrand::Rng;
use fkfix::policy::OrphanAction;

use super::portable::{Arena, Case, tell};
use super::support::{cases, first_seed};

const ACTIONS: [&str; 5] = [
    "",
    " ON DELETE CASCADE",
    " ON DELETE SET NULL",
    " ON DELETE RESTRICT",
    " ON DELETE SET DEFAULT",
];

/// `usr` gets a key to `org`; children of every action refer to it, and grandchildren to them.
pub(super) fn family(seed: u64) -> Case {
    let mut random = Rng::with_seed(seed);
    let mut pick = |from: &[&str]| from[random.usize(0..from.len())].to_owned();
    let id = pick(&[
        "id INTEGER PRIMARY KEY",
        "id INTEGER PRIMARY KEY AUTOINCREMENT",
        "id INT UNIQUE",
        "id TEXT PRIMARY KEY",
    ]);
    let own = pick(&[
        "",
        ", boss REFERENCES usr (id)",
        ", boss REFERENCES usr (id) ON DELETE CASCADE",
        ", boss REFERENCES usr (id) ON DELETE SET NULL",
        ", boss REFERENCES usr (id) ON DELETE CASCADE, mate REFERENCES usr (id) ON DELETE CASCADE",
    ]);
    // SQLite can't drop one with SET DEFAULT, so that is there before.
    let action = pick(&[
        "",
        " ON DELETE CASCADE",
        " ON DELETE SET NULL",
        " ON DELETE SET NULL",
        " ON DELETE SET DEFAULT",
        " ON DELETE SET DEFAULT",
    ]);
    let is_there = action.ends_with("DEFAULT") || pick(&["yes", "no", "no", "no"]) == "yes";
    let there = if is_there {
        format!(" CONSTRAINT fk REFERENCES org (id){action}")
    } else {
        String::new()
    };
    let org = pick(&[
        "",
        " INTEGER",
        " DEFAULT 1",
        " DEFAULT 7",
        " DEFAULT (1 + 1)",
        " CHECK (org_id IS NULL OR org_id <> 2 OR name = 'x')",
        " CHECK (org_id IS NOT NULL)",
        " NOT NULL DEFAULT 2",
    ]);
    let mut statements = vec![
        "CREATE TABLE audit (what)".to_owned(),
        "CREATE TABLE org (id INTEGER PRIMARY KEY, name)".to_owned(),
        format!("CREATE TABLE usr ({id}, org_id{org}{there}, name DEFAULT 'x'{own})"),
        "CREATE INDEX usr_name ON usr (name)".to_owned(),
        "CREATE VIEW v AS SELECT name FROM usr".to_owned(),
        "CREATE TRIGGER usr_d AFTER DELETE ON usr BEGIN INSERT INTO audit VALUES ('usr'); END"
            .to_owned(),
        "INSERT INTO org VALUES (1, 'a'), (2, 'b')".to_owned(),
    ];
    if pick(&["yes", "no", "no"]) == "yes" {
        statements.push(
            "CREATE UNIQUE INDEX usr_one ON usr (name) WHERE org_id = 1 AND id > 8".to_owned(),
        );
    }
    let mut tables = Vec::new();
    for at in 0..5 {
        let parent = if at == 0 || pick(&["usr", "child"]) == "usr" {
            "usr".to_owned()
        } else {
            pick(&["c0", "c1"])
        };
        if parent != "usr" && !tables.contains(&parent) {
            continue;
        }
        let action = pick(&ACTIONS);
        let shape = pick(&[
            "id INTEGER PRIMARY KEY",
            "id INTEGER PRIMARY KEY AUTOINCREMENT",
            "id TEXT PRIMARY KEY",
        ]);
        let end = if shape.contains("TEXT") {
            pick(&["", " WITHOUT ROWID"])
        } else {
            String::new()
        };
        let deferred = pick(&["", "", " DEFERRABLE INITIALLY DEFERRED"]);
        let default = pick(&["", " DEFAULT 1"]);
        statements.push(format!("CREATE TABLE c{at} ({shape}, u{default} REFERENCES {parent} (id){action}{deferred}, t){end}"));
        if pick(&["yes", "no"]) == "yes" {
            statements.push(format!("CREATE INDEX c{at}_u ON c{at} (u)"));
        }
        let when = pick(&[
            "BEFORE DELETE",
            "AFTER DELETE",
            "BEFORE UPDATE",
            "AFTER UPDATE",
        ]);
        statements.push(format!(
            "CREATE TRIGGER c{at}_t {when} ON c{at} BEGIN INSERT INTO audit VALUES ('c{at}'); END"
        ));
        tables.push(format!("c{at}"));
    }
    // Keys are found in the order of the schema.
    if pick(&["yes", "no"]) == "yes" {
        let usr: Vec<_> = statements.drain(2..6).collect();
        let (tables, rest) = statements.split_at(2);
        let rest = rest.iter().cloned();
        let is_create = |it: &String| it.starts_with("CREATE TABLE c");
        let (children, rest): (Vec<_>, Vec<_>) = rest.partition(is_create);
        statements = [tables.to_vec(), children, usr, rest].concat();
    }
    for row in 1..=12 {
        let org = pick(&["1", "2", "NULL", "1", "2", "1", "9"]);
        statements.push(format!(
            "INSERT INTO usr (id, org_id) VALUES ({row}, {org})"
        ));
        if !own.is_empty() {
            statements.push(format!(
                "UPDATE usr SET boss = {} WHERE id = {row}",
                pick(&["NULL", "1", "2", "3", "5"])
            ));
            if own.contains("mate") {
                statements.push(format!(
                    "UPDATE usr SET mate = {} WHERE id = {row}",
                    pick(&["NULL", "NULL", "4", "6", "7"])
                ));
            }
        }
    }
    for table in &tables {
        for row in 1..=12 {
            let parent = pick(&["1", "2", "3", "4", "5", "6", "7", "NULL", "NULL"]);
            statements.push(format!(
                "INSERT INTO {table} (id, u, t) VALUES ({row}, {parent}, 1.0)"
            ));
        }
    }
    // A database that has never broken a key that it declares: enforcement holds those.
    let sound = pick(&["yes", "no", "yes"]);
    if sound == "yes" {
        for _ in 0..4 {
            if !own.is_empty() {
                statements.push(
                    "UPDATE usr SET boss = NULL WHERE boss NOT IN (SELECT id FROM usr)".to_owned(),
                );
                statements.push(
                    "UPDATE usr SET mate = NULL WHERE mate NOT IN (SELECT id FROM usr)".to_owned(),
                );
            }
            for table in &tables {
                statements.push(format!("UPDATE {table} SET u = NULL WHERE rowid IN (SELECT rowid FROM pragma_foreign_key_check('{table}'))"));
            }
        }
    }
    let second = pick(&["", "c0"]);
    let mut up = format!(
        "ALTER TABLE usr ADD CONSTRAINT fk FOREIGN KEY (org_id) REFERENCES org (id){action};"
    );
    let mut down = "ALTER TABLE usr DROP CONSTRAINT fk;".to_owned();
    if second == "c0" {
        up += "\nALTER TABLE c0 ADD CONSTRAINT fk2 FOREIGN KEY (t) REFERENCES org (id);";
        down = format!("ALTER TABLE c0 DROP CONSTRAINT fk2;\n{down}");
    }
    Case {
        statements,
        up,
        down,
        is_there,
        orphans: match random.u8(0..6) {
            0 => OrphanAction::Delete,
            1 => OrphanAction::Archive,
            2 | 3 => OrphanAction::SetNull,
            _ => OrphanAction::Follow,
        },
    }
}

#[test]
fn children_of_every_action_stay_as_they_are() {
    let (arena, mut tally) = (Arena::new(), BTreeMap::new());
    let count = cases(40, 5000) as u64;
    for seed in first_seed()..first_seed() + count {
        let case = family(seed);
        let outcome = arena.run(&case).unwrap_or_else(|why| {
            panic!(
                "seed {seed}: {why}\n{};\n-- up\n{}",
                case.statements.join(";\n"),
                case.up
            )
        });
        assert!(
            !outcome.contains("a promise"),
            "seed {seed}: {outcome}\n{};\n-- up, {:?}\n{}",
            case.statements.join(";\n"),
            case.orphans,
            case.up
        );
        *tally.entry(outcome).or_default() += 1;
    }
    assert!(tell(&tally, "families") * 6 > cases(40, 5000), "{tally:#?}");
}
