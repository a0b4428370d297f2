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
)