"""What every Store promises about Attempts and Accounts."""

from midway.domain.account import AccountState
from midway.domain.ids import AccountId, JobId, MessageId
from midway.store.port import AccountMark, Entry, Store
from msgspec.structs import replace

from tests.store.tasks import ACCOUNT, START, a_task, an_attempt, seconds, submitted


async def test_what_was_learnt_about_an_attempt_replaces_it(store: Store):
    task = await submitted(store)
    attempt = an_attempt(task)
    await store.append(Entry(attempts=(attempt,)))

    learnt = replace(attempt, job_id=JobId("1f"), message_ids=(MessageId("7"), MessageId("8")), accepted_at=START)
    await store.append(Entry(attempts=(learnt,)))

    assert await store.attempts(task.id) == [learnt]


async def test_storing_an_attempt_leaves_its_task_as_it_is(store: Store):
    task = await submitted(store)

    await store.append(Entry(attempts=(an_attempt(task),)))

    assert await store.get(task.id) == task
    assert await store.revision() == task.revision


async def test_attempts_come_oldest_first(store: Store):
    task = await submitted(store)
    later = an_attempt(task, nonce=1, sent_at=START + seconds(2))
    sooner = an_attempt(task, nonce=2)
    for attempt in (later, sooner, an_attempt(a_task(), nonce=3)):
        await store.append(Entry(attempts=(attempt,)))

    assert await store.attempts(task.id) == [sooner, later]


async def test_attempts_of_one_instant_keep_the_order_in_which_they_were_first_stored(store: Store):
    task = await submitted(store)
    attempts = [an_attempt(task, nonce=nonce) for nonce in (3, 1, 2)]
    for attempt in [*attempts, attempts[0]]:
        await store.append(Entry(attempts=(attempt,)))

    assert await store.attempts(task.id) == attempts


async def test_recent_attempts_are_those_open_or_young_of_the_account(store: Store):
    task = await submitted(store)
    since = START + seconds(10)
    old_open = an_attempt(task, nonce=1)
    old_ended = an_attempt(task, nonce=2, ended_at=since)
    at_the_limit = an_attempt(task, nonce=3, sent_at=since, ended_at=since)
    young_ended = an_attempt(task, nonce=4, sent_at=since + seconds(1), ended_at=since + seconds(2))
    young_open = an_attempt(task, nonce=5, sent_at=since + seconds(2))
    of_another = an_attempt(task, nonce=6, account_id=AccountId("other"))
    for attempt in (young_open, old_open, old_ended, at_the_limit, young_ended, of_another):
        await store.append(Entry(attempts=(attempt,)))

    assert await store.recent_attempts(ACCOUNT, since) == [old_open, young_ended, young_open]


async def test_marks_are_kept_one_for_each_account(store: Store):
    first = AccountMark(ACCOUNT, AccountState.PAUSED, "verify", START)
    changed = replace(first, state=AccountState.ACTIVE, reason="")
    other = AccountMark(AccountId("2002"), AccountState.INVALID, "token refused", START + seconds(0.000001))
    for mark in (other, first, changed):
        await store.append(Entry(mark=mark))

    assert await store.marks() == [changed, other]
