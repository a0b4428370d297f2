//! Why there is no connection: one line, and what to do about it.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use postgres::error::SqlState;
use rustls::CertificateError;

use super::target::{Host, Target};
use super::tls::Mode;
use crate::failure::Failure;
use crate::postgres::error;

/// Why one server could not be had.
pub(super) enum Cause {
    /// It accepted, and then said nothing for that long.
    Silent(Duration),
    /// It could not be reached, or it refused.
    Refused(postgres::Error),
}

impl Cause {
    /// Whether the next server of the list is worth asking.
    pub(super) fn lets_another_try(&self) -> bool {
        self.code().is_none_or(|code| !is_final(code))
    }

    /// Whether the answer may differ with encryption, or without: TLS itself failed, or
    /// `pg_hba.conf` has no line for this way in.
    pub(super) fn depends_on_encryption(&self) -> bool {
        self.tls().is_some() || self.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
    }

    /// Whether it is the server that refused.
    pub(super) fn is_of_server(&self) -> bool {
        self.code().is_some()
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Cause::Refused(error) => error.code(),
            Cause::Silent(_) => None,
        }
    }

    fn io(&self) -> Option<&io::Error> {
        match self {
            Cause::Refused(error) => error.source()?.downcast_ref(),
            Cause::Silent(_) => None,
        }
    }

    fn tls(&self) -> Option<&rustls::Error> {
        self.io()?.get_ref()?.downcast_ref()
    }
}

/// A connection that fails with one of these would fail on every server of the list: libpq goes
/// on only where a server is not there yet
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS>).
fn is_final(code: &SqlState) -> bool {
    *code != SqlState::CANNOT_CONNECT_NOW
}

/// The error for all servers that were asked, each by name.
pub(super) fn of(causes: &[(Target, Cause)]) -> anyhow::Error {
    let lines: Vec<String> = causes
        .iter()
        .map(|(target, cause)| format!("could not connect to {target}: {}", why(target, cause)))
        .collect();
    let hint = causes.last().map(|(target, cause)| hint(target, cause));
    Failure::impossible(lines.join("; "))
        .coded("cannot-connect")
        .hint(hint.unwrap_or_default())
        .into()
}

fn why(target: &Target, cause: &Cause) -> String {
    if let Some(tls) = cause.tls() {
        return why_not_trusted(tls);
    }
    if cause.code() == Some(&SqlState::INVALID_PASSWORD) && !has_password(target) {
        return "the server wants a password, and none was given".to_owned();
    }
    match cause {
        Cause::Silent(limit) => format!("no answer within {} s", limit.as_secs()),
        Cause::Refused(refused) => match (refused.as_db_error(), cause.io().map(io::Error::kind)) {
            (Some(told), _) => error::words(told),
            (None, Some(io::ErrorKind::ConnectionRefused)) => "nothing listens there".to_owned(),
            (None, Some(io::ErrorKind::NotFound)) if is_socket(target) => {
                "there is no socket of a server".to_owned()
            }
            (None, Some(io::ErrorKind::TimedOut)) => "no answer".to_owned(),
            (None, Some(io::ErrorKind::UnexpectedEof)) => {
                "the server closed the connection".to_owned()
            }
            _ => error::cause(refused),
        },
    }
}

fn why_not_trusted(error: &rustls::Error) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
    };
    let rustls::Error::InvalidCertificate(why) = error else {
        return format!("no encryption: {error}");
    };
    match why {
        UnknownIssuer => {
            "the server's certificate is of an authority that is not trusted".to_owned()
        }
        NotValidForName | NotValidForNameContext { .. } => {
            "the server's certificate is for another host".to_owned()
        }
        Expired | ExpiredContext { .. } => "the server's certificate has expired".to_owned(),
        other => format!("the server's certificate can't be trusted: {other}"),
    }
}

fn hint(target: &Target, cause: &Cause) -> String {
    if cause.tls().is_some() {
        return "name the authority's file with sslrootcert, and the host as the certificate has it"
            .to_owned();
    }
    if let Some(code) = cause.code() {
        return hint_for(target, code);
    }
    let wants_tls = !matches!(
        target.security.mode,
        Mode::Disable | Mode::Allow | Mode::Prefer
    );
    match cause.io().map(io::Error::kind) {
        None if wants_tls => {
            "check that the server has ssl = on; sslmode=disable connects without encryption"
                .to_owned()
        }
        _ if is_socket(target) => {
            "check that the server runs here and has its socket there, or name a host: postgres://USER@HOST/DATABASE"
                .to_owned()
        }
        _ => "check the host and the port, and that PostgreSQL answers there".to_owned(),
    }
}

fn hint_for(target: &Target, code: &SqlState) -> String {
    let plain = if *code == SqlState::INVALID_PASSWORD && has_password(target) {
        "the password or the user is wrong; check the URL, PGPASSWORD and ~/.pgpass, in this order"
    } else if *code == SqlState::INVALID_PASSWORD {
        "set PGPASSWORD, or add a line to ~/.pgpass"
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        "check the user; the server's pg_hba.conf says who may come in from where, and with or without sslmode=require"
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        return format!("check the name, or create it: createdb {}", target.database);
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        "wait until a connection is free, or end one"
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        "the server is starting or stopping; run it again in a moment"
    } else {
        "the server refused; its log has the reason"
    };
    plain.to_owned()
}

fn is_socket(target: &Target) -> bool {
    target.hosts.first().is_some_and(Host::is_socket)
}

fn has_password(target: &Target) -> bool {
    target
        .hosts
        .first()
        .is_some_and(|host| host.password.is_some())
}
