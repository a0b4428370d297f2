//! What `--help` and the man pages say behind the options: examples and exit statuses.

use std::sync::OnceLock;

/// Of `fkfix` itself.
pub const FKFIX: &str = "\
Examples:
  fkfix demo                          see it all on a sample database
  fkfix up -d app.db --dry-run        what would be done, and to which rows
  fkfix up -d app.db                  add the keys
  fkfix check -d app.db               are they there, and does nothing break them?
  fkfix down -d app.db                revert them
  DATABASE_URL=sqlite:///app.db fkfix status

SQLite enforces foreign keys only on connections that run PRAGMA foreign_keys = ON: after up, make sure your application does, or run fkfix enforce.";

/// Of `fkfix up`.
pub const UP: &str = "\
Examples:
  fkfix up -d app.db --backup app.before.db
  fkfix up -d app.db --orphans refuse
  fkfix up -d app.db --max-orphans 5%
  fkfix up -d 'tenants/*.db' --keep-going --jobs 4
  fkfix up -d app.db --dry-run --format sql --for dbmate > 7_keys.sql     for another runner
  fkfix up --schema schema.sql --dry-run --format sql --for d1     without the database

Exit status:
  0    done, or nothing pending
  1    refused by --orphans refuse, --max-orphans, an empty parent table, or rows that need an orphan, or a table that would lose all rows; nothing has changed
  2    it could not be done; nothing has changed
  3    done, but the report could not be written
  130  interrupted; nothing has changed";

/// Of `fkfix down`.
pub const DOWN: &str = "\
Examples:
  fkfix down -d app.db
  fkfix down -d app.db --to 0 --leave-orphans

Exit status:
  0    done, or nothing applied
  2    it could not be done; nothing has changed
  3    done, but the report could not be written
  130  interrupted; nothing has changed";

/// Of `fkfix redo`.
pub const REDO: &str = "\
What is pending stays pending. On PostgreSQL run fkfix down and then fkfix up.

Examples:
  fkfix redo -d app.db --dry-run
  fkfix redo -d app.db --backup app.before.db

Exit status:
  0    done, or nothing applied
  1    refused as by fkfix up; nothing has changed
  2    it could not be done; nothing has changed
  3    done, but the report could not be written
  130  interrupted; nothing has changed";

/// Of `fkfix resolve`.
pub const RESOLVE: &str = "\
Only the history changes. What does not fit is told as a warning: a key that is missing, or one that is still there.

Examples:
  fkfix resolve V2 -d app.db --applied --reason 'a comment was corrected'
  fkfix resolve V2 -d app.db --reverted --dry-run

Exit status:
  0    done, or nothing to do
  2    it could not be done; nothing has changed
  3    done, but the report could not be written
  130  interrupted; nothing has changed";

/// Of `fkfix clean`.
pub const CLEAN: &str = "\
Examples:
  fkfix clean -d app.db --dry-run
  fkfix clean -d app.db --table episodes --orphans set-null

Exit status:
  0    done, or no orphans
  1    refused by --orphans refuse, --max-orphans, an empty parent table, or a table that would lose all rows; nothing has changed
  2    it could not be done; nothing has changed
  3    done, but the report could not be written
  130  interrupted; nothing has changed";

/// Of `fkfix restore`.
pub const RESTORE: &str = "\
Examples:
  fkfix restore -d app.db --dry-run
  fkfix restore -d app.db --table episodes
  fkfix restore -d app.db --purge --older-than 90d

Exit status:
  0    done, or nothing to put back
  2    it could not be done; nothing has changed
  3    done, but the report could not be written
  130  interrupted; nothing has changed";

/// Of `fkfix status`.
pub const STATUS: &str = "\
Exit status:
  0    shown, whatever it is
  2    it could not look";

/// Of `fkfix orphans`.
pub const ORPHANS: &str = "\
Examples:
  fkfix orphans -d app.db
  fkfix orphans -d app.db --format csv > orphans.csv

Exit status:
  0    no orphans
  1    there are some
  2    it could not look";

/// Of `fkfix show`.
pub const SHOW: &str = "\
Keys are those that the database declares. What a deletion would take is counted, not deleted: on a connection that runs PRAGMA foreign_keys = ON, by every ON DELETE along the way. What triggers would do is not counted.

