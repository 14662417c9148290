"""Lengths of time as rules write them: an integer and `s`, `m`, `h`, `d`, or `bd` for business days."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_DURATION = re.compile(r"(0|[1-9][0-9]{0,6})(s|m|h|d|bd|mo)\Z")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: object) -> timedelta | None:
    """Return the exact length of `text` ("24h"), or None where it is no length of fixed seconds.

    Business days (`2bd`) and months (`12mo`) have no fixed length; `is_duration` accepts them.
    """
    if not isinstance(text, str):
        return None
    match = _DURATION.match(text)
    if match is None or match[2] not in _SECONDS:
        return None
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def is_duration(text: object) -> bool:
    """Say whether `text` is written as a duration at all, business days and months included."""
    return isinstance(text, str) and _DURATION.match(text) is not None


def rough_seconds(text: str) -> int:
    """Return seconds to compare durations with their bounds: a business day as a day, a month as 30 days."""
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration; write an integer and s, m, h, d or bd")
    return int(match[1]) * {**_SECONDS, "bd": 86400, "mo": 30 * 86400}[match[2]]
