"""The IPE sheet of a population: where it came from, whether it is complete, and who says so.

The sheet is written from plain values; its verdict follows from its tie-outs, gaps and unknown memberships
alone, so that nobody can choose it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from reports.populations.canonical import instant, opens_at

COMPLETE: Final = "complete"
EXCEPT: Final = "complete except "
NOT_SHOWN: Final = "not shown complete"
REPRESENTATION: Final = "representation only"
# One of these must be there: a count or a second list that the population did not come from.
INDEPENDENT: Final = frozenset({"T1", "T3", "T4"})


@dataclass(frozen=True, slots=True)
class TieOut:
    """One comparison of the rows with another figure. `id` is T1 to T5; the difference is own − other."""

    id: str
    own: int
    other: int
    where: str
    by: str
    at: datetime
    explanation: str = ""
    explained_by: str = ""

    @property
    def difference(self) -> int:
        """Own figure less the other."""
        return self.own - self.other

    def to_json(self) -> dict[str, Any]:
        """The tie-out as the sheet has it."""
        return {
            "id": self.id,
            "own": self.own,
            "other": self.other,
            "difference": self.difference,
            "where": self.where,
            "by": self.by,
            "at": instant(self.at),
            "explanation": self.explanation,
            "explained_by": self.explained_by,
        }


@dataclass(frozen=True, slots=True)
class GapNote:
    """Why a gap is there, and (if somebody other than the preparer explained it) what that means."""

    reason: str
    explanation: str = ""
    explained_by: str = ""


@dataclass(frozen=True, slots=True)
class Freeze:
    """That a population was frozen: by whom, when, which leaf recorded it, and the hash it had."""

    by: str
    at: datetime
    leaf: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Representation:
    """Management's signed sentence for a population that no independent figure confirms."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is known of a population before its rows are written.

    `systems` are the sources (their slugs) that the procedure reads, for members or for facts; `frequency` is
    the one part of the control's frequency code that this population answers (A, HY, Q, M, W, D, occ, cont).
    """

    control: str
    control_version: str
    procedure: str
    title: str
    member: str
    frequency: str
    window: tuple[date, date]
    zone: str
    systems: tuple[str, ...]
    query: str
    run_by: str
    run_at: datetime
    lane: str = "census"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    adapter_versions: Mapping[str, str] = field(default_factory=dict)
    rule_versions: Mapping[str, str] = field(default_factory=dict)
    tie_outs: Sequence[TieOut] = ()
    off_days: Sequence[date] = ()
    frozen: Freeze | None = None
    version: int = 1
    replaces: int | None = None
    interim: bool = False
    representation: Representation | None = None

    @property
    def pid(self) -> str:
        """`{control}.{procedure}`, an interim part with its window."""
        name = f"{self.control}.{self.procedure}"
        return f"{name}~{self.window[0]}_{self.window[1]}" if self.interim else name

    @property
    def opens_at(self) -> datetime:
        """Before this instant the population cannot be frozen."""
        return opens_at(self.window[1], self.zone)


def freeze_ref(pid: str, version: int) -> str:
    """The `ref` of the leaf (kind `decision`) that records a freeze."""
    return f"{pid}/v{version}"


def freeze_meta(*, rows: int, window: tuple[date, date]) -> dict[str, Any]:
    """The `meta` of that leaf; its `sha256` is the population hash."""
    return {
        "what": "freeze",
        "rows": rows,
        "window": {"from": window[0].isoformat(), "to": window[1].isoformat()},
    }


def verdict(
    tie_outs: Sequence[Mapping[str, Any]],
    gaps: Sequence[Mapping[str, Any]],
    unknown_membership: int,
    run_by: str,
) -> str:
    """The verdict that a sheet's own figures give.

    T2 and one of T1, T3, T4 are needed, else it rests on representation only. With nothing different, no gap
    and no unknown membership it is complete; what is different must be explained by somebody else than the
    preparer to be an exception; anything else means that completeness is not shown.
    """
    if not INDEPENDENT & {each["id"] for each in tie_outs}:
        return REPRESENTATION
    if not any(each["id"] == "T2" for each in tie_outs):
        return NOT_SHOWN
    open_points = [
        (f"{each['id']} ({each['difference']:+d})", each) for each in tie_outs if each["difference"] != 0
    ] + [(f"gap {each['source']} {each['from']}..{each['to']}", each) for each in gaps]
    if unknown_membership:
        return NOT_SHOWN
    if not open_points:
        return COMPLETE
    if all(each["explanation"] and each["explained_by"] not in ("", run_by) for _, each in open_points):
        return EXCEPT + "; ".join(name for name, _ in open_points)
    return NOT_SHOWN
