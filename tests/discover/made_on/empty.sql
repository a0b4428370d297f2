-- A schema that no row has entered yet: only names and types speak.
-- rows 0
CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT, plan TEXT);
-- rows 0
CREATE TABLE users (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES accounts (id), email TEXT, invited_by_id INTEGER REFERENCES users (id));
-- rows 0
CREATE TABLE boards (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES accounts (id), owner_id INTEGER REFERENCES users (id), position INTEGER);
-- rows 0
CREATE TABLE columns (id INTEGER PRIMARY KEY, board_id INTEGER NOT NULL REFERENCES boards (id), wip_limit INTEGER);
-- rows 0
CREATE TABLE cards (
    id INTEGER PRIMARY KEY, column_id INTEGER NOT NULL REFERENCES columns (id), parent_id INTEGER REFERENCES cards (id), assignee_id INTEGER REFERENCES users (id),
    created_by INTEGER REFERENCES users (id), number INTEGER, trello_id TEXT
);
-- rows 0
CREATE TABLE card_labels (card_id INTEGER NOT NULL REFERENCES cards (id), label_id INTEGER NOT NULL REFERENCES labels (id), PRIMARY KEY (card_id, label_id));
-- rows 0
CREATE TABLE labels (id INTEGER PRIMARY KEY, board_id INTEGER NOT NULL REFERENCES boards (id), color TEXT);
-- rows 0
CREATE TABLE attachments (id INTEGER PRIMARY KEY, attachable_type TEXT, attachable_id INTEGER, uploader_id INTEGER REFERENCES users (id), byte_size INTEGER, s3_object_id TEXT);
-- rows 0
CREATE TABLE charges (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES accounts (id), stripe_account_id TEXT, invoice_no INTEGER);
