"""Prints the tests for the files changed since the upstream branch: `python -m tools.changed_tests`.

A changed test selects itself; a changed package selects the test folders named after it, and those that exercise it.
For a file that matches no row, nothing is printed, which means all tests.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Path prefix -> tests; the longest matching prefix applies.
TESTS: dict[str, tuple[str, ...]] = {
    "server/midway/app/": ("tests/app",),
    "server/midway/discord/": ("tests/discord", "tests/payloads"),
    "server/midway/domain/": ("tests/unit",),
    "server/midway/engine/": ("tests/unit", "tests/engine", "tests/scenarios"),
    "server/midway/media/": ("tests/media",),
    "server/midway/pictures/": ("tests/unit", "tests/media"),
    "server/midway/outbound/": ("tests/unit", "tests/webhook"),
    "server/midway/rest/": ("tests/rest",),
    "server/midway/rpc/": ("tests/rpc",),
    "server/midway/rpc/legacy/": ("tests/legacy",),
    "server/midway/store/": ("tests/store",),
    "server/midway/webhook/": ("tests/webhook",),
    "simulator/": ("tests/simulator",),
    "proto/": ("tests/unit", "tests/rpc"),
    "envoy/": ("tests/envoy", "tests/legacy"),
    "docs/": ("tests/docs",),
    "tools/": ("tests/tools",),
    "README.md": ("tests/docs",),
    "ARCHITECTURE.md": ("tests/docs", "tests/tools"),
    "CONTRIBUTING.md": ("tests/docs",),
    "CHANGELOG.md": ("tests/docs",),
}


def paths_for(changed: Iterable[str], *, exists: Iterable[str] = ()) -> list[str]:
    """Return the paths to pass to pytest, sorted; `exists` are the files that still exist."""
    found: set[str] = set()
    for path in changed:
        if path.startswith("tests/") and Path(path).name.startswith("test_") and path in exists:
            found.add(path)
        elif path.startswith("tests/") and path.count("/") > 1:
            found.add("/".join(path.split("/")[:2]))
        elif row := max((row for row in TESTS if path.startswith(row)), key=len, default=None):
            found.update(TESTS[row])
    folders = {path for path in found if not path.endswith(".py")}
    return sorted(path for path in found if path in folders or not path.startswith(tuple(f"{f}/" for f in folders)))


def changed_files() -> list[str]:
    """Return the files that differ from the upstream branch, or from the last commit where there is none."""
    base = _git("merge-base", "HEAD", "@{upstream}") or ["HEAD"]
    return [*_git("diff", "--name-only", base[0]), *_git("ls-files", "--others", "--exclude-standard")]


def _git(*arguments: str) -> list[str]:
    ended = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.stdout.splitlines() if ended.returncode == 0 else []


if __name__ == "__main__":
    files = changed_files()
    print(" ".join(paths_for(files, exists=[path for path in files if (ROOT / path).exists()])))
