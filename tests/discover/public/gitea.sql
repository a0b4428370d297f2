-- The shape of a part of Gitea, which declares no key; these are the ones it means.
CREATE TABLE user (id INTEGER PRIMARY KEY, lower_name TEXT UNIQUE, type INTEGER, login_source INTEGER, num_followers INTEGER, visibility INTEGER);
CREATE TABLE repository (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES user (id), owner_name TEXT, name TEXT, num_watches INTEGER, num_issues INTEGER, fork_id INTEGER REFERENCES repository (id), size INTEGER);
CREATE TABLE issue (id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL REFERENCES repository (id), "index" INTEGER, poster_id INTEGER NOT NULL REFERENCES user (id), name TEXT, milestone_id INTEGER REFERENCES milestone (id), priority INTEGER, num_comments INTEGER);
CREATE TABLE milestone (id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL REFERENCES repository (id), name TEXT, num_issues INTEGER, completeness INTEGER);
CREATE TABLE label (id INTEGER PRIMARY KEY, repo_id INTEGER REFERENCES repository (id), org_id INTEGER REFERENCES user (id), name TEXT, color TEXT, num_issues INTEGER);
CREATE TABLE issue_label (id INTEGER PRIMARY KEY, issue_id INTEGER NOT NULL REFERENCES issue (id), label_id INTEGER NOT NULL REFERENCES label (id), UNIQUE (issue_id, label_id));
CREATE TABLE issue_assignees (id INTEGER PRIMARY KEY, assignee_id INTEGER NOT NULL REFERENCES user (id), issue_id INTEGER NOT NULL REFERENCES issue (id));
CREATE TABLE comment (
    id INTEGER PRIMARY KEY, type INTEGER, poster_id INTEGER NOT NULL REFERENCES user (id), issue_id INTEGER NOT NULL REFERENCES issue (id), label_id INTEGER REFERENCES label (id), milestone_id INTEGER REFERENCES milestone (id),
    old_milestone_id INTEGER REFERENCES milestone (id), assignee_id INTEGER REFERENCES user (id), line INTEGER
);
CREATE TABLE reaction (id INTEGER PRIMARY KEY, type TEXT, issue_id INTEGER NOT NULL REFERENCES issue (id), comment_id INTEGER REFERENCES comment (id), user_id INTEGER NOT NULL REFERENCES user (id));
CREATE TABLE pull_request (id INTEGER PRIMARY KEY, type INTEGER, status INTEGER, issue_id INTEGER NOT NULL REFERENCES issue (id), head_repo_id INTEGER REFERENCES repository (id), base_repo_id INTEGER REFERENCES repository (id), merger_id INTEGER REFERENCES user (id));
CREATE TABLE release (id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL REFERENCES repository (id), publisher_id INTEGER REFERENCES user (id), tag_name TEXT, num_commits INTEGER);
CREATE TABLE attachment (id INTEGER PRIMARY KEY, uuid TEXT UNIQUE, repo_id INTEGER REFERENCES repository (id), issue_id INTEGER REFERENCES issue (id), release_id INTEGER REFERENCES release (id), uploader_id INTEGER REFERENCES user (id), comment_id INTEGER REFERENCES comment (id), download_count INTEGER);
CREATE TABLE public_key (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES user (id), name TEXT, fingerprint TEXT, mode INTEGER);
CREATE TABLE deploy_key (id INTEGER PRIMARY KEY, key_id INTEGER REFERENCES public_key (id), repo_id INTEGER REFERENCES repository (id), mode INTEGER);
CREATE TABLE access (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES user (id), repo_id INTEGER NOT NULL REFERENCES repository (id), mode INTEGER);
CREATE TABLE watch (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES user (id), repo_id INTEGER NOT NULL REFERENCES repository (id), mode INTEGER);
CREATE TABLE star (id INTEGER PRIMARY KEY, uid INTEGER NOT NULL REFERENCES user (id), repo_id INTEGER NOT NULL REFERENCES repository (id));
CREATE TABLE follow (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES user (id), follow_id INTEGER NOT NULL REFERENCES user (id));
CREATE TABLE team (id INTEGER PRIMARY KEY, org_id INTEGER NOT NULL REFERENCES user (id), name TEXT, num_members INTEGER);
CREATE TABLE team_user (id INTEGER PRIMARY KEY, org_id INTEGER REFERENCES user (id), team_id INTEGER NOT NULL REFERENCES team (id), uid INTEGER NOT NULL REFERENCES user (id));
CREATE TABLE tracked_time (id INTEGER PRIMARY KEY, issue_id INTEGER NOT NULL REFERENCES issue (id), user_id INTEGER NOT NULL REFERENCES user (id), time INTEGER);
