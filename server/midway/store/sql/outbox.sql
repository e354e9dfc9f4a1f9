-- name: insert_notice
-- A webhook notice to deliver, in the transaction of the change that it tells of.
INSERT INTO outbox (task_id, revision, doc, url, due_at) VALUES (:task_id, :revision, :doc, :url, :due_at)

-- name: outbox_due
-- The notices that are due and the first of their Task: the later ones of a Task wait, so that they arrive in order.
SELECT sequence, revision, doc, url, tries, due_at FROM outbox
WHERE due_at <= :now
  AND sequence = (SELECT min(sequence) FROM outbox AS earlier WHERE earlier.task_id = outbox.task_id)
ORDER BY due_at, sequence LIMIT :limit

-- name: delete_notice
-- A notice was delivered, or given up.
DELETE FROM outbox WHERE sequence = :sequence

-- name: retry_notice
-- A try failed; wait until the next is due.
UPDATE outbox SET tries = tries + 1, due_at = :due_at WHERE sequence = :sequence
