//! What a verb that only reads is asked for.

use std::path::Path;

/// How sure a key must be to be proposed, in percent. Chosen by measurement, see
/// `docs/discover.md`.
pub const DEFAULT_CONFIDENCE: u8 = 70;

/// Which row is asked for, as it was typed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The table.
    pub table: &'a str,
    /// The values of its primary key.
    pub key: &'a [String],
    /// `key` is the rowid.
    pub by_rowid: bool,
    /// How many rows of each child to give.
    pub limit: usize,
}

/// What a picture is to show beside the keys that are declared or pending, and of all that what.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The tables of fkfix.
    pub own_tables: bool,
    /// Keys that were meant and never declared.
    pub discovered: bool,
    /// This table, and those at most so many keys away; otherwise all.
    pub around: Option<(&'a str, usize)>,
    /// Keys that rows break alone, with how many do.
    pub only_orphans: bool,
}

/// Which keys are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// How sure at the least, in percent.
    pub min_confidence: u8,
    /// The folder whose migrations may ask for some already.
    pub folder: Option<&'a Path>,
    /// Whether the scripts that add them are wanted.
    pub with_scripts: bool,
    /// Whether these also make an index for each key that has none.
    pub with_indexes: bool,
}
