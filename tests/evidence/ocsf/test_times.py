"""Instants as sources write them; what is none is none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.ocsf.times import instant, rfc3339

NINE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01T09:00:00Z", NINE),
        ("2026-03-01T09:00:00.5Z", NINE + timedelta(milliseconds=500)),
        ("2026-03-01T09:00:00.123456789Z", NINE + timedelta(microseconds=123456)),
        ("2026-03-01T11:00:00+02:00", NINE),
        ("2026-03-01 20:00:00+11:00", NINE),
        ("2026-03-01T04:30:00-0430", NINE),
        ("2026-03-01T11:00:00+02", NINE),
        ("2026-03-01 09:00:00.225", NINE + timedelta(milliseconds=225)),
        ("2026-03-01 09:00:00", NINE),
        ("2026-03-01 09:00:00.000000000", NINE),
        ("2026-03-01 09:00:00 UTC", NINE),
        ("20260301T090000Z", NINE),
        (1772355600, NINE),
        (1772355600.25, NINE + timedelta(milliseconds=250)),
        (1772355600000, NINE),
        (1772355600000000, NINE),
        (1772355600000000000, NINE),
        ("1772355600", NINE),
        ("1772355600000", NINE),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read(written, meant):
    found = instant(written)
    assert found is not None
    assert found == meant
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "foo",
        "redacted",
        "now",
        "2026-03-01",
        "2026-09-31T22:23:07.777Z",
        "2026-02-29T00:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T09:00:00+99:99",
        "12",
        True,
        float("nan"),
        float("inf"),
        10**30,
        ["2026-03-01T09:00:00Z"],
        {},
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_what_names_no_instant_gives_none(written):
    assert instant(written) is None


@given(st.text() | st.integers() | st.floats() | st.binary())
def test_nothing_makes_it_fail(written):
    found = instant(written)
    assert found is None or found.tzinfo is UTC


@given(st.integers(0, 7_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_any_offset_leads_to_the_same_instant(seconds, minutes):
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    assert instant(moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()) == moment
    assert instant(rfc3339(moment)) == moment
