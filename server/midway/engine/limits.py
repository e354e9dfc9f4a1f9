"""Every limit and deadline of the engine, with its default and the reason for it."""

from dataclasses import dataclass
from datetime import timedelta

from midway.outbound.address import MAX_URL_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Deadlines and bounds; the settings of the same names fill it."""

    queue_timeout: timedelta = timedelta(hours=2)  # QUEUED without ever being sent
    input_timeout: timedelta = timedelta(minutes=30)  # AWAITING_INPUT without SubmitModal
    ack_timeout: timedelta = timedelta(seconds=30)  # sent, and neither Discord nor the bot said a word
    slow_read: timedelta = timedelta(seconds=5)  # a look that takes longer for a page tells nothing: Discord stalled
    idle_timeout: timedelta = timedelta(minutes=10)  # no sign of life while fast or turbo
    idle_timeout_relax: timedelta = timedelta(minutes=60)  # relax jobs may wait long between two signs of life
    unknown_remark_timeout: timedelta = timedelta(seconds=20)  # silence after words of Midjourney's that nobody knows
    total_timeout: timedelta = timedelta(minutes=30)  # from Discord's acceptance to the picture
    total_timeout_relax: timedelta = timedelta(hours=3)
    final_grace: timedelta = timedelta(seconds=20)  # from the progress message's deletion to a look at the history
    offline_patience: timedelta = timedelta(minutes=5)  # a deadline waits so long for the connection to come back
    park_time: timedelta = timedelta(seconds=60)  # an event that matches nothing waits so long for its key
    late_window: timedelta = timedelta(hours=24)  # a picture is attached to its ended Task for so long
    pace: timedelta = timedelta(seconds=1.2)  # between two Interactions of one Account
    unqueued_slots: int = 3  # work beside the drawing queue (picks, describe, shorten) at a time, for each Account
    queue_full_pause: timedelta = timedelta(seconds=10)  # after Midjourney's "Queue full", before the next try
    max_requeues: int = 10  # times a Task goes back to the queue before it fails
    history_messages: int = 200  # how far back a look at the channel reads when nothing tells from where
    max_history_messages: int = 2000  # at most, from the oldest open Interaction on; people chat there too
    max_parked_messages: int = 1000  # of one Account; a busy channel of strangers must not fill the memory
    max_waiting_events: int = 10_000  # of one Account; more are not kept, and its channel's history is read instead
    resubmit_after_crash: bool = True  # what a killed process stored and, as the channel shows, never sent
    sync_settings: bool = True  # ask once after connecting whether Remix is on
    seed_timeout: timedelta = timedelta(seconds=60)  # the whole seed conversation; old clients wait as long
    max_prompt_characters: int = 6000  # Discord's limit on one option
    max_jobs_per_prompt: int = 40  # by --repeat and {a, b}; the most that any plan of Midjourney's takes
    max_input_images: int = 5
    max_client_state_characters: int = 255  # as the old API limits it
    max_notify_url_characters: int = MAX_URL_CHARACTERS  # no longer one is ever asked

    @property
    def look_again(self) -> timedelta:
        """How far apart the two looks at the history before a Task fails are: five sweeps."""
        return self.sweep_period * 5

    @property
    def sweep_period(self) -> timedelta:
        """How often deadlines are looked at: a quarter of the shortest, at most a second."""
        often = (self.ack_timeout, self.final_grace, self.idle_timeout, self.unknown_remark_timeout)
        return min(min(*often, self.total_timeout, self.input_timeout) / 4, timedelta(seconds=1))
