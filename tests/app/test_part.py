"""A part is followed from its first line to its end."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from midway.app.child_process import Part, PartDied, Program
from midway.app.log_file import LogSize

from tests.support.processes import PATIENCE_SECONDS

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


def python(code: str, ready_line: str = "^ready", **environment: str) -> Program:
    return Program("snake", (sys.executable, "-c", code), ready_line, environment)


async def test_it_is_ready_when_it_says_so(tmp_path):
    async with Part(python("print('not ready'); print('ready at 17', flush=True)"), tmp_path / "log") as part:
        assert await part.ready(within_seconds=PATIENCE_SECONDS) == "ready at 17"


async def test_one_that_ends_too_early_is_reported_with_its_last_lines(tmp_path):
    async with Part(python("raise SystemExit('no such luck')"), tmp_path / "log") as part:
        with pytest.raises(PartDied, match=r"(?s)snake ended with exit code 1; its last lines:.*no such luck"):
            await part.ready(within_seconds=PATIENCE_SECONDS)


async def test_one_that_never_gets_ready_is_reported(tmp_path):
    async with Part(python("import signal; signal.pause()"), tmp_path / "log") as part:
        with pytest.raises(PartDied, match=r"was not ready after 0\.05 s"):
            await part.ready(within_seconds=0.05)


async def test_its_end_is_noticed(tmp_path):
    async with Part(python("print('ready', flush=True); import signal; signal.pause()"), tmp_path / "log") as part:
        await part.ready(within_seconds=PATIENCE_SECONDS)
        os.kill(part.pid, signal.SIGKILL)

        assert "exit code -9" in str(await part.died())


async def test_one_that_ignores_the_request_to_end_is_killed(tmp_path):
    async with Part(python(STUBBORN), tmp_path / "log") as part:
        await part.ready(within_seconds=PATIENCE_SECONDS)

        await part.stop(within_seconds=0.05)

        assert "exit code -9" in str(await part.died())


async def test_standard_output_and_error_go_to_the_log(tmp_path):
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr); print('ready', flush=True)"
    async with Part(python(code), tmp_path / "logs" / "log") as part:
        await part.died()

    assert (tmp_path / "logs" / "log").read_text() == "out\nerr\nready\n"


async def test_its_environment_is_ours_and_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("OURS", "1")
    code = "import os; print('ready', os.environ['OURS'], os.environ['ITS'], flush=True)"
    async with Part(python(code, ITS="2"), tmp_path / "log") as part:
        assert await part.ready(within_seconds=PATIENCE_SECONDS) == "ready 1 2"


async def test_a_line_of_any_length_is_no_harm(tmp_path):
    code = "print('x' * 3_000_000); print('ready', flush=True)"
    async with Part(python(code), tmp_path / "log") as part:
        assert await part.ready(within_seconds=PATIENCE_SECONDS) == "ready"
        await part.died()

    assert (tmp_path / "log").stat().st_size == 3_000_000 + len("\nready\n")


@pytest.mark.parametrize(("reads_settings", "seen"), [(True, "hush"), (False, "None")])
async def test_only_one_that_reads_our_settings_gets_our_secrets(tmp_path, monkeypatch, reads_settings, seen):
    monkeypatch.setenv("MIDWAY_API_KEYS", "hush")
    command = (sys.executable, "-c", "import os; print('ready', os.environ.get('MIDWAY_API_KEYS'))")
    program = Program("snake", command, "^ready", reads_settings=reads_settings)
    async with Part(program, tmp_path / "log") as part:
        assert await part.ready(within_seconds=PATIENCE_SECONDS) == f"ready {seen}"


async def test_a_part_whose_owner_is_cancelled_is_stopped(tmp_path):
    pids = []
    started = asyncio.Event()

    async def own() -> None:
        async with Part(python("print('ready', flush=True); import signal; signal.pause()"), tmp_path / "log") as part:
            await part.ready(within_seconds=PATIENCE_SECONDS)
            pids.append(part.pid)
            started.set()
            await part.died()

    owner = asyncio.create_task(own(), name="owner")
    await started.wait()
    owner.cancel()
    await asyncio.wait([owner])

    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


@pytest.fixture
def full_disk(tmp_path: Path) -> Path:
    """Name a log that no byte fits into."""
    log = tmp_path / "log"
    log.symlink_to("/dev/full")
    return log


async def test_a_full_disk_costs_the_log_and_not_the_part(full_disk):
    """More output than a pipe holds is taken, the part gets ready, and its end is its own."""
    code = "print('x' * 1_000_000); print('ready', flush=True)"
    async with Part(python(code), full_disk) as part:
        assert await part.ready(within_seconds=PATIENCE_SECONDS) == "ready"
        assert "exit code 0" in str(await part.died())


async def test_a_log_that_cannot_be_made_is_no_harm(tmp_path):
    (tmp_path / "file").touch()
    async with Part(python("print('ready', flush=True)"), tmp_path / "file" / "log") as part:
        assert await part.ready(within_seconds=PATIENCE_SECONDS) == "ready"
        assert "exit code 0" in str(await part.died())


async def test_its_log_is_kept_within_its_size(tmp_path):
    code = "print(*range(3000), sep='\\n'); print('ready', flush=True)"
    async with Part(python(code), tmp_path / "log", LogSize(max_bytes=4000, files=3)) as part:
        await part.died()

    logs = [tmp_path / name for name in ("log.2", "log.1", "log")]
    assert sorted(tmp_path.iterdir()) == sorted(logs)
    assert [log.stat().st_size <= 4000 for log in logs] == [True] * 3
    assert "".join(log.read_text() for log in logs).endswith("\n2998\n2999\nready\n")
