"""The AWS source: what a file is, which records it holds, and what each record says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from evidence.ocsf.event import MISSING, Event
from evidence.sources.aws import iam, proofs, records, wrappings
from evidence.sources.aws.changes import CHANGES, facts_of
from evidence.sources.aws.cloudtrail import (
    FEDERATED_SIGN_IN,
    assumed_role,
    canonical,
    event_of,
    role_of,
)
from evidence.sources.contract import EXCERPT, Broken, Note, Output, Rejected, Window
from evidence.sources.documents import LIMIT, TOO_DEEP, Scanner, too_deep
from evidence.sources.packing import Unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from evidence.sources.aws.records import Record
    from evidence.sources.aws.wrappings import Found
    from evidence.sources.contract import Fact, Proof

_TELLING: Final = proofs.PROVING | CHANGES

# A field's name, quoted as JSON or once more inside a string of JSON, or as a column of a table.
_MARKS: Final = re.compile(
    rb'(?:\\{0,15}"|[,\n{]|^)(eventVersion|eventTime|eventSource|eventName|userIdentity|awsRegion|sourceIPAddress'
    rb"|recipientAccountId|eventID|eventType|requestParameters|responseElements|insightDetails)\\{0,15}[\":,=]",
    re.IGNORECASE,
)

# Prose that quotes records is no delivery of records: some line must begin as JSON does.
_BEGINS: Final = re.compile(
    rb"^(?:\xef\xbb\xbf)?[ \t]*(?:[{\[]\s*(?:[{\[\"]|$)|\"?[\w-]+\"?\s*:\s*[{\[\"])", re.MULTILINE
)


class AwsAdapter:
    """CloudTrail in every wrapping, and IAM listings; see `evidence.sources.contract.Adapter`."""

    slug = "aws"
    version = "1"

    def recognize(self, head: bytes, name: str = "") -> float:
        """How surely a file that begins so is CloudTrail's or a listing of IAM's; the name plays no part."""
        start = head[:65536]
        if _is_listing(start):
            return 0.98
        if not _BEGINS.search(start) and not wrappings.is_table(start):
            return 0.0
        if b'"digestS3Object"' in start and b'"logFiles"' in start:
            return 0.95
        marks = {mark.lower() for mark in _MARKS.findall(start)}
        if (
            b'"detail-type"' in start
            and b"via CloudTrail" not in start
            and b"CloudTrail Insight" not in start
        ):
            return 0.0 if b'"eventName"' not in start else 0.3 + 0.05 * min(len(marks), 6)
        if b'"CloudTrailEvent"' in start:
            return 0.95
        if {b"eventname", b"eventsource"} <= marks and marks & {
            b"eventtime",
            b"eventversion",
            b"useridentity",
        }:
            # A notice that an object was stored has these names too, and is read as what it is.
            return min(0.99, 0.7 + 0.03 * len(marks))
        if b"insightdetails" in marks and b"eventtime" in marks:
            return 0.9
        return self._by_unwrapping(start)

    def said_at(self, head: bytes, name: str) -> datetime | None:
        """See `Adapter.said_at`."""
        return iam.in_name(name) if _is_listing(head[:65536]) else None

    def _by_unwrapping(self, head: bytes) -> float:
        """Messages that only opening shows: a control message, or packed data of a subscription."""
        if b'"CONTROL_MESSAGE"' in head and b'"logEvents"' in head:
            return 0.7
        bare = head.replace(b"\\", b"")
        if b'"s3:TestEvent"' in bare or b"CloudTrail validation message" in bare:
            return 0.6
        if b'"s3Bucket"' in bare and b'"s3ObjectKey"' in bare:
            return 0.7
        if b'"SubscriptionConfirmation"' in bare and b'"arn:aws' in bare and b":sns:" in bare:
            return 0.6
        if not any(mark in head for mark in (b'"awslogs"', b'"kinesis"', b'"recordId"', b'"Content"')):
            return 0.0
        found = re.search(rb'"[dD]ata"\s*:\s*"([A-Za-z0-9+/]{64,})', head)
        if found is None:
            return 0.0
        inner = _unpacked_start(found[1])
        return 0.9 * self.recognize(inner) if inner else 0.0

    def read(
        self,
        stream: BinaryIO,
        *,
        window: Window,
        taken_at: datetime | None = None,
        name: str = "",
        notes: list[Note] | None = None,
    ) -> Iterator[Output]:
        """Everything the bytes hold, in order; see `Adapter.read`."""
        listing = iam.Listing(taken_at, name, window)
        for seq, found in enumerate(self._find(stream, notes)):
            if found.listing:
                yield from self._listing(found, seq, listing, taken_at, name, window)
                continue
            made = self._one(found.raw, found.record, seq, window)
            yield made
            if type(made) is Event and made.action in _TELLING:
                yield from _told(made)
        yield from listing.end()

    def raw_records(self, stream: BinaryIO) -> Iterator[bytes]:
        """One item per `seq`; see `Adapter.raw_records`."""
        for found in self._find(stream, None):
            yield found.raw

    def normalize(
        self,
        raw: bytes,
        seq: int,
        *,
        window: Window,
        taken_at: datetime | None = None,
        name: str = "",
    ) -> list[Output]:
        """One raw record alone; see `Adapter.normalize`."""
        if isinstance(raw, Broken):
            return [_rejected(raw, seq)]
        notes: list[Note] = []
        scanner = Scanner(_Held(raw), wrappings.LISTS, wrappings.begins_record)
        found = list(wrappings.find(scanner, notes.append))
        if len(found) == 1 and found[0].listing:
            listing = iam.Listing(taken_at, name, window)
            return [
                *self._listing(found[0], seq, listing, taken_at, name, window),
                *listing.end(),
            ]
        made = self._one(raw, None, seq, window)
        return [made, *_told(made)] if isinstance(made, Event) and made.action in _TELLING else [made]

    def _find(self, stream: BinaryIO, notes: list[Note] | None) -> Iterator[Found]:
        scanner = Scanner(Unpacked(stream), wrappings.LISTS, wrappings.begins_record, LIMIT)
        return wrappings.find(scanner, notes.append if notes is not None else _unheard)

    def _listing(
        self,
        found: Found,
        seq: int,
        listing: iam.Listing,
        taken_at: datetime | None,
        name: str,
        window: Window,
    ) -> list[Output]:
        if found.listing == "authorization_details":
            return listing.add(found.raw, seq)
        if found.listing == "credential_report_answer":
            return iam.credential_answer(found.raw, seq, taken_at=taken_at, name=name, window=window)
        return iam.credential_report(found.raw, seq, at=taken_at or iam.in_name(name), window=window)

    def _one(self, raw: bytes, record: Record | None, seq: int, window: Window) -> Event | Rejected:
        if type(raw) is not bytes:
            return (
                _rejected(raw, seq) if isinstance(raw, Broken) else self._one(bytes(raw), record, seq, window)
            )
        if not raw.isascii():
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                return Rejected(seq, "bad_utf8", "The record is not valid UTF-8.", raw[:EXCERPT])
        if too_deep(raw):
            return Rejected(seq, "too_deep", TOO_DEEP, raw[:EXCERPT])
        try:
            record = records.decode(raw) if record is None else records.finished(raw, record)
        except records.NoObject:
            return Rejected(seq, "not_an_object", _kind_of_value(raw), raw[:EXCERPT])
        except ValueError:
            return Rejected(seq, "not_json", "The record cannot be decoded.", raw[:EXCERPT])
        return event_of(raw, seq, record, window)

    def implied(self, event: Event, name: str) -> object:
        """What the identity's type decides: root is break-glass and privileged, a service is a service."""
        identity = event.record.userIdentity
        kind = identity.type if identity is not None else None
        if kind == "Root":
            return {"actor.kind": "break_glass", "actor.privileged": True}.get(name, MISSING)
        if name != "actor.kind" or identity is None:
            return MISSING
        if kind == "AWSService" or (identity.invokedBy and event.action not in FEDERATED_SIGN_IN):
            return "vendor_service"
        if kind in ("IdentityCenterUser", "SAMLUser"):
            return "human"
        if event.action in ("ConsoleLogin", "UserAuthentication") and kind in (
            "IAMUser",
            "AssumedRole",
            "Unknown",
        ):
            # A password or a provider's page was used: a key or a pipeline signs in nowhere.
            return "human"
        role, arn, session = role_of(event.record)
        return "human" if (role or arn) and event.actor_key == session and session else MISSING

    def fact_subjects(self, event: Event, name: str) -> tuple[str, ...]:
        """Subjects of `actor.…` facts. Rights are those of the session: a role's, where one was taken on."""
        record: Record = event.record
        identity = record.userIdentity
        if not name.startswith("actor.") or identity is None:
            return ()
        hands_out = event.action == "AssumeRole" or event.action in FEDERATED_SIGN_IN
        if hands_out and name == "actor.privileged":
            role, arn, _ = assumed_role(record)
            return _subjects(role, arn)
        role, arn, _ = role_of(record)
        if role or arn:
            of_role = _subjects(role, arn)
            return of_role if name == "actor.privileged" else (*_subjects(event.actor_key), *of_role)
        return _subjects(event.actor_key, identity.arn or "")

    def proof_keys(self, event: Event) -> tuple[tuple[str, str], ...]:
        """See `proofs.proof_keys`."""
        return proofs.proof_keys(event)

    def origin(
        self, event: Event, find: Callable[[str, str], Sequence[Proof]]
    ) -> tuple[str, tuple[str, ...]]:
        """See `Adapter.origin`: who stands at the start of a chain of roles."""
        link = proofs.first_link(event, find)
        if link is None:
            return "", ()
        kind = {
            "Root": "break_glass",
            "AWSService": "vendor_service",
            "SAMLUser": "human",
            "IdentityCenterUser": "human",
        }.get(str(link.value.get("caller_type")), "human" if link.value.get("person") else "")
        return kind, _subjects(str(link.value.get("caller") or ""), str(link.value.get("caller_arn") or ""))

    def session_fact(self, event: Event, name: str, find: Callable[[str, str], Sequence[Proof]]) -> object:
        """See `proofs.session_fact`."""
        return proofs.session_fact(event, name, find)

    def same_occurrence(self, event: Event, find: Callable[[str, str], Sequence[Proof]]) -> bytes | None:
        """See `proofs.same_occurrence`."""
        return proofs.same_occurrence(event, find)

    def same_content(self, one: bytes, other: bytes) -> bool:
        """Whether two raw records say the same: one delivery writes a record on one line, another over many."""
        if one == other:
            return True
        try:
            return canonical(one) == canonical(other)
        except ValueError:
            return False


