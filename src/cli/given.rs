//! What is typed or stands in the environment, on its way to a value.

use std::env;
use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{Resettable, TypedValueParser, ValueParserFactory};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;
use crate::failure::Failure;
use crate::location::{Location, may_hold_a_password};

impl Cli {
    /// What was typed. Where it makes no sense, says so and ends the process.
    ///
    /// A variable of the environment that is empty counts as unset.
    #[must_use]
    pub fn read() -> Self {
        let matches = without_empty_variables(Cli::command()).try_get_matches();
        let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
        cli.unwrap_or_else(|error| without_secrets(error).exit())
    }
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &Arg| {
        let variable = arg.get_env().and_then(env::var_os);
        variable.is_some_and(|value| value.is_empty())
    };
    let forget = |arg: Arg| {
        if is_empty(&arg) {
            arg.env(Resettable::Reset)
        } else {
            arg
        }
    };
    command
        .mut_args(forget)
        .mut_subcommands(|verb| verb.mut_args(forget))
}

/// A URL that stands where none belongs is not shown: it may hold a password.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    for kind in [
        ContextKind::InvalidArg,
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
    ] {
        if let Some(ContextValue::String(text)) = error.get(kind)
            && may_hold_a_password(text.as_bytes())
        {
            error.insert(kind, ContextValue::String("...".to_owned()));
        }
    }
    error
}

const HINT: &str =
    "name a file with --database or DATABASE_URL: a path, or a URL such as sqlite:app.db";

/// A [`Location`] of a verb that may do without one. `DATABASE_URL` may be that of another database,
/// which matters only where it is looked at.
#[derive(Clone, Debug)]
pub struct IfNeeded(Result<Location, String>);

impl IfNeeded {
    /// The location; fails where it is none.
    pub fn get(&self) -> Result<&Location, Failure> {
        let reason = self.0.as_ref();
        reason.map_err(|reason| Failure::impossible(reason).hint(HINT))
    }
}

impl ValueParserFactory for IfNeeded {
    type Parser = IfNeededParser;

    fn value_parser() -> IfNeededParser {
        IfNeededParser
    }
}

/// Reads an [`IfNeeded`].
#[derive(Clone, Copy, Debug)]
pub struct IfNeededParser;

impl TypedValueParser for IfNeededParser {
    type Value = IfNeeded;

    fn parse_ref(
        &self,
        _: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<IfNeeded, clap::Error> {
        Ok(IfNeeded(Location::parse(value)))
    }
}

/// Reads a [`Location`], and quotes nothing of what it could not read.
#[derive(Clone, Copy, Debug)]
pub struct LocationParser;

impl ValueParserFactory for Location {
    type Parser = LocationParser;

    fn value_parser() -> LocationParser {
        LocationParser
    }
}

impl TypedValueParser for LocationParser {
    type Value = Location;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Location, clap::Error> {
        Location::parse(value).map_err(|reason| {
            let text = format!("{reason}\nhint: {HINT}\n");
            clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}

/// A number of rows, at least one.
pub fn batch(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number of rows, at least 1".to_owned()),
        Ok(rows) => Ok(rows),
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
