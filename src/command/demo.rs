//! `fkfix demo`: the newcomer's first minute, on a sample database and with the real commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::cli::Demo;
use crate::engine::sample;
use crate::failure::Status;
use crate::migrations::BUILT_IN;
use crate::report::output::Output;
use crate::text::{printable, rows};

/// Runs the verb.
pub fn run(arguments: &Demo, output: &mut Output) -> Result<Status> {
    let path = match &arguments.file {
        Some(file) => file.clone(),
        None => new_folder()?.join("demo.db"),
    };
    sample::create(&path)?;
    walk(&path, output)?;
    Ok(Status::Done)
}

/// A folder that stays, so that the reader can go on with what is in it.
fn new_folder() -> Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("fkfix-demo-").tempdir();
    Ok(folder.context("could not make a temporary folder")?.keep())
}

fn walk(path: &Path, output: &mut Output) -> Result<()> {
    let shown = printable(&path.display().to_string()).into_owned();
    let say = |output: &mut Output, text: &str| output.write(&format!("\n{text}\n\n"));
    output.write(&format!(
        "A sample database is in {shown}: {} that name a rule and an event,\nand no foreign key between them. Rules and events were deleted; their logs stayed.\n",
        rows(sample::count_logs(path)?),
    ))?;
    say(
        output,
        "1. Which rows would break the keys? Nothing is changed by looking.",
    )?;
    fkfix(&["orphans", "--limit", "3"], path, output)?;
    say(
        output,
        "2. Add the keys. The orphans are kept, whole, in webhook_logs_orphans.",
    )?;
    fkfix(&["up"], path, output)?;
    say(
        output,
        "3. From now on logs go with their rule and their event.",
    )?;
    for statement in [sample::DELETE_RULE, sample::DELETE_EVENT] {
        let before = sample::count_logs(path)?;
        sample::run(path, statement)?;
        let gone = before - sample::count_logs(path)?;
        output.write(&format!(
            "sqlite> {statement};\n        {} of webhook_logs went along\n",
            rows(gone)
        ))?;
    }
    say(
        output,
        "4. And the rollback: the keys go, the orphans return.",
    )?;
    fkfix(&["down"], path, output)?;
    say(
        output,
        &format!(
            "{} are in webhook_logs again: all but those that went with their rule and event.\nTo see where it stands, or to look around:",
            rows(sample::count_logs(path)?)
        ),
    )?;
    output.write(&format!("$ fkfix status -d {shown}\n$ sqlite3 {shown}\n"))
}

/// Runs this program as the reader would, and shows what was typed.
fn fkfix(arguments: &[&str], path: &Path, output: &mut Output) -> Result<()> {
    output.write(&format!(
        "$ fkfix {} -d {}\n",
        arguments.join(" "),
        printable(&path.display().to_string())
    ))?;
    let program = std::env::current_exe().context("could not find this program's file")?;
    let status = Command::new(program)
        .args(arguments)
        .arg("--database")
        .arg(path)
        .env("FKFIX_MIGRATIONS", BUILT_IN)
        .status()
        .context("could not run fkfix itself")?;
    // 1 is the answer of `orphans`: there are some.
    match status.code() {
        Some(0 | 1) => Ok(()),
        _ => bail!("fkfix {} ended with {status}", arguments.join(" ")),
    }
}
