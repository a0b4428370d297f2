-- The shape of Home Assistant's recorder.
CREATE TABLE event_data (data_id INTEGER PRIMARY KEY, hash BIGINT, shared_data TEXT);
CREATE TABLE event_types (event_type_id INTEGER PRIMARY KEY, event_type VARCHAR(64) UNIQUE);
CREATE TABLE events (event_id INTEGER PRIMARY KEY, event_type TEXT, origin_idx SMALLINT, time_fired_ts FLOAT, context_id_bin BLOB, data_id INTEGER REFERENCES event_data (data_id), event_type_id INTEGER REFERENCES event_types (event_type_id));
CREATE TABLE state_attributes (attributes_id INTEGER PRIMARY KEY, hash BIGINT, shared_attrs TEXT);
CREATE TABLE states_meta (metadata_id INTEGER PRIMARY KEY, entity_id VARCHAR(255) UNIQUE);
CREATE TABLE states (
    state_id INTEGER PRIMARY KEY, entity_id TEXT, state VARCHAR(255), event_id SMALLINT, last_updated_ts FLOAT, old_state_id INTEGER REFERENCES states (state_id), attributes_id INTEGER REFERENCES state_attributes (attributes_id),
    metadata_id INTEGER REFERENCES states_meta (metadata_id), origin_idx SMALLINT
);
CREATE TABLE statistics_meta (id INTEGER PRIMARY KEY, statistic_id VARCHAR(255) UNIQUE, source VARCHAR(32), unit_of_measurement VARCHAR(255));
CREATE TABLE statistics (id INTEGER PRIMARY KEY, created_ts FLOAT, metadata_id INTEGER REFERENCES statistics_meta (id) ON DELETE CASCADE, mean FLOAT, state FLOAT);
CREATE TABLE statistics_short_term (id INTEGER PRIMARY KEY, created_ts FLOAT, metadata_id INTEGER REFERENCES statistics_meta (id) ON DELETE CASCADE, mean FLOAT);
CREATE TABLE recorder_runs (run_id INTEGER PRIMARY KEY, start DATETIME, closed_incorrect BOOLEAN);
-- data
UPDATE states SET event_id = NULL, entity_id = NULL;
