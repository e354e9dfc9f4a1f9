-- name: supersede_notices
-- Remove notices of progress that a newer notice of the same state replaces: those after the last notice of another
-- state. A Task's first notice stays, as it may be being delivered.
DELETE FROM outbox
WHERE task_id = :task_id AND state = :state
  AND sequence > (SELECT min(sequence) FROM outbox AS earlier WHERE earlier.task_id = :task_id)
  AND sequence > coalesce(
    (SELECT max(sequence) FROM outbox AS other WHERE other.task_id = :task_id AND other.state <> :state), 0)

-- name: insert_notice
-- Add a webhook notice, in the transaction of the change that it reports.
INSERT INTO outbox (task_id, revision, doc, url, host, domain, due_at, since, state)
VALUES (:task_id, :revision, :doc, :url, host_of(:url), domain_of(:url), :due_at, :due_at, :state)

-- name: outbox_due
-- The notices that are due and are the first of their Task. A Task's later notices wait, so that they arrive in order.
SELECT sequence, sequence AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, due_at, since FROM outbox
WHERE due_at <= :now
  AND sequence = (SELECT min(sequence) FROM outbox AS earlier WHERE earlier.task_id = outbox.task_id)
  AND (host IN (SELECT value FROM json_each(:save))
    OR :besides IS NOT NULL
      AND host NOT IN (SELECT value FROM json_each(:besides))
      AND domain NOT IN (SELECT value FROM json_each(:besides)))
ORDER BY due_at, sequence LIMIT :limit

-- name: outbox_never_due
-- Notices whose due_at is not a valid time, so that they would never be due. SQLite sorts text and bytes after numbers.
SELECT sequence, sequence AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, due_at, since FROM outbox
WHERE due_at > :farthest

-- name: delete_notice
-- Remove a notice that was delivered or given up.
DELETE FROM outbox WHERE sequence = :sequence

-- name: retry_notice
-- Count a failed try, and set when the next is due.
UPDATE outbox SET tries = tries + 1, due_at = :due_at WHERE sequence = :sequence

-- name: insert_dead_letter
-- Copy a notice that is given up to the dead letters, with the reason.
INSERT OR REPLACE INTO dead_letter (task_id, revision, doc, url, tries, problem, died_at)
SELECT task_id, revision, doc, url, tries + 1, :problem, :died_at FROM outbox WHERE sequence = :sequence

-- name: dead_letters
-- A page of the dead letters, of one Task or of all, newest first.
SELECT revision AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, problem, died_at
FROM dead_letter
WHERE (:task_id IS NULL OR task_id = :task_id)
  AND (died_at, task_id, revision) < (:died_at, :before_task_id, :before_revision)
ORDER BY died_at DESC, task_id DESC, revision DESC LIMIT :limit

-- name: dead_letter
-- One dead letter.
SELECT revision AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, problem, died_at
FROM dead_letter WHERE task_id = :task_id AND revision = :revision

-- name: redeliver_notice
-- Copy a dead letter back to the outbox, as a new notice.
INSERT INTO outbox (task_id, revision, doc, url, host, domain, due_at, since)
SELECT task_id, revision, doc, url, host_of(url), domain_of(url), :now, :now FROM dead_letter WHERE task_id = :task_id AND revision = :revision

-- name: delete_dead_letter
-- Remove a dead letter that was copied back.
DELETE FROM dead_letter WHERE task_id = :task_id AND revision = :revision

-- name: forget_dead_letters
-- Remove old dead letters.
DELETE FROM dead_letter WHERE died_at < :before
