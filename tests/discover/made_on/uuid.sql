-- UUIDs as text everywhere, external ids beside them.
CREATE TABLE organizations (id TEXT PRIMARY KEY, name TEXT, stripe_customer_id TEXT);
CREATE TABLE users (id TEXT PRIMARY KEY, organization_id TEXT NOT NULL REFERENCES organizations (id), email TEXT, google_id TEXT);
CREATE TABLE alert_rules (id VARCHAR(36) PRIMARY KEY, organization_id VARCHAR(36) NOT NULL REFERENCES organizations (id), created_by VARCHAR(36) REFERENCES users (id), threshold INTEGER);
CREATE TABLE events (id VARCHAR(36) PRIMARY KEY, alert_rule_id VARCHAR(36) NOT NULL REFERENCES alert_rules (id), severity INTEGER);
-- rows 900, orphans 12
CREATE TABLE webhook_logs (
    id INTEGER PRIMARY KEY, alert_rule_id VARCHAR(36) REFERENCES alert_rules (id), event_id VARCHAR(36) REFERENCES events (id),
    request_id TEXT, status_code INTEGER, attempt INTEGER
);
CREATE TABLE api_tokens (id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id), token TEXT UNIQUE);
CREATE TABLE notifications (id TEXT PRIMARY KEY, recipient_id TEXT NOT NULL REFERENCES users (id), event_id TEXT REFERENCES events (id), trace_id TEXT);
CREATE TABLE devices (id TEXT PRIMARY KEY, owner TEXT REFERENCES users (id), serial TEXT);
-- data
UPDATE organizations SET stripe_customer_id = 'cus_' || hex(randomblob(8));
UPDATE users SET google_id = abs(random());
UPDATE webhook_logs SET request_id = lower(hex(randomblob(16)));
UPDATE notifications SET trace_id = lower(hex(randomblob(16)));
