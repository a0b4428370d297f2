-- The shape of a part of Mastodon: keys named by the application, and many to accounts by role.
CREATE TABLE accounts (id INTEGER PRIMARY KEY, username varchar, uri varchar, moved_to_account_id bigint REFERENCES accounts (id), suspension_origin integer, featured_collection_url varchar);
CREATE TABLE users (
    id INTEGER PRIMARY KEY, email varchar UNIQUE, account_id bigint NOT NULL REFERENCES accounts (id), invite_id bigint REFERENCES invites (id), sign_in_count integer,
    created_by_application_id bigint REFERENCES oauth_applications (id), role_id bigint REFERENCES user_roles (id)
);
CREATE TABLE user_roles (id INTEGER PRIMARY KEY, name varchar, position integer, permissions bigint);
CREATE TABLE invites (id INTEGER PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id), code varchar UNIQUE, max_uses integer, uses integer);
CREATE TABLE oauth_applications (id INTEGER PRIMARY KEY, name varchar, uid varchar UNIQUE, owner_id bigint REFERENCES users (id), owner_type varchar);
CREATE TABLE oauth_access_tokens (id INTEGER PRIMARY KEY, token varchar UNIQUE, expires_in integer, application_id bigint REFERENCES oauth_applications (id), resource_owner_id bigint REFERENCES users (id));
CREATE TABLE oauth_access_grants (id INTEGER PRIMARY KEY, token varchar UNIQUE, application_id bigint NOT NULL REFERENCES oauth_applications (id), resource_owner_id bigint NOT NULL REFERENCES users (id));
CREATE TABLE session_activations (id INTEGER PRIMARY KEY, session_id varchar UNIQUE, user_id bigint NOT NULL REFERENCES users (id), access_token_id bigint REFERENCES oauth_access_tokens (id), web_push_subscription_id bigint);
CREATE TABLE web_push_subscriptions (id INTEGER PRIMARY KEY, endpoint varchar, access_token_id bigint NOT NULL REFERENCES oauth_access_tokens (id), user_id bigint NOT NULL REFERENCES users (id));
CREATE TABLE statuses (
    id INTEGER PRIMARY KEY, uri varchar, in_reply_to_id bigint REFERENCES statuses (id), reblog_of_id bigint REFERENCES statuses (id), visibility integer, account_id bigint NOT NULL REFERENCES accounts (id),
    in_reply_to_account_id bigint REFERENCES accounts (id)
);
CREATE TABLE status_stats (id INTEGER PRIMARY KEY, status_id bigint NOT NULL REFERENCES statuses (id), replies_count bigint, reblogs_count bigint);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name varchar, max_score integer);
CREATE TABLE statuses_tags (status_id bigint NOT NULL REFERENCES statuses (id), tag_id bigint NOT NULL REFERENCES tags (id), PRIMARY KEY (tag_id, status_id));
CREATE TABLE mentions (id INTEGER PRIMARY KEY, status_id bigint NOT NULL REFERENCES statuses (id), account_id bigint NOT NULL REFERENCES accounts (id));
CREATE TABLE follows (id INTEGER PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (id), target_account_id bigint NOT NULL REFERENCES accounts (id), uri varchar);
CREATE TABLE follow_requests (id INTEGER PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (id), target_account_id bigint NOT NULL REFERENCES accounts (id));
CREATE TABLE lists (id INTEGER PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (id), title varchar, replies_policy integer);
CREATE TABLE list_accounts (
    id INTEGER PRIMARY KEY, list_id bigint NOT NULL REFERENCES lists (id), account_id bigint NOT NULL REFERENCES accounts (id), follow_id bigint REFERENCES follows (id), follow_request_id bigint REFERENCES follow_requests (id)
);
CREATE TABLE notifications (id INTEGER PRIMARY KEY, activity_id bigint NOT NULL, activity_type varchar NOT NULL, account_id bigint NOT NULL REFERENCES accounts (id), from_account_id bigint NOT NULL REFERENCES accounts (id));
CREATE TABLE reports (
    id INTEGER PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (id), action_taken_by_account_id bigint REFERENCES accounts (id), target_account_id bigint NOT NULL REFERENCES accounts (id),
    assigned_account_id bigint REFERENCES accounts (id), category integer, application_id bigint REFERENCES oauth_applications (id)
);
CREATE TABLE report_notes (id INTEGER PRIMARY KEY, content text, report_id bigint NOT NULL REFERENCES reports (id), account_id bigint NOT NULL REFERENCES accounts (id));
CREATE TABLE polls (id INTEGER PRIMARY KEY, account_id bigint REFERENCES accounts (id), status_id bigint REFERENCES statuses (id), votes_count bigint);
CREATE TABLE poll_votes (id INTEGER PRIMARY KEY, account_id bigint REFERENCES accounts (id), poll_id bigint REFERENCES polls (id), choice integer);
CREATE TABLE quotes (
    id INTEGER PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts (id), status_id bigint NOT NULL REFERENCES statuses (id), quoted_account_id bigint REFERENCES accounts (id), quoted_status_id bigint REFERENCES statuses (id), state integer
);
CREATE TABLE email_domain_blocks (id INTEGER PRIMARY KEY, domain varchar UNIQUE, parent_id bigint REFERENCES email_domain_blocks (id));
CREATE TABLE relationship_severance_events (id INTEGER PRIMARY KEY, type integer, target_name varchar);
CREATE TABLE severed_relationships (
    id INTEGER PRIMARY KEY, relationship_severance_event_id bigint NOT NULL REFERENCES relationship_severance_events (id), local_account_id bigint NOT NULL REFERENCES accounts (id),
    remote_account_id bigint NOT NULL REFERENCES accounts (id), direction integer
);
CREATE TABLE webauthn_credentials (id INTEGER PRIMARY KEY, external_id varchar UNIQUE, public_key varchar, sign_count bigint, user_id bigint REFERENCES users (id));
-- data
UPDATE notifications SET activity_type = CASE id % 3 WHEN 0 THEN 'Mention' WHEN 1 THEN 'Follow' ELSE 'Status' END, activity_id = id;
UPDATE oauth_applications SET owner_type = 'User';
UPDATE session_activations SET session_id = lower(hex(randomblob(16))), web_push_subscription_id = NULL;
