//! How long others are waited for, as data.

use std::time::Duration;

/// `--lock-timeout` and `--lock-wait`.
///
/// While a statement waits for a lock, all who come after it wait behind it, readers too. So one
/// try is short, and well below `deadlock_timeout` (1 s), and there are many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How long one try waits for a lock.
    pub lock_timeout: Duration,
    /// How long to keep trying.
    pub lock_wait: Duration,
}

impl Default for Wait {
    fn default() -> Self {
        Wait {
            lock_timeout: Duration::from_millis(100),
            lock_wait: Duration::from_mins(10),
        }
    }
}

impl Wait {
    /// The pause after the `tries`-th try, when `waited` has gone by since the first; none when
    /// it was the last. It grows from one lock timeout to ten, so that the application has most
    /// of the time for itself.
    #[must_use]
    pub fn pause_after(&self, tries: u32, waited: Duration) -> Option<Duration> {
        let left = self.lock_wait.checked_sub(waited)?;
        let pause = self.lock_timeout.saturating_mul(tries.clamp(1, 10));
        (!left.is_zero()).then(|| pause.max(Duration::from_millis(1)).min(left))
    }

    /// What was tried, for the message.
    pub(super) fn told(&self, tables: &str, tries: u32) -> String {
        let [limit, wait] = [self.lock_timeout, self.lock_wait].map(humantime::format_duration);
        let tries = if tries == 1 {
            "1 try".to_owned()
        } else {
            format!("{tries} tries")
        };
        format!("{tables} is busy: no lock within {limit}, {tries} in {wait}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn pauses_grow_to_ten_lock_timeouts_and_end_with_the_wait() {
        let wait = Wait {
            lock_timeout: MS(100),
            lock_wait: MS(5000),
        };
        assert_eq!(wait.pause_after(1, MS(100)), Some(MS(100)));
        assert_eq!(wait.pause_after(4, MS(100)), Some(MS(400)));
        assert_eq!(wait.pause_after(40, MS(100)), Some(MS(1000)));
        assert_eq!(wait.pause_after(40, MS(4800)), Some(MS(200)));
        assert_eq!(wait.pause_after(1, MS(5000)), None);
        assert_eq!(wait.pause_after(1, MS(5001)), None);
    }

    #[test]
    fn the_last_try_comes_when_the_wait_ends() {
        let wait = Wait::default();
        let (mut waited, mut tries) = (Duration::ZERO, 0);
        loop {
            tries += 1;
            waited += wait.lock_timeout;
            match wait.pause_after(tries, waited) {
                Some(pause) => waited += pause,
                None => break,
            }
        }
        assert_eq!(waited, MS(600_100));
    }

    #[test]
    fn no_wait_is_one_try() {
        let wait = Wait {
            lock_wait: Duration::ZERO,
            ..Wait::default()
        };
        assert_eq!(wait.pause_after(1, Duration::ZERO), None);
    }
}
