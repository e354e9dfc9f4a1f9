"""Identities never collide."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from midway.domain.ids import Nonces, Sequence, TaskId, TaskIds

LARGEST_EXACT_DOUBLE = 2**53  # JavaScript clients read the old API's ids as numbers
FAR_AHEAD = TaskId("8999999999999999")


def test_a_task_id_has_16_digits_and_is_exact_as_a_double():
    task_id = TaskIds().next()

    assert len(task_id) == 16
    assert task_id.isdecimal()
    assert int(task_id) < LARGEST_EXACT_DOUBLE


@pytest.mark.parametrize("source", [TaskIds(), Nonces()], ids=["task ids", "nonces"])
def test_ids_rise_strictly_however_fast_they_are_made(source: TaskIds | Nonces):
    made = [int(source.next()) for _ in range(5000)]

    assert all(earlier < later for earlier, later in pairwise(made))


@pytest.mark.parametrize("source", [TaskIds(), Nonces()], ids=["task ids", "nonces"])
def test_threads_never_get_the_same_id(source: TaskIds | Nonces):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: source.next(), range(4000)))

    assert len(set(made)) == 4000


def test_ids_go_on_after_the_last_one_stored_though_the_clock_went_back():
    assert TaskIds(last=FAR_AHEAD).next() == str(int(FAR_AHEAD) + 1)


def test_a_millisecond_that_comes_again_makes_other_nonces(monkeypatch: pytest.MonkeyPatch):
    """The clock was set back and the server started anew; a nonce that comes twice would replace another's Attempt."""
    monkeypatch.setattr("midway.domain.ids.time.time_ns", lambda: 1_764_000_000_000_000_000)

    assert len({Nonces().next() for _ in range(10)}) == 10


def test_a_nonce_is_short_enough_for_discord():
    assert len(Nonces().next()) <= 25


def test_a_sequence_keeps_to_its_floor_and_never_falls_back():
    sequence = Sequence(last=10)

    assert [sequence.next(floor) for floor in (5, 20, 20, 3)] == [11, 20, 21, 22]
