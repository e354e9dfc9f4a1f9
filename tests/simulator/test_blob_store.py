"""Pictures on disk in a file without a name."""

import gc
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from discord_simulator.blob_store import CHUNK, BlobStore


def test_nothing_is_left_in_the_temporary_directory(tmp_path: Path, monkeypatch):
    """The file has no name while it is used, so that not even kill -9 leaves one behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blob = BlobStore().write(b"picture")

    assert list(tmp_path.iterdir()) == []
    assert blob.read() == b"picture"


def test_threads_write_side_by_side():
    store = BlobStore()
    contents = [bytes([n]) * (n * 1000) for n in range(1, 40)]
    with ThreadPoolExecutor(4) as threads:
        blob = list(threads.map(store.write, contents))

    assert [each.read() for each in blob] == contents


def test_a_part_is_read_piece_by_piece():
    content = os.urandom(2 * CHUNK + 100)
    blob = BlobStore().write(content)
    pieces = list(blob.chunks(50, 2 * CHUNK + 60))

    assert b"".join(pieces) == content[50 : 2 * CHUNK + 61]
    assert max(map(len, pieces)) == CHUNK


def test_the_file_is_closed_with_the_last_that_lies_in_it():
    blob = BlobStore().write(b"picture")
    descriptor = blob.store._descriptor
    os.fstat(descriptor)
    del blob
    gc.collect()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
