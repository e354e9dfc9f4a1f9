-- name: boot
-- When a boot of the machine began, by the wall clock that stored times go by.
SELECT value FROM counter WHERE name = 'boot ' || :id

-- name: forget_boots
-- Remove earlier boots; they are of no use any more.
DELETE FROM counter WHERE name LIKE 'boot %'

-- name: remember_boot
-- Store the present boot.
INSERT INTO counter (name, value) VALUES ('boot ' || :id, :began_at)

-- name: tasks_in_state
-- Every Task in a state, to shift its times after the clock was set.
SELECT id, revision, CAST(doc AS BLOB) AS doc FROM task WHERE state = :state ORDER BY id

-- name: accounts_of_attempts
-- The Accounts that ever sent something.
SELECT DISTINCT account_id FROM attempt

-- name: move_notices
-- The clock was set: what is due and how old it is stays the same. What is no time stays as it is, to be quarantined.
UPDATE outbox SET due_at = due_at + :step, since = since + :step
WHERE due_at BETWEEN -:farthest AND :farthest AND since BETWEEN -:farthest AND :farthest

-- name: move_dead_letters
-- The same for dead letters, so that none gets older by the step.
UPDATE dead_letter SET died_at = died_at + :step WHERE died_at BETWEEN -:farthest AND :farthest
