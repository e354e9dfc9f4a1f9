"""Back-off doubles, is bounded, and is spread."""

from datetime import timedelta
from random import Random

import pytest
from midway.webhook.rules import WebhookRules, delay_after

STEADY = WebhookRules(jitter=0)


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 5), (1, 10), (2, 20), (5, 160), (9, 2560), (10, 3600), (1000, 3600)]
)
def test_delay_doubles_up_to_the_longest(tries: int, seconds: int):
    assert delay_after(tries, STEADY, Random(1)) == timedelta(seconds=seconds)


def test_jitter_spreads_within_its_share():
    delays = [delay_after(1, WebhookRules(jitter=0.2), Random(seed)).total_seconds() for seed in range(200)]

    assert min(delays) >= 8
    assert max(delays) <= 12
    assert len(set(delays)) > 100
