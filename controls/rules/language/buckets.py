"""The stretch of time that one exception gathers, and the key that names the exception (soc2-rules §3.1)."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controls.rules.language.rule import Rule


def bucket_of(rule: Rule, time: datetime, zone: tzinfo | str) -> str:
    """Return the name of the bucket of the rule's `dedup` that holds `time`, aligned in the client's zone.

    `1h` gives the local hour with its offset (an hour that a clock change repeats is two buckets), `1d` the
    date, `7d` the date of that week's Monday, `month` year and month. Raises ValueError for a naive time.
    """
    if time.tzinfo is None:
        raise ValueError("a time without zone falls into no bucket")
    local = time.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
    if rule.dedup == "1h":
        return local.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")
    if rule.dedup == "7d":
        return (local.date() - timedelta(days=local.weekday())).isoformat()
    if rule.dedup == "month":
        return f"{local.year:04d}-{local.month:02d}"
    return local.date().isoformat()


def group_key(group: Sequence[str]) -> str:
    """Return the values of a group as one text that no other group has: `|` between, escaped inside."""
    return "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in group)


def exception_key(rule: Rule, group: Sequence[str], bucket: str) -> str:
    """Return the key of the exception that gathers a group's failing members of one bucket."""
    return f"{rule.id}|{group_key(group)}|{bucket}"
