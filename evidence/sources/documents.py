"""Cutting a stream of JSON into its values, byte for byte and in bounded memory.

One pass serves lines of JSON, values that simply follow one another (also printed over many lines), arrays,
and one document with a list of records. What does not parse comes out as `Broken`: each byte of the content
lies in a value, in a broken stretch, or between values (white space, commas, and a document's own frame).
"""

from __future__ import annotations

import enum
import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from evidence.sources.contract import DEPTH, Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

LIMIT: Final = 32 << 20
"""A value larger than this is read as a stream of its elements, and no single element may exceed it."""

CHUNK: Final = 1 << 20

_SPACE: Final = b" \t\r\n"
_GLUE: Final = re.compile(rb"[ \t\r\n\x1e]*")
_TRAILING: Final = re.compile(r"trailing characters \(byte (\d+)\)")
_BETWEEN: Final = re.compile(rb"\}\s*,\s*(?=\{)")
_BOM: Final = b"\xef\xbb\xbf"
# Lines of one broken document go on with these; a line that begins otherwise is a new beginning.
_GOES_ON: Final = b' \t\r\n}],:"'
_SINGLE_LINES: Final = 100
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)


def _counted_from() -> int:
    """Where the decoder counts the place of trailing characters from; measured, since it is not documented."""
    try:
        _RAW.decode(b"1 2")
    except msgspec.DecodeError as error:
        found = _TRAILING.search(str(error))
        if found is not None:
            return int(found[1]) - 2
    raise ImportError("msgspec no longer tells where trailing characters begin.")


_COUNTED_FROM: Final = _counted_from()

NOT_JSON: Final = "This line is not JSON."
NOT_JSON_STRETCH: Final = "These lines are not JSON."
CUT: Final = "The file ends in the middle of a record."
CUT_FRAME: Final = "The file ends behind its last record, before the document does."
CUT_LINE: Final = "This line ends in the middle of a record."
TOO_LARGE: Final = f"One record is larger than {LIMIT >> 20} MiB."
TOO_DEEP: Final = "The record is nested too deeply."
BAD_TEXT: Final = "The record holds half of a Unicode character pair, which is no text."


class Content(Protocol):
    """What is read: `evidence.sources.packing.Unpacked`, or any file."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; empty at the end."""


class Piece(NamedTuple):
    """A value, or one element of a document's list (`key` names the list; `None` for a value by itself)."""

    key: str | None
    raw: bytes


class _List(enum.Enum):
    """How the reading of a document's list ended."""

    CLOSED = enum.auto()
    BROKEN_OFF = enum.auto()
    ABSENT = enum.auto()


class _Truncated(Exception):
    """The buffer ends inside the value."""


class _Malformed(Exception):
    """The value is no JSON; `args[0]` is the offset of the fault in it, `args[1]` a code."""


