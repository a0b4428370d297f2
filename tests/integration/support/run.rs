//! A run of the binary, and what came of it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pretty_assertions::assert_eq;

const BINARY: &str = env!("CARGO_BIN_EXE_fkfix");

/// The binary, free of what the environment of the test run would tell it.
pub fn binary() -> Command {
    clean(Command::new(BINARY))
}

/// A command line as a user would type it, with the binary in the path; what goes to stderr
/// comes on stdout too, in order.
pub fn shell(line: &str) -> Command {
    let folder = Path::new(BINARY).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = clean(Command::new("sh"));
    command.args(["-c", &format!("exec 2>&1\n{line}")]);
    command.env("PATH", format!("{}:{path}", folder.display()));
    command
}

/// The binary as a user for whom permissions count, which they do not for root. That user must
/// reach it and everything in `folder`.
pub fn unprivileged(folder: &Path) -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !root {
        return binary();
    }
    let reachable = folder.join("fkfix");
    // Copied by another process: a file that this one has open to write could be inherited by
    // a run that another test starts, and then it can't be executed.
    let copied = Command::new("cp").arg(BINARY).arg(&reachable).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(reachable);
    clean(command)
}

fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known == "DATABASE_URL" || known == "NO_COLOR" || known.starts_with("FKFIX_") {
            command.env_remove(&name);
        }
    }
    // Where there is no folder of migrations; that of this repository would be taken.
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.stdin(Stdio::null());
    command
}

/// Runs `command` to its end; in what it wrote, `database` reads `app.db`.
pub fn finish(command: &mut Command, database: &Path) -> Finished {
    Finished::new(command.output().unwrap(), database)
}

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit status, none where a signal ended it.
    pub status: Option<i32>,
    /// What it wrote as its result.
    pub stdout: String,
    /// What else it wrote.
    pub stderr: String,
}

impl Finished {
    /// `output`, with `database` shortened to its name.
    pub fn new(output: Output, database: &Path) -> Self {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(&database.display().to_string(), "app.db")
        };
        Finished {
            status: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// It must have exited with `status`.
    #[track_caller]
    pub fn status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }

    /// It must have written exactly `text` as its result.
    #[track_caller]
    pub fn stdout(self, text: &str) -> Self {
        assert_eq!(self.stdout, text, "{}", self.stderr);
        self
    }

    /// It must have written exactly `text` beside its result.
    #[track_caller]
    pub fn stderr(self, text: &str) -> Self {
        assert_eq!(self.stderr, text);
        self
    }

    /// Its result must hold `part`.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "no {part:?} in {self:#?}");
        self
    }

    /// What it wrote beside its result must hold `part`.
    #[track_caller]
    pub fn remarks(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no {part:?} in {self:#?}");
        self
    }

    /// It must have failed with an error that holds `message`, and told what to do about it.
    #[track_caller]
    pub fn explains(self, message: &str) -> Self {
        let told = self.stderr.starts_with("error: ")
            && self.stderr.contains(message)
            && self.stderr.contains("\nhint: ");
        assert!(told, "no error with {message:?} and a hint in {self:#?}");
        self
    }

    /// Its result as a JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
