"""A connection and its thread begin and end together."""

import sqlite3
import threading
from typing import NoReturn

import pytest
from midway.store.sqlite.driver import Driver


async def test_a_connection_that_cannot_be_opened_leaves_no_thread():
    threads = []

    def refuse() -> NoReturn:
        threads.append(threading.current_thread())
        raise sqlite3.OperationalError("no")

    with pytest.raises(sqlite3.OperationalError):
        await Driver.open(refuse)

    assert [thread.is_alive() for thread in threads] == [False]
