//! Where a database is: a path, or a URL as SQLAlchemy reads it
//! (<https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#connect-strings>).

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The absolute path of a database file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(PathBuf);

impl Location {
    /// The path itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Location(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl FromStr for Location {
    type Err = String;

    /// `app.db`, `sqlite:app.db`, `sqlite:///app.db` (relative), `sqlite:////srv/app.db`
    /// (absolute). A driver's name (`sqlite+aiosqlite:`) and what follows a `?` are left out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = match scheme(text) {
            None => text,
            Some(("sqlite", rest)) => {
                let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
                match rest.strip_prefix("///") {
                    Some(path) => path,
                    None => rest.strip_prefix("//").unwrap_or(rest),
                }
            }
            Some((other, _)) => {
                return Err(format!(
                    "fkfix opens SQLite databases, and this is a URL of {other}"
                ));
            }
        };
        if path.is_empty() || path == ":memory:" {
            return Err("this names a database in memory, and fkfix works on a file".to_owned());
        }
        Ok(Location::from(Path::new(path)))
    }
}

/// Splits `scheme+driver:rest`, where `text` is a URL and not a path with a colon in it: the
/// scheme is SQLite's, or `//` follows.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let scheme = scheme.split_once('+').map_or(scheme, |(scheme, _)| scheme);
    let is_word = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_word && (scheme == "sqlite" || rest.starts_with("//"))).then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_name_the_same_file() {
        let here = Location(std::env::current_dir().unwrap().join("data/app.db"));
        for text in [
            "data/app.db",
            "sqlite:data/app.db",
            "sqlite:///data/app.db",
            "sqlite:///./data/app.db",
            "sqlite+aiosqlite:///data/app.db",
            "sqlite://data/app.db?mode=rwc",
        ] {
            assert_eq!(text.parse(), Ok(here.clone()), "{text}");
        }
        for text in ["/srv/app.db", "sqlite:/srv/app.db", "sqlite:////srv/app.db"] {
            assert_eq!(text.parse(), Ok(Location("/srv/app.db".into())), "{text}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for text in [
            "",
            ":memory:",
            "sqlite://",
            "sqlite:///:memory:",
            "postgres://host/app",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_colon_in_a_path_is_not_a_url() {
        assert_eq!("/a:b/c.db".parse(), Ok(Location("/a:b/c.db".into())));
    }
}
