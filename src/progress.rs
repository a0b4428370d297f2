//! How far a long run is: a bar on a terminal, lines in the log with `-v`, nothing otherwise.
//!
//! One for the process, as the log is: the work is done by SQLite, which reports through a
//! handler that belongs to the connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text::printable;

/// How often SQLite reports, in instructions of its virtual machine
/// (<https://www.sqlite.org/c3ref/progress_handler.html>).
pub const INSTRUCTIONS_PER_TICK: i32 = 10_000;

/// A run that is over sooner shows no bar.
const SHOW_AFTER: Duration = Duration::from_secs(1);

static BAR: OnceLock<Bar> = OnceLock::new();

/// Several databases have a bar of their own.
static OVER_MANY: AtomicBool = AtomicBool::new(false);

struct Bar {
    shown: ProgressBar,
    /// All work that was announced.
    announced: AtomicU64,
    since: Instant,
    /// Work of the steps that are done.
    done: AtomicU64,
    /// Work that the step at hand is expected to be.
    at_hand: AtomicU64,
    /// Work that it has been so far.
    so_far: AtomicU64,
    title: Mutex<String>,
}

/// Shows a bar from here on; the caller knows that stderr is a terminal.
pub fn show() {
    let style =
        ProgressStyle::with_template("{spinner} {bar:24} {percent:>3}%  {eta:>4} left  {wide_msg}");
    let bar = ProgressBar::hidden();
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let _ = BAR.set(Bar {
        shown: bar,
        announced: AtomicU64::new(0),
        since: Instant::now(),
        done: AtomicU64::new(0),
        at_hand: AtomicU64::new(0),
        so_far: AtomicU64::new(0),
        title: Mutex::new(String::new()),
    });
}

/// Announces `work` instructions more.
pub fn expect(work: u64) {
    if let Some(bar) = BAR.get() {
        let before = bar.announced.fetch_add(work, Ordering::Relaxed);
        bar.shown.set_length(before + work);
    }
}

/// Says what is done next, and that it is expected to take `work` instructions.
pub fn step(title: &str, work: u64) {
    tracing::info!("{title}");
    if let Some(bar) = BAR.get() {
        bar.done
            .fetch_add(bar.at_hand.swap(work, Ordering::Relaxed), Ordering::Relaxed);
        bar.so_far.store(0, Ordering::Relaxed);
        title.clone_into(&mut bar.title.lock().unwrap_or_else(PoisonError::into_inner));
        bar.draw();
    }
}

/// SQLite has worked for [`INSTRUCTIONS_PER_TICK`].
pub fn tick() {
    if let Some(bar) = BAR.get() {
        let more = u64::from(INSTRUCTIONS_PER_TICK.unsigned_abs());
        bar.so_far.fetch_add(more, Ordering::Relaxed);
        bar.draw();
    }
}

/// Takes the bar off the screen, before a result or an error is written.
pub fn clear() {
    if let Some(bar) = BAR.get() {
        bar.shown.finish_and_clear();
    }
}

/// A bar that counts databases, in the place of one for each.
pub struct OverMany {
    shown: ProgressBar,
    since: Instant,
    is_wanted: bool,
}

/// Counts `databases`, where the bar of a single one would be shown.
#[must_use]
pub fn over_many(databases: usize) -> OverMany {
    OVER_MANY.store(true, Ordering::Relaxed);
    let shown = ProgressBar::hidden();
    let style = ProgressStyle::with_template("{spinner} {bar:24} {pos} of {len} databases");
    shown.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    shown.set_length(databases as u64);
    OverMany {
        shown,
        since: Instant::now(),
        is_wanted: BAR.get().is_some(),
    }
}

impl OverMany {
    /// One more is done.
    pub fn one_done(&self) {
        self.shown.inc(1);
        if self.is_wanted && self.shown.is_hidden() && self.since.elapsed() >= SHOW_AFTER {
            self.shown.set_draw_target(ProgressDrawTarget::stderr());
            self.shown.enable_steady_tick(Duration::from_millis(100));
        }
    }

    /// Does what `write` does beside the bar.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.shown.suspend(write)
    }

    /// Takes it off the screen.
    pub fn clear(&self) {
        self.shown.finish_and_clear();
    }
}

impl Bar {
    fn draw(&self) {
        if OVER_MANY.load(Ordering::Relaxed) {
            return;
        }
        if self.shown.is_finished() || self.since.elapsed() < SHOW_AFTER {
            return;
        }
        if self.shown.is_hidden() {
            self.shown.set_draw_target(ProgressDrawTarget::stderr());
            self.shown.enable_steady_tick(Duration::from_millis(100));
        }
        let title = self.title.lock().unwrap_or_else(PoisonError::into_inner);
        self.shown.set_message(printable(&title).into_owned());
        let at_hand = self.at_hand.load(Ordering::Relaxed);
        let so_far = self.so_far.load(Ordering::Relaxed).min(at_hand);
        self.shown
            .set_position(self.done.load(Ordering::Relaxed) + so_far);
    }
}
