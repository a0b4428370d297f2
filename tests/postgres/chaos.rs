use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use postgres::Client;

use crate::site::Site;

const ROWS: i64 = 4000;
const ORPHANS: i32 = 800;

/// Children, a fifth of them orphans over 40 missing parents, with grandchildren on every tenth.
fn site() -> Option<Site> {
    let site = Site::of(&format!(
        "CREATE TABLE p (id int PRIMARY KEY);
         CREATE TABLE c (id int PRIMARY KEY, pid int, note text NOT NULL DEFAULT '');
         CREATE TABLE g (id int PRIMARY KEY, cid int REFERENCES c ON DELETE CASCADE);
         CREATE INDEX ON c (pid); CREATE INDEX ON g (cid);
         INSERT INTO p SELECT generate_series(1, 200);
         INSERT INTO c SELECT i, CASE WHEN i % 5 = 0 THEN 1000 + i / 5 % 40 ELSE 1 + i % 200 END FROM generate_series(1, {ROWS}) i;
         INSERT INTO g SELECT i, i * 10 FROM generate_series(1, {ROWS} / 10) i;
         ANALYZE"
    ))?;
    Some(site.with(
        "V1__keys",
        "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE;",
        "ALTER TABLE c DROP CONSTRAINT c_p;",
    ))
}

fn start(site: &Site, line: &str) -> Child {
    site.command(line)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs `line` twice at once and kills at random, until a run ends by itself with 0; how many
/// were killed.
fn until_done(site: &Site, line: &str) -> usize {
    let mut kills = 0;
    for round in 0.. {
        assert!(round < 500, "{line} never ends");
        let mut runs = [start(site, line), start(site, line)];
        let mut ended = Vec::new();
        for run in &mut runs {
            // Later rounds leave more time, so that the last one can end.
            thread::sleep(Duration::from_millis(fastrand::u64(10..120 + 15 * round)));
            if run.try_wait().unwrap().is_none() {
                kills += 1;
            }
            let _ = run.kill();
            ended.push(run.wait().unwrap().code());
        }
        for (run, code) in runs.into_iter().zip(&ended) {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut run.stderr.unwrap(), &mut text).unwrap();
            assert!(matches!(code, None | Some(0)), "{line}: {code:?}\n{text}");
        }
        if ended.contains(&Some(0)) {
            return kills;
        }
    }
    unreachable!()
}

/// What the application does meanwhile: it inserts, and repairs orphans in three ways.
struct Writers<'a> {
    stop: &'a AtomicBool,
    inserted: &'a AtomicI64,
    repaired: &'a std::sync::Mutex<Vec<i32>>,
}

impl Writers<'_> {
    fn work(&self, mut client: Client, number: i32) {
        client.batch_execute("SET lock_timeout = '10s'").unwrap();
        let mut at = 0;
        while !self.stop.load(Ordering::Relaxed) {
            at += 1;
            let id = 1_000_000 * number + at;
            client
                .execute("INSERT INTO c VALUES ($1, 1 + $1 % 200, 'new')", &[&id])
                .unwrap();
            self.inserted.fetch_add(1, Ordering::Relaxed);
            let orphan = 5 * fastrand::i32(1..=ORPHANS);
            let repaired = match fastrand::u8(0..24) {
                // Pointed to a parent that is there.
                0 => client.execute(
                    "UPDATE c SET pid = 7 WHERE id = $1 AND pid > 200",
                    &[&orphan],
                ),
                // The key forgotten.
                1 => client.execute(
                    "UPDATE c SET pid = NULL WHERE id = $1 AND pid > 200",
                    &[&orphan],
                ),
                // Changed in another column: still an orphan.
                _ => client
                    .execute("UPDATE c SET note = note || 'x' WHERE id = $1", &[&orphan])
                    .map(|_| 0),
            };
            if repaired.unwrap() == 1 {
                self.repaired.lock().unwrap().push(orphan);
            }
            thread::sleep(Duration::from_millis(3));
        }
    }
}

