//! What a run on one of several databases has to tell, kept until its turn comes.

use crate::text::Mark;

/// What a run would have written.
#[derive(Debug, Default)]
pub struct Told {
    /// Its result in one line; none where it failed.
    pub line: Option<String>,
    /// Its result, or its error, as a document in JSON.
    pub document: Option<String>,
    /// What else was for stdout.
    pub written: Vec<u8>,
    /// What was for stderr.
    pub remarks: Vec<Remark>,
    /// What programs know its error by, where it failed.
    pub code: Option<String>,
}

/// A line for stderr.
#[derive(Debug)]
pub struct Remark {
    /// `error`, `warning`, `note` or `hint`.
    pub label: &'static str,
    /// How the label looks on a terminal.
    pub mark: Mark,
    /// What it says.
    pub text: String,
    /// Lines to be read under it.
    pub details: Vec<String>,
}

impl Remark {
    /// Whether it is about one database; a hint or a note that was told of one need not be told of
    /// the next.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        matches!(self.label, "error" | "warning")
    }

    /// The text, with the name of the `database` that it is about.
    #[must_use]
    pub fn about(&self, database: &str) -> String {
        if !self.is_of_one() || self.text.contains(database) {
            return self.text.clone();
        }
        format!("{database}: {}", self.text)
    }
}

/// A list of documents as one, each indented.
#[must_use]
pub fn list(documents: &[String]) -> String {
    if documents.is_empty() {
        return "[]\n".to_owned();
    }
    let indented = documents.iter().map(|document| {
        let lines = document.lines().map(|line| format!("  {line}"));
        lines.collect::<Vec<_>>().join("\n")
    });
    let indented: Vec<_> = indented.collect();
    format!("[\n{}\n]\n", indented.join(",\n"))
}
