"""Canonical CSV bytes: members, results and every other table of a bundle, and the population hash.

Two people who list the same members must get the same bytes, whatever their tools. So: UTF-8 without a byte
order mark; a newline after every line; comma; a field is quoted only if it holds a comma, a quote or a leading
or trailing space, inner quotes doubled; CR, LF and TAB become U+2423; a value beginning with `= + - @` gets a
leading apostrophe. Nothing else is altered. The population hash is the SHA-256 of a member file's bytes.

All writers take iterators and give chunks, so a table of any length needs one chunk of memory.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

OPEN_BOX: Final = "\u2423"
CHUNK_BYTES: Final = 64 * 1024
MEMBER_COLUMNS: Final = (
    "n", "member_id", "occurred_at", "local_date", "kind", "system", "subject", "object", "source",
    "batch_sha256", "seq",
)  # fmt: skip
RESULT_COLUMNS: Final = (
    "member_id", "result", "reason", "rule", "rule_version", "judged_at", "exception", "in_time", "evidence",
)  # fmt: skip
PORTAL: Final = "portal"

_BREAKS: Final = str.maketrans({"\r": OPEN_BOX, "\n": OPEN_BOX, "\t": OPEN_BOX})
_MEMBER_ID: Final = re.compile(r"(e:[0-9a-f]{32}|[dx]:\S+|i:\S+/\d{4}-\d\d-\d\d|p:\S+)\Z")
_HEX64: Final = re.compile(r"[0-9a-f]{64}\Z")


class PopulationError(ValueError):
    """Rows that cannot be a population as they stand. The message names the row and what is wrong."""


def canonical_field(value: str) -> str:
    """One CSV field in its canonical spelling."""
    value = value.translate(_BREAKS)
    if value and value[0] in "=+-@":
        value = "'" + value
    if "," in value or '"' in value or (value and (value[0] == " " or value[-1] == " ")):
        value = '"' + value.replace('"', '""') + '"'
    return value


def canonical_line(values: Iterable[str]) -> bytes:
    """One CSV line with its newline."""
    return (",".join(map(canonical_field, values)) + "\n").encode("utf-8")


def canonical_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """A whole CSV table in chunks: the header line, then one line a row, in the order given."""
    held: list[bytes] = [canonical_line(columns)]
    size = len(held[0])
    for at, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise ValueError(f"Row {at} has {len(row)} fields for {len(columns)} columns.")
        line = canonical_line(row)
        held.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held.clear()
            size = 0
    if held:
        yield b"".join(held)


def parse_line(line: str) -> list[str]:
    """The fields of one line (without its newline). Raises ValueError if the quoting is broken."""
    if '"' not in line:
        return line.split(",")
    fields: list[str] = []
    at, end = 0, len(line)
    while True:
        if at < end and line[at] == '"':
            parts: list[str] = []
            at += 1
            while True:
                close = line.find('"', at)
                if close < 0:
                    raise ValueError("A quoted field does not end.")
                parts.append(line[at:close])
                at = close + 1
                if at < end and line[at] == '"':
                    parts.append('"')
                    at += 1
                    continue
                break
            if at < end and line[at] != ",":
                raise ValueError("A quoted field goes on after its closing quote.")
            fields.append("".join(parts))
        else:
            comma = line.find(",", at)
            stop = end if comma < 0 else comma
            fields.append(line[at:stop])
            at = stop
        if at >= end:
            return fields
        at += 1


def instant(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ` of an aware time."""
    if moment.tzinfo is None:
        raise ValueError("A time without a zone is not a moment.")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")[:26] + "Z"


def end_of_day(day: date, zone: str) -> datetime:
    """When a member that has only a date occurred: 23:59:59 of that date in the client's zone."""
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(zone)).astimezone(UTC)


def opens_at(last_day: date, zone: str) -> datetime:
    """The first instant after a window's last day in the client's zone: no freeze before it."""
    return datetime.combine(date.fromordinal(last_day.toordinal() + 1), time(), ZoneInfo(zone)).astimezone(
        UTC
    )


def event_member(uid: bytes) -> str:
    """The member id of an event, from the 16 bytes of its uid."""
    if len(uid) != 16:
        raise ValueError(f"An event's uid has 16 bytes, not {len(uid)}.")
    return f"e:{uid.hex()}"


def state_member(asset: str, day: date) -> str:
    """The member id of an item on a day."""
    return f"i:{_without_space(asset)}/{day.isoformat()}"


def pair_member(*parts: str) -> str:
    """The member id of a pair such as leaver and account."""
    return "p:" + "/".join(map(_without_space, parts))


def _without_space(part: str) -> str:
    # Lists of member ids are separated by spaces, so an id holds none.
    return re.sub(r"\s", OPEN_BOX, part)


