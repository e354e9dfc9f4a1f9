"""`python -m tests.fuzz.hunt TARGET SECONDS`: look for findings in one parser; tell of them as JSON on stdout.

By atheris, which follows what code a case reaches, where it is installed; else by hypothesis. Each runs in a process
of its own, as atheris never gives its process back.
"""

import importlib
import os
import random
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from tests.fuzz.target import Target

FOUND = Path("build") / "fuzz"
LONGEST_CASE = 10.0  # CPU-seconds; what takes longer is a finding
FIRST_TAPES = 50  # that atheris begins with


def atheris_module() -> ModuleType | None:
    """Return atheris where there is one; it has no types and no wheel for most Pythons."""
    try:
        return importlib.import_module("atheris")
    except ImportError:
        return None


class TooSlow(Exception):
    """A case took longer than any may."""


@dataclass
class Report:
    """What came out. `slowest` is in CPU-seconds; `findings` names a file by what was raised: its shortest case."""

    name: str
    by: str
    cases: int = 0
    slowest: float = 0.0
    slowest_bytes: int = 0
    findings: dict[str, str] = field(default_factory=dict)


class Hunt:
    """Runs cases and keeps what they bring out."""

    def __init__(self, target: "Target", by: str, seconds: float) -> None:
        self.report = Report(target.name, by)
        self._target = target
        self._end = time.monotonic() + seconds
        self._shortest: dict[str, int] = {}
        signal.signal(signal.SIGVTALRM, _too_slow)

    @property
    def is_over(self) -> bool:
        """Whether its time has passed."""
        return time.monotonic() >= self._end

    def play(self, tape: bytes) -> None:
        """Run the case of a tape."""
        case = self._target.case(tape)
        begun = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_CASE)
        try:
            self._target.check(case)
        except Exception as err:  # noqa: BLE001 - whatever comes out is what is looked for
            self._keep(err, case)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        taken = time.process_time() - begun
        self.report.cases += 1
        if taken > self.report.slowest:
            self.report.slowest, self.report.slowest_bytes = taken, len(case)

    def _keep(self, err: Exception, case: bytes) -> None:
        """Write a case down, unless a shorter one did the same."""
        what = f"{type(err).__name__} in {_place(err)}"
        if len(case) >= self._shortest.get(what, len(case) + 1):
            return
        self._shortest[what] = len(case)
        file = Path(self.report.findings.get(what) or FOUND / f"{self._target.name}-{len(self._shortest)}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(case)
        self.report.findings[what] = str(file)

    def tell(self) -> None:
        """Print the report."""
        print(orjson.dumps(asdict(self.report)).decode(), flush=True)


def _too_slow(*_: Any) -> None:
    raise TooSlow


def _place(err: Exception) -> str:
    """Return the line that raised an error."""
    places, trace = ["?"], err.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-1]


def by_hypothesis(hunt: Hunt) -> None:
    """Draw tapes until the time is over."""
    from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: PLC0415 - atheris goes without
    from hypothesis import strategies as st  # noqa: PLC0415 - only where hypothesis is installed

    from tests.fuzz.cases import TAPE_BYTES  # noqa: PLC0415 - as above

    drawn = st.binary(min_size=TAPE_BYTES, max_size=TAPE_BYTES)
    once = settings(
        max_examples=1000,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    for number in count(random.getrandbits(32)):
        seed(number)(once(given(drawn)(lambda tape: None if hunt.is_over else hunt.play(tape))))()
        if hunt.is_over:
            return


def by_atheris(atheris: Any, hunt: Hunt) -> None:
    """Let atheris change tapes until the time is over; it ends this process."""

    def one(tape: bytes) -> None:
        hunt.play(tape)
        if hunt.is_over:
            hunt.tell()
            os._exit(0)

    with TemporaryDirectory() as corpus:
        for number in range(FIRST_TAPES):
            (Path(corpus) / str(number)).write_bytes(random.randbytes(64))
        atheris.Setup([sys.argv[0], corpus, "-verbosity=0", "-max_len=128"], one)
        atheris.Fuzz()


def main() -> None:
    name, seconds = sys.argv[1], float(sys.argv[2])
    atheris = atheris_module()
    if atheris is None:
        hunt = Hunt(_target(name), "hypothesis", seconds)
        by_hypothesis(hunt)
        hunt.tell()
        return
    with atheris.instrument_imports(include=["midway"]):
        target = _target(name)
    by_atheris(atheris, Hunt(target, "atheris", seconds))


def _target(name: str) -> "Target":
    target: Target = importlib.import_module("tests.fuzz.targets").TARGETS[name]
    return target


if __name__ == "__main__":
    main()
