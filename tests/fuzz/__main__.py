"""`python -m tests.fuzz`: look for bytes that break a parser, so many seconds each; exit code 1 when there are some.

With --target one parser only; with --case a file's bytes are given to it once more, and what they raise is shown.
"""

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson

from tests.fuzz.hunt import FOUND, LONGEST_CASE, Report, atheris_module
from tests.fuzz.targets import TARGETS

START_SECONDS = 120


def hunted(name: str, seconds: float) -> Report:
    """Look into one parser, in a process of its own."""
    command = (sys.executable, "-m", "tests.fuzz.hunt", name, str(seconds))
    log = FOUND / f"{name}.log"
    with log.open("wb") as errors:
        try:
            told = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=seconds + LONGEST_CASE + START_SECONDS,
                check=False,
            ).stdout
        except subprocess.TimeoutExpired:
            told = b""
    lines = told.splitlines()
    if not lines:  # a parser in C that ends its process, or never returns
        return Report(name, "?", findings={"no report": str(log)})
    return Report(**orjson.loads(lines[-1]))


def show(report: Report) -> None:
    """Print a parser's line, and one for each finding."""
    slowest = f"slowest {report.slowest * 1000:.1f} ms for {report.slowest_bytes} bytes"
    verdict = f"{len(report.findings)} FINDINGS" if report.findings else "ok"
    print(f"{report.name:<18} {report.cases:>9} cases by {report.by}, {slowest}: {verdict}", flush=True)
    for what, file in report.findings.items():
        print(f"  {what}: {file}; again: make fuzz TARGET={report.name} CASE={file}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", choices=TARGETS, metavar="NAME", help=f"any of {', '.join(TARGETS)}")
    parser.add_argument("--case", type=Path, help="a file to give to the target once more")
    parser.add_argument("--seconds", type=float, default=60, help="for each parser")
    parser.add_argument("--jobs", type=int, default=2, help="parsers at a time")
    chosen = parser.parse_args()
    if chosen.case:
        if not chosen.target:
            parser.error("--case needs --target")
        TARGETS[chosen.target].check(chosen.case.read_bytes())
        print("this case brings out nothing unnamed")
        return 0
    FOUND.mkdir(parents=True, exist_ok=True)
    names = [chosen.target] if chosen.target else list(TARGETS)
    if atheris_module() is None:
        print("atheris is not installed: hypothesis draws, without looking at what code a case reaches")
    with ThreadPoolExecutor(chosen.jobs) as pool:
        running = [pool.submit(hunted, name, chosen.seconds) for name in names]
        reports = []
        for each in running:
            reports.append(each.result())
            show(reports[-1])
    cases, found = sum(report.cases for report in reports), sum(len(report.findings) for report in reports)
    print(f"{len(reports)} parsers, {cases} cases, {found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
