//! The script that cleans declared keys does what `clean` does, whether what runs it acts on foreign
//! keys or not; where it fails, or runs in no transaction, nothing has changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fkfix::policy::{Limit, Method, OrphanAction, Policy};
use fkfix::sqlite::apply::clean;
use fkfix::sqlite::write::portable;
use fkfix::target::Target;

use super::portable::{Arena, Case, STOPS, build, relaxed, wrapped};
use super::portable_family::family;
use super::support::{cases, difference, first_seed, open, picture};

fn policy(orphans: OrphanAction) -> Policy {
    Policy {
        orphans,
        max_orphans: Some(Limit::Percent(100.0)),
        method: Method::Fastest,
    }
}

fn run_clean(path: &Path, policy: &Policy) -> Result<(), String> {
    let connection = open(path);
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let done = clean::plan(&connection, None, policy, None).and_then(|cleaning| {
        if let Some(refusal) = cleaning.plan.refusal(policy) {
            return Err(refusal.into());
        }
        clean::carry_out(&connection, &cleaning)
    });
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).unwrap();
    done.map_err(|error| format!("{error:#}"))
}

fn run(arena: &Arena, case: &Case) -> Result<&'static str, String> {
    let (path, place) = (arena.place("app.db"), arena.place("script.db"));
    let _ = fs::remove_file(&path);
    build(&case.statements, &path);
    let (bytes, before) = (fs::read(&path).unwrap(), picture(&path));
    let policy = policy(case.orphans);
    let cleaning = portable::schema_of(&open(&path))
        .and_then(|schema| portable::clean(&schema, None, &policy, Target::Transaction))
        .map_err(|error| format!("not written: {error:#}"))?;
    assert!(cleaning.unusable.is_empty(), "{:?}", cleaning.unusable);
    let script = cleaning.script.ok_or("nothing to write")?;
    let by_clean = run_clean(&path, &policy);
    let wanted = relaxed(&arena.picture_without_unused_columns(&path));
    let mut outcome = if by_clean.is_ok() { "done" } else { "neither" };
    for enforcing in [false, true] {
        fs::write(&place, &bytes).unwrap();
        let done = wrapped(&place, &script, enforcing);
        let found = picture(&place);
        match (&by_clean, done) {
            (Err(why), Ok(())) => return Err(format!("it goes where clean does not: {why}")),
            (Ok(()), Ok(())) => {
                let found = relaxed(&arena.picture_without_unused_columns(&place));
                if found != wanted {
                    return Err(format!(
                        "enforcing {enforcing}: {}",
                        difference(&wanted, &found)
                    ));
                }
            }
            (_, Err(why)) => {
                if found != before {
                    return Err(format!("{why}: {}", difference(&before, &found)));
                }
                let is_known = STOPS.iter().any(|it| why.contains(it));
                if by_clean.is_ok() && (!is_known || why.contains("a promise")) {
                    return Err(format!("stopped by {why} (enforcing {enforcing})"));
                }
                if by_clean.is_ok() {
                    outcome = "stopped";
                }
            }
        }
        fs::write(&place, &bytes).unwrap();
        assert!(open(&place).execute_batch(&script).is_err());
        let mut after = picture(&place);
        after.remove("fkfix_promises");
        let schema = after.get_mut("sqlite_schema").unwrap();
        schema.retain(|it| !it.contains("fkfix_promises"));
        if after != before {
            return Err(format!(
                "without a transaction: {}",
                difference(&before, &after)
            ));
        }
    }
    Ok(outcome)
}

#[test]
fn the_script_of_random_families_equals_clean() {
    let (arena, mut tally) = (Arena::new(), BTreeMap::<_, usize>::new());
    let count = cases(27, 5000);
    for seed in first_seed()..first_seed() + count as u64 {
        // Other than those of `up`.
        let case = family(100_000 + seed);
        let outcome = run(&arena, &case)
            .unwrap_or_else(|why| panic!("seed {seed}: {why}\n{};", case.statements.join(";\n")));
        *tally.entry(outcome).or_default() += 1;
    }
    println!("{tally:?}");
    assert!(tally["done"] * 3 > count, "{tally:?}");
}
