//! A Citus that `FKFIX_CITUS_URL` names by its coordinator (scripts/citus-cluster.sh makes one), with
//! a database of the test's own on each of its servers.

use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{Database, Shared, open, skip};

/// The test's databases on the workers, which go with the test.
pub struct Workers {
    /// Connection strings of these, but for the database.
    pub servers: Vec<String>,
    name: String,
}

/// The database on the coordinator, and those on the workers; none where the tests are skipped.
/// That there is no Citus is no failure in CI either: no registry has one.
pub fn citus() -> Option<(Database, Workers)> {
    static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let shared = SHARED.get_or_init(|| {
        let url = std::env::var("FKFIX_CITUS_URL").ok()?;
        Some(Shared { url, server: None })
    });
    let Some(shared) = shared.as_ref() else {
        if std::env::var_os("CI").is_none() {
            return skip("FKFIX_CITUS_URL names no coordinator of Citus");
        }
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: FKFIX_CITUS_URL names no coordinator of Citus"
        );
        return None;
    };
    // Two databases can't be copied from one template at once.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut client = open(&shared.url).client;
    let ask =
        "SELECT (groupid = 0)::text, nodename, nodeport::text FROM pg_dist_node ORDER BY groupid";
    let nodes: Vec<[String; 3]> = client
        .query(ask, &[])
        .unwrap()
        .iter()
        .map(|row| [row.get(0), row.get(1), row.get(2)])
        .collect();
    let database = shared.database();
    let name = database.name.clone();
    database.client("CREATE EXTENSION citus");
    let mut servers = Vec::new();
    for [is_coordinator, host, port] in &nodes {
        if is_coordinator == "true" {
            database.client(&format!(
                "SELECT citus_set_coordinator_host('{host}', {port})"
            ));
            continue;
        }
        let server = format!("postgres://postgres@{host}:{port}");
        let run = |at: &str, sql: &str| {
            let mut client = open(&format!("{server}/{at}")).client;
            client.batch_execute(sql).unwrap();
        };
        run(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        );
        run(&name, "CREATE EXTENSION citus");
        database.client(&format!("SELECT citus_add_node('{host}', {port})"));
        servers.push(server);
    }
    drop(turn);
    Some((database, Workers { servers, name }))
}

impl Drop for Workers {
    fn drop(&mut self) {
        for server in &self.servers {
            let mut client = open(&format!("{server}/postgres")).client;
            let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            client.batch_execute(&drop).unwrap();
        }
    }
}
