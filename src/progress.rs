//! How far a long run is: a bar on a terminal, lines in the log with `-v`, nothing otherwise.
//!
//! One for the process, as the log is: the work is done by SQLite, which reports through a
//! handler that belongs to the connection.
//!
//! While rows are searched nobody knows how many steps will follow, so only the time is shown. A
//! plan has steps, and each has its weight: how long it takes beside the others. SQLite counts
//! instructions, which tell how far a step is, but not how long the next one will take.

mod many;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::text::{cut, printable};

pub use many::{OverMany, over_many};

/// How often SQLite reports, in instructions of its virtual machine
/// (<https://www.sqlite.org/c3ref/progress_handler.html>).
pub const INSTRUCTIONS_PER_TICK: i32 = 10_000;

/// A run that is over sooner shows no bar.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// Of less than this part of the work nothing is said: the first seconds tell too little.
const TELLING: f64 = 0.05;

/// The widest that a title is shown, in columns.
const WIDEST: usize = 200;

static BAR: OnceLock<Bar> = OnceLock::new();

/// Several databases have a bar of their own.
static OVER_MANY: AtomicBool = AtomicBool::new(false);

/// What a step takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// About how many instructions of SQLite's virtual machine; 0 where they don't tell how far it
    /// is.
    pub instructions: u64,
    /// How long it takes beside the other steps, in hundredths of the time in which a row is copied.
    pub weight: u64,
}

impl Work {
    /// What `rows` rows take, from what one takes.
    #[must_use]
    pub fn over(rows: i64, instructions: usize, weight: usize) -> Self {
        let times = |each: usize| {
            let each = u64::try_from(each).unwrap_or(u64::MAX);
            u64::try_from(rows).unwrap_or(0).saturating_mul(each)
        };
        Work {
            instructions: times(instructions),
            weight: times(weight),
        }
    }
}

fn bar() -> Option<&'static Bar> {
    BAR.get().filter(|_| !OVER_MANY.load(Ordering::Relaxed))
}

struct Bar {
    shown: ProgressBar,
    since: Instant,
    course: Mutex<Course>,
}

/// Where a run is.
#[derive(Debug, Default)]
struct Course {
    /// What is done now.
    title: String,
    /// Which of several migrations this is.
    stage: String,
    plan: Option<Plan>,
}

/// Where a plan is.
#[derive(Debug)]
struct Plan {
    since: Instant,
    /// How long it will take, as far as that was found out before.
    foretold: Option<Duration>,
    /// The weight of all its steps.
    total: u64,
    /// That of those which are done.
    done: u64,
    /// The step at hand.
    at_hand: Work,
    /// The instructions that it has taken.
    so_far: u64,
}

/// Shows a bar from here on; the caller knows that stderr is a terminal.
pub fn show() {
    let _ = BAR.set(Bar {
        shown: ProgressBar::hidden(),
        since: Instant::now(),
        course: Mutex::default(),
    });
}

/// Whether a bar is shown, or will be if it takes long.
#[must_use]
pub fn is_shown() -> bool {
    bar().is_some()
}

/// Says which of `of` migrations is at hand, the first being 1.
pub fn stage(name: &str, at: usize, of: usize) {
    if let Some(bar) = bar() {
        bar.change(|course| {
            course.plan = None;
            course.stage = match of {
                1 => String::new(),
                _ => format!("{name} ({at} of {of}): "),
            };
        });
    }
}

/// Begins a plan whose steps weigh `total`, and that takes `foretold`, as far as that is known.
pub fn begin(total: u64, foretold: Option<Duration>) {
    if let Some(bar) = bar() {
        bar.change(|course| {
            course.plan = (total > 0).then(|| Plan {
                since: Instant::now(),
                foretold,
                total,
                done: 0,
                at_hand: Work::default(),
                so_far: 0,
            });
        });
    }
}

/// Says what is done next, and what it is expected to take.
pub fn step(title: &str, work: Work) {
    tracing::info!("{title}");
    if let Some(bar) = bar() {
        bar.change(|course| {
            title.clone_into(&mut course.title);
            if let Some(plan) = &mut course.plan {
                plan.done += plan.at_hand.weight;
                plan.at_hand = work;
                plan.so_far = 0;
            }
        });
    }
}

/// SQLite has worked for [`INSTRUCTIONS_PER_TICK`].
pub fn tick() {
    if let Some(bar) = bar() {
        bar.change(|course| {
            if let Some(plan) = &mut course.plan {
                plan.so_far += u64::from(INSTRUCTIONS_PER_TICK.unsigned_abs());
            }
        });
    }
}

/// How long a lock is waited for in silence.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// Says on a terminal what is waited for, and in the log with `-v`.
pub fn waiting(what: &str) {
    tracing::info!("waiting for {what}");
    if let Some(bar) = BAR.get() {
        let line = format!("waiting for {}", printable(what));
        bar.shown.suspend(|| {
            // Who waits is not told otherwise, and it changes nothing.
            let _ = writeln!(io::stderr(), "{line}");
        });
    }
}

/// Takes the bar off the screen, before a result or an error is written.
pub fn clear() {
    if let Some(bar) = BAR.get() {
        bar.shown.finish_and_clear();
    }
}

