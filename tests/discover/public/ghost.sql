-- The shape of a part of Ghost: ids are texts of 24 characters.
CREATE TABLE users (id varchar(24) PRIMARY KEY, name varchar(191), slug varchar(191) UNIQUE, status varchar(50));
CREATE TABLE posts (id varchar(24) PRIMARY KEY, uuid varchar(36), title text, slug varchar(191), comment_id varchar(50), newsletter_id varchar(24) REFERENCES newsletters (id), published_by varchar(24) REFERENCES users (id));
CREATE TABLE posts_meta (id varchar(24) PRIMARY KEY, post_id varchar(24) NOT NULL UNIQUE REFERENCES posts (id), og_title text);
CREATE TABLE posts_authors (id varchar(24) PRIMARY KEY, post_id varchar(24) NOT NULL REFERENCES posts (id), author_id varchar(24) NOT NULL REFERENCES users (id), sort_order integer);
CREATE TABLE tags (id varchar(24) PRIMARY KEY, name varchar(191), parent_id varchar(24));
CREATE TABLE posts_tags (id varchar(24) PRIMARY KEY, post_id varchar(24) NOT NULL REFERENCES posts (id), tag_id varchar(24) NOT NULL REFERENCES tags (id), sort_order integer);
CREATE TABLE members (id varchar(24) PRIMARY KEY, email varchar(191) UNIQUE, status varchar(50), email_count integer);
CREATE TABLE newsletters (id varchar(24) PRIMARY KEY, name varchar(191), sort_order integer);
CREATE TABLE members_newsletters (id varchar(24) PRIMARY KEY, member_id varchar(24) NOT NULL REFERENCES members (id), newsletter_id varchar(24) NOT NULL REFERENCES newsletters (id));
CREATE TABLE members_stripe_customers (id varchar(24) PRIMARY KEY, member_id varchar(24) NOT NULL REFERENCES members (id), customer_id varchar(255) NOT NULL UNIQUE, name varchar(191));
CREATE TABLE comments (id varchar(24) PRIMARY KEY, post_id varchar(24) NOT NULL REFERENCES posts (id), member_id varchar(24) REFERENCES members (id), parent_id varchar(24) REFERENCES comments (id), in_reply_to_id varchar(24) REFERENCES comments (id), html text);
CREATE TABLE comment_likes (id varchar(24) PRIMARY KEY, comment_id varchar(24) NOT NULL REFERENCES comments (id), member_id varchar(24) REFERENCES members (id));
CREATE TABLE emails (id varchar(24) PRIMARY KEY, post_id varchar(24) NOT NULL UNIQUE, newsletter_id varchar(24) REFERENCES newsletters (id), email_count integer);
CREATE TABLE email_batches (id varchar(24) PRIMARY KEY, email_id varchar(24) NOT NULL REFERENCES emails (id), provider_id varchar(255), status varchar(50));
-- data
UPDATE posts SET comment_id = lower(hex(randomblob(12)));
UPDATE tags SET parent_id = NULL;
UPDATE members_stripe_customers SET customer_id = 'cus_' || hex(randomblob(7));
UPDATE emails SET post_id = (SELECT id FROM posts WHERE posts.rowid = emails.rowid);
