"""Reading facts as of an instant (soc2-rules §3.3): known, or MISSING — never guessed."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min, Q

from evidence.inventory.models import Account, FactChange, FactInterval, Snapshot
from evidence.ocsf.event import MISSING

# After this long without a snapshot of its kind a fact is unknown again.
MAX_AGE = timedelta(hours=26)


Key = tuple[str, str]


@dataclass(slots=True)
class _Line:
    """What is known of one fact: intervals by the kind of listing that says it, and changes, in order of time."""

    intervals: dict[str, list[tuple[datetime, datetime | None, Any]]] = field(default_factory=dict)
    changes: list[tuple[datetime, Any, bool]] = field(default_factory=list)


class Facts:
    """Facts of some subjects of one source between two instants, read once and asked at any of them.

    `names` limits what is read to the facts that somebody will ask for. One account has several subjects: its
    id, its ARN, and its ARN without a path, as change events name it. Whichever is asked, all answer.
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
        self._names = None if names is None else sorted({*names, "arn"})
        self._lines: dict[Key, _Line] = {}
        self._merged: dict[Key, _Line | None] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._loaded: set[str] = set()
        self._names_of: dict[str, set[str]] = defaultdict(set)
        self._snapshots: dict[str, list[datetime]] = defaultdict(list)
        stored = Snapshot.objects.filter(source=source_id)
        for kind, at in (
            stored.filter(at__range=(self._start, self._end)).order_by("at").values_list("kind", "at")
        ):
            self._snapshots[kind].append(at)
        # The next listing bears on what lies before it, however far away it is.
        for kind, at in (
            stored.filter(at__gt=self._end).values("kind").annotate(t=Min("at")).values_list("kind", "t")
        ):
            self._snapshots[kind].append(at)
        self._until = max([self._end, *(times[-1] for times in self._snapshots.values())])

    def load(self, subjects: Iterable[str]) -> None:
        """Read what is known of these subjects; subjects read before are not read again."""
        wanted = sorted(set(subjects) - self._groups.keys())
        if not wanted:
            return
        groups = {subject: {subject, *_without_path(subject)} for subject in wanted}
        by_arn = _ids_of(self._source, [s for s in wanted if s.startswith(_ARN)])
        for subject in wanted:
            groups[subject].update(by_arn.get(subject, ()))
        self._read(set().union(*groups.values()))
        for subject in wanted:
            line = self._lines.get((subject, "arn"), _Line())
            said = [value for line_of in line.intervals.values() for *_, value in line_of]
            for arn in {str(value) for value in [*said, *(value for _, value, _ in line.changes)] if value}:
                name = f"account:{arn}"[:300]
                groups[subject].update((name, *_without_path(name)))
        self._read(set().union(*groups.values()))
        for subject, group in groups.items():
            self._groups[subject] = (subject, *sorted(group - {subject}))

    def group(self, subject: str) -> tuple[str, ...]:
        """Return every subject under which something may be said of this one, itself first."""
        self.load([subject])
        return self._groups[subject]

    def changes_of(self, subject: str) -> set[datetime]:
        """Return the instants at which an event changed something of this subject."""
        return {
            at
            for each in self.group(subject)
            for name in self._names_of.get(each, ())
            for at, *_ in self._lines[each, name].changes
        }

    def _read(self, subjects: set[str]) -> None:
        wanted = sorted(subjects - self._loaded)
        if not wanted:
            return
        self._loaded.update(wanted)
        intervals = FactInterval.objects.filter(
            Q(last_at__isnull=True) | Q(last_at__gte=self._start),
            source=self._source,
            subject__in=wanted,
            first_at__lte=self._until,
        ).order_by("first_at")
        changes = FactChange.objects.filter(
            source=self._source, subject__in=wanted, at__range=(self._start, self._until)
        ).order_by("at")
        if self._names is not None:
            intervals = intervals.filter(name__in=self._names)
            changes = changes.filter(name__in=self._names)
        for subject, name, kind, first, last, value in intervals.values_list(
            "subject", "name", "kind", "first_at", "last_at", "value"
        ):
            self._line(subject, name).intervals.setdefault(kind, []).append((first, last, value))
        for subject, name, at, value, certain in changes.values_list(
            "subject", "name", "at", "value", "certain"
        ):
            self._line(subject, name).changes.append((at, value, certain))

    def _line(self, subject: str, name: str) -> _Line:
        self._names_of[subject].add(name)
        return self._lines.setdefault((subject, name), _Line())

    def _all_said(self, subject: str, name: str) -> _Line | None:
        """What all subjects of one account say of a fact, together."""
        key = (subject, name)
        if key not in self._merged:
            lines = [self._lines[each, name] for each in self.group(subject) if (each, name) in self._lines]
            if len(lines) > 1:
                together = _Line()
                for line in lines:
                    for kind, intervals in line.intervals.items():
                        together.intervals.setdefault(kind, []).extend(intervals)
                    together.changes += line.changes
                for intervals in together.intervals.values():
                    intervals.sort(key=lambda interval: interval[0])
                together.changes.sort(key=lambda change: change[0])
                lines = [together]
            self._merged[key] = lines[0] if lines else None
        return self._merged[key]

    def at(self, subject: str, name: str, time: datetime) -> Any:
        """Return the value at `time`, or MISSING.

        The last snapshot before `time` says it, unless a change event between the two says otherwise. When
        the next snapshot says something else and no event gives the instant, the fact is unknown between.
        Two kinds of listings that disagree leave it unknown.
        """
        self.load([subject])
        line = self._all_said(subject, name)
        if line is None:
            return MISSING
        if len(line.intervals) < 2:
            kind, intervals = next(iter(line.intervals.items()), ("", []))
            return self._by_kind(kind, intervals, line.changes, time)
        values = [
            self._by_kind(kind, intervals, line.changes, time) for kind, intervals in line.intervals.items()
        ]
        known = [value for value in values if value is not MISSING]
        return known[0] if known and all(value == known[0] for value in known) else MISSING

    def _by_kind(
        self,
        kind: str,
        intervals: Sequence[tuple[datetime, datetime | None, Any]],
        changes: Sequence[tuple[datetime, Any, bool]],
        time: datetime,
    ) -> Any:
        snapshots = self._snapshots[kind] if kind else []
        place = bisect_right(snapshots, time)
        last = snapshots[place - 1] if place else None
        upcoming = snapshots[place] if place < len(snapshots) else None
        said_next = MISSING if upcoming is None else _said(intervals, upcoming)
        after = [change for change in changes if last is None or change[0] > last]
        changed_later = upcoming is not None and any(time < change[0] <= upcoming for change in after)
        until_now = [change for change in after if change[0] <= time]
        if until_now:
            changed_at, value, certain = until_now[-1]
            if time - changed_at > self._max_age:
                return MISSING
            if said_next == value:
                return value
            contradicted = said_next is not MISSING and not changed_later
            return value if certain and not contradicted else MISSING
        if last is None or time - last > self._max_age:
            return MISSING
        value = _said(intervals, last)
        if value is MISSING or upcoming is None or time == last:
            return value
        return value if changed_later or said_next == value else MISSING

    def listed(self, subject: str, time: datetime) -> bool:
        """Say whether a listing names this very subject at `time`, not only another of the same account."""
        self.load([subject])
        line = self._lines.get((subject, "arn"), _Line())
        return any(
            self._by_kind(kind, intervals, line.changes, time) is not MISSING
            for kind, intervals in line.intervals.items()
        )

    def names(self, subject: str, time: datetime) -> dict[str, Any]:
        """Return every fact of a subject that is known at `time`."""
        names = sorted({name for each in self.group(subject) for name in self._names_of.get(each, ())})
        known = {name: self.at(subject, name, time) for name in names}
        return {name: value for name, value in known.items() if value is not MISSING}


