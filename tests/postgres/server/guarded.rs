//! A program that ends with the test process, however that ends.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::programs::User;

/// A shell that starts the program and reads a pipe, whose other end the test process has. When
/// that is gone, killed or not, the shell ends the program and removes the folder.
pub struct Guarded {
    shell: Child,
}

const SCRIPT: &str = r#"
    signal=$1 folder=$2
    shift 2
    "$@" >"$folder/log" 2>&1 </dev/null &
    cat >/dev/null
    kill -s "$signal" $!
    wait
    rm -rf "$folder"
"#;

impl Guarded {
    /// Starts `program`, which `signal` ends; its output goes to `folder/log`.
    pub fn start(signal: &str, folder: &Path, user: Option<User>, program: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "sh", signal])
            .arg(folder)
            .args(program)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests; the shell notices their end.
            .process_group(0);
        run_as(&mut command, user);
        let shell = command.spawn().unwrap();
        Guarded { shell }
    }

    /// Whether the program still runs, or is about to.
    pub fn ended(&mut self) -> bool {
        self.shell.try_wait().unwrap().is_some()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

pub fn run_as(command: &mut Command, user: Option<User>) {
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
}
