"""Reading facts as of an instant (soc2-rules §3.3): known, or MISSING — never guessed."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from evidence.inventory.models import FactChange, FactInterval, Snapshot
from evidence.ocsf.event import MISSING

# After this long without a snapshot of its kind a fact is unknown again.
MAX_AGE = timedelta(hours=26)


@dataclass(slots=True)
class _Line:
    """What is known of one subject and name: intervals and changes, each in order of time."""

    kind: str = ""
    intervals: list[tuple[datetime, datetime | None, Any]] = field(default_factory=list)
    changes: list[tuple[datetime, Any, bool]] = field(default_factory=list)


class Facts:
    """Facts of some subjects of one source between two instants, read once and asked at any of them.

    `names` limits what is read to the facts that somebody will ask for.
    """

    def __init__(
        self,
        source_id: int,
        start: datetime,
        end: datetime,
        *,
        names: Iterable[str] | None = None,
        max_age: timedelta = MAX_AGE,
    ) -> None:
        self._source, self._max_age = source_id, max_age
        self._start, self._end = start - max_age, end + max_age
        self._names = None if names is None else sorted(set(names))
        self._lines: dict[tuple[str, str], _Line] = {}
        self._loaded: set[str] = set()
        self._names_of: dict[str, set[str]] = defaultdict(set)
        self._snapshots: dict[str, list[datetime]] = defaultdict(list)
        near = Snapshot.objects.filter(
            source=source_id, at__range=(self._start, self._end)
        ).order_by("at")
        for kind, at in near.values_list("kind", "at"):
            self._snapshots[kind].append(at)

    def load(self, subjects: Iterable[str]) -> None:
        """Read what is known of these subjects; subjects read before are not read again."""
        wanted = sorted(set(subjects) - self._loaded)
        if not wanted:
            return
        self._loaded.update(wanted)
        intervals = FactInterval.objects.filter(
            Q(last_at__isnull=True) | Q(last_at__gte=self._start),
            source=self._source,
            subject__in=wanted,
            first_at__lte=self._end,
        ).order_by("first_at")
        changes = FactChange.objects.filter(
            source=self._source, subject__in=wanted, at__range=(self._start, self._end)
        ).order_by("at", "batch_id", "seq")
        if self._names is not None:
            intervals, changes = (
                intervals.filter(name__in=self._names),
                changes.filter(name__in=self._names),
            )
        for subject, name, kind, first, last, value in intervals.values_list(
            "subject", "name", "kind", "first_at", "last_at", "value"
        ):
            line = self._line(subject, name)
            line.kind = kind
            line.intervals.append((first, last, value))
        for subject, name, at, value, certain in changes.values_list(
            "subject", "name", "at", "value", "certain"
        ):
            self._line(subject, name).changes.append(
                (at, value, certain)
            )

    def _line(self, subject: str, name: str) -> _Line:
        self._names_of[subject].add(name)
        return self._lines.setdefault((subject, name), _Line())

    def at(self, subject: str, name: str, time: datetime) -> Any:
        """Return the value at `time`, or MISSING.

        The last snapshot before `time` says it, unless a change event between the two says otherwise. When
        the next snapshot says something else and no event gives the instant, the fact is unknown between.
        """
        self.load([subject])
        line = self._lines.get((subject, name))
        if line is None:
            return MISSING
        snapshots = self._snapshots[line.kind] if line.kind else []
        place = bisect_right(snapshots, time)
        last = snapshots[place - 1] if place else None
        upcoming = snapshots[place] if place < len(snapshots) else None
        after = [change for change in line.changes if last is None or change[0] > last]
        until_now = [change for change in after if change[0] <= time]
        if until_now:
            changed_at, value, certain = until_now[-1]
            confirmed = certain or (
                upcoming is not None and self._said(line, upcoming) == value
            )
            return (
                value if confirmed and time - changed_at <= self._max_age else MISSING
            )
        if last is None or time - last > self._max_age:
            return MISSING
        value = self._said(line, last)
        if value is MISSING or upcoming is None:
            return value
        changed_later = any(time < change[0] <= upcoming for change in after)
        return (
            value if changed_later or self._said(line, upcoming) == value else MISSING
        )

    def names(self, subject: str, time: datetime) -> dict[str, Any]:
        """Return every fact of a subject that is known at `time`."""
        self.load([subject])
        known = {name: self.at(subject, name, time) for name in self._names_of.get(subject, ())}
        return {name: value for name, value in known.items() if value is not MISSING}

    @staticmethod
    def _said(line: _Line, at: datetime) -> Any:
        place = bisect_right(line.intervals, at, key=lambda interval: interval[0])
        if not place:
            return MISSING
        _, last, value = line.intervals[place - 1]
        return value if last is None or at <= last else MISSING
