"""Lines come whole from any pieces, and short from any length."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midway.app.line_splitter import Lines


def lines_of(*chunks: bytes, longest: int = 100) -> list[str]:
    """Feed the pieces and return every line."""
    lines = Lines(longest)
    return [line for chunk in chunks for line in lines.fed(chunk)] + list(lines.rest())


@given(st.lists(st.sampled_from(["a", "bc", "", "def"]), min_size=1), st.lists(st.integers(0, 60), max_size=5))
def test_the_pieces_make_no_difference(texts, cuts):
    whole = ("\n".join(texts) + "\n").encode()
    edges = [0, *sorted(cuts), len(whole)]

    assert lines_of(*(whole[start:end] for start, end in pairwise(edges))) == texts


def test_the_end_of_a_long_line_is_dropped():
    assert lines_of(b"abcde", b"fgh\nij\n", longest=4) == ["abcd", "ij"]


@pytest.mark.parametrize(("chunk", "lines"), [(b"a\nb", ["a", "b"]), (b"a\r\n", ["a"]), (b"\xff\n", ["\ufffd"])])
def test_a_last_line_may_have_no_end_and_bytes_may_be_no_text(chunk, lines):
    assert lines_of(chunk) == lines
