//! Reads a connection string, as a URL or as `key=value`.
//!
//! What can't be read may be a piece of the password: `postgres://me:pa/ss@host/db` has the port
//! `pa`. So no message here repeats a part of the string but a name that libpq knows.

use anyhow::Result;

use super::parameters::{self, Parameters};
use crate::failure::Failure;

/// Whether `text` means a PostgreSQL database: a URL with the scheme `postgres` or `postgresql`
/// (with a driver behind it, as SQLAlchemy writes: `postgresql+psycopg`), or libpq's `key=value`.
#[must_use]
pub fn is_postgres(text: &str) -> bool {
    if after_scheme(text).is_some() {
        return true;
    }
    let keyword = text.split_once('=').map(|(keyword, _)| keyword.trim());
    keyword.is_some_and(parameters::is_known)
}

/// The parameters that `text` gives.
pub(super) fn parse(text: &str) -> Result<Parameters> {
    match after_scheme(text) {
        Some(rest) => parse_url(rest),
        None => parse_pairs(text),
    }
}

fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let engine = scheme.split_once('+').map_or(scheme, |(engine, _)| engine);
    let is_ours = ["postgres", "postgresql"]
        .iter()
        .any(|name| engine.eq_ignore_ascii_case(name));
    is_ours.then_some(rest)
}

/// See <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>.
fn parse_url(rest: &str) -> Result<Parameters> {
    let mut found = Parameters::default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    // A name of a database or a parameter can hold an @ as %40 only; here it is a password's.
    if tail.contains('@') {
        return Err(unreadable("an @ stands after the first / or ?"));
    }
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    // The last one: a host has no @, and a password may have been written without %40.
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (Some(user), hosts),
        None => (None, authority),
    };
    if let Some(user) = user {
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(password)),
            None => (user, None),
        };
        set_decoded(&mut found, "user", name)?;
        set_decoded(&mut found, "password", password.unwrap_or(""))?;
    }
    read_hosts(&mut found, hosts)?;
    set_decoded(&mut found, "dbname", path.strip_prefix('/').unwrap_or(path))?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((keyword, value)) = pair.split_once('=') else {
            return Err(unreadable("a parameter after the ? has no ="));
        };
        let (keyword, value) = (decode(keyword)?, decode(value)?);
        if keyword == "ssl" && value == "true" {
            // libpq takes this one from JDBC.
            let _ = found.set("sslmode", "require");
        } else if !found.set(&keyword, &value) {
            return Err(unknown(&keyword));
        }
    }
    Ok(found)
}

/// `host:port,host:port`, an IPv6 address in brackets, a folder of sockets with `%2F`.
fn read_hosts(found: &mut Parameters, text: &str) -> Result<()> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for one in text.split(',') {
        let (host, port) = match one.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, ""),
            Some((host, rest)) => match rest.strip_prefix(':') {
                Some(port) => (host, port),
                None => {
                    return Err(unreadable(
                        "something stands behind the ] of an IPv6 address",
                    ));
                }
            },
            None if one.starts_with('[') => {
                return Err(unreadable("an IPv6 address has no ]"));
            }
            None => one.split_once(':').unwrap_or((one, "")),
        };
        hosts.push(decode(host)?);
        ports.push(decode(port)?);
    }
    for (keyword, values) in [("host", hosts), ("port", ports)] {
        if values.iter().any(|value| !value.is_empty()) {
            let _ = found.set(keyword, &values.join(","));
        }
    }
    Ok(())
}

fn set_decoded(found: &mut Parameters, keyword: &str, text: &str) -> Result<()> {
    if !text.is_empty() {
        let _ = found.set(keyword, &decode(text)?);
    }
    Ok(())
}

/// Percent-decoding; a `+` is a plus sign, as with libpq.
fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let code = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(0) | None => {
                return Err(unreadable("a % is not followed by two hexadecimal digits"));
            }
            Some(byte) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| unreadable("what its % stand for is not UTF-8"))
}

/// See <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE>.
fn parse_pairs(text: &str) -> Result<Parameters> {
    let mut found = Parameters::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((keyword, after)) = rest.split_once('=') else {
            return Err(unreadable("a word has no = behind it"));
        };
        let (value, after) = read_value(after.trim_start())?;
        if !found.set(keyword.trim_end(), &value) {
            return Err(unknown(keyword.trim_end()));
        }
        rest = after.trim_start();
    }
    Ok(found)
}

/// A value, in quotes or up to a blank, with `\` before what is meant as it stands; and the rest.
fn read_value(text: &str) -> Result<(String, &str)> {
    let (quoted, text) = match text.strip_prefix('\'') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        let rest = characters.as_str();
        match characters.next() {
            Some('\\') => value.extend(characters.next()),
            Some('\'') if quoted => return Ok((value, characters.as_str())),
            Some(blank) if !quoted && blank.is_ascii_whitespace() => return Ok((value, rest)),
            Some(other) => value.push(other),
            None if quoted => return Err(unreadable("a quote is not closed")),
            None => return Ok((value, "")),
        }
    }
}

fn unreadable(why: &str) -> anyhow::Error {
    Failure::impossible(format!("could not read the connection string: {why}"))
        .hint(
            "in a URL write what a password holds of these as: @ %40, / %2F, : %3A, ? %3F, % %25; \
             in key=value put it in single quotes",
        )
        .into()
}

/// A keyword is repeated only where it looks like one: with blanks or signs it may be a piece of
/// a password.
fn unknown(keyword: &str) -> anyhow::Error {
    let near = parameters::unknown_hint(keyword);
    let is_a_typo = near.starts_with("did you mean") || near.starts_with("name the schema");
    let message = if is_a_typo {
        format!("could not read the connection string: there is no parameter {keyword}")
    } else {
        "could not read the connection string: it has a parameter that PostgreSQL does not know"
            .to_owned()
    };
    Failure::impossible(message).hint(near).into()
}
