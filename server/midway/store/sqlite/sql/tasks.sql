-- name: keep_revision
-- None up to this one is given again, also when the rows that tell of it are quarantined.
INSERT INTO counter (name, value) VALUES ('revision', :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: kept_revision
-- The revision that keep_revision stored last; no row when it cannot be read.
SELECT value FROM counter WHERE name = 'revision' AND typeof(value) = 'integer' AND value BETWEEN 0 AND 1 << 53

-- name: stored_revision
-- The newest revision among the rows. Larger values than the limit are corrupt: counting never gets that far.
SELECT max(
  coalesce((SELECT max(revision) FROM task WHERE revision BETWEEN 0 AND 1 << 53), 0),
  coalesce((SELECT max(revision) FROM task_history WHERE revision BETWEEN 0 AND 1 << 53), 0))

-- name: position_of_task
-- A Task's version and state, to compare with what its writer expects. A document that is not JSON has version NULL.
SELECT CASE WHEN json_valid(doc) THEN coalesce(doc ->> '$.version', 0) END AS version, state FROM task WHERE id = :id

-- name: progress_tasks
-- Update Tasks whose state and Account stay the same, without touching the indexes of these columns. Returns the ids of
-- those; the others have another state or Account. The "+" keeps SQLite from using the index on state.
WITH changed (id, revision, state, action, account_id, parent_id, client_state, doc) AS (VALUES {rows})
UPDATE task SET revision = changed.revision, doc = changed.doc FROM changed
WHERE task.id = changed.id AND +task.state = changed.state AND task.account_id IS changed.account_id
RETURNING id

-- name: put_tasks
-- Insert new Tasks and update existing ones, except the columns that come from the Ask, which never changes.
INSERT INTO task (id, revision, state, action, account_id, parent_id, client_state, doc)
VALUES {rows}
ON CONFLICT (id) DO UPDATE
SET revision = excluded.revision, state = excluded.state, account_id = excluded.account_id, doc = excluded.doc

-- name: insert_history
-- Store the snapshots of changes of state.
INSERT INTO task_history (revision, task_id, state, doc) VALUES {rows}

-- name: insert_request
-- Store which Task a request id made, and the digest of the request's payload.
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
-- The same, oldest first.
SELECT rowid AS number, id, revision, CAST(doc AS BLOB) AS doc FROM task
WHERE {conditions} ORDER BY id ASC LIMIT :limit

-- name: count
-- How many Tasks match.
SELECT count(*) FROM task WHERE {conditions}

-- name: history
-- One Task's changes of state after a revision, then its latest snapshot if that is newer than all of them.
SELECT revision, task_id AS id, revision AS number, 'task_history' AS source, CAST(doc AS BLOB) AS doc FROM task_history
WHERE task_id = :id AND revision > :after
UNION ALL
SELECT revision, id, rowid, 'task', CAST(doc AS BLOB) FROM task
WHERE id = :id AND revision > :after AND revision NOT IN (SELECT revision FROM task_history WHERE task_id = :id)
ORDER BY revision

-- name: changes
-- All Tasks' changes of state and latest snapshots after a revision, in order.
SELECT revision, task_id AS id, revision AS number, 'task_history' AS source, CAST(doc AS BLOB) AS doc FROM task_history
WHERE revision > :after
UNION ALL
SELECT revision, id, rowid, 'task', CAST(doc AS BLOB) FROM task
WHERE revision > :after AND NOT EXISTS (SELECT 1 FROM task_history WHERE task_history.revision = task.revision)
ORDER BY revision LIMIT :limit
