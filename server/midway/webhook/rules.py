"""How often, for how long and how many at a time webhooks are tried."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

_MOST_DOUBLINGS = 32  # every delay is `longest_delay` by then; keeps the shift from growing without bound


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRules:
    """Bounds of delivery; the settings of the same names fill it."""

    try_timeout: timedelta = timedelta(seconds=10)  # from the DNS look-up to the end of the answer
    first_delay: timedelta = timedelta(seconds=5)  # after the first failed try; doubled after each further one
    longest_delay: timedelta = timedelta(hours=1)
    jitter: float = 0.2  # of the delay, either way; spreads the retries to a receiver that is back
    max_age: timedelta = timedelta(hours=24)  # from the change to the last try
    keep_dead_letters: timedelta = timedelta(days=30)  # how long a notice that was given up can be sent again
    max_concurrent_per_host: int = 5  # a receiver that never answers must not hold up the others
    max_concurrent: int = 100  # tries at a time, over all Tasks; one Task has at most one


def delay_after(tries: int, rules: WebhookRules, random: Random) -> timedelta:
    """Return how long to wait after a failed try; `tries` counts the tries before it."""
    delay = min(rules.first_delay * (1 << min(tries, _MOST_DOUBLINGS)), rules.longest_delay)
    return delay * random.uniform(1 - rules.jitter, 1 + rules.jitter)
