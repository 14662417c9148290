"""A population on its way into a bundle: both its files from one reading, and what they turned out to hold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any

from reports.packages.archive import BundleError
from reports.packages.coverage import Days, control_states, counts, runs
from reports.populations.canonical import (
    RESULT_COLUMNS,
    Member,
    MemberDigest,
    Result,
    canonical_line,
    instant,
    write_results,
)
from reports.populations.ipe import GapNote, Sheet, verdict
from reports.populations.sampling import Candidate

Notes = Mapping[tuple[str, date], GapNote]  # (source, first day of a gap) → what is known of it


@dataclass(slots=True)
class Listed:
    """A population that was written. `by_day` counts its members per local date (`tally` says under what)."""

    sheet: Sheet
    digest: MemberDigest
    by_day: dict[date, Counter[str]] = field(default_factory=dict)
    exceptions: dict[str, set[date]] = field(default_factory=dict)
    item_days: dict[str, list[tuple[date, bool]]] = field(default_factory=dict)
    late: int = 0
    first_ranks: list[Candidate] = field(default_factory=list)
    agreeing: int = 0

    @property
    def pid(self) -> str:
        """The population's id."""
        return self.sheet.pid

    @property
    def member_file(self) -> str:
        """Path of the member file."""
        return f"populations/{self.pid}.members.csv"

    @property
    def result_file(self) -> str:
        """Path of the results file."""
        return f"populations/{self.pid}.results.csv"

    @property
    def results(self) -> Counter[str]:
        """All members by `members`, `pass`, `fail`, `unknown`, `in_time` and `unknown:{reason}`."""
        return self.between(date.min, date.max)

    @property
    def unknown_reasons(self) -> dict[str, int]:
        """Members that could not be judged, by reason."""
        return reasons(self.results)

    def between(self, first: date, last: date) -> Counter[str]:
        """As `results`, of the days from first to last."""
        found: Counter[str] = Counter()
        for day, counted in self.by_day.items():
            if first <= day <= last:
                found.update(counted)
        return found

    def exceptions_between(self, first: date, last: date) -> list[str]:
        """The exceptions that failures of those days name, in order."""
        return sorted(
            name for name, days in self.exceptions.items() if any(first <= day <= last for day in days)
        )

    def items(self, first: date, last: date) -> tuple[int, int]:
        """Items of a state test on those days, and those that failed on any of them."""
        seen = failed = 0
        for days in self.item_days.values():
            own = [bad for day, bad in days if first <= day <= last]
            seen += bool(own)
            failed += any(own)
        return seen, failed

    def split(self, rows: Iterable[tuple[Member, Result | None]], aside: IO[bytes]) -> Iterator[Member]:
        """Pass members on, and write their results aside: both files from one reading."""
        aside.write(canonical_line(RESULT_COLUMNS))
        for member, result in rows:
            if result is not None:
                if result.member_id != member.member_id:
                    raise BundleError(f"The result of {member.member_id} is that of {result.member_id}.")
                *_, line = b"".join(write_results([result])).split(b"\n", 1)
                aside.write(line)
            self._tally(member, result)
            yield member

    def _tally(self, member: Member, result: Result | None) -> None:
        day = self.by_day.setdefault(member.local_date, Counter())
        day["members"] += 1
        failed = result is not None and result.result == "fail"
        if member.member_id.startswith("i:"):
            self.item_days.setdefault(member.member_id[2:-11], []).append((member.local_date, failed))
        if result is None:
            return
        day[result.result] += 1
        if result.result == "unknown":
            day[f"unknown:{result.reason}"] += 1
        if failed:
            day["in_time"] += result.in_time == "yes"
            if result.exception:
                self.exceptions.setdefault(result.exception, set()).add(member.local_date)


def reasons(counted: Mapping[str, int]) -> dict[str, int]:
    """The reasons of unknown members in a count of `Listed`."""
    return {name[8:]: count for name, count in sorted(counted.items()) if name.startswith("unknown:")}


def sheet_json(listed: Listed, days_by_source: Days, notes: Notes, first: date, last: date) -> dict[str, Any]:
    """The IPE sheet of a population (docs/formats/bundle.md lists its keys); first and last are the package's."""
    sheet, digest, pid = listed.sheet, listed.digest, listed.pid
    results = listed.results
    first, last = max(sheet.window[0], first), min(sheet.window[1], last)
    tie_outs = [each.to_json() for each in sorted(sheet.tie_outs, key=lambda each: each.id)]
    gaps = [
        _gap(source, run, notes)
        for source in sorted(sheet.systems)
        for run in runs(
            {d: state for d, state in days_by_source[source].items() if first <= d <= last}, "gap"
        )
    ]
    states = control_states(days_by_source, sheet.systems, first, last) if sheet.systems else {}
    days = counts(states.values())
    frozen = sheet.frozen
    return {
        "v": 1,
        "pid": pid,
        "control": sheet.control,
        "control_version": sheet.control_version,
        "procedure": sheet.procedure,
        "title": sheet.title,
        "member": sheet.member,
        "frequency": sheet.frequency,
        "window": {"from": sheet.window[0].isoformat(), "to": sheet.window[1].isoformat()},
        "zone": sheet.zone,
        "opens_at": instant(sheet.opens_at),
        "systems_of_record": sorted(sheet.systems),
        "query": sheet.query,
        "parameters": dict(sheet.parameters),
        "adapter_versions": dict(sheet.adapter_versions),
        "rule_versions": dict(sheet.rule_versions),
        "run_by": sheet.run_by,
        "run_at": instant(sheet.run_at),
        "rows": digest.rows,
        "sha256": digest.sha256,
        "first_occurred_at": digest.first or None,
        "last_occurred_at": digest.last or None,
        "lane": sheet.lane,
        "results": {each: results[each] for each in ("pass", "fail", "unknown")},
        "unknown_reasons": reasons(results),
        "coverage": {
            "days": days.days, "covered": days.covered, "proven_zero": days.proven_zero, "gap": days.gap,
            "unknown": days.unknown, "not_in_scope": days.not_in_scope, "off": len(set(sheet.off_days)),
            "gaps": gaps,
        },
        "tie_outs": tie_outs,
        "accuracy": {
            "traced": len(listed.first_ranks),
            "agreeing": listed.agreeing,
            "members": [each.member_id for each in listed.first_ranks],
        },
        "late": {
            "count": listed.late,
            "file": f"populations/{pid}.late.csv" if listed.late else None,
        },
        "verdict": verdict(tie_outs, gaps, results["unknown:membership"], sheet.run_by),
        "representation": None if sheet.representation is None else {
            "text": sheet.representation.text, "by": sheet.representation.by,
            "at": instant(sheet.representation.at),
        },
        "frozen_by": frozen and frozen.by,
        "frozen_at": frozen and instant(frozen.at),
        "leaf": None if frozen is None else frozen.leaf,
        "version": sheet.version,
        "replaces": sheet.replaces,
    }  # fmt: skip


def _gap(source: str, run: tuple[date, date], notes: Notes) -> dict[str, Any]:
    note = notes.get((source, run[0]), GapNote(""))
    return {
        "source": source,
        "from": run[0].isoformat(),
        "to": run[1].isoformat(),
        "reason": note.reason,
        "explanation": note.explanation,
        "explained_by": note.explained_by,
    }
