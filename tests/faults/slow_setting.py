"""A relay before PostgreSQL that makes the setting of a search path slow, so that it can be cancelled for sure."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

_STARTUP = 196608  # protocol 3.0; anything else of this form asks for encryption
_SLEEP = b"pg_catalog.pg_sleep(30)"


class SlowSetting:
    """Relays connections; while `armed`, the next statement that sets the path sleeps first."""

    def __init__(self, host: str, port: int) -> None:
        self.armed = threading.Event()
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
                threading.Thread(target=_pour, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for message in _messages(client):
                server.sendall(self._slowed(message))
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _slowed(self, message: bytes) -> bytes:
        if not self.armed.is_set() or b"search_path" not in message or message[:1] not in (b"Q", b"P"):
            return message
        self.armed.clear()
        body = message[5:]
        if message[:1] == b"Q":
            body = b"select " + _SLEEP + b"; " + body
        else:  # Parse: name, query, types
            name, query, rest = body.split(b"\0", 2)
            body = name + b"\0" + query + b" from " + _SLEEP + b"\0" + rest
        return message[:1] + struct.pack("!i", len(body) + 4) + body


def _messages(client: socket.socket) -> Iterator[bytes]:
    """Yield the frontend's messages whole: first those without a type byte, then those with one."""
    started = False
    while True:
        head = _read(client, 5 if started else 4)
        (length,) = struct.unpack("!i", head[-4:])
        body = _read(client, length - 4)
        if not started:
            started = struct.unpack("!i", body[:4])[0] >> 16 == _STARTUP >> 16
        yield head + body


def _read(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = client.recv(count - len(data))
        if not piece:
            raise ConnectionError("the client hung up")
        data += piece
    return data


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_RDWR)