impl Bar {
    fn change(&self, change: impl FnOnce(&mut Course)) {
        let mut course = self.course();
        change(&mut course);
        if self.shown.is_finished() || self.since.elapsed() < SHOW_AFTER {
            return;
        }
        let message = format!("{}{}", course.stage, course.title);
        let message = cut(&printable(&message), WIDEST);
        let position = course.plan.as_ref().map(Plan::share).map_or(0, permille);
        // What draws the bar looks at the course too.
        drop(course);
        if self.shown.is_hidden() {
            self.shown.set_style(style());
            self.shown.set_length(1000);
            self.shown.set_draw_target(ProgressDrawTarget::stderr());
            self.shown.enable_steady_tick(Duration::from_millis(100));
        }
        self.shown.set_message(message);
        self.shown.set_position(position);
    }

    fn course(&self) -> std::sync::MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {bar:20} {told:15} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("told", |_: &_, line: &mut dyn std::fmt::Write| {
            if let Some(bar) = BAR.get() {
                let _ = line.write_str(&bar.course().told(bar.since.elapsed(), Instant::now()));
            }
        })
}

impl Course {
    /// What is said beside the bar: how long it has taken, or where it is.
    fn told(&self, elapsed: Duration, now: Instant) -> String {
        let Some(plan) = self.plan.as_ref().filter(|it| it.share() >= TELLING) else {
            return short(elapsed);
        };
        let mut told = format!("{:>3}%", permille(plan.share()) / 10);
        if let Some(left) = plan.left(now) {
            let _ = write!(told, "  {} left", short(left));
        }
        told
    }
}

impl Plan {
    /// The part that is done, from 0 to 1.
    #[allow(clippy::cast_precision_loss)] // weights stay below 2^52
    fn share(&self) -> f64 {
        let Work {
            instructions,
            weight,
        } = self.at_hand;
        let of_step = match instructions {
            0 => 0.0,
            all => self.so_far.min(all) as f64 / all as f64,
        };
        (self.done as f64 + weight as f64 * of_step) / self.total as f64
    }

    /// How long the rest takes: at first as it was foretold, more and more as it went. None where
    /// that is over and it is still not done.
    fn left(&self, now: Instant) -> Option<Duration> {
        let share = self.share().clamp(TELLING, 1.0);
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        let measured = elapsed / share * (1.0 - share);
        let left = self.foretold.map_or(measured, |foretold| {
            let foretold = foretold.as_secs_f64() * (1.0 - share);
            let trust = share.sqrt();
            measured * trust + foretold * (1.0 - trust)
        });
        Duration::try_from_secs_f64(left)
            .ok()
            .filter(|left| *left >= Duration::from_millis(500))
    }
}

/// Thousandths of a share.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is from 0 to 1
fn permille(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 1000.0) as u64
}

/// `7s`, `2m 05s`, `1h 10m`.
fn short(time: Duration) -> String {
    let seconds = time.as_secs_f64().round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // times are not negative
    let seconds = seconds as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(now: Instant, ago: u64, foretold: Option<u64>) -> Plan {
        Plan {
            since: now.checked_sub(Duration::from_secs(ago)).unwrap(),
            foretold: foretold.map(Duration::from_secs),
            total: 1000,
            done: 0,
            at_hand: Work {
                instructions: 100,
                weight: 800,
            },
            so_far: 0,
        }
    }

    fn told(plan: Plan, now: Instant) -> String {
        let course = Course {
            plan: Some(plan),
            ..Course::default()
        };
        course.told(Duration::from_secs(77), now)
    }

    #[test]
    fn nothing_is_said_of_the_first_twentieth() {
        let now = Instant::now();
        let mut early = plan(now, 10, Some(100));
        early.so_far = 6;
        assert_eq!(told(early, now), "1m 17s");
        let mut later = plan(now, 10, None);
        later.so_far = 25;
        assert_eq!(told(later, now), " 20%  40s left");
    }

    #[test]
    fn what_was_foretold_counts_less_the_more_is_done() {
        let now = Instant::now();
        let left = |so_far: u64, ago: u64| {
            let mut plan = plan(now, ago, Some(100));
            plan.so_far = so_far;
            plan.left(now).map(|left| left.as_secs())
        };
        // A tenth took 30 s of 100 s: 270 s by what was measured, 90 s by what was foretold.
        let early = left(12, 30).unwrap();
        assert!((90..160).contains(&early), "{early}");
        // Three quarters took 225 s: 75 s left by what was measured.
        let late = left(94, 225).unwrap();
        assert!((65..76).contains(&late), "{late}");
    }

    #[test]
    fn a_step_counts_by_its_weight_and_no_more() {
        let now = Instant::now();
        let mut plan = plan(now, 10, None);
        // It takes more instructions than expected.
        plan.so_far = 500;
        assert_eq!(permille(plan.share()), 800);
        plan.done = 1000;
        plan.at_hand = Work::default();
        assert_eq!(plan.left(now), None);
        assert_eq!(told(plan, now), "100%");
    }

    #[test]
    fn times_are_short() {
        let times = [0, 59, 60, 125, 3600, 7325];
        let shown = times.map(|it| short(Duration::from_secs(it)));
        assert_eq!(shown, ["0s", "59s", "1m 00s", "2m 05s", "1h 00m", "2h 02m"]);
    }
}
