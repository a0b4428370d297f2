//! Where a database is: a path, or a URL as SQLite, SQLAlchemy, Rails and Prisma read it.
//!
//! `DATABASE_URL` may be that of another database, with its password in it. So no reason that is
//! given here quotes what was typed.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode;

mod pattern;

/// The absolute path of a database file, and whether it may be written; or a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    path: PathBuf,
    read_only: bool,
    server: Option<Server>,
}

/// A connection string for PostgreSQL. It may hold a password, so nothing shows it whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    text: String,
    shown: String,
}

impl Server {
    /// The string as it was given, for the connection alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    #[cfg(feature = "postgres")]
    fn read(text: &str) -> Option<Self> {
        use crate::postgres::connect::{Environment, Target, is_postgres};
        if !is_postgres(text) {
            return None;
        }
        // What is wrong with it, the attempt to connect will tell.
        let target = Target::resolve(text, &Environment::of_process());
        Some(Server {
            text: text.to_owned(),
            shown: target.map_or_else(|_| "the server".to_owned(), |it| it.to_string()),
        })
    }

    #[cfg(not(feature = "postgres"))]
    fn read(_: &str) -> Option<Self> {
        None
    }
}

/// See [`Location::identity`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A file of Unix: device and number.
    Inode(u64, u64),
    /// A file, with every link followed.
    Path(PathBuf),
    /// The whole connection string of a server.
    Server(String),
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Location {
    /// The path as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path with every link followed, as SQLite follows them before it looks for a journal or
    /// a log beside the file (`unixFullPathname` in its `os_unix.c`).
    pub fn file(&self) -> std::io::Result<PathBuf> {
        if cfg!(windows) {
            // SQLite does not read the form that this would have there.
            return Ok(self.path.clone());
        }
        self.path.canonicalize()
    }

    /// The server, where it is not a file.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// What only one name of a database has: two links to a file are one database, and so are two
    /// patterns that match it.
    #[must_use]
    pub fn identity(&self) -> Identity {
        if let Some(server) = &self.server {
            return Identity::Server(server.text.clone());
        }
        #[cfg(unix)]
        if let Ok(it) = self.path.metadata() {
            use std::os::unix::fs::MetadataExt as _;
            return Identity::Inode(it.dev(), it.ino());
        }
        let path = self.file();
        Identity::Path(path.unwrap_or_else(|_| self.path.clone()))
    }

    /// Whether the URL says `mode=ro`, or the like.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Reads a path, or a URL:
    ///
    /// - `sqlite:app.db`, `sqlite:///app.db` (relative), `sqlite:////srv/app.db` (absolute), also
    ///   with a driver's name (`sqlite+aiosqlite:`):
    ///   <https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#connect-strings>
    /// - `sqlite3:app.db`, `sqlite3:///srv/app.db` (absolute):
    ///   <https://guides.rubyonrails.org/configuring.html#configuring-a-database>
    /// - `file:app.db`, `file:///srv/app.db` (absolute), with `%20` and the like:
    ///   <https://www.sqlite.org/uri.html>, <https://www.prisma.io/docs/orm/overview/databases/sqlite>
    ///
    /// A path need not be UTF-8. The reason of a failure never quotes `text`.
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        // A file may be called `host=a`.
        let server = text.to_str().filter(|text| !Path::new(text).exists());
        if let Some(server) = server.and_then(Server::read) {
            return Ok(Location {
                path: PathBuf::new(),
                read_only: false,
                server: Some(server),
            });
        }
        let bytes = text.as_encoded_bytes();
        let (path, query) = match scheme(bytes) {
            None => (path_of(bytes), None),
            Some((scheme, rest)) => match scheme.as_str() {
                "sqlite" => in_sqlalchemy(rest)?,
                "sqlite3" => in_rails(rest)?,
                "file" => in_file_url(rest)?,
                other => {
                    return Err(format!(
                        "fkfix opens databases of SQLite and PostgreSQL, and this is a URL of {other}"
                    ));
                }
            },
        };
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            return Err(IN_MEMORY.to_owned());
        }
        if !path.exists() && may_hold_a_password(path.as_os_str().as_encoded_bytes()) {
            return Err(
                "there is no such file, and what is given is not shown: it may hold a password"
                    .to_owned(),
            );
        }
        Ok(Location {
            read_only: query.map_or(Ok(false), is_read_only)?,
            ..Location::from(path.as_path())
        })
    }
}

