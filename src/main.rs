//! Arguments in, exit status out.

mod cli;
mod command;
mod failure;
mod interrupt;
mod manual;
mod migrations;
mod policy;
mod progress;
mod report;
mod sqlite;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::report::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(&cli.global);
    interrupt::install();
    let status = match command::run(&cli, &mut output) {
        Ok(status) => status,
        Err(error) => {
            output.error(&error, command::format_of(&cli));
            failure::status_of(&error)
        }
    };
    ExitCode::from(status.code())
}
