//! The graph draws every table and every key once, by what kind of key it is, whatever they are
//! called, and the same each time.

use std::process::{Command, Stdio};

use pretty_assertions::assert_eq;

use crate::support::Database;

const FAMILY: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT);
     CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parent ON DELETE CASCADE, code TEXT UNIQUE REFERENCES parent (code), a, b);
     CREATE TABLE alone (note TEXT);";

#[test]
fn mermaid_has_an_entity_for_each_table_and_a_line_for_each_key() {
    let database = Database::of(FAMILY);
    let before = database.files();
    database.fkfix("graph").status(0).stderr("").stdout(
        r#"erDiagram
    "parent" {
        INTEGER id PK
        TEXT code UK
    }
    "child" {
        INTEGER id PK
        INTEGER parent_id FK
        TEXT code FK
    }
    "alone" {
    }
    "parent" |o--o| "child" : "code"
    "parent" ||--o{ "child" : "parent_id, on delete cascade"
"#,
    );
    assert!(database.files() == before, "graph has changed a file");
}

#[test]
fn dot_has_a_table_with_ports_for_each_table() {
    Database::of(FAMILY)
        .fkfix("graph --format dot")
        .status(0)
        .stderr("")
        .stdout(
            r##"digraph tables {
    graph [rankdir=LR, nodesep=0.35, ranksep=0.9]
    node [shape=plain, fontname="monospace", fontsize=11]
    edge [dir=both, arrowtail=tee, fontname="monospace", fontsize=9, color="#57606a"]
    t0 [label=<<table border="0" cellborder="1" cellspacing="0" cellpadding="4"><tr><td bgcolor="#eaeef2"><b>parent</b></td></tr><tr><td port="r0" align="left"><font color="#57606a">PK</font> id</td></tr><tr><td port="r1" align="left"><font color="#57606a">UK</font> code</td></tr><tr><td align="left"><i>+ 1 column</i></td></tr></table>>]
    t1 [label=<<table border="0" cellborder="1" cellspacing="0" cellpadding="4"><tr><td bgcolor="#eaeef2"><b>child</b></td></tr><tr><td port="r0" align="left"><font color="#57606a">PK</font> id</td></tr><tr><td port="r1" align="left"><font color="#57606a">FK</font> parent_id</td></tr><tr><td port="r2" align="left"><font color="#57606a">FK</font> code</td></tr><tr><td align="left"><i>+ 2 columns</i></td></tr></table>>]
    t2 [label=<<table border="0" cellborder="1" cellspacing="0" cellpadding="4"><tr><td bgcolor="#eaeef2"><b>alone</b></td></tr><tr><td align="left"><i>1 column</i></td></tr></table>>]
    t0:r1 -> t1:r2 [arrowhead=tee]
    t0:r0 -> t1:r1 [arrowhead=crow, label="on delete cascade"]
}
"##,
        );
}

#[test]
fn svg_has_a_box_for_each_table_and_a_path_for_each_trunk() {
    let picture = Database::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a ON DELETE SET NULL, note);",
    )
    .fkfix("graph --format svg")
    .status(0)
    .stderr("")
    .stdout;
    let (head, body) = picture.split_once("</style>\n").unwrap();
    assert_eq!(
        head.split_once("<style>").unwrap().0,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 367 144\" width=\"367\" height=\"144\" role=\"img\" aria-labelledby=\"title\">\n  <title id=\"title\">Tables and their foreign keys</title>\n  "
    );
    assert!(head.contains("prefers-color-scheme: dark"), "{head}");
    assert_eq!(
        body,
        r#"  <rect class="page" width="367" height="144" rx="10"/>
  <path class="line declared" d="M82 84L132 84"/>
  <path class="line declared mark" d="M89 79v10M132 78L120 84L132 90"/>
  <path class="key declared" d="M82 84L132 84"><title>b: (a_id) references a (id) on delete set null</title></path>
  <g transform="translate(24 44)">
    <rect class="box" width="58" height="56" rx="6"/>
    <path class="head" d="M.5 30V6.5A6 6 0 0 1 6.5 .5H51.5A6 6 0 0 1 57.5 6.5V30Z"/>
    <text class="name" x="10" y="20" textLength="7.8">a</text>
    <text class="note" x="10" y="44" textLength="13.2">PK</text>
    <text x="32" y="44" textLength="15.6">id</text>
  </g>
  <g transform="translate(132 24)">
    <rect class="box" width="211" height="96" rx="6"/>
    <path class="head" d="M.5 30V6.5A6 6 0 0 1 6.5 .5H204.5A6 6 0 0 1 210.5 6.5V30Z"/>
    <text class="name" x="10" y="20" textLength="7.8">b</text>
    <text class="note" x="10" y="44" textLength="13.2">PK</text>
    <text x="32" y="44" textLength="15.6">id</text>
    <text class="note" x="10" y="64" textLength="13.2">FK</text>
    <text x="32" y="64" textLength="31.2">a_id</text>
    <text class="note" x="82" y="64" textLength="118.8">on delete set null</text>
    <text class="note" x="32" y="84" textLength="66.0">+ 1 column</text>
  </g>
</svg>
"#
    );
}

