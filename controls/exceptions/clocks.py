"""When an exception must be triaged and fixed (soc2-work §5.3; pure)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
WORKDAY = (time(9), time(17))

# Fix time from detection by severity, where the rule has no SLA of its own (soc2-rules §3.1).
STANDARD_FIX = {
    "critical": timedelta(days=1),
    "high": timedelta(days=7),
    "medium": timedelta(days=30),
    "low": timedelta(days=90),
}
# Triage: hours at any time for critical, business days for the others.
TRIAGE_BUSINESS_DAYS = {"high": 1, "medium": 3, "low": 10}
TRIAGE_CRITICAL = timedelta(hours=4)


def fix_due(detected: datetime, severity: str, sla: timedelta | None, zone: ZoneInfo) -> datetime:
    """Return when it must be fixed: hours run exactly, whole days end at 23:59:59 of the client's day."""
    span = STANDARD_FIX[severity] if sla is None else sla
    if span % timedelta(days=1):
        return detected + span
    return end_of_day((detected + span).astimezone(zone).date(), zone)


def triage_due(detected: datetime, severity: str, fix: datetime, zone: ZoneInfo) -> datetime:
    """Return when it must be judged: never later than half the time to fix."""
    if severity == "critical":
        due = detected + TRIAGE_CRITICAL
    else:
        due = business_days_after(detected, TRIAGE_BUSINESS_DAYS[severity], zone)
    return min(due, detected + (fix - detected) / 2)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """23:59:59 of a client-zone day, in UTC."""
    return datetime.combine(day, time(23, 59, 59), zone).astimezone(UTC)


def business_days_after(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same working hour `days` business days (Monday to Friday, 09–17 client zone) later, in UTC."""
    local = start.astimezone(zone)
    day, clock = local.date(), local.time()
    if day.weekday() >= 5 or clock >= WORKDAY[1]:
        day, clock = _next_workday(day), WORKDAY[0]
    clock = max(clock, WORKDAY[0])
    for _ in range(days):
        day = _next_workday(day)
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _next_workday(day: date) -> date:
    day += timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day
