//! Certificates for a server, made by openssl.

use std::path::Path;
use std::process::{Command, Output};

/// A folder with an authority `ca.crt`, a certificate `server.crt` of it for `localhost` alone
/// with its `server.key`, a client's `client.crt` and `client.key` for `with_certificate`, another authority `other.crt`, and `alone.crt` with `alone.key` by
/// the recipe of PostgreSQL's manual: a certificate that vouches for itself.
pub fn make() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let new = "req -x509 -newkey rsa:2048 -nodes -days 30";
    openssl(
        at,
        &format!("{new} -keyout ca.key -out ca.crt -subj /CN=authority"),
    );
    openssl(
        at,
        &format!("{new} -keyout other.key -out other.crt -subj /CN=other"),
    );
    openssl(
        at,
        &format!(
            "{new} -keyout alone.key -out alone.crt -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        ),
    );
    openssl(
        at,
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
    );
    std::fs::write(at.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl(
        at,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt",
    );
    openssl(
        at,
        "req -newkey rsa:2048 -nodes -keyout client.key -out client.csr -subj /CN=with_certificate",
    );
    openssl(
        at,
        "x509 -req -in client.csr -CA ca.crt -CAkey ca.key -days 30 -extfile names -out client.crt",
    );
    folder
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

/// What a program said.
pub fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
