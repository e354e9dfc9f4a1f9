"""Banned words are found whole, in the prompt's own spelling, from a list that may change while it is used."""

import os
from pathlib import Path

import pytest
from midway.engine.banned import BannedListUnreadable, BannedWords
from structlog.testing import capture_logs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "banned.txt"


def banned(path: Path, text: str) -> BannedWords:
    path.write_text(text, encoding="utf-8")
    return BannedWords(path)


def test_no_file_bans_nothing() -> None:
    assert BannedWords(None).find("anything at all") is None


def test_word_comes_back_as_the_prompt_spells_it(path: Path) -> None:
    assert banned(path, "blood\n").find("a lake of BLOOD, dusk") == "BLOOD"


@pytest.mark.parametrize("prompt", ["bloodhound", "a coldblooded snake", "blood_red", ""])
def test_part_of_a_word_is_not_the_word(path: Path, prompt: str) -> None:
    assert banned(path, "blood\n").find(prompt) is None


@pytest.mark.parametrize("prompt", ["blood", "no blood!", "(blood)", "blood-red", "x,blood::2 y"])
def test_punctuation_ends_a_word(path: Path, prompt: str) -> None:
    assert banned(path, "blood\n").find(prompt) == "blood"


def test_phrase_matches_over_any_white_space(path: Path) -> None:
    assert banned(path, "dead  body\n").find("one Dead\n body") == "Dead\n body"


def test_first_place_wins_and_then_the_longest_word(path: Path) -> None:
    assert banned(path, "red\ndead\ndead body\n").find("a dead body in red") == "dead body"


def test_chinese_word_is_found_inside_a_sentence(path: Path) -> None:
    assert banned(path, "血腥\n").find("一个血腥的湖") == "血腥"


def test_signs_in_a_word_are_literal(path: Path) -> None:
    words = banned(path, "c++ (x)\n")

    assert words.find("a C++ (x) y") == "C++ (x)"
    assert words.find("ccc x") is None


def test_comments_and_empty_lines_ban_nothing(path: Path) -> None:
    words = banned(path, "# blood\n\n   \ngore  # not for us\n")

    assert words.find("blood not for us #") is None
    assert words.find("gore") == "gore"


def test_byte_order_mark_is_no_part_of_the_first_word(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfgore\r\n")

    assert BannedWords(path).find("gore") == "gore"


def test_list_of_comments_only_bans_nothing(path: Path) -> None:
    assert banned(path, "# nothing yet\n").find("blood") is None


def test_changed_file_is_read_anew(path: Path) -> None:
    words = banned(path, "blood\n")

    path.write_text("gore and more\n")

    assert words.find("blood") is None
    assert words.find("gore and more") == "gore and more"


def test_change_of_the_same_size_is_seen(path: Path) -> None:
    words = banned(path, "aaa\n")
    path.write_text("bbb\n")
    os.utime(path, ns=(1, 1))

    assert words.find("bbb") == "bbb"


def test_unchanged_file_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = banned(path, "blood\n")
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read again"))

    assert words.find("blood") == "blood"


def test_file_gone_bad_keeps_the_last_list_and_says_so_once(path: Path) -> None:
    words = banned(path, "blood\n")

    with capture_logs() as logs:
        path.write_bytes(b"\xff\xfe\x00bad")
        first = words.find("blood")
        path.write_bytes(b"\xff\xfe\x00still bad")
        second = words.find("blood")

    assert (first, second) == ("blood", "blood")
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_file_removed_and_put_back_is_read_anew(path: Path) -> None:
    words = banned(path, "blood\n")
    path.unlink()
    kept = words.find("blood")
    path.write_text("gore\n")

    assert kept == "blood"
    assert words.find("blood and gore") == "gore"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_list_that_cannot_be_read_at_the_start_is_an_error(path: Path, content: bytes | None) -> None:
    if content:
        path.write_bytes(content)

    with pytest.raises(BannedListUnreadable, match=r"banned\.txt"):
        BannedWords(path)