class Scanner:
    """Cuts one stream.

    `lists` are the names of lists that hold records (`Records`): a document too large or damaged is taken
    apart at such a list. `begins_record` tells whether an object found behind a damaged element is a record
    of the list rather than some part of one.
    """

    def __init__(
        self,
        content: Content,
        lists: Collection[str] = (),
        begins_record: Callable[[bytes], bool] = lambda raw: True,
        limit: int = LIMIT,
    ) -> None:
        """Nothing is read before it is asked for."""
        self._content = content
        self._lists = frozenset(lists)
        self._begins_record = begins_record
        self.limit = limit
        self._buffer = b""
        self._at = 0
        self._ended = False
        self._told_problem = False
        self._lines_in_a_row = 0

    # -- the buffer ---------------------------------------------------------------------------------

    def peek(self, size: int) -> bytes:
        """The next `size` bytes (fewer at the end), left where they are."""
        while len(self._buffer) - self._at < size and self._fill():
            pass
        return self._buffer[self._at : self._at + size]

    def rest(self, limit: int) -> bytes | None:
        """Everything that is left, consumed; `None`, and nothing consumed, if it exceeds `limit` bytes."""
        while len(self._buffer) - self._at <= limit:
            if not self._fill():
                rest, self._at = self._buffer[self._at :], len(self._buffer)
                return rest
        return None

    def take(self, size: int) -> bytes:
        """Up to `size` bytes, consumed; empty at the end."""
        got = self.peek(size)
        self._at += len(got)
        return got

    @property
    def problem(self) -> tuple[str, str] | None:
        """Why the content is not whole (see `Unpacked.problem`)."""
        found: tuple[str, str] | None = getattr(self._content, "problem", None)
        return found

    def _fill(self) -> bool:
        if self._ended:
            return False
        kept = self._buffer[self._at :]
        # As much again as is held: a value that spans many reads is parsed anew a few times only.
        wanted = max(min(CHUNK, self.limit), len(kept))
        parts = [kept]
        while wanted > 0:
            got = self._content.read(wanted)
            if not got:
                self._ended = True
                break
            parts.append(got)
            wanted -= len(got)
        self._buffer, self._at = b"".join(parts), 0
        return len(self._buffer) > len(kept)

    def _held(self) -> int:
        return len(self._buffer) - self._at

    def _byte(self, offset: int) -> int:
        """The byte at `offset`, -1 at the end."""
        while self._held() <= offset:
            if not self._fill():
                return -1
        return self._buffer[self._at + offset]

    def _after_space(self, offset: int) -> int:
        while True:
            found = _GLUE.match(self._buffer, self._at + offset)
            offset = found.end() - self._at if found else offset
            if offset < self._held() or not self._fill():
                return offset

    def _end(self, offset: int) -> int:
        """Where the value at `offset` ends; both are offsets from the current place."""
        while True:
            start = self._at + offset
            try:
                _RAW.decode(memoryview(self._buffer)[start:])
            except msgspec.DecodeError as error:
                said = str(error)
                trailing = _TRAILING.search(said)
                if trailing is not None:
                    return self._trimmed(start, start + int(trailing[1]) - _COUNTED_FROM) - self._at
                if "truncated" not in said:
                    raise _Malformed(_fault(said), "not_json") from None
            except RecursionError:
                raise _Malformed(0, "too_deep") from None
            else:
                if self._ended or self._buffer[start] in b'{["':
                    return self._trimmed(start, len(self._buffer)) - self._at
            if self._held() >= self.limit + offset or not self._fill():
                raise _Truncated

    def _trimmed(self, start: int, end: int) -> int:
        while end > start and self._buffer[end - 1] in _SPACE:
            end -= 1
        return end

    def _line(self, offset: int = 0) -> int:
        """Where the line at `offset` ends (before its newline); a line over the limit ends at the limit."""
        seen = offset
        while True:
            found = self._buffer.find(b"\n", self._at + seen)
            if found >= 0:
                return found - self._at
            seen = self._held()
            if seen - offset >= self.limit or not self._fill():
                return self._held()

    # -- the values ---------------------------------------------------------------------------------

    def pieces(self) -> Iterator[Piece]:
        """Every value and broken stretch, in order."""
        if self.peek(3) == _BOM:
            self._at += 3
        followed = False
        while True:
            self._at += self._after_space(0)
            if self._byte(0) == -1:
                break
            if followed and self._byte(0) == 0x2C:  # a comma left between two values
                self._at += 1
                followed = False
                continue
            for piece in self._next():
                followed = not isinstance(piece.raw, Broken)
                if followed:
                    self._lines_in_a_row = 0
                yield piece
        problem = self.problem
        if problem is not None and not self._told_problem:
            yield Piece(None, Broken(b"", *problem))

    def _next(self) -> Iterator[Piece]:
        end = self._line()
        line = self._buffer[self._at : self._at + end].rstrip(_SPACE)
        first = line[0]
        truncated = False
        try:
            _RAW.decode(line)
        except msgspec.DecodeError as error:
            truncated = "truncated" in str(error)
        except RecursionError:
            pass
        else:
            self._at += end
            yield Piece(None, line)
            return
        if first not in b"{[":
            yield from self._broken_line(end)
            return
        code = "not_json"
        try:
            end = self._end(0)
        except _Truncated:
            code = "too_large" if self._held() >= self.limit and not self._ended else "cut"
        except _Malformed as fault:
            code = fault.args[1]
        else:
            raw = self._buffer[self._at : self._at + end]
            self._at += end
            yield Piece(None, raw)
            return
        taken_apart = yield from self._take_apart()
        if not taken_apart:
            self._lines_in_a_row += 1
            text = self._lines_in_a_row > _SINGLE_LINES
            yield Piece(None, self._broken(code, line_was_cut=truncated, text=text))

    # -- a document with a list of records ----------------------------------------------------------

    def _take_apart(self) -> Generator[Piece, None, bool]:
        """The elements of the document that begins here; false, and nothing consumed, if it has no list."""
        if self._buffer[self._at] == 0x5B:  # [
            return (yield from self._elements(None, 0)) is not _List.ABSENT
        offset = 1
        entered = False
        while True:
            try:
                offset = self._after_space(offset)
                if self._byte(offset) == 0x2C:
                    offset = self._after_space(offset + 1)
                if self._byte(offset) == 0x7D:  # }
                    self._at += offset + 1
                    return True
                if self._byte(offset) != 0x22:  # "
                    break
                end = self._end(offset)
                key = json.loads(self._buffer[self._at + offset : self._at + end])
                offset = self._after_space(end)
                if self._byte(offset) != 0x3A:  # :
                    break
                offset = self._after_space(offset + 1)
                if key in self._lists and self._byte(offset) == 0x5B:
                    state = yield from self._elements(key, offset)
                    if state is _List.BROKEN_OFF:
                        return True
                    if state is _List.ABSENT:
                        break
                    entered, offset = True, 0
                    continue
                offset = self._end(offset)
            except (_Truncated, _Malformed, ValueError):
                break
        if entered:
            yield from self._frame_rest()
        return entered

    def _elements(self, key: str | None, offset: int) -> Generator[Piece, None, _List]:
        """The elements of the list at `offset`; afterwards the place is behind what was read."""
        offset = self._after_space(offset + 1)
        given = False
        while True:
            if given:
                self._at += offset
                offset = self._after_space(0)
                if self._byte(offset) == 0x2C:
                    offset = self._after_space(offset + 1)
            if self._byte(offset) == 0x5D:  # ]
                self._at += offset + 1
                return _List.CLOSED
            code, fault = "cut", 0
            try:
                end = self._end(offset)
            except _Truncated:
                if not self._ended:
                    code = "too_large"
            except _Malformed as error:
                fault, code = error.args
            else:
                raw = self._buffer[self._at + offset : self._at + end]
                given, offset = True, end
                self._lines_in_a_row = 0
                yield Piece(key, raw)
                continue
            # A line of text may begin like a list: without a list's name, one whole element must come first.
            searched = code != "cut" and (given or key is not None)
            following = self._next_record(offset + fault) if searched else -1
            if following < 0:
                if not given:
                    return _List.ABSENT
                self._at += offset
                yield from self._list_rest(key, code)
                return _List.BROKEN_OFF
            stretch = self._buffer[self._at + offset : self._at + following].rstrip(b" \t\r\n,")
            yield Piece(key, Broken(stretch, code, _reason(code, stretch)))
            self._at += following
            given, offset = True, 0

    def _list_rest(self, key: str | None, code: str) -> Iterator[Piece]:
        """The rest of the file, once a list cannot be read on."""
        if code != "cut" or self._byte(0) != -1:
            yield Piece(key, self._broken(code, to_the_end=True))
        elif self.problem is None:
            yield Piece(key, Broken(b"", "cut", CUT))

    def _next_record(self, offset: int) -> int:
        """Where, behind a damaged element, the next record of the list begins; -1 if none is found."""
        if self._held() < self.limit:
            self.peek(self.limit)
        tried = 0
        for found in _BETWEEN.finditer(self._buffer, self._at + offset):
            try:
                candidate = found.end() - self._at
                end = self._end(candidate)
            except (_Truncated, _Malformed):
                continue
            if self._begins_record(self._buffer[self._at + candidate : self._at + end]):
                return candidate
            tried += 1
            if tried > 10_000:
                break
        return -1

    def _frame_rest(self) -> Iterator[Piece]:
        """Behind its list the document's frame is damaged, or the file ends before the frame does."""
        if self._byte(self._after_space(0)) != -1:
            yield Piece(None, self._broken("not_json"))
        elif self.problem is None:
            yield Piece(None, Broken(b"", "cut", CUT_FRAME))

    # -- what is broken -----------------------------------------------------------------------------

    def _broken_line(self, end: int) -> Iterator[Piece]:
        """A line that is no JSON; a long run of such lines (a text file) ends as one stretch."""
        self._lines_in_a_row += 1
        if self._lines_in_a_row > _SINGLE_LINES:
            yield Piece(None, self._broken("not_json", text=True))
            return
        line = self._buffer[self._at : self._at + end].rstrip(_SPACE)
        self._at += end
        at_end = self._ended and self._at >= len(self._buffer)
        problem = self.problem if at_end else None
        self._told_problem = problem is not None
        code, reason = problem or ("not_json", NOT_JSON)
        yield Piece(None, Broken(line, code, reason))

    def _broken(
        self, code: str, *, line_was_cut: bool = False, to_the_end: bool = False, text: bool = False
    ) -> Broken:
        """The stretch from here to where something new begins, consumed line by line."""
        head = b""
        size = 0
        # A printed document's first line is a bracket alone; a line of JSON holds more.
        compact = self.peek(2)[1:].strip() != b""
        while True:
            end = self._line()
            taken = self._buffer[self._at : self._at + end + 1]
            if not taken:
                break
            size += len(taken)
            if len(head) < 65536:
                head += taken[: 65536 - len(head)]
            self._at += len(taken)
            if taken.endswith(b"\n") and not to_the_end and self._begins_anew(code, text, compact):
                break
        code, reason = self._why(code, head, line_was_cut)
        return Broken(head.rstrip(_SPACE) if size <= 65536 else head, code, reason, size)

    def _why(self, code: str, head: bytes, line_was_cut: bool) -> tuple[str, str]:
        at_end = self._byte(0) == -1
        if at_end and self.problem is not None:
            self._told_problem = True
            return self.problem
        if _only_text_is_bad(head):
            return "bad_text", BAD_TEXT
        if code == "cut" or (line_was_cut and code == "not_json"):
            return "cut", CUT if at_end else CUT_LINE
        return code, _reason(code, head)

    def _begins_anew(self, code: str, text: bool, compact: bool) -> bool:
        first = self._byte(0)
        if first == -1:
            return True
        if first in _GOES_ON:
            return False
        if not text and (code != "cut" or (compact and first == 0x7B)):
            return True
        # The stretch could be the rest of a cut document, or one text of many lines: only a line that is
        # whole by itself, or the first of a printed document, begins anew.
        line = self._buffer[self._at : self._at + self._line()].rstrip(_SPACE)
        if line == b"{":
            return text
        if first not in b"{[":
            return False
        try:
            _RAW.decode(line)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


