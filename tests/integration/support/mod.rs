//! What the tests are written with.

// Every crate of tests uses its own part of this.
#![allow(unused_imports)]

mod database;
mod picture;
mod run;

pub use database::Database;
pub use picture::{Picture, rows};
pub use run::{Finished, binary, finish, shell, unprivileged};

/// The constraints of the built-in migration, as they stand in a table's definition.
pub const RULE_KEY: &str = "CONSTRAINT fk_webhook_logs_alert_rule FOREIGN KEY (alert_rule_id) REFERENCES alert_rules (id) ON DELETE CASCADE";
/// See [`RULE_KEY`].
pub const EVENT_KEY: &str = "CONSTRAINT fk_webhook_logs_event FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE";

/// The key that most tests of other tables add.
pub const KEY: &str =
    "CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES parent (id) ON DELETE CASCADE";

/// What `up` ends with.
pub const ENFORCEMENT_HINT: &str = "hint: SQLite enforces foreign keys only on connections that run PRAGMA foreign_keys = ON; make sure your application does, or run fkfix enforce\n";

/// What a dry run says of `child`, whose key has no index.
pub const SCAN_WARNING: &str =
    "warning: deleting a row of parent will scan child: no index starts with (parent_id)\n";

/// The binary on `database`, as a user for whom permissions count.
pub fn binary_for_anyone(database: &Database) -> std::process::Command {
    let folder = database.home.parent().unwrap();
    let mut command = run::unprivileged(folder);
    command.env("DATABASE_URL", &database.path);
    command
}