def _told(event: Event) -> list[Proof | Fact]:
    told: list[Proof | Fact] = [*proofs.proofs_of(event)]
    if event.action in CHANGES:
        told += facts_of(event)
    return [_clean(one) for one in told] if b"\\u0000" in event.raw else told


def _clean(one: Any) -> Any:
    """Without NUL, which no column and no JSON of the database holds."""
    import dataclasses

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("\x00", "\ufffd")
        if isinstance(value, dict):
            return {clean(key): clean(below) for key, below in value.items()}
        return [clean(below) for below in value] if isinstance(value, list) else value

    return dataclasses.replace(
        one,
        **{
            field.name: clean(getattr(one, field.name))
            for field in dataclasses.fields(one)
            if isinstance(getattr(one, field.name), str | dict | list)
        },
    )


def _subjects(*keys: str) -> tuple[str, ...]:
    return tuple(f"account:{key}"[:300] for key in dict.fromkeys(keys) if key)


def _rejected(broken: Broken, seq: int) -> Rejected:
    return Rejected(seq, broken.code, broken.reason, bytes(broken[:EXCERPT]))


def _kind_of_value(raw: bytes) -> str:
    kind = {ord("{"): "an object", ord("["): "a list", ord('"'): "a text"}.get(raw[0])
    if kind is None:
        kind = f"the word {raw.decode()}" if raw in (b"true", b"false", b"null") else "a number"
    return f"The record is {kind}, not an object with fields."


def _unheard(note: Note) -> None:
    """A note that nobody asked for."""


class _Held:
    """Bytes at hand, as a content to scan."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        given, self._content = self._content[:size], self._content[size:]
        return given


def _is_listing(head: bytes) -> bool:
    if any(mark in head for mark in wrappings.LISTING_MARKS):
        return True
    if b'"ReportFormat"' in head and b'"Content"' in head:
        return True
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip().lower()
    return (
        line[:1] not in (b"{", b"[")
        and {name.strip().strip('"') for name in line.decode("utf-8", "replace").split(",")}
        >= wrappings.CREDENTIAL_COLUMNS
    )


def _unpacked_start(text: bytes) -> bytes:
    import base64
    import zlib

    try:
        content = base64.b64decode(text[: len(text) // 4 * 4])
        if content.startswith(b"\x1f\x8b"):
            content = zlib.decompressobj(wbits=31).decompress(content, 65536)
    except (ValueError, zlib.error):
        return b""
    return content


ADAPTER: Final = AwsAdapter()
