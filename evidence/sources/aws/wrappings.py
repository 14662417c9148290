"""Finding CloudTrail records inside whatever carries them, by content and never by a file's name.

Wrappings nest: an SQS message may hold an SNS notification that holds an EventBridge event.
Sources: AWS CloudTrail User Guide ("CloudTrail log file examples", "lookup-events", "Get query results"),
Amazon CloudWatch Logs User Guide ("Subscription filters"), Amazon EventBridge User Guide, Amazon SNS
Developer Guide ("JSON formats"), Amazon SQS API Reference, AWS Lambda Developer Guide (event sources).
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw

from evidence.sources.aws import records
from evidence.sources.contract import Broken, Note
from evidence.sources.documents import LIMIT, Piece, Scanner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evidence.sources.aws.records import Record

LISTS: Final = frozenset(
    {"Records", "Events", "logEvents", "Messages", "QueryResultRows", "records", "auditEvents"}
)

# A cell holds a whole record where the column is eventJson; the module's own limit is 128 KiB.
csv.field_size_limit(max(csv.field_size_limit(), LIMIT))

_NESTING: Final = 8
_LISTING_LIMIT: Final = 256 << 20
_SHAPE: Final = msgspec.json.Decoder(records.Record)
_ELEMENTS: Final = msgspec.json.Decoder(list[Raw])
_ANY: Final = msgspec.json.Decoder()

CONTROL: Final = Note(
    "control_message", "CloudWatch Logs control message: it checks the destination, no event."
)
DIGEST: Final = Note("digest", "CloudTrail digest file: it signs log files, it holds no event.")
OBJECT_NOTICE: Final = Note(
    "object_notice", "Notice that an object was stored; the log file itself holds the events."
)
SUBSCRIPTION: Final = Note("subscription", "SNS subscription message: it confirms a topic, no event.")
TEST: Final = Note("test_message", "Test message of a notification set-up, no event.")
EMPTY: Final = Note("empty", "The file is empty.")
NO_RECORDS: Final = Note("no_records", "The document's list of records is empty.")

CUT_ROW: Final = "The table ends in the middle of a row."

LISTING_MARKS: Final = (
    b'"UserDetailList"',
    b'"RoleDetailList"',
    b'"GroupDetailList"',
    b'"PolicyVersionList"',
)

CREDENTIAL_COLUMNS: Final = frozenset({"user", "arn", "password_enabled", "mfa_active"})


class Found(NamedTuple):
    """One raw record, or a broken stretch, or a page of an IAM listing (`listing` names its kind)."""

    raw: bytes
    record: Record | None = None
    listing: str = ""


def find(scanner: Scanner, note: Callable[[Note], None]) -> Iterator[Found]:
    """Every record in a file's content, in order; what holds none goes to `note`."""
    head = scanner.peek(8192)
    if any(mark in head for mark in LISTING_MARKS):
        scanner.limit = _LISTING_LIMIT
    if not head.strip():
        for piece in scanner.pieces():
            yield Found(piece.raw)
            return
        note(EMPTY)
        return
    table = _table(head)
    if table == "credential_report":
        text = scanner.rest(_LISTING_LIMIT)
        if text is not None:
            yield Found(text, listing=table)
            if scanner.problem is not None:
                yield Found(Broken(b"", *scanner.problem))
            return
    elif table == "events":
        yield from _rows(scanner)
        return
    for piece in scanner.pieces():
        yield from _piece(piece, note)


def begins_record(raw: bytes) -> bool:
    """Whether an object inside a damaged document is one of its records rather than a part of one."""
    return any(
        mark in raw
        for mark in (
            b'"eventVersion"',
            b'"eventTime"',
            b'"CloudTrailEvent"',
            b'"message"',
            b'"body"',
            b'"Body"',
        )
    )


def is_record(shape: Record) -> bool:
    """Whether the object is a CloudTrail record itself, whole or not."""
    if shape.s3 is not UNSET or shape.kinesis is not UNSET:
        return False
    if shape.eventName is not None or shape.eventTime is not None:
        return True
    return shape.eventVersion is not None and (shape.eventID is not None or shape.userIdentity is not None)


