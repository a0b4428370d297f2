//! What is typed or stands in the environment, as one value.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;
use super::shared::DATABASE;
use crate::explain;
use crate::failure::for_shell;
use crate::location::may_hold_a_password;

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
