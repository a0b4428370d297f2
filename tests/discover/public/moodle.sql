-- The shape of a part of Moodle: a prefix, no gaps in names, few keys declared; these are meant.
CREATE TABLE mdl_user (id INTEGER PRIMARY KEY, username TEXT, deleted INTEGER, mnethostid INTEGER);
CREATE TABLE mdl_course_categories (id INTEGER PRIMARY KEY, name TEXT, parent INTEGER REFERENCES mdl_course_categories (id), sortorder INTEGER, coursecount INTEGER, depth INTEGER);
CREATE TABLE mdl_course (id INTEGER PRIMARY KEY, category INTEGER REFERENCES mdl_course_categories (id), fullname TEXT, idnumber TEXT, visible INTEGER);
CREATE TABLE mdl_context (id INTEGER PRIMARY KEY, contextlevel INTEGER, instanceid INTEGER, depth INTEGER);
CREATE TABLE mdl_role (id INTEGER PRIMARY KEY, shortname TEXT, sortorder INTEGER);
CREATE TABLE mdl_role_assignments (id INTEGER PRIMARY KEY, roleid INTEGER NOT NULL REFERENCES mdl_role (id), contextid INTEGER NOT NULL REFERENCES mdl_context (id), userid INTEGER NOT NULL REFERENCES mdl_user (id), modifierid INTEGER REFERENCES mdl_user (id), sortorder INTEGER);
CREATE TABLE mdl_enrol (id INTEGER PRIMARY KEY, enrol TEXT, courseid INTEGER NOT NULL REFERENCES mdl_course (id), roleid INTEGER REFERENCES mdl_role (id), status INTEGER);
CREATE TABLE mdl_user_enrolments (id INTEGER PRIMARY KEY, enrolid INTEGER NOT NULL REFERENCES mdl_enrol (id), userid INTEGER NOT NULL REFERENCES mdl_user (id), status INTEGER);
CREATE TABLE mdl_forum (id INTEGER PRIMARY KEY, course INTEGER NOT NULL REFERENCES mdl_course (id), type TEXT, name TEXT, scale INTEGER);
CREATE TABLE mdl_forum_discussions (id INTEGER PRIMARY KEY, course INTEGER NOT NULL REFERENCES mdl_course (id), forum INTEGER NOT NULL REFERENCES mdl_forum (id), name TEXT, userid INTEGER REFERENCES mdl_user (id), groupid INTEGER REFERENCES mdl_groups (id));
CREATE TABLE mdl_forum_posts (id INTEGER PRIMARY KEY, discussion INTEGER NOT NULL REFERENCES mdl_forum_discussions (id), parent INTEGER REFERENCES mdl_forum_posts (id), userid INTEGER NOT NULL REFERENCES mdl_user (id), subject TEXT, wordcount INTEGER);
CREATE TABLE mdl_groups (id INTEGER PRIMARY KEY, courseid INTEGER NOT NULL REFERENCES mdl_course (id), idnumber TEXT, name TEXT);
CREATE TABLE mdl_groups_members (id INTEGER PRIMARY KEY, groupid INTEGER NOT NULL REFERENCES mdl_groups (id), userid INTEGER NOT NULL REFERENCES mdl_user (id), itemid INTEGER);