const IN_MEMORY: &str = "this names a database in memory, and fkfix works on a file";

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Location {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            read_only: false,
            server: None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => f.write_str(&server.shown),
            None => self.path.display().fmt(f),
        }
    }
}

impl FromStr for Location {
    type Err = String;

    /// See [`Location::parse`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Location::parse(OsStr::new(text))
    }
}

/// Schemes of databases that are also written without `//`.
const OTHERS: [&str; 15] = [
    "postgres",
    "postgresql",
    "mysql",
    "mysql2",
    "mariadb",
    "sqlserver",
    "mssql",
    "oracle",
    "mongodb",
    "redis",
    "libsql",
    "turso",
    "jdbc",
    "odbc",
    "cockroachdb",
];

type Query<'a> = Option<&'a [u8]>;

/// Splits `scheme+driver:rest`, where `text` is a URL and not a path with a colon in it: the
/// scheme is one that fkfix reads, or `//` follows, or it is another database's.
fn scheme(text: &[u8]) -> Option<(String, &[u8])> {
    let (scheme, rest) = split(text, b':');
    let rest = rest?;
    let scheme = std::str::from_utf8(scheme).ok()?.to_ascii_lowercase();
    let first = scheme.split('+').next().unwrap_or_default().to_owned();
    let is_word = |it: char| it.is_ascii_alphanumeric() || "+-._".contains(it);
    // One letter and a colon is a drive of Windows.
    if first.len() < 2 || !scheme.chars().all(is_word) {
        return None;
    }
    let known = ["sqlite", "sqlite3", "file"].contains(&first.as_str());
    let other = OTHERS.contains(&first.as_str()) && !exists(text);
    (known || other || rest.starts_with(b"//")).then_some((first, rest))
}

/// `///app.db` is relative and `////srv/app.db` absolute, as in SQLAlchemy; `//app.db` is
/// relative, as in sqlx. With `uri=true` a URL of `file:` may stand for the path.
fn in_sqlalchemy(rest: &[u8]) -> Result<(PathBuf, Query<'_>), String> {
    let (path, query) = split(rest, b'?');
    let path = match path.strip_prefix(b"///") {
        Some(path) => path,
        None => match path.strip_prefix(b"//") {
            Some(path) => {
                must_be_no_host(path)?;
                path
            }
            None => path,
        },
    };
    if let Some(file) = path.strip_prefix(b"file:") {
        let is_url = query.is_some_and(|query| parameters(query).any(|it| it.is("uri") && it.on()));
        if is_url {
            return Ok((in_file_url(file)?.0, query));
        }
    }
    // SQLAlchemy takes the path as it is, sqlx decodes it; nothing is created, so what is there
    // is what was meant.
    let decoded: Vec<u8> = percent_decode(path).collect();
    let path = if exists(path) || !exists(&decoded) {
        path
    } else {
        &decoded
    };
    Ok((path_of(path), query))
}

/// `sqlite3:app.db` is relative, and both `sqlite3:/srv/app.db` and `sqlite3:///srv/app.db` are
/// absolute.
fn in_rails(rest: &[u8]) -> Result<(PathBuf, Query<'_>), String> {
    let (path, query) = split(rest, b'?');
    let path = match path.strip_prefix(b"//") {
        Some(path) if path.starts_with(b"/") => path,
        Some(_) => {
            return Err(
                "sqlite3:// is followed by a host, which SQLite has not; write sqlite3:PATH"
                    .to_owned(),
            );
        }
        None => path,
    };
    Ok((decoded(path)?, query))
}

/// `file:app.db` is relative, and both `file:/srv/app.db` and `file:///srv/app.db` are absolute.
fn in_file_url(rest: &[u8]) -> Result<(PathBuf, Query<'_>), String> {
    let (rest, _fragment) = split(rest, b'#');
    let (path, query) = split(rest, b'?');
    let path = match path.strip_prefix(b"//") {
        None => path,
        Some(after) => match after.strip_prefix(b"localhost").unwrap_or(after) {
            path if path.starts_with(b"/") => path,
            _ => {
                return Err("file:// is followed by a host, and a database is a file of this machine; write file:PATH".to_owned());
            }
        },
    };
    let path = match path {
        // On Windows the path follows a slash: /C:/app.db.
        [b'/', drive @ ..] if cfg!(windows) && drive.get(1) == Some(&b':') => drive,
        _ => path,
    };
    Ok((decoded(path)?, query))
}

