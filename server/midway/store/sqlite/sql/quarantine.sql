-- name: name_row
-- Which Task a row belongs to; as bytes, since the column may be corrupt.
SELECT coalesce(CAST({task_id} AS BLOB), x'') FROM {table} WHERE {key} IS :number

-- name: quarantine_row
-- Keep a row that cannot be read beside the others, if it is still as it was read.
INSERT INTO {table}_aside SELECT * FROM {table} WHERE {key} IS :number AND CAST(doc AS BLOB) IS :doc

-- name: remove_quarantined
-- Take it out of the others.
DELETE FROM {table} WHERE {key} IS :number AND CAST(doc AS BLOB) IS :doc

-- name: quarantined_rows
-- The rows in quarantine, and whether each has a number: SQLite would give it one, or no higher one ever after.
SELECT rowid, {key} BETWEEN 0 AND 1 << 62 FROM {table}_aside ORDER BY rowid

-- name: restore_row
-- Try a row again; one that was written anew meanwhile stays as it is.
INSERT INTO {table} SELECT * FROM {table}_aside WHERE rowid = :number ON CONFLICT DO NOTHING

-- name: remove_restored
-- It is among the others now.
DELETE FROM {table}_aside WHERE rowid = :number

-- name: is_quarantined
-- Whether a Task's row is in quarantine.
SELECT EXISTS (SELECT 1 FROM task_aside WHERE id = :id)
