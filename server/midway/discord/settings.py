"""How patient a client is. Production defaults; tests shorten them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Time-outs and limits of one DiscordClient.

    `interact_timeout` bounds an Interaction whole, waiting for rate limits included. `proof_timeout` is how long after
    a lost answer an event may still prove that Discord took it; a bot has three seconds to answer.
    `ready_timeout` bounds the time from an open socket to a usable session.
    A socket on which nothing comes for `silence_timeout`, not even the answer to a heartbeat (one each 41 s), is dead.
    `backoff_first` and `backoff_cap` bound the wait before a new connection; each wait is drawn between half and all
    of its length, so that many Accounts do not come back in step.
    """

    interact_timeout: timedelta = timedelta(seconds=15)
    proof_timeout: timedelta = timedelta(seconds=3)
    request_timeout: timedelta = timedelta(seconds=30)
    connect_timeout: timedelta = timedelta(seconds=30)
    ready_timeout: timedelta = timedelta(seconds=60)
    silence_timeout: timedelta = timedelta(seconds=60)
    transfer_timeout: timedelta = timedelta(seconds=120)
    max_transfer_bytes: int = 100 * 1024 * 1024  # Midjourney's largest pictures and videos stay below a third of it
    backoff_first: timedelta = timedelta(seconds=2)  # Discord asks for one to five before a new session
    backoff_cap: timedelta = timedelta(seconds=60)
