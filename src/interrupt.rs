//! Ctrl-C and SIGTERM: the statement that runs is stopped, and its transaction rolls back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, InterruptHandle};

static REQUESTED: AtomicBool = AtomicBool::new(false);
static RUNNING: Mutex<Option<InterruptHandle>> = Mutex::new(None);

/// Catches the signals from here on. Where the system does not allow it, they end the process,
/// and SQLite rolls back when the database is next opened.
pub fn install() {
    let caught = ctrlc::set_handler(|| {
        REQUESTED.store(true, Ordering::SeqCst);
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref() {
            running.interrupt();
        }
    });
    if let Err(error) = caught {
        tracing::debug!(%error, "signals are not caught");
    }
}

/// Makes `connection` the one that a signal stops.
pub fn watch(connection: &Connection) {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    *running = Some(connection.get_interrupt_handle());
}

/// Whether a signal has come.
#[must_use]
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
