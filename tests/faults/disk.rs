//! The disk fails the real binary: `strace` answers the n-th call with an error, and limits and
//! small file systems run full in earnest.
//!
//! Whatever the call: an exit status of 0 means after, any other means before, and a failed
//! flush before the COMMIT is never a success.

use std::process::{Command, Output};

use super::support::{Sample, Side, Victim, clean, has, is_long, program, rounds};

/// A call and the error that it is answered with.
const FAULTS: [(&str, &str); 9] = [
    ("pwrite64", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("pread64", "EIO"),
    ("fdatasync", "EIO"),
    ("fsync", "EIO"),
    ("ftruncate", "EIO"),
    ("unlink", "EIO"),
    ("openat", "EMFILE"),
    ("fcntl", "EIO"),
];

struct Injected {
    output: Output,
    /// How often the call was made, and the line of the one that failed.
    hit: Option<String>,
}

/// Runs the binary with `error` for the `nth` of `call` that touches a file beside `victim`.
fn inject(victim: &Victim, arguments: &str, call: &str, error: &str, nth: usize) -> Injected {
    let log = victim.home.join("strace.log");
    let mut command = clean(Command::new("strace"));
    command.args(["-f", "-y", "-o"]).arg(&log);
    command.arg("-e").arg(format!("trace={call}"));
    command
        .arg("-e")
        .arg(format!("inject={call}:error={error}:when={nth}"));
    command.arg(program());
    command
        .args(arguments.split(' '))
        .arg("-d")
        .arg(&victim.path);
    let output = command.output().unwrap();
    let log = std::fs::read_to_string(log).unwrap_or_default();
    let hit = log.lines().find(|line| line.contains("(INJECTED)"));
    Injected {
        output,
        hit: hit.map(str::to_owned),
    }
}

fn upped(verb: &str) -> (Side, Side) {
    if verb == "down" {
        (Side::After, Side::Before)
    } else {
        (Side::Before, Side::After)
    }
}

fn every_call(sample: &Sample, name: &str, verb: &str, call: &str, error: &str) {
    let (start, end) = upped(verb);
    let (mut failed, mut passed) = (0, 0);
    // Reads and writes come by the hundred; the others one by one.
    let many = ["pwrite64", "pread64", "openat", "fcntl"].contains(&call);
    let stride = match (many, is_long()) {
        (false, _) => 1,
        (true, true) => 7,
        (true, false) => 149,
    };
    for nth in (1..).step_by(stride) {
        let victim = if verb == "down" {
            sample.upped_victim()
        } else {
            sample.victim()
        };
        let injected = inject(&victim, verb, call, error, nth);
        let Some(line) = injected.hit else { break };
        // Before main, and in the folders of the system, nothing of fkfix is at stake.
        let output = &injected.output;
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            passed += 1;
            assert!(may_be_passed_over(&line, name), "passed over: {line}");
            assert_eq!(sample.verdict(&victim), end, "{line}");
        } else {
            failed += 1;
            assert!(output.status.code().is_some(), "killed: {line}: {told}");
            let found = sample.verdict(&victim);
            assert_eq!(found, start, "{name}, {verb}: {line}: {told}");
        }
    }
    println!("disk, {name}, {verb}, {call} {error}: {failed} failed, {passed} went on");
}

/// SQLite passes over a folder that can't be flushed, and over what fails after the COMMIT is in
/// the log. A failed write to the database or its journal is never one of these.
fn may_be_passed_over(line: &str, name: &str) -> bool {
    let flush = line.contains("fsync(") || line.contains("fdatasync(");
    let write = line.contains("pwrite64(");
    let of_database = line.contains("app.db");
    name.contains("WAL") || !((flush || write) && of_database)
}

#[test]
fn an_error_from_the_disk_changes_nothing() {
    if !has("strace") {
        return;
    }
    Sample::each(&["DELETE", "WAL"], |sample, name| {
        for verb in ["up", "down"] {
            for (call, error) in FAULTS {
                every_call(sample, name, verb, call, error);
            }
        }
    });
}

/// A limit to the size of files makes SQLite's writes short, and then fails them.
#[test]
fn a_write_that_is_cut_short_changes_nothing() {
    if !has("prlimit") {
        return;
    }
    let sample = Sample::nasty("DELETE");
    let whole = std::fs::metadata(&sample.path).unwrap().len();
    let (mut failed, steps) = (0, rounds(6, 200) as u64);
    for step in 0..steps {
        let victim = sample.victim();
        // Odd, so that the last write before it is a short one.
        let limit = whole / 4 + whole * 2 * step / steps + 333;
        let mut command = clean(Command::new("sh"));
        let run = "trap '' XFSZ; exec prlimit --fsize=\"$0\" \"$@\"";
        command.args(["-c", run, &limit.to_string()]).arg(program());
        let output = command
            .args(["up", "-d"])
            .arg(&victim.path)
            .output()
            .unwrap();
        let side = sample.verdict(&victim);
        if output.status.success() {
            assert_eq!(side, Side::After);
        } else {
            failed += 1;
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert_eq!(side, Side::Before, "{output:?}");
        }
    }
    println!("disk, cut short at {steps} sizes: {failed} failed");
    assert!(failed > 1, "{failed}");
}
