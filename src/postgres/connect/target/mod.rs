//! Which servers to ask, as whom, for which database, and how: the parameters, resolved.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use postgres::config::{ChannelBinding, SslNegotiation, TargetSessionAttrs};

mod environment;
mod hosts;
mod parameters;
mod passfile;
mod secret;
mod service;
mod string;

pub use environment::Environment;
pub(super) use hosts::Host;
pub use string::is_postgres;

use super::tls::{Mode, Security};
use crate::failure::Failure;
use parameters::Parameters;

/// A database on a server, or on the first of several that answers.
///
/// `Display` gives it as a URL without the password, and `Debug` shows none.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) options: Option<String>,
    pub(super) application_name: String,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) security: Security,
    pub(super) negotiation: SslNegotiation,
    pub(super) channel_binding: ChannelBinding,
    /// What the server must be; where several, the second if none is the first.
    pub(super) session: &'static [TargetSessionAttrs],
    pub(super) keepalive: Keepalive,
    pub(super) warnings: Vec<String>,
}

/// When to ask whether the server is still there; what is not given is the system's.
#[derive(Clone, Debug, Default)]
pub(super) struct Keepalive {
    pub(super) off: bool,
    pub(super) idle: Option<Duration>,
    pub(super) interval: Option<Duration>,
    pub(super) count: Option<u32>,
    pub(super) user_timeout: Option<Duration>,
}

impl Target {
    /// The same with settings that the session begins with.
    #[must_use]
    pub(super) fn with(&self, settings: &[(&str, String)]) -> Target {
        let mut options = self.options.clone().unwrap_or_default();
        for (name, value) in settings {
            let _ = write!(options, " -c {name}={value}");
        }
        Target {
            options: Some(options.trim_start().to_owned()),
            ..self.clone()
        }
    }

    /// Reads a connection string and adds what it leaves open, in libpq's order: the string, the
    /// service file, the variables `PG…`, the defaults. The service file comes before the
    /// variables, as <https://www.postgresql.org/docs/current/libpq-pgservice.html> has it.
    pub fn resolve(text: &str, environment: &Environment) -> Result<Target> {
        let given = string::parse(text)?;
        let variables = Parameters::of_environment(environment);
        let service = service::read(&given.clone().or(&variables), environment)?;
        let parameters = given.or(&service).or(&variables);
        parameters.check()?;
        Target::of(&parameters, environment)
    }

    fn of(parameters: &Parameters, environment: &Environment) -> Result<Target> {
        let get = |keyword| parameters.get(keyword);
        let user = get("user").or_else(|| environment.user()).ok_or_else(|| {
            Failure::impossible("it is not known as whom to connect").hint("name a user")
        })?;
        let database = get("dbname").unwrap_or(user);
        if database.contains("://") || (database.contains('=') && string::is_postgres(database)) {
            // It may hold a password, so it is not repeated.
            return Err(
                Failure::impossible("the name of the database is a connection string")
                    .hint("give the string as --database; PGDATABASE and dbname take a name alone")
                    .into(),
            );
        }
        let mut warnings = Vec::new();
        let mut hosts = hosts::read(parameters)?;
        hosts::find_passwords(&mut hosts, parameters, environment, user, database)
            .unwrap_or_else(|warning| warnings.push(warning));
        Ok(Target {
            security: security(parameters, environment, &hosts, &mut warnings)?,
            hosts,
            user: user.to_owned(),
            database: database.to_owned(),
            options: get("options").map(str::to_owned),
            application_name: get("application_name").unwrap_or("fkfix").to_owned(),
            connect_timeout: connect_timeout(parameters)?,
            negotiation: choice(
                parameters,
                "sslnegotiation",
                &[
                    ("postgres", SslNegotiation::Postgres),
                    ("direct", SslNegotiation::Direct),
                ],
            )?,
            channel_binding: choice(
                parameters,
                "channel_binding",
                &[
                    ("prefer", ChannelBinding::Prefer),
                    ("disable", ChannelBinding::Disable),
                    ("require", ChannelBinding::Require),
                ],
            )?,
            session: choice(
                parameters,
                "target_session_attrs",
                &[
                    ("any", &[TargetSessionAttrs::Any][..]),
                    ("read-write", &[TargetSessionAttrs::ReadWrite]),
                    ("read-only", &[TargetSessionAttrs::ReadOnly]),
                    ("primary", &[TargetSessionAttrs::ReadWrite]),
                    ("standby", &[TargetSessionAttrs::ReadOnly]),
                    (
                        "prefer-standby",
                        &[TargetSessionAttrs::ReadOnly, TargetSessionAttrs::Any],
                    ),
                ],
            )?,
            keepalive: keepalive(parameters)?,
            warnings,
        })
    }

