"""Key figures as `package.json` has them: a value, the two integers it comes from, and where to count again.

`rounding` says how value follows from numerator and denominator: `down` (shares), `up` (deviation and unknown
shares), or null (the value is the numerator, or is a word or setting). A `filter` makes the numerator a count
of rows: of a population's members and results if there is a `pid`, else of the named file. A filter's value is
text that a column equals, a list of such, or `{from, to}` (both included, compared as text).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reports import figures as shares
from reports.packages.coverage import DayCounts
from reports.packages.outcomes import Tested
from reports.packages.rows import CriterionRow, ExceptionRow, TestRow
from reports.packages.unproven import Unprovens
from reports.populations.sampling import SIZES


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that judged this package; they go into it, so that its rules can be applied again.

    `sizes` are the sample sizes (base, key, raised) by frequency; `raised` the controls sampled at that level.
    """

    sizes: Mapping[str, tuple[int, int, int]] = field(default_factory=lambda: dict(SIZES))
    raised: tuple[str, ...] = ()
    unknown_tolerance: float = 0.0
    smallest_denominator: int = shares.SMALLEST_DENOMINATOR
    traced_rows: int = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One key figure. `value` is text as printed (without a percent sign), a count, or a setting."""

    value: object
    numerator: int | None
    denominator: int | None
    pid: str = ""
    file: str = ""
    filter: Mapping[str, Any] | None = None
    rounding: str | None = None
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """The figure's entry."""
        entry: dict[str, Any] = {
            "value": self.value,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "filter": None if self.filter is None else dict(self.filter),
            "rounding": self.rounding,
        }
        if self.pid:
            entry["pid"] = self.pid
        else:
            entry["file"] = self.file or None
        if self.text:
            entry["text"] = self.text
        return entry


def count(number: int, *, pid: str = "", file: str = "", filter_: Mapping[str, Any] | None = None) -> Figure:
    """A plain count of rows."""
    return Figure(number, number, None, pid, file, filter_)


def of_test(
    row: TestRow, tested: Tested, rates: tuple[str, str], result: str, span: tuple[date, date] | None
) -> dict[str, Figure]:
    """The figures of one test. `span` are its days, if several control versions share the population."""
    base = f"tests/{row.control}.{row.procedure}/v{row.version}"
    found = {f"{base}/result": Figure(result, None, None, pid=row.pid, file="" if row.pid else "tests.csv")}
    if not row.pid:
        return found
    days = {} if span is None else {"local_date": {"from": span[0].isoformat(), "to": span[1].isoformat()}}
    found[f"{base}/members"] = count(row.members, pid=row.pid, filter_=days)
    for name, number in (("pass", row.passed), ("fail", row.failed), ("unknown", row.unknown)):
        found[f"{base}/{name}"] = count(number, pid=row.pid, filter_={"result": name, **days})
    if not rates[0]:
        return found
    judged = row.passed + row.failed
    found[f"{base}/pass_rate"] = Figure(
        rates[0],
        row.passed,
        judged + row.unknown,
        row.pid,
        filter={"result": "pass", **days},
        rounding="down",
    )
    found[f"{base}/deviation_rate"] = Figure(
        rates[1], row.failed, judged, row.pid, filter={"result": "fail", **days}, rounding="up"
    )
    return found


def share_of_days(days: DayCounts, smallest: int, file: str, filter_: Mapping[str, Any]) -> Figure:
    """A coverage share: days covered or proven zero, of the days in scope."""
    return Figure(
        shares.cut_down(days.tested, days.in_scope, smallest=smallest),
        days.tested,
        days.in_scope,
        file=file,
        filter={**filter_, "state": ["covered", "proven_zero"]},
        rounding="down",
    )


def of_exceptions(rows: Sequence[ExceptionRow]) -> dict[str, Figure]:
    """Exceptions in all, by severity and by state."""
    found = {"exceptions/total": count(len(rows), file="exceptions.csv", filter_={})}
    for name in ("severity", "state"):
        by = Counter(getattr(row, name) for row in rows)
        for value in sorted(by):
            found[f"exceptions/{name}/{value}"] = count(
                by[value], file="exceptions.csv", filter_={name: value}
            )
    return found


def of_criteria(rows: Sequence[CriterionRow]) -> dict[str, Figure]:
    """How many criteria are in scope."""
    inside = sum(row.in_scope for row in rows)
    return {"criteria/in_scope": count(inside, file="criteria.csv", filter_={"in_scope": "yes"})}


def of_settings(settings: Settings) -> dict[str, Figure]:
    """The settings, so that whoever checks the package can apply them."""
    values: dict[str, object] = {
        "sampling": {
            "sizes": {k: list(v) for k, v in settings.sizes.items()},
            "raised": sorted(settings.raised),
        },
        "unknown_tolerance": settings.unknown_tolerance,
        "smallest_denominator": settings.smallest_denominator,
        "traced_rows": settings.traced_rows,
    }
    return {f"settings/{name}": Figure(value, None, None) for name, value in values.items()}


def of_unproven(found: Unprovens, kinds: Mapping[str, str]) -> dict[str, Figure]:
    """Every line of what is not proven, and per kind how many lines of how many things looked at."""
    figures: dict[str, Figure] = {}
    for kind, title in kinds.items():
        lines = found.of(kind)
        figures[f"does_not_prove/{kind}"] = Figure(
            len(lines), len(lines), found.looked_at[kind], text=f"{title}: {len(lines) or 'none'}"
        )
        for line in lines:
            figures[f"does_not_prove/{kind}/{line.key}"] = Figure(
                line.count, line.count, None, line.pid, line.file, line.filter, text=line.sentence
            )
    return figures