def _piece(piece: Piece, note: Callable[[Note], None]) -> Iterator[Found]:
    if isinstance(piece.raw, Broken):
        yield Found(piece.raw)
    elif piece.key == "logEvents":
        yield from _log_event(piece.raw, note, 1)
    elif piece.key == "QueryResultRows":
        yield from _query_row(piece.raw, note, 1)
    else:
        yield from unwrap(piece.raw, note, 0 if piece.key is None else 1)


def unwrap(raw: bytes, note: Callable[[Note], None], depth: int = 0) -> Iterator[Found]:
    """The records in one JSON value."""
    if raw[:1] == b"{":
        try:
            shape = _SHAPE.decode(raw)
        except msgspec.ValidationError:
            # Fields of other types than documented: a record all the same, if it is one.
            yield Found(raw)
            return
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield Found(raw)
            return
        if is_record(shape):
            yield Found(raw, shape)
            return
        yield from _object(raw, shape, note, depth)
    elif raw[:1] == b"[" and depth < _NESTING:
        yield from _array(raw, note, depth)
    else:
        yield Found(raw)


def _array(raw: bytes, note: Callable[[Note], None], depth: int) -> Iterator[Found]:
    try:
        elements = _ELEMENTS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        yield Found(raw)
        return
    if elements and _is_row(raw):
        yield Found(raw)
        return
    if not elements:
        if depth > 0:
            yield Found(raw)
        else:
            note(NO_RECORDS)
    for element in elements:
        yield from unwrap(bytes(element), note, depth + 1)


def _is_row(raw: bytes) -> bool:
    """Whether a list of objects is one row of a query's result: each object holds one column of a record."""
    found = _decoded(raw)
    if not isinstance(found, list) or not all(isinstance(cell, dict) and len(cell) == 1 for cell in found):
        return False
    names = {str(name).lower() for cell in found for name in cell}
    return "eventjson" in names or names >= {"eventtime", "eventname"}


def _decoded(raw: bytes | Raw) -> object:
    """The value, `None` if it cannot be decoded: what holds it is then a record that is rejected."""
    try:
        return _ANY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _object(raw: bytes, shape: Record, note: Callable[[Note], None], depth: int) -> Iterator[Found]:
    if depth >= _NESTING:
        yield Found(raw)
        return
    holds_none = _notice(shape)
    if holds_none is not None:
        note(holds_none)
        return
    listing = _listing(raw, shape)
    if listing:
        yield Found(raw, listing=listing)
        return
    found = _listed(shape, note, depth)
    if found is not None:
        yield from found
        return
    carried = _carried(raw, shape, note)
    for inner in [raw] if carried is None else carried:
        if carried is None or isinstance(inner, Broken):
            yield Found(inner)
        else:
            yield from unwrap(inner, note, depth + 1)


def _listed(shape: Record, note: Callable[[Note], None], depth: int) -> Iterator[Found] | None:
    """The records in an object's list; `None` if it has none."""
    for held, read in (
        (shape.QueryResultRows, _query_row),
        (shape.logEvents, _log_event),
        (shape.Records, unwrap),
        (shape.Events, unwrap),
        (shape.Messages, unwrap),
        (shape.records, unwrap),
        (shape.auditEvents, unwrap),
    ):
        if held is not UNSET and _first(held) == b"[":
            return (found for element in _list(held, note) for found in read(element, note, depth + 1))
    return None


def _notice(shape: Record) -> Note | None:
    """What an object is that is recognized and holds no record."""
    if shape.digestS3Object is not UNSET:
        return DIGEST
    if shape.s3 is not UNSET or shape.s3Bucket is not UNSET:
        return OBJECT_NOTICE
    if shape.messageType is not UNSET and bytes(shape.messageType) == b'"CONTROL_MESSAGE"':
        return CONTROL
    return None


def _first(held: Raw) -> bytes:
    return bytes(memoryview(held)[:1])


