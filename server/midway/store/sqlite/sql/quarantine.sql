-- name: name_row
-- Which Task a row belongs to; as bytes, since the column may be corrupt.
SELECT coalesce(CAST({task_id} AS BLOB), x'') FROM {table} WHERE {key} IS :number

-- name: set_aside
-- Copy a row that cannot be read to the side table, if it has not changed since it was read.
INSERT INTO {table}_aside SELECT * FROM {table} WHERE {key} IS :number AND CAST(doc AS BLOB) IS :doc

-- name: remove_set_aside
-- Then remove it from its table.
DELETE FROM {table} WHERE {key} IS :number AND CAST(doc AS BLOB) IS :doc

-- name: rows_aside
-- The rows that were set aside, and whether each has a usable number. Without one, SQLite would assign a number; with
-- too large a one, it could assign no higher ones afterwards.
SELECT rowid, {key} BETWEEN 0 AND 1 << 62 FROM {table}_aside ORDER BY rowid

-- name: put_back
-- Move a row back to its table, unless a newer row has its key.
INSERT INTO {table} SELECT * FROM {table}_aside WHERE rowid = :number ON CONFLICT DO NOTHING

-- name: remove_put_back
-- Then remove it from the side table.
DELETE FROM {table}_aside WHERE rowid = :number

-- name: is_aside
-- Whether a Task's row was set aside.
SELECT EXISTS (SELECT 1 FROM task_aside WHERE id = :id)
