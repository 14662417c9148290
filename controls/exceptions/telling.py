"""Telling people of exceptions: opened, given to them, past their date.

What was opened and what became late is told up to a mark, by a sweep and by a hint after each batch: in a transaction
of its own, so that recording never waits for it and nothing is lost if it fails. Ten thousand exceptions of one upload
are one notification for each person (`gather`).
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from controls.exceptions.listing import MENDED
from controls.exceptions.models import ControlException
from controls.exceptions.parties import owned_controls
from controls.exceptions.states import LIVE
from evidence.batches.models import Batch
from tenants.clients.switch import current_client
from tenants.members.models import User
from tenants.notifications.kinds import AT_ONCE, Kind, register
from tenants.notifications.recipients import administrators, assigned
from tenants.notifications.services import gather, mark_of

log = logging.getLogger(__name__)

# How far back is told of when nothing was told at a client before.
FIRST = timedelta(days=1)
GRAVE = ("critical", "high")

register(
    Kind(
        "exception_opened",
        "Critical or high exception opened",
        "exception.read",
        AT_ONCE,
        many="{count} critical or high exceptions opened",
    ),
    Kind(
        "exception_assigned",
        "Exception given to you",
        "exception.read",
        AT_ONCE,
        many="{count} exceptions were given to you",
    ),
    Kind(
        "exception_late",
        "Exception past its date",
        "exception.read",
        many="{count} exceptions are past their date",
    ),
)


def on_batch_recorded(*, batch_id: int, **_: object) -> None:
    """Tell of what a batch opened; if that fails, the sweep does it."""
    try:
        if Batch.objects.filter(pk=batch_id, exceptions__gt=0).exists():
            tell_opened(at=timezone.now())
    except Exception:
        log.exception("what batch %s opened is told by the next sweep", batch_id)


@transaction.atomic
def tell_opened(*, at: datetime) -> None:
    """Tell the assigned, and the owners of their controls, of grave exceptions that were opened since last time.

    Exceptions get their keys under the ledger's lock, which is held until the commit: none can appear below the mark.
    """
    client = current_client()
    mark, first = mark_of(client, "exception_opened")
    found = ControlException.objects.filter(pk__gt=mark.number).order_by("pk")
    last = found.values_list("pk", flat=True).last()
    if last is None:
        return
    if first:
        found = found.filter(opened__gt=at - FIRST)
    rows = list(
        found.filter(pk__lte=last, severity__in=GRAVE).only("number", "severity", "control", "version")
    )
    owners = owned_controls(each.control for each in rows)
    everything = {user.pk: rows for user in assigned(client)}
    _tell("exception_opened", _by_person(rows, lambda each: [owners.get(each.control)]) | everything, at)
    mark.number = last
    mark.save(update_fields=["number"])


@transaction.atomic
def tell_late(*, at: datetime) -> None:
    """Tell who mends an exception, and its control's owner, that its date has passed; the administrators where none."""
    client = current_client()
    mark, _ = mark_of(client, "exception_late")
    found = ControlException.objects.filter(
        state__in=LIVE, fix_due__gte=mark.time or at - FIRST, fix_due__lt=at
    ).exclude(state__in=MENDED)
    rows = list(found.order_by("fix_due", "pk").only("number", "severity", "control", "owner", "version"))
    owners = owned_controls(each.control for each in rows)
    nobodys = [user.pk for user in administrators(client)]

    def whose(each: ControlException) -> Iterable[UUID | None]:
        return [each.owner, owners.get(each.control)] if each.owner or owners.get(each.control) else nobodys

    _tell("exception_late", _by_person(rows, whose), at)
    mark.time = at
    mark.save(update_fields=["time"])


def tell_assigned(exception: ControlException, *, by: UUID, at: datetime) -> None:
    """Tell somebody, inside the act's transaction, that an exception is theirs to mend now."""
    if exception.owner is not None and exception.owner != by:
        _tell("exception_assigned", {exception.owner: [exception]}, at)


_WORDS = {
    "exception_opened": "Exception {number} opened: {severity}",
    "exception_assigned": "Exception {number} was given to you",
    "exception_late": "Exception {number} is past its date",
}


def _by_person(
    rows: Iterable[ControlException], whose: Callable[[ControlException], Iterable[UUID | None]]
) -> dict[UUID, list[ControlException]]:
    theirs: dict[UUID, list[ControlException]] = defaultdict(list)
    for each in rows:
        for person in dict.fromkeys(whose(each)):
            if person is not None:
                theirs[person].append(each)
    return theirs


def _tell(kind: str, theirs: dict[UUID, list[ControlException]], at: datetime) -> None:
    people = User.objects.in_bulk([person for person, rows in theirs.items() if rows])
    for person, user in sorted(people.items()):
        rows = theirs[person]
        first = rows[0]
        gather(
            [user],
            kind=kind,
            subject=_WORDS[kind].format(number=first.number, severity=first.severity),
            url=f"exceptions/{first.number}/",
            list_url="exceptions/",
            count=len(rows),
            client=current_client(),
            at=at,
            dedup=f"{first.number}:{first.version}",
        )
