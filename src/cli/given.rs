//! What is typed or stands in the environment, on its way to a value.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use clap::builder::{Resettable, TypedValueParser, ValueParserFactory};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::{Cli, DATABASE};
use crate::explain;
use crate::failure::{Failure, for_shell};
use crate::location::{Location, may_hold_a_password};

impl Cli {
    /// What was typed. Where it makes no sense, says so and ends the process.
    ///
    /// A variable of the environment that is empty counts as unset. One that is unset may stand in
    /// a file `.env` of the current folder, as dbmate has it
    /// (<https://github.com/amacneil/dbmate#command-line-options>).
    #[must_use]
    pub fn read() -> Self {
        let file = Variables::in_file(Path::new(".env"));
        let matches = file.complete(Cli::command()).try_get_matches();
        let cli = matches.and_then(|matches| {
            let cli = Cli::from_arg_matches(&matches)?;
            let from_variable = !is_typed(&matches, DATABASE);
            Ok(Cli {
                from_variable,
                ..cli
            })
        });
        cli.unwrap_or_else(|error| {
            let error = without_secrets(with_tip(error));
            if error.use_stderr() && wants_json() {
                print_document(&error);
            }
            error.exit()
        })
    }
}

/// Whether the verb's argument `id` was typed.
fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    let Some((_, matches)) = matches.subcommand() else {
        return false;
    };
    let is_there = matches.try_contains_id(id).unwrap_or_default();
    is_there && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Variables that stand in a file for want of an environment.
struct Variables(Vec<(String, String)>);

impl Variables {
    /// Those of the file at `path`, none where there is no such file. A line that is none is passed
    /// over: the file is the application's.
    fn in_file(path: &Path) -> Self {
        // Looked at first: a pipe of that name would never end.
        let lines = path
            .is_file()
            .then(|| dotenvy::from_path_iter(path))
            .and_then(Result::ok);
        Variables(lines.into_iter().flatten().filter_map(Result::ok).collect())
    }

    /// `command`, with what these variables say where the environment says nothing.
    fn complete(&self, command: Command) -> Command {
        command
            .mut_args(|arg| self.complete_argument(arg))
            .mut_subcommands(|verb| verb.mut_args(|arg| self.complete_argument(arg)))
    }

    fn complete_argument(&self, arg: Arg) -> Arg {
        let Some(variable) = arg.get_env().map(OsStr::to_owned) else {
            return arg;
        };
        if env::var_os(&variable).is_some_and(|value| !value.is_empty()) {
            return arg;
        }
        let arg = arg.env(Resettable::Reset);
        let here =
            |(name, value): &&(String, String)| variable == name.as_str() && !value.is_empty();
        match self.0.iter().find(here) {
            // It may hold a password, which the help must not show.
            Some((_, value)) => arg
                .required(false)
                .required_unless_present(Resettable::Reset)
                .default_value(value.clone())
                .hide_default_value(true),
            None => arg,
        }
    }
}

/// Whether the result was to be a JSON document, as far as that can be told of what can't be read.
fn wants_json() -> bool {
    let words: Vec<_> = env::args_os().collect();
    let asks =
        |pair: &[OsString]| matches!(pair, [name, value] if name == "--format" && value == "json");
    words.windows(2).any(asks) || words.iter().any(|word| word == "--format=json")
}

fn print_document(error: &clap::Error) {
    let text = error.render().to_string();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let message = lines.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let hint = lines.find_map(|line| line.trim().strip_prefix("hint: "));
    let hint = hint.unwrap_or("fkfix --help tells what may be typed");
    let document = explain::document("usage", message, Some(hint), None);
    // There is nobody left to tell if it can't be written.
    let _ = io::stdout().write_all(document.as_bytes());
}

/// Where a file stands in the place of a verb, tells how to name it.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let verb = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(verb)) => verb.clone(),
        _ => return error,
    };
    if Path::new(&verb).is_file() {
        let tip = format!(
            "to look at the database, run: fkfix orphans -d {}",
            for_shell(&verb)
        );
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, tips);
    }
    error
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
