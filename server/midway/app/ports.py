"""TCP ports: checks that one is free, and reserves one for a child process."""

import asyncio
import socket

LAST_PORT = 65535


class PortTaken(Exception):
    """Another program listens on the port; stop it or choose another port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is in use")
        self.host = host
        self.port = port


def check_free(host: str, port: int) -> None:
    """Raise PortTaken if the port is in use. Port 0 is always free."""
    with socket.socket(_family(host)) as probe:
        # A connection in TIME_WAIT does not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Two programs with SO_REUSEADDR can bind the same port, but only one can listen.
            probe.listen()
        except OSError as err:
            raise PortTaken(host, port) from err


class ReservedPort:
    """A port, 0 meaning any free one, that no other program gets while this context is open.

    The port is bound, but we do not listen on it. A child that binds with SO_REUSEPORT, as Envoy does, shares it and
    gets every connection. So the number is known before the child starts, and no other program can take the port.
    """

    def __init__(self, host: str, port: int) -> None:
        check_free(host, port)
        self._socket = socket.socket(_family(host))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((host, port))
        self.number: int = self._socket.getsockname()[1]

    def __enter__(self) -> "ReservedPort":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


async def accepting(host: str, port: int) -> None:
    """Wait until a program accepts connections there; the caller sets the time-out.

    For programs that do not report when they listen: polling is then the only way.
    """
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


def reachable(host: str) -> str:
    """Return an address at which this machine reaches a program that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on


def address(host: str, port: int) -> str:
    """Return `host:port` in the form that URLs and gRPC use."""
    return f"{bracketed(host)}:{port}"


def port_of(address: str) -> int:
    """Return the port of `host:port`."""
    return int(address.rpartition(":")[2])


def bracketed(host: str) -> str:
    """Return the host as written before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
