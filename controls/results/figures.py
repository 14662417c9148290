"""How counts and shares are written, everywhere alike: from integers, against us, and never finer than they are.

Pass rates and other shares are cut down, deviation and unknown shares are raised, to 0.1. What would print as
zero without being zero is `< 0.1`, what would print as all without being all is `> 99.9`. Below 20 the share
is two numbers, `3 of 4`. With nothing to divide it is `no occasion` where the zero is proven, else a dash.
"""

from typing import Final

SMALLEST_DENOMINATOR: Final = 20
NO_OCCASION: Final = "no occasion"
NOTHING: Final = "\N{EN DASH}"
THIN: Final = "\N{NARROW NO-BREAK SPACE}"
SPACE: Final = "\N{NO-BREAK SPACE}"


def cut_down(numerator: int, denominator: int, *, smallest: int = SMALLEST_DENOMINATOR) -> str:
    """A share cut down to 0.1, as plain text without a percent sign: `99.1`, `< 0.1`, `3 of 4`, a dash."""
    return _share(numerator, denominator, smallest, numerator * 1000 // denominator if denominator else 0)


def raised(numerator: int, denominator: int, *, smallest: int = SMALLEST_DENOMINATOR) -> str:
    """A share raised to 0.1, as plain text without a percent sign: `0.3`, `> 99.9`, `3 of 4`, a dash."""
    return _share(numerator, denominator, smallest, -(-numerator * 1000 // denominator) if denominator else 0)


def _share(numerator: int, denominator: int, smallest: int, tenths: int) -> str:
    if not 0 <= numerator <= denominator:
        raise ValueError(f"{numerator} of {denominator} is no share.")
    if denominator == 0:
        return NOTHING
    if denominator < smallest:
        return f"{numerator} of {denominator}"
    if tenths == 0 and numerator:
        return "< 0.1"
    if tenths == 1000 and numerator != denominator:
        return "> 99.9"
    return f"{tenths // 10}.{tenths % 10}"


def pass_rate(
    passed: int, failed: int, unknown: int, *, proven: bool = False, smallest: int = SMALLEST_DENOMINATOR
) -> str:
    """`pass ÷ (pass + fail + unknown)`, cut down. `proven`: that there was no member is proven."""
    members = passed + failed + unknown
    return NO_OCCASION if proven and not members else cut_down(passed, members, smallest=smallest)


def deviation_rate(
    passed: int, failed: int, unknown: int, *, proven: bool = False, smallest: int = SMALLEST_DENOMINATOR
) -> str:
    """`fail ÷ (pass + fail)`, raised. Members that could not be judged are in neither number."""
    if proven and not passed + failed + unknown:
        return NO_OCCASION
    return raised(failed, passed + failed, smallest=smallest)


def percent(share: str) -> str:
    """The same text as people read it: a percent sign after a number, words and `3 of 4` as they are."""
    return f"{share}{SPACE}%" if share[-1].isdigit() and " of " not in share else share


def grouped(count: int) -> str:
    """A count with a thin no-break space between thousands: `1 204`."""
    return f"{count:,}".replace(",", THIN)


def hours_or_days(microseconds: int) -> str:
    """A length of time: hours cut to 0.1 below 72 h, then whole days. Judge on the microseconds, not on this."""
    tenths = microseconds // 360_000_000
    return f"{tenths // 10}.{tenths % 10}{SPACE}h" if tenths < 720 else f"{tenths // 240}{SPACE}d"


def nearest_rank(values: list[int], percentile: int) -> int:
    """The nearest-rank percentile of values in any order (at least one)."""
    ordered = sorted(values)
    return ordered[max(0, -(-percentile * len(ordered) // 100) - 1)]
