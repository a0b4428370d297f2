//! Which servers to ask, as whom, for which database, and how: the parameters, resolved.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use postgres::config::{ChannelBinding, SslNegotiation, TargetSessionAttrs};

use super::environment::Environment;
use super::parameters::Parameters;
use super::passfile::{self, Entry};
use super::secret::Secret;
use super::tls::{Mode, Security};
use super::{service, string};
use crate::failure::Failure;

/// Where programs of this system look for the socket: Debian's folder, then PostgreSQL's own.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

const DEFAULT_PORT: u16 = 5432;

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

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// A name, an address, or a folder of sockets.
    pub(super) name: String,
    /// The address to use in place of looking the name up.
    pub(super) address: Option<std::net::IpAddr>,
    pub(super) port: u16,
    pub(super) password: Option<Secret>,
}

impl Host {
    pub(super) fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }
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
        let mut hosts = hosts(parameters)?;
        if hosts.iter().any(|host| host.password.is_none()) {
            let file = passwords(parameters, environment);
            let text = file.unwrap_or_else(|warning| {
                warnings.push(warning);
                String::new()
            });
            for host in hosts.iter_mut().filter(|host| host.password.is_none()) {
                let is_default = SOCKET_FOLDERS.contains(&host.name.as_str());
                let name = if is_default { "localhost" } else { &host.name };
                host.password = passfile::find(
                    &text,
                    &Entry {
                        host: name,
                        port: host.port,
                        database,
                        user,
                    },
                );
            }
        }
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
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

/// The servers, with one port for all or one for each, as libpq pairs them.
fn hosts(parameters: &Parameters) -> Result<Vec<Host>> {
    let list = |keyword| -> Vec<&str> {
        let values = parameters.get(keyword).map(|value| value.split(','));
        values.into_iter().flatten().map(str::trim).collect()
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = names.len().max(addresses.len()).max(1);
    let pairs_up = |values: &[&str]| values.is_empty() || values.len() == count;
    if !pairs_up(&names) || !pairs_up(&addresses) || !(pairs_up(&ports) || ports.len() == 1) {
        let message = "the connection names different numbers of hosts, addresses and ports";
        return Err(Failure::impossible(message)
            .hint("give one port for all hosts, or one for each")
            .into());
    }
    let password = parameters.get("password").map(Secret::new);
    let one = |place: usize| -> Result<Host> {
        let at = |values: &[&str]| {
            values
                .get(place)
                .map_or(String::new(), |text| (*text).to_owned())
        };
        let port = port(ports.get(place).or(ports.first()).copied().unwrap_or(""))?;
        let address = address(&at(&addresses))?;
        let name = match (at(&names), address) {
            (name, _) if !name.is_empty() => name,
            (_, Some(address)) => address.to_string(),
            _ => default_host(port),
        };
        if name.starts_with('@') || (cfg!(windows) && name.starts_with('/')) {
            return Err(
                Failure::impossible(format!("can't connect to the socket {name}"))
                    .hint("name a host, or a folder that holds the server's socket")
                    .into(),
            );
        }
        Ok(Host {
            name,
            address,
            port,
            password: password.clone(),
        })
    };
    (0..count).map(one).collect()
}

/// The folder that holds the socket, else the first that is there; a system without sockets has
/// `localhost`.
fn default_host(port: u16) -> String {
    if cfg!(windows) {
        return "localhost".to_owned();
    }
    let folders = SOCKET_FOLDERS.map(PathBuf::from);
    let socket = format!(".s.PGSQL.{port}");
    let with_socket = folders.iter().find(|folder| folder.join(&socket).exists());
    let there = with_socket.or_else(|| folders.iter().find(|folder| folder.is_dir()));
    there.map_or("/tmp".to_owned(), |folder| folder.display().to_string())
}

/// The text is not repeated: in a URL it may be a piece of the password.
fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Failure::impossible("the port of the connection is not a number from 1 to 65535")
            .hint("a password with / or ? in it must write them as %2F and %3F in a URL")
            .into()
    })
}

fn address(text: &str) -> Result<Option<std::net::IpAddr>> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text.parse().map_err(|_| {
        Failure::impossible(format!("hostaddr is not an address: {text}"))
            .hint("a name goes into host")
    })?;
    Ok(Some(address))
}

fn passwords(parameters: &Parameters, environment: &Environment) -> Result<String, String> {
    let named = parameters.get("passfile").map(PathBuf::from);
    let file = named.or_else(|| environment.user_file(".pgpass", "pgpass.conf"));
    file.map_or(Ok(String::new()), |file| passfile::read(&file))
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
    security.check()?;
    if mode == Mode::Require
        && security.root.is_none()
        && hosts.iter().any(|host| !host.is_socket())
    {
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