def _fault(said: str) -> int:
    found = re.search(r"\(byte (\d+)\)", said)
    return int(found[1]) if found else 0


def _reason(code: str, stretch: bytes) -> str:
    if code == "too_large":
        return TOO_LARGE
    if code == "too_deep":
        return TOO_DEEP
    if _only_text_is_bad(stretch):
        return BAD_TEXT
    return NOT_JSON if b"\n" not in stretch.strip() else NOT_JSON_STRETCH


def _only_text_is_bad(stretch: bytes) -> bool:
    """Whether the stretch is JSON but for half of a surrogate pair (the decoder calls that truncated)."""
    if b"\\u" not in stretch:
        return False
    try:
        json.loads(stretch, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def is_lines(head: bytes) -> bool:
    """Whether a content that begins with `head` is lines of JSON, so that it may be cut at line ends."""
    text = head.removeprefix(_BOM).lstrip(_SPACE)
    end = text.find(b"\n")
    if end < 0:
        return False
    line = text[:end].rstrip(_SPACE)
    if not line.startswith((b"{", b"[")):
        return False
    try:
        _RAW.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def too_deep(raw: bytes) -> bool:
    """Whether JSON is nested deeper than any real record (`evidence.sources.contract.DEPTH`)."""
    if raw.count(b"{") + raw.count(b"[") <= DEPTH:
        return False
    depth = 0
    inside = escaped = False
    for byte in raw:
        if escaped:
            escaped = False
        elif inside:
            if byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"{[":
            depth += 1
            if depth > DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False
