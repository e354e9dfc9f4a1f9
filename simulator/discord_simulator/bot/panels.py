"""/info and /settings: ephemeral panels that show the account, and change it.

Source: discord-wire §2.4 (h) to (j), §2.5, §6.2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..entities import EPHEMERAL, LOADING, Account, Interaction, Message
from ..json_types import Json
from ..users import NIJI_APPLICATION_ID, BotSettings, Mode
from ..world import World
from .answers import Answer, NotUnderstood
from .components import GREEN, GREY, SELECT, Row, button, row
from .embeds import PLAN_LACKS_RELAX, PLAN_LACKS_STEALTH, SUCCESS, embed
from .job import Stage
from .jobs import PLENTIFUL_PLANS, Jobs
from .replies import refuse, reply

VERSION_SELECTOR = "MJ::Settings::VersionSelector"
VERSIONS = ("8", "7.0", "6.1", "6", "5.2", "niji 7", "niji 6")
NIJI_VERSIONS = ("niji 7", "niji 6", "niji 5")
PAID_HOURS = {"Basic": 3.3, "Standard": 15.0, "Pro": 30.0, "Mega": 60.0}  # fast hours a month
PANEL_SECONDS = (0.5, 2.0)  # from the loading message to the panel
SETTINGS_TEXT = "Adjust your settings here."
RENEWAL_UNIX = 1_798_761_600  # a fixed day, so that the panel is the same in every run
DONE = {
    Mode.FAST: "Done! Your jobs now consume fast hours.",
    Mode.RELAX: "Done! Your jobs now do not consume fast hours, but may take longer.",
    Mode.TURBO: "Done! Your jobs now run in turbo mode, at twice the cost.",
}

Change = Callable[[BotSettings], None]


def _set(**values: object) -> Change:
    def change(settings: BotSettings) -> None:
        for name, value in values.items():
            setattr(settings, name, value)

    return change


def _flip(name: str) -> Change:
    def change(settings: BotSettings) -> None:
        setattr(settings, name, not getattr(settings, name))

    return change


def _reset(settings: BotSettings) -> None:
    defaults = BotSettings(version=NIJI_VERSIONS[0] if settings.version.startswith("niji") else "7.0")
    _set(**vars(defaults))(settings)


STYLIZE_LEVELS = {"low": 50, "med": 100, "high": 250, "very high": 750}
CHANGES: dict[str, Change] = {
    "MJ::Settings::RawMode": _flip("raw"),
    "MJ::Settings::Personalization": _flip("personalize"),
    **{f"MJ::Settings::Stylize::{n}": _set(stylize=n) for n in STYLIZE_LEVELS.values()},
    "MJ::Settings::Visibility::public": _set(stealth=False),
    "MJ::Settings::Visibility::stealth": _set(stealth=True),
    "MJ::Settings::RemixMode": _flip("remix"),
    "MJ::Settings::HighVariabilityMode::1": _set(high_variation=True),
    "MJ::Settings::HighVariabilityMode::0": _set(high_variation=False),
    **{f"MJ::Settings::Speed::{mode}": _set(mode=mode) for mode in Mode},
    "MJ::Settings::Reset": _reset,
}


class Panels:
    """Handles the commands that show or change settings, and the panel's components."""

    def __init__(self, world: World, jobs: Jobs) -> None:
        self._world = world
        self._jobs = jobs

    def info(self, interaction: Interaction) -> Answer:
        """Answer /info: loading first, then the panel in the same message."""
        return Answer(partial(self._begin_info, interaction))

    def settings(self, interaction: Interaction) -> Answer:
        """Answer /settings with the panel."""
        show = self._load_settings if self._world.options.settings_loading else self._show_settings
        return Answer(partial(show, interaction))

    def set_mode(self, interaction: Interaction, mode: Mode) -> Answer:
        """Answer /fast, /relax and /turbo."""
        if mode is Mode.RELAX and interaction.account.plan == "Basic":
            return Answer(partial(refuse, self._world, interaction, PLAN_LACKS_RELAX))
        _settings(interaction).mode = mode
        return Answer(partial(self._say, interaction, DONE[mode]))

    def toggle_remix(self, interaction: Interaction) -> Answer:
        """Answer /prefer remix."""
        settings = _settings(interaction)
        settings.remix = not settings.remix
        on = "Remix mode turned on! Click a variation button to change its prompt."
        return Answer(partial(self._say, interaction, on if settings.remix else "Remix mode turned off!"))

    def press(self, interaction: Interaction) -> Answer:
        """Answer a button or the select menu of the panel: change the account, then show it."""
        change = self._change(interaction)
        if change is None or interaction.message is None:
            raise NotUnderstood(interaction.custom_id)
        refusal = _refusal(interaction)
        if refusal:
            return Answer(partial(refuse, self._world, interaction, refusal))
        change(_settings(interaction))
        return Answer(partial(self._refresh, interaction, interaction.message))

    @staticmethod
    def _change(interaction: Interaction) -> Change | None:
        if interaction.custom_id != VERSION_SELECTOR:
            return CHANGES.get(interaction.custom_id or "")
        chosen = next(iter(interaction.values), None)
        return _set(version=chosen) if chosen in _versions(interaction.application_id) else None

    def _refresh(self, interaction: Interaction, message: Message) -> None:
        rows = settings_rows(_settings(interaction), interaction.application_id)
        self._world.edit(message, components=rows)

    def _show_settings(self, interaction: Interaction) -> None:
        rows = settings_rows(_settings(interaction), interaction.application_id)
        self._say(interaction, SETTINGS_TEXT, rows)

    def _load_settings(self, interaction: Interaction) -> None:
        message = reply(self._world, interaction, flags=EPHEMERAL | LOADING)
        delay = self._world.random.uniform(*PANEL_SECONDS)
        self._world.clock.call_later(delay, self._fill_settings, interaction, message)

    def _fill_settings(self, interaction: Interaction, message: Message) -> None:
        rows = settings_rows(_settings(interaction), interaction.application_id)
        self._world.edit(message, flags=EPHEMERAL, content=SETTINGS_TEXT, components=rows)

    def _say(self, interaction: Interaction, content: str, rows: list[Row] | None = None) -> None:
        reply(self._world, interaction, content, flags=EPHEMERAL, components=rows)

    def _begin_info(self, interaction: Interaction) -> None:
        message = reply(self._world, interaction, flags=EPHEMERAL | LOADING)
        self._world.clock.call_later(self._world.random.uniform(*PANEL_SECONDS), self._show_info, interaction, message)

    def _show_info(self, interaction: Interaction, message: Message) -> None:
        account = interaction.account
        lines = (f"**{key}**: {value}" for key, value in self._facts(account, _settings(interaction)).items())
        panel = embed(f"Your info - {account.user.username}", "\n".join(lines), SUCCESS)
        self._world.edit(message, flags=EPHEMERAL, embeds=[panel])

    def _facts(self, account: Account, settings: BotSettings) -> dict[str, str]:
        running, queued = self._jobs.of(account, Stage.RUNNING), self._jobs.of(account, Stage.QUEUED)
        relaxed = [job for job in queued if job.mode is Mode.RELAX]
        hours = account.fast_minutes / 60
        return {
            "User ID": account.user.id,
            "Subscription": f"{account.plan} (Active monthly, renews next on <t:{RENEWAL_UNIX}>)",
            "Job Mode": settings.mode.capitalize(),
            "Visibility Mode": "Stealth" if settings.stealth else "Public",
            "Fast Time Remaining": f"{hours:.2f}/{PAID_HOURS.get(account.plan, 0.0)} hours ({self._share(account)}%)",
            "Lifetime Usage": "0 images (0.00 hours)",
            "Relaxed Usage": "0 images (0.00 hours)",
            "Queued Jobs (fast)": str(len(queued) - len(relaxed)),
            "Queued Jobs (relax)": str(len(relaxed)),
            "Running Jobs": ", ".join(job.id for job in running) or "None",
        }

    @staticmethod
    def _share(account: Account) -> str:
        hours = PAID_HOURS.get(account.plan)
        return f"{account.fast_minutes / 60 / hours * 100:.2f}" if hours else "0.00"


