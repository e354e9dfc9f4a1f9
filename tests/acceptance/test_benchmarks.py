"""The benchmarks run; what they measure is for people to read."""

import pytest

from benchmarks.__main__ import BENCHMARKS, measured, table_of
from benchmarks.measure import Scale


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_every_benchmark_runs_at_its_smallest(name):
    comparisons = await measured([name], Scale(rounds=1, share=0.001))

    assert table_of(comparisons).row_count == len(comparisons) > 0
    assert all(ratio > 0 for each in comparisons for ratio in each.ratios)
