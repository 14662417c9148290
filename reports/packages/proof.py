"""Single files of a bundle from plain values: an event with its proof, a file as evidence, texts."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from evidence.ledger.leaf import portable
from reports.populations.canonical import instant

NAME_LENGTH: Final = 60
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.\-_]")
KINDS: Final = frozenset({"event", "artifact", "config", "portal"})


def safe_name(name: str) -> str:
    """A file's name in a bundle: ASCII letters, digits and `.-_`, others `_`; 60 characters, ending kept."""
    name = _UNSAFE.sub("_", name) or "_"
    if len(name) <= NAME_LENGTH:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem or len(ending) > 12:
        return name[:NAME_LENGTH]
    return stem[: NAME_LENGTH - len(ending) - 1] + "." + ending


def records_meta(
    *, batch_sha256: str, records: int, events: int, rejected: int, adapter: str, version: str
) -> dict[str, Any]:
    """The `meta` of a `records` leaf; its `sha256` is the root over the batch's raw records in seq order."""
    return {
        "batch": batch_sha256,
        "records": records,
        "events": events,
        "rejected": rejected,
        "adapter": adapter,
        "version": version,
    }


@dataclass(frozen=True, slots=True)
class EventEvidence:
    """One event: its raw record, the record as normalized, and the way from it to a leaf of the ledger.

    `records` is how many raw records its batch has, `path` the audit path of record `seq` among them (lowest
    sibling first), `leaf` the seq of the batch's `records` leaf.
    """

    control: str
    criteria: tuple[str, ...]
    member_id: str
    local_date: date
    source: str
    batch_sha256: str
    seq: int
    raw: bytes
    normalized: Mapping[str, Any]
    records: int
    path: Sequence[bytes]
    leaf: int
    collected_at: datetime
    by: str = "system"
    title: str = ""
    reviewed_by: str = ""
    kind: str = "event"

    @property
    def members(self) -> tuple[str, ...]:
        """The one member that the event is."""
        return (self.member_id,)

    @property
    def inclusion_from(self) -> date:
        """The event's local date."""
        return self.local_date

    @property
    def inclusion_to(self) -> date:
        """The event's local date."""
        return self.local_date

    @property
    def file_name(self) -> str:
        """The member id with `_` for `:` and other signs, and `.json`."""
        return safe_name(f"{self.member_id}.json")

    def to_json(self) -> dict[str, Any]:
        """The file's content (docs/formats/bundle.md has a worked example)."""
        return {
            "v": 1,
            "member_id": self.member_id,
            "source": self.source,
            "batch_sha256": self.batch_sha256,
            "seq": self.seq,
            "raw": base64.b64encode(self.raw).decode(),
            "raw_sha256": sha256(self.raw).hexdigest(),
            "normalized": portable(self.normalized),
            "records": self.records,
            "path": [each.hex() for each in self.path],
            "leaf": self.leaf,
        }


@dataclass(frozen=True, slots=True)
class FileEvidence:
    """One file as evidence: an artifact somebody uploaded, or configuration or a portal record written out.

    `kind` is artifact, config or portal; `leaf` the seq of its `artifact` leaf, whose `sha256` is the file's.
    """

    control: str
    criteria: tuple[str, ...]
    kind: str
    name: str
    title: str
    chunks: Iterable[bytes]
    inclusion_from: date
    inclusion_to: date
    collected_at: datetime
    by: str
    leaf: int
    reviewed_by: str = ""
    members: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a kind that is none."""
        if self.kind not in KINDS - {"event"}:
            raise ValueError(f"Evidence is of kind artifact, config or portal, not {self.kind!r}.")


@dataclass(frozen=True, slots=True)
class DescriptionPart:
    """One of the nine parts of the system description, with who accepted it and when (None: nobody yet)."""

    number: int
    title: str
    state: str
    text: str
    accepted_by: str = ""
    accepted_at: datetime | None = None

    def to_markdown(self) -> str:
        """The part's file: a heading, its state, the text."""
        state = f"State: {self.state}."
        if self.accepted_at is not None:
            state += f" Accepted by {self.accepted_by} at {instant(self.accepted_at)}."
        digest = sha256(self.text.encode()).hexdigest()
        return f"# DC {self.number}: {self.title}\n\n{state} Text SHA-256: {digest}\n\n{self.text.rstrip()}\n"


@dataclass(frozen=True, slots=True)
class Signed:
    """That the named person signed the text: with which title, when, and which leaf recorded it."""

    name: str
    title: str
    at: datetime
    leaf: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """Management's assertion: answers (id, question, answer, sentence), the text made of them, a signature."""

    answers: Sequence[Mapping[str, str]]
    text: str
    signature: Signed | None = None

    @property
    def text_sha256(self) -> str:
        """What the signature's leaf (kind `decision`, ref `assertion`) has as `sha256`."""
        return sha256(self.text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The content of `assertion.json`."""
        signed = self.signature
        return {
            "v": 1,
            "answers": [dict(answer) for answer in self.answers],
            "text": self.text,
            "text_sha256": self.text_sha256,
            "signature": None
            if signed is None
            else {"name": signed.name, "title": signed.title, "at": instant(signed.at), "leaf": signed.leaf},
        }
