"""The rows of a bundle's tables, as plain values. Each knows its file's columns and its cells.

Dates are local dates in the client's zone, times are aware, lists become words separated by spaces, an absent
value an empty cell. The columns are fixed (docs/formats/bundle.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from reports.populations.canonical import instant


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def _cells(*values: object) -> tuple[str, ...]:
    return tuple(map(_cell, values))


@dataclass(frozen=True, slots=True)
class ControlRow:
    """One version of a control, in force from `begins` until `ends` (both included; None: still)."""

    columns: ClassVar = (
        "control", "version", "from", "until", "statement", "criteria", "owner", "frequency", "nature", "key",
        "design_reviewed", "in_operation_from", "status",
    )  # fmt: skip
    control: str
    version: str
    begins: date
    ends: date | None
    statement: str
    criteria: tuple[str, ...]
    owner: str
    frequency: str
    nature: str
    key: bool
    design_reviewed: date | None = None
    in_operation_from: date | None = None
    status: str = "implemented"

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(
            self.control, self.version, self.begins, self.ends, self.statement, self.criteria, self.owner,
            self.frequency, self.nature, self.key, self.design_reviewed, self.in_operation_from, self.status,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One criterion, in scope or out of it with a reason and who approved that."""

    columns: ClassVar = ("criterion", "title", "in_scope", "reason", "approver", "controls")
    criterion: str
    title: str
    in_scope: bool
    controls: tuple[str, ...] = ()
    reason: str = ""
    approver: str = ""

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(self.criterion, self.title, self.in_scope, self.reason, self.approver, self.controls)


@dataclass(frozen=True, slots=True)
class TestRow:
    """One procedure of one control version. Rates, days, result word and text are computed by the writer.

    Counts come from the tallies; the writer refuses them if the results file recounts to others. Without a
    `pid` the procedure has no population: it was not tested (`not_tested` says why), or it is the inspection
    of a design. `items` and `items_failed` belong to state tests.
    """

    columns: ClassVar = (
        "control", "version", "procedure", "pid", "lane", "method", "members", "sample", "pass", "fail",
        "unknown", "pass_rate", "deviation_rate", "days", "covered", "proven_zero", "gap", "unknown_days",
        "items", "items_failed", "result", "text",
    )  # fmt: skip
    __test__: ClassVar = False
    control: str
    version: str
    procedure: str
    pid: str = ""
    lane: str = "census"
    method: str = "rule"
    members: int = 0
    sample: int | None = None
    passed: int = 0
    failed: int = 0
    unknown: int = 0
    items: int | None = None
    items_failed: int | None = None
    not_tested: str = ""


@dataclass(frozen=True, slots=True)
class DutyRow:
    """One duty due in the period. `state` is in_time, late, missed, waived or open."""

    columns: ClassVar = (
        "duty", "control", "title", "due", "grace_end", "done_at", "state", "outcome", "by", "evidence",
    )  # fmt: skip
    duty: str
    control: str
    title: str
    due: datetime
    grace_end: datetime
    state: str
    done_at: datetime | None = None
    outcome: str = ""
    by: str = ""
    evidence: tuple[str, ...] = ()

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(
            self.duty, self.control, self.title, self.due, self.grace_end, self.done_at, self.state,
            self.outcome, self.by, self.evidence,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """One exception as it was when the package was built. `in_time` follows from due and fixed."""

    columns: ClassVar = (
        "id", "origin", "control", "criteria", "severity", "occurred_first", "detected", "members", "due",
        "fixed_at", "in_time", "retest", "closed_at", "state", "accepted_until", "accepted_by", "pid",
        "response_id",
    )  # fmt: skip
    id: str
    origin: str
    control: str
    criteria: tuple[str, ...]
    severity: str
    occurred_first: datetime
    detected: datetime
    members: tuple[str, ...]
    due: datetime | None
    state: str
    pid: str = ""
    fixed_at: datetime | None = None
    retest: str = ""
    closed_at: datetime | None = None
    accepted_until: date | None = None
    accepted_by: str = ""
    response_id: str = ""

    @property
    def in_time(self) -> str:
        """`yes` or `no` once it is fixed, empty before."""
        if self.fixed_at is None:
            return ""
        return "yes" if self.due is None or self.fixed_at <= self.due else "no"

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(
            self.id, self.origin, self.control, self.criteria, self.severity, self.occurred_first,
            self.detected, self.members, self.due, self.fixed_at, self.in_time, self.retest, self.closed_at,
            self.state, self.accepted_until, self.accepted_by, self.pid, self.response_id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """Management's response to an exception."""

    columns: ClassVar = (
        "response_id", "exception", "agreement", "cause", "effect", "done", "to_do", "owner", "due",
        "compensating", "writer", "approver", "at",
    )  # fmt: skip
    response_id: str
    exception: str
    agreement: str
    cause: str = ""
    effect: str = ""
    done: str = ""
    to_do: str = ""
    owner: str = ""
    due: date | None = None
    compensating: str = ""
    writer: str = ""
    approver: str = ""
    at: datetime | None = None

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(
            self.response_id, self.exception, self.agreement, self.cause, self.effect, self.done, self.to_do,
            self.owner, self.due, self.compensating, self.writer, self.approver, self.at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One source on one local day. `batches` is how many of its batches hold records of that day."""

    columns: ClassVar = (
        "source", "local_date", "state", "events", "records", "duplicates", "rejected", "liveness",
        "hours_lost", "refilled_at", "batches",
    )  # fmt: skip
    source: str
    local_date: date
    state: str
    events: int = 0
    records: int = 0
    duplicates: int = 0
    rejected: int = 0
    liveness: str = ""
    hours_lost: Decimal | None = None
    refilled_at: datetime | None = None
    batches: int = 0

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(
            self.source, self.local_date, self.state, self.events, self.records, self.duplicates,
            self.rejected, self.liveness, self.hours_lost, self.refilled_at, self.batches,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """What a later version changed: `where` is a file, or `manifest.json` with a key in `field`."""

    columns: ClassVar = ("where", "id", "field", "was", "is", "because")
    where: str
    id: str
    field: str
    was: str
    now: str
    because: str

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(self.where, self.id, self.field, self.was, self.now, self.because)


@dataclass(slots=True)
class EvidenceRow:
    """One file below `evidence/`, as its index has it. One file may serve several controls and members."""

    columns: ClassVar = (
        "path", "sha256", "bytes", "kind", "title", "control", "criteria", "inclusion_from", "inclusion_to",
        "collected_at", "by", "reviewed_by", "members", "leaf_seq",
    )  # fmt: skip
    path: str
    sha256: str
    bytes: int
    kind: str
    title: str
    controls: list[str]
    criteria: list[str]
    inclusion_from: date
    inclusion_to: date
    collected_at: datetime
    by: str
    reviewed_by: str
    members: list[str]
    leaf_seq: int

    def cells(self) -> tuple[str, ...]:
        """The row's fields."""
        return _cells(
            self.path, self.sha256, self.bytes, self.kind, self.title, tuple(self.controls),
            tuple(self.criteria), self.inclusion_from, self.inclusion_to, self.collected_at, self.by,
            self.reviewed_by, tuple(self.members), self.leaf_seq,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that is one row after another. Order does not matter: the writer sorts."""

    controls: Iterable[ControlRow]
    criteria: Iterable[CriterionRow]
    tests: Iterable[TestRow]
    exceptions: Iterable[ExceptionRow] = ()
    responses: Iterable[ResponseRow] = ()
    duties: Iterable[DutyRow] = ()
    differences: Iterable[DifferenceRow] = field(default=())
