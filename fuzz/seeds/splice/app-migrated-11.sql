CREATE TABLE event_feedback (
	id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	rating VARCHAR(20) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE, 
	UNIQUE (event_id)
)