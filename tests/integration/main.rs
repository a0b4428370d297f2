//! What fkfix promises, held against the real binary on real files: one file a promise.

// Helpers of tests are tests; clippy's `allow-…-in-tests` sees only functions marked #[test].
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

/// What every `up` is given: here the tables come by their keys in the way that is fastest.
const UP_OPTIONS: &[&str] = &[];

/// A database file, a run of the binary, and a picture of all that a database holds.
mod support;

/// What fkfix promises, whatever engine keeps the rows, and the file of SQLite that it is held
/// against here.
#[path = "../promises/mod.rs"]
mod promises;
mod subject;

/// The three sample databases go up, work, and come back down.
mod fixtures;

/// A table of any shape keeps all that it has but the rows that break its keys.
mod nothing_else_changes;

/// A definition keeps its text, to the byte, but for the key.
mod definitions_stay;

/// What leaves on the way up is back after the way down, or reported.
mod exact_inverse;

/// What goes back and what stays in the archive, run by run and key by key, and what is said of it.
mod way_back;

/// A row goes back where no key stays that it breaks, with the rows that it needs.
mod way_back_keys;

/// Rows that break a key are found as SQLite itself would find them, and go where they should.
mod orphans;

/// Rows that hang on orphans go with them by their own key's action, or nothing goes.
mod dependents;

/// An orphan fares as its key says, and what happened to it is undone by `down`, exactly.
mod follow;

/// What a row forgot it has again after `down`, unless it changed since.
mod follow_back;

/// The orphans of declared keys fare as those of new ones, and archived rows go back or for good.
mod clean;

/// A key without a name is dropped by the name that PostgreSQL would have given it, and comes back.
mod unnamed_keys;

/// A damaged file in which a page has two users, or is free and in use, is not written to.
mod free_pages;

/// What an index says that SQLite could not have kept, or that is damaged, decides about no row.
mod foreign_indexes;

/// Where a table keeps its indexes, they tell of the rows that the rows tell of.
mod indexes_that_stay;

/// An index with the right number of entries and the wrong ones decides about no row either.
mod stale_indexes;

/// A definition that SQLite takes is taken, or refused in one clear line.
mod odd_definitions;

/// A parent that SQLite could not use is refused by name.
mod parents;

/// A key that is there already is neither added twice nor taken away.
mod adoption;

/// What the history says is believed, and a history that can't be right stops the run.
mod history;

/// A script runs whole, in order, in fkfix's one transaction, or not at all.
mod scripts;

/// What can't be used as a database is refused in one line, and not a byte of it changes.
mod bad_files;

/// A database is named by a path or a URL, and no password of another one is shown.
mod locations;

/// What is read is one committed state of the real file, or it is an error.
mod reads;

/// A log, or a journal, that lies beside the file, elsewhere or beside another is read, or told of with
/// the way to recover.
mod reads_of_logs;

/// Every verb waits for a lock as long as it is told, and then names who holds it.
mod locks;

/// After `up`, SQLite enforces the keys where the application asks it to.
mod enforcement;

/// Triggers that carry out keys come, are told of, and go, and nothing else changes.
mod enforce;

/// After `enforce`, every connection acts on the declared keys, whatever its pragma says.
mod enforced_rows;

/// Under any conflict clause, what a trigger could not carry out as SQLite does is refused before.
mod enforced_conflicts;

/// `check --integrity` says where the file itself is damaged.
mod integrity;

/// A migration is marked and nothing is run, or run again in one transaction.
mod marking;

/// Indexes come with the keys where they are asked for, and go with them; a dry run says which are
/// missing.
mod with_indexes;

/// Several databases are each done as if alone, in order, and what failed is named.
mod many;

/// Full-text indexes and triggers keep telling the truth about a rebuilt table.
mod triggers_and_search;

/// Other writers and readers are waited for, and two runs at once do the work once.
mod two_runs;

/// The copy taken first is whole, and never stands in the place of something else.
mod backup;

/// Options, formats and exit statuses are as the manual says.
mod options;

/// The codes of errors that docs/formats.md lists are those that the program has.
mod error_codes;

/// What a newcomer types is understood, and codes stay the same.
mod first_steps;

/// A file .env says what the environment does not.
mod env_file;

/// A dry run tells what the real run would do, and changes not one byte.
mod dry_run;

/// The script that a dry run writes does in another SQLite what `up` and `down` do.
mod shell_script;

/// The report of orphans tells who decides what there is to decide.
mod reports;

/// A row is shown with its relatives and with all that its deletion would take.
mod show;

/// The graph draws every table and every key once, whatever they are called.
mod graph;

/// A part of a picture holds what it is asked for, the same in every format, and its lines can be told
/// apart.
mod graph_parts;

/// An interrupted run leaves everything as it was, and says so.
mod interruption;

/// What docs/walk-through.md shows of a database without any key, word for word.
mod walk_through;

/// The newcomer's first minute works, and overwrites nothing.
mod demo;

/// A new migration is a pair of files: named as the next one, with the keys that were asked for.
mod new;

/// Keys that were meant are found with their reasons, and what only looks like one is not.
mod discover;

/// Keys are found in schemas whose habits are their own, and nothing is claimed of what was not
/// seen.
mod discover_unseen;

/// Keys that were found become a migration that holds.
mod discover_write;

/// A key to a table that is gone gets the parent that was meant, and comes back to the byte.
mod lost_parents;

/// A row that keeps its place loses its key alone, and has it back whatever happened between.
mod kept_rows;

/// `orphans`, the dry run and `up` speak of the same rows, whatever a migration does beside.
mod one_truth;

/// Keys that people would call by the same words are still told apart.
mod same_names;

/// What happens to rows that break a key holds for a key that is there already, as for a new one.
mod adopted_orphans;

/// A UNIQUE index is advised where it can be made; else it is said what stands in its way.
mod duplicate_parents;

/// `ALTER TABLE` as PostgreSQL writes it is read, or the message says what to leave out.
mod postgres_spelling;

/// A file of another tool, editor or branch is read as what it is, or refused in a clear line.
mod migration_files;

/// A migration is known by its number, and the order in which they were applied is kept.
mod migration_numbers;

/// Where no folder is named, ./migrations counts, or the built-in one where its table is.
mod default_folder;

/// What is made for machines is written byte for byte.
mod raw_output;

/// A report that can't be written undoes nothing, and the message says what is done.
mod lost_report;

/// No name and no path forges a line, whatever it holds.
mod hostile_names;

/// Numbers agree with their words, SQLite's own text comes once, and lines fit their terminal.
mod wording;

/// On a terminal what matters stands out, nothing is broken in mid-word, and what is left out is named;
/// after a large change it is told what that took.
mod terminal;

/// A report shows the start of a value and reads no more of it, stored or computed.
mod long_values;

/// What a run would refuse its dry run refuses, and what can't be taken back is said before it is done.
mod told_before;

/// A full-text index loses the rows that leave, gets back those that it held, and nothing else.
mod full_text;

/// Counters, statistics and the order of the schema are kept as they are found.
mod sequences;

/// Values that do not fit their columns are kept as they are, or a run is refused.
mod values;

/// The script for another runner: what it says, what it may be asked, and what it leaves.
mod other_runners;

/// What another runner could not do is refused before, or stops the script with nothing changed.
mod other_runners_refuse;

/// The script for another runner has rows forget their key as up does, and cleans declared keys.
mod other_runners_forget;
