//! Arguments in, exit status out.

use std::process::ExitCode;

use fkfix::cli::Cli;
use fkfix::report::output::Output;
use fkfix::{command, explain, interrupt};

fn main() -> ExitCode {
    let cli = Cli::read();
    let mut output = Output::new(&cli.global);
    interrupt::install();
    let status = match command::run(&cli, &mut output) {
        Ok(status) => status,
        Err(error) => {
            output.error(&error, command::in_place(&cli.command), None);
            explain::status_of(&error)
        }
    };
    ExitCode::from(status.code())
}
