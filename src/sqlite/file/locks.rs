//! Who holds the lock that was waited for.
//!
//! Linux lists all locks in `/proc/locks`. To ask by `fcntl` would take opening the file, and
//! closing it again lets go of the locks that SQLite has on it in this process
//! (<https://www.sqlite.org/howtocorrupt.html>, 2.2).

use std::cell::RefCell;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::sqlite::file::paths::beside;

/// PENDING, RESERVED and SHARED (`PENDING_BYTE` and what follows in SQLite's `os.h`).
const DATABASE: RangeInclusive<u64> = 0x4000_0000..=0x4000_01FF;
/// The locks of writers, of recovery and of readers on the index of a log
/// (<https://www.sqlite.org/walformat.html#locks>).
const INDEX: RangeInclusive<u64> = 120..=127;

thread_local! {
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers who holds a lock on the database `file`, for the error that may follow.
pub fn note_holders(file: &Path) {
    SEEN.replace(holders(file));
}

/// Those that [`note_holders`] has seen: `4711 (sqlite3)`.
#[must_use]
pub fn seen() -> Option<String> {
    SEEN.with_borrow(Clone::clone)
}

/// The other processes whose locks keep this one out of the database `file`, where it can be told.
#[must_use]
pub fn holders(file: &Path) -> Option<String> {
    let locks = all_locks(list_of_locks)?;
    let index = beside(file, "-shm");
    // A connection in WAL mode holds a lock to read all the time, which is in nobody's way.
    let kept_out = [
        holding(&locks, &index, &INDEX, true),
        holding(&locks, file, &DATABASE, true),
    ];
    let mut found = kept_out.concat();
    if found.is_empty() && !index.exists() {
        found = holding(&locks, file, &DATABASE, false);
    }
    if found.is_empty() {
        return None;
    }
    Some(found.join(", "))
}

/// The other processes that have the database `file` open, and hold any lock on it.
#[must_use]
pub fn users(file: &Path) -> Option<String> {
    let locks = all_locks(list_of_locks)?;
    let users = holding(&locks, file, &DATABASE, false);
    (!users.is_empty()).then(|| users.join(", "))
}

/// All locks of the machine. The kernel gives a page of them at a time, and one that is there all
/// along can be missed where others come and go between two pages: so it is asked again, and more
/// often for a longer list.
fn all_locks(mut list: impl FnMut() -> std::io::Result<(String, usize)>) -> Option<String> {
    let (mut locks, pages) = list().ok()?;
    let times = if pages > 1 { 8 } else { 1 };
    for _ in 0..times {
        locks.push_str(&list().ok()?.0);
    }
    Some(locks)
}

/// The list, and the number of pages in which it came. Each call asks for a whole page: of a
/// shorter one the kernel fills no more than what was asked for (`seq_read_iter`), and
/// `std::fs::read_to_string` begins with 32 bytes.
fn list_of_locks() -> std::io::Result<(String, usize)> {
    const PAGE: usize = 4096;
    let mut file = std::fs::File::open("/proc/locks")?;
    let (mut bytes, mut pages) = (Vec::new(), 0);
    let mut page = vec![0; 16 * PAGE];
    loop {
        let read = file.read(&mut page)?;
        if read == 0 {
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), pages));
        }
        bytes.extend(page.iter().take(read));
        pages += 1;
    }
}

