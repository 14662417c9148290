"""What follows from a bundle's rows: days of tests and controls, result words, rates, key figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reports import figures as shares
from reports.packages import keyfigures
from reports.packages.archive import BundleError
from reports.packages.coverage import DayCounts, Days, control_states, counts, runs
from reports.packages.keyfigures import Figure
from reports.packages.listing import Listed, reasons
from reports.packages.outcomes import Tested, control_word, text, word, word_at
from reports.packages.rows import ControlRow, CriterionRow, ExceptionRow, TestRow
from reports.packages.terms import Terms


@dataclass(frozen=True, slots=True)
class Judge:
    """The rows that words and figures follow from. All are in the order in which they are written."""

    terms: Terms
    days: Days
    populations: Mapping[str, Listed]
    controls: Sequence[ControlRow] = ()
    criteria: Sequence[CriterionRow] = ()
    exceptions: Sequence[ExceptionRow] = ()

    def order(self, row: TestRow) -> tuple[bytes, bytes, date, str]:
        """The sort key of a test."""
        return row.control.encode(), row.procedure.encode(), self.version_span(row)[0], row.version

    def version_span(self, row: TestRow) -> tuple[date, date]:
        """The days of a test: those of its control version if the bundle has several of them, else all."""
        terms = self.terms
        versions = {each.version: each for each in self.controls if each.control == row.control}
        own = versions.get(row.version)
        if len(versions) < 2 or own is None:
            return terms.first, terms.last
        return max(own.begins, terms.first), min(own.ends or terms.last, terms.last)

    def tested(self, row: TestRow) -> Tested:
        """What the row's word and text follow from. Raises `BundleError` if its counts do not recount."""
        listed = self.populations.get(row.pid)
        if row.pid and listed is None:
            raise BundleError(
                f"tests.csv: {row.control}.{row.procedure} names {row.pid}, which is no population here."
            )
        if listed is None:
            return Tested(
                row.method, False, row.members, row.passed, row.failed, row.unknown, not_tested=row.not_tested
            )
        first, last = self.version_span(row)
        first, last = max(first, listed.sheet.window[0]), min(last, listed.sheet.window[1])
        counted = self._recount(row, listed, first, last)
        days = self.day_counts(listed.sheet.systems, first, last) if listed.sheet.systems else None
        gaps = [
            (source, *run)
            for source in listed.sheet.systems
            for state in ("gap", "unknown", "not_in_scope")
            for run in runs({day: s for day, s in self.days[source].items() if first <= day <= last}, state)
        ]
        return Tested(
            method=row.method,
            has_population=True,
            members=row.members,
            passed=row.passed,
            failed=row.failed,
            unknown=row.unknown,
            days=days,
            off_days=len(set(listed.sheet.off_days)),
            items=row.items,
            items_failed=row.items_failed,
            not_tested=row.not_tested,
            exceptions=listed.exceptions_between(first, last),
            fixed_in_time=counted["in_time"],
            gaps=sorted(gaps),
            unknown_reasons=reasons(counted),
            sources=listed.sheet.systems,
            empty_list=listed.member_file,
        )

    def _recount(self, row: TestRow, listed: Listed, first: date, last: date) -> Counter[str]:
        found = listed.between(first, last)
        said = {"members": row.members, "pass": row.passed, "fail": row.failed, "unknown": row.unknown}
        for what, count in said.items():
            if found[what] != count:
                raise BundleError(
                    f"{row.pid}: {what} is {count} by the tallies and {found[what]} by the list of members."
                )
        if row.items is not None and (row.items, row.items_failed or 0) != listed.items(first, last):
            raise BundleError(
                f"{row.pid}: {row.items_failed} of {row.items} items failed by the tallies,"
                f" {' of '.join(map(str, reversed(listed.items(first, last))))} by the list of members."
            )
        return found

    def day_counts(self, sources: Sequence[str], first: date, last: date) -> DayCounts:
        """Days from first to last by the state over some sources."""
        return counts(control_states(self.days, sources, first, last).values())

    def control_sources(self) -> dict[str, list[str]]:
        """The sources that each control's procedures read."""
        found: dict[str, set[str]] = {}
        for listed in self.populations.values():
            if listed.sheet.systems:
                found.setdefault(listed.sheet.control, set()).update(listed.sheet.systems)
        return {control: sorted(found[control]) for control in sorted(found)}

    def result_word(self, tested: Tested) -> str:
        """The word of a test in this type of package."""
        judge = word_at if self.terms.kind == 1 else word
        return judge(tested, tolerance=self.terms.settings.unknown_tolerance)

    def result_text(self, tested: Tested) -> str:
        """All sentences about a test in this type of package."""
        return text(
            tested,
            as_of=self.terms.first if self.terms.kind == 1 else None,
            tolerance=self.terms.settings.unknown_tolerance,
        )

    def cells(self, row: TestRow, tested: Tested) -> tuple[str, ...]:
        """The row of `tests.csv`."""
        passes, deviations = self.rates(tested)
        days = tested.days
        values = (
            row.control, row.version, row.procedure, row.pid, row.lane, row.method, row.members, row.sample,
            row.passed, row.failed, row.unknown, passes, deviations, days and days.days, days and days.covered,
            days and days.proven_zero, days and days.gap, days and days.unknown, row.items, row.items_failed,
            self.result_word(tested), self.result_text(tested),
        )  # fmt: skip
        return tuple("" if value is None else str(value) for value in values)

    def rates(self, tested: Tested) -> tuple[str, str]:
        """Pass rate and deviation rate as printed, without percent signs. A Type I has none."""
        if self.terms.kind == 1 or not tested.has_population:
            return "", ""
        proven = tested.days is not None and tested.days.tested == tested.days.days
        smallest = self.terms.settings.smallest_denominator
        three = (tested.passed, tested.failed, tested.unknown)
        return (
            shares.pass_rate(*three, proven=proven, smallest=smallest),
            shares.deviation_rate(*three, proven=proven, smallest=smallest),
        )

    def key_figures(self, judged: Sequence[tuple[TestRow, Tested]]) -> dict[str, Figure]:
        """The figures that follow from tests, days, exceptions, criteria and settings."""
        found: dict[str, Figure] = {}
        words: dict[str, list[tuple[str, str]]] = {}
        several = Counter(row.pid for row, _ in judged)
        for row, tested in judged:
            result = self.result_word(tested)
            words.setdefault(row.control, []).append((row.method, result))
            span = self.version_span(row) if several[row.pid] > 1 else None
            found.update(keyfigures.of_test(row, tested, self.rates(tested), result, span))
        for control in sorted(words):
            word_of = control_word(words[control], at_a_date=self.terms.kind == 1)
            found[f"controls/{control}/result"] = Figure(word_of, None, None, file="tests.csv")
        smallest = self.terms.settings.smallest_denominator
        for control, sources in self.control_sources().items():
            days = self.day_counts(sources, self.terms.first, self.terms.last)
            found[f"controls/{control}/coverage"] = keyfigures.share_of_days(
                days, smallest, "control_coverage.csv", {"control": control}
            )
        for source in sorted(self.days):
            found[f"sources/{source}/coverage"] = keyfigures.share_of_days(
                counts(self.days[source].values()), smallest, "coverage.csv", {"source": source}
            )
        found.update(keyfigures.of_exceptions(self.exceptions))
        found.update(keyfigures.of_criteria(self.criteria))
        found.update(keyfigures.of_settings(self.terms.settings))
        return found