def _listing(raw: bytes, shape: Record) -> str:
    """Which listing of IAM the object is, empty if none."""
    details = (shape.UserDetailList, shape.RoleDetailList, shape.GroupDetailList)
    if any(one is not UNSET for one in details) or (
        shape.Policies is not UNSET and b'"PolicyVersionList"' in bytes(shape.Policies)
    ):
        return "authorization_details"
    if shape.Content is not UNSET and b'"ReportFormat"' in raw:
        return "credential_report_answer"
    return ""


def _list(held: Raw, note: Callable[[Note], None]) -> Iterator[bytes]:
    try:
        elements = _ELEMENTS.decode(held)
    except (msgspec.DecodeError, RecursionError):
        yield bytes(held)
        return
    if not elements:
        note(NO_RECORDS)
    for element in elements:
        yield bytes(element)


def _carried(raw: bytes, shape: Record, note: Callable[[Note], None]) -> list[bytes] | None:
    """What a message carries in one of its fields; empty where it says it carries none, `None` if it is no carrier."""
    for packed in (shape.kinesis, shape.awslogs):
        if packed is not UNSET:
            return _packed(_member(packed, "data"), raw)
    if shape.Sns is not UNSET:
        shape = _try_shape(bytes(shape.Sns)) or shape
    if shape.detail is not UNSET:
        # An EventBridge event of another kind (a finding, a job's state) carries no record.
        inner = bytes(shape.detail)
        return [inner] if inner[:1] == b"{" and _is_cloudtrail(inner) else None
    if shape.Message is not UNSET and _confirms(raw):
        note(SUBSCRIPTION)
        return []
    for held in (
        shape.CloudTrailEvent,
        shape.eventJson,
        shape.Message,
        shape.Body,
        shape.body,
        shape.message,
        shape.event,
        shape.eventData,
        shape.data,
    ):
        found = None if held is UNSET else _content(held, raw, note)
        if found is not None:
            return found
    if b'"s3:TestEvent"' in raw:
        note(TEST)
        return []
    return None


def _confirms(raw: bytes) -> bool:
    found = _decoded(raw)
    return isinstance(found, dict) and found.get("Type") in _CONFIRMATIONS


_CONFIRMATIONS: Final = ("SubscriptionConfirmation", "UnsubscribeConfirmation")


def _content(held: Raw, raw: bytes, note: Callable[[Note], None]) -> list[bytes] | None:
    """What one field holds: an object, JSON as text, or Base64 of it; `None` if none of these."""
    inner = bytes(held)
    if inner[:1] == b"{":
        return [inner]
    if inner[:1] != b'"':
        return None
    text = _decoded(inner)
    if not isinstance(text, str):
        return None
    if text.lstrip()[:1] in ("{", "["):
        return _values(text)
    if text.startswith("CloudTrail validation message"):
        note(TEST)
        return []
    return _packed(text, raw, strict=False)


def _is_cloudtrail(detail: bytes) -> bool:
    """Whether an EventBridge event's detail is a record (and not a finding, a job's state or the like)."""
    shape = _try_shape(detail)
    return shape is None or is_record(shape)


def _try_shape(raw: bytes) -> Record | None:
    try:
        return _SHAPE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _values(text: str) -> list[bytes]:
    """The JSON values in a message's text, exactly as written."""
    content = io.BytesIO(text.encode("utf-8"))
    return [piece.raw for piece in Scanner(content).pieces()]


def _member(held: Raw, name: str) -> object:
    found = _decoded(held)
    return found.get(name) if isinstance(found, dict) else None


def _packed(text: object, raw: bytes, *, strict: bool = True) -> list[bytes] | None:
    """The values in Base64 text, gunzipped if need be."""
    if not isinstance(text, str):
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return [Broken(raw, "bad_base64", "The message's data is no Base64.")] if strict else None
    if content.startswith(b"\x1f\x8b"):
        unpacking = zlib.decompressobj(wbits=31)
        try:
            content = unpacking.decompress(content, LIMIT)
        except zlib.error:
            return [Broken(raw, "damaged", "The message's gzip data is damaged.")]
        if not unpacking.eof:
            whole = "is cut" if not unpacking.unconsumed_tail else f"exceeds {LIMIT >> 20} MiB"
            return [
                *(piece.raw for piece in Scanner(io.BytesIO(content)).pieces()),
                Broken(b"", "cut", f"The message's gzip data {whole}."),
            ]
    if not strict and content.lstrip()[:1] not in (b"{", b"["):
        return None
    return [piece.raw for piece in Scanner(io.BytesIO(content)).pieces()]


