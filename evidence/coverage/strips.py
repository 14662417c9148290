"""Source-days as the cells of a heat map: by day, and by week for longer periods (pure)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from evidence.coverage.states import WORST, DayState, State

LEVELS = 4
EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Cell:
    """One day or week: `state` is the component's (l1 to l4, heard, silent, open, out), `title` its words."""

    state: str
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A row of `components/coverage.html`."""

    name: str
    href: str
    text: str
    cells: list[Cell]


def by_day(days: Sequence[DayState], *, name: str, href: str, noun: str, day: Callable[[date], str]) -> Strip:
    """Return one cell per day. `noun` is what is counted (`events`), `day` writes a date."""
    return _strip([[each] for each in days], days, name, href, noun, day)


def by_week(
    days: Sequence[DayState], *, name: str, href: str, noun: str, day: Callable[[date], str]
) -> Strip:
    """Return one cell per week of seven days that ends with the last day; the worst state of its days wins."""
    begin = len(days) % 7
    weeks = [days[:begin]] if begin else []
    weeks += [days[at : at + 7] for at in range(begin, len(days), 7)]
    return _strip(weeks, days, name, href, noun, day)


def _strip(
    groups: Sequence[Sequence[DayState]],
    days: Sequence[DayState],
    name: str,
    href: str,
    noun: str,
    day: Callable[[date], str],
) -> Strip:
    most = max((_amount(group, noun) for group in groups), default=0)
    cells = [_cell(group, most, noun, day) for group in groups]
    return Strip(name, href, words(days), cells)


def words(days: Iterable[DayState]) -> str:
    """Say in words what a row of days shows: `27 of 30 days heard, 3 without anything received`."""
    states = [each.state for each in days]
    scope = [state for state in states if state is not State.NOT_IN_SCOPE]
    if not scope:
        return "not in scope on any of these days"
    heard = sum(state in (State.COVERED, State.PROVEN_ZERO) for state in scope)
    said = [f"{heard} of {len(scope)} {'day' if len(scope) == 1 else 'days'} heard"]
    if gaps := scope.count(State.GAP):
        said.append(f"nothing received on {gaps}")
    if unknown := scope.count(State.UNKNOWN):
        said.append(f"{unknown} not settled")
    return ", ".join(said)


def _amount(group: Iterable[DayState], noun: str) -> int:
    """Return how many were heard; of a listing's days the records are the listings."""
    counts = (
        each.events if noun == EVENTS else each.records
        for each in group
        if each.state is not State.NOT_IN_SCOPE
    )
    return sum(counts)


def _cell(group: Sequence[DayState], most: int, noun: str, day: Callable[[date], str]) -> Cell:
    states = {each.state for each in group}
    state = next((worst for worst in WORST if worst in states), State.NOT_IN_SCOPE)
    amount = _amount(group, noun)
    when = day(group[0].local_date)
    if len(group) > 1:
        when = f"{when} – {day(group[-1].local_date)}"
    level = f"l{min(LEVELS, -(-LEVELS * amount // most))}" if amount and most else ""
    if state is State.NOT_IN_SCOPE:
        return Cell("out", f"{when}: not in scope yet")
    one = amount == 1 and noun.endswith("s")
    count = f"{amount:,} {noun[:-1] if one else noun}"
    if state is State.GAP:
        return Cell("silent", f"{when}: {_gap_words(group, count)}")
    if state is State.UNKNOWN:
        return Cell(f"{level} open" if level else "open", f"{when}: {count} so far, {_why_open(group)}")
    if state is State.PROVEN_ZERO:
        return Cell("heard", f"{when}: heard, nothing happened")
    return Cell(level or "heard", f"{when}: {count}")


def _gap_words(group: Sequence[DayState], count: str) -> str:
    gaps = sum(each.state is State.GAP for each in group)
    if len(group) == 1 or gaps == len(group):
        return "nothing received"
    return f"nothing received on {gaps} of {len(group)} days, {count} on the others"


def _why_open(group: Sequence[DayState]) -> str:
    rejected = sum(each.rejected for each in group)
    if len(group) == 1 and rejected and rejected * 100 > group[0].records:
        return f"{rejected:,} records rejected"
    return "not settled yet"
