//! What went wrong, told to a person: the exit status it deserves and the remedy to try.
//!
//! Everything fallible returns [`anyhow::Result`]; the chain of contexts says what was
//! attempted and on which object. A [`Failure`] in that chain adds what only the place that
//! failed can know. What the codes of an engine mean stands with that engine.

use std::fmt;

/// How a run ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, or nothing to report.
    Done,
    /// The answer is no: orphans exist, a limit refused.
    No,
    /// It could not be done: usage, no such database, locked, corrupt, full.
    Impossible,
    /// Done, but the report of it could not be written.
    Unreported,
    /// Interrupted, with everything rolled back.
    Interrupted,
}

impl Status {
    /// The number the process exits with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::No => 1,
            Status::Impossible => 2,
            Status::Unreported => 3,
            Status::Interrupted => 130,
        }
    }
}

/// An error with its exit status and a remedy.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    details: Vec<String>,
    hint: Option<String>,
    status: Status,
    code: Option<&'static str>,
}

impl Failure {
    /// It could not be done; exit status 2.
    pub fn impossible(message: impl fmt::Display) -> Self {
        Failure {
            message: message.to_string(),
            details: Vec::new(),
            hint: None,
            status: Status::Impossible,
            code: None,
        }
    }

    /// It was refused, and nothing has changed; exit status 1.
    pub fn refused(message: impl fmt::Display) -> Self {
        Failure {
            status: Status::No,
            ..Failure::impossible(message)
        }
    }

    /// The user interrupted it between two steps, each of which is whole; exit status 130.
    pub fn interrupted(message: impl fmt::Display) -> Self {
        Failure {
            status: Status::Interrupted,
            ..Failure::impossible(message)
        }
    }

    /// The exit status it deserves.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What programs know it by: that of its own, or else that of its exit status.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code.unwrap_or(match self.status {
            Status::No => "refused",
            Status::Interrupted => "interrupted",
            Status::Done | Status::Impossible | Status::Unreported => "impossible",
        })
    }

    /// Gives it a code of its own, which stays the same from release to release.
    #[must_use]
    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// What the user can do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Adds a line to be read under the message.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.details.push(detail.to_string());
        self
    }

    /// Adds what the user can do about it, in one sentence without `hint:`.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

/// The lines to be read under the message of `error`.
#[must_use]
pub fn details(error: &anyhow::Error) -> &[String] {
    failure_in(error).map_or(&[], |failure| &failure.details)
}

/// The failure in the chain of `error`, if there is one.
#[must_use]
pub fn failure_in(error: &anyhow::Error) -> Option<&Failure> {
    let mut chain = error.chain();
    // What stands in the chain as a context, anyhow alone can tell.
    chain
        .find_map(|cause| cause.downcast_ref())
        .or_else(|| error.downcast_ref())
}

/// `text` as one word of a shell's command.
#[must_use]
pub fn for_shell(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+:=@".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_manual() {
        let codes = [
            Status::Done,
            Status::No,
            Status::Impossible,
            Status::Unreported,
            Status::Interrupted,
        ]
        .map(Status::code);
        assert_eq!(codes, [0, 1, 2, 3, 130]);
    }
}
