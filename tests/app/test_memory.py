"""What keeps the process's memory small, in a process of its own: it cannot be taken back."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from midway.app import stack_programs
from midway.app.memory import TUNABLES, huge_pages_for_large_blocks
from midway.app.settings import Settings

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
GIVEN_TO_WHO_ASKS = HUGE_PAGES.exists() and "[madvise]" in HUGE_PAGES.read_text()

# Pictures come and go, until malloc has learnt to keep their place; after the last one came, something small settles.
HELD = """
import ctypes, resource, sys
from midway.app.memory import give_back_large_blocks
if sys.argv[1] == "given back":
    give_back_large_blocks()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def resident():
    return int(open("/proc/self/statm").read().split()[1])
def picture():
    block = libc.malloc(8_000_000)
    ctypes.memset(block, 1, 8_000_000)
    return block
before = resident()
for _ in range(3):
    libc.free(picture())
block = picture()
ctypes.memset(libc.malloc(100_000), 1, 100_000)
libc.free(block)
print((resident() - before) * resource.getpagesize())
"""

# A crowd comes and goes; what settles above the blocks that it took keeps them all.
HOLES = """
import ctypes, resource, sys
from midway.app.memory import give_back_holes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def resident():
    return int(open("/proc/self/statm").read().split()[1])
before = resident()
blocks = [libc.malloc(20_000) for _ in range(1_000)]
for block in blocks:
    ctypes.memset(block, 1, 20_000)
ctypes.memset(libc.malloc(20_000), 1, 20_000)
for block in blocks:
    libc.free(block)
if sys.argv[1] == "given back":
    give_back_holes()
print((resident() - before) * resource.getpagesize())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc is what this is about")
def test_a_picture_that_has_gone_takes_no_memory():
    assert held("as it is") > 7_000_000  # else there is nothing to prove
    assert held("given back") < 1_000_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc is what this is about")
def test_what_a_crowd_took_goes_back_when_it_has_left():
    assert held("as it is", HOLES) > 15_000_000
    assert held("given back", HOLES) < 5_000_000


# What a process is told to do with a large block; `hg` among a mapping's flags asks for huge pages.
ADVISED = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
block = libc.malloc(50_000_000)
flags, is_ours = "", False
for line in open("/proc/self/smaps"):
    first, _, rest = line.partition(" ")
    if "-" in first and not first.endswith(":"):
        begin, end = (int(number, 16) for number in first.split("-"))
        is_ours = begin <= block < end
    elif first == "VmFlags:" and is_ours:
        flags = rest
print("hg" in flags.split())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc is what this is about")
@pytest.mark.skipif(
    not GIVEN_TO_WHO_ASKS, reason="this system gives huge pages to all or to none; glibc then asks for none"
)
def test_a_servers_large_blocks_ask_for_huge_pages():
    untuned = {name: value for name, value in os.environ.items() if name != TUNABLES}

    def advised(environment: dict[str, str]) -> str:
        command = [sys.executable, "-c", ADVISED]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    assert advised(untuned) == "False"
    assert advised({**untuned, **stack_programs.server(Settings(accounts=())).environment}) == "True"


def test_what_an_operator_told_glibc_stays(monkeypatch):
    monkeypatch.setenv(TUNABLES, "glibc.malloc.tcache_count=0")
    assert huge_pages_for_large_blocks() == {TUNABLES: "glibc.malloc.tcache_count=0:glibc.malloc.hugetlb=1"}

    monkeypatch.setenv(TUNABLES, "glibc.malloc.hugetlb=0")
    assert huge_pages_for_large_blocks() == {}


def held(how: str, program: str = HELD) -> int:
    """Return how many bytes a process holds once its pictures, or its crowd, are gone."""
    untuned = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    command = [sys.executable, "-c", program, how]
    return int(subprocess.run(command, env=untuned, capture_output=True, text=True, check=True).stdout)
