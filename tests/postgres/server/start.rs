//! A throwaway server in a temporary folder, and a standby of it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fkfix::postgres::connect;

use super::certificates;
use super::guarded::{Guarded, run_as};
use super::programs::{self, User};
use super::skip;

/// What a server has beyond the socket that everyone may use.
#[derive(Default)]
pub struct Own<'a> {
    /// Lines of `pg_hba.conf` for addresses; with them it listens on 127.0.0.1.
    pub tcp: &'a str,
    /// A folder with `server.crt` and `server.key`: it encrypts. Its files are copied.
    pub tls: Option<&'a Path>,
    /// Settings beside those of every server, `name=value`.
    pub settings: &'a [&'a str],
    /// The language of its messages, `de`; none for English.
    pub language: Option<&'a str>,
    /// Statements for the superuser.
    pub sql: &'a str,
}

/// A server that is gone when this is, or when the test process is.
pub struct Server {
    pub folder: PathBuf,
    /// Of the socket, and of 127.0.0.1 where it listens there.
    pub port: u16,
    programs: PathBuf,
    user: Option<User>,
    _guarded: Guarded,
}

/// What a server does without that only its tests have: they have nothing to lose.
const SETTINGS: [&str; 8] = [
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "shared_buffers=32MB",
    "max_connections=60",
    "max_wal_size=256MB",
    "wal_level=logical",
    "autovacuum=off",
];

impl Server {
    pub fn start(programs: &Path, own: &Own) -> Self {
        let user = programs::user();
        let folder = folder(user);
        let data = folder.join("data");
        run(
            user,
            Command::new(programs.join("initdb"))
                .arg("-D")
                .arg(&data)
                .args(
                    "-U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions"
                        .split(' '),
                ),
        );
        let hba = format!(
            "local all postgres trust\nlocal replication postgres trust\n{}",
            own.tcp
        );
        fs::write(data.join("pg_hba.conf"), hba).unwrap();
        if let Some(tls) = own.tls {
            for entry in fs::read_dir(tls).unwrap() {
                let entry = entry.unwrap();
                let file = folder.join(entry.file_name());
                fs::copy(entry.path(), &file).unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
                give(&file, user);
            }
        }
        let server = Server::run(programs, folder, user, own);
        if !own.sql.is_empty() {
            let mut client = super::open(&server.url("postgres", "postgres")).client;
            client.batch_execute(own.sql).unwrap();
        }
        server
    }

    /// A hot standby, which follows this server; none where the program for that is missing.
    pub fn standby(&self) -> Option<Server> {
        let program = self.programs.join("pg_basebackup");
        if !program.exists() {
            return skip("pg_basebackup is not installed");
        }
        let folder = folder(self.user);
        run(
            self.user,
            Command::new(program)
                .arg("-D")
                .arg(folder.join("data"))
                .arg("-h")
                .arg(&self.folder)
                .args(["-p", &self.port.to_string()])
                .args("-U postgres -R -X stream -c fast --no-sync".split(' ')),
        );
        let server = Server::run(&self.programs, folder, self.user, &Own::default());
        Some(server)
    }

    fn run(programs: &Path, folder: PathBuf, user: Option<User>, own: &Own) -> Server {
        let port = if own.tcp.is_empty() {
            5432
        } else {
            free_port()
        };
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let mut arguments = Vec::new();
        if let Some(language) = own.language {
            // Translations are looked up for any locale but C and POSIX.
            arguments.extend(["env".to_owned(), format!("LANGUAGE={language}")]);
        }
        arguments.extend([
            text(programs.join("postgres")),
            "-D".to_owned(),
            text(folder.join("data")),
            "-k".to_owned(),
            text(folder.clone()),
            "-p".to_owned(),
            port.to_string(),
        ]);
        let addresses = if own.tcp.is_empty() { "" } else { "127.0.0.1" };
        let mut settings: Vec<String> = SETTINGS.map(str::to_owned).to_vec();
        settings.extend(own.settings.iter().map(|it| (*it).to_owned()));
        settings.push(format!("listen_addresses={addresses}"));
        if own.language.is_some() {
            settings.push("lc_messages=C.UTF-8".to_owned());
        }
        if own.tls.is_some() {
            settings.push("ssl=on".to_owned());
            settings.push(format!("ssl_ca_file={}", text(folder.join("ca.crt"))));
            settings.push(format!("ssl_cert_file={}", text(folder.join("server.crt"))));
            settings.push(format!("ssl_key_file={}", text(folder.join("server.key"))));
        }
        arguments.extend(settings.into_iter().flat_map(|one| ["-c".to_owned(), one]));
        let program: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut guarded = Guarded::start("INT", &folder, user, &program);
        wait_for(
            &url(&folder, port, "postgres", "postgres"),
            &folder,
            &mut guarded,
        );
        Server {
            folder,
            port,
            programs: programs.to_owned(),
            user,
            _guarded: guarded,
        }
    }

    /// Through the socket, where the superuser `postgres` needs no password.
    pub fn url(&self, user: &str, database: &str) -> String {
        url(&self.folder, self.port, user, database)
    }

    /// Whom it runs as, where that is not the user of the tests.
    pub fn user(&self) -> Option<User> {
        self.user
    }
}

fn url(folder: &Path, port: u16, user: &str, database: &str) -> String {
    let folder = folder.to_str().unwrap().replace('/', "%2F");
    format!("postgres://{user}@{folder}:{port}/{database}")
}

/// A folder that the server's user owns.
pub fn folder(user: Option<User>) -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix("fkfix-pg-")
        .tempdir_in(place())
        .unwrap()
        .keep();
    give(&folder, user);
    folder
}

/// In memory where there is plenty of it: a database for each test is some 300 files, made and
/// removed, which a disk takes as long for as the test takes. `TMPDIR` names another place.
fn place() -> PathBuf {
    const PLENTY: u64 = 4 << 30;
    let memory = Path::new("/dev/shm");
    let roomy = fs4::available_space(memory).is_ok_and(|free| free >= PLENTY);
    if roomy && std::env::var_os("TMPDIR").is_none() {
        return memory.to_owned();
    }
    std::env::temp_dir()
}

pub fn give(path: &Path, user: Option<User>) {
    if let Some(user) = user {
        chown(path, Some(user.uid), Some(user.gid)).unwrap();
    }
}

/// Asks until there is an answer; a server that ended shows its log.
pub fn wait_for(url: &str, folder: &Path, guarded: &mut Guarded) {
    let started = Instant::now();
    while let Err(error) = connect::open(url, &super::nobody()) {
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(!guarded.ended(), "{error:#}\n{}", log());
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "{error:#}\n{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn run(user: Option<User>, command: &mut Command) {
    run_as(command, user);
    let output = command.current_dir("/").output().unwrap();
    assert!(output.status.success(), "{}", certificates::told(&output));
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
