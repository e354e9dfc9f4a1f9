"""Keeping the process's memory small over days: what the garbage collector looks at, and what malloc gives back."""

import asyncio
import ctypes
import gc
import os

# Of malloc.h. Setting a threshold also keeps glibc from raising it.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
LARGE_BYTES = 128 * 1024  # glibc's own bound, until the first larger block is freed
SPARE_BYTES = 1024 * 1024  # free at the heap's end, of each arena; less is asked for anew with each piece of a picture
TUNABLES = "GLIBC_TUNABLES"  # read by glibc before a process begins, and never again
HUGE_PAGES = "glibc.malloc.hugetlb"
TRIM_SECONDS = 30.0  # between two looks for holes: some milliseconds of a thread
ARENAS = 2  # of threads that allocate at the same time; Python's lock lets few do so


def give_back_large_blocks() -> None:
    """Have freed pictures go back to the system at once. Call before threads begin; does nothing without glibc.

    By default malloc keeps blocks of the size of the largest that was ever freed in the heap, of each thread its own,
    and small things that settle between two pictures hold the holes for good.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
    mallopt(_M_TRIM_THRESHOLD, SPARE_BYTES)
    mallopt(_M_ARENA_MAX, ARENAS)


def huge_pages_for_large_blocks() -> dict[str, str]:
    """Return the environment by which a server asks for huge pages, where the system gives them to who asks.

    To take over a message of 50 MB is mostly page faults, of each 4 KiB anew; so it holds the loop half as long.
    """
    given = os.environ.get(TUNABLES, "")
    if HUGE_PAGES in given:
        return {}
    return {TUNABLES: ":".join(filter(None, [given, f"{HUGE_PAGES}=1"]))}


def give_back_holes() -> None:
    """Give back the whole pages that are free between small blocks; does nothing without glibc.

    By itself malloc gives back only the heap's end: of what a crowd took, it keeps what lies below its last block.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


async def keep_giving_back_holes() -> None:
    """Give them back again and again, in a thread."""
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        await asyncio.to_thread(give_back_holes)


def collect_seldom() -> None:
    """Let the garbage collector leave alone what lives for good, and look for cycles less often.

    By default it goes through everything that lives after some 70,000 new objects, which under load is each second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
