"""Every limit and deadline of the engine, with its default and the reason for it."""

from dataclasses import dataclass
from datetime import timedelta

from midway.outbound.address import MAX_URL_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Deadlines and bounds; the settings of the same names fill it."""

    queue_timeout: timedelta = timedelta(hours=2)  # QUEUED and not sent
    input_timeout: timedelta = timedelta(minutes=30)  # AWAITING_INPUT without SubmitModal
    ack_timeout: timedelta = timedelta(seconds=30)  # sent, with no answer from Discord or the bot
    slow_read: timedelta = timedelta(seconds=5)  # per page of history; a slower read does not count, as Discord stalled
    idle_timeout: timedelta = timedelta(minutes=10)  # without progress, in fast or turbo mode
    idle_timeout_relax: timedelta = timedelta(minutes=60)  # relax jobs may pause for long
    unknown_remark_timeout: timedelta = timedelta(seconds=20)  # without progress after an unknown remark of Midjourney
    total_timeout: timedelta = timedelta(minutes=30)  # from Discord's acceptance to the picture
    total_timeout_relax: timedelta = timedelta(hours=3)
    final_grace: timedelta = timedelta(seconds=20)  # from the progress message's deletion to a read of the history
    offline_patience: timedelta = timedelta(minutes=5)  # how long a deadline waits for the connection to come back
    park_time: timedelta = timedelta(seconds=60)  # how long a message that matches no Attempt is kept
    late_window: timedelta = timedelta(hours=24)  # how long a late picture is attached to its ended Task
    pace: timedelta = timedelta(seconds=1.2)  # between two Interactions of one Account
    unqueued_slots: int = 3  # concurrent work outside the drawing queue (picks, describe, shorten), for each Account
    queue_full_pause: timedelta = timedelta(seconds=10)  # after Midjourney's "Queue full", before the next try
    max_requeues: int = 10  # times a Task goes back to the queue before it fails
    history_messages: int = 200  # messages of the channel's history to read when the starting point is not known
    max_history_messages: int = 2000  # the most to read from the oldest open Interaction on; people may chat there, too
    max_parked_messages: int = 1000  # of one Account, so that a busy shared channel does not fill the memory
    max_waiting_events: int = 10_000  # of one Account; further ones are dropped, and the channel's history is read
    resubmit_after_crash: bool = True  # resend what a killed process stored but, as the channel shows, did not send
    sync_settings: bool = True  # ask once after connecting whether Remix is on
    seed_timeout: timedelta = timedelta(seconds=60)  # for the whole exchange; clients of the old API wait as long
    max_prompt_characters: int = 6000  # Discord's limit on one option
    max_jobs_per_prompt: int = 40  # by --repeat and {a, b}; the most that any plan of Midjourney's takes
    max_input_images: int = 5
    max_first_frames: int = 4  # fetched from Tasks at a time; each holds up to 10 MB in memory
    max_client_state_characters: int = 255  # as the old API limits it
    max_notify_url_characters: int = MAX_URL_CHARACTERS  # longer ones are never requested

    @property
    def look_again(self) -> timedelta:
        """The time between the two reads of the history that precede a failure: five sweeps."""
        return self.sweep_period * 5

    @property
    def sweep_period(self) -> timedelta:
        """The time between two checks of the deadlines: a quarter of the shortest one, at most a second."""
        short = (self.ack_timeout, self.final_grace, self.idle_timeout, self.unknown_remark_timeout)
        return min(min(*short, self.total_timeout, self.input_timeout) / 4, timedelta(seconds=1))
