-- A webhook_logs that holds what table rebuilds tend to lose.
CREATE TABLE alert_rules (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, kind TEXT);
CREATE TABLE audit (what TEXT, log_id INTEGER);
CREATE TABLE webhook_logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- surrogate, see also (above)
  alert_rule_id INTEGER,
  "event_id" INTEGER, /* may be NULL: a test call ) */
  url TEXT NOT NULL COLLATE NOCASE CHECK (url LIKE 'http%)'  OR url LIKE 'http%'),
  status_code INTEGER DEFAULT (abs(-200)),
  [created at] TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  attempt INTEGER NOT NULL DEFAULT 1,
  payload BLOB,
  host TEXT GENERATED ALWAYS AS (substr(url, 1, 12)) VIRTUAL,
  score REAL AS (attempt * 1.5) STORED,
  CONSTRAINT ck_attempt CHECK (attempt > 0),
  CHECK (status_code <> 0),
  UNIQUE (event_id, attempt) ON CONFLICT REPLACE
  -- the last word )
);
CREATE INDEX i_event ON webhook_logs (event_id);
CREATE INDEX i_created_desc ON webhook_logs ("created at" DESC);
CREATE INDEX i_failed ON webhook_logs (status_code) WHERE status_code >= 500;
CREATE INDEX i_lower ON webhook_logs (lower(url));
CREATE UNIQUE INDEX i_url ON webhook_logs (url COLLATE NOCASE, id);
CREATE TRIGGER log_inserted AFTER INSERT ON webhook_logs BEGIN INSERT INTO audit VALUES ('insert', new.id); END;
CREATE TRIGGER log_deleted AFTER DELETE ON webhook_logs BEGIN INSERT INTO audit VALUES ('delete', old.id); END;
CREATE TRIGGER event_inserted AFTER INSERT ON events BEGIN UPDATE webhook_logs SET attempt = attempt + 1 WHERE event_id = new.id; END;
CREATE VIEW failed_logs AS SELECT id, url FROM webhook_logs WHERE status_code >= 500;
CREATE VIEW failed_urls AS SELECT DISTINCT url FROM failed_logs;
CREATE TABLE log_notes (id INTEGER PRIMARY KEY, log_id INTEGER REFERENCES webhook_logs (id) ON DELETE CASCADE, note TEXT);
INSERT INTO alert_rules VALUES (1, 'a'), (2, 'b');
INSERT INTO events VALUES (1, 'e'), (2, 'f');
INSERT INTO webhook_logs (id, alert_rule_id, event_id, url, attempt, payload) VALUES
  (1, 1, 1, 'http://a', 1, x'00ff'), (2, 1, 2, 'http://b', 1, 'text in a blob'), (3, 2, NULL, 'http://c', 1, 3.0), (7, NULL, NULL, 'http://d', 2, NULL);
INSERT INTO webhook_logs (id, url) VALUES (900, 'http://e');
DELETE FROM webhook_logs WHERE id = 900; -- sqlite_sequence stays at 900
DELETE FROM audit;
INSERT INTO log_notes VALUES (1, 1, 'x'), (2, 2, 'y');
ANALYZE;
PRAGMA user_version = 42;
PRAGMA application_id = 7;

INSERT INTO webhook_logs (id, alert_rule_id, event_id, url) VALUES (20, 99, 1, 'http://orphan'), (21, 1, 99, 'http://orphan');
