//! One bar over many databases.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{BAR, OVER_MANY, SHOW_AFTER};

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
