-- A row that cannot be read is moved, whole, to the table of the same columns beside its own, so that the others can be
-- served; each start moves it back, since another version may read it. A column that is added to one of these tables is
-- added to both.
CREATE TABLE task_aside AS SELECT * FROM task WHERE FALSE;
CREATE TABLE task_history_aside AS SELECT * FROM task_history WHERE FALSE;
CREATE TABLE attempt_aside AS SELECT * FROM attempt WHERE FALSE;
CREATE TABLE outbox_aside AS SELECT * FROM outbox WHERE FALSE;
CREATE TABLE dead_letter_aside AS SELECT * FROM dead_letter WHERE FALSE;

-- Whose file this is: "Midw".
PRAGMA application_id = 1298752631;
