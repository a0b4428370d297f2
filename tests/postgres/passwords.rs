use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fkfix::explain;
use fkfix::postgres::connect::{self, Environment, Target};

use crate::server::{self, SECRET, guarded};

fn write(file: &Path, text: &str, mode: u32) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

/// The message and the hint of a refused connection; no word of the password.
fn refused(text: &str, environment: &Environment) -> String {
    let error = match connect::open(text, environment) {
        Ok(connection) => panic!("{} let me in", connection.target),
        Err(error) => error,
    };
    assert_eq!(explain::status_of(&error).code(), 2);
    let told = format!("{error:#} | {}", explain::hint_for(&error).unwrap());
    assert!(!format!("{told} {error:?}").contains("s3c"), "{told}");
    assert!(!told.contains("wr0ng"), "{told}");
    told
}

#[test]
fn each_method_takes_the_password_from_each_place() {
    let Some(server) = guarded() else { return };
    let home = tempfile::tempdir().unwrap();
    let port = server.port;
    let escaped = SECRET.replace('\\', r"\\").replace(':', r"\:");
    let in_url = "s3c%3Ar%5Cet%40%C3%A4%2F%3F";
    let in_pairs = SECRET.replace('\\', r"\\");
    for user in ["scram", "md5", "plain"] {
        let url = format!("postgres://{user}@127.0.0.1:{port}/postgres");
        let pairs = format!("host=127.0.0.1 port={port} user={user} dbname=postgres");
        let open = |text: &str, environment: &Environment| {
            connect::open(text, environment).unwrap_or_else(|error| panic!("{user}: {error:#}"));
        };
        open(&url.replace('@', &format!(":{in_url}@")), &server::nobody());
        open(&format!("{pairs} password='{in_pairs}'"), &server::nobody());
        open(
            &url,
            &Environment::of(&[("PGPASSWORD", SECRET)], None, "me"),
        );

        let file = home.path().join(".pgpass");
        write(
            &file,
            &format!("127.0.0.1:{port}:*:{user}:{escaped}\n"),
            0o600,
        );
        open(&url, &server::at_home(home.path(), &[]));
        let other = home.path().join("passwords");
        fs::rename(&file, &other).unwrap();
        open(
            &url,
            &server::at_home(home.path(), &[("PGPASSFILE", other.to_str().unwrap())]),
        );
        open(
            &format!("{pairs} passfile={}", other.display()),
            &server::nobody(),
        );
        let services = home.path().join(".pg_service.conf");
        write(
            &services,
            &format!("[s]\nuser={user}\npassword={SECRET}\n"),
            0o644,
        );
        open(
            &format!("host=127.0.0.1 port={port} dbname=postgres service=s"),
            &server::at_home(home.path(), &[]),
        );
    }
    server::open(&format!("postgres://trusted@127.0.0.1:{port}/postgres"));
}

#[test]
fn a_wrong_or_missing_password_is_refused_with_a_hint() {
    let Some(server) = guarded() else { return };
    for user in ["scram", "md5", "plain"] {
        let url = format!("postgres://{user}@127.0.0.1:{}/postgres", server.port);
        assert_eq!(
            refused(&url, &server::nobody()),
            format!(
                "could not connect to {url}: the server wants a password, and none was given \
                 | set PGPASSWORD, or add a line to ~/.pgpass"
            )
        );
        let wrong = url.replace('@', ":wr0ng@");
        assert_eq!(
            refused(&wrong, &server::nobody()),
            format!(
                "could not connect to {url}: password authentication failed for user \"{user}\" \
                 | the password or the user is wrong; check the URL, PGPASSWORD and ~/.pgpass, in this order"
            )
        );
    }
}

#[test]
fn a_password_file_that_others_may_read_is_ignored_aloud() {
    let Some(server) = guarded() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    let escaped = SECRET.replace('\\', r"\\").replace(':', r"\:");
    let url = format!("postgres://scram@127.0.0.1:{}/postgres", server.port);
    for mode in [0o640, 0o604, 0o620, 0o660] {
        write(&file, &format!("*:*:*:*:{escaped}\n"), mode);
        let environment = server::at_home(home.path(), &[]);
        assert!(refused(&url, &environment).contains("none was given"));
        let target = Target::resolve(&url, &environment).unwrap();
        assert_eq!(
            target.warnings(),
            [format!(
                "ignored {}: others may read it; run chmod 600 on it",
                file.display()
            )]
        );
    }
    for mode in [0o600, 0o400] {
        write(&file, &format!("*:*:*:*:{escaped}\n"), mode);
        connect::open(&url, &server::at_home(home.path(), &[]))
            .unwrap_or_else(|error| panic!("{error:#}"));
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let target = Target::resolve(&url, &server::at_home(home.path(), &[])).unwrap();
    assert_eq!(
        target.warnings(),
        [format!(
            "ignored {}: it is not a plain file",
            file.display()
        )]
    );
}

#[test]
fn each_of_several_hosts_has_its_own_line() {
    let Some(server) = guarded() else { return };
    let home = tempfile::tempdir().unwrap();
    let escaped = SECRET.replace('\\', r"\\").replace(':', r"\:");
    let port = server.port;
    write(
        &home.path().join(".pgpass"),
        &format!("127.0.0.1:1:*:*:wr0ng\n127.0.0.1:{port}:postgres:scram:{escaped}\n"),
        0o600,
    );
    let url = format!("postgres://scram@127.0.0.1:1,127.0.0.1:{port}/postgres");
    let connection = connect::open(&url, &server::at_home(home.path(), &[]))
        .unwrap_or_else(|error| panic!("{error:#}"));
    let shown = connection.target.to_string();
    assert_eq!(shown, format!("postgres://scram@127.0.0.1:{port}/postgres"));
    assert!(!format!("{:?}", connection.target).contains("s3c"));
}
