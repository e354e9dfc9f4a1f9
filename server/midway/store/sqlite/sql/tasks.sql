-- name: keep_revision
-- None up to this one is given again, also when the rows that tell of it are quarantined.
INSERT INTO counter (name, value) VALUES ('revision', :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: kept_revision
-- The revision that was kept last; none where that cannot be read.
SELECT value FROM counter WHERE name = 'revision' AND typeof(value) = 'integer' AND value BETWEEN 0 AND 1 << 53

-- name: stored_revision
-- The newest revision among the rows. Counted one by one, none ever comes to such a size; a garbled one may have it.
SELECT max(
  coalesce((SELECT max(revision) FROM task WHERE revision BETWEEN 0 AND 1 << 53), 0),
  coalesce((SELECT max(revision) FROM task_history WHERE revision BETWEEN 0 AND 1 << 53), 0))

-- name: position_of_task
-- Where a Task stands now, to compare with what its writer expects. What is no JSON has no version.
SELECT CASE WHEN json_valid(doc) THEN coalesce(doc ->> '$.version', 0) END AS version, state FROM task WHERE id = :id

-- name: progress_tasks
-- Replace Tasks whose state and Account stay, and touch no index of these. Returns which; the others are not as told.
-- The "+" keeps SQLite from looking for them by their state.
WITH changed (id, revision, state, action, account_id, parent_id, client_state, doc) AS (VALUES {rows})
UPDATE task SET revision = changed.revision, doc = changed.doc FROM changed
WHERE task.id = changed.id AND +task.state = changed.state AND task.account_id IS changed.account_id
RETURNING id

-- name: put_tasks
-- Store new Tasks and replace those that are there. What was asked for never changes.
INSERT INTO task (id, revision, state, action, account_id, parent_id, client_state, doc)
VALUES {rows}
ON CONFLICT (id) DO UPDATE
SET revision = excluded.revision, state = excluded.state, account_id = excluded.account_id, doc = excluded.doc

-- name: insert_history
-- Keep the snapshots of changes of state.
INSERT INTO task_history (revision, task_id, state, doc) VALUES {rows}

-- name: insert_request
-- Remember which Task a request id made, and from what.
INSERT INTO request (id, digest, task_id) VALUES (:id, :digest, :task_id)

-- name: request
-- Find the Task that a request id made.
SELECT digest, task_id FROM request WHERE id = :id

-- name: insert_input
-- Add one input picture after those that the Task has.
INSERT INTO input (task_id, position, content_type, width, height, data)
SELECT :task_id, coalesce(max(position) + 1, 0), :content_type, :width, :height, :data
FROM input WHERE task_id = :task_id

-- name: inputs
-- A Task's input pictures in the order they were stored.
SELECT position, content_type, width, height, data FROM input WHERE task_id = :task_id ORDER BY position

-- name: task
-- One Task.
SELECT rowid AS number, id, revision, CAST(doc AS BLOB) AS doc FROM task WHERE id = :id

-- name: tasks
-- The Tasks among these ids, in no order.
SELECT rowid AS number, id, revision, CAST(doc AS BLOB) AS doc FROM task WHERE id IN (SELECT value FROM json_each(:ids))

-- name: last_task_id
-- The largest Task id, where ids go on after a restart; save garbled ones, which are no numbers.
SELECT max(id) FROM task WHERE id < ':' AND id NOT GLOB '*[^0-9]*'

-- name: find_newest_first
-- A page of the Tasks that match; the conditions are those of store/sqlite/conditions.py.
SELECT rowid AS number, id, revision, CAST(doc AS BLOB) AS doc FROM task
WHERE {conditions} ORDER BY id DESC LIMIT :limit

-- name: find_oldest_first
-- The same from the other end.
SELECT rowid AS number, id, revision, CAST(doc AS BLOB) AS doc FROM task
WHERE {conditions} ORDER BY id ASC LIMIT :limit

-- name: count
-- How many Tasks match.
SELECT count(*) FROM task WHERE {conditions}

-- name: history
-- One Task's changes of state after a revision, then its present when that is newer than all of them.
SELECT revision, task_id AS id, revision AS number, 'task_history' AS source, CAST(doc AS BLOB) AS doc FROM task_history
WHERE task_id = :id AND revision > :after
UNION ALL
SELECT revision, id, rowid, 'task', CAST(doc AS BLOB) FROM task
WHERE id = :id AND revision > :after AND revision NOT IN (SELECT revision FROM task_history WHERE task_id = :id)
ORDER BY revision

-- name: changes
-- All Tasks' changes of state and present snapshots after a revision, in order.
SELECT revision, task_id AS id, revision AS number, 'task_history' AS source, CAST(doc AS BLOB) AS doc FROM task_history
WHERE revision > :after
UNION ALL
SELECT revision, id, rowid, 'task', CAST(doc AS BLOB) FROM task
WHERE revision > :after AND NOT EXISTS (SELECT 1 FROM task_history WHERE task_history.revision = task.revision)
ORDER BY revision LIMIT :limit
