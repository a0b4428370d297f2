use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use fkfix::explain;
use fkfix::postgres::connect;

use crate::server;

fn refused(text: &str) -> String {
    let Err(error) = connect::open(text, &server::nobody()) else {
        panic!("{text}: connected");
    };
    assert_eq!(explain::status_of(&error).code(), 2);
    format!("{error:#} | {}", explain::hint_for(&error).unwrap())
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    assert_eq!(
        refused(&format!("postgres://me:s3cret@127.0.0.1:{port}/app")),
        format!(
            "could not connect to postgres://me@127.0.0.1:{port}/app: nothing listens there \
             | check the host and the port, and that PostgreSQL answers there"
        )
    );
    assert_eq!(
        refused("host=/nowhere user=me dbname=app"),
        "could not connect to postgres://me@%2Fnowhere:5432/app: there is no socket of a server \
         | check that the server runs here and has its socket there, or name a host: postgres://USER@HOST/DATABASE"
    );
    let unknown = refused("postgres://me:s3cret@no-such-host.invalid/app");
    assert!(
        unknown.starts_with("could not connect to postgres://me@no-such-host.invalid:5432/app: ")
    );
    assert!(!unknown.contains("s3cret"), "{unknown}");
    let several = refused(&format!(
        "postgres://me@127.0.0.1:{port},127.0.0.1:{port}/app"
    ));
    assert_eq!(
        several.matches("nothing listens there").count(),
        2,
        "{several}"
    );
}

#[test]
fn a_server_that_says_nothing_is_waited_for_as_long_as_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(
        refused(&format!(
            "postgres://me@127.0.0.1:{port}/app?connect_timeout=1"
        )),
        format!(
            "could not connect to postgres://me@127.0.0.1:{port}/app: no answer within 2 s \
             | check the host and the port, and that PostgreSQL answers there"
        )
    );
}

#[test]
fn what_is_no_postgresql_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    for mode in ["disable", "prefer", "require"] {
        let told = refused(&format!(
            "postgres://me:s3cret@127.0.0.1:{port}/app?sslmode={mode}&connect_timeout=5"
        ));
        assert!(
            told.starts_with(&format!(
                "could not connect to postgres://me@127.0.0.1:{port}/app: "
            )),
            "{told}"
        );
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn a_database_or_a_user_that_is_not_there_is_named() {
    let Some(server) = server::shared().and_then(server::Shared::own) else {
        return;
    };
    let url = server.url("postgres", "no_such");
    assert_eq!(
        refused(&url),
        format!(
            "could not connect to {url}: database \"no_such\" does not exist | check the name, or create it: createdb no_such"
        )
    );
    let url = server.url("no_such", "postgres");
    assert!(
        refused(&url).contains("check the user; the server's pg_hba.conf"),
        "{}",
        refused(&url)
    );
}

/// A server that speaks the protocol and says that it is PostgreSQL 11.
#[test]
fn a_server_that_is_too_old_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 1024];
        let _ = stream.read(&mut buffer).unwrap();
        // AuthenticationOk, ReadyForQuery.
        stream
            .write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
            .unwrap();
        let _ = stream.read(&mut buffer).unwrap();
        // One column of text, one row, CommandComplete, ReadyForQuery.
        let mut answer =
            b"T\0\0\0\x1a\0\x01v\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0".to_vec();
        answer.extend(b"D\0\0\0\x10\0\x01\0\0\0\x06110022C\0\0\0\x09SHOW\0Z\0\0\0\x05I");
        stream.write_all(&answer).unwrap();
        let _ = stream.read(&mut buffer);
    });
    assert_eq!(
        refused(&format!(
            "postgres://me@127.0.0.1:{port}/app?sslmode=disable"
        )),
        format!(
            "postgres://me@127.0.0.1:{port}/app is PostgreSQL 11.22 | fkfix works with PostgreSQL 12 or later"
        )
    );
}

/// The session attributes, against a primary and its standby.
#[test]
fn a_standby_is_told_from_the_primary() {
    let Some((server, standby)) = server::primary().zip(server::standby()) else {
        return;
    };
    let text = |attributes: &str| {
        format!(
            "host={},{} port={},{} user=postgres target_session_attrs={attributes}",
            standby.folder.display(),
            server.folder.display(),
            standby.port,
            server.port
        )
    };
    for (attributes, expected) in [
        ("any", true),
        ("read-write", false),
        ("primary", false),
        ("standby", true),
        ("prefer-standby", true),
    ] {
        let mut connection = server::open(&text(attributes));
        let row = connection
            .client
            .query_typed_one("SELECT pg_is_in_recovery()", &[])
            .unwrap();
        assert_eq!(row.get::<_, bool>(0), expected, "{attributes}");
    }
    let primary = format!(
        "{}?target_session_attrs=standby",
        server.url("postgres", "postgres")
    );
    assert!(
        refused(&primary).contains("database is not read only"),
        "{}",
        refused(&primary)
    );
}
