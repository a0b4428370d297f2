//! Opens the connection: one server after another, encrypted and plain as `sslmode` has it.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use postgres::config::{SslMode, SslNegotiation, TargetSessionAttrs};
use postgres::{Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::kin::{self, Kin};
use super::refusal::{self, Cause};
use super::target::{Host, Target};
use super::tls::Mode;
use crate::failure::Failure;
use crate::interrupt;

/// The oldest version that fkfix was made for, as `server_version_num` gives it.
pub const OLDEST: u32 = 120_000;

/// How often a signal is looked for while a server does not answer.
const LOOK: Duration = Duration::from_millis(50);

/// A connection to one server.
pub struct Connection {
    /// The session. Nothing may be set in it beyond a transaction: a pooler hands it on.
    pub client: Client,
    /// The server that answered, for people: `Display` has no password.
    pub target: Target,
    /// `server_version_num`: 150020 is 15.20.
    pub version: u32,
}

/// Connects to the first server of `target` that answers.
pub(super) fn open(target: &Target) -> Result<Connection> {
    let tls = target.security.client()?;
    let mut causes = Vec::new();
    for session in target.session {
        for host in &target.hosts {
            let here = target.at(host);
            match ask(&here, host, *session, &tls)? {
                Ok(client) => return checked(client, here),
                Err(cause) => {
                    let is_last = !cause.lets_another_try();
                    causes.push((here, cause));
                    if is_last {
                        return Err(refusal::of(&causes));
                    }
                }
            }
        }
    }
    Err(refusal::of(&causes))
}

/// Tries each way that `sslmode` allows, until one works or fails for good.
fn ask(
    target: &Target,
    host: &Host,
    session: TargetSessionAttrs,
    tls: &MakeRustlsConnect,
) -> Result<Result<Client, Cause>> {
    let ways: &[SslMode] = match target.security.mode {
        // One of several, the others of which have addresses.
        _ if host.is_socket() => &[SslMode::Disable],
        Mode::Disable => &[SslMode::Disable],
        Mode::Allow => &[SslMode::Disable, SslMode::Require],
        Mode::Prefer => &[SslMode::Prefer, SslMode::Disable],
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => &[SslMode::Require],
    };
    let mut last = None;
    for way in ways {
        let mut config = config(target, host, *way);
        config.target_session_attrs(session);
        let cause = match dial(config, tls.clone(), target.connect_timeout)? {
            Ok(client) => return Ok(Ok(client)),
            Err(cause) => cause,
        };
        let goes_on = cause.depends_on_encryption();
        // What the first way was refused for says more than that there is no second.
        if last.is_none() || cause.is_of_server() {
            last = Some(cause);
        }
        if !goes_on {
            break;
        }
    }
    match last {
        Some(cause) => Ok(Err(cause)),
        None => bail!("there is no way to connect to {target}"),
    }
}

fn config(target: &Target, host: &Host, way: SslMode) -> Config {
    let mut config = Config::new();
    config
        .host(&host.name)
        .port(host.port)
        .user(&target.user)
        .dbname(&target.database)
        .application_name(&target.application_name)
        // Always one: then it is the server that says that it wants a better one, by its code.
        .password(host.password.as_ref().map_or("", |secret| secret.reveal()))
        .ssl_mode(way)
        .channel_binding(target.channel_binding)
        .keepalives(!target.keepalive.off);
    // `direct` has no meaning where encryption is not certain.
    if way == SslMode::Require && target.negotiation == SslNegotiation::Direct {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    if let Some(address) = host.address {
        config.hostaddr(address);
    }
    if let Some(options) = &target.options {
        config.options(options);
    }
    if let Some(limit) = target.connect_timeout {
        config.connect_timeout(limit);
    }
    if let Some(idle) = target.keepalive.idle {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = target.keepalive.interval {
        config.keepalives_interval(interval);
    }
    if let Some(count) = target.keepalive.count {
        config.keepalives_retries(count);
    }
    if let Some(timeout) = target.keepalive.user_timeout {
        config.tcp_user_timeout(timeout);
    }
    config
}

/// One connection, in a thread of its own: the crate's limit is for the socket alone, and a
/// server that accepts and says nothing would be waited for without end, and without Ctrl-C.
fn dial(
    config: Config,
    tls: MakeRustlsConnect,
    limit: Option<Duration>,
) -> Result<Result<Client, Cause>> {
    let started = Instant::now();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more where the limit was reached.
        let _ = send.send(config.connect(tls));
    });
    loop {
        match receive.recv_timeout(LOOK) {
            Ok(answer) => return Ok(answer.map_err(Cause::Refused)),
            Err(RecvTimeoutError::Timeout) if interrupt::is_requested() => {
                bail!("interrupted while connecting")
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("could not start to connect"),
        }
        if let Some(limit) = limit.filter(|limit| started.elapsed() > *limit) {
            return Ok(Err(Cause::Silent(limit)));
        }
    }
}

/// The connection, where the server is one that fkfix was made for.
fn checked(mut client: Client, target: Target) -> Result<Connection> {
    let answer = client
        .simple_query("SHOW server_version_num")
        .map_err(|error| refusal::of(&[(target.clone(), Cause::Refused(error))]))?;
    let version = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).and_then(|text| text.parse::<u32>().ok()),
        _ => None,
    });
    if let Some(kin) = kin_of(&mut client) {
        return Err(kin.refusal(&target.to_string()).into());
    }
    let Some(version) = version else {
        let message = format!("{target} does not say which PostgreSQL it is");
        return Err(Failure::impossible(message)
            .hint("fkfix works with PostgreSQL 12 or later")
            .into());
    };
    if version < OLDEST {
        let message = format!("{target} is PostgreSQL {}", version_name(version));
        return Err(Failure::impossible(message)
            .hint("fkfix works with PostgreSQL 12 or later")
            .into());
    }
    Ok(Connection {
        client,
        target,
        version,
    })
}

/// What the server is, where it is not PostgreSQL. One that can't say so is asked no further.
fn kin_of(client: &mut Client) -> Option<Kin> {
    let mut ask = |query: &str| -> Option<String> {
        let answer = client.simple_query(query).ok()?;
        answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    };
    let version = ask("SELECT pg_catalog.version()")?;
    let has_jobs = !kin::is_told(&version)
        && ask("SELECT pg_catalog.to_regclass('sys.jobs') IS NOT NULL").as_deref() == Some("t");
    Kin::of(&version, has_jobs)
}

/// `150020` as people write it, and `90624` too.
fn version_name(version: u32) -> String {
    let (major, rest) = (version / 10_000, version % 10_000);
    if major >= 10 {
        format!("{major}.{rest}")
    } else {
        format!("{major}.{}.{}", rest / 100, rest % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_as_people_write_them() {
        let names = [90_624, 110_022, 150_020].map(version_name);
        assert_eq!(names, ["9.6.24", "11.22", "15.20"]);
    }
}