Examples:
  fkfix show webhook_logs 1001 -d app.db
  fkfix show events 0b54f0a5-6c3e-4c1e-9f0e-2a7c1f3b8d11 -d app.db
  fkfix show order_lines 17 2 -d app.db     a key of two columns
  fkfix show orders 17 -d app.db --format json

Exit status:
  0    shown
  1    there is no such row
  2    it could not look";

/// Of `fkfix check`.
pub const CHECK: &str = "\
Examples:
  fkfix check -d app.db --strict --ignore archive-not-empty
  fkfix check --schema schema.sql --format github
  sqlite3 app.db .schema | fkfix check --schema -
  fkfix check -d app.db --snapshot schema.snapshot.sql --update
  fkfix check -d app.db --snapshot schema.snapshot.sql

Exit status:
  0    nothing found, or warnings alone and no --strict
  1    found
  2    it could not look";

/// Of `fkfix discover`.
pub const DISCOVER: &str = "\
Examples:
  fkfix discover -d app.db
  fkfix discover -d app.db --min-confidence 90 --write add_missing_keys --migrations migrations
  fkfix up -d app.db --migrations migrations --dry-run

Exit status:
  0    looked, whether keys were found or not
  2    it could not look, or not write
  3    written, but the report could not be";

/// Of `fkfix new`.
pub const NEW: &str = "\
Examples:
  fkfix new add_order_keys
  fkfix new add_order_keys -d app.db --add 'orders.customer_id -> customers.id on delete cascade'

Exit status:
  0    written
  2    it could not be done; nothing is written
  3    written, but the report could not be";

/// Of `fkfix graph`.
pub const GRAPH: &str = "\
Declared keys are solid lines, those that pending migrations ask for dashed, those that --discover finds dotted; Mermaid has no dots, so there a label says it. A box shows the keys of its table and counts its other columns; json has them all. SQLite's own tables and virtual ones are left out.

Examples:
  fkfix graph -d app.db --format svg > schema.svg
  fkfix graph -d app.db --format dot | dot -Tpdf > schema.pdf
  fkfix graph -d app.db --migrations migrations --discover
  fkfix graph -d app.db --around orders --depth 2 --format text
  fkfix graph -d app.db --only-orphans

Exit status:
  0    drawn
  2    it could not look";

/// Of `fkfix enforce`.
pub const ENFORCE: &str = "\
Examples:
  fkfix enforce -d app.db --dry-run   which triggers would come
  fkfix enforce -d app.db             each key's action, on every connection
  fkfix enforce -d app.db --strict    and no child without a parent
  fkfix enforce -d app.db --remove    the schema as it was before

A trigger sees one row at a time:
  NO ACTION   is checked at each row, not at the end of the statement: one that deletes a parent before its children, or changes keys in a circle, is refused
  --strict    likewise: an INSERT that writes a child before its parent, in one table, is refused
  DEFERRABLE INITIALLY DEFERRED keys get their actions, and nothing is refused: a trigger can't wait for COMMIT
  REPLACE     fires no trigger for the rows that it removes unless PRAGMA recursive_triggers = ON: where the row that goes has another key than the one that comes, its children become orphans
What no trigger can carry out is refused with a message that says so, and told as a warning. docs/enforce.md has the whole list.

Before another tool rebuilds a table, remove the triggers, and install them again afterwards.

Exit status:
  0    done, or nothing to do
  2    it could not be done; nothing has changed
  3    done, but the report could not be written
  130  interrupted; nothing has changed";

/// Of `fkfix completions`.
pub const COMPLETIONS: &str = "\
Examples:
  bash        fkfix completions bash > ~/.local/share/bash-completion/completions/fkfix
  zsh         fkfix completions zsh > ~/.zfunc/_fkfix, where ~/.zfunc is in fpath before compinit
  fish        fkfix completions fish > ~/.config/fish/completions/fkfix.fish
  PowerShell  fkfix completions powershell >> $PROFILE
  elvish      fkfix completions elvish >> ~/.config/elvish/rc.elv";

/// Of `fkfix man`.
pub const MAN: &str = "\
Examples:
  fkfix man | man -l -
  fkfix man ~/.local/share/man/man1";

/// The version, and that of the SQLite inside.
pub fn long_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        format!(
            "{}\nSQLite {}",
            env!("CARGO_PKG_VERSION"),
            rusqlite::version()
        )
    })
}
