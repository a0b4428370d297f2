CREATE TABLE alert_rules (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, kind TEXT);
CREATE TABLE audit (what TEXT, log_id INTEGER);
CREATE TABLE sqlite_sequence(name,seq);
CREATE TRIGGER event_inserted AFTER INSERT ON events BEGIN UPDATE webhook_logs SET attempt = attempt + 1 WHERE event_id = new.id; END;
CREATE VIEW failed_logs AS SELECT id, url FROM webhook_logs WHERE status_code >= 500
/* failed_logs(id,url) */;
CREATE VIEW failed_urls AS SELECT DISTINCT url FROM failed_logs
/* failed_urls(url) */;
CREATE TABLE log_notes (id INTEGER PRIMARY KEY, log_id INTEGER REFERENCES webhook_logs (id) ON DELETE CASCADE, note TEXT);
CREATE TABLE sqlite_stat1(tbl,idx,stat);
CREATE TABLE fkfix_schema_history (version INTEGER PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT, adopted TEXT);
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
, CONSTRAINT fk_webhook_logs_alert_rule FOREIGN KEY (alert_rule_id) REFERENCES alert_rules (id) ON DELETE CASCADE, CONSTRAINT fk_webhook_logs_event FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE);
CREATE INDEX i_event ON webhook_logs (event_id);
CREATE INDEX i_created_desc ON webhook_logs ("created at" DESC);
CREATE INDEX i_failed ON webhook_logs (status_code) WHERE status_code >= 500;
CREATE INDEX i_lower ON webhook_logs (lower(url));
CREATE UNIQUE INDEX i_url ON webhook_logs (url COLLATE NOCASE, id);
CREATE TRIGGER log_inserted AFTER INSERT ON webhook_logs BEGIN INSERT INTO audit VALUES ('insert', new.id); END;
CREATE TRIGGER log_deleted AFTER DELETE ON webhook_logs BEGIN INSERT INTO audit VALUES ('delete', old.id); END;