    /// The same target with one of its servers alone.
    pub(super) fn at(&self, host: &Host) -> Target {
        Target {
            hosts: vec![host.clone()],
            ..self.clone()
        }
    }

    /// What the user should know about the way in, a line each: a password file that was
    /// ignored, a certificate that is not looked at.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@", encoded(&self.user))?;
        for (place, host) in self.hosts.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            if host.name.contains(':') {
                write!(f, "{comma}[{}]:{}", host.name, host.port)?;
            } else {
                write!(f, "{comma}{}:{}", encoded(&host.name), host.port)?;
            }
        }
        write!(f, "/{}", encoded(&self.database))
    }
}

/// Percent-encoded as far as a URL needs it, and so that a name can't forge a line.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let is_plain = character.is_alphanumeric() || "-._~".contains(character);
        if is_plain {
            out.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // A String takes everything.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn security(
    parameters: &Parameters,
    environment: &Environment,
    hosts: &[Host],
    warnings: &mut Vec<String>,
) -> Result<Security> {
    let root = parameters.get("sslrootcert");
    // https://www.postgresql.org/docs/current/libpq-ssl.html: `system` asks for the strictest mode.
    let default = if root == Some("system") {
        Mode::VerifyFull
    } else {
        Mode::Prefer
    };
    let modes = [
        ("", default),
        ("disable", Mode::Disable),
        ("allow", Mode::Allow),
        ("prefer", Mode::Prefer),
        ("require", Mode::Require),
        ("verify-ca", Mode::VerifyCa),
        ("verify-full", Mode::VerifyFull),
    ];
    let mode = choice(parameters, "sslmode", &modes)?;
    let own = |name: &str| {
        let file = environment.user_file(&format!(".postgresql/{name}"), name);
        file.filter(|file| file.exists())
    };
    let given = |keyword| parameters.get(keyword).map(PathBuf::from);
    let security = Security {
        mode,
        root: root.map(PathBuf::from).or_else(|| own("root.crt")),
        certificate: given("sslcert").or_else(|| own("postgresql.crt")),
        key: given("sslkey").or_else(|| own("postgresql.key")),
    };
    // Sockets are not encrypted, whatever is asked for, as with libpq.
    if hosts.iter().all(Host::is_socket) {
        return Ok(Security {
            mode: Mode::Disable,
            ..security
        });
    }
    security.check()?;
    if mode == Mode::Require && security.root.is_none() {
        warnings.push(
            "sslmode=require encrypts without verifying who answers; sslmode=verify-full verifies it"
                .to_owned(),
        );
    }
    Ok(security)
}

/// libpq: no, or not above 0, is no limit; 1 counts as 2.
fn connect_timeout(parameters: &Parameters) -> Result<Option<Duration>> {
    let Some(text) = parameters.get("connect_timeout") else {
        return Ok(None);
    };
    let seconds: i64 = number("connect_timeout", text)?;
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Ok((seconds > 0).then(|| Duration::from_secs(seconds.max(2))))
}

fn keepalive(parameters: &Parameters) -> Result<Keepalive> {
    let count = |keyword| -> Result<Option<u32>> {
        let value = parameters
            .get(keyword)
            .map(|text| number::<i64>(keyword, text));
        let value = value
            .transpose()?
            .and_then(|value| u32::try_from(value).ok());
        Ok(value.filter(|value| *value > 0))
    };
    let seconds = |keyword| -> Result<Option<Duration>> {
        Ok(count(keyword)?.map(|value| Duration::from_secs(value.into())))
    };
    let user_timeout = count("tcp_user_timeout")?;
    Ok(Keepalive {
        off: parameters.get("keepalives") == Some("0"),
        idle: seconds("keepalives_idle")?,
        interval: seconds("keepalives_interval")?,
        count: count("keepalives_count")?,
        user_timeout: user_timeout.map(|value| Duration::from_millis(value.into())),
    })
}

fn number<T: std::str::FromStr>(keyword: &str, text: &str) -> Result<T> {
    text.trim().parse().map_err(|_| {
        Failure::impossible(format!("{keyword} is not a whole number"))
            .hint(format!("give {keyword} in whole seconds, or leave it out"))
            .into()
    })
}

/// The value of a parameter with a few allowed ones; the first of them where it is not given.
fn choice<T: Copy>(parameters: &Parameters, keyword: &str, allowed: &[(&str, T)]) -> Result<T> {
    let text = parameters.get(keyword);
    let chosen = match text {
        None => allowed.first(),
        Some(text) => allowed.iter().find(|(name, _)| *name == text),
    };
    if let Some((_, value)) = chosen {
        return Ok(*value);
    }
    let names: Vec<&str> = allowed
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.is_empty())
        .collect();
    let message = format!("{keyword} has a value that PostgreSQL does not know");
    Err(Failure::impossible(message)
        .hint(format!("{keyword} is one of {}", names.join(", ")))
        .into())
}