_ARN = "account:arn:"
# `arn:aws:iam::111122223333:user/ops/bob` without its path `/ops/`.
_PATH = re.compile(r"^(account:arn:[^/]*/)(?:.*/)?([^/]+)$")


def _without_path(subject: str) -> tuple[str, ...]:
    """The subject as a change event names it, which does not tell the path; empty where there is none."""
    found = _PATH.match(subject)
    return (found[1] + found[2],) if found else ()


def _ids_of(source_id: int, subjects: Sequence[str]) -> dict[str, list[str]]:
    """Find the accounts that were listed under an id and have one of these ARNs."""
    if not subjects:
        return {}
    arns = [subject.removeprefix("account:") for subject in subjects]
    found: dict[str, list[str]] = {}
    rows = Account.objects.filter(source=source_id, aliases__overlap=arns).values_list("key", "aliases")
    for key, aliases in rows:
        for arn in aliases:
            if key != arn:
                found.setdefault(f"account:{arn}", []).append(f"account:{key}")
    return found


def _said(intervals: Sequence[tuple[datetime, datetime | None, Any]], at: datetime) -> Any:
    place = bisect_right(intervals, at, key=lambda interval: interval[0])
    if not place:
        return MISSING
    _, last, value = intervals[place - 1]
    return value if last is None or at <= last else MISSING
