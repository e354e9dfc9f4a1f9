"""The engine's limits as settings: the names of `engine.limits.Limits`, durations in seconds."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings

from midway.engine.limits import Limits

_LIMITS = Limits()


def _seconds(default: timedelta, description: str) -> float:
    field: float = Field(default.total_seconds(), ge=0, description=f"{description}, in seconds")
    return field


def _count(default: int, description: str, *, least: int = 0) -> int:
    field: int = Field(default, ge=least, description=description)
    return field


class LimitSettings(BaseSettings):
    """Deadlines and bounds of the engine; `Limits` gives the defaults and says why."""

    queue_timeout_seconds: float = _seconds(_LIMITS.queue_timeout, "How long a Task may wait for a free slot")
    input_timeout_seconds: float = _seconds(_LIMITS.input_timeout, "How long an open modal waits for SubmitModal")
    ack_timeout_seconds: float = _seconds(_LIMITS.ack_timeout, "How long Discord or the bot may stay silent at first")
    idle_timeout_seconds: float = _seconds(_LIMITS.idle_timeout, "How long a fast or turbo job may show no progress")
    idle_timeout_relax_seconds: float = _seconds(
        _LIMITS.idle_timeout_relax, "How long a relax job may show no progress"
    )
    unknown_remark_timeout_seconds: float = _seconds(
        _LIMITS.unknown_remark_timeout, "How long a job may be silent after words of Midjourney's that nobody knows"
    )
    total_timeout_seconds: float = _seconds(_LIMITS.total_timeout, "How long a fast or turbo job may take")
    total_timeout_relax_seconds: float = _seconds(_LIMITS.total_timeout_relax, "How long a relax job may take")
    final_grace_seconds: float = _seconds(
        _LIMITS.final_grace, "From the end of the progress message to a look at the channel's history"
    )
    offline_patience_seconds: float = _seconds(
        _LIMITS.offline_patience, "How long a deadline waits for a lost connection to come back"
    )
    slow_read_seconds: float = _seconds(
        _LIMITS.slow_read, "A look at the channel's history that takes longer proves nothing: Discord was stalling"
    )
    park_time_seconds: float = _seconds(_LIMITS.park_time, "How long an event that matches no Task yet is kept")
    late_window_seconds: float = _seconds(
        _LIMITS.late_window, "How long after its end a Task still takes a late picture"
    )
    pace_seconds: float | None = Field(
        None,
        ge=0,
        description=f"Least time between two Interactions of one Account, in seconds; unset: "
        f"{_LIMITS.pace.total_seconds():g}, with the simulator 0",
    )
    beside_slots: int = _count(_LIMITS.beside_slots, "Picks, describes and shortens at a time, for each Account")
    queue_full_pause_seconds: float = _seconds(_LIMITS.queue_full_pause, 'Pause after Midjourney\'s "Queue full"')
    max_requeues: int = _count(_LIMITS.max_requeues, "How often a Task goes back to the queue before it fails")
    history_messages: int = _count(_LIMITS.history_messages, "How many messages a look at the channel reads back")
    history_messages_of_work: int = _count(
        _LIMITS.history_messages_of_work,
        "The same at most, while an older Interaction is still waited for; as many settled jobs stay in memory",
        least=1,
    )
    max_parked_messages: int = _count(
        _LIMITS.max_parked_messages, "Most messages that match no Task yet, for each Account; the oldest are let go"
    )
    max_waiting_events: int = _count(
        _LIMITS.max_waiting_events, "Most Discord events that wait, for each Account, before the history does instead"
    )
    resubmit_after_crash: bool = Field(
        _LIMITS.resubmit_after_crash,
        description="Send again what a killed server stored and, as the channel shows, never sent",
    )
    sync_settings: bool = Field(_LIMITS.sync_settings, description="Ask the bot once after connecting for Remix")
    seed_timeout_seconds: float = _seconds(_LIMITS.seed_timeout, "How long asking for a seed may take")
    max_prompt_characters: int = _count(_LIMITS.max_prompt_characters, "Longest prompt")
    max_jobs_per_prompt: int = _count(
        _LIMITS.max_jobs_per_prompt, "Most jobs that one prompt makes by --repeat and {a, b}", least=1
    )
    max_input_images: int = _count(_LIMITS.max_input_images, "Most pictures in one request")
    max_client_state_characters: int = _count(_LIMITS.max_client_state_characters, "Longest state that is echoed")
    max_notify_url_characters: int = _count(_LIMITS.max_notify_url_characters, "Longest webhook address of a Task")

    def limits(self, *, default_pace: timedelta) -> Limits:
        """Build the engine's limits; `default_pace` counts where no pace is set."""
        values: dict[str, Any] = {field.name: in_its_unit(self, field.name) for field in fields(Limits)}
        if values["pace"] is None:
            values["pace"] = default_pace
        return Limits(**values)


def in_its_unit(settings: BaseSettings, name: str) -> Any:
    """Read the setting of an option: what is set in seconds becomes a duration."""
    if name in type(settings).model_fields:
        return getattr(settings, name)
    seconds: float | None = getattr(settings, f"{name}_seconds")
    return None if seconds is None else timedelta(seconds=seconds)
