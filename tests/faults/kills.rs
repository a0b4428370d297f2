//! SIGKILL. Once it has come, nothing of the process runs any more: what is in the files then
//! must be enough.

use std::process::{Child, Stdio};
use std::time::Instant;

use super::support::{
    JOURNAL_MODES, Sample, Side, Victim, binary, clean, has, integrity, is_long, picture, program,
    rounds,
};

/// What was run and what came of it.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    before: usize,
    after: usize,
    /// Runs that had ended when the kill came.
    survived: usize,
    /// Kills that left a journal or log to recover from.
    recovered: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Up,
    Documented,
    Down,
    BackUp,
}

impl Verb {
    const ALL: [Verb; 4] = [Verb::Up, Verb::Documented, Verb::Down, Verb::BackUp];

    fn victim(self, sample: &Sample) -> Victim {
        match self {
            Verb::Up | Verb::Documented | Verb::BackUp => sample.victim(),
            Verb::Down => sample.upped_victim(),
        }
    }

    fn arguments(self, victim: &Victim) -> Vec<String> {
        let database = victim.path.display();
        let backup = victim.home.join("backup.db");
        let words = match self {
            Verb::Up => format!("up -d {database}"),
            Verb::Documented => format!("up --documented -d {database}"),
            Verb::Down => format!("down -d {database}"),
            Verb::BackUp => format!("up -d {database} --backup {}", backup.display()),
        };
        words.split(' ').map(str::to_owned).collect()
    }
}

/// Looks at what a kill left.
fn judge(sample: &Sample, verb: Verb, victim: &Victim, tally: &mut Tally) {
    let left = |suffix| {
        let path = format!("{}{suffix}", victim.path.display());
        std::fs::metadata(path).is_ok_and(|file| file.len() > 512)
    };
    tally.recovered += usize::from(left("-journal") || left("-wal"));
    if verb == Verb::BackUp {
        judge_backup(sample, victim);
    }
    match sample.verdict(victim) {
        Side::Before => tally.before += 1,
        Side::After => tally.after += 1,
    }
}

/// The copy is the whole database, or it is evidently none.
fn judge_backup(sample: &Sample, victim: &Victim) {
    let backup = victim.home.join("backup.db");
    if backup.exists() {
        assert_eq!(integrity(&backup), "ok");
        let found = picture(&backup);
        let none = found.values().all(Vec::is_empty);
        assert!(none || found == sample.before, "half a backup");
    }
}

fn start(verb: Verb, victim: &Victim) -> Child {
    let mut command = binary();
    command.args(verb.arguments(victim));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Kills at moments spread over the time that a run takes.
fn by_the_clock(sample: &Sample, verb: Verb, kills: usize) -> Tally {
    let mut tally = Tally::default();
    let victim = verb.victim(sample);
    let begun = Instant::now();
    assert!(start(verb, &victim).wait().unwrap().success());
    let whole = begun.elapsed();
    for kill in 0..kills {
        let victim = verb.victim(sample);
        let mut child = start(verb, &victim);
        let part = u32::try_from(kill + 1).unwrap();
        std::thread::sleep(whole * part / u32::try_from(kills).unwrap());
        child.kill().unwrap();
        if child.wait().unwrap().code().is_some() {
            tally.survived += 1;
        } else {
            tally.kills += 1;
        }
        judge(sample, verb, &victim, &mut tally);
    }
    tally
}

#[test]
fn killed_by_the_clock_it_is_wholly_before_or_wholly_after() {
    Sample::each(&JOURNAL_MODES, |sample, name| {
        for verb in Verb::ALL {
            let tally = by_the_clock(sample, verb, rounds(2, 50));
            println!("by the clock, {name}, {verb:?}: {tally:?}");
        }
    });
}

/// The calls by which SQLite changes files. `strace` kills on entry to the n-th of them: what
/// is in the files changes with these calls and with nothing else.
const WRITING_CALLS: &str = "pwrite64,write,ftruncate,fdatasync,fsync,unlink,openat";

/// Kills on entry to every `stride`-th call that writes, from the first to the last.
fn by_call(sample: &Sample, verb: Verb, stride: usize) -> Tally {
    let mut tally = Tally::default();
    for nth in (1..).step_by(stride) {
        let victim = verb.victim(sample);
        let mut command = clean(std::process::Command::new("strace"));
        command.args(["-f", "-o", "/dev/null", "-e"]);
        command.arg(format!("trace={WRITING_CALLS}"));
        command
            .arg("-e")
            .arg(format!("inject={WRITING_CALLS}:signal=SIGKILL:when={nth}"));
        command.arg(program()).args(verb.arguments(&victim));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let survived = command.status().unwrap().success();
        judge(sample, verb, &victim, &mut tally);
        if survived {
            tally.survived += 1;
            break;
        }
        tally.kills += 1;
    }
    tally
}

#[test]
fn killed_at_any_call_that_writes_it_is_wholly_before_or_wholly_after() {
    if !has("strace") {
        return;
    }
    Sample::each(&JOURNAL_MODES, |sample, name| {
        for verb in Verb::ALL {
            let stride = match name.split(',').next() {
                Some("large") => 400,
                _ if is_long() => 5,
                Some("plain") => 250,
                _ => 120,
            };
            let tally = by_call(sample, verb, stride);
            println!("by call, {name}, {verb:?}: {tally:?}");
            assert!(tally.kills > 0, "{tally:?}");
            let hit = tally.recovered > 0 || !is_long();
            assert!(hit, "no kill hit the transaction: {tally:?}");
        }
    });
}
