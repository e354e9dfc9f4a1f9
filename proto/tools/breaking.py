"""Fail when the contract no longer reads what clients of another commit send; by default of branch main."""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sys.executable).parent / "buf"
CONTRACT = "proto/midjourney"
FOUND = 100  # buf's exit code when it has found what breaks
# Broken once, on purpose: the old API's contract is its JSON, and a message cannot say null. Each is word for word what
# buf says, so that nothing else passes with it.
MEANT = tuple(
    f'RPC "{rpc}" on service "LegacyService" changed response type'
    f' from "midjourney.legacy.v1.{message}" to "google.api.HttpBody".'
    for rpc, message in (("GetTask", "Task"), ("GetAccount", "Account"))
)


def main() -> int:
    """Compare; the exit code is that of `buf breaking`, and 0 with nothing to compare, or nothing but what is meant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default="main", metavar="REVISION", help="branch, tag or commit")
    revision = parser.parse_args().against
    commit = output("git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not commit:
        return skip(f"this clone has no {revision}")
    if not output("git", "ls-tree", "--name-only", commit, CONTRACT):
        return skip(f"{revision} has no {CONTRACT}")
    # By its own address, as the directory may be a linked work tree, whose .git is a file.
    repository = output("git", "rev-parse", "--path-format=absolute", "--git-common-dir")
    command = (str(BUF), "breaking", "--against", f"{repository}#format=git,ref={commit}")
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True, timeout=300)
    broken = [line for line in done.stdout.splitlines() if not line.endswith(MEANT)]
    print(*broken, sep="\n", end="\n" if broken else "")
    return 0 if done.returncode == FOUND and not broken else done.returncode


def skip(reason: str) -> int:
    """Say that nothing was compared, and why."""
    print(f"breaking: skipped, {reason}.", file=sys.stderr)
    return 0


def output(*command: str) -> str:
    """What a git command prints; empty when it fails."""
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
