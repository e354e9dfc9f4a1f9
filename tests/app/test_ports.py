"""A port is told free or taken, and a reserved one stays ours."""

import socket

import pytest
from midway.app.ports import PortTaken, ReservedPort, address, check_free, reachable

from tests.support.processes import PATIENCE_SECONDS

HOST = "127.0.0.1"


def test_a_port_that_somebody_listens_on_is_taken():
    with socket.create_server((HOST, 0)) as server, pytest.raises(PortTaken, match=str(server.getsockname()[1])):
        check_free(HOST, server.getsockname()[1])


def test_a_port_of_a_closed_server_is_free_again():
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]

    check_free(HOST, port)


def test_nobody_gets_a_reserved_port():
    with ReservedPort(HOST, 0) as port, pytest.raises(PortTaken):
        check_free(HOST, port.number)


def test_a_child_that_shares_a_reserved_port_gets_its_connections():
    with ReservedPort(HOST, 0) as port, socket.socket() as child:
        child.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        child.bind((HOST, port.number))
        child.listen()

        with socket.create_connection((HOST, port.number), timeout=PATIENCE_SECONDS):
            assert child.accept()


def test_a_port_in_use_cannot_be_reserved():
    with socket.create_server((HOST, 0)) as server, pytest.raises(PortTaken):
        ReservedPort(HOST, server.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1:80"),
        ("0.0.0.0", "127.0.0.1:80"),
        ("::", "[::1]:80"),
        ("midway.example", "midway.example:80"),
    ],
)
def test_a_program_is_reached_where_it_listens(host, reached):
    assert address(reachable(host), 80) == reached
