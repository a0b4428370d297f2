ALTER TABLE webhook_logs
    ADD CONSTRAINT fk_webhook_logs_alert_rule
    FOREIGN KEY (alert_rule_id) REFERENCES alert_rules (id) ON DELETE CASCADE;

ALTER TABLE webhook_logs
    ADD CONSTRAINT fk_webhook_logs_event
    FOREIGN KEY (event_id) REFERENCES events (id) ON DELETE CASCADE;
