"""Reading the instants that sources write; nothing here ever answers with the present."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_TEXT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,12}))?\s*(Z|z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?"
)
_BASIC: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?Z")
_DIGITS: Final = re.compile(r"\d{9,19}(?:\.\d{1,9})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# The size of a number tells its unit: seconds until the year 5138, then milliseconds, micro-, nanoseconds.
_UNITS: Final = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1), (1e20, 0.001))


def instant(value: object) -> datetime | None:
    """The instant that `value` names, aware and in UTC, or `None` if it names none.

    Text: ISO 8601 with `T` or a space, with or without fraction, `Z`, an offset, or no zone at all (then
    UTC, as the cloud vendors write it). Numbers, also as text: seconds, milliseconds, microseconds or
    nanoseconds since 1970. A date alone is no instant.
    """
    if type(value) is str:
        if len(value) == 20 and value[19] == "Z" and value[10] == "T":
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return None
        return _from_text(value.strip())
    if type(value) is int or type(value) is float:
        return _from_number(value)
    return None


def rfc3339(moment: datetime) -> str:
    """`2026-03-01T09:00:00Z`, with a fraction only where there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _from_text(text: str) -> datetime | None:
    found = _TEXT.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        micro = int((fraction or "0")[:6].ljust(6, "0"))
        try:
            moment = datetime(
                int(year), int(month), int(day), int(hour), int(minute), int(second), micro, _zone(zone)
            )
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    basic = _BASIC.fullmatch(text)
    if basic is not None:
        parts = [int(part or 0) for part in basic.groups()]
        try:
            return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]
        except ValueError:
            return None
    if _DIGITS.fullmatch(text):
        return _from_number(int(text) if text.isdigit() else float(text))
    return None


def _zone(text: str | None) -> timezone:
    if text is None or text[0] not in "+-":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if minutes > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _from_number(number: float) -> datetime | None:
    for limit, micros in _UNITS:
        if abs(number) < limit:
            try:
                return _EPOCH + timedelta(microseconds=round(number * micros))
            except (OverflowError, ValueError):
                return None
    return None
