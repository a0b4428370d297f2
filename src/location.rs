//! Where a database is: a path, or a URL as SQLite, SQLAlchemy, Rails and Prisma read it.
//!
//! `DATABASE_URL` may be that of another database, with its password in it. So no reason that is
//! given here quotes what was typed.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode;
use url::{IN_MEMORY, in_file_url, in_rails, in_sqlalchemy, is_read_only, path_of, scheme};

mod pattern;
mod url;

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
