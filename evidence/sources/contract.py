"""What an adapter takes and gives. Everything here is a plain value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, TypeAlias

from evidence.ocsf.event import MISSING, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EXCERPT: Final = 512
"""How many bytes of a rejected record are kept beside its reason."""

DEPTH: Final = 200
"""How deep a record may be nested."""

ALWAYS, SOMETIMES, NEVER = "always", "sometimes", "never"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record, or a stretch of bytes, that is no event. `seq` is its place; `code` is short and fixed.

    `reason` is a sentence for people; equal reasons are counted together, so it holds nothing that differs
    from record to record except what `excerpt` shows anyway.
    """

    seq: int
    code: str
    reason: str
    excerpt: bytes


@dataclass(frozen=True, slots=True)
class Fact:
    """`subject` had `value` of `name` at the instant `at`.

    `subject` is `account:` and a key: an event's `actor_key`, a role's id, or an ARN. Where the key is
    another name of an account, a fact `arn` of that account says so.
    `certain` is false where a change event shows the instant of a change but not beyond doubt its result
    (one of several factors was removed): such a fact ends the earlier value, and holds only once the next
    snapshot says the same.
    """

    subject: str
    name: str
    value: Any
    at: datetime
    seq: int
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A full listing of one `kind` at an instant: what it does not name did not exist then.

    `scope` bounds it (one AWS account): a listing says nothing of accounts in another scope.
    """

    kind: str
    at: datetime
    seq: int
    subjects: int
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What one event proves for others that name the same `key`. `value` is plain JSON."""

    kind: str
    key: str
    at: datetime
    value: dict[str, Any]
    seq: int
    uid: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A recognized part that holds no record (a control message, a digest): nothing is lost, so nothing is rejected."""

    code: str
    sentence: str


Output: TypeAlias = Event | Rejected | Fact | Snapshot | Proof


class Broken(bytes):
    """Bytes that form no record. The content is the start of the stretch, at most 64 KiB; `size` is its length.

    It takes a place of its own among the raw records, so that every byte of a file lies in a record, in
    a broken stretch, or in the recognized wrapping around records.
    """

    code: str
    reason: str
    size: int

    def __new__(cls, content: bytes, code: str, reason: str, size: int | None = None) -> Broken:
        """`size` is given where the content was shortened."""
        made = super().__new__(cls, content[:65536])
        made.code = code
        made.reason = reason
        made.size = len(content) if size is None else size
        return made


@dataclass(frozen=True, slots=True)
class Window:
    """The event times that are believed; both ends included."""

    earliest: datetime
    latest: datetime

    @classmethod
    def around(cls, at: datetime, *, years: int = 15, ahead: timedelta = timedelta(days=1)) -> Window:
        """From `years` before `at` (when the bytes were received) to a day after it."""
        try:
            earliest = at.replace(year=at.year - years)
        except ValueError:  # 29 February
            earliest = at.replace(year=at.year - years, day=28)
        return cls(earliest, at + ahead)


@dataclass(frozen=True, slots=True)
class SourceContract:
    """A source's `source.yml`.

    `fields` says per path whether the source sends it `always`, `sometimes` or `never`; a path that is
    not listed is `sometimes`. `sigma` maps an imported rule's log source (`aws/cloudtrail`) to its field
    names; a name ending in `.*` maps a prefix. `channels` ranks the ways by which one occurrence arrives.
    """

    slug: str
    aliases: tuple[str, ...]
    family: str
    vendor: str
    title: str
    version: str
    ways_in: tuple[str, ...]
    rhythm: str
    fields: dict[str, str]
    sigma: dict[str, dict[str, str]] = field(default_factory=dict)
    documentation: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    def sends(self, path: str) -> str:
        """`always`, `sometimes` or `never`; the longest listed prefix decides (`unmapped.x` covers `unmapped.x.y`)."""
        parts = path.replace("[]", "").split(".")
        for length in range(len(parts), 0, -1):
            said = self.fields.get(".".join(parts[:length]))
            if said is not None:
                # Below a field that always comes, a part of it may still be absent.
                return SOMETIMES if said == ALWAYS and length < len(parts) else said
        return SOMETIMES


class Adapter(Protocol):
    """A vendor's adapter: pure, without state between calls."""

    slug: str
    version: str

    def recognize(self, head: bytes, name: str) -> float:
        """How surely the file that begins with `head` (unpacked) is this source's, 0 to 1, by content alone."""

    def said_at(self, head: bytes, name: str) -> datetime | None:
        """The instant that a file's name gives to the listing which begins with `head`; None for all else."""

    def read(
        self,
        stream: BinaryIO,
        *,
        window: Window,
        taken_at: datetime | None = None,
        name: str = "",
        notes: list[Note] | None = None,
    ) -> Iterator[Output]:
        """Everything the bytes hold, in order; each output carries the `seq` of its raw record.

        An event is followed by the proofs and facts it yields. A listing's facts follow its last page.
        `taken_at` is the instant of a listing that names none itself; `name` may carry one too. `notes`
        collects what was recognized and holds no record.
        """

    def raw_records(self, stream: BinaryIO) -> Iterator[bytes]:
        """The exact bytes of every raw record in order, one per `seq`; a stretch that is none is `Broken`."""

    def normalize(self, raw: bytes, seq: int, *, window: Window) -> list[Output]:
        """One raw record alone, as when one event is opened or a rejected one is tried again."""

    def implied(self, event: Event, name: str) -> object:
        """A fact that the event's own identity decides (`actor.kind` of a root user), else `MISSING`."""

    def fact_subjects(self, event: Event, name: str) -> tuple[str, ...]:
        """The subjects under which a fact of this event (`actor.privileged`) is looked up, best first."""

    def proof_keys(self, event: Event) -> tuple[tuple[str, str], ...]:
        """The `(kind, key)` pairs whose proofs `session_fact` asks first for this event."""

    def origin(
        self, event: Event, find: Callable[[str, str], Sequence[Proof]]
    ) -> tuple[str, tuple[str, ...]]:
        """Where a session was handed on from identity to identity: the kind of the first one, if its type
        decides it (else empty), and the subjects under which its facts are looked up; empty if not known.
        """

    def session_fact(self, event: Event, name: str, find: Callable[[str, str], Sequence[Proof]]) -> object:
        """What this event and others prove of its sign-in, else `MISSING`: `session.mfa` (whether a second
        factor was used) or `session.factors` (the kinds of those used, such as `otp` or `webauthn`; empty
        where none was).
        """

    def same_occurrence(self, event: Event, find: Callable[[str, str], Sequence[Proof]]) -> bytes | None:
        """The uid of another event that tells of the same occurrence without sharing a key, or None."""

    def same_content(self, one: bytes, other: bytes) -> bool:
        """Whether two raw records say the same, however they are spaced and ordered."""


__all__ = [
    "ALWAYS",
    "DEPTH",
    "EXCERPT",
    "MISSING",
    "NEVER",
    "SOMETIMES",
    "Adapter",
    "Broken",
    "Event",
    "Fact",
    "Note",
    "Output",
    "Proof",
    "Rejected",
    "Snapshot",
    "SourceContract",
    "Window",
]
