-- name: put_mark
-- Store what must survive a restart about an Account.
INSERT INTO account_mark (account_id, state, reason, since)
VALUES (:account_id, :state, :reason, :since)
ON CONFLICT (account_id) DO UPDATE
SET state = excluded.state, reason = excluded.reason, since = excluded.since

-- name: marks
-- Every Account's mark.
SELECT account_id, state, reason, since FROM account_mark ORDER BY account_id
