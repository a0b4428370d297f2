CREATE TABLE events (
	id VARCHAR NOT NULL, 
	camera_id VARCHAR NOT NULL, 
	timestamp DATETIME NOT NULL, 
	description TEXT NOT NULL, 
	confidence INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT check_confidence_range CHECK (confidence >= 0 AND confidence <= 100), 
	FOREIGN KEY(camera_id) REFERENCES cameras (id) ON DELETE CASCADE
)