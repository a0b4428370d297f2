use std::process::Command;
use std::thread;

use pretty_assertions::assert_eq;

use crate::moved_rows::family;
use crate::server::{self, pooler};

const CHILDREN: &str = "CREATE TABLE c (id int PRIMARY KEY, pid int); CREATE INDEX ON c (pid);
    INSERT INTO c SELECT i, CASE i % 10 WHEN 0 THEN 9 ELSE 1 END FROM generate_series(1, 500) i;";

/// A pooler gives a lock of a session to whoever gets its connection next; so none is taken.
#[test]
fn two_clients_of_a_pooler_come_to_one_result() {
    let Some(server) = server::shared().and_then(server::Shared::own) else {
        return;
    };
    for connections in [1, 3] {
        let Some(pooler) = pooler(server, connections) else {
            return;
        };
        for mode in ["transaction", "online"] {
            let Some(site) = family(CHILDREN) else { return };
            let before = site.picture();
            let url = pooler.url(&site.database.name);
            let run = |verb: &str| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_fkfix"));
                command.args([verb, "--mode", mode, "--batch", "7", "-d", &url]);
                command.arg("--migrations").arg(site.migrations());
                command.output().unwrap()
            };
            for (verb, done) in [("up", "applied V1 key"), ("down", "reverted V1 key")] {
                let runs = thread::scope(|scope| {
                    [(); 2]
                        .map(|()| scope.spawn(|| run(verb)))
                        .map(|run| run.join().unwrap())
                });
                assert!(runs.iter().all(|run| run.status.success()), "{runs:#?}");
                let told = runs
                    .each_ref()
                    .map(|it| String::from_utf8_lossy(&it.stdout));
                assert!(told.iter().any(|it| it.starts_with(done)), "{told:#?}");
                if verb == "up" {
                    assert_eq!(site.ask("SELECT count(*)::text FROM c"), ["450"]);
                    assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["50"]);
                    site.run("check").status(0);
                }
            }
            assert_eq!(site.picture(), before, "{mode}, {connections}");
        }
    }
}
