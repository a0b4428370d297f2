//! The service file: named sets of parameters
//! (<https://www.postgresql.org/docs/current/libpq-pgservice.html>).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::environment::Environment;
use super::parameters::Parameters;
use crate::failure::Failure;

/// Where the system's file lies when `PGSYSCONFDIR` does not say: Debian's, then the folder of
/// most others.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql"];

/// The parameters of the service that `given` names; none where it names none.
///
/// `given` holds the connection string's parameters and the environment's.
pub(super) fn read(given: &Parameters, environment: &Environment) -> Result<Parameters> {
    let Some(service) = given.get("service") else {
        return Ok(Parameters::default());
    };
    let named = given.get("servicefile").map(PathBuf::from);
    if let Some(file) = &named
        && !file.exists()
    {
        let message = format!("the service file {} does not exist", file.display());
        return Err(Failure::impossible(message)
            .hint("check PGSERVICEFILE")
            .into());
    }
    let own = named.or_else(|| environment.user_file(".pg_service.conf", ".pg_service.conf"));
    let folders = match environment.variable("PGSYSCONFDIR") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => SYSTEM_FOLDERS.map(PathBuf::from).to_vec(),
    };
    let system = folders.iter().map(|folder| folder.join("pg_service.conf"));
    for file in own.into_iter().chain(system) {
        if let Some(found) = find(&file, service)? {
            return Ok(found);
        }
    }
    Err(
        Failure::impossible(format!("there is no definition of the service {service}"))
            .hint(format!(
                "add a section [{service}] to ~/.pg_service.conf, or name the file with PGSERVICEFILE"
            ))
            .into(),
    )
}

fn find(file: &Path, service: &str) -> Result<Option<Parameters>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("could not read the service file {}", file.display()));
        }
    };
    section(&text, service).map_err(|(line, why)| {
        Failure::impossible(format!("{}:{line}: {why}", file.display()))
            .hint("a section holds lines of the form keyword=value, without blanks around the =")
            .into()
    })
}

/// The parameters of one section; the number of a line that can't be read, and why. As with
/// libpq, the first of two lines for one keyword counts.
fn section(text: &str, service: &str) -> Result<Option<Parameters>, (usize, &'static str)> {
    let mut found: Option<Parameters> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if rest.strip_suffix(']') == Some(service) {
                found = Some(Parameters::default());
            }
            continue;
        }
        let Some(before) = &found else {
            continue;
        };
        let Some((keyword, value)) = line.split_once('=') else {
            return Err((number, "this line has no ="));
        };
        if matches!(keyword, "service" | "servicefile") {
            return Err((number, "a service can't name another"));
        }
        let mut one = Parameters::default();
        if !one.set(keyword, value) {
            return Err((number, "PostgreSQL knows no such parameter"));
        }
        found = Some(before.clone().or(&one));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let text = "# all\n[a]\nhost=one\n\nport=1\nhost=two\n[b]\nhost=three\n";
        let a = section(text, "a").unwrap().unwrap();
        assert_eq!((a.get("host"), a.get("port")), (Some("one"), Some("1")));
        let b = section(text, "b").unwrap().unwrap();
        assert_eq!((b.get("host"), b.get("port")), (Some("three"), None));
        assert!(section(text, "c").unwrap().is_none());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for (text, line) in [
            ("[a]\nhost", 2),
            ("[a]\n\nhast=x", 3),
            ("[a]\nservice=b", 2),
        ] {
            assert_eq!(section(text, "a").unwrap_err().0, line, "{text}");
        }
    }
}
