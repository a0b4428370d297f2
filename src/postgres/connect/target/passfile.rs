//! The password file (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use std::fs;
use std::path::Path;

use super::secret::Secret;

/// What a password is looked up by.
pub(super) struct Entry<'a> {
    /// The host as given; `localhost` for the default folder of sockets.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The lines of the file, or why it is ignored. A file that is not there has none.
pub(super) fn read(file: &Path) -> Result<String, String> {
    let Ok(metadata) = fs::metadata(file) else {
        return Ok(String::new());
    };
    if !metadata.is_file() {
        return Err(format!(
            "ignored {}: it is not a plain file",
            file.display()
        ));
    }
    if others_may_read(&metadata) {
        return Err(format!(
            "ignored {}: others may read it; run chmod 600 on it",
            file.display()
        ));
    }
    fs::read_to_string(file).map_err(|error| format!("ignored {}: {error}", file.display()))
}

#[cfg(unix)]
fn others_may_read(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

/// Windows keeps the folder from others, and libpq does not look.
#[cfg(not(unix))]
fn others_may_read(_: &fs::Metadata) -> bool {
    false
}

/// The password of the first line that fits.
pub(super) fn find(text: &str, entry: &Entry) -> Option<Secret> {
    let port = entry.port.to_string();
    let wanted = [entry.host, &port, entry.database, entry.user];
    let password = text.lines().find_map(|line| {
        let fields = fields(line)?;
        let (password, keys) = fields.split_last()?;
        let fits = keys
            .iter()
            .zip(wanted)
            .all(|(key, wanted)| key == &Field::Any || key == &Field::Is(wanted.to_owned()));
        match password {
            Field::Is(password) if fits => Some(password.clone()),
            Field::Any if fits => Some("*".to_owned()),
            _ => None,
        }
    });
    password
        .filter(|password| !password.is_empty())
        .map(Secret::new)
}

#[derive(PartialEq, Eq)]
enum Field {
    Any,
    Is(String),
}

/// The five fields of a line; `\:` and `\\` are a colon and a backslash.
fn fields(line: &str) -> Option<[Field; 5]> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line.chars();
    let mut next = || {
        let mut raw = String::new();
        let mut value = String::new();
        loop {
            match rest.next() {
                Some(':') | None => break,
                Some('\\') => {
                    raw.push('\\');
                    value.extend(rest.next());
                }
                Some(other) => {
                    raw.push(other);
                    value.push(other);
                }
            }
        }
        if raw == "*" {
            Field::Any
        } else {
            Field::Is(value)
        }
    };
    let fields = [next(), next(), next(), next(), next()];
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Option<String> {
        let entry = Entry {
            host: "db.example.com",
            port: 5432,
            database: "app",
            user: "me",
        };
        find(text, &entry).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# db.example.com:5432:app:me:no\nother:*:*:*:no\n*:*:app:me:one\n*:*:*:*:two\n";
        assert_eq!(password(text).as_deref(), Some("one"));
        assert_eq!(password("db.example.com:5433:app:me:no"), None);
        assert_eq!(password("DB.example.com:5432:app:me:no"), None);
        assert_eq!(password("*:*:*:*:"), None);
        assert_eq!(password("*:*:*"), None);
    }

    #[test]
    fn a_backslash_keeps_what_follows() {
        assert_eq!(password(r"*:*:*:*:a\:b\\c:d").as_deref(), Some(r"a:b\c"));
        assert_eq!(password(r"\*:*:*:*:no"), None);
        assert_eq!(password("*:*:*:me:späße\r\n").as_deref(), Some("späße"));
    }
}
