"""What every test stands on: no settings from the outside, reproducible property tests."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# Shared machines stall; a slow example is not a wrong one.
settings.register_profile("midway", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("midway")


# A shell's background job ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own MIDWAY_* variables from the test and from the processes it starts."""
    for name in [name for name in os.environ if name.startswith("MIDWAY_")]:
        monkeypatch.delenv(name)
