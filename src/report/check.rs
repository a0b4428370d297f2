//! What a check found, as text, JSON, and annotations for GitHub.

use std::fmt::Write as _;

use serde::Serialize;

use super::formats::Report;
use crate::failure::Status;
use crate::model::finding::{Code, Finding, Severity};
use crate::text::{Lines, Mark, plural, printable};

/// What `fkfix check` found.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// The database or the dump.
    pub checked: String,
    /// How many findings are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// How many were left out on request.
    pub ignored: usize,
    /// The findings, in the order in which they were looked for.
    pub findings: Vec<Finding>,
    /// Warnings decide the exit status too.
    #[serde(skip)]
    pub strict: bool,
}

impl CheckReport {
    /// Reports `findings` about `checked` but those of the kinds in `ignore`.
    #[must_use]
    pub fn new(checked: String, findings: Vec<Finding>, ignore: &[Code]) -> Self {
        let (ignored, findings): (Vec<_>, Vec<_>) = findings
            .into_iter()
            .partition(|finding| ignore.contains(&finding.code));
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        let errors = findings.iter().filter(is_error).count();
        CheckReport {
            checked,
            errors,
            warnings: findings.len() - errors,
            ignored: ignored.len(),
            findings,
            strict: false,
        }
    }

    /// The exit status that the findings deserve.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.errors > 0 || (self.strict && self.warnings > 0) {
            Status::No
        } else {
            Status::Done
        }
    }

    /// Workflow commands: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
    ///
    /// As `one_of_several` each names the database.
    #[must_use]
    pub fn github(&self, one_of_several: bool) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let level = level(finding);
            let title = property(&format!("fkfix {}", finding.code.name()));
            let place = finding.line.map_or(String::new(), |line| {
                format!("file={},line={line},", property(&self.checked))
            });
            let checked = if one_of_several {
                format!("{}: ", self.checked)
            } else {
                String::new()
            };
            let body = data(&format!("{checked}{}", body(finding)));
            let _ = writeln!(text, "::{level} {place}title={title}::{body}");
        }
        // The runner takes `##[command]` for a command wherever it stands in a line.
        let summary = self.summary().replace("##[", "#\\#[");
        let _ = writeln!(text, "{}", printable(&summary));
        text
    }

    /// `1 error and 2 warnings in app.db`.
    fn summary(&self) -> String {
        let mut summary = format!("{} in {}", self.numbers(), self.checked);
        if self.ignored > 0 {
            let ignored = i64::try_from(self.ignored).unwrap_or(i64::MAX);
            let _ = write!(summary, ", {} ignored", plural(ignored, "finding"));
        }
        summary
    }

    /// `1 error and 2 warnings`.
    pub(super) fn numbers(&self) -> String {
        let count = |number: usize, noun| plural(i64::try_from(number).unwrap_or(i64::MAX), noun);
        let (errors, warnings) = (count(self.errors, "error"), count(self.warnings, "warning"));
        match (self.errors, self.warnings) {
            (0, 0) => "nothing found".to_owned(),
            (_, 0) => errors,
            (0, _) => warnings,
            _ => format!("{errors} and {warnings}"),
        }
    }
}

impl Report for CheckReport {
    fn text(&self, _: Option<u16>) -> Lines {
        let mut text = Lines::default();
        for finding in &self.findings {
            let mark = match finding.severity {
                Severity::Error => Mark::Error,
                Severity::Warning => Mark::Warning,
            };
            let what = format!("[{}] {}", finding.code.name(), finding.object);
            text.marked("", mark, level(finding), &what);
            let place = finding
                .line
                .map_or(String::new(), |line| format!("{}:{line}: ", self.checked));
            let _ = writeln!(text, "  {place}{}", finding.message);
            for line in finding.diff.iter().flat_map(|diff| diff.lines()) {
                let _ = writeln!(text, "    {line}");
            }
            text.marked("  ", Mark::Hint, "hint", &format!(": {}", finding.hint));
        }
        let _ = writeln!(text, "{}", self.summary());
        text
    }
}

fn level(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn body(finding: &Finding) -> String {
    let mut body = format!(
        "{}: {}\nhint: {}",
        finding.object, finding.message, finding.hint
    );
    if let Some(diff) = &finding.diff {
        let _ = write!(body, "\n{diff}");
    }
    body
}

/// Escapes the text of a workflow command (`escapeData` in GitHub's toolkit,
/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>). Line breaks come
/// out again in the annotation, and begin no command there.
fn data(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// Escapes the value of a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The annotation of an error in the place of findings: it could not look.
#[must_use]
pub fn annotation(code: &str, message: &str, hint: Option<&str>) -> String {
    let title = property(&format!("fkfix {code}"));
    let hint = hint.map_or(String::new(), |hint| format!("\nhint: {hint}"));
    format!(
        "::error title={title}::{}\n",
        data(&format!("{message}{hint}"))
    )
}

/// That `fkfix check --update` has written a snapshot.
#[derive(Debug, Serialize)]
pub struct SnapshotReport {
    /// The database or the dump.
    pub checked: String,
    /// The file.
    pub snapshot: String,
}

impl Report for SnapshotReport {
    fn text(&self, _: Option<u16>) -> Lines {
        Lines::of(&format!(
            "the schema of {} is written to {}",
            self.checked, self.snapshot
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_keeps_to_its_line_whatever_a_name_holds() {
        let mut finding =
            Finding::new(Code::Orphans, "t\n::error::x (a)", "50% of\r\nit").hint("h");
        finding.line = Some(7);
        let report = CheckReport::new("a,b:c%\nd.sql".into(), vec![finding], &[]);
        assert_eq!(
            report.github(false),
            "::error file=a%2Cb%3Ac%25%0Ad.sql,line=7,title=fkfix orphans::t%0A::error::x (a): 50%25 of\\r%0Ait%0Ahint: h\n1 error in a,b:c%\\nd.sql\n"
        );
    }

    #[test]
    fn warnings_decide_only_when_strict() {
        let finding = || vec![Finding::new(Code::NoChildIndex, "t (a)", "m")];
        let mut report = CheckReport::new(String::new(), finding(), &[]);
        assert_eq!(report.status(), Status::Done);
        report.strict = true;
        assert_eq!(report.status(), Status::No);
        let mut report = CheckReport::new(String::new(), finding(), &[Code::NoChildIndex]);
        report.strict = true;
        assert_eq!(report.status(), Status::Done);
        assert_eq!(report.ignored, 1);
    }
}
