CREATE TABLE alert_rules (
	id VARCHAR NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	is_enabled BOOLEAN NOT NULL, 
	conditions TEXT NOT NULL, 
	actions TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
)