use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use fkfix::explain;
use fkfix::postgres::connect::{self, Connection, Environment};

use crate::server::{self, Own, Server, certificates};

/// Two users who may come in one way only, and one who may in both.
const HBA: &str = "
hostssl   all only_encrypted 127.0.0.1/32 trust
hostnossl all only_plain     127.0.0.1/32 trust
host      all either           127.0.0.1/32 trust
hostssl   all with_certificate 127.0.0.1/32 cert
host      all scram          127.0.0.1/32 scram-sha-256
";
const ROLES: &str = "CREATE ROLE only_encrypted LOGIN; CREATE ROLE only_plain LOGIN;
    CREATE ROLE either LOGIN; CREATE ROLE with_certificate LOGIN; CREATE ROLE scram LOGIN PASSWORD 'secret'";

/// A server with the files of `certificates::make` in its folder.
fn encrypting() -> Option<&'static Server> {
    static ENCRYPTING: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let files = certificates::make();
        let own = Own {
            tcp: HBA,
            tls: Some(files.path()),
            sql: ROLES,
            ..server::Own::default()
        };
        server::own(&own)
    };
    ENCRYPTING.get_or_init(start).as_ref()
}

fn open(text: &str) -> Result<Connection, String> {
    at_home(text, None)
}

fn at_home(text: &str, home: Option<&Path>) -> Result<Connection, String> {
    let environment = Environment::of(&[], home, "me");
    connect::open(text, &environment).map_err(|error| {
        assert_eq!(explain::status_of(&error).code(), 2);
        format!("{error:#} | {}", explain::hint_for(&error).unwrap())
    })
}

fn is_encrypted(connection: &mut Connection) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    connection.client.query_typed_one(sql, &[]).unwrap().get(0)
}

#[test]
fn each_mode_encrypts_as_libpq_does() {
    let Some(server) = encrypting() else { return };
    // Mode, user, and whether the connection is encrypted; none where it is refused.
    let cases = [
        ("disable", "either", Some(false)),
        ("disable", "only_plain", Some(false)),
        ("disable", "only_encrypted", None),
        ("allow", "either", Some(false)),
        ("allow", "only_encrypted", Some(true)),
        ("prefer", "either", Some(true)),
        ("prefer", "only_plain", Some(false)),
        ("prefer", "only_encrypted", Some(true)),
        ("require", "either", Some(true)),
        ("require", "only_plain", None),
    ];
    for (mode, user, encrypted) in cases {
        let text = format!(
            "host=127.0.0.1 port={} user={user} dbname=postgres sslmode={mode}",
            server.port
        );
        let found = open(&text).map(|mut connection| is_encrypted(&mut connection));
        assert_eq!(found.clone().ok(), encrypted, "{text}: {found:?}");
    }
    let refused = open(&format!(
        "postgres://only_plain@localhost:{}/postgres?sslmode=require",
        server.port
    ));
    let told = refused.err().unwrap();
    assert!(told.contains("pg_hba.conf"), "{told}");
}

#[test]
fn a_certificate_is_verified_as_far_as_the_mode_says() {
    let Some(server) = encrypting() else { return };
    let port = server.port;
    let ca = server.folder.join("ca.crt").display().to_string();
    let other = server.folder.join("other.crt").display().to_string();
    // The certificate is of `ca`, for localhost and not for 127.0.0.1.
    let cases = [
        ("require", "127.0.0.1", "", ""),
        ("require", "127.0.0.1", &ca, ""),
        (
            "require",
            "127.0.0.1",
            &other,
            "authority that is not trusted",
        ),
        ("verify-ca", "127.0.0.1", &ca, ""),
        (
            "verify-ca",
            "localhost",
            &other,
            "authority that is not trusted",
        ),
        ("verify-full", "localhost", &ca, ""),
        ("verify-full", "127.0.0.1", &ca, "for another host"),
        (
            "verify-full",
            "localhost",
            &other,
            "authority that is not trusted",
        ),
        (
            "verify-full",
            "localhost",
            "system",
            "authority that is not trusted",
        ),
        (
            "verify-full",
            "localhost",
            "",
            "authority that is not trusted",
        ),
        (
            "verify-full",
            "localhost",
            "/nowhere.crt",
            "/nowhere.crt gives no certificate",
        ),
        ("prefer", "127.0.0.1", &other, ""),
    ];
    for (mode, host, root, why) in cases {
        let root = if root.is_empty() {
            String::new()
        } else {
            format!("sslrootcert={root}")
        };
        let text =
            format!("host={host} port={port} user=either dbname=postgres sslmode={mode} {root}");
        match open(&text) {
            Ok(mut connection) => {
                assert_eq!(why, "", "{text}");
                assert!(is_encrypted(&mut connection), "{text}");
            }
            Err(told) => assert!(!why.is_empty() && told.contains(why), "{text}: {told}"),
        }
    }
}

