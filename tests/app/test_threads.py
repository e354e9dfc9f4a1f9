"""Accounts whose gateway is being connected leave threads for the files."""

import threading

from midway.app.serve import THREADS, _threads

from tests.support.processes import PATIENCE_SECONDS


def test_each_account_may_hold_a_thread_besides_those_of_the_files():
    all_run = threading.Barrier(THREADS + 50)
    with _threads(accounts=50) as pool:
        running = [pool.submit(all_run.wait, PATIENCE_SECONDS) for _ in range(THREADS + 50)]

        assert len({each.result(PATIENCE_SECONDS) for each in running}) == THREADS + 50
