"""Days: the state of a control from the states of its sources, runs of days, and shares of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

STATES: Final = ("covered", "proven_zero", "gap", "unknown", "not_in_scope")
TESTED: Final = frozenset({"covered", "proven_zero"})
# The first that any source of a control has on a day is the control's.
_PRECEDENCE: Final = ("gap", "unknown", "covered", "proven_zero")

Days = Mapping[str, Mapping[date, str]]  # source → local date → state


def combined(states: Iterable[str]) -> str:
    """A control's state on a day from those of the sources that its procedures read."""
    present = set(states)
    return next((state for state in _PRECEDENCE if state in present), "not_in_scope")


def each_day(first: date, last: date) -> Iterator[date]:
    """Every date from the first to the last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


@dataclass(frozen=True, slots=True)
class DayCounts:
    """How many days were in each state."""

    days: int
    covered: int
    proven_zero: int
    gap: int
    unknown: int
    not_in_scope: int

    @property
    def tested(self) -> int:
        """Days on which silence could not hide anything."""
        return self.covered + self.proven_zero

    @property
    def in_scope(self) -> int:
        """What a coverage share divides by."""
        return self.days - self.not_in_scope


def control_states(days: Days, sources: Sequence[str], first: date, last: date) -> dict[date, str]:
    """A control's state on each day, over the given sources."""
    return {day: combined(days[source][day] for source in sources) for day in each_day(first, last)}


def counts(states: Iterable[str]) -> DayCounts:
    """The days of a control or source by state."""
    found = Counter(states)
    return DayCounts(
        found.total(), found["covered"], found["proven_zero"], found["gap"], found["unknown"],
        found["not_in_scope"],
    )  # fmt: skip


def runs(states: Mapping[date, str], state: str) -> list[tuple[date, date]]:
    """Stretches of consecutive days in one state, as (first, last)."""
    found: list[tuple[date, date]] = []
    for day in sorted(states):
        if states[day] != state:
            continue
        if found and found[-1][1] + timedelta(days=1) == day:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def span(first: date, last: date) -> str:
    """`2026-03-01`, or `2026-03-01 to 2026-03-04`."""
    return first.isoformat() if first == last else f"{first.isoformat()} to {last.isoformat()}"