#[test]
fn json_has_every_column_and_key() {
    let database = Database::of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, \"x y\" VARCHAR(3) NOT NULL); CREATE TABLE b (a_id CONSTRAINT k REFERENCES missing (id) ON UPDATE CASCADE);",
    );
    let json = database.fkfix("graph --format json").status(0).json();
    let column = |name: &str, kind: &str, not_null: bool| serde_json::json!({"name": name, "type": kind, "not_null": not_null});
    assert_eq!(
        json,
        serde_json::json!({
            "database": "app.db",
            "tables": [
                {"name": "a", "exists": true, "primary_key": ["id"],
                 "columns": [column("id", "INTEGER", false), column("x y", "VARCHAR(3)", true)]},
                {"name": "b", "exists": true, "primary_key": [], "columns": [column("a_id", "", false)]},
                {"name": "missing", "exists": false, "primary_key": [], "columns": []},
            ],
            "keys": [
                {"table": "b", "constraint": null, "columns": ["a_id"], "parent": "missing", "parent_columns": ["id"],
                 "on_delete": "NO ACTION", "on_update": "CASCADE", "state": "declared", "confidence": null,
                 "unique": false, "optional": true},
            ],
        })
    );
}

/// The shop, with keys that are declared, pending and discovered.
fn shop() -> Database {
    let key = "ALTER TABLE orders ADD CONSTRAINT o FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE RESTRICT;";
    let database = Database::fixture("shop").with_migration("V1__orders", key, "");
    database.up();
    database.with_migration(
        "V2__items",
        "ALTER TABLE order_items ADD CONSTRAINT i FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE;
         ALTER TABLE nothing ADD FOREIGN KEY (x) REFERENCES orders (id);",
        "",
    )
}

