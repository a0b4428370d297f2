-- Few keys, and much that only looks like one.
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, legacy_user_id INTEGER, github_user_id INTEGER, user_type INTEGER);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), status_id INTEGER, session_id TEXT, like_count INTEGER, version_number INTEGER);
CREATE TABLE versions (id INTEGER PRIMARY KEY, item_type TEXT NOT NULL, item_id INTEGER NOT NULL, event TEXT);
CREATE TABLE statuses (id INTEGER PRIMARY KEY, label TEXT);
CREATE TABLE comments (id INTEGER PRIMARY KEY, commentable_type TEXT, commentable_id INTEGER, user_id INTEGER REFERENCES users (id), user_name TEXT, level INTEGER);
CREATE TABLE post_stats (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts (id), users INTEGER, comments INTEGER, posts INTEGER);
CREATE TABLE customers (id INTEGER PRIMARY KEY, stripe_customer_id TEXT, external_id INTEGER, customer_number INTEGER);
CREATE TABLE attachments (id INTEGER PRIMARY KEY, post_type TEXT, post_id INTEGER, owner_type TEXT, owner_id INTEGER);
CREATE TABLE imports (id INTEGER PRIMARY KEY, tmp_customer_id INTEGER, row_number INTEGER, batch_id INTEGER, worker_id INTEGER);
CREATE TABLE levels (id INTEGER PRIMARY KEY, points INTEGER);
CREATE TABLE jobs (id INTEGER PRIMARY KEY, process_id INTEGER, thread_id INTEGER, queue_id INTEGER, priority INTEGER, attempts INTEGER);
CREATE TABLE processes (id INTEGER PRIMARY KEY, name TEXT);
CREATE VIEW active_users AS SELECT * FROM users;
CREATE VIRTUAL TABLE posts_search USING fts5(body, user_id);
-- data
UPDATE users SET legacy_user_id = 50000 + id * 7, github_user_id = 1000000 + id * 13;
UPDATE posts SET status_id = 100 + id % 5, session_id = lower(hex(randomblob(16)));
UPDATE versions SET item_type = CASE id % 2 WHEN 0 THEN 'Post' ELSE 'Comment' END, item_id = id % 20 + 1;
UPDATE comments SET commentable_type = CASE id % 2 WHEN 0 THEN 'Post' ELSE 'User' END, commentable_id = id % 20 + 1, user_name = 'name ' || id;
UPDATE customers SET stripe_customer_id = 'cus_' || id, external_id = 90000 + id, customer_number = 10000 + id;
UPDATE attachments SET post_type = CASE id % 2 WHEN 0 THEN 'Post' ELSE 'Comment' END, post_id = id % 20 + 1, owner_type = CASE id % 2 WHEN 0 THEN 'User' ELSE 'Customer' END, owner_id = id % 20 + 1;
UPDATE imports SET tmp_customer_id = 700000 + id;
UPDATE jobs SET process_id = 20000 + id * 3, thread_id = 140000 + id;
INSERT INTO posts_search (body, user_id) SELECT 'text', user_id FROM posts;
