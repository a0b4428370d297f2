CREATE TABLE cameras (
	id VARCHAR NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	is_enabled BOOLEAN DEFAULT '1' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE alert_rules (
	id VARCHAR NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	is_enabled BOOLEAN DEFAULT '1' NOT NULL, 
	conditions TEXT DEFAULT '{}' NOT NULL, 
	actions TEXT DEFAULT '{}' NOT NULL, 
	cooldown_minutes INTEGER DEFAULT '5' NOT NULL, 
	last_triggered_at DATETIME, 
	trigger_count INTEGER DEFAULT '0' NOT NULL, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, 
	updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, entity_id VARCHAR(36), entity_match_mode VARCHAR(20) DEFAULT 'any' NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX idx_alert_rules_is_enabled ON alert_rules (is_enabled);
CREATE TABLE events (
	id VARCHAR NOT NULL, 
	camera_id VARCHAR NOT NULL, 
	timestamp DATETIME NOT NULL, 
	description TEXT NOT NULL, 
	confidence INTEGER NOT NULL, 
	objects_detected TEXT NOT NULL, 
	thumbnail_path VARCHAR(500), 
	alert_triggered BOOLEAN DEFAULT '0' NOT NULL, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT check_confidence_range CHECK (confidence >= 0 AND confidence <= 100), 
	FOREIGN KEY(camera_id) REFERENCES cameras (id) ON DELETE CASCADE
);
CREATE INDEX idx_events_timestamp_desc ON events (timestamp DESC);
CREATE INDEX idx_events_camera_timestamp ON events (camera_id, timestamp);
CREATE VIRTUAL TABLE events_fts USING fts5(id UNINDEXED, description, content='events', content_rowid='rowid')
/* events_fts(id,description) */;
CREATE TABLE IF NOT EXISTS 'events_fts_data'(id INTEGER PRIMARY KEY, block BLOB);
CREATE TABLE IF NOT EXISTS 'events_fts_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS 'events_fts_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
CREATE TABLE IF NOT EXISTS 'events_fts_config'(k PRIMARY KEY, v) WITHOUT ROWID;
CREATE TRIGGER events_ai AFTER INSERT ON events BEGIN
  INSERT INTO events_fts(rowid, id, description) VALUES (new.rowid, new.id, new.description);
END;
CREATE TRIGGER events_ad AFTER DELETE ON events BEGIN
  INSERT INTO events_fts(events_fts, rowid, id, description) VALUES ('delete', old.rowid, old.id, old.description);
END;
CREATE TRIGGER events_au AFTER UPDATE ON events BEGIN
  INSERT INTO events_fts(events_fts, rowid, id, description) VALUES ('delete', old.rowid, old.id, old.description);
  INSERT INTO events_fts(rowid, id, description) VALUES (new.rowid, new.id, new.description);
END;
CREATE TABLE event_feedback (
	id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	rating VARCHAR(20) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE, 
	UNIQUE (event_id)
);
CREATE TABLE webhook_logs (
	id INTEGER NOT NULL, 
	alert_rule_id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	url VARCHAR(2000) NOT NULL, 
	status_code INTEGER DEFAULT '0' NOT NULL, 
	response_time_ms INTEGER DEFAULT '0' NOT NULL, 
	retry_count INTEGER DEFAULT '0' NOT NULL, 
	success BOOLEAN DEFAULT '0' NOT NULL, 
	error_message TEXT, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX idx_webhook_logs_alert_rule ON webhook_logs (alert_rule_id);
CREATE INDEX idx_webhook_logs_event ON webhook_logs (event_id);
CREATE INDEX idx_webhook_logs_rule_event ON webhook_logs (alert_rule_id, event_id);
CREATE INDEX idx_webhook_logs_created ON webhook_logs (created_at);
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
