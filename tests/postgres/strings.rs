use std::fs;

use fkfix::explain;
use fkfix::postgres::connect::{self, Environment, Target, is_postgres};

use crate::server;

fn read(text: &str, environment: &Environment) -> String {
    Target::resolve(text, environment)
        .unwrap_or_else(|error| panic!("{text}: {error:#}"))
        .to_string()
}

/// The message and the hint of what can't be read.
fn refusal(text: &str) -> String {
    let error = Target::resolve(text, &server::nobody()).unwrap_err();
    assert_eq!(explain::status_of(&error).code(), 2);
    format!("{error:#} | {}", explain::hint_for(&error).unwrap())
}

#[test]
fn urls_and_pairs_mean_what_they_mean_to_psql() {
    let cases = [
        ("postgres://me@db/app", "postgres://me@db:5432/app"),
        (
            "postgresql://me:secret@db:6000/app",
            "postgres://me@db:6000/app",
        ),
        (
            "postgresql+psycopg2://me@db/app",
            "postgres://me@db:5432/app",
        ),
        ("POSTGRES://db", "postgres://nobody@db:5432/nobody"),
        ("postgres://me@db", "postgres://me@db:5432/me"),
        (
            "postgres://a,b:2,[::1]:3/app?user=me",
            "postgres://me@a:5432,b:2,[::1]:3/app",
        ),
        ("postgres://a,b/app?port=7", "postgres://nobody@a:7,b:7/app"),
        (
            "postgres://m%65@%2Ftmp/%61pp",
            "postgres://me@%2Ftmp:5432/app",
        ),
        (
            "postgres:///app?host=/tmp&user=me",
            "postgres://me@%2Ftmp:5432/app",
        ),
        (
            "postgres://me@/app?hostaddr=127.0.0.1",
            "postgres://me@127.0.0.1:5432/app",
        ),
        ("host=db dbname=app user=me", "postgres://me@db:5432/app"),
        (
            " host = 'd b' user='it\\'s' dbname=a\\ b ",
            "postgres://it%27s@d%20b:5432/a%20b",
        ),
        ("host=a,b port=1,2 user=me", "postgres://me@a:1,b:2/me"),
        (
            "user=me host=/tmp password='a b'",
            "postgres://me@%2Ftmp:5432/me",
        ),
    ];
    for (text, means) in cases {
        assert!(is_postgres(text), "{text}");
        assert_eq!(read(text, &server::nobody()), means, "{text}");
    }
    for path in [
        "app.db",
        "sqlite:app.db",
        "file:x?mode=ro",
        "a=b.db",
        "postgres",
        "/a/postgres://b",
    ] {
        assert!(!is_postgres(path), "{path}");
    }
}

/// Measured with psql 15, and said in libpq-pgservice.html: a service file wins over variables.
#[test]
fn the_string_comes_before_the_service_before_the_variables_before_the_defaults() {
    let home = tempfile::tempdir().unwrap();
    fs::write(
        home.path().join(".pg_service.conf"),
        "[prod]\nhost=service\nport=2\n",
    )
    .unwrap();
    let variables = [
        ("PGHOST", "variable"),
        ("PGPORT", "3"),
        ("PGUSER", "her"),
        ("PGSERVICE", "prod"),
        ("PGSYSCONFDIR", "/nowhere"),
    ];
    let environment = server::at_home(home.path(), &variables);
    assert_eq!(
        read("postgres://string", &environment),
        "postgres://her@string:2/her"
    );
    assert_eq!(
        read("dbname=app", &environment),
        "postgres://her@service:2/app"
    );
    let without = server::at_home(home.path(), &variables[..3]);
    assert_eq!(
        read("dbname=app", &without),
        "postgres://her@variable:3/app"
    );
    assert_eq!(
        read("postgres:///app?service=prod", &without),
        "postgres://her@service:2/app"
    );
    let elsewhere = home.path().join("elsewhere");
    fs::write(&elsewhere, "[prod]\nhost=other\n").unwrap();
    let named = [
        ("PGSERVICEFILE", elsewhere.to_str().unwrap()),
        ("PGSERVICE", "prod"),
    ];
    let environment = server::at_home(home.path(), &named);
    assert_eq!(read("user=me", &environment), "postgres://me@other:5432/me");
    // A value that is given and empty is the default's, not a lower one's.
    let variables = [("PGPORT", "3")];
    let environment = server::at_home(home.path(), &variables);
    assert_eq!(
        read("host=db port='' user=me", &environment),
        "postgres://me@db:5432/me"
    );
}

#[test]
fn a_service_that_is_not_defined_is_named() {
    assert!(
        refusal("service=prod")
            .starts_with("there is no definition of the service prod | add a section [prod]")
    );
    let missing = [("PGSERVICEFILE", "/nowhere/services")];
    let environment = Environment::of(&missing, None, "me");
    let error = Target::resolve("service=prod", &environment).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "the service file /nowhere/services does not exist"
    );
}

