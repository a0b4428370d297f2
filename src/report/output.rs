//! Where words go: results to stdout, everything else to stderr.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;

use anstream::{AutoStream, ColorChoice};
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

use super::check::annotation;
use super::formats::Report;
use super::told::{Remark, Told};
use crate::cli::{Color, Format, Global};
use crate::explain;
use crate::failure::{self, Failure, Status};
use crate::progress;
use crate::text::{Lines, Mark, printable, wrapped};

/// The two streams of the process. What is made for machines goes out byte for byte; text for people is made harmless where its lines are made, in [`Lines`].
pub struct Output {
    stdout: io::Stdout,
    /// Text on stdout has colours.
    in_colour: bool,
    stderr: AutoStream<io::Stderr>,
    quiet: bool,
    /// Errors of SQLite are told with their code.
    codes: bool,
    /// Where it is kept for later, in the place of the streams.
    kept: Option<Told>,
}

/// What stands on stdout in the place of a result, where there is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPlace {
    /// Nothing: it is for people, on stderr.
    Nothing,
    /// A document in JSON.
    Document,
    /// An annotation for GitHub.
    Annotation,
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
            // It would panic where stderr is full.
            .log_internal_errors(false)
            .without_time()
            .with_target(false);
        tracing_subscriber::registry()
            .with(lines.with_filter(filter.unwrap_or(level)))
            .init();
        if level_is_plain(global) && io::stderr().is_terminal() {
            progress::show();
        }
        Output {
            in_colour: match choice {
                ColorChoice::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
                choice => choice != ColorChoice::Never,
            },
            stdout: io::stdout(),
            stderr,
            quiet: global.quiet,
            codes: global.verbose > 0,
            kept: None,
        }
    }

    /// One that keeps what it is given, until [`told`](Self::told) asks for it. A result as text is
    /// one line there.
    #[must_use]
    pub fn keeping(&self) -> Self {
        Output {
            in_colour: self.in_colour,
            stdout: io::stdout(),
            stderr: AutoStream::never(io::stderr()),
            quiet: self.quiet,
            codes: self.codes,
            kept: Some(Told::default()),
        }
    }

    /// Whether it keeps what it is given: it is about one of several databases.
    #[must_use]
    pub fn is_keeping(&self) -> bool {
        self.kept.is_some()
    }

    /// What was kept.
    #[must_use]
    pub fn told(self) -> Told {
        self.kept.unwrap_or_default()
    }

    /// Writes a result to stdout.
    pub fn result(&mut self, report: &impl Report, format: Format) -> Result<()> {
        match format {
            Format::Text if let Some(kept) = &mut self.kept => {
                kept.line = Some(report.brief());
                Ok(())
            }
            Format::Text => {
                let width = terminal_width(&io::stdout());
                self.lines(&report.text(width))
            }
            Format::Json => self.document(report),
        }
    }

    /// Writes the report of what is done and can't be undone by a report that gets lost. `done`
    /// says it in a few words, for the case that the report can't be written.
    pub fn outcome(&mut self, report: &impl Report, format: Format, done: &str) -> Status {
        let Err(error) = self.result(report, format) else {
            return Status::Done;
        };
        let message = format!("{done}, but the report of it is lost: {error:#}");
        self.line("error", Mark::Error, &message);
        self.line(
            "hint",
            Mark::Hint,
            "do not repeat it: what the report tells of is done; make room where stdout goes",
        );
        Status::Unreported
    }

    /// Writes `value` to stdout as one document in JSON.
    pub fn document(&mut self, value: &impl Serialize) -> Result<()> {
        let document = json(value)?;
        match &mut self.kept {
            Some(kept) => kept.document = Some(document),
            None => self.write(&document)?,
        }
        Ok(())
    }

    /// Writes `lines` to stdout, now.
    pub fn lines(&mut self, lines: &Lines) -> Result<()> {
        let width = terminal_width(&io::stdout());
        let in_colour = self.in_colour;
        self.write(&lines.shown(width, in_colour))
    }

    /// Writes `text` to stdout as it is, now.
    pub fn write(&mut self, text: &str) -> Result<()> {
        match self.write_bytes(text.as_bytes())? {
            ControlFlow::Continue(()) => self.flush(),
            ControlFlow::Break(()) => Ok(()),
        }
    }

    /// Writes `bytes` to stdout, at the latest with the next [`Output::flush`]. It breaks off
    /// where nobody reads them any more.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> Result<ControlFlow<()>> {
        if let Some(kept) = &mut self.kept {
            kept.written.extend_from_slice(bytes);
            return Ok(ControlFlow::Continue(()));
        }
        progress::clear();
        written(self.stdout.write_all(bytes))
    }

    /// Copies all that `from` holds to stdout.
    pub fn copy(&mut self, from: &mut impl io::Read) -> Result<()> {
        if let Some(kept) = &mut self.kept {
            from.read_to_end(&mut kept.written)?;
            return Ok(());
        }
        progress::clear();
        match written(io::copy(from, &mut self.stdout).map(drop))? {
            ControlFlow::Continue(()) => self.flush(),
            ControlFlow::Break(()) => Ok(()),
        }
    }

    /// Lets go of what is held back.
    pub fn flush(&mut self) -> Result<()> {
        written(self.stdout.flush()).map(drop)
    }

    /// Tells of something that will cost the user.
    pub fn warning(&mut self, text: &str) {
        self.remark("warning", Mark::Warning, text);
    }

    /// Tells what a result does not show.
    pub fn note(&mut self, text: &str) {
        self.remark("note", Mark::Hint, text);
    }

    /// Tells what the user can do.
    pub fn hint(&mut self, text: &str) {
        self.remark("hint", Mark::Hint, text);
    }

    fn remark(&mut self, label: &'static str, mark: Mark, text: &str) {
        if !self.quiet {
            self.line(label, mark, text);
        }
    }

    /// Tells why a dry run says that the real one would be refused.
    pub fn refusal(&mut self, refusal: &Failure) {
        self.line("error", Mark::Error, &refusal.to_string());
        if let Some(hint) = refusal.remedy() {
            self.line("hint", Mark::Hint, hint);
        }
    }

    /// Writes `error` and its hint to stderr, and to stdout what stands there in the place of a
    /// result; `database` is the one of several that it is about.
    pub fn error(&mut self, error: &anyhow::Error, in_place: InPlace, database: Option<&str>) {
        let message = explain::message(error);
        let hint = explain::hint_for(error);
        let details = failure::details(error);
        let number = explain::number(error).filter(|_| self.codes);
        let number = number.map_or(String::new(), |number| format!(" ({number})"));
        self.remark_with("error", Mark::Error, &format!("{message}{number}"), details);
        if let Some(hint) = &hint {
            self.line("hint", Mark::Hint, hint);
        }
        let code = explain::code_of(error);
        let message = [vec![message], details.to_vec()].concat().join("\n  ");
        // The exit status says it already; there is nobody left to tell.
        let _ = match in_place {
            InPlace::Nothing => Ok(()),
            InPlace::Annotation => self.write(&annotation(&code, &message, hint.as_deref())),
            InPlace::Document => {
                let document = explain::document(&code, &message, hint.as_deref(), database);
                match &mut self.kept {
                    Some(kept) => {
                        kept.document = Some(document);
                        Ok(())
                    }
                    None => self.write(&document),
                }
            }
        };
        if let Some(kept) = &mut self.kept {
            kept.code = Some(code);
        }
    }

    /// Writes what was kept of a run on `database`, but for its documents; `hints` are those that
    /// were told before, and are told once.
    pub fn tell(&mut self, database: &str, told: &Told, hints: &mut HashSet<String>) -> Result<()> {
        if let Some(line) = &told.line {
            self.lines(&Lines::of(&format!("{database}: {line}")))?;
        }
        if !told.written.is_empty() && self.write_bytes(&told.written)?.is_continue() {
            self.flush()?;
        }
        for remark in &told.remarks {
            let text = remark.about(database);
            if remark.is_of_one() || hints.insert(text.clone()) {
                self.remark_with(remark.label, remark.mark, &text, &remark.details);
            }
        }
        Ok(())
    }

    fn remark_with(&mut self, label: &'static str, mark: Mark, text: &str, details: &[String]) {
        self.line(label, mark, text);
        match self.kept.as_mut().and_then(|kept| kept.remarks.last_mut()) {
            Some(remark) => remark.details = details.to_vec(),
            None => {
                for detail in details {
                    let _ = writeln!(self.stderr, "  {}", printable(detail));
                }
            }
        }
    }

    fn line(&mut self, label: &'static str, mark: Mark, text: &str) {
        if let Some(kept) = &mut self.kept {
            kept.remarks.push(Remark {
                label,
                mark,
                text: text.to_owned(),
                details: Vec::new(),
            });
            return;
        }
        progress::clear();
        let label_and_text = format!("{label}: {}", printable(text));
        let shown = match terminal_width(&io::stderr()) {
            Some(width) => wrapped(&label_and_text, width),
            None => label_and_text,
        };
        let rest = shown.strip_prefix(label).unwrap_or_default();
        let style = mark.style();
        // A log that can't be written must not change what the run does.
        let _ = writeln!(self.stderr, "{style}{label}{style:#}{rest}");
    }
}

/// Whether the log is silent, so that a bar would not run through its lines.
fn level_is_plain(global: &Global) -> bool {
    global.verbose == 0 && !global.quiet && std::env::var_os("FKFIX_LOG").is_none()
}

/// That nobody reads stdout any more is not an error.
fn written(result: io::Result<()>) -> Result<ControlFlow<()>> {
    match result {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error).context("could not write to stdout"),
    }
}

/// The width of the terminal that `stream` is, if it is one.
fn terminal_width(stream: &impl IsTerminal) -> Option<u16> {
    if !stream.is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// `value` as one document, ended by a newline.
fn json(value: &impl Serialize) -> Result<String> {
    let document = serde_json::to_string_pretty(value).context("could not write JSON")?;
    Ok(document + "\n")
}
