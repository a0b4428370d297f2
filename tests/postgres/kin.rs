//! A server that answers as others do, by as much of the protocol as a first look takes
//! (<https://www.postgresql.org/docs/current/protocol-flow.html>).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

type Answer = fn(&str) -> &'static str;

/// Answers each query by one text, and tells which were asked.
fn server(answer: Answer) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes is no fault.
            let _ = serve(stream, answer, &tell);
        }
    });
    (port, told)
}

fn serve(
    mut stream: TcpStream,
    answer: Answer,
    tell: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut startup)?;
    // AuthenticationOk, ReadyForQuery.
    stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let size = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; size];
        stream.read_exact(&mut body)?;
        if head[0] == b'X' {
            return Ok(());
        }
        let query = String::from_utf8_lossy(&body)
            .trim_end_matches('\0')
            .to_owned();
        let text = answer(&query);
        tell.send(query).unwrap();
        // One column of the type text, one row.
        let column = b"\0\x01answer\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
        message(&mut stream, b'T', column)?;
        let mut row = vec![0, 1];
        row.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        row.extend(text.as_bytes());
        message(&mut stream, b'D', &row)?;
        message(&mut stream, b'C', b"SELECT 1\0")?;
        message(&mut stream, b'Z', b"I")?;
    }
}

fn message(stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(body.len() + 4).unwrap();
    stream.write_all(&[kind])?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(body)
}

fn cockroach(query: &str) -> &'static str {
    if query.contains("version()") {
        "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu, built 2024/05/15 21:28:29, go1.22.2)"
    } else {
        "130000"
    }
}

fn yugabyte(query: &str) -> &'static str {
    if query.contains("version()") {
        "PostgreSQL 15.2-YB-2.25.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 17.0.6, 64-bit"
    } else {
        "150002"
    }
}

fn dsql(query: &str) -> &'static str {
    if query.contains("version()") {
        "PostgreSQL 16"
    } else if query.contains("sys.jobs") {
        "t"
    } else {
        "160000"
    }
}

/// By every verb, and before it is asked of any table.
#[test]
fn servers_that_only_speak_as_postgresql_are_refused_by_name() {
    let kin: [(&str, Answer); 3] = [
        ("CockroachDB", cockroach),
        ("YugabyteDB", yugabyte),
        ("Aurora DSQL", dsql),
    ];
    for (name, answer) in kin {
        let (port, told) = server(answer);
        let url = format!("postgres://me:s3cret@127.0.0.1:{port}/app?sslmode=disable");
        for verb in [
            "up", "down", "orphans", "status", "check", "discover", "clean",
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_fkfix"))
                .args([verb, "-d", &url])
                .current_dir(env!("CARGO_TARGET_TMPDIR"))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{verb}: {stderr}");
            assert!(output.stdout.is_empty(), "{verb}");
            let refusal = format!(
                "postgres://me@127.0.0.1:{port}/app is {name}, on which fkfix was never run, so nothing is tried\nhint: there "
            );
            assert!(stderr.contains(&refusal), "{verb}: {stderr}");
        }
        for query in told.try_iter() {
            let known = ["server_version_num", "version()", "sys.jobs"];
            assert!(known.iter().any(|it| query.contains(it)), "{query}");
        }
    }
}