#[test]
fn what_would_be_less_safe_than_asked_for_is_refused() {
    for text in [
        "postgres://db?require_auth=scram-sha-256",
        "host=db sslcrl=/x",
        "host=db gssencmode=require",
        "host=db ssl_min_protocol_version=TLSv1.3",
        "host=/tmp requirepeer=postgres",
    ] {
        assert!(
            refusal(text).starts_with("fkfix does not support"),
            "{text}"
        );
    }
    read(
        "host=db gssencmode=prefer ssl_min_protocol_version=TLSv1.2 user=me",
        &server::nobody(),
    );
    assert!(refusal("host=db sslmode=verify-ca").contains("sslrootcert=FILE"));
    assert!(refusal("host=db sslmode=require sslrootcert=system").contains("verify-full"));
    read("host=db sslrootcert=system user=me", &server::nobody());
}

#[test]
fn a_mistake_is_told_with_a_way_out() {
    let cases = [
        (
            "host=db sslmode=on",
            "sslmode has a value that PostgreSQL does not know | sslmode is one of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        (
            "host=db sslmod=require",
            "could not read the connection string: there is no parameter sslmod | did you mean sslmode?",
        ),
        (
            "postgres://db/app?schema=x",
            "could not read the connection string: there is no parameter schema | name the schema with options=-csearch_path%3DNAME, as for psql",
        ),
        (
            "host=a,b port=1,2,3",
            "the connection names different numbers of hosts, addresses and ports | give one port for all hosts, or one for each",
        ),
        (
            "host=db connect_timeout=soon",
            "connect_timeout is not a whole number | give connect_timeout in whole seconds, or leave it out",
        ),
        (
            "hostaddr=db",
            "hostaddr is not an address: db | a name goes into host",
        ),
    ];
    for (text, told) in cases {
        assert_eq!(refusal(text), told, "{text}");
    }
}

/// Every place in which a password may end up when the string is not what it should be.
#[test]
fn no_piece_of_a_password_is_ever_repeated() {
    let pieces = [
        "postgres://me:s3cr/et@db/app",
        "postgres://me:12/s3cret@db/app",
        "postgres://me:s3cr?et@db/app",
        "postgres://me:12?s3cr=et@db/app",
        "postgres://me:s3cr%et@db/app",
        "postgres://me:s3cret%zz@db/app",
        "postgres://me:s3cret@db:port/app",
        "postgres://me:s3cret@db:0/app",
        "postgres://me:s3cret@db:99999/app",
        "postgres://me:s3cret@[::1/app",
        "postgres://me:s3cret@[::1]x/app",
        "postgres://me:s3cret@db/app?sslmod=x",
        "postgres://me:s3cret@db/app?x",
        "postgres://me:s3cret",
        "postgres://s3/cret:x@db",
        "password=my s3cret host=db",
        "password=my s3cret",
        "password='s3cret host=db",
        "password=s3cret host",
        "host=db dbname=postgres://me:s3cret@db/app",
        "host=db password=s3cret sslmode=s3cret",
        "host=db password=s3cret port=s3cret",
        "host=db password=s3cret connect_timeout=s3cret",
    ];
    for text in pieces {
        let told = refusal(text);
        assert!(
            !told.contains("s3c") && !told.contains("cret"),
            "{text}: {told}"
        );
    }
    let variables = [("PGDATABASE", "postgres://me:s3cret@db/app")];
    let environment = Environment::of(&variables, None, "me");
    let error = Target::resolve("host=db", &environment).unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"));
    for text in [
        "postgres://me:s3c@ret@db/app",
        "host=db password='s3c@ret'",
        "postgres://db?password=s3c@ret",
    ] {
        let Ok(target) = Target::resolve(text, &server::nobody()) else {
            continue;
        };
        let shown = format!("{target} {target:?}");
        assert!(!shown.contains("s3c") && !shown.contains("ret@"), "{shown}");
    }
}

#[test]
fn the_server_is_told_what_the_string_asks_for() {
    let Some(shared) = server::shared() else {
        return;
    };
    let database = shared.database();
    let show = |text: &str, environment: &Environment, setting: &str| -> String {
        let mut connection =
            connect::open(text, environment).unwrap_or_else(|error| panic!("{error:#}"));
        let row = connection
            .client
            .query_typed_one(&format!("SHOW {setting}"), &[])
            .unwrap();
        row.get(0)
    };
    let url = database.url();
    let nobody = server::nobody();
    assert_eq!(show(&url, &nobody, "application_name"), "fkfix");
    let named = Environment::of(&[("PGAPPNAME", "night run")], None, "me");
    assert_eq!(show(&url, &named, "application_name"), "night run");
    let options = Environment::of(&[("PGOPTIONS", "-c search_path=app")], None, "me");
    assert_eq!(show(&url, &options, "search_path"), "app");
    let join = if url.contains('?') { "&" } else { "?" };
    let url = format!("{url}{join}options=-csearch_path%3Dother");
    assert_eq!(show(&url, &options, "search_path"), "other");
}

#[test]
fn the_first_server_that_answers_is_taken() {
    let Some(server) = server::shared().and_then(server::Shared::own) else {
        return;
    };
    let folder = server.folder.to_str().unwrap();
    let text = format!(
        "host=/nowhere,{folder} port=1,{} user=postgres",
        server.port
    );
    let connection = server::open(&text);
    let encoded = folder.replace('/', "%2F");
    assert_eq!(
        connection.target.to_string(),
        format!("postgres://postgres@{encoded}:{}/postgres", server.port)
    );
}
