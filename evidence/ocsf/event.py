"""One normalized event: a few columns at once, the whole OCSF document only when somebody asks for it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


class _Missing(enum.Enum):
    """The type of `MISSING`; an enum so that type checkers can narrow by `is MISSING`."""

    MISSING = "MISSING"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "MISSING"

    __str__ = __repr__


MISSING: Final = _Missing.MISSING
"""The field is not there. `None` says that the source sent an explicit null."""


class Reader(Protocol):
    """What an adapter lends to its events: how to read one field, and how to build the document."""

    @property
    def quick(self) -> Mapping[str, Callable[[Event], object]]:
        """Paths that can be read without decoding the whole record; a getter returns `MISSING` if not there."""

    def full(self, event: Event) -> dict[str, Any]:
        """The OCSF document of this event, with the vendor's other fields below `unmapped`."""


COLUMNS: Final = frozenset(
    {
        "time",
        "action",
        "actor_key",
        "target_key",
        "src_ip",
        "source",
        "class_uid",
        "activity_id",
        "status_id",
        "severity_id",
        "occurrence_key",
    }
)
"""Names that `Event.value` answers from the event's own columns."""

_TEXT_COLUMNS: Final = frozenset({"actor_key", "target_key", "action", "occurrence_key"})


class Event:
    """A record of a source, normalized.

    `time` is aware and in UTC. `uid` is 16 bytes: the vendor's id where it has its documented form, else
    the start of a SHA-256. `digest` is the first 8 bytes of the SHA-256 of `raw`. `seq` counts the raw
    records of one batch from 0, rejected ones included. `occurrence_key` is equal for events that tell
    of one occurrence through two channels. An empty `actor_key` or `target_key` says that there is none.
    """

    __slots__ = (
        "_document",
        "action",
        "activity_id",
        "actor_key",
        "class_uid",
        "digest",
        "occurrence_key",
        "raw",
        "reader",
        "record",
        "seq",
        "severity_id",
        "source",
        "src_ip",
        "status_id",
        "target_key",
        "time",
        "uid",
    )

    def __init__(
        self,
        source: str,
        time: datetime,
        uid: bytes,
        class_uid: int,
        activity_id: int,
        status_id: int,
        severity_id: int,
        actor_key: str,
        action: str,
        target_key: str,
        src_ip: str | None,
        occurrence_key: str,
        digest: bytes,
        seq: int,
        raw: bytes,
        record: Any,
        reader: Reader,
    ) -> None:
        """Hold the columns; `record` is the adapter's own decoded form, which only `reader` understands."""
        self.source = source
        self.time = time
        self.uid = uid
        self.class_uid = class_uid
        self.activity_id = activity_id
        self.status_id = status_id
        self.severity_id = severity_id
        self.actor_key = actor_key
        self.action = action
        self.target_key = target_key
        self.src_ip = src_ip
        self.occurrence_key = occurrence_key
        self.digest = digest
        self.seq = seq
        self.raw = raw
        self.record = record
        self.reader = reader
        self._document: dict[str, Any] | None = None

    def value(self, path: str) -> object:
        """The value of a column or of an OCSF path such as `actor.user.type`; `MISSING` if not there.

        A path through a list gives the list of what its elements hold (`resources[].uid` and
        `resources.uid` are the same). `unmapped.` leads to the vendor's own fields.
        """
        getter = self.reader.quick.get(path)
        if getter is not None:
            return getter(self)
        if path in COLUMNS:
            found = getattr(self, path)
            return MISSING if found == "" and path in _TEXT_COLUMNS else found
        return walk(self.full(), path.replace("[]", "").split("."))

    def full(self) -> dict[str, Any]:
        """The whole OCSF document, decoded at the first call and kept; `time` is RFC 3339 text."""
        if self._document is None:
            self._document = self.reader.full(self)
        return self._document

    def __repr__(self) -> str:
        return f"<Event {self.time:%Y-%m-%dT%H:%M:%SZ} {self.source} {self.action} {self.actor_key}>"


def walk(found: object, parts: list[str]) -> object:
    """What lies at `parts` below `found`: `MISSING` if nothing does, a list where the way leads through one."""
    for at, part in enumerate(parts):
        if isinstance(found, dict):
            if part in found:
                found = found[part]
                continue
            # A vendor's key may hold dots itself.
            return found.get(".".join(parts[at:]), MISSING)
        if isinstance(found, list):
            if part.isdigit():
                position = int(part)
                if position >= len(found):
                    return MISSING
                found = found[position]
                continue
            below = [walk(element, parts[at:]) for element in found]
            held: list[object] = []
            for value in below:
                if value is MISSING:
                    continue
                held.extend(value) if isinstance(value, list) else held.append(value)
            return held if held or not found else MISSING
        return MISSING
    return found