#[test]
fn declared_pending_and_discovered_keys_differ() {
    let database = shop();
    let warning =
        "warning: FOREIGN KEY (x) REFERENCES orders (id) is not drawn: there is no table nothing\n";
    let graph = |format: &str| {
        let arguments = format!("graph --discover --format {format}");
        let first = database.fkfix(&arguments).status(0).stderr(warning);
        let again = database.fkfix(&arguments).stdout;
        assert_eq!(first.stdout, again, "{format} is not the same twice");
        again
    };
    let mermaid = graph("mermaid");
    for line in [
        r#""customers" ||--o{ "orders" : "customer_id, on delete restrict""#,
        r#""orders" ||..o{ "order_items" : "pending: order_id, on delete cascade""#,
        r#""products" ||..o{ "order_items" : "discovered, 99%: product_id""#,
    ] {
        assert!(
            mermaid.contains(&format!("    {line}\n")),
            "{line}\n{mermaid}"
        );
    }
    let dot = graph("dot");
    for style in [
        "[arrowhead=crow, label=\"on delete restrict\"]",
        "[arrowhead=crow, style=dashed, label=\"on delete cascade\"]",
        "[arrowhead=crow, style=dotted, label=\"99% sure\"]",
    ] {
        assert!(dot.contains(style), "{style}\n{dot}");
    }
    let svg = graph("svg");
    for part in [
        "class=\"line declared\"",
        "class=\"line pending\"",
        "class=\"line discovered\"",
        ">declared<",
        ">pending: a migration asks for it<",
        ">discovered: meant, never declared<",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    // Without a look at the rows there is none that is discovered.
    let without = database.fkfix("graph --format json").json();
    let states = without["keys"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["declared", "pending"]);
    // Of the built-in migration, which most databases have no table for, nothing is said.
    let mut command = crate::support::binary();
    command.args(["graph", "--database"]).arg(&database.path);
    crate::support::finish(&mut command, &database.path)
        .status(0)
        .stderr("");
}

#[test]
fn own_tables_and_those_of_sqlite_stay_out_unless_asked_for() {
    let database = Database::fixture("app-migrated");
    database.up();
    let names = |arguments: &str| -> Vec<String> {
        let json = database.fkfix(arguments).status(0).json();
        let tables = json["tables"].as_array().unwrap().iter();
        tables
            .map(|table| table["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let ordinary = names("graph --format json");
    assert!(
        ordinary.contains(&"webhook_logs".to_owned()),
        "{ordinary:?}"
    );
    for own in ["webhook_logs_orphans", "fkfix_schema_history"] {
        assert!(!ordinary.contains(&own.to_owned()), "{ordinary:?}");
        assert!(names("graph --format json --all").contains(&own.to_owned()));
    }
    for inner in [
        "events_fts",
        "events_fts_data",
        "sqlite_sequence",
        "sqlite_stat1",
    ] {
        assert!(
            !names("graph --format json --all").contains(&inner.to_owned()),
            "{inner}"
        );
    }
}

#[test]
fn an_empty_database_is_an_empty_picture() {
    let database = Database::of("CREATE TABLE t (a); DROP TABLE t;");
    database.fkfix("graph").status(0).stdout("erDiagram\n");
    database
        .fkfix("graph --format dot")
        .status(0)
        .says("digraph tables {\n");
    database
        .fkfix("graph --format svg")
        .status(0)
        .says("viewBox=\"0 0 68 48\"");
    let json = database.fkfix("graph --format json").status(0).json();
    assert_eq!(json["tables"], serde_json::json!([]));
}

/// Names that mean something in one of the formats.
const HOSTILE: [&str; 14] = [
    "a\"b",
    "<b>&amp;",
    "x]]>y",
    "new\nline",
    "日本語",
    "direction TB",
    "%% c",
    "a{b};",
    "#quot;",
    "back\\slash",
    "\u{1b}[31m",
    "",
    "it's",
    "\u{202e}\u{fffe}~",
];

fn hostile() -> Database {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let tables = HOSTILE.iter().enumerate().map(|(at, name)| {
        let parent = HOSTILE[at.saturating_sub(1)];
        let column = quoted(&format!("{name}PK"));
        format!(
            "CREATE TABLE {0} ({column} \"a type\" PRIMARY KEY, {0} REFERENCES {1} ON DELETE CASCADE);",
            quoted(name),
            quoted(parent)
        )
    });
    Database::of(&tables.collect::<String>())
}

#[test]
fn hostile_names_are_text_in_every_format() {
    let database = hostile();
    let mermaid = database.fkfix("graph").status(0).stdout;
    for line in [
        "    \"a#34;b\" {",
        "    \"#60;b#62;#38;amp#59;\" {",
        "    \"new line\" {",
        "    \"direction#32;TB\" {",
        "    \"#37;#37; c\" {",
        "    \"a#123;b#125;#59;\" {",
        "    \"#35;quot#59;\" {",
        "    \"back#92;slash\" {",
        "    \"#92;u#123;1b#125;[31m\" {",
        "    \" \" {",
        "        a_type x]]_yPK PK \"x]]#62;yPK\"",
        "        a_type PK_ PK \"PK\"",
    ] {
        assert!(mermaid.lines().any(|it| it == line), "{line}\n{mermaid}");
    }
    let svg = database.fkfix("graph --format svg").status(0).stdout;
    let dot = database.fkfix("graph --format dot").status(0).stdout;
    for text in [&svg, &dot] {
        assert!(text.contains("&lt;b&gt;&amp;amp;<"), "{text}");
        assert!(text.contains("a&quot;b<"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{fffe}']), "{text}");
        assert!(!text.contains("new\nline"), "{text}");
    }
    // A picture is a document in XML, or it is none.
    let mut reader = Command::new("python3")
        .args([
            "-c",
            "import sys, xml.dom.minidom as d; d.parse(sys.stdin.buffer)",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut reader.stdin.take().unwrap(), svg.as_bytes()).unwrap();
    assert!(reader.wait().unwrap().success(), "{svg}");
}

#[test]
fn forty_tables_are_drawn_each_once() {
    let database = Database::fixture("forty");
    let svg = database
        .fkfix("graph --format svg")
        .status(0)
        .stderr("")
        .stdout;
    assert_eq!(svg.matches("<g transform=").count(), 40);
    let json = database.fkfix("graph --format json").status(0).json();
    assert_eq!(json["keys"].as_array().unwrap().len(), 50);
}
