"""What is known of each source on each day: heard, silent, or not known yet; silence is shown as silence."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from evidence.batches.models import Batch, RejectedRecord
from evidence.batches.sealing import seal
from evidence.coverage.models import SourceDay
from evidence.coverage.states import State, listing_of, rejected_waiting, source_days, worst
from evidence.intake.services import receive_body
from tenants.clients.period import Period
from tenants.clients.switch import client
from tests import make

NOON = make.NOON
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
UTC = ZoneInfo("UTC")
SECOND_OF_MARCH = Period(NOON.date(), NOON.date(), UTC)
SETTLED = NOON + 4 * DAY


def states(period: Period = SECOND_OF_MARCH, at=SETTLED, stream: str = "aws") -> list[str]:
    return [day.state.value for day in source_days(make.source(), period, at=at)[stream]]


def test_a_settled_day_with_events_is_covered_and_one_without_is_a_gap(harbor):
    make.take_in(make.lines([make.record(), make.record(at=NOON + 2 * DAY)]), at=NOON + 2 * DAY + HOUR)
    period = Period(NOON.date() - DAY, NOON.date() + 2 * DAY, UTC)
    assert states(period, at=NOON + 9 * DAY) == ["gap", "covered", "gap", "covered"]


def test_listings_have_a_coverage_of_their_own(harbor):
    make.take_in(make.lines([make.record(), make.record(at=NOON + DAY)]), at=NOON + DAY + HOUR)
    make.take_in(make.listing(NOON, {"alice": True}))
    period = Period(NOON.date(), NOON.date() + DAY, UTC)
    assert states(period, at=NOON + 9 * DAY, stream=listing_of("aws")) == ["covered", "gap"]
    assert states(period, at=NOON + 9 * DAY) == ["covered", "covered"]


@pytest.mark.parametrize(
    ("hours", "state"),
    [(-1, "unknown"), (12, "unknown"), (59.9, "unknown"), (60, "covered"), (60.1, "covered")],
)
def test_a_day_is_open_until_the_time_for_late_records_is_over(harbor, hours, state):
    """The day ends twelve hours after noon; 48 hours later it is settled."""
    make.take_in(make.lines([make.record()]))
    assert states(at=NOON + datetime.timedelta(hours=hours)) == [state]


def test_the_day_is_one_of_the_clients_zone(db):
    with client(make.client("tokyo", zone="Asia/Tokyo")):
        make.take_in(make.lines([make.record(at=NOON + 4 * HOUR)]), at=NOON + 5 * HOUR)
        zone = ZoneInfo("Asia/Tokyo")
        period = Period(NOON.date(), NOON.date() + DAY, zone)
        assert states(period, at=NOON + 9 * DAY) == ["gap", "covered"]


def test_a_batch_that_is_not_read_makes_its_days_unknown(harbor):
    make.take_in(make.lines([make.record()]))
    receive_body(make.source(), make.lines([make.record(n=2)]), at=NOON)
    seal(make.source(), at=NOON, everything=True)
    assert states() == ["unknown"]
    Batch.objects.filter(state="sealed").update(state="refused")
    assert states() == ["unknown"]


def test_bytes_that_are_not_even_sealed_make_their_days_unknown(harbor):
    make.take_in(make.lines([make.record()]))
    receive_body(make.source(), make.lines([make.record(n=2)]), at=NOON)
    assert states() == ["unknown"]


@pytest.mark.parametrize(("bad", "state"), [(1, "covered"), (2, "unknown")])
def test_more_than_one_in_a_hundred_rejected_makes_a_day_unknown(harbor, bad, state):
    content = make.lines(make.record(n=n) for n in range(99)) + b"17\n" * bad
    make.take_in(content)
    assert states() == [state]
    assert rejected_waiting(make.source()) == bad
    RejectedRecord.objects.update(resolved=True)
    assert rejected_waiting(make.source()) == 0


def test_duplicates_count_as_heard_but_are_not_counted_twice(harbor):
    for _ in range(2):
        make.take_in(make.lines([make.record(), make.record(n=1)]))
    make.take_in(make.log_file([make.record()]))
    (day,) = source_days(make.source(), SECOND_OF_MARCH, at=SETTLED)["aws"]
    assert (day.events, day.duplicates, day.records) == (2, 1, 3)
    assert SourceDay.objects.count() == 1


def test_days_before_the_source_was_in_scope_are_no_gap(harbor):
    source = make.source()
    source.in_scope_from = NOON.date() + DAY
    source.save()
    assert states() == ["not_in_scope"]


def test_a_controls_day_is_the_worst_of_its_sources():
    assert worst([State.COVERED, State.GAP, State.UNKNOWN]) is State.GAP
    assert worst([State.COVERED, State.UNKNOWN]) is State.UNKNOWN
    assert worst([State.NOT_IN_SCOPE, State.PROVEN_ZERO]) is State.PROVEN_ZERO
    assert worst([State.NOT_IN_SCOPE]) is worst([]) is State.NOT_IN_SCOPE
