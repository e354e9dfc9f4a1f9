-- name: supersede_notices
-- Progress that a newer notice of the same state tells better: what stands behind the last notice of another state.
-- A Task's first notice stays: it may be on its way.
DELETE FROM outbox
WHERE task_id = :task_id AND state = :state
  AND sequence > (SELECT min(sequence) FROM outbox AS earlier WHERE earlier.task_id = :task_id)
  AND sequence > coalesce(
    (SELECT max(sequence) FROM outbox AS other WHERE other.task_id = :task_id AND other.state <> :state), 0)

-- name: insert_notice
-- A webhook notice to deliver, in the transaction of the change that it tells of.
INSERT INTO outbox (task_id, revision, doc, url, host, domain, due_at, since, state)
VALUES (:task_id, :revision, :doc, :url, host_of(:url), domain_of(:url), :due_at, :due_at, :state)

-- name: outbox_due
-- The notices that are due and the first of their Task: the later ones of a Task wait, so that they arrive in order.
SELECT sequence, sequence AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, due_at, since FROM outbox
WHERE due_at <= :now
  AND sequence = (SELECT min(sequence) FROM outbox AS earlier WHERE earlier.task_id = outbox.task_id)
  AND (host IN (SELECT value FROM json_each(:save))
    OR :besides IS NOT NULL
      AND host NOT IN (SELECT value FROM json_each(:besides))
      AND domain NOT IN (SELECT value FROM json_each(:besides)))
ORDER BY due_at, sequence LIMIT :limit

-- name: outbox_never_due
-- Notices that would never be due, as their time is none. SQLite sorts text and bytes after all numbers.
SELECT sequence, sequence AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, due_at, since FROM outbox
WHERE due_at > :farthest

-- name: delete_notice
-- A notice was delivered, or given up.
DELETE FROM outbox WHERE sequence = :sequence

-- name: retry_notice
-- A try failed; wait until the next is due.
UPDATE outbox SET tries = tries + 1, due_at = :due_at WHERE sequence = :sequence

-- name: bury_notice
-- A notice is given up; what it said and why it failed stays.
INSERT OR REPLACE INTO dead_letter (task_id, revision, doc, url, tries, problem, died_at)
SELECT task_id, revision, doc, url, tries + 1, :problem, :died_at FROM outbox WHERE sequence = :sequence

-- name: dead_letters
-- The notices that were given up, the last one first; a page of them, of one Task or of all.
SELECT revision AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, problem, died_at
FROM dead_letter
WHERE (:task_id IS NULL OR task_id = :task_id)
  AND (died_at, task_id, revision) < (:died_at, :before_task_id, :before_revision)
ORDER BY died_at DESC, task_id DESC, revision DESC LIMIT :limit

-- name: dead_letter
-- One of them.
SELECT revision AS number, task_id AS id, revision, CAST(doc AS BLOB) AS doc, url, tries, problem, died_at
FROM dead_letter WHERE task_id = :task_id AND revision = :revision

-- name: revive_notice
-- A dead letter goes back to the outbox, as new.
INSERT INTO outbox (task_id, revision, doc, url, host, domain, due_at, since)
SELECT task_id, revision, doc, url, host_of(url), domain_of(url), :now, :now FROM dead_letter WHERE task_id = :task_id AND revision = :revision

-- name: delete_dead_letter
-- It was sent again.
DELETE FROM dead_letter WHERE task_id = :task_id AND revision = :revision

-- name: forget_dead_letters
-- Let go of those that nobody has sent again for long.
DELETE FROM dead_letter WHERE died_at < :before
