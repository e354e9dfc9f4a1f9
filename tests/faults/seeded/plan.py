"""What happens in one run, drawn from its seed and from nothing else.

Moments are counted in ticks: answers and updates that clients have seen. So a run has the same plan on a slow
machine and on a fast one, and nothing waits for a clock.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.seeded.incidents import ACCOUNT_INCIDENTS, INCIDENTS
from tests.support.mortal import BOUNDARIES

Json = dict[str, Any]

QUIET, DISTURBED, SICK = 1, 2, 3  # the simulator's accounts: no faults; faults; faults that end its work too
ACCOUNTS = 3
SPEED = 100
COMMON_PROMPT = "a red fox"  # many ask for the same
TICKS_OF_AN_ERRAND = 6  # about; tells over which moments the disturbances are spread

# Words that script the outcome upstream.
TRIGGERS = ("__hang", "__hang_after_46", "__failed", "__banned", "__filtered", "__queue_full", "__stopped", "__slow")
FOLLOW_UPS = ("U1", "U2", "U4", "V1", "V3", "reroll")
ACKNOWLEDGEMENTS = ("INTERACTION_CREATE", "INTERACTION_SUCCESS")
# What the bot does one way or another, by the names of the simulator's options; the likelier more often.
WAYS: dict[str, tuple[Any, ...]] = {
    "final_message": ("new", "new", "edit", "random"),
    "final_has_nonce": (False, False, True, None),
    "final_has_metadata": (False, True),
    "restyle_first": (True, True, False, None),
    "start_announces": (False, True),
    "cancel_button": (True, True, False),
    "settings_loading": (False, True),
    "delete_before_final": (None, True, False),
}
PRESSES = ("Vary (Region)", "Custom Zoom", "Vary (Strong)", "Zoom Out 2x", "⬅️")


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What one client wants: a submit, then follow-ups on its picture, each watched to its end.

    `hang_ups` are counts of updates after which the client drops its watch and resumes it; `cancel_after` one after
    which it cancels.
    """

    name: str
    verb: str  # imagine, describe, blend, shorten
    prompt: str = ""
    account: int | None = None
    follow_ups: tuple[str, ...] = ()
    hang_ups: tuple[int, ...] = ()
    cancel_after: int | None = None
    notifies: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the server could keep it from a picture, on an account without faults."""
        return self.verb == "imagine" and self.cancel_after is None and "__" not in self.prompt


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """Something that happens from outside at a moment: `kill` the server, or a `post` to the simulator's control."""

    at: int  # tick
    kill: bool = False
    path: str = ""
    body: Json | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run. `deaths` are for the first, second, … process of the server, each `boundary:n` or empty."""

    seed: int
    errands: tuple[Errand, ...]
    disturbances: tuple[Disturbance, ...]
    deaths: tuple[str, ...]
    webhook_failures: tuple[int, ...]  # numbers of the POSTs that the receiver spoils, counted over all
    options: Json = field(default_factory=dict)  # of the simulator: the ways of the bot in this run
    bots: str = "both"  # which of the two bots are in the accounts' servers


def plan_from(seed: int) -> Plan:
    """Draw the plan of a seed."""
    random = Random(seed)
    errands = tuple(_errand(random, number) for number in range(random.randint(8, 14)))
    moments = len(errands) * TICKS_OF_AN_ERRAND
    disturbances = [*_faults(random, moments), *_strangers(random, moments), *_kills(random, moments)]
    deaths = tuple(_death(random) for _ in range(random.randint(0, 3)))
    webhook_failures = tuple(sorted(random.sample(range(60), random.randint(0, 15))))
    options = {name: random.choice(values) for name, values in WAYS.items()}
    disturbances += _lost_acknowledgements(random)
    return Plan(
        seed=seed,
        errands=errands,
        disturbances=tuple(sorted(disturbances, key=lambda each: each.at)),
        deaths=deaths,
        webhook_failures=webhook_failures,
        options=options,
        bots=random.choice(("both", "both", "mj")),
    )


def _errand(random: Random, number: int) -> Errand:
    verb = random.choices(("imagine", "describe", "blend", "shorten"), (12, 1, 1, 1))[0]
    name = f"{verb}-{number}"
    if random.random() < 0.45:
        return _disturbed_errand(random, name, verb)
    return Errand(
        name=name,
        verb=verb,
        prompt=_prompt(random, number),
        account=random.choice((None, None, QUIET, DISTURBED)),
        follow_ups=_follow_ups(random) if verb == "imagine" else (),
        hang_ups=_hang_ups(random),
        notifies=random.random() < 0.8,
    )


def _disturbed_errand(random: Random, name: str, verb: str) -> Errand:
    """Draw one that is cancelled or ends badly upstream; never on the quiet account, which it would disturb."""
    trigger = random.choice(("", *TRIGGERS))
    return Errand(
        name=name,
        verb=verb,
        prompt=f"{COMMON_PROMPT} {trigger}".strip(),
        account=random.choice((DISTURBED, SICK)),
        hang_ups=_hang_ups(random),
        cancel_after=random.choice((None, 0, 1, 2, 3)) if trigger else random.randint(0, 3),
    )


def _prompt(random: Random, number: int) -> str:
    return COMMON_PROMPT if random.random() < 0.6 else f"{COMMON_PROMPT} of number {number}"


def _follow_ups(random: Random) -> tuple[str, ...]:
    if random.random() < 0.5:
        return ()
    first = random.choice(FOLLOW_UPS)
    return (first, random.choice(PRESSES)) if first.startswith("U") and random.random() < 0.6 else (first,)


def _hang_ups(random: Random) -> tuple[int, ...]:
    return tuple(sorted(random.sample(range(8), random.choice((0, 0, 1, 2)))))


def _faults(random: Random, moments: int) -> list[Disturbance]:
    drawn = [random.choice(INCIDENTS) for _ in range(random.randint(4, 14))]
    faults = [incident | {"account": random.choice((DISTURBED, SICK))} for incident in drawn]
    if random.random() < 0.4:
        faults.append(random.choice(ACCOUNT_INCIDENTS) | {"account": SICK})
    return [Disturbance(at=random.randrange(moments), path="faults", body=fault) for fault in faults]


def _lost_acknowledgements(random: Random) -> list[Disturbance]:
    """Draw an account to which Discord never says, from the beginning, that it took an Interaction."""
    account = random.choice((None, None, DISTURBED, SICK))
    bodies = ({"fault": "EventLost", "event": event, "times": None, "account": account} for event in ACKNOWLEDGEMENTS)
    return [Disturbance(at=0, path="faults", body=body) for body in bodies] if account else []


def _strangers(random: Random, moments: int) -> list[Disturbance]:
    """Draw messages of other people in the channel, some in the very words that the bot uses."""
    contents = (
        "nice weather",
        f"**{COMMON_PROMPT} --v 7.0** - <@199999999999999999> (fast)",
        f"**{COMMON_PROMPT} --v 7.0** - <@199999999999999999> (46%) (fast)",
        f"**{COMMON_PROMPT}** - <@199999999999999999> (Waiting to start)",
    )
    return [
        Disturbance(
            at=random.randrange(moments),
            path="messages",
            body={"account": DISTURBED, "content": random.choice(contents)} | random.choice(({}, {"bot": "mj"})),
        )
        for _ in range(random.randint(0, 3))
    ]


def _kills(random: Random, moments: int) -> list[Disturbance]:
    return [Disturbance(at=random.randrange(moments), kill=True) for _ in range(random.choice((0, 1, 1, 2, 3)))]


def _death(random: Random) -> str:
    return f"{random.choice(BOUNDARIES)}:{random.randint(1, 6)}"