def settings_rows(settings: BotSettings, application_id: str) -> list[Row]:
    """Show the settings: a select menu for the version, green buttons for what is on."""
    select: Json = {"type": SELECT, "id": 1, "custom_id": VERSION_SELECTOR, "min_values": 1, "max_values": 1}
    select["options"] = [
        {"label": _version_label(v), "value": v, "default": v == settings.version} for v in _versions(application_id)
    ]
    speeds = [_toggle(f"MJ::Settings::Speed::{m}", f"{m.capitalize()} mode", on=settings.mode is m) for m in Mode]
    stylizes = [
        _toggle(f"MJ::Settings::Stylize::{n}", f"Stylize {label}", on=settings.stylize == n)
        for label, n in STYLIZE_LEVELS.items()
    ]
    return [
        row(select),
        row(
            _toggle("MJ::Settings::RawMode", "RAW Mode", on=settings.raw),
            _toggle("MJ::Settings::Personalization", "Personalization", on=settings.personalize),
            _toggle("MJ::Settings::Visibility::public", "Public mode", on=not settings.stealth),
            _toggle("MJ::Settings::Visibility::stealth", "Stealth mode", on=settings.stealth),
        ),
        row(*stylizes),
        row(
            _toggle("MJ::Settings::RemixMode", "Remix mode", on=settings.remix),
            _toggle("MJ::Settings::HighVariabilityMode::1", "High Variation Mode", on=settings.high_variation),
            _toggle("MJ::Settings::HighVariabilityMode::0", "Low Variation Mode", on=not settings.high_variation),
        ),
        row(*speeds, button("MJ::Settings::Reset", "Reset Settings")),
    ]


def _settings(interaction: Interaction) -> BotSettings:
    return interaction.account.settings[interaction.application_id]


def _refusal(interaction: Interaction) -> Json | None:
    """Return the embed for a setting that the plan does not include."""
    plan = interaction.account.plan
    if interaction.custom_id == "MJ::Settings::Visibility::stealth" and plan not in PLENTIFUL_PLANS:
        return PLAN_LACKS_STEALTH
    return PLAN_LACKS_RELAX if interaction.custom_id == "MJ::Settings::Speed::relax" and plan == "Basic" else None


def _versions(application_id: str) -> tuple[str, ...]:
    return NIJI_VERSIONS if application_id == NIJI_APPLICATION_ID else VERSIONS


def _version_label(version: str) -> str:
    return f"Niji Model V{version[5:]}" if version.startswith("niji ") else f"Midjourney Model V{version}"


def _toggle(custom_id: str, label: str, *, on: bool) -> Json:
    return button(custom_id, label, style=GREEN if on else GREY)
