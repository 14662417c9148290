"""A client with five days of what AWS writes: listings at six, sign-ins at nine, taken in as they would arrive."""

import datetime
from collections.abc import Iterable

from controls.catalogue.services import put_in_place
from evidence.intake.sources import connect
from tenants.clients.models import Client
from tenants.clients.period import Period
from tenants.clients.switch import client as at_client
from tests import make

FIRST = datetime.date(2026, 3, 2)
LAST = datetime.date(2026, 3, 6)
DAYS = tuple(FIRST + datetime.timedelta(days=n) for n in range(5))
FAILS_ON, UNKNOWN_ON = DAYS[2], DAYS[3]
# Long enough after the last day for all days to be settled.
NOW = datetime.datetime(2026, 3, 12, 8, tzinfo=datetime.UTC)


def moment(day: datetime.date, hour: int, minute: int = 0) -> datetime.datetime:
    """An hour of a day, UTC."""
    return datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=datetime.UTC)


def sign_ins(day: datetime.date) -> list[dict]:
    """What alice (an administrator), bob (nobody special) and a script did on a day."""
    told = {FAILS_ON: False, UNKNOWN_ON: None}.get(day, True)
    return [
        make.sign_in("alice", at=moment(day, 9), mfa=told),
        make.sign_in("alice", at=moment(day, 14), mfa=True, n=1),
        make.sign_in("bob", at=moment(day, 10), mfa=False),
        make.record(at=moment(day, 11), by="alice"),
    ]


def fill(
    found: Client, *, days: Iterable[datetime.date] = DAYS, without: datetime.date | None = None
) -> None:
    """Put AC-01 in place and take the days in; `without` leaves one day's sign-ins out, not its listings."""
    with at_client(found):
        put_in_place(["AC-01"], since=FIRST)
        source = connect("aws", at=moment(FIRST, 0))
        for day in days:
            taken = moment(day, 6)
            make.take_in(make.listing(taken, {"alice": True, "bob": False}), name=f"iam-{day}.json", at=taken)
            report = make.credential_report({"alice": day != FAILS_ON, "bob": False})
            make.take_in(report, name=make.report_name(taken), at=taken + datetime.timedelta(minutes=1))
            if day != without:
                make.take_in(make.log_file(sign_ins(day)), name=f"trail-{day}.json.gz", at=moment(day, 23))
        source.refresh_from_db()
        if source.in_scope_from is None or source.in_scope_from > FIRST:
            source.in_scope_from = FIRST
            source.save(update_fields=["in_scope_from"])


def period(found: Client) -> Period:
    """The five days."""
    return Period(FIRST, LAST, found.tzinfo)