class Member(NamedTuple):
    """One member of a population, before it has its number. Times are aware; see `MEMBER_COLUMNS`.

    A member that is a portal record has `source="portal"`, and neither batch nor seq.
    """

    occurred_at: datetime
    member_id: str
    local_date: date
    kind: str
    system: str
    subject: str
    object: str
    source: str
    batch_sha256: str = ""
    seq: int | None = None


class Result(NamedTuple):
    """One member's judgment. `result` is pass, fail or unknown; `in_time` yes, no or empty (not repaired)."""

    member_id: str
    result: str
    reason: str = ""
    rule: str = ""
    rule_version: str = ""
    judged_at: datetime | None = None
    exception: str = ""
    in_time: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(slots=True)
class MemberDigest:
    """What a member file turned out to be, filled while it is written: `sha256` is the population hash."""

    rows: int = 0
    size: int = 0
    first: str = ""
    last: str = ""
    _hash: Any = field(default_factory=sha256, repr=False)

    @property
    def sha256(self) -> str:
        """64 hex digits over what was written so far."""
        digest: str = self._hash.hexdigest()
        return digest

    def add(self, chunk: bytes) -> bytes:
        """Count and hash a chunk, and give it back."""
        self._hash.update(chunk)
        self.size += len(chunk)
        return chunk


def member_order(member: Member) -> tuple[datetime, bytes]:
    """The sort key of a member file."""
    return member.occurred_at, member.member_id.encode()


def write_members(
    members: Iterable[Member],
    digest: MemberDigest | None = None,
    *,
    window: tuple[date, date] | None = None,
    seen: Callable[[int, Member], None] | None = None,
) -> Iterator[bytes]:
    """The member file in chunks, from members already in order (`member_order`).

    Fills `digest` on the way, and calls `seen(n, member)` for each. Raises `PopulationError` on a member out
    of order, an id twice, an id of no known form, or a date outside the window.
    """
    digest = MemberDigest() if digest is None else digest
    ids: set[bytes] = set()

    def rows() -> Iterator[tuple[str, ...]]:
        before: tuple[datetime, bytes] | None = None
        for n, member in enumerate(members, start=1):
            _check_member(n, member, window)
            key = member_order(member)
            if before is not None and key < before:
                raise PopulationError(f"Row {n}: {member.member_id} is out of order (time, then id).")
            before = key
            # 16 bytes of a hash: a million ids in memory stay small, whatever their length.
            short = sha256(key[1]).digest()[:16]
            if short in ids:
                raise PopulationError(f"Row {n}: {member.member_id} is in the population already.")
            ids.add(short)
            occurred = instant(member.occurred_at)
            digest.first = digest.first or occurred
            digest.last = occurred
            digest.rows = n
            if seen is not None:
                seen(n, member)
            yield (
                str(n), member.member_id, occurred, member.local_date.isoformat(), member.kind, member.system,
                member.subject, member.object, member.source, member.batch_sha256,
                "" if member.seq is None else str(member.seq),
            )  # fmt: skip

    for chunk in canonical_table(MEMBER_COLUMNS, rows()):
        yield digest.add(chunk)


def _check_member(n: int, member: Member, window: tuple[date, date] | None) -> None:
    if not _MEMBER_ID.match(member.member_id):
        raise PopulationError(
            f"Row {n}: {member.member_id!r} is no member id (e:, d:, x:, i: or p:, no spaces)."
        )
    if window is not None and not window[0] <= member.local_date <= window[1]:
        raise PopulationError(
            f"Row {n}: {member.member_id} of {member.local_date} is outside {window[0]} to {window[1]}."
        )
    from_portal = member.source == PORTAL
    if from_portal != (member.batch_sha256 == "") or from_portal != (member.seq is None):
        raise PopulationError(f"Row {n}: a member has batch and seq, unless its source is {PORTAL}.")
    if member.batch_sha256 and not _HEX64.match(member.batch_sha256):
        raise PopulationError(f"Row {n}: {member.batch_sha256!r} is not a batch's SHA-256.")


def population_hash(members: Iterable[Member]) -> str:
    """The population hash of members in order, without keeping the file."""
    digest = MemberDigest()
    for _ in write_members(members, digest):
        pass
    return digest.sha256


def write_results(results: Iterable[Result]) -> Iterator[bytes]:
    """The results file in chunks, one line a member in the member file's order."""

    def rows() -> Iterator[tuple[str, ...]]:
        for at, each in enumerate(results, start=1):
            if each.result not in ("pass", "fail", "unknown") or each.in_time not in ("", "yes", "no"):
                raise PopulationError(
                    f"Row {at}: a result is pass, fail or unknown, in time yes, no or empty;"
                    f" {each.member_id} has {each.result!r} and {each.in_time!r}."
                )
            yield (
                each.member_id, each.result, each.reason, each.rule, each.rule_version,
                "" if each.judged_at is None else instant(each.judged_at),
                each.exception, each.in_time, " ".join(each.evidence),
            )  # fmt: skip

    return canonical_table(RESULT_COLUMNS, rows())
