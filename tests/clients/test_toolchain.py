"""A client that cannot be built here is skipped with the reason; one that is broken fails."""

import re
from pathlib import Path

import pytest

from tests.clients.toolchain import Toolchain


def toolchain(folder: Path, script: str, program: str = "sh") -> Toolchain:
    """Make a toolchain whose build is this shell script."""
    (folder / "build.sh").write_text(f'cd "$(dirname "$0")" && mkdir -p made && {script}\n')
    return Toolchain(folder, programs=(program,), made="made", generated=(), not_fetched=re.compile("no route .*"))


def test_a_missing_program_skips_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="no-such-compiler is not installed"):
        toolchain(tmp_path, "true", program="no-such-compiler").build()


def test_a_failed_download_skips_with_what_the_tool_said(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="no route to the registry"):
        toolchain(tmp_path, "echo no route to the registry; exit 1").build()


def test_a_broken_client_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="syntax error"):
        toolchain(tmp_path, "echo syntax error; exit 1").build()


def test_nothing_is_built_twice(tmp_path: Path) -> None:
    client = toolchain(tmp_path, "echo built >> made/log")
    client.build()
    client.build()

    assert (tmp_path / "made" / "log").read_text() == "built\n"


def test_a_changed_source_is_built_anew(tmp_path: Path) -> None:
    client = toolchain(tmp_path, "echo built >> made/log")
    client.build()
    (tmp_path / "main.go").write_text("package main")
    client.build()

    assert (tmp_path / "made" / "log").read_text() == "built\nbuilt\n"
