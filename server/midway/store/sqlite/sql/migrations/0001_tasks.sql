-- The first schema: Tasks with their history, what was sent for them, and what is still to be told.
-- `doc` is the whole value as JSON (store/codec.py); the columns beside it are what queries ask for.
-- Times are microseconds since 1970, UTC.

CREATE TABLE counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('revision', 0);

CREATE TABLE task (
    id           TEXT    NOT NULL PRIMARY KEY,
    revision     INTEGER NOT NULL UNIQUE,
    state        TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    account_id   TEXT,
    parent_id    TEXT,
    client_state TEXT    NOT NULL,
    doc          TEXT    NOT NULL
) STRICT;
CREATE INDEX task_by_state ON task (state, id);
CREATE INDEX task_by_account ON task (account_id, state, id) WHERE account_id IS NOT NULL;
CREATE INDEX task_by_parent ON task (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX task_by_client_state ON task (client_state, id);

-- One row for each change of state, for ever. The present progress stands in `task` alone.
CREATE TABLE task_history (
    revision INTEGER NOT NULL PRIMARY KEY,
    task_id  TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    doc      TEXT    NOT NULL
) STRICT;
CREATE INDEX task_history_by_task ON task_history (task_id, revision);

CREATE TABLE request (
    id      TEXT NOT NULL PRIMARY KEY,
    digest  TEXT NOT NULL,
    task_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE input (
    task_id      TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    content_type TEXT    NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    data         BLOB    NOT NULL,
    PRIMARY KEY (task_id, position)
) STRICT;

CREATE TABLE attempt (
    nonce      TEXT    NOT NULL PRIMARY KEY,
    task_id    TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    is_open    INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,
    doc        TEXT    NOT NULL
) STRICT;
CREATE INDEX attempt_by_task ON attempt (task_id, sent_at);
CREATE INDEX attempt_by_account ON attempt (account_id, sent_at);
CREATE INDEX attempt_open ON attempt (account_id, is_open) WHERE is_open;

CREATE TABLE account_mark (
    account_id TEXT    NOT NULL PRIMARY KEY,
    state      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    since      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a sequence is never given twice, so that a late "delivered" cannot hit another notice.
CREATE TABLE outbox (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task_id  TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    doc      TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    tries    INTEGER NOT NULL DEFAULT 0,
    due_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_task ON outbox (task_id, sequence);
CREATE INDEX outbox_by_due ON outbox (due_at, sequence);
