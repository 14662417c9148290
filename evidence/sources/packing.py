"""Taking off what was put around a file: gzip, by content and not by name, and UTF-16 text."""

from __future__ import annotations

import codecs
import zlib
from typing import Final, Protocol

GZIP: Final = b"\x1f\x8b\x08"
CHUNK: Final = 1 << 20

DAMAGED: Final = "The gzip file is damaged from here on and cannot be unpacked further."

_LAYERS: Final = 3


class Readable(Protocol):
    """Any file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty at the end."""


class Unpacked:
    """Reads a stream's content; `problem` tells, at the end, why the content is not whole.

    `problem` is `None` or `(code, reason)`: `cut` where bytes are missing, `damaged` where they are wrong.
    `layers` is how many gzip layers were taken off.
    """

    def __init__(self, stream: Readable) -> None:
        """Look at the first bytes of `stream` and take off up to three layers."""
        inner: _Layer = _Plain(stream)
        self.layers = 0
        while self.layers < _LAYERS and inner.peek(3).startswith(GZIP):
            inner = _Gzip(inner)
            self.layers += 1
        start = inner.peek(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            inner = _Utf16(inner)
        self._inner = inner

    @property
    def problem(self) -> tuple[str, str] | None:
        """Why the content is not whole, once it was read to its end."""
        layer: _Layer | None = self._inner
        found = None
        while layer is not None:
            found = layer.problem or found
            layer = layer.below
        return found

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of content; empty at the end."""
        return self._inner.take(size)


class _Layer:
    """A source of bytes that can be looked into without consuming them."""

    below: _Layer | None = None
    problem: tuple[str, str] | None = None

    def __init__(self) -> None:
        self._held = b""

    def more(self) -> bytes:
        raise NotImplementedError

    def peek(self, size: int) -> bytes:
        while len(self._held) < size:
            got = self.more()
            if not got:
                break
            self._held += got
        return self._held[:size]

    def take(self, size: int) -> bytes:
        if not self._held:
            self._held = self.more()
        given, self._held = self._held[:size], self._held[size:]
        return given


class _Plain(_Layer):
    def __init__(self, stream: Readable) -> None:
        super().__init__()
        self._stream = stream

    def more(self) -> bytes:
        return self._stream.read(CHUNK)


class _Gzip(_Layer):
    """Members one after another, each inflated in pieces, so that a small file cannot fill the memory."""

    def __init__(self, below: _Layer) -> None:
        super().__init__()
        self.below = below
        self._source = below
        self._member = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._done = False

    def more(self) -> bytes:
        while not self._done:
            packed = self._waiting or self._source.take(CHUNK)
            if not packed:
                self._done = True
                self.problem = ("cut", "The gzip file ends before its end: the rest of it is missing.")
                break
            before = self._member.copy()
            try:
                content = self._member.decompress(packed, CHUNK)
            except zlib.error:
                self._done = True
                self.problem = ("damaged", DAMAGED)
                return _until_error(before, packed)
            self._waiting = self._member.unconsumed_tail
            if self._member.eof:
                self._next_member()
            if content:
                return content
        return b""

    def _next_member(self) -> None:
        rest = self._member.unused_data
        while True:
            rest = rest.lstrip(b"\x00")  # padding up to a block is allowed
            if len(rest) >= len(GZIP):
                break
            more = self._source.take(CHUNK)
            if not more:
                break
            rest += more
        if rest.startswith(GZIP):
            self._member = zlib.decompressobj(wbits=31)
            self._waiting = rest
            return
        self._done = True
        if rest:
            self.problem = ("damaged", "After the gzip file stand bytes that do not belong to it.")


def _until_error(member: zlib._Decompress, packed: bytes) -> bytes:
    """What can be unpacked before the damage: a failing call gives nothing, not even what it had done."""
    parts = []
    try:
        for at in range(len(packed)):
            parts.append(member.decompress(packed[at : at + 1], CHUNK))
            while member.unconsumed_tail:
                parts.append(member.decompress(member.unconsumed_tail, CHUNK))
    except zlib.error:
        pass
    return b"".join(parts)


class _Utf16(_Layer):
    """Text as a Windows shell's redirection writes it; its records are kept in UTF-8."""

    def __init__(self, below: _Layer) -> None:
        super().__init__()
        self.below = below
        self._source = below
        self._decoder = codecs.getincrementaldecoder("utf-16")("strict")
        self._done = False

    def more(self) -> bytes:
        while not self._done:
            got = self._source.take(CHUNK)
            self._done = not got
            try:
                text = self._decoder.decode(got, final=self._done)
            except UnicodeDecodeError:
                self._done = True
                self.problem = ("bad_text", "The UTF-16 text cannot be read from here on.")
                break
            if text:
                return text.encode("utf-8")
        return b""
