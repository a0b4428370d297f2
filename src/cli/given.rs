//! What is typed, on its way to a value.

use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::{Arg, Command};

use crate::failure::Failure;
use crate::location::Location;

const HINT: &str = "name a file with --database or DATABASE_URL: a path, or a URL such as sqlite:app.db or postgres://USER@HOST/DATABASE";

/// A database as it was named. `DATABASE_URL` may be that of another database, which matters only
/// where it is looked at.
#[derive(Clone, Debug)]
pub struct Named(Result<Location, String>);

impl Named {
    /// Where it is; fails where that can't be told.
    pub fn location(&self) -> Result<&Location, Failure> {
        let reason = self.0.as_ref();
        reason.map_err(|reason| Failure::impossible(reason).coded("usage").hint(HINT))
    }
}

impl From<Location> for Named {
    fn from(location: Location) -> Self {
        Named(Ok(location))
    }
}

impl ValueParserFactory for Named {
    type Parser = NamedParser;

    fn value_parser() -> NamedParser {
        NamedParser
    }
}

/// Reads a [`Named`], and quotes nothing of what it could not read.
#[derive(Clone, Copy, Debug)]
pub struct NamedParser;

impl TypedValueParser for NamedParser {
    type Value = Named;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Named, clap::Error> {
        Ok(Named(Location::parse(value)))
    }
}

/// A number of rows, at least one.
pub fn batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number of rows, at least 1".to_owned()),
        Ok(rows) => Ok(rows),
    }
}

/// The number of a migration: `2`, `V2`, or with its name, `V2__order_keys`.
pub fn version(text: &str) -> Result<i64, String> {
    let number = text.strip_prefix(['V', 'v']).unwrap_or(text);
    let number = number.split("__").next().unwrap_or_default();
    match number.parse() {
        Ok(version) if version >= 0 => Ok(version),
        _ => Err("a migration is named by its number, such as V2".to_owned()),
    }
}

/// A duration as people write it; a number alone is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if let (true, Ok(seconds)) = (is_number, text.parse()) {
        return Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string());
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_seconds() {
        for (text, millis) in [
            ("5", 5000),
            ("0", 0),
            ("0.5", 500),
            ("30ms", 30),
            ("2m", 120_000),
            ("1m 5s", 65_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "soon",
            "-1",
            "5x",
            ".",
            "nan",
            "inf",
            "99999999999999999999999",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
