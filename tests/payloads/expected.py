"""The real messages of `messages/`, and what their `means` says they mean, as values to compare with.

A `means` begins with the kind of meaning; words after it narrow it. README.md lists them.
"""

import json
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

from midway.domain.action import Speed, Verb
from midway.domain.errors import Reason

MESSAGES = Path(__file__).parent / "messages"
SPEEDS = {"relax": Speed.RELAX, "fast": Speed.FAST, "turbo": Speed.TURBO}


class Kind(Enum):
    """What becomes of the Task whose message it is."""

    FINISHED = auto()
    REJECTED = auto()
    PROGRESSED = auto()
    QUEUED_UPSTREAM = auto()
    ALIVE = auto()
    NOTHING = auto()
    HUMAN_CHECK = auto()
    NO_HUMAN_CHECK = auto()


# The first row whose words `means` holds.
KINDS: tuple[tuple[str, Kind], ...] = (
    (r"no human check", Kind.NO_HUMAN_CHECK),
    (r"human check", Kind.HUMAN_CHECK),
    (r"^Rejected", Kind.REJECTED),
    (r"^Progressed", Kind.PROGRESSED),
    (r"^Finished", Kind.FINISHED),
    (r"^Noticed QUEUED_UPSTREAM", Kind.QUEUED_UPSTREAM),
    (r"^Accepted|alive|no final", Kind.ALIVE),
    (r"None|^remix|^ignored", Kind.NOTHING),
)


@dataclass(frozen=True)
class Payload:
    """One dispatch and what it means; `None` where `means` leaves it open."""

    name: str
    event: str
    data: dict[str, Any]
    means: str
    kind: Kind = field(init=False)

    def __post_init__(self) -> None:
        found = next(kind for pattern, kind in KINDS if re.search(pattern, self.means))
        object.__setattr__(self, "kind", found)

    @property
    def verb(self) -> Verb | None:
        """The kind of picture it shows."""
        return next((verb for verb in Verb if re.search(rf"\b{verb}\b", self.means)), None)

    @property
    def speed(self) -> Speed | None:
        """How fast it was drawn."""
        return next((speed for word, speed in SPEEDS.items() if re.search(rf"\b{word}\b", self.means)), None)

    @property
    def reason(self) -> Reason | None:
        """Why it was refused."""
        return next((Reason(word) for word in re.findall(r"[A-Z_]{5,}", self.means) if word in set(Reason)), None)

    @property
    def number(self) -> int | None:
        """The percentage, the picture picked, or how many prompts a panel proposes."""
        found = re.search(r"(?:Progressed|PICK|PANEL) (\d+)", self.means)
        return int(found[1]) if found else None

    @property
    def words(self) -> list[str]:
        """Everything that Midjourney says in it about why."""
        embeds = self.data.get("embeds") or []
        said = [embed.get(part, "") for embed in embeds for part in ("title", "description")]
        return [word for word in [*said, "" if embeds else self.data.get("content", "")] if word]


def payloads() -> list[Payload]:
    """Read them all."""
    read = ((path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(MESSAGES.glob("*.json")))
    return [Payload(name, raw["t"], raw["d"], raw["means"]) for name, raw in read]
