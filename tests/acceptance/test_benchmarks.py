"""The benchmarks run; what they measure is for people to read."""

from math import isfinite

import pytest

from benchmarks import results, soak
from benchmarks.__main__ import BENCHMARKS, table_of
from benchmarks.measure import Figure, Scale, Target

SMALLEST = Scale(rounds=1, share=0.001)


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_every_benchmark_runs_at_its_smallest(name):
    figures = await BENCHMARKS[name](SMALLEST)

    assert_shown(figures)


async def test_the_soak_runs_for_a_moment():
    assert_shown([await soak.soak(minutes=0.1)])


def assert_shown(figures: list[Figure]) -> None:
    """Each has a value and a row."""
    assert table_of([results.Run.of(figures)]).row_count == len(figures) > 0
    assert all(isfinite(each.value) for each in figures)


def test_results_are_read_as_they_were_saved(tmp_path):
    figure = Figure("a figure", "1/s", Target(0.5), "the bare part", [2.0], [4.0], {"server": 1.5})
    run = results.Run.of([figure])
    run.save(tmp_path / "calls.json")

    assert results.saved(["nothing", "calls"], tmp_path) == [run]
