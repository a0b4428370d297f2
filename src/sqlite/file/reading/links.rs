//! A file with several names: SQLite looks for a journal or a log beside the one by which it was
//! opened (<https://www.sqlite.org/howtocorrupt.html>, 2.5), and a crash may have left it beside
//! another.

use std::io;
use std::path::{Path, PathBuf};

use super::look::leaves_changes;
use super::refusals;
use crate::failure::Failure;
use crate::location::Location;

/// Where the other names of a file may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherNames {
    /// Nothing that belongs to the file lies beside one: there is none, or all are known.
    Harmless,
    /// In folders that nobody knows of.
    Unknown,
}

/// Fails where the changes of a write that was cut off, or that has yet to reach the file, lie beside
/// another name in the same folder.
pub fn other_names(location: &Location, file: &Path) -> Result<OtherNames, Failure> {
    match names(file) {
        Ok((names, number)) => {
            let others = names.iter().filter(|name| *name != file);
            for other in others {
                if let Some(changes) = leaves_changes(other) {
                    return Err(refusals::another_name(location, other, &changes));
                }
            }
            Ok(if names.len() as u64 >= number {
                OtherNames::Harmless
            } else {
                OtherNames::Unknown
            })
        }
        Err(_) => Ok(OtherNames::Unknown),
    }
}

/// Fails where a write could be overwritten by what lies beside a name that nobody knows.
pub fn refuse_to_write(location: &Location, file: &Path) -> Result<(), Failure> {
    match other_names(location, file)? {
        OtherNames::Harmless => Ok(()),
        OtherNames::Unknown => Err(refusals::unknown_names(location, file)),
    }
}

/// The names of `file` in its folder, and how many it has in all. It is not opened: closing it would
/// take SQLite's locks off.
#[cfg(unix)]
fn names(file: &Path) -> io::Result<(Vec<PathBuf>, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let it = file.metadata()?;
    if it.nlink() <= 1 {
        return Ok((Vec::new(), 0));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let other = entry.metadata()?;
        if other.is_file() && (other.dev(), other.ino()) == (it.dev(), it.ino()) {
            names.push(folder.join(entry.file_name()));
        }
    }
    Ok((names, it.nlink()))
}

#[cfg(not(unix))]
fn names(_: &Path) -> io::Result<(Vec<PathBuf>, u64)> {
    Ok((Vec::new(), 0))
}
