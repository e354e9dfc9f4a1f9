"""A client of gRPC by hand, for what no library sends: paths of any bytes, half a message, none, several."""

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.support.processes import PATIENCE_SECONDS

RECEIVED_AT_ONCE = 65536
Header = tuple[bytes, bytes]


@dataclass
class Answer:
    """What came back on one stream."""

    headers: dict[bytes, bytes] = field(default_factory=dict)  # and trailers
    data: bytes = b""
    is_ended: bool = False

    @property
    def code(self) -> int | None:
        """The number of the gRPC status."""
        return int(self.headers[b"grpc-status"]) if b"grpc-status" in self.headers else None

    @property
    def message(self) -> str:
        """The sentence of the status."""
        return self.headers.get(b"grpc-message", b"").decode(errors="replace")


class RawClient:
    """One connection to "host:port"."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http = h2.connection.H2Connection(
            h2.config.H2Configuration(
                header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        self._answers: dict[int, Answer] = {}
        self._http.initiate_connection()
        self._flush()

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def begin(self, path: bytes, *headers: Header) -> int:
        """Begin a call; nothing is sent of a message."""
        stream = self._http.get_next_available_stream_id()
        self._answers[stream] = Answer()
        basic = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost")]
        self._http.send_headers(
            stream, [*basic, (b"content-type", b"application/grpc"), (b"te", b"trailers"), *headers]
        )
        self._flush()
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = False) -> int:
        """Send bytes as the server has room for them, as long as it takes any of this call; return how many."""
        wanted = len(data)
        while data and not self._answers[stream].is_ended:
            room = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)
            if room <= 0:
                self._receive()
                continue
            self._http.send_data(stream, data[:room])
            data = data[room:]
            self._flush()
        if end and not self._answers[stream].is_ended:
            self._http.end_stream(stream)
            self._flush()
        return wanted - len(data)

    def answer(self, stream: int) -> Answer:
        """Wait for the end of a call. Raises TimeoutError, and ConnectionError where the connection ends before."""
        while not self._answers[stream].is_ended:
            self._receive()
        return self._answers[stream]

    def call(self, path: bytes, messages: Iterable[bytes], *headers: Header) -> Answer:
        """Make a whole call."""
        stream = self.begin(path, *headers)
        self.send(stream, b"".join(map(framed, messages)), end=True)
        return self.answer(stream)

    def wait_closed(self) -> None:
        """Return when the server has closed the connection. Raises TimeoutError."""
        while True:
            try:
                self._receive()
            except ConnectionError:
                return

    def _receive(self) -> None:
        data = self._socket.recv(RECEIVED_AT_ONCE)
        if not data:
            raise ConnectionError("the server has closed the connection")
        for event in self._http.receive_data(data):
            answer = self._answers.get(getattr(event, "stream_id", None) or 0)
            match event:
                case h2.events.ResponseReceived() | h2.events.TrailersReceived() if answer:
                    answer.headers.update(event.headers or ())
                case h2.events.DataReceived() if answer:
                    answer.data += event.data or b""
                    self._http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                case h2.events.StreamEnded() | h2.events.StreamReset() if answer:
                    answer.is_ended = True
        self._flush()

    def _flush(self) -> None:
        self._socket.sendall(self._http.data_to_send())


def framed(message: bytes, flags: int = 0) -> bytes:
    """Put gRPC's five bytes before a message."""
    return struct.pack(">BI", flags, len(message)) + message
