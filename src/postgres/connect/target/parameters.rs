//! The parameters of a connection by libpq's names, from the string, the service file and the
//! environment.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;

use super::environment::Environment;
use crate::failure::Failure;

/// What fkfix does with a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It is heeded.
    Heeded,
    /// It changes nothing that fkfix does.
    Harmless,
    /// Without it the connection would be less safe than asked for, unless its value is one of these.
    Refused(&'static [&'static str]),
}

use Use::{Harmless, Heeded, Refused};

/// libpq's keyword, its variable, and what happens to it
/// (<https://www.postgresql.org/docs/current/libpq-connect.html>, libpq-envars.html).
const KNOWN: &[(&str, Option<&str>, Use)] = &[
    ("host", Some("PGHOST"), Heeded),
    ("hostaddr", Some("PGHOSTADDR"), Heeded),
    ("port", Some("PGPORT"), Heeded),
    ("dbname", Some("PGDATABASE"), Heeded),
    ("user", Some("PGUSER"), Heeded),
    ("password", Some("PGPASSWORD"), Heeded),
    ("passfile", Some("PGPASSFILE"), Heeded),
    ("service", Some("PGSERVICE"), Heeded),
    ("servicefile", Some("PGSERVICEFILE"), Heeded),
    ("options", Some("PGOPTIONS"), Heeded),
    ("application_name", Some("PGAPPNAME"), Heeded),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT"), Heeded),
    ("sslmode", Some("PGSSLMODE"), Heeded),
    ("sslnegotiation", Some("PGSSLNEGOTIATION"), Heeded),
    ("sslrootcert", Some("PGSSLROOTCERT"), Heeded),
    ("sslcert", Some("PGSSLCERT"), Heeded),
    ("sslkey", Some("PGSSLKEY"), Heeded),
    ("channel_binding", Some("PGCHANNELBINDING"), Heeded),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS"), Heeded),
    ("keepalives", None, Heeded),
    ("keepalives_idle", None, Heeded),
    ("keepalives_interval", None, Heeded),
    ("keepalives_count", None, Heeded),
    ("tcp_user_timeout", None, Heeded),
    ("fallback_application_name", None, Harmless),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), Harmless),
    ("client_encoding", None, Harmless),
    ("sslcompression", None, Harmless),
    ("sslsni", None, Harmless),
    ("krbsrvname", None, Harmless),
    ("gsslib", None, Harmless),
    ("gssdelegation", None, Harmless),
    (
        "gssencmode",
        Some("PGGSSENCMODE"),
        Refused(&["disable", "prefer"]),
    ),
    (
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        Refused(&["TLSv1", "TLSv1.1", "TLSv1.2"]),
    ),
    (
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        Refused(&["TLSv1.3"]),
    ),
    ("sslcertmode", Some("PGSSLCERTMODE"), Refused(&["allow"])),
    ("require_auth", Some("PGREQUIREAUTH"), Refused(&[])),
    ("requirepeer", Some("PGREQUIREPEER"), Refused(&[])),
    ("sslcrl", Some("PGSSLCRL"), Refused(&[])),
    ("sslcrldir", Some("PGSSLCRLDIR"), Refused(&[])),
    ("sslpassword", None, Refused(&[])),
    ("replication", None, Refused(&["false", "off", "no", "0"])),
];

/// Parameters that were given, by keyword. An empty value is a given one, as with libpq.
///
/// `Debug` names the keywords alone: one of the values is the password.
#[derive(Clone, Default)]
pub(super) struct Parameters(BTreeMap<&'static str, String>);

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Parameters {
    /// Sets the parameter that `keyword` names; `false` where libpq knows no such parameter.
    #[must_use]
    pub(super) fn set(&mut self, keyword: &str, value: &str) -> bool {
        let Some(known) = known(keyword) else {
            return false;
        };
        self.0.insert(known, value.to_owned());
        true
    }

    /// The value, where it is given and not empty.
    pub(super) fn get(&self, keyword: &str) -> Option<&str> {
        let value = self.0.get(keyword)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// Adds what `lower` has and this has not.
    pub(super) fn or(mut self, lower: &Parameters) -> Self {
        for (keyword, value) in &lower.0 {
            self.0.entry(keyword).or_insert_with(|| value.clone());
        }
        self
    }

    /// Those of libpq's variables.
    pub(super) fn of_environment(environment: &Environment) -> Self {
        let given = KNOWN.iter().filter_map(|(keyword, variable, _)| {
            let value = environment.variable((*variable)?)?;
            Some((*keyword, value.to_owned()))
        });
        Parameters(given.collect())
    }

    /// Refuses what would make the connection less safe than asked for.
    pub(super) fn check(&self) -> Result<()> {
        for (keyword, _, used) in KNOWN {
            let (Refused(allowed), Some(value)) = (used, self.get(keyword)) else {
                continue;
            };
            if !allowed.contains(&value) {
                let message = format!("fkfix does not support the connection parameter {keyword}");
                let hint =
                    format!("leave {keyword} out, or open a tunnel that does what it asks for");
                return Err(Failure::impossible(message).hint(hint).into());
            }
        }
        Ok(())
    }
}

fn known(keyword: &str) -> Option<&'static str> {
    let entry = KNOWN.iter().find(|(known, ..)| *known == keyword)?;
    Some(entry.0)
}

/// Whether libpq knows the parameter.
pub(super) fn is_known(keyword: &str) -> bool {
    known(keyword).is_some()
}

/// What to do about a parameter that libpq does not know, named without repeating its value.
pub(super) fn unknown_hint(keyword: &str) -> String {
    if matches!(keyword, "schema" | "search_path" | "currentSchema") {
        return "name the schema with options=-csearch_path%3DNAME, as for psql".to_owned();
    }
    let near = KNOWN
        .iter()
        .map(|(known, ..)| (strsim::osa_distance(known, keyword), *known))
        .min();
    match near {
        // Short words are near to anything, a piece of a password too.
        Some((distance, near)) if distance <= near.len().min(keyword.len()) / 4 => {
            format!("did you mean {near}?")
        }
        _ => "leave it out: psql knows no such parameter either".to_owned(),
    }
}
