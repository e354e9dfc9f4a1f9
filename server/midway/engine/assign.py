"""Which Account runs a Task: the least loaded one that may. Pure."""

from collections.abc import Mapping, Sequence

from midway.domain.account import Account, AccountState
from midway.domain.action import Speed
from midway.domain.errors import Exhausted, InvalidField, NoAccount, Reason
from midway.domain.ids import AccountId
from midway.domain.task import Ask

NOTHING: Mapping[AccountId, int] = {}
# A lost connection comes back by itself, so work may wait for it; a person's help may not come.
USABLE = frozenset({AccountState.ACTIVE, AccountState.LIMITED, AccountState.DISCONNECTED})


def choose(ask: Ask, accounts: Sequence[Account], arriving: Mapping[AccountId, int] = NOTHING) -> Account:
    """Choose the Account for a Task. `arriving` counts those that come to each with it.

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
    """Choose an Account for each of the Tasks that come together: all of them find room, or none is taken.

    Raises as `choose` does, and InvalidField (`prompt`) when there could never be room for so many.
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
    """Tell whether a Task must run where it was assigned: its button is there, or the client chose the Account."""
    return ask.parent_message_id is not None or ask.account_id is not None


def _load(account: Account, ask: Ask, arriving: int) -> tuple[bool, bool, float, str]:
    """Order Accounts: connected first, then those with hours for the wished speed, then the least loaded."""
    out_of_hours = account.state is AccountState.LIMITED and ask.speed is not Speed.RELAX
    load = (account.running + account.queued + arriving) / max(account.slots, 1)
    return (account.state is AccountState.DISCONNECTED, out_of_hours, load, account.id)
