"""Days and weeks as cells: ignorance is visible, and the worst day of a week decides."""

import datetime

from evidence.coverage.states import DayState, State
from evidence.coverage.strips import by_day, by_week, words

DAY = datetime.date(2026, 3, 2)


def days(*states: tuple[State, int]) -> list[DayState]:
    return [
        DayState("aws", DAY + datetime.timedelta(days=n), state, events=events, records=events)
        for n, (state, events) in enumerate(states)
    ]


def cells(strip):
    return [(cell.state, cell.title) for cell in strip.cells]


def draw(function, found):
    return function(found, name="Events", href="", noun="events", day=lambda each: f"{each:%d %b}")


def test_each_state_has_its_own_look_and_words():
    found = days(
        (State.NOT_IN_SCOPE, 0),
        (State.GAP, 0),
        (State.COVERED, 1),
        (State.COVERED, 40),
        (State.PROVEN_ZERO, 0),
        (State.UNKNOWN, 0),
        (State.UNKNOWN, 20),
    )
    assert cells(draw(by_day, found)) == [
        ("out", "02 Mar: not in scope yet"),
        ("silent", "03 Mar: nothing received"),
        ("l1", "04 Mar: 1 event"),
        ("l4", "05 Mar: 40 events"),
        ("heard", "06 Mar: heard, nothing happened"),
        ("open", "07 Mar: 0 events so far, not settled yet"),
        ("l2 open", "08 Mar: 20 events so far, not settled yet"),
    ]


def test_the_worst_day_of_a_week_decides_and_the_words_say_how_many():
    found = days(*[(State.COVERED, 5)] * 7, *[(State.COVERED, 5)] * 6, (State.GAP, 0))
    assert cells(draw(by_week, found)) == [
        ("l4", "02 Mar – 08 Mar: 35 events"),
        ("silent", "09 Mar – 15 Mar: nothing received on 1 of 7 days, 30 events on the others"),
    ]


def test_weeks_end_with_the_last_day():
    strip = draw(by_week, days(*[(State.COVERED, 1)] * 9))
    assert [cell.title.split(":")[0] for cell in strip.cells] == ["02 Mar – 03 Mar", "04 Mar – 10 Mar"]


def test_rejected_records_are_the_reason_where_they_are():
    (cell,) = draw(by_day, [DayState("aws", DAY, State.UNKNOWN, events=9, records=12, rejected=3)]).cells
    assert cell.title == "02 Mar: 9 events so far, 3 records rejected"


def test_a_row_is_said_in_words():
    found = days(
        (State.NOT_IN_SCOPE, 0),
        (State.COVERED, 5),
        (State.GAP, 0),
        (State.UNKNOWN, 0),
        (State.PROVEN_ZERO, 0),
    )
    assert words(found) == "2 of 4 days heard, nothing received on 1, 1 not settled"
    assert words(found[:1]) == "not in scope on any of these days"
    assert draw(by_day, found).text == words(found)
