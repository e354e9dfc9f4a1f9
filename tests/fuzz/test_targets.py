"""No foreign bytes bring out an error that nobody has named."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.cases import TAPE_BYTES
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

CASES = 2000


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_only_named_errors_come_out(target: Target):
    # The same cases each time; `make fuzz` looks for new ones.
    @settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(min_size=TAPE_BYTES, max_size=TAPE_BYTES))
    def check(tape: bytes) -> None:
        case = target.case(tape)
        try:
            target.check(case)
        except Exception as finding:
            finding.add_note(f"the case: {case!r}")
            raise

    check()
