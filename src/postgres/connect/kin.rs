//! Databases that speak as PostgreSQL does and are not it. What is known of them is known from their
//! documentation, so they are named and refused, rather than tried: transactions that change the
//! schema, locks and catalogs are another matter there.

use crate::failure::Failure;

/// A database that is not PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    /// <https://www.cockroachlabs.com/docs/stable/postgresql-compatibility>
    CockroachDb,
    /// <https://docs.yugabyte.com/preview/explore/ysql-language-features/>
    YugabyteDb,
    /// <https://docs.aws.amazon.com/aurora-dsql/latest/userguide/working-with-postgresql-compatibility.html>
    AuroraDsql,
}

impl Kin {
    /// By what `version()` says, and whether the server has the table `sys.jobs`: PostgreSQL says
    /// by what it was compiled.
    #[must_use]
    pub fn of(version: &str, has_jobs: bool) -> Option<Self> {
        if version.contains("CockroachDB") {
            Some(Kin::CockroachDb)
        } else if version.contains("-YB-") || version.contains("YugabyteDB") {
            Some(Kin::YugabyteDb)
        } else if has_jobs && !is_told(version) {
            Some(Kin::AuroraDsql)
        } else {
            None
        }
    }

    /// Why nothing is tried on the server that people call `target`.
    #[must_use]
    pub fn refusal(self, target: &str) -> Failure {
        let (name, how) = match self {
            Kin::CockroachDb => (
                "CockroachDB",
                "there each key is added by ALTER TABLE … NOT VALID in a transaction of its own, then VALIDATE CONSTRAINT",
            ),
            Kin::YugabyteDb => (
                "YugabyteDB",
                "there each change of the schema is a transaction of its own: ALTER TABLE … NOT VALID, then VALIDATE CONSTRAINT",
            ),
            Kin::AuroraDsql => (
                "Aurora DSQL",
                "there a key is added by ALTER TABLE … NOT VALID, then ALTER TABLE ASYNC … VALIDATE CONSTRAINT",
            ),
        };
        Failure::impossible(format!(
            "{target} is {name}, on which fkfix was never run, so nothing is tried"
        ))
        .hint(how)
    }
}

/// Whether `version` is what PostgreSQL itself says: `PostgreSQL 15.4 on …, compiled by …`.
#[must_use]
pub fn is_told(version: &str) -> bool {
    version.contains("compiled by")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_from_postgresql() {
        for (version, has_jobs, kin) in [
            (
                "PostgreSQL 15.20 (Debian 15.20-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit",
                false,
                None,
            ),
            // A user's own table.
            (
                "PostgreSQL 17.2 on aarch64-unknown-linux-gnu, compiled by gcc, 64-bit",
                true,
                None,
            ),
            (
                "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu, built 2024/05/15 21:28:29, go1.22.2)",
                false,
                Some(Kin::CockroachDb),
            ),
            (
                "PostgreSQL 11.2-YB-2.19.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 15.0.3, 64-bit",
                false,
                Some(Kin::YugabyteDb),
            ),
            ("PostgreSQL 16", true, Some(Kin::AuroraDsql)),
            ("PostgreSQL 16", false, None),
        ] {
            assert_eq!(Kin::of(version, has_jobs), kin, "{version}");
        }
        let failure = Kin::CockroachDb.refusal("postgres://a@b/c");
        assert_eq!(
            failure.to_string(),
            "postgres://a@b/c is CockroachDB, on which fkfix was never run, so nothing is tried"
        );
    }
}
