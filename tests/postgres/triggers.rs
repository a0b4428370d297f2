use pretty_assertions::assert_eq;

use crate::moved_rows::family;

const AUDITED: &str = "
    CREATE TABLE c (id int PRIMARY KEY, pid int); INSERT INTO c VALUES (1, 1), (3, 9);
    CREATE TABLE audit (what text, id int);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO audit VALUES (TG_NAME, coalesce(NEW.id, OLD.id)); RETURN coalesce(NEW, OLD); END $$;
    CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;";

const STATES: &str =
    "SELECT tgname || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1";

#[test]
fn triggers_are_refused_fire_or_are_set_aside_and_are_as_they_were() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(&format!(
            "{AUDITED}
            CREATE TRIGGER o AFTER DELETE OR INSERT ON c FOR EACH ROW EXECUTE FUNCTION note();
            CREATE TRIGGER a BEFORE DELETE OR INSERT ON c FOR EACH ROW EXECUTE FUNCTION note();
            CREATE TRIGGER d AFTER DELETE ON c FOR EACH ROW EXECUTE FUNCTION note();
            CREATE TRIGGER r AFTER DELETE ON c FOR EACH ROW EXECUTE FUNCTION note();
            ALTER TABLE c ENABLE ALWAYS TRIGGER a; ALTER TABLE c DISABLE TRIGGER d; ALTER TABLE c ENABLE REPLICA TRIGGER r"
        )) else {
            return;
        };
        let before = site.picture();
        site.run(&format!("up --mode {mode}"))
            .status(1)
            .explains("c has 2 triggers on DELETE: a, o");
        assert_eq!(site.picture(), before);
        site.run(&format!("up --mode {mode} --triggers skip"))
            .status(0);
        assert_eq!(site.ask(STATES), ["a A", "d D", "o O", "r R"]);
        assert!(site.ask("SELECT what FROM audit").is_empty());
        site.run(&format!("down --mode {mode}"))
            .status(1)
            .explains("c has 2 triggers on INSERT: a, o");
        site.run(&format!("down --mode {mode} --triggers skip"))
            .status(0);
        assert_eq!(site.picture(), before);
        site.run(&format!("up --mode {mode} --triggers fire"))
            .status(0);
        assert_eq!(site.ask("SELECT what FROM audit ORDER BY 1"), ["a", "o"]);
    }
}

#[test]
fn a_trigger_that_keeps_rows_back_is_noticed_and_nothing_moves() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(&format!(
            "{AUDITED} CREATE TRIGGER t BEFORE DELETE ON c FOR EACH ROW EXECUTE FUNCTION no()"
        )) else {
            return;
        };
        site.run(&format!("up --mode {mode} --triggers fire"))
            .status(2)
            .explains("1 row of c should have left, and 0 did: a trigger keeps rows back");
        assert_eq!(site.ask("SELECT id::text FROM c ORDER BY 1"), ["1", "3"]);
        site.run(&format!("up --mode {mode} --triggers skip"))
            .status(0);
        site.sql("DROP TRIGGER t ON c; CREATE TRIGGER t BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION no()");
        site.run(&format!("down --mode {mode} --triggers fire"))
            .status(2)
            .explains("1 row should have come back to c, and 0 did");
        assert_eq!(site.ask("SELECT id::text FROM c_orphans"), ["3"]);
    }
}

#[test]
fn a_rule_is_refused_by_name() {
    let Some(site) = family(&format!(
        "{AUDITED} CREATE RULE quiet AS ON DELETE TO c DO INSTEAD NOTHING"
    )) else {
        return;
    };
    let before = site.picture();
    site.run("up").status(2).explains("c has the rule quiet");
    assert_eq!(site.picture(), before);
}

#[test]
fn a_published_table_without_identity_is_refused_before_the_key_is_added() {
    for mode in ["transaction", "online"] {
        let Some(site) = family(
            "CREATE TABLE c (id int, pid int); INSERT INTO c VALUES (1, 9); CREATE PUBLICATION all_of_it FOR ALL TABLES",
        ) else {
            return;
        };
        let before = site.picture();
        let up = format!("up --mode {mode} --max-orphans 1");
        site.run(&up)
            .status(2)
            .explains("c is published by all_of_it and has no replica identity");
        assert_eq!(site.picture(), before);
        site.sql("ALTER TABLE c REPLICA IDENTITY FULL");
        // The archive is published too, and has a primary key.
        site.run(&up).status(0);
        site.run(&format!("down --mode {mode}")).status(0);
        assert_eq!(site.ask("SELECT id::text FROM c"), ["1"]);
    }
}

#[test]
fn an_event_trigger_that_rejects_the_change_is_told_and_nothing_changes() {
    let Some(site) = family(
        "CREATE TABLE c (id int, pid int);
         CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'frozen by ops'; END $$;
         CREATE EVENT TRIGGER frozen ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION no()",
    ) else {
        return;
    };
    let before = site.picture();
    let run = site.run("up").status(2);
    assert!(run.stderr.contains("frozen by ops"), "{run:#?}");
    assert_eq!(site.picture(), before);
}
