//! stub
use crate::{cli::Demo, failure::Status, report::output::Output};
use anyhow::Result;
/// Runs the verb.
pub fn run(_: &Demo, _: &mut Output) -> Result<Status> {
    Ok(Status::Done)
}
