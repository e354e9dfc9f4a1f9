"""Fail when the contract no longer reads what clients of another commit send; by default of branch main."""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUF = Path(sys.executable).parent / "buf"
CONTRACT = "proto/midjourney"


def main() -> int:
    """Compare; the exit code is that of `buf breaking`, and 0 when there is nothing to compare with."""
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
    return subprocess.run(command, cwd=ROOT, check=False, timeout=300).returncode


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
