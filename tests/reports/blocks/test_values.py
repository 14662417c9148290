from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.blocks import Link, Rate, State, Wording, plain
from reports.blocks.values import duration, local_text, rfc3339

N = "\u00a0"
T = "\u202f"


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (Rate(1194, 1204), f"99.1{N}%"),
        (Rate(3, 1197, "up"), f"0.3{N}%"),
        (Rate(9996, 10000), f"99.9{N}%"),
        (Rate(1, 100_000), f"<{N}0.1{N}%"),
        (Rate(1, 100_000, "up"), f"0.1{N}%"),
        (Rate(99_999, 100_000, "up"), f">{N}99.9{N}%"),
        (Rate(99_999, 100_000), f"99.9{N}%"),
        (Rate(100, 100), f"100.0{N}%"),
        (Rate(0, 100, "up"), f"0.0{N}%"),
        (Rate(3, 4), f"3{N}of{N}4"),
        (Rate(19, 19), f"19{N}of{N}19"),
        (Rate(20, 20), f"100.0{N}%"),
        (Rate(0, 0), "–"),
    ],
)
def test_a_rate_is_rounded_so_that_nothing_is_flattered(rate: Rate, shown: str) -> None:
    assert rate.text() == shown


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_a_pass_rate_is_never_above_and_a_deviation_rate_never_below_the_truth(part: int, whole: int) -> None:
    part = min(part, whole)
    down, up = Rate(part, whole).tenths(), Rate(part, whole, "up").tenths()
    assert down is not None
    assert up is not None
    assert down * whole <= part * 1000 <= up * whole
    assert up - down <= 1


def test_a_rate_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="numerator"):
        Rate(5, 4)


def test_people_read_thin_spaces_and_programs_plain_digits() -> None:
    assert Wording().text(1204) == f"1{T}204"
    assert Wording(thousands=",").text(-1234567) == "\u22121,234,567"
    assert plain(1204) == 1204
    assert plain(Decimal("1.50")) == "1.50"
    assert plain(Rate(1194, 1204)) == "99.1"
    assert plain(Rate(0, 0)) is None


def test_an_instant_is_shown_in_the_clients_zone_and_stored_in_utc() -> None:
    at = datetime(2026, 10, 12, 4, 11, tzinfo=UTC)
    zurich = ZoneInfo("Europe/Zurich")
    assert Wording(zurich).text(at) == f"12{N}Oct{N}2026 06:11"
    assert Wording(zurich, year=2026).text(at) == f"12{N}Oct 06:11"
    assert rfc3339(at) == "2026-10-12T04:11:00Z"
    assert local_text(at, zurich) == "2026-10-12 06:11:00 +02:00"
    with pytest.raises(ValueError, match="no zone"):
        plain(datetime(2026, 1, 1))  # noqa: DTZ001


def test_durations_are_hours_up_to_three_days_and_are_cut() -> None:
    assert duration(timedelta(hours=52)) == f"52.0{N}h"
    assert duration(timedelta(hours=71, minutes=59, seconds=59)) == f"71.9{N}h"
    assert duration(timedelta(hours=72)) == f"3.0{N}d"
    assert duration(timedelta(hours=-2)) == f"\u22122.0{N}h"


def test_nothing_is_blank_without_saying_so() -> None:
    wording = Wording()
    assert wording.text(None) == "–"
    assert wording.text(True) == "yes"
    assert wording.text(State("unknown", "not judged")) == "not judged"
    assert wording.text(Link(1204, "/x")) == f"1{T}204"
    assert wording.text(date(2026, 3, 2)) == f"2{N}Mar{N}2026"