/// The processes, each once, that hold a lock on `bytes` of `file`; on `write` alone, if asked for.
fn holding(locks: &str, file: &Path, bytes: &RangeInclusive<u64>, write: bool) -> Vec<String> {
    let mut found = Vec::new();
    for line in locks.lines() {
        let Some(lock) = Lock::read(line) else {
            continue;
        };
        let overlaps = lock.first <= *bytes.end() && lock.last >= *bytes.start();
        if overlaps && (lock.write || !write) && lock.is_of_another() && lock.is_on(file) {
            let name = lock.process();
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// A line such as `1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 1073741824 1073742335`
/// (`proc_locks(5)`). A line with `->` waits for a lock.
struct Lock<'a> {
    write: bool,
    process: u32,
    inode: &'a str,
    first: u64,
    last: u64,
}

impl<'a> Lock<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        let kind = words.next()?;
        let _advisory = words.next()?;
        let (mode, process, inode) = (words.next()?, words.next()?, words.next()?);
        let (first, last) = (words.next()?, words.next()?);
        (kind == "POSIX").then_some(Lock {
            write: mode == "WRITE",
            process: process.parse().ok()?,
            inode,
            first: first.parse().ok()?,
            last: last.parse().unwrap_or(u64::MAX),
        })
    }

    fn is_of_another(&self) -> bool {
        self.process != std::process::id()
    }

    /// By device and inode; or where the file system shows others here than it tells of the
    /// file, as overlays do, by what the process has open.
    fn is_on(&self, file: &Path) -> bool {
        if inode_of(file).is_some_and(|inode| inode == self.inode) {
            return true;
        }
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.process));
        let mut open = open.into_iter().flatten().flatten();
        open.any(|it| std::fs::read_link(it.path()).is_ok_and(|path| path == file))
    }

    fn process(&self) -> String {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", self.process));
        let name = name.unwrap_or_default();
        match name.trim() {
            "" => self.process.to_string(),
            name => format!("{} ({name})", self.process),
        }
    }
}

/// Device and inode as `/proc/locks` writes them.
#[cfg(unix)]
fn inode_of(file: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let it = file.metadata().ok()?;
    // As the C library of Linux takes a device's number apart.
    let major = ((it.dev() >> 8) & 0xFFF) | ((it.dev() >> 32) & !0xFFF);
    let minor = (it.dev() & 0xFF) | ((it.dev() >> 12) & !0xFF);
    Some(format!("{major:02x}:{minor:02x}:{}", it.ino()))
}

#[cfg(not(unix))]
fn inode_of(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_lock_that_stays_is_seen_while_others_come_and_go() {
        use std::sync::atomic::{AtomicBool, Ordering};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held.db");
        let held = rusqlite::Connection::open(&path).unwrap();
        held.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let inode = inode_of(&path).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for name in ["a.db", "b.db"] {
                let other = rusqlite::Connection::open(folder.path().join(name)).unwrap();
                let stop = &stop;
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        other.execute_batch("BEGIN EXCLUSIVE; ROLLBACK").unwrap();
                    }
                });
            }
            let missed = (0..3000).filter(|_| !all_locks(list_of_locks).unwrap().contains(&inode));
            let missed = missed.count();
            stop.store(true, Ordering::Relaxed);
            assert_eq!(missed, 0, "of 3000");
        });
    }

    #[test]
    fn a_lock_that_one_list_misses_is_seen_in_the_next() {
        let held = "1: POSIX  ADVISORY  WRITE 1 fe:00:1 1073741824 1073742335\n";
        for (pages, missed) in [(1, 1), (2, 8)] {
            let mut asked = 0;
            let locks = all_locks(|| {
                asked += 1;
                let list = if asked > missed { held } else { "" };
                Ok((list.to_owned(), pages))
            });
            assert_eq!(locks.unwrap(), held, "{pages} pages");
        }
        assert!(all_locks(|| Err(std::io::ErrorKind::NotFound.into())).is_none());
    }

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let lock =
            Lock::read("1: POSIX  ADVISORY  WRITE 4724 fe:00:10141699 1073741824 1073742335");
        let lock = lock.unwrap();
        assert!(lock.write && lock.process == 4724 && lock.inode == "fe:00:10141699");
        assert_eq!((lock.first, lock.last), (0x4000_0000, 0x4000_01FF));
        for other in [
            "",
            "1: FLOCK  ADVISORY  WRITE 5 fe:00:1 0 EOF",
            "1: -> POSIX ADVISORY WRITE 5 fe:00:1 0 EOF",
        ] {
            assert!(Lock::read(other).is_none(), "{other}");
        }
    }
}
