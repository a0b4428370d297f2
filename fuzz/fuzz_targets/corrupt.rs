//! A damaged database: bytes of a sound one are overwritten, then `up` runs on it.
//!
//! It ends in success or in an error, never in a panic or without end, and after an error the
//! file is as it was, to the byte.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use fkfix::location::Location;
use fkfix::migrations::Migrations;
use fkfix::policy::{Method, OrphanAction, Policy};
use fkfix::sqlite::apply::up::{self, Order};
use fkfix::sqlite::file::{connection, paths};
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;

struct Bench {
    _folder: tempfile::TempDir,
    path: PathBuf,
    sound: Vec<u8>,
    migrations: Migrations,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    // Memory where there is some: the disk is not what is tested.
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a folder");
    let path = folder.path().join("app.db");
    let connection = Connection::open(&path).expect("a database");
    connection
        .execute_batch(&format!(
            "PRAGMA page_size = 512; PRAGMA foreign_keys = OFF; {}",
            include_str!("../seeds/corrupt.sql")
        ))
        .expect("a sound database");
    drop(connection);
    let sound = fs::read(&path).expect("a sound database");
    Bench {
        _folder: folder,
        path,
        sound,
        migrations: Migrations::embedded(),
    }
});

// Each 5 bytes: where (as a share of the file, so that small inputs reach all of it) and what.
fuzz_target!(|damage: &[u8]| {
    let mut bytes = BENCH.sound.clone();
    for hit in damage.chunks_exact(5) {
        let [a, b, c, kind, value] = *hit else {
            continue;
        };
        let place = u32::from_le_bytes([a, b, c, 0]) as usize % bytes.len();
        bytes[place] = match kind % 3 {
            0 => value,
            1 => bytes[place] ^ (1 << (value % 8)),
            _ => bytes[place].wrapping_add(value),
        };
    }
    if damage.len() % 5 == 4 {
        bytes.truncate(damage[0] as usize * bytes.len() / 255);
    }
    fs::write(&BENCH.path, &bytes).expect("a damaged database");
    let result = up();
    let after = fs::read(&BENCH.path).expect("a database");
    if result.is_err() {
        assert!(after == bytes, "changed after {:#}", result.unwrap_err());
    }
    for left in ["-journal", "-wal", "-shm"] {
        let _ = fs::remove_file(paths::beside(&BENCH.path, left));
    }
});

fn up() -> Result<(), Box<dyn std::error::Error>> {
    let location = Location::from(BENCH.path.as_path());
    let policy = Policy {
        orphans: OrphanAction::Archive,
        max_orphans: None,
        method: Method::Fastest,
    };
    let order = Order {
        migrations: &BENCH.migrations,
        to: None,
        allow_missing: false,
        policy: &policy,
        check_space: true,
    };
    let mut database = connection::open(&location, Duration::ZERO)?;
    // The disk is not what is tested, nor are threads.
    database.execute_batch("PRAGMA synchronous = OFF; PRAGMA threads = 0")?;
    let transaction = connection::begin(&mut database, &location)?;
    up::up(&transaction, order)?;
    connection::commit(transaction, &location)?;
    Ok(())
}
