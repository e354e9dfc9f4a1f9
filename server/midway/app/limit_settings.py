"""The engine's limits as settings, named as in `engine.limits.Limits`; durations are in seconds."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings

from midway.discord.command_index import DEFAULT_MAX_LENGTH
from midway.engine.limits import Limits
from midway.outbound.address import MAX_URL_CHARACTERS

_LIMITS = Limits()
LONGEST_SEED_SECONDS = 85  # Envoy and the client commands time out after 90


def _seconds(default: timedelta, description: str, *, most: float | None = None) -> float:
    field: float = Field(default.total_seconds(), ge=0, le=most, description=description)
    return field


def _count(default: int, description: str, *, least: int = 0, most: int | None = None) -> int:
    field: int = Field(default, ge=least, le=most, description=description)
    return field


class LimitSettings(BaseSettings):
    """Deadlines and limits of the engine; `Limits` has the defaults and their reasons."""

    queue_timeout_seconds: float = _seconds(_LIMITS.queue_timeout, "How long a Task may wait for a free slot")
    input_timeout_seconds: float = _seconds(_LIMITS.input_timeout, "How long a Task waits for SubmitModal")
    ack_timeout_seconds: float = _seconds(
        _LIMITS.ack_timeout, "How long a sent Interaction may go without a sign from Discord or the bot"
    )
    idle_timeout_seconds: float = _seconds(_LIMITS.idle_timeout, "How long a fast or turbo job may show no progress")
    idle_timeout_relax_seconds: float = _seconds(
        _LIMITS.idle_timeout_relax, "How long a relax job may show no progress"
    )
    unknown_remark_timeout_seconds: float = _seconds(
        _LIMITS.unknown_remark_timeout,
        "How long a job may be silent after a message of Midjourney's that Midway does not know",
    )
    total_timeout_seconds: float = _seconds(_LIMITS.total_timeout, "How long a fast or turbo job may take")
    total_timeout_relax_seconds: float = _seconds(_LIMITS.total_timeout_relax, "How long a relax job may take")
    final_grace_seconds: float = _seconds(
        _LIMITS.final_grace,
        "Time from the deletion of a progress message to a read of the channel's history for the picture",
    )
    offline_patience_seconds: float = _seconds(
        _LIMITS.offline_patience, "How long a Task that is due to fail waits for a lost connection to come back"
    )
    slow_read_seconds: float = _seconds(
        _LIMITS.slow_read, "A read of the channel's history that takes longer is not trusted to show everything"
    )
    park_time_seconds: float = _seconds(_LIMITS.park_time, "How long a message that matches no Task is kept")
    late_window_seconds: float = _seconds(
        _LIMITS.late_window, "How long after its end a Task still takes a late picture"
    )
    pace_seconds: float | None = Field(
        None,
        ge=0,
        description=f"Least time between two Interactions of one Account; unset: {_LIMITS.pace.total_seconds():g}, "
        "with the simulator 0",
    )
    unqueued_slots: int = _count(
        _LIMITS.unqueued_slots,
        "Maximum picks, describes and shortens at a time per Account; they take no drawing slot",
    )
    queue_full_pause_seconds: float = _seconds(
        _LIMITS.queue_full_pause, 'How long an Account pauses after Midjourney\'s "Queue full"'
    )
    max_requeues: int = _count(_LIMITS.max_requeues, "How often a Task may go back to the queue before it fails")
    history_messages: int = _count(
        _LIMITS.history_messages, "How many messages a read of the channel's history goes back"
    )
    max_history_messages: int = _count(
        _LIMITS.max_history_messages,
        "The same while an older Interaction has no outcome yet; also how many finished jobs stay in memory",
        least=1,
    )
    max_parked_messages: int = _count(
        _LIMITS.max_parked_messages,
        "Maximum messages kept per Account that match no Task; the oldest are dropped",
    )
    max_waiting_events: int = _count(
        _LIMITS.max_waiting_events,
        "Maximum Discord events waiting per Account; more are dropped, and the channel's history is read instead",
    )
    resubmit_after_crash: bool = Field(
        _LIMITS.resubmit_after_crash,
        description="After a crash, send what was stored but, as the channel shows, never sent",
    )
    sync_settings: bool = Field(
        _LIMITS.sync_settings, description="Ask the bot after connecting whether Remix mode is on"
    )
    seed_timeout_seconds: float = _seconds(
        _LIMITS.seed_timeout,
        "Time limit for asking the bot for a seed; at most 85, as a call ends after 90",
        most=LONGEST_SEED_SECONDS,
    )
    max_prompt_characters: int = _count(
        _LIMITS.max_prompt_characters, "Longest prompt; Discord takes no longer one", most=DEFAULT_MAX_LENGTH
    )
    max_jobs_per_prompt: int = _count(
        _LIMITS.max_jobs_per_prompt, "Maximum jobs that one prompt may make by --repeat and {a, b}", least=1
    )
    max_input_images: int = _count(_LIMITS.max_input_images, "Maximum pictures in one request")
    max_first_frames: int = _count(
        _LIMITS.max_first_frames,
        "Maximum first frames of films fetched from Tasks at a time; more wait",
        least=1,
    )
    max_client_state_characters: int = _count(
        _LIMITS.max_client_state_characters, "Longest `state` of the old API and `client_state` of the new one"
    )
    max_notify_url_characters: int = _count(
        _LIMITS.max_notify_url_characters, "Longest webhook address of a Task", most=MAX_URL_CHARACTERS
    )

    def limits(self, *, default_pace: timedelta) -> Limits:
        """Build the engine's limits; `default_pace` applies if no pace is set."""
        values: dict[str, Any] = {field.name: in_its_unit(self, field.name) for field in fields(Limits)}
        if values["pace"] is None:
            values["pace"] = default_pace
        return Limits(**values)


def in_its_unit(settings: BaseSettings, name: str) -> Any:
    """Return the value for an option; a setting in seconds is converted to a timedelta."""
    if name in type(settings).model_fields:
        return getattr(settings, name)
    seconds: float | None = getattr(settings, f"{name}_seconds")
    return None if seconds is None else timedelta(seconds=seconds)
