//! The files of the next migration.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::draft::Scripts;
use anyhow::{Context as _, Result};
use time::OffsetDateTime;

use super::read_folder;
use crate::failure::Failure;
use crate::words;

/// Which number a new migration gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// The one after the highest.
    Next,
    /// The time, in UTC, to the second: `20261127130000`. Two branches then rarely take the same.
    TimeStamp,
}

impl Numbering {
    /// The number of a migration beside those of the numbers `there`, from the lowest.
    fn number(self, there: &[i64]) -> Result<i64> {
        let newest = there.last().copied().unwrap_or_default();
        let wanted = match self {
            Numbering::Next => newest.checked_add(1),
            Numbering::TimeStamp => {
                let now = OffsetDateTime::now_utc();
                let date = now.year() * 10_000 + i32::from(u8::from(now.month())) * 100;
                let date = i64::from(date) + i64::from(now.day());
                let time = [now.hour(), now.minute(), now.second()];
                let stamp = time
                    .iter()
                    .fold(date, |stamp, it| stamp * 100 + i64::from(*it));
                (stamp..i64::MAX).find(|number| !there.contains(number))
            }
        };
        wanted.ok_or_else(|| {
            Failure::impossible(format!("there is no number after {newest}"))
                .hint("give the newest migration a lower number")
                .into()
        })
    }
}

/// Writes the next pair of files into `folder`, which is made where it is missing: a number by
/// `numbering`, `name` in snake case. Gives their paths, the way up first.
///
/// Nothing is overwritten, and there is a pair or nothing.
pub fn write_next(
    folder: &Path,
    name: &str,
    numbering: Numbering,
    scripts: &Scripts,
) -> Result<[PathBuf; 2]> {
    let name = snake_case(name)?;
    fs::create_dir_all(folder)
        .with_context(|| format!("could not make the folder {}", folder.display()))?;
    let there = read_folder(folder)?;
    let there: Vec<_> = there.iter().map(|it| it.up.version()).collect();
    let next = numbering.number(&there)?;
    let stem = format!("V{next}__{name}");
    let paths = [format!("{stem}.sql"), format!("{stem}.down.sql")].map(|it| folder.join(it));
    let [up_file, down_file] = &paths;
    write_new(up_file, &scripts.up)?;
    if let Err(error) = write_new(down_file, &scripts.down) {
        // It is ours, made a moment ago; half a pair would be a migration without a way back.
        let _ = fs::remove_file(up_file);
        return Err(error);
    }
    Ok(paths)
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("could not write {}", path.display());
    let mut file = File::create_new(path).with_context(doing)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written.with_context(doing)
}

/// `name` as it stands in the name of a file: `Add order keys` is `add_order_keys`.
fn snake_case(name: &str) -> Result<String> {
    let is_fit = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | ' ');
    let words = words::split(name);
    if words.is_empty() || !name.chars().all(is_fit) {
        return Err(Failure::impossible(format!("{name:?} can't be the name of a migration"))
            .hint("use the letters a to z, digits and _, such as add_order_keys; fkfix adds the number and .sql")
            .into());
    }
    Ok(words.join("_"))
}
