//! Where words go: results to stdout, everything else to stderr.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result};
use serde::Serialize;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::text::printable;
use crate::cli::{Color, Format, Global};
use crate::failure::{self, Failure};
use crate::progress;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// The two streams of the process.
pub struct Output {
    stdout: AutoStream<io::Stdout>,
    stderr: AutoStream<io::Stderr>,
    quiet: bool,
}

/// The message and fields of a line of the log, which may quote what a database holds.
fn printable_fields() -> impl for<'writer> FormatFields<'writer> {
    let field = |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => writer.write_str(&printable(&value)),
            name => write!(writer, "{name}={}", printable(&value)),
        }
    };
    debug_fn(field).delimited(" ")
}

/// A result that can be shown in every format.
pub trait Report: Serialize {
    /// For people: lines, each ended; on a terminal of `width` characters, if it is one.
    fn text(&self, width: Option<u16>) -> String;
}

impl Output {
    /// The streams as `global` wants them; starts the log.
    pub fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let stderr = AutoStream::new(io::stderr(), choice);
        let level = match global.verbose {
            _ if global.quiet => LevelFilter::OFF,
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        };
        let level = Targets::new().with_target("fkfix", level);
        let wanted = std::env::var("FKFIX_LOG").ok();
        let filter = wanted.as_deref().and_then(|filter| filter.parse().ok());
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .fmt_fields(printable_fields())
            .with_ansi(stderr.current_choice() != ColorChoice::Never)
            .without_time()
            .with_target(false);
        tracing_subscriber::registry()
            .with(lines.with_filter(filter.unwrap_or(level)))
            .init();
        if level_is_plain(global) && io::stderr().is_terminal() {
            progress::show();
        }
        Output {
            stdout: AutoStream::new(io::stdout(), choice),
            stderr,
            quiet: global.quiet,
        }
    }

    /// Writes a result to stdout.
    pub fn result(&mut self, report: &impl Report, format: Format) -> Result<()> {
        match format {
            Format::Text => self.write(&printable(&report.text(width()))),
            Format::Json => self.write(&json(report)?),
        }
    }

    /// Writes `value` to stdout as one document in JSON.
    pub fn document(&mut self, value: &impl Serialize) -> Result<()> {
        self.write(&json(value)?)
    }

    /// Writes `text` to stdout, now.
    pub fn write(&mut self, text: &str) -> Result<()> {
        self.write_bytes(text.as_bytes())?;
        self.flush()
    }

    /// Writes `bytes` to stdout, at the latest with the next [`Output::flush`].
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        progress::clear();
        written(self.stdout.write_all(bytes))
    }

    /// Copies all that `from` holds to stdout.
    pub fn copy(&mut self, from: &mut impl io::Read) -> Result<()> {
        progress::clear();
        written(io::copy(from, &mut self.stdout).map(drop))?;
        self.flush()
    }

    /// Lets go of what is held back.
    pub fn flush(&mut self) -> Result<()> {
        written(self.stdout.flush())
    }

    /// Tells of something that will cost the user.
    pub fn warning(&mut self, text: &str) {
        self.remark("warning", WARNING, text);
    }

    /// Tells what a result does not show.
    pub fn note(&mut self, text: &str) {
        self.remark("note", HINT, text);
    }

    /// Tells what the user can do.
    pub fn hint(&mut self, text: &str) {
        self.remark("hint", HINT, text);
    }

    fn remark(&mut self, label: &str, style: Style, text: &str) {
        if !self.quiet {
            self.line(label, style, text);
        }
    }

    /// Tells why a dry run says that the real one would be refused.
    pub fn refusal(&mut self, refusal: &Failure) {
        self.line("error", ERROR, &refusal.to_string());
        if let Some(hint) = refusal.remedy() {
            self.line("hint", HINT, hint);
        }
    }

    /// Writes `error` and its hint to stderr, and as a document to stdout where the results
    /// would have been one.
    pub fn error(&mut self, error: &anyhow::Error, format: Format) {
        let message = format!("{error:#}");
        let hint = failure::hint_for(error);
        self.line("error", ERROR, &message);
        if let Some(hint) = &hint {
            self.line("hint", HINT, hint);
        }
        if format == Format::Json {
            let document = serde_json::json!({ "error": { "message": message, "hint": hint } });
            // The exit status says it already; there is nobody left to tell.
            let _ = self.write(&format!("{document:#}\n"));
        }
    }

    fn line(&mut self, label: &str, style: Style, text: &str) {
        progress::clear();
        // A log that can't be written must not change what the run does.
        let _ = writeln!(self.stderr, "{style}{label}{style:#}: {}", printable(text));
    }
}

/// Whether the log is silent, so that a bar would not run through its lines.
fn level_is_plain(global: &Global) -> bool {
    global.verbose == 0 && !global.quiet && std::env::var_os("FKFIX_LOG").is_none()
}

/// That nobody reads stdout any more is not an error.
fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("could not write to stdout"),
    }
}

/// The width of the terminal that stdout is, if it is one.
fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// `value` as one document, ended by a newline.
fn json(value: &impl Serialize) -> Result<String> {
    let document = serde_json::to_string_pretty(value).context("could not write JSON")?;
    Ok(document + "\n")
}
