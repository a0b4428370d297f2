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
)