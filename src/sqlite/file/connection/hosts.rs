//! Files that another program keeps in step with a copy elsewhere, and that are not fkfix's to write.

use std::path::Path;

use crate::failure::Failure;
use crate::location::Location;
use crate::sqlite::file::paths::beside;

/// More than libSQL writes about a replica.
const LONGEST_INFO: u64 = 64 * 1024;

/// Fails where `file` is a replica: what is written to it is lost, or tears it from its primary.
pub fn refuse_replica(location: &Location, file: &Path) -> Result<(), Failure> {
    // LiteFS shows it in the mounted folder, where the node is not the primary
    // (<https://fly.io/docs/litefs/primary/>).
    let primary = file.with_file_name(".primary");
    if let Ok(name) = std::fs::read_to_string(&primary) {
        return Err(Failure::impossible(format!(
            "{location} is a replica of LiteFS, and {} is the primary",
            name.trim()
        ))
        .hint("run it on the primary, or from here: litefs run -promote -- fkfix up; see docs/hosted.md"));
    }
    if is_replica_of_libsql(file) {
        return Err(Failure::impossible(format!(
            "{location} is an embedded replica of libSQL: what is written here does not reach its primary, and the next sync may fail"
        ))
        .hint("run a script on the primary: fkfix up --dry-run --format sql --for libsql; see docs/hosted.md"));
    }
    Ok(())
}

/// libSQL keeps beside a replica how far it is in step: `-client_wal_index`, later `-info`.
fn is_replica_of_libsql(file: &Path) -> bool {
    if beside(file, "-client_wal_index").exists() {
        return true;
    }
    let info = beside(file, "-info");
    let is_short = info
        .metadata()
        .is_ok_and(|it| it.is_file() && it.len() < LONGEST_INFO);
    let text = if is_short {
        std::fs::read_to_string(info).unwrap_or_default()
    } else {
        String::new()
    };
    text.contains("durable_frame_num")
}
