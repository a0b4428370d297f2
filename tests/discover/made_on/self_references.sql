-- Rows that refer to rows of the same table, by many words.
CREATE TABLE employees (employee_id INTEGER PRIMARY KEY, name TEXT, manager_id INTEGER REFERENCES employees (employee_id), salary INTEGER);
CREATE TABLE comments (
    id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts (id), parent_id INTEGER REFERENCES comments (id), author_id INTEGER REFERENCES employees (employee_id), depth INTEGER, votes INTEGER
);
CREATE TABLE posts (
    id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES employees (employee_id), in_reply_to_id INTEGER REFERENCES posts (id), duplicate_of_id INTEGER REFERENCES posts (id),
    root_id INTEGER REFERENCES posts (id), views INTEGER
);
CREATE TABLE folders (id INTEGER PRIMARY KEY, parent_folder_id INTEGER REFERENCES folders (id), lft INTEGER, rgt INTEGER, depth INTEGER);
CREATE TABLE files (id INTEGER PRIMARY KEY, folder_id INTEGER NOT NULL REFERENCES folders (id), previous_version_id INTEGER, original_file_id INTEGER REFERENCES files (id), size INTEGER);
CREATE TABLE tasks (id INTEGER PRIMARY KEY, parent_task_id INTEGER REFERENCES tasks (id), next_task_id INTEGER REFERENCES tasks (id), position INTEGER, priority INTEGER);
CREATE TABLE areas (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES areas (id), level INTEGER, name TEXT);
-- data
UPDATE files SET previous_version_id = 100000 + id;
