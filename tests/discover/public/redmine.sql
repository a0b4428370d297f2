-- The shape of a part of Redmine; it declares no key, these are the ones it means.
CREATE TABLE users (id INTEGER PRIMARY KEY, login varchar, firstname varchar, status integer, type varchar, auth_source_id integer REFERENCES auth_sources (id));
CREATE TABLE auth_sources (id INTEGER PRIMARY KEY, type varchar, name varchar, port integer);
CREATE TABLE projects (id INTEGER PRIMARY KEY, name varchar, parent_id integer REFERENCES projects (id), status integer, lft integer, rgt integer, default_version_id integer REFERENCES versions (id), default_assigned_to_id integer REFERENCES users (id));
CREATE TABLE trackers (id INTEGER PRIMARY KEY, name varchar, position integer, default_status_id integer REFERENCES issue_statuses (id));
CREATE TABLE issue_statuses (id INTEGER PRIMARY KEY, name varchar, position integer);
CREATE TABLE enumerations (id INTEGER PRIMARY KEY, name varchar, type varchar, position integer, project_id integer REFERENCES projects (id), parent_id integer REFERENCES enumerations (id));
CREATE TABLE issue_categories (id INTEGER PRIMARY KEY, project_id integer NOT NULL REFERENCES projects (id), name varchar, assigned_to_id integer REFERENCES users (id));
CREATE TABLE versions (id INTEGER PRIMARY KEY, project_id integer NOT NULL REFERENCES projects (id), name varchar, sharing varchar);
CREATE TABLE issues (
    id INTEGER PRIMARY KEY, tracker_id integer NOT NULL REFERENCES trackers (id), project_id integer NOT NULL REFERENCES projects (id), subject varchar, category_id integer REFERENCES issue_categories (id),
    status_id integer NOT NULL REFERENCES issue_statuses (id), assigned_to_id integer REFERENCES users (id), priority_id integer NOT NULL REFERENCES enumerations (id), fixed_version_id integer REFERENCES versions (id),
    author_id integer NOT NULL REFERENCES users (id), lock_version integer, done_ratio integer, parent_id integer REFERENCES issues (id), root_id integer REFERENCES issues (id), lft integer, rgt integer
);
CREATE TABLE journals (id INTEGER PRIMARY KEY, journalized_id integer NOT NULL, journalized_type varchar, user_id integer NOT NULL REFERENCES users (id), notes text);
CREATE TABLE journal_details (id INTEGER PRIMARY KEY, journal_id integer NOT NULL REFERENCES journals (id), property varchar, old_value text);
CREATE TABLE time_entries (
    id INTEGER PRIMARY KEY, project_id integer NOT NULL REFERENCES projects (id), user_id integer NOT NULL REFERENCES users (id), issue_id integer REFERENCES issues (id), hours float, activity_id integer NOT NULL REFERENCES enumerations (id), tyear integer, tweek integer
);
CREATE TABLE members (id INTEGER PRIMARY KEY, user_id integer NOT NULL REFERENCES users (id), project_id integer NOT NULL REFERENCES projects (id));
CREATE TABLE roles (id INTEGER PRIMARY KEY, name varchar, position integer, builtin integer);
CREATE TABLE member_roles (id INTEGER PRIMARY KEY, member_id integer NOT NULL REFERENCES members (id), role_id integer NOT NULL REFERENCES roles (id), inherited_from integer REFERENCES member_roles (id));
CREATE TABLE issue_relations (id INTEGER PRIMARY KEY, issue_from_id integer NOT NULL REFERENCES issues (id), issue_to_id integer NOT NULL REFERENCES issues (id), relation_type varchar, delay integer);
CREATE TABLE attachments (id INTEGER PRIMARY KEY, container_id integer, container_type varchar, filename varchar, filesize integer, author_id integer NOT NULL REFERENCES users (id));
CREATE TABLE watchers (id INTEGER PRIMARY KEY, watchable_type varchar, watchable_id integer, user_id integer REFERENCES users (id));
-- data
UPDATE journals SET journalized_type = 'Issue', journalized_id = id;
UPDATE attachments SET container_type = CASE id % 2 WHEN 0 THEN 'Issue' ELSE 'Version' END, container_id = id % 20 + 1;
UPDATE watchers SET watchable_type = 'Issue', watchable_id = id % 20 + 1;
