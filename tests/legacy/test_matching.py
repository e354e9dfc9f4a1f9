"""The comparison that the conformance suite stands on can fail."""

from typing import Any

import pytest

from tests.legacy.matching import mismatches


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"code": 1}, {"code": 1}),
        ({"code": 1, "...": 0}, {"code": 1, "more": 2}),
        ({"id": "~id"}, {"id": "1705514776143750"}),
        ({"time": "~integer"}, {"time": 1705514776143}),
        ({"gone": "~absent"}, {}),
        ({"unknown": None}, {"unknown": None}),
        ([{"a": "~any"}], [{"a": None}]),
        ("~has fox", "a red fox"),
        ("~like \\d+%", "31%"),
    ],
)
def test_agreement(expected: Any, actual: Any) -> None:
    assert list(mismatches(expected, actual)) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"code": 1}, {"code": 1, "more": 2}),
        ({"code": 1}, {"code": "1"}),
        ({"code": 1}, {"code": True}),
        ({"code": 1}, {}),
        ({"id": "~id"}, {"id": 1705514776143750}),
        ({"time": "~integer"}, {"time": "1705514776143"}),
        ({"time": "~integer"}, {"time": 1.5}),
        ({"gone": "~absent"}, {"gone": None}),
        ({"unknown": None}, {}),
        ({"unknown": None}, {"unknown": ""}),
        ({"unknown": None}, {"unknown": []}),
        ([], [1]),
        ("~text", ""),
        ("~has fox", "a hen"),
        ({}, []),
    ],
)
def test_difference(expected: Any, actual: Any) -> None:
    assert list(mismatches(expected, actual))
