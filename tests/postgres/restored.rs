use pretty_assertions::assert_eq;

use crate::cleaned::{BACK, has_no_orphans, shows};
use crate::site::Site;

#[test]
fn rows_that_refer_to_each_other_come_back_together() {
    for mode in ["--mode transaction", "--mode online --batch 2"] {
        let Some(site) = Site::of(
            "CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t ON DELETE CASCADE);
             SET session_replication_role = replica;
             INSERT INTO t VALUES (1, NULL), (2, 99), (3, 2), (4, 3), (5, 4), (6, 98), (7, 6), (8, 7)",
        ) else {
            return;
        };
        let before = site.picture();
        site.run("clean --max-orphans 100%")
            .status(0)
            .says("7 rows moved");
        site.sql("INSERT INTO t VALUES (99, NULL)");
        site.run(&format!("restore {mode}"))
            .status(0)
            .says("  4 rows moved from t_orphans back to t\n  3 rows kept in t_orphans");
        site.sql("INSERT INTO t VALUES (98, NULL)");
        site.run(&format!("restore {mode}")).status(0);
        site.sql("SET session_replication_role = replica; DELETE FROM t WHERE id > 90");
        assert_eq!(site.picture(), before);
    }
}

#[test]
fn one_tables_rows_are_restored_and_taken_places_are_told() {
    let Some(site) = shows() else { return };
    site.run("clean").status(0);
    site.sql("INSERT INTO shows VALUES (3, 'three'); INSERT INTO seasons VALUES (30, 1)");
    let told = "  1 row kept in seasons_orphans: id is taken in seasons\n";
    site.run("restore --table seasons --dry-run")
        .status(0)
        .says("  1 row of seasons_orphans would move back to seasons\n")
        .says(told);
    site.run("restore --table seasons")
        .status(0)
        .says("  1 row moved from seasons_orphans back to seasons\n")
        .says(told);
    assert_eq!(
        site.ask("SELECT relname::text FROM pg_class WHERE relname ~ '_orphans$' ORDER BY 1"),
        ["episodes_orphans", "plays_orphans", "seasons_orphans"]
    );
    site.run("restore --table shows")
        .status(2)
        .explains("shows has no archive");
}

#[test]
fn triggers_decide_about_rows_that_come_back() {
    let Some(site) = shows() else { return };
    site.run("clean").status(0);
    site.sql(BACK);
    site.sql(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER t BEFORE INSERT ON seasons FOR EACH ROW EXECUTE FUNCTION no()",
    );
    site.run("restore")
        .status(1)
        .explains("seasons has 1 trigger on INSERT: t");
    site.run("restore --triggers fire")
        .status(2)
        .explains("should have come back to seasons, and 0 did");
    site.run("restore --triggers skip").status(0);
    has_no_orphans(&site);
}

#[test]
fn old_rows_are_deleted_for_good_when_that_is_confirmed() {
    let Some(site) = shows() else { return };
    site.run("clean").status(0);
    site.run("restore --purge --older-than 0")
        .status(2)
        .explains("would be deleted for good, and nobody is there to confirm it");
    site.run("restore --purge --older-than 90d --yes")
        .status(0)
        .stdout("nothing to do: no archived row is so old\n");
    site.sql("UPDATE seasons_orphans SET fkfix_archived_at = '2020-01-01 00:00+00' WHERE id = 30; UPDATE plays_orphans SET fkfix_archived_at = '2020-01-01 00:00+00'");
    site.run("restore --purge --older-than 90d --dry-run")
        .status(0)
        .says("  1 row of seasons_orphans would be deleted for good; 1 row would stay\n");
    site.run("restore --purge --older-than 90d --yes")
        .status(0)
        .says("  1 row deleted from seasons_orphans for good; 1 row left\n");
    assert_eq!(site.ask("SELECT id::text FROM seasons_orphans"), ["31"]);
    assert_eq!(
        site.ask("SELECT relname::text FROM pg_class WHERE relname ~ '_orphans$' ORDER BY 1"),
        ["episodes_orphans", "seasons_orphans"]
    );
}

#[test]
fn what_the_archives_hold_is_listed() {
    let Some(site) = shows() else { return };
    site.run("orphans --archived")
        .status(0)
        .stdout("no archived rows\n");
    site.run("clean").status(0);
    site.sql("UPDATE seasons_orphans SET fkfix_archived_at = '2026-01-02 03:04:05+00'");
    site.run("orphans --archived --table seasons")
        .status(0)
        .says("seasons_orphans  season_of  clean  2026-01-02T03:04:05Z  moved     2\n");
    let json = site
        .run("orphans --archived --format json")
        .status(0)
        .json();
    let archived = json["archived"].as_array().unwrap();
    let kept = archived.iter().filter(|it| it["stayed"] == true);
    let kept: i64 = kept.map(|it| it["rows"].as_i64().unwrap()).sum();
    assert_eq!(kept, 2);
    site.run("orphans --archived --table seasons --format csv")
        .status(0)
        .stdout("\"table\",\"archive\",\"keys\",\"version\",\"archived_at\",\"stayed\",\"rows\"\n\"seasons\",\"seasons_orphans\",\"season_of\",\"\",\"2026-01-02T03:04:05Z\",\"false\",\"2\"\n");
    site.run("orphans --archived --table shows")
        .status(2)
        .explains("shows has no archive");
}

/// Made by an older fkfix, whose archives had a version in every row.
#[test]
fn an_archive_that_was_made_before_takes_rows_of_no_migration() {
    let Some(site) = shows() else { return };
    site.sql("CREATE TABLE seasons_orphans (fkfix_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fkfix_constraints text NOT NULL, fkfix_version bigint NOT NULL, fkfix_archived_at timestamptz NOT NULL, id int, show_id int);
        CREATE TABLE episodes_orphans (fkfix_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fkfix_constraints text NOT NULL, fkfix_version bigint NOT NULL, fkfix_archived_at timestamptz NOT NULL, id int, season_id int)");
    site.run("clean").status(0);
    assert_eq!(
        site.ask("SELECT concat_ws(' ', id, show_id, t, fkfix_kept -> 'show_id') FROM episodes_orphans ORDER BY id"),
        [r#"300 3 c "'1'""#, r#"301 3 d "'1'""#]
    );
    site.sql(BACK);
    site.run("restore").status(0);
    has_no_orphans(&site);
}
