-- Django: each table with its application's name before it.
CREATE TABLE django_content_type (id INTEGER PRIMARY KEY, app_label varchar(100) NOT NULL, model varchar(100) NOT NULL);
CREATE TABLE auth_permission (id INTEGER PRIMARY KEY, content_type_id integer NOT NULL REFERENCES django_content_type (id), codename varchar(100), UNIQUE (content_type_id, codename));
CREATE TABLE auth_group (id INTEGER PRIMARY KEY, name varchar(150) UNIQUE);
CREATE TABLE auth_group_permissions (
    id INTEGER PRIMARY KEY, group_id integer NOT NULL REFERENCES auth_group (id), permission_id integer NOT NULL REFERENCES auth_permission (id), UNIQUE (group_id, permission_id)
);
CREATE TABLE auth_user (id INTEGER PRIMARY KEY, username varchar(150) UNIQUE, is_staff bool, date_joined datetime);
CREATE TABLE auth_user_groups (id INTEGER PRIMARY KEY, user_id integer NOT NULL REFERENCES auth_user (id), group_id integer NOT NULL REFERENCES auth_group (id), UNIQUE (user_id, group_id));
CREATE TABLE django_admin_log (
    id INTEGER PRIMARY KEY, object_id text, object_repr varchar(200), action_flag smallint, content_type_id integer REFERENCES django_content_type (id), user_id integer NOT NULL REFERENCES auth_user (id)
);
CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text);
CREATE TABLE polls_question (id INTEGER PRIMARY KEY, question_text varchar(200), author_id integer REFERENCES auth_user (id));
CREATE TABLE polls_choice (id INTEGER PRIMARY KEY, question_id integer NOT NULL REFERENCES polls_question (id), votes integer NOT NULL);
CREATE TABLE blog_category (id INTEGER PRIMARY KEY, name varchar(100), parent_id integer REFERENCES blog_category (id), lft integer, rght integer, tree_id integer, level integer);
CREATE TABLE blog_post (id INTEGER PRIMARY KEY, author_id integer NOT NULL REFERENCES auth_user (id), category_id integer REFERENCES blog_category (id), slug varchar(50));
CREATE TABLE blog_post_tags (id INTEGER PRIMARY KEY, post_id integer NOT NULL REFERENCES blog_post (id), tag_id integer NOT NULL REFERENCES blog_tag (id));
CREATE TABLE blog_tag (id INTEGER PRIMARY KEY, name varchar(50));
