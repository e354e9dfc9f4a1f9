"""Building a client with its language's own tools, or saying why that cannot be done here."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent
PROTO = CLIENTS.parents[1] / "proto"
BUILD_SECONDS = 540  # the first build fetches and compiles everything


@dataclass(frozen=True)
class Toolchain:
    """How one language builds its client, in a folder with a `build.sh`."""

    folder: Path
    programs: tuple[str, ...]  # must be on the PATH
    made: str  # the folder whose presence says that it was built
    generated: tuple[str, ...]  # further folders that are no sources
    not_fetched: re.Pattern[str]  # what the tool says when a registry does not answer

    @property
    def output(self) -> Path:
        return self.folder / self.made

    def build(self) -> None:
        """Bring the client up to date; skip the test when a program is missing or a download fails."""
        for program in self.programs:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        with self._alone():
            stamp = self.output / ".built-from"
            if not stamp.exists() or stamp.read_text() != self._fingerprint():
                self._run()
                stamp.write_text(self._fingerprint())

    def _run(self) -> None:
        environment = os.environ | {"PYTHON": sys.executable}
        built = subprocess.run(
            ("sh", str(self.folder / "build.sh")),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        if built.returncode and (missing := self.not_fetched.search(built.stdout)):
            pytest.skip(f"a download for {self.folder.name} failed: {missing[0]}")
        assert built.returncode == 0, built.stdout

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the other test processes out of this folder."""
        with (self.folder / "build.sh").open() as script:
            fcntl.flock(script, fcntl.LOCK_EX)
            yield

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for source in sorted((*self._sources(), *PROTO.rglob("*.proto"))):
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def _sources(self) -> Iterator[Path]:
        others = {self.made, *self.generated}
        for path in self.folder.rglob("*"):
            if path.is_file() and path.relative_to(self.folder).parts[0] not in others:
                yield path


GO = Toolchain(
    CLIENTS / "go",
    programs=("go",),
    made="build",
    generated=("midjourney",),
    not_fetched=re.compile(
        r"dial tcp.*|module lookup disabled.*|toolchain not available|i/o timeout|: [45]\d\d [A-Z].*"
    ),
)
NODE = Toolchain(
    CLIENTS / "node",
    programs=("node", "npm"),
    made="node_modules",
    generated=(),
    not_fetched=re.compile(r"ECONN\w+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENOTCACHED|code E[45]\d\d"),
)
JAVA = Toolchain(
    CLIENTS / "java",
    programs=("javac", "mvn"),
    made="target",
    generated=(),
    not_fetched=re.compile(
        r"Could not (transfer|find) artifact [\w.:-]+|\S+ or one of its dependencies could not be res"
    ),
)
