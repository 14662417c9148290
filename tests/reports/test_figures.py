"""Rounding: from integers, against us."""

import pytest

from reports.figures import (
    cut_down,
    deviation_rate,
    grouped,
    hours_or_days,
    nearest_rank,
    pass_rate,
    percent,
    raised,
)


def test_the_worked_example():
    assert pass_rate(1194, 3, 7) == "99.1"
    assert deviation_rate(1194, 3, 7) == "0.3"


@pytest.mark.parametrize(
    ("numerator", "denominator", "down", "up"),
    [
        (9996, 10000, "99.9", "> 99.9"),
        (0, 20, "0.0", "0.0"),
        (20, 20, "100.0", "100.0"),
        (1, 1001, "< 0.1", "0.1"),
        (1, 100000, "< 0.1", "0.1"),
        (99999, 100000, "99.9", "> 99.9"),
        (1, 3, "1 of 3", "1 of 3"),
        (19, 19, "19 of 19", "19 of 19"),
        (1, 20, "5.0", "5.0"),
        (1, 30, "3.3", "3.4"),
        (0, 0, "\u2013", "\u2013"),
        (999, 1000, "99.9", "99.9"),
        (2 * 10**17 - 1, 2 * 10**17, "99.9", "> 99.9"),
    ],
)
def test_shares(numerator, denominator, down, up):
    assert cut_down(numerator, denominator) == down
    assert raised(numerator, denominator) == up


def test_nothing_to_divide():
    assert pass_rate(0, 0, 0, proven=True) == "no occasion"
    assert pass_rate(0, 0, 0) == "\u2013"
    assert deviation_rate(0, 0, 0, proven=True) == "no occasion"
    assert deviation_rate(0, 0, 30, proven=True) == "\u2013"
    assert pass_rate(0, 0, 30) == "0.0"


def test_a_share_is_no_more_than_all():
    with pytest.raises(ValueError, match="no share"):
        cut_down(3, 2)


def test_the_smallest_denominator_is_a_setting():
    assert cut_down(3, 4, smallest=1) == "75.0"
    assert cut_down(21, 30, smallest=50) == "21 of 30"


def test_on_a_page():
    assert percent("99.1") == "99.1\u00a0%"
    assert percent("< 0.1") == "< 0.1\u00a0%"
    assert percent("3 of 4") == "3 of 4"
    assert percent("no occasion") == "no occasion"
    assert percent("\u2013") == "\u2013"
    assert grouped(1204) == "1\u202f204"
    assert grouped(12) == "12"


def test_lengths_of_time():
    hour = 3_600_000_000
    assert hours_or_days(hour // 2) == "0.5\u00a0h"
    assert hours_or_days(72 * hour - 1) == "71.9\u00a0h"
    assert hours_or_days(72 * hour) == "3\u00a0d"
    assert hours_or_days(100 * hour) == "4\u00a0d"


def test_nearest_rank():
    assert nearest_rank([5, 1, 4, 2, 3], 50) == 3
    assert nearest_rank([5, 1, 4, 2, 3], 90) == 5
    assert nearest_rank(list(range(1, 11)), 90) == 9
