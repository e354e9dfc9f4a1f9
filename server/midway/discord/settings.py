"""How patient a client is. Production defaults; tests shorten them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Time-outs and limits of one DiscordClient.

    `interact_timeout` bounds an Interaction whole, waiting for rate limits included. `proof_timeout` is how long after
    a lost answer an event may still prove that Discord took it; a bot has three seconds to answer.
    `reach_timeout`, shorter than that, bounds the making of the connection for one: what ends there was not sent.
    `ready_timeout` bounds the time from an open socket to a usable session.
    `transfer_timeout` bounds an upload whole. A download has no such end, as a film on a slow line needs its time: it
    ends when the CDN does not answer, or gives no further 256 KiB (4 KiB a second), within `stall_timeout`.
    `max_transfer_bytes` protects the disk from a file that cannot be one of Midjourney's.
    A socket on which nothing comes for `silence_timeout`, not even the answer to a heartbeat (one each 41 s), is dead.
    `backoff_first` and `backoff_cap` bound the wait before a new connection; each wait is drawn between half and all
    of its length, so that many Accounts do not come back in step.
    """

    interact_timeout: timedelta = timedelta(seconds=30)
    reach_timeout: timedelta = timedelta(seconds=10)
    proof_timeout: timedelta = timedelta(seconds=3)
    request_timeout: timedelta = timedelta(seconds=30)
    connect_timeout: timedelta = timedelta(seconds=30)
    ready_timeout: timedelta = timedelta(seconds=60)
    silence_timeout: timedelta = timedelta(seconds=60)
    transfer_timeout: timedelta = timedelta(seconds=120)
    stall_timeout: timedelta = timedelta(seconds=60)
    max_transfer_bytes: int = 500 * 1024 * 1024  # Discord takes no larger attachment from anybody
    backoff_first: timedelta = timedelta(seconds=2)  # Discord asks for one to five before a new session
    backoff_cap: timedelta = timedelta(seconds=60)
