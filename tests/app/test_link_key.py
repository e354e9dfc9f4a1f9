"""The key behind links to pictures is made once, for its owner only, and never replaced."""

import stat

import pytest
from midway.app.link_key import LinkKeyUnusable, link_key


def test_the_key_stays_the_same(tmp_path):
    path = tmp_path / "picture-links.key"

    assert link_key(path) == link_key(path) == path.read_bytes()
    assert len(path.read_bytes()) == 32


def test_two_places_have_two_keys(tmp_path):
    assert link_key(tmp_path / "one") != link_key(tmp_path / "other")


def test_only_its_owner_may_read_it_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "picture-links.key"
    link_key(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_key_is_refused_and_kept(tmp_path):
    """A new one would end every link given out without a word."""
    path = tmp_path / "picture-links.key"
    path.write_bytes(b"hush")

    with pytest.raises(LinkKeyUnusable, match=r"picture-links\.key is damaged") as refused:
        link_key(path)

    assert (path.read_bytes(), "hush" in str(refused.value)) == (b"hush", False)


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    with pytest.raises(LinkKeyUnusable, match="nowhere"):
        link_key(tmp_path / "nowhere" / "picture-links.key")
