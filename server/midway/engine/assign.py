"""Chooses the Account for a Task: the least loaded one that is usable. Pure functions."""

from collections.abc import Mapping, Sequence

from midway.domain.account import Account, AccountState
from midway.domain.action import Speed
from midway.domain.errors import Exhausted, InvalidField, NoAccount, Reason
from midway.domain.ids import AccountId
from midway.domain.task import Ask

NOTHING: Mapping[AccountId, int] = {}
# Includes DISCONNECTED, since a lost connection comes back by itself. States that need a person are not usable.
USABLE = frozenset({AccountState.ACTIVE, AccountState.LIMITED, AccountState.DISCONNECTED})


def choose(ask: Ask, accounts: Sequence[Account], arriving: Mapping[AccountId, int] = NOTHING) -> Account:
    """Choose the Account for a Task. `arriving` counts further Tasks on their way to each Account.

    Raises InvalidField (unknown `options.account_id`), NoAccount, Exhausted (QUEUE_FULL).
    """
    wanted = [account for account in accounts if ask.account_id in {None, account.id}]
    if ask.account_id is not None and not wanted:
        raise InvalidField("options.account_id", "there is no such account", Reason.ACCOUNT_NOT_FOUND)
    usable = [account for account in wanted if account.state in USABLE]
    if not usable:
        raise NoAccount(Reason.NO_ACCOUNT, "no account can take work", [account.hindrance for account in wanted])
    roomy = [account for account in usable if account.queued + arriving.get(account.id, 0) < account.max_queued]
    if not roomy:
        raise Exhausted(Reason.QUEUE_FULL, "every account's queue is full; retry later")
    return min(roomy, key=lambda account: _load(account, ask, arriving.get(account.id, 0)))


def choose_all(
    asks: Sequence[Ask], accounts: Sequence[Account], arriving: Mapping[AccountId, int] = NOTHING
) -> list[Account]:
    """Choose an Account for each of the Tasks of one request; raise unless there is room for all of them.

    Raises what `choose` raises, and InvalidField (`prompt`) when there are more than all queues could ever hold.
    """
    room = sum(account.max_queued for account in accounts if asks[0].account_id in {None, account.id}) if asks else 0
    if 0 < room < len(asks):
        raise InvalidField("prompt", f"would make {len(asks)} jobs, more than the {room} that may wait")
    taken = dict(arriving)
    chosen: list[Account] = []
    for ask in asks:
        chosen.append(choose(ask, accounts, taken))
        taken[chosen[-1].id] = taken.get(chosen[-1].id, 0) + 1
    return chosen


def is_bound(ask: Ask) -> bool:
    """Tell whether a Task must run on its Account: its button is in that channel, or the client chose the Account."""
    return ask.parent_message_id is not None or ask.account_id is not None


def _load(account: Account, ask: Ask, arriving: int) -> tuple[bool, bool, float, str]:
    """Sort key of Accounts: connected first, then those with hours left for the requested speed, then by load."""
    out_of_hours = account.state is AccountState.LIMITED and ask.speed is not Speed.RELAX
    load = (account.running + account.queued + arriving) / max(account.slots, 1)
    return (account.state is AccountState.DISCONNECTED, out_of_hours, load, account.id)