/// The path with `%20` and the like decoded, as SQLite decodes it.
fn decoded(path: &[u8]) -> Result<PathBuf, String> {
    let decoded: Vec<u8> = percent_decode(path).collect();
    if decoded.contains(&0) {
        return Err("a path holds no NUL".to_owned());
    }
    // Prisma does not decode.
    if exists(path) && !exists(&decoded) {
        return Ok(path_of(path));
    }
    Ok(path_of(&decoded))
}

fn must_be_no_host(path: &[u8]) -> Result<(), String> {
    let (host, _) = split(path, b'/');
    if host.contains(&b'@') {
        return Err("a URL of SQLite has neither a user nor a host; write sqlite:PATH".to_owned());
    }
    Ok(())
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

fn exists(path: &[u8]) -> bool {
    path_of(path).exists()
}

/// Whether `path` looks as if it came out of another database's settings.
#[must_use]
pub fn may_hold_a_password(path: &[u8]) -> bool {
    let text: Vec<u8> = percent_decode(path).collect();
    let text = String::from_utf8_lossy(&text).to_ascii_lowercase();
    let named = [
        "password", "passwd", "pwd", "token", "secret", "apikey", "pass", "key",
    ];
    let in_setting = named
        .iter()
        .any(|name| text.contains(&format!("{name}=")) || text.contains(&format!("{name} =")));
    let of_user = text
        .split_once(':')
        .is_some_and(|(_, behind)| behind.contains('@'));
    in_setting || of_user || text.contains("://")
}

/// A parameter of a URL.
struct Parameter {
    name: String,
    value: String,
    assigned: bool,
}

impl Parameter {
    fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// As SQLite reads it (`sqlite3_uri_boolean`).
    fn on(&self) -> bool {
        let value = self.value.to_ascii_lowercase();
        let number = value.trim_start_matches('0');
        ["yes", "true", "on"].contains(&value.as_str())
            || number.starts_with(|first: char| first.is_ascii_digit())
    }
}

fn parameters(query: &[u8]) -> impl Iterator<Item = Parameter> {
    let parts = query.split(|byte| *byte == b'&');
    parts.filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = split(part, b'=');
        let text = |bytes| percent_decode(bytes).decode_utf8_lossy().into_owned();
        Parameter {
            name: text(name),
            value: text(value.unwrap_or_default()),
            assigned: value.is_some(),
        }
    })
}

/// Parameters that tell a driver or a pool how to work, and nothing about which rows are in the
/// database: of Python's sqlite3, Rails, Prisma, Django and others. Those of Go begin with `_`.
const OF_DRIVERS: [&str; 32] = [
    "adapter",
    "autocommit",
    "busy_timeout",
    "cached_statements",
    "charset",
    "check_same_thread",
    "checkout_timeout",
    "conn_health_checks",
    "conn_max_age",
    "connect_timeout",
    "connection_limit",
    "default_transaction_mode",
    "detect_types",
    "encoding",
    "foreign_keys",
    "idle_timeout",
    "isolation_level",
    "journal_mode",
    "max_connections",
    "max_lifetime",
    "min_connections",
    "pool",
    "pool_max_conns",
    "pool_recycle",
    "pool_size",
    "pool_timeout",
    "prepared_statements",
    "psow",
    "reaping_frequency",
    "socket_timeout",
    "timeout",
    "uri",
];

/// Whether the parameters of a URL say that the database is only read
/// (<https://www.sqlite.org/uri.html#recognized_query_parameters>).
///
/// One that is not known is refused: it may be a misspelt `mode`.
fn is_read_only(query: &[u8]) -> Result<bool, String> {
    let mut read_only = false;
    for it in parameters(query) {
        match (it.name.as_str(), it.value.as_str()) {
            ("mode", "ro") => read_only = true,
            ("mode", "rw" | "rwc") | ("cache", "shared" | "private") => {}
            ("mode", "memory") => return Err(IN_MEMORY.to_owned()),
            ("mode", _) => return Err("mode in the URL is one of ro, rw and rwc".to_owned()),
            ("cache", _) => return Err("cache in the URL is shared or private".to_owned()),
            ("immutable" | "readonly" | "query_only", _) => read_only |= it.on(),
            (name, value) if name.starts_with('_') => {
                let setting = format!("{name} {value}");
                read_only |= setting.contains("query_only") && (it.on() || value.contains("(1)"));
            }
            (name, _) if OF_DRIVERS.contains(&name) => {}
            (name, _) if it.assigned && name.len() < 32 => {
                return Err(format!(
                    "{name} in the URL is nothing that fkfix knows; leave it out"
                ));
            }
            _ => {
                return Err(
                    "the URL says something behind its ? that fkfix does not know; leave it out"
                        .to_owned(),
                );
            }
        }
    }
    Ok(read_only)
}

