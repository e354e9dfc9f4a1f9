-- name: put_mark
-- Store what must outlive a restart about an Account.
INSERT INTO account_mark (account_id, state, reason, since, last_message_id)
VALUES (:account_id, :state, :reason, :since, :last_message_id)
ON CONFLICT (account_id) DO UPDATE
SET state = excluded.state, reason = excluded.reason, since = excluded.since, last_message_id = excluded.last_message_id

-- name: marks
-- Every Account's mark.
SELECT account_id, state, reason, since, last_message_id FROM account_mark ORDER BY account_id