#[test]
fn the_authority_is_found_in_the_home() {
    let Some(server) = encrypting() else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".postgresql");
    fs::create_dir(&folder).unwrap();
    let text = format!(
        "host=localhost port={} user=either dbname=postgres sslmode=verify-full",
        server.port
    );
    fs::copy(server.folder.join("ca.crt"), folder.join("root.crt")).unwrap();
    at_home(&text, Some(home.path())).map(drop).unwrap();
    // As with libpq, such a file makes `require` verify.
    fs::copy(server.folder.join("other.crt"), folder.join("root.crt")).unwrap();
    let require = text.replace("verify-full", "require");
    assert!(at_home(&require, Some(home.path())).is_err());
}

/// `openssl req -new -x509` makes a certificate that is authority and server at once; OpenSSL
/// takes it when the user names it, and so must we.
#[test]
fn a_certificate_that_vouches_for_itself_is_trusted_when_named() {
    let files = certificates::make();
    for kind in ["crt", "key"] {
        fs::copy(
            files.path().join(format!("alone.{kind}")),
            files.path().join(format!("server.{kind}")),
        )
        .unwrap();
    }
    let own = Own {
        tcp: HBA,
        tls: Some(files.path()),
        sql: ROLES,
        ..Own::default()
    };
    let Some(server) = server::own(&own) else {
        return;
    };
    let alone = files.path().join("alone.crt");
    let text = |mode: &str, host: &str| {
        format!(
            "host={host} port={} user=either dbname=postgres sslmode={mode} sslrootcert={}",
            server.port,
            alone.display()
        )
    };
    open(&text("verify-ca", "127.0.0.1")).map(drop).unwrap();
    open(&text("verify-full", "localhost")).map(drop).unwrap();
    let told = open(&text("verify-full", "127.0.0.1")).err().unwrap();
    assert!(told.contains("for another host"), "{told}");
}

#[test]
fn require_without_an_authority_warns() {
    let warnings = |text: &str| {
        let target = connect::Target::resolve(text, &server::nobody()).unwrap();
        target.warnings().to_vec()
    };
    assert_eq!(
        warnings("host=db sslmode=require"),
        ["sslmode=require encrypts without verifying who answers; sslmode=verify-full verifies it"]
    );
    assert!(warnings("host=db sslmode=require sslrootcert=/x").is_empty());
    assert!(warnings("host=/tmp sslmode=require").is_empty());
    assert!(warnings("host=db sslmode=verify-full").is_empty());
}

#[test]
fn the_password_is_bound_to_the_encryption() {
    let Some(server) = encrypting() else { return };
    let text = |mode: &str| {
        format!(
            "host=127.0.0.1 port={} user=scram password=secret dbname=postgres channel_binding=require sslmode={mode}",
            server.port
        )
    };
    open(&text("require")).map(drop).unwrap();
    let told = open(&text("disable")).err().unwrap();
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn a_server_without_encryption_is_refused_where_it_is_asked_for() {
    let Some(server) = server::guarded() else {
        return;
    };
    let text = |mode: &str| {
        format!(
            "host=127.0.0.1 port={} user=trusted dbname=postgres sslmode={mode}",
            server.port
        )
    };
    for mode in ["disable", "allow", "prefer"] {
        open(&text(mode)).map(drop).unwrap();
    }
    let told = open(&text("require")).err().unwrap();
    assert!(
        told.contains("server does not support TLS | check that the server has ssl = on"),
        "{told}"
    );
    // A socket is never encrypted, whatever the mode and its files.
    open(&format!(
        "{}?sslmode=verify-full&sslrootcert=/nowhere&sslcert=/nowhere",
        server.url("postgres", "postgres")
    ))
    .map(drop)
    .unwrap();
    open(&format!(
        "{}?sslmode=require",
        server.url("postgres", "postgres")
    ))
    .map(drop)
    .unwrap();
}

#[test]
fn a_certificate_of_the_user_is_shown() {
    let Some(server) = encrypting() else { return };
    let text = format!(
        "host=127.0.0.1 port={} user=with_certificate dbname=postgres sslmode=require",
        server.port
    );
    let told = open(&text).err().unwrap();
    assert!(told.starts_with("could not connect to "), "{told}");
    let file = |name: &str| server.folder.join(name).display().to_string();
    let with = format!("{text} sslcert={}", file("client.crt"));
    open(&format!("{with} sslkey={}", file("client.key")))
        .map(drop)
        .unwrap();
    let told = open(&with).err().unwrap();
    assert!(
        told.contains("there is no key for the certificate"),
        "{told}"
    );
    let told = open(&format!("{with} sslkey={}", file("ca.crt")))
        .err()
        .unwrap();
    assert!(told.contains("gives no private key"), "{told}");
}
