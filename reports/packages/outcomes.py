"""What a test's counts and days say: one word, and the sentences that are printed.

The order of the words is the order of precedence; all sentences that apply are printed, the first is the word.
A day whose sources were silent, unknown or not yet connected is a day not tested: it never looks like health.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Final

from reports.packages.coverage import DayCounts, span

WORDS: Final = ("deviations", "not_tested", "partly_tested", "did_not_occur", "no_deviations")
TYPE_ONE: Final = {"deviations": "not_in_place", "no_deviations": "in_place"}
_ORDER: Final = ("deviations", "not_in_place", *WORDS[1:], "in_place")


@dataclass(frozen=True, slots=True)
class Tested:
    """One test as its word and sentences need it. `days` is None where no source is read (duties, designs)."""

    __test__: ClassVar = False
    method: str
    has_population: bool
    members: int
    passed: int
    failed: int
    unknown: int
    days: DayCounts | None = None
    off_days: int = 0
    items: int | None = None
    items_failed: int | None = None
    not_tested: str = ""
    exceptions: Sequence[str] = ()
    fixed_in_time: int = 0
    gaps: Sequence[tuple[str, date, date]] = ()
    unknown_reasons: Mapping[str, int] = field(default_factory=dict)
    sources: Sequence[str] = ()
    empty_list: str = ""


def word(test: Tested, *, tolerance: float = 0.0) -> str:
    """The result word of a test over a period. For a Type I see `word_at`."""
    if test.failed:
        return "deviations"
    if not test.has_population and (test.method != "design" or not test.members):
        return "not_tested"
    if test.days is not None and not test.days.in_scope and not test.members:
        return "not_tested"
    if test.unknown > tolerance * test.members or _untested_days(test):
        return "partly_tested"
    return "no_deviations" if test.members else "did_not_occur"


def word_at(test: Tested, *, tolerance: float = 0.0) -> str:
    """The result word of a test at a date (Type I)."""
    over = word(test, tolerance=tolerance)
    return TYPE_ONE.get(over, over)


def control_word(tests: Iterable[tuple[str, str]], *, at_a_date: bool) -> str:
    """A control's word from (method, word) of its procedures: the first in the order.

    `did_not_occur` yields to a procedure that had members. Over a period (not `at_a_date`) the test of the
    design decides nothing, unless it failed: that a control was well thought out does not say that it ran.
    """
    present = {word for method, word in tests if at_a_date or method != "design" or word == "deviations"}
    if present - {"did_not_occur"}:
        present.discard("did_not_occur")
    return next((each for each in _ORDER if each in present), "not_tested")


def _untested_days(test: Tested) -> int:
    if test.days is None:
        return test.off_days
    return test.days.days - test.days.tested + test.off_days


def text(test: Tested, *, as_of: date | None = None, tolerance: float = 0.0) -> str:
    """All sentences that apply, the word's own first."""
    sentences: list[str] = []
    result = word(test, tolerance=tolerance)
    if test.failed:
        sentences.append(_deviations(test, as_of))
    if result == "not_tested" or test.not_tested:
        sentences.append(f"Not tested: {test.not_tested or 'no evidence'}.")
    partly = [] if result == "not_tested" else _partly(test, tolerance)
    if partly and not test.failed:
        sentences.append("No deviations noted in what was tested.")
    sentences += partly
    if result == "did_not_occur":
        sentences.append(_did_not_occur(test, as_of))
    elif result == "no_deviations":
        sentences.append(
            "No deviations noted in management's tests."
            if as_of is None
            else f"In place on {as_of.isoformat()}."
        )
    return " ".join(sentences)


def _deviations(test: Tested, as_of: date | None) -> str:
    judged = test.passed + test.failed
    if test.items is None:
        figure = f"{test.failed} of {judged}"
    else:
        figure = f"{test.items_failed} of {test.items} items, on {test.failed} of {judged} item-days"
    opening = (
        f"Deviations noted: {figure}" if as_of is None else f"Not in place on {as_of.isoformat()}: {figure}"
    )
    ids = f": {', '.join(test.exceptions)}." if test.exceptions else "."
    if not test.fixed_in_time:
        return opening + ids
    verb = "was" if test.fixed_in_time == 1 else "were"
    stay = "stays" if test.fixed_in_time == 1 else "stay"
    return f"{opening}{ids} {test.fixed_in_time} {verb} fixed in time and {stay} counted."


def _partly(test: Tested, tolerance: float) -> list[str]:
    sentences = []
    missing = _untested_days(test)
    if missing:
        total = test.days.days if test.days else missing
        where = "; ".join(f"{source}, {span(first, last)}" for source, first, last in test.gaps)
        sentences.append(f"Not tested on {missing} of {total} days{': ' + where if where else ''}.")
    if test.unknown and (test.unknown > tolerance * test.members or test.failed):
        reasons = ", ".join(
            f"{count} {reason or 'no reason'}" for reason, count in sorted(test.unknown_reasons.items())
        )
        sentences.append(
            f"{test.unknown} members could not be judged{' (' + reasons + ')' if reasons else ''};"
            " they count neither as met nor as deviations."
        )
    return sentences


def _did_not_occur(test: Tested, as_of: date | None) -> str:
    heard = ""
    if test.days is not None:
        verb = "was" if len(test.sources) == 1 else "were"
        heard = f" {', '.join(test.sources)} {verb} heard on all {test.days.days} days;"
        heard += f" the empty list is {test.empty_list}."
    elif test.empty_list:
        heard = f" The empty list is {test.empty_list}."
    when = "in the period" if as_of is None else f"on {as_of.isoformat()}"
    return f"The control had no occasion {when}.{heard}"
