-- Each index that a write touches is a page in the log. Most Tasks have no word of their client's, and nobody asks for
-- those that have none.
DROP INDEX task_by_client_state;
CREATE INDEX task_by_client_state ON task (client_state, id) WHERE client_state <> '';

-- The newest revision is that of the newest row; `counter` keeps it only before rows are set aside. A version that knows
-- this schema does not rely on it, and an older one, which would give revisions anew, refuses the file.
