//! The programs of an installed PostgreSQL, and whom they run as.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of `initdb` and `postgres`: the one that `FKFIX_POSTGRES_BIN` names, where `pg_config`
/// says, on the PATH, or the newest of Debian's. Links are followed: `initdb` looks for `postgres`
/// beside itself.
pub fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("FKFIX_POSTGRES_BIN") {
        let folder = fs::canonicalize(named).expect("FKFIX_POSTGRES_BIN names no folder");
        assert!(
            folder.join("initdb").exists(),
            "no initdb in {}",
            folder.display()
        );
        return Some(folder);
    }
    let by_config = Command::new("pg_config").arg("--bindir").output().ok();
    let by_config = by_config
        .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter_map(|folder| {
        let program = fs::canonicalize(folder.join("initdb")).ok()?;
        program.parent().map(Path::to_owned)
    });
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut debian: Vec<PathBuf> = versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    debian.sort();
    by_config
        .into_iter()
        .chain(on_path)
        .chain(debian.into_iter().rev())
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// Whether the server was built with TLS, as far as it says.
pub fn encrypts(folder: &Path) -> bool {
    let told = Command::new(folder.join("pg_config"))
        .arg("--configure")
        .output();
    told.map_or(true, |told| {
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        told.contains("--with-ssl")
            || told.contains("--with-openssl")
            || told.contains("-Dssl=openssl")
    })
}

/// Whom a server runs as where the tests run as root, which it refuses.
#[derive(Clone, Copy)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

/// None where the tests do not run as root; else `postgres`, or `nobody`.
pub fn user() -> Option<User> {
    let probe = tempfile::NamedTempFile::new().unwrap();
    if probe.as_file().metadata().unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let fields: Vec<&str> = line.split(':').collect();
        Some(User {
            uid: fields[2].parse().ok()?,
            gid: fields[3].parse().ok()?,
        })
    };
    Some(find("postgres").or_else(|| find("nobody")).unwrap())
}
