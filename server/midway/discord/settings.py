"""A client's time-outs and limits. The defaults are for production; tests shorten them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Time-outs and limits of one DiscordClient.

    `interact_timeout` limits a whole Interaction, including waits for rate limits. `proof_timeout` is how long after a
    lost response an event may still prove that Discord accepted it; a bot has three seconds to answer.
    `reach_timeout`, shorter than that, limits connecting for an Interaction: after this time-out it was not sent.
    `ready_timeout` limits the time from an open socket to a usable session.
    `transfer_timeout` limits a whole upload. A download has no such limit, as a film may take long on a slow line: it
    fails if the CDN does not answer, or does not send the next 256 KiB (4 KiB a second), within `stall_timeout`.
    `max_transfer_bytes` protects the disk from files too large to be Midjourney's.
    A socket that receives nothing for `silence_timeout`, not even a heartbeat ACK (one every 41 s), counts as dead.
    `backoff_first` and `backoff_cap` bound the wait before a reconnect; each wait is random, between half and all of
    its length, so that many Accounts do not reconnect in step.
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
    max_transfer_bytes: int = 500 * 1024 * 1024  # Discord's largest limit for attachments
    backoff_first: timedelta = timedelta(seconds=2)  # Discord requires one to five before a new session
    backoff_cap: timedelta = timedelta(seconds=60)
