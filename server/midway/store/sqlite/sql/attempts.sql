-- name: learn_of_attempts
-- Update the documents of Attempts whose other columns stay the same. Returns the nonces of those; the others have
-- another is_open or sent_at, or are new.
WITH learnt (nonce, task_id, account_id, is_open, sent_at, doc) AS (VALUES {rows})
UPDATE attempt SET doc = learnt.doc FROM learnt
WHERE attempt.nonce = learnt.nonce AND attempt.is_open = learnt.is_open AND attempt.sent_at = learnt.sent_at
RETURNING nonce

-- name: end_attempts
-- The same for Attempts that ended, or are open again.
WITH learnt (nonce, task_id, account_id, is_open, sent_at, doc) AS (VALUES {rows})
UPDATE attempt SET is_open = learnt.is_open, doc = learnt.doc FROM learnt
WHERE attempt.nonce = learnt.nonce AND attempt.sent_at = learnt.sent_at
RETURNING nonce

-- name: put_attempts
-- Store new Attempts, and those whose sent_at was shifted because the clock was set. An existing row keeps its rowid,
-- which orders Attempts with the same sent_at.
INSERT INTO attempt (nonce, task_id, account_id, is_open, sent_at, doc)
VALUES {rows}
ON CONFLICT (nonce) DO UPDATE SET is_open = excluded.is_open, sent_at = excluded.sent_at, doc = excluded.doc

-- name: attempts
-- A Task's Attempts, oldest first.
SELECT rowid AS number, nonce, CAST(doc AS BLOB) AS doc FROM attempt WHERE task_id = :task_id ORDER BY sent_at, rowid

-- name: recent_attempts
-- An Account's Attempts that are open, however old, or were sent after `since`. Oldest first.
SELECT nonce, CAST(doc AS BLOB) AS doc, sent_at, rowid AS number FROM attempt
WHERE account_id = :account_id AND is_open
UNION ALL
SELECT nonce, CAST(doc AS BLOB), sent_at, rowid FROM attempt
WHERE account_id = :account_id AND sent_at > :since AND NOT is_open
ORDER BY sent_at, number
