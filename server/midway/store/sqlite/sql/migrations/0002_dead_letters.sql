-- Webhook notices that were given up stay, for an operator to look at and to send again.

-- Since when the notice is tried; its age counts from then, also after it was sent again.
ALTER TABLE outbox ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET since = due_at;
-- The Task's state that it tells of. While the receiver is slow, progress within a state gives way to newer progress.
ALTER TABLE outbox ADD COLUMN state TEXT NOT NULL DEFAULT '';

CREATE TABLE dead_letter (
    task_id  TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    doc      TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    tries    INTEGER NOT NULL,
    problem  TEXT    NOT NULL,
    died_at  INTEGER NOT NULL,
    PRIMARY KEY (task_id, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letter_by_age ON dead_letter (died_at, task_id, revision);
