CREATE TABLE cameras (
	id VARCHAR NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE alert_rules (
	id VARCHAR NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	is_enabled BOOLEAN NOT NULL, 
	conditions TEXT NOT NULL, 
	actions TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_alert_rules_is_enabled ON alert_rules (is_enabled);
CREATE TABLE events (
	id VARCHAR NOT NULL, 
	camera_id VARCHAR NOT NULL, 
	timestamp DATETIME NOT NULL, 
	description TEXT NOT NULL, 
	confidence INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT check_confidence_range CHECK (confidence >= 0 AND confidence <= 100), 
	FOREIGN KEY(camera_id) REFERENCES cameras (id) ON DELETE CASCADE
);
CREATE TABLE notifications (
	id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	rule_id VARCHAR NOT NULL, 
	"read" BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE, 
	FOREIGN KEY(rule_id) REFERENCES alert_rules (id) ON DELETE CASCADE
);
CREATE TABLE webhook_logs (
	id INTEGER NOT NULL, 
	alert_rule_id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	url VARCHAR(2000) NOT NULL, 
	status_code INTEGER NOT NULL, 
	response_time_ms INTEGER NOT NULL, 
	retry_count INTEGER NOT NULL, 
	success BOOLEAN NOT NULL, 
	error_message TEXT, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
CREATE INDEX ix_webhook_logs_alert_rule_id ON webhook_logs (alert_rule_id);
CREATE INDEX ix_webhook_logs_event_id ON webhook_logs (event_id);
CREATE INDEX idx_webhook_logs_rule_event ON webhook_logs (alert_rule_id, event_id);
CREATE INDEX idx_webhook_logs_created ON webhook_logs (created_at);