/// What stands before the first `sign`, and what behind it, where there is one.
fn split(text: &[u8], sign: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == sign);
    (parts.next().unwrap_or_default(), parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: impl Into<PathBuf>) -> Location {
        Location {
            path: path.into(),
            read_only: false,
            server: None,
        }
    }

    #[test]
    fn paths_and_urls_name_the_same_file() {
        let here = at(std::env::current_dir().unwrap().join("data/app.db"));
        for text in [
            "data/app.db",
            "sqlite:data/app.db",
            "sqlite:///data/app.db",
            "sqlite:///./data/app.db",
            "sqlite+aiosqlite:///data/app.db",
            "sqlite://data/app.db?mode=rwc",
            "sqlite3:data/app.db?pool=5&timeout=5000",
            "file:data/app.db",
            "file:./data/app.db?connection_limit=1",
            "file:data/%61pp.db?cache=shared&mode=rw#x",
            "sqlite:///file:data/app.db?mode=rw&uri=true",
        ] {
            assert_eq!(text.parse(), Ok(here.clone()), "{text}");
        }
        for text in [
            "/srv/app.db",
            "sqlite:/srv/app.db",
            "sqlite:////srv/app.db",
            "sqlite3:/srv/app.db",
            "sqlite3:///srv/app.db",
            "file:/srv/app.db",
            "file:///srv/app.db",
            "file://localhost/srv/app.db",
        ] {
            assert_eq!(text.parse(), Ok(at("/srv/app.db")), "{text}");
        }
        assert_eq!("file:/a%20b%3fc".parse(), Ok(at("/a b?c")));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for text in [
            "",
            ":memory:",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite3::memory:",
            "file:",
            "file::memory:",
            "file:x?mode=memory",
            "file:x%00",
            "file://host/x",
            "sqlite3://db/x",
            "mysql://host/app",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_url_says_of_writing_is_heeded() {
        let is_read_only = |text: &str| text.parse::<Location>().map(|it| it.is_read_only());
        for text in [
            "sqlite:x?mode=ro",
            "file:x?mode=r%6f",
            "file:x?cache=shared&immutable=1",
            "sqlite3:x?readonly=true",
            "sqlite:x?_query_only=1",
            "sqlite:x?_pragma=query_only(1)",
        ] {
            assert_eq!(is_read_only(text), Ok(true), "{text}");
        }
        for text in [
            "sqlite:x?mode=rw",
            "file:x?immutable=0",
            "sqlite:x?_fk=1",
            "file:x?",
        ] {
            assert_eq!(is_read_only(text), Ok(false), "{text}");
        }
        for text in [
            "sqlite:x?mod=ro",
            "file:x?mode=RO",
            "file:x?vfs=unix-none",
            "file:x?y",
        ] {
            assert!(is_read_only(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_reason_quotes_a_password() {
        for text in [
            "postgres://u:hunter2@host/app",
            "postgresql+psycopg://u:hunter2@host/app",
            "mysql:hunter2@host/app",
            "u:hunter2@host/app",
            "//u:hunter2@host/app",
            "u%3Ahunter2%40host/app",
            "postgres%3A%2F%2Fu%3Ahunter2%40host%2Fapp",
            "jdbc:postgresql://host/app?user=u&password=hunter2",
            "host=db user=u password=hunter2",
            "Server=db;Pwd=hunter2",
            "sqlite://u:hunter2@host/app",
            "sqlite:///u:hunter2@host/app",
            "sqlite3://u:hunter2@host/app",
            "file://u:hunter2@host/app",
            "sqlite:///app.db?password=hunter2",
            "sqlite:///app.db?hunter2",
            "sqlite:///app.db?mode=hunter2",
            "libsql://host?authToken=hunter2",
        ] {
            // Where it names a server, what is shown of that is looked at.
            let told = match text.parse::<Location>() {
                Ok(location) => format!("{location} {location:?}"),
                Err(reason) => reason,
            };
            assert!(!told.contains("hunter2"), "{text}: {told}");
        }
    }

    #[test]
    fn a_colon_in_a_path_is_not_a_url() {
        assert_eq!("/a:b/c.db".parse(), Ok(at("/a:b/c.db")));
    }
}
