//! What happens between two steps: a run may end there, and waits for replicas.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::failure::Failure;
use crate::interrupt;

/// Between two steps, and only there, a run ends when it is asked to.
pub fn go_on_unless_interrupted() -> Result<()> {
    if !interrupt::is_requested() {
        return Ok(());
    }
    Err(
        Failure::interrupted("interrupted between two steps; nothing is lost")
            .hint("fkfix up goes on, fkfix down reverts, fkfix status shows how far it is")
            .into(),
    )
}

/// Leaves replicas time to follow.
pub fn pause(how_long: Duration) -> Result<()> {
    let mut left = how_long;
    while !left.is_zero() {
        go_on_unless_interrupted()?;
        let some = left.min(Duration::from_millis(50));
        thread::sleep(some);
        left -= some;
    }
    Ok(())
}
