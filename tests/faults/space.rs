//! What `up` says it needs is held against a file system that has just that much.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;

use super::support::{binary, integrity, is_long, picture};

/// A file system of its own, in memory.
struct FileSystem {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl FileSystem {
    /// With so much room, and a little for its own ends; none where this user may not mount.
    fn new(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={}", bytes + 16 * PAGE),
            "tmpfs",
        ]);
        let done = mount
            .arg(&path)
            .output()
            .is_ok_and(|it| it.status.success());
        if !done {
            println!("skipped: only who may mount a tmpfs can run this test");
            return None;
        }
        Some(FileSystem {
            path,
            _folder: folder,
        })
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.path).status();
    }
}

/// A database and a way to change it.
struct Case {
    folder: tempfile::TempDir,
    arguments: Vec<&'static str>,
    size: u64,
}

struct Need {
    beside: u64,
    temporary: u64,
}

const PAGE: u64 = 4096;

impl Case {
    fn new(mode: &str, arguments: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let connection = Connection::open(&path).unwrap();
        let fixture = include_str!("../fixtures/app-migrated.sql");
        let rows = "INSERT INTO webhook_logs (alert_rule_id, event_id, url, created_at) SELECT alert_rule_id, event_id, url || '/' || n, n FROM webhook_logs, (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20) SELECT n FROM n)";
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys = OFF; {fixture}; {rows}; PRAGMA journal_mode = {mode}"
            ))
            .unwrap();
        drop(connection);
        let size = fs::metadata(&path).unwrap().len();
        Case {
            folder,
            arguments: arguments.to_vec(),
            size,
        }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn command(&self, database: &Path, temporary: &Path) -> Command {
        let mut command = binary();
        command.args(&self.arguments).arg("-d").arg(database);
        command
            .env("TMPDIR", temporary)
            .env("SQLITE_TMPDIR", temporary);
        command
    }

    /// What the dry run says.
    fn need(&self) -> Need {
        let mut command = self.command(&self.database(), self.folder.path());
        let output = command
            .args(["--dry-run", "--format", "json"])
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let figure = |name: &str| report["space"][name].as_u64().unwrap();
        Need {
            beside: figure("needed"),
            temporary: figure("needed_in_temporary_folder"),
        }
    }

    /// Runs where so much is free beside the database, and in the temporary folder.
    fn run(&self, beside: u64, temporary: u64, more: &[&str]) -> Option<Output> {
        let disk = FileSystem::new(round_up(self.size) + round_up(beside))?;
        let scratch = FileSystem::new(round_up(temporary.max(1)))?;
        let database = disk.path.join("app.db");
        fs::copy(self.database(), &database).unwrap();
        let mut command = self.command(&database, &scratch.path);
        let output = command.args(more).output().unwrap();
        assert_eq!(integrity(&database), "ok");
        if !output.status.success() {
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert_eq!(picture(&database), picture(&self.database()));
        }
        Some(output)
    }

    /// The least room with which it succeeds, found by halving.
    fn least(most: u64, run: impl Fn(u64) -> bool) -> u64 {
        let (mut low, mut high) = (0, most);
        while high - low > most / 64 + PAGE {
            let middle = u64::midpoint(low, high);
            if run(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}

fn round_up(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE) * PAGE
}

const AMPLE: u64 = 64 << 20;

#[test]
fn the_estimate_is_enough_and_not_far_too_much() {
    let ways: &[&[&str]] = &[&["up"], &["up", "--documented"]];
    for mode in ["DELETE", "WAL"] {
        for way in ways {
            let case = Case::new(mode, way);
            let need = case.need();
            let name = format!("{mode}, {}", way.join(" "));
            let Some(output) = case.run(need.beside, need.temporary, &[]) else {
                return;
            };
            assert!(
                output.status.success(),
                "{name}: {} and {} are too low: {output:?}",
                need.beside,
                need.temporary
            );
            let forced = |beside, temporary| {
                let output = case.run(beside, temporary, &["--no-space-check"]);
                output.is_some_and(|it| it.status.success())
            };
            let beside = Case::least(need.beside, |room| forced(room, AMPLE));
            let temporary = Case::least(need.temporary, |room| forced(AMPLE, room));
            println!(
                "space, {name}: database {}, beside it {} estimated, {beside} used; temporary {} estimated, {temporary} used",
                case.size, need.beside, need.temporary
            );
            // The log of a WAL is enough to commit, and the file grows after that.
            // Rows that leave in place are taken to lie each in a page of its own.
            let most = match mode {
                _ if !way.contains(&"--documented") => 16,
                "WAL" => 5,
                _ => 2,
            };
            assert!(need.beside <= most * beside + (1 << 20), "{name}: too high");
            if !is_long() {
                break;
            }
        }
    }
}

#[test]
fn without_room_it_is_refused_with_both_figures_before_anything_is_written() {
    let case = Case::new("DELETE", &["up", "--documented"]);
    let need = case.need();
    let half = need.beside / 2;
    let Some(output) = case.run(half, AMPLE, &[]) else {
        return;
    };
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.starts_with("error: could not apply V1__webhook_logs_foreign_keys: not enough room on the disk of the database: about "), "{told}");
    assert!(
        told.contains(" are needed and ") && told.contains(" are free\nhint: "),
        "{told}"
    );
    let output = case.run(half, AMPLE, &["--dry-run"]).unwrap();
    assert_eq!(output.status.code(), Some(2), "the dry run exits otherwise");
    // Who insists is stopped by the disk, and loses nothing: see `run`.
    let output = case.run(half, AMPLE, &["--no-space-check"]).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("database or disk is full"), "{told}");
    let output = case.run(AMPLE, need.temporary / 4, &[]).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("not enough room in the temporary folder: about "),
        "{told}"
    );
}
