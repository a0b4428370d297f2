//! An error, told to a person: what the engines know of their codes, put together.

use crate::failure::{self, Failure, Status};
use crate::sqlite::file::errors;

pub use errors::{message, number};

/// The exit status for `error`.
#[must_use]
pub fn status_of(error: &anyhow::Error) -> Status {
    if errors::was_interrupted(error) {
        return Status::Interrupted;
    }
    failure::failure_in(error).map_or(Status::Impossible, Failure::status)
}

/// What programs know `error` by. docs/formats.md lists the codes.
#[must_use]
pub fn code_of(error: &anyhow::Error) -> String {
    if errors::was_interrupted(error) {
        return "interrupted".to_owned();
    }
    if let Some(failure) = failure::failure_in(error) {
        return failure.code().to_owned();
    }
    let word = errors::word(error);
    #[cfg(feature = "postgres")]
    let word = word.or_else(|| crate::postgres::error::word(error));
    word.unwrap_or("impossible").to_owned()
}

/// The remedy for `error`, where one is known.
#[must_use]
pub fn hint_for(error: &anyhow::Error) -> Option<String> {
    // Steps that are done stay done, which a signal alone does not tell.
    let between_steps = failure::failure_in(error);
    if let Some(failure) = between_steps.filter(|it| it.status() == Status::Interrupted) {
        return failure.remedy().map(str::to_owned);
    }
    #[cfg(feature = "postgres")]
    if failure::failure_in(error).is_none()
        && let Some(hint) = crate::postgres::error::hint(error)
    {
        return Some(hint);
    }
    errors::hint_for(error)
}

/// An error, as the document that is written in the place of a result; with the `database` that it
/// is about, where there are several.
#[must_use]
pub fn document(code: &str, message: &str, hint: Option<&str>, database: Option<&str>) -> String {
    let mut error = serde_json::json!({ "code": code, "message": message, "hint": hint });
    if let (Some(database), Some(error)) = (database, error.as_object_mut()) {
        error.insert("database".to_owned(), database.into());
    }
    let document = serde_json::json!({ "error": error });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_survives_the_context_put_around_it() {
        let error =
            anyhow::Error::new(Failure::refused("too many orphans").hint("raise the limit"))
                .context("could not apply V1");
        assert_eq!(hint_for(&error).as_deref(), Some("raise the limit"));
        assert_eq!(status_of(&error), Status::No);
        assert_eq!(format!("{error:#}"), "could not apply V1: too many orphans");
    }
}
