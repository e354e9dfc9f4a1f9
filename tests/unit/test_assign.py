"""Which account runs a Task."""

from typing import Any

import pytest
from midway.domain.account import Account, AccountState
from midway.domain.action import Action, Speed
from midway.domain.errors import Exhausted, InvalidField, NoAccount, Reason, Refusal
from midway.domain.ids import AccountId, ChannelId
from midway.domain.task import Ask
from midway.engine.assign import choose, choose_all
from msgspec.structs import replace

from tests.unit.making import NOW

IMAGINE = Ask(action=Action.IMAGINE)


def an_account(name: str, **fields: Any) -> Account:
    """Make an account that can work."""
    known: dict[str, Any] = {"state": AccountState.ACTIVE, "since": NOW, "guild_id": None, "max_queued": 10}
    return Account(id=AccountId(name), channel_id=ChannelId("1"), **known | fields)


A, B = an_account("a"), an_account("b")

CHOICES: dict[str, tuple[Account, Account, Ask]] = {
    "fewer running": (replace(A, running=2), replace(B, running=1), IMAGINE),
    "fewer waiting": (replace(A, queued=3), replace(B, running=2), IMAGINE),
    "more slots": (replace(A, running=3), replace(B, running=3, slots=12), IMAGINE),
    "connected": (replace(A, state=AccountState.DISCONNECTED), replace(B, queued=9), IMAGINE),
    "with fast hours": (replace(A, state=AccountState.LIMITED), replace(B, queued=9), IMAGINE),
    "not waiting for a person": (replace(A, state=AccountState.PAUSED), replace(B, queued=9), IMAGINE),
    "with a token that works": (replace(A, state=AccountState.INVALID), replace(B, queued=9), IMAGINE),
    "with room in its queue": (replace(A, queued=10, slots=100), replace(B, queued=9), IMAGINE),
    "the one that was asked for": (A, replace(B, queued=9), replace(IMAGINE, account_id=B.id)),
    "without fast hours, for relax": (
        replace(A, queued=1),
        replace(B, state=AccountState.LIMITED),
        replace(IMAGINE, speed=Speed.RELAX),
    ),
}


@pytest.mark.parametrize(("other", "best", "ask"), CHOICES.values(), ids=CHOICES.keys())
def test_the_better_account_is_chosen(other: Account, best: Account, ask: Ask) -> None:
    assert choose(ask, [other, best], {}) is best


def test_tasks_on_their_way_count_as_load() -> None:
    assert choose(IMAGINE, [A, B], {A.id: 1}) is B


def test_tasks_on_their_way_count_against_the_queue() -> None:
    with pytest.raises(Exhausted) as refused:
        choose(IMAGINE, [replace(A, queued=9)], {A.id: 1})

    assert refused.value.reason is Reason.QUEUE_FULL


def test_equal_accounts_are_chosen_in_a_fixed_order() -> None:
    assert choose(IMAGINE, [B, A], {}) is A


def test_an_account_that_is_not_there_is_the_callers_mistake() -> None:
    with pytest.raises(InvalidField) as refused:
        choose(replace(IMAGINE, account_id=AccountId("c")), [A, B], {})

    assert (refused.value.field, refused.value.reason) == ("options.account_id", Reason.ACCOUNT_NOT_FOUND)


@pytest.mark.parametrize("accounts", [[], [replace(A, state=AccountState.PAUSED, reason="a captcha")]])
def test_without_any_account_the_reason_is_told(accounts: list[Account]) -> None:
    with pytest.raises(NoAccount) as refused:
        choose(IMAGINE, accounts, {})

    assert refused.value.reason is Reason.NO_ACCOUNT
    assert ("a captcha" in refused.value.message) is bool(accounts)


def test_tasks_that_come_together_are_spread_over_the_accounts() -> None:
    chosen = choose_all([IMAGINE] * 4, [A, B], {})

    assert [account.id for account in chosen] == ["a", "b", "a", "b"]


def test_tasks_that_come_together_are_refused_together_when_one_finds_no_room() -> None:
    with pytest.raises(Exhausted):
        choose_all([IMAGINE] * 3, [replace(A, queued=9), replace(B, queued=9)], {})


def test_more_tasks_than_could_ever_wait_are_a_wrong_request() -> None:
    """A client that is told to retry later would do so for ever."""
    with pytest.raises(InvalidField, match="more than the 10 that may wait") as refused:
        choose_all([replace(IMAGINE, account_id=A.id)] * 11, [A, B], {})

    assert refused.value.field == "prompt"


def test_tasks_that_come_together_for_an_account_that_is_not_there_are_refused_as_one_is() -> None:
    with pytest.raises(InvalidField) as refused:
        choose_all([replace(IMAGINE, account_id=AccountId("c"))] * 2, [A, B], {})

    assert refused.value.field == "options.account_id"


@pytest.mark.parametrize(("accounts", "kind"), [([], NoAccount), ([replace(A, max_queued=0)], Exhausted)])
def test_tasks_that_come_together_without_any_room_are_refused_as_one_is(
    accounts: list[Account], kind: type[Refusal]
) -> None:
    with pytest.raises(kind):
        choose_all([IMAGINE] * 2, accounts, {})