fn number(client: &mut Client, query: &str) -> i64 {
    client.query_one(query, &[]).unwrap().get(0)
}

/// Rounds of up and down: `FKFIX_CHAOS_ROUNDS`, or one.
#[test]
fn killed_at_any_instant_nothing_is_lost_doubled_or_wrongly_archived() {
    let rounds = std::env::var("FKFIX_CHAOS_ROUNDS").map_or(1, |it| it.parse::<u32>().unwrap());
    let (mut up, mut down, mut repairs) = (0, 0, 0);
    for _ in 0..rounds {
        let Some(site) = site() else { return };
        let (stop, inserted) = (AtomicBool::new(false), AtomicI64::new(0));
        let repaired = std::sync::Mutex::new(Vec::new());
        let writers = Writers {
            stop: &stop,
            inserted: &inserted,
            repaired: &repaired,
        };
        thread::scope(|scope| {
            for place in 1..=2 {
                let client = site.database.client("");
                let writers = &writers;
                scope.spawn(move || writers.work(client, place));
            }
            let kills =
                std::panic::catch_unwind(|| until_done(&site, "up --mode online --batch 40"));
            stop.store(true, Ordering::Relaxed);
            up += kills.unwrap();
        });
        let mut client = site.database.client("");
        after_up(&mut client, &inserted, &repaired.lock().unwrap());
        let all = ROWS + inserted.load(Ordering::Relaxed);
        down += until_done(&site, "down --mode online --batch 40");
        assert_eq!(number(&mut client, "SELECT count(*) FROM c"), all);
        assert_eq!(number(&mut client, "SELECT count(DISTINCT id) FROM c"), all);
        assert_eq!(number(&mut client, "SELECT count(*) FROM g"), ROWS / 10);
        assert_eq!(
            number(
                &mut client,
                "SELECT count(*) FROM pg_class WHERE relname ~ 'orphans|fkfix'"
            ),
            0
        );
        repairs += repaired.lock().unwrap().len();
    }
    let told =
        format!("CHAOS: {rounds} rounds, {up} kills of up, {down} of down, {repairs} repairs");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{told}\n").as_bytes());
}

fn after_up(client: &mut Client, inserted: &AtomicI64, repaired: &[i32]) {
    let archive = number(
        client,
        "SELECT count(*) FROM pg_class WHERE relname = 'c_orphans'",
    ) == 1;
    assert!(
        archive,
        "nothing was archived: all {ORPHANS} were repaired?"
    );
    let archived = number(client, "SELECT count(*) FROM c_orphans");
    let here = number(client, "SELECT count(*) FROM c");
    assert_eq!(here + archived, ROWS + inserted.load(Ordering::Relaxed));
    let both = "SELECT count(*) FROM c JOIN c_orphans USING (id)";
    assert_eq!(number(client, both), 0);
    let doubled = "SELECT count(*) - count(DISTINCT id) FROM c_orphans";
    assert_eq!(number(client, doubled), 0);
    let wrongly: i64 = client
        .query_one(
            "SELECT count(*) FROM c_orphans WHERE id = ANY ($1)",
            &[&repaired],
        )
        .unwrap()
        .get(0);
    assert_eq!(wrongly, 0, "rows that the application had repaired");
    let grandchildren = "SELECT (SELECT count(*) FROM g) + (SELECT count(*) FROM g_orphans)";
    assert_eq!(number(client, grandchildren), ROWS / 10);
    assert_eq!(
        number(
            client,
            "SELECT count(*) FROM pg_constraint WHERE conname = 'c_p' AND convalidated"
        ),
        1
    );
    assert_eq!(
        number(
            client,
            "SELECT count(*) FROM c WHERE pid IS NOT NULL AND NOT EXISTS (SELECT FROM p WHERE p.id = pid)"
        ),
        0
    );
}
