//! A path that stands in a URL, and what the URL says of writing.

use std::ffi::OsStr;
use std::path::PathBuf;

use percent_encoding::percent_decode;

pub(super) const IN_MEMORY: &str = "this names a database in memory, and fkfix works on a file";

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

pub(super) type Query<'a> = Option<&'a [u8]>;

/// Splits `scheme+driver:rest`, where `text` is a URL and not a path with a colon in it: the
/// scheme is one that fkfix reads, or `//` follows, or it is another database's.
pub(super) fn scheme(text: &[u8]) -> Option<(String, &[u8])> {
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
pub(super) fn in_sqlalchemy(rest: &[u8]) -> Result<(PathBuf, Query<'_>), String> {
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
pub(super) fn in_rails(rest: &[u8]) -> Result<(PathBuf, Query<'_>), String> {
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
pub(super) fn in_file_url(rest: &[u8]) -> Result<(PathBuf, Query<'_>), String> {
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

pub(super) fn exists(path: &[u8]) -> bool {
    path_of(path).exists()
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
pub(super) fn is_read_only(query: &[u8]) -> Result<bool, String> {
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

#[cfg(unix)]
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

#[cfg(not(unix))]
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}
