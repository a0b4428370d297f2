//! What libpq reads of the process and its user: variables, the home folder, the user's name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A value that is passed in, so that a test need not change the process.
///
/// It holds `PGPASSWORD`, so it has no `Debug`.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<String, String>,
    home: Option<PathBuf>,
    user: Option<String>,
}

impl Environment {
    /// That of this process. Variables that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Environment {
            variables,
            home: std::env::home_dir(),
            user: whoami::username().ok(),
        }
    }

    /// One with these variables, this home folder and this name of the user.
    #[must_use]
    pub fn of(variables: &[(&str, &str)], home: Option<&Path>, user: &str) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Environment {
            variables: variables.iter().map(owned).collect(),
            home: home.map(Path::to_owned),
            user: Some(user.to_owned()),
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// A file of the user: in the home folder by its first name, on Windows in
    /// `%APPDATA%\postgresql` by its second
    /// (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).
    pub(super) fn user_file(&self, unix: &str, windows: &str) -> Option<PathBuf> {
        if cfg!(windows) {
            let folder = PathBuf::from(self.variable("APPDATA")?);
            return Some(folder.join("postgresql").join(windows));
        }
        Some(self.home.as_ref()?.join(unix))
    }
}
