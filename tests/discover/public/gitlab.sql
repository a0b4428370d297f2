-- The shape of a part of GitLab.
CREATE TABLE users (id INTEGER PRIMARY KEY, email varchar, username varchar, projects_limit integer, sign_in_count integer, managing_group_id bigint REFERENCES namespaces (id));
CREATE TABLE namespaces (id INTEGER PRIMARY KEY, name varchar, owner_id bigint REFERENCES users (id), type varchar, parent_id bigint REFERENCES namespaces (id), visibility_level integer);
CREATE TABLE projects (id INTEGER PRIMARY KEY, name varchar, creator_id bigint REFERENCES users (id), namespace_id bigint NOT NULL REFERENCES namespaces (id), star_count integer, marked_for_deletion_by_user_id bigint REFERENCES users (id));
CREATE TABLE milestones (id INTEGER PRIMARY KEY, title varchar, project_id bigint REFERENCES projects (id), group_id bigint REFERENCES namespaces (id), iid integer);
CREATE TABLE issues (
    id INTEGER PRIMARY KEY, title varchar, author_id bigint REFERENCES users (id), project_id bigint REFERENCES projects (id), milestone_id bigint REFERENCES milestones (id), iid integer, updated_by_id bigint REFERENCES users (id),
    moved_to_id bigint REFERENCES issues (id), closed_by_id bigint REFERENCES users (id), duplicated_to_id bigint REFERENCES issues (id), relative_position integer
);
CREATE TABLE issue_assignees (user_id bigint NOT NULL REFERENCES users (id), issue_id bigint NOT NULL REFERENCES issues (id), PRIMARY KEY (issue_id, user_id));
CREATE TABLE merge_requests (
    id INTEGER PRIMARY KEY, target_branch varchar, source_project_id bigint REFERENCES projects (id), author_id bigint REFERENCES users (id), assignee_id bigint REFERENCES users (id), target_project_id bigint NOT NULL REFERENCES projects (id),
    iid integer, merge_user_id bigint REFERENCES users (id), latest_merge_request_diff_id bigint REFERENCES merge_request_diffs (id), head_pipeline_id bigint REFERENCES ci_pipelines (id), milestone_id bigint REFERENCES milestones (id)
);
CREATE TABLE merge_request_diffs (id INTEGER PRIMARY KEY, state varchar, merge_request_id bigint NOT NULL REFERENCES merge_requests (id), commits_count integer);
CREATE TABLE merge_request_diff_files (merge_request_diff_id bigint NOT NULL REFERENCES merge_request_diffs (id), relative_order integer NOT NULL, new_path text, PRIMARY KEY (merge_request_diff_id, relative_order));
CREATE TABLE ci_pipelines (id INTEGER PRIMARY KEY, ref varchar, sha varchar, status varchar, duration integer, user_id bigint REFERENCES users (id), project_id bigint REFERENCES projects (id), auto_canceled_by_id bigint REFERENCES ci_pipelines (id));
CREATE TABLE ci_stages (id INTEGER PRIMARY KEY, project_id bigint REFERENCES projects (id), pipeline_id bigint REFERENCES ci_pipelines (id), name varchar, position integer);
CREATE TABLE ci_builds (id INTEGER PRIMARY KEY, status varchar, runner_id bigint REFERENCES ci_runners (id), stage_id bigint REFERENCES ci_stages (id), project_id bigint REFERENCES projects (id), user_id bigint REFERENCES users (id), erased_by_id bigint REFERENCES users (id), stage_idx integer);
CREATE TABLE ci_runners (id INTEGER PRIMARY KEY, token varchar UNIQUE, description varchar, creator_id bigint REFERENCES users (id), runner_type smallint);
CREATE TABLE notes (id INTEGER PRIMARY KEY, note text, noteable_type varchar, noteable_id bigint, author_id bigint REFERENCES users (id), project_id bigint REFERENCES projects (id), updated_by_id bigint REFERENCES users (id), resolved_by_id bigint REFERENCES users (id));
CREATE TABLE labels (id INTEGER PRIMARY KEY, title varchar, color varchar, project_id bigint REFERENCES projects (id), group_id bigint REFERENCES namespaces (id), type varchar);
CREATE TABLE label_links (id INTEGER PRIMARY KEY, label_id bigint REFERENCES labels (id), target_id bigint, target_type varchar);
CREATE TABLE personal_access_tokens (id INTEGER PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id), name varchar, previous_personal_access_token_id bigint REFERENCES personal_access_tokens (id));
CREATE TABLE snippets (id INTEGER PRIMARY KEY, title varchar, author_id bigint NOT NULL REFERENCES users (id), project_id bigint REFERENCES projects (id), type varchar);
CREATE TABLE todos (id INTEGER PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id), project_id bigint REFERENCES projects (id), target_id bigint, target_type varchar, author_id bigint NOT NULL REFERENCES users (id), action integer, note_id bigint REFERENCES notes (id));
-- data
UPDATE notes SET noteable_type = CASE id % 2 WHEN 0 THEN 'Issue' ELSE 'MergeRequest' END, noteable_id = id % 30 + 1;
UPDATE label_links SET target_type = 'Issue', target_id = id % 30 + 1;
UPDATE todos SET target_type = CASE id % 2 WHEN 0 THEN 'Issue' ELSE 'MergeRequest' END, target_id = id % 30 + 1;
