"""Keeps a long-running process's memory small: tunes the garbage collector and glibc's malloc."""

import asyncio
import ctypes
import gc
import os

# From malloc.h. Setting a threshold also stops glibc from adjusting it dynamically.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 128 * 1024  # glibc's initial mmap threshold
SPARE_BYTES = 1024 * 1024  # kept free at each arena's end; with less, each piece of a picture takes a system call
TUNABLES = "GLIBC_TUNABLES"  # read by glibc only when a process starts
HUGE_PAGES = "glibc.malloc.hugetlb"
TRIM_SECONDS = 30.0  # between two calls of malloc_trim, each some milliseconds in a thread
ARENAS = 2  # for threads that allocate at the same time; because of the GIL these are few


def give_back_large_blocks() -> None:
    """Return freed pictures to the system at once. Call before starting threads; does nothing without glibc.

    By default malloc raises its mmap threshold to the largest block freed so far and keeps such blocks on the heap, in
    one arena per thread. Small objects allocated between two pictures then keep the freed space from being returned.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
    mallopt(_M_TRIM_THRESHOLD, SPARE_BYTES)
    mallopt(_M_ARENA_MAX, ARENAS)


def huge_pages_for_large_blocks() -> dict[str, str]:
    """Return environment variables that make a server's malloc use huge pages, if the system has them on madvise.

    Most of the time to receive a 50 MB message goes into page faults, one for each 4 KiB; huge pages halve the time
    that it blocks the event loop.
    """
    given = os.environ.get(TUNABLES, "")
    if HUGE_PAGES in given:
        return {}
    return {TUNABLES: ":".join(filter(None, [given, f"{HUGE_PAGES}=1"]))}


def give_back_holes() -> None:
    """Return free pages between small blocks to the system (malloc_trim); does nothing without glibc.

    By itself malloc returns only the end of the heap: after a load peak it keeps everything below the last used block.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


async def keep_giving_back_holes() -> None:
    """Return them periodically, in a thread."""
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        await asyncio.to_thread(give_back_holes)


def collect_seldom() -> None:
    """Exclude permanent objects from garbage collection, and collect less often.

    By default a full collection runs after some 70,000 new objects, which under load is every second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
