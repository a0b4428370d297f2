//! The server that tests run on.
//!
//! `FKFIX_POSTGRES_URL` names one; else the programs of an installed PostgreSQL, or those in the
//! folder that `FKFIX_POSTGRES_BIN` names, start one in a temporary folder, once for the whole
//! run. Where there is neither, the tests are skipped, and
//! the run says so; with `CI` set that is a failure.

pub mod certificates;
mod citus;
mod guarded;
mod pooler;
mod programs;
mod start;

use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use fkfix::postgres::connect::{self, Connection, Environment};
use postgres::Client;

pub use citus::{Workers, citus};
pub use pooler::pooler;
pub use start::{Own, Server, give};

/// The server of this run; none where it is to be skipped.
pub fn shared() -> Option<&'static Shared> {
    static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        if let Ok(url) = std::env::var("FKFIX_POSTGRES_URL") {
            return Some(Shared { url, server: None });
        }
        let server = own(&Own::default())?;
        Some(Shared {
            url: server.url("postgres", "postgres"),
            server: Some(server),
        })
    });
    shared.as_ref()
}

/// A server of this run whose programs are ours: it can be followed by a standby.
pub fn primary() -> Option<&'static Server> {
    static PRIMARY: OnceLock<Option<Server>> = OnceLock::new();
    let own_one = || PRIMARY.get_or_init(|| own(&Own::default())).as_ref();
    shared().and_then(Shared::own).or_else(own_one)
}

/// A hot standby of it.
pub fn standby() -> Option<&'static Server> {
    static STANDBY: OnceLock<Option<Server>> = OnceLock::new();
    STANDBY.get_or_init(|| primary()?.standby()).as_ref()
}

/// Waits until `standby` has what `primary` has by now.
pub fn caught_up(primary: &Server, standby: &Server) {
    let ask = |server: &Server, query: &str| -> String {
        let mut client = open(&server.url("postgres", "postgres")).client;
        client.query_one(query, &[]).unwrap().get(0)
    };
    let at = ask(primary, "SELECT pg_current_wal_insert_lsn()::text");
    let query = format!("SELECT (pg_last_wal_replay_lsn() >= '{at}')::text");
    while ask(standby, &query) != "true" {
        std::thread::yield_now();
    }
}

/// A password that holds what a URL and a password file must escape.
pub const SECRET: &str = r"s3c:r\et@ä/?";

/// A server without encryption on 127.0.0.1, which asks `scram`, `md5` and `plain` for that
/// password, each by its method, and `trusted` for none.
pub fn guarded() -> Option<&'static Server> {
    static GUARDED: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let sql = format!(
            "SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD '{SECRET}';
             SET password_encryption = 'scram-sha-256';
             CREATE ROLE scram LOGIN PASSWORD '{SECRET}';
             CREATE ROLE plain LOGIN PASSWORD '{SECRET}';
             CREATE ROLE trusted LOGIN"
        );
        let tcp = "host all scram   127.0.0.1/32 scram-sha-256\n\
                   host all md5     127.0.0.1/32 md5\n\
                   host all plain   127.0.0.1/32 password\n\
                   host all trusted 127.0.0.1/32 trust\n";
        own(&Own {
            tcp,
            sql: &sql,
            ..Own::default()
        })
    };
    GUARDED.get_or_init(start).as_ref()
}

/// A program of the installed PostgreSQL.
pub fn program(name: &str) -> std::path::PathBuf {
    programs::folder().map_or_else(|| name.into(), |folder| folder.join(name))
}

/// A server of the test's own, by the installed programs; none where it is to be skipped.
pub fn own(options: &Own) -> Option<Server> {
    match programs::folder() {
        Some(programs) if options.tls.is_some() && !programs::encrypts(&programs) => {
            skip("this PostgreSQL was built without TLS")
        }
        Some(programs) => Some(Server::start(&programs, options)),
        None => skip("no PostgreSQL is installed, and FKFIX_POSTGRES_URL is not set"),
    }
}

/// Says aloud that tests are skipped; fails where `CI` is set.
pub fn skip<T>(why: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    // Not by eprintln, which the test harness would keep for itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
    None
}

/// The server of this run.
pub struct Shared {
    url: String,
    server: Option<Server>,
}

impl Shared {
    /// The server, where it was started for this run.
    pub fn own(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// An empty database of the test's own.
    pub fn database(&self) -> Database {
        Database::of(&self.url)
    }
}

/// A database that goes with the test.
pub struct Database {
    pub name: String,
    server: String,
}

impl Database {
    /// A new one on the server of that connection string.
    pub fn of(server: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = Database {
            name: format!("fkfix_test_{}_{number}", std::process::id()),
            server: server.to_owned(),
        };
        database.admin(&format!(
            "CREATE DATABASE {} TEMPLATE template0",
            database.name
        ));
        database
    }

    fn admin(&self, sql: &str) {
        open(&self.server).client.batch_execute(sql).unwrap();
    }

    /// A connection string for it.
    pub fn url(&self) -> String {
        let (before, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (server, _) = before.rsplit_once('/').unwrap();
        format!("{server}/{}?{query}", self.name)
    }

    /// A connection of fkfix.
    pub fn connect(&self) -> Connection {
        open(&self.url())
    }

    /// A connection of somebody else, with these statements run.
    pub fn client(&self, sql: &str) -> Client {
        let mut client = self.connect().client;
        client.batch_execute(sql).unwrap();
        client
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.admin(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Connects with the string alone: nothing of the environment of the tests counts.
pub fn open(text: &str) -> Connection {
    connect::open(text, &nobody()).unwrap_or_else(|error| panic!("{error:#}"))
}

/// An environment without variables and without a home.
pub fn nobody() -> Environment {
    Environment::of(&[], None, "nobody")
}

/// An environment with a home and these variables.
pub fn at_home(home: &Path, variables: &[(&str, &str)]) -> Environment {
    Environment::of(variables, Some(home), "nobody")
}
