//! `PgBouncer` in transaction mode in front of a server.

use std::fs;
use std::path::PathBuf;

use super::guarded::Guarded;
use super::start::{folder, give, wait_for};
use super::{Server, skip};

/// A pooler that is gone when this is.
pub struct Pooler {
    folder: PathBuf,
    _guarded: Guarded,
}

/// One with so few connections to the server that its clients share them; none where the program
/// is missing and the test is to be skipped.
pub fn pooler(server: &Server, connections: usize) -> Option<Pooler> {
    let places = [
        "/usr/sbin/pgbouncer",
        "/usr/bin/pgbouncer",
        "/opt/homebrew/bin/pgbouncer",
    ];
    let Some(program) = places
        .iter()
        .find(|place| fs::exists(place).unwrap_or(false))
    else {
        return skip("pgbouncer is not installed");
    };
    let user = server.user();
    let folder = folder(user);
    let text = folder.to_str().unwrap();
    let configuration = format!(
        "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n\
         unix_socket_dir = {text}\npool_mode = transaction\ndefault_pool_size = {connections}\n\
         auth_type = trust\nauth_file = {text}/users\n",
        server.folder.display(),
        server.port,
    );
    for (name, content) in [
        ("ini", configuration.as_str()),
        ("users", "\"postgres\" \"\"\n"),
    ] {
        let file = folder.join(name);
        fs::write(&file, content).unwrap();
        give(&file, user);
    }
    let ini = folder.join("ini");
    let mut guarded = Guarded::start("TERM", &folder, user, &[program, ini.to_str().unwrap()]);
    let pooler = |guarded| Pooler {
        folder: folder.clone(),
        _guarded: guarded,
    };
    let url = Pooler::url_in(&folder, "postgres");
    wait_for(&url, &folder, &mut guarded);
    Some(pooler(guarded))
}

impl Pooler {
    pub fn url(&self, database: &str) -> String {
        Pooler::url_in(&self.folder, database)
    }

    fn url_in(folder: &std::path::Path, database: &str) -> String {
        let folder = folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{folder}:6432/{database}")
    }
}
