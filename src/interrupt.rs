//! Ctrl-C and SIGTERM: the statement that runs is stopped, and its transaction rolls back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use rusqlite::{Connection, InterruptHandle};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// What each thread works with.
static RUNNING: Mutex<Vec<(ThreadId, InterruptHandle)>> = Mutex::new(Vec::new());

/// Catches the signals from here on. Where the system does not allow it, they end the process,
/// and SQLite rolls back when the database is next opened.
pub fn install() {
    let caught = ctrlc::set_handler(|| {
        REQUESTED.store(true, Ordering::SeqCst);
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, connection) in running.iter() {
            connection.interrupt();
        }
    });
    if let Err(error) = caught {
        tracing::debug!(%error, "signals are not caught");
    }
}

/// Makes `connection` the one of this thread that a signal stops.
pub fn watch(connection: &Connection) {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let this = thread::current().id();
    running.retain(|(thread, _)| *thread != this);
    running.push((this, connection.get_interrupt_handle()));
}

/// Whether a signal has come.
#[must_use]
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
