use std::fs;
use std::path::PathBuf;
use std::process::Command;

use pretty_assertions::assert_eq;

use crate::server::{self, Database, Own, Server};
use crate::site::Site;

/// A disk in memory, which the server keeps new tables on.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount one.
    fn of(server: &Server) -> Option<Self> {
        let path = server.folder.join("disk");
        fs::create_dir(&path).unwrap();
        let disk = Disk(path);
        if !disk.mount("size=512k") {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"SKIPPED: only who may mount a tmpfs can fill a disk\n",
            );
            return None;
        }
        let data = disk.0.join("data");
        fs::create_dir(&data).unwrap();
        server::give(&data, server.user());
        let mut client = server::open(&server.url("postgres", "postgres")).client;
        let sql = format!("CREATE TABLESPACE small LOCATION '{}'", data.display());
        client.batch_execute(&sql).unwrap();
        Some(disk)
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&self.0);
        mount.output().is_ok_and(|it| it.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The server still has files there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// 300 of 400 rows leave, which make about 700 kB.
const TABLES: &str = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
    CREATE TABLE c (id int PRIMARY KEY, pid int, note text);
    ALTER TABLE c ALTER note SET STORAGE PLAIN;
    INSERT INTO c SELECT i, CASE i % 4 WHEN 0 THEN 1 ELSE 9 END, repeat('x', 1900) FROM generate_series(1, 400) i";

#[test]
fn rows_that_find_no_room_stay_and_the_next_run_goes_on_or_back() {
    let Some(server) = server::own(&Own::default()) else {
        return;
    };
    let Some(disk) = Disk::of(&server) else {
        return;
    };
    for way in ["up", "down"] {
        let database = Database::of(&server.url("postgres", "postgres"));
        let site = Site::on(database, TABLES).with(
            "V1__key",
            "ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE",
            "ALTER TABLE c DROP CONSTRAINT c_p",
        );
        site.sql(&format!(
            "ALTER DATABASE {} SET default_tablespace = small",
            site.database.name
        ));
        let before = site.picture();
        site.run("up --mode transaction")
            .status(2)
            .explains("could not move rows out of c: ");
        assert_eq!(site.picture(), before);
        let run = site
            .run("up --mode online --batch 20 --format json")
            .status(2);
        assert_eq!(run.json()["error"]["code"], "disk-full", "{run:#?}");
        site.run("status")
            .status(0)
            .says("V1 key  under way since ")
            .says(": archiving\n");
        let counts = "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || (count(*) FILTER (WHERE archived) BETWEEN 1 AND 299)
            FROM (SELECT id, false AS archived FROM c UNION ALL SELECT id, true FROM c_orphans) AS every";
        assert_eq!(site.ask(counts), ["400 400 true"]);
        if way == "up" {
            assert!(disk.mount("remount,size=20m"));
            site.run("up --batch 20").status(0);
            assert_eq!(site.ask("SELECT count(*)::text FROM c_orphans"), ["300"]);
            site.run("check").status(0);
            site.run("down").status(0);
            assert_eq!(site.picture(), before);
            drop(site);
            let mut client = server::open(&server.url("postgres", "postgres")).client;
            client.batch_execute("CHECKPOINT").unwrap();
            assert!(disk.mount("remount,size=512k"));
        } else {
            site.run("down").status(0);
            assert_eq!(site.picture(), before);
        }
    }
}
