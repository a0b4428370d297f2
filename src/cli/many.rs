//! Several databases in one run.

// They are read in a terminal, so they hold no Markdown.
#![allow(clippy::doc_markdown)]

use clap::Args;

use super::{Command, Named, given};

/// How several databases are gone through.
#[derive(Args, Clone, Debug)]
pub struct Many {
    /// With several databases: go on with the others where one fails
    ///
    /// Without it the first that could not be done (status 2) ends the run, and it is said how many
    /// were not tried. The exit status is the worst of all.
    #[arg(long)]
    pub keep_going: bool,
    /// With several databases: how many at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = given::batch)]
    pub jobs: usize,
}

impl Command {
    /// The databases as they were named; none where the verb looks at none.
    #[must_use]
    pub fn named(&self) -> &[Named] {
        match self {
            Command::Up(it) if it.database.schema.is_none() => &it.database.named,
            Command::Down(it) if it.database.schema.is_none() => &it.database.named,
            Command::Check(it) if it.schema.is_none() => &it.named,
            Command::New(it) if it.schema.is_none() && !it.add.is_empty() => &it.named,
            Command::Status(it) => &it.database.named,
            Command::Orphans(it) => &it.database.named,
            Command::Clean(it) if it.database.schema.is_none() => &it.database.named,
            Command::Restore(it) => &it.database.named,
            Command::Show(it) => &it.database.named,
            Command::Discover(it) => &it.database.named,
            Command::Graph(it) => &it.database.named,
            Command::Enforce(it) => &it.database.named,
            Command::Redo(it) => &it.database.named,
            Command::Resolve(it) => &it.database.named,
            _ => &[],
        }
    }

    /// The same verb on the database `named` alone.
    #[must_use]
    pub fn on(&self, named: Named) -> Self {
        let (mut command, named) = (self.clone(), vec![named]);
        match &mut command {
            Command::Up(it) => it.database.named = named,
            Command::Down(it) => it.database.named = named,
            Command::Check(it) => it.named = named,
            Command::New(it) => it.named = named,
            Command::Status(it) => it.database.named = named,
            Command::Orphans(it) => it.database.named = named,
            Command::Clean(it) => it.database.named = named,
            Command::Restore(it) => it.database.named = named,
            Command::Show(it) => it.database.named = named,
            Command::Discover(it) => it.database.named = named,
            Command::Graph(it) => it.database.named = named,
            Command::Enforce(it) => it.database.named = named,
            Command::Redo(it) => it.database.named = named,
            Command::Resolve(it) => it.database.named = named,
            Command::Demo(_) | Command::Completions(_) | Command::Man(_) => {}
        }
        command
    }

    /// How several databases are gone through; none where the verb takes one.
    #[must_use]
    pub fn many(&self) -> Option<&Many> {
        match self {
            Command::Up(it) => Some(&it.many),
            Command::Down(it) => Some(&it.many),
            Command::Check(it) => Some(&it.many),
            Command::Status(it) => Some(&it.many),
            Command::Orphans(it) => Some(&it.many),
            Command::Clean(it) => Some(&it.many),
            Command::Restore(it) => Some(&it.many),
            Command::Discover(it) => Some(&it.many),
            Command::Enforce(it) => Some(&it.many),
            Command::Redo(it) => Some(&it.many),
            Command::Resolve(it) => Some(&it.many),
            Command::New(_)
            | Command::Show(_)
            | Command::Graph(_)
            | Command::Demo(_)
            | Command::Completions(_)
            | Command::Man(_) => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Command::Up(_) => "up",
            Command::Down(_) => "down",
            Command::Redo(_) => "redo",
            Command::Resolve(_) => "resolve",
            Command::Clean(_) => "clean",
            Command::Restore(_) => "restore",
            Command::Status(_) => "status",
            Command::Orphans(_) => "orphans",
            Command::Show(_) => "show",
            Command::Check(_) => "check",
            Command::Discover(_) => "discover",
            Command::New(_) => "new",
            Command::Graph(_) => "graph",
            Command::Enforce(_) => "enforce",
            Command::Demo(_) => "demo",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
        }
    }
}
