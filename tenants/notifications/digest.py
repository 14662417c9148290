"""When the one mail a day is due, in a person's own zone."""

import datetime
import zoneinfo

_DAY = datetime.timedelta(days=1)


def next_slot(after: datetime.datetime, *, hour: int, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    """Return the first instant after `after`, in UTC, at which the clock of the zone shows the full hour.

    There is one on every day of the zone: where clocks skip the hour it is the instant of the change, and where they
    show it twice, the first.
    """
    day = after.astimezone(zone).date() - _DAY
    while True:
        local = datetime.datetime.combine(day, datetime.time(hour), zone)
        slot = local.astimezone(datetime.UTC)
        if slot > after:
            return slot
        day += _DAY


def same_day(one: datetime.datetime | None, other: datetime.datetime, *, zone: zoneinfo.ZoneInfo) -> bool:
    """Tell whether two instants lie on one day of the zone."""
    return one is not None and one.astimezone(zone).date() == other.astimezone(zone).date()
