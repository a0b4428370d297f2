//! What holds for one transaction, as data.

use std::time::Duration;

/// Whether a transaction may write. A hot standby takes only those that read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `READ ONLY`
    Reads,
    /// `READ WRITE`
    Writes,
}

/// What a transaction sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what was committed before it: what moving rows needs, which looks at
    /// a row again after it has locked it.
    ReadCommitted,
    /// All statements see one moment: what a report needs.
    RepeatableRead,
}

/// Where names are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchPath {
    /// In `pg_catalog` alone, so that no operator or function of a user is called: fkfix's own
    /// SQL, with every name qualified
    /// (<https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATTERNS>).
    Catalog,
    /// As the role, the database and the URL have it: the user's own statements.
    OfTheUser,
}

/// The settings of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether it may write.
    pub access: Access,
    /// What it sees.
    pub isolation: Isolation,
    /// Where it looks names up.
    pub search_path: SearchPath,
    /// The tables that it locks, as SQL writes them: for the message when they can't be had.
    pub tables: Vec<String>,
}

impl Step {
    /// fkfix's own statements, which change something in `tables`.
    #[must_use]
    pub fn change(tables: &[&str]) -> Self {
        Step {
            access: Access::Writes,
            isolation: Isolation::ReadCommitted,
            search_path: SearchPath::Catalog,
            tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        }
    }

    /// fkfix's own questions, all of one moment; a standby answers them too.
    #[must_use]
    pub fn look() -> Self {
        Step {
            access: Access::Reads,
            isolation: Isolation::RepeatableRead,
            ..Step::change(&[])
        }
    }

    /// The same with names looked up as the user's statements have them.
    #[must_use]
    pub fn with_the_users_names(self) -> Self {
        Step {
            search_path: SearchPath::OfTheUser,
            ..self
        }
    }

    /// The statements that begin the transaction, for a server of this `server_version_num`.
    /// `SET LOCAL` wins over what a role or a database was given by `ALTER … SET`.
    #[must_use]
    pub fn settings(&self, version: u32, lock_timeout: Duration) -> Vec<String> {
        // 0 would be no limit.
        let lock_timeout = lock_timeout.as_millis().max(1);
        let mut settings = vec![
            format!("SET LOCAL lock_timeout = '{lock_timeout}ms'"),
            "SET LOCAL statement_timeout = 0".to_owned(),
            "SET LOCAL idle_in_transaction_session_timeout = 0".to_owned(),
            // Policies would hide rows, and so orphans; with this they make the statement fail.
            "SET LOCAL row_security = off".to_owned(),
            "SET LOCAL standard_conforming_strings = on".to_owned(),
        ];
        if version >= 140_000 {
            // A statement whose client was killed stops, instead of going on and committing.
            settings.push("SET LOCAL client_connection_check_interval = '500ms'".to_owned());
        }
        if version >= 170_000 {
            settings.push("SET LOCAL transaction_timeout = 0".to_owned());
        }
        if self.search_path == SearchPath::Catalog {
            // pg_temp last, or a temporary table of the session would come before all others.
            settings.push("SET LOCAL search_path = pg_catalog, pg_temp".to_owned());
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_given_only_settings_that_it_knows() {
        let on = |version| Step::look().settings(version, Duration::from_millis(100));
        let has = |version, name: &str| on(version).iter().any(|line| line.contains(name));
        assert!(!has(130_000, "client_connection_check_interval"));
        assert!(has(140_000, "client_connection_check_interval"));
        assert!(!has(160_009, "transaction_timeout"));
        assert!(has(170_000, " transaction_timeout"));
    }

    #[test]
    fn no_lock_timeout_is_ever_no_limit() {
        let settings = Step::look().settings(150_000, Duration::ZERO);
        assert_eq!(settings[0], "SET LOCAL lock_timeout = '1ms'");
    }

    #[test]
    fn nothing_outlives_the_transaction() {
        for step in [Step::look(), Step::change(&["a"]).with_the_users_names()] {
            for setting in step.settings(180_000, Duration::from_secs(1)) {
                assert!(setting.starts_with("SET LOCAL "), "{setting}");
            }
        }
    }
}
