"""How counts and shares are written in reports and packages: as on the pages (`controls.results.figures`)."""

from controls.results.figures import (
    NO_OCCASION,
    NOTHING,
    SMALLEST_DENOMINATOR,
    SPACE,
    THIN,
    cut_down,
    deviation_rate,
    grouped,
    hours_or_days,
    nearest_rank,
    pass_rate,
    percent,
    raised,
)

__all__ = [
    "NOTHING",
    "NO_OCCASION",
    "SMALLEST_DENOMINATOR",
    "SPACE",
    "THIN",
    "cut_down",
    "deviation_rate",
    "grouped",
    "hours_or_days",
    "nearest_rank",
    "pass_rate",
    "percent",
    "raised",
]
