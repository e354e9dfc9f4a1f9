"""Whether an Account may send, why (not), and since when; what must survive a restart is returned as an AccountMark."""

import structlog

from midway.domain.account import Account, AccountState
from midway.domain.ids import UserId
from midway.engine.account_config import AccountConfig
from midway.engine.clock import Clock
from midway.store.port import AccountMark

log = structlog.get_logger(__name__)

NEEDS_PERSON = frozenset({AccountState.PAUSED, AccountState.INVALID})


class AccountStatus:
    """One Account's state. Owned by its core."""

    def __init__(self, config: AccountConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._state = AccountState.ACTIVE
        self._reason = ""
        self._since = clock.now()
        self._connected = False
        self._user: tuple[UserId, str] | None = None
        self._remix = config.remix
        self._unknown_remarks = 0

    def restore(self, mark: AccountMark) -> None:
        """Load the mark that an earlier run stored."""
        self._state, self._reason, self._since = mark.state, mark.reason, mark.since

    @property
    def state(self) -> AccountState:
        """The state as shown: without a connection DISCONNECTED, unless the Account needs a person."""
        hidden = not self._connected and self._state not in NEEDS_PERSON
        return AccountState.DISCONNECTED if hidden else self._state

    @property
    def takes_work(self) -> bool:
        """Whether an Interaction may be sent now."""
        return self._connected and self._state not in NEEDS_PERSON

    @property
    def is_connected(self) -> bool:
        """Whether there is a session, as far as the events have told."""
        return self._connected

    @property
    def needs_person(self) -> bool:
        """Whether only an operator can make it usable again."""
        return self._state in NEEDS_PERSON

    @property
    def reason(self) -> str:
        """Why it is in its state, in words for people."""
        return self._reason

    def connected(self, user_id: UserId, user_name: str) -> AccountMark | None:
        """Record that a session began; that ends INVALID, as the token works again. Return the new mark, if any."""
        self._user = (user_id, user_name)
        self._connected = True
        if self._state is AccountState.INVALID:
            return self.become(AccountState.ACTIVE, "")
        if self._state is AccountState.ACTIVE:
            self._reason = ""
        return None

    def drew_fast(self) -> AccountMark | None:
        """Record that a job was drawn in fast or turbo mode, so there are fast hours. Return the new mark, if any."""
        return self.become(AccountState.ACTIVE, "") if self._state is AccountState.LIMITED else None

    def saw_remix(self, *, is_on: bool) -> None:
        """Record the Account's Remix setting."""
        self._remix = is_on

    def count_unknown(self, words: str) -> None:
        """Count and log an unknown remark of Midjourney, which a person should look at."""
        self._unknown_remarks += 1
        log.warning("unknown remark of Midjourney", account_id=self._config.id, words=words)

    def disconnected(self, reason: str) -> None:
        """Record that there is no session."""
        self._connected = False
        self._reason = reason if self._state not in NEEDS_PERSON else self._reason

    def become(self, state: AccountState, reason: str) -> AccountMark | None:
        """Enter a state and log the change; return the mark to be stored, or None when nothing changed."""
        if state is self._state and reason == self._reason:
            return None
        self._state, self._reason, self._since = state, reason, self._clock.now()
        log.warning("the account changed its state", account_id=self._config.id, state=state.value, reason=reason)
        return AccountMark(self._config.id, state, reason, self._since)

    def snapshot(self, running: int, queued: int) -> Account:
        """Return the Account as shown to clients and operators."""
        user_id, user_name = self._user or (None, "")
        return Account(
            id=self._config.id,
            channel_id=self._config.channel_id,
            guild_id=self._config.guild_id,
            state=self.state,
            reason=self._reason,
            since=self._since,
            user_id=user_id,
            user_name=user_name,
            slots=self._config.slots,
            max_queued=self._config.max_queued,
            running=running,
            queued=queued,
            remix=self._remix,
            unknown_remarks=self._unknown_remarks,
        )
