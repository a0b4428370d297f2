//! The text of a file, whatever editor, shell or checkout wrote it.

use std::fs;
use std::hash::{Hash, Hasher as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use siphasher::sip::SipHasher13;

use crate::failure::Failure;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads the file at `path` as text, without the byte order mark. What is no file is refused
/// before it is opened: to open a named pipe waits for a writer, perhaps for ever.
pub fn read(path: &Path) -> Result<String> {
    let doing = || format!("could not read {}", path.display());
    let kind = fs::metadata(path).with_context(doing)?.file_type();
    if !kind.is_file() {
        let kind = if kind.is_dir() {
            "a folder"
        } else {
            "a named pipe, a socket or a device"
        };
        return Err(
            Failure::impossible(format!("{} is {kind}, not a file", path.display()))
                .hint(
                    "move it out of the folder of migrations, or give it another ending than .sql",
                )
                .into(),
        );
    }
    let bytes = fs::read(path).with_context(doing)?;
    decode(&bytes).ok_or_else(|| {
        Failure::impossible(format!("{} is not a text in UTF-8", path.display()))
            .hint("save it in UTF-8, as an editor's \"Save with encoding\" or iconv -t UTF-8 does")
            .into()
    })
}

/// UTF-8, or UTF-16 where a byte order mark says so: `>` of Windows `PowerShell` writes that
/// (<https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_character_encoding>).
///
/// A NUL is none of a script: SQLite would stop reading there.
fn decode(bytes: &[u8]) -> Option<String> {
    let utf_16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let units: Vec<_> = pairs.iter().copied().map(unit).collect();
        odd.is_empty().then(|| String::from_utf16(&units).ok())?
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes)?,
        _ => String::from_utf8(bytes.to_vec()).ok()?,
    };
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    (!text.contains('\0')).then(|| text.to_owned())
}

/// `text` with every line ended by LF alone, so that a checkout with CRLF has the same checksum.
pub fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// The checksums that a history may hold of a migration that was applied when they were over
/// the text as it lay on the disk, and over a version of 32 bits.
pub fn former_checksums(name: &str, version: i64, text: &str) -> Vec<u64> {
    let Ok(version) = i32::try_from(version) else {
        return Vec::new();
    };
    let lf = with_lf(text);
    let crlf = lf.replace('\n', "\r\n");
    let mut checksums = Vec::new();
    for text in [text, &lf, &crlf] {
        for mark in ["", "\u{feff}"] {
            // As refinery does it.
            let mut hasher = SipHasher13::new();
            name.hash(&mut hasher);
            version.hash(&mut hasher);
            format!("{mark}{text}").hash(&mut hasher);
            checksums.push(hasher.finish());
        }
    }
    checksums
}
