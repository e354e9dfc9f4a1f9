"""The text of a job's messages: `**{prompt}** - {verb}<@{user}> {tokens}`.

Source: discord-wire §2.3; tests read every string that this can make with the parser suggested there.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..users import Mode

WAITING = "(Waiting to start)"
STOPPED = "(Stopped)"
PAUSED = "(paused)"
WHOLE = 100  # percent; only films say it, and without a mode
PROMOTION = "\n-# Create, explore, and organize on [midjourney.com](<https://www.midjourney.com/explore>)"
MODE_WORDS = {Mode.FAST: "fast", Mode.RELAX: "relaxed", Mode.TURBO: "turbo"}


@dataclass(frozen=True)
class Verb:
    """The text between the dash and the mention, while a job runs and after it is done."""

    running: str = ""
    done: str = ""


def verb(words: str) -> Verb:
    """Make the verb of a job that reads the same while it runs and when it is done."""
    return Verb(f"{words} by ", f"{words} by ")


GRID = Verb()
ZOOM_OUT = verb("Zoom Out")


def variation_verb(flavour: str | None, *, remixed: bool) -> Verb:
    """`Variations by`, or with a flavour (Strong, Subtle, Region); `Remix` when the prompt changed."""
    noun = "Remix" if remixed else "Variations"
    return verb(f"{noun} ({flavour})" if flavour else noun)


def pan_verb(direction: str) -> Verb:
    """`Pan Left by` and so on."""
    return verb(f"Pan {direction.capitalize()}")


def upscale_verb(flavour: str) -> Verb:
    """Only the finished upscale names 2x and 4x; Subtle and Creative show from the start."""
    running = "Upscaling by " if flavour in ("2x", "4x") else f"Upscaling ({flavour}) by "
    return Verb(running, f"Upscaled ({flavour}) by ")


@dataclass(frozen=True)
class Heading:
    """The part of a job's text that stays the same through its life."""

    prompt: str
    user_id: str
    verb: Verb
    mode: Mode
    stealth: bool = False

    def waiting(self, announcement: str = "") -> str:
        """Before the first percent; an announcement comes before the prompt, in place of the verb."""
        running = f"{announcement}**{self.prompt}** - <@{self.user_id}>" if announcement else self._running()
        return f"{running} {WAITING}"

    def progress(self, percent: int) -> str:
        """While it runs."""
        mode = "" if percent == WHOLE else f" ({self._mode()})"
        return f"{self._running()} ({percent}%){mode}"

    def paused(self) -> str:
        """While Midjourney lets it wait in the middle."""
        return f"{self._running()} {PAUSED} ({self._mode()})"

    def stopped(self) -> str:
        """After the job was stopped half-way; no further message follows."""
        return f"{self._running()} {STOPPED}"

    def done(self) -> str:
        """On the message that carries the result."""
        return f"**{self.prompt}** - {self.verb.done}<@{self.user_id}> ({self._mode()})"

    def film(self, job_id: str) -> str:
        """On a message with films: the link to the website comes before the mode, without `<>`."""
        link = f"[(Open on website for full quality)](https://midjourney.com/jobs/{job_id})"
        return f"**{self.prompt}** - {self.verb.done}<@{self.user_id}> {link} ({self._mode()})"

    def pick(self, index: int) -> str:
        """On one picture taken out of a grid: no mode, no progress."""
        return f"**{self.prompt}** - Image #{index} <@{self.user_id}>"

    def _running(self) -> str:
        return f"**{self.prompt}** - {self.verb.running}<@{self.user_id}>"

    def _mode(self) -> str:
        return MODE_WORDS[self.mode] + (", stealth" if self.stealth else "")


def website_token(job_id: str) -> str:
    """The invitation that follows some results' mode token."""
    return f" [(Open on website for full quality)](<https://midjourney.com/jobs/{job_id}>)"


def file_stem(username: str, prompt: str) -> str:
    """Name a result's file: blanks and most punctuation become `_`, cut at 63 characters."""
    kept = (c if c.isalnum() or c in "-." else "_" for c in f"{username}_{prompt}")
    return "".join(kept)[:63]
