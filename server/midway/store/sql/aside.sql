-- name: name_row
-- Which Task a row belongs to; as bytes, since nothing of the row need be text.
SELECT CAST({task_id} AS BLOB) FROM {table} WHERE {key} = :number

-- name: set_aside
-- Keep a row that cannot be read beside the others, if it is still as it was read.
INSERT INTO {table}_aside SELECT * FROM {table} WHERE {key} = :number AND CAST(doc AS BLOB) = :doc

-- name: remove_set_aside
-- Take it out of the others.
DELETE FROM {table} WHERE {key} = :number AND CAST(doc AS BLOB) = :doc

-- name: put_back
-- Try the rows again; one that was written anew meanwhile stays as it is.
INSERT OR IGNORE INTO {table} SELECT * FROM {table}_aside

-- name: remove_put_back
-- They are among the others now.
DELETE FROM {table}_aside

-- name: is_aside
-- Whether a Task's row is set aside.
SELECT EXISTS (SELECT 1 FROM task_aside WHERE id = :id)
