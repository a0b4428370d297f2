ALTER TABLE webhook_logs DROP CONSTRAINT fk_webhook_logs_event;

ALTER TABLE webhook_logs DROP CONSTRAINT fk_webhook_logs_alert_rule;
