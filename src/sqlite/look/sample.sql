-- A small application: rules, the events that set them off, and a log of what was sent.
-- Rules and events were deleted over time; their logs stayed.
CREATE TABLE alert_rules (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    happened_at DATETIME NOT NULL,
    description TEXT NOT NULL
);
CREATE TABLE webhook_logs (
    id INTEGER PRIMARY KEY,
    alert_rule_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    url TEXT NOT NULL,
    status_code INTEGER NOT NULL DEFAULT 0, -- 0: no answer
    created_at DATETIME NOT NULL
);
CREATE INDEX idx_webhook_logs_alert_rule ON webhook_logs (alert_rule_id);
CREATE INDEX idx_webhook_logs_event ON webhook_logs (event_id);
CREATE INDEX idx_webhook_logs_failed ON webhook_logs (created_at DESC) WHERE status_code <> 200;
CREATE VIEW failed_webhooks AS SELECT id, url, status_code FROM webhook_logs WHERE status_code <> 200;

INSERT INTO alert_rules VALUES
    ('rule-1', 'a person at the door'), ('rule-2', 'a car in the drive'), ('rule-3', 'the dog got out');
INSERT INTO events
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
    SELECT 'event-' || i, printf('2026-05-%02d %02d:15:00', 1 + i % 28, i % 24), 'motion was seen' FROM n;
-- 1 to 200 are sound; 201 to 212 name a rule that is gone, 213 to 230 an event that is gone.
INSERT INTO webhook_logs
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 230)
    SELECT i,
        CASE WHEN i BETWEEN 201 AND 212 THEN 'rule-0' ELSE 'rule-' || (1 + i % 3) END,
        CASE WHEN i > 212 THEN 'event-' || (900 + i % 4) ELSE 'event-' || (1 + i % 40) END,
        'https://hooks.example.com/' || (1 + i % 3),
        CASE WHEN i % 20 = 0 THEN 503 ELSE 200 END,
        printf('2026-05-%02d %02d:15:01', 1 + i % 28, i % 24)
    FROM n;