def _log_event(raw: bytes, note: Callable[[Note], None], depth: int) -> Iterator[Found]:
    """One log event of a CloudWatch Logs message: its `message` is a record as text."""
    shape = _try_shape(raw)
    if shape is None or shape.message is UNSET or _first(shape.message) != b'"':
        yield Found(raw)
        return
    text = _decoded(shape.message)
    if not isinstance(text, str):
        yield Found(raw)
        return
    if text.startswith("CWL CONTROL MESSAGE"):
        note(CONTROL)
        return
    for value in _values(text) or [Broken(raw, "empty_message", "The log event's message is empty.")]:
        if isinstance(value, Broken):
            yield Found(Broken(raw, "not_json", "The log event's message is no JSON record."))
        else:
            yield from unwrap(value, note, depth + 1)


def _query_row(raw: bytes, note: Callable[[Note], None], depth: int) -> Iterator[Found]:
    """One row of a Lake query: with the column `eventJson` it is that record, else its columns are."""
    if b'"eventJson"' in raw or b'"eventjson"' in raw:
        held = _decoded(raw)
        row = records.row(held) if isinstance(held, list) else held
        if isinstance(row, dict):
            text = row.get("eventJson", row.get("eventjson"))
            if isinstance(text, str):
                for value in _values(text):
                    yield from unwrap(value, note, depth + 1)
                return
    yield Found(raw)


def _table(head: bytes) -> str:
    """Whether the content is a table with a header line that we know."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip(b"\r")
    if line[:1] in (b"{", b"[") or b"," not in line:
        return ""
    names = {name.strip().strip('"').lower() for name in line.decode("utf-8", "replace").split(",")}
    if names >= CREDENTIAL_COLUMNS:
        return "credential_report"
    return "events" if {"eventtime", "eventname"} <= names or "eventjson" in names else ""


def is_table(head: bytes) -> bool:
    """Whether the content is a table of records or of accounts."""
    return bool(_table(head))


def _rows(scanner: Scanner) -> Iterator[Found]:
    """A query's result saved as a table: each row becomes one record, an object of its columns."""
    text = io.TextIOWrapper(
        io.BufferedReader(_Rest(scanner)), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )
    lines: list[str] = []
    reader = csv.reader(_remembered(text, lines), strict=True)
    header: list[str] | None = None
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            row = []
            if "end of data" in str(error):
                yield Found(_broken_rows(lines, "cut", CUT_ROW))
            else:
                yield Found(_broken_rows(lines, "not_csv", "These lines are no rows of a table."))
        held = "".join(lines)
        lines.clear()
        if not row:
            continue
        if header is None:
            header = row
        elif len(row) == len(header):
            made = json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False, separators=(",", ":"))
            yield from _query_row(made.encode("utf-8", "surrogateescape"), lambda _: None, 1)
        elif len(row) < len(header) and not held.endswith("\n"):
            yield Found(_broken_rows([held], "cut", CUT_ROW))
        else:
            yield Found(
                _broken_rows([held], "not_csv", "The row has another number of columns than the header.")
            )
    if scanner.problem is not None:
        yield Found(Broken(b"", *scanner.problem))


def _remembered(text: io.TextIOWrapper, lines: list[str]) -> Iterator[str]:
    for line in text:
        lines.append(line)
        yield line


def _broken_rows(lines: list[str], code: str, reason: str) -> Broken:
    return Broken("".join(lines).encode("utf-8", "surrogateescape").rstrip(b"\r\n"), code, reason)


class _Rest(io.RawIOBase):
    """What a scanner has not consumed, as a file."""

    def __init__(self, scanner: Scanner) -> None:
        super().__init__()
        self._scanner = scanner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        got = self._scanner.take(len(buffer))
        buffer[: len(got)] = got
        return len(got)
