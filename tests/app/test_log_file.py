"""A log keeps within its size, whole lines in each file, and outlives a full disk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midway.app.log_file import LogFile, LogSize


@pytest.fixture
def path(tmp_path):
    return tmp_path / "logs" / "part.log"


def kept(path) -> list[bytes]:
    """Read all files of a log, the oldest first."""
    numbered = sorted(path.parent.glob(f"{path.name}.*"), key=lambda file: -int(file.suffix[1:]))
    return [file.read_bytes() for file in (*numbered, path)]


def written(path, *pieces: bytes, max_bytes: int = 10, files: int = 3) -> list[bytes]:
    log = LogFile(path, LogSize(max_bytes, files))
    for piece in pieces:
        log.write(piece)
    log.close()
    return kept(path)


def test_a_file_that_is_full_gives_way_to_a_new_one(path):
    assert written(path, b"one\n", b"two\n", b"three\n") == [b"one\ntwo\n", b"three\n"]


def test_the_oldest_files_go(path):
    pieces = [b"%d234567\n" % number for number in range(9)]

    assert written(path, *pieces) == pieces[-3:]


def test_one_file_alone_begins_anew(path):
    assert written(path, b"12345678\n", b"x\n", b"y\n", files=1) == [b"x\ny\n"]


def test_one_piece_may_fill_several_files(path):
    assert written(path, b"1234567\n2\n345678\n") == [b"1234567\n2\n", b"345678\n"]


def test_a_line_that_comes_in_pieces_stays_whole(path):
    assert written(path, b"1\n2345", b"67890123\n", b"4\n") == [b"1\n234567890123\n", b"4\n"]


def test_a_line_without_end_is_cut(path):
    assert written(path, *[b"12345678"] * 5) == [b"1234567812345678", b"1234567812345678", b"12345678"]


def test_what_an_earlier_run_left_counts(path):
    written(path, b"before\n")

    assert written(path, b"after\n") == [b"before\n", b"after\n"]


def test_its_files_are_their_owners_only(path):
    written(path, b"1234567\n", b"2345678\n")

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_what_a_full_disk_does_not_take_is_counted_and_told_once_it_does(path):
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    log = LogFile(path, LogSize())
    log.write(b"12345\n")
    log.write(b"678\n")

    path.unlink()
    log.write(b"again\n")
    log.write(b"and again\n")

    assert path.read_text() == "10 bytes of log were dropped\nagain\nand again\n"


def test_files_that_cannot_be_renamed_do_not_grow(path):
    (path.parent / "part.log.1" / "in the way").mkdir(parents=True)

    log = LogFile(path, LogSize(10, files=2))
    for _ in range(50):
        log.write(b"1234567\n")

    assert path.stat().st_size <= 10 + len(b"8 bytes of log were dropped\n")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=30).map(lambda text: text.replace(b"\r", b"\n")), max_size=20),
    st.integers(5, 40),
)
def test_nothing_is_lost_and_no_file_is_too_long(tmp_path_factory, pieces, max_bytes):
    files = written(tmp_path_factory.mktemp("log") / "log", b"", *pieces, max_bytes=max_bytes, files=1000)

    assert b"".join(files) == b"".join(pieces)
    assert all(len(file) <= max_bytes + 30 for file in files)
    assert all(file.endswith(b"\n") for file in files[:-1] if len(file) <= max_bytes)
